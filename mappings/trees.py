"""Message maps over named trees: a resource or an event becomes one group of frames, and back. Reads no text.

`read_pieces` takes pieces that stand side by side (the entries of a Bundle, the events of a document); `rows` has the
maps of delimited files. What a piece says beyond its frames is its residual, addressed by the key of its frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.account import Piece
from mappings.compile import Frames, Table
from mappings.faults import Fault, TableFault, Unreadable
from mappings.groups import Frame, Reading, key_text
from mappings.residual import Node, diff, merge, number, patch
from mappings.runtime import Context, Draft


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one piece is: the frame's kind, the frames beside it, its table, what makes its key."""

    kind: str
    also: tuple[str, ...]
    table: Table
    key: tuple[str, ...]
    written: Mapping[str, _Fields] = field(default_factory=dict)

    def kinds(self) -> tuple[str, ...]:
        return (self.kind, *self.also)


def leaf_of(data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault]) -> Leaf | None:
    """A compiled leaf of a message map, or None with a fault."""
    label = data.get("table", "")
    if label not in tables:
        faults.append(TableFault(name, data.get("frame", ""), f"no table {label!r}"))
        return None
    kind, table, also = data["frame"], tables[label], tuple(_listed(data.get("also")))
    return Leaf(kind, also, table, tuple(_listed(data.get("key"))), _written(kind, also, table))


_Fields = dict[str, Any]
"""Fields that rows answer for: a name leads to its inner fields, or to None where the whole of it is written."""


def _written(kind: str, also: Sequence[str], table: Table) -> dict[str, _Fields]:
    """Per kind the fields that rows answer for."""
    trees: dict[str, _Fields] = {name: {} for name in (kind, *also)}
    for row in table.spec.rows:
        for path in (*row.into, *row.derive, *row.implies):
            level: _Fields | None = trees.setdefault(path.partition(".")[0], {})
            *branch, last = path.partition(".")[2].removesuffix("[]").split(".")
            for step in branch:
                level = level.setdefault(step, {}) if level is not None else None
            if level is not None:
                level[last] = None
    return trees


Keyed = Callable[[Sequence[tuple[str, str]]], None]
"""Told once the frame keys are known and before anything is written: per main frame its place and its key."""


def read_pieces(
    leaves: Mapping[str, Leaf], pieces: Sequence[tuple[str, dict[str, Any]]], m: Context, keyed: Keyed | None = None
) -> Reading:
    """Frames, residual and account pieces of trees that stand side by side; an unknown piece is kept whole.

    A place is `Patient[2]`: the piece's name and its ordinal among all pieces.
    """
    opened: list[tuple[Leaf, Frames, str, dict[str, Any], int]] = []
    residual: dict[str, Any] = {}
    account: list[Piece] = []
    order: list[Any] = []
    for ordinal, (name, tree) in enumerate(pieces, 1):
        leaf = leaves.get(name)
        m.place = f"{name}[{ordinal}]"
        if leaf is None:
            order.append(["~", name, tree])
            account.append(Piece(name, ordinal, tree, None, {"w": tree}, None))
            m.faults.append(Fault("piece-unsupported", m.place, f"no table reads {name}; it is kept for its sender"))
            continue
        drafts = {kind: Draft(kind) for kind in leaf.kinds()}
        leaf.table.read(tree, m, drafts)
        opened.append((leaf, drafts, name, tree, ordinal))
        order.append(None)
    keys = keys_of([(leaf, drafts) for leaf, drafts, *_ in opened])
    if keyed is not None:
        keyed([(f"{name}[{ordinal}]", key) for (_, _, name, _, ordinal), key in zip(opened, keys, strict=True)])
    frames: list[Frame] = []
    for (leaf, drafts, name, tree, ordinal), key in zip(opened, keys, strict=True):
        frames += frames_of(leaf, drafts, key)
        m.place = f"{name}[{ordinal}]"
        canonical = leaf.table.write(drafts, m) or None
        node = diff(tree, canonical, leaf.table.shape, m)
        if node is not None:
            residual[key] = {"piece": node}
        account.append(Piece(name, ordinal, tree, canonical, node, leaf.table))
    waiting = iter(keys)
    entries = [entry if entry is not None else {"f": next(waiting)} for entry in order]
    if any(isinstance(entry, list) for entry in entries):
        residual["entries"] = entries
    return Reading(frames, residual, account)


