"""The published JSON Schemas (2020-12), made from the model: records, events and orders as the log has them, frames as
messages do, Protocols. Pure; `publish` writes them.

They say what the model says, but for what a schema cannot know: the rules V-1 to V-3 of values and events
(`values.RULES`), and D-1 to D-6 of an order document (`order_document.RULES`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from canonical_model import BASE, MODEL_VERSION, examples
from canonical_model.catalogue import EVENTS
from canonical_model.codes import ISSUE_KINDS, ROLES, STAGES, STATES
from canonical_model.events import VERSION, Event
from canonical_model.fold import fold
from canonical_model.frames import KINDS, frame_model
from canonical_model.ids import name_key
from canonical_model.order_document import DOCUMENT_VERSION, OrderDocument, order_document
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.records import FRAME_FIELDS, RECORDS
from canonical_model.rules import SEVERITIES
from canonical_model.values import parse_instant

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = f"{BASE}/schemas/v1"
_HEAD = frozenset({"$schema", "$id", "$comment", "$defs", "examples"})
_NOT_IN_LOG = frozenset({"#/$defs/FrameLink", "#/$defs/Person"})
_TOKENS = frozenset({"#/$defs/Sealed", "#/$defs/Actor", "#/$defs/Participation"})


@cache
def record_schema(kind: str) -> Schema:
    """A record of a kind as the log and the read model have it: nothing personal, other records by name."""
    made = _plain(TypeAdapter(RECORDS[kind]).json_schema())
    made["properties"] = {name: node for name, node in made["properties"].items() if name not in FRAME_FIELDS}
    made = _needed(_for_log(made))
    return _document(f"records/{kind}", made["title"], made, examples.record_example(kind, made))


@cache
def frame_schema(kind: str) -> Schema:
    """A frame of a kind: what one message asserts of one record."""
    made = _plain(TypeAdapter(frame_model(kind)).json_schema())
    return _document(f"frame/{kind}", f"Frame of {kind}", made, examples.frame_example(kind, made))


@cache
def event_schema() -> Schema:
    """The envelope of a fact, with `set` checked by the kind of record that it is about."""
    made = _plain(TypeAdapter(Event).json_schema())
    definitions = made.setdefault("$defs", {})
    made["properties"]["v"] = {"const": VERSION, "description": "version of the envelope"}
    made["properties"]["type"]["enum"] = sorted(EVENTS)
    definitions["Reporter"]["properties"]["role"]["enum"] = sorted(ROLES)
    made["properties"]["about"] = {
        **made["properties"]["about"],
        "properties": {"kind": {"enum": sorted(RECORDS)}},
    }
    made["allOf"] = []
    for kind in RECORDS:
        record = record_schema(kind)
        definitions |= record.get("$defs", {})
        fields = sorted(record["properties"])
        definitions[f"set-{kind}"] = {
            "type": "object",
            "description": f"What a fact may say of a {kind}; its names stand in `about`.",
            "properties": {n: node for n, node in record["properties"].items() if n != "identifiers"},
            "additionalProperties": False,
        }
        types = sorted(row.type for row in EVENTS.values() if row.about in {kind, ""})
        made["allOf"].append(
            {
                "if": {"properties": {"about": {"properties": {"kind": {"const": kind}}}}},
                "then": {
                    "properties": {
                        "type": {"enum": types},
                        "set": {"$ref": f"#/$defs/set-{kind}"},
                        "clear": {"items": {"pattern": rf"^\??({'|'.join(fields)})([.\[].*)?$"}},
                    }
                },
            }
        )
    made["$defs"] = dict(sorted(definitions.items()))
    return _document("event", "Event", made, *examples.event_facts())


@cache
def order_schema() -> Schema:
    """A whole order: the fold of its facts, the facts, and what the rules find in them."""
    made = _plain(TypeAdapter(OrderDocument).json_schema())
    event = event_schema()
    definitions = made["$defs"]
    definitions |= event["$defs"]
    definitions["Event"] = {word: node for word, node in event.items() if word not in _HEAD}
    definitions["StateView"]["properties"]["stage"]["enum"] = list(STAGES)
    issue = definitions["IssueView"]["properties"]
    issue["kind"]["enum"], issue["severity"]["enum"] = sorted(ISSUE_KINDS), list(SEVERITIES)
    view = definitions.pop("RecordView")
    made["properties"]["v"] = {"const": DOCUMENT_VERSION, "description": "version of the document"}
    kinds = {}
    for kind in RECORDS:
        definitions[f"view-{kind}"] = _view(view, kind)
        kinds[kind] = {"type": "array", "items": {"$ref": f"#/$defs/view-{kind}"}}
    made["properties"]["records"] = {
        "type": "object",
        "description": made["properties"]["records"]["description"],
        "properties": kinds,
        "additionalProperties": False,
    }
    made["$defs"] = dict(sorted(definitions.items()))
    return _document("order-document", "Order document", made, example_order())


def example_order() -> dict[str, Any]:
    """The document of the example order, as it stands on a day when its product should not be given."""
    facts = examples.order_facts()
    names = [name_key("order", identifier) for identifier in facts[0]["about"]["identifiers"]]
    return order_document(fold(names, facts), DEFAULT_PROTOCOLS, parse_instant("2026-03-21T00:00:00Z"), position=9)


def _view(view: Schema, kind: str) -> Schema:
    """What an order document says of a record of a kind."""
    properties = {**view["properties"], "fields": {"$ref": f"#/$defs/set-{kind}"}}
    if kind in STATES:
        properties["state"] = {**properties["state"], "enum": list(STATES[kind])}
    else:
        del properties["state"]
    return {**view, "properties": properties}


@cache
def protocol_schema() -> Schema:
    """A therapy protocol: what an order refers to as id@version."""
    made = _plain(TypeAdapter(Protocol).json_schema())
    return _document("protocol", "Protocol", made, AUTOLOGOUS_CAR_T.model_dump(mode="json", exclude_none=True))


def documents() -> dict[str, Schema]:
    """Every published schema by its path below `schemas/v1`."""
    found = {f"records/{kind}.schema.json": record_schema(kind) for kind in RECORDS}
    found |= {f"frame/{kind}.schema.json": frame_schema(kind) for kind in KINDS}
    return {
        **found,
        "event.schema.json": event_schema(),
        "order-document.schema.json": order_schema(),
        "protocol.schema.json": protocol_schema(),
    }


def _document(path: str, title: str, made: Schema, *shown: Any) -> Schema:
    """A schema with what a reader needs to find, cite and understand it: identifier, title, version, examples."""
    head = {
        "$schema": DIALECT,
        "$id": f"{ROOT}/{path}.schema.json",
        "title": title,
        "$comment": f"version {MODEL_VERSION}",
    }
    rest = {name: node for name, node in made.items() if name not in {"title", "$defs"}}
    definitions = {"$defs": made["$defs"]} if made.get("$defs") else {}
    return {**head, **rest, "examples": list(shown), **definitions}


def _plain(node: Any, names: bool = False) -> Any:
    """A schema without what only repeats: titles made of names, defaults, and null as a second way to say nothing.

    `names`: the keys of this object are names of ours, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: _without_title(_plain(inner)) for name, inner in node.items()}
    made = {
        word: inner if word in {"const", "enum", "required"} else _plain(inner, word in {"properties", "$defs"})
        for word, inner in node.items()
        if word != "default"
    }
    return _choice(made, [one for one in made["anyOf"] if one != {"type": "null"}]) if "anyOf" in made else made


