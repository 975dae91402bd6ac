"""FHIR's Identifier and the canonical one. An identifier without a system gets the partner's, or names nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.fhir_r4.context import Document
from adapters.fhir_r4.dates import read_date_time, write_date_time
from canonical_model import BASE
from canonical_model.identifiers import ANY_URI, UNASSIGNED
from mappings.faults import Unreadable

Value = dict[str, Any]

TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
TYPE_SYSTEMS = frozenset({TYPES, "http://hl7.org/fhir/v2/0203", "https://www.hl7.org/fhir/v2/0203/index.html"})
"""Spellings of the system of identifier types: the R4 one, the one before it, and that of a registry's guide."""

OWN_TYPES = f"{BASE}/cs/identifier-type"
"""Types that table 0203 has no code for, such as `coi` and `din`."""

RESOURCE = "resource"
"""Type of an identifier that is a resource's address on its server; never sent as an Identifier."""

_USES = frozenset({"usual", "official", "temp", "secondary", "old"})


def read_identifier(value: Any, m: Document) -> Value | None:
    """An identifier, or None where it has no value. Parts that cannot be read are noted and left to the sender."""
    if not isinstance(value, dict):
        raise Unreadable("shape", "an identifier is an object")
    if value.get("value") is None:
        return None
    out: Value = {"system": m.system or UNASSIGNED, "value": m.text(value["value"])}
    if value.get("system") is not None:
        out["system"] = m.text(value["system"])
    else:
        out["assumed"] = True
    for name, read in _PARTS.items():
        if value.get(name) is not None:
            try:
                part = read(value[name], m)
            except Unreadable as wrong:
                m.fault("", name, wrong)
                continue
            if part is not None:
                out[name] = part
    return out


def _read_use(value: Any, m: Document) -> str:
    if m.text(value) not in _USES:
        raise Unreadable("code-unknown", f"use one of: {', '.join(sorted(_USES))}")
    return str(value)


def _read_type(value: Any, m: Document) -> str | None:
    codings = value.get("coding") if isinstance(value, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if not isinstance(coding, dict) or coding.get("code") is None or coding["code"] == RESOURCE:
            continue
        code, system = m.text(coding["code"]), coding.get("system")
        if isinstance(system, str) and system in TYPE_SYSTEMS:
            return m.codes["identifier_type"].read(code)
        if system == OWN_TYPES:
            return code
    return None


def _read_period(value: Any, m: Document) -> Value | None:
    if not isinstance(value, dict):
        raise Unreadable("shape", "a period is an object")
    ends = {end: read_date_time(value[end], m) for end in ("start", "end") if value.get(end) is not None}
    return ends or None


def _read_assigner(value: Any, m: Document) -> str | None:
    display = value.get("display") if isinstance(value, dict) else None
    return None if display is None else m.text(display)


_PARTS: dict[str, Callable[[Any, Document], Any]] = {
    "use": _read_use,
    "type": _read_type,
    "period": _read_period,
    "assigner": _read_assigner,
}


def write_identifier(value: Value, m: Document) -> Value:
    """An Identifier; a system that was only assumed, and one that was local to an HL7 v2 message, is not sent."""
    out: Value = {}
    if value.get("use"):
        out["use"] = value["use"]
    if value.get("type"):
        out["type"] = {"coding": [_write_type(value["type"], m)]}
    if not value.get("assumed") and value["system"] != UNASSIGNED:
        out["system"] = value["system"]
    out["value"] = value["value"]
    if value.get("period"):
        out["period"] = {end: write_date_time(when, m) for end, when in value["period"].items()}
    if value.get("assigner"):
        out["assigner"] = {"display": value["assigner"]}
    if value.get("facility") or value.get("facility_id"):
        m.no_home("", "identifier.facility", Unreadable("no-home", "an Identifier names no facility"))
    return out


def _write_type(kind: str, m: Document) -> Value:
    try:
        return {"system": TYPES, "code": m.codes["identifier_type"].write(kind)}
    except Unreadable:
        return {"system": OWN_TYPES, "code": kind}


__all__ = ["ANY_URI", "OWN_TYPES", "RESOURCE", "TYPES", "UNASSIGNED", "read_identifier", "write_identifier"]
