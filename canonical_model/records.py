"""The records of the canonical model: what there is in cell and gene therapy. One class per kind; no behaviour.

Every field is optional here, because a frame or an event asserts a part; what an event must say stands in the catalogue
(`canonical_model.catalogue`). A field marked `personal` never enters the log: the hub seals it (architecture 5).
References name a record by kind and identifiers. Kinds and fields follow domain design 3.2.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from canonical_model.values import (
    Actor,
    Address,
    Attachment,
    Concept,
    FrameLink,
    Identifier,
    Instant,
    Measurement,
    Model,
    Name,
    Number,
    Organization,
    Participation,
    Period,
    Person,
    Place,
    Quantity,
    Range,
    Ref,
    Sealed,
    Telecom,
    When,
)

_PERSONAL: dict[str, Any] = {"x-personal": True}

Link = Annotated[Ref | FrameLink, Field(union_mode="left_to_right")]
Identifiers = tuple[Identifier, ...]
Concepts = tuple[Concept, ...]
Someone = Person | Actor
People = Annotated[tuple[Someone, ...], Field(json_schema_extra=_PERSONAL)]
Addresses = Annotated[tuple[Address, ...] | Sealed, Field(json_schema_extra=_PERSONAL)]
Telecoms = Annotated[tuple[Telecom, ...] | Sealed, Field(json_schema_extra=_PERSONAL)]
FreeText = Annotated[str | Sealed, Field(json_schema_extra=_PERSONAL)]


class Record(Model):
    """What every record has: the names that partners know it by."""

    identifiers: Identifiers | None = None


class Endpoint(Model):
    """An application and facility that sends or receives messages."""

    application: str | None = None
    application_id: str | None = None
    facility: str | None = None
    facility_id: str | None = None
    address: str | None = None
    address_id: str | None = None
    organization: Organization | None = None


class Message(Model):
    """What a message says of itself. Only a frame: the log has the envelope of its events instead."""

    sender: Endpoint | None = None
    receiver: Endpoint | None = None
    sent_at: When | None = None
    code: str | None = None
    trigger: str | None = None
    structure: str | None = None
    control_id: str | None = None
    processing: str | None = None
    processing_mode: str | None = None
    version: str | None = None
    sequence: int | None = None
    accept_acknowledgement: str | None = None
    application_acknowledgement: str | None = None
    country: str | None = None
    charset: str | None = None
    language: Concept | None = None
    profiles: Identifiers | None = None
    recorded_at: When | None = None
    planned_at: When | None = None
    occurred_at: When | None = None
    reason: str | None = None
    operators: People | None = None
    event_facility: str | None = None
    event_facility_id: str | None = None


class Party(Record):
    """An organisation that takes part. People appear only as actors."""

    name: str | None = None
    roles: tuple[str, ...] | None = None
    country: str | None = None
    region: str | None = None
    parent: Link | None = None


class Location(Record):
    """A site, room, storage or vehicle; its zone is what its un-zoned times are read in."""

    name: str | None = None
    party: Link | None = None
    zone: str | None = None
    country: str | None = None
    kind: Literal["site", "room", "storage", "vehicle"] | None = None
    parent: Link | None = None


class Device(Record):
    """A logger, shipper, freezer or instrument."""

    kind: Literal["logger", "shipper", "equipment", "freezer", "software"] | None = None
    model: str | None = None
    serial: str | None = None
    owner: Link | None = None
    calibrated_until: When | None = None


class Subject(Record):
    """A patient or donor, pseudonymous: its identifiers in the log are tokens; the vault knows the person."""

    roles: tuple[Literal["patient", "donor"], ...] | None = None
    home: Link | None = None
    birth_year: int | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None
    abo_rh: str | None = None
    deceased: bool | None = None
    deceased_at: When | None = None
    identity_unknown: bool | None = None
    identity_reliability: str | None = None
    stated_at: When | None = None
    retired: Identifiers | None = Field(default=None, description="names of the record that a merge retired")


class Identity(Model):
    """Who a subject is. Only the vault keeps it; it never enters the log (architecture 5)."""

    identifiers: Identifiers | None = None
    external_identifier: Identifier | None = None
    alternate_identifiers: Identifiers | None = None
    retired_identifiers: Identifiers | None = None
    retired_alternates: Identifiers | None = None
    retired_account: Identifier | None = None
    retired_external: Identifier | None = None
    retired_names: tuple[Name, ...] | None = None
    names: tuple[Name, ...] | None = None
    mother_names: tuple[Name, ...] | None = None
    aliases: tuple[Name, ...] | None = None
    birth_date: str | None = Field(default=None, pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
    birth_time: str | None = None
    addresses: tuple[Address, ...] | None = None
    county: str | None = None
    telecoms: tuple[Telecom, ...] | None = None
    home_telecoms: tuple[Telecom, ...] | None = None
    work_telecoms: tuple[Telecom, ...] | None = None
    language: Concept | None = None
    account: Identifier | None = None
    national_number: str | None = None
    birth_place: str | None = None
    multiple_birth: bool | None = None
    birth_order: int | None = None


class ParentResult(Model):
    """The result that led to this order or report."""

    test: Concept | None = None
    sub_id: str | None = None
    text: FreeText | None = None


class _Request(Record):
    """What order and report share: who asked whom for what, when."""

    action: str | None = Field(default=None, description="what the message asks or states; becomes the event's type")
    patient: Link | None = None
    state: str | None = None
    state_modifier: Concept | None = None
    service: Concept | None = None
    procedure: Concept | None = None
    category: Concept | None = None
    priority: str | None = None
    parents: Identifiers | None = None
    parent_service: Concept | None = None
    parent_result: ParentResult | None = None
    stated_at: When | None = None
    effective_at: When | None = None
    requested_at: When | None = None
    expected_at: When | None = None
    scheduled_at: When | None = None
    target: When | None = Field(default=None, description="when the therapy is wanted (target infusion)")
    target_priority: str | None = None
    observed: Period | None = None
    reported_at: When | None = None
    status: str | None = None
    section: str | None = None
    requesters: People | None = None
    entered_by: People | None = None
    verified_by: People | None = None
    action_by: People | None = None
    copies_to: People | None = None
    collectors: People | None = None
    interpreter: Annotated[Participation | None, Field(json_schema_extra=_PERSONAL)] = None
    interpreter_assistants: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=_PERSONAL)] = None
    technicians: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=_PERSONAL)] = None
    transcribers: Annotated[tuple[Participation, ...] | None, Field(json_schema_extra=_PERSONAL)] = None
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
    danger: Concept | None = None
    clinical_information: FreeText | None = None
    specimen_action: str | None = None
    specimen_received_at: When | None = None
    collected_volume: Quantity | None = None
    collector_comments: Concepts | None = None
    sample_containers: int | None = None
    placer_information: Concepts | None = None
    filler_information: Concepts | None = None


class TherapyOrder(_Request):
    """One therapy event ordered for one patient: what the chain of identity names."""

    protocol: str | None = Field(default=None, description="id@version of the Protocol that governs it")
    donor: Link | None = None
    site: Link | None = None
    sponsor: Link | None = None
    manufacturer: Link | None = None
    indication: Concepts | None = None
    programme: Literal["commercial", "trial", "expanded-access", "hospital-exemption"] | None = None
    weight: Quantity | None = None
    attempt: int | None = None
    replaces: Link | None = None
    note: FreeText | None = None


class Report(_Request):
    """Results given together, such as one OBR of an ORU or one DiagnosticReport."""

    order: Link | None = None


class Consent(Record):
    """What a subject agreed to, and until when."""

    order: Link | None = None
    subject: Link | None = None
    scope: tuple[str, ...] | None = None
    status: Literal["active", "refused", "withdrawn", "expired"] | None = None
    period: Period | None = None
    form: Link | None = None


class Appointment(Record):
    """A slot of a resource: for apheresis, pick-up, manufacture, delivery, conditioning, infusion, follow-up."""

    order: Link | None = None
    kind: str | None = None
    resource: Link | None = None
    period: Period | None = None
    status: Literal["proposed", "held", "booked", "done", "cancelled", "missed"] | None = None
    replaces: Link | None = None


class Collection(Record):
    """One apheresis or other collection of starting material; its DIN names the donation."""

    order: Link | None = None
    donor: Link | None = None
    facility: Link | None = None
    procedure: Concept | None = None
    attempt: int | None = None
    period: Period | None = None
    status: Literal["planned", "in-progress", "completed", "failed", "cancelled"] | None = None
    outputs: tuple[Link, ...] | None = None
    reason: Concept | None = None


class Material(Record):
    """A substance with a history: starting material, product, sample, reagent or vector lot."""

    stage: (
        Literal[
            "starting",
            "intermediate",
            "drug-substance",
            "drug-product",
            "reagent",
            "vector",
            "sample",
            "retain",
        ]
        | None
    ) = None
    order: Link | None = None
    report: Link | None = None
    collection: Link | None = None
    batch: Link | None = None
    parents: tuple[Link, ...] | None = None
    parent_identifiers: tuple[PairedIdentifier, ...] | None = None
    product: Concept | None = None
    lot: str | None = None
    coi: Identifier | None = None
    amount: Quantity | None = None
    current_amount: Quantity | None = None
    expires_at: When | None = None
    storage: str | None = None
    collected: Period | None = None
    received_at: When | None = None
    inspection: Inspection | None = None
    modifiers: Concepts | None = None
    additives: Concepts | None = None
    collection_method: Concept | None = None
    source_site: Concept | None = None
    source_site_modifiers: Concepts | None = None
    collection_site: Concept | None = None
    roles: Concepts | None = None
    grouped_count: int | None = None
    descriptions: Annotated[tuple[str, ...] | Sealed | None, Field(json_schema_extra=_PERSONAL)] = None
    handling: Concepts | None = None
    risks: Concepts | None = None
    available: bool | None = None
    reject_reasons: Concepts | None = None
    quality: Concept | None = None
    appropriateness: Concept | None = None
    conditions: Concepts | None = None
    container_count: int | None = None
    container_type: Concept | None = None
    container_condition: Concept | None = None
    child_role: Concept | None = None
    accessions: Identifiers | None = None
    shipment: Identifier | None = None


class PairedIdentifier(Model):
    """The placer's and the filler's identifier of one thing."""

    placer: Identifier | None = None
    filler: Identifier | None = None


class Inspection(Model):
    """What a look at something on receipt found."""

    result: Literal["accepted", "rejected", "conditional"] | None = None
    conditions: Concepts | None = None
    temperature: Quantity | None = None
    text: FreeText | None = None


class Label(Model):
    """What is printed on a container. Person data of a label is the vault's."""

    coi: Identifier | None = None
    din: str | None = None
    lot: str | None = None
    product: str | None = None
    division: str | None = None
    expiry: str | None = None


