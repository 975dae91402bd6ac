"""Refusals over HTTP, outside FHIR: RFC 9457 problem details with our codes. Never a payload, never a person."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.responses import Response

from mappings.faults import Fault

PROBLEM = "application/problem+json"


def problem(status: int, title: str, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None) -> Response:
    """A problem document; each fault with place, code and remedy."""
    body = {"type": "about:blank", "title": title, "status": status, "faults": [fault.plain() for fault in faults]}
    return Response(orjson.dumps(body), status, headers, PROBLEM)
