"""Refusals over HTTP: an OperationOutcome under `/fhir`, RFC 9457 problem details elsewhere. No payload, no person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from starlette.responses import Response

from adapters import json_text
from adapters.fhir_r4.outcome import outcome
from mappings.faults import Fault

PROBLEM = "application/problem+json"
FHIR = "application/fhir+json"


def refusal(code: str, place: str, remedy: str) -> Fault:
    """One reason why a request was not served."""
    return Fault(code, place, remedy, severity="error")


def problem(
    status: int,
    title: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
    kind: str = "about:blank",
) -> Response:
    """A problem document of a kind (a URI); each fault with place, code and remedy."""
    body = {"type": kind, "title": title, "status": status, "faults": [fault.plain() for fault in faults]}
    return Response(orjson.dumps(body), status, headers, PROBLEM)


def refused(path: str, status: int, fault: Fault, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that was not served, in the form that its address speaks."""
    if path == "/fhir" or path.startswith("/fhir/"):
        return Response(json_text.dumps(outcome([fault])), status, headers, FHIR)
    return problem(status, fault.remedy, [fault], headers)
