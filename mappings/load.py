"""Reads tables from YAML, merges overlays and finds every fault at once. Compiles nothing (see `compile`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mappings.faults import TableFault
from mappings.vocabulary import IGNORE_REASONS, MAP_WORDS, ROW_WORDS, TABLE_WORDS, Row, Spec

_LITERALS = {"true": True, "false": False}


class _Loader(yaml.CBaseLoader):
    """Every scalar is text (no `NO` that means false, no 5.10 that means 5.1); a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key stands twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_yaml(file: Path) -> tuple[dict[str, Any], list[TableFault]]:
    """A YAML mapping as plain text values, or the fault that keeps it from being one."""
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a BaseLoader makes only text
    except yaml.YAMLError as wrong:
        return {}, [TableFault(str(file), "", f"not YAML: {' '.join(str(wrong).split())}")]
    if not isinstance(data, dict):
        return {}, [TableFault(str(file), "", "a table file is a mapping that begins with record:, types: or map:")]
    return data, []


def split_path(path: str) -> list[str]:
    """Steps of a tree path; a bracketed selector belongs to its step and may hold dots."""
    steps, depth, step = [], 0, ""
    for char in path:
        depth += (char == "[") - (char == "]")
        if char == "." and depth == 0:
            steps.append(step)
            step = ""
        else:
            step += char
    return [*steps, step]


def parse_table(name: str, data: Mapping[str, Any], wire: str, is_type: bool = False) -> tuple[Spec, list[TableFault]]:
    """A record table or data type from its YAML mapping."""
    faults = [
        TableFault(name, "", f"unknown word {word!r}; known are: {', '.join(TABLE_WORDS)}")
        for word in data
        if word not in TABLE_WORDS
    ]
    rows: list[Row] = []
    for number, raw in enumerate(_list(data.get("rows", [])), 1):
        if not isinstance(raw, dict):
            faults.append(TableFault(name, str(number), "a row is a mapping"))
            continue
        row, wrong = _parse_row(name, raw, number)
        faults += wrong
        if any(known.id == row.id for known in rows):
            faults.append(TableFault(name, row.id, "this row id stands twice in the table"))
        rows.append(row)
    spec = Spec(
        name=name,
        wire=data.get("wire", wire),
        rows=tuple(rows),
        piece=data.get("piece", ""),
        about=data.get("about", ""),
        key=tuple(_list(data.get("key", []))),
        pick=data.get("pick", {}),
        also=data.get("also", {}),
        is_type=is_type,
    )
    return spec, faults


def _parse_row(table: str, raw: Mapping[str, Any], number: int) -> tuple[Row, list[TableFault]]:
    row_id = str(raw.get("id", f"#{number}"))

    def fault(text: str) -> TableFault:
        return TableFault(table, row_id, text)

    faults = [
        fault(f"unknown word {word!r}; known are: {', '.join(ROW_WORDS)}") for word in raw if word not in ROW_WORDS
    ]
    if "id" not in raw:
        faults.append(fault("a row has an id"))
    if ("at" in raw) == ("each" in raw):
        faults.append(fault("a row says either `at` or `each`"))
    says = [word for word in ("into", "ignore", "constant", "ref") if word in raw]
    if not says:
        faults.append(fault("a row says where its value goes (`into`), that it is fixed (`constant`) or `ignore`"))
    if "ignore" in raw and raw["ignore"] not in IGNORE_REASONS:
        faults.append(fault(f"unknown reason {raw['ignore']!r}; known are: {', '.join(IGNORE_REASONS)}"))
    if "ignore" in raw and "into" in raw:
        faults.append(fault("a value is carried (`into`) or ignored, not both"))
    if raw.get("only") not in (None, "in", "out"):
        faults.append(fault("`only` is `in` or `out`"))
    if "only" in raw and not raw.get("why"):
        faults.append(fault("a one-way row says why"))
    if "as" in raw and "table" in raw:
        faults.append(fault("a value is read by a codec (`as`) or by a code table (`table`), not both"))
    default = raw.get("default")
    if default is not None and (not isinstance(default, dict) or set(default) != {"in", "out"}):
        faults.append(fault("`default` is written {in: value, out: omit}"))
        default = None
    if "split" in raw and not isinstance(raw["split"], dict):
        faults.append(fault("`split` is written {field: constant}"))
    row = Row(
        id=row_id,
        at=tuple(_list(raw.get("each", raw.get("at", [])))),
        each="each" in raw,
        into=tuple(_list(raw.get("into", []))),
        codec=raw.get("as", "text"),
        table=raw.get("table", ""),
        ref=tuple(_list(raw.get("ref", []))),
        split={k: _literal(v) for k, v in raw.get("split", {}).items()} if isinstance(raw.get("split"), dict) else {},
        same_as=raw.get("same_as", ""),
        derive=raw.get("derive", {}),
        implies={k: _literal(v) for k, v in raw.get("implies", {}).items()},
        default=default["in"] if default and default["in"] != "omit" else None,
        fill=default["out"] if default and default["out"] != "omit" else None,
        constant=raw.get("constant"),
        ignore=raw.get("ignore", ""),
        versions=raw.get("versions", ""),
        only=raw.get("only", ""),
        why=raw.get("why", ""),
    )
    return row, faults


