"""Codecs of B2MML: pairs of functions for values that the tables cannot say. Each pair is tested both ways.

A leaf is a text, or a dict with its text under `#text` beside its attributes; an empty element says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters import times
from adapters.b2mml.names import (
    CODE_SCHEME,
    ID_SCHEME,
    NAMES,
    NAMING,
    Element,
    Value,
    first,
    pair,
    scheme_of,
)
from canonical_model import BASE
from canonical_model.values import DECIMAL_PATTERN
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec

UCUM = "http://unitsofmeasure.org"
TEST_SYSTEM = f"{BASE}/cs/test"
FINDING_SYSTEM = f"{BASE}/cs/finding"

_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
_COMPARED = re.compile(r"(<=|>=|<|>)?\s*([+-]?[0-9]\S*)", re.ASCII)
_NUMERIC = frozenset(
    {
        *("amount", "measure", "numeric", "quantity", "integer", "positiveinteger", "negativeinteger"),
        *("nonnegativeinteger", "nonpositiveinteger", "int", "unsignedint", "long", "unsignedlong", "short"),
        *("unsignedshort", "byte", "unsignedbyte", "decimal", "float", "double"),
    }
)
"""Values of DataType that declare a number; senders write them in any case."""
_TEXTUAL = frozenset({"text", "string", "code", "identifier", "name", "id", "enumeration"})
"""Values of DataType by which digits are a text: a number of something, not a quantity."""
_LOCATION_TYPE = "Operational Location"


# ---- time -----------------------------------------------------------------------------------------------------


def read_stamp(value: Any, m: Element) -> Value | None:
    """A When from an xsd:dateTime; without an offset in the partner's zone."""
    text = m.text(value)
    if text is None:
        return None
    try:
        return times.read_iso(text, m.zone)
    except ValueError as wrong:
        raise Unreadable("time-unreadable", "write a time as YYYY-MM-DDThh:mm:ss+hh:mm") from wrong


def write_stamp(value: Value, m: Element) -> str:
    """B2MML has no time coarser than a second: what was not stated is written as the start of the interval."""
    local: str = value["local"]
    if len(local) < len("2026-03-08T06:40:00"):
        m.faults.append(Fault("precision-lost", m.place, "B2MML has seconds; the time stated less", severity="lost"))
        local += "0001-01-01T00:00:00"[len(local) :]
    return local if value.get("assumed_zone") else local + times.offset(value)


def write_date(value: Value, m: Element) -> str:  # noqa: ARG001
    """A time or date in a property, with as much as was stated."""
    return times.write_iso(value)


# ---- values ---------------------------------------------------------------------------------------------------


def _unit(value: Any, m: Element) -> Value:
    """UCUM code of a unit by the code table `unit`; a unit that it does not know stays a text."""
    text = m.text(value) if value is not None else None
    if text is None:
        return {}
    known = m.codes["unit"].forward.get(text)
    return {"unit": known, "unit_system": UCUM} if known else {"unit_text": text}


def _unit_text(quantity: Mapping[str, Any], m: Element) -> str | None:
    unit = quantity.get("unit")
    if not unit:
        return quantity.get("unit_text")
    return m.codes["unit"].reverse.get(unit, str(unit))


def _number(text: str, unit: Any, m: Element) -> Value:
    """A Quantity; a comparator may stand in front."""
    found = _COMPARED.fullmatch(text)
    digits = found[2].removeprefix("+") if found is not None else ""
    if found is None or not _DECIMAL.fullmatch(digits):
        raise Unreadable("number-unreadable", "write a number with digits and a decimal point")
    quantity = {"value": digits, **_unit(unit, m)}
    return {**quantity, "comparator": found[1]} if found[1] else quantity


def read_quantity(value: Any, m: Element) -> Value | None:
    """A Quantity from QuantityString and UnitOfMeasure."""
    if not isinstance(value, Mapping):
        raise Unreadable("shape", "a quantity has a QuantityString")
    text = m.text(value.get("QuantityString", ""))
    return _number(text, value.get("UnitOfMeasure"), m) if text is not None else None


def write_quantity(value: Value, m: Element) -> Value:
    return _written("QuantityString", f"{value.get('comparator') or ''}{value['value']}", "decimal", value, m)


