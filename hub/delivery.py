"""Deliveries: what partners are told. Rendered once, when first claimed; bytes kept; at least once, in order.

Rendering runs on the committer's thread. Every frame goes through `visible`; the output has an account: leaves written,
withheld by policy, without a home in the format.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from canonical_model.journey import Journey, RecordState
from canonical_model.values import instant_text
from hub.access import sees_persons, takes_part, visible
from hub.committer import Committer
from hub.conversion import Format
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.profiles import Profile
from hub.sealing import drop_personal, unseal
from hub.store import Connection, Row
from hub.vault import Vault
from mappings import send
from mappings.faults import Fault

log = structlog.get_logger("hub.delivery")

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A delivery as it goes out: the same bytes at every attempt, under one idempotency id."""

    id: int
    partner: str
    message: str
    name: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt: done, refused by the receiver, or to be tried again."""

    state: str
    note: str = ""


class Unsendable(Exception):
    """A message that its receiver could not read, or that would tell a fact without what it is about."""


NEVER_WITHOUT = frozenset({"result.value"})
"""What a fact is about: where it has no place in the partner's format, a person sees to it instead."""
DONE, REFUSED, AGAIN = "done", "refused", "again"


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: twice as long each time, with jitter."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 12)))
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    return wait * jitter


class Deliveries:
    """Claims, renders and settles deliveries; a room of the committer's thread."""

    def __init__(self, keys: Keyring, profiles: Mapping[str, Profile], adapters: Adapters, region: str) -> None:
        self._keys, self._profiles, self._adapters, self._region = keys, profiles, adapters, region

    def claim(self, committer: Committer, now: datetime, paused: Iterable[str] = (), limit: int = 20) -> list[Rendered]:
        """Deliveries that are due, rendered; one at most per partner and order, none for a paused partner."""
        db = committer.connection
        with db.transaction():
            due = db.all("due_deliveries", instant_text(now), orjson.dumps(sorted(paused)).decode(), limit)
            return [rendered for row in due if (rendered := self._try(committer, db, row, now)) is not None]

    def _try(self, committer: Committer, db: Connection, row: Row, now: datetime) -> Rendered | None:
        """A rendered delivery; one that cannot be rendered is set aside for a person and blocks nobody."""
        try:
            with db.savepoint():
                return self._render(committer, db, row, now)
        except Exception as wrong:  # noqa: BLE001 - one delivery's trouble is told; the others go on
            why = str(wrong) if isinstance(wrong, Unsendable) else type(wrong).__name__
            log.error("delivery.broken", delivery=row[0], partner=row[1], error=why)
            note = f"not rendered: {why}"
            db.run("settle_delivery", "broken", row[5], instant_text(now), note, row[0])
            return None

    def settle(self, committer: Committer, rendered: Rendered, outcome: Outcome, now: datetime) -> None:
        """Notes what became of an attempt; a failed one waits twice as long as the last, with jitter."""
        db = committer.connection
        attempts = rendered.attempts + 1
        due = now
        if outcome.state == AGAIN:
            due = now + wait_after(attempts)
        state = "waiting" if outcome.state == AGAIN else outcome.state
        with db.transaction():
            db.run("settle_delivery", state, attempts, instant_text(due), outcome.note, rendered.id)
            db.run(
                "add_audit",
                instant_text(now),
                "hub",
                f"delivery.{outcome.state}",
                f"{rendered.partner}/{rendered.id}",
                orjson.dumps({"message": rendered.message, "attempt": attempts, "note": outcome.note}).decode(),
            )

    def _render(self, committer: Committer, db: Connection, row: Row, now: datetime) -> Rendered | None:
        delivery, partner, journey, position, message, attempts, body = row
        profile = self._profiles[partner]
        state = committer.state(db, journey)
        if not takes_part(profile, state):  # policy is asked again at each send
            db.run("settle_delivery", "withheld", attempts, instant_text(now), "no longer takes part", delivery)
            return None
        if body is None:
            rendered = self._write(db, profile, state, position, message, delivery, now)
            if rendered is None:
                db.run("settle_delivery", "withheld", attempts, instant_text(now), "nothing that it may see", delivery)
                return None
            content, account = rendered
            period = now.strftime("%Y-%m")
            sealed = self._keys.seal(f"body/{partner}/{period}", content)
            body = db.add("add_body", partner, period, "delivery", sealed)
            db.run("render_delivery", body, orjson.dumps(account).decode(), delivery)
        kept = db.one("get_body", body)
        assert kept is not None
        content = self._keys.open(f"body/{kept[0]}/{kept[1]}", kept[3])
        return Rendered(delivery, partner, message, f"{message.partition('/')[2]}-{delivery:08}", content, attempts)

    def _write(
        self,
        db: Connection,
        profile: Profile,
        state: Journey,
        position: int,
        message: str,
        delivery: int,
        now: datetime,
    ) -> tuple[bytes, dict[str, Any]] | None:
        row = db.one("events_at", f"[{position}]")
        assert row is not None
        event = orjson.loads(row[1])
        adapter = self._adapters.of(profile, message.partition("/")[0])
        sources = self._sources(db, profile, state, event, delivery, now)
        frames, withheld = [], []
        for frame in send.frames(adapter.map(message), event["type"], sources):
            shown, hidden = visible(profile, frame)
            withheld += hidden
            if shown is not None:
                frames.append(shown)
        if not any(frame["kind"] != "message" and frame["set"] for frame in frames):
            return None
        content, faults = adapter.write(message, frames)
        if wrong := _unsendable(adapter, message, content, frames, faults):
            raise Unsendable("; ".join(dict.fromkeys(f"{fault.code} at {fault.place}" for fault in wrong)))
        lost = sorted({fault.place for fault in faults if fault.severity == "lost"})
        written = sum(_leaf_count(frame["set"]) for frame in frames) - len(lost)
        return content, {"written": written, "withheld": sorted(set(withheld)), "no-home": lost}

    def _sources(
        self, db: Connection, profile: Profile, state: Journey, event: Mapping[str, Any], delivery: int, now: datetime
    ) -> dict[str, Any]:
        person = sees_persons(profile, self._region)
        about = _record_of(state, event)
        patient = _patient(state)
        order = state.order
        identity = {}
        if person and patient is not None:
            tokens = [i["value"] for i in patient.identifiers]
            identity = Vault(self._keys, db, self._region).look(tokens, profile.partner, "hub", instant_text(now))

        def shown(values: Mapping[str, Any]) -> dict[str, Any]:
            opened = unseal(self._keys, db, values) if person else drop_personal(values)
            return dict(opened or {})

        moment = instant_text(now.replace(microsecond=0))
        return {
            "event": shown({**event["set"], "occurred": event["occurred"], "type": event["type"]}),
            "about": shown({**(about.fields if about else {}), "identifiers": list(event["about"]["identifiers"])}),
            "order": shown({**order.fields, "identifiers": order.identifiers}),
            "patient": shown({**patient.fields, "identifiers": patient.identifiers}) if patient else {},
            "identity": identity,
            "partner": {**profile.receives_as, "name": profile.name, "zone": profile.zone},
            "message": {
                "id": f"CGT{delivery:010}",
                "at": {"at": moment, "local": moment.removesuffix("Z"), "zone": "Z", "precision": "second"},
            },
        }


