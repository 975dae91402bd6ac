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

    name: str | None = Field(default=None, description="as its partners call it")
    roles: tuple[str, ...] | None = Field(default=None, description="roles of the model's list in which it speaks")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    region: str | None = Field(
        default=None, description="data residency region; its persons stay in that region's vault"
    )
    parent: Link | None = Field(default=None, description="the organisation that it is a part of")


class Location(Record):
    """A site, room, storage or vehicle; its zone is what its un-zoned times are read in."""

    name: str | None = Field(default=None, description="as its owner calls it")
    party: Link | None = Field(default=None, description="whose place it is")
    zone: str | None = Field(default=None, description="IANA name; un-zoned times of this place are read in it")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    kind: Literal["site", "room", "storage", "vehicle"] | None = Field(
        default=None, description="what sort of place it is"
    )
    parent: Link | None = Field(default=None, description="the place that it is a part of")


class Device(Record):
    """A logger, shipper, freezer or instrument."""

    kind: Literal["logger", "shipper", "equipment", "freezer", "software"] | None = Field(
        default=None, description="what sort of device it is"
    )
    model: str | None = Field(default=None, description="its maker's name of the model")
    serial: str | None = Field(default=None, description="as engraved or labelled")
    owner: Link | None = Field(default=None, description="whose device it is")
    calibrated_until: When | None = Field(default=None, description="end of the calibration's validity")


class Decided(Model):
    """One decision about an eligibility."""

    decision: Literal["eligible", "not-eligible", "conditional", "pending"] | None = Field(
        default=None, description="what was decided"
    )
    urgent_need: Flag | None = Field(
        default=None, description="true: not eligible or not decided, used for a documented urgent medical need"
    )
    until: When | None = Field(default=None, description="end of its validity")


class Eligibility(Model):
    """What a person is eligible for. Each kind is decided by itself."""

    clinical: Decided | None = Field(default=None, description="for the therapy")
    coverage: Decided | None = Field(default=None, description="for being paid for")
    donor: Decided | None = Field(default=None, description="as donor, from screening and testing")
    collection: Decided | None = Field(default=None, description="for the collection")
    conditioning: Decided | None = Field(default=None, description="for conditioning")
    infusion: Decided | None = Field(default=None, description="for the infusion")


class Subject(Record):
    """A patient or donor, pseudonymous: its identifiers in the log are tokens; the vault knows the person."""

    roles: tuple[Literal["patient", "donor"], ...] | None = Field(default=None, description="patient, donor or both")
    home: Link | None = Field(default=None, description="the site whose region keeps the person's identity")
    birth_year: Whole | None = Field(default=None, description="four digits; the birth date itself is the vault's")
    sex: Literal["female", "male", "other", "unknown"] | None = Field(default=None, description="administrative sex")
    abo_rh: str | None = Field(default=None, description="blood group as sent")
    deceased: Flag | None = Field(default=None, description="true: the person died")
    deceased_at: When | None = Field(default=None, description="when the person died")
    eligibility: Eligibility | None = Field(default=None, description="what was decided, by kind of eligibility")
    identity_unknown: Flag | None = Field(default=None, description="true: nobody knows who the person is yet")
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

    order: Link | None = Field(default=None, description="the order that it is for; absent: for all")
    subject: Link | None = Field(default=None, description="who consents")
    scope: tuple[str, ...] | None = Field(
        default=None,
        description="treatment, manufacture, data-sharing, registry, research, data-transfer; absent: treatment",
    )
    status: Literal["active", "refused", "withdrawn", "expired"] | None = Field(
        default=None, description="where it stands"
    )
    period: Period | None = Field(default=None, description="validity; after its end there is no consent")
    form: Link | None = Field(default=None, description="the signed document")


class Appointment(Record):
    """A slot of a resource: for apheresis, pick-up, manufacture, delivery, conditioning, infusion, follow-up."""

    order: Link | None = Field(default=None, description="the order that it is for")
    kind: str | None = Field(
        default=None, description="apheresis, pickup, manufacturing, delivery, conditioning, infusion, follow-up"
    )
    resource: Link | None = Field(default=None, description="who or what is booked")
    period: Period | None = Field(default=None, description="from when to when")
    status: Literal["proposed", "held", "booked", "done", "cancelled", "missed"] | None = Field(
        default=None, description="where it stands"
    )
    replaces: Link | None = Field(default=None, description="the appointment that this one moved")


