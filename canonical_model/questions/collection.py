"""May cells be collected for this order? Consent, eligibility, and no other collection that makes it needless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from canonical_model.journey import Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.questions import persons
from canonical_model.questions.answer import Reason, Verdict, deny, roles_for, verdict_of
from canonical_model.questions.first import Ground, ground, lacking, of_order
from canonical_model.questions.fitness import collecting, qualified
from canonical_model.rules.collection import missing_for_collection
from canonical_model.rules.finding import COLLECT
from canonical_model.stage import living_collections

BRINGS = {
    "kit": roles_for("material.received", "shipment.accepted"),
    "kit-not-accepted": roles_for("shipment.accepted"),
    "kit-expired": roles_for("container.created"),
    "kit-labels": roles_for("label.issued"),
    "donor-sample": roles_for("sample.taken", "result.reported"),
}
"""What is lacking -> the roles whose word brings it."""


def may_collect(
    journey: Journey, protocols: Mapping[str, Protocol], now: datetime, unsettled: Iterable[Reason] = ()
) -> Verdict:
    """May cells be collected for this order?

    Needs: an order that is open, whose Protocol has cells collected; a patient who is alive and whose consent to
    treatment is on record; whoever gives the cells eligible; no collection that runs or did; the kit and the donor's
    sample that the Protocol asks for; and no finding against it. A consent or eligibility that
    nobody told of leaves the answer open.
    """
    on = ground(COLLECT, journey, protocols, now)
    reasons = [*unsettled, *of_order(on), *persons.consented(on), *_giver(on), *_earlier(on)]
    missing = missing_for_collection(journey, on.protocol, now)
    reasons += [*lacking("I-20", missing, BRINGS), *qualified(on, "collect", collecting(journey))]
    return verdict_of(COLLECT, reasons)


def _giver(on: Ground) -> Iterator[Reason]:
    """I-11: eligibility of the patient for the therapy, and of the donor as a donor."""
    protocol = on.protocol
    if protocol is not None and protocol.sourcing == "stock":
        text = "the Protocol makes its product from stock: nothing is collected for an order"
        yield deny("I-30", text, "the order names another Protocol", roles_for("order.amended"))
        return
    patient = persons.patient_of(on.journey)
    directed = protocol is not None and protocol.sourcing == "directed-donor"
    yield from persons.eligible(on, patient, "clinical", "I-20")
    donor = on.journey.record(on.journey.order.fields.get("donor")) if directed else patient
    if directed:
        yield from persons.eligible(on, donor, "donor", "I-11")
    yield from persons.eligible(on, donor, "collection", "I-20", needed=False)


def _earlier(on: Ground) -> Iterator[Reason]:
    """I-20: nothing is collected while a collection runs, nor after one that nobody found to be too little."""
    living = living_collections(on.journey)
    clears = roles_for("collection.completed", "eligibility.decided")
    for record in living:
        if record.state == "in-progress":
            yield deny("I-20", "a collection is running", "its end is reported", clears, *_ids(record))
    done = [record for record in living if record.state == "completed"]
    adequacy = persons.decisions(on.journey, persons.patient_of(on.journey), "adequacy")
    if done and not any(found.get("decision") == "not-eligible" for _, found in adequacy):
        text = "cells were collected, and nobody decided that they are too few"
        settle = "the adequacy of the collection is decided, or its material is refused"
        yield deny("I-20", text, settle, clears, *(name for record in done for name in _ids(record)))


def _ids(record: RecordState) -> list[str]:
    return [event["id"] for event in record.facts]
