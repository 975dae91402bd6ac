"""Rules of conditioning: it waits for the product (I-15), and the infusion follows it in time (I-16). No doses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of, is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.rules.availability import availability, counts, is_for_dose, is_made
from canonical_model.rules.finding import CONDITION, INFUSE, Finding, Item, about, ids
from canonical_model.rules.identity import is_ours
from canonical_model.rules.missing import Missing
from canonical_model.rules.patient import Infusion, deaths, infusions
from canonical_model.rules.quality import Decision, decisions, standing
from canonical_model.values import MOMENT, plus

CLOSED = frozenset({"cancelled", "rejected", "failed", "closed"})
"""States of an order that no infusion is waited for."""


# ---- I-15 -------------------------------------------------------------------------------------------------------


def beginning(conditioning: RecordState) -> EventDict | None:
    """The fact that tells that the conditioning has begun: its start, or its end where nobody told the start."""
    ends = [*conditioning.named("conditioning.completed"), *conditioning.named("conditioning.stopped")]
    return next(iter([*conditioning.named("conditioning.started"), *ends]), None)


def _conditionings(journey: Journey) -> Iterator[tuple[RecordState, EventDict]]:
    for record in journey.of("conditioning"):
        start = beginning(record)
        if start is not None and is_ours(journey, record):
            yield record, start


def conditioned_when_available(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-15: conditioning starts only when the product's availability is confirmed, as the Protocol says."""
    for record, start in _conditionings(journey):
        lacking = availability(journey, protocol, before=start)
        if lacking:
            yield Finding(
                rule="I-15",
                kind="precondition",
                severity="critical",
                about=about(record),
                cause=start["id"],
                text="conditioning began before the product was available: "
                + ", ".join(sorted({missing.text for missing in lacking})),
                settle="QA and the physician assess it",
                facts=(start["id"],),
                person=True,
            )


def product_holds_during_conditioning(
    journey: Journey,
    protocol: Protocol | None,
    now: datetime,  # noqa: ARG001
) -> Iterator[Item]:
    """I-15: a product that fails or is rejected after conditioning has begun leaves a patient without protection."""
    for record, start in _conditionings(journey):
        treated = [infusion.start for infusion in infusions(journey) if is_after(infusion.start, start)]
        failed = [
            event
            for event in _failures(journey)
            if is_after(event, start) and not any(is_after(event, infusion) for infusion in treated)
        ]
        if failed:
            rescue = (
                protocol.rescue if protocol and protocol.rescue else "an exceptional release, another product, or none"
            )
            yield Finding(
                rule="I-15",
                kind="oos",
                severity="critical",
                about=about(record),
                cause=f"failed:{min(ids(failed))}",
                text="the product failed or was rejected after conditioning of the patient had begun",
                settle=f"QA and the physician decide what the patient is given: {rescue}",
                facts=ids((start, *failed)),
                blocks=(INFUSE, CONDITION),
                person=True,
            )


def _failures(journey: Journey) -> list[EventDict]:
    """Facts that ended a product: a batch that failed, a decision against it that no later one replaces."""
    batches = [
        fact
        for batch in journey.of("batch")
        if is_ours(journey, batch)
        for type_ in ("batch.failed", "batch.terminated")
        for fact in batch.named(type_)
    ]
    return [*batches, *(d.event for d in decisions(journey) if _is_against_product(journey, d))]


def _is_against_product(journey: Journey, decision: Decision) -> bool:
    target = decision.target
    if decision.says not in {"rejected", "revoked"} or target is None:
        return False
    container = journey.record(target) if target["kind"] == "container" else None
    if container is not None and not is_for_dose(journey, container):
        return False
    stands = any(other.event["id"] == decision.event["id"] for other in standing(journey, target))
    return stands and is_made(journey, target)


# ---- I-16 -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InfusionWindow:
    """When a patient whose conditioning has ended may be infused: from `opens` up to `closes`; after it, fitness is
    decided anew. Where the end is known to the day only, the window is as wide as the day allows, and from `is_open`
    up to `may_close` it is open for certain."""

    conditioning: RecordState
    end: EventDict
    opens: datetime | None
    is_open: datetime | None
    may_close: datetime | None
    closes: datetime | None


def infusion_windows(journey: Journey, protocol: Protocol | None) -> list[InfusionWindow]:
    """The windows after each completed conditioning that no later conditioning for the same dose replaces."""
    told = protocol.conditioning if protocol else None
    if told is None:
        return []
    known = list(_conditionings(journey))
    found = []
    for record, _ in known:
        ends = record.named("conditioning.completed")
        again = [start for other, start in known if other is not record and _dose(other) == _dose(record)]
        if ends and not any(is_after(start, ends[-1]) for start in again):
            first, last = instant_of(ends[-1]), end_of(ends[-1]["occurred"])
            opens, is_open = (plus(at, told.earliest) if told.earliest is not None else None for at in (first, last))
            may_close, closes = (plus(at, told.latest) if told.latest is not None else None for at in (first, last))
            found.append(InfusionWindow(record, ends[-1], opens, is_open, may_close, closes))
    return found


def _dose(conditioning: RecordState) -> int:
    return int(conditioning.fields.get("dose_number") or 1)


