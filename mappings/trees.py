"""Message maps over named trees: a resource, an event or a row becomes one group of frames, and back. Reads no text.

`read_pieces` takes pieces that stand side by side (the entries of a Bundle, the events of a document); `read_rows`
takes rows of which several form one batch (`rows_by`). What a piece says beyond its frames is its residual, addressed
by the key of its frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    def kinds(self) -> tuple[str, ...]:
        return (self.kind, *self.also)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of `rows_by`: rows with equal key columns are one frame of this kind."""

    leaf: Leaf
    by: tuple[str, ...]
    links: Mapping[str, str]


def leaf_of(data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault]) -> Leaf | None:
    """A compiled leaf of a message map, or None with a fault."""
    label = data.get("table", "")
    if label not in tables:
        faults.append(TableFault(name, data.get("frame", ""), f"no table {label!r}"))
        return None
    return Leaf(data["frame"], tuple(_listed(data.get("also"))), tables[label], tuple(_listed(data.get("key"))))


def read_pieces(leaves: Mapping[str, Leaf], pieces: Sequence[tuple[str, dict[str, Any]]], m: Context) -> Reading:
    """Frames, residual and account pieces of trees that stand side by side; an unknown piece is kept whole."""
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
    leaves: Mapping[str, Leaf], frames: Sequence[Frame], residual: Mapping[str, Any], m: Context
) -> list[tuple[str, dict[str, Any], str]]:
    """Trees from frames, each with its piece's name and frame key; a frame without a place is noted as `no-home`."""
    by_kind = {leaf.kind: (name, leaf) for name, leaf in leaves.items()}
    beside: dict[str, dict[str, Draft]] = {}
    mains: list[tuple[str, Leaf, Frames]] = []
    for frame in frames:
        draft = Draft(frame["kind"], frame["set"], list(frame.get("clear", [])), list(frame.get("assumed", [])))
        found = by_kind.get(frame["kind"])
        if found is not None:
            name, leaf = found
            drafts = {kind: Draft(kind) for kind in leaf.kinds()}
            drafts[frame["kind"]] = draft
            beside[frame["key"]] = drafts
            mains.append((name, leaf, drafts))
        elif frame.get("parent") in beside and frame["kind"] in beside[frame["parent"]]:
            beside[frame["parent"]][frame["kind"]] = draft
        else:
            wrong = Unreadable("no-home", "this document has no piece for such a frame")
            m.no_home("", f"{frame['kind']} frame", wrong)
    keys = keys_of([(leaf, drafts) for _, leaf, drafts in mains])
    written = []
    for (name, leaf, drafts), key in zip(mains, keys, strict=True):
        m.place = name
        written.append((name, settle(leaf, drafts, residual.get(key, {}).get("piece"), m), key))
    entries = residual.get("entries")
    if not entries:
        return written
    old = [(entry["f"], None) if isinstance(entry, dict) else (None, entry) for entry in entries]
    out = []
    for place, extra in merge(old, keys):
        out.append(written[place] if place is not None else (extra[1], extra[2], ""))  # type: ignore[index]
    return out


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


# ---- rows -----------------------------------------------------------------------------------------------------


def levels_of(data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault]) -> list[Level]:
    """The levels of a `rows_by` map, outermost first; the last one is the row itself."""
    levels = []
    for entry in data.get("rows_by", []):
        leaf = leaf_of(entry, tables, name, faults)
        if leaf is not None:
            levels.append(Level(leaf, tuple(_listed(entry.get("by"))), entry.get("links", {})))
    if not levels:
        faults.append(TableFault(name, "", "`rows_by` names at least one level"))
    return levels


