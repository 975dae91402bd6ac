"""What stands in the report of an order: shapes alone; computes nothing. Its JSON Schema is served with the model's."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from canonical_model.values import Concept, Flag, Identifier, Instant, Model, Place, Ref, When, Whole

VERSION = 1


class Source(Model):
    """Who said it, in which message, and where in the ledger that stands."""

    fact: str = Field(description="id of the fact")
    type: str = Field(description="event type of the fact")
    partner: str = Field(description="id of the partner that said it")
    name: str = Field(description="the partner, as its profile names it")
    role: str = Field(description="role in which it spoke")
    occurred: When = Field(description="when it happened: UTC, and the local text as it was sent")
    recorded: Instant = Field(description="when the hub recorded it")
    position: Whole | None = Field(default=None, description="position in the log")
    message: Whole | None = Field(default=None, description="number of the message in the hub")
    source_id: str | None = Field(
        default=None, description="the sender's own id of the message; to the sender and the hub's own people only"
    )
    frame: str | None = Field(default=None, description="which part of the message; to the same readers only")
    standing: str = Field(description="live, superseded, or claim: said by a party whose word does not decide it")


class PartyName(Model):
    """A party as the report calls it."""

    id: str = Field(description="name of the party, `system|value`; empty where nobody said")
    name: str = Field(description="what people call it")


class Binding(Model):
    """What ties names together: several names of one record, or one record to another."""

    record: Ref = Field(description="the record that the statement is about, by its names")
    field: str = Field(default="", description="field by which it names the other; empty: the names are one record's")
    to: Ref | None = Field(default=None, description="the other record")
    told: Annotated[tuple[Source, ...], Field(min_length=1)] = Field(description="who stated it, the first one first")


class Verification(Model):
    """Scanned identifiers compared with what was expected, by people."""

    result: str = Field(description="match, mismatch or as stated; empty where the message does not say")
    method: str = Field(default="", description="how: scan, read-back, two-person check")
    people: tuple[dict[str, Any], ...] = Field(
        default=(), description="who compared: a token, or who it is for those who may see persons"
    )
    patient: Ref | None = Field(default=None, description="the person who was identified, by token")
    containers: tuple[Ref, ...] = Field(default=(), description="containers that were scanned")
    told: Source = Field(description="who reported it")


class Merge(Model):
    """Two records of one person became one, or such a merge was taken back."""

    subject: Ref = Field(description="the record that stays, by tokens")
    retired: tuple[Identifier, ...] = Field(default=(), description="names that ended")
    told: Source = Field(description="who reported it")


class IdentityChain(Model):
    """Everything that says that what was handled belongs to the patient."""

    bindings: tuple[Binding, ...] = Field(description="every statement that ties names together, in order of time")
    verifications: tuple[Verification, ...] = Field(description="checks of scanned against expected identifiers")
    merges: tuple[Merge, ...] = Field(description="merges of persons, and merges taken back")


class Step(Model):
    """One handover, or the beginning of a chain."""

    giver: PartyName | None = Field(default=None, description="who gave; absent for the first holder")
    taker: PartyName | None = Field(default=None, description="who took; absent where nobody said")
    at: Instant = Field(description="when, by the first report, in UTC")
    place: Place | None = Field(default=None, description="where")
    coarse: Flag = Field(description="true: the time is known to the hour or less")
    held: Whole | None = Field(default=None, description="seconds until the next handover or the end; absent: goes on")
    reporters: tuple[str, ...] = Field(description="partners that reported it; two where both sides did")
    told: Source = Field(description="the first report, with the local time")


class Sighting(Model):
    """A container or shipment was scanned, sealed or looked at."""

    what: str = Field(description="observed, sealed, inspected, stored, …")
    detail: str = Field(default="", description="seal number, or what the look found")
    place: Place | None = Field(default=None, description="where")
    told: Source = Field(description="who reported it")


class CustodyGap(Model):
    """A report of custody that does not follow from the ones before."""

    why: str = Field(description="other-giver, no-holder, ended, two-makers, late-half or skew")
    holder: PartyName | None = Field(default=None, description="who held before")
    giver: PartyName | None = Field(default=None, description="who is said to have given")
    taker: PartyName | None = Field(default=None, description="who took")
    at: Instant = Field(description="when")


class Chain(Model):
    """The chain of custody of one container."""

    container: Ref = Field(description="the container, by its names")
    kind: str = Field(default="", description="bag, vial, syringe, …")
    holder: PartyName | None = Field(default=None, description="who holds it now")
    since: Instant | None = Field(default=None, description="since when")
    ended: Flag = Field(description="true: emptied or destroyed")
    unsure: Flag = Field(description="true: the last handovers are known to the hour or less and fit no order")
    steps: tuple[Step, ...] = Field(description="handovers in their order")
    gaps: tuple[CustodyGap, ...] = Field(default=(), description="what does not follow")
    sightings: tuple[Sighting, ...] = Field(default=(), description="scans, seals, inspections, storage")


class Series(Model):
    """A temperature series in figures, in degrees Celsius; the values themselves stay in the record."""

    readings: Ref = Field(description="the series")
    device: Ref | None = Field(default=None, description="what recorded it")
    of: Ref | None = Field(default=None, description="shipment or container that it is of")
    start: When | None = Field(default=None, description="when it begins")
    end: When | None = Field(default=None, description="when it ends, as stated")
    values: Whole = Field(description="how many values it has")
    low: str | None = Field(default=None, description="lowest value, digits as sent")
    high: str | None = Field(default=None, description="highest value, digits as sent")
    condition: str = Field(default="", description="name of the Protocol's condition; empty: none is known")
    allowed: tuple[str | None, str | None] = Field(default=(None, None), description="its range in degrees Celsius")
    outside: Whole | None = Field(default=None, description="seconds outside in all; absent: not known")
    spell: Whole | None = Field(default=None, description="seconds outside at a stretch; absent: not known")
    excursion: Flag = Field(description="true: more was spent outside than the condition allows")
    gap: Whole = Field(description="longest time without a reading, in seconds")
    gap_allowed: Whole | None = Field(default=None, description="longest one that the condition allows, in seconds")
    told: Source = Field(description="who sent it")


class Transport(Model):
    """One shipment."""

    shipment: Ref = Field(description="the shipment, by its names")
    direction: str = Field(default="", description="which leg: collection-outbound, to-patient, …")
    state: str = Field(default="", description="planned, packed, in-transit, delivered, accepted, …")
    shipper: PartyName | None = Field(default=None, description="who sends")
    carrier: PartyName | None = Field(default=None, description="who moves it")
    consignee: PartyName | None = Field(default=None, description="who is to accept it")
    contents: tuple[Ref, ...] = Field(default=(), description="containers in it")
    loggers: tuple[Ref, ...] = Field(default=(), description="devices that record its condition")
    milestones: tuple[Sighting, ...] = Field(default=(), description="what happened on the way, in order of time")
    transit: Whole | None = Field(default=None, description="seconds from departure to arrival; absent: not known")
    hold_until: Instant | None = Field(default=None, description="end of the shipper's qualified hold")
    hold_left: Whole | None = Field(
        default=None, description="seconds of hold left at the arrival, negative when overrun; absent: not known"
    )
    temperatures: tuple[Series, ...] = Field(default=(), description="what was measured on the way")


class Elapsed(Model):
    """A time between two facts, measured in UTC."""

    name: str = Field(description="vein-to-vein, or the name of a window of the Protocol")
    start: Source = Field(description="fact that begins it")
    end: Source | None = Field(default=None, description="fact that ends it; absent: it runs")
    seconds: Whole = Field(description="how long; of one that runs, until the report was made")
    longest: Whole | None = Field(default=None, description="longest time that the Protocol allows, in seconds")
    exceeded: Flag = Field(description="true: longer than allowed")
    coarse: Flag = Field(description="true: a time is known to the hour or less, so the figure is no more exact")


class Approval(Model):
    """A decision of quality, with its evidence."""

    decision: str = Field(description="released, released-exceptionally, rejected, revoked, …")
    about: tuple[Ref, ...] = Field(description="what was decided about")
    specification: str = Field(default="", description="id@version that was applied")
    signer: dict[str, Any] | None = Field(default=None, description="who signed: a token, or the person")
    role: str = Field(default="", description="role in which the signer signed")
    evidence: dict[str, tuple[str, ...]] = Field(default={}, description="kind of evidence -> its names")
    told: Source = Field(description="who reported it")


class OutOfLimit(Model):
    """A result that its laboratory calls outside its limit."""

    test: Concept | None = Field(default=None, description="what was tested")
    value: str = Field(default="", description="value with its unit, digits as sent")
    limit: str = Field(default="", description="the limit, as stated")
    told: Source = Field(description="who reported it")


class IssueAct(Model):
    """What a person, or the hub, did about an Issue."""

    act: str = Field(description="raised, acknowledged, assessed, resolved, reopened, cleared")
    person: dict[str, Any] | None = Field(default=None, description="who: a token, or the person")
    text: str = Field(default="", description="assessment or resolution in words, for those who may read it")
    evidence: tuple[Ref, ...] = Field(default=(), description="documents and records that settle it")
    told: Source = Field(description="who reported it")


class ReportIssue(Model):
    """What needed a person, or still does."""

    id: str = Field(description="id of the Issue")
    rule: str = Field(description="rule that found it; empty for a deviation that a quality system told")
    kind: str = Field(description="kind of Issue")
    severity: str = Field(description="critical, major, minor or info")
    text: str = Field(description="what is wrong")
    settle: str = Field(default="", description="what would settle it")
    about: tuple[Ref, ...] = Field(default=(), description="records of the facts that it rests on")
    opened: Instant = Field(description="when the hub first told of it")
    closed: Instant | None = Field(default=None, description="when it was settled; absent: open")
    external: tuple[Identifier, ...] = Field(default=(), description="its numbers in quality systems")
    acts: tuple[IssueAct, ...] = Field(default=(), description="what was done about it, in order of time")


class GivenAnswer(Model):
    """An answer that was given to a question about this order."""

    question: str = Field(description="name of the question")
    asked_by: str = Field(description="partner that asked")
    asked_as: str = Field(default="", description="partner in whose name it asked; empty: its own")
    at: Instant = Field(description="when")
    verdict: str = Field(description="allow, deny, cannot-tell; of a list: `list`")
    rules: tuple[str, ...] = Field(default=(), description="rules that it rested on")
    position: Whole = Field(description="position of the log that it rested on")


class NotKnown(Model):
    """Something that nobody told, or not exactly enough."""

    kind: str = Field(description="custody, time, temperature, message, link, erasure, protocol or identity")
    text: str = Field(description="what is not known")
    about: str = Field(default="", description="what it is about")


class Proof(Model):
    """Where the report's facts stand in the signed ledger, and how to check that without believing the hub."""

    facts: Whole = Field(description="how many facts of the order the reader may see something of")
    first: Whole = Field(description="position of the first of them")
    last: Whole = Field(description="position of the last of them")
    head: dict[str, Any] = Field(description="signed head of the ledger: number, position, chain, key, signature")
    export: str = Field(default="", description="address of the export with its proofs; the hub's own people only")
    verify: tuple[str, ...] = Field(description="how to check it, step by step")


