"""May this container of stock be reserved for the order? It is anybody's until then. No custody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from canonical_model.events import end_of, is_after
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import ref_of, refs
from canonical_model.protocols import Protocol
from canonical_model.questions import scanning
from canonical_model.questions.answer import Reason, Verdict, deny, roles_for, unsure, verdict_of
from canonical_model.questions.first import Ground, ground, of_order
from canonical_model.questions.scanning import ContainerRef
from canonical_model.rules.ends import UNSENT, is_unseen
from canonical_model.rules.finding import ALLOCATE
from canonical_model.rules.quality import RELEASED, disposition_of
from canonical_model.values import parse_instant


def may_allocate(
    journey: Journey,
    container: ContainerRef,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May this container be reserved for the order?

    Facts about stock belong to no order yet: whoever asks folds those of the container, its material and its batch in
    with the order's own. Needs: an open order of a Protocol that makes its product from stock, and a container that is
    released, in date, not used up and not another order's. A container whose date nobody told leaves the answer open.
    """
    on = ground(ALLOCATE, journey, protocols, now)
    reasons = [*unsettled, *of_order(on, scanning.things(journey, [container])), *_sourcing(on)]
    reasons += scanning.named(journey, [container])
    for ref, record in scanning.scanned(journey, [container]):
        if record is not None:
            decision = disposition_of(journey, ref)
            if decision not in RELEASED:
                text = f"it is {decision}, not released" if decision else "no disposition of the product is recorded"
                settle = "quality releases the material"
                reasons.append(deny("I-6", text, settle, roles_for("disposition.decided"), of=record))
            reasons += [*_free(journey, record), *_kept(journey, record)]
            reasons += [*scanning.left(record, "I-10"), *_in_date(on, record)]
    return verdict_of(ALLOCATE, reasons)


def _sourcing(on: Ground) -> Iterator[Reason]:
    """I-10: what is made for one patient is that patient's from the beginning, and never anybody else's."""
    if on.protocol is not None and on.protocol.sourcing != "stock":
        text = "the Protocol makes each product for one patient: nothing of it is ever allocated"
        yield deny("I-10", text, "the order names another Protocol", roles_for("order.amended"))


def _free(journey: Journey, record: RecordState) -> Iterator[Reason]:
    """I-10: what was reserved for another order, and not given back for certain, is not to be had."""
    clears = roles_for("container.unallocated")
    for event in record.named("container.allocated"):
        named = refs(event["set"].get("order"))
        ended = any(is_after(end, event) for end in record.named("container.unallocated"))
        if not ended and not any(journey.name_of(ref) == journey.order.name for ref in named):
            text = "the container is reserved for another order" if named else "nobody said for whom it is reserved"
            settle = "whoever reserved it ends the reservation"
            make = deny if named else unsure
            yield make("I-10", text, settle, clears, event["id"], of=record)


def _kept(journey: Journey, record: RecordState) -> Iterator[Reason]:
    """I-10: what was reserved and then handed on or sent is no stock any more, whether its use was told or not.

    Where times are too coarse to tell what came first, it counts as sent.
    """
    for event in record.named("container.allocated"):
        since = parse_instant(event["occurred"]["at"])
        moved = next(_moved(journey, record, since), "")
        back = any(is_after(end, event) for end in record.named("container.unallocated"))
        if moved and not back:
            text, settle = "the container was reserved and has left the stock", "another container is needed"
            yield deny("I-10", text, settle, (), event["id"], moved, of=record)
        elif not back and (unknown := next(filter(is_unseen, journey.of("shipment")), None)) is not None:
            text, settle = "a shipment is under way, and nobody told what it holds", "its sender tells its contents"
            yield unsure("I-10", text, settle, roles_for("shipment.packed"), unknown.facts[-1]["id"], of=record)


def _moved(journey: Journey, record: RecordState, since: datetime) -> Iterator[str]:
    """Facts by which a container moved at an instant or after it: handovers, and those of shipments that hold it."""
    chain = journey.custody.get(record.name)
    for step in chain.steps if chain is not None else ():
        if step.giver and (step.coarse or parse_instant(step.at) >= since):
            yield step.event
    for shipment in journey.of("shipment"):
        holds = any(journey.same(ref, ref_of(record)) for ref in refs(shipment.fields.get("contents")))
        if holds and shipment.state not in UNSENT:
            yield from (fact["id"] for fact in shipment.facts if end_of(fact["occurred"]) >= since)


def _in_date(on: Ground, record: RecordState) -> Iterator[Reason]:
    """I-7: a date of expiry is known, and it has not passed."""
    material = on.journey.record(record.fields.get("material"))
    expiry = record.fields.get("expires_at") or (material.fields.get("expires_at") if material else None)
    clears = roles_for("container.created", "material.stated")
    if not expiry:
        yield unsure("I-7", "no date of expiry is known", "the maker reports it", clears, of=record)
    elif on.now > end_of(expiry):
        yield deny("I-7", "the material has expired", "another container is needed", (), of=record)
