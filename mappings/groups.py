"""Message maps over a sequence of pieces, reading: which piece belongs to which frame. Reads no text.

A frame has own pieces and child frames; pieces that no table lists travel with the frame before them. What a message
says beyond its frames is one residual, addressed by frame key. The way back is `group_writer`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.account import Piece
from mappings.compile import Frames, Table
from mappings.faults import Fault, TableFault
from mappings.residual import Node, diff
from mappings.runtime import Context, Draft
from mappings.vocabulary import GROUP_WORDS

Frame = dict[str, Any]
KeyPath = tuple[tuple[str, ...], str]
"""Steps of a key path, and the type of the list item that it means."""
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
    key: tuple[KeyPath, ...]
    links: Mapping[str, str]
    groups: tuple[Group, ...]
    kinds: tuple[str, ...] = ()
    by_piece: Mapping[str, tuple[tuple[int, Own], ...]] = field(default_factory=dict)
    by_start: Mapping[str, Group] = field(default_factory=dict)


class _Open:
    """A frame while its pieces come in."""

    __slots__ = ("children", "drafts", "entries", "extra", "group", "key", "ordinal", "pieces", "reached")

    def __init__(self, group: Group, drafts: Frames) -> None:
        self.group, self.drafts = group, drafts
        self.pieces: dict[str, tuple[Own, dict[str, Any], int]] = {}
        self.entries: list[Any] = []
        self.children: list[_Open] = []
        self.extra: list[tuple[str, int, str]] = []
        self.reached, self.key, self.ordinal = -1, "", 1


@dataclass(slots=True)
class Reading:
    """What one message came to: frames in the message's order, its residual, and its pieces for the account."""

    frames: list[Frame]
    residual: dict[str, Any]
    pieces: list[Piece]
    common: Mapping[str, str] = field(default_factory=dict)
    """Of rows: what stands above all of them, as the tables write it."""


