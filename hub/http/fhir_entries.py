"""Entries of a transaction or batch: what each asks for, by the text of the Bundle alone. Looks at no record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from hub.http.fhir_request import MOST_CRITERIA
from hub.http.problems import refusal
from hub.resources import SERVED
from mappings.faults import Fault

Tree = dict[str, Any]
Wrong = tuple[int, Fault]
"""A fault, and the status that it has by itself."""

METHODS = ("GET", "POST", "PUT")
MOST_ENTRIES = 500
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,17}", re.ASCII)
_PLACE = re.compile(r"Bundle\.entry\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the interaction that it is. `query` are criteria: of a search, or of a conditional update."""

    index: int
    method: str
    type: str
    id: str = ""
    version: int | None = None
    query: tuple[tuple[str, str], ...] = ()
    condition: str = ""
    match: str = ""
    url: str = ""
    resource: Tree | None = None
    tree: Mapping[str, Any] | None = None
    """The entry as it came."""

    @property
    def place(self) -> str:
        """The entry as FHIRPath names it."""
        return place_of(self.index)

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def place_of(index: int) -> str:
    return f"Bundle.entry[{index}]"


def moved(fault: Fault, indices: Sequence[int]) -> Fault:
    """A fault of a Bundle with some of the entries, placed as in the whole one; `indices` are those of the entries."""

    def where(found: re.Match[str]) -> str:
        return place_of(indices[int(found[1])])

    place = _PLACE.sub(where, fault.place, count=1)
    return Fault(fault.code, place, fault.remedy, fault.row, fault.severity)


def index_of(fault: Fault) -> int | None:
    """The entry in which a fault is, or None where it is of the Bundle."""
    found = _PLACE.match(fault.place)
    return int(found[1]) if found else None


# ---- what an entry asks for -----------------------------------------------------------------------------------


def entries_of(bundle: Tree, base: str) -> tuple[list[Entry], list[Wrong]]:
    """The entries of a Bundle that are interactions, and what is wrong with the others."""
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    given = bundle.get("entry") if isinstance(bundle, dict) else None
    for index, tree in enumerate(given if isinstance(given, list) else ()):
        found = _entry(index, tree, base)
        if isinstance(found, Entry):
            entries.append(found)
        else:
            wrong.append(found)
    return entries, wrong


def _entry(index: int, tree: Tree, base: str) -> Entry | Wrong:
    request, at = tree.get("request") if isinstance(tree, dict) else None, f"{place_of(index)}.request"
    if not isinstance(request, dict) or not all(isinstance(value, str) for value in _texts(request, tree)):
        return 422, refusal("invariant", at, "say what to do with the entry: its method and url (bdl-3)")
    method = request.get("method", "")
    if method not in METHODS:
        return 405, refusal("not-supported", f"{at}.method", f"nothing but {', '.join(METHODS)} is done here")
    path, _, query = str(request.get("url", "")).removeprefix(base).lstrip("/").partition("?")
    type_, *steps = path.split("/")
    if type_ not in SERVED:
        return 404, refusal("not-supported", f"{at}.url", f"served are: {', '.join(SERVED)}")
    try:
        criteria = tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_CRITERIA))
    except ValueError:
        return 400, refusal("value", f"{at}.url", f"give at most {MOST_CRITERIA} criteria")
    if not _fits(method, steps, criteria):
        return 400, refusal("value", f"{at}.url", _FORMS[method])
    resource = tree.get("resource") if method != "GET" else None
    fault = _misfit(index, resource, type_, steps) if method != "GET" else None
    if fault is not None:
        return fault
    return Entry(
        index,
        method,
        type_,
        steps[0] if steps else "",
        int(steps[2]) if len(steps) == 3 else None,
        criteria,
        request.get("ifNoneExist", "").lstrip("?") if method == "POST" else "",
        request.get("ifMatch", "") if method == "PUT" else "",
        tree.get("fullUrl", ""),
        resource,
        tree,
    )


def _texts(request: Tree, tree: Tree) -> Iterator[Any]:
    """What has to be a text where it stands."""
    yield from (request[name] for name in ("method", "url", "ifNoneExist", "ifMatch") if name in request)
    if "fullUrl" in tree:
        yield tree["fullUrl"]


_FORMS = {
    "GET": "read Type/id or Type/id/_history/version, or search Type?criteria",
    "POST": "create at Type",
    "PUT": "update Type/id, or Type?criteria",
}


def _fits(method: str, steps: Sequence[str], criteria: Sequence[tuple[str, str]]) -> bool:
    is_one = bool(steps) and _ID.fullmatch(steps[0]) is not None
    if method == "POST":
        return not steps and not criteria
    if method == "PUT":
        return (is_one and len(steps) == 1 and not criteria) or (not steps and bool(criteria))
    is_version = len(steps) == 3 and steps[1] == "_history" and version_of(steps[2]) is not None
    if is_one and not criteria:
        return len(steps) == 1 or is_version
    return not steps


def version_of(text: str) -> int | None:
    """The number of a version as an address writes it, or None: longer ones than there can be are not read."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _misfit(index: int, resource: Tree | None, type_: str, steps: Sequence[str]) -> Wrong | None:
    at = f"{place_of(index)}.resource"
    if not isinstance(resource, dict):
        return 422, refusal("required", at, "give the resource to create or update")
    if resource.get("resourceType") != type_:
        return 422, refusal("type-mismatch", f"{at}.resourceType", f"send a {type_} to this address")
    if steps and resource.get("id") != steps[0]:
        return 400, refusal("id-unreadable", f"{at}.id", "the resource's id is the one in the address")
    return None


def overlaps(entries: Sequence[Entry]) -> list[Wrong]:
    """Entries that update one resource twice (http: the identities of a transaction do not overlap)."""
    seen: set[tuple[str, str]] = set()
    wrong: list[Wrong] = []
    for entry in entries:
        if entry.method == "PUT" and entry.id:
            if (entry.type, entry.id) in seen:
                remedy = "change one resource once in a transaction"
                wrong.append((422, refusal("invariant", f"{entry.place}.request.url", remedy)))
            seen.add((entry.type, entry.id))
    return wrong
