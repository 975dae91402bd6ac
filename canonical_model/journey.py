"""The state of one therapy order: what the fold of its facts comes to. Data only; `fold` makes it, `rules` judge it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

from canonical_model.ids import Key as Key
from canonical_model.ids import name_key, names

EventDict = dict[str, Any]


def text_of(key: Key) -> str:
    """A name as one text, without its kind: `system|value`."""
    return f"{key[1]}|{key[2]}"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Live facts about one record that say different things, where no order of time settles which one holds.

    `moment`: two facts of one instant that nothing puts in order. `corrections`: facts that each correct the same one.
    """

    why: str
    fields: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(slots=True)
class RecordState:
    """One record as its live facts leave it. Its name is the smallest of its class, whoever came first."""

    kind: str
    name: str
    identifiers: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    state: str = ""
    facts: list[EventDict] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    keys: set[Key] = field(default_factory=set)

    def named(self, type_: str) -> list[EventDict]:
        """Live facts of one event type, in the order of facts."""
        return [event for event in self.facts if event["type"] == type_]


@dataclass(slots=True)
class Handover:
    """One step of custody: from whom to whom, when, where, and who said so. `giver` is empty for the first holder.

    `event` is the first report; a second report by the other side adds its partner to `reporters` and nothing else.
    """

    giver: str
    taker: str
    at: str
    place: dict[str, Any] | None
    event: str
    coarse: bool
    reporters: list[str]


@dataclass(frozen=True, slots=True)
class Gap:
    """A report of custody that does not follow from the ones before.

    `why`: `other-giver` (who gave is not who held), `no-holder` (nobody was known to hold), `ended` (handed over after
    its destruction), `two-makers` (created by two holders), `late-half` (the taker's report lies behind its giving on),
    `skew` (by the clocks of the reporters the handover came just after the next one).
    """

    why: str
    holder: str
    giver: str
    taker: str
    at: str
    since: str
    event: str


