"""Answers of the FHIR side as values: they become an HTTP response or an entry of a Bundle. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapters import json_text
from adapters.fhir_r4.outcome import outcome
from adapters.fhir_r4.pieces import TYPES
from hub.http.problems import FHIR
from hub.resources import Found
from mappings.faults import Fault

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one interaction: its status, the resource, the record's version, and what deviated."""

    status: int
    resource: Tree | None = None
    found: Found | None = None
    told: tuple[Fault, ...] = ()
    written: bool = False
    """Whether something was created or updated, so that its place is told."""

    @property
    def etag(self) -> str:
        return f'W/"{self.found.version}"' if self.found is not None else ""

    @property
    def location(self) -> str:
        """The address of the version under the base, or an empty text."""
        if self.found is None:
            return ""
        return f"{TYPES[self.found.kind]}/{self.found.id}/_history/{self.found.version}"


def response(reply: Reply, prefer: str = "") -> Response:
    """The reply over HTTP; where something deviates an OperationOutcome stands for the resource (http: Prefer)."""
    headers = {"etag": reply.etag} if reply.found is not None else {}
    if reply.written and reply.found is not None:
        headers["location"] = f"/fhir/{reply.location}"
    if reply.written and "return=minimal" in prefer and not reply.told:
        return Response(b"", reply.status, headers)
    wants_outcome = reply.written and "return=operationoutcome" in prefer.lower()
    shown = outcome(reply.told) if reply.told or wants_outcome else reply.resource
    return answer(reply.status, shown or outcome([]), **headers)


def entry(reply: Reply, prefer: str = "") -> Tree:
    """The reply as an entry of a Bundle of responses."""
    said: Tree = {"status": f"{reply.status} {HTTPStatus(reply.status).phrase}"}
    if reply.found is not None:
        if reply.written:
            said["location"] = reply.location
        said |= {"etag": reply.etag, "lastModified": reply.found.body["updated"]}
    if reply.told:
        said["outcome"] = outcome(reply.told)
    is_left_out = reply.resource is None or (reply.written and "return=minimal" in prefer)
    return {"response": said} if is_left_out else {"resource": reply.resource, "response": said}


def refused(status: int, faults: Sequence[Fault]) -> Reply:
    """What was not served."""
    return Reply(status, told=tuple(faults))


def answer(status: int, resource: Tree, **headers: str) -> Response:
    """A resource over HTTP."""
    return Response(json_text.dumps(resource), status, headers, FHIR)
