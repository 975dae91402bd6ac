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

    kind: Concept | None = None
    additives: Concept | None = None
    method: str | None = None
    site: Concept | None = None
    site_modifier: Concept | None = None
    method_modifier: Concept | None = None
    role: Concept | None = None


class ParentResult(Model):
    """The result that led to this order or report."""

    test: Concept | None = None
    sub_id: str | None = None
    text: FreeText | None = None


class _Request(Record):
    """What order and report share: who asked whom for what, when."""

    action: str | None = Field(default=None, description="what the message asks or states; becomes the event's type")
    patient: Link | None = None
    state: str | None = Field(
        default=None, description="where the sender says the request stands; the order's facet comes from event types"
    )
    state_modifier: Concept | None = None
    service: Concept | None = Field(default=None, description="what was ordered: the product or test")
    procedure: Concept | None = Field(default=None, description="the procedure behind the service, where named apart")
    category: Concept | None = None
    categories: Concepts | None = None
    intent: str | None = Field(default=None, description="order, or only a plan or proposal of one")
    do_not_perform: Flag | None = Field(default=None, description="true: what is asked for is not to be done")
    priority: str | None = None
    parents: Identifiers | None = Field(default=None, description="names of the order that this one belongs to")
    parent_service: Concept | None = None
    parent_result: ParentResult | None = None
    result_group: Identifier | None = Field(default=None, description="the filler's name of results given together")
    parent_result_group: Identifier | None = None
    stated_at: When | None = Field(default=None, description="when the sender says this")
    effective_at: When | None = Field(default=None, description="from when a change counts")
    requested_at: When | None = None
    expected_at: When | None = None
    scheduled_at: When | None = None
    target: When | None = Field(default=None, description="when the therapy is wanted (target infusion)")
    target_period: Period | None = None
    target_priority: str | None = None
    observed: Period | None = Field(default=None, description="when what is reported was observed or collected")
    reported_at: When | None = None
    status: str | None = Field(default=None, description="status of the report: preliminary, final, corrected")
    section: str | None = Field(default=None, description="diagnostic section of the laboratory")
    requesters: People | None = None
    performers: People | None = Field(default=None, description="who is asked to do it")
    performing_organizations: tuple[Organization, ...] | None = None
    entered_by: People | None = None
    verified_by: People | None = None
    action_by: People | None = None
    copies_to: People | None = None
    collectors: People | None = None
    interpreter: Annotated[Participation | None, Field(json_schema_extra=PERSONAL)] = None
    interpreter_assistants: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = None
    technicians: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = None
    transcribers: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=PERSONAL)] = None
    entered_at: Place | None = None
    callback: Telecoms | None = None
    entering_organization: Concept | None = None
    entering_device: Concept | None = None
    facilities: tuple[Organization, ...] | None = None
    facility_addresses: Addresses | None = None
    facility_telecoms: Telecoms | None = None
    requester_addresses: Addresses | None = None
    confidentiality: Concept | None = None
    control_reason: Concept | None = None
    reasons: Concepts | None = None
    danger: Concept | None = Field(default=None, description="what to beware of when handling the specimen")
    clinical_information: FreeText | None = None
    specimen_action: str | None = None
    specimen_source: SpecimenSource | None = None
    specimen_received_at: When | None = None
    collected_volume: Quantity | None = Field(default=None, description="volume collected, unit in UCUM")
    collector_comments: Concepts | None = None
    sample_containers: Whole | None = Field(default=None, description="how many containers were collected")
    placer_information: Concepts | None = None
    filler_information: Concepts | None = None


class TherapyOrder(_Request):
    """One therapy event ordered for one patient: what the chain of identity names."""

    protocol: str | None = Field(default=None, description="id@version of the Protocol that governs it")
    donor: Link | None = None
    site: Link | None = None
    sponsor: Link | None = None
    manufacturer: Link | None = None
    indication: Concepts | None = Field(default=None, description="the disease that is treated")
    programme: Literal["commercial", "trial", "expanded-access", "hospital-exemption"] | None = None
    weight: Quantity | None = Field(
        default=None, description="the patient's body weight for the dose, unit in UCUM (kg)"
    )
    attempt: Whole | None = Field(
        default=None, description="1 for the first; counts up after a failed collection or batch"
    )
    retired: Identifiers | None = Field(
        default=None, description="chain-of-identity identifiers that were voided or replaced; labels keep resolving"
    )
    replaces: Link | None = Field(
        default=None, description="the order that this one takes the place of; it has its own chain of identity"
    )
    note: FreeText | None = None


class Report(_Request):
    """Results given together, such as one OBR of an ORU or one DiagnosticReport."""

    order: Link | None = None
    material: Link | None = Field(default=None, description="what the results tell of, where all tell of one thing")
