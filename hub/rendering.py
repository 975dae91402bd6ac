"""Rendering: a fact as one partner is told it, in its own format. Sends nothing, keeps nothing.

Every frame goes through `visible`, and the output has an account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from canonical_model.journey import Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.rules import protocol_of
from canonical_model.stage import headline
from canonical_model.values import instant_text
from hub.access import sees_persons, visible
from hub.certificates.certificate import certificate
from hub.certificates.writing import written
from hub.conversion import Format
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.output_account import account, path_of
from hub.profiles import CERTIFICATES, Profile
from hub.sealing import drop_personal, unseal
from hub.store import Connection
from hub.vault import Vault
from mappings import send
from mappings.faults import Fault


class Unsendable(Exception):
    """A message that its receiver could not read, or that would tell a fact without what it is about.

    `cause` is the same for all messages that fail alike: it names no row of one of them.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(dict.fromkeys(f"{fault.code} at {fault.place}" for fault in faults)))
        self.cause = "; ".join(sorted({f"{fault.code} at {path_of(fault)}" for fault in faults}))


NEVER_WITHOUT = frozenset({"result.value"})
"""What a fact is about: where it has no place in the partner's format, a person sees to it instead."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fact that is to be told: its position, the message that tells it, and the message's own id."""

    position: int
    message: str
    id: str


class Renderer:
    """Renders facts for partners."""

    def __init__(
        self,
        keys: Keyring,
        adapters: Adapters,
        region: str,
        protocols: Mapping[str, Protocol] | None = None,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        """`protocols` say which stages an order has that it governs; without them it has all. `profiles` name partners
        in certificates."""
        self._keys, self._adapters, self._region = keys, adapters, region
        self._protocols, self._profiles = protocols or {}, profiles or {}

    def render(
        self, db: Connection, profile: Profile, state: Journey, told: Told, now: datetime
    ) -> tuple[bytes, dict[str, Any]] | None:
        """The bytes and their account; None where the partner may see nothing of it. Raises Unsendable."""
        row = db.one("events_at", f"[{told.position}]")
        if row is None or row[1] is None:  # erased
            return None
        if told.message in CERTIFICATES:
            return self._certificate(profile, state, told, now)
        event = orjson.loads(row[1])
        adapter = self._adapters.of(profile, told.message.partition("/")[0])
        due = send.frames(
            adapter.map(told.message), event["type"], self._sources(db, profile, state, event, told.id, now)
        )
        frames = [shown for frame in due if (shown := visible(profile, frame)[0]) is not None]
        if not any(frame["kind"] != "message" and frame["set"] for frame in frames):
            return None
        content, faults = adapter.write(told.message, frames)
        if wrong := _unsendable(adapter, told.message, content, frames, faults):
            raise Unsendable(wrong)
        return content, account(due, frames, faults)

    def _certificate(
        self, profile: Profile, state: Journey, told: Told, now: datetime
    ) -> tuple[bytes, dict[str, Any]] | None:
        """The certificate of analysis as it stands, for a partner that may see results."""
        names = {name: known.name for name, known in self._profiles.items()}
        found = certificate(state, protocol_of(state, self._protocols), profile, names, now)
        if found is None:
            return None
        frames = [{"kind": "certificate", "set": found.model_dump(mode="json", exclude_none=True)}]
        return written(found, told.message), account(frames, frames, ())

    def _sources(
        self, db: Connection, profile: Profile, state: Journey, event: Mapping[str, Any], id_: str, now: datetime
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
            "event": shown({**event["set"], "occurred": event["occurred"]}),
            "about": shown({**(about.fields if about else {}), "identifiers": list(event["about"]["identifiers"])}),
            "order": shown({**order.fields, "identifiers": order.identifiers}),
            "patient": shown({**patient.fields, "identifiers": patient.identifiers}) if patient else {},
            "identity": identity,
            "journey": {"stage": headline(state, protocol_of(state, self._protocols))[0]},
            "partner": {**profile.receives_as, "name": profile.name, "zone": profile.zone},
            "message": {
                "id": id_,
                "type": event["type"],
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
    touched = [fault for fault in faults if path_of(fault) in NEVER_WITHOUT]
    if not touched:
        return []
    found = adapter.read(content, message).frames
    gone = {path for path in NEVER_WITHOUT if _stating(found, path) < _stating(frames, path)}
    return [fault for fault in touched if path_of(fault) in gone]


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
