"""The headline of a journey: the furthest stage that the facts of an open attempt support. Computed, never set.

An attempt that is lost supports nothing beyond its appointments. What is not known to come from any collection counts
while some attempt is open. The fold knows no Protocol, and its stage is one of all; what is
shown of it are the stages of the Protocol that governs the order (`headline`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from canonical_model.attempts import FAILED, Attempts
from canonical_model.codes import STAGES
from canonical_model.events import is_after
from canonical_model.journey import Attempt, Journey, RecordState
from canonical_model.lineage import direction_of
from canonical_model.protocols import Protocol

BEYOND = frozenset({"follow-up", "closed"})
"""Stages of the whole order, whatever its attempts did."""
ENDS = frozenset({"cancelled", "failed"})
"""Stages of every order that ends so, whatever its Protocol names."""


def headline(journey: Journey, protocol: Protocol | None) -> tuple[str, tuple[Attempt, ...]]:
    """The headline stage and the attempts with theirs, as far as they are stages of the Protocol that governs.

    How stock was made may be known and is no stage of an order from stock.
    """
    stages = protocol.stages if protocol else ()
    told = {journey.stage, *(attempt.stage for attempt in journey.attempts)} - {"", *ENDS}
    if not stages or told <= {*stages}:
        return journey.stage, journey.attempts
    attempts = attempts_of(journey, stages)
    return stage_of(journey, attempts, stages), attempts


def stage_of(journey: Journey, attempts: Iterable[Attempt], within: Collection[str] = STAGES) -> str:
    """The headline stage within some stages, where the attempts have theirs; empty before anything is known."""
    state = journey.order.state
    if state in {"cancelled", "rejected", "failed"}:
        return "failed" if state == "failed" else "cancelled"
    evidence = Evidence(journey, None, 0)
    beyond = [stage for stage in BEYOND if stage in within and SUPPORTED[stage](evidence)]
    reached = [attempt.stage for attempt in attempts if attempt.open]
    return max([*beyond, *(reached or [_furthest(evidence, within)])], key=_rank)


def attempts_of(journey: Journey, within: Collection[str] = STAGES) -> tuple[Attempt, ...]:
    """The attempts, each with the furthest of some stages that it supports, or supported before it was lost."""
    number = _only(journey)
    if number:
        things = [tuple(record.name for record in journey.of(kind)) for kind in ("collection", "batch")]
        return (Attempt(number, True, _furthest(Evidence(journey, None, number), within), things[0], things[1]),)
    known = Attempts(journey)
    return tuple(
        Attempt(
            number,
            number not in known.lost,
            _furthest(Evidence(journey, known, number), within),
            tuple(record.name for record in known.of(number, "collection")),
            tuple(record.name for record in known.of(number, "batch")),
        )
        for number in known.known
    )


def living_collections(journey: Journey) -> list[RecordState]:
    """The collections that may still lead to a product: not failed, not refused, not all of their batches lost."""
    known = Attempts(journey)
    return [collection for collection in known.collections if known.is_usable(collection, known.batches)]


def _only(journey: Journey) -> int:
    """The number of the only attempt, where nothing failed and everything belongs to it; else 0."""
    records = [*journey.of("collection"), *journey.of("batch"), journey.order]
    if (
        len(journey.of("collection")) > 1
        or len(journey.of("batch")) > 1
        or any(r.state in FAILED for r in records[:-1])
    ):
        return 0
    if any(material.named("material.rejected") for material in journey.of("material")):
        return 0
    stated = {int(record.fields["attempt"]) for record in records if record.fields.get("attempt")}
    return stated.pop() if len(stated) == 1 else int(not stated)


def _furthest(evidence: Evidence, within: Collection[str]) -> str:
    """The furthest of some stages of one attempt that something supports."""
    own = (stage for stage in reversed(SUPPORTED) if stage in within and stage not in BEYOND)
    return next((stage for stage in own if SUPPORTED[stage](evidence)), "")


def _rank(stage: str) -> int:
    return STAGES.index(stage) if stage else -1


class Evidence:
    """What of a journey belongs to one attempt. Without `attempts` everything does; to attempt 0 nothing that failed
    or that comes from a lost one."""

    def __init__(self, journey: Journey, attempts: Attempts | None, number: int) -> None:
        self.journey = journey
        self._attempts, self._number = attempts, number
        self.lost = attempts is not None and number in attempts.lost
        self.types = {event["type"] for event in journey.facts}

    def lives(self, record: RecordState) -> bool:
        """True when a record belongs to the attempt; of one that is lost, when it did."""
        if not self._number or record.state in FAILED:
            return False
        if self._attempts is None:
            return True
        sources = self._attempts.sources(record)
        own = {thing for thing in sources if thing in self._attempts.numbers}
        batches = {thing for thing in own if thing[0] == "batch"}
        if batches:
            return any(self._made(name) for _, name in batches)
        if own:
            return any(self._collected(name) for _, name in own)
        return self._has_something()

    def _made(self, batch: str) -> bool:
        attempts = self._attempts
        assert attempts is not None
        return any(b.name == batch and (self.lost or b.state not in FAILED) for b in attempts.of(self._number, "batch"))

    def _collected(self, name: str) -> bool:
        """True when a collection is the attempt's, or a batch of the attempt is made of its retained cells."""
        attempts = self._attempts
        assert attempts is not None
        batches = attempts.of(self._number, "batch")
        if any(("collection", name) in attempts.sources(b) and self._made(b.name) for b in batches):
            return True
        own = [c for c in attempts.of(self._number, "collection") if c.name == name]
        return any(self.lost or attempts.is_usable(c, batches) for c in own)

    def _has_something(self) -> bool:
        """True when the attempt has what a thing of unknown origin can come from."""
        attempts = self._attempts
        assert attempts is not None
        if self.lost:
            return len(attempts.known) == 1
        if not attempts.any_failed and len(attempts.known) == 1:
            return True
        batches = attempts.of(self._number, "batch")
        if any(batch.state not in FAILED for batch in batches):
            return True
        own = attempts.of(self._number, "collection")
        return any(c.state == "completed" and attempts.is_usable(c, batches) for c in own)

    def any(self, kind: str, *states: str) -> bool:
        return any(record.state in states and self.lives(record) for record in self.journey.of(kind))

    def manufactured(self) -> bool:
        """A batch is being made; of a lost attempt, one was."""
        ended = self._attempts is not None and self.lost
        return self.any("batch", "running") or (ended and bool(self._attempts.of(self._number, "batch")))  # type: ignore[union-attr]

    def told(self, kind: str, type_: str) -> bool:
        if type_ not in self.types:
            return False
        return any(record.named(type_) and self.lives(record) for record in self.journey.of(kind))

    def shipped(self, direction: str, *states: str) -> bool:
        return any(
            record.state in states and direction_of(self.journey, record) == direction and self.lives(record)
            for record in self.journey.of("shipment")
        )

    def allocated(self) -> bool:
        """A stock container is reserved, and no later fact ends that."""
        return "container.allocated" in self.types and any(
            not any(is_after(end, start) for end in container.named("container.unallocated"))
            for container in self.journey.of("container")
            for start in container.named("container.allocated")
        )

    def made_for_it(self) -> bool:
        """False where stock was allocated: how that was made and decided about is no stage of the order (domain
        design 2.2). Cells that were collected for the order are no stock."""
        return "container.allocated" not in self.types or any(
            collection.fields.get("order") for collection in self.journey.of("collection")
        )

    def treated(self, types: Iterable[str]) -> bool:
        return bool(self.types & set(types))


