"""Assertions of one message become facts: named by the vault, sealed, held against the model. Writes no log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema_rs

from canonical_model.events import VERSION
from canonical_model.frames import set_schema
from canonical_model.ids import event_id, named_by_scan
from canonical_model.scans import is_scan, read_scan
from canonical_model.values import instant_text
from hub.conversion import HELD, RECORDED, Converted
from hub.crypto import Keyring
from hub.profiles import Profile
from hub.sealing import Sealer
from hub.store import Connection
from hub.vault import SUBJECT_SYSTEM, Vault
from mappings.faults import Fault

REPORTER_FILLS = {
    "container.created": "holder",
    "custody.transferred": "taker",
    "shipment.accepted": "taker",
}
"""Who is meant where a report names nobody: the reporter."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose message it is, how that partner was configured, and how one message is told from another."""

    partner: Profile
    configuration: str
    source: str
    same: str
    sequence: str
    now: datetime
    came: datetime | None = None
    """When a message came that is read again now."""


class Facts:
    """The facts of one message, in the order of its assertions."""

    def __init__(self, keys: Keyring, db: Connection, region: str, origin: Origin, converted: Converted) -> None:
        self._origin = origin
        self._recorded = instant_text(origin.now)
        self._names = _Names(keys, db, region, origin.partner, converted, instant_text(origin.came or origin.now))
        self._sealer = Sealer(keys, db, origin.partner.partner, origin.now.strftime("%Y-%m"))
        self._number = 0

    def of(self, assertion: Mapping[str, Any]) -> dict[str, Any]:
        """The next fact: an event of the log."""
        self._number += 1
        origin, partner = self._origin, self._origin.partner
        about = self._names.resolve(assertion["about"])
        frame = self._names.frame(assertion["frame"])
        values = self._sealer.seal(about["kind"], self._values(about, assertion))
        clear = sorted(assertion["clear"])
        stated = assertion["occurred"]["at"] if assertion["occurred"] else ""
        said = [values, clear, stated]
        return {
            "v": VERSION,
            "id": event_id(partner.partner, origin.source, origin.same, frame, assertion["type"], about, said),
            "type": assertion["type"],
            "about": about,
            "set": values,
            "clear": clear,
            "occurred": assertion["occurred"] or _today(origin.came or origin.now),
            "recorded": self._recorded,
            "reporter": {"partner": partner.partner, "role": partner.role},
            "source_id": origin.source,
            "ordinal": f"{assertion.get('sequence', origin.sequence).zfill(12)}/{self._number:06}",
            "frame": frame,
            "configuration": origin.configuration,
            "body": origin.same,
        }

    def pass_over(self, count: int) -> None:
        """Leaves the places of so many facts: those after them have the place that they have in the message."""
        self._number += count

    def _values(self, about: Mapping[str, Any], assertion: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = self._names.resolve(assertion["set"], about["kind"])
        if about["kind"] == "subject":
            values |= self._names.subject(assertion["frame"], assertion["type"])
        filled = REPORTER_FILLS.get(assertion["type"])
        if filled and filled not in values:
            values[filled] = self._origin.partner.party_ref
        return values


def said_by(facts: Facts, converted: Converted) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The facts of the parts that are recorded, and why others are held: a part is, when one fact of it misfits."""
    said: list[dict[str, Any]] = []
    wrong: list[Fault] = []
    for part in converted.parts:
        if part.fate != RECORDED:
            facts.pass_over(len(part.assertions))
            continue
        events = [facts.of(assertion) for assertion in part.assertions]
        part.faults += [fault for event in events for fault in misfits(event)]
        if any(fault.severity == "error" for fault in part.faults):
            part.fate = HELD
            wrong += [fault for fault in part.faults if fault.severity == "error"]
            continue
        said += events
    if wrong and converted.indivisible:
        for part in converted.parts:
            part.fate = HELD
        return [], wrong
    return said, wrong


def misfits(event: Mapping[str, Any]) -> list[Fault]:
    """Why an event does not fit the model: a fault of our tables or of a value that they let through."""
    kind = event["about"]["kind"]
    validator = _validator(kind)
    if validator.is_valid(event["set"]):
        return []
    return [
        Fault(
            "model-mismatch",
            f"{kind}.{'.'.join(str(step) for step in wrong.instance_path)}",
            "the value does not fit the canonical model; mend the table or the message and replay",
            severity="error",
        )
        for wrong in validator.iter_errors(event["set"])
    ]


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    """What says whether an event's values fit the model; compiled when the first event of the kind comes."""
    return jsonschema_rs.validator_for(set_schema(kind))  # type: ignore[return-value]


def _today(now: datetime) -> dict[str, Any]:
    """The time of a fact whose message states none: some time on the day of its receipt."""
    day = now.astimezone(UTC).strftime("%Y-%m-%d")
    return {"at": f"{day}T00:00:00Z", "local": day, "zone": "Z", "precision": "day", "assumed_zone": True}


class _Names:
    """Names for references to frames of a message: the vault's for subjects, the tables' for everything else."""

    def __init__(
        self, keys: Keyring, db: Connection, region: str, profile: Profile, converted: Converted, came: str
    ) -> None:
        self._keys, self._vault, self._profile = keys, Vault(keys, db, region), profile
        self._frames = {frame["key"]: frame for frame in converted.frames}
        self._came = came
        self._namespace = f"{profile.partner}/{converted.source_id}"
        self._identities = {f["parent"]: _told_of(f) for f in converted.frames if f["kind"] == "identity"}
        self._named: dict[str, list[dict[str, Any]]] = {}

    def resolve(self, value: Any, kind: str = "") -> Any:
        """A value with subjects named by their tokens, and scanned labels by what they name of a kind of record."""
        if isinstance(value, list):
            return [self.resolve(item, kind) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("kind") == "subject" and "frame" in value:
            return {"kind": "subject", "identifiers": self._subject(value["frame"])}
        if value.get("kind") == "subject" and isinstance(value.get("identifiers"), list):
            return {"kind": "subject", "identifiers": self._referred(value["identifiers"])}
        if isinstance(value.get("value"), str) and "system" in value and is_scan(value["value"]):
            return self._scanned(kind, value)
        if _BRANCHES.isdisjoint(map(type, value.values())):
            return value
        if "identifiers" in value and isinstance(value.get("kind"), str):
            kind = value["kind"]
        return {
            name: self.resolve(inner, "order" if name == "coi" else kind) if type(inner) in _BRANCHES else inner
            for name, inner in value.items()
        }

    def frame(self, key: str) -> str:
        """The key of a frame, as the log may have it: one that holds a scan goes by a token."""
        return self._keys.token("frame", key) if any(map(is_scan, key.split("~"))) else key

    def _scanned(self, kind: str, identifier: Mapping[str, Any]) -> dict[str, Any]:
        """What a scanned label names. A scan that names nothing of the kind goes by a token, so it is still one name.

        The raw scan may hold a patient's number or date of birth (ISBT 128 [024], [025]): it stays with its message.
        """
        text = identifier["value"]
        found = named_by_scan(kind, text) or next(iter(read_scan(text).identifiers), None)
        return dict(found) if found else {**identifier, "value": self._keys.token("scan", text)}

    def _subject(self, key: str) -> list[dict[str, Any]]:
        if key not in self._named:
            identity = self._identities.get(key, {})
            names = self._vault.names(identity.get("identifiers", []))
            if not names:  # nobody whom the vault could know again: a name for this message only
                token = self._keys.token("message-subject", self._namespace, key)
                names = [{"system": SUBJECT_SYSTEM, "value": token, "type": "subject"}]
            self._vault.keep(identity, names, self._profile.partner, self._came)
            self._named[key] = names
        return self._named[key]

    def _referred(self, identifiers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Names of a person who is referred to by numbers, and told of nowhere in the message."""
        known = [name for name in identifiers if name["system"] == SUBJECT_SYSTEM]
        told = [name for name in identifiers if name["system"] != SUBJECT_SYSTEM]
        sure = [name for name in told if name.get("type") == "resource"]  # an address names one person of its server
        names = [*known, *self._vault.names(told), *(_subject_name(self._vault.token(name)) for name in sure)]
        if told and not names:
            names = [_subject_name(self._keys.token("message-subject", self._namespace, told))]
        if told:
            self._vault.keep({"identifiers": told}, names, self._profile.partner, self._came)
        return names

    def subject(self, key: str, type_: str) -> dict[str, Any]:
        """What only the vault can add to a fact about a subject: that its identity changed, and who was retired."""
        identity = self._identities.get(key, {})
        added: dict[str, Any] = {}
        if identity:
            added["identity_digest"] = self._keys.token("identity", identity)
        born = str(identity.get("birth_date") or "")
        if _WHOLE_DATE.fullmatch(born):
            added["birth_digest"] = self._keys.token("birth", born)
        retired = self._vault.names(identity.get("retired_identifiers", []))
        if type_ == "subject.merged" and retired:
            added["retired"] = retired
        return added


def _subject_name(token: str) -> dict[str, Any]:
    return {"system": SUBJECT_SYSTEM, "value": token, "type": "subject"}


_BRANCHES = frozenset({dict, list})
_WHOLE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAMING = frozenset({"identifiers", "retired_identifiers"})


def _told_of(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What a frame tells the vault of a person: nothing (None) stands where the message empties a whole field."""
    emptied = {path: None for path in identity.get("clear", ()) if path.isidentifier() and path not in _NAMING}
    return {**emptied, **identity["set"]}