class Container(Record):
    """The only thing ever scanned: bag, vial, syringe, tube, kit."""

    order: Link | None = None
    material: Link | None = None
    collection: Link | None = None
    batch: Link | None = None
    shipment: Link | None = None
    kind: str | None = None
    role: Literal["primary", "backup", "retain", "sample", "salvage"] | None = None
    label: Label | None = None
    amount: Quantity | None = None
    holder: Link | None = None
    giver: Link | None = None
    taker: Link | None = None
    location: Place | None = None
    parent: Link | None = None
    inspection: Inspection | None = None
    seal: str | None = None


class Batch(Record):
    """One run of manufacture."""

    order: Link | None = None
    site: Link | None = None
    recipe: str | None = None
    attempt: int | None = None
    status: Literal["planned", "running", "completed", "failed", "terminated"] | None = None
    period: Period | None = None
    inputs: tuple[Link, ...] | None = None
    outputs: tuple[Link, ...] | None = None
    reason: Concept | None = None


class Result(Record):
    """One test result of a material, container, batch or patient."""

    order: Link | None = None
    report: Link | None = None
    patient: Link | None = None
    material: Link | None = None
    container: Link | None = None
    batch: Link | None = None
    test: Concept | None = None
    sub_id: str | None = None
    instance: Identifier | None = None
    status: str | None = None
    value: Measurement | None = None
    declared: str | None = Field(default=None, description="value type that the sender declared")
    criterion: str | None = None
    specification: str | None = Field(default=None, description="id@version of the Specification applied")
    limit: Range | None = None
    evaluation: Literal["in", "out", "not-evaluated"] | None = None
    interpretation: Concepts | None = None
    reference_range: str | None = None
    range_effective_at: When | None = None
    observed_at: When | None = None
    analysed_at: When | None = None
    reported_at: When | None = None
    category: str | None = None
    subcategory: str | None = None
    methods: Concepts | None = None
    devices: Identifiers | None = None
    sites: Concepts | None = None
    producer: Concept | None = None
    observers: People | None = None
    director: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    laboratory: Organization | None = None
    laboratory_address: Annotated[Address | Sealed | None, Field(json_schema_extra=_PERSONAL)] = None
    absent_reason: Concept | None = None
    note: FreeText | None = None


