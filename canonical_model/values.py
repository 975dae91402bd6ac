"""Value types of the canonical model: what a field holds. Not records (see `records`), not wire formats.

Every value is frozen and refuses unknown fields. Numbers are `Decimal` and keep their digits; instants are UTC with
the local text beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

DECIMAL_PATTERN = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$"
"""A decimal as text. Bounded, so that no arithmetic on a hostile number can overflow."""
INSTANT_PATTERN = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"
)
LATEST = datetime.max.replace(tzinfo=UTC)
"""The last instant that there is: the end of an interval that runs over the calendar's."""


RULES: Mapping[str, str] = {
    "V-1": "The day of an instant exists in its month and year.",
    "V-2": "A zone is Z, an offset of less than a day, or a name of the IANA time zone database.",
}
"""What a schema cannot say of a value; the model refuses with the rule's id as the type of its error."""

PERSONAL: dict[str, Any] = {"x-personal": True}
"""Marks a field that never enters the log as it is: the hub seals it."""


class Model(BaseModel):
    """Frozen, closed, and never silent about a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Exchanged(Model):
    """What is exchanged or kept as a whole: says nothing by leaving it out, never by null."""

    @model_validator(mode="before")
    @classmethod
    def _has_no_null(cls, data: Any) -> Any:
        if _has_null(data):
            raise ValueError("leave out what is not stated; null is not used")
        return data


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(inner is None or (isinstance(inner, dict | list) and _has_null(inner)) for inner in value.values())
    if isinstance(value, list):
        return any(inner is None or (isinstance(inner, dict | list) and _has_null(inner)) for inner in value)
    return False


_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
_INSTANT = re.compile(INSTANT_PATTERN, re.ASCII)


def _decimal(number: Any) -> Any:
    """Only text and decimals: a float has lost its digits already."""
    if not isinstance(number, str | Decimal) or not _DECIMAL.fullmatch(str(number)):
        raise ValueError("write a number as text, such as '2.10'")
    return number


def _instant_only(instant: Any) -> Any:
    """Only the one spelling of an instant, or a datetime: no guess at what another text may mean."""
    if isinstance(instant, datetime):
        return instant
    if not isinstance(instant, str) or not _INSTANT.fullmatch(instant):
        raise ValueError("write an instant in UTC as YYYY-MM-DDThh:mm:ssZ")
    try:
        return parse_instant(instant)
    except ValueError as unknown:
        raise PydanticCustomError("V-1", "V-1: no such day in that month; write a day of the calendar") from unknown


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant carries its zone (write it as UTC, ending in Z)")
    return instant.astimezone(UTC)


def instant_text(instant: datetime) -> str:
    """UTC text of an instant, with a fraction only where there is one."""
    text = instant.astimezone(UTC).isoformat(timespec="microseconds" if instant.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """The instant of a canonical text such as `2026-03-08T06:40:00Z`."""
    return datetime.fromisoformat(text)


def _decimal_text(number: Decimal) -> str:
    return str(number)


Number = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(_decimal_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN, "title": "Decimal as text, digits as sent"}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant_only),
    AfterValidator(_utc),
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": INSTANT_PATTERN, "format": "date-time", "title": "UTC instant"}),
]
Whole = Annotated[int, Strict()]
"""A count. Text that looks like one is not."""
Flag = Annotated[bool, Strict()]
"""Yes or no. Nothing else stands for it."""


class Precision(StrEnum):
    """How much of an instant was stated; the rest was not known to the sender."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    FRACTION = "fraction"


LOCAL_LENGTHS = {4: "year", 7: "month", 10: "day", 13: "hour", 16: "minute", 19: "second"}
"""Length of a local text -> what it states; a longer one has a fraction."""


def precision_of(local: str) -> str:
    """How much of an instant a local ISO 8601 text states."""
    return LOCAL_LENGTHS.get(len(local), Precision.FRACTION.value)


def _length_says_precision(schema: dict[str, Any]) -> None:
    """The same rule for readers of the schema alone."""
    lengths = [(precision, {"minLength": length, "maxLength": length}) for length, precision in LOCAL_LENGTHS.items()]
    schema["oneOf"] = [
        {"properties": {"precision": {"const": precision}, "local": bounds}}
        for precision, bounds in [*lengths, ("fraction", {"minLength": 20})]
    ]


def _zone_name(name: str) -> str:
    try:
        zone_of(name)
    except ValueError as unknown:
        text = "V-2: no such zone; write Z, an offset as +HH:MM, or an IANA name"
        raise PydanticCustomError("V-2", text) from unknown
    return name


