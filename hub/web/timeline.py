"""One order on a page: its facts day by day with their messages, what it waits for, what its partners were told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from canonical_model.codes import STAGE_MEANINGS
from canonical_model.journey import EventDict
from canonical_model.questions import Entry
from canonical_model.stage import headline
from hub.answers import MAY_ASK
from hub.http.asking import ARGUMENTS, OfContainers, OfInfusion, OfOrder
from hub.profiles import Profile
from hub.reports.reader import Order
from hub.reports.shape import OrderReport, Source
from hub.searching import DELIVERY
from hub.store import Connection
from hub.web.lists import Look, dues, stages_of
from hub.web.words import leaves

ASKED = tuple(name for name, takes in ARGUMENTS.items() if takes in {OfOrder, OfContainers, OfInfusion})
"""Questions that a page can ask: they take an order, and containers at most."""
MOST = 1_000
"""Facts that a page shows, the last ones; of those before, how many there are."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact on the page."""

    source: Source
    about: Mapping[str, Any]
    values: tuple[tuple[str, str], ...]
    supersedes: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the order's Protocol: where the order is, has been or is to come."""

    name: str
    meaning: str
    place: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that one order's page shows."""

    report: OrderReport
    earlier: int
    days: list[tuple[str, list[Fact]]]
    stages: list[Stage]
    dues: list[Entry]
    told: list[dict[str, Any]]
    questions: tuple[str, ...]
    askers: list[Profile]
    containers: list[tuple[str, str]]
    """Name of each container that may be scanned, and what it is called in short."""


def timeline(db: Connection, look: Look, order: Order, report: OrderReport, askers: list[Profile]) -> Timeline:
    """One order's page. `askers`: whom a question may be asked as."""
    facts = list(_facts(order, {issue.id for issue in report.issues}))
    roles = {asker.role for asker in askers}
    return Timeline(
        report=report,
        earlier=max(len(facts) - MOST, 0),
        days=[(day, list(some)) for day, some in groupby(facts[-MOST:], key=_day)],
        stages=list(_stages(order)),
        dues=dues(order.state, look),
        told=list(_told(db, look, order.journey)),
        questions=tuple(name for name in ASKED if roles & MAY_ASK[name]),
        askers=askers,
        containers=list(_containers(order)),
    )


def _containers(order: Order) -> Iterator[tuple[str, str]]:
    for record in order.state.of("container") if order.reader.sees("container") else ():
        if record.identifiers:
            yield record.name, str(record.identifiers[0]["value"])


def _day(fact: Fact) -> str:
    return fact.source.occurred.at.strftime("%A %d %B %Y")


def _facts(order: Order, issues: set[str]) -> Iterator[Fact]:
    """Facts in their order. Of what the hub says of Issues, only that of Issues which the reader may see."""
    for event in order.state.events:
        if event["type"].startswith("issue.") and event["about"]["identifiers"][0]["value"] not in issues:
            continue
        if order.sees(event):
            yield _fact(order, event)


def _fact(order: Order, event: EventDict) -> Fact:
    old = [order.places[one][0] for one in event.get("supersedes", ()) if one in order.places]
    said = [*leaves(order.values(event)), *(("emptied", path) for path in event["clear"])]
    return Fact(order.source(event), event["about"], tuple(said), tuple(old), str(event.get("reason") or ""))


def _stages(order: Order) -> Iterator[Stage]:
    if not order.reader.sees("order"):
        return
    names, now = stages_of(order.protocol), headline(order.state, order.protocol)[0]
    at = names.index(now) if now in names else -1
    for number, name in enumerate(names):
        place = "done" if number < at else "now" if number == at else "next"
        yield Stage(name, STAGE_MEANINGS[name], place)
    if now and at < 0:
        yield Stage(now, STAGE_MEANINGS.get(now, ""), "now")


def _told(db: Connection, look: Look, journey: str) -> Iterator[dict[str, Any]]:
    """Deliveries of an order: to the reader itself, or all for the hub's own people."""
    for row in db.all("deliveries_of_journey", journey):
        one: dict[str, Any] = dict(zip(DELIVERY, row, strict=True))
        if look.is_own or one["partner"] == look.profile.partner:
            yield one
