"""What a dialect may say of its files, one clumsy habit after the other: read, told with the place, written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import mes_csv
from adapters.mes_csv import Adapter
from adapters.mes_csv.codecs import UCUM, Cells, read_decimal
from adapters.reading import Read, Unparsable
from canonical_model.frames import set_schemas
from mappings.faults import TableError, Unreadable

COI = "CHA9999260000012"


def with_dialect(folder: Path, text: str, like: str = "qc_results", columns: str = "") -> Adapter:
    (folder / "site.yaml").write_text(
        f"map: site/own\nlike: mes_csv/{like}\n{columns}dialect: {text}\n", encoding="utf-8"
    )
    return mes_csv.adapter(set_schemas(), [folder], zone="Europe/Berlin")


def results(got: Read) -> list[dict[str, Any]]:
    return [frame["set"] for frame in got.frames if frame["kind"] == "result"]


def goes_back(adapter: Adapter, body: bytes) -> Read:
    """The reading of a file that is given back to its sender as it came, and counted to the last cell."""
    got = adapter.read(body, "site/own")
    assert adapter.write("site/own", got.frames, json.loads(json.dumps(got.residual)))[0] == body
    return got


def told(got: Read) -> list[tuple[str, str]]:
    return [(fault.code, fault.place) for fault in got.faults]


# ---- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "number"),
    [
        (",", ".", "1.234.567,50", "1234567.50"),
        (".", ",", "1,234,567.50", "1234567.50"),
        (".", "'", "1'234’567", "1234567"),
        (",", "space", "1 234\u00a0567,5", "1234567.5"),
        (",", "space", "-12\u202f345", "-12345"),
        (",", ".", "234,5", "234.5"),
        (".", ",", "1e6", "1e6"),
    ],
)
def test_thousands_are_read_by_the_dialects_marks(decimal: str, thousands: str, text: str, number: str) -> None:
    assert read_decimal(text, Cells(decimal=decimal, thousands=thousands)) == number


@pytest.mark.parametrize(
    ("decimal", "thousands", "text"),
    [
        (",", ".", "1.23,5"),
        (",", ".", "1.2345"),
        (",", ".", ".123"),
        (".", ",", "12,34"),
        (".", ",", "1234,567"),
        (".", "'", "1,234"),
        (".", "", "1,234"),
        (".", ",", "1,234" * 30),
    ],
)
def test_a_number_that_is_grouped_otherwise_is_no_number(decimal: str, thousands: str, text: str) -> None:
    with pytest.raises(Unreadable) as wrong:
        read_decimal(text, Cells(decimal=decimal, thousands=thousands))
    assert wrong.value.code == "number-unreadable"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12), st.sampled_from([".", ",", "'", "space"]), st.integers(0, 999))
def test_grouped_thousands_are_the_number_that_they_group(whole: int, thousands: str, part: int) -> None:
    decimal = "," if thousands == "." else "."
    mark = " " if thousands == "space" else thousands
    text = f"{whole:,}".replace(",", mark) + f"{decimal}{part}"
    assert read_decimal(text, Cells(decimal=decimal, thousands=thousands)) == f"{whole}.{part}"


def test_a_number_and_its_unit_may_share_a_cell(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, '{units_in_cells: "true", decimal: ",", delimiter: ";"}')
    rows = ("92,10 %", "<0,5 EU/mL", "3,2 copies/cell", "1,5E6 cells", "7 furlongs", "negative", "12")
    body = ("CoI;Test;Value;LSL\n" + "".join(f"{COI};T{n};{row};80 %\n" for n, row in enumerate(rows))).encode()
    got = goes_back(adapter, body)
    found = [result["value"] for result in results(got)]
    assert found[0] == {"quantity": {"value": "92.10", "unit": "%", "unit_system": UCUM}}
    assert found[1]["quantity"] == {"value": "0.5", "unit": "{EU}/mL", "unit_system": UCUM, "comparator": "<"}
    assert found[2]["quantity"]["unit"] == "{copies}/{cell}"
    assert found[3]["quantity"]["value"] == "1.5E6"
    assert found[4] == {"text": ["7 furlongs"]}, "a unit that nobody knows makes no number"
    assert "concepts" in found[5]
    assert found[6] == {"quantity": {"value": "12"}}
    assert results(got)[0]["limit"]["low"]["unit"] == "%"
    fresh, lost = adapter.write("site/own", got.frames)
    assert not lost
    assert "92,10 %" in fresh.decode()
    assert adapter.read(fresh, "site/own").frames == got.frames


def test_a_cell_and_its_unit_column_may_not_disagree(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, '{units_in_cells: "true"}')
    got = adapter.read(f"CoI,Test,Value,Unit\n{COI},V,92 %,mL\n{COI},W,92 %,%\n".encode(), "site/own")
    assert told(got) == [("value-unreadable", "line 2 column 3 (value)")]
    assert results(got)[1]["value"]["quantity"]["value"] == "92"


# ---- what stands above and below the table ----------------------------------------------------------------------


def test_what_stands_above_the_header_holds_for_every_row(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, '{delimiter: ";", metadata: {order: [Auftrag], batch: [Charge, Los]}}')
    body = f"Bericht\nAuftrag: {COI}\nLos:;;LOT-7;\n\nTest;Value\nViability;92\nVCN;2\n".encode()
    got = goes_back(adapter, body)
    assert [result["batch"]["identifiers"][0]["value"] for result in results(got)] == ["LOT-7", "LOT-7"]
    assert {frame["set"]["order"]["identifiers"][0]["value"] for frame in got.frames if frame["kind"] == "report"} == {
        COI
    }
    assert not told(got)
    assert sum(got.summary().values()) == 1 + 1 + 2 + 2 + 4, "every cell once"


def test_a_row_that_says_otherwise_says_it_in_a_column_of_its_own(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, '{delimiter: ";", metadata: {order: [Auftrag], analyst: [Labor]}}')
    body = f"Auftrag;{COI}\nLabor;A. Meer\nTest;Value\nViability;92\nVCN;2\n".encode()
    got = adapter.read(body, "site/own")
    got.frames[-1]["set"]["observers"] = [{"name": {"text": "B. Land"}}]
    written, lost = adapter.write("site/own", got.frames, got.residual)
    assert not lost
    assert adapter.read(written, "site/own").frames == got.frames
    assert b"Labor;A. Meer\n" in written
    del got.frames[-1]["set"]["observers"]
    _, lost = adapter.write("site/own", got.frames, got.residual)
    assert [fault.place for fault in lost] == ["row 2 result.observers"], "a reader would find the name above"


def test_afresh_only_what_has_no_column_stands_above(tmp_path: Path) -> None:
    columns = "columns: {order: [CoI], test: [Test], value: [Value]}\n"
    adapter = with_dialect(tmp_path, "{metadata: {order: [CoI], batch: [Lot]}}", columns=columns)
    got = adapter.read(f"CoI,{COI}\nLot,L-1\nTest,Value\nViability,92\nEndotoxin,2\n".encode(), "site/own")
    written, lost = adapter.write("site/own", got.frames)
    assert written == f"Lot,L-1\r\nCoI,Test,Value\r\n{COI},Viability,92\r\n{COI},Endotoxin,2\r\n".encode()
    assert not lost


def test_what_cannot_be_read_above_the_header_is_told_once_and_there(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, "{metadata: {order: [Order No], reported_at: [Reported]}}")
    body = f"Order No,{COI}\nReported,yesterday\nOrder No,OTHER\nTest,Value\nViability,92\nVCN,2\n".encode()
    assert told(adapter.read(body, "site/own")) == [
        ("places-disagree", "line 3 column 2"),
        ("time-unreadable", "line 2 column 2 (reported_at)"),
    ]


def test_a_header_that_repeats_and_a_footer_are_no_rows(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, "{footer: [Total, Ende des Berichts]}")
    head = "CoI,Test,Value\n"
    body = f"{head}{COI},Viability,92\n{head}{COI},VCN,2\ntotal: 2 results,,\n{COI},Sterility,1\n".encode()
    got = goes_back(adapter, body)
    assert [result["criterion"] for result in results(got)] == ["viability", "vector-copy-number"]
    assert not told(got)


def test_a_unit_row_is_found_where_there_is_one(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, "{units_row: auto}", "receipts")
    for row, unit in ((",,,[°F]\n", "[degF]"), ("", None)):
        body = f"CoI,Bag,Received At,Temp\n{row}{COI},B-1,2026-03-01,-240\n".encode()
        got = goes_back(adapter, body)
        assert got.frames[0]["set"]["inspection"]["temperature"].get("unit") == unit
        assert len(got.frames) == 1


def test_blank_columns_are_no_trouble_and_filled_ones_are_told(tmp_path: Path) -> None:
    adapter = with_dialect(tmp_path, "{}")
    got = goes_back(adapter, f"CoI,,Test\n{COI},,Viability\n{COI},,VCN\n".encode())
    assert not told(got)
    got = goes_back(adapter, f"CoI,,Test\n{COI},x,Viability\n".encode())
    assert told(got) == [("column-unknown", "line 1 column 2")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_read_by_its_mark(tmp_path: Path, encoding: str) -> None:
    adapter = with_dialect(tmp_path, "{encoding: utf-16}")
    text = f"CoI,Test,Comment\r\n{COI},Viability,Prüfer 🧬\r\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    got = adapter.read((mark + text).encode(encoding), "site/own")
    assert results(got)[0]["note"] == "Prüfer 🧬"
    again, lost = adapter.write("site/own", got.frames, got.residual)
    assert again.decode("utf-16") == text
    assert not lost


def test_faults_of_the_new_words_are_told(tmp_path: Path) -> None:
    with pytest.raises(TableError) as wrong:
        with_dialect(
            tmp_path,
            '{thousands: ".", decimal: ".", units_in_cells: maybe, workbook: 1, metadata: [order], units_row: x}',
        )
    said = "\n".join(str(fault) for fault in wrong.value.faults)
    for word in ("`thousands`", "`units_in_cells`", "`workbook`", "`metadata`", "`units_row` is true or false or auto"):
        assert word in said


def test_what_stands_at_a_place_is_told_to_its_sender_alone() -> None:
    body = f"CoI;Test;Value\n{COI};Viability;92,1\n{COI};VCN\n".encode()
    places = ["line 2 column 3 (value)", "line 3 column 3", "line 9 column 1", "file", "line 2"]
    assert mes_csv.base().quoted(body, "mes_csv/qc_results", places) == {"line 2 column 3 (value)": "92,1"}
    assert mes_csv.base().quoted(b'CoI,Test\nx,"y\n', "mes_csv/qc_results", ["line 1 column 1"]) == {
        "line 1 column 1": "CoI"
    }
    assert mes_csv.base().quoted(b"\x00", "", ["line 1 column 1"]) == {}


@pytest.mark.parametrize("column", ["Step No", "Started At", "Status"])
def test_a_step_that_has_one_bad_cell_keeps_the_others(column: str) -> None:
    cells = {"Batch": "B-1", "Step No": "1", "Step": "Wash", "Started At": "2026-03-01 08:00", "Status": "done"}
    cells[column] = "nonsense"
    body = f"{','.join(cells)}\n{','.join(cells.values())}\n".encode()
    got = mes_csv.base().read(body, "mes_csv/batch_steps")
    place = list(cells).index(column) + 1
    assert [fault.place.partition(" (")[0] for fault in got.faults] == [f"line 2 column {place}"]
    (step,) = got.frames[0]["set"]["steps"]
    assert step["kind"] == {"text": "Wash"}
    assert len(step) == 3
    written, _ = mes_csv.base().write(got.type, got.frames, got.residual)
    assert written == body


def test_a_planned_step_has_not_begun() -> None:
    from mappings import events

    body = b"Batch,Step,Status\nB-1,Wash,planned\nB-1,Fill,\n"
    got = mes_csv.base().read(body, "mes_csv/batch_steps")
    assert events.assertions(got.map, got.frames, "p/f") == []


@pytest.mark.parametrize("word", ["Deviation", "on hold", "?", "Completed with deviation"])
def test_a_step_of_a_status_that_nobody_knows_is_not_completed(word: str) -> None:
    from mappings import events

    body = f"Batch,Step,Started At,Ended At,Status\nB-1,Wash,2026-03-01,2026-03-02,{word}\n".encode()
    got = mes_csv.base().read(body, "mes_csv/batch_steps")
    assert [fault.code for fault in got.faults] == ["code-unknown"]
    asserted = events.assertions(got.map, got.frames, "p/f")
    assert [event["type"] for event in asserted] == ["step.started"]
    assert "end" not in asserted[0]["set"]["steps"][0]["period"]
    assert mes_csv.base().write(got.type, got.frames, got.residual)[0] == body


@pytest.mark.parametrize("word", ["DONE", "Completed", "fAILED", "not-performed"])
def test_a_status_of_a_step_is_read_in_every_spelling(word: str) -> None:
    from mappings import events

    body = f"Batch,Step,Ended At,Status\nB-1,Wash,2026-03-02,{word}\n".encode()
    got = mes_csv.base().read(body, "mes_csv/batch_steps")
    assert [event["type"] for event in events.assertions(got.map, got.frames, "p/f")] == ["step.completed"]
    assert got.faults == []


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.sampled_from(sorted(mes_csv.base().dialects)))
def test_bytes_at_random_are_read_or_refused_by_every_dialect(body: bytes, dialect: str) -> None:
    try:
        mes_csv.base().read(body, dialect)
    except Unparsable as wrong:
        assert wrong.remedy
