"""Message maps over a sequence of pieces, writing: the pieces of a message from its frames. The way there is `groups`.

The residual of the message that the frames came from is laid over what the tables write, as far as the frames are read
from it as they were meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.compile import Frames
from mappings.faults import Unreadable
from mappings.groups import Group, Own, Segment, fields_before
from mappings.residual import Node, merge, patch
from mappings.runtime import Context, Draft


@dataclass(slots=True)
class _Node:
    """A frame while its pieces go out. `key` is the one it was handed in with; a second of that key has none."""

    group: Group
    drafts: Frames
    key: str
    children: list[_Node] = field(default_factory=list)
    ordinal: int = 1


_Pieces = dict[str, dict[str, Any] | None]
"""Own pieces of a frame by label."""


def write(
    root: Group, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any], m: Context
) -> list[Segment | str]:
    """Pieces of a message from frames, with the residual of the message that they came from (or none).

    The residual goes by the keys of the frames as they are handed in. A frame that has no place in this message, and
    whatever of a frame would be read otherwise from what is written, is noted as `no-home`.
    """
    top = _tree(root, frames, m)
    out: list[Segment | str] = []
    _emit(top, residual, (), frozenset(), m, out)
    return out


def _tree(root: Group, frames: Sequence[Mapping[str, Any]], m: Context) -> _Node:
    top = _Node(root, {}, "")
    nodes: dict[str, _Node] = {"": top}
    for frame in frames:
        kind, key = frame["kind"], frame["key"]
        holder = nodes.get(frame.get("parent", ""))
        draft = Draft(kind, frame["set"], list(frame.get("clear", ())), list(frame.get("assumed", ())))
        if holder is not None and kind in holder.group.also:
            holder.drafts[kind] = draft
            continue
        group = next((g for g in holder.group.groups if g.kind == kind), None) if holder else None
        if holder is None or group is None:
            m.no_home("", f"{kind} frame", Unreadable("no-home", "this message has no group for such a frame"))
            continue
        node = _Node(group, {kind: Draft(kind) for kind in group.kinds}, "" if key in nodes else key)
        node.drafts[kind] = draft
        node.ordinal = 1 + sum(1 for brother in holder.children if brother.group is group)
        holder.children.append(node)
        nodes[key] = node
    return top


def _emit(
    node: _Node,
    residual: Mapping[str, Any],
    vacant: tuple[Own, ...],
    before: frozenset[str],
    m: Context,
    out: list[Segment | str],
) -> frozenset[str]:
    """Writes a frame's own pieces, its unlisted ones and its children, in the order in which they were read.

    `vacant` are pieces that a frame above no longer writes: an unlisted one, which stood second to it, would now be
    read in its place, so it is stale. `before` are the labels of the brother just written: a frame whose
    first piece that one lacks would be read as a part of it. Returns this frame's own labels.
    """
    kept = residual.get(node.key, {}) if node.key or not node.group.kind else {}
    pieces = _pieces(node, kept.get("pieces", {}), before, m)
    filled = {own.piece for own in node.group.owns if pieces[own.label] is not None and not own.table.picked}
    gone = [own for own in node.group.owns if pieces[own.label] is None]
    vacant = (*(own for own in vacant if own.piece not in filled), *gone)
    # Without a remembered order the grammar gives it; `sorted` keeps the frames' order within a group.
    ordered = (
        node.children
        if "entries" in kept
        else sorted(node.children, key=lambda child: node.group.groups.index(child.group))
    )
    names = {own.label: own.piece for own in node.group.owns}
    present = {label for label, piece in pieces.items() if piece is not None}
    keys = [child.key or f"\0{count}" for count, child in enumerate(ordered)]
    last, labels = None, frozenset[str]()
    for place, extra in merge(_sequence(node, kept, pieces, keys), keys):
        if place is not None:
            child = ordered[place]
            child.ordinal += fields_before(node.group, present, child.group)
            labels = _emit(child, residual, vacant, labels if child.group is last else frozenset(), m, out)
            last = child.group
        elif isinstance(extra, str):
            fields = pieces[extra]
            if fields is not None:
                out.append((names[extra], fields, ""))
        elif extra is not None and not _stale(extra[1], vacant, m):
            out.append(extra[1])
    return frozenset(present)


def _stale(text: str, vacant: tuple[Own, ...], m: Context) -> bool:
    """True for an unlisted piece that would be read in a place that became free."""
    name, fields = m.piece_of(text) if vacant else ("", {})
    return any(own.piece == name and (not own.table.picked or own.table.picks(fields, m)) for own in vacant)


def _pieces(node: _Node, nodes: Mapping[str, Node], before: frozenset[str], m: Context) -> _Pieces:
    """The frame's own pieces, with as much of their residual as leaves the reading of the frame unchanged (PutGet).

    What is read otherwise even without the residual has no home in this format.
    """
    m.ordinal = node.ordinal
    owns = node.group.owns
    if not owns:
        return {}
    noted = len(m.faults)
    fresh: _Pieces = {own.label: own.table.write(node.drafts, m) or None for own in owns}
    written = fresh
    if nodes:
        fresh = {own.label: m.listed(fresh[own.label], own.table.lists) for own in owns}
        written = {label: patch(piece, nodes.get(label)) for label, piece in fresh.items()}
    wrong = _otherwise(node, written, m)
    if wrong and nodes:
        written, wrong = _settled(node, fresh, nodes, m)
    _begun(node, fresh, written, before)
    told = {fault.place for fault in m.faults[noted:]}
    for path in sorted(wrong):
        if path not in told and not _filled_in(node, path):
            m.no_home("", path, Unreadable("no-home", "this message has no place for it, or would read it otherwise"))
    return written


def _filled_in(node: _Node, path: str) -> bool:
    """True for a path that the frame leaves out and a codec states with another path of its row (a value's type)."""

    def states(said: str) -> bool:
        kind, _, rest = said.partition(".")
        return rest.partition(".")[0] in node.drafts[kind].set

    rows = (row for own in node.group.owns for row in own.table.spec.rows if path in row.into)
    return not states(path) and any(states(other) for row in rows for other in row.into)


def _begun(node: _Node, fresh: _Pieces, written: _Pieces, before: frozenset[str]) -> None:
    """Sees to it that the frame begins with a piece that nobody takes for a part of the brother before it.

    It says what such a piece must; the rest stands where the sender had it.
    """
    starts = [own.label for own in node.group.owns if own.piece in node.group.start and not own.table.picked]
    if not starts:
        return
    first = next((label for label in starts if written[label] is not None), None)
    reached = max((place for place, label in enumerate(starts) if label in before), default=-1)
    if first is None or (before and first not in before and starts.index(first) > reached):
        label = next((label for label in starts if label in before or (not before and fresh[label])), starts[0])
        least = next(own.table.least for own in node.group.owns if own.label == label)
        written[label] = {number: (fresh[label] or least).get(number, said) for number, said in least.items()}


def _settled(node: _Node, fresh: _Pieces, nodes: Mapping[str, Node], m: Context) -> tuple[_Pieces, set[str]]:
    """The residual difference by difference: each stays that makes nothing read otherwise; and what is, even so."""
    kept, wrong = dict(fresh), _otherwise(node, fresh, m)
    for label, whole in nodes.items():
        if label not in kept:
            continue
        parts = [{"in": {key: inner}} for key, inner in whole["in"].items()] if "in" in whole else [whole]
        for part in parts:
            trial = {**kept, label: patch(kept[label], part)}
            now = _otherwise(node, trial, m)
            if now <= wrong:
                kept, wrong = trial, now
    return kept, wrong


def _otherwise(node: _Node, pieces: _Pieces, m: Context) -> set[str]:
    """Paths of the frames that would be read otherwise from these pieces."""
    drafts = {kind: Draft(kind) for kind in node.group.kinds}
    before = len(m.faults)
    for own in node.group.owns:
        piece = pieces[own.label]
        if piece is not None:
            own.table.read(m.joined(piece), m, drafts)
    del m.faults[before:]
    found: set[str] = set()
    filled = {path for own in node.group.owns for path in own.table.filled}
    for kind, meant in node.drafts.items():
        read = drafts[kind]
        if meant.set != read.set:
            for path in meant.set.keys() | read.set.keys():
                if path not in meant.set and f"{kind}.{path}" in filled:
                    continue  # the format must have it: the writer states it for a frame that leaves it out
                if not _same(meant.set.get(path), read.set.get(path)):
                    found.add(f"{kind}.{path}")
        found |= {f"{kind}.{path}" for path in {*meant.clear} ^ {*read.clear} | {*meant.assumed} ^ {*read.assumed}}
    return found


def _same(meant: Any, read: Any) -> bool:
    """True when both say the same: a link has no place on the wire, an instant may name its zone otherwise, and what
    was assumed may now be stated.
    """
    if meant == read:
        return True
    if isinstance(meant, dict):
        if read is None:
            return set(meant) == {"frame"}
        if not isinstance(read, dict):
            return False
        if "local" in meant and "local" in read:
            return all(meant.get(key) == read.get(key) for key in ("at", "local", "precision"))
        keys = {*meant, *read} - {"assumed"}
        return all(_same(meant.get(key), read.get(key)) for key in keys)
    if isinstance(meant, list | tuple) and isinstance(read, list):
        return len(meant) == len(read) and all(map(_same, meant, read))
    return False


def _sequence(
    node: _Node, kept: Mapping[str, Any], pieces: _Pieces, keys: Sequence[str]
) -> list[tuple[str | None, Any]]:
    """The old order of pieces and children, with the pieces that are new in their grammatical place."""
    order = [own.label for own in node.group.owns]
    if "entries" in kept:
        entries: list[tuple[str | None, Any]] = [
            (e["f"], None) if isinstance(e, dict) else (None, e) for e in kept["entries"]
        ]
    else:
        entries = [*((None, label) for label in order), *((key, None) for key in keys)]
    present = {extra for key, extra in entries if key is None and isinstance(extra, str)}
    for label in order:
        if label in present or pieces[label] is None:
            continue
        before = set(order[: order.index(label)])
        earlier = [at for at, (_, extra) in enumerate(entries) if isinstance(extra, str) and extra in before]
        entries.insert(1 + max(earlier, default=-1), (None, label))
        present.add(label)
    return entries
