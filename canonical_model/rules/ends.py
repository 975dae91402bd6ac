"""What became of the containers of an order, and whether the order has come to its end. Finds nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical_model.codes import REPOSITORY
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import contents_of, refs
from canonical_model.origins import consumed
from canonical_model.rules.collection import kits
from canonical_model.rules.identity import is_ours

OVER = frozenset({"completed", "cancelled", "failed", "rejected"})
AFTER_INFUSION = frozenset({"infused", "follow-up"})
GONE = frozenset({"emptied", "destroyed"})
UNSENT = frozenset({"", "planned", "cancelled"})
"""States of a shipment in which nothing is under way."""


def severity_at_end(journey: Journey) -> str:
    """How bad it is that something of the order is still open: empty while the order runs, minor when it has come to
    its end (given, cancelled, failed, or the patient is dead), major when it was closed all the same."""
    if journey.order.named("order.closed"):
        return "major"
    dead = any(r.fields.get("deceased") is True and journey.is_patient(r) for r in journey.of("subject"))
    return "minor" if journey.order.state in OVER or journey.stage in AFTER_INFUSION or dead else ""


def without_end(journey: Journey) -> list[RecordState]:
    """Containers of the order of which nobody has said that they were emptied, destroyed, given, used up in a batch or
    tested, or handed to a repository. Kits for collection and boxes are packaging and need no end."""
    ended = _used_up(journey)
    boxes = {journey.name_of(ref) for c in journey.of("container") for ref in refs(c.fields.get("parent"))}
    boxes |= {kit.name for kit in kits(journey)}
    return [
        container
        for container in journey.of("container")
        if container.state not in GONE | {"unallocated"}
        and container.name not in ended | boxes
        and is_ours(journey, container)
        and not in_repository(journey, container)
    ]


def unheard_of(journey: Journey) -> list[RecordState]:
    """Shipments that name this order, and held nobody knows what, or what nothing else of the order tells of: a packing
    or an allocation may be on its way. A shipment that names no order may hold what is for others."""
    known = {container.name for container in journey.of("container")} | _used_up(journey)
    return [
        shipment
        for shipment in journey.of("shipment")
        if refs(shipment.fields.get("order")) and is_ours(journey, shipment) and _holds_other(journey, shipment, known)
    ]


def _holds_other(journey: Journey, shipment: RecordState, known: set[str]) -> bool:
    told = {journey.name_of(ref) for ref in contents_of(shipment) if ref["kind"] == "container"}
    return not told <= known or is_unseen(shipment)


def is_unseen(shipment: RecordState) -> bool:
    """True where a shipment is under way, or there, and nobody told what it holds."""
    return shipment.state not in UNSENT and not contents_of(shipment)


def in_repository(journey: Journey, container: RecordState) -> bool:
    """True when the container's holder is a repository, by its own word or by what is known of the party."""
    chain = journey.custody.get(container.name)
    if chain is None or not chain.holder:
        return False
    party = journey.records.get("party", {}).get(chain.holder)
    if party is not None and REPOSITORY in (party.fields.get("roles") or ()):
        return True
    event = chain.steps[-1].event
    return any(f["id"] == event and f["reporter"]["role"] == REPOSITORY for f in container.facts)


def _used_up(journey: Journey) -> set[str]:
    """Names of containers that were given, that a batch used up, or that were a sample of which there is a result."""
    found = {journey.name_of(ref) for ref in _given(journey)}
    for batch in journey.of("batch"):
        if batch.state and batch.state != "planned":
            into = [*refs(batch.fields.get("inputs")), *consumed(batch.fields)]
            found |= {journey.name_of(ref) for ref in into if ref["kind"] == "container"}
    tested = {journey.name_of(ref) for r in journey.of("result") for ref in _tested(r)}
    for container in journey.of("container"):
        if container.fields.get("role") == "sample":
            names = {container.name, *(journey.name_of(ref) for ref in refs(container.fields.get("material")))}
            found |= {container.name} if names & tested else set()
    return found


def _given(journey: Journey) -> Iterator[Mapping[str, Any]]:
    """Containers of completed administrations, but those of which something was left."""
    for record in journey.of("administration"):
        if record.state == "completed":
            parts = record.fields.get("given") or ()
            left = [part["container"] for part in parts if part.get("fully") is False]
            for ref in [*refs(record.fields.get("containers")), *(part["container"] for part in parts)]:
                if not any(journey.same(ref, other) for other in left):
                    yield ref


def containers_of(journey: Journey, administration: RecordState) -> set[str]:
    """Names of all containers that any fact names for an administration."""
    told = [event["set"] for event in administration.facts]
    named = [ref for values in told for ref in refs(values.get("containers"))]
    named += [part["container"] for values in told for part in values.get("given") or ()]
    return {journey.name_of(ref) for ref in named}


def _tested(result: RecordState) -> list[Mapping[str, Any]]:
    return [ref for field in ("container", "material") for ref in refs(result.fields.get(field))]
