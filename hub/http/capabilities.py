"""What the FHIR side does, as data: the types served, the search parameters of each, and the CapabilityStatement."""

from __future__ import annotations

from typing import Any

from canonical_model import BASE
from hub.answers import OVER_FHIR
from hub.resources import SERVED

FHIR = "http://hl7.org/fhir"
PARAMETERS: dict[str, dict[str, str]] = {
    "Patient": {"_id": "token", "identifier": "token", "family": "string", "birthdate": "date"},
    "ServiceRequest": {"_id": "token", "identifier": "token", "patient": "reference", "subject": "reference"},
    "Observation": {
        "_id": "token",
        "identifier": "token",
        "patient": "reference",
        "subject": "reference",
        "based-on": "reference",
    },
}
"""Search parameters of each type, with their FHIR types."""
TOGETHER = ("family", "birthdate")
"""Parameters that are answered together only: nobody leafs through patients by name."""


def capabilities(now: str) -> dict[str, Any]:
    """The CapabilityStatement (R4, kind `instance`)."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now,
        "kind": "instance",
        "software": {"name": "CGT Hub"},
        "implementation": {"description": "Connects the systems of cell and gene therapy"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [_of_type(type_) for type_ in SERVED]}],
    }


def _of_type(type_: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": type_,
        "interaction": [{"code": code} for code in ("read", "vread", "update", "create", "search-type")],
        "versioning": "versioned-update",
        "readHistory": True,
        "conditionalCreate": True,
        "searchParam": [_parameter(name, kind) for name, kind in PARAMETERS[type_].items()],
    }
    shown["operation"] = [{"name": "validate", "definition": f"{FHIR}/OperationDefinition/Resource-validate"}]
    if type_ == "ServiceRequest":
        shown["operation"] += [{"name": n, "definition": f"{BASE}/OperationDefinition/{n}"} for n in OVER_FHIR]
    return shown


def _parameter(name: str, kind: str) -> dict[str, str]:
    shown = {"name": name, "type": kind}
    if name in TOGETHER:
        shown["documentation"] = f"exact, and only together with {' and '.join(n for n in TOGETHER if n != name)}"
    return shown
