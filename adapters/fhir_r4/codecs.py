"""Codecs of FHIR R4: pairs of functions for values that the data-type tables cannot say. Each pair is tested both ways.

Wire nodes are those of `adapters.json_text`: a number is a `Num`, everything else is plain JSON. References are to the
data types page of FHIR R4 (4.0.1).
"""

from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256
from typing import Any

from adapters.fhir_r4 import acts, concepts, dates, findings, people, products, references, tasks
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.identifiers import read_identifier, write_identifier
from adapters.fhir_r4.numbers import read_decimal, write_decimal
from adapters.json_text import Num
from mappings.faults import Unreadable
from mappings.runtime import Codec

Value = dict[str, Any]

_RULE = "\n\n---\n\n"
"""Between the notes of one text: a horizontal rule of markdown, which Annotation.text is written in."""
_UCUM = "http://unitsofmeasure.org"
_CODES = re.compile(r"\S+(\s\S+)*")


# ---- numbers, yes and no, text --------------------------------------------------------------------------------


def read_integer(value: Any, m: Document) -> int:  # noqa: ARG001
    if not isinstance(value, Num) or not re.fullmatch(r"-?\d{1,10}", value, re.ASCII):
        raise Unreadable("number-unreadable", "write a whole number")
    return int(value)


def write_integer(value: int, m: Document) -> Num:  # noqa: ARG001
    return Num(value)


def read_boolean(value: Any, m: Document) -> bool:  # noqa: ARG001
    if not isinstance(value, bool):
        raise Unreadable("shape", "write true or false")
    return value


def write_boolean(value: bool, m: Document) -> bool:  # noqa: ARG001
    return value


def read_lines(value: Any, m: Document) -> list[str]:
    """A valueString as the lines that it has."""
    return m.text(value).split("\n")


def write_lines(value: Any, m: Document) -> str:  # noqa: ARG001
    if not isinstance(value, list | tuple):
        raise Unreadable("withheld", "the text is sealed; it is not written")
    return "\n".join(value)


def read_words(value: Any, m: Document) -> str:
    """A list of short texts (prefixes, suffixes) as one."""
    if not isinstance(value, list):
        raise Unreadable("shape", "a list is expected here")
    return " ".join(m.text(word) for word in value)


def write_words(value: str, m: Document) -> list[str]:  # noqa: ARG001
    return [value]


def read_family(text: Any, m: Document) -> tuple[str, None]:
    """HumanName.family holds the prefix of the family name too."""
    return m.text(text), None


def write_family(value: tuple[str | None, str | None], m: Document) -> str | None:  # noqa: ARG001
    family, prefix = value
    return " ".join(part for part in (prefix, family) if part) or None


def read_suffix(value: Any, m: Document) -> tuple[str, None]:
    return read_words(value, m), None


def write_suffix(value: tuple[str | None, str | None], m: Document) -> list[str]:  # noqa: ARG001
    """Suffix and academic degree stand in one list."""
    return [part for part in value if part]


def read_family_name(text: Any, m: Document) -> Value:
    """The mother's maiden name, as the extension gives it."""
    return {"family": m.text(text)}


def write_family_name(value: Value, m: Document) -> str | None:
    return write_family((value.get("family"), value.get("family_prefix")), m) or value.get("text")


def read_notes(value: Any, m: Document) -> str:
    """The texts of Annotations as one, a rule between them; who wrote them, and when, stays with their sender."""
    if not isinstance(value, list):
        raise Unreadable("shape", "a list is expected here")
    texts = [m.text(note.get("text")) if isinstance(note, dict) else m.text(None) for note in value]
    return _RULE.join(texts)


def write_notes(value: Any, m: Document) -> list[Value]:  # noqa: ARG001
    if not isinstance(value, str):
        raise Unreadable("withheld", "the text is sealed; it is not written")
    return [{"text": text} for text in value.split(_RULE) if text.strip()]


def read_code(value: Any, m: Document) -> str:
    """A code: no space around it, and none but single ones inside (datatypes: code)."""
    if not _CODES.fullmatch(m.text(value)):
        raise Unreadable("code-unreadable", "a code has no spaces around it and only single ones inside")
    return str(value)


