"""A FHIR update as a message: what changed against what the partner was shown becomes facts; nothing changed, no fact.

`on:` names the fact where the state of the record changed; otherwise it is an amendment. A changed element that no
table carries is refused as a whole (architecture 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.fhir_r4.diff import Changes, changes
from adapters.reading import Read
from hub.conversion import RECORDED, Converted, Part, digest
from hub.resources import Found
from mappings import events as event_tables

AMENDED = {"order": "order.amended", "subject": "subject.updated"}
STATES = frozenset({"state", "status", "action", "deceased", "deceased_at"})
"""Fields whose change is more than an amendment: `on:` says what it means."""


def difference(shown: Read, sent: Read) -> Changes:
    """What the partner changed, and what it cannot change."""
    return changes(shown, sent)


def converted(found: Found, sent: Read, changed: Changes, body: bytes, identity: Mapping[str, Any]) -> Converted:
    """The message that an update is. `identity` is what the vault has of a subject, for the names that stay."""
    main = next((frame for frame in changed.frames if frame["kind"] == found.kind), None)
    person = next((frame for frame in changed.frames if frame["kind"] == "identity"), None)
    about: dict[str, Any] = {"kind": found.kind, "identifiers": found.body["identifiers"]}
    frames: list[dict[str, Any]] = []
    key = found.kind
    if found.kind == "subject":
        about = {"kind": "subject", "frame": key}
        told = {**(person or {}).get("set", {}), **dict.fromkeys((person or {}).get("clear", ()))}
        told.setdefault("identifiers", identity.get("identifiers", []))
        frames = [
            {"kind": "subject", "key": key, "set": {}},
            {"kind": "identity", "key": f"{key}/identity", "parent": key, "set": told},
        ]
    source = f"{found.kind}/{found.id}/{found.version}/{digest(body)[:12]}"
    change = main or {"set": {}, "clear": []}
    assertion = {
        "type": _type_of(found.kind, change, sent),
        "frame": key,
        "about": about,
        "set": {name: value for name, value in change["set"].items() if name not in {"action", "identifiers"}},
        "clear": list(change["clear"]),
        "occurred": None,
    }
    counts = {fate: count for fate, count in sent.summary().items() if count}
    return Converted(sent.type, source, "", [Part(f"{found.kind} 1", RECORDED, [assertion])], [], frames, {}, counts)


def _type_of(kind: str, change: Mapping[str, Any], sent: Read) -> str:
    """The event type: what `on:` says of the whole resource where its state changed, else an amendment."""
    if STATES & {*change["set"], *change["clear"]}:
        said = event_tables.assertions(sent.map, sent.frames, "update")
        main = [a["type"] for a in said if a["about"]["kind"] == kind]
        if main:
            return str(main[-1])
    return AMENDED.get(kind, "record.amended")
