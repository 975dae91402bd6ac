"""Attempts of one order: which collection and which batch belong to which, and which attempt is lost. No stages.

An attempt is the way from a collection to a product. A collection or batch belongs to the attempt that it states; where
it states none, facts tell: what starts after an attempt was lost begins the next one, another day of collecting for the
same batch does not, and a batch that is started from cells of a lost one begins the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import SOURCES, Thing, named_at
from canonical_model.origins import Origins

FAILED = frozenset({"failed", "cancelled", "terminated"})
"""States of a collection or batch that leads to no product."""
ENDINGS = frozenset({"collection.failed", "material.rejected", "batch.failed", "batch.terminated"})
STARTS = frozenset({"batch.started", "step.started", "step.completed", "batch.completed"})


class Attempts:
    """The attempts of one journey, and what belongs to each. Made for one look at it."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.collections, self.batches = journey.of("collection"), journey.of("batch")
        self._members: dict[int, list[RecordState]] = {}
        self.numbers: dict[Thing, int] = {}
        begun = sorted((*self.collections, *self.batches), key=lambda r: (self._places[r.facts[0]["id"]], r.name))
        for record in begun:
            if stated := _stated(record):
                self._add(stated, record)
        for record in begun:
            if not _stated(record):
                self._add(self._of_batch(record) if record.kind == "batch" else self._of_collection(record), record)
        self.known = sorted({*self.numbers.values(), *_of_order(journey)} or {1})
        """The numbers of all attempts of which anything is known; at least one."""
        self.lost = frozenset(number for number in self.known if self._is_lost(number))

    def _add(self, number: int, record: RecordState) -> None:
        self.numbers[record.kind, record.name] = number
        self._members.setdefault(number, []).append(record)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {event["id"]: place for place, event in enumerate(self.journey.facts)}

    @cached_property
    def _origins(self) -> Origins:
        return Origins(self.journey)

    @cached_property
    def refusals(self) -> Mapping[str, list[EventDict]]:
        """Collection -> the refusals of material that comes from it."""
        found: dict[str, list[EventDict]] = {}
        for material in self.journey.of("material"):
            for event in material.named("material.rejected"):
                for kind, name in self.sources(material):
                    if kind == "collection":
                        found.setdefault(name, []).append(event)
        return found

    @cached_property
    def any_failed(self) -> bool:
        """True when some collection or batch came to nothing."""
        return bool(self.refusals) or any(record.state in FAILED for record in (*self.collections, *self.batches))

    def of(self, number: int, kind: str) -> list[RecordState]:
        """The collections or batches of an attempt."""
        return [record for record in self._members.get(number, ()) if record.kind == kind]

    def sources(self, record: RecordState) -> set[Thing]:
        """What a record is made of or about, itself included, back to the collections."""
        own = (record.kind, record.name)
        start = {own} | {self._origins.thing(ref) for path in SOURCES for ref in named_at(record.fields, path)}
        if record.kind in {"container", "material", "batch", "collection"}:
            start = {own}  # the batch that it names may be one that it went into
        return start.union(*(self._origins.above(thing) for thing in start))

    def is_usable(self, collection: RecordState, batches: Iterable[RecordState]) -> bool:
        """True when a collection may lead to a product, as far as these batches were made of it."""
        if collection.state in FAILED or collection.name in self.refusals:
            return False
        made = [b for b in batches if self._is_of(b, collection)]
        return not made or any(batch.state not in FAILED for batch in made)

    def _is_of(self, batch: RecordState, collection: RecordState) -> bool:
        """True when a batch was made of a collection, or belongs to its attempt and nobody says of what it was made."""
        origins = {name for kind, name in self.sources(batch) if kind == "collection"}
        if origins:
            return collection.name in origins
        return self.numbers.get(("batch", batch.name)) == self.numbers.get(("collection", collection.name))

    def _is_lost(self, number: int) -> bool:
        """True when something of an attempt failed and nothing of it can still become a product."""
        batches, collections = self.of(number, "batch"), self.of(number, "collection")
        if any(batch.state not in FAILED for batch in batches) or not self._endings(number):
            return False
        return not any(self.is_usable(collection, batches) for collection in collections)

    def _endings(self, number: int) -> list[EventDict]:
        """The facts by which things of an attempt failed."""
        own = [event for record in self._members.get(number, ()) for event in record.facts if event["type"] in ENDINGS]
        failed = {"failed", "terminated"}
        stated = [r.facts[-1] for r in self._members.get(number, ()) if r.state in failed and not own]
        refused = [e for record in self.of(number, "collection") for e in self.refusals.get(record.name, ())]
        return [*own, *stated, *refused]

    # ---- numbers that nobody states -----------------------------------------------------------------------------

    def _of_collection(self, record: RecordState) -> int:
        """The last attempt that began before it for certain, or the next one where that was lost or has its batch."""
        begun = [n for n, own in self._members.items() if any(is_after(record.facts[0], r.facts[0]) for r in own)]
        last = max(begun, default=1)
        fed = [b for b in self.of(last, "batch") if self._has_begun(b, record) and not self._is_of(b, record)]
        return last + 1 if fed or self._was_lost(last, record) else last

    def _has_begun(self, batch: RecordState, before: RecordState) -> bool:
        return any(is_after(before.facts[0], event) for event in batch.facts if event["type"] in STARTS)

    def _was_lost(self, number: int, before: RecordState) -> bool:
        return self._is_lost(number) and all(is_after(before.facts[0], event) for event in self._endings(number))

    def _of_batch(self, record: RecordState) -> int:
        origins = {name for kind, name in self.sources(record) if kind == "collection"}
        own = [number for (kind, name), number in self.numbers.items() if kind == "collection" and name in origins]
        if not own:
            return self._of_unknown_batch(record)
        known = [b for b in self.batches if ("batch", b.name) in self.numbers and self._share(b, origins)]
        siblings = [b for b in known if is_after(record.facts[0], b.facts[0])]
        last = max([*own, *(self.numbers["batch", b.name] for b in siblings)])
        return last + 1 if self._was_lost(last, record) else last

    def _share(self, batch: RecordState, origins: set[str]) -> bool:
        return any(kind == "collection" and name in origins for kind, name in self.sources(batch))

    def _of_unknown_batch(self, record: RecordState) -> int:
        """The first attempt that waits for a batch; where none does, the last, or the one after it."""
        for number in sorted(self._members):
            if not self.of(number, "batch") and any(self.is_usable(c, ()) for c in self.of(number, "collection")):
                return number
        last = max(self._members, default=1)
        return last + 1 if self._was_lost(last, record) else last


def _stated(record: RecordState) -> int:
    return int(record.fields.get("attempt") or 0)


def _of_order(journey: Journey) -> list[int]:
    """The attempt that the order itself states."""
    stated = journey.order.fields.get("attempt")
    return [int(stated)] if stated else []
