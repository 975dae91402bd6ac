"""What stands in an order document: names, state, records, custody, links, Issues. Shapes alone; computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from canonical_model.events import EventId
from canonical_model.ids import Key, name_key
from canonical_model.journey import Other
from canonical_model.values import Flag, Identifier, Instant, Model, Place, Whole


class NameView(Model):
    """A name by which the order is known, as names are compared: normal system, trimmed value."""

    system: str = Field(description="URI of the name space, in its normal form")
    value: str = Field(description="the name")


class OtherView(Model):
    """Another order of the same patient, as much of it as the rules of this one know. None of its facts is here."""

    names: Annotated[tuple[NameView, ...], Field(min_length=1)] = Field(description="what it is called")
    state: str = Field(description="state of its facet; empty where none is known")
    protocol: str | None = Field(default=None, description="id@version of the Protocol that governs it")
    replaces: tuple[NameView, ...] = Field(default=(), description="names of the order that it takes the place of")
    patient: tuple[NameView, ...] = Field(
        default=(), description="names of the patient whom it was placed for, before any later merge"
    )

    def other(self) -> Other:
        """The order as a journey knows it."""
        replaced, patient = _keys(self.replaces), _keys(self.patient, "subject")
        return Other(_keys(self.names), self.state, self.protocol or "", replaced, patient)


def _keys(views: Iterable[NameView], kind: str = "order") -> frozenset[Key]:
    return frozenset(name_key(kind, {"system": one.system, "value": one.value}) for one in views)


class AttemptView(Model):
    """One way from a collection to a product: what a failure of either leads back to is the next one."""

    number: Whole = Field(description="from 1")
    open: Flag = Field(description="true: it can still become a product")
    stage: str | None = Field(
        default=None,
        description="furthest stage of the Protocol's that its facts support; of a lost one, that it had reached",
    )
    collections: tuple[str, ...] = Field(default=(), description="names of its collections in the document")
    batches: tuple[str, ...] = Field(default=(), description="names of its batches in the document")


class StateView(Model):
    """Where the order stands: computed, never set."""

    stage: str | None = Field(
        default=None, description="headline: the furthest stage of the Protocol's that the facts support"
    )
    held: Flag = Field(description="true: nothing new may start")
    attempt: Whole = Field(description="the latest attempt, from 1")
    attempts: tuple[AttemptView, ...] = Field(
        default=(), description="all attempts by number; the headline is that of the open one that came furthest"
    )


class DisagreementView(Model):
    """Live facts that say different things, where no order of time settles which one holds."""

    why: str = Field(description="moment: of one instant; corrections: of one and the same fact")
    fields: tuple[str, ...] = Field(description="fields that they state differently")
    facts: tuple[EventId, ...] = Field(description="ids of those facts")


class RecordView(Model):
    """One record as its live facts leave it."""

    name: str = Field(description="smallest of its names as `system|value`; empty for the order itself")
    identifiers: tuple[Identifier, ...] = Field(description="all names that facts gave it")
    state: str | None = Field(default=None, description="state of its facet")
    fields: dict[str, Any] = Field(description="what is known of it: a record of its kind without its names")
    facts: tuple[EventId, ...] = Field(description="ids of the live facts about it, in their order")
    conflicts: tuple[tuple[str, str], ...] = Field(
        default=(), description="pairs of states that facts reach and that exclude each other"
    )
    disagreements: tuple[DisagreementView, ...] = Field(default=(), description="what facts say differently")


class HandoverView(Model):
    """One step of custody. Parties are named `system|value`."""

    giver: str = Field(description="who gave; empty for the first holder")
    taker: str = Field(description="who took; empty where nobody said")
    at: Instant = Field(description="when, by the first report")
    place: Place | None = Field(default=None, description="where")
    event: EventId = Field(description="fact that first reported it")
    coarse: Flag = Field(description="true: the time is known to the hour or less")
    reporters: tuple[str, ...] = Field(description="partners that reported it")


class GapView(Model):
    """A report of custody that does not follow from the ones before."""

    why: str = Field(description="other-giver, no-holder, ended, two-makers, late-half or skew")
    holder: str = Field(description="who held before")
    giver: str = Field(description="who is said to have given")
    taker: str = Field(description="who took")
    at: Instant = Field(description="when")
    since: Instant | None = Field(default=None, description="since when the holder had held")
    event: EventId = Field(description="fact that reports it")


class ChainView(Model):
    """The chain of custody of one container: its holders from creation on."""

    container: str = Field(description="name of the container, `system|value`")
    holder: str = Field(description="who holds it now; empty where nobody is known")
    since: Instant | None = Field(default=None, description="since when")
    closed: Flag = Field(description="true: emptied or destroyed")
    unsure: Flag = Field(description="true: the last handovers are known to the hour or less and fit no order")
    steps: tuple[HandoverView, ...] = Field(description="handovers in their order")
    gaps: tuple[GapView, ...] = Field(default=(), description="what does not follow")


class Via(Model):
    """A name of a record, as names are compared."""

    kind: str = Field(description="kind of record")
    system: str = Field(description="URI of the name space, in its normal form")
    value: str = Field(description="the name")


class LinkView(Model):
    """That a fact touches this order, and through which name."""

    fact: EventId = Field(description="the fact")
    via: Via = Field(description="name that led from the fact to the order")


class Thing(Model):
    """A record of the document."""

    kind: str = Field(description="kind of record")
    name: str = Field(description="its name in the document")


class IssueView(Model):
    """What a rule found and nobody has settled."""

    id: EventId = Field(description="made of rule, record and cause: one Issue, however often it is found")
    rule: str = Field(description="number of the rule")
    kind: str = Field(description="kind of Issue")
    severity: str = Field(description="critical, major, minor or info")
    about: Thing = Field(description="record that it is about")
    cause: str = Field(description="what it rests on")
    text: str = Field(description="what is wrong")
    settle: str = Field(description="what would settle it")
    facts: tuple[EventId, ...] = Field(description="facts that it rests on")
    blocks: tuple[str, ...] = Field(default=(), description="questions that it answers with no")
    person: Flag = Field(default=False, description="true: only quality assurance settles it, never facts alone")
    unclear: Flag = Field(default=False, description="true: the facts disagree, so the answer is unknown, not no")
