"""What a new resource must have and its frame does not say: written as absent for an unknown reason. Invents nothing.

A value that is wanted and not known is an extension in its place (data-absent-reason), which R4 takes as the element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]

REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

_WANTED: Mapping[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "MedicationAdministration": (
        (("medicationCodeableConcept", "medicationReference"), ("medicationCodeableConcept",)),
        (("effectiveDateTime", "effectivePeriod"), ("_effectiveDateTime",)),
        (("subject",), ("subject",)),
    ),
    "Procedure": ((("subject",), ("subject",)),),
}
"""Type -> elements one of which is wanted, and where its absence is written."""


def complete(type_: str, tree: Tree) -> Tree:
    """The resource with what it must have."""
    for one_of, (place,) in _WANTED.get(type_, ()):
        if not any(name in tree for name in one_of):
            tree[place] = _unknown()
    dosage = tree.get("dosage")
    if isinstance(dosage, dict) and not dosage.keys() & {"dose", "rateRatio", "rateQuantity"}:  # mad-1
        dosage["dose"] = _unknown()
    if type_ == "Appointment" and "participant" not in tree:
        tree["participant"] = [{"actor": _unknown(), "status": "needs-action"}]
    if type_ == "DocumentReference" and "content" not in tree:
        tree["content"] = [{"attachment": _unknown()}]
    return tree


def _unknown() -> Tree:
    return {"extension": [{"url": REASON, "valueCode": "unknown"}]}
