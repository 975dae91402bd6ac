"""Hostile and clumsy files: what each comes to, and that the error says line, column and the way out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters import mes_csv
from adapters.mes_csv import Adapter
from adapters.reading import Unparsable
from canonical_model.frames import check
from tests.effort import at_most

QC = "CoI,Batch,Sample,Bag,Test,Value,Unit,Lower Limit,Verdict,Status,Tested At,Comment\n"
GOOD = "CHA9999260000012,LOT-1,S-1,BAG-1,Viability,92.1,%,80,pass,final,2026-03-01T10:00:00Z,ok\n"
RECEIPTS = "CoI,Bag,SSCC,Received At,Temperature,Inspection\n"
GERMAN = "Auftrag;Beutel;Eingang;Temperatur;Bemerkung\r\n"
COI = "CHA9999260000012"

DIALECTS = {
    "german.yaml": """
map: site/eingang
like: mes_csv/receipts
columns: {order: Auftrag, container: Beutel, received_at: Eingang, temperature: Temperatur, comment: Bemerkung}
dialect:
  delimiter: ;
  encoding: cp1252
  decimal: ","
  date_format: dd.mm.yyyy HH:MM
  zone: Europe/Berlin
  units_row: true
  null: k.A.
""",
    "short.yaml": """
map: site/short
like: mes_csv/qc_results
dialect: {short_rows: true, delimiter: tab}
""",
}


@dataclass(frozen=True)
class Case:
    """A file, its dialect, and what is expected: a refusal, or a count of frames with faults."""

    name: str
    body: bytes
    refused: tuple[str, str] = ("", "")
    rows: int = 0
    faults: tuple[tuple[str, str], ...] = ()
    dialect: str = "mes_csv/qc_results"
    holds: Callable[[list[dict[str, Any]]], bool] = lambda frames: True


def qc(*lines: str, header: str = QC) -> bytes:
    return (header + "".join(lines)).encode()


def cell(column: str, text: str) -> str:
    """The good row with one other cell."""
    cells = GOOD.rstrip("\n").split(",")
    cells[QC.rstrip("\n").split(",").index(column)] = text
    return ",".join(cells) + "\n"


def german(*lines: str, units: str = ";;;°C;\r\n") -> bytes:
    return (GERMAN + units + "".join(f"{line}\r\n" for line in lines)).encode("cp1252")


def said(path: str, value: Any) -> Callable[[list[dict[str, Any]]], bool]:
    """A test of the last frame: what stands at a path of its `set`."""

    def holds(frames: list[dict[str, Any]]) -> bool:
        at: Any = frames[-1]["set"]
        for step in path.split("."):
            at = at.get(step) if isinstance(at, dict) else at[int(step)]
        return bool(at == value)

    return holds


CASES = [
    # ---- bytes and encodings
    Case("a byte order mark", b"\xef\xbb\xbf" + qc(GOOD), rows=1),
    Case("UTF-16", (QC + GOOD).encode("utf-16"), rows=1),
    Case("half a UTF-16 letter", (QC + GOOD).encode("utf-16")[:-1], refused=("csv-encoding", "line 2 character 88")),
    Case("UTF-16 without its mark", (QC + GOOD).encode("utf-16-le"), refused=("csv-nul", "line 1 character 2")),
    Case(
        "Windows letters",
        qc(cell("Comment", "Prüfer")).decode().encode("cp1252"),
        rows=1,
        faults=(("encoding-guessed", "file"),),
    ),
    Case("a byte of no encoding", qc(GOOD) + b"\x81\n", refused=("csv-encoding", "line 3 character 1")),
    Case("a NUL byte", qc(GOOD, cell("Comment", "a\0b")), refused=("csv-nul", "line 3 character 87")),
    Case("an emoji in a bag", qc(cell("Bag", "BAG-🧬")), rows=1, holds=said("container.identifiers.0.value", "BAG-🧬")),
    Case(
        "a lot of 400 characters",
        qc(cell("Batch", "L" * 400)),
        rows=1,
        holds=said("batch.identifiers.0.value", "L" * 400),
    ),
    Case(
        "right-to-left marks in a bag",
        qc(cell("Bag", "BAG\u202e1")),
        rows=1,
        faults=(("identifier-unreadable", "line 2 column 4 (container)"),),
    ),
    Case("a file of 17 MB", b"x" * (17 * 1024 * 1024), refused=("csv-too-large", "file")),
    Case("a line of 10 MB", qc(cell("Comment", "x" * 10_000_000)), refused=("csv-cell-too-long", "line 2 column 12")),
    Case("10 MB without a delimiter", b"x" * 10_000_000, refused=("csv-cell-too-long", "line 1 column 1")),
    # ---- header
    Case("an empty file", b"", refused=("csv-empty", "line 1")),
    Case("only empty lines", b"\r\n\r\n  \r\n", refused=("csv-empty", "line 1")),
    Case("only a header", qc(), faults=(("csv-no-rows", "file"),)),
    Case("no header", qc(GOOD, header=""), refused=("csv-header", "line 1")),
    Case("a missing column", qc("x,92\n", header="CoI,Value\n"), refused=("csv-columns-missing", "line 1")),
    Case("all required columns missing", qc("9\n", header="Value,Unit\n"), refused=("csv-columns-missing", "line 1")),
    Case(
        "a column twice",
        qc("a,b,c\n", header="CoI,Test,Therapy Order\n"),
        refused=("csv-column-twice", "line 1 column 3"),
    ),
    Case(
        "an unknown column",
        qc("a,Viability,z\n", header="CoI,Test,Room\n"),
        rows=1,
        faults=(("column-unknown", "line 1 column 3"),),
    ),
    Case("title lines above the header", b"Export\n\nPlant 2,x\n" + qc(GOOD), rows=1),
    Case("101 title lines", b"Export\n" * 101 + qc(GOOD), refused=("csv-header", "line 1")),
    Case("a header in other letters", qc(GOOD, header=QC.upper().replace(",", " , ")), rows=1),
    Case(
        "units in the header",
        qc(f"{COI},B,,2026-03-01,-150,\n", header=RECEIPTS.replace("Temperature", "Temperature [°F]")),
        rows=1,
        dialect="mes_csv/receipts",
        holds=said("inspection.temperature.unit", "[degF]"),
    ),
    # ---- delimiters, quotes, line ends
    Case("semicolons", qc(GOOD).replace(b",", b";"), rows=1),
    Case("tabs", qc(GOOD).replace(b",", b"\t"), rows=1),
    Case("bars", qc(GOOD).replace(b",", b"|"), rows=1),
    Case(
        "mixed line ends", qc(GOOD).replace(b"\n", b"\r\n") + GOOD.encode() + GOOD.replace("\n", "\r").encode(), rows=3
    ),
    Case("old Mac line ends", qc(GOOD, GOOD).replace(b"\n", b"\r"), rows=2),
    Case("a quote that is not closed", qc(cell("Comment", '"oh'), GOOD), refused=("csv-quotes", "line 2 column 12")),
    Case("text behind a quote", qc(cell("Bag", '"B"1')), refused=("csv-quotes", "line 2 column 4")),
    Case("a quote inside a cell", qc(cell("Comment", '5" clamp')), rows=1, holds=said("note", '5" clamp')),
    Case("a line end inside a cell", qc(cell("Comment", '"one\ntwo"'), GOOD), rows=2),
    Case("an open line end", qc(cell("Comment", "one\ntwo")), rows=1, faults=(("row-short", "line 3 column 2"),)),
    Case(
        "too many columns",
        qc(GOOD.rstrip("\n") + "," * 600 + "\n"),
        refused=("csv-too-many-columns", "line 2 column 501"),
    ),
    # ---- rows
    Case(
        "a row that is too long",
        qc(GOOD.rstrip("\n") + ",more\n", GOOD),
        rows=1,
        faults=(("row-long", "line 2 column 13"),),
    ),
    Case("empty cells behind the last column", qc(GOOD.rstrip("\n") + ",,,\n"), rows=1),
    Case("a row that is too short", qc(f"{COI},LOT-1\n", GOOD), rows=1, faults=(("row-short", "line 2 column 3"),)),
    Case(
        "a short row where the dialect allows it",
        qc(f"{COI},,,,Viability\n").replace(b",", b"\t"),
        rows=1,
        dialect="site/short",
    ),
    Case("a row of empty cells", qc(GOOD, ",,,,,,,,,,,\n", GOOD), rows=2),
    Case(
        "a last line with a sum",
        qc(GOOD, "2 rows,,,,,,,,,,,\n"),
        rows=1,
        faults=(("cell-missing", "line 3 column 5 (test)"),),
    ),
    Case(
        "no CoI in a row",
        qc(cell("CoI", " ")),
        faults=(("cell-missing", "line 2 column 1 (order)"), ("csv-no-rows", "file")),
    ),
    Case(
        "no test in a row",
        qc(f"{COI},,x\n", header="CoI,Test,Batch\n"),
        faults=(("cell-missing", "line 2 column 2 (test)"), ("csv-no-rows", "file")),
    ),
    Case(
        "51 lots in one cell",
        qc(cell("Batch", f'"{",".join(map(str, range(51)))}"')),
        faults=(("split-cells", "line 2"), ("csv-no-rows", "file")),
    ),
    # ---- cells
    Case("a formula", qc(cell("Comment", "=HYPERLINK(1)")), rows=1, holds=said("note", "=HYPERLINK(1)")),
    Case("a formula behind an apostrophe", qc(cell("Comment", "'@SUM(A1)")), rows=1, holds=said("note", "@SUM(A1)")),
    Case(
        "a decimal comma",
        qc(cell("Value", '"92,1"')),
        rows=1,
        faults=(("number-unreadable", "line 2 column 6 (value)"),),
    ),
    Case(
        "a thousands separator",
        qc(cell("Value", "1'000")),
        rows=1,
        faults=(("number-unreadable", "line 2 column 6 (value)"),),
    ),
    Case(
        "a unit in the value",
        qc(cell("Value", "92.1 %")),
        rows=1,
        faults=(("value-unreadable", "line 2 column 6 (value)"),),
    ),
    Case(
        "a limit that is no number",
        qc(cell("Lower Limit", "none")),
        rows=1,
        faults=(("number-unreadable", "line 2 column 8 (lower)"),),
    ),
    Case(
        "an unknown verdict",
        qc(cell("Verdict", "so-so")),
        rows=1,
        faults=(("code-unknown", "line 2 column 9 (verdict)"),),
    ),
    Case(
        "the 30th of February",
        qc(cell("Tested At", "2026-02-30")),
        rows=1,
        faults=(("time-unreadable", "line 2 column 11 (tested_at)"),),
    ),
    Case(
        "a date of another country",
        qc(cell("Tested At", "01.03.2026")),
        rows=1,
        faults=(("time-unreadable", "line 2 column 11 (tested_at)"),),
    ),
    Case(
        "the year 0",
        qc(cell("Tested At", "0000-01-01")),
        rows=1,
        faults=(("time-unreadable", "line 2 column 11 (tested_at)"),),
    ),
    Case(
        "a clock in 1970",
        qc(cell("Tested At", "1970-01-01T00:00:00Z")),
        rows=1,
        holds=said("analysed_at.at", "1970-01-01T00:00:00Z"),
    ),
    Case(
        "a wrong check digit",
        qc(f"{COI},B,106141412345678900,2026-03-01,,\n", header=RECEIPTS),
        rows=1,
        dialect="mes_csv/receipts",
        faults=(("check-digit", "line 2 column 3 (shipment)"),),
    ),
    # ---- a site's dialect
    Case(
        "a German file",
        german("CoI-1;B-1;01.03.2026 10:00;-152,3;k.A."),
        rows=1,
        dialect="site/eingang",
        holds=said("inspection.temperature", {"value": "-152.3", "unit": "Cel", "unit_system": mes_csv.codecs.UCUM}),
    ),
    Case(
        "an hour that does not exist",
        german("CoI-1;B-1;29.03.2026 02:30;;"),
        rows=1,
        dialect="site/eingang",
        holds=said("at.unclear", True),
    ),
    Case(
        "an hour that exists twice",
        german("CoI-1;B-1;25.10.2026 02:30;;"),
        rows=1,
        dialect="site/eingang",
        holds=said("at.unclear", True),
    ),
    Case(
        "a point where commas are",
        german("CoI-1;B-1;01.03.2026 10:00;-152.3;"),
        rows=1,
        dialect="site/eingang",
        faults=(("number-unreadable", "line 3 column 4 (temperature)"),),
    ),
    Case(
        "no unit row",
        german("CoI-1;B-1;01.03.2026 10:00;-152,3;", units=""),
        refused=("csv-unit-row", "line 2 column 1"),
        dialect="site/eingang",
    ),
    Case("a header and no unit row", german(units=""), refused=("csv-unit-row", "line 2"), dialect="site/eingang"),
    Case(
        "commas where semicolons are declared",
        german("a").replace(b";", b","),
        refused=("csv-header", "line 1"),
        dialect="site/eingang",
    ),
    Case(
        "UTF-8 where Windows letters are declared",
        german("CoI-1;B-1;01.03.2026 10:00;;Prüfer").decode("cp1252").encode(),
        rows=1,
        dialect="site/eingang",
        holds=said("note", "Prüfer"),
    ),
]


@cache
def adapter(folder: Path) -> Adapter:
    return mes_csv.adapter(overlays=[folder], system="https://cdmo.example/id")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    folder = tmp_path_factory.mktemp("site")
    for name, content in DIALECTS.items():
        (folder / name).write_text(content, encoding="utf-8")
    return adapter(folder)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_clumsy_or_hostile_file_comes_to_what_is_expected(case: Case, site: Adapter) -> None:
    if case.refused[0]:
        with pytest.raises(Unparsable) as refused:
            site.read(case.body, case.dialect)
        assert (refused.value.code, refused.value.place) == case.refused
        assert case.refused[1] in str(refused.value)
        assert refused.value.remedy
        return
    got = site.read(case.body, case.dialect)
    assert tuple((fault.code, fault.place) for fault in got.faults) == case.faults
    assert sum(1 for frame in got.frames if frame["kind"] in {"result", "handling"}) == case.rows
    for frame in got.frames:
        check(frame)
    assert not case.rows or case.holds(got.frames)
    written, _ = site.write(case.dialect, got.frames, got.residual)
    assert site.read(written, case.dialect).frames == got.frames


def test_a_file_of_faults_is_told_in_a_bounded_list(site: Adapter) -> None:
    got = site.read(qc(*[cell("Verdict", "so-so")] * 1_500, f"{COI},short\n"), "mes_csv/qc_results")
    assert len(got.faults) == 1_001
    assert (got.faults[-1].code, got.faults[-1].severity) == ("faults-more", "error")


@pytest.mark.parametrize(
    "body",
    [
        ("CoI,Test,a" + " " * 30_000 + "b\n").encode(),
        ('"' + '""' * 16_000 + '",CoI\n').encode(),
        ("CoI," + "(" * 30_000 + "\n").encode(),
        qc(cell("Value", "1" * 30_000 + "x")),
        qc(cell("Bag", "https://" + "a/" * 15_000)),
        qc(cell("Comment", "'" * 32_000 + "=1")),
        qc(cell("Test", "(" * 30_000)),
        (",".join(["\ufdfa" * 30_000] * 10) + "\n").encode() * 18,
    ],
)
def test_no_cell_takes_the_square_of_its_size(body: bytes, site: Adapter) -> None:
    """No measure of speed: a step per pair of characters would be minutes."""
    with at_most(20), contextlib.suppress(Unparsable):
        site.read(body, "mes_csv/qc_results")


def test_all_missing_columns_are_named_at_once(site: Adapter) -> None:
    with pytest.raises(Unparsable, match=r"order \(CoI\), test \(Test\)"):
        site.read(b"Value,Unit\n9,%\n", "mes_csv/qc_results")


def test_no_error_quotes_what_the_file_says(site: Adapter) -> None:
    secret = "Erika-Mustermann"
    files = [
        *(qc(cell(column, secret)) for column in QC.rstrip("\n").split(",")),
        qc(cell("Value", f"1.{secret}")),
        qc(cell("Comment", f'"{secret}')),
        qc(f"{secret},a\n", header=f"CoI,{secret}\n"),
        qc(GOOD.rstrip("\n") + f",{secret}\n"),
        qc(f"{secret}\n", header=""),
    ]
    for body in files:
        try:
            told = [str(fault) for fault in site.read(body, "mes_csv/qc_results").faults]
        except Unparsable as wrong:
            told = [str(wrong)]
        assert not [text for text in told if secret in text]
