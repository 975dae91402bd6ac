"""Delimited files of manufacture and quality control: bytes to frames and back, by dialects in YAML alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.mes_csv import sheet, text
from adapters.mes_csv.codecs import CODECS, MAX_FAULTS, Cells
from adapters.mes_csv.dialect import Dialect, dialect_of
from adapters.mes_csv.sheet import Sheet
from adapters.reading import Read, Unparsable, Unsupported
from mappings import library
from mappings.account import Piece
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library
from mappings.row_writer import write_rows
from mappings.rows import read_rows

FORMAT = "mes_csv"
WIRE = "tree"


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
        dialect = self._dialect(hint or self.detect(body))
        file = self._sheet(body, dialect)
        m = self._context(dialect)
        m.units = {**dialect.layout.units, **file.units}
        m.numbers = file.numbers
        m.faults = file.faults
        reading = read_rows(dialect.rows, file.lines, m)
        if not reading.frames:
            m.faults.append(Fault("csv-no-rows", "file", "the file has a header and no row that can be read"))
        if len(m.faults) > MAX_FAULTS:
            worst = "error" if any(fault.severity == "error" for fault in m.faults) else "warning"
            remedy = f"only the first {MAX_FAULTS} faults are listed; mend them and send the file again"
            m.faults[MAX_FAULTS:] = [Fault("faults-more", "file", remedy, severity=worst)]
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
        dialect = self._dialect(message)
        head = (residual or {}).get("head", {})
        m = self._context(dialect)
        m.units = {**dialect.layout.units, **sheet.units_of(head, dialect.layout)}
        lines = write_rows(dialect.rows, frames, residual or {}, m)  # type: ignore[arg-type]
        body, faults = sheet.write(lines, dialect.layout, head)
        return body, [*m.faults, *faults]

    def map(self, message: str) -> Mapping[str, Any]:
        """The message map of a dialect. Raises Unsupported."""
        return self._dialect(message).map

    def detect(self, body: bytes) -> str:
        """Name of the dialect whose header fits best, with all its required columns; empty where none does.

        Of dialects that fit alike the one loaded last is taken: a site's before the base's.
        """
        ranked = []
        for place, dialect in enumerate(self.dialects.values()):
            try:
                found = sheet.fit(text.decode(body, dialect.layout.encoding)[0], dialect.layout)
            except Unparsable:
                continue
            if found.found and not found.missing:
                ranked.append((found.rank, place, dialect.name))
        return max(ranked, default=((False, 0, 0), 0, ""))[2]

    def _dialect(self, name: str) -> Dialect:
        dialect = self.dialects.get(name)
        if dialect is None:
            remedy = f"name one of {', '.join(self.dialects)}, or add a dialect (docs/howto-csv-dialect.md)"
            raise Unsupported(name, "file", f"no dialect reads it; {remedy}")
        return dialect

    def _sheet(self, body: bytes, dialect: Dialect) -> Sheet:
        content, encoding = text.decode(body, dialect.layout.encoding)
        return sheet.read(content, encoding, dialect.layout)

    def _context(self, dialect: Dialect) -> Cells:
        return Cells(
            zone=dialect.zone or self.zone,
            system=self.system,
            codes=self.library.codes,
            nulls=dialect.layout.nulls,
            decimal=dialect.decimal,
            formats=dialect.formats,
            separator=dialect.separator,
            systems=dialect.systems,
        )


def leaves(name: str, wire: Any) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ARG001 - the account's shape
    """Every cell of a piece that holds anything, by its column."""
    for column, cell in (wire or {}).items():
        if cell:
            yield (column,), cell


def _head_pieces(dialect: Dialect, head: Mapping[str, Any]) -> Iterator[Piece]:
    """What stands before the rows: title lines, the header, the unit row. Carried is what a fresh file has alike."""
    for ordinal, cells in enumerate(head.get("preamble", ()), 1):
        yield _piece("preamble", ordinal, {str(place): cell for place, cell in enumerate(cells, 1)}, {})
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
    faults: list[TableFault] = []
    found = [dialect_of(data, tables.tables, units, faults) for data in tables.maps.values()]
    if faults:
        raise TableError(faults)
    return Adapter(tables, {dialect.name: dialect for dialect in found if dialect}, zone, system)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base dialects, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
