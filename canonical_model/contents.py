"""Ways from a lot, batch or donation down to the containers of it: what is said of a lot holds for each of them. Pure.

A fact about a container leads up to what it holds and never down again, so what is said of one patient's dose reaches
no other patient's order. A fact about the lot itself, a decision, a result or a recall leads down: to the containers of
the lot, and through those that were allocated to their orders. Where such a
fact names an order it is about that order's share, and leads nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from canonical_model.catalogue import UPWARD
from canonical_model.ids import Key, name_key
from canonical_model.lineage import named_at

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "container": ("material", "batch", "collection"),
    "material": ("batch", "collection", "parents"),
    "batch": ("consumed", "inputs|material", "steps.consumed.item|material"),
}
"""Kind -> fields that name what a thing holds or is made of."""
YIELDS: Mapping[str, tuple[str, ...]] = {"batch": ("outputs", "steps.produced.item"), "collection": ("outputs",)}
"""Kind -> fields that name what comes out of it."""
SHARED = frozenset({"material", "batch", "collection"})
"""Kinds that several containers, of several orders, may have in common."""
TELLING = frozenset({"material", "batch", "disposition", "result", "recall"})
"""Kinds whose facts hold for every container of what they are about. A donation's own facts tell of the donor."""


def inside(key: Key) -> Key:
    """The name under which facts about a lot, batch or donation lead down."""
    return f"in {key[0]}", key[1], key[2]


def ways_down(event: Mapping[str, Any]) -> Iterator[tuple[Key, Key]]:
    """Steps that an event adds, each from a name to the one that it leads to."""
    kind, values = event["about"]["kind"], event["set"]
    own = name_key(kind, event["about"]["identifiers"][0])
    end = inside(own) if kind in SHARED else own
    for path in MADE_OF.get(kind, ()):
        yield from ((inside(part), end) for part in _keys(named_at(values, path)) if part[0] in SHARED)
    for path in YIELDS.get(kind, ()):
        for out in _keys(named_at(values, path)):
            yield inside(own), inside(out) if out[0] in SHARED else out


def joined_down(event: Mapping[str, Any]) -> list[Key]:
    """Names of one lot, batch or donation that an event joins."""
    about = event["about"]
    return [inside(key) for key in _keys([about])] if about["kind"] in SHARED and len(about["identifiers"]) > 1 else []


def starts_down(event: Mapping[str, Any]) -> set[Key]:
    """Names from which an event leads down."""
    kind = event["about"]["kind"]
    if kind not in TELLING or named_at(event["set"], "order"):
        return set()
    told = [event["about"], *(ref for path in UPWARD[kind] for ref in named_at(event["set"], path))]
    return {inside(key) for key in _keys(told) if key[0] in SHARED}


def _keys(refs: Iterable[Mapping[str, Any]]) -> Iterator[Key]:
    return (name_key(ref["kind"], identifier) for ref in refs for identifier in ref["identifiers"])