def write_pieces(
    leaves: Mapping[str, Leaf],
    frames: Sequence[Frame],
    residual: Mapping[str, Any],
    m: Context,
    names: Mapping[str, str] | None = None,
) -> list[tuple[str, dict[str, Any], str]]:
    """Trees from frames, each with its piece's name and frame key; a place is `Patient[2]`, the second main frame.

    A frame without a place, and a field that no row of its table writes, is noted as `no-home`. The residual goes by
    the keys of the frames as they are handed in: an edit does not take a frame's residual away. `names` says for frames
    of a kind that several pieces stand for which one it is, by frame key.
    """
    by_kind = {leaf.kind: (name, leaf) for name, leaf in leaves.items()}
    beside: dict[str, dict[str, Draft]] = {}
    mains: list[tuple[str, Leaf, Frames, str]] = []
    for frame in frames:
        draft = Draft(frame["kind"], frame["set"], list(frame.get("clear", [])), list(frame.get("assumed", [])))
        chosen = (names or {}).get(frame["key"])
        found = (chosen, leaves[chosen]) if chosen is not None else by_kind.get(frame["kind"])
        if found is not None:
            name, leaf = found
            drafts = {kind: Draft(kind) for kind in leaf.kinds()}
            drafts[frame["kind"]] = draft
            beside[frame["key"]] = drafts
            mains.append((name, leaf, drafts, frame["key"]))
        elif frame.get("parent") in beside and frame["kind"] in beside[frame["parent"]]:
            beside[frame["parent"]][frame["kind"]] = draft
        else:
            wrong = Unreadable("no-home", "this document has no piece for such a frame")
            m.no_home("", f"{frame['kind']} frame", wrong)
    written = []
    for ordinal, (name, leaf, drafts, key) in enumerate(mains, 1):
        m.place = f"{name}[{ordinal}]"
        for kind, draft in drafts.items():
            _homeless(draft.set, leaf.written[kind], kind, m)
        written.append((name, settle(leaf, drafts, residual.get(key, {}).get("piece"), m), key))
    entries = residual.get("entries")
    if not entries:
        return written
    old = [(entry["f"], None) if isinstance(entry, dict) else (None, entry) for entry in entries]
    out = []
    for place, extra in merge(old, [key for *_, key in mains]):
        out.append(written[place] if place is not None else (extra[1], extra[2], ""))  # type: ignore[index]
    return out


def _homeless(values: Mapping[str, Any], written: _Fields, path: str, m: Context) -> None:
    """Notes each field that the table has no row for."""
    for name, value in values.items():
        if name not in written:
            m.no_home("", f"{path}.{name}", Unreadable("no-home", "this format has no place for the field"))
        elif written[name] is not None and isinstance(value, dict):
            _homeless(value, written[name], f"{path}.{name}", m)


def keys_of(opened: Sequence[tuple[Leaf, Frames]]) -> list[str]:
    """A key for each piece: its kind and key paths, counted where it repeats."""
    bases = []
    for leaf, drafts in opened:
        words = [word for path in leaf.key if (word := key_text(drafts[leaf.kind].set, path))]
        bases.append(f"{leaf.kind}:{'|'.join(words)}" if words else leaf.kind)
    return [f"{base}#{count + 1}" if count else str(base) for base, count in number(bases)]


def frames_of(leaf: Leaf, drafts: Frames, key: str, parent: str = "") -> list[Frame]:
    """The frames of one piece: the main one, and those beside it that say something."""
    frames = []
    for kind in leaf.kinds():
        draft = drafts[kind]
        if kind != leaf.kind and not draft.set and not draft.clear:
            continue
        frame: Frame = {"kind": kind, "key": key if kind == leaf.kind else f"{key}/{kind}"}
        above = parent if kind == leaf.kind else key
        if above:
            frame["parent"] = above
        frame["set"] = draft.set
        if draft.clear:
            frame["clear"] = draft.clear
        if draft.assumed:
            frame["assumed"] = draft.assumed
        frames.append(frame)
    return frames


def settle(leaf: Leaf, drafts: Frames, node: Node | None, m: Context) -> dict[str, Any]:
    """The piece with as much of its residual as takes the reading no further from the frames (PutGet)."""
    fresh = leaf.table.write(drafts, m)
    if node is None:
        return fresh
    patched = patch(fresh, node) or {}
    best = _distance(leaf, drafts, fresh, m)
    if _distance(leaf, drafts, patched, m) <= best:
        return patched
    kept = fresh
    for part in _parts(node):
        trial = patch(kept, part) or {}
        distance = _distance(leaf, drafts, trial, m)
        if distance <= best:
            kept, best = trial, distance
    return kept


def _parts(node: Node) -> list[Node]:
    return [{"in": {key: inner}} for key, inner in node["in"].items()] if "in" in node else [node]


def _distance(leaf: Leaf, meant: Frames, tree: dict[str, Any], m: Context) -> int:
    drafts = {kind: Draft(kind) for kind in leaf.kinds()}
    before = len(m.faults)
    leaf.table.read(tree, m, drafts)
    del m.faults[before:]
    return sum(
        1
        for kind, draft in meant.items()
        for path in draft.set.keys() | drafts[kind].set.keys()
        if draft.set.get(path) != drafts[kind].set.get(path)
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
