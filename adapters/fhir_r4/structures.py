"""The elements of FHIR R4 types (`structures.yaml`) as values and as one JSON Schema. Checks no resource itself.

The schema is stricter than the official one: required primitives, at most one of a choice, dates that the calendar has,
codes of required bindings, types that a reference may lead to, and nothing empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
SAY = "x-say"
"""Keyword of our own: the remedy, for whoever breaks this part of the schema."""

_TYPE = re.compile(r"(?P<name>[A-Za-z0-9.]+)(?: \((?P<words>[^)]+)\))?")

_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_PARTIAL = rf"(?:{_DAY}|[0-9]{{4}}(?:-(?:0[1-9]|1[0-2]))?)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_PLAIN = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]*"
_ID = r"[A-Za-z0-9\-.]{1,64}"


def _text(pattern: str, remedy: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$", SAY: remedy}


PRIMITIVES: Mapping[str, Schema] = {
    "boolean": {"type": "boolean", SAY: "write true or false"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1, SAY: "write a whole number"},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, SAY: "write a whole number from 0"},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, SAY: "write a whole number from 1"},
    "decimal": {"type": "number", SAY: "write a number, not a text"},
    **dict.fromkeys(
        ("string", "markdown"),
        _text(rf"{_PLAIN}[^\s\x00-\x1f]{_PLAIN}", "write a text that is not empty and has no control characters"),
    ),
    "code": _text(r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*", "write a code without spaces around it"),
    "id": _text(_ID, "an id has 1 to 64 letters, digits, hyphens and dots"),
    **dict.fromkeys(("uri", "url", "canonical"), _text(r"[^\s\x00-\x1f]+", "write a URI without spaces")),
    "oid": _text(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+", "write an OID as urn:oid:1.2.3"),
    "uuid": _text(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "write urn:uuid:…"),
    "base64Binary": _text(r"(?:\s*[0-9a-zA-Z+/=]){4,}\s*", "write base64"),
    "date": _text(_PARTIAL, "write a date that the calendar has, as YYYY-MM-DD"),
    "dateTime": _text(
        rf"{_PARTIAL}|{_DAY}T{_CLOCK}{_ZONE}", "write a date, or a time with its offset: YYYY-MM-DDThh:mm:ss+hh:mm"
    ),
    "instant": _text(rf"{_DAY}T{_CLOCK}{_ZONE}", "write an instant with its offset: YYYY-MM-DDThh:mm:ss+hh:mm"),
    "time": _text(_CLOCK, "write a time of day as hh:mm:ss"),
    "xhtml": _text(r"<div(?:[^<]|<[^!?])*", "write one <div>, without DOCTYPE or processing instructions"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type that an element may have: its name, and the codes or reference targets that it is bound to."""

    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `name` is that of the wire; elements of one `choice` exclude each other."""

    name: str
    kind: Kind
    required: bool
    repeats: bool
    choice: str = ""


Types = Mapping[str, Mapping[str, Element]]
SERVED = (
    "Patient",
    "ServiceRequest",
    "Observation",
    "Appointment",
    "BiologicallyDerivedProduct",
    "Consent",
    "DetectedIssue",
    "DocumentReference",
    "MedicationAdministration",
    "Procedure",
    "Specimen",
    "Task",
    "Bundle",
    "OperationOutcome",
)
_DOMAIN = frozenset(SERVED) - {"Bundle"}
_ELEMENT = {"id": "string", "extension": "Extension *"}
_BACKBONE = {**_ELEMENT, "modifierExtension": "Extension *"}
_RESOURCE = {"id": "id", "meta": "Meta", "implicitRules": "uri", "language": "code"}
_DOMAIN_RESOURCE = {**_BACKBONE, **_RESOURCE, "text": "Narrative", "contained": "Resource *"}


@lru_cache(maxsize=1)
def types() -> Types:
    """Every type by name, with its elements by wire name, the common ones included."""
    data = _file()
    return {name: _elements({**_common(name), **body}) for name, body in data.items() if name != "Resource"}


@lru_cache(maxsize=1)
def resource_names() -> tuple[str, ...]:
    """The types of R4 resources."""
    return tuple(_file()["Resource"].split())


def _file() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_name("structures.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _common(name: str) -> dict[str, str]:
    """Elements that a type has from the type that it is made of."""
    if name in SERVED:
        return _DOMAIN_RESOURCE if name in _DOMAIN else _RESOURCE
    is_part = "." in name and name.partition(".")[0] in SERVED
    return _BACKBONE if is_part or name in {"Timing", "Dosage"} else _ELEMENT


def _elements(body: Mapping[str, str]) -> dict[str, Element]:
    found: dict[str, Element] = {}
    for name, text in body.items():
        mark = text[-1] if text[-2:-1] == " " and text[-1] in "!*+" else ""
        for choice in text.removesuffix(f" {mark}").split(" | ") if mark else text.split(" | "):
            match = _TYPE.fullmatch(choice)
            assert match is not None, f"{name}: {text}"
            kind = Kind(match["name"], tuple((match["words"] or "").split()))
            stem = name.removesuffix("[x]")
            wire = name if stem == name else stem + kind.name[0].upper() + kind.name[1:]
            found[wire] = Element(wire, kind, mark in {"!", "+"}, mark in {"*", "+"}, "" if stem == name else stem)
    return found


# ---- as JSON Schema -------------------------------------------------------------------------------------------


def schema(resource: str) -> Schema:
    """JSON Schema (2020-12) of one resource type that is served."""
    return {"$ref": f"#/$defs/{resource}", "$defs": _definitions()}


@lru_cache(maxsize=1)
def _definitions() -> Schema:
    made = {name: _type_schema(name, elements) for name, elements in types().items()}
    element = {"type": "object", "properties": {}, "additionalProperties": False, "minProperties": 1}
    element["properties"] = {"id": PRIMITIVES["string"], "extension": _list({"$ref": "#/$defs/Extension"})}
    return {**PRIMITIVES, **made, "Element": element, "Resource": _any_resource()}


def _type_schema(name: str, elements: Mapping[str, Element]) -> Schema:
    properties: Schema = {"resourceType": {"const": name}} if name in SERVED else {}
    for wire, element in elements.items():
        inner = _kind_schema(element.kind)
        properties[wire] = _list(inner, primitive=element.kind.name in PRIMITIVES) if element.repeats else inner
        if element.kind.name in PRIMITIVES and element.kind.name != "xhtml" and wire != "id":
            beside: Schema = {"$ref": "#/$defs/Element"}
            nullable: Schema = {"anyOf": [beside, {"type": "null"}]}
            properties[f"_{wire}"] = _list(nullable) if element.repeats else beside
    required = [wire for wire, element in elements.items() if element.required and not element.choice]
    out: Schema = {
        "type": "object",
        "properties": properties,
        "required": ["resourceType", *required] if name in SERVED else required,
        "additionalProperties": False,
        "minProperties": 1,
        SAY: "an object is expected here, with at least one element",
    }
    choices = [_choice(stem, elements) for stem in dict.fromkeys(e.choice for e in elements.values() if e.choice)]
    return {**out, "allOf": choices} if choices else out


def _choice(stem: str, elements: Mapping[str, Element]) -> Schema:
    """At most one of the elements of a choice, or exactly one."""
    members = [element for element in elements.values() if element.choice == stem]
    present = [_present(element) for element in members]
    options = present if members[0].required else [*present, {"not": {"anyOf": present}}]
    amount = "one" if members[0].required else "at most one"
    return {"oneOf": options, SAY: f"give {amount} of {stem}[x]"}


def _present(element: Element) -> Schema:
    """That an element is there; of a primitive an extension in its place is enough (json: primitive elements)."""
    stated: Schema = {"required": [element.name]}
    return {"anyOf": [stated, {"required": [f"_{element.name}"]}]} if element.kind.name in PRIMITIVES else stated


def _list(items: Schema, primitive: bool = False) -> Schema:
    """A list that is not empty; a primitive may be null where its extension stands in the list beside it."""
    inner = {"anyOf": [items, {"type": "null"}], SAY: items.get(SAY, "")} if primitive else items
    return {"type": "array", "items": inner, "minItems": 1, SAY: "a list is expected here, with at least one item"}


def _kind_schema(kind: Kind) -> Schema:
    if kind.name == "code" and kind.words:
        return {"enum": list(kind.words), SAY: f"use one of: {', '.join(kind.words)}"}
    if kind.name == "Reference" and kind.words:
        return _reference(kind.words)
    return PRIMITIVES.get(kind.name) or {"$ref": f"#/$defs/{kind.name}"}


def _reference(targets: tuple[str, ...]) -> Schema:
    """A Reference that does not lead to a resource of another type."""
    others = [name for name in resource_names() if name not in targets]
    remedy = f"refer to: {', '.join(targets)}"
    path = rf"(?:^|/)(?:{'|'.join(others)})/{_ID}(?:/_history/{_ID})?$"
    return {
        "$ref": "#/$defs/Reference",
        "properties": {
            "reference": {"not": {"pattern": path}, SAY: remedy},
            "type": {"not": {"enum": others}, SAY: remedy},
        },
    }


def _any_resource() -> Schema:
    """A resource inside another: one that is served is checked in full, of any other only that it is one."""
    return {
        "type": "object",
        "properties": {"resourceType": {"enum": list(resource_names()), SAY: "name a resource type of FHIR R4"}},
        "required": ["resourceType"],
        SAY: "a resource is expected here",
        "allOf": [{"if": _of_type(name), "then": {"$ref": f"#/$defs/{name}"}} for name in SERVED],
    }


def _of_type(name: str) -> Schema:
    return {"properties": {"resourceType": {"const": name}}, "required": ["resourceType"]}


def walk(type_: str, node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Every object of a resource with its type and FHIRPath, outermost first. What has another shape is passed over."""
    if not isinstance(node, Mapping):
        return
    yield type_, node, path
    elements = types()[type_]
    for name, value in node.items():
        element = elements.get(name)
        if element is None or element.kind.name in PRIMITIVES:
            continue
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            here = f"{path}.{name}[{index}]" if isinstance(value, list) else f"{path}.{name}"
            inner = element.kind.name
            if inner == "Resource":
                inner = str(item.get("resourceType")) if isinstance(item, Mapping) else ""
                if inner not in SERVED:
                    continue
            yield from walk(inner, item, here)