def _written(name: str, text: str, data_type: str, quantity: Mapping[str, Any], m: Element) -> Value:
    unit = _unit_text(quantity, m)
    tree = {name: text} if quantity.get("comparator") else {name: text, "DataType": data_type}
    return {**tree, "UnitOfMeasure": unit} if unit is not None else tree


def read_value(value: Any, m: Element) -> Value | None:
    """A Measurement from a ValueString: a finding of the code table, a number, a time, yes or no, or a text.

    What is declared a number and is none raises, so that no wrong number hides in a text.
    """
    if not isinstance(value, Mapping):
        raise Unreadable("shape", "a value has a ValueString")
    text = m.text(value.get("ValueString", ""))
    if text is None:
        return None
    declared = (m.text(value.get("DataType", "")) or "").lower()
    finding = m.codes["finding"].forward.get(text)
    if finding is not None:
        return {"concepts": [{"codings": [{"code": finding, "system": FINDING_SYSTEM}]}]}
    if declared in {"boolean", "indicator"} and text in {"true", "false"}:
        return {"boolean": text == "true"}
    if declared in {"datetime", "date"}:
        return {"when": read_stamp(text, m)}
    is_number = _COMPARED.fullmatch(text) is not None and _DECIMAL.fullmatch(text.lstrip("<>=+ ")) is not None
    if declared in _NUMERIC or (is_number and declared not in _TEXTUAL):
        return {"quantity": _number(text, value.get("UnitOfMeasure"), m)}
    if is_number and m.text(value.get("UnitOfMeasure", "")) is not None:
        return {"quantity": _number(text, value.get("UnitOfMeasure"), m)}
    return {"text": [text]}


def write_value(value: Value, m: Element) -> Value:
    if "quantity" in value:
        q = value["quantity"]
        return _written("ValueString", f"{q.get('comparator') or ''}{q['value']}", "decimal", q, m)
    if "boolean" in value:
        return {"ValueString": "true" if value["boolean"] else "false", "DataType": "boolean"}
    if "when" in value:
        text = times.write_iso(value["when"])
        return {"ValueString": text, "DataType": "dateTime" if len(text) > len("2026-03-08") else "date"}
    if "concepts" in value:
        return {"ValueString": _finding(value["concepts"], m), "DataType": "Code"}
    if isinstance(value.get("text"), list) and len(value["text"]) == 1:
        return {"ValueString": str(value["text"][0]), "DataType": "string"}
    raise Unreadable("no-home", "a value is a number, a time, yes or no, one finding or one line of text")


def _finding(concepts: list[Value], m: Element) -> str:
    codes = [coding for concept in concepts for coding in concept.get("codings", ())]
    if len(codes) != 1 or codes[0].get("system") != FINDING_SYSTEM:
        raise Unreadable("no-home", "a value is one finding of the hub's code table")
    return m.codes["finding"].write(codes[0].get("code", ""))


def read_expected(value: Any, m: Element) -> str | None:
    """What was expected, in the sender's words."""
    return m.text(value.get("ValueString", "")) if isinstance(value, Mapping) else m.text(value)


def write_expected(value: str, m: Element) -> Value:  # noqa: ARG001
    return {"ValueString": value, "DataType": "string"}


def read_parameter(value: Any, m: Element) -> Value | None:
    """A process parameter: its name and its first value."""
    if not isinstance(value, Mapping):
        raise Unreadable("shape", "a parameter has an ID and a Value")
    name = m.text(value.get("ID", ""))
    if name is None or name in NAMING:
        return None
    found = read_value(first(value, "Value"), m) if value.get("Value") else None
    return {"name": name, "value": found} if found else {"name": name}


def write_parameter(value: Value, m: Element) -> Value:
    if value.get("limit"):
        m.no_home("", "batch.steps", Unreadable("no-home", "B2MML has no limits beside a value"))
    tree: Value = {"ID": value["name"]}
    return {**tree, "Value": [write_value(value["value"], m)]} if value.get("value") else tree


def read_concept(value: Any, m: Element) -> Value | None:
    """A code as its sender writes it."""
    text = m.text(value)
    if text is None:
        return None
    scheme = scheme_of(value, m) if isinstance(value, Mapping) else ""
    return {"codings": [{"code": text, "system": scheme} if scheme else {"code": text}]}


