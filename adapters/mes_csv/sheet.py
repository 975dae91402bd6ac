"""Records of a file to a header and rows, and back: preamble, header spellings, unit row, footer, ragged rows.

Knows no meaning of a column, and no bytes: `source` splits a text or a workbook into records. A row that cannot be read
as its header says is kept whole, with a fault. What is not given back: which cells were quoted (all, or as needed, is),
the apostrophe before a formula, mixed line ends, and empty cells at the end of a line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from adapters.mes_csv.source import Source, Way
from adapters.mes_csv.text import Record
from adapters.reading import Unparsable
from mappings.faults import Fault
from mappings.rows import Line

MAX_PREAMBLE = 100
UNKNOWN = "?"
"""First character of the key of a column that the dialect does not name."""

MAX_SPELLING = 200
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a dialect says of its file: its columns with their spellings, and how they are set down.

    `metadata` are columns that stand above the header, each with its labels; `footer` begins the lines after the last
    row; `units_row` is true, false or `auto`; `sheet` names the sheet of a workbook, and `workbook` writes one.
    """

    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = ""
    units_row: bool | str = False
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    footer: tuple[str, ...] = ()
    sheet: str = ""
    workbook: bool = False
    units: Mapping[str, str] = field(default_factory=dict)
    known_units: frozenset[str] = frozenset()
    short_rows: bool = False
    nulls: frozenset[str] = frozenset()
    sparse: bool = False
    """True where the header must have what is required, and a row may leave it empty."""
    named: bool = False
    """True where only a profile that names the dialect has files read by it: its header would fit others' too."""


@dataclass(slots=True)
class Sheet:
    """A file after splitting: how it is set down (`head`), its lines, the units and numbers of its columns."""

    head: dict[str, Any]
    lines: list[Line]
    units: dict[str, str]
    numbers: dict[str, int]
    above: dict[str, Above]
    labels: dict[str, list[str]]
    """Column -> everything that is said of it above the header, also of a column that stands below."""
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Above:
    """A value that stands above the header: its text, and the cell that it stands in (record and column from 1)."""

    text: str
    record: int
    column: int
    line: int


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a layout reads a file: the way, the header's place among its records, the columns found."""

    way: Way | None
    place: int
    found: frozenset[str]
    cells: int
    missing: tuple[str, ...]

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The higher the better: all required columns, many columns, few unknown ones."""
        return not self.missing, len(self.found), -self.cells


# ---- header ---------------------------------------------------------------------------------------------------


def folded(spelling: str) -> str:
    """A header spelling without what makes no difference: case, white space, underscores, width."""
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", spelling)).casefold()


_spelled = lru_cache(maxsize=4096)(folded)
"""Of a layout's own spellings alone: what a file's cells say is nobody's to keep."""


def matched(cells: Iterable[str], layout: Layout) -> list[tuple[str, str]]:
    """Column (or nothing) and unit of each header cell; `Temperature [Cel]` names its unit."""
    above = {_spelled(label): column for column, labels in layout.metadata.items() for label in labels}
    named = {_spelled(spelling): column for column, spelled in layout.columns.items() for spelling in spelled}
    known = {**above, **named}
    out = []
    for cell in cells:
        if len(cell) > MAX_SPELLING:
            out.append(("", ""))
            continue
        column, unit = known.get(folded(cell), ""), ""
        if not column:
            name, unit = _bracketed(cell)
            if unit not in layout.known_units:  # `Temperature °F`
                name, _, unit = cell.strip().rpartition(" ")
            column = known.get(folded(name), "") if unit in layout.known_units else ""
        out.append((column, unit if column else ""))
    return out


def _bracketed(cell: str) -> tuple[str, str]:
    """What stands before and inside the brackets at the end of a cell; nothing inside where there are none."""
    text = cell.strip()
    opens = max(text.rfind("["), text.rfind("("))
    return (text[:opens].strip(), text[opens + 1 : -1].strip()) if opens >= 0 and text[-1] in "])" else (text, "")


def fit(source: Source, layout: Layout) -> Fit:
    """The best reading of the file's first lines as this layout's header. Raises Unparsable where none can be read."""
    fits: list[Fit] = []
    wrong: list[Unparsable] = []
    for way in source.ways(layout.delimiter, layout.sheet):
        try:
            fits += _fits(way, layout)
        except Unparsable as unparsable:
            wrong.append(unparsable)
    best = max(fits, key=lambda each: (each.rank, -each.place), default=None)
    if best is not None and best.found:
        return best
    if wrong and not fits:
        raise wrong[0]
    return Fit(None, 0, frozenset(), 0, layout.required)