class Disposition(Record):
    """A quality decision about a material. An event, never a status column."""

    order: Link | None = None
    material: Link | None = None
    container: Link | None = None
    batch: Link | None = None
    decision: (
        Literal["quarantined", "released", "released-conditional", "released-exceptionally", "rejected", "revoked"]
        | None
    ) = None
    specification: str | None = None
    signer: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    role: str | None = None
    physician_request: Link | None = None
    risk_evaluation: Link | None = None
    acceptance: Link | None = None
    notifications: Identifiers | None = None


class Shipment(Record):
    """Containers on their way from one party to another."""

    order: Link | None = None
    direction: (
        Literal["kit", "collection-outbound", "to-patient", "transfer", "sample", "empty-return", "destruction"] | None
    ) = None
    shipper: Link | None = None
    consignee: Link | None = None
    carrier: Link | None = None
    contents: tuple[Link, ...] | None = None
    removed: tuple[Link, ...] | None = None
    packaging: Link | None = None
    loggers: tuple[Link, ...] | None = None
    condition: str | None = Field(default=None, description="name of the Protocol's condition")
    planned: Period | None = None
    hold_until: When | None = None
    status: str | None = None
    place: Place | None = None
    giver: Link | None = None
    taker: Link | None = None
    inspection: Inspection | None = None


