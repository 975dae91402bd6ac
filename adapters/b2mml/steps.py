"""Codecs of B2MML's steps: materials, equipment and people of a segment, and what they say of the batch.

A leaf is as in `codecs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.b2mml.codecs import VALUES, read_quantity, write_quantity
from adapters.b2mml.names import (
    NAMING,
    Element,
    Value,
    first,
    items,
    link,
    pair,
    read_coi,
    read_identifier,
    write_identifier,
)
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec

# ---- steps ----------------------------------------------------------------------------------------------------


def actual(*uses: str, use: str = "") -> Codec:
    """The codec of the materials of a segment that were used so; `use` is what an element means by its name."""

    def read(value: Any, m: Element) -> Value | None:
        if not isinstance(value, Mapping):
            raise Unreadable("shape", "a material has its lot as MaterialLotID")
        found = _use_of(value, use, m)
        if found is None and uses[0] == "consumed" and m.word(value.get("MaterialUse", "")):
            m.unknown("material_use", "MaterialUse")  # told once, although a material is asked twice
        return _read_actual(value, m) if found in uses else None

    def write(value: Value, m: Element) -> Value:
        return _write_actual(value, m.codes["material_use"].write(uses[0]), m)

    return Codec(read, write, raw=True)


def _use_of(value: Mapping[str, Any], use: str, m: Element) -> str | None:
    """How a material was used, in a code of the table; `use` is what an element means by its name."""
    said = use or m.word(value.get("MaterialUse", ""))
    return m.code("material_use", said) if said else None


def _read_actual(value: Mapping[str, Any], m: Element) -> Value | None:
    """A sub-lot is a container, a lot a material. One of each; further ones stay with the sender, and it is told."""
    found: Value = {}
    for name, codec in (("MaterialSubLotID", _CONTAINER), ("MaterialLotID", _LOT)):
        if len(items(value.get(name))) > 1:
            remedy = "send one material for each lot; only the first is read"
            m.faults.append(Fault("more-than-one", f"{m.place}-{name}", remedy))
        item = codec.read(first(value, name), m) if value.get(name) else None
        if item and "item" in found:
            found["lot"] = item["identifiers"][0]["value"]
        elif item:
            found["item"] = item
    amount = read_quantity(first(value, "Quantity"), m) if value.get("Quantity") else None
    return {**found, "amount": amount} if amount else found or None


def _write_actual(value: Value, use: str, m: Element) -> Value:
    item, lot = value.get("item"), value.get("lot")
    tree: Value = {}
    if item and item.get("kind") == "container":
        tree["MaterialSubLotID"] = [_CONTAINER.write(item, m)]
    elif item:
        tree["MaterialLotID"] = [_LOT.write(item, m)]
    if lot and "MaterialLotID" not in tree:
        tree["MaterialLotID"] = [lot]
    tree["MaterialUse"] = use
    return {**tree, "Quantity": [write_quantity(value["amount"], m)]} if value.get("amount") else tree


_CONTAINER, _LOT = link("container", "container"), link("material", "lot")
_DEVICE, _ORDER = link("device", "device"), link("order")


def read_equipment(value: Any, m: Element) -> Value | None:
    """The device of an EquipmentActual; one that names only its class names no device."""
    if not isinstance(value, Mapping):
        raise Unreadable("shape", "equipment has its number as EquipmentID")
    return _DEVICE.read(first(value, "EquipmentID"), m) if value.get("EquipmentID") else None


def write_equipment(value: Value, m: Element) -> Value:
    return {"EquipmentID": [_DEVICE.write(value, m)]}


def read_people(value: Any, m: Element) -> tuple[Value | None, Value | None] | None:
    """Who did a step and who verified it; the hub seals both before the log."""
    done: Value | None = None
    verified: Value | None = None
    for person in items(value):
        if not isinstance(person, Mapping) or not person.get("PersonID"):
            continue
        found = read_person(first(person, "PersonID"), m)
        if m.codes["person_use"].forward.get((m.text(person.get("PersonnelUse", "")) or "").lower()) == "verifier":
            verified = verified or found
        else:
            done = done or found
    return (done, verified) if done or verified else None


def write_people(value: tuple[Value | None, Value | None], m: Element) -> list[Value] | None:
    written = []
    for person, use in zip(value, ("performer", "verifier"), strict=True):
        if person is not None:
            told = m.codes["person_use"].write(use)
            written.append({"PersonID": [write_person(person, m)], "PersonnelUse": told})
    return written or None


def read_person(value: Any, m: Element) -> Value | None:
    """A person at work by the number or user name that the file gives."""
    found = read_identifier(value, m)
    return {"identifier": found} if found else None


def write_person(value: Value, m: Element) -> Any:
    if not value.get("identifier"):
        raise Unreadable("no-home", "B2MML names a person by a number; the hub shows a token only")
    return write_identifier(value["identifier"], m)


def read_done(value: Value, m: Element) -> str:  # noqa: ARG001
    """What has an end was completed: a runtime recipe element has no state (a segment has one, `codecs.ended`)."""
    return "completed"


def write_done(value: str, m: Element) -> str:  # noqa: ARG001
    return value


def materials_of(segments: Any) -> Iterator[Mapping[str, Any]]:
    """The materials of segments, consumed and produced."""
    for segment in items(segments):
        if isinstance(segment, Mapping):
            for name in ("MaterialActual", "MaterialProducedActual", "MaterialConsumedActual"):
                yield from (item for item in items(segment.get(name)) if isinstance(item, Mapping))


def properties_of(segments: Any) -> Iterator[Mapping[str, Any]]:
    """Properties of the materials and data of segments, in this order."""
    for material in materials_of(segments):
        for name in material:
            if name.endswith("Property"):
                yield from (item for item in items(material[name]) if isinstance(item, Mapping))
    for segment in items(segments):
        if isinstance(segment, Mapping):
            for name in ("SegmentData", "ProductionData"):
                yield from (item for item in items(segment.get(name)) if isinstance(item, Mapping))


def read_batch_order(request: Any, old_request: Any, segments: Any, m: Element) -> Value | None:
    """The order of a batch: by the chain of identity that its steps name, else by the number of the request.

    Never by both: a manufacturer may run several orders under one number, and names told together are one record's.
    """
    inside = read_order_inside(segments, m)
    if inside is not None:
        return inside
    name = next(iter(items(request) or items(old_request)), None)
    return _ORDER.read(name, m) if name is not None else None


def write_batch_order(value: Value, m: Element) -> tuple[Any, Any, None]:
    """The number of the request; a chain of identity is written with the materials (`document.place_order`)."""
    if any(name.get("type") == "coi" for name in value.get("identifiers") or ()):
        return None, None, None
    name = _ORDER.write(value, m)
    return ([name], None, None) if m.version >= (7,) else (None, name, None)


def read_order_inside(value: Any, m: Element) -> Value | None:
    """The order whose chain of identity the materials or the data of segments name; where they differ, none."""
    found = None
    for item in properties_of(value):
        if m.text(item.get("ID", "")) not in NAMING or not item.get("Value"):
            continue
        one = first(item, "Value")
        coi = read_coi(one.get("ValueString", "") if isinstance(one, Mapping) else one, m)
        if coi and found and coi["value"] != found["value"]:
            raise Unreadable("places-disagree", "the materials of one response name different chains of identity")
        found = found or coi
    return {"kind": "order", "identifiers": [found]} if found else None


def through(*uses: str, kinds: tuple[str, ...]) -> Codec:
    """The codec, only inwards, of all things of a kind that the segments used so."""

    def read(value: Any, m: Element) -> list[Value] | None:
        quiet = m.quiet()
        found: list[Value] = []
        for segment in items(value):
            for name, use in (("MaterialActual", ""), ("MaterialProducedActual", "Produced"), *_OLD_CONSUMED):
                for item in items(segment.get(name)) if isinstance(segment, Mapping) else ():
                    one = _used(item, use, uses, quiet)
                    if one and one["kind"] in kinds and one not in found:
                        found.append(one)
        return found or None

    return Codec(read, lambda value, m: value, raw=True)  # noqa: ARG005


_OLD_CONSUMED = (("MaterialConsumedActual", "Consumed"),)


def _used(item: Any, use: str, uses: tuple[str, ...], m: Any) -> Value | None:
    if not isinstance(item, Mapping):
        return None
    try:
        return _item(item, m) if _use_of(item, use, m) in uses else None
    except Unreadable:
        return None


def _item(value: Mapping[str, Any], m: Element) -> Value | None:
    """The container of a material, else its lot."""
    for name, codec in (("MaterialSubLotID", _CONTAINER), ("MaterialLotID", _LOT)):
        item = codec.read(first(value, name), m) if value.get(name) else None
        if item:
            return item  # type: ignore[no-any-return]
    return None


CODECS: dict[str, Codec] = {
    **VALUES,
    "batch_order": pair(read_batch_order, write_batch_order),
    "inputs_inside": through("consumed", kinds=("container",)),
    "consumed_inside": through("consumed", kinds=("material",)),
    "outputs_inside": through("produced", kinds=("container", "material")),
    "consumed": actual("consumed"),
    "produced": actual("produced"),
    "consumed_actual": actual("consumed", use="Consumed"),
    "produced_actual": actual("produced", use="Produced"),
    "equipment": pair(read_equipment, write_equipment),
    "people": pair(read_people, write_people),
    "person": pair(read_person, write_person),
    "done": Codec(read_done, write_done),
}
"""All codecs of the format."""
