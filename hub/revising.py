"""What a replay adds to the log, so that the facts which its message is read to say now are live, and no others. Pure.

Nothing in the log is changed. A fact that is read otherwise takes the place of all earlier readings of its frame; one
that is not found any more is retracted; one that is found again revives, because what superseded it is retracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.fold import live
from canonical_model.ids import event_id
from canonical_model.values import instant_text

Event = dict[str, Any]
RETRACTED = "record.retracted"
ROUNDS = 16
"""Retracting a fact may revive one that it superseded; that many such steps are followed."""
CAUSES: Mapping[str, str] = {
    "table": "a table was mended",
    "codes": "a code table was mended",
    "profile": "the partner's profile was mended",
    "message": "the message was mended",
    "hub": "the hub was mended",
}
"""Why messages are read again, as short codes: an event names the code, what an operator wrote is for the audit."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A message that is read again: all facts that the log has of it, when and as what it came, and why it is read.

    `mended` is true where an operator changed its text: then every fact says so.
    """

    earlier: Sequence[Event]
    received: datetime
    cause: str = "table"
    mended: bool = False


def revise(revision: Revision, said: Sequence[Event], whole: bool, now: datetime) -> list[Event]:
    """Facts to append after a message was read again.

    With `whole` false a part of it could not be read: what was found in it before stands.
    """
    earlier = revision.earlier
    known = {event["id"] for event in earlier}
    wanted = {event["id"] for event in said}
    added = [_in_place(event, revision, wanted) for event in said if event["id"] not in known]
    for _ in range(ROUNDS):
        gone = list(_gone([*earlier, *added], wanted, whole))
        if not gone:
            break
        added += [_retraction(event, revision, now) for event in gone]
    return added


def _in_place(event: Event, revision: Revision, wanted: set[str]) -> Event:
    """A new fact, superseding what its frame said before of the same record."""
    same = ("frame", "type", "about")
    old = [e["id"] for e in revision.earlier if e["id"] not in wanted and all(e[name] == event[name] for name in same)]
    if old:
        return {**event, "supersedes": old, "reason": _reason(revision, "this message is read otherwise now")}
    if revision.mended:
        return {**event, "reason": _reason(revision, "an operator mended the message that says this")}
    return event


def _reason(revision: Revision, text: str) -> str:
    """Why a fact was put right; its first word is the cause's code."""
    return f"{revision.cause}: {CAUSES[revision.cause]}; {text}"


def _gone(log: Sequence[Event], wanted: set[str], whole: bool) -> Iterator[Event]:
    """Live facts that must not be: found no more, or superseding one that is found."""
    alive = live(log)
    dead = {event["id"] for event in log if event["id"] in wanted} - alive
    for event in log:
        if event["id"] in alive and event["id"] not in wanted:
            vanished = whole and event["type"] != RETRACTED
            if vanished or dead & set(event.get("supersedes", ())):
                yield event


def _retraction(gone: Mapping[str, Any], revision: Revision, now: datetime) -> Event:
    """The fact that takes one back; the count of those before tells it from one that was itself taken back."""
    before = str(len(revision.earlier))
    return {
        **gone,
        "id": event_id("hub", gone["id"], before, gone["frame"], RETRACTED, gone["about"], []),
        "type": RETRACTED,
        "set": {},
        "clear": [],
        "recorded": instant_text(now),
        "supersedes": [gone["id"]],
        "reason": _reason(revision, "its message does not say this any more"),
    }


__all__ = ["CAUSES", "RETRACTED", "Revision", "revise"]
