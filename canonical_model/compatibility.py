"""What changed between two sets of published schemas: added, relaxed, deprecated, breaking. Reads and writes nothing.

A change is breaking when a document that the old schema takes may be refused by the new one, or when a field that a
reader knows is gone. What the comparison does not understand it calls breaking. A break is allowed when it is announced
(`ANNOUNCED`) and the version goes up with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

ADDED, RELAXED, DEPRECATED, BREAKING = "added", "relaxed", "deprecated", "breaking"

_KINDS_OF_THEIR_OWN = (
    "Labels, conditioning, follow-up, obligations, qualifications, recalls, notifications and complaints are records "
    "of their own now; these facts are about them, no longer about a container, order, party, material or Issue."
)
_MOVED = (
    *("complaint.closed", "complaint.received", "conditioning.completed", "conditioning.started"),
    *("conditioning.stopped", "followup.completed", "followup.handed-over", "followup.lost", "followup.missed"),
    *("followup.scheduled", "label.applied", "label.issued", "label.reconciled", "notification.confirmed"),
    *("notification.sent", "obligation.recorded", "party.qualified", "party.suspended", "recall.acknowledged"),
    *("recall.closed", "recall.initiated"),
)
ANNOUNCED: Mapping[str, str] = {f'event.type: value "{type_}" removed': _KINDS_OF_THEIR_OWN for type_ in _MOVED}
"""Breaks since the last release that are meant: the change as `publish --check` writes it -> why, and what to do."""

_NOTES = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "examples", "default", "x-personal"})
_FLOORS = frozenset({"minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"})
_CEILINGS = frozenset({"maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"})
_TEXTS = frozenset({"pattern", "format"})
_OWN = frozenset({"type", "enum", "const", "required", "properties", "additionalProperties", "items", "deprecated"})
_OWN_TOO = frozenset({"anyOf", "oneOf", "allOf", "$ref", "prefixItems", "if", "then"})


_NAMES = re.compile(r"\(([a-z0-9_]+(?:\|[a-z0-9_]+)*)\)")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of what sort, where (document or definition, then the field), and what it is."""

    kind: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def changes(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Change]:
    """All changes between two sets of documents, each once, by path."""
    found: dict[Change, None] = {}
    for path in old.keys() - new.keys():
        found[Change(BREAKING, _stem(path), "document removed")] = None
    for path in new.keys() - old.keys():
        found[Change(ADDED, _stem(path), "document")] = None
    for path in sorted(old.keys() & new.keys()):
        found |= dict.fromkeys(_Comparison(old[path], new[path]).run(_stem(path)))
    return sorted(found, key=lambda change: (change.path, change.kind, change.what))


def unannounced(found: Iterable[Change], announced: Mapping[str, str] = ANNOUNCED) -> list[Change]:
    """The breaks that nobody announced."""
    return [change for change in found if change.kind == BREAKING and str(change) not in announced]


def is_later(one: str, other: str) -> bool:
    """True when a version comes after another, as semantic versioning orders them.

    >>> is_later("1.0.0", "1.0.0-draft.2"), is_later("1.0.0-draft.10", "1.0.0-draft.9")
    (True, True)
    """
    return _rank(one) > _rank(other)


def _rank(version: str) -> tuple[Any, ...]:
    number, _, draft = version.partition("-")
    parts = tuple(int(part) for part in number.split("."))
    words = (
        tuple((1, 0, word) if not word.isdigit() else (0, int(word), "") for word in draft.split(".")) if draft else ()
    )
    return parts, not draft, words


def last(versions: Iterable[str]) -> str:
    """The latest of some versions; empty where there is none."""
    return max(versions, key=_rank, default="")


def _stem(path: str) -> str:
    return path.removesuffix(".schema.json")


# ---- snapshots -------------------------------------------------------------------------------------------------


def pack(documents: Mapping[str, Schema]) -> dict[str, Any]:
    """Documents as a release keeps them: without notes, each definition once."""
    shelf: dict[str, Any] = {}
    packed = {}
    for path, document in sorted(documents.items()):
        names = {name: _shelve(shelf, node) for name, node in sorted(document.get("$defs", {}).items())}
        packed[path] = {"schema": _shelve(shelf, document), "definitions": names}
    return {"documents": packed, "schemas": dict(sorted(shelf.items()))}


def unpack(packed: Mapping[str, Any]) -> dict[str, Schema]:
    """The documents of a release."""
    shelf = packed["schemas"]
    return {
        path: {**shelf[kept["schema"]], "$defs": {name: shelf[digest] for name, digest in kept["definitions"].items()}}
        for path, kept in packed["documents"].items()
    }


