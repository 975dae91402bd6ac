"""Rules of who does it: party and device are qualified, and calibrated, on the day of the act (I-19). Names no person.

A qualification is known to a journey as a fact that touches it, or handed in with `Journey.qualifications` by whoever
folds: a busy site's qualification is no fact about each of its orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of
from canonical_model.journey import EventDict, Journey, RecordState, is_ref
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import ACCEPT, INFUSE, RELEASE, SHIP, START, Finding, Item, about, ids
from canonical_model.values import MOMENT, parse_instant, plus

Ref = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What a type of fact says was done: the activity, and the fields of its record (then of the order) that name the
    party and the devices that did it; what is in doubt when they were not qualified."""

    activity: str
    parties: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    of_order: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


_COLLECTED = Act("collect", ("facility",), ("device",), blocks=(START, INFUSE))
ACTS: Mapping[str, Act] = {
    "collection.started": _COLLECTED,
    "collection.completed": _COLLECTED,
    "batch.started": Act("manufacture", ("site",), of_order=("manufacturer",), blocks=(RELEASE, INFUSE)),
    "shipment.departed": Act("ship", ("carrier",), ("packaging", "loggers"), blocks=(ACCEPT, SHIP)),
    "result.reported": Act("test", blocks=(RELEASE,)),
    "infusion.started": Act("infuse", ("site",), of_order=("site",)),
}
"""Event type -> the act that it tells of."""


@dataclass(frozen=True, slots=True)
class Day:
    """The time of an act, as exactly as it is known: from its first to its last possible instant."""

    first: datetime
    last: datetime


def day_of(event: EventDict) -> Day:
    """The time of a fact."""
    return Day(instant_of(event), end_of(event["occurred"]))


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a party or device could not do something: the reason, its text, and the facts that say so."""

    why: str
    text: str
    facts: tuple[str, ...] = ()


def qualified(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-19: on the day of an act its party is qualified for it and its devices are calibrated, as far as is known."""
    wanted = set(protocol.qualified) if protocol else set()
    known = qualifications_of(journey)
    if not wanted and not known and not any(d.fields.get("calibrated_until") for d in journey.of("device")):
        return
    yield from (moment for moment in _turns(journey, known) if moment > now)
    seen: set[tuple[str, str, str]] = set()
    for event in journey.facts:
        act = ACTS.get(event["type"])
        record = journey.record(event["about"]) if act else None
        if act is None or record is None:
            continue
        parties = _parties(journey, act, record, event)
        found = [(ref, unqualified(journey, ref, act.activity, day_of(event), protocol)) for ref in parties]
        if not parties and act.activity in wanted:
            found.append(
                (event["about"], Unfit("unnamed", f"nobody is named who did it, and {_NEEDED}: {act.activity}"))
            )
        for ref in (r for field in act.devices for r in refs(record.fields.get(field))):
            found += [(ref, unqualified(journey, ref, act.activity, day_of(event), None))]
            found += [(ref, uncalibrated(journey, ref, day_of(event)))]
        for ref, unfit in found:
            key = record.name, journey.name_of(ref), unfit.why if unfit else ""
            if unfit is not None and key not in seen:
                seen.add(key)
                yield _finding(journey, record, event, act, ref, unfit)


def _turns(journey: Journey, known: Iterable[RecordState]) -> Iterator[datetime]:
    """When what is said of who may do something today can turn: of acts of the past it stays what it is."""
    for fact in (fact for qualification in known for fact in qualification.facts):
        yield from (instant_of(fact), plus(end_of(fact["occurred"]), MOMENT))
        valid = fact["set"].get("valid") or {}
        if valid.get("start"):
            yield parse_instant(valid["start"]["at"])
        if valid.get("end"):
            yield plus(end_of(valid["end"]), MOMENT)
    for fact in (fact for device in journey.of("device") for fact in device.facts):
        if until := fact["set"].get("calibrated_until"):
            yield from (instant_of(fact), plus(end_of(until), MOMENT))


_NEEDED = "the Protocol asks for a known qualification of this activity"


def qualifications_of(journey: Journey) -> tuple[RecordState, ...]:
    """The qualifications that are known: of facts of this order, and those handed in."""
    return (*journey.of("qualification"), *journey.qualifications)


