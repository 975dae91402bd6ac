"""Rules of local times: a zone that nobody stated, and hours that a clock change makes unclear, are told (I-46)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.journey import EventDict, Journey
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import Finding, Item

_DAYS = frozenset({"year", "month", "day"})
_SAID = {
    "assumed": (
        "times of {} came without a zone; that of its profile was assumed",
        "the sender states the offset, or confirms the zone of its profile",
    ),
    "unclear": (
        "a local time of {} exists twice or not at all, because clocks were changed",
        "the sender states the offset",
    ),
}


def zones_are_stated(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-46: a time whose zone was assumed, or whose local hour is unclear, is told once for each reporter.

    Times that are known to the day or less are not judged.
    """
    first: dict[tuple[str, str], EventDict] = {}
    for event in journey.facts:
        for when in (event["occurred"], event["set"].get("start")):
            if isinstance(when, dict) and ("assumed_zone" in when or "unclear" in when):
                for how in _doubts(when):
                    first.setdefault((event["reporter"]["partner"], how), event)
    for (partner, how), event in sorted(first.items()):
        text, settle = _SAID[how]
        yield Finding(
            rule="I-46",
            kind="mapping",
            severity="info",
            about=("order", journey.order.name),
            cause=f"{partner}:{how}",
            text=text.format(partner),
            settle=settle,
            facts=(event["id"],),
        )


def _doubts(when: Mapping[str, Any]) -> Iterator[str]:
    """What is not sure of a time of a fact: when it occurred, or when a series of readings began."""
    if when.get("precision") in _DAYS:
        return
    if when.get("assumed_zone"):
        yield "assumed"
    if when.get("unclear"):
        yield "unclear"


RULES = (zones_are_stated,)
