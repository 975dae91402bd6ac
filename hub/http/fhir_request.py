"""Requests to the FHIR side taken apart: bodies, queries, page numbers, and how they are refused. Knows no hub."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from adapters import json_text
from adapters.fhir_r4.validate import validate
from adapters.reading import Unparsable
from hub.http.problems import refusal
from hub.resources import PERSON
from hub.search_parameters import TOGETHER, parameters
from mappings.faults import Fault

Tree = dict[str, Any]
T = TypeVar("T")

_NAME = re.compile(r"[a-z_]{1,40}")
MOST_CRITERIA = 40
MOST_VALUES = 50
"""Values of one criterion, of which one has to fit."""
MOST_FORM = 64 * 1024
"""Bytes of a search by form: as many as an address can have."""
MOST_RESOURCE = 1024 * 1024
"""Bytes of one resource that holds no document: it is read as a whole while other messages wait."""
SMALL = 16 * 1024
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


async def aside(size: int, work: Callable[..., T], *given: Any) -> T:
    """What work on a body of so many bytes gives; a large one on a thread, so that others are served meanwhile."""
    return work(*given) if size <= SMALL else await asyncio.to_thread(work, *given)


def parsed(body: bytes, type_: str) -> Tree:
    """A valid resource of the address's type. Raises Refused with all faults."""
    return valid(read(body), type_)


def valid(resource: Any, type_: str) -> Tree:
    """The same of a resource that is no text any more."""
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


def misfit(errors: Sequence[Mapping[str, Any]]) -> Refused:
    """Arguments of a question that do not fit: all faults at once, by their places, never by what was sent."""
    return Refused(422, *(refusal("value", _place(error["loc"]), _expected(error["type"])) for error in errors[:50]))


def _place(steps: Sequence[str | int]) -> str:
    return ".".join(str(step) if isinstance(step, int) or _NAME.fullmatch(step) else "…" for step in steps[1:8])


def _expected(kind: str) -> str:
    return "this is missing" if kind == "missing" else f"it does not fit: {kind.replace('_', ' ')}"


def query(type_: str, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Search parameters, family name and birth date as one. Raises Refused for what is not searched by."""
    asked = [(name, value) for name, value in given if name not in _PAGING]
    if len(asked) > MOST_CRITERIA:
        raise Refused(400, refusal("value", "query", f"give at most {MOST_CRITERIA} criteria"))
    unknown = sorted({name for name, _ in asked} - parameters(type_).keys())
    if unknown or not asked:
        remedy = f"search {type_} by {', '.join(parameters(type_))}"
        raise Refused(400, refusal("not-supported", "query", remedy))
    many = [name for name in parameters(type_) if any(n == name and v.count(",") >= MOST_VALUES for n, v in asked)]
    if many:
        remedy = f"give at most {MOST_VALUES} values, separated by commas; ask again for the others"
        raise Refused(400, *(refusal("value", name, remedy) for name in many))
    person = [[value for name, value in asked if name == part] for part in TOGETHER]
    if any(person):
        if [len(values) for values in person] != [1, 1]:
            raise Refused(400, refusal("not-supported", "query", f"give {' and '.join(TOGETHER)} together, once each"))
        asked = [(name, value) for name, value in asked if name not in TOGETHER]
        asked.append((PERSON, "$".join(values[0] for values in person)))
    return asked


def number(given: Sequence[tuple[str, str]], name: str, usual: int) -> int:
    """A number among the parameters of a search. Raises Refused."""
    text = next((value for called, value in reversed(given) if called == name), "")
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Refused(400, refusal("value", name, "send a whole number"))
    return int(text)


def links(address: str, given: Sequence[tuple[str, str]], count: int, offset: int, total: int) -> list[dict[str, str]]:
    """Addresses of this page and its neighbours."""
    asked = [(name, value) for name, value in given if name not in {"_count", "_offset"}]

    def at(place: int) -> str:
        return f"{address}?{urlencode([*asked, ('_count', count), ('_offset', place)])}"

    links = [{"relation": "self", "url": at(offset)}]
    if offset + count < total and count:
        links.append({"relation": "next", "url": at(offset + count)})
    if offset:
        links.append({"relation": "previous", "url": at(max(0, offset - count))})
    return links
