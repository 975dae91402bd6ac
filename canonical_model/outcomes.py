"""What is found, decided and given: results, dispositions, administrations, outcomes, Issues, documents. No orders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import (
    Concepts,
    FreeText,
    Identifiers,
    Link,
    People,
    Record,
    Someone,
)
from canonical_model.values import (
    PERSONAL,
    Address,
    Attachment,
    Concept,
    Flag,
    Identifier,
    Measurement,
    Model,
    Organization,
    Period,
    Quantity,
    Range,
    Sealed,
    When,
    Whole,
)


class Component(Model):
    """One of several values that make one result together, such as the parts of a panel."""

    test: Concept | None = Field(default=None, description="what was measured")
    value: Measurement | None = Field(default=None, description="what was found")
    absent_reason: Concept | None = Field(default=None, description="why there is no value")
    interpretation: Concepts | None = Field(default=None, description="how the laboratory reads the value")
    limit: Range | None = Field(default=None, description="specification limits, in the unit of the value")
    reference_range: str | None = Field(default=None, description="as sent")


class Result(Record):
    """One test result of a material, container, batch or patient."""

    order: Link | None = Field(default=None, description="the order that it is for")
    report: Link | None = Field(default=None, description="the report that it stands in")
    patient: Link | None = Field(default=None, description="the person tested")
    material: Link | None = Field(default=None, description="what was tested, or the sample of it")
    container: Link | None = Field(default=None, description="the container tested")
    batch: Link | None = Field(default=None, description="the batch tested")
    test: Concept | None = Field(default=None, description="what was measured")
    categories: Concepts | None = Field(default=None, description="sorts of result, where several are stated")
    sub_id: str | None = Field(default=None, description="tells results of one test apart (HL7 OBX-4)")
    sub_group: str | None = Field(default=None, description="group part of that (HL7 OG.2)")
    sub_sequence: str | None = Field(default=None, description="sequence part of that (HL7 OG.3)")
    sub_name: str | None = Field(default=None, description="name part of that (HL7 OG.4)")
    instance: Identifier | None = Field(default=None, description="the result's own identifier")
    root_cause: Concept | None = Field(default=None, description="why a result was wrong and is corrected")
    status: str | None = Field(
        default=None, description="preliminary, final, corrected, appended, …; release needs a final one"
    )
    value: Measurement | None = Field(default=None, description="what was found")
    declared: str | None = Field(default=None, description="value type that the sender declared")
    criterion: str | None = Field(
        default=None, description="hub test code of the criterion that it answers, such as viability"
    )
    specification: str | None = Field(default=None, description="id@version of the Specification applied")
    limit: Range | None = Field(default=None, description="specification limits, in the unit of the value")
    evaluation: Literal["in", "out", "not-evaluated"] | None = Field(
        default=None, description="the laboratory's word; never recomputed across units"
    )
    interpretation: Concepts | None = Field(default=None, description="how the laboratory reads the value")
    reference_range: str | None = Field(default=None, description="as sent")
    range_effective_at: When | None = Field(default=None, description="from when the reference range counts")
    observed_at: When | None = Field(default=None, description="when the specimen was taken or observed")
    observed: Period | None = Field(default=None, description="period of the observation, where it took time")
    analysed_at: When | None = Field(default=None, description="when it was measured")
    reported_at: When | None = Field(default=None, description="when the laboratory released it")
    category: str | None = Field(default=None, description="what sort of result: clinical, quality control, …")
    subcategory: str | None = Field(default=None, description="a finer sort of result")
    methods: Concepts | None = Field(default=None, description="how it was measured")
    devices: Identifiers | None = Field(default=None, description="instruments that measured it")
    sites: Concepts | None = Field(default=None, description="body sites observed")
    producer: Concept | None = Field(default=None, description="the observing organisation as sent")
    observers: People | None = Field(default=None, description="who observed")
    director: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="medical director of the laboratory"
    )
    laboratory: Organization | None = Field(default=None, description="who measured")
    laboratory_address: Annotated[Address | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="where the laboratory is"
    )
    absent_reason: Concept | None = Field(default=None, description="why there is no value")
    components: tuple[Component, ...] | None = Field(default=None, description="values that are one result together")
    members: tuple[Link, ...] | None = Field(default=None, description="results that this one groups")
    derived_from: tuple[Link, ...] | None = Field(default=None, description="results that this one was made of")
    note: FreeText | None = Field(default=None, description="remark in words")


class Disposition(Record):
    """A quality decision about a material. An event, never a status column."""

    order: Link | None = Field(default=None, description="the order that it is for")
    material: Link | None = Field(default=None, description="what the decision is about")
    container: Link | None = Field(default=None, description="what the decision is about, where it is one container")
    batch: Link | None = Field(default=None, description="what the decision is about, where it is a whole batch")
    decision: (
        Literal["quarantined", "released", "released-conditional", "released-exceptionally", "rejected", "revoked"]
        | None
    ) = Field(default=None, description="what quality decided")
    specification: str | None = Field(default=None, description="id@version of the Specification that was applied")
    signer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who decided"
    )
    role: str | None = Field(default=None, description="role in which the signer signed")
    physician_request: Link | None = Field(default=None, description="evidence of an exceptional release")
    risk_evaluation: Link | None = Field(default=None, description="evidence of an exceptional release")
    acceptance: Link | None = Field(
        default=None, description="the physician's acceptance: evidence of an exceptional release"
    )
    notifications: Identifiers | None = Field(
        default=None, description="references of the notifications to authorities"
    )


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
    route: Concept | None = Field(default=None, description="way into the body")
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who gave it"
    )
    verifier: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who verified it"
    )
    reason: Concept | None = Field(default=None, description="why it was stopped or not done")


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


class Issue(Record):
    """What needs a person."""

    order: Link | None = Field(default=None, description="the order that it is about")
    rule: str | None = Field(default=None, description="number of the rule that found it, such as I-1")
    kind: str | None = Field(default=None, description="a kind of the model's list")
    severity: Literal["info", "minor", "major", "critical"] | None = Field(default=None, description="how bad it is")
    about: tuple[Link, ...] | None = Field(default=None, description="records that it is about")
    cause: str | None = Field(default=None, description="the fact or condition that it rests on")
    text: str | None = Field(default=None, description="what is wrong, in words of the rule")
    status: Literal["open", "assessed", "resolved"] | None = Field(default=None, description="where it stands")
    assessment: FreeText | None = Field(default=None, description="how a person judged it")
    person: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who judged or settled it"
    )
    role: str | None = Field(default=None, description="role in which that person spoke")


class Document(Record):
    """A file about something; the content is in the body store."""

    order: Link | None = Field(default=None, description="the order that it is about")
    kind: str | None = Field(default=None, description="what sort of document, such as certificate of analysis")
    title: str | None = Field(default=None, description="as its author calls it")
    media_type: str | None = Field(default=None, description="media type of the content")
    sha256: str | None = Field(default=None, description="of the content, hex")
    size: Whole | None = Field(default=None, description="in bytes")
    about: tuple[Link, ...] | None = Field(default=None, description="records that it tells of")
    content: Attachment | None = Field(
        default=None, description="what describes the content; the bytes are in the body store"
    )
    at: When | None = Field(default=None, description="when it was made")
