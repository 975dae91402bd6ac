"""What the FHIR side does, as data: the CapabilityStatement, made of what is served. Serves nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.answers import QUESTIONS
from hub.http.fhir_operations import OF, definition
from hub.resources import SERVED
from hub.search_parameters import TOGETHER, parameters

FHIR = "http://hl7.org/fhir"
_SECURITY = (
    "A bearer token for each partner, over TLS beyond loopback. A partner reads what its role may see of its orders."
)
_CREATE = "A create is a message: what it says is recorded as facts. The same resource again is the same record."
_UPDATE = (
    "An update is the difference to what was shown at If-Match, which has to be sent. By criteria without If-Match, "
    "what the resource says is recorded, and what it leaves out stays as it is."
)


def capabilities(now: str, base: str = "") -> dict[str, Any]:
    """The CapabilityStatement (R4, kind `instance`) of the server at an address."""
    implementation = {"description": "Connects the systems of cell and gene therapy"} | ({"url": base} if base else {})
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now,
        "kind": "instance",
        "software": {"name": "CGT Hub"},
        "implementation": implementation,
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": _SECURITY},
                "resource": [*(_of_type(type_) for type_ in SERVED), _definitions()],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _of_type(type_: str) -> dict[str, Any]:
    return {
        "type": type_,
        "documentation": f"{_CREATE} {_UPDATE}",
        "interaction": [{"code": code} for code in ("read", "vread", "update", "create", "search-type")],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": True,
        "conditionalUpdate": True,
        "referencePolicy": ["literal", "logical", "local"],
        "searchParam": [_parameter(name, kind) for name, kind in parameters(type_).items()],
        "operation": [{"name": name, "definition": defined} for name, defined in _operations(type_)],
    }


def _definitions() -> dict[str, Any]:
    return {"type": "OperationDefinition", "interaction": [{"code": "read"}]}


def _operations(type_: str) -> Iterator[tuple[str, str]]:
    yield "validate", f"{FHIR}/OperationDefinition/Resource-validate"
    if type_ == OF:
        yield from ((question, definition(question)) for question in QUESTIONS)


def _parameter(name: str, kind: str) -> dict[str, str]:
    shown = {"name": name, "type": kind}
    if name in TOGETHER:
        shown["documentation"] = f"exact, and only together with {' and '.join(n for n in TOGETHER if n != name)}"
    return shown
