"""The laws of B2MML over every public example and our own samples: see docs/mappings.md."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from adapters import json_text
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.frames import check
from tests.adapters import b2mml_samples
from tests.adapters.b2mml_samples import FRESH, Frame, adapter, count, normal, own, public, readable, said, tried, v0700
from tests.standards import ROOT

STATED = {"lost", "error"}
"""Severities by which the writer says itself that something is not written."""


def documents() -> Iterator[tuple[str, bytes, Read]]:
    yield from readable(own())
    yield from readable(public())


@pytest.mark.standards
def test_what_is_read_goes_back_as_it_came() -> None:
    """GetPut, with the residual as it comes out of a store."""
    for name, body, read in documents():
        stored = json_text.loads(json_text.dumps(read.residual))
        again, _ = adapter().write(read.type, read.frames, stored)
        assert normal(again) == normal(body), name


@pytest.mark.standards
def test_no_leaf_is_lost_in_silence() -> None:
    for name, body, read in documents():
        assert sum(read.summary().values()) == count(body), name
        assert sum(1 for _ in read.entries()) == count(body), name


@pytest.mark.standards
def test_every_frame_is_one_of_the_model() -> None:
    for _, _, read in documents():
        for frame in read.frames:
            check(frame)


@pytest.mark.standards
def test_what_is_written_fresh_is_valid_by_mesas_schema_and_says_the_same() -> None:
    for name, _, read in documents():
        body, faults = adapter().write(FRESH.get(read.type, read.type), read.frames)
        assert v0700().validate(etree.fromstring(body)), f"{name}: {v0700().error_log}"
        if not any(fault.severity in STATED for fault in faults):
            assert said(adapter().read(body).frames) == said(read.frames), name


@pytest.mark.standards
def test_every_public_example_is_read_or_refused_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    table = fates()
    with capsys.disabled():
        print("\n" + shown(table))  # noqa: T201 - the table is the point
    total = table["all"]
    assert total["crashed"] == 0
    assert total["tried"] == total["recorded"] + total["refused"] >= 9
    assert total["written back"] == total["recorded"] >= 6
    assert total["leaves"] == total["carried"] + total["lossy"] + total["residual"] + total["ignored"]
    assert {name for name, found in table.items() if found["refused"]} == {
        "MAT-20121210170256-CRBN0001.xml",  # a definition of a material: master data
        "cough_syrup_pmw.xml",  # BatchML V02
        "cough_syrup_pmw_property.xml",  # no B2MML at all
        "all",
    }


def fates() -> dict[str, Counter[str]]:
    """Fates of the public examples and of their leaves."""
    table: dict[str, Counter[str]] = {"all": Counter()}
    for name, body in public().items():
        row = table[name] = Counter(tried=1)
        found = tried(body)
        if isinstance(found, Read):
            row += Counter(recorded=1, leaves=count(body), **found.summary())
            stored = json_text.loads(json_text.dumps(found.residual))
            row["written back"] = int(normal(adapter().write(found.type, found.frames, stored)[0]) == normal(body))
        else:
            row["refused" if isinstance(found, Unparsable | Unsupported) else "crashed"] += 1
        table[name] = row
        table["all"] += row
    return table


def shown(table: dict[str, Counter[str]]) -> str:
    names = ("tried", "recorded", "refused", "crashed", "written back", "leaves", "carried", "lossy", "residual")
    lines = [f"{'document':42}" + "".join(f"{name:>13}" for name in names)]
    lines += [f"{name:42}" + "".join(f"{row[column]:13}" for column in names) for name, row in sorted(table.items())]
    return "\n".join(lines)


COLUMNS = ("tried", "recorded", "refused", "crashed", "leaves", "carried", "lossy", "residual", "ignored")


def page_rows(table: dict[str, Counter[str]]) -> list[str]:
    """The table as docs/public-files.md has it."""
    rows = []
    for name, row in sorted(table.items(), key=lambda item: (item[0] == "all", item[0])):
        silent = row["leaves"] - row["carried"] - row["lossy"] - row["residual"] - row["ignored"]
        cells = [str(row[column]) for column in COLUMNS]
        rows.append(f"| {name} | {' | '.join(cells)} | {silent} | {row['written back']} |")
    return rows


@pytest.mark.standards
def test_the_page_of_public_files_has_this_table() -> None:
    page = (ROOT / "docs" / "public-files.md").read_text(encoding="utf-8")
    assert [row for row in page_rows(fates()) if row not in page] == []


# ---- PutGet ---------------------------------------------------------------------------------------------------

WHEN = {"at": "2030-01-01T10:00:00Z", "local": "2030-01-01T12:00:00", "zone": "+02:00", "precision": "second"}
OTHERS: dict[str, Any] = {
    "storage": "another place",
    "amount": {"value": "7.70", "unit": "mL", "unit_system": "http://unitsofmeasure.org"},
    "expires_at": WHEN,
    "analysed_at": WHEN,
    "status": "running",
    "decision": "rejected",
    "product": {"codings": [{"code": "OTHER"}]},
    "value": {"quantity": {"value": "0.10", "unit": "%", "unit_system": "http://unitsofmeasure.org"}},
    "evaluation": "out",
}


def edits(frames: list[Frame]) -> Iterator[tuple[str, list[Frame]]]:
    """Frames after one change: a field gone, another value, an item gone, doubled, in another order, a frame gone."""
    for place, frame in enumerate(frames):
        if frame["kind"] == "message":
            continue
        for field, value in frame["set"].items():
            if field == "status" and frame["kind"] == "result":
                continue  # B2MML has no such field: a result without one is final
            if field == "status" and "end" in frame["set"].get("period", {}):
                continue  # what has an end and no state was completed
            if field not in {"decision", "identifiers", "lot", "stage", "material", "container", "criterion"}:
                yield f"without {field}", _changed(frames, place, field, None)
            if field in OTHERS:
                yield f"another {field}", _changed(frames, place, field, OTHERS[field])
            if isinstance(value, list) and field in {"steps", "parents"}:
                yield f"{field} turned round", _changed(frames, place, field, value[::-1])
                yield f"{field} without the first", _changed(frames, place, field, value[1:] or None)
                yield f"{field} doubled", _changed(frames, place, field, [*value, copy.deepcopy(value[-1])])
        if not any(other.get("parent") == frame["key"] for other in frames):
            yield "without a frame", [other for other in frames if other is not frame]


def _changed(frames: list[Frame], place: int, field: str, value: Any) -> list[Frame]:
    edited = copy.deepcopy(frames)
    record = edited[place]["set"]
    if value is None:
        del record[field]
    else:
        record[field] = copy.deepcopy(value)
    if field == "test":
        record.pop("criterion", None)
    if field == "steps":  # what a batch used and made follows from its steps
        for derived in ("inputs", "outputs", "consumed", "order"):
            record.pop(derived, None)
    return edited


def _meant(frames: list[Frame]) -> list[Any]:
    """What frames say, what follows from steps apart."""
    derived = {"inputs", "outputs", "consumed", "order"}
    plain = [
        {**f, "set": {k: v for k, v in f["set"].items() if f["kind"] != "batch" or k not in derived}} for f in frames
    ]
    return said(plain)


@pytest.mark.standards
def test_what_is_edited_is_read_again_as_it_was_edited() -> None:
    """PutGet: where the writer notes nothing, a reader finds the frames as they were meant."""
    rng = random.Random(95)
    kept = told = 0
    for name, _, read in documents():
        found = list(edits(read.frames))
        for edit, frames in rng.sample(found, min(len(found), 60)):
            body, faults = adapter().write(read.type, frames, read.residual)
            if any(fault.severity in STATED for fault in faults):
                told += 1
                continue
            kept += 1
            assert _meant(adapter().read(body).frames) == _meant(frames), f"{name}: {edit}"
    assert kept >= 90
    assert told < kept / 3


@pytest.mark.standards
def test_an_edit_leaves_the_rest_of_the_document_alone() -> None:
    """Locality: another amount of a lot changes one text and nothing else."""
    body = own()["material_lot.xml"]
    read = adapter().read(body)
    frames = copy.deepcopy(read.frames)
    next(f for f in frames if f["kind"] == "material")["set"]["amount"]["value"] = "72.5"
    written, _ = adapter().write(read.type, frames, read.residual)
    before, after = _texts(body), _texts(written)
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [("73.0", "72.5")]


def _texts(body: bytes) -> list[str]:
    return [element.text or "" for element in b2mml_samples.parsed(body).iter() if not len(element)]


def test_the_laws_catch_a_residual_that_is_dropped() -> None:
    """A harness that cannot fail shows nothing: without the residual the document is another."""
    body = own()["operations_performance.xml"]
    read = adapter().read(body)
    residual = {**read.residual, read.frames[1]["key"]: {}}
    assert normal(adapter().write(read.type, read.frames, residual)[0]) != normal(body)


if __name__ == "__main__":
    print("\n".join(page_rows(fates())))  # noqa: T201 - the rows of docs/public-files.md
