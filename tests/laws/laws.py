"""The laws of a two-way mapping, each a function that raises AssertionError where one message breaks it.

The same functions judge other people's messages, generated ones, and engines with a planted fault (which they have to
find, see `test_planted_faults`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from adapters import hl7v2
from adapters.hl7v2 import tokenizer
from adapters.reading import Read
from canonical_model.frames import check
from mappings.account import FATES
from mappings.faults import Fault
from tests.laws import v2
from tests.laws.edits import Edit
from tests.laws.v2 import Frame

Adapter = hl7v2.Adapter


def get_put(adapter: Adapter, body: bytes) -> Read:
    """`write(read(m), residual) == m`, leaf by leaf at its place, and after the one normaliser."""
    read = adapter.read(body)
    written, faults = adapter.write(read.type, read.frames, read.residual)
    before, after = body.decode(read.charset), written.decode(read.charset)
    assert v2.normal(after) == v2.normal(before), _first_difference(v2.normal(before), v2.normal(after))
    assert tokenizer.normal(after) == tokenizer.normal(before)
    assert not faults, f"what was read has no home: {_told(faults)}"
    return read


def nothing_lost(body: bytes, read: Read) -> None:
    """Every leaf that an independent splitter counts has exactly one of the four fates, per segment."""
    entries = list(read.entries())
    counted = v2.counted(body.decode(read.charset))
    assert Counter(entry.piece for entry in entries) == counted
    assert {entry.fate for entry in entries} <= set(FATES)
    places = [(entry.piece, entry.ordinal, entry.place) for entry in entries]
    assert len(set(places)) == len(places), "a leaf is accounted for twice"
    assert +Counter(entry.fate for entry in entries) == +read.summary()


def carried_is_written(adapter: Adapter, body: bytes, read: Read) -> None:
    """What the account calls carried stands in a message that is written from the frames alone."""
    written, _ = adapter.write(read.type, read.frames, {"head": read.residual["head"]})
    there = Counter(_leaf(*leaf) for leaf in v2.leaves(written.decode(read.charset)))
    lines = list(v2.leaves(body.decode(read.charset)))
    claimed: Counter[Any] = Counter()
    for (_, name, place, text), entry in zip(_in_order(lines), _entries_in_order(read), strict=True):
        assert name == entry.piece
        if entry.fate == "carried":
            claimed[_leaf(0, name, place, text)] += 1
    assert claimed <= there, f"called carried, but not written: {list((claimed - there).elements())[:5]}"


def fresh(adapter: Adapter, read: Read, homeless: Iterable[str] = ()) -> None:
    """`read(write(frames)) == frames`, save the paths that the writer reports; those are among `homeless`."""
    written, faults = adapter.write(read.type, read.frames)
    same_frames(read.frames, adapter.read(written).frames, faults, filled(adapter))
    assert _told(faults) <= set(homeless), f"reported as without a home: {sorted(_told(faults) - set(homeless))}"


def put_get(adapter: Adapter, read: Read, edit: Edit, residual: dict[str, Any] | None) -> set[str]:
    """`read(write(f', residual)) == f'`; returns the paths that the writer reports as without a home."""
    edited = edit.apply(read.frames)
    for frame in edited:
        check(frame)
    written, faults = adapter.write(read.type, edited, residual)
    try:
        same_frames(edited, adapter.read(written).frames, faults, filled(adapter))
    except AssertionError as broken:
        raise AssertionError(f"{edit.name}: {broken}") from broken
    return _told(faults)


def filled(adapter: Adapter) -> frozenset[str]:
    """Fields that a message must state and a frame may leave out, such as the order control of an ORC (4.5.1.1)."""
    return frozenset({"message.structure", *(p for table in adapter.library.tables.values() for p in table.filled)})


def same_frames(meant: list[Frame], read: list[Frame], faults: list[Fault], stated: Iterable[str] = ()) -> None:
    """The same frames in the same tree; a path that differs is one that the writer reported.

    `stated` are fields that the writer states for a frame without them.
    """
    told = _told(faults)
    ours, theirs = v2.comparable(meant), v2.comparable(read)
    if not any(place.endswith(" frame") for place in told):
        assert [frame["place"] for frame in ours] == [frame["place"] for frame in theirs]
    for our, their in zip(ours, theirs, strict=False):
        different = {
            f"{our['kind']}.{path}"
            for path in our["set"].keys() | their["set"].keys()
            if our["set"].get(path) != their["set"].get(path)
            and (path in our["set"] or f"{our['kind']}.{path}" not in stated)
        }
        for marks in ("clear", "assumed"):
            different |= {f"{our['kind']}.{path}" for path in {*our.get(marks, ())} ^ {*their.get(marks, ())}}
        assert different <= told, f"read otherwise, and not reported: {sorted(different - told)}"
        for path in sorted(different - v2.OTHERWISE):
            name = path.partition(".")[2]
            wanted, found = (v2.sayable(meant, path, shown["set"].get(name)) for shown in (our, their))
            assert found == wanted, f"reported, and the version has a field for it: {path}"


def local(adapter: Adapter, body: bytes, read: Read, edit: Edit) -> bool:
    """An edit changes only the fields that its rows name; set ids apart. False where the edit is outside the law.

    A message whose own delimiters cannot say the new value is written in the standard ones: outside. So is another
    version, which has other rows. A frame whose identifiers change may be another frame, and one whose first segment
    says nothing any more is begun anew: it states what a fresh one must state.
    """
    if edit.path == ("version",):
        return False
    written, _ = adapter.write(read.type, edit.apply(read.frames), read.residual)
    before, after = body.decode(read.charset), written.decode(adapter.read(written).charset)
    if before[3:9] != after[3:9]:
        return False
    if not edit.path:
        _frames_only(before, after, edit)
        return True
    kind = next(frame["kind"] for frame in read.frames if frame["key"] == edit.frame)
    allowed = _named_fields(adapter, kind, edit.path) | {("MSH", 18)}
    paths = {tuple(path.split(".")[1:]) for path in filled(adapter) if path.startswith(f"{kind}.")}
    stated = set[tuple[str, int]]().union(*(_named_fields(adapter, kind, path) for path in paths))
    if edit.path[0] == "identifiers" or _bare(after, stated) > _bare(before, stated):
        allowed |= stated
    for name, number in v2.changed(before, after):
        assert (name, number) in allowed, f"{edit.name} changed {name}-{number}"
    return True


def _bare(text: str, stated: set[tuple[str, int]]) -> int:
    """Segments that say nothing but what a fresh one must."""
    return sum(1 for name, said in v2.fields(text) if said and {(name, number) for number in said} <= stated)


def no_foreign_identifier(adapter: Adapter, body: bytes, read: Read, edit: Edit) -> None:
    """No identifier is sent that was not in the source: number, check digit and authority as one, wherever it stands.

    What the edit itself says is in its frames, and has no check digit. One that is written again may have lost its own.
    """
    edited = edit.apply(read.frames)
    written, _ = adapter.write(read.type, edited, read.residual)
    before, after = body.decode(read.charset), written.decode(adapter.read(written).charset)
    said = {number for number, *_ in _named(edited) - _named(read.frames)}
    known = v2.identifiers(before)
    known |= {(number, "", "", *authority) for number, _, _, *authority in known}
    for number, digit, scheme, *authority in v2.identifiers(after) - known:
        assert number in said, f"{edit.name}: an identifier is sent that nobody said: its number is not of this edit"
        assert not digit, f"{edit.name}: another identifier's check digit stands beside a new number"
        assert not scheme, f"{edit.name}: another identifier's check digit scheme stands beside a new number"
        assert len(authority) == 2


def _named(value: Any) -> set[tuple[str, ...]]:
    """Number, system and assigner of every identifier of frames."""
    if isinstance(value, list):
        return set().union(*map(_named, value))
    if not isinstance(value, dict):
        return set()
    own: set[tuple[str, ...]] = set()
    if {"value", "system"} <= value.keys():
        own.add((value["value"], value["system"], value.get("assigner", "")))
    return own.union(*map(_named, value.values()))


def _frames_only(before: str, after: str, edit: Edit) -> None:
    old, new = v2.fields(before), v2.fields(after)
    if edit.name.startswith("delete"):
        assert v2.is_subsequence(new, old), f"{edit.name} changed what was not deleted"
    elif edit.name.startswith("reorder"):
        assert sorted(map(repr, new)) == sorted(map(repr, old)), f"{edit.name} changed what was only moved"
    else:
        assert v2.is_subsequence(old, new), f"{edit.name} changed what was there before"


_SPELLED_TOGETHER = {"identity.birth_date": {"identity.birth_time"}, "subject.deceased_at": {"subject.deceased"}}
"""Paths of which one can say the other: without the time of death (PID-29), PID-30 has to say that there was one."""


def _named_fields(adapter: Adapter, kind: str, path: tuple[str | int, ...]) -> set[tuple[str, int]]:
    """Fields of the rows that write a canonical path, or a part of it."""
    named = ".".join([kind, *(step for step in path if isinstance(step, str))])
    also = _SPELLED_TOGETHER.get(named, set())
    found = set()
    for table in adapter.library.tables.values():
        beside = (*table.spec.pick, *table.spec.also)  # a piece that is a field comes and goes as a whole
        for row in table.spec.rows:
            for into in row.into:
                if into == named or named.startswith(f"{into}.") or into.startswith(f"{named}.") or into in also:
                    found |= {(table.spec.piece, int(at.partition(".")[0])) for at in (*row.at, *beside)}
    return found


def valid(read: Read) -> None:
    """Every frame is what the published schema says a frame is."""
    for frame in read.frames:
        check(frame)


def _told(faults: Iterable[Fault]) -> set[str]:
    return {fault.place for fault in faults if fault.code == "no-home" or fault.severity == "lost"}


def _leaf(_: int, name: str, place: v2.Place, text: str) -> tuple[Any, ...]:
    return name, place[0], *place[2:], text


def _in_order(leaves: list[tuple[int, str, v2.Place, str]]) -> list[tuple[int, str, v2.Place, str]]:
    """Leaves by segment name, then as they stand: the pieces of a reading come frame by frame."""
    return sorted(leaves, key=lambda leaf: (leaf[1], leaf[0], leaf[2]))


def _entries_in_order(read: Read) -> list[Any]:
    def numbers(place: tuple[str, ...]) -> tuple[int, ...]:
        number, _, repeat = place[0].partition("[")
        inner = [int(step) for step in place[1:]]
        return int(number), int(repeat.rstrip("]") or 1), *inner, *[1] * (2 - len(inner))

    return sorted(read.entries(), key=lambda entry: (entry.piece, entry.ordinal, numbers(entry.place)))


def _first_difference(before: list[Any], after: list[Any]) -> str:
    at = next((n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return f"{len(before)} leaves became {len(after)}"
    return f"{before[at][1]} line {before[at][0]} place {before[at][2]} became {after[at][1]} {after[at][2]}"
