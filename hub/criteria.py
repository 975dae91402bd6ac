"""What a search asks for, and the facts that bear it: names, journeys, times. Only reads; shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any

import orjson

from canonical_model.ids import name_key
from canonical_model.scans import is_scan, read_scan
from canonical_model.values import instant_text, parse_instant
from hub.links import Links
from hub.store import Connection
from hub.vault import SUBJECT_SYSTEM

JOURNEYS, MESSAGES, FACTS, DELIVERIES, ISSUES = LISTS = ("journeys", "messages", "facts", "deliveries", "issues")
TOP = 2**62
"""Above every number."""
SLACK = timedelta(minutes=1)
"""So much may what several processes write at once stand beside the order of their clocks."""
WINDOW = 1_000
"""At most so many facts, or rows, are looked at together."""
LOOKED = 4_000
"""So many one page looks through; then it ends, short or not."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is asked for. Identifiers are `value` or `system|value`; all that are given have to fit."""

    identifiers: tuple[str, ...] = ()
    order: str = ""
    person: str = ""
    """The vault's token of a person's number."""
    source_id: str = ""
    partner: str = ""
    type: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""

    @property
    def given(self) -> set[str]:
        """Names of the criteria that are asked for."""
        return {field.name for field in fields(self) if getattr(self, field.name)}


NAMING = frozenset({"identifiers", "order", "person", "source_id"})
TIMES = frozenset({"since", "until"})
SAYS: Mapping[str, frozenset[str]] = {
    JOURNEYS: NAMING,
    MESSAGES: NAMING | TIMES | {"partner", "type", "outcome"},
    FACTS: NAMING | TIMES | {"partner", "type"},
    DELIVERIES: NAMING | TIMES | {"partner", "type", "outcome"},
    ISSUES: NAMING | TIMES | {"type", "outcome"},
}
"""List -> the criteria that say something of what is in it. An Issue's type is its rule."""


# ---- names ------------------------------------------------------------------------------------------------------


def names_of(db: Connection, links: Links, text: str, kind: str = "") -> set[int]:
    """The names that are spelt so, and all others of the same records. A scanned label is what it names."""
    system, bar, value = text.rpartition("|")
    spelt = {value.strip()}
    if is_scan(value):
        spelt |= {identifier["value"] for identifier in read_scan(value).identifiers}
    found: set[int] = set()
    for name, known, of, plain in (row for one in sorted(spelt) for row in db.all("names_of_value", one)):
        key = (known, of, plain)
        if (not kind or known == kind) and (not bar or key == name_key(known, {"system": system, "value": plain})):
            found |= {name} | links.members([key])
    return found


def journeys_of(db: Connection, criteria: Criteria) -> set[str]:
    """The orders to which all of the criteria that name something lead."""
    links = Links(db)
    found = [links.orders_of(names_of(db, links, text)) for text in criteria.identifiers]
    if criteria.order:
        found.append(_ordered(db, links, criteria.order))
    if criteria.person:
        found.append(links.orders_of(_person(links, criteria.person)))
    if criteria.source_id:
        found.append({row[0] for row in db.all("journeys_of_source", criteria.source_id)})
    return set.intersection(*found) if found else set()


def _ordered(db: Connection, links: Links, text: str) -> set[str]:
    """The orders with a number; or the journey that is called so, now or before."""
    journey = links.now(text)
    known = {journey} if db.one("journey_root", journey) else set()
    return known | links.orders_of(names_of(db, links, text, "order"))


def _person(links: Links, token: str) -> set[int]:
    return links.members([("subject", SUBJECT_SYSTEM, token)])


# ---- facts that bear a name -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Anchor:
    """Facts that one criterion leads to: the next below a position, and those among some positions."""

    below: Callable[[int, int], list[int]]
    among: Callable[[Sequence[int]], set[int]]


