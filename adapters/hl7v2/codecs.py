"""Codecs of HL7 v2: pairs of functions for values that the data-type tables cannot say. Each pair is tested both ways.

References are to HL7 v2.5.1 chapter 2A (data types) and chapter 7 (OBX).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from adapters import times
from adapters.hl7v2.tokenizer import Delimiters
from canonical_model.ids import COI_SYSTEM
from mappings.faults import Unreadable
from mappings.runtime import Codec

Value = dict[str, Any]

_DTM = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?)?)?)?([+-]\d{4})?")
_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)")
_OID = re.compile(r"[0-2](?:\.\d+)+")
UNASSIGNED = "urn:id:unassigned"


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


def write_instant(value: Value, m: Delimiters) -> str:  # noqa: ARG001 - a codec's shape
    text = re.sub(r"[-T:]", "", value["local"])
    if value.get("assumed_zone"):
        return text
    return text + times.offset(value).replace(":", "")


def read_date(text: str, m: Delimiters) -> str:
    """A calendar date, year-month or year; never an instant."""
    when = _DTM.fullmatch(text)
    if when is None or when[4]:
        raise Unreadable("date-unreadable", "write a date as YYYYMMDD")
    return _instant(text, m.zone)["local"]  # type: ignore[no-any-return]


def write_date(value: str, m: Delimiters) -> str:  # noqa: ARG001
    return value.replace("-", "")


def read_birth(text: str, m: Delimiters) -> tuple[str, str | None]:
    """PID-7: the date, and the whole local time where the sender knew it."""
    local = _instant(text, m.zone)["local"]
    return local[:10], (local if "T" in local else None)


def write_birth(value: tuple[str | None, str | None], m: Delimiters) -> str:  # noqa: ARG001
    date, time = value
    best = time if time and (date is None or time.startswith(date)) else date
    return re.sub(r"[-T:]", "", best or "")


def read_year(value: Any, m: Delimiters) -> int | None:  # noqa: ARG001
    """The year of a date, for what may be known outside the vault."""
    text = value[0] if isinstance(value, tuple) else value
    return int(text[:4])


# ---- numbers, yes and no --------------------------------------------------------------------------------------


def read_decimal(text: str, m: Delimiters) -> str:  # noqa: ARG001
    """A decimal with its digits as sent (2A.47 NM allows a sign and a bare point)."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise Unreadable("number-unreadable", "write a number with digits and a point only")
    digits = found[1]
    digits = f"0{digits}" if digits[0] == "." else digits.removesuffix(".")
    return f"-{digits}" if text.strip()[0] == "-" else digits


def write_decimal(value: str, m: Delimiters) -> str:  # noqa: ARG001
    return str(value)


def read_integer(text: str, m: Delimiters) -> int:  # noqa: ARG001
    if not re.fullmatch(r"\d{1,9}", text):
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
    if universal:
        if kind in {"ISO", ""} and _OID.fullmatch(universal):
            return f"urn:oid:{universal}", namespace or None, None
        if kind == "UUID":
            return f"urn:uuid:{universal}", namespace or None, None
        if kind == "URI":
            return universal, namespace or None, None
        return f"urn:hd:{quote(kind, safe='')}:{quote(universal, safe='')}", namespace or None, None
    if namespace:
        return f"urn:id:{quote(namespace, safe='')}", None, None
    return m.system or UNASSIGNED, None, True


def write_authority(value: tuple[str | None, str | None, bool | None], m: Delimiters) -> tuple[str, str, str]:  # noqa: ARG001
    system, assigner, assumed = value
    if assumed or system is None:
        return "", "", ""
    if system.startswith("urn:id:"):
        return unquote(system[7:]), "", ""
    name = assigner or ""
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


def coding_system(name: str, m: Delimiters) -> str:
    """URI of a code system's HL7 name (table 0396); an unknown name keeps itself."""
    table = m.codes.get("coding_system")
    if table is not None and name in table.forward:
        return table.forward[name]
    return f"urn:oid:{name}" if _OID.fullmatch(name) else f"urn:id:{quote(name, safe='')}"


def coding_system_name(uri: str, m: Delimiters) -> str:
    table = m.codes.get("coding_system")
    if table is not None and uri in table.reverse:
        return table.reverse[uri]
    if uri.startswith("urn:oid:"):
        return uri[8:]
    return unquote(uri[7:]) if uri.startswith("urn:id:") else uri