ZoneName = Annotated[str, AfterValidator(_zone_name)]


class When(Model):
    """An instant as the world meant it and as the partner wrote it.

    `at` is the first instant of the stated interval, in UTC; `local` is the ISO 8601 text without offset, with exactly
    the stated digits; `zone` is the offset or IANA name that led to `at`.
    """

    model_config = ConfigDict(json_schema_extra=_length_says_precision)

    at: Instant = Field(description="first instant of the stated interval, in UTC")
    local: str = Field(
        pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?)?)?)?$",
        description="ISO 8601 text without offset, with exactly the stated digits",
    )
    zone: ZoneName | None = Field(default=None, description="`Z`, an offset such as `-05:00`, or an IANA name")
    precision: Precision = Field(description="how much was stated")
    assumed_zone: Flag = Field(default=False, description="the zone is the profile's, not the sender's")
    unclear: Flag = Field(default=False, description="the local time does not exist or exists twice in that zone")

    @model_validator(mode="after")
    def _digits_are_as_stated(self) -> When:
        if self.precision != precision_of(self.local):
            raise ValueError("the precision is that of the local text")
        return self

    def end(self) -> datetime:
        """The end of the stated interval, where a coarse time sorts."""
        return interval_end(self.at, self.precision, self.zone)

    @property
    def coarse(self) -> bool:
        """True when the order against other times of that interval is not known."""
        return self.precision in COARSE


COARSE = frozenset({Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.HOUR})


def interval_end(at: datetime, precision: str, zone: str | None) -> datetime:
    """Last microsecond of the interval that holds `at`; `at` itself from a minute downwards."""
    if precision not in COARSE:
        return at
    try:
        local = at.astimezone(zone_of(zone) if zone else UTC).replace(minute=0, second=0, microsecond=0)
        if precision == Precision.HOUR:  # counted in UTC: a clock may turn back inside the hour
            return local.astimezone(UTC) + timedelta(hours=1, microseconds=-1)
        if precision == Precision.DAY:
            following = local.replace(hour=0) + timedelta(days=1)
        elif precision == Precision.MONTH:
            following = (local.replace(hour=0, day=1) + timedelta(days=32)).replace(day=1)
        else:
            following = local.replace(hour=0, day=1, month=1, year=local.year + 1)
        return following.astimezone(UTC) - timedelta(microseconds=1)
    except (OverflowError, ValueError):  # past the calendar's end
        return LATEST


MOMENT = timedelta(microseconds=1)
"""The smallest step of time: what holds up to a deadline no longer holds a moment later."""


def plus(instant: datetime, span: timedelta) -> datetime:
    """An instant that much later; the last one there is where the calendar ends."""
    try:
        return instant + span
    except OverflowError:
        return LATEST


@lru_cache(maxsize=1024)
def zone_of(name: str) -> timezone | ZoneInfo:
    """The zone of an IANA name or an offset such as `-05:00` or `Z`.

    Raises ValueError when there is no such zone.
    """
    if name == "Z":
        return UTC
    if name[:1] in "+-":
        digits = name[1:].replace(":", "")
        if len(digits) != 4 or not digits.isdigit() or int(digits[2:]) > 59:
            raise ValueError("an offset is written +HH:MM")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-offset if name[0] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError("not an IANA zone name") from unknown


class Identifier(Model):
    """A foreign identifier, kept whole. Equal when system and value are equal; the type says what it names."""

    system: str = Field(min_length=1, description="URI of the name space")
    value: str = Field(min_length=1, description="as sent")
    type: str | None = Field(default=None, description="what it names: an identifier type of the code system")
    use: str | None = Field(default=None, description="usual, official, temp, secondary, or old: no longer in use")
    assigner: str | None = Field(default=None, description="name of the assigning authority as sent")
    facility: str | None = Field(default=None, description="name of the assigning facility as sent")
    facility_id: str | None = Field(default=None, description="URI of the assigning facility")
    period: Period | None = Field(default=None, description="when it is in use")
    assumed: Flag = Field(default=False, description="the system is the profile's; no identity rule rests on it")


