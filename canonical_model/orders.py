"""Orders and reports: who asked whom for what, and what was given together in answer. No results."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import Addresses, Concepts, FreeText, Identifiers, Link, People, Record, Telecoms
from canonical_model.values import (
    PERSONAL,
    Concept,
    Flag,
    Identifier,
    Model,
    Number,
    Organization,
    Participation,
    Period,
    Place,
    Quantity,
    When,
    Whole,
)


class SpecimenSource(Model):
    """What was taken from where, as an order says it that has no record of the specimen (HL7 before 2.5)."""

    kind: Concept | None = Field(default=None, description="type of specimen")
    additives: Concept | None = Field(default=None, description="what was added")
    method: str | None = Field(default=None, description="how it was collected, in words")
    site: Concept | None = Field(default=None, description="body site")
    site_modifier: Concept | None = Field(default=None, description="what makes the site more exact")
    method_modifier: Concept | None = Field(default=None, description="what makes the method more exact")
    role: Concept | None = Field(default=None, description="purpose of the specimen")


class ParentResult(Model):
    """The result that led to this order or report."""

    test: Concept | None = Field(default=None, description="what was measured")
    sub_id: str | None = Field(default=None, description="tells results of one test apart")
    text: FreeText | None = Field(default=None, description="the result in words")


class _Request(Record):
    """What order and report share: who asked whom for what, when."""

    action: str | None = Field(default=None, description="what the message asks or states; becomes the event's type")
    patient: Link | None = Field(default=None, description="for whom")
    state: str | None = Field(
        default=None, description="where the sender says the request stands; the order's facet comes from event types"
    )
    state_modifier: Concept | None = Field(default=None, description="what makes that more exact")
    service: Concept | None = Field(default=None, description="what was ordered: the product or test")
    procedure: Concept | None = Field(default=None, description="the procedure behind the service, where named apart")
    category: Concept | None = Field(default=None, description="sort of request, where one is stated")
    categories: Concepts | None = Field(default=None, description="sorts of request, where several are stated")
    intent: str | None = Field(default=None, description="order, or only a plan or proposal of one")
    do_not_perform: Flag | None = Field(default=None, description="true: what is asked for is not to be done")
    priority: str | None = Field(default=None, description="how urgent it is, in the sender's code")
    parents: Identifiers | None = Field(default=None, description="names of the order that this one belongs to")
    parent_service: Concept | None = Field(
        default=None, description="what the order that this one belongs to asked for"
    )
    parent_result: ParentResult | None = Field(default=None, description="the result that led to this")
    result_group: Identifier | None = Field(default=None, description="the filler's name of results given together")
    parent_result_group: Identifier | None = Field(default=None, description="name of the results that led to this")
    stated_at: When | None = Field(default=None, description="when the sender says this")
    effective_at: When | None = Field(default=None, description="from when a change counts")
    requested_at: When | None = Field(default=None, description="when it was asked for")
    expected_at: When | None = Field(default=None, description="when results or product are expected")
    scheduled_at: When | None = Field(default=None, description="when it is scheduled")
    target: When | None = Field(default=None, description="when the therapy is wanted (target infusion)")
    target_period: Period | None = Field(default=None, description="period in which the therapy is wanted")
    target_priority: str | None = Field(default=None, description="urgency of that timing")
    observed: Period | None = Field(default=None, description="when what is reported was observed or collected")
    reported_at: When | None = Field(default=None, description="when the report was released")
    status: str | None = Field(default=None, description="status of the report: preliminary, final, corrected")
    section: str | None = Field(default=None, description="diagnostic section of the laboratory")
    requesters: People | None = Field(default=None, description="who asks for it")
    performers: People | None = Field(default=None, description="who is asked to do it")
    performing_organizations: tuple[Organization, ...] | None = Field(
        default=None, description="organisations that are asked to do it"
    )
    entered_by: People | None = Field(default=None, description="who entered it")
    verified_by: People | None = Field(default=None, description="who verified the entry")
    action_by: People | None = Field(default=None, description="who acted on it")
    copies_to: People | None = Field(default=None, description="who gets copies of results")
    collectors: People | None = Field(default=None, description="who collects the specimen")
    interpreter: Annotated[Participation | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who interprets the results in the first place"
    )
    interpreter_assistants: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who assists the interpreter"
    )
    technicians: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who measures"
    )
    transcribers: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who writes the report"
    )
    entered_at: Place | None = Field(default=None, description="where it was entered")
    callback: Telecoms | None = Field(default=None, description="whom to call back")
    entering_organization: Concept | None = Field(default=None, description="organisation that entered it")
    entering_device: Concept | None = Field(default=None, description="device or system on which it was entered")
    facilities: tuple[Organization, ...] | None = Field(default=None, description="facilities that ask for it")
    facility_addresses: Addresses | None = Field(default=None, description="addresses of those")
    facility_telecoms: Telecoms | None = Field(default=None, description="numbers of those")
    requester_addresses: Addresses | None = Field(default=None, description="addresses of who asks")
    confidentiality: Concept | None = Field(default=None, description="how confidential it is")
    control_reason: Concept | None = Field(default=None, description="why it was cancelled, held or changed")
    reasons: Concepts | None = Field(default=None, description="why it is asked for")
    danger: Concept | None = Field(default=None, description="what to beware of when handling the specimen")
    clinical_information: FreeText | None = Field(
        default=None, description="what the laboratory should know of the patient"
    )
    specimen_action: str | None = Field(default=None, description="what to do with the specimen")
    specimen_source: SpecimenSource | None = Field(
        default=None, description="the specimen, where it has no record of its own"
    )
    specimen_received_at: When | None = Field(default=None, description="when the laboratory received the specimen")
    collected_volume: Quantity | None = Field(default=None, description="volume collected, unit in UCUM")
    collector_comments: Concepts | None = Field(default=None, description="remarks of the collector")
    sample_containers: Whole | None = Field(default=None, description="how many containers were collected")
    units: Number | None = Field(default=None, description="how many units are asked for")
    amount: Quantity | None = Field(default=None, description="how much of it, or of each unit, is asked for")
    placer_information: Concepts | None = Field(default=None, description="further fields of the placer")
    filler_information: Concepts | None = Field(default=None, description="further fields of the filler")


class TherapyOrder(_Request):
    """One therapy event ordered for one patient: what the chain of identity names."""

    protocol: str | None = Field(default=None, description="id@version of the Protocol that governs it")
    donor: Link | None = Field(default=None, description="who gives the cells; of an autologous order the patient")
    site: Link | None = Field(default=None, description="where the patient is treated")
    sponsor: Link | None = Field(default=None, description="who answers for the therapy")
    manufacturer: Link | None = Field(default=None, description="who makes the product")
    indication: Concepts | None = Field(default=None, description="the disease that is treated")
    programme: Literal["commercial", "trial", "expanded-access", "hospital-exemption"] | None = Field(
        default=None, description="on what grounds the therapy is given"
    )
    weight: Quantity | None = Field(
        default=None, description="the patient's body weight for the dose, unit in UCUM (kg)"
    )
    weighed_at: When | None = Field(default=None, description="when that weight was measured")
    titre: Quantity | None = Field(default=None, description="antibodies against the capsid, as a titre, unit in UCUM")
    titre_at: When | None = Field(default=None, description="when the blood for that titre was taken")
    region: str | None = Field(default=None, description="region whose rules of release count, such as US or EU")
    attempt: Whole | None = Field(
        default=None, description="1 for the first; counts up after a failed collection or batch"
    )
    material_instruction: Concept | None = Field(
        default=None, description="what becomes of existing material when the order ends: destroy, retain, return"
    )
    retired: Identifiers | None = Field(
        default=None, description="chain-of-identity identifiers that were voided or replaced; labels keep resolving"
    )
    replaces: Link | None = Field(
        default=None, description="the order that this one takes the place of; it has its own chain of identity"
    )
    note: FreeText | None = Field(default=None, description="remark in words")


class Report(_Request):
    """Results given together, such as one OBR of an ORU or one DiagnosticReport."""

    order: Link | None = Field(default=None, description="the order that it answers")
    material: Link | None = Field(default=None, description="what the results tell of, where all tell of one thing")
