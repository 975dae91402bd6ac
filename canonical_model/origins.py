"""What a thing was made of, filled from or taken from, over every kind of link that facts state. No rules.

`lineage` answers what a container belongs to; this follows it back to donation and donor, and forth to the dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from canonical_model.journey import Journey, RecordState, is_ref
from canonical_model.lineage import Thing, refs

_UP: Mapping[str, tuple[str, ...]] = {
    "container": ("material", "collection", "prepared_from"),
    "material": ("parents", "collection", "donor"),
    "batch": ("inputs", "consumed"),
    "collection": ("donor",),
}
"""Kind -> the fields that name what it comes from; the batch that made a thing is told apart from one that it fed."""
KINDS = tuple(_UP)


UNDONE = frozenset({"planned", "skipped"})
"""States of a step in which nothing of it has happened."""


def steps_done(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of a batch that have begun, or of which nobody says otherwise."""
    return [step for step in values.get("steps") or () if step.get("status") not in UNDONE]


def consumed(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Lots and containers that were used up in a batch, as stated of the batch and of its steps."""
    yield from refs(values.get("consumed"))
    for step in steps_done(values):
        yield from (used["item"] for used in step.get("consumed") or () if is_ref(used.get("item")))


def consumed_lots(values: Mapping[str, Any]) -> set[str]:
    """Lot numbers of what was used up in a batch's steps, where only the number is stated."""
    used = [used for step in steps_done(values) for used in step.get("consumed") or ()]
    return {used["lot"].strip() for used in used if used.get("lot") and not is_ref(used.get("item"))}


def _produced(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from refs(values.get("outputs"))
    for step in steps_done(values):
        yield from (made["item"] for made in step.get("produced") or () if is_ref(made.get("item")))


def dins(record: RecordState) -> set[str]:
    """Donation identification numbers that a record goes by or bears on its label: their thirteen characters."""
    named = [i["value"] for i in record.identifiers if i.get("type") == "din"]
    printed = (record.fields.get("label") or {}).get("din")
    return {din_of(text) for text in [*named, *([printed] if printed else [])]}


def din_of(text: str) -> str:
    """The thirteen characters of a DIN, without data identifier, spaces and flags (ISBT 128, data structure 001)."""
    return text.replace(" ", "").removeprefix("=")[:13].upper()


class Origins:
    """The links of one journey. Made for one look at it: facts that come later are not seen."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._makers: dict[Thing, set[Thing]] = {}
        self._fed: dict[str, set[Thing]] = {}
        self._known: dict[Thing, frozenset[Thing]] = {}
        donor = journey.order.fields.get("donor")
        self._donor = {self.thing(donor)} if is_ref(donor) else set()
        for batch in journey.of("batch"):
            self._fed[batch.name] = set(map(self.thing, [*refs(batch.fields.get("inputs")), *consumed(batch.fields)]))
        for maker in (*journey.of("batch"), *journey.of("collection")):
            for ref in _produced(maker.fields):
                self._makers.setdefault(self.thing(ref), set()).add((maker.kind, maker.name))
        for container in journey.of("container"):  # what made a container made what it holds
            makers = self._makers.get((container.kind, container.name), set())
            for ref in refs(container.fields.get("material")) if makers else ():
                self._makers.setdefault(self.thing(ref), set()).update(makers)
        self._donations = {
            din: (collection.kind, collection.name)
            for collection in journey.of("collection")
            for din in dins(collection)
        }

    def thing(self, ref: Mapping[str, Any]) -> Thing:
        """Kind and name of what a reference names."""
        return ref["kind"], self._journey.name_of(ref)

    def above(self, thing: Thing) -> frozenset[Thing]:
        """Everything that a thing comes from; without itself, unless it comes from itself."""
        found = self._known.get(thing)
        if found is None:
            found = self._known[thing] = frozenset(self._reach(thing))
        return found

    def below(self, things: Iterable[Thing], kind: str) -> list[RecordState]:
        """The records of a kind that come from any of some things, these themselves included, by name."""
        wanted = set(things)
        return [
            record
            for record in self._journey.of(kind)
            if (kind, record.name) in wanted or self.above((kind, record.name)) & wanted
        ]

    def direct(self, thing: Thing) -> set[Thing]:
        """What a thing comes from in one step."""
        kind, name = thing
        record = self._journey.records.get(kind, {}).get(name) if kind in _UP else None
        found = set(self._makers.get(thing, ()))
        if record is None:
            return found
        for field in _UP[kind]:
            found |= set(map(self.thing, refs(record.fields.get(field))))
        if kind == "batch":
            found |= self._fed[name]
        elif kind == "collection":
            found = found or self._donor
        else:
            found |= self._batch(record)
            found |= {self._donations[din] for din in dins(record) if din in self._donations}
        if kind == "material":
            found |= set(map(self.thing, _paired(record)))
        return found - {thing} if kind == "batch" else found

    def filled_from(self, thing: Thing) -> list[Thing]:
        """The containers that a container was filled from at the site."""
        record = self._journey.records.get("container", {}).get(thing[1])
        return [self.thing(ref) for ref in refs(record.fields.get("prepared_from"))] if record else []

    def _batch(self, record: RecordState) -> set[Thing]:
        """The batch that a container or material names, unless it went into that batch."""
        own = {(record.kind, record.name), *map(self.thing, refs(record.fields.get("material")))}
        batches = set(map(self.thing, refs(record.fields.get("batch"))))
        return {(kind, name) for kind, name in batches if not own & self._fed.get(name, set())}

    def _reach(self, start: Thing) -> set[Thing]:
        found: set[Thing] = set()
        waiting = list(self.direct(start))
        while waiting:
            thing = waiting.pop()
            if thing not in found:
                found.add(thing)
                waiting += self.direct(thing)
        return found


def _paired(record: RecordState) -> Iterator[Mapping[str, Any]]:
    """Parents that are named by the placer's and the filler's number (HL7 SPM-3)."""
    for pair in record.fields.get("parent_identifiers") or ():
        named = [pair[side] for side in ("placer", "filler") if pair.get(side)]
        if named:
            yield {"kind": "material", "identifiers": named}