def _shelve(shelf: dict[str, Any], node: Schema) -> str:
    bare = _bare(node)
    digest = hashlib.sha256(_text(bare).encode()).hexdigest()[:16]
    shelf[digest] = bare
    return digest


def _bare(node: Any, names: bool = False) -> Any:
    """A schema without its notes. `names`: the keys of this object are names of ours."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        word: inner
        if word in {"const", "enum", "required"} and not names
        else _bare(inner, not names and word == "properties")
        for word, inner in node.items()
        if names or word not in _NOTES
    }


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


# ---- comparing -------------------------------------------------------------------------------------------------


class _Comparison:
    """Compares two versions of one document."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = _bare(old), _bare(new)
        self._before = {name: _bare(node) for name, node in old.get("$defs", {}).items()}
        self._after = {name: _bare(node) for name, node in new.get("$defs", {}).items()}
        self._waiting: list[tuple[str, str]] = []
        self._seen: set[tuple[str, str]] = set()

    def run(self, path: str) -> Iterator[Change]:
        yield from self._node(self._old, self._new, path)
        while self._waiting:
            before, after = self._waiting.pop()
            if (before, after) not in self._seen:
                self._seen.add((before, after))
                yield from self._node(self._before[before], self._after[after], after)

    def _node(self, old: Any, new: Any, path: str) -> Iterator[Change]:
        if _text(old) == _text(new) and not _refers(old):
            return
        if isinstance(old, bool) or isinstance(new, bool):
            yield from _of_booleans(old, new, path)
            return
        if "$ref" in old and "$ref" in new:
            self._waiting.append((_name(old), _name(new)))
            old, new = _without(old, "$ref"), _without(new, "$ref")
        old, new = self._spread(old, self._before), self._spread(new, self._after)
        if "anyOf" in old or "anyOf" in new:
            yield from self._choices(old, new, path)
            return
        yield from _of_values(old, new, path)
        yield from _of_bounds(old, new, path)
        yield from self._fields(old, new, path)
        yield from self._lists(old, new, path)
        yield from self._conditions(old, new, path)

    def _spread(self, node: Schema, definitions: Schema) -> Schema:
        """A node whose reference, if it has one, is written out; what stands beside it counts too."""
        if "$ref" not in node:
            return node
        return _both(self._spread(definitions[_name(node)], definitions), _without(node, "$ref"))

    def _choices(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        """Every old choice must fit into one of the new choices."""
        before, after = _spread_choices(old), _spread_choices(new)
        taken: set[int] = set()
        for choice in before:
            trials = [self._trial(choice, other, path) for other in after]
            best = min(
                range(len(after)), key=lambda place: (_breaks(trials[place]), place in taken, len(trials[place]))
            )
            taken.add(best)
            yield from trials[best]
        for place in range(len(after)):
            if place not in taken:
                yield Change(ADDED, path, "choice")

    def _trial(self, old: Schema, new: Schema, path: str) -> list[Change]:
        """Changes from one choice to another; references in them are followed at once, not kept waiting."""
        trial = _Comparison({}, {})
        trial._before, trial._after, trial._old, trial._new = self._before, self._after, old, new
        return list(trial.run(path))

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield Change(BREAKING, f"{path}.{name}", "now required")
        for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
            yield Change(RELAXED, f"{path}.{name}", "no longer required")
        rest, others = old.get("additionalProperties", True), new.get("additionalProperties", True)
        for name in sorted(before.keys() - after.keys()):
            yield Change(BREAKING, f"{path}.{name}", "removed")
        for name in sorted(after.keys() - before.keys()):
            if rest is False:
                yield Change(ADDED, f"{path}.{name}", "field")
            else:
                yield Change(BREAKING, f"{path}.{name}", "constrained where anything was allowed")
        for name in sorted(before.keys() & after.keys()):
            yield from self._node(before[name], after[name], f"{path}.{name}")
        yield from self._node(rest, others, f"{path}.*")

    def _lists(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        yield from self._node(old.get("items", True), new.get("items", True), f"{path}[]")
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        for place in range(max(len(before), len(after))):
            one = before[place] if place < len(before) else old.get("items", True)
            other = after[place] if place < len(after) else new.get("items", True)
            yield from self._node(one, other, f"{path}[{place}]")

    def _conditions(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        if _text(old.get("oneOf")) != _text(new.get("oneOf")) and "oneOf" in new:
            yield Change(BREAKING, path, "alternatives changed")
        before = {_text(one.get("if", one)): one for one in old.get("allOf", ())}
        for one in new.get("allOf", ()):
            condition = _text(one.get("if", one))
            if condition in before:
                yield from self._node(before[condition].get("then", True), one.get("then", True), path)
            elif "if" not in one or self._may_hold(one["if"], old):
                yield Change(BREAKING, path, "a condition was added")

    def _may_hold(self, condition: Any, old: Any) -> bool:
        """False where a condition asks for a constant that the old schema never took."""
        if not isinstance(condition, Mapping) or not isinstance(old, Mapping):
            return True
        if "const" in condition and "enum" in old and condition["const"] not in old["enum"]:
            return False
        spread = self._spread(old, self._before)
        inside = condition.get("properties", {})
        return all(
            self._may_hold(inner, spread.get("properties", {}).get(name, True)) for name, inner in inside.items()
        )


def _of_booleans(old: Any, new: Any, path: str) -> Iterator[Change]:
    """Changes where all or nothing is allowed on one side."""
    if old is False:
        yield Change(ADDED, path, "allowed where nothing was")
    elif new is False:
        yield Change(BREAKING, path, "no longer allowed")
    elif new is not True and new != {}:
        yield Change(BREAKING, path, "constrained where anything was allowed")
    else:
        yield Change(RELAXED, path, "anything is allowed")


def _of_values(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    """Changes of type, of closed lists, of deprecation."""
    before, after = _types(old), _types(new)
    if after and (not before or before - after):
        yield Change(BREAKING, path, f"type narrowed to {', '.join(sorted(after))}")
    elif before != after:
        yield Change(RELAXED, path, "type widened")
    known, now = _values(old), _values(new)
    if now is not None and known is None:
        yield Change(BREAKING, path, "closed to a list of values")
    elif known is not None and now is not None:
        for value in sorted(known - now):
            yield Change(BREAKING, path, f"value {value} removed")
        for value in sorted(now - known):
            yield Change(ADDED, path, f"value {value}")
    elif known is not None:
        yield Change(RELAXED, path, "opened to any value")
    if new.get("deprecated") and not old.get("deprecated"):
        yield Change(DEPRECATED, path, "deprecated")


def _of_bounds(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    """Changes of patterns and bounds, and of words that this comparison does not know."""
    for word in sorted((old.keys() | new.keys()) - _OWN - _OWN_TOO):
        before, after = old.get(word), new.get(word)
        if _text(before) == _text(after):
            continue
        if after is None:
            yield Change(RELAXED, path, f"{word} dropped")
        elif word in _FLOORS and before is not None and after < before:
            yield Change(RELAXED, path, f"{word} lowered to {after}")
        elif word in _CEILINGS and before is not None and after > before:
            yield Change(RELAXED, path, f"{word} raised to {after}")
        elif word == "pattern" and before is not None and _is_wider(before, after):
            yield Change(RELAXED, path, "pattern takes more names")
        elif word in _FLOORS | _CEILINGS | _TEXTS:
            yield Change(BREAKING, path, f"{word} changed to {after}")
        else:
            yield Change(BREAKING, path, f"{word} changed, which is not understood here")


def _is_wider(before: str, after: str) -> bool:
    """True for two patterns that differ in one list of names alone, `(a|b)`, where the new list has all the old."""
    one, other = _NAMES.search(before), _NAMES.search(after)
    if one is None or other is None:
        return False
    around = [text[: found.start()] + "|" + text[found.end() :] for text, found in ((before, one), (after, other))]
    return around[0] == around[1] and set(one[1].split("|")) <= set(other[1].split("|"))


def _spread_choices(node: Schema) -> list[Schema]:
    """Each choice with what stands beside the choices."""
    rest = _without(node, "anyOf")
    return [_both(rest, choice) for choice in node["anyOf"]] if "anyOf" in node else [node]


def _both(one: Schema, other: Schema) -> dict[str, Any]:
    """A node that asks for what both ask for; where both bound one thing, as the second does."""
    made = {**one, **other}
    if "required" in one and "required" in other:
        made["required"] = [*one["required"], *other["required"]]
    if "properties" in one and "properties" in other:
        fields = {**one["properties"], **other["properties"]}
        shared = one["properties"].keys() & other["properties"].keys()
        narrowed = {name: _both(one["properties"][name], other["properties"][name]) for name in shared}
        made["properties"] = {**fields, **narrowed}
    return made


def _breaks(found: Iterable[Change]) -> int:
    return sum(change.kind == BREAKING for change in found)


def _types(node: Schema) -> frozenset[str]:
    stated = node.get("type", ())
    types = {stated} if isinstance(stated, str) else set(stated)
    return frozenset(types | ({"integer"} if "number" in types else set()))


def _values(node: Schema) -> frozenset[str] | None:
    if "const" in node:
        return frozenset({_text(node["const"])})
    return frozenset(map(_text, node["enum"])) if "enum" in node else None


def _refers(node: Any) -> bool:
    return '"$ref"' in _text(node)


def _name(node: Schema) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _without(node: Schema, word: str) -> dict[str, Any]:
    return {key: inner for key, inner in node.items() if key != word}
