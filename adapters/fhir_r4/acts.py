"""What resources say of what is done: where it stands, who and what takes part, what goes in. Pairs of functions.

A status of FHIR says two things: where something stands, and what the message does with the record (it was entered in
error, nobody knows). The second is the frame's `action`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.fhir_r4 import people, references
from adapters.fhir_r4.concepts import coded, codings_of, concept_of, is_of, key_of, read_concept, text_of, write_concept
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.tasks import record_of, reference_to
from canonical_model import BASE
from mappings.faults import Unreadable
from mappings.runtime import Codec

Value = dict[str, Any]

ACTIONS = frozenset({"entered-in-error", "unknown", "unsatisfactory", "draft"})
"""What a status says of the message and not of the record."""


# ---- statuses -------------------------------------------------------------------------------------------------


def status(table: str) -> Codec:
    """A status by a code table, as state and action."""

    def read(code: Any, m: Document) -> tuple[str | None, str | None]:
        found = m.codes[table].read(m.text(code))
        return (None, found) if found in ACTIONS else (found, None)

    def write(value: tuple[str | None, str | None], m: Document) -> str:
        state, action = value
        return m.codes[table].write(state or action or "")

    return Codec(read, write)


INFUSE = "infuse"
"""What a Procedure does that is an infusion by its code: it cannot name the bags, so nothing else would tell."""
_IN_ERROR, _INFUSED_IN_ERROR = "entered-in-error", "infuse-in-error"
"""An infusion that was entered in error, by the status and as the action of its frame."""


def read_infusion_status(code: Any, m: Document) -> tuple[str | None, str | None]:
    """Procedure.status of an infusion."""
    found = m.codes["procedure_status"].read(m.text(code))
    if found == _IN_ERROR:
        return None, _INFUSED_IN_ERROR
    return (None, found) if found in ACTIONS else (found, INFUSE)


def write_infusion_status(value: tuple[str | None, str | None], m: Document) -> str | None:
    state, action = value
    said = state or (_IN_ERROR if action == _INFUSED_IN_ERROR else action if action != INFUSE else None)
    return m.codes["procedure_status"].write(said) if said else None


def read_obligation_status(code: Any, m: Document) -> tuple[str | None, None]:
    """Task.status of an obligation: whether it is done, its time says."""
    found = m.text(code)
    return (found if found in {"entered-in-error", "cancelled", "draft"} else None), None


def write_obligation_status(value: tuple[str | None, Value | None], m: Document) -> str:  # noqa: ARG001
    action, done = value
    return action or ("completed" if done else "requested")


DOCUMENT_KINDS = f"{BASE}/cs/document-kind"


def read_document_type(value: Any, m: Document) -> tuple[Value | None, str | None] | None:
    """DocumentReference.type: the sender's code, and the sort of document that it means at this site."""
    known = m.codes["document_kind"].forward
    kind = next((found for coding in codings_of(value) if (found := known.get(key_of(coding)))), None)
    concept = read_concept(value, m, DOCUMENT_KINDS)
    return (concept, kind) if concept or kind else None


def write_document_type(value: tuple[Value | None, str | None], m: Document) -> Value | None:
    concept, kind = value
    written = write_concept(concept) if concept else {}
    table = m.codes["document_kind"]
    if kind is None or kind in {table.forward.get(key_of(coding)) for coding in codings_of(written)}:
        return written or None
    if kind not in table.reverse:
        m.no_home("", "document.kind", Unreadable("no-home", "the code table document_kind has no code for it"))
        return written or None
    system, _, code = table.reverse[kind].rpartition("|")
    return {**written, "coding": [*written.get("coding", ()), {"system": system, "code": code}]}


SHIPMENT_STATES = f"{BASE}/cs/shipment-state"


def read_shipment_status(code: Any, business: Any, m: Document) -> tuple[str | None, str | None]:
    """Task.status of a shipment; the exact state is a coding of the businessStatus (Task: business status).

    A business status that says other than the status, or nothing that is known, does not overrule it.
    """
    exact = None if business is None else coded(business, SHIPMENT_STATES)
    table = m.codes["shipment_task_status"]
    if code is None:
        return _agreed(exact, exact in table.reverse and exact not in ACTIONS, m), None
    found = table.read(m.text(code))
    if found in ACTIONS:
        return None, found
    return _agreed(exact, exact == found or table.reverse.get(exact or "") == code, m) or found, None


def _agreed(exact: str | None, holds: bool, m: Document) -> str | None:
    """An exact state that holds; of any other a fault tells."""
    if exact is not None and not holds:
        remedy = "write a business status that is known and goes with the status; the status counts"
        m.fault("", "businessStatus", Unreadable("places-disagree", remedy))
    return exact if holds else None


def write_shipment_status(value: tuple[str | None, str | None], m: Document) -> tuple[str | None, Value | None]:
    state, action = value
    table = m.codes["shipment_task_status"]
    if state is None:
        return table.write(action or ""), None
    return table.write(state), concept_of(SHIPMENT_STATES, state)


_UNKEPT = frozenset({"cancelled", "missed"})
"""States of an Appointment that have a cancelationReason (app-4)."""


