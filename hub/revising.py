"""What a replay adds to the log, so that the facts which today's tables find are live, and no others. Pure.

Nothing in the log is changed. A fact that is read otherwise takes the place of all earlier readings of its frame; one
that is not found any more is retracted; one that is found again revives, because what superseded it is retracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from canonical_model.fold import live
from canonical_model.ids import event_id
from canonical_model.values import instant_text

Event = dict[str, Any]
RETRACTED = "record.retracted"
ROUNDS = 16
"""Retracting a fact may revive one that it superseded; that many such steps are followed."""


def revise(earlier: Sequence[Event], said: Sequence[Event], whole: bool, now: datetime) -> list[Event]:
    """Facts to append after a message was read again. `earlier` are all facts that the log has of it.

    With `whole` false a part of it could not be read: what was found in it before stands.
    """
    known = {event["id"] for event in earlier}
    wanted = {event["id"] for event in said}
    added = [_in_place(event, earlier, wanted) for event in said if event["id"] not in known]
    for _ in range(ROUNDS):
        gone = list(_gone([*earlier, *added], wanted, whole))
        if not gone:
            break
        added += [_retraction(event, len(earlier), now) for event in gone]
    return added


def _in_place(event: Event, earlier: Sequence[Event], wanted: set[str]) -> Event:
    """A new fact, superseding what its frame said before of the same record."""
    same = ("frame", "type", "about")
    old = [e["id"] for e in earlier if e["id"] not in wanted and all(e[name] == event[name] for name in same)]
    reason = "replay: the tables of today read this message otherwise"
    return {**event, "supersedes": old, "reason": reason} if old else event


def _gone(log: Sequence[Event], wanted: set[str], whole: bool) -> Iterator[Event]:
    """Live facts that must not be: found no more, or superseding one that is found."""
    alive = live(log)
    dead = {event["id"] for event in log if event["id"] in wanted} - alive
    for event in log:
        if event["id"] in alive and event["id"] not in wanted:
            vanished = whole and event["type"] != RETRACTED
            if vanished or dead & set(event.get("supersedes", ())):
                yield event


def _retraction(gone: Mapping[str, Any], before: int, now: datetime) -> Event:
    """The fact that takes one back; `before` tells it from an earlier retraction that was itself taken back."""
    return {
        **gone,
        "id": event_id("hub", gone["id"], str(before), gone["frame"], RETRACTED, gone["about"], []),
        "type": RETRACTED,
        "set": {},
        "clear": [],
        "recorded": instant_text(now),
        "supersedes": [gone["id"]],
        "reason": "replay: the tables of today do not find this fact in its message",
    }


__all__ = ["revise"]
