"""A dialect: what a message map says of a file, checked and compiled. Reads no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.mes_csv.dates import Format, compile_format
from adapters.mes_csv.sheet import UNKNOWN, Layout, folded
from adapters.mes_csv.text import DELIMITERS, ENCODINGS
from canonical_model.values import zone_of
from mappings.compile import Table
from mappings.faults import TableFault
from mappings.rows import RowMap, row_map_of
from mappings.vocabulary import DIALECT_WORDS

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


def dialect_of(
    data: Mapping[str, Any], tables: Mapping[str, Table], known_units: frozenset[str], faults: list[TableFault]
) -> Dialect | None:
    """The dialect of a message map, or None with all its faults."""
    name = data["map"]
    said = data.get("dialect") or {}
    columns = {column: tuple(_listed(spelled)) for column, spelled in (data.get("columns") or {}).items()}
    required = tuple(_listed(data.get("required")))
    before = len(faults)
    faults += [TableFault(name, "dialect", text) for text in _faults(said, columns)]
    faults += [TableFault(name, "columns", text) for text in _column_faults(columns, required, tables, data)]
    separator = str(said.get("separator", ","))
    rows = row_map_of(data, tables, name, faults, separator)
    if rows is None or len(faults) > before:
        return None
    layout = Layout(
        columns=columns,
        required=required,
        delimiter=_delimiter(said),
        encoding=said.get("encoding", ""),
        units_row=said.get("units_row") == "true",
        units=said.get("units", {}),
        known_units=known_units,
        short_rows=said.get("short_rows") == "true",
        nulls=frozenset(_listed(said.get("null"))),
    )
    systems = {column: system.rstrip("/") for column, system in said.get("systems", {}).items()}
    formats = tuple(compile_format(text) for text in _listed(said.get("date_format", "iso")))
    decimal, zone = said.get("decimal", "."), said.get("zone", "")
    return Dialect(name, data, layout, rows, decimal, formats, zone, separator, systems)


def _delimiter(said: Mapping[str, Any]) -> str:
    word = str(said.get("delimiter", ""))
    return "\t" if word == "tab" else word


def _faults(said: Mapping[str, Any], columns: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What is wrong with the words of a dialect."""
    for word in said:
        if word not in DIALECT_WORDS:
            yield f"unknown word {word!r}; known are: {', '.join(DIALECT_WORDS)}"
    if _delimiter(said) not in ("", *DELIMITERS):
        yield "`delimiter` is one of , ; | tab"
    if said.get("encoding", "utf-8") not in ENCODINGS:
        yield f"`encoding` is one of {', '.join(ENCODINGS)}"
    if said.get("decimal", ".") not in {".", ","}:
        yield "`decimal` is . or ,"
    for flag in ("units_row", "short_rows"):
        if said.get(flag, "false") not in _FLAGS:
            yield f"`{flag}` is true or false"
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
    try:
        zone_of(said.get("zone", "UTC"))
    except ValueError:
        yield "`zone` is an IANA name such as Europe/Berlin"


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
