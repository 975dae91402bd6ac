"""A journey's whole trail: every message, fact, answer and delivery of one order, in the order of the hub's own time.

Only reads. A message stands where it came, a fact where it was recorded, a delivery where it was planned and at each
attempt, a question where it was answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson

from canonical_model.values import parse_instant
from hub.criteria import listed
from hub.links import Links
from hub.searching import Page, delivery, fact, message
from hub.store import Connection

RANKS = ("message", "fact", "answer", "delivery", "act")
"""What is told first of what has one time."""
TOGETHER = 2_000
"""Facts that are read at once."""

Entry = tuple[datetime, int, int, dict[str, Any]]


def trail(db: Connection, journey: str, after: str = "", limit: int = 1000) -> Page | None:
    """A page of the trail of an order, by its name of today or an earlier one; None where there is no such order.

    Raises ValueError where `after` is no `next` of a trail.
    """
    journey = Links(db).now(journey)
    if db.one("journey_root", journey) is None:
        return None
    entries = sorted(_entries(db, journey), key=lambda entry: entry[:3])
    if after:
        at, rank, number = after.split("|")
        beyond = (parse_instant(at), int(rank), int(number))
        entries = [entry for entry in entries if entry[:3] > beyond]
    last = entries[limit - 1] if len(entries) > limit else None
    shown = [told for _, _, _, told in entries[:limit]]
    return Page(shown, f"{last[0].isoformat()}|{last[1]}|{last[2]}" if last else "")


def _entries(db: Connection, journey: str) -> Iterator[Entry]:
    facts = list(_facts(db, [row[0] for row in db.all("positions_of", journey)]))
    recorded = {told["position"]: told["recorded"] for told in facts}
    yield from (_entry("fact", told["recorded"], told["position"], told) for told in facts)
    numbers = {told["message"] for told in facts} - {None}
    for row in db.all("found_messages", listed(numbers)):
        told = message(row)
        yield _entry("message", told["received"], told["message"], told)
    names = [journey, *called_before(db, journey)]
    about = [*names, *(f"message/{number}" for number in numbers)]
    for row in db.all("deliveries_of_journey", journey):
        told = delivery(row)
        about.append(f"{told['partner']}/{told['delivery']}")
        yield _entry("delivery", recorded.get(told["position"], told["due"]), told["delivery"], told)
    for number, at, actor, act, subject, detail in db.all("audits_of", listed(about)):
        told = {"actor": actor, "act": act, "about": subject, "detail": orjson.loads(detail)}
        yield _entry("answer" if subject in names else "act", at, number, told)


def _entry(what: str, at: str, number: int, told: dict[str, Any]) -> Entry:
    return parse_instant(at), RANKS.index(what), number, {"at": at, "what": what, **told}


def _facts(db: Connection, positions: list[int]) -> Iterator[dict[str, Any]]:
    for begin in range(0, len(positions), TOGETHER):
        yield from (fact(row) for row in db.all("facts_at", listed(positions[begin : begin + TOGETHER])))


def called_before(db: Connection, journey: str) -> Iterable[str]:
    """Earlier names of a journey: two orders turned out to be one."""
    for (earlier,) in db.all("called_before", journey):
        yield earlier
        yield from called_before(db, earlier)
