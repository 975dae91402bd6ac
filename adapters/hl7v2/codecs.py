"""Codecs of HL7 v2: pairs of functions for values that the data-type tables cannot say. Each pair is tested both ways.

References are to HL7 v2.5.1 chapter 2A (data types). A result's value (OBX-5) has a module of its own: `values`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from adapters import times
from adapters.hl7v2.concepts import (
    OID,
    coding_system,
    coding_system_name,
    read_concept,
    read_element,
    read_flag,
    write_concept,
    write_element,
    write_flag,
)
from adapters.hl7v2.tokenizer import Delimiters
from canonical_model.identifiers import UNASSIGNED
from mappings.faults import Unreadable
from mappings.runtime import Codec

Value = dict[str, Any]

_DTM = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?)?)?)?([+-]\d{4})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII).fullmatch
_MARKS = str.maketrans("", "", "-T:")
_DAY = len("2026-03-08")


# ---- time (2A.21 DT, 2A.22 DTM) -------------------------------------------------------------------------------


def read_instant(text: str, m: Delimiters) -> Value:
    """A When from a DTM; without an offset the partner's zone is assumed."""
    return _instant(text, m.zone)


@lru_cache(maxsize=4096)
def _instant(text: str, zone: str) -> Value:
    found = _DTM.fullmatch(text)
    if found is None:
        raise Unreadable("time-unreadable", "write a time as YYYYMMDDHHMMSS+ZZZZ")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    local = year
    for mark, part in zip("--T::", (month, day, hour, minute, second), strict=True):
        local += f"{mark}{part}" if part else ""
    try:
        return times.when(local + (fraction or ""), f"{offset[:3]}:{offset[3:]}" if offset else "", zone)
    except ValueError as wrong:
        raise Unreadable("time-unreadable", f"{wrong}; write a time as YYYYMMDDHHMMSS+ZZZZ") from wrong


def write_instant(value: Value, m: Delimiters) -> str:
    """A DTM; without an offset only where the reader will assume the zone that was assumed before."""
    local = value["local"]
    if value.get("assumed_zone") and (value.get("zone") == (m.zone or "UTC") or len(local) <= _DAY):
        return _digits(local)
    zone = value.get("zone") or "Z"
    return _digits(local) + _digits_of_offset(zone if zone[0] in "+-" else times.offset(value))


@lru_cache(maxsize=4096)
def _digits(local: str) -> str:
    return local.translate(_MARKS)


@lru_cache(maxsize=256)
def _digits_of_offset(offset: str) -> str:
    return "+0000" if offset == "Z" else offset.replace(":", "")


def read_date(text: str, m: Delimiters) -> str:
    """A calendar date, year-month or year; never an instant."""
    when = _DTM.fullmatch(text)
    if when is None or when[4]:
        raise Unreadable("date-unreadable", "write a date as YYYYMMDD")
    return _instant(text, m.zone)["local"]  # type: ignore[no-any-return]


def write_date(value: str, m: Delimiters) -> str:  # noqa: ARG001
    return value.replace("-", "")


def read_birth(text: str, m: Delimiters) -> tuple[str, str | None]:
    """PID-7: the date, and the whole local time with its offset as far as the sender knew it."""
    when = _instant(text, m.zone)
    local = when["local"]
    if len(local) <= _DAY:
        return local, None
    return local[:_DAY], local if when.get("assumed_zone") else local + times.offset(when)


def write_birth(value: tuple[str | None, str | None], m: Delimiters) -> str:  # noqa: ARG001
    date, time = value
    if not time or (date is not None and not time.startswith(date)):
        return (date or "").replace("-", "")
    day, _, clock = time.partition("T")
    offset = clock[-6:] if clock[-6:-5] in {"+", "-"} else ""
    return f"{day}{clock.removesuffix(offset)}".translate(_MARKS) + offset.replace(":", "")


def read_year(value: Any, m: Delimiters) -> int | None:  # noqa: ARG001
    """The year of a date, for what may be known outside the vault."""
    text = value[0] if isinstance(value, tuple) else value
    return int(text[:4])