def _fits(way: Way, layout: Layout) -> Iterator[Fit]:
    above: set[str] = set()
    for place, (_, cells) in enumerate(_first(way)):
        found = frozenset(column for column, _ in matched(cells, layout) if column)
        missing = tuple(column for column in layout.required if column not in found and column not in above)
        yield Fit(way, place, found, sum(1 for cell in cells if cell.strip()), missing)
        above |= {column for column, _, _ in labelled(cells, layout)}


def _first(way: Way) -> Iterator[Record]:
    """The records among which the header stands; a fault below the first one does not hide it."""
    source = way.records()
    for count in range(MAX_PREAMBLE + 1):
        try:
            record = next(source, None)
        except Unparsable:
            if count == 0:
                raise
            return
        if record is None:
            return
        yield record


def labelled(cells: Sequence[str], layout: Layout) -> Iterator[tuple[str, int, str]]:
    """Column, place and text of the values that a line above the header names: `Batch No: B-7`, or in the next cell."""
    known = {_spelled(label): column for column, labels in layout.metadata.items() for label in labels}
    if not known:
        return
    for place, cell in enumerate(cells):
        if len(cell) > MAX_SPELLING:
            continue
        name, mark, rest = cell.partition(":")
        column = known.get(folded(name), "")
        if column and mark and rest.strip():
            yield column, place, rest.strip()
        elif column and not rest.strip():
            after = next((n for n in range(place + 1, len(cells)) if cells[n].strip()), 0)
            if after:
                yield column, after, cells[after].strip()


# ---- reading --------------------------------------------------------------------------------------------------


def read(source: Source, layout: Layout) -> Sheet:
    """The sheet of a file. Raises Unparsable: nothing there, no header, columns missing or twice, no unit row."""
    if source.is_empty():
        raise Unparsable("csv-empty", "line 1", "the file has no header and no rows; export it again")
    best = fit(source, layout)
    if best.way is None:
        remedy = f"no line is a header of this dialect; its columns are: {_named(layout, layout.columns)}"
        raise Unparsable("csv-header", "line 1", remedy)
    rows = list(best.way.records())
    preamble, (line, header), rest = rows[: best.place], rows[best.place], rows[best.place + 1 :]
    if best.missing:
        raise Unparsable("csv-columns-missing", f"line {line}", f"add to the header: {_named(layout, best.missing)}")
    faults = [*source.faults(layout.encoding), *best.way.faults]
    keys, units = _header(line, header, rest, layout, faults)
    head: dict[str, Any] = {
        **source.head(),
        **best.way.head,
        "header": [[spelling, key] for spelling, key in zip(header, keys, strict=False)],
    }
    if source.is_quoted(line):
        head["quoting"] = "all"
    if preamble:
        head["preamble"] = [cells for _, cells in preamble]
    above, labels = _above(preamble, keys, layout, faults)
    if layout.units_row is True or (layout.units_row == AUTO and _is_unit_row(rest, keys, layout)):
        units |= _unit_row(rest, keys, layout, line)
        head["units"] = rest.pop(0)[1]
    numbers = {key: number for number, key in enumerate(keys, 1)}
    needed = () if layout.sparse else tuple(key for key in layout.required if key not in above)
    below = replace(layout, required=needed, short_rows=layout.short_rows or source.ragged)
    lines = list(_lines(rest, header, keys, below, faults))
    return Sheet(head, lines, units, numbers, above, labels, faults)


def _above(
    preamble: Sequence[Record], keys: Sequence[str], layout: Layout, faults: list[Fault]
) -> tuple[dict[str, Above], dict[str, list[str]]]:
    """What stands above the header and in no column of its own, of two values the first; and all that is said there."""
    found: dict[str, Above] = {}
    said: dict[str, list[str]] = {}
    for record, (line, cells) in enumerate(preamble, 1):
        for column, place, text in labelled(cells, layout):
            said.setdefault(column, []).append(text)
            first = found.setdefault(column, Above(text, record, place + 1, line))
            if first.text != text:
                remedy = f"line {first.line} says something else of {column}; the first one counts: make them agree"
                faults.append(Fault("places-disagree", f"line {line} column {place + 1}", remedy))
    return {column: each for column, each in found.items() if column not in keys}, said


def _named(layout: Layout, columns: Iterable[str]) -> str:
    return ", ".join(f"{c} ({layout.columns[c][0]})" if layout.columns.get(c) else c for c in columns)