class Collection(Record):
    """One apheresis or other collection of starting material; its DIN names the donation."""

    order: Link | None = Field(default=None, description="the order that it is for; of stock none")
    donor: Link | None = Field(default=None, description="from whom; of an autologous order the patient")
    facility: Link | None = Field(default=None, description="where it is done")
    procedure: Concept | None = Field(default=None, description="what is done, such as leukapheresis")
    attempt: Whole | None = Field(
        default=None, description="attempt of the order that it belongs to; 1 where not stated"
    )
    period: Period | None = Field(default=None, description="from the first to the last minute")
    status: Literal["planned", "in-progress", "completed", "failed", "cancelled"] | None = Field(
        default=None, description="where it stands"
    )
    outputs: tuple[Link, ...] | None = Field(default=None, description="containers filled")
    device: Link | None = Field(default=None, description="the separator or other device that collected")
    donor_eligible: Flag | None = Field(default=None, description="true: the donor was found eligible on the day")
    reactions: Concepts | None = Field(default=None, description="how the donor reacted")
    reason: Concept | None = Field(default=None, description="why it failed or was cancelled")


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
    ) = Field(default=None, description="where on the way from donor to dose it stands")
    order: Link | None = Field(default=None, description="the order that it is for")
    report: Link | None = Field(default=None, description="the report that described it")
    collection: Link | None = Field(default=None, description="the collection that it comes from")
    batch: Link | None = Field(default=None, description="the batch that made it")
    parents: tuple[Link, ...] | None = Field(default=None, description="materials that it was made or taken from")
    parent_identifiers: tuple[PairedIdentifier, ...] | None = Field(
        default=None, description="names of those, as paired identifiers (HL7 SPM-3)"
    )
    product: Concept | None = Field(default=None, description="what it is: product code")
    lot: str | None = Field(default=None, description="lot number as its maker writes it; unique only with the maker")
    coi: Identifier | None = Field(
        default=None, description="chain-of-identity identifier that travels with the material"
    )
    amount: Quantity | None = Field(default=None, description="amount made, collected or received")
    current_amount: Quantity | None = Field(default=None, description="amount that is left")
    expires_at: When | None = Field(default=None, description="usable up to the end of the stated day or month")
    storage: str | None = Field(default=None, description="name of the Protocol's storage condition")
    collected: Period | None = Field(default=None, description="when it was collected")
    received_at: When | None = Field(default=None, description="when it was received")
    inspection: Inspection | None = Field(default=None, description="what a look at it on receipt found")
    modifiers: Concepts | None = Field(default=None, description="what makes its type more exact")
    additives: Concepts | None = Field(default=None, description="what was added to it")
    collection_method: Concept | None = Field(default=None, description="how it was collected")
    source_site: Concept | None = Field(default=None, description="body site that it was taken from")
    source_site_modifiers: Concepts | None = Field(default=None, description="what makes that site more exact")
    collection_site: Concept | None = Field(default=None, description="body site of access")
    roles: Concepts | None = Field(default=None, description="purpose of a specimen: patient, control, …")
    grouped_count: Whole | None = Field(default=None, description="number of specimens that are one")
    descriptions: Annotated[tuple[str, ...] | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="description in words"
    )
    handling: Concepts | None = Field(default=None, description="how it must be handled")
    risks: Concepts | None = Field(default=None, description="what to beware of")
    available: Flag | None = Field(default=None, description="false: none of it is left to test")
    reject_reasons: Concepts | None = Field(default=None, description="why it was refused")
    quality: Concept | None = Field(default=None, description="quality as the receiver judged it")
    appropriateness: Concept | None = Field(default=None, description="fitness for the tests asked for")
    conditions: Concepts | None = Field(default=None, description="condition in which it was found")
    container_count: Whole | None = Field(default=None, description="number of containers that hold it")
    container_type: Concept | None = Field(default=None, description="what holds it")
    container_condition: Concept | None = Field(default=None, description="condition of what holds it")
    child_role: Concept | None = Field(default=None, description="what a part of a specimen was made for")
    accessions: Identifiers | None = Field(default=None, description="the laboratory's own numbers")
    shipment: Identifier | None = Field(default=None, description="shipment in which it came")


class Container(Record):
    """The only thing ever scanned: bag, vial, syringe, tube, kit."""

    order: Link | None = Field(
        default=None, description="the order that it is for; of stock none until it is allocated"
    )
    material: Link | None = Field(default=None, description="what it holds")
    collection: Link | None = Field(default=None, description="the collection that filled it")
    batch: Link | None = Field(
        default=None, description="the batch that filled it; what went into a batch stands in the batch's inputs"
    )
    shipment: Link | None = Field(default=None, description="the shipment that it is in")
    kind: str | None = Field(default=None, description="bag, cryobag, vial, syringe, tube, kit")
    role: Literal["primary", "backup", "retain", "sample", "salvage"] | None = Field(
        default=None, description="what it is kept for"
    )
    label: Label | None = Field(default=None, description="what is printed on it")
    amount: Quantity | None = Field(default=None, description="content, unit in UCUM")
    holder: Link | None = Field(default=None, description="who holds it when it is created")
    giver: Link | None = Field(default=None, description="who hands it over, in one handover")
    taker: Link | None = Field(default=None, description="who takes it, in one handover")
    location: Place | None = Field(default=None, description="where it was at the fact")
    parent: Link | None = Field(default=None, description="cassette, box or shipper that it is in")
    inspection: Inspection | None = Field(default=None, description="what a look at it on receipt found")
    seal: str | None = Field(default=None, description="number or state of its seal")
    transport_temperature: Range | None = Field(
        default=None, description="temperature to be kept on the way, unit in UCUM (Cel)"
    )


