"""What a Protocol and a Specification can say: windows, conditions, doses, criteria, evidence. The values are data.

Four that the hub brings along stand in `protocol_templates`; a site replaces them by its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from canonical_model.catalogue import EVENTS
from canonical_model.codes import STAGES
from canonical_model.values import Coding, Flag, Model, Number, Whole

DEFAULT_SKEW = timedelta(minutes=10)


class Condition(Model):
    """A named temperature condition: range in degrees Celsius, longest spell and sum outside it, longest gap."""

    name: str = Field(description="name by which shipments and material refer to it")
    low: Number | None = Field(default=None, description="lowest temperature allowed, in degrees Celsius; absent: none")
    high: Number | None = Field(
        default=None, description="highest temperature allowed, in degrees Celsius; absent: none"
    )
    max_outside: timedelta = Field(default=timedelta(), description="longest single spell outside the range")
    max_total: timedelta = Field(default=timedelta(), description="longest time outside the range in all")
    max_gap: timedelta = Field(default=timedelta(minutes=30), description="longest time without a reading")


class Window(Model):
    """The longest elapsed time between two kinds of fact, measured in UTC."""

    name: str = Field(description="name of the window")
    start: str = Field(description="event type that opens the window")
    end: str = Field(description="event type that closes it")
    otherwise: tuple[str, ...] = Field(default=(), description="further event types that close it as well")
    longest: timedelta = Field(description="longest elapsed time, in UTC")
    rule: Literal["I-4", "I-8"] = Field(default="I-4", description="rule under which a closed window is told")
    blocks: tuple[str, ...] = Field(default=(), description="questions that a closed window answers with no")

    @model_validator(mode="after")
    def _is_between_facts(self) -> Window:
        if unknown := {self.start, self.end, *self.otherwise} - EVENTS.keys():
            raise ValueError(f"no such event types: {', '.join(sorted(unknown))}")
        return self


class Criterion(Model):
    """One test of a Specification: what is measured, what it must be, and when a result is needed."""

    test: str = Field(description="hub test code")
    method: str | None = Field(default=None, description="how it has to be measured")
    low: Number | None = Field(default=None, description="lowest value that passes, in `unit`; absent: none")
    high: Number | None = Field(default=None, description="highest value that passes, in `unit`; absent: none")
    unit: str | None = Field(default=None, description="UCUM; a value in another unit is not evaluated")
    expect: str | None = Field(default=None, description="code or text that passes, such as NEG, where it is no number")
    phase: Literal["collection", "receipt", "in-process", "release", "post-release", "stability", "post-thaw"] = Field(
        default="release", description="when the result is needed"
    )
    blocking: Flag = Field(default=True, description="false: looked at, never a reason against a release")
    interim: Flag = Field(
        default=False, description="true: a preliminary result does for a conditional release, with the final one due"
    )
    due: timedelta | None = Field(
        default=None, description="time after the decision in which the final result has to come"
    )


class Specification(Model):
    """What a product has to be. `id@version` is what decisions and results name."""

    id: str = Field(description="name of the Specification")
    version: str = Field(description="its version")
    regions: tuple[str, ...] = Field(default=(), description="regions for which it is valid; none named: all")
    criteria: tuple[Criterion, ...] = Field(description="tests with their limits")

    @property
    def key(self) -> str:
        """What a decision names it by."""
        return f"{self.id}@{self.version}"

    def of(self, *phases: str) -> tuple[Criterion, ...]:
        """Blocking criteria of some phases."""
        return tuple(c for c in self.criteria if c.blocking and c.phase in phases)


class PlannedDose(Model):
    """One dose of several: its day counted from the first dose, which is day 1, and how much of the product."""

    number: Whole = Field(description="1 for the first")
    day: Whole = Field(description="planned day; the first dose is on day 1")
    earliest: Whole = Field(description="first day on which it may be given")
    latest: Whole = Field(description="last day on which it may be given; after it the dose is not given any more")
    low: Number | None = Field(default=None, description="least amount, in `unit`")
    high: Number | None = Field(default=None, description="largest amount, in `unit`")
    unit: str | None = Field(default=None, description="UCUM, such as 10*6 or 10*6/kg")


class Conditioned(Model):
    """When the patient may be prepared for the infusion, and how long that lasts."""

    regimen: str | None = Field(default=None, description="usual regimen, in words")
    after: Literal["released", "at-site", "confirmed"] = Field(
        default="released",
        description="what it waits for: release; arrival at the site; conditional release with a dated delivery",
    )
    earliest: timedelta | None = Field(default=None, description="shortest time from its end to the infusion")
    latest: timedelta | None = Field(
        default=None, description="longest time from its end to the infusion; later, fitness is decided anew"
    )


class Protocol(Model):
    """A versioned therapy protocol. `id@version` is what an order refers to."""

    id: str = Field(description="name of the Protocol")
    version: str = Field(description="its version")
    name: str = Field(description="title for people")
    products: tuple[Coding, ...] = Field(description="ordered products that it governs")
    sourcing: Literal["autologous", "directed-donor", "stock"] = Field(description="whose cells the product is made of")
    regions: tuple[str, ...] = Field(default=(), description="regions for which it is meant; none named: all")
    stages: tuple[str, ...] = Field(default=(), description="headline stages that its orders go through; none: all")
    conditions: Mapping[str, Condition] = Field(default={}, description="temperature conditions by name")
    direction_condition: Mapping[str, str] = Field(default={}, description="direction of a shipment -> condition")
    windows: tuple[Window, ...] = Field(default=(), description="longest times between two kinds of fact")
    specification: Specification | None = Field(default=None, description="what the product has to be")
    doses: tuple[PlannedDose, ...] = Field(default=(), description="doses, where there are several")
    conditioning: Conditioned | None = Field(default=None, description="preparation of the patient, where there is any")
    label_identity: Literal["pseudonym", "initials", "full"] = Field(
        default="pseudonym", description="how much of the patient's identity labels outside the hospital bear"
    )
    label_legends: tuple[str, ...] = Field(default=(), description="legends that labels of the material have to bear")
    kit: Flag = Field(default=False, description="true: collection needs an accepted kit with the order's labels")
    qualified: tuple[str, ...] = Field(
        default=(), description="activities for which a valid qualification has to be known (I-19)"
    )
    donor_test_within: timedelta | None = Field(
        default=None, description="longest time between the donor's test sample and the collection"
    )
    max_age: Mapping[str, timedelta] = Field(
        default={}, description="weight, titre -> longest age of the measurement on the day of use"
    )
    hold_margin: timedelta = Field(
        default=timedelta(), description="time that a shipper's hold has to exceed the planned transit by"
    )
    release_evidence: Mapping[str, tuple[str, ...]] = Field(
        default={}, description="region -> evidence that an exceptional release needs"
    )
    notify_within: Mapping[str, timedelta] = Field(
        default={}, description="region -> time in which the authority is told of an exceptional release"
    )
    follow_up: timedelta | None = Field(default=None, description="how long patients are followed; absent: not asked")
    follow_up_grace: timedelta = Field(
        default=timedelta(days=30), description="time after which a visit that was due is missed"
    )
    rescue: str | None = Field(default=None, description="what is done for the patient when the product fails")
    ship_under_quarantine: Flag = Field(default=False, description="the product may travel before its disposition")
    handoff_within: timedelta | None = Field(
        default=timedelta(hours=24), description="time in which both sides tell of a handover; none: nobody is asked"
    )
    late_after: timedelta = Field(default=timedelta(days=3), description="lateness from which a fact is told as late")
    skew: timedelta = Field(default=DEFAULT_SKEW, description="how far clocks of reporters may stand apart")

    @model_validator(mode="after")
    def _hangs_together(self) -> Protocol:
        if unknown := set(self.stages) - set(STAGES):
            raise ValueError(f"no such stages: {', '.join(sorted(unknown))}")
        if unknown := set(self.direction_condition.values()) - self.conditions.keys():
            raise ValueError(f"no such conditions: {', '.join(sorted(unknown))}")
        if [dose.number for dose in self.doses] != list(range(1, len(self.doses) + 1)):
            raise ValueError("doses are numbered from 1, without a gap")
        return self

    @property
    def key(self) -> str:
        """What an order names it by."""
        return f"{self.id}@{self.version}"

    @property
    def criteria(self) -> tuple[str, ...]:
        """Hub test codes that release needs a final result of."""
        return tuple(c.test for c in self.specification.of("release")) if self.specification else ()

    def is_for(self, coding: Mapping[str, Any]) -> bool:
        """True when an ordered code is one of its products, in the same system where the product names one."""
        return any(coding.get("code") == p.code and p.system in {None, coding.get("system")} for p in self.products)