def read_stated(value: Any, m: Delimiters) -> bool:  # noqa: ARG001
    """True for whatever is stated: a time of death means a death."""
    return True


# ---- numbers, yes and no --------------------------------------------------------------------------------------


def read_decimal(text: str, m: Delimiters) -> str:  # noqa: ARG001
    """A decimal with its digits as sent (2A.47 NM allows a sign and a bare point)."""
    if _PLAIN_NUMBER(text):
        return text
    text = text.strip()
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Unreadable("number-unreadable", "write a number with digits and a point only")
    digits = found[1]
    digits = f"0{digits}" if digits[0] == "." else digits.removesuffix(".")
    return f"-{digits}" if text[0] == "-" else digits


def write_decimal(value: str, m: Delimiters) -> str:  # noqa: ARG001
    return str(value)


def read_integer(text: str, m: Delimiters) -> int:  # noqa: ARG001
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Unreadable("number-unreadable", "write a whole number with digits only")
    return int(text)


def write_integer(value: int, m: Delimiters) -> str:  # noqa: ARG001
    return str(value)


def read_boolean(text: str, m: Delimiters) -> bool:  # noqa: ARG001
    if text not in {"Y", "N"}:
        raise Unreadable("code-unknown", "write Y or N (table 0136)")
    return text == "Y"


def write_boolean(value: bool, m: Delimiters) -> str:  # noqa: ARG001
    return "Y" if value else "N"


# ---- authorities and code systems (2A.36 HD, 2A.28 EI) --------------------------------------------------------


def read_authority(namespace: str, universal: str, kind: str, m: Delimiters) -> tuple[str, str | None, bool | None]:
    """System, assigner and whether the system is assumed, from an HD's three parts."""
    if not namespace and not universal:
        return m.system or UNASSIGNED, None, True
    return _authority(namespace, universal, kind)


@lru_cache(maxsize=4096)
def _authority(namespace: str, universal: str, kind: str) -> tuple[str, str | None, bool | None]:
    if not universal:
        return f"urn:id:{quote(namespace, safe='')}", None, None
    if kind in {"ISO", ""} and OID.fullmatch(universal):
        return f"urn:oid:{universal}", namespace or None, None
    if kind == "UUID":
        return f"urn:uuid:{universal}", namespace or None, None
    if kind == "URI":
        return universal, namespace or None, None
    return f"urn:hd:{quote(kind, safe='')}:{quote(universal, safe='')}", namespace or None, None


def write_authority(value: tuple[str | None, str | None, bool | None], m: Delimiters) -> tuple[str, str, str]:
    """An HD's three parts; an authority that this partner's messages leave out stays out."""
    system, assigner, assumed = value
    if system is None or (assumed and system in {m.system, UNASSIGNED}):
        return "", "", ""
    return _hd(system, assigner or "")


@lru_cache(maxsize=4096)
def _hd(system: str, name: str) -> tuple[str, str, str]:
    if system.startswith("urn:id:") and not name:
        return unquote(system[7:]), "", ""
    for prefix, kind in (("urn:oid:", "ISO"), ("urn:uuid:", "UUID")):
        if system.startswith(prefix):
            return name, system[len(prefix) :], kind
    if system.startswith("urn:hd:"):
        kind, _, universal = system[7:].partition(":")
        return name, unquote(universal), unquote(kind)
    return name, system, "URI"


def read_endpoint(namespace: str, universal: str, kind: str, m: Delimiters) -> tuple[str | None, str | None]:
    """Name and id of an application or facility (MSH-3 to MSH-6)."""
    if not universal:
        return namespace or None, None
    return namespace or None, read_authority("", universal, kind, m)[0]


def write_endpoint(value: tuple[str | None, str | None], m: Delimiters) -> tuple[str, str, str]:
    name, system = value
    if system is None:
        return name or "", "", ""
    return write_authority((system, name, None), m)


