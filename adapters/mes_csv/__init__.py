"""Delimited files of manufacture and quality control: bytes to frames and back, by dialects in YAML alone. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.mes_csv import codecs, courier, manufacture, series, series_writer, sheet, source
from adapters.mes_csv.codecs import Cells
from adapters.mes_csv.dates import compile_format
from adapters.mes_csv.dialect import Dialect, dialect_of
from adapters.mes_csv.sheet import Layout
from adapters.mes_csv.source import Opened, Way
from adapters.mes_csv.text import Record
from adapters.reading import Read, Unparsable, Unsupported, bounded
from mappings import library
from mappings.account import Piece
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library
from mappings.row_writer import write_rows
from mappings.rows import read_rows

FORMAT = "mes_csv"
WIRE = "tree"
CODECS = {**codecs.CODECS, **manufacture.CODECS, **courier.CODECS, **series.CODECS}


@dataclass(frozen=True, slots=True)
class Adapter:
    """The dialects of one partner (or the base ones), compiled, with the partner's zone and default system."""

    library: Library
    dialects: Mapping[str, Dialect]
    zone: str = "UTC"
    system: str = ""

    def read(self, body: bytes, hint: str = "") -> Read:
        """Frames, residual, faults and pieces of one file of the dialect `hint`, or of the one that fits its header.

        Raises Unparsable or Unsupported. A file has no id of its own: `source_id` is empty, the channel names it.
        """
        opened = Opened(body)
        dialect = self.dialect(hint or self._detect(opened))
        file = sheet.read(opened.of(dialect.layout.encoding, dialect.decimal), dialect.layout)
        m = self._context(dialect, file.head)
        m.units = {**dialect.layout.units, **file.units}
        m.numbers = file.numbers
        m.faults = file.faults
        m.common = {column: above.text for column, above in file.above.items()}
        m.places = {column: f"line {above.line} column {above.column}" for column, above in file.above.items()}
        is_series = "series" in dialect.map
        reading = series.read(dialect, file, m) if is_series else read_rows(dialect.rows, file.lines, m)
        if not reading.frames:
            m.faults.append(Fault("csv-no-rows", "file", "the file has a header and no row that can be read"))
        m.faults = bounded(m.faults, "file")
        said = reading.common
        if file.above:
            file.head["metadata"] = {
                column: {"cell": above.text, "said": said.get(column, above.text), "at": [above.record, above.column]}
                for column, above in file.above.items()
            }
        residual = {**reading.residual, "head": file.head}
        return Read(
            type=dialect.name,
            source_id="",
            sequence="",
            frames=reading.frames,
            residual=residual,
            faults=m.faults,
            map=dialect.map,
            pieces=[*_head_pieces(dialect, file.head), *reading.pieces],
            leaves=leaves,
            charset=file.head["encoding"],
        )

    def write(
        self, message: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A file of the dialect `message` from frames; with the residual of the file they came from, or fresh.

        Returns the bytes and what a reader of them would not find as the frames say it.
        """
        dialect = self.dialect(message)
        head = (residual or {}).get("head", {})
        m = self._context(dialect, head)
        m.units = {**dialect.layout.units, **sheet.units_of(head, dialect.layout)}
        m.common = {column: kept["cell"] for column, kept in head.get("metadata", {}).items()}
        if "series" in dialect.map:
            return self._write_series(dialect, frames, residual or {}, m)
        lines = write_rows(dialect.rows, frames, residual or {}, m)  # type: ignore[arg-type]
        written = sheet.write(lines, dialect.layout, head)
        title = "" if head or not dialect.layout.workbook else dialect.layout.sheet or dialect.name.rpartition("/")[2]
        body, lost = source.write(written.table, head, dialect.layout.delimiter, dialect.layout.encoding, title)
        return body, [*m.faults, *written.faults, *lost]

    def _write_series(
        self, dialect: Dialect, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any], m: Cells
    ) -> tuple[bytes, list[Fault]]:
        head = residual.get("head", {})
        rows = series_writer.write(dialect, frames, residual, m)
        layout = dialect.layout if head else series_writer.layout_of(dialect, rows, m)
        written = sheet.write(rows.lines, layout, head)
        title = "" if head or not layout.workbook else layout.sheet or dialect.name.rpartition("/")[2]
        body, lost = source.write(written.table, head, layout.delimiter, layout.encoding, title)
        found: list[Any] = []
        with contextlib.suppress(Unparsable):  # what nobody can read says none of the frames
            found = self.read(body, dialect.name).frames if rows.lines else []
        return body, [*m.faults, *written.faults, *lost, *series_writer.unsaid(frames, found)]

    def map(self, message: str) -> Mapping[str, Any]:
        """The message map of a dialect. Raises Unsupported."""
        return self.dialect(message).map

    def detect(self, body: bytes) -> str:
        """Name of the dialect whose header fits best, with all its required columns; empty where none does.

        Of dialects that fit alike the one loaded last is taken: a site's before the base's.
        """
        try:
            return self._detect(Opened(body))
        except Unparsable:
            return ""

    def _detect(self, opened: Opened) -> str:
        ranked = []
        for place, dialect in enumerate(self.dialects.values()):
            if dialect.layout.named:
                continue
            try:
                found = sheet.fit(opened.of(dialect.layout.encoding, dialect.decimal), dialect.layout)
            except Unparsable:
                continue
            if found.found and not found.missing:
                ranked.append((found.rank, place, dialect.name))
        return max(ranked, default=((False, 0, 0), 0, ""))[2]

    def quoted(self, body: bytes, hint: str, places: Iterable[str]) -> dict[str, str]:
        """What stands at places such as `line 3 column 6 (value)` of a file, as far as it can be split."""
        wanted = {place: (int(at[1]), int(at[2])) for place in places if (at := _AT.match(place))}
        dialect = self.dialects.get(hint)
        if not wanted:
            return {}
        layout = dialect.layout if dialect else Layout({})
        try:
            opened = Opened(body).of(layout.encoding, dialect.decimal if dialect else ".")
            way = sheet.fit(opened, layout).way or next(iter(opened.ways(layout.delimiter, layout.sheet)))
        except (Unparsable, StopIteration):
            return {}
        lines = {line for line, _ in wanted.values()}
        cells = {line: row for line, row in _readable(way) if line in lines}
        return {
            place: cells[line][column - 1]
            for place, (line, column) in wanted.items()
            if line in cells and column <= len(cells[line])
        }

    def systems(self) -> dict[str, str]:
        """Column -> system of its identifiers, where all dialects that name one name the same."""
        named: dict[str, set[str]] = {}
        for dialect in self.dialects.values():
            for column, system in dialect.systems.items():
                named.setdefault(column, set()).add(system)
        return {column: found.pop() for column, found in named.items() if len(found) == 1}

    def dialect(self, name: str) -> Dialect:
        """A dialect by name. Raises Unsupported."""
        dialect = self.dialects.get(name)
        if dialect is None:
            remedy = f"name one of {', '.join(self.dialects)}, or add a dialect (docs/howto-csv-dialect.md)"
            raise Unsupported(name, "file", f"no dialect reads it; {remedy}")
        return dialect

    def _context(self, dialect: Dialect, head: Mapping[str, Any]) -> Cells:
        """`head`: of a workbook, where a date is a date whatever the dialect's texts look like."""
        workbook = bool(head.get("workbook"))
        return Cells(
            zone=dialect.zone or self.zone,
            system=self.system,
            codes=self.library.codes,
            nulls=dialect.layout.nulls,
            decimal=dialect.decimal,
            formats=(*dialect.formats, compile_format("iso")) if workbook else dialect.formats,
            thousands=dialect.thousands,
            units_in_cells=dialect.units_in_cells or workbook,
            writes_units=dialect.units_in_cells,
            separator=dialect.separator,
            systems=dialect.systems,
        )


def leaves(name: str, wire: Any) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ARG001 - the account's shape
    """Every cell of a piece that holds anything, by its column."""
    for column, cell in (wire or {}).items():
        if cell:
            yield (column,), cell


_AT = re.compile(r"line (\d+) column (\d+)")


def _readable(way: Way) -> Iterator[Record]:
    """The records down to the first that cannot be split."""
    with contextlib.suppress(Unparsable):
        yield from way.records()


def _head_pieces(dialect: Dialect, head: Mapping[str, Any]) -> Iterator[Piece]:
    """What stands before the rows: title lines, the header, the unit row. Carried is what a fresh file has alike."""
    known = {tuple(kept["at"]): kept for kept in head.get("metadata", {}).values()}
    for ordinal, cells in enumerate(head.get("preamble", ()), 1):
        said = {str(at[1]): kept["said"] for at, kept in known.items() if at[0] == ordinal}
        yield _piece("preamble", ordinal, {str(place): cell for place, cell in enumerate(cells, 1)}, said)
    keys = [key for _, key in head["header"]]
    columns = dialect.layout.columns
    preferred = {key: columns[key][0] for key in keys if key in columns}
    yield _piece("header", 1, {key: spelled for spelled, key in head["header"]}, preferred)
    if "units" in head:
        cells = dict(zip([*keys, *map(str, range(len(keys), len(head["units"])))], head["units"], strict=False))
        yield _piece("units", 1, cells, dict(dialect.layout.units))


def _piece(name: str, ordinal: int, wire: dict[str, str], canonical: dict[str, str]) -> Piece:
    known = {key: text for key, text in canonical.items() if key in wire}
    node = None if wire == known else {"w": wire, "c": known}
    return Piece(name, ordinal, wire, known, node, None)


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """Loads, checks and compiles the dialects. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, schemas, overlays, event_types)
    units = frozenset(tables.codes["unit"].forward)
    degrees = frozenset(_spellings(tables.codes["temperature_unit"].forward))
    faults: list[TableFault] = []
    found = [
        dialect_of(data, tables.tables, units | degrees if "series" in data else units, faults)
        for data in tables.maps.values()
    ]
    if faults:
        raise TableError(faults)
    return Adapter(tables, {dialect.name: dialect for dialect in found if dialect}, zone, system)


def _spellings(words: Iterable[str]) -> Iterator[str]:
    """Words as a header may have them: `deg_f` stands for deg f, deg F, Deg F and DEG F."""
    for word in words:
        plain = word.replace("_", " ")
        yield from (word, plain, plain.upper(), plain.capitalize(), f"{plain[:-1]}{plain[-1:].upper()}")


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base dialects, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
