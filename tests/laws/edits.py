"""Edits of a message's frames inside the writable domain, chosen by a seeded generator. Knows the tables, no law.

An edit is structural (delete, insert, duplicate, reorder: items of lists, whole frames with what hangs below) or
changes one value. The tables say which values a path can hold: a code of its code table, or what its codec writes.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from adapters import hl7v2, times
from adapters.hl7v2.attachments import described, document_kind
from adapters.hl7v2.combined import kind_of
from adapters.hl7v2.tokenizer import Delimiters
from canonical_model.ids import COI_SYSTEM
from mappings.vocabulary import Row
from tests.laws.v2 import Frame, subtree

Steps = tuple[str | int, ...]

TEXTS = ("Zq 7", "one|two^three&four~five\\six", "Größe 漢字", "two\nlines", '""')
URIS = (
    "urn:oid:1.2.3.4.5",
    "urn:id:NEW%20LAB",
    "urn:uuid:6b1c4f2e-8e5f-4a53-9d6c-000000000001",
    "https://new.example/id",
)


@dataclass(frozen=True)
class Edit:
    """A change of frames: its name, the frame and the path inside its `set`, and the function that makes it."""

    name: str
    frame: str
    path: Steps
    change: Callable[[list[Frame]], list[Frame] | None]

    def apply(self, frames: list[Frame]) -> list[Frame]:
        """The frames after the edit, with what the tables derive from them; the given ones stay as they are."""
        edited = copy.deepcopy(frames)
        edited = self.change(edited) or edited
        derive(edited)
        return edited


def edits_of(frames: list[Frame], rng: random.Random, among: int = 1000) -> list[Edit]:
    """Edits of some of the frames (of all, where there are no more): of each value, and structural ones."""
    keys = {frame["key"] for frame in rng.sample(frames, min(among, len(frames)))}
    return [*value_edits(frames, rng, keys), *structural_edits(frames, rng, keys)]


def value_edits(frames: list[Frame], rng: random.Random, among: set[str]) -> Iterator[Edit]:
    """One edit for every leaf that the tables write."""
    for number, frame in enumerate(frames):
        if frame["key"] not in among:
            continue
        for path, leaf in leaves_of(frame["set"]):
            new = another(frame["kind"], path, leaf, rng)
            if new is not None:
                name = f"value {frame['kind']}.{'.'.join(map(str, path))}"
                yield Edit(name, frame["key"], path, partial(_set, number, path, new))


def structural_edits(frames: list[Frame], rng: random.Random, among: set[str]) -> Iterator[Edit]:
    """Deletes, inserts, duplicates and reorderings of fields, list items and frames."""
    for number, frame in enumerate(frames):
        kind = frame["kind"]
        if frame["key"] not in among:
            continue
        for path, value in frame["set"].items():
            if not is_link(value) and path not in DERIVED.get(kind, ()):
                yield Edit(f"delete {kind}.{path}", frame["key"], (path,), partial(_set, number, (path,), None))
        for path, items in lists_of(frame["set"]):
            for name, changed in _item_changes(kind, path, items, rng):
                name = f"{name} item of {kind}.{'.'.join(map(str, path))}"
                yield Edit(name, frame["key"], path, partial(_set, number, path, changed or None))
    yield from _frame_edits(frames, rng, among)


def _set(number: int, path: Steps, value: Any, frames: list[Frame]) -> None:
    frame = frames[number]
    if value is None:
        _drop(frame["set"], path)
    else:
        _put(frame["set"], path, copy.deepcopy(value))
    if path[0] == "birth_date":  # the time of birth is the date's finer spelling
        frame["set"].pop("birth_time", None)


def _item_changes(kind: str, path: Steps, items: list[Any], rng: random.Random) -> Iterator[tuple[str, list[Any]]]:
    at = rng.randrange(len(items))
    if not (len(items) == 1 and path[-1] == "identifiers" and len(path) > 1):  # a reference names something
        yield "delete", [*items[:at], *items[at + 1 :]]
    if path[-1] in SPLIT.get(kind, ()) or path[-1] in WHOLE:
        return
    yield "duplicate", [*items, items[at]]
    yield "insert", [*items[:at], _fresh(kind, (*path, at), items[at], rng), *items[at:]]
    if len(items) > 1:
        yield "reorder", [*items[1:], items[0]]


def _frame_edits(frames: list[Frame], rng: random.Random, among: set[str]) -> Iterator[Edit]:
    """Whole results, orders, reports, materials and patients: away, doubled, new, in another order."""
    for frame in frames:
        if frame["kind"] not in {"message", "identity"} and frame["key"] in among and not _is_beside(frame):
            yield Edit(f"delete frame {frame['kind']}", frame["key"], (), partial(_without, frame["key"]))
    movable = [f for f in frames if f["kind"] not in {"message", "identity", "subject"} and not _is_beside(f)]
    if movable:
        key = rng.choice(movable)["key"]
        yield Edit("duplicate frame", key, (), partial(_inserted, key, None))
        yield Edit("insert frame", key, (), partial(_inserted, key, random.Random(rng.random())))
    for parent in sorted({f.get("parent", "") for f in movable}):
        for kind in ("order", "report", "result", "material"):
            brothers = [f["key"] for f in frames if f.get("parent", "") == parent and f["kind"] == kind]
            if len(brothers) > 1:
                yield Edit(f"reorder {kind} frames", parent, (), partial(_reordered, brothers))


def _is_beside(frame: Frame) -> bool:
    """True for a frame that the segments of its parent fill as well: it comes and goes with it."""
    return bool(frame["kind"] == "handling" and frame["key"] == f"{frame.get('parent')}/handling")


def _without(key: str, frames: list[Frame]) -> list[Frame]:
    keys = subtree(frames, key)
    return [frame for frame in frames if frame["key"] not in keys]


def _inserted(key: str, rng: random.Random | None, frames: list[Frame]) -> list[Frame]:
    """A copy of a subtree, behind it; with new values where a generator is given."""
    keys = subtree(frames, key)
    block = [copy.deepcopy(frame) for frame in frames if frame["key"] in keys]
    for frame in block:
        frame["key"] += "+"
        if frame.get("parent") in keys:
            frame["parent"] += "+"
        for path, leaf in leaves_of(frame["set"]) if rng else ():
            new = another(frame["kind"], path, leaf, rng)  # type: ignore[arg-type]
            if new is not None and rng.random() < 0.5:  # type: ignore[union-attr]
                _put(frame["set"], path, new)
    last = max(number for number, frame in enumerate(frames) if frame["key"] in keys)
    return [*frames[: last + 1], *block, *frames[last + 1 :]]


def _reordered(brothers: list[str], frames: list[Frame]) -> list[Frame]:
    """The first of the brothers, with what hangs below, moved behind the last."""
    blocks = {key: subtree(frames, key) for key in brothers}
    moved_keys = set().union(*blocks.values())
    first = min(number for number, frame in enumerate(frames) if frame["key"] in moved_keys)
    before = [frame for frame in frames[:first] if frame["key"] not in moved_keys]
    after = [frame for frame in frames[first:] if frame["key"] not in moved_keys]
    moved = [frame for key in [*brothers[1:], brothers[0]] for frame in frames if frame["key"] in blocks[key]]
    return [*before, *moved, *after]


# ---- values ---------------------------------------------------------------------------------------------------

DERIVED = {
    "subject": ("birth_year",),
    "material": ("stage",),
    "message": ("code", "trigger", "charset"),
    "result": ("declared",),
    **dict.fromkeys(("appointment", "booking", "document"), ("kind",)),
    "handling": ("step", "statement"),
}
"""Not edited: computed on reading (`derive`, `only: in`), chosen by the writer (the value type, the character set), or
what says which message map reads the message, and words that each kind of message has a table of its own for."""

SPLIT = dict.fromkeys(("order", "report", "material", "appointment"), ("identifiers", "parents")) | {
    "document": ("identifiers", "authors", "authenticators")
}
"""Lists whose items have a place each by their type: a second item of one type has no home."""

ASSUMED = frozenset({"urn:id:unassigned", COI_SYSTEM})
"""Systems that the reader takes where the message names none."""

WHOLE = frozenset({"given", "lines", "codings"})
"""Lists that are one value on the wire."""


def derive(frames: list[Frame]) -> None:
    """What follows from an edit, in place: computed fields, and that a system that somebody sets is not assumed."""
    for frame in frames:
        _stated(frame["set"])
        if frame["kind"] == "identity":
            subject = next((f for f in frames if f["key"] == frame.get("parent")), None)
            if subject is not None:
                subject["set"].pop("birth_year", None)
                if frame["set"].get("birth_date"):
                    subject["set"]["birth_year"] = int(frame["set"]["birth_date"][:4])
        if frame["kind"] in _KINDS:
            _kind(frame)
        if frame["kind"] == "result" and "attachment" in (frame["set"].get("value") or {}):
            frame["set"]["value"]["attachment"] = described(frame["set"]["value"]["attachment"])
        if frame["kind"] == "material":
            frame["set"].pop("stage", None)
            coded = (frame["set"].get("product") or {}).get("codings") or [{}]
            if coded[0].get("code"):
                frame["set"]["stage"] = "sample"


_KINDS = {
    "appointment": ("category", kind_of),
    "booking": ("service", kind_of),
    "document": ("type", document_kind),
}
"""Kind of frame -> the coded field that says its `kind`, and what reads that."""


def _kind(frame: Frame) -> None:
    field, read = _KINDS[frame["kind"]]
    frame["set"].pop("kind", None)
    if field in frame["set"] and (kind := read(frame["set"][field], Delimiters(codes=hl7v2.base().library.codes))):
        frame["set"]["kind"] = kind


def _stated(value: Any) -> None:
    if isinstance(value, dict):
        if value.get("assumed") and value.get("system") not in ASSUMED:
            del value["assumed"]
        for item in value.values():
            _stated(item)
    elif isinstance(value, list):
        for item in value:
            _stated(item)


def is_link(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"frame"}


def is_when(value: Any) -> bool:
    return isinstance(value, dict) and "at" in value and "local" in value


def leaves_of(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Leaves of a `set`; a When is one leaf, a link none."""
    if is_link(value):
        return
    if isinstance(value, dict) and not is_when(value):
        for key, item in value.items():
            yield from leaves_of(item, (*path, key))
    elif isinstance(value, list):
        for count, item in enumerate(value):
            yield from leaves_of(item, (*path, count))
    else:
        yield path, value


