"""All tables of one format, checked and compiled together, with the overlays of a site. Only reads files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mappings import codes as code_tables
from mappings.codes import CodeTable
from mappings.compile import Table, compile_all
from mappings.events import check as check_events
from mappings.faults import TableError, TableFault
from mappings.load import check_paths, overlay, parse_map, parse_table, read_yaml
from mappings.map_checks import Known, check_all
from mappings.runtime import Codec
from mappings.vocabulary import Spec

FOLDER = Path(__file__).parent
COMMON = "common"
"""The folder of the code tables that several formats share; a format's own table of that name stands in its place."""


@dataclass(frozen=True, slots=True)
class Library:
    """The tables of a format. `digest` names their content; an event carries it."""

    format: str
    tables: Mapping[str, Table]
    maps: Mapping[str, Mapping[str, Any]]
    codes: Mapping[str, CodeTable]
    types: Mapping[str, Spec]
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)

    def map_for(self, message: str) -> Mapping[str, Any] | None:
        """The message map that reads this message type, resource type or dialect."""
        return next((data for data in self.maps.values() if message in data.get("for", [])), None)


@dataclass(slots=True)
class _Parts:
    specs: dict[str, Spec] = field(default_factory=dict)
    types: dict[str, Spec] = field(default_factory=dict)
    maps: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, CodeTable] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    faults: list[TableFault] = field(default_factory=list)
    waiting: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)


def load(
    format_name: str,
    wire: str,
    codecs: Mapping[str, Codec],
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    event_types: Mapping[str, str] | None = None,
) -> Library:
    """Loads `mappings/<format>/` and lays each overlay folder over it. Raises TableError with all faults at once.

    `schemas` are the published frame schemas by kind; with them every canonical path is checked;
    `event_types` (type to the kind it is about) are checked against `on:`.
    """
    parts = _Parts()
    own = {file.name for file in (FOLDER / format_name / "codes").glob("*.csv")}
    _load_codes(parts, FOLDER / COMMON, own)
    for folder in (FOLDER / format_name, *overlays):
        _load_folder(parts, folder, wire)
    if event_types is not None:
        for name, data in parts.maps.items():
            parts.faults += check_events(name, data, event_types)
    parts.faults += check_all(parts.maps, Known(parts.specs, parts.codes, schemas, event_types))
    if schemas is not None:
        for spec in parts.specs.values():
            parts.faults += check_paths(spec, schemas)
    if parts.faults:
        raise TableError(parts.faults)
    tables = compile_all(parts.specs, parts.types, codecs, parts.codes)
    digest = hashlib.sha256("\n".join(f"{n}:{d}" for n, d in sorted(parts.files.items())).encode()).hexdigest()
    return Library(format_name, tables, parts.maps, parts.codes, parts.types, digest[:16], parts.files)


def _load_folder(parts: _Parts, folder: Path, wire: str) -> None:
    for file in sorted(folder.glob("*.yaml")):
        data, faults = read_yaml(file)
        parts.faults += faults
        parts.files[f"{folder.name}/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
        if data:
            _sort_in(parts, f"{folder.name}/{file.name}", data, wire)
    waiting, parts.waiting = parts.waiting, []
    for name, data, its_wire in waiting:  # maps that are like one of a later file
        _sort_in(parts, name, data, its_wire)
    parts.faults += [TableFault(name, "", f"like {data['like']!r}: no such map") for name, data, _ in parts.waiting]
    _load_codes(parts, folder)


def _load_codes(parts: _Parts, folder: Path, without: Collection[str] = ()) -> None:
    for file in sorted((folder / "codes").glob("*.csv")):
        if file.name in without:
            continue
        table, faults = code_tables.parse(file.stem, file.read_text(encoding="utf-8").splitlines())
        parts.faults += faults
        parts.files[f"{folder.name}/codes/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
        base = parts.codes.get(file.stem)
        parts.codes[file.stem] = code_tables.overlay(base, table) if base else table


def _sort_in(parts: _Parts, name: str, data: dict[str, Any], wire: str) -> None:
    if "types" in data:
        for type_name, body in data["types"].items():
            spec, faults = parse_table(type_name, body, wire, is_type=True)
            parts.types[type_name] = spec
            parts.faults += faults
    elif "extends" in data:
        base = parts.specs.get(data["extends"])
        if base is None:
            parts.faults.append(TableFault(name, "", f"extends {data['extends']!r}, which is no table of this format"))
            return
        parts.specs[data["extends"]], faults = overlay(base, data)
        parts.faults += faults
    elif "record" in data and "kinds" in data:
        for kind in data["kinds"]:
            label = f"{data['record']}@{kind}"
            parts.specs[label], faults = parse_table(label, _for_kind(data, kind), wire)
            parts.faults += faults
    elif "record" in data:
        parts.specs[data["record"]], faults = parse_table(data["record"], data, wire)
        parts.faults += faults
    elif "map" in data:
        if "like" in data:
            base_map = parts.maps.get(data["like"])
            if base_map is None:
                parts.waiting.append((name, data, wire))
                return
            data = {**{k: v for k, v in base_map.items() if k != "like"}, **data}
        data["for"] = data["for"] if isinstance(data.get("for"), list) else [data.get("for", "")]
        parts.maps[data["map"]] = data
        parts.faults += parse_map(data["map"], data)
    else:
        parts.faults.append(TableFault(name, "", "a table file begins with record:, types:, extends: or map:"))


def _for_kind(data: dict[str, Any], kind: str) -> dict[str, Any]:
    """The table with `it.` standing for one frame kind."""

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return f"{kind}.{value[3:]}" if value.startswith("it.") else value
        if isinstance(value, list):
            return [named(item) for item in value]
        if isinstance(value, dict):
            return {named(key): named(item) for key, item in value.items()}
        return value

    return {key: named(value) for key, value in data.items()}