def write_code(value: str, m: Document) -> str:  # noqa: ARG001
    if not _CODES.fullmatch(value):
        raise Unreadable("no-home", "a code of FHIR has no spaces around it and only single ones inside")
    return value


# ---- units, codes ---------------------------------------------------------------------------------------------


def read_unit(unit: Any, system: Any, code: Any, m: Document) -> tuple[str | None, str | None, str | None]:
    """Unit text, system and code of a Quantity. A unit that only people read is the unit."""
    texts = [None if part is None else m.text(part) for part in (unit, system, code)]
    if texts[1] is None and texts[2] is None:
        return None, None, texts[0]
    return texts[0], texts[1], texts[2]


def write_unit(
    value: tuple[str | None, str | None, str | None], m: Document
) -> tuple[str | None, str | None, str | None]:
    """Unit, system and code; a code without a system is no code in FHIR (qty-3), so it is the unit that people read."""
    text, system, code = value
    if system:
        return text, system, code
    if text and code:
        m.no_home("", m.at, Unreadable("no-home", "a unit without a code system is written as one text"))
    return code or text, None, None


def read_integer_quantity(value: Any, m: Document) -> Value:
    """A valueInteger is a quantity without a unit."""
    read_integer(value, m)
    return {"value": str(value)}


def read_request_status(code: Any, m: Document) -> tuple[str, None]:
    """ServiceRequest.status as the order's state."""
    return m.codes["request_status"].read(m.text(code)), None


def write_request_status(value: tuple[str | None, str | None], m: Document) -> str:
    """The state where it is known, else what the message does with the order (official map of ORC-5 and ORC-1)."""
    state, action = value
    table = m.codes["request_status"]
    if state in table.reverse:
        return table.write(state)
    if state is not None:
        m.no_home("", "order.state", Unreadable("no-home", "ServiceRequest.status has no code for this state"))
    return m.codes["request_action"].reverse.get(action or "", "active")


def read_note_list(value: Any, m: Document) -> list[str]:
    """The texts of Annotations, one by one."""
    return read_notes(value, m).split(_RULE)


def write_note_list(value: Any, m: Document) -> list[Value]:  # noqa: ARG001
    if not isinstance(value, list | tuple):
        raise Unreadable("withheld", "the text is sealed; it is not written")
    return [{"text": text} for text in value if text.strip()]


def read_free_text(value: Any, m: Document) -> str:
    return m.text(value)


def write_free_text(value: Any, m: Document) -> str:  # noqa: ARG001
    if not isinstance(value, str):
        raise Unreadable("withheld", "the text is sealed; it is not written")
    return value


def read_minutes(value: Any, m: Document) -> Value:
    """Minutes as a quantity with its unit."""
    return {"value": str(read_integer(value, m)), "unit": "min", "unit_system": _UCUM}


def write_minutes(value: Value, m: Document) -> Num:  # noqa: ARG001
    if value.get("unit") != "min" or not re.fullmatch(r"[1-9]\d{0,8}", value["value"], re.ASCII):
        raise Unreadable("no-home", "only whole minutes are written")
    return Num(value["value"])


def read_content(value: Any, m: Document) -> str:
    """The bytes of an attachment as base64 without white space; a reader of the frame opens them."""
    text = "".join(m.text(value).split())
    try:
        b64decode(text, validate=True)
    except ValueError as wrong:
        raise Unreadable("content-unreadable", "write the bytes as base64") from wrong
    return text


def write_content(value: Any, m: Document) -> str:
    try:
        b64decode(write_free_text(value, m), validate=True)
    except ValueError as wrong:
        raise Unreadable("no-home", "the content of an attachment is base64") from wrong
    return str(value)


def read_digest(content: str, m: Document) -> str:  # noqa: ARG001 - a codec's shape
    """SHA-256 of what base64 holds, hex. FHIR's own hash is SHA-1."""
    return sha256(b64decode(content)).hexdigest()


def read_size(content: str, m: Document) -> int:  # noqa: ARG001
    """Bytes of what base64 holds."""
    return len(b64decode(content))


def _one_way(*_: Any) -> None:
    raise Unreadable("one-way", "this row only writes")


STATUSES = (
    "appointment_status",
    "collection_status",
    "conditioning_status",
    "document_status",
    "batch_status",
)
"""Code tables of statuses that are a state or an action."""