def write_concept(value: Value, m: Element) -> Any:
    codings = value.get("codings") or ({"code": value.get("text")},)
    if len(codings) > 1:
        m.no_home("", m.place, Unreadable("no-home", "B2MML has room for one code; the others are not written"))
    coding = codings[0]
    text = coding.get("code") or coding.get("display")
    if not text:
        raise Unreadable("no-home", "a concept is written by its code")
    return {ID_SCHEME: coding["system"], "#text": str(text)} if coding.get("system") else str(text)


def write_code(value: Value, m: Element) -> Any:
    """The same in an element that is a code, where the system has another attribute."""
    written = write_concept(value, m)
    return {CODE_SCHEME: written[ID_SCHEME], "#text": written["#text"]} if isinstance(written, dict) else written


def read_test(code: Any, name: Any, m: Element) -> tuple[Value, str] | None:
    """The test as a hub test code by the code table `test`, as concept and as criterion; unknown ones stay `x-…`."""
    texts = [text for value in (code, name) if value is not None and (text := m.text(value)) is not None]
    if not texts:
        return None
    table = m.codes["test"]
    known = next((table.forward[text] for text in texts if text in table.forward), None) or table.read(texts[0])
    return {"codings": [{"code": known, "system": TEST_SYSTEM}]}, known


def write_test(value: tuple[Value | None, str | None], m: Element) -> tuple[str, None]:
    concept, criterion = value
    codings = (concept or {}).get("codings", ())
    code = next((c["code"] for c in codings if c.get("system") == TEST_SYSTEM and c.get("code")), criterion)
    if code:
        return m.codes["test"].write(code), None
    text = (concept or {}).get("text") or next((c.get("display") or c["code"] for c in codings), "")
    if not text:
        raise Unreadable("no-home", "the test has no hub test code and no name")
    return str(text), None


def read_measured(properties: Any, name: Any, m: Element) -> tuple[Value, str] | None:
    """What was measured: the property of the thing, else the measurement's own name."""
    return read_test(next(iter(properties if isinstance(properties, list) else [properties]), None), name, m)


def write_measured(value: tuple[Value | None, str | None], m: Element) -> tuple[list[str], None]:
    return [write_one_test(value, m)], None


def read_one_test(name: Any, m: Element) -> tuple[Value, str] | None:
    return read_test(name, None, m)


def write_one_test(value: tuple[Value | None, str | None], m: Element) -> str:
    return write_test(value, m)[0]


# ---- quality --------------------------------------------------------------------------------------------------


_DISPOSITIONS: Mapping[str, str] = {"unrestricted": "released", "restricted": "quarantined"}
_STRICTEST = ("rejected", "quarantined", "released")
_UNKNOWN = ""
"""What a word decides that no table has."""


def read_decision(disposition: Any, status: Any, exact: Any, m: Element) -> str | None:
    """What quality decided: the hub's own property, else Disposition and Status together.

    Disposition has no word for a rejection (E34); Status is free text. Where the words contradict each other, the more
    restrictive counts; a release is one only where every word that is stated releases.
    """
    own = _decided("decision", exact, "MaterialLotProperty[ID=Disposition]", m)
    if own and own not in _STRICTEST:
        return own  # a release with a reserve, or a revocation: only the property has a word for it
    words = (own, _by_disposition(disposition, m), _decided("lot_status", status, "Status", m))
    said = [word for word in words if word is not None]
    found = next((word for word in _STRICTEST if word in said), None)
    if found == "released" and set(said) != {"released"}:
        if _UNKNOWN not in said:  # which is told already
            remedy = "one word releases the lot and another does not: no decision is read"
            m.faults.append(Fault("places-disagree", f"{m.place}-Disposition", remedy))
        return None
    return found


def _by_disposition(value: Any, m: Element) -> str | None:
    """The decision of a Disposition, which alone of all words may release or be one of `lot_status`."""
    word = m.word(value) if value is not None else None
    own = _DISPOSITIONS.get(word.casefold()) if word is not None else None
    if own is None and word is not None and m.code("lot_status", word) == "released":
        m.unknown("lot_status", "Disposition")
        return _UNKNOWN
    return own or _decided("lot_status", value, "Disposition", m)


def _decided(table: str, value: Any, at: str, m: Element) -> str | None:
    """What a word decides by a table; None where none stands there, `_UNKNOWN` for one that is told."""
    word = m.word(value) if value is not None else None
    if word is None:
        return None
    found = m.code(table, word)
    if found is None:
        m.unknown(table, at)
    return found or _UNKNOWN