def read_plain_identifier(number: str, name: str, universal: str, kind: str, type_: str, m: Delimiters) -> Value | None:
    """The identifier of a person or organisation: number, authority (HD) and type."""
    if not number:
        return None
    system, assigner, assumed = read_authority(name, universal, kind, m)
    identifier: Value = {"system": system, "value": number}
    if assigner:
        identifier["assigner"] = assigner
    if assumed:
        identifier["assumed"] = True
    if type_:
        identifier["type"] = m.codes["identifier_type"].read(type_)
    return identifier


def write_plain_identifier(value: Value, m: Delimiters) -> tuple[str, str, str, str, str]:
    name, universal, kind = write_authority((value["system"], value.get("assigner"), value.get("assumed")), m)
    type_ = value.get("type", "")
    return value["value"], name, universal, kind, m.codes["identifier_type"].write(type_) if type_ else ""


def read_party_identifier(number: str, *parts: Any) -> Value | None:
    """As a plain identifier, with the assigning facility (HD) of an XCN or XON."""
    *authority, type_, name, universal, kind, m = parts
    identifier = read_plain_identifier(number, authority[0], authority[1], authority[2], type_, m)
    if identifier is not None and (name or universal):
        facility, facility_id = read_endpoint(name, universal, kind, m)
        identifier |= {"facility": facility} if facility else {}
        identifier |= {"facility_id": facility_id} if facility_id else {}
    return identifier


def write_party_identifier(value: Value, m: Delimiters) -> tuple[str, ...]:
    facility = write_endpoint((value.get("facility"), value.get("facility_id")), m)
    return (*write_plain_identifier(value, m), *facility)


def read_organization_identifier(number: str, old: str, *parts: Any) -> Value | None:
    """The identifier of an XON: component 10, or 3 as it was before 2.5."""
    return read_party_identifier(number or old, *parts)


def write_organization_identifier(value: Value, m: Delimiters) -> tuple[str, ...]:
    number, *rest = write_party_identifier(value, m)
    return ("", number, *rest) if m.version < (2, 5) else (number, "", *rest)


def read_given(first: str, further: str, m: Delimiters) -> list[str] | None:  # noqa: ARG001
    """XPN.2 and XPN.3: the first given name and the further ones as one text."""
    if not first:
        if further:
            raise Unreadable("name-unreadable", "a further given name stands without a first one")
        return None
    return [first, further] if further else [first]


def write_given(value: list[str], m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return value[0], " ".join(value[1:])


def read_lines(street: str, other: str, m: Delimiters) -> list[str] | None:  # noqa: ARG001
    """XAD.1 and XAD.2: the lines of an address."""
    if not street:
        if other:
            raise Unreadable("address-unreadable", "a second address line stands without a first one")
        return None
    return [street, other] if other else [street]


def write_lines(value: list[str], m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return value[0], ", ".join(value[1:])


def read_code_system(name: str, m: Delimiters) -> str:
    return coding_system(name, m)


CODECS: dict[str, Codec] = {
    "instant": Codec(read_instant, write_instant),
    "date": Codec(read_date, write_date),
    "birth": Codec(read_birth, write_birth),
    "year": Codec(read_year, read_year),
    "stated": Codec(read_stated, read_stated),
    "decimal": Codec(read_decimal, write_decimal),
    "integer": Codec(read_integer, write_integer),
    "boolean": Codec(read_boolean, write_boolean),
    "authority": Codec(read_authority, write_authority, always=True),
    "endpoint": Codec(read_endpoint, write_endpoint),
    "code_system": Codec(read_code_system, coding_system_name),
    "concept": Codec(read_concept, write_concept, whole=True),
    "element": Codec(read_element, write_element, whole=True),
    "flag": Codec(read_flag, write_flag, raw=True),
    "plain_identifier": Codec(read_plain_identifier, write_plain_identifier),
    "party_identifier": Codec(read_party_identifier, write_party_identifier),
    "organization_identifier": Codec(read_organization_identifier, write_organization_identifier),
    "given": Codec(read_given, write_given),
    "lines": Codec(read_lines, write_lines),
}