def unqualified(
    journey: Journey,
    ref: Ref,
    activity: str,
    day: Day,
    protocol: Protocol | None,
    known: Iterable[RecordState] | None = None,
) -> Unfit | None:
    """Why a party or device may not do an activity on a day; None where it may, or nothing is known against it.

    A suspension counts until a later qualification; a validity counts by its own dates, whenever it was told. Where
    the Protocol names the activity in `qualified`, no known valid qualification is a reason too. `known` are the
    qualifications that count, where they are others than the journey knows, such as for a request about tomorrow.
    """
    own = [
        q
        for q in (qualifications_of(journey) if known is None else known)
        if _is_for(journey, q, ref, activity, protocol)
    ]
    suspended = [fact for q in own for fact in _suspensions(q, day)]
    if suspended:
        text = f"its qualification to {activity} was suspended before the act"
        return Unfit("suspended", text, ids(suspended))
    valid = [q for q in own if _covers(q, day)]
    if own and not valid and any(_certainly_not(q, day) for q in own):
        text = f"its qualification to {activity} was not valid on the day of the act"
        return Unfit("invalid", text, ids(fact for q in own for fact in q.facts))
    if not valid and protocol is not None and activity in protocol.qualified:
        return Unfit("unknown", f"no valid qualification is known, and {_NEEDED}: {activity}")
    return None


def uncalibrated(journey: Journey, ref: Ref, day: Day) -> Unfit | None:
    """Why a device was not calibrated on a day: the last that was said before of its calibration had run out."""
    device = journey.record(ref)
    told = [e for e in (device.facts if device else ()) if e["set"].get("calibrated_until")]
    before = [e for e in told if instant_of(e) <= day.last] or told
    ends = [end_of(event["set"]["calibrated_until"]) for event in before]
    if not ends or max(ends) >= day.first:
        return None
    return Unfit("calibration", "the calibration of a device had run out before the act", ids(before))


def _parties(journey: Journey, act: Act, record: RecordState, event: EventDict) -> list[Ref]:
    """Who did it: as the record names them, else the order; of a result its laboratory."""
    named: list[Ref] = [ref for field in act.parties for ref in refs(record.fields.get(field))]
    named = named or [ref for field in act.of_order for ref in refs(journey.order.fields.get(field))]
    if event["type"] == "result.reported":
        number = (record.fields.get("laboratory") or {}).get("identifier")
        named = [{"kind": "party", "identifiers": [number]}] if number else []
    return named


def _is_for(journey: Journey, qualification: RecordState, ref: Ref, activity: str, protocol: Protocol | None) -> bool:
    """True for a qualification of this party or device, for this activity, product and region, as far as it says."""
    said = qualification.fields
    named = said.get("device" if ref["kind"] == "device" else "party")
    region, own = said.get("region"), journey.order.fields.get("region")
    return (
        is_ref(named)
        and journey.same(named, ref)
        and said.get("activity") in {None, activity}
        and not (region and own and region != own)
        and _is_for_product(journey, said.get("product"), protocol)
    )


def _is_for_product(journey: Journey, product: Mapping[str, Any] | None, protocol: Protocol | None) -> bool:
    """True unless a qualification names products of which none is the one ordered."""
    named = {coding.get("code") for coding in (product or {}).get("codings") or ()}
    ordered = {coding.get("code") for coding in (journey.order.fields.get("service") or {}).get("codings") or ()}
    ordered |= {coding.code for coding in protocol.products} if protocol and not ordered else set()
    return not named or not ordered or bool(named & ordered)


def _suspensions(qualification: RecordState, day: Day) -> list[EventDict]:
    """Suspensions that lie before a day for certain, and that nothing can have lifted before its end."""
    given = qualification.named("party.qualified")
    return [
        fact
        for fact in qualification.named("party.suspended")
        if end_of(fact["occurred"]) < day.first
        and not any(end_of(e["occurred"]) >= instant_of(fact) and instant_of(e) <= day.last for e in given)
    ]


def _covers(qualification: RecordState, day: Day) -> bool:
    """True when something that was said of a qualification makes it possible that it was valid on the day."""
    for fact in qualification.named("party.qualified"):
        valid = fact["set"].get("valid") or {}
        start, end = valid.get("start"), valid.get("end")
        begun = parse_instant(start["at"]) <= day.last if start else bool(end) or instant_of(fact) <= day.last
        if begun and not (end and end_of(end) < day.first):
            return True
    return False


def _certainly_not(qualification: RecordState, day: Day) -> bool:
    """True when a qualification states a validity, and the day lies outside of it for certain."""
    stated = [fact for fact in qualification.named("party.qualified") if fact["set"].get("valid")]
    return bool(stated) and not _covers(qualification, day)


def _finding(journey: Journey, record: RecordState, event: EventDict, act: Act, ref: Ref, unfit: Unfit) -> Finding:
    return Finding(
        rule="I-19",
        kind="qualification",
        severity="major",
        about=about(record),
        cause=f"{unfit.why}:{journey.name_of(ref)}",
        text=f"{event['type']}: {unfit.text}",
        settle="QA assesses the act, or the sponsor reports the qualification or calibration of that day",
        facts=(event["id"], *unfit.facts),
        blocks=act.blocks,
        person=True,
    )


RULES = (qualified,)