def write_decision(value: str, m: Element) -> tuple[str | None, str, str | None]:
    """A release with a reserve is written as Restricted: only who knows the property may use the material."""
    exact = value if value not in {"released", "quarantined", "rejected"} else None
    status = m.codes["lot_status"].reverse.get(value, "Quarantine")
    disposition = "UnRestricted" if value == "released" else "Restricted"
    return disposition if m.version >= (7,) else None, status, m.codes["decision"].write(exact) if exact else None


def read_storage(value: Any, m: Element) -> str | None:
    """Where it is kept: an element with a Location in V0700, a text in V0401."""
    if isinstance(value, Mapping) and "Location" in value:
        return m.text(value["Location"])
    return m.text(value)


def write_storage(value: str, m: Element) -> Any:
    return {"Location": value, "LocationType": _LOCATION_TYPE} if m.version >= (7,) else value


def read_place(value: Any, m: Element) -> Value | None:
    text = read_storage(value, m)
    return {"name": text} if text else None


def write_place(value: Value, m: Element) -> Any:
    text = value.get("name") or (value.get("identifier") or {}).get("value") or value.get("text")
    if not text:
        raise Unreadable("no-home", "a place is written by its name")
    return write_storage(str(text), m)


def coded(table: str) -> Codec:
    """The codec of a code table."""

    def read(value: Any, m: Element) -> str | None:
        word = m.word(value)
        if word is None:
            return None
        return m.code(table, word) or m.codes[table].read(word)

    def write(value: str, m: Element) -> str:
        return m.codes[table].write(value)

    return Codec(read, write, raw=True)


def ended(table: str, end: str, state: str) -> Codec:
    """The codec of an end and a state, by the names of their elements: what has an end was completed, but only where no
    state is stated. Either is read although the other cannot be."""
    states = coded(table)

    def read(told_end: Any, told_state: Any, m: Element) -> tuple[Value | None, str | None] | None:
        when = _apart(read_stamp, told_end, end, m)
        status = _apart(states.read, told_state, state, m)
        if when is not None and not _is_stated(told_state, m):
            status = "completed"
        return None if when is None and status is None else (when, status)

    def write(value: tuple[Value | None, str | None], m: Element) -> tuple[str | None, str | None]:
        when, status = value
        word = "Other" if when is not None else None  # an end alone would be read as completed
        try:
            word = states.write(status, m) if status is not None else word
        except Unreadable as wrong:
            m.no_home("", state, wrong)
        return write_stamp(when, m) if when is not None else None, word

    return Codec(read, write, raw=True)


def _apart(read: Callable[[Any, Element], Any], value: Any, at: str, m: Element) -> Any:
    """One of several elements that are read together; one that cannot be read is told at its own place."""
    try:
        return read(value, m) if value is not None else None
    except Unreadable as wrong:
        m.faults.append(Fault(wrong.code, f"{m.place}-{at}", wrong.remedy))
        return None


def _is_stated(value: Any, m: Element) -> bool:
    try:
        return value is not None and m.word(value) is not None
    except Unreadable:
        return True


TABLES = ("request_state", "verdict")
VALUES: dict[str, Codec] = {
    **NAMES,
    **{table: coded(table) for table in TABLES},
    "response_end": ended("response_state", "EndTime", "ResponseState"),
    "segment_end": ended("segment_state", "ActualEndTime", "SegmentState"),
    "plain": pair(lambda value, m: m.text(value), lambda value, m: value),  # noqa: ARG005
    "measured": pair(read_measured, write_measured),
    "stamp": pair(read_stamp, write_stamp),
    "date": pair(read_stamp, write_date),
    "quantity": pair(read_quantity, write_quantity),
    "value": pair(read_value, write_value),
    "expected": pair(read_expected, write_expected),
    "parameter": pair(read_parameter, write_parameter),
    "concept": pair(read_concept, write_concept),
    "code": pair(read_concept, write_code),
    "test": pair(read_test, write_test),
    "one_test": pair(read_one_test, write_one_test),
    "decision": pair(read_decision, write_decision),
    "storage": pair(read_storage, write_storage),
    "place": pair(read_place, write_place),
}
