"""CSV records to a header and rows, and back: delimiter, preamble, header spellings, unit row, ragged rows.

Knows no meaning of a column. A row that cannot be read as its header says is kept whole, with a fault. What is not
given back: which cells were quoted (all, or as needed, is), the apostrophe before a formula, mixed line ends, and
empty cells at the end of a line.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.mes_csv.text import DELIMITERS, Record, Style, encode, line_end, records
from adapters.reading import Unparsable
from mappings.faults import Fault
from mappings.rows import Line

MAX_PREAMBLE = 20
UNKNOWN = "?"
"""First character of the key of a column that the dialect does not name."""

MAX_SPELLING = 200
_ALL_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"(?:[,;|\t]"[^"]*(?:""[^"]*)*")*')


@dataclass(frozen=True, slots=True)
class Layout:
    """What a dialect says of its file's text: its columns with their spellings, and how they are set down."""

    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = ""
    units_row: bool = False
    units: Mapping[str, str] = field(default_factory=dict)
    known_units: frozenset[str] = frozenset()
    short_rows: bool = False
    nulls: frozenset[str] = frozenset()


@dataclass(slots=True)
class Sheet:
    """A file after splitting: how it is set down (`head`), its lines, the units and numbers of its columns."""

    head: dict[str, Any]
    lines: list[Line]
    units: dict[str, str]
    numbers: dict[str, int]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a layout reads a text: the delimiter, the header's place among the records, the columns found."""

    delimiter: str
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


def matched(cells: Iterable[str], layout: Layout) -> list[tuple[str, str]]:
    """Column (or nothing) and unit of each header cell; `Temperature [Cel]` names its unit."""
    known = {folded(spelling): column for column, spelled in layout.columns.items() for spelling in spelled}
    out = []
    for cell in cells:
        if len(cell) > MAX_SPELLING:
            out.append(("", ""))
            continue
        column, unit = known.get(folded(cell), ""), ""
        if not column:
            name, unit = _bracketed(cell)
            column = known.get(folded(name), "") if unit in layout.known_units else ""
        out.append((column, unit if column else ""))
    return out


def _bracketed(cell: str) -> tuple[str, str]:
    """What stands before and inside the brackets at the end of a cell; nothing inside where there are none."""
    text = cell.strip()
    opens = max(text.rfind("["), text.rfind("("))
    return (text[:opens].strip(), text[opens + 1 : -1].strip()) if opens >= 0 and text[-1] in "])" else (text, "")


def fit(text: str, layout: Layout) -> Fit:
    """The best reading of the text's first lines as this layout's header. Raises Unparsable where none can be read."""
    candidates = (layout.delimiter,) if layout.delimiter else DELIMITERS
    fits: list[Fit] = []
    wrong: list[Unparsable] = []
    for delimiter in candidates:
        try:
            fits += _fits(text, layout, delimiter)
        except Unparsable as unparsable:
            wrong.append(unparsable)
    best = max(fits, key=lambda each: (each.rank, -each.place), default=None)
    if best is not None and best.found:
        return best
    if wrong and not fits:
        raise wrong[0]
    return Fit(candidates[0], 0, frozenset(), 0, layout.required)


def _fits(text: str, layout: Layout, delimiter: str) -> Iterator[Fit]:
    for place, (_, cells) in enumerate(_first(text, delimiter)):
        found = frozenset(column for column, _ in matched(cells, layout) if column)
        missing = tuple(column for column in layout.required if column not in found)
        yield Fit(delimiter, place, found, sum(1 for cell in cells if cell.strip()), missing)


def _first(text: str, delimiter: str) -> Iterator[Record]:
    """The records among which the header stands; a fault below the first one does not hide it."""
    source = records(text, delimiter)
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


# ---- reading --------------------------------------------------------------------------------------------------


