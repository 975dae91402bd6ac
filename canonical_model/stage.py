"""The headline of a journey: the furthest stage that the facts of an open attempt support. Computed, never set.

An attempt that failed supports nothing beyond its appointments: a failed collection, and a collection whose batches
all failed or whose material was refused. What is not known to come from any collection counts while some attempt is
open (domain design 2.1, 2.6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from canonical_model.events import is_after
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import collections_of, direction_of

FAILED = frozenset({"failed", "cancelled", "terminated"})


def attempt_of(record: RecordState) -> int:
    """Which attempt of the order a collection or batch belongs to, by its own word; 1 where it says nothing."""
    return int(record.fields.get("attempt") or 1)


def stage_of(journey: Journey) -> str:
    """The headline stage; empty before anything is known."""
    state = journey.order.state
    if state in {"cancelled", "rejected", "failed"}:
        return "failed" if state == "failed" else "cancelled"
    evidence = _Evidence(journey)
    return next((stage for stage, holds in reversed(SUPPORTED.items()) if holds(evidence)), "")


class _Evidence:
    """What of a journey belongs to an open attempt."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.types = {event["type"] for event in journey.facts}
        batches = [(batch, collections_of(journey, batch)) for batch in journey.of("batch")]
        refused = {
            origin
            for material in journey.of("material")
            if material.named("material.rejected")
            for origin in collections_of(journey, material)
        }
        self.dead = {c.name for c in journey.of("collection") if c.state in FAILED} | refused
        self.any_dead = bool(self.dead)
        for collection in journey.of("collection"):
            made = [
                batch
                for batch, origin in batches
                if collection.name in origin or (not origin and attempt_of(batch) == attempt_of(collection))
            ]
            if made and all(batch.state in FAILED for batch in made):
                self.dead.add(collection.name)
        lost = [batch for batch, _ in batches if batch.state in FAILED]
        self.any_dead = bool(self.dead or lost)
        alive = [c for c in journey.of("collection") if c.name not in self.dead and c.state == "completed"]
        self.some_alive = bool(alive) or any(b.state not in FAILED for b, _ in batches)

    def lives(self, record: RecordState) -> bool:
        """True when a record belongs to an open attempt."""
        if record.state in FAILED:
            return False
        if not self.any_dead:
            return True
        origin = collections_of(self.journey, record)
        return bool(origin - self.dead) if origin else self.some_alive

    def any(self, kind: str, *states: str) -> bool:
        return any(record.state in states and self.lives(record) for record in self.journey.of(kind))

    def told(self, kind: str, type_: str) -> bool:
        return any(record.named(type_) and self.lives(record) for record in self.journey.of(kind))

    def shipped(self, direction: str, *states: str) -> bool:
        return any(
            record.state in states and direction_of(self.journey, record) == direction and self.lives(record)
            for record in self.journey.of("shipment")
        )

    def allocated(self) -> bool:
        """A stock container is reserved, and no later fact ends that."""
        return any(
            not any(is_after(end, start) for end in container.named("container.unallocated"))
            for container in self.journey.of("container")
            for start in container.named("container.allocated")
        )

    def treated(self, types: Iterable[str]) -> bool:
        return bool(self.types & set(types))


SUPPORTED: dict[str, Callable[[_Evidence], bool]] = {
    "enrolled": lambda e: e.treated(("subject.enrolled", "subject.updated")),
    "ordered": lambda e: e.journey.order.state in {"submitted", "accepted", "completed", "closed"},
    "allocated": lambda e: e.allocated(),
    "scheduled": lambda e: any(a.state in {"booked", "done"} for a in e.journey.of("appointment")),
    "collected": lambda e: e.any("collection", "completed"),
    "outbound": lambda e: e.shipped("collection-outbound", "packed", "in-transit", "delivered"),
    "received": lambda e: e.told("material", "material.received") or e.shipped("collection-outbound", "accepted"),
    "manufacturing": lambda e: e.any("batch", "running"),
    "testing": lambda e: e.any("batch", "completed"),
    "dispositioned": lambda e: e.told("disposition", "disposition.decided"),
    "stored": lambda e: e.told("disposition", "disposition.decided") and e.any("container", "stored"),
    "returning": lambda e: e.shipped("to-patient", "packed", "in-transit"),
    "at-site": lambda e: e.shipped("to-patient", "delivered", "accepted"),
    "infusing": lambda e: e.treated(("product.thawed",)) or e.any("administration", "running", "thawing"),
    "infused": lambda e: e.any("administration", "completed", "stopped"),
    "follow-up": lambda e: e.treated(("outcome.reported", "followup.scheduled", "followup.completed")),
    "closed": lambda e: e.journey.order.state == "closed",
}
"""Stages in their order, each with what supports it."""
