"""The value of a result: OBX-2, OBX-5 and OBX-6 together as one Measurement (7.4.2). Reads no other field.

A value of a type that the model has no form for, and a field of several values where one is meant, is not read: it
stays with its sender and the message says so, rather than a part of it passing for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from adapters.hl7v2.attachments import read_document, read_pointer, write_attachment
from adapters.hl7v2.codecs import Value, read_authority, read_decimal, read_instant, write_authority, write_instant
from adapters.hl7v2.concepts import (
    coding_system,
    coding_system_name,
    read_concept,
    read_narrow,
    write_concept,
    write_narrow,
)
from adapters.hl7v2.tokenizer import NULL, Delimiters
from canonical_model.ids import COI_SYSTEM
from mappings.faults import Unreadable
from mappings.runtime import Codec

_COMPARED = re.compile(r"(<=|>=|<|>)\s*(.+)")
_MEASURED = re.compile(r"(?:<=|>=|<|>)?\s*-?\d+(?:\.\d+)?", re.ASCII)
_TEXTS = ("ST", "TX", "FT")
_MEASURES = frozenset({"quantity", "range", "ratio"})
"""Forms of a value that have a unit."""
_CLOCK = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d(?:\.\d{1,9})?))?)?(?:([+-]\d\d)(\d\d))?", re.ASCII)


def read_value(kind: str, value: str, unit: str, m: Delimiters) -> tuple[Value | None, str | None] | None:
    """A Measurement and the value type that the sender declared; raises where the type is not one of ours."""
    declared = kind if kind.isalnum() else m.leaf(kind) or None
    if value == NULL or not value.strip(m.comp + m.rep + m.sub):
        return (None, declared) if declared else None
    m.at = "5"
    reader = _READERS.get(declared or "")
    if reader is None:
        raise Unreadable("value-type", "OBX-2 names no value type that the model has; the value is kept for its sender")
    if m.rep in value and declared not in _REPEATING:
        raise Unreadable("value-unreadable", "OBX-5 holds one value of this type; send an OBX for each")
    found = reader(value, unit, m)
    if unit and unit != NULL and not found.keys() & _MEASURES:
        m.fault(
            "", "6", Unreadable("unit-unreadable", "the value is no number of HL7, so its unit stays with its sender")
        )
    return found, declared


def write_value(value: tuple[Value | None, str | None], m: Delimiters) -> tuple[str, str, str]:
    """OBX-2, OBX-5 and OBX-6 of a Measurement, in the declared value type where it can hold the value."""
    measurement, declared = value
    if measurement is None:
        return declared or "", "", ""
    ((form, content),) = measurement.items()
    if form not in _FORMS:
        raise Unreadable("no-home", "OBX-5 has no value type for this form of value")
    kinds, write = _FORMS[form]
    kind = declared if declared in kinds else _usual_kind(form, content, m)
    if form == "quantity" and kind == "NM" and content.get("comparator"):
        kind = "SN"
    if form == "quantity" and kind in _TEXTS and not _has_unit(content):
        kind = "SN" if content.get("comparator") else "NM"
    text, unit = write(kind, content, m)
    return kind, text, unit


def _usual_kind(form: str, content: Any, m: Delimiters) -> str:
    if form == "text":
        return "ST" if len(content) == 1 else "TX"
    if form == "concepts":
        return "CWE" if m.version >= (2, 5) else "CE"
    if form == "when":
        return "DT" if content["precision"] in {"day", "month", "year"} else "DTM" if m.version >= (2, 6) else "TS"
    if form == "attachment":
        return "RP" if content.get("url") else "ED"
    return _FORMS[form][0][0]


# ---- numbers (2A.47 NM, 2A.70 SN) -----------------------------------------------------------------------------


def _read_number(value: str, unit: str, m: Delimiters) -> Value:
    """An NM; a comparator in front of it, which many laboratories send, is read for what it says."""
    text = m.leaf(value)
    quantity = read_unit(unit, m) if unit else {}
    if text[:1] in {"<", ">"} and (found := _COMPARED.fullmatch(text)):
        quantity["comparator"], text = found[1], found[2]
    return {"quantity": {"value": read_decimal(text, m), **quantity}}


def _read_structured(value: str, unit: str, m: Delimiters) -> Value:
    """Comparator, number, separator, number."""
    comparator, low, separator, high = m.parts(value, 4)
    units = read_unit(unit, m)
    first: Value = {"value": read_decimal(low, m), **units} if low else {}
    if not high and separator == "-" and first and not comparator:
        return {"range": {"low": first}}
    if not high:
        if not first or comparator not in {"", "=", "<", ">", "<=", ">="} or separator:
            raise Unreadable("value-unreadable", "a structured number is comparator^number^separator^number")
        return {"quantity": {**first, **({"comparator": comparator} if comparator not in {"", "="} else {})}}
    second: Value = {"value": read_decimal(high, m), **units}
    if comparator:
        raise Unreadable("value-unreadable", "a structured number has a comparator or a second number, not both")
    if separator == "-":
        return {"range": {"low": first, "high": second} if first else {"high": second}}
    if separator in {":", "/"} and first:
        return {"ratio": {"numerator": first, "denominator": second}}
    raise Unreadable("value-unreadable", "the separator of a structured number is -, : or /")


def _read_range(value: str, unit: str, m: Delimiters) -> Value:
    """NR (2A.48): two numbers."""
    ends = dict(zip(("low", "high"), m.parts(value, 2), strict=True))
    units = read_unit(unit, m)
    found = {name: {"value": read_decimal(text, m), **units} for name, text in ends.items() if text}
    if not found:
        raise Unreadable("value-unreadable", "a range has at least one end")
    return {"range": found}


def read_unit(unit: str, m: Delimiters) -> Value:
    if not unit or unit == NULL:
        return {}
    code, text, system = m.parts(unit, 3)
    out: Value = {"unit": code} if code else {}
    if text:
        out["unit_text"] = text
    if system:
        out["unit_system"] = coding_system(system, m)
    return out


def write_unit(quantity: Value, m: Delimiters) -> str:
    unit, text, system = quantity.get("unit", ""), quantity.get("unit_text"), quantity.get("unit_system")
    if not text and not system:
        return m.escape(unit)
    return _components((unit, text or "", coding_system_name(system, m) if system else ""), m)


def _has_unit(quantity: Value) -> bool:
    return any(quantity.get(part) for part in ("unit", "unit_text", "unit_system"))


def _write_quantity(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:
    unit = write_unit(content, m)
    if kind == "SN":
        return _components((content.get("comparator", ""), content["value"]), m), unit
    return content.get("comparator", "") + content["value"], unit


def _write_range(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:
    low, high = content.get("low") or {}, content.get("high") or {}
    unit = write_unit(high or low, m)
    if low and high and write_unit(low, m) != unit:
        raise Unreadable("no-home", "the ends of a range have one unit in OBX-6")
    if kind == "NR":
        return _components((low.get("value", ""), high.get("value", "")), m), unit
    return _components(("", low.get("value", ""), "-", high.get("value", "")), m), unit


def _write_ratio(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001 - one shape for all forms
    above, below = content["numerator"], content["denominator"]
    unit = write_unit(above, m)
    if write_unit(below, m) != unit:
        raise Unreadable("no-home", "the numbers of a ratio have one unit in OBX-6")
    return _components(("", above["value"], ":", below["value"]), m), unit


# ---- texts, codes, times, identifiers, documents --------------------------------------------------------------


def _read_texts(value: str, unit: str, m: Delimiters) -> Value:
    """A text; a number that has a unit is a quantity, whatever its sender declares: the unit would be lost."""
    if unit and unit != NULL and _MEASURED.fullmatch(value.strip()):
        return _read_number(value.strip(), unit, m)
    return {"text": [m.unescape(line) if m.esc in line else line for line in value.split(m.rep)]}


def _write_texts(kind: str, content: list[str], m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return m.rep.join([m.escape(line) for line in content]), ""


def _read_concepts(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    return _concepts(value, read_concept, m)


def _read_elements(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """CE (2A.12), whatever the version: who declares it has no room for more."""
    return _concepts(value, read_narrow, m)


def _concepts(value: str, read: Callable[[list[str], Delimiters], Any], m: Delimiters) -> Value:
    concepts = []
    for repeat in value.split(m.rep):
        codings, text = read(m.parts(repeat, 13), m)
        concept: Value = {"codings": codings} if codings else {}
        if text:
            concept["text"] = text
        if concept:
            concepts.append(concept)
    if not concepts:
        raise Unreadable("value-unreadable", "a coded value has a code or a text")
    return {"concepts": concepts}


def _write_concepts(kind: str, concepts: list[Value], m: Delimiters) -> tuple[str, str]:
    write = write_narrow if kind == "CE" else write_concept
    repeats = []
    for concept in concepts:
        repeats.append(_components(write((concept.get("codings"), concept.get("text")), m), m))
    return m.rep.join(repeats), ""


def _read_when(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    return {"when": read_instant(m.leaf(value), m)}


def _write_when(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return write_instant(content, m), ""


def _read_clock(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """TM (2A.75) as ISO 8601 writes a time of day, as far as it is stated."""
    found = _CLOCK.fullmatch(m.leaf(value))
    if found is None:
        raise Unreadable("time-unreadable", "write a time of day as HHMMSS")
    *clock, hours, minutes = found.groups()
    offset = f"{hours}:{minutes}" if hours else ""
    return {"time": ":".join([part for part in clock if part]) + offset}


def _write_clock(kind: str, content: str, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return m.escape(content.replace(":", "")), ""


def _read_period(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    ends = dict(zip(("start", "end"), m.parts(value, 2), strict=True))
    found = {name: read_instant(text, m) for name, text in ends.items() if text}
    if not found:
        raise Unreadable("value-unreadable", "a period has at least one end")
    return {"period": found}


def _write_period(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return _components([write_instant(content[end], m) if content.get(end) else "" for end in ("start", "end")], m), ""


def _read_entity(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """EI (2A.28) spreads its authority over three components."""
    number, *authority = m.parts(value, 4)
    return {"identifier": _identifier(number, authority, m)}


def _read_numbered(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """CX (2A.14) has its authority in the sub-components of one component, and a type."""
    number, _, _, _, kind = m.parts(value, 5)
    found = _identifier(number, m.sub_parts(m.raw_part(value, 4), 3), m)
    return {"identifier": {**found, **({"type": m.codes["identifier_type"].read(kind)} if kind else {})}}


def _identifier(number: str, authority: list[str], m: Delimiters) -> Value:
    if not number:
        raise Unreadable("value-unreadable", "an identifier has a number")
    system, assigner, assumed = read_authority(authority[0], authority[1], authority[2], m)
    found: Value = {"system": system, "value": number}
    return {**found, **({"assigner": assigner} if assigner else {}), **({"assumed": True} if assumed else {})}


def _write_identifier(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:
    authority = write_authority((content["system"], content.get("assigner"), content.get("assumed")), m)
    if kind == "EI" and not content.get("type"):
        return _components((content["value"], *authority), m), ""
    if kind == "EI":
        raise Unreadable("no-home", "an EI has no place for the identifier's type; declare CX")
    type_ = m.codes["identifier_type"].write(content["type"]) if content.get("type") else ""
    parts = [m.escape(content["value"]), "", "", m.sub_joined(authority), m.escape(type_)]
    return m.comp.join(parts).rstrip(m.comp), ""


def _write_flag(kind: str, flag: bool, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return "Y" if flag else "N", ""


def _components(parts: Any, m: Delimiters) -> str:
    return m.comp.join([m.escape(part) for part in parts]).rstrip(m.comp)


_REPEATING = frozenset({"ST", "TX", "FT", "CE", "CWE", "CNE", "CF", "IS", "ID"})
_READERS: dict[str, Callable[[str, str, Delimiters], Value]] = {
    "NM": _read_number,
    "SN": _read_structured,
    "NR": _read_range,
    **dict.fromkeys(_TEXTS, _read_texts),
    "CE": _read_elements,
    **dict.fromkeys(("CWE", "CNE", "CF", "IS", "ID"), _read_concepts),
    **dict.fromkeys(("DT", "TS", "DTM"), _read_when),
    "TM": _read_clock,
    "DR": _read_period,
    "EI": _read_entity,
    "CX": _read_numbered,
    "ED": read_document,
    "RP": read_pointer,
}
_FORMS: dict[str, tuple[tuple[str, ...], Callable[[str, Any, Delimiters], tuple[str, str]]]] = {
    "quantity": (("NM", "SN", *_TEXTS), _write_quantity),
    "range": (("SN", "NR"), _write_range),
    "ratio": (("SN",), _write_ratio),
    "text": (_TEXTS, _write_texts),
    "concepts": (("CWE", "CE", "CNE", "CF", "IS", "ID"), _write_concepts),
    "when": (("DTM", "TS", "DT"), _write_when),
    "time": (("TM",), _write_clock),
    "period": (("DR",), _write_period),
    "identifier": (("EI", "CX"), _write_identifier),
    "attachment": (("ED", "RP"), write_attachment),
    "boolean": (("ID",), _write_flag),
}
"""Form of a Measurement -> the value types that hold it, the usual one first, and how it is written."""


# ---- the OBX that is a field ----------------------------------------------------------------------------------


_COI_TYPE = "COI"


def read_coi_authority(namespace: str, universal: str, kind: str, m: Delimiters) -> tuple[str, str | None, bool | None]:
    """As any authority; where none is named, the chain of identity is its own name space (ST-028)."""
    if not namespace and not universal:
        return COI_SYSTEM, None, True
    return read_authority(namespace, universal, kind, m)


def write_coi_authority(value: tuple[str | None, str | None, bool | None], m: Delimiters) -> tuple[str, str, str]:
    """The three parts of an HD; empty where the chain of identity is its own name space."""
    system, assigner, assumed = value
    if assumed and system == COI_SYSTEM:
        return "", "", ""
    return write_authority((system, assigner, None), m)


def read_coi_place(name: str, universal: str, kind: str, type_: str, m: Delimiters) -> Any:  # noqa: ARG001
    """Authority of a CX that can hold nothing but the chain of identity; its type (CX.5) says no more."""
    return read_coi_authority(name, universal, kind, m)


def write_coi_place(value: tuple[str | None, str | None, bool | None], m: Delimiters) -> tuple[str, str, str, str]:
    """As any authority, with the type that CX.5 must have from 2.7 on (2A.14.5)."""
    return (*write_coi_authority(value, m), _COI_TYPE)


def read_coi(kind: str, value: str, m: Delimiters) -> Value | None:  # noqa: ARG001 - ST, CX and EI all begin with the number
    """The chain-of-identity identifier in OBX-5, with its authority where the sender typed one."""
    number = m.part(value, 1)
    if not number:
        return None
    namespace, universal, form = m.sub_parts(m.raw_part(value, 4), 3)
    system, assigner, assumed = read_coi_authority(namespace, universal, form, m)
    item: Value = {"system": system, "value": number, "type": "coi"}
    return {**item, **({"assigner": assigner} if assigner else {}), **({"assumed": True} if assumed else {})}


def write_coi(value: Value, m: Delimiters) -> tuple[str, str]:
    authority = write_coi_authority((value["system"], value.get("assigner"), value.get("assumed")), m)
    if not any(authority):
        return "ST", m.escape(value["value"])
    return "CX", m.comp.join([m.escape(value["value"]), "", "", m.sub_joined(authority), _COI_TYPE])


VALUE_CODECS: dict[str, Codec] = {
    "coi_place": Codec(read_coi_place, write_coi_place, always=True),
    "value": Codec(read_value, write_value, raw=True),
    "coi": Codec(read_coi, write_coi, raw=True),
}