def group_of(data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault]) -> Group:
    """A compiled level of a message map; unknown words and tables are faults."""
    faults += [
        TableFault(name, data.get("frame", ""), f"unknown word {word!r}; known are: {', '.join(GROUP_WORDS)}")
        for word in data
        if word not in GROUP_WORDS
    ]
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
    groups = tuple(group_of(inner, tables, name, faults) for inner in data.get("frames", []))
    return Group(
        kind=data.get("frame", ""),
        start=frozenset(_listed(data.get("start"))),
        also=tuple(_listed(data.get("also"))),
        owns=tuple(owns),
        key=tuple(key_path(path) for path in _listed(data.get("key"))),
        links=data.get("links", {}),
        groups=groups,
        kinds=(data.get("frame", ""), *_listed(data.get("also"))),
        by_piece={
            piece: tuple(sorted(found, key=lambda o: not o[1].table.picked)) for piece, found in by_piece.items()
        },
        by_start={start: group for group in reversed(groups) for start in group.start},
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


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
    reading = Reading([], {}, [])
    before = len(m.faults)
    _close(top, "", {}, reading, m)
    del m.faults[before:]  # what the tables do not write again is in the residual; nobody has to mend it
    return reading


def _take(stack: list[_Open], name: str, fields: dict[str, Any], text: str, ordinal: int, m: Context) -> None:
    """Gives a piece to the innermost open frame that has room for it, or opens a frame with it."""
    for depth in range(len(stack) - 1, -1, -1):
        holder = stack[depth]
        if name in holder.group.by_piece:
            found = _own(holder, name, fields, m)
            if found is not None:
                del stack[depth + 1 :]
                _fill(holder, found, fields, ordinal, m)
                return
            if _picked_twice(holder, name, fields, m):
                break
        group = holder.group.by_start.get(name)
        if group is not None:
            del stack[depth + 1 :]
            opened = _Open(group, {kind: Draft(kind) for kind in group.kinds})
            holder.children.append(opened)
            holder.entries.append(opened)
            stack.append(opened)
            first = _own(opened, name, fields, m)
            if first is not None:
                _fill(opened, first, fields, ordinal, m)
                return
            break
    stack[-1].entries.append(["~", text])
    stack[-1].extra.append((name, ordinal, text))


def _own(holder: _Open, name: str, fields: dict[str, Any], m: Context) -> tuple[int, Own] | None:
    for index, own in holder.group.by_piece.get(name, ()):
        if own.label in holder.pieces or (index < holder.reached and name in holder.group.start):
            continue
        if own.table.picked and not own.table.picks(fields, m):
            continue
        return index, own
    return None


def _picked_twice(holder: _Open, name: str, fields: dict[str, Any], m: Context) -> bool:
    """True for a second piece that is a field: it stays with its sender, a record it is not."""
    for _, own in holder.group.by_piece[name]:
        if own.table.picked and own.label in holder.pieces and own.table.picks(fields, m):
            m.faults.append(Fault("places-disagree", m.place, "this segment stands twice; the first one counts"))
            return True
    return False


def _fill(holder: _Open, found: tuple[int, Own], fields: dict[str, Any], ordinal: int, m: Context) -> None:
    index, own = found
    if not own.table.picked:
        holder.reached = max(holder.reached, index)
    holder.pieces[own.label] = (own, fields, ordinal)
    holder.entries.append(own.label)
    own.table.read(fields, m, holder.drafts)


def _close(opened: _Open, parent: str, seen: Mapping[str, str], reading: Reading, m: Context) -> None:
    """Adds what an open frame and its children left: frames in the message's order, residual and pieces."""
    nodes = _differences(opened, reading, m)
    children = opened.children
    if children:
        counts: dict[str, int] = {}
        ordinals: dict[int, int] = {}
        inner = dict(seen)
        for child in children:
            base = _base_key(parent, child.group, child.drafts)
            count = counts[base] = counts.get(base, 0) + 1
            child.key = base if count == 1 else f"{base}#{count}"
            ordinals[id(child.group)] = ordinals.get(id(child.group), 0) + 1
            child.ordinal = ordinals[id(child.group)] + fields_before(opened.group, opened.pieces, child.group)
            _frames(child, parent, inner, reading.frames)
            inner[child.group.kind] = child.key
            _close(child, child.key, inner, reading, m)
    held_back: dict[str, Any] = {"pieces": nodes} if nodes else {}
    if len(opened.entries) > 1 or opened.extra:
        entries = [{"f": entry.key} if isinstance(entry, _Open) else entry for entry in opened.entries]
        if entries != _usual(opened):
            held_back["entries"] = entries
    if held_back:
        reading.residual[opened.key] = held_back


def _differences(opened: _Open, reading: Reading, m: Context) -> dict[str, Node]:
    """What the frame's own pieces say beyond what the tables write of the frame."""
    nodes: dict[str, Node] = {}
    m.ordinal = opened.ordinal
    for own in opened.group.owns:
        held = opened.pieces.get(own.label)
        table = own.table
        if held is None:  # a piece that the sender leaves out stays out, though it could say again what others say
            if table.writes_of(opened.drafts) and (not table.picked or table.write(opened.drafts, m)):
                nodes[own.label] = {"w": None}
            continue
        wire, canonical, node = held[1], table.write(opened.drafts, m) or None, None
        if wire != canonical:
            canonical = m.listed(canonical, table.lists)
            node = diff(m.listed(wire, table.lists), canonical, table.shape, m)
            if node is not None:
                nodes[own.label] = node
        reading.pieces.append(Piece(own.piece, held[2], wire, canonical, node, table))
    for name, ordinal, text in opened.extra:
        reading.pieces.append(Piece(name, ordinal, text, None, {"w": text}, None))
    return nodes


def fields_before(group: Group, present: Container[str], inner: Group) -> int:
    """How many pieces that are fields of a frame stand before, and are counted with, those that begin an inner one."""
    return sum(1 for own in group.owns if own.table.picked and own.label in present and own.piece in inner.start)


def _usual(opened: _Open) -> list[Any]:
    """The order that the grammar gives: own pieces, then children group by group."""
    own = [own.label for own in opened.group.owns if own.label in opened.pieces]
    children = [{"f": child.key} for group in opened.group.groups for child in opened.children if child.group is group]
    return [*own, *children]


def _frames(opened: _Open, parent: str, seen: Mapping[str, str], frames: list[Frame]) -> None:
    """Adds the frames of one open frame: its own, linked to those before it, and those beside it."""
    group = opened.group
    main = opened.drafts[group.kind]
    for path, target in group.links.items():
        if target in seen:
            main.set.setdefault(path, {"frame": seen[target]})
    frames.append(_frame(main, opened.key, parent))
    for kind in group.also:
        frames.append(_frame(opened.drafts[kind], f"{opened.key}/{kind}", opened.key))


def _frame(draft: Draft, key: str, parent: str) -> Frame:
    frame: Frame = {"kind": draft.kind, "key": key}
    if parent:
        frame["parent"] = parent
    frame["set"] = draft.set
    if draft.clear:
        frame["clear"] = draft.clear
    if draft.assumed:
        frame["assumed"] = draft.assumed
    return frame


def _base_key(parent: str, group: Group, drafts: Frames) -> str:
    record = drafts[group.kind].set
    words = [word for path in group.key if (word := _key_word(record, path))]
    own = f"{group.kind}:{'|'.join(words)}" if words else group.kind
    return f"{parent}/{own}" if parent else own


def key_path(path: str) -> KeyPath:
    """A key path taken apart: `sub_id`, `test.codings`, or `identifiers[placer]` (the item of that type)."""
    name, _, kind = path.rstrip("]").partition("[")
    return tuple(name.split(".")), kind


def key_text(record: Mapping[str, Any], path: str) -> str:
    """Text of one key path."""
    return _key_word(record, key_path(path))


def _key_word(record: Mapping[str, Any], path: KeyPath) -> str:
    steps, kind = path
    value: Any = record
    for step in steps:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list):
        value = next((item for item in value if not kind or item.get("type") == kind), None)
    if isinstance(value, dict):
        if value.get("codings"):
            value = value["codings"][0]
        get = value.get
        parts = (get("system"), get("value"), get("code"), get("display"), get("text"))
        return "~".join([part for part in parts if part])
    return "" if value is None else str(value)
