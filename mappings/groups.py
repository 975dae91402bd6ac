"""Message maps over a sequence of pieces: which piece belongs to which frame, and back. Reads no text.

A frame has own pieces and child frames; pieces that no table lists travel with the frame before them. What a message
says beyond its frames is one residual, addressed by frame key.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.account import Piece
from mappings.compile import Frames, Table
from mappings.faults import Fault, TableFault, Unreadable
from mappings.residual import Node, diff, merge, patch
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
            child.ordinal = ordinals[id(child.group)] + _fields_before(opened.group, opened.pieces, child.group)
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


def _fields_before(group: Group, present: Container[str], inner: Group) -> int:
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


# ---- writing --------------------------------------------------------------------------------------------------


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
            child.ordinal += _fields_before(node.group, present, child.group)
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
    """Sees to it that the frame begins with a piece that nobody takes for a part of the brother before it."""
    starts = [own.label for own in node.group.owns if own.piece in node.group.start and not own.table.picked]
    if not starts:
        return
    first = next((label for label in starts if written[label] is not None), None)
    reached = max((place for place, label in enumerate(starts) if label in before), default=-1)
    if first is None or (before and first not in before and starts.index(first) > reached):
        label = next((label for label in starts if label in before or (not before and fresh[label])), starts[0])
        written[label] = fresh[label] or {}


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
    for kind, meant in node.drafts.items():
        read = drafts[kind]
        if meant.set != read.set:
            for path in meant.set.keys() | read.set.keys():
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
