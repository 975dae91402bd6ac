"""Who gets the report of which order: found by any of its names, for who takes part in it and for the hub's own people.

Everyone else is answered as if there were no such order. A look at a person is audited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from canonical_model.journey import Journey
from canonical_model.scans import is_scan, read_scan
from canonical_model.values import instant_text
from hub.access import sees_persons, takes_part
from hub.bootstrap import Hub
from hub.committer import Committer
from hub.criteria import Criteria, journeys_of
from hub.links import Links
from hub.profiles import Profile
from hub.reading import state_of
from hub.reports.reader import OWN, Order, Reader
from hub.reports.report import Desk, order_of, report
from hub.reports.shape import OrderReport
from hub.sealing import unseal
from hub.store import Connection
from hub.vault import Vault

TOLD_OF_PERSON: Mapping[str, Any] = {"names": [], "birth_date": "", "identifiers": []}
"""What a report tells of a patient to who may see persons, and what stands where it is not known."""


@dataclass(frozen=True, slots=True)
class Found:
    """An order that a partner may look at."""

    journey: str
    state: Journey


class Several(Exception):
    """A name that leads to more than one order of the reader's; `journeys` are theirs."""

    def __init__(self, journeys: list[str]) -> None:
        super().__init__(f"leads to {len(journeys)} orders")
        self.journeys = journeys


def find(db: Connection, profile: Profile, name: str) -> Found | None:
    """The order that the id of a journey, or any identifier as `value` or `system|value`, leads to; None where there is
    none that the partner may look at. Raises Several."""
    journey = Links(db).now(name)
    state = state_of(db, journey)
    if state is not None:
        return Found(journey, state) if may_look(profile, state) else None
    named = sorted(journeys_of(db, Criteria(identifiers=(name,)))) if in_sight(db, profile, name) else []
    mine = [Found(one, seen) for one in named if (seen := state_of(db, one)) and may_look(profile, seen)]
    if len(mine) > 1:
        raise Several([found.journey for found in mine])
    return mine[0] if mine else None


def in_sight(db: Connection, profile: Profile, name: str) -> bool:
    """True where something of a kind that the partner may see has this name: a guessed order number opens nothing."""
    value = name.rpartition("|")[2].strip()
    spelt = {value, *(i["value"] for i in read_scan(value).identifiers)} if is_scan(value) else {value}
    reader = Reader(profile)
    return any(reader.sees(row[1]) for one in spelt for row in db.all("names_of_value", one))


def may_look(profile: Profile, state: Journey) -> bool:
    """True for who takes part in an order, and for the hub's own people."""
    return profile.role in OWN or takes_part(profile, state)


def desk(hub: Hub) -> Desk:
    """What reports are made with now."""
    return Desk(hub.profiles, hub.protocols, hub.keys, hub.clock())


def looked_at(hub: Hub, db: Connection, profile: Profile, found: Found) -> Order:
    """An order as a partner may look at it."""
    opened = partial(unseal, hub.keys, db) if sees_persons(profile, hub.settings.region) else None
    reader = Reader(profile, opened) if opened else Reader(profile)
    return order_of(desk(hub), db, reader, found.journey, found.state)


async def report_for(hub: Hub, profile: Profile, name: str) -> OrderReport | None:
    """The report of an order for a partner; None where there is no such order for it. Raises Several."""
    found = await hub.readers.run(lambda db: find(db, profile, name))
    if found is None:
        return None
    person: dict[str, Any] = {}
    if sees_persons(profile, hub.settings.region):
        person = await hub.pipeline.run(lambda committer: _person(hub, committer, profile, found.state))

    def make(db: Connection) -> OrderReport:
        now = Found(found.journey, state_of(db, found.journey) or found.state)
        unsettled = hub.questions.unsettled(db, now.state, now.journey)
        return report(desk(hub), db, looked_at(hub, db, profile, now), person, unsettled)

    return await hub.readers.run(make)


def _person(hub: Hub, committer: Committer, profile: Profile, state: Journey) -> Mapping[str, Any]:
    """Who the patient is, as the partner itself has told; that it was looked at stands in the audit."""
    patient = state.order.fields.get("patient") or {}
    tokens = [name["value"] for name in patient.get("identifiers", ())]
    vault = Vault(hub.keys, committer.connection, hub.settings.region)
    with committer.connection.transaction():
        known = vault.look(tokens, profile.partner, profile.partner, instant_text(hub.clock()))
    return {name: known.get(name, nothing) for name, nothing in TOLD_OF_PERSON.items()} if known else {}
