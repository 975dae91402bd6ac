"""A dialect: what a message map says of a file, checked and compiled. Reads no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters import building
from adapters.mes_csv.dates import Format, compile_format
from adapters.mes_csv.sheet import AUTO, UNKNOWN, Layout, folded
from adapters.mes_csv.text import DELIMITERS, ENCODINGS
from mappings.compile import Table
from mappings.faults import TableFault
from mappings.rows import RowMap, row_map_of
from mappings.vocabulary import DIALECT_WORDS

THOUSANDS = (".", ",", "'", "space")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of file: its map, its layout, its rows, and how its cells are written."""

    name: str
    map: Mapping[str, Any]
    layout: Layout
    rows: RowMap
    decimal: str
    formats: tuple[Format, ...]
    zone: str
    separator: str
    systems: Mapping[str, str]
    thousands: str = ""
    units_in_cells: bool = False


def dialect_of(
    data: Mapping[str, Any], tables: Mapping[str, Table], known_units: frozenset[str], faults: list[TableFault]
) -> Dialect | None:
    """The dialect of a message map, or None with all its faults."""
    name = data["map"]
    said = data.get("dialect") or {}
    columns = {column: tuple(_listed(spelled)) for column, spelled in (data.get("columns") or {}).items()}
    above = said.get("metadata", {}) if isinstance(said.get("metadata", {}), dict) else {}
    metadata = {column: tuple(_listed(labels)) for column, labels in above.items()}
    required = tuple(_listed(data.get("required")))
    before = len(faults)
    faults += [TableFault(name, "dialect", text) for text in _faults(said, {**metadata, **columns})]
    known = {**metadata, **columns}
    faults += [TableFault(name, "columns", text) for text in _column_faults(known, required, tables, data)]
    separator = str(said.get("separator", ","))
    rows = row_map_of(data, tables, name, faults, separator)
    if rows is None or len(faults) > before:
        return None
    layout = Layout(
        columns=columns,
        required=required,
        delimiter=_delimiter(said),
        encoding=said.get("encoding", ""),
        units_row=AUTO if said.get("units_row") == AUTO else said.get("units_row") == "true",
        metadata=metadata,
        footer=tuple(_listed(said.get("footer"))),
        sheet=str(said.get("sheet", "")),
        workbook=said.get("workbook") == "true",
        units=said.get("units", {}),
        known_units=known_units,
        short_rows=said.get("short_rows") == "true",
        nulls=frozenset(_listed(said.get("null"))),
        sparse="series" in data,
        named=said.get("named") == "true",
    )
    systems = {column: system.rstrip("/") for column, system in said.get("systems", {}).items()}
    formats = tuple(compile_format(text) for text in _listed(said.get("date_format", "iso")))
    decimal, zone = said.get("decimal", "."), said.get("zone", "")
    return Dialect(
        name,
        data,
        layout,
        rows,
        decimal,
        formats,
        zone,
        separator,
        systems,
        thousands=str(said.get("thousands", "")),
        units_in_cells=said.get("units_in_cells") == "true",
    )


def _delimiter(said: Mapping[str, Any]) -> str:
    word = str(said.get("delimiter", ""))
    return "\t" if word == "tab" else word


def _faults(said: Mapping[str, Any], columns: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What is wrong with the words of a dialect."""
    yield from building.dialect_faults(said, DIALECT_WORDS)
    if _delimiter(said) not in ("", *DELIMITERS):
        yield "`delimiter` is one of , ; | tab"
    if said.get("encoding", "utf-8") not in ENCODINGS:
        yield f"`encoding` is one of {', '.join(ENCODINGS)}"
    if said.get("decimal", ".") not in {".", ","}:
        yield "`decimal` is . or ,"
    if said.get("thousands", "") not in {"", *THOUSANDS} or said.get("thousands") == said.get("decimal", "."):
        yield f"`thousands` is one of {' '.join(THOUSANDS)}, and not the decimal mark"
    for flag in ("units_row", "short_rows", "workbook", "units_in_cells"):
        if said.get(flag, "false") not in _FLAGS and (flag, said[flag]) != ("units_row", AUTO):
            yield f"`{flag}` is true or false{' or auto' if flag == 'units_row' else ''}"
    if not isinstance(said.get("metadata", {}), dict):
        yield "`metadata` is written {column: [label, …]}"
    for word in ("units", "systems"):
        named = said.get(word, {})
        if not isinstance(named, dict):
            yield f"`{word}` is written {{column: …}}"
        elif unknown := sorted(named.keys() - columns.keys()):
            yield f"`{word}` names columns of the map; not known: {', '.join(unknown)}"
    if not said.get("separator", ","):
        yield "`separator` is a text"
    for text in _listed(said.get("date_format", "iso")):
        try:
            compile_format(text)
        except ValueError as wrong:
            yield f"`date_format` {text!r}: {wrong}"


def _column_faults(
    columns: Mapping[str, tuple[str, ...]],
    required: tuple[str, ...],
    tables: Mapping[str, Table],
    data: Mapping[str, Any],
) -> Iterator[str]:
    """What is wrong with the columns: unknown to the tables, or one spelling for two."""
    levels = [tables[label] for entry in data.get("rows_by", []) if (label := entry.get("table", "")) in tables]
    places = {place for table in levels for place in table.rows_by_place}
    if unknown := sorted(columns.keys() - places):
        yield f"no row of the tables reads: {', '.join(unknown)}; known are: {', '.join(sorted(places))}"
    if unknown := sorted({*required} - columns.keys()):
        yield f"`required` names columns of the map; not known: {', '.join(unknown)}"
    seen: dict[str, str] = {}
    for column, spelled in columns.items():
        if column.startswith(UNKNOWN):
            yield f"a column's name does not begin with {UNKNOWN}"
        for spelling in spelled:
            if seen.setdefault(folded(spelling), column) != column:
                yield f"the spelling {spelling!r} stands for {seen[folded(spelling)]} and {column}"


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