def lists_of(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, list[Any]]]:
    if isinstance(value, dict) and not is_when(value):
        for key, item in value.items():
            yield from lists_of(item, (*path, key))
    elif isinstance(value, list):
        yield path, value
        for count, item in enumerate(value):
            yield from lists_of(item, (*path, count))


def another(kind: str, path: Steps, leaf: Any, rng: random.Random) -> Any:
    """Another value for a leaf, or None where the leaf is no value of its own."""
    names = tuple(step for step in path if isinstance(step, str))
    row = _row(kind, names)
    if names[0] in DERIVED.get(kind, ()) or row is None or row.only:
        return None
    if is_when(leaf):
        return times.when("2031-02-03T04:05:06", "+02:00", "UTC")
    if names[-1] in {"size", "sha256"}:
        return None  # computed of the data
    if isinstance(leaf, bool):
        return None if names[-1] == "assumed" else not leaf
    if isinstance(leaf, int):
        return leaf + 1
    if row.table:
        codes = sorted(hl7v2.base().library.codes[row.table].reverse)
        return next(code for code in codes if code != leaf) if codes else None
    return _text(kind, names, leaf, row, rng)


def _text(kind: str, names: tuple[str, ...], leaf: str, row: Row, rng: random.Random) -> Any:
    last = names[-1]
    if last == "type" and row.codec in {"ei", "cx_untyped", "coi", "order_numbers", "barcode"}:
        return None  # the item's place says it
    if last in {"role", "kind"}:
        return None  # as does a person's role, and that an order is one
    if last == "type":
        return "mrn" if leaf != "mrn" else "visit"
    if row.codec == "birth" or last == "birth_date":
        return None if last == "birth_time" else "1931-02-03"
    if last in {"system", "application_id", "facility_id", "unit_system", "address_id", "event_facility_id"}:
        return next(uri for uri in URIS if uri != leaf)
    if last == "declared":
        return None
    if last == "time":
        return "04:05"
    if last == "comparator":
        return "<" if leaf != "<" else ">"
    if row.codec == "decimal":
        return "42.50"
    if last == "value" and (
        row.codec in {"quantity", "amount", "dose", "scheduled"} or {"quantity", "ratio", "range"} & set(names)
    ):
        return "42.50"
    if {"ratio", "range"} & set(names):
        return None  # both numbers have the unit of OBX-6
    if last == "media_type":
        return "application/pdf"
    return rng.choice(TEXTS)


