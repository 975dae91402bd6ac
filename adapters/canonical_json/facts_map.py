"""The event catalogue as a message map: a fact is asserted as it is named, and told as it was asserted. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical_model.records import RECORDS

BESIDE = "2"
"""The order that a fact is of stands in a frame of its own, the second of its kind: it names, and asserts nothing."""
OF_ORDER = frozenset(kind for kind, model in RECORDS.items() if "order" in model.model_fields)
"""Kinds that say which order they are of."""


def of(name: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The message map. `kinds` has every event type with the kind that it is about, or an empty text for any."""
    return {
        "map": name,
        "about": "one fact of the event catalogue in the canonical form",
        "for": sorted(kinds),
        "identify": {kind: ["identifiers"] for kind in RECORDS},
        "belongs": {kind: {"order": ["@order.identifiers"]} for kind in sorted(OF_ORDER)},
        "occurred": {kind: ["message.occurred_at"] for kind in RECORDS},
        "on": {kind: _on(kind, kinds) for kind in RECORDS},
        "send": {type_: _send(kind) for type_, kind in kinds.items() if kind},
    }


def _on(kind: str, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    beside = [{"when": {"#": BESIDE}, "events": []}] if kind == "order" else []
    types = [type_ for type_, about in kinds.items() if about in {"", kind}]
    return [*beside, *({"when": {"message.code": type_}, "events": [type_]} for type_ in types)]


def _send(kind: str) -> list[dict[str, Any]]:
    """The fact as it was said, and the order that it is told for, with the stage at which that stands."""
    return [
        {"frame": "message", "set": {"code": "message.type", "occurred_at": "event.occurred"}},
        {"frame": kind, "from": "event", "set": {"identifiers": "about.identifiers"}},
        {"frame": "order", "parent": kind, "set": {"identifiers": "order.identifiers", "state": "journey.stage"}},
    ]