SUPPORTED: dict[str, Callable[[Evidence], bool]] = {
    "enrolled": lambda e: e.treated(("subject.enrolled", "subject.updated")),
    "ordered": lambda e: e.journey.order.state in {"submitted", "accepted", "completed", "closed"},
    "allocated": lambda e: e.allocated(),
    "scheduled": lambda e: any(a.state in {"booked", "done"} for a in e.journey.of("appointment")),
    "collected": lambda e: e.any("collection", "completed"),
    "outbound": lambda e: e.shipped("collection-outbound", "packed", "in-transit", "delivered"),
    "received": lambda e: e.told("material", "material.received") or e.shipped("collection-outbound", "accepted"),
    "manufacturing": lambda e: e.manufactured() and e.made_for_it(),
    "testing": lambda e: e.any("batch", "completed") and e.made_for_it(),
    "dispositioned": lambda e: e.told("disposition", "disposition.decided") and e.made_for_it(),
    "stored": lambda e: SUPPORTED["dispositioned"](e) and e.any("container", "stored"),
    "returning": lambda e: e.shipped("to-patient", "packed", "in-transit"),
    "at-site": lambda e: e.shipped("to-patient", "delivered", "accepted"),
    "infusing": lambda e: e.told("container", "product.thawed") or e.any("administration", "running", "thawing"),
    "infused": lambda e: e.any("administration", "completed", "stopped"),
    "follow-up": lambda e: e.treated(("outcome.reported", "followup.scheduled", "followup.completed")),
    "closed": lambda e: e.journey.order.state == "closed",
}
"""Stages in their order, each with what supports it."""
