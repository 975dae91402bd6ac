"""The laws of delimited files: GetPut, PutGet with structural edits, locality, no silent loss, fresh writing."""

from __future__ import annotations

import copy
import os
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adapters import mes_csv
from adapters.mes_csv import Adapter
from adapters.reading import Read, Unparsable
from canonical_model.frames import check, set_schemas
from tests.laws.delimited import comparable, files, filled, grid, normal

DIALECT = "mes_csv/qc_results"
Frame = dict[str, Any]

EXAMPLES = int(os.environ.get("CGT_EXAMPLES", "30"))
"""Random files per law: enough to run with every change; thousands before a release."""
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW)


@cache
def adapter() -> Adapter:
    return mes_csv.adapter(schemas=set_schemas(), zone="Europe/Berlin", system="https://cdmo.example/id")


def read(body: bytes) -> Read:
    return adapter().read(body, DIALECT)


def lost(faults: list[Any]) -> list[str]:
    return [str(fault) for fault in faults if fault.severity == "lost"]


# ---- GetPut, the account, valid frames ------------------------------------------------------------------------


@law
@given(files())
def test_an_unedited_file_comes_back_as_it_was(file: tuple[bytes, str]) -> None:
    body, delimiter = file
    got = read(body)
    written, faults = adapter().write(got.type, got.frames, got.residual)
    assert normal(written, delimiter) == normal(body, delimiter)
    assert not lost(faults)


@law
@given(files())
def test_every_filled_cell_has_exactly_one_fate(file: tuple[bytes, str]) -> None:
    body, delimiter = file
    got = read(body)
    assert sum(got.summary().values()) == filled(body, delimiter)
    assert sum(1 for _ in got.entries()) == filled(body, delimiter)


@law
@given(files())
def test_every_frame_fits_the_model(file: tuple[bytes, str]) -> None:
    for frame in read(file[0]).frames:
        check(frame)


@law
@given(files())
def test_a_fresh_file_is_read_as_the_frames_it_was_written_from(file: tuple[bytes, str]) -> None:
    frames = read(file[0]).frames
    body, faults = adapter().write(DIALECT, frames)
    assert comparable(read(body).frames) == comparable(frames) or lost(faults)


@law
@given(files(dirty=False))
def test_a_clean_file_is_carried_without_its_residual(file: tuple[bytes, str]) -> None:
    got = read(file[0])
    body, faults = adapter().write(DIALECT, got.frames)
    assert comparable(read(body).frames) == comparable(got.frames)
    assert not lost(faults)


# ---- PutGet ---------------------------------------------------------------------------------------------------

POSITIVE = {"codings": [{"code": "positive", "system": mes_csv.codecs.FINDING_SYSTEM}]}
LATER = {"at": "2026-07-01T08:00:00Z", "local": "2026-07-01T10:00:00", "zone": "Europe/Berlin", "precision": "second"}
VALUES: dict[str, list[Any]] = {
    "evaluation": ["in", "out", "not-evaluated"],
    "status": ["final", "corrected", "wrong"],
    "note": ["new note", "=cmd|' /C calc'!A0", "a;b,c|d\te", "-"],
    "sub_id": ["7", "8"],
    "methods": [[{"text": "another method"}]],
    "observers": [[{"name": {"text": "N. N."}}]],
    "limit": [{"low": {"value": "12"}}],
    "value": [{"text": ["no number"]}, {"concepts": [POSITIVE]}],
    "container": [{"kind": "container", "identifiers": [{"system": "https://other.example/bag", "value": "B/2"}]}],
    "analysed_at": [{**LATER, "assumed_zone": True}, {**LATER, "zone": "+02:00"}],
}
COLUMNS = {
    "evaluation": "verdict",
    "sub_id": "replicate",
    "methods": "method",
    "observers": "analyst",
    "analysed_at": "tested_at",
}
PLAIN = ("evaluation", "status", "sub_id", "methods", "observers", "container", "analysed_at")
"""Fields that a cell of their own says, whatever else the row says."""


