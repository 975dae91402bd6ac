"""Specimen, BiologicallyDerivedProduct and Medication: whether there is any left, how it is kept, where it is from,
which one was given. Pairs of functions."""

from __future__ import annotations

from typing import Any

from adapters.fhir_r4.concepts import read_concept
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.identifiers import write_identifier
from adapters.fhir_r4.numbers import read_decimal, write_decimal
from canonical_model.identifiers import UNASSIGNED
from mappings.faults import Unreadable

Value = dict[str, Any]

_OTHERS = frozenset({"unsatisfactory", "entered-in-error"})


def read_available(code: Any, m: Document) -> tuple[bool | None, str | None]:
    """Specimen.status: whether any of it is left, or what was found of it."""
    found = m.text(code)
    if found in {"available", "unavailable"}:
        return found == "available", None
    if found not in _OTHERS:
        raise Unreadable("code-unknown", "use available, unavailable, unsatisfactory or entered-in-error")
    return None, found


def write_available(value: tuple[bool | None, str | None], m: Document) -> str | None:  # noqa: ARG001
    available, action = value
    if available is None:
        return action if action in _OTHERS else None
    return "available" if available else "unavailable"


_SCALES = {"celsius": "Cel", "farenheit": "[degF]", "kelvin": "K"}
"""R4 spells the second so (BiologicallyDerivedProduct.storage.scale)."""
_UNITS = {unit: scale for scale, unit in _SCALES.items()}
_UCUM = "http://unitsofmeasure.org"


def read_storage(temperature: Any, scale: Any, m: Document) -> Value | None:
    """One temperature is a range without width."""
    if temperature is None:
        return None
    unit = {}
    if scale is not None:
        if m.text(scale) not in _SCALES:
            raise Unreadable("code-unknown", f"use one of: {', '.join(_SCALES)}")
        unit = {"unit": _SCALES[scale], "unit_system": _UCUM}
    kept = {"value": read_decimal(temperature, m), **unit}
    return {"low": kept, "high": dict(kept)}


def write_storage(value: Value, m: Document) -> tuple[Any, str | None]:
    low = value.get("low")
    if low is None or low != value.get("high"):
        raise Unreadable("no-home", "R4 has room for one temperature, not for a range")
    unit = low.get("unit")
    if unit is not None and unit not in _UNITS:
        raise Unreadable("no-home", f"R4 knows degrees of: {', '.join(_SCALES)}")
    return write_decimal(low["value"], m), _UNITS.get(unit or "")


def write_origins(value: tuple[Value | None, Value | None], m: Document) -> list[Value] | None:
    """The donation and the lot of a product as identifiers: R4 has no other element for them."""
    found = [
        identifier
        for link, type_ in zip(value, ("din", "lot"), strict=True)
        for identifier in (link or {}).get("identifiers", ())
        if identifier.get("type") == type_ and identifier["system"] != UNASSIGNED
    ]
    return [write_identifier(dict(identifier), m) for identifier in found] or None


# ---- the Medication that was given ----------------------------------------------------------------------------


def read_held_product(reference: Any, contained: Any, m: Document) -> Value | None:
    """Code of the contained Medication that `medicationReference` names; what else is contained was not given."""
    medication = _held(reference, contained, m)
    return read_concept(medication["code"], m) if medication and medication.get("code") is not None else None


def read_held_lot(reference: Any, contained: Any, m: Document) -> str | None:
    """Lot number of that Medication. That it is not there, its product says."""
    try:
        medication = _held(reference, contained, m)
    except Unreadable:
        return None
    batch = medication.get("batch") if medication else None
    number = batch.get("lotNumber") if isinstance(batch, dict) else None
    return None if number is None else m.text(number)


def _held(reference: Any, contained: Any, m: Document) -> Value | None:
    """The contained Medication of a Reference such as `#m1`; None where it names none of these."""
    literal = reference.get("reference") if isinstance(reference, dict) else None
    if literal is None or not m.text(literal).startswith("#"):
        return None
    held = [
        inner
        for inner in (contained if isinstance(contained, list) else ())
        if isinstance(inner, dict) and inner.get("id") == literal[1:] and inner.get("resourceType") == "Medication"
    ]
    if len(held) != 1:
        raise Unreadable("reference-unknown", "refer to the one contained Medication that was given, by its id")
    return held[0]
