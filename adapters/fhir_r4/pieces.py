"""Which kind of record a FHIR resource stands for, and which resource a record is written as. Reads no element twice.

Most types stand for one kind. A Procedure or Task says by its code or category which: its piece is named
`Task:shipment`. One that names no kind of the model is an activity: kept and given back, and no fact comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical_model import BASE
from mappings.codes import CodeTable

Tree = Mapping[str, Any]

KIND_SYSTEM = f"{BASE}/cs/record-kind"
"""System of the codes by which a Procedure or Task names the kind of record that it is: the kinds themselves."""

TYPES = {
    "subject": "Patient",
    "order": "ServiceRequest",
    "result": "Observation",
    "report": "DiagnosticReport",
    "material": "Specimen",
    "container": "BiologicallyDerivedProduct",
    "device": "Device",
    "party": "Organization",
    "location": "Location",
    "consent": "Consent",
    "document": "DocumentReference",
    "appointment": "Appointment",
    "collection": "Procedure",
    "conditioning": "Procedure",
    "administration": "MedicationAdministration",
    "shipment": "Task",
    "batch": "Task",
    "obligation": "Task",
    "issue": "DetectedIssue",
}
"""Kind of record -> the resource type that names it."""

ACTIVITY = "activity"
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "Procedure": ("collection", "conditioning", "administration", ACTIVITY),
    "Task": ("shipment", "batch", "obligation", ACTIVITY),
}
"""Types that stand for several kinds; the last is taken where nothing says which."""

KINDS_OF: Mapping[str, tuple[str, ...]] = {
    **{type_: (kind,) for kind, type_ in TYPES.items()},
    **{type_: kinds[:-1] for type_, kinds in VARIANTS.items()},
}
"""Resource type -> the kinds of record that it may name."""

KINDS = {type_: kinds[0] for type_, kinds in KINDS_OF.items()}
"""Resource type -> the first of those."""

_TABLES = {"Procedure": "procedure_kind", "Task": "task_kind"}


def name_of(resource: Tree, codes: Mapping[str, CodeTable]) -> str:
    """The name of the piece that a resource is: its type, and the kind where the type has several."""
    type_ = str(resource["resourceType"])
    kinds = VARIANTS.get(type_)
    if kinds is None:
        return type_
    known = codes[_TABLES[type_]].forward
    said = (code if system == KIND_SYSTEM else known.get(f"{system}|{code}", "") for system, code in _codings(resource))
    return f"{type_}:{next((kind for kind in said if kind in kinds), kinds[-1])}"


def _codings(resource: Tree) -> Iterator[tuple[Any, Any]]:
    for element in ("category", "code"):
        concept = resource.get(element)
        codings = concept.get("coding") if isinstance(concept, Mapping) else None
        for coding in codings if isinstance(codings, list) else ():
            if isinstance(coding, Mapping) and isinstance(coding.get("code"), str):
                yield coding.get("system"), coding["code"]


def type_of(piece: str) -> str:
    """Resource type of a piece.

    >>> type_of("Task:shipment")
    'Task'
    """
    return piece.partition(":")[0]


def kind_of(piece: str) -> str:
    """Kind of the record that a piece stands for, or an empty text."""
    return piece.partition(":")[2] or KINDS.get(piece, "")


def written_as(frame: Mapping[str, Any], message: str, kept: str) -> str:
    """Name of the piece that a frame is written as, or an empty text: the one it was read from, else its usual one.

    `message` is the type that is to be written; `kept` names the piece that its residual comes from.
    """
    kind = frame["kind"]
    if kept:
        return kept
    if kind in VARIANTS.get(message, ()):
        return f"{message}:{kind}"
    type_ = ("Task" if "intent" in frame["set"] else "Procedure") if kind == ACTIVITY else TYPES.get(kind, "")
    return f"{type_}:{kind}" if type_ in VARIANTS else type_