class Point(Model):
    """One value of a series: seconds after the start, and the value."""

    seconds: Number
    value: Number


class Readings(Record):
    """A series of one channel of one device: columnar, one record per file and channel."""

    order: Link | None = None
    shipment: Link | None = None
    container: Link | None = None
    location: Place | None = None
    device: Link | None = None
    channel: str | None = None
    quantity: Literal["temperature", "humidity", "tilt", "shock", "battery", "pressure", "light"] | None = None
    unit: str | None = None
    start: When | None = None
    end: When | None = None
    points: tuple[Point, ...] | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    mean: Number | None = None


class Administration(Record):
    """The product given to the patient, or not given."""

    order: Link | None = None
    patient: Link | None = None
    site: Link | None = None
    containers: tuple[Link, ...] | None = None
    status: Literal["planned", "thawing", "running", "completed", "stopped", "not-done"] | None = None
    period: Period | None = None
    dose: Quantity | None = None
    dose_number: int | None = None
    route: Concept | None = None
    performer: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    verifier: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    reason: Concept | None = None


class Verification(Record):
    """Scanned identifiers compared with what was expected, by named people, at a handoff."""

    order: Link | None = None
    patient: Link | None = None
    containers: tuple[Link, ...] | None = None
    result: Literal["match", "mismatch"] | None = None
    method: str | None = None
    people: People | None = None


class Outcome(Record):
    """What became of the patient after the infusion."""

    order: Link | None = None
    patient: Link | None = None
    kind: Literal["response", "adverse-event", "vital-status", "persistence", "secondary-malignancy"] | None = None
    code: Concept | None = None
    grade: int | None = None
    serious: bool | None = None
    observed_at: When | None = None
    value: Measurement | None = None


class Issue(Record):
    """What needs a person."""

    order: Link | None = None
    rule: str | None = None
    kind: str | None = None
    severity: Literal["info", "minor", "major", "critical"] | None = None
    about: tuple[Link, ...] | None = None
    cause: str | None = None
    text: str | None = None
    status: Literal["open", "assessed", "resolved"] | None = None
    assessment: FreeText | None = None
    person: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    role: str | None = None


class Document(Record):
    """A file about something; the content is in the body store."""

    order: Link | None = None
    kind: str | None = None
    title: str | None = None
    media_type: str | None = None
    sha256: str | None = None
    size: int | None = None
    content: Attachment | None = None
    at: When | None = None