def waits_for_infusion(journey: Journey, window: InfusionWindow) -> bool:
    """True while the infusion that the conditioning prepared for is still to come."""
    return _infused(journey, window) is None and journey.order.state not in CLOSED and not deaths(journey)


def _infused(journey: Journey, window: InfusionWindow) -> Infusion | None:
    """The first infusion that did not precede the conditioning for certain, of its dose where doses are numbered."""
    start = beginning(window.conditioning) or window.end
    fitting = [
        infusion
        for infusion in infusions(journey)
        if infusion.record.fields.get("dose_number") in {None, _dose(window.conditioning)}
        if not is_after(start, infusion.start)
    ]
    return next(iter(fitting), None)


def missing_for_infusion(journey: Journey, protocol: Protocol | None, now: datetime) -> tuple[Missing, ...]:
    """What conditioning still asks before an infusion that rule I-16 does not find by itself: that time passes, and
    where its end is known to the hour or less, that nobody has to guess whether the time is over."""
    return tuple(_missing_for_infusion(journey, protocol, now))


def _missing_for_infusion(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Missing]:
    for window in infusion_windows(journey, protocol):
        if not waits_for_infusion(journey, window):
            continue
        if window.is_open is not None and now < window.is_open:
            text = f"conditioning ended too shortly ago: the infusion may begin at {window.is_open.isoformat()}"
            yield _not_in_window(window, text, "the infusion waits")
        elif _may_be_over(journey, window, now):
            text = "conditioning ended at a time known to the hour or less: its time to the infusion may be over"
            settle = "the site tells when conditioning ended, or decides the patient's fitness for it anew"
            yield _not_in_window(window, text, settle, unclear=True)


def _may_be_over(journey: Journey, window: InfusionWindow, now: datetime) -> bool:
    if window.may_close is None or window.closes is None or not window.may_close < now <= window.closes:
        return False
    decided = _fitness(journey, window)
    return decided is None or not _is_fit(decided, now)


def _not_in_window(window: InfusionWindow, text: str, settle: str, *, unclear: bool = False) -> Missing:
    facts, of = (window.end["id"],), about(window.conditioning)
    return Missing("conditioning-window", "window", text, settle, facts, of, unclear=unclear)


def infusion_follows_conditioning(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-16: the infusion lies within the Protocol's time after conditioning; later, fitness is decided anew."""
    for window in infusion_windows(journey, protocol):
        infusion = _infused(journey, window)
        if infusion is not None:
            yield from _infused_in_time(journey, window, infusion.start)
        elif waits_for_infusion(journey, window):
            yield from _still_in_time(journey, window, now)


def _infused_in_time(journey: Journey, window: InfusionWindow, start: EventDict) -> Iterator[Item]:
    if window.opens is not None and end_of(start["occurred"]) < window.opens:
        yield _out_of_window(window, "early", "the infusion began sooner after conditioning than allowed", start)
    if window.closes is not None and instant_of(start) > window.closes:
        decided = _fitness(journey, window, start)
        if decided is None or not _is_fit(decided, instant_of(start)):
            text = "the infusion began later after conditioning than allowed, and fitness was not decided anew"
            yield _out_of_window(window, "late", text, start)


def _still_in_time(journey: Journey, window: InfusionWindow, now: datetime) -> Iterator[Item]:
    yield from (at for at in (window.opens, window.is_open) if at is not None and now < at)
    if window.closes is None or window.may_close is None:
        return
    if now <= window.closes:
        yield from (plus(at, MOMENT) for at in (window.may_close, window.closes) if now <= at)
        return
    decided = _fitness(journey, window)
    if decided is not None and _is_fit(decided, now):
        until = _conditioning_of(decided).get("until")
        if until:
            yield plus(end_of(until), MOMENT)
        return
    text = f"the time from conditioning to infusion ended at {window.closes.isoformat(timespec='seconds')}"
    yield _out_of_window(window, "late", text)


def _fitness(journey: Journey, window: InfusionWindow, before: EventDict | None = None) -> EventDict | None:
    """The last decision about the patient's fitness that can have been made after the conditioning ended."""
    said = [
        fact
        for subject in journey.of("subject")
        if journey.is_patient(subject)
        for fact in subject.named("eligibility.decided")
        if _conditioning_of(fact) and not is_after(window.end, fact) and counts(fact, before)
    ]
    return said[-1] if said else None


def _conditioning_of(fact: EventDict) -> Mapping[str, Any]:
    return (fact["set"].get("eligibility") or {}).get("conditioning") or {}


def _is_fit(decided: EventDict, at: datetime) -> bool:
    said = _conditioning_of(decided)
    until = said.get("until")
    return said.get("decision") == "eligible" and (not until or at <= end_of(until))


def _out_of_window(window: InfusionWindow, why: str, text: str, infusion: EventDict | None = None) -> Finding:
    told = infusion is not None
    return Finding(
        rule="I-16",
        kind="window",
        severity="major",
        about=about(window.conditioning),
        cause=f"{window.end['id']}:{why}",
        text=text,
        settle="QA and the physician assess it"
        if told
        else "the hospital decides the patient's fitness for conditioning anew",
        facts=ids((window.end, infusion)) if infusion is not None else (window.end["id"],),
        blocks=() if told else (INFUSE,),
        person=told,
    )


RULES = (conditioned_when_available, product_holds_during_conditioning, infusion_follows_conditioning)