def _header(
    line: int, header: list[str], rows: Sequence[Record], layout: Layout, faults: list[Fault]
) -> tuple[list[str], dict[str, str]]:
    """Keys of the columns, and the units that the header names; a fault per unknown column that is not blank."""
    while not header[-1].strip():
        header.pop()
    keys: list[str] = []
    units: dict[str, str] = {}
    for number, (cell, (column, unit)) in enumerate(zip(header, matched(header, layout), strict=True), 1):
        place = f"line {line} column {number}"
        if column in keys:
            remedy = f"column {keys.index(column) + 1} of the header is {column} already; leave one of them out"
            raise Unparsable("csv-column-twice", place, remedy)
        if column:
            keys.append(column)
            units |= {column: unit} if unit else {}
            continue
        key = f"{UNKNOWN}{cell.strip()}"
        count = 1 + sum(1 for known in keys if known == key or known.startswith(f"{key}#"))
        keys.append(key if count == 1 else f"{key}#{count}")
        if cell.strip() or any(len(cells) >= number and cells[number - 1].strip() for _, cells in rows):
            faults.append(Fault("column-unknown", place, "the dialect names no such column; it is kept for its sender"))
    return keys, units


def _is_unit_row(rest: Sequence[Record], keys: Sequence[str], layout: Layout) -> bool:
    """True where the line under the header holds known units and nothing else."""
    if not rest or len(rest[0][1]) > len(keys):
        return False
    said = {text for cell in rest[0][1] if (text := bare_unit(cell)) not in {"", "-"}}
    return bool(said) and said <= layout.known_units


def _unit_row(rest: list[Record], keys: list[str], layout: Layout, header: int) -> dict[str, str]:
    """The units of the row under the header; a row that fills a required column is no unit row."""
    remedy = "a unit row stands under the header in this dialect; add it, or set units_row to false"
    if not rest:
        raise Unparsable("csv-unit-row", f"line {header + 1}", remedy)
    line, cells = rest[0]
    units = _units(keys, cells)
    filled = [key for key in layout.required if units.get(key, "") not in {"", *layout.nulls}]
    if filled or len(cells) > len(keys):
        column = keys.index(filled[0]) + 1 if filled else len(keys) + 1
        raise Unparsable("csv-unit-row", f"line {line} column {column}", remedy)
    return units


def bare_unit(cell: str) -> str:
    """A unit without the brackets around all of it."""
    before, inside = _bracketed(cell)
    return inside if inside and not before else cell.strip()


def _lines(
    rows: Iterable[Record], header: Sequence[str], keys: list[str], layout: Layout, faults: list[Fault]
) -> Iterator[Line]:
    """The lines under the header. One that repeats it, and from the footer on all, are kept and no rows."""
    footer = tuple(folded(word) for word in layout.footer)
    again = [folded(cell) for cell in header]
    ended = False
    for row in rows:
        number, cells = row
        first = next((cell for cell in cells if cell.strip()), "")[:MAX_SPELLING]
        ended = ended or (bool(footer) and folded(first).startswith(footer))
        if ended or _is_header(cells, again):
            yield Line(f"line {number}", {}, tuple(cells), kept=True)
        else:
            yield _line(row, keys, layout, faults)


def _is_header(cells: Sequence[str], header: Sequence[str]) -> bool:
    """True for a line that names the columns again, as printed pages do."""
    if len(cells) < len(header) or len(header) < 2 or any(len(cell) > MAX_SPELLING for cell in cells):
        return False
    return folded(cells[0]) == header[0] and [folded(cell) for cell in cells[: len(header)]] == header


def _line(row: Record, keys: list[str], layout: Layout, faults: list[Fault]) -> Line:
    """One line: read, or kept with a fault that says why; a blank one is kept without."""
    number, cells = row
    place, raw = f"line {number}", tuple(cells)
    named = {key: cell for key, cell in zip(keys, cells, strict=False) if cell}
    if not any(cell.strip() for cell in cells):
        return Line(place, {}, raw, kept=True)
    beyond = next((column for column, cell in enumerate(cells, 1) if column > len(keys) and cell.strip()), 0)
    if beyond:
        remedy = f"the header has {len(keys)} columns; quote cells that hold the delimiter; the row is not read"
        faults.append(Fault("row-long", f"{place} column {beyond}", remedy, severity="error"))
    elif len(cells) < len(keys) and not layout.short_rows:
        remedy = f"the header has {len(keys)} columns; quote cells that hold a line end; the row is not read"
        faults.append(Fault("row-short", f"{place} column {len(cells) + 1}", remedy, severity="error"))
    elif empty := [key for key in layout.required if named.get(key, "").strip() in {"", *layout.nulls}]:
        remedy = "fill it; the row is not read"
        for key in empty:
            at = f"{place} column {keys.index(key) + 1} ({key})"
            faults.append(Fault("cell-missing", at, remedy, severity="error"))
    else:
        return Line(place, named, raw)
    return Line(place, {}, raw, kept=True)


def units_of(head: Mapping[str, Any], layout: Layout) -> dict[str, str]:
    """The units that a header and its unit row name, as reading them again would find."""
    header = head.get("header", ())
    spelled = matched((spelling for spelling, _ in header), layout)
    units = {column: unit for column, unit in spelled if unit}
    return units | _units((key for _, key in header), head.get("units", ()))


