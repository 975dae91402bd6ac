"""What is collected, made, filled and moved: collections, materials, containers, batches, shipments. No results."""

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
    Point,
    Record,
    Someone,
)
from canonical_model.values import (
    PERSONAL,
    Concept,
    Flag,
    Identifier,
    Measurement,
    Model,
    Number,
    Period,
    Place,
    Quantity,
    Range,
    Sealed,
    When,
    Whole,
)


class Collection(Record):
    """One apheresis or other collection of starting material; its DIN names the donation."""

    order: Link | None = Field(default=None, description="the order that it is for; of stock none")
    donor: Link | None = Field(default=None, description="from whom; of an autologous order the patient")
    facility: Link | None = Field(default=None, description="where it is done")
    procedure: Concept | None = Field(default=None, description="what is done, such as leukapheresis")
    attempt: Whole | None = Field(
        default=None, description="attempt of the order that it belongs to; where not stated, the facts tell"
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
    donor: Link | None = Field(default=None, description="whose cells it is made of, where no collection says so")
    supplier: Link | None = Field(default=None, description="who supplied it, of reagents and vectors")
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
    legends: Concepts | None = Field(
        default=None, description="legends its label must bear, such as FOR AUTOLOGOUS USE ONLY (21 CFR 1271.90(c))"
    )
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
    product: Concept | None = Field(
        default=None, description="what it holds: product code, where no record of the material says so"
    )
    category: str | None = Field(default=None, description="sort of product that it holds, such as cells or fluid")
    donor: Link | None = Field(
        default=None, description="whose cells it holds, where neither a collection nor a material says so"
    )
    collected: Period | None = Field(
        default=None, description="when its content was collected, where no collection says so"
    )
    count: Whole | None = Field(default=None, description="how many units of a kind the record stands for")
    status: str | None = Field(
        default=None, description="available or not, in the sender's word; no release and no state of its facet"
    )
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
    expires_at: When | None = Field(default=None, description="usable until then: a kit, a thawed bag, a made dose")
    weight_band: Range | None = Field(
        default=None, description="body weights that a kit of vials is made up for, unit in UCUM (kg)"
    )
    prepared_from: tuple[Link, ...] | None = Field(
        default=None, description="containers that this one was filled from at the site, salvaged ones included"
    )
    diluent: str | None = Field(default=None, description="lot of what it was diluted or washed with")
    breached: Flag | None = Field(default=None, description="true: it leaked or was opened by accident")
    owner: Link | None = Field(default=None, description="who owns what is retained")
    purpose: str | None = Field(default=None, description="what it is retained for")
    retain_until: When | None = Field(default=None, description="until when it is retained")
    witness: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who saw it destroyed, emptied or relabelled"
    )
    reason: Concept | None = Field(default=None, description="why it was destroyed, relabelled or returned")
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
        default=None, description="attempt of the order that it belongs to; where not stated, the facts tell"
    )
    status: Literal["planned", "running", "completed", "failed", "terminated"] | None = Field(
        default=None, description="where it stands"
    )
    period: Period | None = Field(default=None, description="from start to end of manufacture")
    inputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that went in")
    consumed: tuple[Link, ...] | None = Field(
        default=None, description="lots of reagents and vectors that were used up in it, whatever the step"
    )
    outputs: tuple[Link, ...] | None = Field(default=None, description="containers and materials that came out")
    steps: tuple[Step, ...] | None = Field(default=None, description="what was done, step by step")
    reason: Concept | None = Field(default=None, description="why it failed or was terminated")


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
    period: Period | None = Field(default=None, description="actual departure and arrival")
    hold_until: When | None = Field(default=None, description="end of the shipper's qualified hold")
    lane: str | None = Field(default=None, description="the qualified route")
    customs: str | None = Field(default=None, description="where it stands at customs, in the sender's words")
    status: str | None = Field(
        default=None, description="status in the sender's words; the facet comes from event types"
    )
    place: Place | None = Field(default=None, description="where it was at the fact")
    giver: Link | None = Field(default=None, description="who hands it over, in one handover")
    taker: Link | None = Field(default=None, description="who takes it, in one handover")
    inspection: Inspection | None = Field(default=None, description="what a look at it on receipt found")
    stated_at: When | None = Field(default=None, description="when its status was stated")
    reason: FreeText | None = Field(default=None, description="why it has that status, in the sender's words")
    priority: Concept | None = Field(default=None, description="how urgent it is")
    packages: Whole | None = Field(default=None, description="number of packages")
    handling: Concepts | None = Field(default=None, description="how it must be handled")
    risks: Concepts | None = Field(default=None, description="what to beware of")


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
