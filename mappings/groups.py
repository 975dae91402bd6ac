"""Message maps over a sequence of pieces: which piece belongs to which frame, and back. Reads no text.

A frame has own pieces and child frames; pieces that no table lists travel with the frame before them. What a message
says beyond its frames is one residual, addressed by frame key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.account import Piece
from mappings.compile import Frames, Table
from mappings.faults import TableFault, Unreadable
from mappings.residual import Node, diff, merge, number, patch
from mappings.runtime import Context, Draft

Frame = dict[str, Any]
Segment = tuple[str, dict[str, Any], str]
"""Name, fields, and the text as it stood (kept for pieces that no table lists)."""


@dataclass(frozen=True, slots=True)
class Own:
    """A piece that a frame may have once: its label (the table's name), the piece's name, the table."""

    label: str
    piece: str
    table: Table


@dataclass(frozen=True, slots=True)
class Group:
    """One level of a message map."""

    kind: str
    start: frozenset[str]
    also: tuple[str, ...]
    owns: tuple[Own, ...]
    key: tuple[str, ...]
    links: Mapping[str, str]
    groups: tuple[Group, ...]
    by_piece: Mapping[str, tuple[tuple[int, Own], ...]] = field(default_factory=dict)

    def kinds(self) -> tuple[str, ...]:
        return (self.kind, *self.also)


@dataclass(slots=True)
class _Open:
    group: Group
    drafts: Frames
    pieces: dict[str, tuple[Own, dict[str, Any], int]] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)
    children: list[_Open] = field(default_factory=list)
    reached: int = -1
    key: str = ""
    ordinal: int = 1
    extra: list[tuple[str, int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """What one message came to: frames in the message's order, its residual, and its pieces for the account."""

    frames: list[Frame]
    residual: dict[str, Any]
    pieces: list[Piece]


def group_of(data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault]) -> Group:
    """A compiled level of a message map; unknown tables are faults."""
    owns: list[Own] = []
    for piece, named in data.get("rows", {}).items():
        for label in named if isinstance(named, list) else [named]:
            if label not in tables:
                faults.append(TableFault(name, data.get("frame", ""), f"no table {label!r} for {piece}"))
            else:
                owns.append(Own(label, piece, tables[label]))
    by_piece: dict[str, list[tuple[int, Own]]] = {}
    for index, own in enumerate(owns):
        by_piece.setdefault(own.piece, []).append((index, own))
    start = data.get("start", [])
    key = data.get("key", [])
    also = data.get("also", [])
    return Group(
        kind=data.get("frame", ""),
        start=frozenset(start if isinstance(start, list) else [start]),
        also=tuple(also if isinstance(also, list) else [also]),
        owns=tuple(owns),
        key=tuple(key if isinstance(key, list) else [key]),
        links=data.get("links", {}),
        groups=tuple(group_of(inner, tables, name, faults) for inner in data.get("frames", [])),
        by_piece={piece: tuple(sorted(found, key=lambda o: not o[1].table.spec.pick)) for piece, found in by_piece.items()},
    )


# ---- reading --------------------------------------------------------------------------------------------------


def read(root: Group, segments: Sequence[Segment], m: Context) -> Reading:
    """Frames, residual and pieces of a message."""
    top = _Open(root, {})
    stack = [top]
    counts: dict[str, int] = {}
    for name, fields, text in segments:
        ordinal = counts[name] = counts.get(name, 0) + 1
        m.place = f"{name}[{ordinal}]"
        _take(stack, name, fields, text, ordinal, m)
    frames: list[Frame] = []
    residual: dict[str, Any] = {}
    pieces: list[Piece] = []
    _close(top, "", {}, frames, residual, pieces, m)
    return Reading(frames, residual, pieces)


def _take(stack: list[_Open], name: str, fields: dict[str, Any], text: str, ordinal: int, m: Context) -> None:
    for depth in range(len(stack) - 1, -1, -1):
        holder = stack[depth]
        found = _own(holder, name, fields, m)
        if found is not None:
            del stack[depth + 1 :]
            _fill(holder, found, fields, ordinal, m)
            return
        for group in holder.group.groups:
            if name in group.start:
                del stack[depth + 1 :]
                opened = _Open(group, {kind: Draft(kind) for kind in group.kinds()})
                holder.children.append(opened)
                holder.entries.append(opened)
                stack.append(opened)
                first = _own(opened, name, fields, m)
                if first is not None:
                    _fill(opened, first, fields, ordinal, m)
                else:
                    opened.entries.append(["~", text])
                    opened.extra.append((name, ordinal, text))
                return
    stack[-1].entries.append(["~", text])
    stack[-1].extra.append((name, ordinal, text))


def _own(holder: _Open, name: str, fields: dict[str, Any], m: Context) -> tuple[int, Own] | None:
    for index, own in holder.group.by_piece.get(name, ()):
        if own.label in holder.pieces or (name in holder.group.start and index < holder.reached):
            continue
        if own.table.spec.pick and not own.table.picks(fields, m):
            continue
        return index, own
    return None


