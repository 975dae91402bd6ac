"""FHIR's people, organisations, devices and contact points and the canonical ones: parts that depend on each other.

A person at work is a Reference to a Practitioner or the like; the canonical Person has what identifies them and the
name that people read. Patients are records: see `references`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.fhir_r4 import references
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.dates import read_date_time, write_date_time
from adapters.fhir_r4.identifiers import write_identifier
from mappings.faults import Unreadable

Value = dict[str, Any]


# ---- contact points -------------------------------------------------------------------------------------------


def read_telecom(value: Any, m: Document) -> Value | None:
    """A ContactPoint; a mobile phone is a system of its own, as in HL7 v2."""
    if not isinstance(value, dict):
        raise Unreadable("shape", "an object is expected here")
    if value.get("value") is None:
        return None
    out: Value = {"value": m.text(value["value"])}
    system, use = value.get("system"), value.get("use")
    if (system, use) == ("phone", "mobile"):
        return {**out, "system": "mobile", **_period(value, m)}
    if system is not None:
        out["system"] = m.codes["telecom_system"].read(m.text(system))
    if use is not None:
        out["use"] = m.codes["telecom_use"].read(m.text(use))
    return {**out, **_period(value, m)}


def write_telecom(value: Value, m: Document) -> Value | None:
    number_ = " ".join(value[part] for part in ("country_code", "area_code", "local_number") if value.get(part))
    if value.get("extension") and number_:
        number_ = f"{number_} x{value['extension']}"
    text = value.get("value") or value.get("text") or number_
    if not text:
        return None
    out: Value = {}
    system, use = _code("telecom_system", value.get("system"), m), _code("telecom_use", value.get("use"), m)
    if system:
        out["system"] = system
    out["value"] = text
    if use or value.get("system") == "mobile":
        out["use"] = use or "mobile"
    if value.get("period"):
        out["period"] = {end: write_date_time(when, m) for end, when in value["period"].items()}
    return out


def _code(table: str, code: str | None, m: Document) -> str | None:
    """The wire code of a code, or None with a note: the rest of the value is written without it."""
    try:
        return m.codes[table].write(code) if code else None
    except Unreadable as wrong:
        m.no_home("", table, wrong)
        return None


def _period(value: Mapping[str, Any], m: Document) -> Value:
    period = value.get("period")
    if not isinstance(period, dict):
        return {}
    ends = {end: read_date_time(period[end], m) for end in ("start", "end") if period.get(end) is not None}
    return {"period": ends} if ends else {}


def phone(use: str) -> Callable[[Value, Document], Value | None]:
    def write(value: Value, m: Document) -> Value | None:
        return write_telecom({"use": use, **value}, m)

    return write


# ---- people, organisations, devices ---------------------------------------------------------------------------


def read_person(value: Any, m: Document) -> Value | None:
    """A Reference to a person at work: what identifies them, and the name that people read."""
    if references.type_of(value, m) not in references.PERSONS:
        return None
    identifier = references.identifier_of(value, m)
    display = value.get("display")
    person: Value = {"identifier": identifier} if identifier else {}
    if display is not None:
        person["name"] = {"text": m.text(display)}
    return person or None


def write_person(value: Value, m: Document) -> Value | None:
    if "actor" in value:
        m.no_home("", m.at, Unreadable("withheld", "who it was is the vault's to say; it is not written"))
        return None
    reference = references.naming(value.get("identifier"), m)
    display = name_text(value.get("name") or {})
    if display:
        reference["display"] = display
    return reference or None


def name_text(name: Mapping[str, Any]) -> str:
    """A name as people read it."""
    if name.get("text"):
        return str(name["text"])
    words = (name.get(part) for part in ("prefix", "given", "family_prefix", "family", "suffix", "degree"))
    return " ".join(" ".join(word) if isinstance(word, list | tuple) else word for word in words if word)


def read_organization(value: Any, m: Document) -> Value | None:
    """A Reference to an organisation."""
    if references.type_of(value, m) != "Organization":
        return None
    identifier = references.identifier_of(value, m)
    display = value.get("display")
    organization: Value = {"name": m.text(display)} if display is not None else {}
    if identifier:
        organization["identifier"] = identifier
    return organization or None


def write_organization(value: Value, m: Document) -> Value | None:
    reference = references.naming(value.get("identifier"), m, "Organization")
    if value.get("name"):
        reference["display"] = value["name"]
    return {"type": "Organization", **reference} if reference and "reference" not in reference else reference or None


def read_requester(value: Any, m: Document) -> tuple[Value | None, Value | None] | None:
    """Who asks: a person or an organisation."""
    read = read_person(value, m), read_organization(value, m)
    return read if any(read) else None


def write_requester(value: tuple[Value | None, Value | None], m: Document) -> Value | None:
    person, organization = value
    if person and organization:
        m.no_home("", "order.facilities", Unreadable("no-home", "one requester is written: the person"))
    if person:
        return write_person(person, m)
    return write_organization(organization, m) if organization else None


def read_laboratory(value: Any, m: Document) -> Value | None:
    """The organisation among those who performed."""
    items = value if isinstance(value, list) else []
    return next((read for item in items if isinstance(item, dict) and (read := read_organization(item, m))), None)


def write_laboratory(value: Value, m: Document) -> list[Value] | None:
    written = write_organization(value, m)
    return [written] if written else None


def read_device(value: Any, m: Document) -> Value | None:
    """A Reference to a device, as the identifier of the device."""
    return references.identifier_of(value, m)


def write_device(value: Value, m: Document) -> Value:
    return references.naming(value, m, "Device")


# ---- identifiers that stand in one place ----------------------------------------------------------------------

_SSN = "http://hl7.org/fhir/sid/us-ssn"


def write_other_identifiers(value: tuple[Value | None, Value | None, str | None], m: Document) -> list[Value] | None:
    """Identifiers that HL7 v2 has fields of their own for (PID-2, PID-18, PID-19)."""
    external, account, national = value
    out = [{"type": "account", **account}] if account else []
    if external:
        out.append(external)
    if national:
        out.append({"system": _SSN, "value": national, "type": "social-security"})
    return [write_identifier(item, m) for item in out] or None


def write_replaced(value: Value, m: Document) -> Value:
    """A retired identifier as the link of the Patient that took over (MRG-1)."""
    return {"other": {"type": "Patient", "identifier": write_identifier(value, m)}, "type": "replaces"}
