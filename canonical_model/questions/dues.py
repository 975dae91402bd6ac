"""What is due of an order: promises, handovers, visits, windows, holds, dates of expiry, each with its date. A list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from canonical_model import rules
from canonical_model.codes import QA
from canonical_model.events import end_of, instant_of, is_coarse
from canonical_model.holds import treatment_consents
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import is_product, ref_of
from canonical_model.protocols import Protocol
from canonical_model.questions import scanning
from canonical_model.questions.answer import Entry, Listed, Reason, dated, listed, roles_about, roles_for
from canonical_model.questions.first import Ground, ground, no_protocol
from canonical_model.rules.custody import half_told
from canonical_model.rules.finding import facts_of
from canonical_model.rules.follow_up import is_followed, visits
from canonical_model.rules.obligations import is_done
from canonical_model.rules.slots import appointments, state_of
from canonical_model.rules.transport import holds, taken_out
from canonical_model.rules.windows import is_ended
from canonical_model.values import MOMENT, parse_instant, plus

DUE = "what-is-due"
KINDS = (
    *("obligation", "notification", "handoff", "follow-up", "appointment"),
    *("window", "hold-time", "expiry", "consent", "look"),
)
"""Kinds of entries; `look` is any other date at which a rule may find something else."""
MOVING = frozenset({"planned", "packed", "in-transit", "delivered", "accepted"})
"""States of a shipment in which the hold of its shipper counts, until its contents are stored."""


TAKES_PLACE = {
    "apheresis": ("collection.started", "collection.completed", "collection.failed"),
    "pickup": ("shipment.departed",),
    "manufacturing": ("batch.started",),
    "delivery": ("shipment.arrived", "shipment.accepted", "shipment.rejected"),
    "conditioning": ("conditioning.started", "conditioning.completed"),
    "infusion": ("infusion.started", "infusion.completed", "infusion.not-done"),
    "follow-up": ("followup.completed",),
}
"""Kind of appointment -> the facts of which each tells that it took place."""
EARLY = timedelta(days=1)
"""How long before its time what an appointment is for can begin and still be what was agreed."""


def what_is_due(
    journey: Journey, protocols: Mapping[str, Protocol], now: datetime, unsettled: Iterable[Reason] = ()
) -> Listed:
    """What somebody has to do by when, and what changes by time alone, the next first.

    Kinds: `obligation`, `notification`, `handoff`, `follow-up`, `appointment`, `window`, `hold-time`, `expiry`,
    `consent`, and `look` for every other date at which a rule may find something else.
    """
    on = ground(DUE, journey, protocols, now)
    told = [entry for part in PARTS for entry in part(on)]
    reasons = [*unsettled, *([no_protocol()] if on.protocol is None else [])]
    return listed(DUE, [*told, *_looks(on, told)], reasons)


def _obligations(on: Ground) -> Iterator[Entry]:
    """Promises, and notices that somebody must be given, until it was done."""
    for record in on.journey.of("obligation"):
        if not is_done(on.journey, record):
            what = " ".join(word for word in (record.fields.get("kind"), record.fields.get("criterion")) if word)
            settle = "whoever promised it reports it as done"
            text = f"promised: {what or 'as stated'}"
            yield _entry(on, record, "obligation", text, record.fields.get("due"), "I-45", settle)
    for record in on.journey.of("notification"):
        if record.state == "sent" and record.fields.get("due"):
            text, settle = "the receiver has not confirmed that it was told", "its confirmation is reported"
            yield _entry(on, record, "notification", text, record.fields["due"], "", settle)


def _entry(
    on: Ground, record: RecordState, kind: str, text: str, when: Mapping[str, Any] | None, rule: str, settle: str
) -> Entry:
    """An entry about a record whose date is a field of it."""
    return Entry(
        kind=kind,
        text=text,
        about=(record.kind, record.name),
        rule=rule,
        roles=roles_about(record.kind),
        settle=settle,
        facts=tuple(event["id"] for event in record.facts),
        **dated(end_of(when) if when else None, on.now),
    )


def _handoffs(on: Ground) -> Iterator[Entry]:
    """I-38: handovers that one side has told, with the time in which the other one does."""
    within = on.protocol.handoff_within if on.protocol else None
    events = {event["id"]: event for event in on.journey.facts}
    for name, chain in on.journey.custody.items() if within is not None else ():
        for step in half_told(chain):
            deadline = plus(end_of(events[step.event]["occurred"]), within or timedelta())
            yield Entry(
                kind="handoff",
                text="only one side has reported a handover",
                about=("container", name),
                rule="I-38",
                roles=roles_for("custody.transferred"),
                settle="the other side reports it",
                facts=(step.event,),
                **dated(deadline, on.now),
            )


def _visits(on: Ground) -> Iterator[Entry]:
    """I-24: follow-up visits, and appointments that are agreed or kept, that did not take place yet."""
    for record in visits(on.journey) if is_followed(on.journey) else ():
        if record.state == "scheduled":
            visit = record.fields.get("visit") or ""
            text = f"the follow-up visit {visit} is due".replace("  ", " ")
            yield _entry(on, record, "follow-up", text, record.fields.get("due"), "I-24", "the visit is reported")
    for record in appointments(on.journey, "booked", "held"):
        if _took_place(on.journey, record):
            continue
        is_held = state_of(record) == "held"
        period = record.fields.get("period") or {}
        when = record.fields.get("hold_until") if is_held else period.get("start")
        text = f"{record.fields.get('kind') or 'a slot'} is {state_of(record)}"
        yield _entry(on, record, "appointment", text, when, "", "it takes place, is moved or given up")


def _took_place(journey: Journey, appointment: RecordState) -> bool:
    """True where a fact tells that what the appointment is for was done at its time or after it."""
    start = (appointment.fields.get("period") or {}).get("start")
    kinds = TAKES_PLACE.get(appointment.fields.get("kind") or "", ())
    return start is not None and any(
        end_of(fact["occurred"]) >= parse_instant(start["at"]) - EARLY
        for kind in kinds
        for fact in facts_of(journey, kind)
    )


def _windows(on: Ground) -> Iterator[Entry]:
    """I-4, I-8: windows that were opened and that nothing has closed."""
    for window in on.protocol.windows if on.protocol else ():
        for opened in facts_of(on.journey, window.start):
            if not is_ended(on.journey, window, opened):
                at = end_of(opened["occurred"]) if is_coarse(opened) else instant_of(opened)
                yield Entry(
                    kind="window",
                    text=f"the window {window.name} is running until {window.end}",
                    about=(opened["about"]["kind"], on.journey.name_of(opened["about"])),
                    rule=window.rule,
                    roles=roles_for(window.end),
                    settle=f"{window.end} is reported",
                    facts=(opened["id"],),
                    **dated(plus(at, window.longest), on.now),
                )


def _holds(on: Ground) -> Iterator[Entry]:
    """I-21: shippers whose qualified hold runs, until what they hold is taken out of them."""
    for record in on.journey.of("shipment"):
        held = holds(on.journey, record) if record.state in MOVING else []
        if held and taken_out(on.journey, record) is None:
            yield Entry(
                kind="hold-time",
                text="the shipper's hold ends",
                about=("shipment", record.name),
                rule="I-21",
                roles=roles_about("shipment"),
                settle="it is charged anew, or what it holds is stored",
                facts=tuple(event["id"] for event in held[-1].facts),
                **dated(held[-1].until, on.now),
            )


def _expiries(on: Ground) -> Iterator[Entry]:
    """I-7, I-9: dates after which a container is of no use, and the end of the consent to treatment."""
    for record in on.journey.of("container"):
        material = on.journey.record(record.fields.get("material"))
        expiry = record.fields.get("expires_at") or (material.fields.get("expires_at") if material else None)
        ref = ref_of(record)
        if expiry and record.state not in scanning.USED_UP:
            text = "the product expires" if is_product(on.journey, ref) else "the material expires"
            yield _entry(on, record, "expiry", text, expiry, "I-7", "it is used before, or not any more")
    for record in treatment_consents(on.journey):
        end = (record.fields.get("period") or {}).get("end")
        if end and record.state == "active":
            text = "the consent to treatment ends"
            yield _entry(on, record, "consent", text, end, "I-9", "the hospital records a new consent")


PARTS = (_obligations, _handoffs, _visits, _windows, _holds, _expiries)
"""What looks for dates, each in its own facts."""


def _looks(on: Ground, told: Iterable[Entry]) -> Iterator[Entry]:
    """Dates at which a rule looks again and that no other entry tells."""
    known = {entry.at for entry in told}
    for rule in rules.RULES:
        for item in rule(on.journey, on.protocol, on.now):
            if isinstance(item, datetime) and not _tells(known, item):
                numbers, _, text = (rule.__doc__ or "").splitlines()[0].partition(": ")
                yield Entry("look", text, rule=numbers, roles=(QA,), **dated(item, on.now))


def _tells(known: Iterable[str], at: datetime) -> bool:
    return any(parse_instant(told) in {at, at - MOMENT} for told in known if told)
