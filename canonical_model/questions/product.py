"""What product and patient still lack before conditioning, before an infusion, before a further dose. No custody."""

from __future__ import annotations

from collections.abc import Iterator

from canonical_model.questions.answer import Reason, deny, roles_for
from canonical_model.questions.first import Ground, lacking
from canonical_model.rules.availability import availability
from canonical_model.rules.doses import given_doses, missing_for_next_dose
from canonical_model.rules.measures import missing_measurements
from canonical_model.rules.treatment import missing_for_infusion

BRINGS = {
    "product": roles_for("container.created", "batch.completed"),
    "release": roles_for("disposition.decided"),
    "at-site": roles_for("shipment.accepted", "custody.transferred"),
    "delivery": roles_for("slot.booked", "shipment.planned"),
    "weight": roles_for("order.amended"),
    "titre": roles_for("order.amended"),
    "no-dose": roles_for("order.amended"),
    "running": roles_for("infusion.completed"),
    "decision": roles_for("eligibility.decided"),
    "days": roles_for("infusion.started"),
}
"""What is lacking -> the roles whose word brings it; of what is not named, nobody's: time brings it, or nothing."""


def available(on: Ground) -> Iterator[Reason]:
    """I-15: the product is confirmed in the way that the Protocol asks for before the patient is conditioned."""
    if on.protocol is not None and on.protocol.conditioning is None:
        text, settle = "the Protocol knows no conditioning", "the order names another Protocol"
        yield deny("I-15", text, settle, roles_for("order.amended"))
    yield from lacking("I-15", availability(on.journey, on.protocol), BRINGS)


def in_its_time(on: Ground) -> Iterator[Reason]:
    """I-16, I-26: the infusion does not follow conditioning too soon; what the dose was reckoned from is fresh."""
    yield from lacking("I-16", missing_for_infusion(on.journey, on.protocol, on.now), BRINGS)
    yield from lacking("I-26", missing_measurements(on.journey, on.protocol, on.now), BRINGS)


def further_dose(on: Ground) -> Iterator[Reason]:
    """I-18: the Protocol plans another dose, this is one of its days, and it was decided after the one before."""
    if on.protocol is None:
        return
    if on.protocol.doses and not given_doses(on.journey):
        text, settle = "no dose was given yet", "the site reports the first dose"
        yield deny("I-18", text, settle, roles_for("infusion.started"))
    yield from lacking("I-18", missing_for_next_dose(on.journey, on.protocol, on.now), BRINGS)
