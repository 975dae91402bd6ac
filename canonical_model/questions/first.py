"""What every question asks first: the order, its patient, what the rules found, windows that nobody can judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from canonical_model.codes import QA
from canonical_model.events import is_coarse
from canonical_model.journey import EventDict, Journey
from canonical_model.lineage import Thing
from canonical_model.protocols import Protocol, Window
from canonical_model.questions.answer import (
    CANNOT_TELL,
    DENY,
    Reason,
    deny,
    reason_of,
    roles_for,
    unsure,
)
from canonical_model.rules import check, protocol_of
from canonical_model.rules.finding import CONDITION, EVERYTHING, INFUSE, NEXT_DOSE, PREPARE, START, Finding, facts_of
from canonical_model.rules.missing import Missing
from canonical_model.rules.patient import patient_barred
from canonical_model.rules.windows import doubtful, is_ended

OPEN = frozenset({"submitted", "accepted", "completed"})
"""States of an order for which something may still be done."""
CONTRADICTIONS = frozenset({"I-14", "I-36"})
"""Rules that find facts of which not all can be true: while they stand, no question about the order has an answer."""
PRODUCT_IN_DOUBT = frozenset({"I-5", "I-6", "I-13", "I-22", "I-25", "I-28"})
"""Rules that put the product itself in doubt, whatever is to be done next."""
ALSO: Mapping[str, frozenset[str]] = {
    CONDITION: PRODUCT_IN_DOUBT,
    NEXT_DOSE: PRODUCT_IN_DOUBT,
    START: frozenset({"I-25"}),
}
"""Question -> rules whose findings it heeds although they block other questions only."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What an answer rests on: the state of an order at an instant, the Protocol that governs it, what rules found."""

    question: str
    journey: Journey
    protocol: Protocol | None
    now: datetime
    findings: tuple[Finding, ...]


def ground(question: str, journey: Journey, protocols: Mapping[str, Protocol], now: datetime) -> Ground:
    """The ground of a question about an order."""
    return Ground(question, journey, protocol_of(journey, protocols), now, check(journey, protocols, now).findings)


def of_order(on: Ground, things: Iterable[Thing] = ()) -> Iterator[Reason]:
    """What every question about something to be done asks first; `things` are the records that it names."""
    yield from order_stands(on)
    yield from patient_stands(on)
    yield from found(on, things)


def order_stands(on: Ground) -> Iterator[Reason]:
    """The order is open and not on hold, and one Protocol governs it."""
    order = on.journey.order
    if order.state not in OPEN:
        text = f"the order is {order.state}" if order.state else "no order is recorded"
        yield deny("I-30", text, "the sponsor opens or corrects the order", roles_for("order.submitted"))
    elif on.protocol is None:
        yield no_protocol()
    if on.journey.held:
        yield deny("I-30", "the order is on hold", "who holds the order resumes it", roles_for("order.resumed"))


def no_protocol() -> Reason:
    """Nobody can tell without the Protocol."""
    text = "no Protocol, or more than one, fits the order: its windows and criteria are not known"
    return unsure("I-30", text, "the order names its Protocol as id@version", roles_for("order.amended"))


def patient_stands(on: Ground) -> Iterator[Reason]:
    """I-9: the patient is alive and did not take back the consent to treatment."""
    barred = patient_barred(on.journey)
    if barred is not None:
        text = "the patient is deceased or does not consent to treatment"
        clears = () if barred["type"].startswith("subject.") else roles_for("consent.recorded")
        yield deny("I-9", text, "nothing, or a new consent", clears, barred["id"])


def found(on: Ground, things: Iterable[Thing] = ()) -> Iterator[Reason]:
    """What the rules found that answers this question with no, or leaves it open."""
    asked = frozenset(things)
    for finding in on.findings:
        if _heeds(on.question, finding) and concerns(on.journey, finding, asked):
            yield reason_of(finding)


def _heeds(question: str, finding: Finding) -> bool:
    blocks = finding.blocks
    if question in blocks or (blocks and finding.rule in CONTRADICTIONS) or set(EVERYTHING) <= set(blocks):
        return True
    if question == PREPARE and INFUSE in blocks:  # what must not be given is not made ready either
        return True
    return bool(blocks) and finding.rule in ALSO.get(question, ())


def concerns(journey: Journey, finding: Finding, asked: frozenset[Thing]) -> bool:
    """A finding about one container concerns that container only, where the question names some; so with shipments
    and batches. Any other concerns the whole order."""
    about = finding.about
    if about[0] == "readings":
        record = journey.records["readings"].get(about[1])
        shipment = journey.record(record.fields.get("shipment")) if record else None
        about = ("shipment", shipment.name) if shipment is not None else about
    kinds = {kind for kind, _ in asked}
    return about[0] not in kinds or about in asked


def lacking(rule: str, missing: Iterable[Missing], brings: Mapping[str, tuple[str, ...]]) -> Iterator[Reason]:
    """What an act still lacks, by the rule that asks for it; where nobody can tell whether it is there, it is open.

    `brings`: what is lacking -> the roles whose word brings it.
    """
    for one in missing:
        kind, name = one.of or ("", "")
        container = name if kind == "container" else ""
        verdict = CANNOT_TELL if one.unclear else DENY
        yield Reason(rule, verdict, one.text, one.settle, one.facts, container, brings.get(one.what, ()))


def windows_unjudged(on: Ground) -> Iterator[Reason]:
    """I-4, I-8: a window that this question heeds was opened at a time known to the hour or less.

    Within the shortest time that it can have lasted nobody doubts that it is open; beyond the longest it is closed for
    certain; between the two nobody can tell.
    """
    blocked = {INFUSE, PREPARE} if on.question == PREPARE else {on.question}
    for window in on.protocol.windows if on.protocol else ():
        for opened in facts_of(on.journey, window.start) if blocked & set(window.blocks) else ():
            if is_coarse(opened) and not is_ended(on.journey, window, opened):
                yield from _unjudged(on, window, opened)


def _unjudged(on: Ground, window: Window, opened: EventDict) -> Iterator[Reason]:
    first, last = doubtful(window, opened)
    settle = "the reporter gives the time, or QA decides"
    clears = (*roles_for(opened["type"]), QA)
    if on.now >= last:
        yield deny(window.rule, f"the window {window.name} has closed", settle, clears, opened["id"])
    elif on.now >= first:
        text = f"the window {window.name} was opened at a time that is not known well enough to tell whether it closed"
        yield unsure(window.rule, text, settle, clears, opened["id"])
