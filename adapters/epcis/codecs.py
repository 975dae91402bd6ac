"""Codecs of EPCIS 2.0: pairs of functions for values that the tables cannot say. Each pair is tested both ways.

References are to EPCIS 2.0 (sections 7 and 10), CBV 2.0 and the EPC Tag Data Standard. A vocabulary term may come as a
bare word, a CURIE or a URI; JSON-LD is written with the bare word, XML with the URN or CURIE that its examples use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters import times
from adapters.json_text import Num, number
from canonical_model.identifiers import ANY_URI, from_uri, to_uri
from canonical_model.ids import COI_SYSTEM
from canonical_model.values import DECIMAL_PATTERN, zone_of
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec, Context

Value = dict[str, Any]

REC20 = "urn:un:unece:uncefact:codelist:standard:6:Recommendation20"
"""System of UN/CEFACT's unit codes, which EPCIS writes without naming one."""
UCUM = "http://unitsofmeasure.org"

_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)",
    re.ASCII,
)
_OFFSET = re.compile(r"[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII)
_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)


@dataclass(slots=True)
class EventContext(Context):
    """A message's context; `xml` says which of the two syntaxes is written."""

    xml: bool = False

    def text(self, value: Any) -> str:
        """A text leaf as it stands. Raises Unreadable for anything else: a number, a list, an object."""
        if not isinstance(value, str) or isinstance(value, Num):
            raise Unreadable("shape", "a text is expected here")
        return value


# ---- vocabulary (CBV 7; JSON-LD contexts) ---------------------------------------------------------------------

_CBV = r"(?:cbv:|https?://(?:ref|ns)\.gs1\.org/cbv/)"
_WEB = r"(?:gs1:|https?://(?:www\.)?gs1\.org/voc/)"

SPELLINGS: dict[str, tuple[re.Pattern[str], str]] = {
    table: (re.compile(pattern, re.IGNORECASE), xml)
    for table, (pattern, xml) in {
        "biz_step": (rf"urn:epcglobal:cbv:bizstep:|{_CBV}BizStep-", "urn:epcglobal:cbv:bizstep:"),
        "disposition": (rf"urn:epcglobal:cbv:disp:|{_CBV}Disp-", "urn:epcglobal:cbv:disp:"),
        "transaction_type": (rf"urn:epcglobal:cbv:btt:|{_CBV}BTT-", "urn:epcglobal:cbv:btt:"),
        "side_type": (rf"urn:epcglobal:cbv:sdt:|{_CBV}SDT-", "urn:epcglobal:cbv:sdt:"),
        "error_reason": (rf"urn:epcglobal:cbv:er:|{_CBV}ER-", "urn:epcglobal:cbv:er:"),
        "component": (rf"{_CBV}Comp-", "cbv:Comp-"),
        "measurement": (_WEB, "gs1:"),
        "alert": (_WEB, "gs1:"),
        "event_type": (r"epcis:|https?://(?:ref|ns)\.gs1\.org/epcis/", ""),
        "action": (r"(?!)", ""),
    }.items()
}
"""Code table -> the prefixes under which its words also come, and the one that XML writes."""


def bare(table: str, text: str) -> str:
    """A term without its prefix; a private URI as it stands.

    >>> bare("biz_step", "https://ref.gs1.org/cbv/BizStep-departing")
    'departing'
    """
    prefix = SPELLINGS[table][0].match(text)
    return text[prefix.end() :] if prefix else text


def term(table: str) -> Codec:
    """The codec of a vocabulary: its code table with every spelling read and one written."""

    def read(value: Any, m: EventContext) -> str:
        word = bare(table, m.text(value))
        if not word:
            raise Unreadable("code-unknown", "write a term of the vocabulary")
        return m.codes[table].read(word)

    def write(value: str, m: EventContext) -> str:
        word = m.codes[table].write(value)
        return SPELLINGS[table][1] + word if m.xml and ":" not in word else word

    return Codec(read, write, raw=True)


# ---- names (EPC Tag Data Standard, GS1 Digital Link) ----------------------------------------------------------


