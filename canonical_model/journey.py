"""The state of one therapy order: what the fold of its facts comes to. Data only; `fold` makes it, `rules` judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from canonical_model.ids import name_key

EventDict = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, normal system, value: see `ids.name_key`."""


@dataclass(slots=True)
class RecordState:
    """One record as its live facts leave it."""

    kind: str
    name: str
    identifiers: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    state: str = ""
    facts: list[EventDict] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)

    def named(self, type_: str) -> list[EventDict]:
        """Live facts of one event type, in the order of facts."""
        return [event for event in self.facts if event["type"] == type_]


@dataclass(slots=True)
class Handover:
    """One step of custody: from whom to whom, when, where, and the fact that says so."""

    giver: str
    taker: str
    at: str
    place: dict[str, Any] | None
    event: str
    coarse: bool
    reporter: str


@dataclass(slots=True)
class Custody:
    """The chain of custody of one container: its holders from creation on."""

    container: str
    steps: list[Handover] = field(default_factory=list)
    holder: str = ""
    since: str = ""
    closed: bool = False
    gaps: list[tuple[str, str, Handover]] = field(default_factory=list)


@dataclass(slots=True)
class Journey:
    """One therapy order with everything that touches it."""

    names: frozenset[Key]
    records: dict[str, dict[str, RecordState]] = field(default_factory=dict)
    custody: dict[str, Custody] = field(default_factory=dict)
    claims: list[EventDict] = field(default_factory=list)
    events: list[EventDict] = field(default_factory=list)
    stage: str = ""
    held: bool = False
    attempt: int = 1

    @property
    def order(self) -> RecordState:
        """The order record itself."""
        own = self.records.get("order", {})
        found = [record for record in own.values() if self.owns(record)]
        return found[0] if found else RecordState("order", "")

    def owns(self, record: RecordState) -> bool:
        """True when an order record is this journey's own."""
        return any(key in self.names for key in keys_of(record))

    def of(self, kind: str) -> list[RecordState]:
        """All records of a kind, by name."""
        return [self.records[kind][name] for name in sorted(self.records.get(kind, {}))]

    def find(self, kind: str, key: Key) -> RecordState | None:
        """The record that has this name."""
        return next((record for record in self.of(kind) if key in keys_of(record)), None)


def keys_of(record: RecordState) -> list[Key]:
    """The names of a record as keys."""
    return [name_key(record.kind, identifier) for identifier in record.identifiers]
