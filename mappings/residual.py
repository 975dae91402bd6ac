"""What a message said beyond its frames, addressed by content and never by position.

`W` is a piece of the wire (a segment, a resource, a row) as a plain tree, `C` is what the table writes of the frames
that were read from it. The residual of the piece is the difference between the two, each difference guarded by its
`C`: it goes back only where the frames still write that same `C`. From this alone follow

- GetPut: `patch(C, diff(W, C)) == W`;
- safety: a residual never joins a value that it did not come with.

Nodes are JSON: `{"w":…, "c":…}` (a leaf or data type that differs), `{"in": {key: node}}` (inside a branch; with
`"w": {}` where the sender's is there and empty),
`{"seq": [[c, w], …]}` (a list with one entry per item: `c` null where no item was read, `w` absent where equal). Beside
`seq`, where several rows feed one list: `"less"`, items that the table writes and the wire had not; `"was"`, the order
in which the table wrote the items, where it was not that of the wire.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

Wire = Any
Node = dict[str, Any]
Norm = Callable[[Wire, Any], Wire]
Shape = Mapping[Any, "Shape | Norm | None"]

T = TypeVar("T")


def diff(wire: Wire, canonical: Wire, shape: Shape | Norm | None, context: Any) -> Node | None:
    """The residual of `wire` against what the table writes, or None where they are equal."""
    if wire == canonical and type(wire) is type(canonical):
        return None
    if callable(shape) and isinstance(wire, list) and wire:
        return _diff_items(wire, canonical, shape, context)
    if isinstance(shape, dict) and isinstance(wire, dict) and (canonical is None or isinstance(canonical, dict)):
        if not wire and canonical is None:
            return {"w": {}}
        inner: dict[str, Any] = {}
        canonical = canonical or {}
        for key in (*wire, *(key for key in canonical if key not in wire)):
            said, written = wire.get(key), canonical.get(key)
            if said != written or type(said) is not type(written):
                inner[key] = diff(said, written, shape.get(key), context)
        if not inner:
            return None
        return {"in": inner} if wire else {"in": inner, "w": {}}
    return {"w": wire} if canonical is None else {"w": wire, "c": canonical}


def _diff_items(wire: list[Wire], canonical: Wire, norm: Norm, context: Any) -> Node:
    written = number([_key(item) for item in canonical]) if isinstance(canonical, list) else []
    left = dict(zip(written, canonical or (), strict=True))
    seen: Counter[str] = Counter()
    sequence: list[list[Wire]] = []
    order: list[tuple[Hashable, int]] = []
    for item in wire:
        alone = norm(item, context)
        key = ("", -1) if alone is None else (_key(alone), seen[_key(alone)])
        if left.pop(key, None) is None:  # what the item says alone, the table does not write of the whole list
            sequence.append([None, item])
            continue
        seen[str(key[0])] += 1
        order.append(key)
        sequence.append([alone] if alone == item and type(alone) is type(item) else [alone, item])
    order += left
    node: Node = {"seq": sequence}
    if left:
        node["less"] = list(left.values())
    if order != written:
        node["was"] = " ".join(str(order.index(key)) for key in written)
    return node


def patch(canonical: Wire, node: Node | None) -> Wire:
    """What to send: the table's writing with the residual of its own message laid over it."""
    if node is None:
        return canonical
    if "in" in node:
        patched = _patch_branch(canonical, node["in"])
        return node.get("w") if patched is None and canonical is not None else patched
    if "seq" in node:
        return _patch_items(canonical, node)
    if node["w"] is None:  # a place that the sender leaves empty stays so; another place of the wire says the value
        return None
    return node["w"] if canonical == node.get("c") else canonical


def _patch_branch(canonical: Wire, inner: dict[str, Node]) -> Wire:
    if canonical is not None and not isinstance(canonical, dict):
        return canonical
    branch = dict(canonical or {})
    for key, node in inner.items():
        value = patch(branch.get(key), node)
        if value is None:
            branch.pop(key, None)
        else:
            branch[key] = value
    return branch or None