def read_epc(value: Any, m: EventContext) -> Value:
    """The identifier of an EPC, a class, a location, a device: whatever is named by one URI."""
    try:
        return {**from_uri(m.text(value))}
    except ValueError as wrong:
        raise Unreadable("epc-unreadable", str(wrong)) from wrong


def write_epc(value: Value, m: EventContext) -> str:  # noqa: ARG001 - a codec's shape
    return _uri(value, party=False)


def write_epc_item(value: Value, m: EventContext) -> str | None:
    """One name of a list; a name that EPCIS cannot write leaves the others standing."""
    try:
        return _uri(value, party=False)
    except Unreadable as wrong:
        m.no_home("", m.place, wrong)
        return None


def write_party(value: Value, m: EventContext) -> str:  # noqa: ARG001
    return _uri(value, party=True)


def _uri(value: Value, party: bool) -> str:
    try:
        return to_uri(value, party)
    except ValueError as wrong:
        raise Unreadable("no-home", f"{wrong}; give its name space a URI") from wrong


def read_side(kind: Any, name: Any, m: EventContext) -> tuple[str, Value]:
    """One entry of sourceList or destinationList: what sort of side, and who or where."""
    return CODECS["side_type"].read(kind, m), read_epc(name, m)


def write_side(value: tuple[str | None, Value], m: EventContext) -> tuple[str, str]:
    kind = CODECS["side_type"].write(value[0], m)
    return kind, _uri(value[1], party=str(value[0]).endswith("_party"))


def read_coi(value: Any, m: EventContext) -> Value:
    """The chain-of-identity identifier: a URI, or the bare identifier, whose system is then assumed."""
    text = m.text(value)
    try:
        found: Value = {**from_uri(text)}
    except ValueError:
        found = {"system": COI_SYSTEM, "value": text, "assumed": True}
    if not text.strip() or found["system"] == ANY_URI:
        raise Unreadable("identifier-unreadable", "write the chain-of-identity identifier as a URI")
    return {**found, "type": "coi"}


def write_coi(value: Value, m: EventContext) -> str:  # noqa: ARG001
    return str(value["value"]) if value.get("assumed") else _uri(value, party=False)


def read_certificates(value: Any, m: EventContext) -> list[str]:
    """certificationInfo (7.4.1): one URI, or several."""
    return [m.text(item) for item in (value if isinstance(value, list) else [value])]


def write_certificates(value: list[str], m: EventContext) -> Any:
    """One URI as itself, several as a list; XML has room for one."""
    if m.xml and len(value) > 1:
        m.no_home("", "handling.certificates", Unreadable("no-home", "XML has one certificationInfo; write JSON"))
    return value[0] if m.xml or len(value) == 1 else list(value)


# ---- time (7.4.1) ---------------------------------------------------------------------------------------------


def read_stamp(value: Any, m: EventContext) -> Value:
    """A When from an xsd:dateTimeStamp; without an offset the partner's zone is assumed."""
    try:
        return times.read_iso(m.text(value), m.zone)
    except ValueError as wrong:
        raise Unreadable("time-unreadable", "write a time as YYYY-MM-DDThh:mm:ss+hh:mm") from wrong


def write_stamp(value: Value, m: EventContext) -> str:
    """EPCIS has no time coarser than a second: what was not stated is written as the start of the interval."""
    local: str = value["local"]
    if len(local) < len("2026-03-08T06:40:00"):
        m.faults.append(Fault("precision-lost", m.place, "EPCIS has seconds; the time stated less", severity="lost"))
        local += "0001-01-01T00:00:00"[len(local) :]
    return local + times.offset(value)