CODECS: dict[str, Codec] = {
    "date_time": Codec(dates.read_date_time, dates.write_date_time),
    "instant": Codec(dates.read_instant, dates.write_instant),
    "date": Codec(dates.read_date, lambda value, m: value),  # noqa: ARG005 - a codec's shape
    "birth": Codec(dates.read_birth, dates.write_birth),
    "year": Codec(dates.read_year, _one_way),
    "time": Codec(dates.read_time, dates.write_time),
    "decimal": Codec(read_decimal, write_decimal),
    "integer": Codec(read_integer, write_integer),
    "boolean": Codec(read_boolean, write_boolean),
    "code": Codec(read_code, write_code),
    "lines": Codec(read_lines, write_lines),
    "words": Codec(read_words, write_words),
    "family": Codec(read_family, write_family),
    "suffix": Codec(read_suffix, write_suffix),
    "family_name": Codec(read_family_name, write_family_name),
    "notes": Codec(read_notes, write_notes),
    "unit": Codec(read_unit, write_unit),
    "integer_quantity": Codec(read_integer_quantity, _one_way),
    "request_status": Codec(read_request_status, write_request_status),
    "identifier": Codec(read_identifier, write_identifier),
    "resource_id": Codec(references.read_id, references.write_id),
    "telecom": Codec(people.read_telecom, people.write_telecom),
    "language": Codec(concepts.read_language, concepts.write_language),
    "home_telecom": Codec(_one_way, people.phone("home")),
    "work_telecom": Codec(_one_way, people.phone("work")),
    "person": Codec(people.read_person, people.write_person),
    "organization": Codec(people.read_organization, people.write_organization),
    "requester": Codec(people.read_requester, people.write_requester),
    "laboratory": Codec(people.read_laboratory, people.write_laboratory),
    "device": Codec(people.read_device, people.write_device),
    "other_identifiers": Codec(_one_way, people.write_other_identifiers),
    "replaced": Codec(_one_way, people.write_replaced),
    "moment": Codec(dates.read_moment, dates.write_moment),
    "span": Codec(dates.read_span, dates.write_span),
    "note_list": Codec(read_note_list, write_note_list),
    "free_text": Codec(read_free_text, write_free_text),
    "content": Codec(read_content, write_content),
    "digest": Codec(read_digest, _one_way),
    "size": Codec(read_size, _one_way),
    "coi": Codec(_one_way, lambda value, m: write_identifier({"type": "coi", **value}, m)),
    "minutes": Codec(read_minutes, write_minutes),
    "document_type": Codec(acts.read_document_type, acts.write_document_type),
    "administration_status": acts.status("medication_status"),
    "infusion_status": Codec(acts.read_infusion_status, acts.write_infusion_status),
    "obligation_status": Codec(acts.read_obligation_status, acts.write_obligation_status),
    "available": Codec(products.read_available, products.write_available),
    "storage": Codec(products.read_storage, products.write_storage),
    "origins": Codec(_one_way, products.write_origins),
    "held_product": Codec(products.read_held_product, _one_way),
    "held_lot": Codec(products.read_held_lot, _one_way),
    **{name: acts.status(name) for name in STATUSES},
    "shipment_status": Codec(acts.read_shipment_status, acts.write_shipment_status),
    "finding": Codec(findings.read_finding, findings.write_finding),
    "issue_status": Codec(findings.read_issue_status, findings.write_issue_status),
    "change_reason": Codec(acts.read_change_reason, acts.write_change_reason),
    "services": Codec(acts.read_services, acts.write_services),
    "participants": Codec(acts.read_participants, acts.write_participants),
    "performers": Codec(acts.read_performers, acts.write_performers),
    "place": Codec(acts.read_place, acts.write_place),
    "containers": tasks.about(("container",), "administration.containers"),
    "related": tasks.about(tasks.RECORDS, "document.about"),
    "implicated": tasks.about(tasks.RECORDS, "issue.about"),
    "shipment_parts": tasks.inputs(tasks.SHIPMENT, focus="contents"),
    "batch_parts": tasks.inputs(tasks.BATCH),
    "batch_outputs": tasks.inputs({"outputs": "things"}),
}