class Heading(Model):
    """Which order, as far as the reader may know it."""

    journey: str = Field(description="the hub's own id of the order")
    identifiers: tuple[Identifier, ...] = Field(default=(), description="names of the order")
    service: Concept | None = Field(default=None, description="what was ordered")
    protocol: str = Field(default="", description="Protocol that governs it")
    stage: str = Field(default="", description="how far it is")
    held: Flag = Field(default=False, description="true: nothing new may start")
    attempt: Whole = Field(default=1, description="the latest attempt")
    patient: tuple[Identifier, ...] = Field(default=(), description="the patient's tokens")
    person: dict[str, Any] = Field(
        default={}, description="who the patient is: to the partner that told of them, in its region, only"
    )
    target: When | None = Field(default=None, description="when the therapy is wanted")


class Made(Model):
    """When, for whom, and on what the report rests."""

    at: Instant = Field(description="when the report was made")
    position: Whole = Field(description="position of the log up to which it tells")
    partner: str = Field(description="for whom")
    role: str = Field(description="role of the reader: what it may see follows from it")
    sees: tuple[str, ...] = Field(description="kinds of records that this role sees; nothing else is in the report")


class OrderReport(Model):
    """Chain of identity and chain of custody of one order, for one reader."""

    v: Annotated[int, Field(ge=VERSION, le=VERSION)] = Field(default=VERSION, description="version of the report")
    made: Made
    order: Heading
    identity: IdentityChain
    custody: tuple[Chain, ...]
    transports: tuple[Transport, ...]
    storage: tuple[Series, ...] = Field(description="temperatures of containers in storage")
    elapsed: tuple[Elapsed, ...]
    approvals: tuple[Approval, ...]
    out_of_limit: tuple[OutOfLimit, ...] = Field(description="results that their laboratory calls outside their limit")
    issues: tuple[ReportIssue, ...] = Field(description="deviations and Issues, the open ones first")
    answers: tuple[GivenAnswer, ...]
    unknown: tuple[NotKnown, ...]
    ledger: Proof

    def plain(self) -> dict[str, Any]:
        """The report as JSON."""
        return self.model_dump(mode="json", exclude_none=True)
