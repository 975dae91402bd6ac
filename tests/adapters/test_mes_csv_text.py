"""CSV bytes to records and back: encodings, quotes, bounds, and cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mes_csv import text
from adapters.mes_csv.text import Style, decode, encode, guarded, records, unguarded
from adapters.reading import Unparsable

WINDOWS = Style(delimiter=";", encoding="cp1252", newline="\r\n", every=False, end=True)
PLAIN = Style(delimiter=",", encoding="utf-8", newline="\n", every=False, end=True)


@pytest.mark.parametrize(
    ("body", "declared", "expected"),
    [
        ("Prüfung".encode(), "", ("Prüfung", "utf-8")),
        (b"\xef\xbb\xbf" + "Prüfung".encode(), "", ("Prüfung", "utf-8-sig")),
        ("Prüfung".encode("cp1252"), "", ("Prüfung", "cp1252")),
        ("Prüfung".encode("cp1252"), "cp1252", ("Prüfung", "cp1252")),
        ("Prüfung".encode(), "cp1252", ("Prüfung", "utf-8")),
        ("Łódź".encode("cp1250"), "cp1250", ("Łódź", "cp1250")),
        (b"plain", "cp1252", ("plain", "cp1252")),
        (b"plain", "", ("plain", "utf-8")),
    ],
)
def test_an_encoding_is_found_or_taken_as_declared(body: bytes, declared: str, expected: tuple[str, str]) -> None:
    assert decode(body, declared) == expected


@pytest.mark.parametrize(
    ("body", "declared", "code", "place"),
    [
        (b"a,b\r\nc,\x81", "", "csv-encoding", "line 2 character 3"),
        ("Prüfung".encode("cp1252"), "utf-8", "csv-encoding", "line 1 character 3"),
        ("CoI".encode("utf-16") + b"x", "", "csv-encoding", "line 1 character 4"),
        ("Co\0I".encode("utf-16"), "", "csv-nul", "line 1 character 3"),
        (b"\x1f\x8b\x08\x00", "", "file-kind", "file"),
        (b"%PDF-1.7", "", "file-kind", "file"),
        (b"a,b\nc\0,d", "", "csv-nul", "line 2 character 2"),
        (b"x" * (text.MAX_BYTES + 1), "", "csv-too-large", "file"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(body: bytes, declared: str, code: str, place: str) -> None:
    with pytest.raises(Unparsable) as refused:
        decode(body, declared)
    assert (refused.value.code, refused.value.place) == (code, place)


def test_a_record_begins_on_the_line_that_is_told() -> None:
    assert list(records('a,b\r\n"one\r\ntwo",x\r\n\r\nc,d', ",")) == [
        (1, ["a", "b"]),
        (2, ["one\r\ntwo", "x"]),
        (4, []),
        (5, ["c", "d"]),
    ]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        ('a,b\nc,"d\ne,f\n', "csv-quotes", "line 2 column 2"),
        ('a,b\n"c" ,d\n', "csv-quotes", "line 2 column 1"),
        ('a,b\nx,"one\ntwo","c"d\n', "csv-quotes", "line 3 column 3"),
        ("a,b\nc," + "x" * (text.MAX_CELL + 1), "csv-cell-too-long", "line 2 column 2"),
        ("a,b\nc," + "x" * 200_000, "csv-cell-too-long", "line 2 column 2"),
        ('a,b\nc,"' + "x" * 200_000 + '"', "csv-cell-too-long", "line 2 column 2"),
        ("a,b\n" + "," * text.MAX_COLUMNS, "csv-too-many-columns", f"line 2 column {text.MAX_COLUMNS + 1}"),
        ("a\n" * (text.MAX_ROWS + 1), "csv-too-many-rows", f"line {text.MAX_ROWS + 1}"),
        ((",".join(["x"] * 400) + "\n") * 2501, "csv-too-many-rows", "line 2501"),
    ],
)
def test_what_is_no_csv_is_refused_with_line_and_column(content: str, code: str, place: str) -> None:
    with pytest.raises(Unparsable) as refused:
        list(records(content, ","))
    assert (refused.value.code, refused.value.place) == (code, place)
    assert refused.value.remedy


RUN = ["=1+2", "+49 40 1", "-x", "@SUM(A1)", " =1", "\t=1", "\r=1", "'=1", "''@x", "\uff1d1", "-1+cmd|' /C calc'!A0"]
HARMLESS = ["-1.5", "+3", "-2,5", "1e-3", "-1E5", "-", "+", "O'Neil", "'quoted'", "'-5", "a=b", ""]


@pytest.mark.parametrize("cell", RUN)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_harmless_texts_stay_as_they_are(cell: str) -> None:
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


@given(st.text(st.sampled_from("'=+-@1x \t,.\uff1d"), max_size=8))
def test_the_guard_and_its_inverse_undo_each_other(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert guarded(unguarded(cell)) in {cell, guarded(cell)}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1))
def test_what_is_written_is_split_alike_by_csv_reader(table: list[list[str]]) -> None:
    body, faults = encode(table, PLAIN)
    assert not faults
    expected = [[guarded(cell) for cell in row] for row in table]
    assert list(csv.reader(io.StringIO(body.decode(), newline=""))) == expected
    assert [cells for _, cells in records(body.decode(), ",")] == table


def test_every_cell_is_quoted_where_the_file_did_so() -> None:
    style = Style(delimiter=",", encoding="utf-8-sig", newline="\n", every=True, end=False)
    assert encode([["a", 'b"c']], style) == (b'\xef\xbb\xbf"a","b""c"', [])


def test_a_character_that_the_encoding_has_not_empties_its_cell_and_is_told() -> None:
    body, faults = encode([["a", "b"], ["Müller", "BAG-\U0001f9ec"]], WINDOWS)
    assert body == "a;b\r\nMüller;\r\n".encode("cp1252")
    assert [(fault.code, fault.place, fault.severity) for fault in faults] == [("no-home", "line 2 column 2", "lost")]


@pytest.mark.parametrize("cell", ["a\0b", "x" * (text.MAX_CELL + 1), "\ud800"])
def test_a_cell_that_no_reader_could_take_is_left_empty_and_told(cell: str) -> None:
    body, faults = encode([["a", cell]], PLAIN)
    assert body == b"a,\n"
    assert len(faults) == 1
