"""Whether a resource is valid FHIR R4 as the hub serves it: all faults at once, with their places. Reads no meaning.

Stricter than the official JSON Schema and than fhir.resources (see `structures`), and with the invariants that a table
would otherwise trip over. Says nothing about profiles and value sets that are not required.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import jsonschema_rs
import orjson

from adapters import json_text, times
from adapters.fhir_r4 import structures
from adapters.fhir_r4.structures import SAY
from adapters.json_text import Num
from canonical_model.values import interval_end, parse_instant
from mappings.faults import Fault

Node = Mapping[str, Any]
Said = tuple[str, str, str]
"""Code, place under the object, remedy."""

MAX_FAULTS = 200
"""A resource with more faults than these is reported up to here."""

_CODES = {
    "required": "required",
    "additionalProperties": "unknown-element",
    "type": "shape",
    "enum": "code-invalid",
    "const": "code-invalid",
    "pattern": "value",
    "not": "reference-target",
    "oneOf": "one-of-many",
    "minItems": "empty",
    "minProperties": "empty",
    "minimum": "value",
    "maximum": "value",
}


def validate(resource: Any, expected: str = "") -> list[Fault]:
    """Faults of one resource, parsed by `json_text`; none where it is valid. `expected` is the type of the address.

    >>> [fault.place for fault in validate({"resourceType": "Observation", "status": "final"})]
    ['Observation.code']
    """
    type_ = resource.get("resourceType") if isinstance(resource, Mapping) else None
    if not isinstance(type_, str):
        return [_fault("shape", "", "send one FHIR resource as a JSON object with its resourceType")]
    if expected and type_ != expected:
        return [_fault("type-mismatch", "resourceType", f"send a {expected} to this address")]
    if type_ not in structures.SERVED:
        return [_fault("not-supported", "resourceType", f"send one of: {', '.join(structures.SERVED)}")]
    found = [*_by_schema(type_, resource), *_by_rules(type_, resource)]
    return list(dict.fromkeys(found))[:MAX_FAULTS]


def _fault(code: str, place: str, remedy: str) -> Fault:
    return Fault(code, place, remedy, severity="error")


# ---- by schema ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _validator(type_: str) -> jsonschema_rs.Draft202012Validator:
    # The linear engine: no pattern of ours looks around, and no text can make it slow.
    return jsonschema_rs.Draft202012Validator(structures.schema(type_), pattern_options=jsonschema_rs.RegexOptions())


def _by_schema(type_: str, resource: Any) -> Iterator[Fault]:
    validator = _validator(type_)
    try:
        plain = orjson.loads(json_text.dumps(resource))
    except orjson.JSONDecodeError:  # the tree was JSON already: only a number can be too large for it
        beyond = list(_beyond(resource, type_))
        yield from (_fault("value", place, "write a number with an exponent of at most two digits") for place in beyond)
        plain = orjson.loads(json_text.dumps(_tamed(resource)))
    if validator.is_valid(plain):
        return
    for error in validator.iter_errors(plain):
        yield from _explain(type_, error)


def _beyond(value: Any, path: str) -> Iterator[str]:
    """Places of numbers that no machine number can hold."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _beyond(inner, _path(path, [name]))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _beyond(inner, f"{path}[{index}]")
    elif isinstance(value, Num) and not isfinite(float(value)):
        yield path


def _tamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tamed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_tamed(inner) for inner in value]
    return Num("0") if isinstance(value, Num) and not isfinite(float(value)) else value


def _explain(type_: str, error: jsonschema_rs.ValidationError) -> Iterator[Fault]:
    keyword = error.kind.name
    place = _path(type_, error.instance_path)
    if keyword == "required":
        name = getattr(error.kind, "property", "")
        yield _fault("required", f"{place}.{name}", f"give {name}")
        return
    if keyword == "additionalProperties":
        for name in getattr(error.kind, "unexpected", ()):
            shown = name if re.fullmatch(r"_?[A-Za-z]{1,60}", name) else "…"
            yield _fault("unknown-element", f"{place}.{shown}", "R4 has no such element; leave it out")
        return
    if keyword == "anyOf" and error.instance is None:
        keyword = "type"
    yield _fault(_CODES.get(keyword, "value"), place, _remedy(type_, error.schema_path) or "see the R4 definition")


def _path(type_: str, steps: Sequence[str | int]) -> str:
    """FHIRPath of an instance path. Element names come from the sender: only those that may be one are shown."""
    path = type_
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if re.fullmatch(r"_?[A-Za-z0-9]{1,60}", step) else ".…"
    return path


def _remedy(type_: str, steps: Sequence[str | int]) -> str:
    """What the innermost part of the schema on the way says."""
    node: Any = structures.schema(type_)
    said = ""
    for step in steps:
        node = node[step]
        if isinstance(node, dict):
            said = node.get(SAY, said)
    return said


# ---- by rules -------------------------------------------------------------------------------------------------


def _by_rules(type_: str, resource: Any) -> Iterator[Fault]:
    for name, node, path in structures.walk(type_, resource, type_):
        for at, code in _CHANGE_MEANING.items():
            if at in node:
                yield _fault(
                    code, f"{path}.{at}", "the hub does not know what it changes; send the resource without it"
                )
        for rule in _RULES.get(name, ()):
            for code, at, remedy in rule(node):
                yield _fault(code, f"{path}.{at}" if at else path, remedy)
        if name in structures.SERVED and name != "Bundle":
            yield from _contained(node, path)


_CHANGE_MEANING = {"modifierExtension": "modifier-extension", "implicitRules": "implicit-rules"}
"""Elements that a receiver may not pass over unless it knows what they mean (extensibility: modifier extensions)."""


