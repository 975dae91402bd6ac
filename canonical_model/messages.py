"""Kinds that only a message has: its header, the vault's data, what was done with containers, acknowledgements.

None of them is a record of the log.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import Concepts, FreeText, Identifiers, Inspection, Label, Link, People, Record, Someone
from canonical_model.values import (
    PERSONAL,
    Address,
    Concept,
    Flag,
    Identifier,
    Model,
    Name,
    Number,
    Organization,
    Period,
    Place,
    Quantity,
    Telecom,
    When,
    Whole,
)


class Endpoint(Model):
    """An application and facility that sends or receives messages."""

    application: str | None = Field(default=None, description="name of the application")
    application_id: str | None = Field(default=None, description="URI or OID of the application")
    facility: str | None = Field(default=None, description="name of the facility")
    facility_id: str | None = Field(default=None, description="URI or OID of the facility")
    address: str | None = Field(default=None, description="network address")
    address_id: str | None = Field(default=None, description="URI of the address's name space")
    organization: Organization | None = Field(default=None, description="organisation behind it")


class Message(Model):
    """What a message says of itself. Only a frame: the log has the envelope of its events instead."""

    sender: Endpoint | None = Field(default=None, description="who sent it")
    receiver: Endpoint | None = Field(default=None, description="to whom it was sent")
    sent_at: When | None = Field(default=None, description="when it was made")
    code: str | None = Field(default=None, description="message type without its trigger, such as OML")
    trigger: str | None = Field(default=None, description="what triggered it, such as O21")
    structure: str | None = Field(default=None, description="abstract message structure, such as OML_O21")
    control_id: str | None = Field(default=None, description="the sender's id of the message")
    document: str | None = Field(default=None, description="URI of the document that the message is")
    processing: str | None = Field(default=None, description="production, training or debugging")
    processing_mode: str | None = Field(default=None, description="archive, initial load or current")
    version: str | None = Field(default=None, description="version of the standard")
    sequence: Whole | None = Field(default=None, description="the sender's running number of messages")
    accept_acknowledgement: str | None = Field(
        default=None, description="when the receipt is to be acknowledged (HL7 MSH-15)"
    )
    application_acknowledgement: str | None = Field(
        default=None, description="when the processing is to be acknowledged (HL7 MSH-16)"
    )
    country: str | None = Field(default=None, description="ISO 3166-1")
    charset: str | None = Field(default=None, description="character set as declared")
    language: Concept | None = Field(default=None, description="principal language")
    profiles: Identifiers | None = Field(default=None, description="profiles that the message says it follows")
    recorded_at: When | None = Field(default=None, description="when the sender recorded what it tells")
    planned_at: When | None = Field(default=None, description="when what it tells is planned for")
    occurred_at: When | None = Field(default=None, description="when what it tells happened")
    reason: str | None = Field(default=None, description="why it was sent")
    operators: People | None = Field(default=None, description="who did or entered what it tells")
    event_facility: str | None = Field(default=None, description="where what it tells happened")
    event_facility_id: str | None = Field(default=None, description="URI of that place")


class Identity(Model):
    """Who a subject is. Only the vault keeps it; it never enters the log."""

    identifiers: Identifiers | None = Field(default=None, description="record numbers of the person")
    external_identifier: Identifier | None = Field(
        default=None, description="the person's number elsewhere (HL7 PID-2)"
    )
    alternate_identifiers: Identifiers | None = Field(default=None, description="further numbers (HL7 PID-4)")
    retired_identifiers: Identifiers | None = Field(default=None, description="numbers that a merge retired")
    retired_alternates: Identifiers | None = Field(default=None, description="further numbers that a merge retired")
    retired_account: Identifier | None = Field(default=None, description="account that a merge retired")
    retired_external: Identifier | None = Field(default=None, description="external number that a merge retired")
    retired_names: tuple[Name, ...] | None = Field(default=None, description="names of the record that a merge retired")
    names: tuple[Name, ...] | None = Field(default=None, description="names of the person")
    mother_names: tuple[Name, ...] | None = Field(default=None, description="maiden names of the mother")
    aliases: tuple[Name, ...] | None = Field(default=None, description="other names")
    birth_date: str | None = Field(
        default=None, pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", description="as much of the date as is known"
    )
    birth_time: str | None = Field(default=None, description="time of birth with its zone")
    addresses: tuple[Address, ...] | None = Field(default=None, description="where the person lives")
    county: str | None = Field(default=None, description="county code")
    telecoms: tuple[Telecom, ...] | None = Field(default=None, description="ways to reach the person")
    home_telecoms: tuple[Telecom, ...] | None = Field(default=None, description="ways to reach the person at home")
    work_telecoms: tuple[Telecom, ...] | None = Field(default=None, description="ways to reach the person at work")
    language: Concept | None = Field(default=None, description="the person's language")
    races: Concepts | None = Field(default=None, description="for registries that ask for it")
    ethnic_groups: Concepts | None = Field(default=None, description="for registries that ask for it")
    account: Identifier | None = Field(default=None, description="account number")
    national_number: str | None = Field(default=None, description="number given by a state")
    birth_place: str | None = Field(default=None, description="where the person was born")
    multiple_birth: Flag | None = Field(default=None, description="true: one of twins or more")
    birth_order: Whole | None = Field(default=None, description="which of them")


class Amount(Model):
    """An amount of a class of thing, such as 4 vials of a lot."""

    item: Identifier | None = Field(default=None, description="class of thing, such as a GTIN with lot")
    quantity: Quantity | None = Field(default=None, description="how much of it")


class Transaction(Model):
    """A business document that an act belongs to: its type and identifier."""

    type: str | None = Field(default=None, description="sort of document")
    identifier: Identifier = Field(description="its number")


class Side(Model):
    """One side of a handover: the sort of side (possessing party, owning party, location) and who or where."""

    type: str = Field(description="possessing party, owning party or location")
    identifier: Identifier = Field(description="who or where")


class Series(Model):
    """One thing that a device says it measured during an act: a value, a summary or an alarm, with what it rests on."""

    device: Identifier | None = Field(default=None, description="what measured")
    channel: str | None = Field(default=None, description="component of a vector, such as x or latitude")
    quantity: str | None = Field(default=None, description="what was measured")
    unit: str | None = Field(default=None, description="UCUM code")
    at: When | None = Field(default=None, description="when")
    start: When | None = Field(default=None, description="from when")
    end: When | None = Field(default=None, description="to when")
    value: Number | None = Field(default=None, description="in the unit of the series")
    minimum: Number | None = Field(default=None, description="in the unit of the series")
    maximum: Number | None = Field(default=None, description="in the unit of the series")
    mean: Number | None = Field(default=None, description="in the unit of the series")
    deviation: Number | None = Field(default=None, description="standard deviation, in the unit of the series")
    percentile: Number | None = Field(default=None, description="rank of the percentile")
    percentile_value: Number | None = Field(
        default=None, description="value of the percentile, in the unit of the series"
    )
    exception: str | None = Field(default=None, description="alarm or error")
    text: str | None = Field(default=None, description="value in words")
    flag: Flag | None = Field(default=None, description="value that is yes or no")
    bits: str | None = Field(default=None, description="hexadecimal")
    resource: str | None = Field(default=None, description="URI that is the value")
    substance: str | None = Field(default=None, description="chemical substance found")
    organism: str | None = Field(default=None, description="micro-organism found")
    reference_system: str | None = Field(default=None, description="coordinate reference system of a position")
    device_data: str | None = Field(default=None, description="URI of the device's metadata")
    raw_data: str | None = Field(default=None, description="URI of the raw data")
    method: str | None = Field(default=None, description="URI of the processing method")
    rules: str | None = Field(default=None, description="URI of the business rules")


class Correction(Model):
    """That an earlier statement was wrong, when and why."""

    at: When | None = Field(default=None, description="when it was declared wrong")
    reason: str | None = Field(default=None, description="why")
    corrected_by: Identifiers | None = Field(default=None, description="statements that put it right")


class Handling(Record):
    """What someone did with containers: what, when, where, why, between whom, and what was measured.

    Only a frame: `on:` turns it into events about containers, shipments and readings. EPCIS events, couriers'
    milestones and receipt rows are all of this kind.
    """

    form: str | None = Field(default=None, description="object, aggregation, transaction, transformation, association")
    action: Literal["add", "observe", "delete"] | None = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default=None, description="things appeared, were seen or disappeared"
    )
    step: str | None = Field(default=None, description="business step, by the code relation of the format")
    disposition: str | None = Field(default=None, description="state that the step left them in")
    persistent: tuple[str, ...] | None = Field(default=None, description="dispositions that stay until ended")
    persistent_ended: tuple[str, ...] | None = Field(default=None, description="such dispositions that end here")
    at: When | None = Field(default=None, description="when it happened")
    recorded_at: When | None = Field(default=None, description="when the sender recorded it")
    containers: Identifiers | None = Field(default=None, description="the things handled; a logistic unit (SSCC) too")
    shipment: Identifier | None = Field(default=None, description="shipment that it belongs to")
    parent: Identifier | None = Field(default=None, description="what the contents were put into or taken out of")
    contents: Identifiers | None = Field(default=None, description="what was put in or taken out")
    inputs: Identifiers | None = Field(default=None, description="what went into a transformation")
    outputs: Identifiers | None = Field(default=None, description="what came out of it")
    transformation: Identifier | None = Field(default=None, description="name of the transformation")
    amounts: tuple[Amount, ...] | None = Field(default=None, description="amounts handled")
    content_amounts: tuple[Amount, ...] | None = Field(default=None, description="amounts put in or taken out")
    input_amounts: tuple[Amount, ...] | None = Field(default=None, description="amounts that went in")
    output_amounts: tuple[Amount, ...] | None = Field(default=None, description="amounts that came out")
    order: Identifier | None = Field(default=None, description="order that it is for")
    read_point: Place | None = Field(default=None, description="where exactly")
    location: Place | None = Field(default=None, description="where the things are afterwards")
    transactions: tuple[Transaction, ...] | None = Field(
        default=None, description="business documents that it belongs to"
    )
    sources: tuple[Side, ...] | None = Field(default=None, description="from whom or where")
    destinations: tuple[Side, ...] | None = Field(default=None, description="to whom or where")
    giver: Identifier | None = Field(default=None, description="who hands over")
    taker: Identifier | None = Field(default=None, description="who takes")
    series: tuple[Series, ...] | None = Field(default=None, description="what devices measured meanwhile")
    label: Label | None = Field(default=None, description="label as scanned")
    certificates: tuple[str, ...] | None = Field(default=None, description="URIs of certificates")
    correction: Correction | None = Field(default=None, description="that this takes an earlier statement back")
    inspection: Inspection | None = Field(default=None, description="what a look at them found")
    amount: Quantity | None = Field(default=None, description="amount of one thing")
    count: Number | None = Field(default=None, description="how many things of this kind")
    product: Concept | None = Field(default=None, description="what they are: product code")
    maker: Organization | None = Field(default=None, description="who made them")
    expires_at: When | None = Field(default=None, description="until when they are usable")
    organization: Organization | None = Field(default=None, description="who took part, in the role of the step")
    devices: Identifiers | None = Field(default=None, description="loggers and other devices that took part")
    left_at: When | None = Field(default=None, description="when that part ended, such as a departure")
    planned: Period | None = Field(default=None, description="planned departure and arrival of the shipment")
    hold_until: When | None = Field(default=None, description="end of the shipper's qualified hold")
    shipper: Identifier | None = Field(default=None, description="who sends the shipment")
    consignee: Identifier | None = Field(default=None, description="to whom the shipment goes")
    carrier: Identifier | None = Field(default=None, description="who moves the shipment")
    packaging: Identifier | None = Field(default=None, description="the shipper or dewar that it travels in")
    customs: str | None = Field(default=None, description="where it stands at customs, in the sender's words")
    statement: str | None = Field(
        default=None, description="how this stands to what was said before: preliminary, final, corrected, deleted, …"
    )
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who did it"
    )
    receiver: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who received it"
    )
    note: FreeText | None = Field(default=None, description="remark in words")


class Booking(Model):
    """What an appointment books together: a service with its room, devices and people. Only a frame."""

    kind: str | None = Field(default=None, description="kind of appointment that the service makes it")
    service: Concept | None = Field(default=None, description="what is done")
    device: Concept | None = Field(default=None, description="a device or other thing that is booked")
    device_kind: Concept | None = Field(default=None, description="what sort of thing that is")
    place: Place | None = Field(default=None, description="where")
    place_kind: Concept | None = Field(default=None, description="what sort of place that is")
    people: People | None = Field(default=None, description="who is booked")
    people_kind: Concept | None = Field(default=None, description="as what they are booked")
    period: Period | None = Field(default=None, description="from when to when")
    status: str | None = Field(default=None, description="where the booking of it stands")
    action: str | None = Field(default=None, description="added, changed or taken away by this message")
    placer_information: Concepts | None = Field(default=None, description="what its placer adds to the service")
    filler_information: Concepts | None = Field(default=None, description="what its filler adds to the service")


class Activity(Record):
    """What somebody does or is to do that is no record of the model: a procedure or task as its sender states it.

    Only a frame, and no fact comes of it: nothing tells that it is about cells.
    """

    order: Link | None = Field(default=None, description="the order that it is for")
    patient: Link | None = Field(default=None, description="for whom")
    code: Concept | None = Field(default=None, description="what is done")
    status: str | None = Field(default=None, description="where it stands, in the sender's code")
    intent: str | None = Field(default=None, description="whether it is asked for or only planned")
    reason: Concept | None = Field(default=None, description="why it stands there")
    period: Period | None = Field(default=None, description="from when to when")
    subject: Link | None = Field(default=None, description="the record that it is done with")


class Answer(Model):
    """The acknowledgement of a message. Only a frame."""

    code: str | None = Field(default=None, description="accepted, error or refused")
    control_id: str | None = Field(default=None, description="id of the message that it answers")
    text: str | None = Field(default=None, description="what the answer says in words")
    expected_sequence: Whole | None = Field(default=None, description="running number that is expected next")


class ErrorPlace(Model):
    """Where in a message a fault is, as HL7 counts (ERL)."""

    segment: str = Field(description="segment id")
    ordinal: Whole | None = Field(default=None, description="which of them, from 1")
    field: Whole | None = Field(default=None, description="field, from 1")
    repeat: Whole | None = Field(default=None, description="repetition, from 1")
    component: Whole | None = Field(default=None, description="component, from 1")
    subcomponent: Whole | None = Field(default=None, description="subcomponent, from 1")


class Finding(Model):
    """One fault named by an acknowledgement. Only a frame."""

    places: tuple[ErrorPlace, ...] | None = Field(default=None, description="where it is")
    condition: Concept | None = Field(default=None, description="what is wrong, in the code of the standard")
    severity: str | None = Field(default=None, description="error, warning or information")
    code: Concept | None = Field(default=None, description="what is wrong, in the application's code")
    diagnostic: str | None = Field(default=None, description="for the people of the application")
    text: str | None = Field(default=None, description="for the user")


FRAME_ONLY: dict[str, type[Model]] = {
    "message": Message,
    "identity": Identity,
    "handling": Handling,
    "booking": Booking,
    "activity": Activity,
    "answer": Answer,
    "finding": Finding,
}
"""Kinds that only a message has: its own header, the vault's data, what is no record, an acknowledgement."""