def overlay(base: Spec, changes: Mapping[str, Any]) -> tuple[Spec, list[TableFault]]:
    """The base table with an overlay's rows: a known id replaces, a new one is added, `remove` takes away."""
    site, faults = parse_table(
        base.name, {k: v for k, v in changes.items() if k not in {"extends", "remove"}}, base.wire
    )
    remove = set(_list(changes.get("remove", [])))
    known = {row.id for row in base.rows}
    faults += [TableFault(base.name, gone, "cannot be removed: no such row") for gone in sorted(remove - known)]
    changed = {row.id: row for row in site.rows}
    rows = [changed.pop(row.id, row) for row in base.rows if row.id not in remove]
    return replace(base, rows=(*rows, *changed.values())), faults


def parse_map(name: str, data: Mapping[str, Any]) -> list[TableFault]:
    """Faults of a message map's outline; its tables and paths are checked when it is compiled."""
    faults = [
        TableFault(name, "", f"unknown word {word!r}; known are: {', '.join(MAP_WORDS)}")
        for word in data
        if word not in MAP_WORDS
    ]
    for kind, rows in (data.get("on") or {}).items():
        if not rows or "when" in rows[-1]:
            faults.append(TableFault(name, f"on {kind}", "the last row catches all: it has no `when`"))
        faults += [
            TableFault(name, f"on {kind}", "only the last row has no `when`") for row in rows[:-1] if "when" not in row
        ]
    return faults


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _literal(value: Any) -> Any:
    return _LITERALS.get(value, value) if isinstance(value, str) else value


def check_paths(spec: Spec, schemas: Mapping[str, Any]) -> Iterable[TableFault]:
    """Faults of canonical paths that the published frame schemas do not know. `schemas`: kind -> JSON Schema."""
    for row in spec.rows:
        for path in (*row.into, *row.derive, *row.implies):
            kind, _, rest = path.removesuffix("[]").partition(".")
            schema = schemas.get(kind)
            if schema is None:
                yield TableFault(spec.name, row.id, f"no frame kind {kind!r}; known are: {', '.join(sorted(schemas))}")
            elif not schema_has(schema, schema, rest.split(".")):
                yield TableFault(spec.name, row.id, f"the schema frame/{kind} has no path {rest!r}")


def schema_has(root: Mapping[str, Any], node: Mapping[str, Any], steps: list[str]) -> bool:
    """True when the steps lead to a property of the schema; a list is entered without a step."""
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return schema_has(root, target, steps)
    if not steps or steps == [""]:
        return True
    for branch in ("anyOf", "oneOf", "allOf"):
        if any(schema_has(root, inner, steps) for inner in node.get(branch, [])):
            return True
    if "items" in node and isinstance(node["items"], dict):
        return schema_has(root, node["items"], steps)
    properties = node.get("properties", {})
    return steps[0] in properties and schema_has(root, properties[steps[0]], steps[1:])
