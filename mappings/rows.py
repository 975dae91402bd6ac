"""Message maps over the rows of a delimited file, reading: several rows form one frame, one row may form several.

`rows_by` names the levels: rows with equal cells in the columns of `by` are one outer frame, every row is one innermost
frame. A cell of a `list` column stands for several rows. What a row says beyond its frames is its residual, addressed
by the key of its innermost frame; a line that no frame can be made of is kept whole and stays where it stood. Reads no
text; the way back is `row_writer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mappings.account import Piece
from mappings.compile import Frames, Table
from mappings.faults import Fault, TableFault, Unreadable
from mappings.groups import Frame, Reading, key_text
from mappings.residual import diff
from mappings.runtime import Context, Draft
from mappings.trees import Leaf, frames_of, leaf_of

Cells = dict[str, str]
"""A row by canonical column name; an empty cell is absent."""

Path = tuple[str, ...]
"""What tells the frames of one level apart."""

MAX_SPLIT = 50
_SPLIT_CELLS = "list cells of one row hold the same number of values, or one; the row is kept and not read"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: where it stands, its cells by column and as they stand; `kept` where no table reads it."""

    place: str
    cells: Cells
    raw: tuple[str, ...] = ()
    kept: bool = False


@dataclass(slots=True)
class RowContext(Context):
    """A context that knows which cells say nothing."""

    nulls: frozenset[str] = frozenset()
    common: Mapping[str, str] = field(default_factory=dict)
    """Cells that stand above the rows and hold for each row that does not say otherwise."""

    def row(self, cells: Mapping[str, str]) -> Cells:
        """What the tables read of a row: its own cells, and what stands above all of them."""
        own = self.clean(cells)
        return {**self.clean(self.common), **own} if self.common else own

    def clean(self, cells: Mapping[str, str]) -> Cells:
        """What the tables read: cells without surrounding white space, empty and null ones absent."""
        stripped = {column: text.strip() for column, text in cells.items()}
        return {column: text for column, text in stripped.items() if text and text not in self.nulls}

    def text(self, cell: str) -> str:
        """The reading of a cell that is text."""
        return cell

    def no_home(self, row: str, path: str, wrong: Unreadable) -> None:
        """Notes that a canonical value has no place in this row."""
        self.faults.append(Fault(wrong.code, f"{self.place} {path}", wrong.remedy, row, "lost"))


@dataclass(frozen=True, slots=True)
class Level:
    """One level of `rows_by`: rows with equal key columns are one frame of this kind."""

    leaf: Leaf
    by: tuple[str, ...]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowMap:
    """A compiled `rows_by` map. `table` answers for every column, whichever level reads it."""

    levels: tuple[Level, ...]
    same: tuple[str, ...]
    lists: Mapping[str, str]
    table: Table

    @property
    def innermost(self) -> Level:
        return self.levels[-1]


def row_map_of(
    data: Mapping[str, Any], tables: Mapping[str, Table], name: str, faults: list[TableFault], separator: str = ","
) -> RowMap | None:
    """The compiled rows of a message map, or None with its faults."""
    levels = []
    for entry in _listed(data.get("rows_by")):
        leaf = leaf_of(entry, tables, name, faults)
        if leaf is not None:
            levels.append(Level(leaf, tuple(_listed(entry.get("by"))), entry.get("links", {})))
    places = {place: row for level in levels for place, row in level.leaf.table.rows_by_place.items()}
    by = {column for level in levels for column in level.by}
    unknown = sorted({*by, *_listed(data.get("same")), *_listed(data.get("list"))} - {*places})
    if unknown:
        faults.append(TableFault(name, "", f"`by`, `same` and `list` name columns; not known: {', '.join(unknown)}"))
    if not levels:
        faults.append(TableFault(name, "", "`rows_by` names at least one level"))
        return None
    outer = {place for level in levels[:-1] for place in level.leaf.table.rows_by_place}
    stray = sorted((outer & {*data.get("columns", {})}) - by - {*_listed(data.get("same"))})
    if stray:
        faults.append(TableFault(name, "", f"columns of an outer level belong to `by` or `same`: {', '.join(stray)}"))
    shape = {key: value for level in levels for key, value in level.leaf.table.shape.items()}
    table = replace(levels[-1].leaf.table, rows_by_place=places, shape=shape)
    lists = dict.fromkeys(_listed(data.get("list")), separator)
    return RowMap(tuple(levels), tuple(_listed(data.get("same"))), lists, table)


# ---- split cells ----------------------------------------------------------------------------------------------


def split(cells: Cells, lists: Mapping[str, str]) -> list[Cells] | None:
    """The rows that a row stands for: one per value of its list cells, or None where their counts disagree."""
    values = {
        column: [part for text in cells[column].split(separator) if (part := text.strip())]
        for column, separator in lists.items()
        if separator in cells.get(column, "")
    }
    counts = {len(found) for found in values.values()} - {1}
    if len(counts) > 1 or 0 in counts or max(counts, default=1) > MAX_SPLIT:
        return None
    count = max(counts, default=1)
    return [
        {**cells, **{column: found[place if len(found) > 1 else 0] for column, found in values.items()}}
        for place in range(count)
    ]


