"""A query for EPCIS events (EPCIS 2.0, 8.2.7): its parameters read, and whether an event fits. Finds no events.

An unknown parameter is refused: whoever asks for less than all would otherwise get more than he asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters import times as read_times
from adapters.epcis.codecs import bare
from canonical_model.identifiers import from_uri
from canonical_model.values import parse_instant
from mappings.faults import Fault

Event = Mapping[str, Any]
Test = Callable[[Event], bool]

MOST = 500
"""Events of one page."""
USUAL = 30
"""Events of a page that names no number (8.2.7 perPage)."""
MAX_VALUES = 50
LONGEST = 1024

_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
_TERMS = {"EQ_bizStep": ("biz_step", "bizStep"), "EQ_disposition": ("disposition", "disposition")}
_PLACES = {"EQ_readPoint": "readPoint", "EQ_bizLocation": "bizLocation"}
_NAMED = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": ("epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"),
    "EQ_transformationID": ("transformationID",),
    "EQ_eventID": ("eventID",),
}
_TIMES = {f"{word}_{name}": (word, name) for word in ("GE", "LT") for name in ("eventTime", "recordTime")}
_SENSED = {"EQ_type": "type", "EQ_deviceID": "deviceID"}
_PAGING = frozenset({"perPage", "nextPageToken", "eventCountLimit", "maxEventCount", "orderBy", "orderDirection"})
PARAMETERS = (*_TERMS, *_PLACES, *_NAMED, *_TIMES, *_SENSED, "eventType", "EQ_action", "EXISTS_errorDeclaration")
"""Parameters that narrow what is found; `perPage` and the like say how it is given."""


class Wrong(Exception):
    """A query that cannot be answered; all its faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.code} at {fault.place}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: tests that an event passes, the names that it must bear, how many, and from where on."""

    tests: tuple[Test, ...]
    names: tuple[tuple[str, ...], ...]
    """Per parameter the things of which one at least has to be named; none where a pattern asks for many."""
    count: int
    after: int
    limit: int
    """At most so many in all; 0 for no limit."""
    refuse: bool
    """True where more than the limit is a refusal, and not a shorter answer."""
    order: str
    falling: bool
    ids: tuple[frozenset[str], ...] = ()
    """Per parameter the events of which one is meant, by the hub's ids or by those of who captured them."""
    times: Mapping[str, datetime] = field(default_factory=dict)
    """Limits of time by parameter: `GE_recordTime`."""

    def fits(self, event: Event) -> bool:
        return all(test(event) for test in self.tests)


def read(given: Iterable[tuple[str, str]]) -> Query:
    """A query from the parameters of a request. Raises Wrong with all faults at once."""
    faults: list[Fault] = []
    tests: list[Test] = []
    names: list[tuple[str, ...]] = []
    ids: list[frozenset[str]] = []
    times: dict[str, datetime] = {}
    paging: dict[str, str] = {}
    for name, text in given:
        values = tuple(part for part in text.split("|") if part)
        if name in _PAGING:
            paging[name] = text
        elif name not in PARAMETERS:
            remedy = f"this parameter is not served; those are: {', '.join(sorted((*PARAMETERS, *_PAGING)))}"
            faults.append(_fault("not-supported", name, remedy))
        elif not values or len(values) > MAX_VALUES or len(text) > LONGEST * MAX_VALUES:
            faults.append(_fault("value", name, f"give 1 to {MAX_VALUES} values, separated by |"))
        elif name == "EQ_eventID" and not any(value.endswith("*") for value in values):
            ids.append(frozenset(values))
        elif name in _TIMES:
            _limit(times, name, values, faults)
        elif (test := _test(name, values, faults)) is not None:
            tests.append(test)
            if name in _NAMED and not any(value.endswith("*") for value in values):
                names.append(values)
    tests += [_time(*_TIMES[name], limit) for name, limit in times.items()]
    query = Query(tuple(tests), tuple(names), ids=tuple(ids), times=times, **_page(paging, faults))
    if faults:
        raise Wrong(faults)
    return query


def _fault(code: str, name: str, remedy: str) -> Fault:
    """A fault of one parameter; a name that nobody defined is not repeated."""
    known = name in PARAMETERS or name in _PAGING
    return Fault(code, name if known else "query", remedy, severity="error")