@cache
def _row(kind: str, names: tuple[str, ...]) -> Row | None:
    """The innermost row that writes a path of a kind, through its data types."""
    library = hl7v2.base().library
    for table in library.tables.values():
        for row in table.spec.rows:
            for into in row.into:
                found = _inner(row, into, ".".join((kind, *names)), library.types)
                if found is not None:
                    return found
    return None


def _inner(row: Row, into: str, path: str, types: Mapping[str, Any]) -> Row | None:
    if path != into and not path.startswith(f"{into}."):
        return None
    rest = path[len(into) + 1 :]
    if row.codec in types and rest and not row.table:
        for inner in types[row.codec].rows:
            for target in inner.into:
                found = _inner(inner, target, rest, types)
                if found is not None:
                    return found
        return None if not row.split else row
    return row


def _fresh(kind: str, path: Steps, item: Any, rng: random.Random) -> Any:
    """An item like this one with new values."""
    if not isinstance(item, dict):
        return "Zq 8"
    made = copy.deepcopy(item)
    for inner, leaf in leaves_of(made):
        new = another(kind, (*path, *inner), leaf, rng)
        if new is not None:
            _put(made, inner, new)
    return made


def _put(holder: Any, path: Steps, value: Any) -> None:
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value


def _drop(holder: Any, path: Steps) -> None:
    """Takes a value away, and the branches that it leaves empty."""
    trail = [holder]
    for step in path[:-1]:
        trail.append(trail[-1][step])
    for node, step in zip(reversed(trail), reversed(path), strict=True):
        del node[step]
        if node:
            return