def read_rows(levels: Sequence[Level], rows: Sequence[dict[str, str]], m: Context, same: Sequence[str] = ()) -> Reading:
    """Frames of rows: equal key columns are one outer frame; every row is one innermost frame.

    Columns of `same` must agree within a batch; a disagreement is a fault of the row.
    """
    frames: list[Frame] = []
    residual: dict[str, Any] = {}
    account: list[Piece] = []
    open_frames: dict[tuple[str, ...], tuple[str, Frames, dict[str, str]]] = {}
    counts: dict[str, int] = {}
    for ordinal, row in enumerate(rows, 1):
        m.place = f"row {ordinal}"
        parent = ""
        above: dict[str, str] = {}
        drafts_of: list[Frames] = []
        for depth, level in enumerate(levels):
            path = tuple(row.get(column, "") for upper in levels[: depth + 1] for column in upper.by)
            innermost = depth == len(levels) - 1
            found = open_frames.get((level.leaf.kind, *path)) if not innermost else None
            if found is None:
                drafts = {kind: Draft(kind) for kind in level.leaf.kinds()}
                level.leaf.table.read(row, m, drafts)
                base = _row_key(level, drafts, parent)
                counts[base] = counts.get(base, 0) + 1
                key = base if counts[base] == 1 else f"{base}#{counts[base]}"
                for field, target in level.links.items():
                    if target in above:
                        drafts[level.leaf.kind].set.setdefault(field, {"frame": above[target]})
                frames += frames_of(level.leaf, drafts, key, parent)
                found = (key, drafts, row)
                if not innermost:
                    open_frames[(level.leaf.kind, *path)] = found
            elif any(row.get(column, "") != found[2].get(column, "") for column in same):
                different = [column for column in same if row.get(column, "") != found[2].get(column, "")]
                m.faults.append(Fault("rows-disagree", m.place, f"rows of one batch differ in: {', '.join(different)}"))
            parent = above[level.leaf.kind] = found[0]
            drafts_of.append(found[1])
        canonical = _row(levels, drafts_of, m)
        node = diff(row, canonical, _shape(levels), m)
        if node is not None:
            residual[parent] = {"piece": node}
        account.append(Piece("row", ordinal, row, canonical, node, levels[-1].leaf.table))
    return Reading(frames, residual, account)


def write_rows(
    levels: Sequence[Level], frames: Sequence[Frame], residual: Mapping[str, Any], m: Context
) -> list[dict[str, str]]:
    """Rows from frames: one per innermost frame, the outer frames' columns repeated in each."""
    rows = []
    by_key = {frame["key"]: frame for frame in frames}
    depths = {level.leaf.kind: depth for depth, level in enumerate(levels)}
    for frame in frames:
        if depths.get(frame["kind"]) != len(levels) - 1:
            continue
        chain = [frame]
        while chain[-1].get("parent"):
            chain.append(by_key[chain[-1]["parent"]])
        drafts_of = []
        for level, held in zip(levels, reversed(chain), strict=False):
            drafts = {kind: Draft(kind) for kind in level.leaf.kinds()}
            drafts[held["kind"]] = Draft(held["kind"], held["set"], list(held.get("clear", [])))
            for other in frames:
                if other.get("parent") == held["key"] and other["kind"] in drafts and other["kind"] != level.leaf.kind:
                    drafts[other["kind"]] = Draft(other["kind"], other["set"])
            drafts_of.append(drafts)
        m.place = f"row {len(rows) + 1}"
        fresh = _row(levels, drafts_of, m)
        node = residual.get(frame["key"], {}).get("piece")
        rows.append(_settle_row(levels, drafts_of, fresh, node, m) if node else fresh)
    return rows


def _settle_row(
    levels: Sequence[Level], meant: Sequence[Frames], fresh: dict[str, str], node: Node, m: Context
) -> dict[str, str]:
    kept = fresh
    best = sum(_distance(level.leaf, drafts, fresh, m) for level, drafts in zip(levels, meant, strict=True))
    for part in _parts(node):
        trial = patch(kept, part) or {}
        distance = sum(_distance(level.leaf, drafts, trial, m) for level, drafts in zip(levels, meant, strict=True))
        if distance <= best:
            kept, best = trial, distance
    return kept


def _row(levels: Sequence[Level], drafts_of: Sequence[Frames], m: Context) -> dict[str, str]:
    row: dict[str, str] = {}
    for level, drafts in zip(levels, drafts_of, strict=True):
        row.update(level.leaf.table.write(drafts, m))
    return row


def _shape(levels: Sequence[Level]) -> dict[str, Any]:
    return {key: value for level in levels for key, value in level.leaf.table.shape.items()}


def _row_key(level: Level, drafts: Frames, parent: str) -> str:
    words = [word for path in level.leaf.key if (word := key_text(drafts[level.leaf.kind].set, path))]
    own = f"{level.leaf.kind}:{'|'.join(words)}" if words else level.leaf.kind
    return f"{parent}/{own}" if parent else own


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