def read_concept(*parts: Any) -> tuple[list[Value] | None, str | None]:
    """Codings and text of a CWE: code, display, system, version, thrice, and the original text (2A.13)."""
    *texts, m = parts
    codings = []
    for start in (0, 4, 8):
        code, display, system, version = texts[start : start + 4]
        if not code and not display:
            continue
        coding: Value = {"code": code} if code else {}
        if display:
            coding["display"] = display
        if system:
            coding["system"] = coding_system(system, m)
        if version:
            coding["version"] = version
        codings.append(coding)
    return codings or None, texts[12] or None


def write_concept(value: tuple[list[Value] | None, str | None], m: Delimiters) -> tuple[str, ...]:
    codings, text = value
    out: list[str] = []
    for coding in (codings or [])[:3]:
        system = coding_system_name(coding["system"], m) if coding.get("system") else ""
        out += [coding.get("code", ""), coding.get("display", ""), system, coding.get("version", "")]
    return (*out, *[""] * (12 - len(out)), text or "")


def read_party_identifier(number: str, name: str, universal: str, kind: str, type_: str, m: Delimiters) -> Value | None:
    """The identifier of an XCN or XON: number, authority (HD) and type."""
    if not number:
        return None
    system, assigner, assumed = read_authority(name, universal, kind, m)
    identifier: Value = {"system": system, "value": number}
    if assigner:
        identifier["assigner"] = assigner
    if assumed:
        identifier["assumed"] = True
    if type_:
        identifier["type"] = m.codes["identifier_type"].read(type_) if "identifier_type" in m.codes else type_
    return identifier


def write_party_identifier(value: Value, m: Delimiters) -> tuple[str, str, str, str, str]:
    name, universal, kind = write_authority((value["system"], value.get("assigner"), value.get("assumed")), m)
    type_ = value.get("type", "")
    if type_ and "identifier_type" in m.codes:
        type_ = m.codes["identifier_type"].write(type_)
    return value["value"], name, universal, kind, type_


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


def read_media_type(main: str, sub: str, m: Delimiters) -> str | None:  # noqa: ARG001
    """ED.2 and ED.3 as a media type."""
    if not main:
        return None
    return f"{main}/{sub}" if sub else main


