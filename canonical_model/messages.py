"""Kinds that only a message has: its header, the vault's data, what was done with containers, acknowledgements.

None of them is a record of the log.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import Concepts, FreeText, Identifiers, Inspection, Label, People, Record, Someone
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
    Place,
    Quantity,
    Telecom,
    When,
    Whole,
)


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
    code: str | None = Field(default=None, description="message type without its trigger, such as OML")
    trigger: str | None = None
    structure: str | None = Field(default=None, description="abstract message structure, such as OML_O21")
    control_id: str | None = Field(default=None, description="the sender's id of the message")
    document: str | None = Field(default=None, description="URI of the document that the message is")
    processing: str | None = Field(default=None, description="production, training or debugging")
    processing_mode: str | None = None
    version: str | None = None
    sequence: Whole | None = Field(default=None, description="the sender's running number of messages")
    accept_acknowledgement: str | None = None
    application_acknowledgement: str | None = None
    country: str | None = None
    charset: str | None = None
    language: Concept | None = None
    profiles: Identifiers | None = Field(default=None, description="profiles that the message says it follows")
    recorded_at: When | None = Field(default=None, description="when the sender recorded what it tells")
    planned_at: When | None = Field(default=None, description="when what it tells is planned for")
    occurred_at: When | None = Field(default=None, description="when what it tells happened")
    reason: str | None = None
    operators: People | None = None
    event_facility: str | None = Field(default=None, description="where what it tells happened")
    event_facility_id: str | None = None


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
    races: Concepts | None = Field(default=None, description="for registries that ask for it")
    ethnic_groups: Concepts | None = Field(default=None, description="for registries that ask for it")
    account: Identifier | None = None
    national_number: str | None = None
    birth_place: str | None = None
    multiple_birth: Flag | None = None
    birth_order: Whole | None = None


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
    """One thing that a device says it measured during an act: a value, a summary or an alarm, with what it rests on."""

    device: Identifier | None = None
    channel: str | None = Field(default=None, description="component of a vector, such as x or latitude")
    quantity: str | None = None
    unit: str | None = Field(default=None, description="UCUM code")
    at: When | None = None
    start: When | None = None
    end: When | None = None
    value: Number | None = None
    minimum: Number | None = Field(default=None, description="in the unit of the series")
    maximum: Number | None = Field(default=None, description="in the unit of the series")
    mean: Number | None = Field(default=None, description="in the unit of the series")
    deviation: Number | None = None
    percentile: Number | None = None
    percentile_value: Number | None = None
    exception: str | None = Field(default=None, description="alarm or error")
    text: str | None = None
    flag: Flag | None = None
    bits: str | None = Field(default=None, description="hexadecimal")
    resource: str | None = None
    substance: str | None = None
    organism: str | None = None
    reference_system: str | None = None
    device_data: str | None = None
    raw_data: str | None = None
    method: str | None = None
    rules: str | None = None


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
    persistent: tuple[str, ...] | None = Field(default=None, description="dispositions that stay until ended")
    persistent_ended: tuple[str, ...] | None = None
    at: When | None = None
    recorded_at: When | None = None
    containers: Identifiers | None = Field(default=None, description="the things handled; a logistic unit (SSCC) too")
    shipment: Identifier | None = None
    parent: Identifier | None = Field(default=None, description="what the contents were put into or taken out of")
    contents: Identifiers | None = None
    inputs: Identifiers | None = None
    outputs: Identifiers | None = None
    transformation: Identifier | None = None
    amounts: tuple[Amount, ...] | None = None
    content_amounts: tuple[Amount, ...] | None = None
    input_amounts: tuple[Amount, ...] | None = None
    output_amounts: tuple[Amount, ...] | None = None
    order: Identifier | None = None
    read_point: Place | None = None
    location: Place | None = None
    transactions: tuple[Transaction, ...] | None = None
    sources: tuple[Side, ...] | None = None
    destinations: tuple[Side, ...] | None = None
    giver: Identifier | None = None
    taker: Identifier | None = None
    series: tuple[Series, ...] | None = None
    label: Label | None = None
    certificates: tuple[str, ...] | None = None
    correction: Correction | None = None
    inspection: Inspection | None = None
    amount: Quantity | None = None
    performer: Annotated[Someone | None, Field(json_schema_extra=PERSONAL)] = None
    note: FreeText | None = None


class Answer(Model):
    """The acknowledgement of a message. Only a frame."""

    code: str | None = None
    control_id: str | None = None
    text: str | None = None
    expected_sequence: Whole | None = None


class ErrorPlace(Model):
    """Where in a message a fault is, as HL7 counts (ERL)."""

    segment: str
    ordinal: Whole | None = None
    field: Whole | None = None
    repeat: Whole | None = None
    component: Whole | None = None
    subcomponent: Whole | None = None


class Finding(Model):
    """One fault named by an acknowledgement. Only a frame."""

    places: tuple[ErrorPlace, ...] | None = None
    condition: Concept | None = None
    severity: str | None = None
    code: Concept | None = None
    diagnostic: str | None = None
    text: str | None = None


FRAME_ONLY: dict[str, type[Model]] = {
    "message": Message,
    "identity": Identity,
    "handling": Handling,
    "answer": Answer,
    "finding": Finding,
}
"""Kinds that only a message has: its own header, the vault's data, an acknowledgement."""
