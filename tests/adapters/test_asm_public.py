"""Exports of instruments that others publish: read, accounted, and equal to what people read off them.

`python -m tests.adapters.test_asm_public` prints the table of docs/public-files.md.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from adapters import asm, json_text
from adapters.asm import Read, Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas
from tests.standards import ROOT, need, standards_dir

VALUES = ROOT / "tests" / "data" / "instrument_values.csv"
PAGE = ROOT / "docs" / "public-files.md"
KINDS = {name: row.about for name, row in EVENTS.items()}
HEAD = (
    "| | tried | recorded | a value unread | refused | crashed | results | leaves | carried | lossy | residual | "
    "ignored | cells beside | lost in silence | written back |"
)
UNITS = {"10^6 cells/mL": ("10*6/mL", 0), "cells/ml": ("10*6/mL", -6), "cells": ("{cells}", 0)}
"""Unit as the instrument writes it -> ours, and the power of ten between them."""


@cache
def adapter() -> asm.Adapter:
    return asm.adapter(set_schemas(), (), "America/New_York", "https://lab.example/id", KINDS)


def folder() -> Path:
    return standards_dir() / "lab" / "allotropy"


def files() -> list[Path]:
    """Every export and every ASM document, the schemas apart."""
    return sorted(path for path in folder().rglob("*.*") if path.is_file() and "schemas" not in path.parts)


@cache
def read(path: Path) -> Read:
    return adapter().read(path.read_bytes())


# ---- values that people read off the files ----------------------------------------------------------------------


def values() -> list[dict[str, str]]:
    with VALUES.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def sheet_of(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(path, data_only=True).worksheets[0]


def cell(path: Path, line: str, column: str) -> str:
    """What stands in a file, found without the adapter."""
    if path.suffix == ".xlsx":
        return str(sheet_of(path)[f"{column}{line}"].value)
    text = path.read_text(encoding="utf-8").splitlines()[int(line) - 1]
    if path.suffix == ".txt":
        return text.split(" : ")[int(column) - 1].strip()
    return next(csv.reader([text], delimiter="," if text.count(",") > 3 else ";"))[int(column) - 1]


def test_twenty_values_of_each_instrument_were_read_off() -> None:
    assert all(count >= 20 for count in Counter(row["instrument"] for row in values()).values())
    assert {row["instrument"] for row in values()} == {"vi-cell-blu", "vi-cell-xr", "nucleoview"}
    places = [(row["file"], row["line"], row["column"]) for row in values()]
    assert len(set(places)) == len(places)


@pytest.mark.standards
@pytest.mark.parametrize("row", values(), ids=lambda row: f"{row['instrument']} {row['line']}.{row['column']}")
def test_a_value_read_off_the_file_equals_the_result(row: dict[str, str]) -> None:
    path = need(folder() / row["file"])
    assert cell(path, row["line"], row["column"]) == row["value"], "the table says what stands there"
    unit, scale = UNITS.get(row["unit"], (row["unit"], 0))
    expected = (f"{Decimal(row['value']).scaleb(scale):f}", unit)
    columns = adapter().library.maps["asm/results"]["columns"]
    label = row["label"].replace(" /ml", "/ml")
    (name,) = (name for name, labels in columns.items() if label in labels or row["label"] in labels)
    test = adapter().library.codes["test"].read(name)
    found = [
        (frame["set"]["value"]["quantity"]["value"], frame["set"]["value"]["quantity"]["unit"])
        for frame in read(path).frames
        if frame["set"]["criterion"] == test and frame["set"]["material"]["identifiers"][0]["value"] == row["sample"]
    ]
    assert found[0] == expected, "with every digit"


# ---- all files ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Line:
    """One line of the table."""

    fates: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def group_of(path: Path) -> str:
    return f"{path.relative_to(folder()).parts[0]}, {path.suffix.removeprefix('.')}"


def tried(paths: list[Path]) -> dict[str, Line]:
    table: dict[str, Line] = {}
    for path in paths:
        line = table.setdefault(group_of(path), Line())
        line.outcomes["tried"] += 1
        try:
            told = read(path)
        except (Unparsable, Unsupported) as refused:
            line.outcomes["refused"] += 1
            line.refused[refused.code] += 1
            continue
        except Exception:  # noqa: BLE001 - what the table counts
            line.outcomes["crashed"] += 1
            continue
        line.outcomes["unread" if told.faults else "recorded"] += 1
        cells = sum(len(piece.wire) for piece in told.pieces if piece.name == "cell")
        summary = told.summary()
        line.fates += Counter(summary)
        line.fates["residual"] -= cells
        line.fates["cells"] += cells
        line.fates["results"] += len(told.frames)
        line.fates["lost"] += lost(path, told)
        line.outcomes["written"] += written_back(path, told)
    return table


def lost(path: Path, told: Read) -> int:
    """Leaves of a document without a fate, or filled cells of an export that are nowhere."""
    if path.suffix == ".json":
        return len(list(json_text.leaves(json_text.loads(path.read_bytes())))) - sum(told.summary().values())
    document, _ = adapter().write(told.type, told.frames, told.residual)
    known = {text for _, text in json_text.leaves(json_text.loads(document))}
    known |= {text for piece in told.pieces if piece.name == "cell" for text in piece.wire.values()}
    numbers = {number for text in known if (number := decimal(text)) is not None}
    shown = " ".join(known)
    return sum(1 for text in cells(path) if text.strip() not in shown and not said(text.strip(), numbers, shown))


def said(text: str, numbers: set[Decimal], shown: str) -> bool:
    number = decimal(text)
    if number is not None and (number in numbers or number.scaleb(-6) in numbers):
        return True
    times = {asm.clock.local(text, first) for first in (False, True)} - {None}
    offset = asm.clock.offset(text)
    return any(str(time) in shown for time in times) or (offset is not None and offset in shown)


def decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def cells(path: Path) -> Iterator[str]:
    """Every filled cell of an export below its header, found without the adapter."""
    if path.suffix == ".xlsx":
        rows = [["" if cell is None else str(cell).strip() for cell in row] for row in sheet_of(path).values]
        if "Cedex ID" in rows[0]:
            yield from (
                re.sub(r"(\d{4}-\d\d-\d\d) (\d\d:)", r"\1T\2", text) for row in rows[1:] for text in row if text
            )
        elif rows[4][:1] == ["Sample ID"]:
            yield from (text for row in rows[6:] for text in row if text)
        else:
            yield from (row[place] for row in rows[3:22] for place in (2, 3, 8) if row[place])
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".txt":
        yield from (text for line in lines if " :" in line and (text := line.partition(" :")[2].strip()))
    elif "," in lines[0] and lines[0].startswith("Sample ID"):
        yield from (text for row in csv.reader(lines[1:]) for text in row if text)
    else:
        yield from (text for row in csv.reader(lines, delimiter=";") for text in row[1:] if text.strip())


def written_back(path: Path, told: Read) -> bool:
    """The document as it was; of an export, a document that is read as the same results."""
    body, faults = adapter().write(told.type, told.frames, json_text.loads(json_text.dumps(told.residual)))
    if path.suffix == ".json":
        return not faults and json_text.normal(json_text.loads(body)) == json_text.normal(
            json_text.loads(path.read_bytes())
        )
    return not faults and adapter().read(body).frames == told.frames


def table() -> list[str]:
    lines = [HEAD, f"|---|{'---:|' * 14}"]
    for name, line in tried(files()).items():
        counts = [line.outcomes[word] for word in ("tried", "recorded", "unread", "refused", "crashed")]
        fates = [line.fates[word] for word in ("results",)] + [
            sum(line.fates[word] for word in ("carried", "lossy", "residual", "ignored"))
        ]
        fates += [line.fates[word] for word in ("carried", "lossy", "residual", "ignored", "cells", "lost")]
        lines.append("| " + " | ".join(map(str, [name, *counts, *fates, line.outcomes["written"]])) + " |")
    return lines


def reasons() -> list[str]:
    told = [(name, line.refused) for name, line in tried(files()).items() if line.refused]
    return [
        f"| {name} | {', '.join(f'`{code}` {count}' for code, count in sorted(found.items()))} |"
        for name, found in told
    ]


@pytest.mark.standards
def test_no_public_file_crashes_it_and_none_loses_a_leaf_in_silence() -> None:
    need(folder())
    lines = tried(files())
    assert sum(line.outcomes["tried"] for line in lines.values()) >= 20
    assert not any(line.outcomes["crashed"] for line in lines.values())
    assert not any(line.fates["lost"] for line in lines.values())
    read_whole = [line.outcomes["recorded"] + line.outcomes["unread"] for line in lines.values()]
    assert read_whole == [line.outcomes["written"] for line in lines.values()]


@pytest.mark.standards
def test_the_page_has_the_table() -> None:
    need(folder())
    page = PAGE.read_text(encoding="utf-8")
    for line in [*table(), *reasons()]:
        assert line in page


@pytest.mark.standards
def test_every_frame_of_a_public_file_is_one_of_the_model() -> None:
    need(folder())
    for path in files():
        try:
            told = read(path)
        except (Unparsable, Unsupported):
            continue
        for frame in told.frames:
            check(frame)


@pytest.mark.standards
def test_an_export_and_the_document_published_with_it_tell_the_same_numbers() -> None:
    """ASM that others converted is our oracle; where it says UTC for lack of a zone, times are left out."""
    pairs = [(path, path.with_suffix(".json")) for path in files() if path.suffix != ".json"]
    compared = 0
    need(folder())
    for path, document in pairs:
        try:
            ours, theirs = read(path).frames, read(document).frames if document.exists() else None
        except (Unparsable, Unsupported):
            continue
        if theirs is None:
            continue
        assert Counter(map(number, ours)) == Counter(map(number, theirs)), path.name
        compared += len(ours)
    assert compared > 1_500


def number(frame: dict[str, Any]) -> tuple[str, str, Decimal, str]:
    quantity, sample = frame["set"]["value"]["quantity"], frame["set"]["material"]["identifiers"][0]["value"]
    return sample, frame["set"]["criterion"], round(Decimal(quantity["value"]), 12), quantity["unit"]


if __name__ == "__main__":
    out = io.StringIO()
    out.write("\n".join([*table(), "", "| | why |", "|---|---|", *reasons(), ""]))
    print(out.getvalue())  # noqa: T201 - a command that prints its table