def _units(keys: Iterable[str], cells: Iterable[str]) -> dict[str, str]:
    """The units of a unit row by column."""
    named = {key: bare_unit(cell) for key, cell in zip(keys, cells, strict=False) if not key.startswith(UNKNOWN)}
    return {key: unit for key, unit in named.items() if unit not in {"", "-"}}


# ---- writing --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """The records of a file that is to be set down, and what had no column in it."""

    table: list[Sequence[str]]
    faults: list[Fault]


def write(lines: Sequence[Line], layout: Layout, head: Mapping[str, Any]) -> Written:
    """The records of a file, set down as `head` says, or as the dialect does; and what had no column there."""
    old = [(spelling, key) for spelling, key in head.get("header", ())]
    lines, preamble, above = _lifted(lines, layout, head, {key for _, key in old})
    header = _grown(old, lines, layout)
    keys = [key for _, key in header]
    below = replace(layout, required=() if layout.sparse else tuple(key for key in layout.required if key not in above))
    faults = [*_homeless(lines, set(keys), below)]
    if old and len(header) > len(old):
        lines = _still_kept(lines, len(old), faults)
    table: list[Sequence[str]] = [*preamble, [spelling for spelling, _ in header]]
    if "units" in head or (layout.units_row and not old):
        table.append(head.get("units") or [layout.units.get(key, "") for key in keys])
    table += [line.raw if line.kept else [line.cells.get(key, "") for key in keys] for line in lines]
    return Written(table, faults)


def _lifted(
    lines: Sequence[Line], layout: Layout, head: Mapping[str, Any], keys: set[str]
) -> tuple[Sequence[Line], list[Sequence[str]], set[str]]:
    """The lines without what stands above the header, the lines there, and which columns they say.

    Afresh, only what has no column of its own stands above, where all rows say the same.
    """
    preamble: list[Sequence[str]] = list(head.get("preamble", ()))
    said: dict[str, str] = {column: kept["said"] for column, kept in head.get("metadata", {}).items()}
    if not keys:
        own = (column for column in layout.metadata if column not in layout.columns)
        said = {column: text for column in own if (text := _alike(lines, column))}
        preamble += [[layout.metadata[column][0], text] for column, text in said.items()]
    said = {column: text for column, text in said.items() if not _differs(lines, column, text)}
    if not said:
        return lines, preamble, set()
    short = [
        line if line.kept else Line(line.place, {k: v for k, v in line.cells.items() if k in keys or said.get(k) != v})
        for line in lines
    ]
    return short, preamble, set(said)


def _differs(lines: Sequence[Line], column: str, text: str) -> bool:
    """True where a row says something else in a column: then all of them say it for themselves."""
    return any(line.cells.get(column, text) != text for line in lines if not line.kept)


def _alike(lines: Sequence[Line], column: str) -> str:
    """What all rows say in a column; empty where they do not say one thing."""
    found = {line.cells.get(column, "") for line in lines if not line.kept}
    return found.pop() if len(found) == 1 else ""


def _grown(header: list[tuple[str, str]], lines: Sequence[Line], layout: Layout) -> list[tuple[str, str]]:
    """The header of the file, with a column for what it had not and now needs; else the dialect's own."""
    present = {key for _, key in header}
    used = {key for line in lines for key in line.cells}
    extra = {c: spelled for c, spelled in layout.metadata.items() if c in used and c not in layout.columns}
    return header + [
        (spelled[0], column)
        for column, spelled in {**layout.columns, **extra}.items()
        if spelled and column not in present and (not present or column in used)
    ]


def _homeless(lines: Sequence[Line], keys: set[str], layout: Layout) -> Iterator[Fault]:
    """Cells without a column, and rows that their reader cannot take for want of a required cell."""
    for count, line in enumerate(lines, 1):
        for key in sorted(line.cells.keys() - keys):
            remedy = "the dialect has no such column; add it to `columns`"
            yield Fault("no-home", f"row {count} {key}", remedy, severity="lost")
        for key in layout.required:
            if not line.kept and line.cells.get(key, "").strip() in {"", *layout.nulls}:
                remedy = "the partner cannot read a row without it"
                yield Fault("cell-missing", f"row {count} {key}", remedy, severity="error")


def _still_kept(lines: Sequence[Line], columns: int, faults: list[Fault]) -> list[Line]:
    """The lines without those that were too long for the old header: under a longer one they would be read."""
    left = []
    for count, line in enumerate(lines, 1):
        if line.kept and any(cell.strip() for cell in line.raw[columns:]):
            remedy = "the header grew; a line that was too long for it is left out"
            faults.append(Fault("no-home", f"row {count}", remedy, severity="lost"))
        else:
            left.append(line)
    return left