def anchors(db: Connection, criteria: Criteria, *, by_type: bool = False) -> list[Anchor]:
    """One anchor a criterion that names something, the narrowest first."""
    links = Links(db)
    found = []
    if criteria.source_id:
        found.append(_by_value(db, "source", criteria.source_id))
    names = [names_of(db, links, text) for text in criteria.identifiers]
    names += [_person(links, criteria.person)] if criteria.person else []
    found += [_by_each(db, "name", sorted(one)) for one in names]
    if criteria.order:
        found.append(_by_each(db, "journey", sorted(_ordered(db, links, criteria.order))))
    if by_type and criteria.type:
        found.append(_by_value(db, "type", criteria.type))
    return found


def _by_value(db: Connection, what: str, value: str) -> Anchor:
    return Anchor(
        lambda before, count: [row[0] for row in db.all(f"positions_of_{what}", value, before, count)],
        lambda some: {row[0] for row in db.all(f"positions_among_{what}", value, listed(some))},
    )


def _by_each(db: Connection, what: str, values: Sequence[Any]) -> Anchor:
    def below(before: int, count: int) -> list[int]:
        each = ([row[0] for row in db.all(f"positions_of_{what}", one, before, count)] for one in values)
        return list(dict.fromkeys(merge(*each, reverse=True)))[:count]

    return Anchor(
        below, lambda some: {row[0] for row in db.all(f"positions_among_{what}", listed(values), listed(some))}
    )


def sizes(limit: int) -> Iterator[int]:
    """How much is looked at together for a page: what fills it, then more and more, until it is enough."""
    size, left = limit + 1, LOOKED
    while left > 0:
        yield min(size, left)
        left -= size
        size = min(size * 4, WINDOW)


def windows(borne: Sequence[Anchor], among: tuple[int, int], limit: int) -> Iterator[tuple[list[int], int]]:
    """Positions that all anchors lead to, the highest first, a window at a time; each with where the next begins."""
    (first, *others), (lowest, before) = borne, among
    for size in sizes(limit):
        window = first.below(before, size)
        kept = [position for position in window if position >= lowest]
        for other in others:
            fitting = other.among(kept) if kept else set()
            kept = [position for position in kept if position in fitting]
        before = window[-1] if len(window) == size and window[-1] > lowest else 0
        yield kept, before
        if before == 0:
            return


# ---- times ------------------------------------------------------------------------------------------------------


def earlier(text: str) -> str:
    """An instant a while before, where there is one."""
    return instant_text(parse_instant(text) - SLACK) if text else ""


def later(text: str) -> str:
    """An instant a while after, where there is one."""
    return instant_text(parse_instant(text) + SLACK) if text else ""


def within(db: Connection, criteria: Criteria, after: str) -> tuple[int, int]:
    """Positions between which everything is that was recorded in time: the lowest, and one above the highest."""
    before = _lowest(db, later(criteria.until)) if criteria.until else TOP
    return _lowest(db, earlier(criteria.since)), min(before, number(after))


def _lowest(db: Connection, since: str) -> int:
    """Position of the first fact that was recorded at an instant or later, by halving: positions have no gaps."""
    if not since:
        return 1
    row, wanted = db.one("head"), parse_instant(since)
    low, high = 1, int(row[0]) + 1 if row else 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _recorded(db, middle, high) >= wanted else (middle + 1, high)
    return low


def _recorded(db: Connection, position: int, high: int) -> datetime:
    """When the first fact from a position on was recorded that is not erased."""
    for row in db.all("facts_from", position, high):
        return parse_instant(orjson.loads(row[0])["recorded"])
    return datetime.max.replace(tzinfo=UTC)


def listed(values: Iterable[Any]) -> str:
    return orjson.dumps(list(values)).decode()


def number(after: str) -> int:
    return int(after) if after else TOP


__all__ = [
    "DELIVERIES",
    "FACTS",
    "ISSUES",
    "JOURNEYS",
    "LISTS",
    "MESSAGES",
    "NAMING",
    "SAYS",
    "TIMES",
    "TOP",
    "Anchor",
    "Criteria",
    "anchors",
    "earlier",
    "journeys_of",
    "later",
    "listed",
    "names_of",
    "number",
    "sizes",
    "windows",
    "within",
]