def read(text: str, encoding: str, layout: Layout) -> Sheet:
    """The sheet of a text. Raises Unparsable: nothing there, no header, columns missing or twice, no unit row."""
    if not text.strip():
        raise Unparsable("csv-empty", "line 1", "the file has no header and no rows; export it again")
    best = fit(text, layout)
    if not best.found:
        remedy = f"no line is a header of this dialect; its columns are: {_named(layout, layout.columns)}"
        raise Unparsable("csv-header", "line 1", remedy)
    rows = list(records(text, best.delimiter))
    preamble, (line, header), rest = rows[: best.place], rows[best.place], rows[best.place + 1 :]
    if best.missing:
        raise Unparsable("csv-columns-missing", f"line {line}", f"add to the header: {_named(layout, best.missing)}")
    faults = [] if encoding != "cp1252" or layout.encoding else [_GUESSED]
    keys, units = _header(line, header, layout, faults)
    head: dict[str, Any] = {
        "encoding": encoding,
        "delimiter": best.delimiter,
        "newline": line_end(text),
        "end": text[-1:] in {"\r", "\n"},
        "header": [[spelling, key] for spelling, key in zip(header, keys, strict=False)],
    }
    if _all_quoted(text, line):
        head["quoting"] = "all"
    if preamble:
        head["preamble"] = [cells for _, cells in preamble]
    if layout.units_row:
        units |= _unit_row(rest, keys, layout, line)
        head["units"] = rest.pop(0)[1]
    numbers = {key: number for number, key in enumerate(keys, 1)}
    return Sheet(head, [_line(row, keys, layout, faults) for row in rest], units, numbers, faults)


_GUESSED = Fault("encoding-guessed", "file", "read as cp1252: declare the dialect's encoding, or send UTF-8")


def _named(layout: Layout, columns: Iterable[str]) -> str:
    return ", ".join(f"{c} ({layout.columns[c][0]})" if layout.columns.get(c) else c for c in columns)


def _header(line: int, header: list[str], layout: Layout, faults: list[Fault]) -> tuple[list[str], dict[str, str]]:
    """Keys of the columns, and the units that the header names; a fault per unknown column."""
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
        faults.append(Fault("column-unknown", place, "the dialect names no such column; it is kept for its sender"))
    return keys, units


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


def _all_quoted(text: str, line: int) -> bool:
    """True where the header's line quotes every cell."""
    lines = io.StringIO(text, newline="")
    header = next((each for number, each in enumerate(lines, 1) if number == line), "")
    return _ALL_QUOTED.fullmatch(header.strip("\r\n")) is not None


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


def write(lines: Sequence[Line], layout: Layout, head: Mapping[str, Any]) -> tuple[bytes, list[Fault]]:
    """Bytes of a file, set down as `head` says, or as the dialect does; and what had no column or character there."""
    old = [(spelling, key) for spelling, key in head.get("header", ())]
    header = _grown(old, lines, layout)
    keys = [key for _, key in header]
    faults = [*_homeless(lines, set(keys), layout)]
    if old and len(header) > len(old):
        lines = _still_kept(lines, len(old), faults)
    table: list[Sequence[str]] = [*head.get("preamble", ()), [spelling for spelling, _ in header]]
    if layout.units_row:
        table.append(head.get("units") or [layout.units.get(key, "") for key in keys])
    table += [line.raw if line.kept else [line.cells.get(key, "") for key in keys] for line in lines]
    style = Style(
        delimiter=head.get("delimiter") or layout.delimiter or ",",
        encoding=head.get("encoding") or layout.encoding or "utf-8",
        newline=head.get("newline", "\r\n"),
        every=head.get("quoting") == "all",
        end=head.get("end", True),
    )
    data, lost = encode(table, style)
    return data, [*faults, *lost]


def _grown(header: list[tuple[str, str]], lines: Sequence[Line], layout: Layout) -> list[tuple[str, str]]:
    """The header of the file, with a column for what it had not and now needs; else the dialect's own."""
    present = {key for _, key in header}
    used = {key for line in lines for key in line.cells}
    return header + [
        (spelled[0], column)
        for column, spelled in layout.columns.items()
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
