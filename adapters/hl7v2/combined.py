"""Values that several fields of a segment say together, or one field and its set id. Reads no result (see `values`).

Start and length of an appointment (10.6), an amount and its unit, the numbers of one order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from adapters import times
from adapters.hl7v2.codecs import (
    Value,
    read_authority,
    read_decimal,
    read_instant,
    write_authority,
    write_decimal,
    write_instant,
)
from adapters.hl7v2.concepts import coding_system, coding_system_name, read_element, write_element
from adapters.hl7v2.tokenizer import Delimiters
from adapters.hl7v2.values import read_unit, write_unit
from canonical_model.identifiers import UNASSIGNED
from canonical_model.values import instant_text, parse_instant, zone_of
from mappings.faults import Unreadable
from mappings.runtime import Codec

_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "minutes": 60, "h": 3600, "hr": 3600, "d": 86400}
"""Seconds of a unit of length, spelt small. HL7's own M, H and D of a timing (4.3) are among them; months are not."""
_LONGEST = 10 * 365 * 86400
_MINUTE = len("2026-03-08T06:40")


# ---- start and length -----------------------------------------------------------------------------------------


def read_slot(start: str, length: str, unit: str, m: Delimiters) -> Value | None:
    """From when to when: a start, and the end that a length gives where its unit is one of time."""
    if not m.leaf(start):
        return None
    begin = read_instant(m.leaf(start), m)
    end = _after(begin, _length(length, unit, m))
    return {"start": begin, **({"end": end} if end else {})}


def write_slot(value: Value, m: Delimiters) -> tuple[str, str, str]:
    start, end = value.get("start"), value.get("end")
    if start is None:
        raise Unreadable("no-home", "a booking has no end without a start")
    if end is None:
        return write_instant(start, m), "", ""
    return write_instant(start, m), str(_minutes(start, end)), _minute(m)


def read_scheduled(length: str, unit: str, timing: str, m: Delimiters) -> tuple[Value | None, Value | None] | None:
    """SCH-9 to SCH-11: from when to when, and the length where that says nothing. From 2.7 on TQ1 says when."""
    parts = m.parts(timing, 5) if timing and m.version < _TIMED else [""] * 5
    period = {name: read_instant(text, m) for name, text in (("start", parts[3]), ("end", parts[4])) if text}
    seconds = _length(length, unit, m)
    if period and "end" not in period and (end := _after(period["start"], seconds)):
        return {**period, "end": end}, None
    stated = None
    if "end" not in period and (number := m.leaf(length)):
        if m.version >= _TIMED:
            m.beyond.add(_LENGTH)
        stated = {"value": read_decimal(number, m), **read_unit(unit, m)}
    return (period or None, stated) if period or stated else None


def write_scheduled(value: tuple[Value | None, Value | None], m: Delimiters) -> tuple[str, str, str]:
    """SCH-9 and SCH-11 only where the version has them (withdrawn in 2.7)."""
    period, stated = value
    if m.version >= _TIMED:
        said = stated is not None and _LENGTH in m.beyond
        return (stated["value"], write_unit(stated, m), "") if stated and said else ("", "", "")
    start, end = (period or {}).get("start"), (period or {}).get("end")
    timing = m.comp.join(["", "", "", *(write_instant(one, m) if one else "" for one in (start, end))])
    timing = timing.rstrip(m.comp)
    if stated:
        return stated["value"], write_unit(stated, m), timing
    if start and end and (minutes := _whole_minutes(start, end)):
        return minutes, _minute(m), timing
    return "", "", timing


def read_from_to(start: str, end: str, m: Delimiters) -> Value | None:
    """TQ1-7 and TQ1-8."""
    period = {name: read_instant(m.leaf(text), m) for name, text in (("start", start), ("end", end)) if m.leaf(text)}
    return period or None


def write_from_to(value: Value, m: Delimiters) -> tuple[str, str]:
    start, end = value.get("start"), value.get("end")
    return write_instant(start, m) if start else "", write_instant(end, m) if end else ""


