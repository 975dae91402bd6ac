"""A FHIR update as a message: what changed against what the partner was shown becomes facts; nothing changed, no fact.

`on:` names the fact where the state of the record changed; otherwise it is an amendment. A changed element that no
table carries is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters import json_text
from adapters.fhir_r4.diff import Changes, changes
from adapters.reading import Read, Unparsable
from hub import bundle_references
from hub.conversion import RECORDED, Converted, Part, digest
from hub.resources import Found
from mappings import events as event_tables

_SOURCE = re.compile(r"[a-z-]+/[^/]+/[0-9]+/[0-9a-f]{12}")
"""What an update is called in the inbox: record, version, digest."""
AMENDED = {"order": "order.amended", "subject": "subject.updated"}
SETTLING = {"assessed": "issue.assessed", "resolved": "issue.resolved"}
"""What an Issue's new status says, also of an Issue of the hub, of which `on:` lets no other message speak."""
STATES = frozenset({"state", "status", "action", "deceased", "deceased_at"})
"""Fields whose change is more than an amendment: `on:` says what it means."""


OF_THE_UPDATE = frozenset({"order"})
"""Kinds of which an update itself is the act: what a request says holds from then on."""


def rests_on_records(source: str, body: bytes) -> bool:
    """True for what cannot be read again by itself: an update, or a Bundle with updates or conditions."""
    if _SOURCE.fullmatch(source):
        return True
    try:
        return bundle_references.rests_on_records(json_text.loads(body))
    except Unparsable:
        return False


def source_of(found: Found, version: int, body: bytes) -> str:
    """What the update of a version of a record is called in the inbox."""
    return f"{found.kind}/{found.id}/{version}/{digest(body)[:12]}"


def difference(shown: Read, sent: Read) -> Changes:
    """What the partner changed, and what it cannot change."""
    return changes(shown, sent)


@dataclass(frozen=True, slots=True)
class Update:
    """An update as it came."""

    body: bytes
    now: Mapping[str, Any] | None
    """When it came, as a When; None where that is not after what was said before for certain."""
    sequence: str
    """Its place after the version that it changes, in its sender's own sequence."""
    identity: Mapping[str, Any]
    """What the vault has of a subject, for the names that stay."""
    may_resume: bool = False
    """Whether the order goes on by its word: what its sender was shown is all that holds it."""
    key: str = ""
    """The frame's key, where the update is one of several in a message."""


def converted(found: Found, sent: Read, changed: Changes, update: Update) -> Converted:
    """The message that an update is."""
    main = next((frame for frame in changed.frames if frame["kind"] == found.kind), None)
    person = next((frame for frame in changed.frames if frame["kind"] == "identity"), None)
    about: dict[str, Any] = {"kind": found.kind, "identifiers": found.body["identifiers"]}
    frames: list[dict[str, Any]] = []
    key = update.key or found.kind
    if found.kind == "subject":
        about = {"kind": "subject", "frame": key}
        told = {**(person or {}).get("set", {}), **dict.fromkeys((person or {}).get("clear", ()))}
        told.setdefault("identifiers", update.identity.get("identifiers", []))
        frames = [
            {"kind": "subject", "key": key, "set": {}},
            {"kind": "identity", "key": f"{key}/identity", "parent": key, "set": told},
        ]
    change = main or {"set": {}, "clear": []}
    resumes = update.may_resume and found.kind == "order" and is_resumption(found.body["fields"], change["set"])
    assertion = {
        "type": "order.resumed" if resumes else _type_of(found.kind, change, sent),
        "frame": key,
        "about": about,
        "set": {name: value for name, value in change["set"].items() if name not in {"action", "identifiers"}},
        "clear": list(change["clear"]),
        "sequence": update.sequence,
        "occurred": dict(update.now) if update.now and found.kind in OF_THE_UPDATE else None,
    }
    counts = {fate: count for fate, count in sent.summary().items() if count}
    return Converted(
        sent.type,
        source_of(found, found.version, update.body),
        "",
        [Part(f"{found.kind} 1", RECORDED, [assertion])],
        [],
        frames,
        {},
        counts,
    )


def is_resumption(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """True where an order that was on hold is active again."""
    return before.get("state") == "on-hold" and after.get("state") == "active"


def _type_of(kind: str, change: Mapping[str, Any], sent: Read) -> str:
    """The event type: what `on:` says of the whole resource where its state changed, else an amendment."""
    if kind == "issue" and change["set"].get("status") in SETTLING:
        return SETTLING[change["set"]["status"]]
    if STATES & {*change["set"], *change["clear"]}:
        said = event_tables.assertions(sent.map, sent.frames, "update")
        main = [a["type"] for a in said if a["about"]["kind"] == kind]
        if main:
            return str(main[-1])
    return AMENDED.get(kind, "record.amended")