def write_media_type(value: str, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    main, _, sub = value.partition("/")
    return main, sub


# ---- OBX-2, OBX-5, OBX-6: a result's value (7.4.2) ------------------------------------------------------------


def read_value(kind: str, value: str, unit: str, m: Delimiters) -> tuple[Value, str] | None:
    """A Measurement and the value type that the sender declared; raises where the type is not one of ours."""
    if not value or value == '""':
        return None
    m.at = "5"
    reader = _VALUE_READERS.get(kind)
    if reader is None:
        raise Unreadable("value-type", "OBX-2 names no value type that the model has; the value is kept for its sender")
    return reader(value, unit, m), kind


def _read_number(value: str, unit: str, m: Delimiters) -> Value:
    return {"quantity": {"value": read_decimal(m.leaf(value), m), **_read_unit(unit, m)}}


def _read_structured(value: str, unit: str, m: Delimiters) -> Value:
    """SN (2A.70): comparator, number, separator, number."""
    comparator, low, separator, high = (m.part(value, [step]) for step in (1, 2, 3, 4))
    units = _read_unit(unit, m)
    first: Value = {"value": read_decimal(low, m), **units} if low else {}
    if not high:
        if not first or comparator not in {"", "=", "<", ">", "<=", ">="} or separator:
            raise Unreadable("value-unreadable", "a structured number is comparator^number^separator^number")
        return {"quantity": {**first, **({"comparator": comparator} if comparator not in {"", "="} else {})}}
    second: Value = {"value": read_decimal(high, m), **units}
    if separator == "-":
        return {"range": {"low": first, "high": second} if first else {"high": second}}
    if separator in {":", "/"} and first:
        return {"ratio": {"numerator": first, "denominator": second}}
    raise Unreadable("value-unreadable", "the separator of a structured number is -, : or /")


def _read_unit(unit: str, m: Delimiters) -> Value:
    if not unit:
        return {}
    code, text, system = (m.part(unit, [step]) for step in (1, 2, 3))
    out: Value = {}
    if code:
        out["unit"] = code
    if text:
        out["unit_text"] = text
    if system:
        out["unit_system"] = coding_system(system, m)
    return out


def _write_unit(quantity: Value, m: Delimiters) -> str:
    system = coding_system_name(quantity["unit_system"], m) if quantity.get("unit_system") else ""
    parts = [quantity.get("unit", ""), quantity.get("unit_text", ""), system]
    return m.comp.join(m.escape(part) for part in parts).rstrip(m.comp)


def _read_texts(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001 - a text has no unit
    return {"text": [m.unescape(line) if m.esc in line else line for line in value.split(m.rep)]}


def _read_concepts(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    concepts = []
    for repeat in value.split(m.rep):
        parts = [m.leaf(part) for part in repeat.split(m.comp)]
        parts += [""] * (13 - len(parts))
        order = (0, 1, 2, 6, 3, 4, 5, 7, 9, 10, 11, 12, 8)
        codings, text = read_concept(*(parts[i] for i in order), m)
        if codings or text:
            concepts.append({**({"codings": codings} if codings else {}), **({"text": text} if text else {})})
    if not concepts:
        raise Unreadable("value-unreadable", "a coded value has a code or a text")
    return {"concepts": concepts}


def _write_concepts(concepts: list[Value], m: Delimiters) -> str:
    repeats = []
    for concept in concepts:
        parts = write_concept((concept.get("codings"), concept.get("text")), m)
        order = (0, 1, 2, 4, 5, 6, 3, 7, 12, 8, 9, 10, 11)
        repeats.append(m.comp.join(m.escape(parts[i]) for i in order).rstrip(m.comp))
    return m.rep.join(repeats)


def _read_when(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    return {"when": read_instant(m.leaf(value), m)}


def _read_time(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    text = m.leaf(value)
    if not re.fullmatch(r"\d\d(\d\d(\d\d(\.\d{1,4})?)?)?", text):
        raise Unreadable("time-unreadable", "write a time of day as HHMMSS")
    return {"time": text}


def _read_period(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    ends = {name: m.part(value, [step]) for name, step in (("start", 1), ("end", 2))}
    return {"period": {name: read_instant(text, m) for name, text in ends.items() if text}}


def _read_identifier(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """CX has its authority in one component, EI spreads it over three."""
    number, universal = m.part(value, [1]), m.part(value, [3])
    if not number:
        raise Unreadable("value-unreadable", "an identifier has a number")
    system, assigner, assumed = read_authority(m.part(value, [2]), universal, m.part(value, [4]), m)
    return {
        "identifier": {
            "system": system,
            "value": number,
            **({"assigner": assigner} if assigner else {}),
            **({"assumed": True} if assumed else {}),
        }
    }


def _read_attachment(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    main, sub, encoding, data = (m.part(value, [step]) for step in (2, 3, 4, 5))
    if not data:
        raise Unreadable("value-unreadable", "encapsulated data has its data in the fifth component")
    media = read_media_type(main, sub, m)
    return {
        "attachment": {
            "data": data,
            **({"media_type": media} if media else {}),
            **({"encoding": encoding} if encoding else {}),
        }
    }


_VALUE_READERS: dict[str, Callable[[str, str, Delimiters], Value]] = {
    "NM": _read_number,
    "SN": _read_structured,
    **dict.fromkeys(("ST", "TX", "FT"), _read_texts),
    **dict.fromkeys(("CE", "CWE", "CNE", "CF", "IS", "ID"), _read_concepts),
    **dict.fromkeys(("DT", "TS", "DTM"), _read_when),
    "TM": _read_time,
    "DR": _read_period,
    "EI": _read_identifier,
    "ED": _read_attachment,
}


def write_value(value: tuple[Value | None, str | None], m: Delimiters) -> tuple[str, str, str]:
    """OBX-2, OBX-5 and OBX-6 of a Measurement, in the declared value type where it can hold the value."""
    measurement, declared = value
    if measurement is None:
        return "", "", ""
    ((form, content),) = measurement.items()
    if form not in _FORMS:
        raise Unreadable("no-home", "OBX-5 has no value type for this form of value")
    kinds, write = _FORMS[form]
    kind = declared if declared in kinds else _usual_kind(form, content, m)
    text, unit = write(kind, content, m)
    return kind, text, unit


def _usual_kind(form: str, content: Any, m: Delimiters) -> str:
    if form == "quantity":
        return "SN" if content.get("comparator") else "NM"
    if form == "text":
        return "ST" if len(content) == 1 else "TX"
    if form == "concepts":
        return "CWE" if m.version >= (2, 5) else "CE"
    if form == "when":
        return "DT" if content["precision"] in {"day", "month", "year"} else "DTM" if m.version >= (2, 6) else "TS"
    return _FORMS[form][0][0]


def _write_quantity(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:
    unit = _write_unit(content, m)
    comparator = content.get("comparator", "")
    if kind == "SN" or comparator:
        return f"{m.escape(comparator)}{m.comp}{content['value']}", unit
    return content["value"], unit


def _write_range(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001 - one shape for all forms
    low, high = content.get("low", {}), content.get("high", {})
    return m.comp.join(["", low.get("value", ""), "-", high.get("value", "")]), _write_unit(high or low, m)


def _write_ratio(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    parts = ["", content["numerator"]["value"], ":", content["denominator"]["value"]]
    return m.comp.join(parts), _write_unit(content["numerator"], m)


def _write_texts(kind: str, content: list[str], m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return m.rep.join(m.escape(line) for line in content), ""


def _write_when(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    return write_instant(content, m), ""


def _write_period(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    ends = [write_instant(content[end], m) if content.get(end) else "" for end in ("start", "end")]
    return m.comp.join(ends).rstrip(m.comp), ""


def _write_identifier(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    parts = write_authority((content["system"], content.get("assigner"), content.get("assumed")), m)
    return m.comp.join(m.escape(part) for part in (content["value"], *parts)).rstrip(m.comp), ""


def _write_attachment(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:  # noqa: ARG001
    if not content.get("data"):
        raise Unreadable("no-home", "the document's bytes are not in the frame")
    main, sub = write_media_type(content.get("media_type", ""), m)
    parts = ("", main, sub, content.get("encoding", ""), content["data"])
    return m.comp.join(m.escape(part) for part in parts), ""


_FORMS: dict[str, tuple[tuple[str, ...], Callable[[str, Any, Delimiters], tuple[str, str]]]] = {
    "quantity": (("NM", "SN"), _write_quantity),
    "range": (("SN",), _write_range),
    "ratio": (("SN",), _write_ratio),
    "text": (("ST", "TX", "FT"), _write_texts),
    "concepts": (("CWE", "CE", "CNE", "CF", "IS", "ID"), lambda _, concepts, m: (_write_concepts(concepts, m), "")),
    "when": (("DTM", "TS", "DT"), _write_when),
    "time": (("TM",), lambda _, text, m: (m.escape(text), "")),
    "period": (("DR",), _write_period),
    "identifier": (("EI",), _write_identifier),
    "attachment": (("ED",), _write_attachment),
    "boolean": (("ID",), lambda _, flag, __: ("Y" if flag else "N", "")),
}


def read_coi(kind: str, value: str, m: Delimiters) -> Value | None:  # noqa: ARG001 - ST, CX and EI all begin with the number
    """OBX-5 that is a field: the chain-of-identity identifier, with its authority where the sender typed one."""
    number = m.part(value, [1])
    if not number:
        return None
    authority = m.part(value, [4, 1]), m.part(value, [4, 2]), m.part(value, [4, 3])
    system, assigner, assumed = read_authority(*authority, m) if any(authority) else (COI_SYSTEM, None, True)
    item: Value = {"system": system, "value": number, "type": "coi"}
    return {**item, **({"assigner": assigner} if assigner else {}), **({"assumed": True} if assumed else {})}


def write_coi(value: Value, m: Delimiters) -> tuple[str, str]:
    authority = write_authority((value["system"], value.get("assigner"), value.get("assumed")), m)
    if not any(authority):
        return "ST", m.escape(value["value"])
    system = m.sub.join(m.escape(part) for part in authority).rstrip(m.sub)
    return "CX", m.comp.join([m.escape(value["value"]), "", "", system])


def read_code_system(name: str, m: Delimiters) -> str:
    return coding_system(name, m)


CODECS: dict[str, Codec] = {
    "instant": Codec(read_instant, write_instant),
    "date": Codec(read_date, write_date),
    "birth": Codec(read_birth, write_birth),
    "year": Codec(read_year, read_year),
    "decimal": Codec(read_decimal, write_decimal),
    "integer": Codec(read_integer, write_integer),
    "boolean": Codec(read_boolean, write_boolean),
    "authority": Codec(read_authority, write_authority),
    "endpoint": Codec(read_endpoint, write_endpoint),
    "code_system": Codec(read_code_system, coding_system_name),
    "coi": Codec(read_coi, write_coi, raw=True),
    "concept": Codec(read_concept, write_concept),
    "party_identifier": Codec(read_party_identifier, write_party_identifier),
    "given": Codec(read_given, write_given),
    "lines": Codec(read_lines, write_lines),
    "value": Codec(read_value, write_value, raw=True),
}
