"""May this leave, may this be taken? Who gives, who takes, and what the way has done to it. Nothing about patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from canonical_model.events import sort_key
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import Thing, contents_of, is_product
from canonical_model.protocols import Protocol
from canonical_model.questions import scanning
from canonical_model.questions.answer import Reason, Verdict, deny, roles_for, unsure, verdict_of
from canonical_model.questions.first import Ground, found, ground, no_protocol, of_order
from canonical_model.questions.fitness import calibrated, carrying, qualified
from canonical_model.questions.manufacture import Named
from canonical_model.questions.scanning import ContainerRef
from canonical_model.rules.finding import ACCEPT, SHIP
from canonical_model.rules.quality import RELEASED, disposition_of
from canonical_model.values import parse_instant

ENDED = frozenset({"accepted", "rejected", "lost", "cancelled"})
"""States of a shipment after which nobody takes it any more."""
_MOVED = frozenset({"shipment.departed", "shipment.located", "shipment.arrived", "shipment.accepted"})


def may_ship(
    journey: Journey,
    containers: Sequence[ContainerRef],
    giver: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May these containers leave with `giver` as the one who hands them over? `giver` is a party's short name.

    Shipping needs: an order that is open, a patient who is alive and consents, containers of this order that `giver`
    holds, and no Issue that blocks shipping. The leg to the patient needs a disposition too, unless the Protocol lets
    the product travel under quarantine. `unsettled` are reasons that the caller knows of, such as unread messages.
    """
    on = ground(SHIP, journey, protocols, now)
    reasons = [*unsettled, *of_order(on, scanning.things(journey, containers)), *scanning.named(journey, containers)]
    for ref, record in scanning.scanned(journey, containers):
        if record is None:
            continue
        reasons += scanning.left(record, "I-2")
        other = "another party holds the container"
        reasons += scanning.held(journey, record, giver, "I-2", other, "the holder reports the handover")
        reasons += _under_way(journey, record)
        quarantine = on.protocol is not None and on.protocol.ship_under_quarantine
        if is_product(journey, ref) and not quarantine and disposition_of(journey, ref) not in RELEASED:
            settle, clears = "quality decides about the material", roles_for("disposition.decided")
            reasons.append(deny("I-6", "the product is not released", settle, clears, of=record))
    carriers, devices = carrying(journey, [name for _, name in scanning.things(journey, containers)])
    return verdict_of(SHIP, [*reasons, *qualified(on, "ship", carriers), *calibrated(on, devices)])


def _under_way(journey: Journey, container: RecordState) -> Iterator[Reason]:
    """I-2: a shipment left since the holder took the container, and nobody told what is in it: it may be on its way.

    Where nobody knows since when it is held, every shipment may have left after that.
    """
    chain = journey.custody.get(container.name)
    for shipment in journey.of("shipment") if chain is not None else ():
        moves = [sort_key(e)[0] for e in shipment.facts if e["type"] in _MOVED]
        held = parse_instant(chain.since) if chain is not None and chain.since else None
        if any(held is None or at >= held for at in moves) and not contents(journey, shipment):
            text, settle = "a shipment is under way, and nobody told what is in it", "the shipper reports its contents"
            yield unsure("I-2", text, settle, roles_for("shipment.packed"), *_ids(shipment), of=container)


def may_accept(
    journey: Journey,
    shipment: Named,
    taker: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May `taker` (a party's short name; empty: not asked) accept this shipment?

    Taking something in is not using it: the order may have ended and the patient may have died, since what arrives has
    to be kept, returned or destroyed by somebody. Needs: a shipment of this order that has arrived, whose consignee is
    the taker, with known contents, and nothing found of its way that waits for an assessment. A consignee or contents
    that nobody told leave the answer open.
    """
    on = ground(ACCEPT, journey, protocols, now)
    ref = scanning.as_ref("shipment", shipment)
    record = journey.record(ref)
    if record is None:
        settle = "the shipper reports the shipment with its contents"
        clears = roles_for("shipment.packed")
        unknown = deny("I-1", "the shipment is not known to belong to this order", settle, clears)
        return verdict_of(ACCEPT, [*unsettled, unknown])
    inside = contents(journey, record)
    asked: list[Thing] = [("shipment", record.name), *(("container", name) for name in inside)]
    reasons = [*unsettled, *found(on, asked), *_arrived(record), *_consignee(on, record, taker)]
    if on.protocol is None:
        reasons.append(no_protocol())
    if not inside:
        text, settle = "nobody told what is in the shipment", "the shipper reports its contents"
        reasons.append(unsure("I-1", text, settle, roles_for("shipment.packed"), *_ids(record)))
    return verdict_of(ACCEPT, reasons)


def contents(journey: Journey, shipment: RecordState) -> set[str]:
    """Names of the containers that were put into a shipment, whichever fact says so."""
    inside = {journey.name_of(ref) for ref in contents_of(shipment)}
    inside |= {c.name for c in journey.of("container") if journey.record(c.fields.get("shipment")) is shipment}
    return inside


def _arrived(record: RecordState) -> Iterator[Reason]:
    """I-33: what was accepted, refused or lost is not accepted again; what has not arrived cannot be."""
    if record.state in ENDED:
        settle = "whoever said so corrects it"
        yield deny("I-33", f"the shipment is {record.state}", settle, roles_for("shipment.accepted"), *_ids(record))
    elif record.state == "in-transit":
        text, settle = "nobody reported the arrival of the shipment", "the carrier or the taker reports it"
        yield unsure("I-33", text, settle, roles_for("shipment.arrived"), *_ids(record))
    elif record.state != "delivered":
        text, settle = "the shipment has not left", "its departure and arrival are reported"
        yield deny("I-33", text, settle, roles_for("shipment.departed"), *_ids(record))


def _consignee(on: Ground, record: RecordState, taker: str) -> Iterator[Reason]:
    """I-33: only the consignee accepts."""
    consignee = record.fields.get("consignee")
    clears = roles_for("shipment.planned")
    if not consignee:
        text = "nobody told for whom the shipment is"
        yield unsure("I-33", text, "the shipper reports the consignee", clears, *_ids(record))
    elif taker and on.journey.name_of(consignee) != on.journey.party(taker):
        text = "another party is the consignee"
        yield deny("I-33", text, "the consignee accepts, or the shipper corrects the consignee", clears, *_ids(record))


def _ids(record: RecordState) -> list[str]:
    return [event["id"] for event in record.facts]