def _fill(holder: _Open, found: tuple[int, Own], fields: dict[str, Any], ordinal: int, m: Context) -> None:
    index, own = found
    if not own.table.spec.pick:
        holder.reached = max(holder.reached, index)
    holder.pieces[own.label] = (own, fields, ordinal)
    holder.entries.append(own.label)
    own.table.read(fields, m, holder.drafts)


def _close(
    opened: _Open,
    parent: str,
    seen: dict[str, str],
    frames: list[Frame],
    residual: dict[str, Any],
    pieces: list[Piece],
    m: Context,
) -> None:
    """Adds an open frame and its children in the message's order, with residual and pieces."""
    nodes: dict[str, Node] = {}
    m.ordinal = opened.ordinal
    for own in opened.group.owns:
        held = opened.pieces.get(own.label)
        wire = held[1] if held else None
        canonical = own.table.write(opened.drafts, m) or None
        node = None
        if wire != canonical:
            wire, canonical = m.listed(wire, own.table.lists), m.listed(canonical, own.table.lists)
            node = diff(wire, canonical, own.table.shape, m)
        if node is not None:
            nodes[own.label] = node
        if held:
            pieces.append(Piece(own.piece, held[2], wire, canonical, node, own.table))
    pieces += [Piece(name, ordinal, text, None, {"w": text}, None) for name, ordinal, text in opened.extra]
    keys = number([_base_key(parent, child.group, child.drafts) for child in opened.children])
    for child, (base, count), ordinal in zip(opened.children, keys, _ordinals(opened.children), strict=True):
        child.key = f"{base}#{count + 1}" if count else str(base)
        child.ordinal = ordinal
        for kind, frame_key in _frame_keys(child):
            _frame(child, kind, frame_key, parent, seen, frames)
        seen[child.group.kind] = child.key
        _close(child, child.key, dict(seen), frames, residual, pieces, m)
    entries = [{"f": e.key} if isinstance(e, _Open) else e for e in opened.entries]
    held_back: dict[str, Any] = {}
    if nodes:
        held_back["pieces"] = nodes
    if entries != _usual(opened):
        held_back["entries"] = entries
    if held_back:
        residual[opened.key] = held_back


def _usual(opened: _Open) -> list[Any]:
    own = [own.label for own in opened.group.owns if own.label in opened.pieces]
    children = [
        {"f": child.key} for group in opened.group.groups for child in opened.children if child.group is group
    ]
    return [*own, *children]


def _frame_keys(opened: _Open) -> Iterator[tuple[str, str]]:
    yield opened.group.kind, opened.key
    for kind in opened.group.also:
        yield kind, f"{opened.key}/{kind}"


def _frame(
    opened: _Open, kind: str, key: str, parent: str, seen: Mapping[str, str], frames: list[Frame]
) -> None:
    draft = opened.drafts[kind]
    frame: Frame = {"kind": kind, "key": key}
    above = parent if kind == opened.group.kind else opened.key
    if above:
        frame["parent"] = above
    if kind == opened.group.kind:
        for path, target in opened.group.links.items():
            if target in seen:
                draft.set.setdefault(path, {"frame": seen[target]})
    frame["set"] = draft.set
    if draft.clear:
        frame["clear"] = draft.clear
    if draft.assumed:
        frame["assumed"] = draft.assumed
    frames.append(frame)


def _base_key(parent: str, group: Group, drafts: Frames) -> str:
    words = [word for path in group.key if (word := key_text(drafts[group.kind].set, path))]
    own = f"{group.kind}:{'|'.join(words)}" if words else group.kind
    return f"{parent}/{own}" if parent else own


def key_text(record: Mapping[str, Any], path: str) -> str:
    """Text of one key path: `sub_id`, `test.codings`, or `identifiers[placer]` (the item of that type)."""
    name, _, kind = path.rstrip("]").partition("[")
    value: Any = record
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        items = [item for item in value if not kind or item.get("type") == kind]
        value = items[0] if items else None
    if isinstance(value, Mapping) and value.get("codings"):
        value = value["codings"][0]
    if isinstance(value, Mapping):
        return "~".join(str(value[k]) for k in ("system", "value", "code", "display", "text") if value.get(k) is not None)
    return "" if value is None else str(value)


# ---- writing --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Node:
    group: Group
    drafts: Frames
    children: list[_Node] = field(default_factory=list)
    key: str = ""
    ordinal: int = 1


def write(root: Group, frames: Sequence[Frame], residual: Mapping[str, Any], m: Context) -> list[Segment | str]:
    """Pieces of a message from frames, with the residual of the message that they came from (or none).

    A frame that has no place in this message is noted as `no-home`.
    """
    top = _Node(root, {})
    nodes: dict[str, _Node] = {"": top}
    for frame in frames:
        holder = nodes.get(frame.get("parent", ""))
        draft = Draft(frame["kind"], frame["set"], list(frame.get("clear", [])), list(frame.get("assumed", [])))
        if holder is not None and frame["kind"] in holder.group.also:
            holder.drafts[frame["kind"]] = draft
            continue
        group = next((g for g in holder.group.groups if g.kind == frame["kind"]), None) if holder else None
        if holder is None or group is None:
            m.no_home("", f"{frame['kind']} frame", Unreadable("no-home", "this message has no group for such a frame"))
            continue
        node = _Node(group, {kind: Draft(kind) for kind in group.kinds()})
        node.drafts[frame["kind"]] = draft
        holder.children.append(node)
        nodes[frame["key"]] = node
    out: list[Segment | str] = []
    _emit(top, residual, m, out)
    return out