def _without_title(node: Any) -> Any:
    return {word: inner for word, inner in node.items() if word != "title"} if isinstance(node, dict) else node


def _choice(node: Schema, choices: list[Any]) -> Schema:
    """A node with these choices; a single one needs no choice."""
    rest = {word: inner for word, inner in node.items() if word != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _for_log(node: Any) -> Any:
    """A schema as the log needs it: persons are actors, personal values are sealed, frames are not referred to."""
    if isinstance(node, list):
        return [_for_log(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {word: _for_log(inner) for word, inner in node.items()}
    if "anyOf" in made:
        choices = [one for one in made["anyOf"] if one.get("$ref") not in _NOT_IN_LOG]
        if made.get("x-personal"):
            choices = [one for one in choices if _is_token(one)]
        made = _choice(made, choices)
    return made


def _is_token(node: Mapping[str, Any]) -> bool:
    """True for a schema of sealed values, actors, acts of actors, and lists of them."""
    if node.get("type") == "array":
        items = node["items"]
        return all(_is_token(one) for one in items.get("anyOf", [items]))
    return node.get("$ref") in _TOKENS


def _needed(made: Schema) -> Schema:
    """A schema with only those definitions that it uses."""
    definitions = made.get("$defs", {})
    used: set[str] = set()
    waiting = list(_references({word: node for word, node in made.items() if word != "$defs"}))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _references(definitions[name])
    return {**made, "$defs": {name: definitions[name] for name in sorted(used)}}


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        for inner in node.values():
            yield from _references(inner)