@dataclass(slots=True)
class Custody:
    """The chain of custody of one container: its holders from creation on."""

    container: str
    steps: list[Handover] = field(default_factory=list)
    holder: str = ""
    since: str = ""
    closed: bool = False
    unsure: bool = False
    """True when the last holder rests on times that are known to the hour or less and fit no order."""
    gaps: list[Gap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Other:
    """Another order of the same patient: as much of it as the rules of this one may know."""

    names: frozenset[Key]
    state: str
    protocol: str = ""
    """`id@version` as named or as found by its product; empty where none governs it."""
    replaces: frozenset[Key] = frozenset()
    """Names of the order that it takes the place of."""
    patient: frozenset[Key] = frozenset()
    """Names of the patient whom it was placed for, before any later merge; none where that is not known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way from a collection to a product. `stage` is the furthest that it supports, or did before it was lost."""

    number: int
    open: bool
    stage: str
    collections: tuple[str, ...] = ()
    """Names of its collections."""
    batches: tuple[str, ...] = ()
    """Names of its batches."""


@dataclass(slots=True)
class Journey:
    """One therapy order with everything that touches it."""

    names: frozenset[Key]
    records: dict[str, dict[str, RecordState]] = field(default_factory=dict)
    custody: dict[str, Custody] = field(default_factory=dict)
    claims: list[EventDict] = field(default_factory=list)
    facts: list[EventDict] = field(default_factory=list)
    """Live facts with authority, in the order of facts."""
    events: list[EventDict] = field(default_factory=list)
    """All of the log, superseded facts and claims included, in the order of facts."""
    stage: str = ""
    held: bool = False
    attempt: int = 1
    attempts: tuple[Attempt, ...] = ()
    """Open and lost ones, by their numbers; the headline is that of the open one that came furthest."""
    merges: list[EventDict] = field(default_factory=list)
    """Merges of subjects that are not taken back, in the order of facts."""
    aliases: dict[Key, str] = field(default_factory=dict)
    """Names that facts are about -> name of the record."""
    others: tuple[Other, ...] = ()
    """Other orders of the same patient. No fact of theirs is in here: whoever folds says what he knows of them."""
    qualifications: tuple[RecordState, ...] = ()
    """Qualifications of those who take part, beside those of which facts touch this order; told by whoever folds."""
    rivals: dict[str, frozenset[str]] = field(default_factory=dict)
    """Id of a correction -> all live corrections of the same fact, itself included."""

    @property
    def order(self) -> RecordState:
        """The order record itself."""
        return self.records.get("order", {}).get("") or RecordState("order", "")

    def owns(self, record: RecordState) -> bool:
        """True when an order record is this journey's own."""
        return record.kind == "order" and record.name == ""

    def of(self, kind: str) -> list[RecordState]:
        """All records of a kind, by name."""
        found = self.records.get(kind)
        if not found:
            return []
        return [found[name] for name in sorted(found)] if len(found) > 1 else [*found.values()]

    def is_patient(self, record: RecordState) -> bool:
        """True for the subject whom the order is for; where it names none, for every subject who is no donor."""
        patient = self.order.fields.get("patient")
        if is_ref(patient):
            return self.name_of(patient) == record.name
        donor = self.order.fields.get("donor")
        return record.fields.get("roles") != ["donor"] and not (is_ref(donor) and self.name_of(donor) == record.name)

    def find(self, kind: str, key: Key) -> RecordState | None:
        """The record that has this name."""
        name = self.aliases.get(key)
        return None if name is None else self.records.get(kind, {}).get(name)

    def all_of(self, ref: Mapping[str, Any]) -> list[RecordState]:
        """The records that a reference names: one, unless nothing is known of it or its names disagree."""
        found = {self.aliases[key] for key in names(ref) if key in self.aliases}
        records = self.records.get(ref["kind"], {})
        return [records[name] for name in sorted(found) if name in records]

    def record(self, ref: Mapping[str, Any] | None) -> RecordState | None:
        """The record that a reference names."""
        if not is_ref(ref) or not (records := self.records.get(ref["kind"])):
            return None
        named = [self.aliases[key] for key in names(ref) if key in self.aliases]
        return records[min(known)] if (known := [name for name in named if name in records]) else None

    def name_of(self, ref: Mapping[str, Any]) -> str:
        """One name for the record of a reference, the same whichever of its names is used."""
        keys = names(ref)
        known = [self.aliases[key] for key in keys if key in self.aliases]
        return min(known) if known else text_of(min(keys))

    def same(self, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
        """True when two references name one record: they share a name, or facts have joined theirs."""
        if not is_ref(one) or not is_ref(other) or one["kind"] != other["kind"]:
            return False
        return bool(set(names(one)) & set(names(other))) or self.name_of(one) == self.name_of(other)

    def party(self, name: str) -> str:
        """The name under which custody knows a party's short name."""
        system, _, value = name.rpartition("|")
        return self.aliases.get(name_key("party", {"system": system, "value": value}), name) if system else name

    def are_rivals(self, one: EventDict, other: EventDict) -> bool:
        """True when two facts correct the same fact: neither comes after the other."""
        return other["id"] in self.rivals.get(one["id"], ())


def is_ref(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """True for a reference that names a record."""
    if type(value) is not dict and (value is None or not isinstance(value, Mapping)):  # the abstract check is dear
        return False
    return bool(value.get("identifiers")) and "kind" in value


def party_name(ref: Mapping[str, Any] | None) -> str:
    """Short name of a party reference: the smallest of its names as `system|value`."""
    return text_of(min(names(ref))) if ref else ""


class Found(Protocol):
    """What `comparable` reads of a finding."""

    @property
    def rule(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def about(self) -> tuple[str, str]: ...
    @property
    def text(self) -> str: ...
    @property
    def blocks(self) -> tuple[str, ...]: ...


LATE = "late-event"


def comparable(journey: Journey, findings: Iterable[Found] = ()) -> dict[str, Any]:
    """What must be equal when the same facts arrive in another order or again, as plain JSON.

    Left out are ids and positions in the log, the hub's own facts about Issues, and findings about lateness: these
    tell of the arrival, not of the world.
    """
    return {
        "names": sorted(map(list, journey.names)),
        "stage": journey.stage,
        "held": journey.held,
        "attempt": journey.attempt,
        "attempts": [[a.number, a.open, a.stage, sorted(a.collections), sorted(a.batches)] for a in journey.attempts],
        "records": {
            kind: {record.name: _record(record) for record in journey.of(kind) if not _is_hubs(record)}
            for kind in sorted(journey.records)
        },
        "custody": {name: _custody(chain) for name, chain in sorted(journey.custody.items())},
        "claims": sorted(
            [claim["type"], journey.name_of(claim["about"]), claim["reporter"]["partner"], claim["occurred"]["at"]]
            for claim in journey.claims
        ),
        "findings": sorted(
            [f.rule, f.kind, f.severity, *f.about, f.text, sorted(f.blocks)] for f in findings if f.kind != LATE
        ),
    }


def _is_hubs(record: RecordState) -> bool:
    return record.kind == "issue" and any(fact["reporter"]["role"] == "hub" for fact in record.facts)


def _record(record: RecordState) -> dict[str, Any]:
    return {
        "identifiers": record.identifiers,
        "state": record.state,
        "fields": record.fields,
        "conflicts": [list(pair) for pair in record.conflicts],
        "disagreements": sorted([d.why, list(d.fields), len(d.facts)] for d in record.disagreements),
        "facts": sorted([f["type"], f["occurred"]["at"], f["reporter"]["partner"]] for f in record.facts),
    }


def _custody(chain: Custody) -> dict[str, Any]:
    return {
        "holder": chain.holder,
        "since": chain.since,
        "closed": chain.closed,
        "unsure": chain.unsure,
        "steps": [[s.giver, s.taker, s.at, s.coarse, sorted(s.reporters)] for s in chain.steps],
        "gaps": sorted([g.why, g.holder, g.giver, g.taker, g.at] for g in chain.gaps),
    }
