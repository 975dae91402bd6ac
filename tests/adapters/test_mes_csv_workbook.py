"""Workbooks: values as they are kept, no digit lost or made up, nothing run, and hostile packages refused."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904  # type: ignore[import-untyped]

from adapters import mes_csv
from adapters.mes_csv import template, workbook
from adapters.reading import Unparsable
from canonical_model.frames import set_schemas

at = dt.datetime.fromisoformat
COI = "CHA9999260000012"
QC = "mes_csv/qc_results"


def book(*rows: list[Any], change: Callable[[Any], None] = lambda _: None) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def cell(value: Any, format_: str = "General", change: Callable[[Any], None] = lambda _: None) -> str:
    """What a typed cell says."""

    def typed(made: Any) -> None:
        change(made)
        made.active["A1"] = value
        made.active["A1"].number_format = format_

    rows = list(workbook.read(book(change=typed)).tabs[0].records("."))
    return rows[0][1][0] if rows else ""


@pytest.mark.parametrize(
    ("value", "format_", "said"),
    [
        (92.1, "General", "92.1"),
        (92.1, "0.00", "92.10"),
        (92.1234, "0.0", "92.1234"),
        (0.1 + 0.2, "General", "0.3"),
        (5, "0.00", "5.00"),
        (5, "General", "5"),
        (-0.5, "0.000", "-0.500"),
        (1234567, "#,##0", "1234567"),
        (1234.5, "#,##0.00", "1234.50"),
        (0.921, "0.0%", "92.1%"),
        (0.9210, "0.00%", "92.10%"),
        (1e-7, "General", "0.0000001"),
        (417, "000000", "000417"),
        (-417, "000000", "-000417"),
        (1234567, "000000", "1234567"),
        (417, '"LOT-"0000', "LOT-0417"),
        (417, "00 0000", "000417"),
        (0.5, '"<"0.0', "<0.5"),
        (0.5, "<0.00", "<0.50"),
        (0.5, "\\<0.0", "<0.5"),
        (5, '0.0" °C"', "5.0 °C"),
        (5, "0.0\\ ", "5.0"),
        (5, "[Red]0.00", "5.00"),
        (5, "_-* #,##0.00_-;-* #,##0.00_-", "5.00"),
        (-5, "#,##0.00_);(#,##0.00)", "-5.00"),
        (-5, '0.0;"-"0.0', "-5.0"),
        (0, '0.0;-0.0;"-"??', "0"),
        (5, "0.00E+00", "5"),
        (0.5, "# ?/?", "0.5"),
        (5, "@", "5"),
        (5, "0.0#", "5"),
        (True, "General", "TRUE"),
        (at("2026-03-01T10:30"), "yyyy-mm-dd hh:mm", "2026-03-01T10:30"),
        (at("2026-03-01T10:30:05"), "yyyy-mm-dd hh:mm", "2026-03-01T10:30:05"),
        (at("2026-03-01"), "dd.mm.yyyy", "2026-03-01"),
        (at("2026-03-01"), "dd.mm.yyyy hh:mm", "2026-03-01T00:00"),
        ("=not a formula", "General", ""),
        ("text", "General", "text"),
    ],
)
def test_a_cell_says_what_its_value_is(value: Any, format_: str, said: str) -> None:
    assert cell(value, format_) == said


@pytest.mark.parametrize(
    ("value", "format_"),
    [(0, '0.0;-0.0;"n.d."'), (0.3, '[<0.5]"<"0.0;0.0'), (123456789, "00000-0000"), (5, '"1."0'), (-5, '"<"0.0')],
)
def test_a_cell_that_shows_something_else_than_its_number_is_not_read(value: float, format_: str) -> None:
    body = book([value], change=lambda made: setattr(made.active["A1"], "number_format", format_))
    (tab,) = workbook.read(body).tabs
    assert tab.rows == {}
    assert [(fault.code, fault.place, fault.severity) for fault in tab.faults] == [
        ("cell-format", "line 1 column 1", "error")
    ]


def test_dates_count_from_the_workbooks_own_beginning() -> None:
    def mac(made: Any) -> None:
        made.epoch = CALENDAR_MAC_1904

    assert cell(at("2026-03-01T09:00"), "yyyy-mm-dd hh:mm", mac) == "2026-03-01T09:00"


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4), st.integers(0, 6))
def test_no_digit_of_a_number_is_lost_or_made_up(value: Any, shown: int) -> None:
    text = workbook._number(float(value), "0." + "0" * shown if shown else "General")
    assert text is not None
    assert float(text) == float(value)
    places = len(text.partition(".")[2])
    assert places >= shown
    assert places == shown or not text.endswith("0"), "a zero that nobody wrote"


def test_a_workbook_is_read_by_the_dialect_of_its_header() -> None:
    body = book(
        ["Export", None],
        ["Batch No:", "LOT-9"],
        ["CoI", "Test", "Value", "Unit", "Tested At", "Lower Limit"],
        [COI, "Viability", 92.5, "%", at("2026-03-01T10:00"), 0.8],
        [COI, "Recovery", 0.875, None, at("2026-03-01T10:05"), None],
        change=lambda made: setattr(made.active["C5"], "number_format", "0.0%"),
    )
    got = mes_csv.base().read(body)
    assert (got.type, got.faults) == (QC, [])
    first, second = (frame["set"] for frame in got.frames if frame["kind"] == "result")
    assert first["value"]["quantity"]["value"] == "92.5"
    assert first["analysed_at"]["local"] == "2026-03-01T10:00:00"
    assert first["batch"]["identifiers"][0]["value"] == "LOT-9"
    assert second["value"]["quantity"] == {"value": "87.5", "unit": "%", "unit_system": "http://unitsofmeasure.org"}


def test_numbers_take_the_dialects_decimal_mark(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        'map: site/de\nlike: mes_csv/qc_results\ndialect: {decimal: ",", date_format: dd.mm.yyyy, sheet: Werte}\n'
    )
    adapter = mes_csv.adapter(set_schemas(), [tmp_path])

    def named(made: Any) -> None:
        made.active.title = "Werte"
        made.create_sheet("Other").append(["CoI", "Test", "Value", "Unit", "Status"])

    first = [COI, "V", 92.5, dt.date(2026, 3, 1)]
    body = book(["CoI", "Test", "Value", "Tested At"], first, [COI, "W", "1,5", "01.03.2026"], change=named)
    got = adapter.read(body, "site/de")
    assert not got.faults
    found = [frame["set"] for frame in got.frames if frame["kind"] == "result"]
    assert [one["value"]["quantity"]["value"] for one in found] == ["92.5", "1.5"]
    assert {one["analysed_at"]["local"] for one in found} == {"2026-03-01"}
    with pytest.raises(Unparsable, match="xlsx-sheet"):
        adapter.read(book(["CoI", "Test"]), "site/de")


def test_a_workbook_goes_back_as_a_workbook_with_every_text() -> None:
    body = book(
        ["CoI", "Test", "Value", "Room"], [COI, "Viability", "=1+1", "R1"], [COI, "VCN", 2, "=cmd|' /C calc'!A0"]
    )
    got = mes_csv.base().read(body, QC)
    again, lost = mes_csv.base().write(QC, got.frames, got.residual)
    assert again[:4] == b"PK\x03\x04"
    assert not lost
    assert mes_csv.base().read(again, QC).frames == got.frames
    assert mes_csv.base().write(QC, got.frames, got.residual)[0] == again, "equal frames, equal bytes"


def test_nothing_that_is_written_is_run(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text('map: site/x\nlike: mes_csv/qc_results\ndialect: {workbook: "true"}\n')
    adapter = mes_csv.adapter(set_schemas(), [tmp_path])
    body = f'CoI,Test,Comment\n{COI},Viability,"=HYPERLINK(""http://x"")"\n{COI},VCN,@SUM(A1)\n'.encode()
    frames = mes_csv.base().read(body, QC).frames
    written, lost = adapter.write("site/x", frames)
    assert not lost
    cells = [c for row in openpyxl.load_workbook(io.BytesIO(written)).active.iter_rows() for c in row if c.value]
    assert {c.data_type for c in cells} == {"s"}
    assert adapter.read(written, "site/x").frames == frames
    assert "<f>" not in zipfile.ZipFile(io.BytesIO(written)).read("xl/worksheets/sheet1.xml").decode()


def test_several_sheets_are_told_and_hidden_ones_are_not_read() -> None:
    def more(made: Any) -> None:
        made.create_sheet("Second").append(["CoI", "Test", "Value"])
        made.create_sheet("Hidden").append(["CoI", "Test", "Value", "Unit", "Status", "Method"])
        made["Hidden"].sheet_state = "hidden"

    got = mes_csv.base().read(book(["CoI", "Test"], [COI, "Viability"], change=more), QC)
    assert [fault.code for fault in got.faults if fault.code != "csv-no-rows"] == ["sheets-unread"]


def test_a_stray_cell_far_down_costs_nothing() -> None:
    def stray(made: Any) -> None:
        made.active["A900000"] = " "
        made.active["XFD3"] = None

    got = mes_csv.base().read(book(["CoI", "Test"], [COI, "Viability"], change=stray), QC)
    assert len(got.frames) == 2


def far_right(rows: int, sheets: int = 1) -> bytes:
    """A workbook of rows with one blank cell each, in the last column that there is."""

    def more(made: Any) -> None:
        for _ in range(sheets - 1):
            made.create_sheet()

    cells = "".join(f'<row r="{n}"><c r="XFD{n}" t="str"><v> </v></c></row>' for n in range(2, rows + 2))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(["CoI", "Test"], change=more))) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.infolist():
            part = source.read(entry).decode()
            if entry.filename.startswith("xl/worksheets/"):
                part = re.sub("</sheetData>|<sheetData ?/>", f"{cells}</sheetData>", part)
                part = part if "<sheetData>" in part else part.replace(cells, f"<sheetData>{cells}")
            target.writestr(entry, part, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@pytest.mark.parametrize(("rows", "sheets"), [(600, 1), (40, 5)])
def test_rows_of_blank_cells_count_as_they_are_laid_out(rows: int, sheets: int) -> None:
    body = far_right(rows, sheets)
    assert len(body) < 20_000
    with pytest.raises(Unparsable) as refused:
        workbook.read(body)
    assert refused.value.code == "csv-too-many-rows"


def test_some_blank_cells_far_to_the_right_cost_nobody_the_file() -> None:
    assert [len(tab.rows) for tab in workbook.read(far_right(20)).tabs] == [1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused_and_nothing_else_happens(data: st.DataObject) -> None:
    body = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(body) // 2, len(body)))
    try:
        mes_csv.base().read(bytes(body[:cut]), QC)
    except Unparsable as wrong:
        assert wrong.remedy


GOOD = book(["CoI", "Test", "Value"], [COI, "Viability", 92.5])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"]))
def test_a_part_that_is_anything_is_read_or_refused(part: bytes, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.infolist():
            target.writestr(entry.filename, part if entry.filename == name else source.read(entry))
    try:
        mes_csv.base().read(out.getvalue(), QC)
    except Unparsable as wrong:
        assert wrong.remedy


# ---- templates --------------------------------------------------------------------------------------------------

ROWS = {
    "mes_csv/qc_results": {"CoI": COI, "Batch": "B-1", "Test": "Viability", "Value": "92.10", "Unit": "%"},
    "mes_csv/receipts": {
        "CoI": COI,
        "Container": "BAG-1",
        "Received At": "2026-03-01 09:00",
        "Temperature [°C]": "-150.0",
        "Inspection": "accepted",
    },
    "mes_csv/batch_steps": {"Batch": "B-1", "Step": "Wash", "Started At": "2026-03-01 09:00", "Status": "running"},
    "mes_csv/batch_records": {
        "Batch": "B-1",
        "CoI": COI,
        "Batch Status": "completed",
        "Batch Ended": "2026-03-09 09:00",
    },
    "mes_csv/material_lots": {"Material Lot": "M-1", "Material": "Medium", "Inspection": "rejected"},
    "mes_csv/dispositions": {"CoI": COI, "Batch": "B-1", "Decision": "released", "Decided At": "2026-03-09 10:00"},
    "mes_csv/slots": {"Slot": "S-1", "Slot Start": "2026-03-01 08:00", "Slot Status": "offered"},
}


@pytest.mark.parametrize("dialect", sorted(ROWS))
def test_a_template_that_is_filled_in_is_read_back(dialect: str) -> None:
    adapter = mes_csv.base()
    filled = openpyxl.load_workbook(io.BytesIO(template.as_workbook(adapter, dialect)))
    sheet = filled.worksheets[0]
    places = {sheet.cell(1, n).value: n for n in range(1, sheet.max_column + 1)}
    for header, text in ROWS[dialect].items():
        sheet.cell(2, places[header]).value = text
    out = io.BytesIO()
    filled.save(out)
    got = adapter.read(out.getvalue())
    assert (got.type, got.faults) == (dialect, [])
    blank = template.as_csv(adapter, dialect).decode("utf-8-sig")
    row = ",".join(ROWS[dialect].get(header, "") for header in blank.strip().split(","))
    assert adapter.read(f"{blank}{row}\r\n".encode(), dialect).frames == got.frames


def test_a_template_tells_what_each_column_means_and_which_codes_it_takes() -> None:
    body = template.as_workbook(mes_csv.base(), "mes_csv/dispositions")
    made = openpyxl.load_workbook(io.BytesIO(body))
    told = {row[0]: row for row in made[workbook.GUIDE].iter_rows(values_only=True) if row[0]}
    assert told["Decision"][1:] == (
        "yes",
        "disposition: what quality decided",
        "one of: quarantined, released, released conditionally, released exceptionally, rejected, revoked",
    )
    assert made["Codes"].sheet_state == "hidden"
    (among,) = made.worksheets[0].data_validations.dataValidation
    assert among.formula1 == "=Codes!$A$1:$A$6"
    assert template.as_workbook(mes_csv.base(), "mes_csv/dispositions") == body


@pytest.mark.parametrize("dialect", sorted(mes_csv.base().dialects))
def test_every_dialect_has_a_template_whose_header_it_knows(dialect: str) -> None:
    adapter = mes_csv.base()
    for column in template.columns(adapter, dialect):
        assert column.meaning
        assert column.writing
    body = template.as_csv(adapter, dialect)
    try:
        found = adapter.read(body, dialect)
    except Unparsable as wrong:
        assert wrong.code in {"csv-no-rows", "csv-unit-row"}, wrong
    else:
        assert {fault.code for fault in found.faults} <= {"csv-no-rows"}
