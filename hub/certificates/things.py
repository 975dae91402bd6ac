"""What a certificate tells of: batches, materials and containers decided about, and which decision holds for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import SOURCES, TARGETS, Thing, above, concerns, product_of, ref_of, refs
from canonical_model.protocols import Criterion
from canonical_model.rules.quality import RELEASED, Decision, decisions, replaces, restriction
from canonical_model.rules.release import current

Target = Mapping[str, Any] | None
"""A container, material or batch; none: the order as a whole, where nothing is made or decided about yet."""


def targets_of(journey: Journey) -> list[Target]:
    """What quality decided about, or each batch where it decided about nothing.

    A container of a batch that was decided about is told of with its batch, and what it was made from not at all.
    """
    found = _decided(journey) or _batches(journey)
    products = {thing: product_of(journey, ref) for thing, ref in found.items()}
    made_from = {thing: above(journey, [ref], SOURCES) for thing, ref in found.items()}
    own = [
        thing
        for thing in found
        if not any(
            thing != other and _gives_way(thing, other, products, made_from[other] - products[other]) for other in found
        )
    ]
    return [found[thing] for thing in sorted(own)] or [None]


def _decided(journey: Journey) -> dict[Thing, Mapping[str, Any]]:
    """The targets of all live decisions, by their one name each."""
    targets = [one.target for one in decisions(journey) if one.target is not None]
    return {(ref["kind"], journey.name_of(ref)): ref for ref in targets}


def _gives_way(thing: Thing, other: Thing, products: Mapping[Thing, set[Thing]], sources: set[Thing]) -> bool:
    """True for a part of another thing, and for what another thing was made from."""
    is_part = other in products[thing] and thing not in products[other]
    return is_part or thing in sources


def _batches(journey: Journey) -> dict[Thing, Mapping[str, Any]]:
    """The batches of an order: those that somebody told of, and those that only a result names."""
    known = [ref_of(batch) for batch in journey.of("batch")]
    tested = [ref for result in journey.of("result") for ref in refs(result.fields.get("batch"))]
    return {("batch", journey.name_of(ref)): ref for ref in (*tested, *known) if ref["kind"] == "batch"}


def undecided(journey: Journey) -> list[Mapping[str, Any]]:
    """The batches that no decision reaches: neither about them, nor about a part, nor about what they went into."""
    start = list(_decided(journey).values())
    reached = above(journey, start, SOURCES) | {one for ref in start for one in product_of(journey, ref)}
    return [ref for thing, ref in sorted(_batches(journey).items(), key=lambda found: found[0]) if thing not in reached]


def tells_of(journey: Journey, result: RecordState, criterion: Criterion, target: Target) -> bool:
    """True when a result counts for a target: by its lineage, and in process also of what the target was made from."""
    if concerns(journey, result, target):
        return True
    own = {(ref["kind"], journey.name_of(ref)) for field in TARGETS for ref in refs(result.fields.get(field))}
    return criterion.phase == "in-process" and target is not None and bool(own & above(journey, [target], SOURCES))


def holding(journey: Journey, target: Target) -> list[Decision]:
    """The decisions that hold for a target: of those that no later one replaces, the most restrictive.

    A decision that names nothing may be meant for anything: it holds wherever it is the strictest, and is held against
    all that was decided.
    """
    left = current(journey) if target is None else _standing(journey, target)
    strictest = max((restriction(one.says) for one in left), default=0)
    return [one for one in left if restriction(one.says) == strictest]


def _standing(journey: Journey, target: Mapping[str, Any]) -> list[Decision]:
    things = product_of(journey, target)
    own = [
        one
        for one in decisions(journey)
        if one.target is None or (one.target["kind"], journey.name_of(one.target)) in things
    ]
    return [one for one in own if not any(replaces(journey, other, one) for other in own)]


def counting(journey: Journey) -> set[str]:
    """Ids of the facts whose decision holds for what it is about."""
    return {
        one.event["id"]
        for one in decisions(journey)
        if any(one.event is held.event for held in holding(journey, one.target))
    }


def not_released(journey: Journey) -> list[tuple[Target, str]]:
    """What was decided about and is not released as the decisions stand, each with the decision that holds for it."""
    nowhere: list[Target] = [None] if any(one.target is None for one in decisions(journey)) else []
    every = [*(ref for _, ref in sorted(_decided(journey).items(), key=lambda found: found[0])), *nowhere]
    found = [(target, held[0].says) for target in every if (held := holding(journey, target))]
    return [(target, says) for target, says in found if says not in RELEASED]