def _page(paging: Mapping[str, str], faults: list[Fault]) -> dict[str, Any]:
    numbers = {}
    for name in ("perPage", "nextPageToken", "eventCountLimit", "maxEventCount"):
        text = paging.get(name, "")
        good = text.isascii() and text.isdigit() and len(text) <= 18
        if text and not good:
            faults.append(_fault("value", name, "give a number with digits only"))
        numbers[name] = int(text) if good else 0
    if paging.get("orderBy", "eventTime") not in {"eventTime", "recordTime"}:
        faults.append(_fault("value", "orderBy", "write eventTime or recordTime"))
    if paging.get("orderDirection", "DESC") not in {"ASC", "DESC"}:
        faults.append(_fault("value", "orderDirection", "write ASC or DESC"))
    if numbers["eventCountLimit"] and numbers["maxEventCount"]:
        faults.append(_fault("value", "maxEventCount", "eventCountLimit and maxEventCount exclude one another"))
    return {
        "count": min(numbers["perPage"] or USUAL, MOST),
        "after": numbers["nextPageToken"],
        "limit": numbers["eventCountLimit"] or numbers["maxEventCount"],
        "refuse": bool(numbers["maxEventCount"]),
        "order": paging.get("orderBy", ""),
        "falling": paging.get("orderDirection", "DESC") == "DESC",
    }


def _test(name: str, values: tuple[str, ...], faults: list[Fault]) -> Test | None:
    """What an event passes that fits one parameter."""
    wanted = frozenset(values)
    if name == "eventType":
        if unknown := wanted - frozenset(_TYPES):
            faults.append(_fault("value", name, f"write {', '.join(_TYPES)}"))
        return None if unknown else lambda event: event.get("type") in wanted
    if name == "EQ_action":
        return lambda event: event.get("action") in wanted
    if name == "EXISTS_errorDeclaration":
        return lambda event: "errorDeclaration" in event
    if name in _TERMS:
        table, field = _TERMS[name]
        terms = frozenset(bare(table, value) for value in values)
        return lambda event: field in event and bare(table, str(event[field])) in terms
    if name in _PLACES:
        place = _PLACES[name]
        return _names(values, lambda event: [event.get(place, {}).get("id")])
    if name in _SENSED:
        return _sensed(_SENSED[name], values)
    fields = _NAMED[name]
    return _names(values, lambda event: [item for field in fields for item in _listed(event.get(field))])


def _names(values: Iterable[str], found: Callable[[Event], Iterable[Any]]) -> Test:
    """One of the names stands there: the same URI, another spelling of it, or one that begins like a pattern."""
    exact = {spelling for value in values if not value.endswith("*") for spelling in spellings(value)}
    begins = tuple(value[:-1] for value in values if value.endswith("*"))

    def test(event: Event) -> bool:
        stand = [item for item in found(event) if isinstance(item, str)]
        return any(exact & spellings(item) or (begins and item.startswith(begins)) for item in stand)

    return test


def spellings(uri: str) -> frozenset[str]:
    """A URI and the identifier that it stands for: `urn:epc:id:sscc:…` and its Digital Link are one."""
    try:
        named = from_uri(uri[:LONGEST])
    except ValueError:
        return frozenset({uri})
    return frozenset({uri, f"{named['system']}|{named['value']}"})


def _sensed(field: str, values: Sequence[str]) -> Test:
    wanted = frozenset(bare("measurement", value) if field == "type" else value for value in values)

    def test(event: Event) -> bool:
        for element in event.get("sensorElementList", ()):
            holders = [element.get("sensorMetadata", {}), *element.get("sensorReport", ())]
            said = {str(holder[field]) for holder in holders if field in holder}
            if wanted & ({bare("measurement", text) for text in said} if field == "type" else said):
                return True
        return False

    return test


def _limit(limits: dict[str, datetime], name: str, values: Sequence[str], faults: list[Fault]) -> None:
    """Adds a limit of time; of two of one kind both have to hold."""
    try:
        limit = parse_instant(read_times.read_iso(values[0], "UTC")["at"])
    except ValueError:
        faults.append(_fault("value", name, "write a time as YYYY-MM-DDThh:mm:ss+hh:mm (the + as %2B)"))
        return
    narrower = max if name.startswith("GE") else min
    limits[name] = narrower(limit, limits.get(name, limit))


def _time(word: str, field: str, limit: datetime) -> Test:
    return lambda event: field in event and (moment(event, field) >= limit) is (word == "GE")


def moment(event: Event, field: str) -> datetime:
    """An event's own time, or when the hub recorded it."""
    return parse_instant(read_times.read_iso(str(event[field]), "UTC")["at"])


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


__all__ = ["MOST", "PARAMETERS", "Query", "Wrong", "moment", "read", "spellings"]