_ABSENT: Any = object()


def _patch_items(canonical: Wire, node: Node) -> Wire:
    if canonical is not None and not isinstance(canonical, list):
        return canonical
    entries = [(None if entry[0] is None else _key(entry[0]), entry[-1]) for entry in node["seq"]]
    old = _numbered([*entries, *((_key(item), _ABSENT) for item in node.get("less", ()))])
    originals = dict(old)
    items: dict[tuple[Hashable, int], Wire] = {}
    for key, item in zip(number([_key(item) for item in canonical or []]), canonical or [], strict=True):
        items[key] = item
    keys = list(items)
    if "was" in node:
        stood = [key for key, _ in old if key is not None]
        keys = _as_on_the_wire(keys, stood, [stood[int(place)] for place in node["was"].split()])
    out = [
        extra if place is None else originals.get(keys[place], items[keys[place]]) for place, extra in merge(old, keys)
    ]
    return [item for item in out if item is not _ABSENT] or None


def _as_on_the_wire(keys: list[Any], stood: list[Any], written: list[Any]) -> list[Any]:
    """Keys brought from the table's order to the wire's, unless somebody has put them into another order."""
    known = set(stood)
    now = set(keys)
    kept = [key for key in keys if key in known]
    if kept != [key for key in written if key in now]:
        return keys
    after: dict[Any, list[Any]] = {}
    last = None
    for key in keys:
        if key in known:
            last = key
        else:
            after.setdefault(last, []).append(key)
    out = list(after.get(None, ()))
    for key in stood:
        if key in now:
            out += [key, *after.get(key, ())]
    return out


def _key(item: Wire) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True, ensure_ascii=False, default=str)


def number(keys: Sequence[Hashable]) -> list[tuple[Hashable, int]]:
    """Keys made unique by the count of their occurrence: a repeated key is the first, the second, …"""
    seen: Counter[Hashable] = Counter()
    out = []
    for key in keys:
        out.append((key, seen[key]))
        seen[key] += 1
    return out


def _numbered(entries: list[tuple[str | None, Wire]]) -> list[tuple[tuple[Hashable, int] | None, Wire]]:
    keys = iter(number([key for key, _ in entries if key is not None]))
    return [(None if key is None else next(keys), original) for key, original in entries]


def merge(old: Sequence[tuple[Hashable | None, T]], new: Sequence[Hashable]) -> list[tuple[int | None, T | None]]:
    """Places `new` keys among the `old` sequence, whose key-less entries are extras that stay where they stood.

    Returns `(index into new, None)` for a key and `(None, extra)` for an extra. A key that left takes nothing with it,
    a key that came follows its predecessor, and where the order changed the old places are filled in the new order.
    """
    index = {key: place for place, key in enumerate(new)}
    kept = [key for key, _ in old if key is not None and key in index]
    staying = set(kept)
    if [key for key in new if key in staying] != kept:
        return _fill(old, len(new), index)
    out: list[tuple[int | None, T | None]] = []
    at = 0
    for key, extra in old:
        if key is None:
            out.append((None, extra))
        elif key in index:
            upto = index[key] + 1
            follow = upto
            while follow < len(new) and new[follow] not in staying:
                follow += 1
            out += [(place, None) for place in range(at, follow)]
            at = follow
    return out + [(place, None) for place in range(at, len(new))]


def _fill(
    old: Sequence[tuple[Hashable | None, T]], count: int, index: Mapping[Hashable, int]
) -> list[tuple[int | None, T | None]]:
    out: list[tuple[int | None, T | None]] = []
    at = 0
    slots = sum(1 for key, _ in old if key is not None and key in index)
    for key, extra in old:
        if key is None:
            out.append((None, extra))
        elif key in index:
            slots -= 1
            stop = count if slots == 0 else at + 1
            out += [(place, None) for place in range(at, stop)]
            at = stop
    return out + [(place, None) for place in range(at, count)]