def read_event_time(stamp: Any, offset: Any, m: EventContext) -> Value:
    """eventTime and eventTimeZoneOffset as one When: the instant, and the local time where it happened."""
    found = _STAMP.fullmatch(m.text(stamp))
    if found is None or not _OFFSET.fullmatch(m.text(offset)):
        raise Unreadable("time-unreadable", "write eventTime as YYYY-MM-DDThh:mm:ss+hh:mm, and eventTimeZoneOffset")
    local, fraction, zone = found[1], found[2] or "", found[3]
    try:
        if zone != offset:
            moment = datetime.fromisoformat(local).replace(tzinfo=zone_of(zone)).astimezone(zone_of(offset))
            local = moment.replace(tzinfo=None).isoformat()
        return times.when(local + fraction, offset, "")
    except (ValueError, OverflowError) as wrong:
        raise Unreadable("time-unreadable", "write a time of the calendar") from wrong


def write_event_time(value: Value, m: EventContext) -> tuple[str, str]:
    offset = times.offset(value)
    return write_stamp(value, m), "+00:00" if offset == "Z" else offset


# ---- numbers and units (7.4.2, 10.2.2) ------------------------------------------------------------------------


def read_decimal(value: Any, m: EventContext) -> str:  # noqa: ARG001
    """A JSON number with its digits as sent."""
    if not isinstance(value, Num) or not _DECIMAL.fullmatch(value):
        raise Unreadable("number-unreadable", "write a number, not a text, of at most 40 digits")
    return str.__str__(value)


def write_decimal(value: str, m: EventContext) -> Num:  # noqa: ARG001
    try:
        return number(value)
    except ValueError as wrong:
        raise Unreadable("no-home", "JSON has no such number") from wrong


def read_flag(value: Any, m: EventContext) -> bool:  # noqa: ARG001
    if not isinstance(value, bool):
        raise Unreadable("shape", "write true or false")
    return value


def write_flag(value: bool, m: EventContext) -> bool:  # noqa: ARG001
    return value


def is_nil(value: Any) -> bool:
    """True for XML's xsi:nil: the element is there and says nothing."""
    return isinstance(value, dict) and any(k.endswith(":nil") and v in ("true", "1") for k, v in value.items())


def read_amount(quantity: Any, unit: Any, m: EventContext) -> Value | None:
    """quantity and uom of a quantityElement; the unit stays UN/CEFACT's."""
    if is_nil(quantity) and unit is None:
        return None
    if quantity is None:
        raise Unreadable("quantity-missing", "a unit stands with a quantity")
    amount: Value = {"value": read_decimal(quantity, m)}
    return amount if unit is None else {**amount, "unit": m.text(unit), "unit_system": REC20}


def write_amount(value: Value, m: EventContext) -> tuple[Num, str | None]:
    """A UCUM unit is written by its UN/CEFACT code; the magnitude never changes."""
    if value.get("comparator"):
        raise Unreadable("no-home", "EPCIS has no comparator")
    unit = value.get("unit")
    if unit is not None and value.get("unit_system") != REC20:
        if value.get("unit_system") not in (None, UCUM):
            raise Unreadable("no-home", "EPCIS has units of UN/CEFACT only")
        unit = m.codes["unit"].write(unit)
    return write_decimal(value["value"], m), unit


def read_unit(value: Any, m: EventContext) -> str:
    """The UCUM code of a UN/CEFACT one."""
    return m.codes["unit"].read(m.text(value))


def write_unit(value: str, m: EventContext) -> str:
    return m.codes["unit"].write(value)


CODECS: dict[str, Codec] = {
    **{table: term(table) for table in SPELLINGS},
    "epc": Codec(read_epc, write_epc, raw=True),
    "epc_item": Codec(read_epc, write_epc_item, raw=True),
    "party": Codec(read_epc, write_party, raw=True),
    "side": Codec(read_side, write_side, raw=True),
    "coi": Codec(read_coi, write_coi, raw=True),
    "certificates": Codec(read_certificates, write_certificates, raw=True),
    "stamp": Codec(read_stamp, write_stamp, raw=True),
    "event_time": Codec(read_event_time, write_event_time, raw=True),
    "decimal": Codec(read_decimal, write_decimal, raw=True),
    "flag": Codec(read_flag, write_flag, raw=True),
    "amount": Codec(read_amount, write_amount, raw=True),
    "unit": Codec(read_unit, write_unit, raw=True),
}