def join(rows: Sequence[Cells], lists: Mapping[str, str]) -> Cells | None:
    """The one row that stands for several: None where they differ in more than list cells.

    A value that could not be read is missing from its list cell: the residual knows it.
    """
    if len(rows) == 1:
        return rows[0]
    joined = dict(rows[0])
    for column in {column for row in rows for column in row}:
        values = [row.get(column, "") for row in rows]
        if len(set(values)) == 1:
            continue
        if column not in lists:
            return None
        joined[column] = f"{lists[column]} ".join(value for value in values if value)
    return joined


# ---- reading --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """The outer frames that are open, and what has been read so far."""

    map: RowMap
    m: RowContext
    frames: list[Frame] = field(default_factory=list)
    opened: dict[Path, tuple[str, Frames, Cells]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def row(self, cells: Cells) -> tuple[str, Cells]:
        """The key of the row's innermost frame, and the row as the tables write it from its frames."""
        own, written = parse_row(self.map, cells, self.m)
        above: dict[str, str] = {}
        parent = ""
        for depth, level in enumerate(self.map.levels):
            path = path_of(self.map.levels, depth, written)
            found = self.opened.get(path) if depth < len(self.map.levels) - 1 else None
            if found is None:
                key = self._open(level, own[depth], parent, above)
                found = self.opened[path] = (key, own[depth], written)
            elif own[depth] != found[1]:
                self._agree(found[2], written)
                own[depth] = found[1]
                written = write_row(self.map, own, self.m)
            parent = above[level.leaf.kind] = found[0]
        return parent, written

    def _open(self, level: Level, drafts: Frames, parent: str, above: Mapping[str, str]) -> str:
        base = _row_key(level, drafts, parent)
        self.counts[base] = self.counts.get(base, 0) + 1
        key = base if self.counts[base] == 1 else f"{base}#{self.counts[base]}"
        main, *beside = frames_of(level.leaf, drafts, key, parent)
        links = {path: {"frame": above[target]} for path, target in level.links.items() if target in above}
        main["set"] = {**main["set"], **{path: link for path, link in links.items() if path not in main["set"]}}
        self.frames += [main, *beside]
        return key

    def _agree(self, first: Cells, cells: Cells) -> None:
        for column in self.map.same:
            if cells.get(column) != first.get(column):
                self.m.fault("", column, Unreadable("rows-disagree", "the rows of one batch say the same here"))


def read_rows(rows: RowMap, lines: Sequence[Line], m: RowContext) -> Reading:
    """Frames, residual and account pieces of the lines of a file."""
    reader = _Reader(rows, m)
    residual: dict[str, Any] = {}
    account: list[Piece] = []
    order: list[Any] = []
    common: Cells = {}
    for ordinal, line in enumerate(lines, 1):
        m.place = line.place
        parts = None if line.kept else split(m.row(line.cells), rows.lists)
        if parts is None:
            if not line.kept:
                m.faults.append(Fault("split-cells", line.place, _SPLIT_CELLS, severity="error"))
            order.append(["~", list(line.raw)])
            wire = {str(place): text for place, text in enumerate(line.raw, 1) if text}
            account.append(Piece("row", ordinal, wire, None, {"w": wire}, None))
            continue
        before = len(m.faults)
        read = [reader.row(part) for part in parts]
        m.faults[before:] = dict.fromkeys(m.faults[before:])
        canonical = join([written for _, written in read], rows.lists)
        if m.common and canonical:
            common |= {column: canonical[column] for column in m.common if column in canonical}
            canonical = {c: text for c, text in canonical.items() if c not in m.common or c in line.cells}
        node = diff(line.cells, canonical or None, rows.table.shape, m)
        keys = [key for key, _ in read]
        if node is not None or len(keys) > 1:
            residual[keys[0]] = {**({"piece": node} if node else {}), **({"with": keys[1:]} if len(keys) > 1 else {})}
        order.append({"f": keys[0]})
        account.append(Piece("row", ordinal, line.cells, canonical, node, rows.table))
    if any(isinstance(entry, list) for entry in order):
        residual["entries"] = order
    return Reading(reader.frames, residual, account, common)


def path_of(levels: Sequence[Level], depth: int, cells: Cells) -> Path:
    """What tells the frames of one level apart: the kind and the cells of its key columns and those above.

    The cells are those that the tables write: a spelling makes no difference, and what cannot be read tells nothing.
    """
    columns = [column for level in levels[: depth + 1] for column in level.by]
    return (levels[depth].leaf.kind, *(cells.get(column, "") for column in columns))


def _row_key(level: Level, drafts: Frames, parent: str) -> str:
    words = [word for path in level.leaf.key if (word := key_text(drafts[level.leaf.kind].set, path))]
    own = f"{level.leaf.kind}:{'|'.join(words)}" if words else level.leaf.kind
    return f"{parent}/{own}" if parent else own


def parse_row(rows: RowMap, cells: Cells, m: RowContext) -> tuple[list[Frames], Cells]:
    """What the tables of all levels read of a row, and what they write of that."""
    drafts = []
    for level in rows.levels:
        read = {kind: Draft(kind) for kind in level.leaf.kinds()}
        level.leaf.table.read(cells, m, read)
        drafts.append(read)
    before = len(m.faults)
    written = write_row(rows, drafts, m)
    del m.faults[before:]
    return drafts, written


def write_row(rows: RowMap, drafts: Sequence[Frames], m: RowContext) -> Cells:
    cells: Cells = {}
    for level, held in zip(rows.levels, drafts, strict=True):
        cells.update(level.leaf.table.write(held, m))
    return cells


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