def _length(length: str, unit: str, m: Delimiters) -> int | None:
    """Seconds of a stated length; None where it is no whole number of a unit of time."""
    number, name = m.leaf(length), m.part(unit, 1).lower() if unit else "min"
    if not (number.isascii() and number.isdigit() and len(number) < 10 and name in _SECONDS):
        return None
    seconds = int(number) * _SECONDS[name]
    return seconds if 0 < seconds <= _LONGEST else None


def _after(begin: Value, seconds: int | None) -> Value | None:
    """The instant that much later, in the zone of the first; elapsed time, so the clock may have been changed."""
    if seconds is None or len(begin["local"]) < _MINUTE:
        return None
    try:
        moment = parse_instant(begin["at"]) + timedelta(seconds=seconds)
        local = moment.astimezone(zone_of(begin["zone"])).replace(tzinfo=None)
        digits = local.isoformat(timespec="auto")
    except (OverflowError, ValueError):
        return None
    if len(begin["local"]) == _MINUTE and not local.second:
        digits = digits[:_MINUTE]
    return _restated(digits, moment, begin)


def _restated(local: str, moment: datetime, like: Value) -> Value | None:
    """A When of a local text; None where that text would be read as another moment (an hour that exists twice)."""
    assumed = bool(like.get("assumed_zone"))
    offset = "" if assumed else times.offset({**like, "at": instant_text(moment), "local": local})
    try:
        found = times.when(local, offset, like["zone"])
    except ValueError:
        return None
    return found if parse_instant(found["at"]) == moment else None


