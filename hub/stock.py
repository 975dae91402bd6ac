"""Facts about stock, which belongs to no order yet, folded in with an order that asks for it. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.journey import Journey, is_ref
from hub.links import Links
from hub.store import Connection

SOURCES = frozenset({"material", "batch", "collection"})
"""Kinds that a container of stock leads up to."""
ABOUT = SOURCES | {"disposition", "result", "recall", "labels", "obligation", "readings"}
"""Kinds of records whose facts tell of stock, besides those of the container itself."""
MOST = 200
"""Names that are followed at most: a lot leads to its sources in fewer steps."""


def with_stock(db: Connection, state: Journey, container: Mapping[str, Any]) -> Journey:
    """The order's state as it would be if the container were its own: with the facts about the container, its material,
    its batch and what these were made of."""
    links = Links(db)
    key = {name_key("container", identifier) for identifier in container["identifiers"]}
    known = {event["id"] for event in state.events}
    found: dict[str, dict[str, Any]] = {}
    seen: set[int] = set()
    own = waiting = links.members(key)
    while waiting and len(seen) < MOST:
        seen |= waiting
        positions = sorted({p for name in waiting for (p,) in db.all("mentions", name)})
        events = [orjson.loads(t) for _, t in db.all("events_at", orjson.dumps(positions).decode()) if t is not None]
        told = [event for event in events if _tells(links, own, event)]
        found |= {event["id"]: event for event in told}
        above = [name_key(ref["kind"], i) for event in told for ref in _sources(event) for i in ref["identifiers"]]
        waiting = links.members(above) - seen
    more = [event for event in found.values() if event["id"] not in known]
    if not more:
        return state
    return replace(fold(state.names, [*state.events, *more]), others=state.others, qualifications=state.qualifications)


def _tells(links: Links, own: set[int], event: Mapping[str, Any]) -> bool:
    """True for a fact about the container itself, or about a record that tells of its sources; not of its siblings."""
    about = event["about"]
    if about["kind"] == "container":
        return bool(links.members({name_key("container", i) for i in about["identifiers"]}) & own)
    return about["kind"] in ABOUT


def _sources(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a fact says that its record comes from, and that record itself where it is a source."""
    if event["about"]["kind"] not in SOURCES | {"container"}:
        return
    if event["about"]["kind"] in SOURCES:
        yield event["about"]
    for name in ("material", "batch", "collection", "parents", "inputs", "consumed"):
        value = event["set"].get(name)
        for ref in value if isinstance(value, list) else [value]:
            if is_ref(ref) and ref["kind"] in SOURCES:
                yield ref
