"""What is done with the patient: conditioning, administration, verification, follow-up, outcomes. No material."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import Concepts, FreeText, Link, People, Record, Someone
from canonical_model.values import PERSONAL, Concept, Flag, Measurement, Model, Period, Place, Quantity, When, Whole


class Conditioning(Record):
    """Preparation of the patient for the infusion, such as lymphodepletion."""

    order: Link | None = Field(default=None, description="the order that it prepares for")
    patient: Link | None = Field(default=None, description="who is prepared")
    regimen: Concept | None = Field(default=None, description="what is given, such as fludarabine/cyclophosphamide")
    period: Period | None = Field(default=None, description="from the first to the last administration")
    dose_number: Whole | None = Field(default=None, description="dose of the product that it prepares for; absent: 1")
    status: Literal["planned", "running", "completed", "stopped"] | None = Field(
        default=None, description="where it stands"
    )
    reason: Concept | None = Field(default=None, description="why it was stopped")


class Given(Model):
    """How much of one container was given."""

    container: Link = Field(description="the container")
    amount: Quantity | None = Field(default=None, description="amount given of it, unit in UCUM")
    fully: Flag | None = Field(default=None, description="true: nothing was left")


class Administration(Record):
    """The product given to the patient, or not given."""

    order: Link | None = Field(default=None, description="the order that it is for")
    patient: Link | None = Field(default=None, description="to whom")
    site: Link | None = Field(default=None, description="where")
    containers: tuple[Link, ...] | None = Field(default=None, description="containers of the dose")
    status: Literal["planned", "thawing", "running", "completed", "stopped", "not-done"] | None = Field(
        default=None, description="where it stands"
    )
    period: Period | None = Field(default=None, description="from the first drop to the last, interruptions included")
    dose: Quantity | None = Field(default=None, description="dose given, unit in UCUM; cells as 10*6 or {cells}")
    given: tuple[Given, ...] | None = Field(
        default=None, description="dose by container, where a container may be given in part"
    )
    dose_number: Whole | None = Field(default=None, description="1 for the first dose of several")
    planned: Quantity | None = Field(default=None, description="dose that was planned, unit in UCUM")
    dose_per_weight: Quantity | None = Field(default=None, description="dose by body weight, unit in UCUM (10*6/kg)")
    route: Concept | None = Field(default=None, description="way into the body")
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who gave it"
    )
    verifier: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who verified it"
    )
    reason: Concept | None = Field(default=None, description="why it was stopped or not done")
    product: Concept | None = Field(default=None, description="what was given, in the sender's code")
    place: Place | None = Field(default=None, description="ward, room and bed")
    reactions: Concepts | None = Field(default=None, description="adverse reactions that were seen meanwhile")
    lot: str | None = Field(default=None, description="lot of what was given, where no container is named")
    note: FreeText | None = Field(default=None, description="remark in words")


class Verification(Record):
    """Scanned identifiers compared with what was expected, by named people, at a handoff."""

    order: Link | None = Field(default=None, description="the order that was expected")
    patient: Link | None = Field(default=None, description="the person who was identified")
    containers: tuple[Link, ...] | None = Field(default=None, description="containers that were scanned")
    result: Literal["match", "mismatch"] | None = Field(default=None, description="whether all agreed")
    method: str | None = Field(default=None, description="scan, read-back, two-person check, …")
    people: People | None = Field(default=None, description="who compared; two for an infusion")


class Outcome(Record):
    """What became of the patient after the infusion."""

    order: Link | None = Field(default=None, description="the order that it follows")
    patient: Link | None = Field(default=None, description="whose outcome")
    kind: Literal["response", "adverse-event", "vital-status", "persistence", "secondary-malignancy"] | None = Field(
        default=None, description="what sort of outcome"
    )
    code: Concept | None = Field(default=None, description="what it is, such as CRS or complete remission")
    grade: Whole | None = Field(
        default=None, description="grade of the scale that the code belongs to, such as ASTCT 0 to 5"
    )
    serious: Flag | None = Field(default=None, description="true: a serious adverse event")
    observed_at: When | None = Field(default=None, description="when it was observed")
    value: Measurement | None = Field(default=None, description="what was found")
    suspects: tuple[Link, ...] | None = Field(
        default=None, description="containers, materials and administrations that are suspected of an adverse event"
    )


class FollowUp(Record):
    """One visit of the follow-up after an infusion, or its end: lost, or handed over to another site."""

    order: Link | None = Field(default=None, description="the order that it follows")
    patient: Link | None = Field(default=None, description="who is followed")
    visit: str | None = Field(default=None, description="its name in the plan, such as month-3 or year-15")
    due: When | None = Field(default=None, description="when the visit is due")
    site: Link | None = Field(default=None, description="who sees the patient; after a handover the new one")
    until: When | None = Field(default=None, description="end of the plan that this visit belongs to")
    reason: Concept | None = Field(default=None, description="why it was missed, lost or handed over")
