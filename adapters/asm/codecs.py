"""Codecs of ASM's quantities: pairs of functions for a test, a number, a sample, a time, a person, a serial number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import times
from adapters.json_text import Num, number
from canonical_model import BASE
from canonical_model.identifiers import UNASSIGNED
from canonical_model.ids import COI_SYSTEM
from canonical_model.values import DECIMAL_PATTERN
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec, Context

Value = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
TEST_SYSTEM = f"{BASE}/cs/test"
KINDS = ("order", "batch", "container", "material")
"""What a sample's name may name, as groups of `dialect.sample`."""
LONGEST = 200
"""Characters of a sample's name that are looked at."""
_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)


@dataclass(slots=True)
class Asm(Context):
    """The context of a document: whose numbers its names are, and what a sample's name says."""

    systems: Mapping[str, str] = field(default_factory=dict)
    sample: re.Pattern[str] | None = None

    def text(self, value: Any) -> str:
        """A text leaf, trimmed. Raises Unreadable for anything else."""
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise Unreadable("shape", "a text on one line is expected here")
        return str(value).strip()

    def identifier(self, kind: str, value: str, **more: Any) -> Value:
        """A name in the system that the map says for its kind, else in the partner's."""
        declared = self.systems.get(kind)
        if declared:
            return {"system": declared, "value": value, **more}
        system = COI_SYSTEM if kind == "order" else self.system or UNASSIGNED
        return {"system": system, "value": value, "assumed": True, **more}


# ---- what was measured ----------------------------------------------------------------------------------------


def read_test(value: Any, m: Asm) -> tuple[Value, str]:
    """The quantity as a hub test code, as concept and as criterion; one that no table knows stays `x-…`."""
    code = m.codes["test"].read(m.text(value))
    return {"codings": [{"code": code, "system": TEST_SYSTEM}]}, code


def write_test(value: tuple[Value | None, str | None], m: Asm) -> str:
    concept, criterion = value
    codings = (concept or {}).get("codings", ())
    code = next((c["code"] for c in codings if c.get("system") == TEST_SYSTEM and c.get("code")), criterion)
    if code:
        return m.codes["test"].write(code)
    text = (concept or {}).get("text") or next((c.get("display") or c["code"] for c in codings), "")
    if not text:
        raise Unreadable("no-home", "the test has no hub test code and no name")
    return str(text)


def read_measurement(value: Any, unit: Any, m: Asm) -> Value | None:
    """A Measurement of a number and its unit; a unit that the table does not know stays a text."""
    if value is None:
        return None
    if not isinstance(value, Num) or not _DECIMAL.fullmatch(value):
        raise Unreadable("number-unreadable", "a quantity's value is a number of at most 40 digits")
    quantity: Value = {"value": str(value)}
    if unit is not None:
        text = m.text(unit)
        known = m.codes["unit"].forward.get(text)
        quantity |= {"unit": known, "unit_system": UCUM} if known else {"unit_text": text}
    return {"quantity": quantity}


def write_measurement(value: Value, m: Asm) -> tuple[Num, str | None]:
    quantity = value.get("quantity")
    if not quantity or quantity.get("comparator"):
        raise Unreadable("no-home", "ASM has numbers only, without a comparator")
    unit = quantity.get("unit")
    text = m.codes["unit"].reverse.get(unit, unit) if unit else quantity.get("unit_text")
    try:
        return number(quantity["value"]), text
    except ValueError as wrong:
        raise Unreadable("no-home", "JSON has no number with leading zeros") from wrong


# ---- of what, when, by whom -------------------------------------------------------------------------------------


Target = tuple[Value | None, Value | None, Value | None, Value | None, str | None]
"""Material, container, batch, order, and the sample's whole name where none of them is it."""


def read_sample(sample: Any, batch: Any, m: Asm) -> Target | None:
    """What a sample's name names. Its whole name stands apart where the order is known by a part of it, else it is a
    material of the laboratory's own numbers."""
    found: dict[str, Value] = {}
    whole = None
    if sample is not None:
        text = m.text(sample)
        match = m.sample.fullmatch(text) if m.sample is not None and len(text) <= LONGEST else None
        groups = {kind: value for kind, value in (match.groupdict() if match else {}).items() if value}
        found = {kind: _link(kind, value, m) for kind, value in groups.items()}
        if text not in groups.values():
            if groups.keys() & {"order", "batch", "container"}:
                whole = text
                if not groups.keys() & {"batch", "container", "material"} and batch is None:
                    _unplaced(m)
            else:
                found["material"] = _ref("material", m.identifier("sample", text, type="sample"))
    if batch is not None:
        found["batch"] = _link("batch", m.text(batch), m)
    if not found:
        return None
    return found.get("material"), found.get("container"), found.get("batch"), found.get("order"), whole


