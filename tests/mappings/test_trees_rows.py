"""Rows to frames and back: levels, split cells, columns that must agree, kept lines, and edits of every kind."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from mappings import compile as compiler
from mappings.codes import CodeTable
from mappings.faults import TableFault, Unreadable
from mappings.groups import Reading
from mappings.load import parse_table
from mappings.row_writer import write_rows
from mappings.rows import Cells, Line, RowContext, RowMap, join, read_rows, row_map_of, split
from mappings.runtime import Codec

TABLES = {
    "t/batch": [
        {"id": "B1", "at": "lot", "into": "batch.lot"},
        {"id": "B2", "at": "site", "into": "batch.site"},
    ],
    "t/sample": [{"id": "S1", "at": "sample", "into": "sample.name"}],
    "t/result": [
        {"id": "R1", "at": "test", "into": "result.test"},
        {"id": "R2", "at": "value", "into": "result.value", "as": "whole"},
        {"id": "R3", "at": "grade", "into": "result.grade", "default": {"in": "normal", "out": "omit"}},
    ],
}
MAP: dict[str, Any] = {
    "columns": {name: [name] for name in ("lot", "site", "sample", "test", "value", "grade")},
    "same": ["site"],
    "list": ["lot", "sample"],
    "rows_by": [
        {"frame": "batch", "table": "t/batch", "by": "lot", "key": "lot"},
        {"frame": "sample", "table": "t/sample", "by": ["sample"], "key": ["name"], "links": {"batch": "batch"}},
        {"frame": "result", "table": "t/result", "key": ["test"], "links": {"sample": "sample"}},
    ],
}


def read_whole(text: str, m: RowContext) -> int:
    if not text.isdigit():
        raise Unreadable("number-unreadable", "write digits")
    return int(text)


@cache
def tables() -> dict[str, compiler.Table]:
    specs = {name: parse_table(name, {"record": name, "rows": rows}, "tree")[0] for name, rows in TABLES.items()}
    codecs = {"whole": Codec(read_whole, lambda value, m: str(value))}
    codes: dict[str, CodeTable] = {}
    return compiler.compile_all(specs, {}, codecs, codes)


@cache
def rows() -> RowMap:
    faults: list[TableFault] = []
    found = row_map_of(MAP, tables(), "t/map", faults)
    assert found is not None
    assert not faults
    return found


def lines(*given: Cells | Sequence[str]) -> list[Line]:
    return [
        Line(f"line {number}", dict(cells), tuple(cells.values()))
        if isinstance(cells, dict)
        else Line(f"line {number}", {}, tuple(cells), kept=True)
        for number, cells in enumerate(given, 2)
    ]


def context() -> RowContext:
    return RowContext(nulls=frozenset({"NA"}))


def read(*given: Cells | Sequence[str]) -> Reading:
    return read_rows(rows(), lines(*given), context())


def written(frames: list[dict[str, Any]], residual: dict[str, Any] | None = None) -> tuple[list[Any], list[str]]:
    m = context()
    out = write_rows(rows(), frames, residual or {}, m)
    return [list(line.raw) if line.kept else line.cells for line in out], [str(fault) for fault in m.faults]


ONE: Cells = {"lot": "L1", "site": "X", "sample": "S1", "test": "a", "value": "1", "grade": "high"}
TWO: Cells = {**ONE, "test": "b", "value": "2"}
OTHER: Cells = {**ONE, "sample": "S2", "test": "a", "value": "3"}


def test_rows_with_equal_key_columns_are_one_outer_frame() -> None:
    got = read(ONE, TWO, OTHER)
    assert [(frame["kind"], frame["key"]) for frame in got.frames] == [
        ("batch", "batch:L1"),
        ("sample", "batch:L1/sample:S1"),
        ("result", "batch:L1/sample:S1/result:a"),
        ("result", "batch:L1/sample:S1/result:b"),
        ("sample", "batch:L1/sample:S2"),
        ("result", "batch:L1/sample:S2/result:a"),
    ]
    assert got.frames[1]["set"]["batch"] == {"frame": "batch:L1"}
    assert got.frames[5]["parent"] == "batch:L1/sample:S2"
    assert got.residual == {}
    assert written(got.frames) == ([ONE, TWO, OTHER], [])


def test_rows_of_one_batch_that_stand_apart_stay_one_batch_and_where_they_stood() -> None:
    given = (ONE, {**ONE, "lot": "L2"}, TWO)
    got = read(*given)
    assert [frame["kind"] for frame in got.frames].count("batch") == 2
    assert written(got.frames, got.residual) == ([*given], [])


def test_a_spelling_makes_no_other_batch_and_comes_back() -> None:
    given = (ONE, {**TWO, "lot": " L1 ", "grade": "NA"})
    got = read(*given)
    assert [frame["kind"] for frame in got.frames].count("batch") == 1
    assert written(got.frames, got.residual) == ([*given], [])


def test_a_column_that_must_agree_is_told_and_both_spellings_come_back() -> None:
    m = context()
    given = (ONE, {**TWO, "site": "Y"}, {name: text for name, text in OTHER.items() if name != "site"})
    got = read_rows(rows(), lines(*given), m)
    assert [(fault.code, fault.place) for fault in m.faults] == [
        ("rows-disagree", "line 3-site"),
        ("rows-disagree", "line 4-site"),
    ]
    assert written(got.frames, got.residual) == ([*given], [])


def test_a_default_is_marked_and_not_written() -> None:
    plain = {name: text for name, text in ONE.items() if name != "grade"}
    got = read(plain)
    assert got.frames[-1]["assumed"] == ["grade"]
    assert written(got.frames) == ([plain], [])


# ---- split cells ----------------------------------------------------------------------------------------------


def test_a_list_cell_stands_for_several_rows_and_comes_back_as_one() -> None:
    given = ({**ONE, "lot": "L1,L2", "note": "n"}, TWO)
    got = read(*given)
    assert [frame["key"] for frame in got.frames if frame["kind"] == "result"] == [
        "batch:L1/sample:S1/result:a",
        "batch:L2/sample:S1/result:a",
        "batch:L1/sample:S1/result:b",
    ]
    assert written(got.frames, got.residual) == ([*given], [])
    assert written(got.frames)[0] == [ONE, {**ONE, "lot": "L2"}, TWO]


def test_a_list_cell_with_a_value_that_cannot_be_read_comes_back_as_it_was() -> None:
    given = {**ONE, "sample": "S1, S2", "lot": "L1"}
    assert join([{"lot": "A"}, {}], {"lot": ","}) == {"lot": "A"}
    got = read({**given, "value": "x"})
    assert written(got.frames, got.residual) == ([{**given, "value": "x"}], [])


def test_rows_of_one_list_cell_part_when_one_of_them_is_edited() -> None:
    got = read({**ONE, "lot": "L1, L2", "note": "n"})
    frames = copy.deepcopy(got.frames)
    frames[-1]["set"]["value"] = 9
    assert written(frames, got.residual) == (
        [{**ONE, "note": "n"}, {**ONE, "lot": "L2", "value": "9", "note": "n"}],
        [],
    )
    del frames[-1]
    assert written(frames, got.residual)[0] == [{**ONE, "note": "n"}]


def test_list_cells_pair_up_or_the_row_is_kept_unread() -> None:
    assert split({"lot": "A, B", "sample": "x, y"}, {"lot": ",", "sample": ","}) == [
        {"lot": "A", "sample": "x"},
        {"lot": "B", "sample": "y"},
    ]
    m = context()
    given = ({**ONE, "lot": "A, B", "sample": "x, y, z"}, ONE)
    got = read_rows(rows(), lines(*given), m)
    assert [(fault.code, fault.place, fault.severity) for fault in m.faults] == [("split-cells", "line 2", "error")]
    assert written(got.frames, got.residual)[0] == [list(given[0].values()), ONE]


@pytest.mark.parametrize(
    "parts",
    [
        [{"lot": "A"}],
        [{"lot": "A", "x": "1"}, {"lot": "B", "x": "1"}],
        [{"lot": "A", "sample": "x"}, {"lot": "B", "sample": "y"}],
    ],
)
def test_split_undoes_join(parts: list[Cells]) -> None:
    lists = {"lot": ",", "sample": ","}
    joined = join(parts, lists)
    assert joined is not None
    assert split(joined, lists) == parts


def test_rows_that_differ_beside_their_list_cells_are_not_joined() -> None:
    assert join([{"lot": "A", "x": "1"}, {"lot": "B", "x": "2"}], {"lot": ","}) is None


def test_a_value_with_the_separator_is_not_written_as_two() -> None:
    got = read(ONE)
    got.frames[0]["set"]["lot"] = "L1,L2"
    cells, faults = written(got.frames)
    assert "lot" not in cells[0]
    assert "no-home at row 1 lot" in faults[0]


# ---- lines that no table reads --------------------------------------------------------------------------------


def test_a_kept_line_stays_between_its_neighbours_through_edits() -> None:
    given: tuple[Any, ...] = (["title"], ONE, ["? kept"], TWO, [])
    got = read(*given)
    assert written(got.frames, got.residual) == ([["title"], ONE, ["? kept"], TWO, []], [])
    without = [frame for frame in got.frames if not frame["key"].endswith("result:a")]
    assert written(without, got.residual)[0] == [["title"], ["? kept"], TWO, []]
    new = {**got.frames[-1], "key": "new", "set": {**got.frames[-1]["set"], "test": "c"}}
    assert written([*got.frames, new], got.residual)[0] == [["title"], ONE, ["? kept"], TWO, {**TWO, "test": "c"}, []]


def test_what_a_row_says_beyond_its_frames_stays_with_it() -> None:
    given = ({**ONE, "room": "R1", "value": "x"}, {**TWO, "room": "R2"})
    got = read(*given)
    assert [piece.node for piece in got.pieces] == [
        {"in": {"room": {"w": "R1"}, "value": {"w": "x"}}},
        {"in": {"room": {"w": "R2"}}},
    ]
    turned = [*got.frames[:2], got.frames[3], got.frames[2]]
    assert written(turned, got.residual)[0] == [given[1], given[0]]
    edited = copy.deepcopy(got.frames)
    edited[2]["set"]["value"] = 7
    assert written(edited, got.residual)[0] == [{**given[0], "value": "7"}, given[1]]
    renamed = copy.deepcopy(got.frames)
    renamed[3]["set"]["test"] = "z"
    assert written(renamed, got.residual)[0][1] == {**given[1], "test": "z"}


def test_a_copy_of_a_row_does_not_take_its_residual_along() -> None:
    got = read({**ONE, "room": "R1"})
    twice = [*got.frames, copy.deepcopy(got.frames[-1])]
    assert written(twice, got.residual)[0] == [{**ONE, "room": "R1"}, ONE]


# ---- what has no row ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frames: frames[:1], "batch frame"),
        (lambda frames: frames[1:], "sample frame"),
        (lambda frames: [*frames, {"kind": "order", "key": "order", "set": {}}], "order frame"),
        (lambda frames: [{**frames[0], "clear": ["site"]}, *frames[1:]], "batch.site"),
        (lambda frames: [{**frames[0], "set": {**frames[0]["set"], "recipe": "r"}}, *frames[1:]], "batch.recipe"),
        (lambda frames: [*frames, {**frames[-1], "key": "k", "parent": "nobody"}], "result frame"),
    ],
)
def test_a_frame_or_field_that_no_row_says_is_told(change: Any, told: str) -> None:
    faults = written(change(read(ONE).frames))[1]
    assert any(told in fault for fault in faults)


def test_two_outer_frames_that_a_reader_would_take_for_one_are_told() -> None:
    got = read(ONE)
    twin = [{**frame, "key": f"{frame['key']}~", "parent": f"{frame.get('parent', '')}~"} for frame in got.frames]
    faults = written([*got.frames, *twin])[1]
    assert any("row 2 batch frame" in fault for fault in faults)


# ---- maps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rows_by": []}, "at least one level"),
        ({"rows_by": [{"frame": "batch", "table": "t/none"}]}, "no table 't/none'"),
        ({"same": ["nowhere"]}, "not known: nowhere"),
        ({"same": []}, "columns of an outer level belong to `by` or `same`: site"),
    ],
)
def test_what_is_wrong_with_a_map_is_told(change: dict[str, Any], told: str) -> None:
    faults: list[TableFault] = []
    row_map_of({**MAP, **change}, tables(), "t/map", faults)
    assert any(told in str(fault) for fault in faults)