@st.composite
def edited(draw: st.DrawFn, domain: tuple[str, ...]) -> tuple[bytes, str, list[Frame]]:
    """A file and its frames after up to three edits: delete, duplicate, insert or move a row, set or clear a field."""
    body, delimiter = draw(files())
    frames = copy.deepcopy(read(body).frames)
    for _ in range(draw(st.integers(1, 3))):
        results = [frame for frame in frames if frame["kind"] == "result"]
        assume(results)
        frame = draw(st.sampled_from(results))
        kind = draw(st.sampled_from(["set", "clear", "delete", "duplicate", "insert", "move"]))
        place = frames.index(frame)
        if kind == "set":
            field = draw(st.sampled_from(domain))
            frame["set"][field] = draw(st.sampled_from(VALUES[field]))
        elif kind == "clear":
            frame["set"].pop(draw(st.sampled_from(domain)), None)
        elif kind == "delete":
            del frames[place]
        elif kind == "duplicate":
            frames.insert(place + 1, copy.deepcopy(frame))
        elif kind == "insert":
            named = ("test", "criterion", "batch", "report")
            kept = {name: frame["set"][name] for name in named if name in frame["set"]}
            frames.insert(place, {**frame, "key": f"{frame['key']}+", "set": {**kept, "status": "preliminary"}})
        else:
            beside = [other for other in results if other.get("parent") == frame.get("parent") and other is not frame]
            assume(beside)
            frames.remove(frame)
            frames.insert(frames.index(draw(st.sampled_from(beside))), frame)
    kept_parents = {frame.get("parent") for frame in frames}
    return body, delimiter, [f for f in frames if f["kind"] == "result" or f["key"] in kept_parents]


@law
@given(edited(PLAIN))
def test_what_is_edited_inside_the_domain_is_what_is_read_again(case: tuple[bytes, str, list[Frame]]) -> None:
    body, _, frames = case
    written, faults = adapter().write(DIALECT, frames, read(body).residual)
    assume(not any(fault.code == "cell-missing" for fault in faults))  # a copy of a row whose CoI could not be read
    assert comparable(read(written).frames) == comparable(frames)
    assert not [fault for fault in lost(faults) if "the header grew" not in fault]


@law
@given(edited(tuple(VALUES)))
def test_what_a_reader_would_not_find_again_is_told(case: tuple[bytes, str, list[Frame]]) -> None:
    body, _, frames = case
    written, faults = adapter().write(DIALECT, frames, read(body).residual)
    assert comparable(read(written).frames) == comparable(frames) or lost(faults)


@law
@given(files(), st.sampled_from(PLAIN), st.data())
def test_an_edit_changes_only_its_own_cell(file: tuple[bytes, str], field: str, data: st.DataObject) -> None:
    body, delimiter = file
    got = read(body)
    assume(COLUMNS.get(field, field) in {key for _, key in got.residual["head"]["header"]})
    alone = {key for key in (f["key"] for f in got.frames) if key not in _split(got)}
    results = [frame for frame in got.frames if frame["kind"] == "result" and frame["key"] in alone]
    assume(results)
    frames = copy.deepcopy(got.frames)
    chosen = data.draw(st.sampled_from(results))["key"]
    frame = next(f for f in frames if f["key"] == chosen)
    frame["set"][field] = data.draw(st.sampled_from(VALUES[field]))
    written, _ = adapter().write(DIALECT, frames, got.residual)
    before, after = grid(body, delimiter), grid(written, delimiter)
    keys = [key for _, key in adapter().read(written, DIALECT).residual["head"]["header"]]
    assert len(before) == len(after)
    differing = [
        (number, keys[place])
        for number, (one, other) in enumerate(zip(before, after, strict=True))
        for place in range(max(len(one), len(other)))
        if _at(one, place).lstrip("'") != _at(other, place).lstrip("'") and _at(one, place) != _at(other, place)
    ]
    header = next((number for number, cells in enumerate(after) if len(cells) >= len(keys) and any(cells)), 0)
    assert len({number for number, _ in differing if number > header}) <= 1
    assert {key for number, key in differing if number > header} <= {COLUMNS.get(field, field)}


def _split(got: Read) -> set[str]:
    """Keys of frames that came from a row with several values in a list cell."""
    return {
        key
        for first, kept in got.residual.items()
        if first != "entries" and "with" in kept
        for key in (first, *kept["with"])
    }


def _at(cells: list[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


# ---- hostile bytes --------------------------------------------------------------------------------------------


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())))
@pytest.mark.parametrize("dialect", ["", DIALECT, "mes_csv/receipts"])
def test_bytes_at_random_are_refused_and_nothing_else_is_raised(dialect: str, body: bytes) -> None:
    try:
        adapter().read(body, dialect)
    except Unparsable as wrong:
        assert wrong.remedy
    except mes_csv.Unsupported:
        assert not dialect


PIECES = ["CoI", "Test", "Value", "=1", "1,5", "[%]", "é", "  ", "x", *",;\"'\r\n\t\0\ufeff"]


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_pieces_of_csv_in_any_order_are_read_or_refused(pieces: list[str]) -> None:
    try:
        got = adapter().read(f"CoI,Test\n{''.join(pieces)}".encode(), DIALECT)
    except Unparsable as wrong:
        assert wrong.place.startswith("line ")
        return
    body, _ = adapter().write(DIALECT, got.frames, got.residual)
    assert adapter().read(body, DIALECT).frames == got.frames
