"""Rules of appointments: the plan of an order can be kept (I-42), and a resource is held once at a time (I-43)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any

from canonical_model.events import end_of, instant_of
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import ref_of
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import COLLECT, Finding, Item, about, ids
from canonical_model.rules.identity import is_ours
from canonical_model.values import MOMENT, parse_instant, plus

COURSE = ("apheresis", "pickup", "manufacturing", "delivery", "conditioning", "infusion")
"""Kinds of appointment in the order in which they have to begin."""
AGREED = frozenset({"booked", "done"})
CARRIED = frozenset({"pickup", "delivery"})
"""Kinds of which an order has several, one for each leg: one that fits is enough."""


def state_of(appointment: RecordState) -> str:
    """Where an appointment stands: by its facts, or where these say nothing as its sender states it."""
    return appointment.state or str(appointment.fields.get("status") or "")


def appointments(journey: Journey, *states: str) -> list[RecordState]:
    """The appointments in these states that no other one has taken the place of."""
    known = [a for a in journey.of("appointment") if state_of(a) not in {"cancelled", "missed"}]
    moved = [a.fields["replaces"] for a in known if a.fields.get("replaces")]
    return [a for a in known if state_of(a) in states and not any(journey.same(m, ref_of(a)) for m in moved)]


def _start(appointment: RecordState) -> Mapping[str, Any] | None:
    return (appointment.fields.get("period") or {}).get("start")


# ---- I-42 -------------------------------------------------------------------------------------------------------


def plan_is_feasible(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-42: agreed appointments of an order follow each other as the therapy does."""
    by_kind = _plan(journey)
    for index, earlier in enumerate(COURSE if len(by_kind) > 1 else ()):
        for later in COURSE[index + 1 :]:
            if (earlier, later) != ("delivery", "conditioning") or _needs_arrival(protocol):
                yield from _conflicts(by_kind.get(earlier, []), by_kind.get(later, []))


def _plan(journey: Journey) -> dict[str, list[RecordState]]:
    """The agreed appointments by kind: of what is done once the last, of transports all."""
    found: dict[str, list[RecordState]] = {}
    for appointment in appointments(journey, *AGREED):
        kind = appointment.fields.get("kind")
        if kind in COURSE and _start(appointment) and is_ours(journey, appointment):
            found.setdefault(kind, []).append(appointment)
    return {kind: told if kind in CARRIED else [max(told, key=_end_of_start)] for kind, told in found.items()}


def _end_of_start(appointment: RecordState) -> tuple[datetime, str]:
    return end_of(appointment.fields["period"]["start"]), appointment.name


def _needs_arrival(protocol: Protocol | None) -> bool:
    """True where the Protocol lets conditioning begin only when the product has arrived."""
    return protocol is not None and protocol.conditioning is not None and protocol.conditioning.after == "at-site"


def _conflicts(earlier: list[RecordState], later: list[RecordState]) -> Iterator[Item]:
    """A conflict where no two of them fit together."""
    pairs = [(one, other) for one in earlier for other in later]
    if not pairs or any(_fit(one, other) for one, other in pairs):
        return
    one, other = pairs[0]
    yield Finding(
        rule="I-42",
        kind="slot-conflict",
        severity="major",
        about=about(other),
        cause=f"after:{one.name}",
        text=f"the appointment for {other.fields['kind']} begins before the one for {one.fields['kind']}",
        settle="whoever owns one of the appointments moves it",
        facts=tuple(dict.fromkeys((*ids(one.facts), *ids(other.facts)))),
        blocks=(COLLECT,),
    )


def _fit(one: RecordState, other: RecordState) -> bool:
    """True unless `other`, which has to follow, begins before `one` for certain.

    What had begun when `one` was agreed belongs to an earlier attempt; a pick-up after the end of manufacture to the
    way back.
    """
    first, second = _start(one), _start(other)
    if first is None or second is None or end_of(second) >= parse_instant(first["at"]):
        return True
    over = (other.fields.get("period") or {}).get("end")
    if one.fields["kind"] == "pickup" and over and end_of(first) >= parse_instant(over["at"]):
        return True
    agreed = [fact for fact in one.facts if fact["set"].get("period")]
    return bool(agreed) and instant_of(agreed[-1]) > end_of(second)


def infusion_stays_on_target(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-42: an appointment that was moved does not put the infusion off beyond the date for which it is wanted."""
    target = journey.order.fields.get("target") or (journey.order.fields.get("target_period") or {}).get("end")
    if target is None:
        return
    for slot in (a for a in appointments(journey, *AGREED) if a.fields.get("kind") == "infusion"):
        start = _start(slot)
        moved = slot.named("slot.changed") or (slot.facts if slot.fields.get("replaces") else [])
        if start and moved and is_ours(journey, slot) and parse_instant(start["at"]) > end_of(target):
            yield Finding(
                rule="I-42",
                kind="delay",
                severity="minor",
                about=about(slot),
                cause="target",
                text="the infusion was moved beyond the date for which it is wanted",
                settle="the site and the sponsor agree on another time, or the order states another date",
                facts=ids(moved),
            )


# ---- I-43 -------------------------------------------------------------------------------------------------------


def resource_is_held_once(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-43: a resource is held or booked once at a time; a hold that has run out no longer counts."""
    taken = [a for a in appointments(journey, "held", "booked") if a.fields.get("resource") and _start(a)]
    for one, other in combinations(taken, 2):
        if not journey.same(one.fields["resource"], other.fields["resource"]) or not _overlap(one, other):
            continue
        ends = [end for end in (_held_until(one), _held_until(other)) if end is not None]
        if any(end < now for end in ends):
            continue
        yield from (plus(end, MOMENT) for end in ends)
        yield Finding(
            rule="I-43",
            kind="slot-conflict",
            severity="major",
            about=about(one),
            cause=f"with:{other.name}",
            text="one resource is held or booked for two appointments at a time",
            settle="whoever owns the resource moves or cancels one of them",
            facts=tuple(dict.fromkeys((*ids(one.facts), *ids(other.facts)))),
        )


def _held_until(appointment: RecordState) -> datetime | None:
    """The end of a hold; nothing for what is booked, and for a hold without an end."""
    until = appointment.fields.get("hold_until")
    return end_of(until) if until and state_of(appointment) == "held" else None


def _overlap(one: RecordState, other: RecordState) -> bool:
    """True when two appointments are at one time for certain, however coarse their times are."""
    (start, end), (again, until) = _certain(one), _certain(other)
    if start == again:
        return all(start == parse_instant(slot.fields["period"]["start"]["at"]) for slot in (one, other))
    return start < again < end or again < start < until


def _certain(appointment: RecordState) -> tuple[datetime, datetime]:
    """The time in which the appointment runs for certain: from its latest start to its earliest end."""
    period = appointment.fields.get("period") or {}
    start = end_of(period["start"])
    return start, parse_instant(period["end"]["at"]) if period.get("end") else start


RULES = (plan_is_feasible, infusion_stays_on_target, resource_is_held_once)