class Amount(Model):
    """An amount of a class of thing, such as 4 vials of a lot."""

    item: Identifier | None = None
    quantity: Quantity | None = None


class Transaction(Model):
    """A business document that an act belongs to: its type and identifier."""

    type: str | None = None
    identifier: Identifier


class Side(Model):
    """One side of a handover: the sort of side (possessing party, owning party, location) and who or where."""

    type: str
    identifier: Identifier


class Series(Model):
    """What one device measured during an act: the readings before they have a record of their own."""

    device: Identifier | None = None
    channel: str | None = None
    quantity: str | None = None
    unit: str | None = None
    at: When | None = None
    start: When | None = None
    end: When | None = None
    points: tuple[Point, ...] | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    mean: Number | None = None
    exception: str | None = None


class Correction(Model):
    """That an earlier statement was wrong, when and why."""

    at: When | None = None
    reason: str | None = None
    corrected_by: Identifiers | None = None


class Handling(Record):
    """What someone did with containers: what, when, where, why, between whom, and what was measured.

    Only a frame: `on:` turns it into events about containers, shipments and readings. EPCIS events, couriers'
    milestones and receipt rows are all of this kind.
    """

    form: str | None = Field(default=None, description="object, aggregation, transaction, transformation, association")
    action: Literal["add", "observe", "delete"] | None = None
    step: str | None = Field(default=None, description="business step, by the code relation of the format")
    disposition: str | None = None
    persistent: tuple[str, ...] | None = Field(default=None, description="dispositions that stay until unset")
    at: When | None = None
    recorded_at: When | None = None
    containers: Identifiers | None = None
    shipment: Identifier | None = None
    outputs: Identifiers | None = None
    amounts: tuple[Amount, ...] | None = None
    order: Identifier | None = None
    read_point: Identifier | None = None
    location: Identifier | None = None
    transactions: tuple[Transaction, ...] | None = None
    sources: tuple[Side, ...] | None = None
    destinations: tuple[Side, ...] | None = None
    giver: Identifier | None = None
    taker: Identifier | None = None
    series: tuple[Series, ...] | None = None
    lot: str | None = None
    expires: str | None = None
    correction: Correction | None = None
    inspection: Inspection | None = None
    amount: Quantity | None = None
    performer: Annotated[Someone | None, Field(json_schema_extra=_PERSONAL)] = None
    note: FreeText | None = None


class Answer(Model):
    """The acknowledgement of a message. Only a frame."""

    code: str | None = None
    control_id: str | None = None
    text: str | None = None
    expected_sequence: int | None = None


class ErrorPlace(Model):
    """Where in a message a fault is, as HL7 counts (ERL)."""

    segment: str
    ordinal: int | None = None
    field: int | None = None
    repeat: int | None = None
    component: int | None = None
    subcomponent: int | None = None


class Finding(Model):
    """One fault named by an acknowledgement. Only a frame."""

    places: tuple[ErrorPlace, ...] | None = None
    condition: Concept | None = None
    severity: str | None = None
    code: Concept | None = None
    diagnostic: str | None = None
    text: str | None = None


RECORDS: dict[str, type[Model]] = {
    "party": Party,
    "location": Location,
    "device": Device,
    "subject": Subject,
    "order": TherapyOrder,
    "report": Report,
    "consent": Consent,
    "appointment": Appointment,
    "collection": Collection,
    "material": Material,
    "container": Container,
    "batch": Batch,
    "result": Result,
    "disposition": Disposition,
    "shipment": Shipment,
    "readings": Readings,
    "administration": Administration,
    "verification": Verification,
    "outcome": Outcome,
    "issue": Issue,
    "document": Document,
}
"""Kinds that the log knows."""

FRAME_ONLY: dict[str, type[Model]] = {
    "message": Message,
    "identity": Identity,
    "handling": Handling,
    "answer": Answer,
    "finding": Finding,
}
"""Kinds that only a message has: its own header, the vault's data, an acknowledgement."""

Material.model_rebuild()

FRAME_FIELDS = frozenset({"action"})
"""Fields that say what a message does, not what a record is: they choose the event's type and stay out of its data."""

__all__ = ["FRAME_FIELDS", "FRAME_ONLY", "RECORDS", "Instant", "Record"]
