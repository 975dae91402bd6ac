"""What is found and decided: results, dispositions, Issues, documents. What is given stands in `treatment`."""

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
    Identifier,
    Measurement,
    Model,
    Organization,
    Period,
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
    ethics: Identifier | None = Field(default=None, description="reference of the ethics committee or review board")
    consent: Link | None = Field(default=None, description="the patient's new consent: evidence of the same")
    certificate: Link | None = Field(default=None, description="certificate of analysis")
    basis: tuple[Link, ...] | None = Field(default=None, description="results and Issues that the decision rests on")
    region: str | None = Field(default=None, description="region for which it was decided; absent: the order's")


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
    owner: str | None = Field(default=None, description="role that has to see to it")
    due: When | None = Field(default=None, description="by when it has to be settled")
    external: Identifiers | None = Field(default=None, description="numbers in quality systems: deviation, CAPA")
    evidence: tuple[Link, ...] | None = Field(default=None, description="documents and records that settle it")
    resolution: FreeText | None = Field(default=None, description="how it was settled")
    patient: Link | None = Field(default=None, description="the person whom it is about")
    found_at: When | None = Field(default=None, description="when it was found")
    finding: Concept | None = Field(default=None, description="what was found, in the code of another system")


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
    language: str | None = Field(default=None, description="language of the content (BCP 47)")
    type: Concept | None = Field(default=None, description="what sort of document, in the sender's code")
    status: str | None = Field(default=None, description="current or superseded: whether it still counts")
    patient: Link | None = Field(default=None, description="the person whom it is about")
    author: Organization | None = Field(default=None, description="the organisation that made it")
    replaces: Link | None = Field(default=None, description="the document that it takes the place of")
    completion: str | None = Field(default=None, description="how far it is finished: in progress, authenticated, …")
    availability: str | None = Field(default=None, description="whether it may be used: available, cancelled, …")
    confidentiality: str | None = Field(default=None, description="how confidential it is, in the sender's code")
    file_name: FreeText | None = Field(default=None, description="name of the file that the sender keeps")
    authors: People | None = Field(default=None, description="who wrote it")
    authenticators: People | None = Field(default=None, description="who stands for it")
    reason: FreeText | None = Field(default=None, description="why it was changed, in the sender's words")
