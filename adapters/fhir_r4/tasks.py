"""What references tell of: the order and records that something is about, what goes into a Task. Pairs of functions.

R4 gives a Task one focus and a list of inputs without names of their own: a code of the hub tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.fhir_r4 import references
from adapters.fhir_r4.concepts import coded, concept_of
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.dates import read_date_time, write_date_time
from canonical_model import BASE
from mappings.faults import Unreadable
from mappings.runtime import Codec

Value = dict[str, Any]


def reference_to(value: Value, kinds: tuple[str, ...], path: str, m: Document) -> list[Value]:
    """A reference as a list of one; none, noted, where it cannot be written."""
    if "kind" in value and value["kind"] not in kinds:
        m.no_home("", path, Unreadable("no-home", f"only a {' or '.join(kinds)} is referred to here"))
        return []
    try:
        return [m.refs.write(value, kinds)]
    except Unreadable as wrong:
        m.no_home("", path, wrong)
        return []


def record_of(reference: Any, kinds: tuple[str, ...], m: Document, told: bool = False) -> Value | None:
    """What one reference of a list names; one that cannot be read harms none of the others."""
    try:
        return m.refs.read(reference, kinds)
    except Unreadable as wrong:
        if told:
            m.fault("", m.at, wrong)
        return None


def about(kinds: tuple[str, ...], path: str) -> Codec:
    """A list of references as the order among them and the records of some kinds."""

    def read(value: Any, m: Document) -> tuple[Value | None, list[Value] | None] | None:
        order, found = None, []
        for reference in value if isinstance(value, list) else ():
            named = record_of(reference, ("order",), m) if _may_be(reference, "ServiceRequest", m) else None
            order = order or named
            if named is None and (record := record_of(reference, kinds, m, told=True)):
                found.append(record)
        return (order, found or None) if order or found else None

    def write(value: tuple[Value | None, list[Value] | None], m: Document) -> list[Value] | None:
        order, records = value
        written = reference_to(order, ("order",), f"{path}.order", m) if order else []
        for record in records or ():
            written += reference_to(record, kinds, path, m)
        return written or None

    return Codec(read, write)


def _may_be(reference: Any, type_: str, m: Document) -> bool:
    """True for a reference to this type, or inside the document or to a record that only a resolver knows."""
    try:
        found = references.type_of(reference, m)
    except Unreadable:  # said of it where it is read
        return False
    return found == type_ or (found == "" and isinstance(reference.get("reference"), str))


PARTS = f"{BASE}/cs/task-part"
"""System of the codes that tell the inputs and outputs of a Task apart: the names of the canonical fields."""

THINGS = ("container", "material")
RECORDS = (
    "subject",
    "container",
    "material",
    "collection",
    "result",
    "report",
    "document",
    "shipment",
    "batch",
    "administration",
)
"""What documents and findings are about."""

SHIPMENT = {
    "contents": "things",
    "loggers": "devices",
    "packaging": "device",
    "condition": "text",
    "hold_until": "time",
}
BATCH = {"inputs": "things", "consumed": "things", "recipe": "text"}


def inputs(fields: Mapping[str, str], focus: str = "") -> Codec:
    """Task.input as canonical fields: per field `things`, `devices`, `device`, `text` or `time`, told apart by a code.

    With `focus`, the first of that field's things is the focus of the Task (R4: one focus, no list).
    """
    names = tuple(fields)

    def read(*values: Any) -> Any:
        *wires, m = values
        found: dict[str, Any] = {}
        if focus and wires[0] is not None and (thing := record_of(wires[0], THINGS, m, told=True)):
            found[focus] = [thing]
        for item in wires[-1] if isinstance(wires[-1], list) else ():
            name = coded(item.get("type"), PARTS) if isinstance(item, dict) else None
            if name is not None and name in fields:
                _READ[fields[name]](found, name, item, m)
        if len(names) == 1:
            return found.get(names[0])
        return tuple(found.get(name) for name in names) if found else None

    def write(value: Any, m: Document) -> Any:
        values = (value,) if len(names) == 1 else value
        said = {name: inner for name, inner in zip(names, values, strict=True) if inner is not None}
        first: Value | None = None
        if focus and said.get(focus):
            head, *rest = said[focus]
            written = reference_to(head, THINGS, focus, m)
            first, said[focus] = (written[0] if written else None), rest
        listed = [
            {"type": concept_of(PARTS, name), **part}
            for name, inner in said.items()
            for part in _WRITE[fields[name]](name, inner, m)
        ]
        return (first, listed or None) if focus else listed or None

    return Codec(read, write)


def _read_ref(kinds: tuple[str, ...], many: bool) -> Any:
    def read(found: dict[str, Any], name: str, item: Value, m: Document) -> None:
        reference = item.get("valueReference")
        record = record_of(reference, kinds, m, told=True) if reference is not None else None
        if record is not None and many:
            found.setdefault(name, []).append(record)
        elif record is not None:
            found.setdefault(name, record)

    return read


def _read_text(found: dict[str, Any], name: str, item: Value, m: Document) -> None:
    if item.get("valueString") is not None:
        found.setdefault(name, m.text(item["valueString"]))


def _read_time(found: dict[str, Any], name: str, item: Value, m: Document) -> None:
    if item.get("valueDateTime") is not None:
        found.setdefault(name, read_date_time(item["valueDateTime"], m))


def _write_refs(kinds: tuple[str, ...]) -> Any:
    def write(name: str, value: Any, m: Document) -> list[Value]:
        records = value if isinstance(value, list | tuple) else [value]
        return [{"valueReference": text} for record in records for text in reference_to(record, kinds, name, m)]

    return write


_READ = {
    "things": _read_ref(THINGS, many=True),
    "devices": _read_ref(("device",), many=True),
    "device": _read_ref(("device",), many=False),
    "text": _read_text,
    "time": _read_time,
}
_WRITE = {
    "things": _write_refs(THINGS),
    "devices": _write_refs(("device",)),
    "device": _write_refs(("device",)),
    "text": lambda name, value, m: [{"valueString": value}],  # noqa: ARG005
    "time": lambda name, value, m: [{"valueDateTime": write_date_time(value, m)}],  # noqa: ARG005
}
