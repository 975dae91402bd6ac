"""By what each FHIR type is searched: derived from the tables, so that what is read can be found. Searches nothing.

A reference that a table reads is a search parameter where R4 defines one for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from adapters import fhir_r4
from adapters.fhir_r4.pieces import TYPES, kind_of, type_of

TOKEN, STRING, DATE, REFERENCE = "token", "string", "date", "reference"

_ALIKE = {"Observation", "ServiceRequest", "Procedure", "Specimen", "MedicationAdministration", "DocumentReference"}
_NAMES: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(type_, "subject"): ("patient", "subject") for type_ in _ALIKE},
    **dict.fromkeys([("DetectedIssue", "patient"), ("Consent", "patient")], ("patient",)),
    **dict.fromkeys([(t, "basedOn") for t in ("Observation", "Procedure", "Appointment", "Task")], ("based-on",)),
    ("Observation", "specimen"): ("specimen",),
    ("Observation", "focus"): ("focus",),
    ("Observation", "hasMember"): ("has-member",),
    ("Observation", "derivedFrom"): ("derived-from",),
    ("ServiceRequest", "replaces"): ("replaces",),
    ("Specimen", "parent"): ("parent",),
    ("Task", "for"): ("patient", "subject"),
    ("Task", "focus"): ("focus",),
}
"""Type and element -> R4's search parameters of it (http://hl7.org/fhir/R4/searchparameter-registry.html)."""
_OF_PERSON = {"family": STRING, "birthdate": DATE}
TOGETHER = tuple(_OF_PERSON)
"""Parameters that are answered together only: nobody leafs through patients by name."""


@dataclass(frozen=True, slots=True)
class Referring:
    """A search parameter that asks for the records that refer to another one: the field, and what that may be."""

    field: str
    kinds: tuple[str, ...]


@lru_cache(maxsize=64)
def references(kind: str) -> Mapping[str, Referring]:
    """The reference parameters by which records of a kind are found."""
    return dict(_references(kind))


def _references(kind: str) -> Iterator[tuple[str, Referring]]:
    type_ = TYPES[kind]
    tables = [
        leaf.table for name, leaf in fhir_r4.base().leaves.items() if (type_of(name), kind_of(name)) == (type_, kind)
    ]
    for row in (row for table in tables for row in table.spec.rows):
        if not row.ref or row.only == "out" or not row.at or not row.into:
            continue
        element = str(row.at[0]).partition("[")[0]
        of, _, field = row.into[0].removesuffix("[]").partition(".")
        if of == kind and field and "." not in field:
            for name in _NAMES.get((type_, element), ()):
                yield name, Referring(field, row.ref)


@lru_cache(maxsize=64)
def parameters(type_: str) -> Mapping[str, str]:
    """The search parameters of a type that is served, with their FHIR types."""
    found = {"_id": TOKEN, "identifier": TOKEN} | (_OF_PERSON if type_ == "Patient" else {})
    kinds = [kind for kind, shown in TYPES.items() if shown == type_]
    return found | {name: REFERENCE for kind in kinds for name in references(kind)}