class Coding(Model):
    """A code of a code system. A code without a system is what was sent; no rule matches on it."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["code"]}, {"required": ["display"]}]})

    code: str | None = Field(default=None, description="symbol of the code system")
    system: str | None = Field(default=None, description="URI of the code system")
    display: str | None = Field(default=None, description="what people read")
    version: str | None = Field(default=None, description="version of the code system")

    @model_validator(mode="after")
    def _says_something(self) -> Coding:
        if self.code is None and self.display is None:
            raise ValueError("a coding has a code or a display")
        return self


class Concept(Model):
    """One meaning in one or more code systems, with the text that a person read."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["codings"], "properties": {"codings": {"minItems": 1}}},
                {"required": ["text"]},
            ]
        }
    )

    codings: tuple[Coding, ...] = Field(default=(), description="the same meaning in one or more code systems")
    text: str | None = Field(default=None, description="what a person wrote or read")

    @model_validator(mode="after")
    def _says_something(self) -> Concept:
        if not self.codings and self.text is None:
            raise ValueError("a concept has a coding or a text")
        return self


class Comparator(StrEnum):
    """How the true value stands to the number."""

    LESS = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    GREATER = ">"


class Quantity(Model):
    """A measured amount. `unit` is a UCUM code when `unit_system` says so; never a float."""

    value: Number = Field(description="the number, with its digits as sent")
    unit: str | None = Field(default=None, description="code of the unit, in UCUM where `unit_system` says so")
    unit_system: str | None = Field(default=None, description="URI of the system of units")
    unit_text: str | None = Field(default=None, description="unit as people read it")
    comparator: Comparator | None = Field(default=None, description="how the true value stands to the number")


class Range(Model):
    """Two ends of one quantity; an absent end is open."""

    low: Quantity | None = Field(default=None, description="lower end, itself included")
    high: Quantity | None = Field(default=None, description="upper end, itself included")


class Ratio(Model):
    """A proportion kept as its two numbers, such as a titre of 1:128."""

    numerator: Quantity = Field(description="first number")
    denominator: Quantity = Field(description="second number")


class Period(Model):
    """From start to end; an absent end is open. As stated: that an end lies before its start is for a rule to find."""

    start: When | None = Field(default=None, description="first instant")
    end: When | None = Field(default=None, description="last instant")


class Sealed(Model):
    """Personal data or free text that the log does not hold: a token of the vault or the body store."""

    sealed: str = Field(min_length=1, description="token of the vault or the body store")


class Name(Model):
    """A person's name. Vault data."""

    use: str | None = Field(default=None, description="official, maiden, nickname, …")
    family: str | None = Field(default=None, description="surname")
    family_prefix: str | None = Field(default=None, description="such as van or de")
    own_family: str | None = Field(default=None, description="the person's own surname, where family is another")
    partner_prefix: str | None = Field(default=None, description="prefix of the partner's surname")
    partner_family: str | None = Field(default=None, description="the partner's surname")
    given: tuple[str, ...] = Field(default=(), description="given names in their order")
    prefix: str | None = Field(default=None, description="such as Dr")
    suffix: str | None = Field(default=None, description="such as Jr")
    professional_suffix: str | None = Field(default=None, description="such as RN")
    degree: str | None = Field(default=None, description="such as MD")
    called_by: str | None = Field(default=None, description="name that the person goes by")
    representation: str | None = Field(default=None, description="script of the name: the format's own code")
    period: Period | None = Field(default=None, description="when it is in use")
    text: str | None = Field(default=None, description="the whole name as written")


class Address(Model):
    """A postal address. Vault data where it is a person's."""

    use: str | None = Field(default=None, description="home, work, temporary, …")
    lines: tuple[str, ...] = Field(default=(), description="street lines in their order")
    street: str | None = Field(default=None, description="name of the street where it is stated apart from the line")
    house_number: str | None = Field(default=None, description="number of the house")
    addressee: str | None = Field(default=None, description="to whom, where that is another")
    city: str | None = Field(default=None, description="town")
    district: str | None = Field(default=None, description="county or parish")
    area: str | None = Field(default=None, description="a further geographic designation")
    state: str | None = Field(default=None, description="state or province")
    postal_code: str | None = Field(default=None, description="postal code")
    country: str | None = Field(default=None, description="country, as sent")
    period: Period | None = Field(default=None, description="when it is in use")
    text: str | None = Field(default=None, description="the whole address as written")


class Telecom(Model):
    """A way to reach someone. Vault data where it is a person's."""

    use: str | None = Field(default=None, description="home, work, mobile, …")
    system: str | None = Field(default=None, description="phone, fax, email, …")
    value: str | None = Field(default=None, description="number or address")
    country_code: str | None = Field(default=None, description="of a phone number")
    area_code: str | None = Field(default=None, description="of a phone number")
    local_number: str | None = Field(default=None, description="of a phone number")
    extension: str | None = Field(default=None, description="of a phone number")
    text: str | None = Field(default=None, description="any text")
    unformatted: str | None = Field(default=None, description="number without punctuation")
    note: str | None = Field(default=None, description="remark")
    rank: str | None = Field(default=None, description="order of preference, 1 first")
    period: Period | None = Field(default=None, description="when it is in use")