def _unplaced(m: Asm) -> None:
    """Tells, once a measurement, that nobody knows what of the order was tested."""
    if not m.place.startswith(("value[", "calculation[")):
        remedy = "the name says neither batch nor bag, so no criterion is asked: say how it does in `dialect.sample`"
        m.faults.append(Fault("sample-unplaced", m.place, remedy))


def _link(kind: str, value: str, m: Asm) -> Value:
    types = {"order": "coi", "batch": "batch", "material": "lot"}
    named = kind == "order" and m.systems.get("order") is not None
    more = {"type": types[kind]} if kind in types and not named else {}
    return _ref(kind, m.identifier(kind, value, **more))


def _ref(kind: str, identifier: Value) -> Value:
    return {"kind": kind, "identifiers": [identifier]}


def write_sample(value: Target, m: Asm) -> tuple[str | None, str | None]:
    """The sample's name, from which the rest is read; a batch that it does not say stands beside it."""
    told = dict(zip(("material", "container", "batch", "order"), value[:4], strict=True))
    named = {kind: _name(ref) for kind, ref in told.items() if ref}
    sample = value[4] or next((named[kind] for kind in ("material", "container", "order") if kind in named), None)
    texts: tuple[str | None, str | None] = (sample, None)
    again = _again(texts, m)
    if "batch" in named and again.get("batch") != told["batch"]:
        texts = (sample, named["batch"])
        again = _again(texts, m)
    for kind, ref in told.items():
        if ref and again.get(kind) != ref:
            m.no_home("", f"result.{kind}", Unreadable("no-home", "an ASM sample has one name; its pattern says less"))
    return texts


def _again(texts: tuple[str | None, str | None], m: Asm) -> dict[str, Value | None]:
    found = read_sample(*texts, m.quiet())  # type: ignore[arg-type]
    return dict(zip(("material", "container", "batch", "order"), found[:4] if found else (None,) * 4, strict=True))


def _name(ref: Mapping[str, Any]) -> str:
    if len(ref.get("identifiers", ())) != 1:
        raise Unreadable("no-home", "a sample is named by one identifier")
    return str(ref["identifiers"][0]["value"])


def read_instant(value: Any, m: Asm) -> Value:
    """A When; a local time without an offset is of the partner's zone."""
    try:
        when = times.read_iso(m.text(value), m.zone)
    except ValueError as wrong:
        raise Unreadable("time-unreadable", "write a time as YYYY-MM-DDThh:mm:ss+hh:mm") from wrong
    if when.get("unclear") and not m.place.startswith("value["):  # once for all quantities of a measurement
        m.faults.append(Fault("time-unclear", m.place, "this local time exists twice or not at all; send its offset"))
    return when


def write_instant(value: Value, m: Asm) -> str:  # noqa: ARG001
    """ASM has no time without seconds and offset: what was read in the partner's zone gets the offset of then."""
    local: str = value["local"]
    return local + "0001-01-01T00:00:00"[len(local) :] + times.offset(value)


def read_person(value: Any, m: Asm) -> Value:
    """A person at work as the file names them; the hub seals it before the log."""
    return {"name": {"text": m.text(value)}}


def write_person(value: Value, m: Asm) -> str:  # noqa: ARG001
    text = (value.get("name") or {}).get("text")
    if not text:
        raise Unreadable("no-home", "a person is written by the text of their name")
    return str(text)


def read_serial(value: Any, m: Asm) -> Value:
    """The instrument by its serial number."""
    return m.identifier("device", m.text(value), type="serial")


def write_serial(value: Value, m: Asm) -> str:  # noqa: ARG001
    return str(value["value"])


CODECS: dict[str, Codec] = {
    "test": Codec(read_test, write_test, raw=True),
    "measurement": Codec(read_measurement, write_measurement, raw=True),
    "sample": Codec(read_sample, write_sample, raw=True),
    "instant": Codec(read_instant, write_instant, raw=True),
    "person": Codec(read_person, write_person, raw=True),
    "serial": Codec(read_serial, write_serial, raw=True),
}
