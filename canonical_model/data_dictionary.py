"""The data dictionary as a page: every field of every record with path, type, unit, meaning, example. Makes text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from canonical_model.examples import Maker
from canonical_model.json_schema import event_schema, order_schema, protocol_schema, record_schema
from canonical_model.records import RECORDS
from canonical_model.vocabularies import FIELDS

Schema = Mapping[str, Any]
Row = tuple[str, str, str, str, str]
"""Path, type, unit, meaning, example."""

UNITS: Mapping[str, str] = {
    "order.weight": "kg",
    "document.size": "By",
    "Attachment.size": "By",
    "Point.seconds": "s",
    "Point.value": "that of the series",
    "readings.minimum": "that of the series",
    "readings.maximum": "that of the series",
    "readings.mean": "that of the series",
    "Inspection.temperature": "Cel",
    "container.transport_temperature": "Cel",
    "subject.birth_year": "a",
}
"""Field -> its unit in UCUM, where it has one of its own."""
_BY_TYPE: Mapping[str, str] = {"Quantity": "UCUM, beside the value", "Range": "UCUM, beside the values"}
_PARTS = frozenset(
    {
        *("NameView", "StateView", "ChainView", "HandoverView", "GapView", "LinkView", "Via", "IssueView", "Thing"),
        *("DisagreementView", "Reporter", "Condition", "Window"),
    }
)
"""Types of which the examples of whole documents show all."""
_WIDTH = 90


def fields() -> list[Row]:
    """Path, type, unit, meaning and example of every field: records, then value types, envelope, order, Protocol."""
    found: dict[str, Row] = {}
    for _, rows in _sections():
        for row in rows:
            found.setdefault(row[0], row)
    return list(found.values())


def _sections() -> Iterator[tuple[str, list[Row]]]:
    types: dict[str, tuple[Schema, Schema]] = {}
    shown: dict[str, dict[str, Any]] = {}
    for title, schema in _documents():
        whole: dict[str, Any] = {}
        for example in schema["examples"]:
            _collect(schema, example, schema, shown)
            whole |= example
        yield title, list(_rows(title.replace(" ", "-"), schema, whole, schema))
        for name, node in schema.get("$defs", {}).items():
            if "properties" in node and name != "Event" and not name.startswith(("set-", "view-")):
                types.setdefault(name, (node, schema))
    for name, (node, schema) in sorted(types.items()):
        maker = Maker(schema["$defs"])
        made = {field: maker.of(inner, field, name) for field, inner in node["properties"].items()}
        yield name, list(_rows(name, node, shown.get(name, {}) if name in _PARTS else made, schema))


def _documents() -> Iterator[tuple[str, Schema]]:
    yield from ((kind, record_schema(kind)) for kind in RECORDS)
    yield from (("event", event_schema()), ("order document", order_schema()), ("protocol", protocol_schema()))


def _collect(node: Schema, value: Any, root: Schema, shown: dict[str, dict[str, Any]]) -> None:
    """Notes what stands in the parts of an example, by the name of the part."""
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        if isinstance(value, dict):
            shown[name] = {**value, **shown.get(name, {})}
        _collect(root["$defs"][name], value, root, shown)
    elif isinstance(value, list) and "items" in node:
        for item in value:
            _collect(node["items"], item, root, shown)
    elif isinstance(value, dict):
        rest = node.get("additionalProperties")
        for field, inner in value.items():
            below = node.get("properties", {}).get(field, rest)
            if isinstance(below, Mapping):
                _collect(below, inner, root, shown)


def _rows(owner: str, node: Schema, example: Any, root: Schema) -> Iterator[Row]:
    for name, inner in node["properties"].items():
        path = f"{owner}.{name}"
        kind = _type(inner)
        unit = UNITS.get(path, _BY_TYPE.get(kind.removesuffix(" …"), ""))
        shown = _example(example[name]) if isinstance(example, Mapping) and name in example else ""
        yield path, _linked(path, kind, inner), unit, _meaning(inner, root), shown


def _meaning(node: Schema, root: Schema) -> str:
    """What a field means: its own description, or that of its type."""
    if "description" in node:
        return str(node["description"]).replace("\n", " ")
    target = root.get("$defs", {}).get(str(node.get("$ref", "")).rpartition("/")[2], {})
    return str(target.get("description", "")).partition("\n")[0]


def _type(node: Schema) -> str:
    """The type of a field in a few words; `…` marks a list."""
    if "$ref" in node:
        return str(node["$ref"]).rpartition("/")[2]
    if "anyOf" in node:
        return " or ".join(_type(choice) for choice in node["anyOf"])
    if "const" in node:
        return f"always {node['const']}"
    if "enum" in node:
        return "code"
    if node.get("type") == "array":
        return f"{_type(node['items'])} …" if "items" in node else "list"
    return {"string": _text_type(node), "boolean": "yes or no", "integer": "whole number"}.get(
        str(node.get("type")), "object"
    )


def _text_type(node: Schema) -> str:
    pattern = str(node.get("pattern", ""))
    if node.get("format") == "date-time":
        return "instant"
    if node.get("format") == "duration":
        return "duration"
    return "decimal" if pattern.startswith("^-?[0-9]{1,40}") else "text"


def _linked(path: str, kind: str, node: Schema) -> str:
    """The type, with the values or the vocabulary of a code."""
    if path in FIELDS:
        return f"{kind}: [{FIELDS[path]}](catalogue.md#{FIELDS[path]})"
    values = node.get("enum", node.get("items", {}).get("enum") if isinstance(node.get("items"), Mapping) else None)
    return f"{kind}: {', '.join(values)}" if values and len(values) <= 8 else kind


def _example(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text if len(text) <= _WIDTH else text[: _WIDTH - 1] + '…'}`" if text else ""


def dictionary_page() -> str:
    """The page: a table for each record, then the envelope, the order document, the Protocol and the value types."""
    lines = [
        "# Data dictionary",
        "",
        "Generated by `python -m canonical_model.publish`; do not edit. Every field is optional unless its schema says",
        "otherwise. `…` marks a list. A type that is written with a capital is a value type, described below.",
        "Persons and free text stand in the log as `Actor` and `Sealed` tokens. Units are UCUM codes. All examples",
        "are invented.",
    ]
    for title, rows in _sections():
        lines += ["", f"## {title}", "", *_table(("path", "type", "unit", "meaning", "example"), rows)]
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
