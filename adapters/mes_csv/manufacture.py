"""Codecs of manufacture: one step of a batch out of several cells, and lists of lots, containers and devices.

A step is one value of many columns; each column keeps its own fault, place and residual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters import logistics
from adapters.mes_csv import codecs
from adapters.mes_csv.codecs import Cells, Value
from mappings.faults import Unreadable
from mappings.runtime import Codec

STEP_COLUMNS = (
    *("step_no", "step", "step_started", "step_ended", "step_status", "consumed", "used", "produced"),
    *("equipment", "operator", "verifier"),
)
"""The columns of a step, in the order in which its row names them."""
STATUS = STEP_COLUMNS.index("step_status")


STEP_PATHS = {
    "step_no": "batch.steps.sequence",
    "step": "batch.steps.kind",
    "step_started": "batch.steps.period.start",
    "step_ended": "batch.steps.period.end",
    "step_status": "batch.steps.status",
    "consumed": "batch.steps.consumed",
    "used": "batch.steps.consumed",
    "produced": "batch.steps.produced",
    "equipment": "batch.steps.equipment",
    "operator": "batch.steps.performer",
    "verifier": "batch.steps.verifier",
}
"""Where each of them goes, for those who ask what a column means."""


# ---- lists of references ----------------------------------------------------------------------------------------


def read_refs(kind: str, type_: str, text: str, m: Cells) -> list[Value]:
    """Things of one kind, each by one identifier."""
    found = codecs.read_identifiers(text, m)
    return [{"kind": kind, "identifiers": [{**one, "type": type_} if type_ else one]} for one in found]


def write_refs(type_: str, values: Sequence[Value], m: Cells) -> str:
    names = []
    for value in values:
        if len(value.get("identifiers", ())) != 1:
            raise Unreadable("no-home", "a cell names each thing by one identifier")
        names.append({k: v for k, v in value["identifiers"][0].items() if k != "type" or v != type_})
    return codecs.write_identifiers(names, m)


def refs(kind: str, type_: str = "") -> Codec:
    """The codec of a list cell that names things of one kind."""

    def read(text: str, m: Cells) -> list[Value]:
        return read_refs(kind, type_, text, m)

    def write(values: Sequence[Value], m: Cells) -> str:
        if any(value.get("kind") != kind for value in values):
            raise Unreadable("no-home", f"the column names a {kind} each, and nothing else")
        return write_refs(type_, values, m)

    return Codec(read, write)


def _inputs(kind: str, type_: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The same of what went into a step or came out of it."""

    def read(text: str, m: Cells) -> list[Value]:
        return [{"item": one} for one in read_refs(kind, type_, text, m)]

    def write(values: Sequence[Value], m: Cells) -> str:
        if any(set(value) != {"item"} for value in values):
            raise Unreadable("no-home", "the cell has room for names, not for amounts")
        return write_refs(type_, [value["item"] for value in values], m)

    return read, write


# ---- a step -----------------------------------------------------------------------------------------------------

_LOTS, _BAGS = _inputs("material", "lot"), _inputs("container", "")
_DEVICES = refs("device")


def read_step(*given: Any) -> Value | None:
    """One step out of its cells. A cell that cannot be read is told at its own column; the others are read."""
    *cells, m = given
    step: Value = {}
    for column, text in zip(STEP_COLUMNS, cells, strict=True):
        if text is not None:
            m.at = column
            try:
                _READ[column](step, text, m)
            except Unreadable as wrong:
                m.fault("S", column, wrong)
    if given[STATUS] is not None and "status" not in step and "period" in step:
        # who cannot tell how a step stands does not take it for ended: its end waits in the residual
        step["period"].pop("end", None)
        if not step["period"]:
            del step["period"]
    return step or None


def write_step(step: Value, m: Cells) -> tuple[str | None, ...]:
    cells: dict[str, str] = {}
    for column in STEP_COLUMNS:
        m.at = column
        try:
            text = _WRITE[column](step, m)
        except Unreadable as wrong:
            m.no_home("S", f"batch.steps.{column}", wrong)
        else:
            if text is not None:
                cells[column] = text
    return tuple(cells.get(column) for column in STEP_COLUMNS)


def _period(name: str) -> tuple[Callable[..., None], Callable[..., str | None]]:
    def read(step: Value, text: str, m: Cells) -> None:
        step.setdefault("period", {})[name] = codecs.read_instant(text, m)

    def write(step: Value, m: Cells) -> str | None:
        value = (step.get("period") or {}).get(name)
        return None if value is None else codecs.write_instant(value, m)

    return read, write


def _field(name: str, read: Callable[..., Any], write: Callable[..., Any]) -> tuple[Callable[..., None], Any]:
    def into(step: Value, text: str, m: Cells) -> None:
        step[name] = read(text, m)

    def out(step: Value, m: Cells) -> str | None:
        return None if step.get(name) is None else write(step[name], m)

    return into, out


def _of_kind(kind: str, pair: tuple[Callable[..., Any], Callable[..., Any]]) -> tuple[Callable[..., None], Any]:
    """Two columns of one list: each reads and writes the items of its own kind."""
    name = "consumed"

    def into(step: Value, text: str, m: Cells) -> None:
        step[name] = [*step.get(name, ()), *pair[0](text, m)]

    def out(step: Value, m: Cells) -> str | None:
        own = [one for one in step.get(name) or () if (one.get("item") or {}).get("kind") == kind]
        return pair[1](own, m) if own else None

    return into, out


def _status(text: str, m: Cells) -> str:
    return logistics.read_word(m.table("step_status"), text)


def _written_status(value: str, m: Cells) -> str:
    return m.table("step_status").write(value)


_CELLS: Mapping[str, tuple[Callable[..., None], Callable[..., str | None]]] = {
    "step_no": _field("sequence", codecs.read_integer, codecs.write_integer),
    "step": _field("kind", codecs.read_concept, codecs.write_concept),
    "step_started": _period("start"),
    "step_ended": _period("end"),
    "step_status": _field("status", _status, _written_status),
    "consumed": _of_kind("material", _LOTS),
    "used": _of_kind("container", _BAGS),
    "produced": _field("produced", *_BAGS),
    "equipment": _field("equipment", _DEVICES.read, _DEVICES.write),
    "operator": _field("performer", codecs.read_person, codecs.write_person),
    "verifier": _field("verifier", codecs.read_person, codecs.write_person),
}
_READ = {column: pair[0] for column, pair in _CELLS.items()}
_WRITE = {column: pair[1] for column, pair in _CELLS.items()}


def _typed(type_: str) -> Codec:
    """An identifier of one type."""

    def read(text: str, m: Cells) -> Value:
        return {**codecs.read_identifier(text, m), "type": type_}

    return Codec(read, codecs.write_identifier)


CODECS = {
    "step": Codec(read_step, write_step),
    "lots": refs("material", "lot"),
    "containers": refs("container"),
    "documents": refs("document"),
    "batch_name": _typed("batch"),
    "lot_name": _typed("lot"),
    "slot_name": _typed("slot"),
    "document_link": codecs.link("document"),
    "consent_link": codecs.link("consent"),
    "device_link": codecs.link("device"),
    "appointment_link": codecs.link("appointment", "slot"),
    "party_link": codecs.link("party"),
}
