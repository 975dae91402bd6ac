"""Value types of the canonical model: what a field holds. Not records (see `records`), not wire formats.

Every value is frozen and refuses unknown fields. Numbers are `Decimal` and keep their digits; instants are UTC with
the local text beside them (domain design 3.1).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"


class Model(BaseModel):
    """Frozen, closed, and never silent about a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("a measured number is finite")
    return number


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
    AfterValidator(_finite),
    PlainSerializer(_decimal_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN, "title": "Decimal as text, digits as sent"}),
]
Instant = Annotated[
    datetime,
    AfterValidator(_utc),
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": INSTANT_PATTERN, "title": "UTC instant"}),
]


class Precision(StrEnum):
    """How much of an instant was stated; the rest was not known to the sender."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    FRACTION = "fraction"


class When(Model):
    """An instant as the world meant it and as the partner wrote it.

    `at` is the first instant of the stated interval, in UTC; `local` is the ISO 8601 text without offset, with exactly
    the stated digits; `zone` is the offset or IANA name that led to `at`.
    """

    at: Instant
    local: str = Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?)?)?)?$")
    zone: str | None = None
    precision: Precision
    assumed_zone: bool = Field(default=False, description="the zone is the profile's, not the sender's")
    unclear: bool = Field(default=False, description="the local time does not exist or exists twice in that zone")

    def end(self) -> datetime:
        """The end of the stated interval, where a coarse time sorts (architecture 3c)."""
        return interval_end(self.at, self.precision, self.zone)

    @property
    def coarse(self) -> bool:
        """True when the order against other times of that interval is not known."""
        return self.precision in COARSE


COARSE = frozenset({Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.HOUR})


def interval_end(at: datetime, precision: str, zone: str | None) -> datetime:
    """Last microsecond of the interval that begins at `at`; equal to `at` from a minute downwards."""
    if precision not in COARSE:
        return at
    local = at.astimezone(zone_of(zone) if zone else UTC)
    if precision == Precision.HOUR:
        return at + timedelta(hours=1, microseconds=-1)
    if precision == Precision.DAY:
        following = local.replace(hour=0) + timedelta(days=1)
    elif precision == Precision.MONTH:
        following = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        following = local.replace(year=local.year + 1) if local.year < 9999 else local
    return following.astimezone(UTC) - timedelta(microseconds=1)


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
    value: str = Field(min_length=1)
    type: str | None = Field(default=None, description="what it names: an identifier type of the code system")
    assigner: str | None = Field(default=None, description="name of the assigning authority as sent")
    facility: str | None = Field(default=None, description="name of the assigning facility as sent")
    facility_id: str | None = Field(default=None, description="URI of the assigning facility")
    period: Period | None = None
    assumed: bool = Field(default=False, description="the system is the profile's; no identity rule rests on it")


class Coding(Model):
    """A code of a code system. A code without a system is what was sent; no rule matches on it."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    version: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Coding:
        if self.code is None and self.display is None:
            raise ValueError("a coding has a code or a display")
        return self


class Concept(Model):
    """One meaning in one or more code systems, with the text that a person read."""

    codings: tuple[Coding, ...] = ()
    text: str | None = None

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

    value: Number
    unit: str | None = None
    unit_system: str | None = None
    unit_text: str | None = None
    comparator: Comparator | None = None


class Range(Model):
    """Two ends of one quantity; an absent end is open."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Model):
    """A proportion kept as its two numbers, such as a titre of 1:128."""

    numerator: Quantity
    denominator: Quantity


class Period(Model):
    """From start to end; an absent end is open."""

    start: When | None = None
    end: When | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> Period:
        if self.start and self.end and self.end.end() < self.start.at:
            raise ValueError("a period ends after it starts")
        return self


class Name(Model):
    """A person's name. Vault data."""

    use: str | None = None
    family: str | None = None
    family_prefix: str | None = None
    given: tuple[str, ...] = ()
    prefix: str | None = None
    suffix: str | None = None
    degree: str | None = None
    period: Period | None = None
    text: str | None = None


class Address(Model):
    """A postal address. Vault data where it is a person's."""

    use: str | None = None
    lines: tuple[str, ...] = ()
    city: str | None = None
    district: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    period: Period | None = None
    text: str | None = None


class Telecom(Model):
    """A way to reach someone. Vault data where it is a person's."""

    use: str | None = None
    system: str | None = None
    value: str | None = None
    country_code: str | None = None
    area_code: str | None = None
    local_number: str | None = None
    extension: str | None = None
    text: str | None = None
    period: Period | None = None


class Person(Model):
    """A person at work as a message names them. In the log they are only an `Actor`."""

    identifier: Identifier | None = None
    name: Name | None = None
    telecom: Telecom | None = None
    address: Address | None = None
    role: str | None = None


class Actor(Model):
    """An opaque person: the vault's actor directory keeps who it is."""

    actor: str = Field(min_length=1)


class Organization(Model):
    """An organisation as a message names it."""

    name: str | None = None
    identifier: Identifier | None = None
    address: Address | None = None
    telecom: Telecom | None = None
    type: str | None = None


class Place(Model):
    """Where something is or happened, as named by its owner."""

    name: str | None = None
    identifier: Identifier | None = None
    facility: str | None = None
    building: str | None = None
    floor: str | None = None
    room: str | None = None
    bed: str | None = None
    point_of_care: str | None = None
    kind: str | None = None
    text: str | None = None


class Participation(Model):
    """Who did something, when and where."""

    person: Person | Actor | None = None
    period: Period | None = None
    place: Place | None = None


class Attachment(Model):
    """Bytes with a media type; the content is kept in the body store, here only what describes it."""

    media_type: str | None = None
    sha256: str | None = None
    size: int | None = None
    title: str | None = None
    encoding: str | None = None
    data: str | None = Field(default=None, description="the text as sent; only in a frame, never in the log")


class Measurement(Model):
    """The value of a result: exactly one form."""

    quantity: Quantity | None = None
    range: Range | None = None
    ratio: Ratio | None = None
    concepts: tuple[Concept, ...] | None = None
    text: tuple[str, ...] | None = None
    when: When | None = None
    time: str | None = None
    period: Period | None = None
    identifier: Identifier | None = None
    attachment: Attachment | None = None
    boolean: bool | None = None
    person: Person | Actor | None = None
    address: Address | None = None
    telecom: Telecom | None = None
    place: Place | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Measurement:
        if len(self.model_fields_set) != 1:
            raise ValueError("a result's value has exactly one form")
        return self


class Ref(Model):
    """Names a record by its kind and what it is called; the hub's own id is an alias given on first sight."""

    kind: str
    identifiers: tuple[Identifier, ...] = Field(min_length=1)


Identifier.model_rebuild()


def plain(value: BaseModel) -> Any:
    """The JSON form of a value: no absent fields, decimals and instants as text."""
    return value.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


class Sealed(Model):
    """Personal data or free text that the log does not hold: a token of the vault or the body store."""

    sealed: str = Field(min_length=1)


class FrameLink(Model):
    """A reference to another frame of the same message. Only in frames; an event names the record instead."""

    frame: str = Field(min_length=1)
