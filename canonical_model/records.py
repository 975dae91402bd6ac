"""The records of the canonical model: what there is in cell and gene therapy. One class per kind; no behaviour.

Every field is optional here, because a frame or an event asserts a part; what an event must say stands in the catalogue
(`canonical_model.catalogue`). A field marked `personal` never enters the log: the hub seals it (architecture 5).
References name a record by kind and identifiers. Kinds and fields follow domain design 3.2. Orders and reports stand in
`orders`, kinds that only a message has in `messages`, what several kinds share in `fields`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import (
    Concepts,
    FreeText,
    Identifiers,
    Inspection,
    Label,
    Link,
    PairedIdentifier,
    People,
    Point,
    Record,
    Someone,
)
from canonical_model.messages import FRAME_ONLY
from canonical_model.orders import Report, TherapyOrder
from canonical_model.values import (
    PERSONAL,
    Address,
    Attachment,
    Concept,
    Flag,
    Identifier,
    Measurement,
    Model,
    Number,
    Organization,
    Period,
    Place,
    Quantity,
    Range,
    Sealed,
    When,
    Whole,
)


class Party(Record):
    """An organisation that takes part. People appear only as actors."""

    name: str | None = None
    roles: tuple[str, ...] | None = Field(default=None, description="roles of the model's list in which it speaks")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    region: str | None = Field(
        default=None, description="data residency region; its persons stay in that region's vault"
    )
    parent: Link | None = None


class Location(Record):
    """A site, room, storage or vehicle; its zone is what its un-zoned times are read in."""

    name: str | None = None
    party: Link | None = None
    zone: str | None = Field(default=None, description="IANA name; un-zoned times of this place are read in it")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    kind: Literal["site", "room", "storage", "vehicle"] | None = None
    parent: Link | None = None


class Device(Record):
    """A logger, shipper, freezer or instrument."""

    kind: Literal["logger", "shipper", "equipment", "freezer", "software"] | None = None
    model: str | None = None
    serial: str | None = Field(default=None, description="as engraved or labelled")
    owner: Link | None = None
    calibrated_until: When | None = Field(default=None, description="end of the calibration's validity")


class Subject(Record):
    """A patient or donor, pseudonymous: its identifiers in the log are tokens; the vault knows the person."""

    roles: tuple[Literal["patient", "donor"], ...] | None = None
    home: Link | None = Field(default=None, description="the site whose region keeps the person's identity")
    birth_year: Whole | None = Field(default=None, description="four digits; the birth date itself is the vault's")
    sex: Literal["female", "male", "other", "unknown"] | None = None
    abo_rh: str | None = Field(default=None, description="blood group as sent")
    deceased: Flag | None = None
    deceased_at: When | None = None
    identity_unknown: Flag | None = None
    identity_reliability: str | None = Field(
        default=None, description="the sender's own word on how sure the identity is (HL7 PID-32)"
    )
    stated_at: When | None = Field(default=None, description="when the sender last changed what it knows")
    retired: Identifiers | None = Field(default=None, description="names of the record that a merge retired")
    replaces: Link | None = Field(default=None, description="the record of the same person that this one took over")
    replaced_by: Link | None = Field(default=None, description="the record of the same person that took this one over")
    active: Flag | None = Field(default=None, description="false: the partner no longer uses this record")
    identity_digest: str | None = Field(default=None, description="changes when what the vault knows does")


class Consent(Record):
    """What a subject agreed to, and until when."""

    order: Link | None = None
    subject: Link | None = None
    scope: tuple[str, ...] | None = Field(
        default=None,
        description="treatment, manufacture, data-sharing, registry, research, data-transfer; absent: treatment",
    )
    status: Literal["active", "refused", "withdrawn", "expired"] | None = None
    period: Period | None = Field(default=None, description="validity; after its end there is no consent")
    form: Link | None = Field(default=None, description="the signed document")


class Appointment(Record):
    """A slot of a resource: for apheresis, pick-up, manufacture, delivery, conditioning, infusion, follow-up."""

    order: Link | None = None
    kind: str | None = Field(
        default=None, description="apheresis, pickup, manufacturing, delivery, conditioning, infusion, follow-up"
    )
    resource: Link | None = Field(default=None, description="who or what is booked")
    period: Period | None = None
    status: Literal["proposed", "held", "booked", "done", "cancelled", "missed"] | None = None
    replaces: Link | None = Field(default=None, description="the appointment that this one moved")


class Collection(Record):
    """One apheresis or other collection of starting material; its DIN names the donation."""

    order: Link | None = None
    donor: Link | None = Field(default=None, description="from whom; of an autologous order the patient")
    facility: Link | None = None
    procedure: Concept | None = None
    attempt: Whole | None = Field(
        default=None, description="attempt of the order that it belongs to; 1 where not stated"
    )
    period: Period | None = None
    status: Literal["planned", "in-progress", "completed", "failed", "cancelled"] | None = None
    outputs: tuple[Link, ...] | None = Field(default=None, description="containers filled")
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
    parents: tuple[Link, ...] | None = Field(default=None, description="materials that it was made or taken from")
    parent_identifiers: tuple[PairedIdentifier, ...] | None = Field(
        default=None, description="names of those, as paired identifiers (HL7 SPM-3)"
    )
    product: Concept | None = None
    lot: str | None = Field(default=None, description="lot number as its maker writes it; unique only with the maker")
    coi: Identifier | None = Field(
        default=None, description="chain-of-identity identifier that travels with the material"
    )
    amount: Quantity | None = Field(default=None, description="amount made, collected or received")
    current_amount: Quantity | None = Field(default=None, description="amount that is left")
    expires_at: When | None = Field(default=None, description="usable up to the end of the stated day or month")
    storage: str | None = Field(default=None, description="name of the Protocol's storage condition")
    collected: Period | None = Field(default=None, description="when it was collected")
    received_at: When | None = None
    inspection: Inspection | None = None
    modifiers: Concepts | None = None
    additives: Concepts | None = None
    collection_method: Concept | None = None
    source_site: Concept | None = None
    source_site_modifiers: Concepts | None = None
    collection_site: Concept | None = None
    roles: Concepts | None = None
    grouped_count: Whole | None = Field(default=None, description="number of specimens that are one")
    descriptions: Annotated[tuple[str, ...] | Sealed | None, Field(json_schema_extra=PERSONAL)] = None
    handling: Concepts | None = None
    risks: Concepts | None = None
    available: Flag | None = Field(default=None, description="false: none of it is left to test")
    reject_reasons: Concepts | None = None
    quality: Concept | None = None
    appropriateness: Concept | None = None
    conditions: Concepts | None = Field(default=None, description="condition in which it was found")
    container_count: Whole | None = None
    container_type: Concept | None = None
    container_condition: Concept | None = None
    child_role: Concept | None = None
    accessions: Identifiers | None = Field(default=None, description="the laboratory's own numbers")
    shipment: Identifier | None = Field(default=None, description="shipment in which it came")


class Container(Record):
    """The only thing ever scanned: bag, vial, syringe, tube, kit."""

    order: Link | None = None
    material: Link | None = None
    collection: Link | None = None
    batch: Link | None = Field(
        default=None, description="the batch that filled it; what went into a batch stands in the batch's inputs"
    )
    shipment: Link | None = None
    kind: str | None = Field(default=None, description="bag, cryobag, vial, syringe, tube, kit")
    role: Literal["primary", "backup", "retain", "sample", "salvage"] | None = None
    label: Label | None = None
    amount: Quantity | None = Field(default=None, description="content, unit in UCUM")
    holder: Link | None = Field(default=None, description="who holds it when it is created")
    giver: Link | None = Field(default=None, description="who hands it over, in one handover")
    taker: Link | None = Field(default=None, description="who takes it, in one handover")
    location: Place | None = Field(default=None, description="where it was at the fact")
    parent: Link | None = Field(default=None, description="cassette, box or shipper that it is in")
    inspection: Inspection | None = None
    seal: str | None = Field(default=None, description="number or state of its seal")


class Batch(Record):
    """One run of manufacture."""

    order: Link | None = None
    site: Link | None = None
    recipe: str | None = Field(default=None, description="id of the master batch record")
    attempt: Whole | None = Field(
        default=None, description="attempt of the order that it belongs to; 1 where not stated"
    )
    status: Literal["planned", "running", "completed", "failed", "terminated"] | None = None
    period: Period | None = None
    inputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that went in")
    outputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that came out")
    reason: Concept | None = None


class Component(Model):
    """One of several values that make one result together, such as the parts of a panel."""

    test: Concept | None = None
    value: Measurement | None = None
    absent_reason: Concept | None = None
    interpretation: Concepts | None = None
    limit: Range | None = Field(default=None, description="specification limits, in the unit of the value")
    reference_range: str | None = None


class Result(Record):
    """One test result of a material, container, batch or patient."""

    order: Link | None = None
    report: Link | None = None
    patient: Link | None = None
    material: Link | None = Field(default=None, description="what was tested, or the sample of it")
    container: Link | None = None
    batch: Link | None = None
    test: Concept | None = None
    categories: Concepts | None = None
    sub_id: str | None = None
    sub_group: str | None = None
    sub_sequence: str | None = None
    sub_name: str | None = None
    instance: Identifier | None = Field(default=None, description="the result's own identifier")
    root_cause: Concept | None = Field(default=None, description="why a result was wrong and is corrected")
    status: str | None = Field(
        default=None, description="preliminary, final, corrected, appended, …; release needs a final one"
    )
    value: Measurement | None = None
    declared: str | None = Field(default=None, description="value type that the sender declared")
    criterion: str | None = Field(
        default=None, description="hub test code of the criterion that it answers, such as viability"
    )
    specification: str | None = Field(default=None, description="id@version of the Specification applied")
    limit: Range | None = Field(default=None, description="specification limits, in the unit of the value")
    evaluation: Literal["in", "out", "not-evaluated"] | None = Field(
        default=None, description="the laboratory's word; never recomputed across units"
    )
    interpretation: Concepts | None = None
    reference_range: str | None = Field(default=None, description="as sent")
    range_effective_at: When | None = None
    observed_at: When | None = Field(default=None, description="when the specimen was taken or observed")
    observed: Period | None = None
    analysed_at: When | None = Field(default=None, description="when it was measured")
    reported_at: When | None = None
    category: str | None = Field(default=None, description="what sort of result: clinical, quality control, …")
    subcategory: str | None = None
    methods: Concepts | None = None
    devices: Identifiers | None = None
    sites: Concepts | None = None
    producer: Concept | None = Field(default=None, description="the observing organisation as sent")
    observers: People | None = None
    director: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    laboratory: Organization | None = None
    laboratory_address: Annotated[Address | Sealed | None, Field(json_schema_extra=PERSONAL)] = None
    absent_reason: Concept | None = None
    components: tuple[Component, ...] | None = None
    members: tuple[Link, ...] | None = Field(default=None, description="results that this one groups")
    derived_from: tuple[Link, ...] | None = Field(default=None, description="results that this one was made of")
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
    specification: str | None = Field(default=None, description="id@version of the Specification that was applied")
    signer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    role: str | None = Field(default=None, description="role in which the signer signed")
    physician_request: Link | None = Field(default=None, description="evidence of an exceptional release")
    risk_evaluation: Link | None = Field(default=None, description="evidence of an exceptional release")
    acceptance: Link | None = Field(
        default=None, description="the physician's acceptance: evidence of an exceptional release"
    )
    notifications: Identifiers | None = Field(
        default=None, description="references of the notifications to authorities"
    )


class Shipment(Record):
    """Containers on their way from one party to another."""

    order: Link | None = None
    direction: (
        Literal["kit", "collection-outbound", "to-patient", "transfer", "sample", "empty-return", "destruction"] | None
    ) = None
    shipper: Link | None = None
    consignee: Link | None = None
    carrier: Link | None = None
    contents: tuple[Link, ...] | None = Field(default=None, description="containers and materials put in")
    removed: tuple[Link, ...] | None = Field(default=None, description="containers and materials taken out")
    packaging: Link | None = Field(default=None, description="the shipper or dewar")
    loggers: tuple[Link, ...] | None = None
    condition: str | None = Field(default=None, description="name of the Protocol's condition")
    planned: Period | None = None
    hold_until: When | None = Field(default=None, description="end of the shipper's qualified hold")
    status: str | None = Field(
        default=None, description="status in the sender's words; the facet comes from event types"
    )
    place: Place | None = Field(default=None, description="where it was at the fact")
    giver: Link | None = Field(default=None, description="who hands it over, in one handover")
    taker: Link | None = Field(default=None, description="who takes it, in one handover")
    inspection: Inspection | None = None


class Readings(Record):
    """A series of one channel of one device: columnar, one record per file and channel."""

    order: Link | None = None
    shipment: Link | None = None
    container: Link | None = None
    location: Place | None = None
    device: Link | None = Field(default=None, description="the device that recorded it")
    channel: str | None = None
    quantity: Literal["temperature", "humidity", "tilt", "shock", "battery", "pressure", "light"] | None = None
    unit: str | None = Field(default=None, description="UCUM or UN/CEFACT code as sent, such as Cel or CEL")
    start: When | None = Field(default=None, description="time of second 0")
    end: When | None = Field(default=None, description="end of the recording")
    points: tuple[Point, ...] | None = None
    minimum: Number | None = Field(default=None, description="lowest value, in the unit of the series")
    maximum: Number | None = Field(default=None, description="highest value, in the unit of the series")
    mean: Number | None = Field(default=None, description="mean value, in the unit of the series")
    alarm: Literal["alarm", "error"] | None = Field(default=None, description="the device itself raised it")


class Administration(Record):
    """The product given to the patient, or not given."""

    order: Link | None = None
    patient: Link | None = None
    site: Link | None = None
    containers: tuple[Link, ...] | None = None
    status: Literal["planned", "thawing", "running", "completed", "stopped", "not-done"] | None = None
    period: Period | None = None
    dose: Quantity | None = Field(default=None, description="dose given, unit in UCUM; cells as 10*6 or {cells}")
    dose_number: Whole | None = Field(default=None, description="1 for the first dose of several")
    route: Concept | None = None
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    verifier: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    reason: Concept | None = None


class Verification(Record):
    """Scanned identifiers compared with what was expected, by named people, at a handoff."""

    order: Link | None = None
    patient: Link | None = None
    containers: tuple[Link, ...] | None = Field(default=None, description="containers that were scanned")
    result: Literal["match", "mismatch"] | None = None
    method: str | None = Field(default=None, description="scan, read-back, two-person check, …")
    people: People | None = Field(default=None, description="who compared; two for an infusion")


class Outcome(Record):
    """What became of the patient after the infusion."""

    order: Link | None = None
    patient: Link | None = None
    kind: Literal["response", "adverse-event", "vital-status", "persistence", "secondary-malignancy"] | None = None
    code: Concept | None = None
    grade: Whole | None = Field(
        default=None, description="grade of the scale that the code belongs to, such as ASTCT 0 to 5"
    )
    serious: Flag | None = None
    observed_at: When | None = None
    value: Measurement | None = None


class Issue(Record):
    """What needs a person."""

    order: Link | None = None
    rule: str | None = Field(default=None, description="number of the rule that found it, such as I-1")
    kind: str | None = Field(default=None, description="a kind of the model's list")
    severity: Literal["info", "minor", "major", "critical"] | None = None
    about: tuple[Link, ...] | None = None
    cause: str | None = Field(default=None, description="the fact or condition that it rests on")
    text: str | None = None
    status: Literal["open", "assessed", "resolved"] | None = None
    assessment: FreeText | None = None
    person: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    role: str | None = None


class Document(Record):
    """A file about something; the content is in the body store."""

    order: Link | None = None
    kind: str | None = None
    title: str | None = None
    media_type: str | None = None
    sha256: str | None = Field(default=None, description="of the content, hex")
    size: Whole | None = Field(default=None, description="in bytes")
    content: Attachment | None = None
    at: When | None = None


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


FRAME_FIELDS = frozenset({"action"})
"""Fields that say what a message does, not what a record is: they choose the event's type and stay out of its data."""

__all__ = ["FRAME_FIELDS", "FRAME_ONLY", "RECORDS", "Record"]
