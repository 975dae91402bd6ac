"""An update as the difference between what a partner was shown and what it sent. Writes nothing, decides no policy.

A partner that changes one element sends the whole resource again. What it left as it was is no statement; what it
changed is one, if a table carries it; what no table carries cannot be recorded, and the partner is told (422) instead
of losing it. Not counted as changes: the narrative that a client generates anew, the server's own `meta`, the order of
identifiers and codings, a number spelt otherwise (`1.50` as `1.5`), the same instant under another offset.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters import json_text
from adapters.json_text import Num
from adapters.reading import Read
from mappings import account
from mappings.account import Piece, Place

Leaf = tuple[str, str]
"""Element path without counts, and its text."""

FIXED: Mapping[str, frozenset[str]] = {
    "subject": frozenset({"replaces", "replaced_by"}),
    "order": frozenset({"patient", "intent", "replaces", "do_not_perform"}),
    "result": frozenset({"patient", "order", "material", "container", "members", "derived_from"}),
}
"""Fields that an update cannot change: they say which record it is, and whose."""

_GENERATED = frozenset({"generated", "extensions", "empty"})
_SERVER = re.compile(r"[A-Za-z]+\.(resourceType|id|meta\.(versionId|lastUpdated|profile))")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,39})(\.\d{1,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_SELECTOR = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: frames of `{kind, key, set, clear}` with changed fields only, and elements that cannot change."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    unwritable: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.frames or self.unwritable)


def changes(shown: Read, sent: Read) -> Changes:
    """The difference of two readings of one resource, both read by one adapter and with one resolver."""
    before = {frame["key"]: frame for frame in shown.frames}
    after = {frame["key"]: frame for frame in sent.frames}
    frames: list[dict[str, Any]] = []
    fixed: set[tuple[str, str]] = set()
    for key in dict.fromkeys([*before, *after]):
        frame = after.get(key) or before[key]
        old, new = (frames_of.get(key, {}).get("set", {}) for frames_of in (before, after))
        changed = _fields(frame["kind"], old, new, fixed)
        if changed["set"] or changed["clear"]:
            frames.append({"kind": frame["kind"], "key": key, **changed})
    moved = {f"{frame['kind']}.{name}" for frame in frames for name in [*frame["set"], *frame["clear"]]}
    kept_before, kept_after = _kept(shown, moved), _kept(sent, moved)
    differing = {path for path, _ in ((kept_before - kept_after) + (kept_after - kept_before))}
    places = {**_places(shown), **_places(sent)}
    return Changes(frames, sorted(differing | {places.get(name, ".".join(name)) for name in fixed}))


def _fields(kind: str, old: Mapping[str, Any], new: Mapping[str, Any], fixed: set[tuple[str, str]]) -> dict[str, Any]:
    """Changed fields; those that an update cannot change are added to `fixed` instead."""
    changed: dict[str, Any] = {"set": {}, "clear": []}
    for name in dict.fromkeys([*old, *new]):
        if same(old.get(name), new.get(name)):
            continue
        if name in FIXED.get(kind, ()) or (name == "identifiers" and not _only_added(old.get(name), new.get(name))):
            fixed.add((kind, name))
        elif name in new:
            changed["set"][name] = new[name]
        else:
            changed["clear"].append(name)
    return changed


def _only_added(old: Any, new: Any) -> bool:
    """True where every identifier is still there: names are given and ended, never taken away or made another's."""
    return {_name(item) for item in old or ()} <= {_name(item) for item in new or ()}


def _name(identifier: Mapping[str, Any]) -> tuple[Any, ...]:
    return identifier["system"], identifier["value"], identifier.get("type")


def same(one: Any, other: Any) -> bool:
    """True where two canonical values say the same.

    >>> same({"value": "1.50", "unit": "mg"}, {"value": "1.5", "unit": "mg"})
    True
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if "at" in one and "precision" in one:
            return bool((one["at"], one["precision"]) == (other.get("at"), other.get("precision")))
        if isinstance(one.get("value"), str) and "system" not in one:  # a quantity; an identifier has a system
            return _without_value(one) == _without_value(other) and _spelt(one["value"]) == _spelt(other.get("value"))
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return False
        if _is_unordered(one) and _is_unordered(other):
            return all(any(same(a, b) for b in other) for a in one) and all(any(same(a, b) for b in one) for a in other)
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


def _without_value(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if name != "value"}


def _spelt(text: Any) -> Any:
    """One spelling for a number; a text that is none stays as it is."""
    return Decimal(text).normalize() if isinstance(text, str) and _NUMBER.fullmatch(text) else text


def _is_unordered(items: list[Any]) -> bool:
    """Identifiers and codings: lists whose order says nothing."""
    return all(isinstance(item, Mapping) and item.keys() & {"system", "code"} for item in items)


# ---- what no row carries --------------------------------------------------------------------------------------


def _kept(read: Read, moved: set[str]) -> Counter[Leaf]:
    """Leaves outside the frames. A leaf that is carried in part is no change of its own where its field changed."""
    found: Counter[Leaf] = Counter()
    for piece in read.pieces:
        texts = _leaves(piece.name, piece.wire)
        for entry, (_, text) in zip(account.entries([piece], _leaves), texts, strict=True):
            if entry.fate == "carried" or (entry.fate == "lossy" and _targets(entry) & moved):
                continue
            path = ".".join([piece.name, *(_SELECTOR.sub("", step) for step in entry.place)])
            if not _SERVER.fullmatch(path) and not _is_generated(piece, entry.place):
                found[(path, text)] += 1
    return found


def _leaves(name: str, wire: Any) -> Iterator[tuple[Place, str]]:  # noqa: ARG001 - as every format's
    """Every scalar with its path, numbers in one spelling."""
    return json_text.leaves(_one_spelling(wire))


def _one_spelling(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _one_spelling(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_one_spelling(inner) for inner in value]
    return f"{_spelt(str(value))}" if isinstance(value, Num) else value


def _targets(entry: account.Entry) -> set[str]:
    """`kind.field` of the canonical paths of an entry."""
    return {".".join(_SELECTOR.sub("", path).split(".")[:2]) for path in entry.target.split(", ")}


def _is_generated(piece: Piece, place: Place) -> bool:
    """True for a narrative that says no more than the data does: a client makes it anew with every change."""
    narrative = piece.wire.get("text") if place[0] == "text" and isinstance(piece.wire, Mapping) else None
    return isinstance(narrative, Mapping) and narrative.get("status") in _GENERATED


def _places(read: Read) -> dict[tuple[str, str], str]:
    """(kind, field) -> the element that carries it."""
    found: dict[tuple[str, str], str] = {}
    for piece in read.pieces:
        rows = piece.table.spec.rows if piece.table else ()
        for row in sorted(rows, key=lambda row: (not row.each, bool(row.only))):
            for path in row.into:
                kind, _, rest = path.removesuffix("[]").partition(".")
                found.setdefault((kind, rest.partition(".")[0]), f"{piece.name}.{_SELECTOR.sub('', row.at[0])}")
    return found