def _emit(node: _Node, residual: Mapping[str, Any], m: Context, out: list[Segment | str]) -> None:
    keys = number([_base_key(node.key, child.group, child.drafts) for child in node.children])
    for child, (base, count), ordinal in zip(node.children, keys, _ordinals(node.children), strict=True):
        child.key = f"{base}#{count + 1}" if count else str(base)
        child.ordinal = ordinal
    kept = residual.get(node.key, {})
    pieces = _pieces(node, kept.get("pieces", {}), m)
    # Without a remembered order the grammar gives it; `sorted` keeps the frames' order within a group.
    ordered = (
        node.children
        if "entries" in kept
        else sorted(node.children, key=lambda child: node.group.groups.index(child.group))
    )
    for place, extra in merge(_sequence(node, kept, pieces, ordered), [child.key for child in ordered]):
        if place is not None:
            _emit(ordered[place], residual, m, out)
        elif isinstance(extra, str):
            own, fields = pieces[extra]
            if fields is not None:
                out.append((own.piece, fields, ""))
        elif extra is not None:
            out.append(extra[1])


def _ordinals(children: Sequence[_Open] | Sequence[_Node]) -> list[int]:
    """The count of each child among its siblings of one group (HL7's set ids)."""
    return [count + 1 for _, count in number([id(child.group) for child in children])]


def _pieces(node: _Node, nodes: Mapping[str, Node], m: Context) -> dict[str, tuple[Own, dict[str, Any] | None]]:
    """The frame's own pieces, with as much of their residual as leaves the reading of the frame unchanged (PutGet)."""
    m.ordinal = node.ordinal
    written = {own.label: own.table.write(node.drafts, m) or None for own in node.group.owns}
    if not nodes:
        return {own.label: (own, written[own.label]) for own in node.group.owns}
    lists = {own.label: own.table.lists for own in node.group.owns}
    fresh = {label: m.listed(piece, lists[label]) for label, piece in written.items()}
    patched = {label: patch(piece, nodes.get(label)) for label, piece in fresh.items()}
    if _distance(node, patched, m) > _distance(node, fresh, m):
        patched = _settle(node, fresh, nodes, m)
    return {own.label: (own, patched[own.label]) for own in node.group.owns}


def _settle(
    node: _Node, fresh: dict[str, dict[str, Any] | None], nodes: Mapping[str, Node], m: Context
) -> dict[str, dict[str, Any] | None]:
    """The residual difference by difference: each stays that takes the reading no further from the frames."""
    kept = dict(fresh)
    best = _distance(node, kept, m)
    for label, whole in nodes.items():
        if label not in kept:
            continue
        parts = [{"in": {key: inner}} for key, inner in whole["in"].items()] if "in" in whole else [whole]
        for part in parts:
            trial = {**kept, label: patch(kept[label], part)}
            distance = _distance(node, trial, m)
            if distance <= best:
                kept, best = trial, distance
    return kept


def _distance(node: _Node, pieces: Mapping[str, dict[str, Any] | None], m: Context) -> int:
    """How many fields the frames would read otherwise from these pieces."""
    drafts = {kind: Draft(kind) for kind in node.group.kinds()}
    before = len(m.faults)
    for own in node.group.owns:
        piece = pieces[own.label]
        if piece is not None:
            own.table.read(m.joined(piece), m, drafts)
    del m.faults[before:]
    count = 0
    for kind, meant in node.drafts.items():
        read = drafts[kind]
        count += sum(1 for path in meant.set.keys() | read.set.keys() if meant.set.get(path) != read.set.get(path))
        count += len(set(meant.clear) ^ set(read.clear)) + len(set(meant.assumed) ^ set(read.assumed))
    return count


def _sequence(
    node: _Node,
    kept: Mapping[str, Any],
    pieces: Mapping[str, tuple[Own, dict[str, Any] | None]],
    children: Sequence[_Node],
) -> list[tuple[str | None, Any]]:
    """The old order of pieces and children, with the pieces that are new in their grammatical place."""
    if "entries" in kept:
        entries = [(e["f"], None) if isinstance(e, dict) else (None, e) for e in kept["entries"]]
    else:
        entries = [(None, own.label) for own in node.group.owns]
        entries += [(child.key, None) for child in children]
    order = [own.label for own in node.group.owns]
    present = {extra for key, extra in entries if key is None and isinstance(extra, str)}
    for label in order:
        if label in present or pieces[label][1] is None:
            continue
        before = {earlier for earlier in order[: order.index(label)]}
        at = 1 + max((i for i, (_, extra) in enumerate(entries) if isinstance(extra, str) and extra in before), default=-1)
        entries.insert(at, (None, label))
        present.add(label)
    return entries