def _whole_minutes(start: Value, end: Value) -> str:
    seconds = (parse_instant(end["at"]) - parse_instant(start["at"])).total_seconds()
    return str(int(seconds // 60)) if seconds > 0 and seconds % 60 == 0 else ""


def _minutes(start: Value, end: Value) -> str:
    minutes = _whole_minutes(start, end)
    if not minutes:
        raise Unreadable("no-home", "a booking has a start and a length in whole minutes")
    return minutes


def _minute(m: Delimiters) -> str:
    return m.comp.join(("min", "minutes", "UCUM"))


_TIMED = (2, 7)
"""From this version on TQ1 alone says when; SCH-9 and SCH-11 are withdrawn (10.6.2)."""
_LENGTH = "hl7v2/sch C11"
"""Noted where a sender states a length all the same."""


# ---- amounts --------------------------------------------------------------------------------------------------


def read_amount(number: str, unit: str, m: Delimiters) -> Value | None:
    """A number (NM) with its unit (CE, CWE) in the next field."""
    text = m.leaf(number)
    return {"value": read_decimal(text, m), **read_unit(unit, m)} if text else None


def write_amount(value: Value, m: Delimiters) -> tuple[str, str]:
    if value.get("comparator"):
        raise Unreadable("no-home", "an amount that is given has no comparator")
    return write_decimal(value["value"], m), write_unit(value, m)


UNKNOWN_DOSE = "999"
"""RXA-6 of an amount that nobody recorded (4A.4.7.6)."""


def read_dose(number: str, unit: str, m: Delimiters) -> Value | None:
    """RXA-6 and RXA-7; 999 without a unit says that the amount is not known."""
    return None if m.leaf(number) == UNKNOWN_DOSE and not unit else read_amount(number, unit, m)


# ---- orders and services --------------------------------------------------------------------------------------


def read_order_numbers(placer: str, filler: str, m: Delimiters) -> Value | None:
    """The order that two fields name: the placer's number (EI) and the filler's."""
    found = [_numbered(text, kind, m) for text, kind in ((placer, "placer"), (filler, "filler")) if m.leaf(text)]
    return {"kind": "order", "identifiers": found} if found else None


def _numbered(text: str, kind: str, m: Delimiters) -> Value:
    number, *authority = m.parts(text, 4)
    system, assigner, assumed = read_authority(authority[0], authority[1], authority[2], m)
    found: Value = {"value": number, "system": system, "type": kind}
    return {**found, **({"assigner": assigner} if assigner else {}), **({"assumed": True} if assumed else {})}


def write_order_numbers(value: Value, m: Delimiters) -> tuple[str, str]:
    """Each number in the field of its type; a number of another type has no place here."""
    texts = {"placer": "", "filler": ""}
    if value.get("kind") != "order":
        raise Unreadable("no-home", "these fields name an order")
    for identifier in value.get("identifiers", ()):
        kind = identifier.get("type", "placer")
        if texts.get(kind, "?"):
            raise Unreadable("no-home", "an order has one placer's and one filler's number here")
        texts[kind] = _entity(identifier, m)
    return texts["placer"], texts["filler"]


def _entity(identifier: Value, m: Delimiters) -> str:
    """An EI (2A.28)."""
    authority = write_authority((identifier["system"], identifier.get("assigner"), identifier.get("assumed")), m)
    return m.comp.join([m.escape(part) for part in (identifier["value"], *authority)]).rstrip(m.comp)


def read_service(text: str, m: Delimiters) -> tuple[Value | None, str | None]:
    """A coded service (CE, CWE from 2.6 on), and the kind of appointment that its code means at this site."""
    codings, words = read_element(m.parts(text, 13), m)
    concept: Value = {**({"codings": codings} if codings else {}), **({"text": words} if words else {})}
    return (concept, kind_of(concept, m)) if concept else (None, None)


def kind_of(concept: Value, m: Delimiters) -> str | None:
    """The kind of appointment (code table appointment_kind) of a service; the case of its code says nothing."""
    known = m.codes["appointment_kind"].forward
    codes = [str(coding.get("code", "")) for coding in concept.get("codings", ())]
    return next((known[spelt] for code in codes for spelt in (code, code.upper()) if spelt in known), None)


def write_service(value: tuple[Value | None, str | None], m: Delimiters) -> str:
    """The service; where a frame names only the kind, the code that this site reads as that kind."""
    concept, kind = value
    if concept is None:
        return m.escape(m.codes["appointment_kind"].write(kind or ""))
    parts = write_element((concept.get("codings"), concept.get("text")), m)
    return m.comp.join([m.escape(part) for part in parts]).rstrip(m.comp)


def read_barcode(text: str, m: Delimiters) -> Value | None:
    """The container that a scanned code names (RXA-25, a CWE): its code, in the system that the third part names."""
    code, _, system = m.parts(text, 3)
    if not code:
        return None
    if system:
        return {"value": code, "system": coding_system(system, m)}
    found, _, assumed = read_authority("", "", "", m)
    return {"value": code, "system": found, **({"assumed": True} if assumed else {})}


def write_barcode(value: Value, m: Delimiters) -> str:
    if value.get("assumed") and value["system"] in {m.system, UNASSIGNED}:
        return m.escape(value["value"])
    if value.get("type") or value.get("assigner"):
        raise Unreadable("no-home", "a scanned code has no place for a type and an assigner")
    return m.comp.join((m.escape(value["value"]), "", m.escape(coding_system_name(value["system"], m))))


def read_set_id(text: str, m: Delimiters) -> None:
    """A count of segments says nothing."""


def write_set_id(value: Any, m: Delimiters) -> str:  # noqa: ARG001
    """1 in a segment that says anything: each booking begins a group of its own."""
    return "1"


def read_document_number(text: str, m: Delimiters) -> Value | None:
    """Another document, by its number (EI)."""
    if not m.leaf(text):
        return None
    number = _numbered(text, "", m)
    return {"kind": "document", "identifiers": [{name: part for name, part in number.items() if name != "type"}]}


def write_document_number(value: Value, m: Delimiters) -> str:
    named = value.get("identifiers", ())
    if value.get("kind") != "document" or len(named) != 1 or named[0].get("type"):
        raise Unreadable("no-home", "this field names one document by its number alone")
    return _entity(named[0], m)


COMBINED_CODECS: dict[str, Codec] = {
    "slot": Codec(read_slot, write_slot, raw=True),
    "scheduled": Codec(read_scheduled, write_scheduled, raw=True),
    "from_to": Codec(read_from_to, write_from_to, raw=True),
    "amount": Codec(read_amount, write_amount, raw=True),
    "dose": Codec(read_dose, write_amount, raw=True),
    "order_numbers": Codec(read_order_numbers, write_order_numbers, raw=True),
    "service": Codec(read_service, write_service, raw=True),
    "barcode": Codec(read_barcode, write_barcode, raw=True),
    "document_number": Codec(read_document_number, write_document_number, raw=True),
    "set_id": Codec(read_set_id, write_set_id),
}
