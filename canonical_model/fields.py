"""What fields of records are made of: references, lists of codings, personal data, and parts that several share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.values import (
    PERSONAL,
    Actor,
    Address,
    Concept,
    FrameLink,
    Identifier,
    Model,
    Number,
    Person,
    Quantity,
    Ref,
    Sealed,
    Telecom,
)

Link = Annotated[Ref | FrameLink, Field(union_mode="left_to_right")]
Identifiers = tuple[Identifier, ...]
Concepts = tuple[Concept, ...]
Someone = Person | Actor
People = Annotated[tuple[Someone, ...], Field(json_schema_extra=PERSONAL)]
Addresses = Annotated[tuple[Address, ...] | Sealed, Field(json_schema_extra=PERSONAL)]
Telecoms = Annotated[tuple[Telecom, ...] | Sealed, Field(json_schema_extra=PERSONAL)]
FreeText = Annotated[str | Sealed, Field(json_schema_extra=PERSONAL)]


class Record(Model):
    """What every record has: the names that partners know it by."""

    identifiers: Identifiers | None = Field(default=None, description="names that partners know it by")
    action: str | None = Field(
        default=None, description="what the message does with the record, where that is no state; only in a frame"
    )


class PairedIdentifier(Model):
    """The placer's and the filler's identifier of one thing."""

    placer: Identifier | None = Field(default=None, description="the placer's name")
    filler: Identifier | None = Field(default=None, description="the filler's name")


class Inspection(Model):
    """What a look at something on receipt found."""

    result: Literal["accepted", "rejected", "conditional"] | None = Field(default=None, description="taken or refused")
    conditions: Concepts | None = Field(default=None, description="conditions found, such as a broken seal")
    temperature: Quantity | None = Field(default=None, description="measured on receipt, unit in UCUM (Cel)")
    text: FreeText | None = Field(default=None, description="remark in words")


class Point(Model):
    """One value of a series: seconds after the start, and the value."""

    seconds: Number = Field(description="seconds after the start of the series")
    value: Number = Field(description="in the unit of the series")


class Label(Model):
    """What is printed on a container. Person data of a label is the vault's."""

    coi: Identifier | None = Field(default=None, description="chain-of-identity identifier as printed")
    din: str | None = Field(
        default=None, description="donation identification number as printed, with flags and check character if any"
    )
    lot: str | None = Field(default=None, description="as printed")
    product: str | None = Field(default=None, description="product code as printed (ISBT 128 or other)")
    division: str | None = Field(default=None, description="ISBT 128 division as printed")
    expiry: str | None = Field(default=None, description="as printed; not interpreted")