class Person(Model):
    """A person at work as a message names them. In the log they are only an `Actor`."""

    identifier: Identifier | None = Field(default=None, description="number of the person at work")
    name: Name | None = Field(default=None, description="name")
    telecom: Telecom | None = Field(default=None, description="way to reach the person")
    address: Address | None = Field(default=None, description="address")
    role: str | None = Field(default=None, description="role in which the person acts")


class Actor(Model):
    """An opaque person: the vault's actor directory keeps who it is."""

    actor: str = Field(min_length=1, description="token of the vault's actor directory")


class Organization(Model):
    """An organisation as a message names it."""

    name: str | None = Field(default=None, description="name as sent")
    identifier: Identifier | None = Field(default=None, description="its number")
    address: Address | None = Field(default=None, description="where it is")
    telecom: Telecom | None = Field(default=None, description="way to reach it")
    type: str | None = Field(default=None, description="sort of name")


class Place(Model):
    """Where something is or happened, as named by its owner."""

    name: str | None = Field(default=None, description="as its owner calls it")
    identifier: Identifier | None = Field(default=None, description="its number")
    facility: str | None = Field(default=None, description="site")
    building: str | None = Field(default=None, description="building")
    floor: str | None = Field(default=None, description="floor")
    room: str | None = Field(default=None, description="room")
    bed: str | None = Field(default=None, description="bed or storage position")
    point_of_care: str | None = Field(default=None, description="ward, clinic or department")
    kind: str | None = Field(default=None, description="sort of place")
    text: str | None = Field(default=None, description="description")


class Participation(Model):
    """Who did something, when and where."""

    person: Person | Actor | None = Field(default=None, description="who")
    period: Period | None = Field(default=None, description="when")
    place: Place | None = Field(default=None, description="where")


class Attachment(Model):
    """Bytes with a media type; the content is kept in the body store, here only what describes it."""

    media_type: str | None = Field(default=None, description="media type, such as application/pdf")
    sha256: str | None = Field(default=None, description="of the content, hex")
    size: Whole | None = Field(default=None, description="in bytes")
    title: str | None = Field(default=None, description="as its author calls it")
    encoding: str | None = Field(default=None, description="how the bytes are written as text")
    url: Annotated[str | Sealed | None, Field(description="where the content is", json_schema_extra=PERSONAL)] = None
    data: Annotated[str | Sealed | None, Field(description="the text as sent", json_schema_extra=PERSONAL)] = None


class Measurement(Model):
    """The value of a result: exactly one form."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    quantity: Quantity | None = Field(default=None, description="a number with its unit")
    range: Range | None = Field(default=None, description="two numbers")
    ratio: Ratio | None = Field(default=None, description="a proportion")
    concepts: tuple[Concept, ...] | None = Field(default=None, description="one or several codes")
    text: Annotated[tuple[str, ...] | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="words, line by line"
    )
    when: When | None = Field(default=None, description="an instant or date")
    time: str | None = Field(default=None, description="a time of day, hh:mm or hh:mm:ss")
    period: Period | None = Field(default=None, description="from when to when")
    identifier: Identifier | None = Field(default=None, description="a number that names something")
    attachment: Attachment | None = Field(default=None, description="a file")
    boolean: Flag | None = Field(default=None, description="yes or no")
    person: Annotated[Person | Actor | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="a person"
    )
    address: Annotated[Address | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="an address"
    )
    telecom: Annotated[Telecom | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="a way to reach someone"
    )
    place: Place | None = Field(default=None, description="a place")

    @model_validator(mode="after")
    def _one_form(self) -> Measurement:
        if len(self.model_fields_set) != 1:
            raise ValueError("a result's value has exactly one form")
        return self


class Ref(Model):
    """Names a record by its kind and what it is called; the hub's own id is an alias given on first sight."""

    kind: str = Field(description="kind of record")
    identifiers: tuple[Identifier, ...] = Field(
        min_length=1, description="what it is called: one or more names of one record"
    )


Identifier.model_rebuild()


def plain(value: BaseModel) -> Any:
    """The JSON form of a value: no absent fields, decimals and instants as text."""
    return value.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


class FrameLink(Model):
    """A reference to another frame of the same message. Only in frames; an event names the record instead."""

    frame: str = Field(min_length=1, description="key of the other frame")