class Input(Model):
    """What went into a step, or came out of it, and how much."""

    item: Link | None = Field(default=None, description="container or material")
    lot: str | None = Field(default=None, description="lot number as written, where the item is not named")
    amount: Quantity | None = Field(default=None, description="how much, unit in UCUM")


class Parameter(Model):
    """One process parameter of a step, as measured or set."""

    name: str = Field(min_length=1, description="name in the batch record")
    value: Measurement | None = Field(default=None, description="what was measured or set")
    limit: Range | None = Field(default=None, description="allowed range, in the unit of the value")


class Step(Model):
    """One step of manufacture."""

    sequence: Whole | None = Field(default=None, description="its place among the steps, from 1")
    identifier: Identifier | None = Field(default=None, description="its name in the batch record")
    kind: Concept | None = Field(default=None, description="what is done, such as activation or harvest")
    period: Period | None = Field(default=None, description="actual start and end")
    status: Literal["planned", "running", "completed", "failed", "skipped"] | None = Field(
        default=None, description="where it stands"
    )
    consumed: tuple[Input, ...] | None = Field(default=None, description="what went in")
    produced: tuple[Input, ...] | None = Field(default=None, description="what came out")
    equipment: tuple[Link, ...] | None = Field(default=None, description="devices that were used")
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who did it"
    )
    verifier: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who verified it"
    )
    parameters: tuple[Parameter, ...] | None = Field(default=None, description="process parameters")


class Batch(Record):
    """One run of manufacture."""

    order: Link | None = Field(default=None, description="the order that it is for; of stock none")
    site: Link | None = Field(default=None, description="where it is made")
    recipe: str | None = Field(default=None, description="id of the master batch record")
    attempt: Whole | None = Field(
        default=None, description="attempt of the order that it belongs to; 1 where not stated"
    )
    status: Literal["planned", "running", "completed", "failed", "terminated"] | None = Field(
        default=None, description="where it stands"
    )
    period: Period | None = Field(default=None, description="from start to end of manufacture")
    inputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that went in")
    outputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that came out")
    steps: tuple[Step, ...] | None = Field(default=None, description="what was done, step by step")
    reason: Concept | None = Field(default=None, description="why it failed or was terminated")


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


class Shipment(Record):
    """Containers on their way from one party to another."""

    order: Link | None = Field(default=None, description="the order that it is for")
    direction: (
        Literal["kit", "collection-outbound", "to-patient", "transfer", "sample", "empty-return", "destruction"] | None
    ) = Field(default=None, description="which leg it is")
    shipper: Link | None = Field(default=None, description="who sends it")
    consignee: Link | None = Field(default=None, description="to whom it goes; only the consignee accepts")
    carrier: Link | None = Field(default=None, description="who moves it")
    contents: tuple[Link, ...] | None = Field(default=None, description="containers and materials put in")
    removed: tuple[Link, ...] | None = Field(default=None, description="containers and materials taken out")
    packaging: Link | None = Field(default=None, description="the shipper or dewar")
    loggers: tuple[Link, ...] | None = Field(default=None, description="devices that record its condition")
    condition: str | None = Field(default=None, description="name of the Protocol's condition")
    planned: Period | None = Field(default=None, description="planned departure and arrival")
    hold_until: When | None = Field(default=None, description="end of the shipper's qualified hold")
    status: str | None = Field(
        default=None, description="status in the sender's words; the facet comes from event types"
    )
    place: Place | None = Field(default=None, description="where it was at the fact")
    giver: Link | None = Field(default=None, description="who hands it over, in one handover")
    taker: Link | None = Field(default=None, description="who takes it, in one handover")
    inspection: Inspection | None = Field(default=None, description="what a look at it on receipt found")


class Readings(Record):
    """A series of one channel of one device: columnar, one record per file and channel."""

    order: Link | None = Field(default=None, description="the order that it is for")
    shipment: Link | None = Field(default=None, description="the shipment that they are of")
    container: Link | None = Field(default=None, description="the container that they are of")
    location: Place | None = Field(default=None, description="the place that they are of")
    device: Link | None = Field(default=None, description="the device that recorded it")
    channel: str | None = Field(default=None, description="the device's own name of the channel")
    quantity: Literal["temperature", "humidity", "tilt", "shock", "battery", "pressure", "light"] | None = Field(
        default=None, description="what was measured"
    )
    unit: str | None = Field(default=None, description="UCUM or UN/CEFACT code as sent, such as Cel or CEL")
    start: When | None = Field(default=None, description="time of second 0")
    end: When | None = Field(default=None, description="end of the recording")
    points: tuple[Point, ...] | None = Field(default=None, description="the series, in the order of time")
    minimum: Number | None = Field(default=None, description="lowest value, in the unit of the series")
    maximum: Number | None = Field(default=None, description="highest value, in the unit of the series")
    mean: Number | None = Field(default=None, description="mean value, in the unit of the series")
    alarm: Literal["alarm", "error"] | None = Field(default=None, description="the device itself raised it")


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
