"""Whether who is to act, and with what, is qualified and calibrated today (I-19). Of facts, not of those to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from canonical_model.journey import Journey
from canonical_model.lineage import contents_of, refs
from canonical_model.questions.answer import Reason, deny, roles_about, roles_for, unsure
from canonical_model.questions.first import Ground
from canonical_model.rules.parties import Day, Unfit, uncalibrated, unqualified
from canonical_model.rules.slots import appointments

Ref = Mapping[str, Any]
SETTLE = "the sponsor qualifies it, or another one does it"


def party_ref(name: str) -> list[dict[str, Any]]:
    """A party by its short name, as references; none where nobody was named."""
    system, _, value = name.rpartition("|")
    return [{"kind": "party", "identifiers": [{"system": system, "value": value}]}] if system else []


def qualified(on: Ground, activity: str, parties: Iterable[Ref]) -> Iterator[Reason]:
    """I-19: these parties may do it today; where the Protocol has it known and nobody told, nobody can tell."""
    for party in parties:
        unfit = unqualified(on.journey, party, activity, Day(on.now, on.now), on.protocol)
        if unfit is not None:
            yield _reason(unfit, roles_for("party.qualified"))


def calibrated(on: Ground, devices: Iterable[Ref]) -> Iterator[Reason]:
    """I-19: these devices are qualified to ship and calibrated today."""
    for device in devices:
        for unfit in (
            unqualified(on.journey, device, "ship", Day(on.now, on.now), None),
            uncalibrated(on.journey, device, Day(on.now, on.now)),
        ):
            if unfit is not None:
                yield _reason(unfit, roles_about("device") or roles_for("party.qualified"))


def _reason(unfit: Unfit, clears: tuple[str, ...]) -> Reason:
    make = unsure if unfit.why == "unknown" else deny
    return make("I-19", unfit.text.replace("before the act", "already"), SETTLE, clears, *unfit.facts)


def collecting(journey: Journey) -> list[Ref]:
    """The parties that agreed to collect."""
    booked = appointments(journey, "booked")
    named = [
        ref for slot in booked if slot.fields.get("kind") == "apheresis" for ref in refs(slot.fields.get("resource"))
    ]
    return [ref for ref in named if ref["kind"] == "party"]


def carrying(journey: Journey, containers: Iterable[str]) -> tuple[list[Ref], list[Ref]]:
    """Carriers, and shippers and loggers, of the shipments that are to take these containers away."""
    wanted = set(containers)
    carriers: list[Ref] = []
    devices: list[Ref] = []
    for shipment in journey.of("shipment"):
        inside = {journey.name_of(ref) for ref in contents_of(shipment)}
        if shipment.state in {"planned", "packed"} and inside & wanted:
            carriers += refs(shipment.fields.get("carrier"))
            devices += [*refs(shipment.fields.get("packaging")), *refs(shipment.fields.get("loggers"))]
    return carriers, devices
