"""What a record comes from and belongs to, as far as facts say: container, material, batch, collection. No rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from canonical_model.journey import Journey, RecordState, is_ref

Thing = tuple[str, str]
"""Kind and name of a record."""

TARGETS = ("container", "material", "batch")
"""What a decision or result may be about, the narrowest first."""
PRODUCT_STAGES = frozenset({"drug-substance", "drug-product"})


def refs(value: Any) -> list[Mapping[str, Any]]:
    """The references that a field holds."""
    if value is None:
        return []
    return [ref for ref in (value if isinstance(value, list | tuple) else (value,)) if is_ref(ref)]


def named_at(values: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """The references at a dotted path, through lists; `|kind` at its end takes those to one kind of record only.

    >>> given = {"given": [{"container": {"kind": "container", "identifiers": [{"system": "s", "value": "1"}]}}]}
    >>> [ref["kind"] for ref in named_at(given, "given.container")]
    ['container']
    >>> named_at(given, "given.container|material")
    []
    """
    if "." not in path and "|" not in path:
        return refs(values.get(path))
    path, _, kind = path.partition("|")
    found: list[Any] = [values]
    for name in path.split("."):
        inner = [one.get(name) for one in found if isinstance(one, Mapping)]
        found = [item for one in inner for item in (one if isinstance(one, list | tuple) else [one])]
    return [ref for ref in found if is_ref(ref) and kind in {"", ref["kind"]}]


def ref_of(record: RecordState) -> dict[str, Any]:
    """A reference to a record, by all its names."""
    return {"kind": record.kind, "identifiers": record.identifiers}


def contents_of(shipment: RecordState) -> list[Mapping[str, Any]]:
    """What was put into a shipment, whichever fact says so."""
    return [ref for fact in shipment.facts for ref in refs(fact["set"].get("contents"))]


def above(journey: Journey, start: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> set[Thing]:
    """The things that these references lead to through the named fields, themselves included."""
    found: set[Thing] = set()
    waiting = list(start)
    wanted = tuple(fields)
    while waiting:
        ref = waiting.pop()
        thing = (ref["kind"], journey.name_of(ref))
        if thing in found:
            continue
        found.add(thing)
        record = journey.records.get(thing[0], {}).get(thing[1])
        if record is not None:
            waiting += [up for field in wanted for up in named_at(record.fields, field)]
    return found


_ORIGINS = (
    *("collection", "material", "batch", "parents", "inputs", "contents", "containers"),
    *("steps.consumed.item|container", "given.container"),
)
SOURCES = (*_ORIGINS, "container", "prepared_from")
"""Fields, as dotted paths, that name what a record is made of or about."""


def collections_of(journey: Journey, record: RecordState) -> set[str]:
    """Names of the collections that a record comes from."""
    if record.kind == "collection":
        return {record.name}
    start = [ref for field in _ORIGINS for ref in named_at(record.fields, field)]
    return {name for kind, name in above(journey, start, _ORIGINS) if kind == "collection"}


def product_of(journey: Journey, container: Mapping[str, Any]) -> set[Thing]:
    """A container with its material and batch: what a decision must be about to count for it.

    A batch that it went into is not its batch, whatever else names the two together.
    """
    found = above(journey, [container], ("material", "batch"))
    for batch in journey.of("batch"):
        if found & _things(journey, batch.fields.get("outputs")):
            found.add(("batch", batch.name))
        elif found & _things(journey, batch.fields.get("inputs")):
            found.discard(("batch", batch.name))
    return found


def _things(journey: Journey, value: Any) -> set[Thing]:
    return {(ref["kind"], journey.name_of(ref)) for ref in refs(value)}


def is_product(journey: Journey, container: Mapping[str, Any]) -> bool:
    """True for a container that manufacture filled: it has a batch, or its material is a product."""
    found = product_of(journey, container)
    made = {m.name for m in journey.of("material") if m.fields.get("stage") in PRODUCT_STAGES}
    return any(kind == "batch" or (kind == "material" and name in made) for kind, name in found)


def target_of(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The narrowest of container, material and batch that a decision or result names."""
    return next((ref for field in TARGETS for ref in refs(fields.get(field))), None)


def concerns(journey: Journey, result: RecordState, target: Mapping[str, Any] | None) -> bool:
    """True when a result tells of a target: it names the target, its batch, or a sample or container of either.

    A result that names no material, container or batch tells of the whole order.
    """
    own = [ref for field in TARGETS for ref in refs(result.fields.get(field))]
    if not own or target is None:
        return True
    wanted = above(journey, [target], ("material", "batch"))
    return bool(above(journey, own, ("material", "batch", "parents")) & wanted)


def direction_of(journey: Journey, shipment: RecordState | None) -> str:
    """A shipment's direction: as stated, or by what it holds."""
    if shipment is None:
        return ""
    stated = shipment.fields.get("direction")
    if stated:
        return str(stated)
    return "to-patient" if any(is_product(journey, ref) for ref in contents_of(shipment)) else "collection-outbound"