def _invariant(key: str, at: str, remedy: str) -> Said:
    return "invariant", at, f"{remedy} ({key})"


def _unit(node: Node) -> Iterator[Said]:
    if "code" in node and "system" not in node:
        yield _invariant("qty-3", "code", "a code of a unit comes with its system")


def _forward(node: Node) -> Iterator[Said]:
    try:
        start, end = times.read_iso(node["start"], "UTC"), times.read_iso(node["end"], "UTC")
    except (KeyError, TypeError, ValueError):
        return
    if interval_end(parse_instant(end["at"]), end["precision"], end["zone"]) < parse_instant(start["at"]):
        yield _invariant("per-1", "", "a period ends after it starts")


def _both(node: Node) -> Iterator[Said]:
    if "numerator" not in node or "denominator" not in node:
        yield _invariant("rat-1", "", "a ratio has a numerator and a denominator")


def _value_or_parts(node: Node) -> Iterator[Said]:
    valued = any(name.startswith("value") for name in node)
    if valued == ("extension" in node):
        yield _invariant("ext-1", "", "an extension has a value or extensions, not both")


def _range_says(node: Node) -> Iterator[Said]:
    if not {"low", "high", "text"} & node.keys():
        yield _invariant("obs-3", "", "a reference range has a low or high end or a text")


def _reason_or_value(node: Node) -> Iterator[Said]:
    if "dataAbsentReason" in node and any(name.startswith("value") for name in node):
        yield _invariant("obs-6", "dataAbsentReason", "give a reason only where there is no value")


def _detail_of_code(node: Node) -> Iterator[Said]:
    if "orderDetail" in node and "code" not in node:
        yield _invariant("prr-1", "orderDetail", "details belong to a code")


def _contact_says(node: Node) -> Iterator[Said]:
    if not {"name", "telecom", "address", "organization"} & node.keys():
        yield _invariant("pat-1", "", "a contact has a name, telecom, address or organization")


def _system_or_value(node: Node) -> Iterator[Said]:
    if "value" in node and "system" not in node:
        yield _invariant("cpt-2", "system", "a contact point with a value says its system")


_WITHOUT_TIME = frozenset({"proposed", "cancelled", "waitlist"})


def _booked(node: Node) -> Iterator[Said]:
    status = node.get("status")
    if ("start" in node) != ("end" in node):
        yield _invariant("app-2", "", "give both start and end, or neither")
    elif "start" not in node and isinstance(status, str) and status not in _WITHOUT_TIME:
        yield _invariant("app-3", "start", "only what is proposed, waiting or cancelled has no start and end")
    if "cancelationReason" in node and status not in {"cancelled", "noshow"}:
        yield _invariant("app-4", "cancelationReason", "give it only of what was cancelled or missed")


def _type_or_actor(node: Node) -> Iterator[Said]:
    if not {"type", "actor"} & node.keys():
        yield _invariant("app-1", "", "a participant has a type or an actor")


def _dose_or_rate(node: Node) -> Iterator[Said]:
    if not {"dose", "rateRatio", "rateQuantity"} & node.keys():
        yield _invariant("mad-1", "", "a dosage has a dose or a rate")


def _policy(node: Node) -> Iterator[Said]:
    if not {"policy", "policyRule"} & node.keys():
        yield _invariant("ppc-1", "", "name the policy or its rule")


def _entries(node: Node) -> Iterator[Said]:
    entries = node.get("entry")
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, Mapping):
            continue
        request, url = entry.get("request"), entry.get("fullUrl")
        if node.get("type") in {"transaction", "batch"}:
            if not isinstance(request, Mapping):
                yield _invariant("bdl-3", f"entry[{index}].request", "say what to do with the entry")
            elif request.get("method") in {"PUT", "POST"} and "resource" not in entry:
                yield "required", f"entry[{index}].resource", "give the resource to create or update"
        if isinstance(url, str):
            if url in seen:
                yield _invariant("bdl-7", f"entry[{index}].fullUrl", "give each entry its own fullUrl")
            seen.add(url)


_RULES: dict[str, tuple[Callable[[Node], Iterator[Said]], ...]] = {
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), (_unit,)),
    "Period": (_forward,),
    "Ratio": (_both,),
    "Extension": (_value_or_parts,),
    "ContactPoint": (_system_or_value,),
    "Observation.ReferenceRange": (_range_says,),
    "Observation.Component": (_reason_or_value,),
    "Observation": (_reason_or_value,),
    "ServiceRequest": (_detail_of_code,),
    "Patient.Contact": (_contact_says,),
    "Appointment": (_booked,),
    "Appointment.Participant": (_type_or_actor,),
    "MedicationAdministration.Dosage": (_dose_or_rate,),
    "Consent": (_policy,),
    "Bundle": (_entries,),
}


def _contained(node: Node, path: str) -> Iterator[Fault]:
    """Contained resources hold none themselves (dom-2), and a reference to one finds it (ref-1)."""
    contained = node.get("contained")
    held = [inner for inner in contained if isinstance(inner, Mapping)] if isinstance(contained, list) else []
    for index, inner in enumerate(held):
        if "contained" in inner:
            yield _fault("invariant", f"{path}.contained[{index}]", "a contained resource contains none (dom-2)")
    if ".contained[" in path:
        return
    ids = {inner["id"] for inner in held if isinstance(inner.get("id"), str)}
    for name, reference, at in structures.walk(str(node["resourceType"]), node, path):
        text = reference.get("reference") if name == "Reference" else None
        if isinstance(text, str) and text.startswith("#") and len(text) > 1 and text[1:] not in ids:
            yield _fault("reference-unknown", f"{at}.reference", "refer to a resource that this one contains (ref-1)")