def read_change_reason(cancelled: Any, changed: Any, m: Document) -> tuple[Value | None, None]:
    """Why an Appointment was changed: where it was given up R4 has an element for it."""
    for reason in (cancelled, changed):
        if reason is not None and (read := read_concept(reason, m)):
            return read, None
    return None, None


def write_change_reason(
    value: tuple[Value | None, str | None],
    m: Document,  # noqa: ARG001 - a codec's shape
) -> tuple[Value | None, Value | None]:
    reason, status = value
    written = write_concept(reason) if reason else None
    return (written, None) if status in _UNKEPT else (None, written)


# ---- what is booked -------------------------------------------------------------------------------------------

APPOINTMENT_KINDS = f"{BASE}/cs/appointment-kind"


def read_services(value: Any, m: Document) -> tuple[Value | None, str | None] | None:
    """Appointment.serviceType: what is booked in the sender's code, and the kind of appointment that it makes it."""
    service, kind = None, None
    known = m.codes["appointment_kind"].forward
    for concept in value if isinstance(value, list) else ():
        kind = kind or next((found for coding in codings_of(concept) if (found := known.get(key_of(coding)))), None)
        if any(not is_of(coding, APPOINTMENT_KINDS) for coding in codings_of(concept)) or text_of(concept):
            service = service or read_concept(concept, m, APPOINTMENT_KINDS)
    return (service, kind) if service or kind else None


def write_services(value: tuple[Value | None, str | None], m: Document) -> list[Value]:
    service, kind = value
    written = [write_concept(service)] if service else []
    if kind is not None and not (
        service and kind in {m.codes["appointment_kind"].forward.get(key_of(c)) for c in _own(service)}
    ):
        if f"{APPOINTMENT_KINDS}|{kind}" not in m.codes["appointment_kind"].forward:
            m.no_home("", "appointment.kind", Unreadable("no-home", "the code system of kinds has no such kind"))
        else:
            written.append(concept_of(APPOINTMENT_KINDS, kind))
    return written


def _own(concept: Value) -> Iterable[Value]:
    codings: Iterable[Value] = concept.get("codings", ())
    return codings


def read_participants(value: Any, m: Document) -> tuple[Value | None, Value | None, Value | None] | None:
    """The patient, the place and the device (or what else is booked) among the participants of an Appointment."""
    patient = place = resource = None
    for actor in _actors(value):
        patient = patient or record_of(actor, ("subject",), m)
        type_ = references.type_of(actor, m)
        if type_ in {"Location", "HealthcareService"}:
            place = place or read_place(actor, m)
        elif type_ == "Device":
            resource = resource or record_of(actor, ("device",), m)
    return (patient, place, resource) if patient or place or resource else None


def write_participants(value: tuple[Value | None, Value | None, Value | None], m: Document) -> list[Value] | None:
    patient, place, resource = value
    actors: list[Value] = []
    if patient:
        actors += reference_to(patient, ("subject",), "appointment.patient", m)
    if place and (named := write_place(place, m)):
        actors.append(named)
    if resource:
        actors += reference_to(resource, ("device",), "appointment.resource", m)
    return [{"actor": actor, "status": "accepted"} for actor in actors] or None


def _actors(value: Any) -> Iterable[Value]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("actor"), dict):
            yield item["actor"]


def read_place(reference: Any, m: Document) -> Value | None:
    """A Reference to a place: its number, and the name that people read."""
    identifier = references.identifier_of(reference, m)
    display = reference.get("display")
    place: Value = {"name": m.text(display)} if display is not None else {}
    if identifier:
        place["identifier"] = identifier
    return place or None


def write_place(place: Value, m: Document) -> Value | None:
    """A Location; of an address in a house (room, bed) the name alone is written."""
    reference = references.naming(place.get("identifier"), m, "Location")
    if place.keys() - {"name", "identifier"}:
        m.no_home("", m.at, Unreadable("no-home", "a reference names a place; it does not describe it"))
    if place.get("name"):
        reference["display"] = place["name"]
    return {"type": "Location", **reference} if reference and "reference" not in reference else reference or None


# ---- who did it -----------------------------------------------------------------------------------------------

_VERIFIERS = frozenset({"verifier", "witness"})
FUNCTIONS = "http://terminology.hl7.org/CodeSystem/med-admin-perform-function"


def read_performers(value: Any, m: Document) -> tuple[Value | None, Value | None] | None:
    """Who did it and who verified it: the first person of each function."""
    performer = verifier = None
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, dict) or item.get("actor") is None:
            continue
        person = people.read_person(item["actor"], m)
        if any(coding.get("code") in _VERIFIERS for coding in codings_of(item.get("function"))):
            verifier = verifier or person
        else:
            performer = performer or person
    return (performer, verifier) if performer or verifier else None


def write_performers(value: tuple[Value | None, Value | None], m: Document) -> list[Value] | None:
    performer, verifier = (people.write_person(person, m) if person else None for person in value)
    written: list[Value] = [{"actor": performer}] if performer else []
    if verifier:
        written.append({"function": concept_of(FUNCTIONS, "verifier"), "actor": verifier})
    return written or None
