"""Requests to the FHIR side taken apart: bodies, queries, page numbers, and how they are refused. Knows no hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from adapters import json_text
from adapters.fhir_r4.validate import validate
from adapters.reading import Unparsable
from hub.http.capabilities import PARAMETERS, TOGETHER
from hub.http.problems import refusal
from hub.resources import PERSON
from mappings.faults import Fault

_PAGING = frozenset({"_count", "_offset", "_format", "_pretty"})


class Refused(Exception):
    """An answer other than success, with its OperationOutcome."""

    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__(status)
        self.status, self.faults = status, faults


def missing() -> Refused:
    return Refused(404, refusal("not-found", "", "no such resource that this partner may read"))


def behind() -> Refused:
    return Refused(503, refusal("throttled", "", "the read model is far behind; send again later"))


def parsed(body: bytes, type_: str) -> dict[str, Any]:
    """A valid resource of the address's type. Raises Refused with all faults."""
    resource = read(body)
    faults = validate(resource, type_)
    if any(fault.severity == "error" for fault in faults):
        raise Refused(422, *faults)
    assert isinstance(resource, dict)
    return resource


def read(body: bytes) -> Any:
    """The JSON of a body. Raises Refused."""
    try:
        return json_text.loads(body)
    except Unparsable as wrong:
        raise Refused(400, refusal(wrong.code, wrong.place, wrong.remedy)) from wrong


def query(type_: str, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Search parameters, family name and birth date as one. Raises Refused for what is not searched by."""
    asked = [(name, value) for name, value in given if name not in _PAGING]
    unknown = sorted({name for name, _ in asked} - PARAMETERS[type_].keys())
    if unknown or not asked:
        remedy = f"search {type_} by {', '.join(PARAMETERS[type_])}"
        raise Refused(400, refusal("not-supported", "query", remedy))
    person = [[value for name, value in asked if name == part] for part in TOGETHER]
    if any(person):
        if [len(values) for values in person] != [1, 1]:
            raise Refused(400, refusal("not-supported", "query", f"give {' and '.join(TOGETHER)} together, once each"))
        asked = [(name, value) for name, value in asked if name not in TOGETHER]
        asked.append((PERSON, "$".join(values[0] for values in person)))
    return asked


def number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Refused(400, refusal("value", name, "send a whole number"))
    return int(text)


def links(address: str, request: Request, count: int, offset: int, total: int) -> list[dict[str, str]]:
    """Addresses of this page and its neighbours."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in {"_count", "_offset"}]

    def at(place: int) -> str:
        return f"{address}?{urlencode([*asked, ('_count', count), ('_offset', place)])}"

    links = [{"relation": "self", "url": at(offset)}]
    if offset + count < total and count:
        links.append({"relation": "next", "url": at(offset + count)})
    if offset:
        links.append({"relation": "previous", "url": at(max(0, offset - count))})
    return links


def container(token: str) -> dict[str, Any]:
    system, _, value = token.rpartition("|")
    if not system or not value:
        raise Refused(400, refusal("value", "container", "name a container as system|value"))
    return {"kind": "container", "identifiers": [{"system": system, "value": value}]}
