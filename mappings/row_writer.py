"""Message maps over the rows of a delimited file, writing: rows from frames, as their reader will find them again.

The law is PutGet: a row takes as much of its residual as leaves its reading true to the frames, and what a reader would
not find as the frames say it is told. Reads and writes no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.compile import Frames
from mappings.faults import Unreadable
from mappings.groups import Frame
from mappings.residual import Node, merge, number, patch
from mappings.rows import Cells, Level, Line, Path, RowContext, RowMap, join, parse_row, path_of, split, write_row
from mappings.runtime import Draft

_NOT_SAID = "a reader of this row would not find this as the frame says it"
_SPLIT_FRAME = 1000
"""Weight of a row that would open or join another outer frame than it should: worse than any difference of fields."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """One innermost frame with the frames above it, outermost first."""

    frames: tuple[Frame, ...]
    drafts: tuple[Frames, ...]

    @property
    def key(self) -> str:
        return str(self.frames[-1]["key"])


def write_rows(rows: RowMap, frames: Sequence[Frame], residual: Mapping[str, Any], m: RowContext) -> list[Line]:
    """Lines from frames: one row per innermost frame, the outer frames' columns repeated in each.

    What a reader of the row would not find again as the frames say it is noted as `no-home`.
    """
    writer = _Writer(rows, residual, m)
    written = list(writer.lines(_chains(rows, frames, m)))
    entries = residual.get("entries")
    if not entries:
        return [line for _, line in written]
    old = [(None, entry) if isinstance(entry, list) else ((entry["f"], 0), entry) for entry in entries]
    placed = merge(old, number([key for key, _ in written]))
    return [
        written[place][1] if place is not None else Line("", {}, tuple(extra[1]), kept=True)  # type: ignore[index]
        for place, extra in placed
    ]


def _chains(rows: RowMap, frames: Sequence[Frame], m: RowContext) -> Iterator[_Chain]:
    """The innermost frames with what stands above them; a frame that stands in no row has no home."""
    by_key = {frame["key"]: frame for frame in frames}
    below: dict[str, list[Frame]] = {}
    for frame in frames:
        below.setdefault(frame.get("parent", ""), []).append(frame)
    used: set[int] = set()
    chains = []
    for frame in frames:
        if frame["kind"] != rows.innermost.leaf.kind:
            continue
        above = [frame]
        while len(above) < len(rows.levels) and (parent := by_key.get(above[-1].get("parent", ""))) is not None:
            above.append(parent)
        above.reverse()
        if [held["kind"] for held in above] != [level.leaf.kind for level in rows.levels]:
            continue
        drafts = tuple(_drafts(level, held, below, used) for level, held in zip(rows.levels, above, strict=True))
        chains.append(_Chain(tuple(above), drafts))
    for frame in frames:
        if id(frame) not in used:
            m.place = "file"
            m.no_home("", f"{frame['kind']} frame", Unreadable("no-home", "no row of this dialect says such a frame"))
    return iter(chains)


def _drafts(level: Level, held: Frame, below: Mapping[str, list[Frame]], used: set[int]) -> Frames:
    drafts = {kind: Draft(kind) for kind in level.leaf.kinds()}
    beside = [f for f in below.get(held["key"], ()) if f["kind"] in level.leaf.also] if level.leaf.also else []
    for frame in [held, *beside]:
        used.add(id(frame))
        drafts[frame["kind"]] = Draft(
            frame["kind"], frame["set"], list(frame.get("clear", [])), list(frame.get("assumed", []))
        )
    return drafts


@dataclass(frozen=True, slots=True)
class _Trial:
    """A row as it could be written: what its reader would miss of the frames, and the outer frames it would open."""

    cells: Cells
    unsaid: tuple[str, ...]
    opens: Mapping[Path, Frame]

    @property
    def weight(self) -> int:
        return sum(_SPLIT_FRAME if path.endswith(" frame") else 1 for path in self.unsaid)


class _Writer:
    """Writes rows in order, as a reader will open the outer frames again (PutGet)."""

    def __init__(self, rows: RowMap, residual: Mapping[str, Any], m: RowContext) -> None:
        self.rows, self.residual, self.m = rows, residual, m
        self.opened: dict[Path, Frame] = {}
        self.seen: set[int] = set()
        groups = [(first, kept) for first, kept in residual.items() if first != "entries"]
        self.owner = {key: first for first, kept in groups for key in kept.get("with", ())}
        self.taken: set[str] = set()

    def lines(self, chains: Iterable[_Chain]) -> Iterator[tuple[str, Line]]:
        """Rows with the key of their (first) innermost frame."""
        waiting = list(chains)
        at = count = 0
        while at < len(waiting):
            first = waiting[at]
            beside = self.residual.get(first.key, {}).get("with", ())
            group = waiting[at : at + 1 + len(beside)]
            count += 1
            self.m.place = f"row {count}"
            before = len(self.m.faults)
            trial = self._together(group) if beside and [c.key for c in group[1:]] == list(beside) else None
            if trial is None:
                del self.m.faults[before:]
                group = [first]
                trial = self._settled(self._fresh(first), group)
            self.taken.update(chain.key for chain in group)
            at += len(group)
            self.opened.update(trial.opens)
            self.seen.update(map(id, trial.opens.values()))
            self._tell(trial, before)
            yield first.key, Line(self.m.place, trial.cells)

    def _together(self, group: Sequence[_Chain]) -> _Trial | None:
        """Rows that were one row as one row again, where that says all that they say."""
        whole = join([self._fresh(chain) for chain in group], self.rows.lists)
        trial = self._settled(whole, group) if whole is not None else None
        return trial if trial is not None and not trial.weight else None

    def _fresh(self, chain: _Chain) -> Cells:
        """What the tables write of one chain; one value with a separator in it would be read as two."""
        cells = write_row(self.rows, chain.drafts, self.m)
        for column, separator in self.rows.lists.items():
            if separator in cells.get(column, ""):
                remedy = f"a value with {separator!r} cannot stand in a list cell"
                self.m.no_home("", column, Unreadable("no-home", remedy))
                del cells[column]
        return cells

    def _settled(self, fresh: Cells, group: Sequence[_Chain]) -> _Trial:
        """The row with as much of its residual as takes the reading no further from the frames."""
        node = self._node(group[0].key)
        best = self._try(fresh, group)
        if node is None:
            return best
        whole = self._try(patch(fresh, node) or {}, group)
        if whole.weight <= best.weight:
            return whole
        for part in _parts(node):
            trial = self._try(patch(best.cells, part) or {}, group)
            if trial.weight <= best.weight:
                best = trial
        return best

    def _node(self, key: str) -> Node | None:
        """A row's residual, given back once; rows that were one row each get what it said."""
        if key in self.taken:
            return None
        node: Node | None = self.residual.get(self.owner.get(key, key), {}).get("piece")
        return node

    def _try(self, cells: Cells, group: Sequence[_Chain]) -> _Trial:
        parts = split(self.m.row(cells), self.rows.lists)
        if parts is None or len(parts) != len(group):
            return _Trial(cells, tuple(f"{chain.frames[-1]['kind']} frame" for chain in group), {})
        before, place = len(self.m.faults), self.m.place
        opens: dict[Path, Frame] = {}
        unsaid = [path for part, chain in zip(parts, group, strict=True) for path in self._unsaid(part, chain, opens)]
        del self.m.faults[before:]
        self.m.place = place
        return _Trial(cells, tuple(dict.fromkeys(unsaid)), opens)

    def _unsaid(self, cells: Cells, chain: _Chain, opens: dict[Path, Frame]) -> Iterator[str]:
        """What a reader of one row would not find as its frames say it; notes the outer frames that it would open."""
        drafts, written = parse_row(self.rows, cells, self.m)
        for depth, (read, meant, frame) in enumerate(zip(drafts, chain.drafts, chain.frames, strict=True)):
            if depth == len(self.rows.levels) - 1:
                yield from _different(meant, read)
                return
            path = path_of(self.rows.levels, depth, written)
            opened = self.opened.get(path) or opens.get(path)
            if opened is None:
                if id(frame) in self.seen or any(known is frame for known in opens.values()):
                    yield f"{frame['kind']} frame"
                opens[path] = frame
                yield from _different(meant, read)
            elif opened is not frame:
                yield f"{frame['kind']} frame"

    def _tell(self, trial: _Trial, before: int) -> None:
        """Notes what the reader will miss, where no codec has said it yet."""
        told = [f"{fault.place}." for fault in self.m.faults[before:]]
        for path in trial.unsaid:
            if not any(place.startswith(f"{self.m.place} {path}.") for place in told):
                self.m.no_home("", path, Unreadable("not-said", _NOT_SAID))


def _parts(node: Node) -> list[Node]:
    return [{"in": {key: inner}} for key, inner in node["in"].items()] if "in" in node else [node]


def _different(meant: Frames, read: Frames) -> Iterator[str]:
    """Fields that were read otherwise than they are meant; links to other frames are no cells."""
    for kind, draft in meant.items():
        for path in dict.fromkeys((*draft.set, *read[kind].set)):
            value = draft.set.get(path)
            if value != read[kind].set.get(path) and not (isinstance(value, Mapping) and set(value) == {"frame"}):
                yield f"{kind}.{path}"
        for path in {*draft.clear} ^ {*read[kind].clear} | {*draft.assumed} ^ {*read[kind].assumed}:
            yield f"{kind}.{path}"