def _unsendable(
    adapter: Format, message: str, content: bytes, frames: Sequence[Mapping[str, Any]], faults: Iterable[Fault]
) -> list[Fault]:
    """What forbids sending: a fault that makes it unreadable, or a fact without what it is about."""
    faults = list(faults)
    if errors := [fault for fault in faults if fault.severity == "error"]:
        return errors
    touched = [fault for fault in faults if fault.place.rpartition(" ")[2] in NEVER_WITHOUT]
    if not touched:
        return []
    found = adapter.read(content, message).frames
    gone = {path for path in NEVER_WITHOUT if _stating(found, path) < _stating(frames, path)}
    return [fault for fault in touched if fault.place.rpartition(" ")[2] in gone]


def _stating(frames: Iterable[Mapping[str, Any]], path: str) -> int:
    """How many frames have a value at a path."""
    kind, _, field = path.partition(".")
    return sum(1 for frame in frames if frame["kind"] == kind and field in frame["set"])


def _record_of(state: Journey, event: Mapping[str, Any]) -> RecordState | None:
    return next((r for r in state.of(event["about"]["kind"]) if any(e["id"] == event["id"] for e in r.facts)), None)


def _patient(state: Journey) -> RecordState | None:
    ref = state.order.fields.get("patient")
    names = {i["value"] for i in ref["identifiers"]} if ref and "identifiers" in ref else set()
    return next((r for r in state.of("subject") if names & {i["value"] for i in r.identifiers}), None)


def _leaf_count(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_leaf_count(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return sum(_leaf_count(inner) for inner in value)
    return 1
