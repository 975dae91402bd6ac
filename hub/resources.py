"""Records as FHIR resources: found, rendered for one partner, compared with what it was shown. Only reads.

A partner reads the records of the orders in which it takes part, and what it told itself of any other record, each
through `visible`. Everything here runs on the committer's thread: it knows the orders, and its connections are its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from adapters import json_text
from adapters.fhir_r4.references import KINDS, TYPES
from canonical_model.ids import name_key
from hub.access import sees_kind, sees_persons, takes_part, visible
from hub.committer import Answer, Committer
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.links import Links
from hub.profiles import Profile
from hub.projector import record_of
from hub.sealing import drop_personal, unseal
from hub.store import Connection, ReadModel
from hub.vault import SUBJECT_SYSTEM, Vault

SERVED = ("Patient", "ServiceRequest", "Observation")
RESOURCE_SYSTEM = "urn:cgt:resource"
REFERENCES = {"patient": "patient", "subject": "patient", "based-on": "order"}
"""Search parameter -> the field of a record that it asks for."""
PERSON = "family$birthdate"
"""Family name and birth date, which are looked for together: `Doe$1970-02-03`."""


@dataclass(frozen=True, slots=True)
class Found:
    """One version of a record in the read model, as far as the partner who asks may read it."""

    kind: str
    id: str
    version: int
    position: int
    body: dict[str, Any]


class Resolver:
    """What `Patient/1` on this server is, and where a record can be read (adapters.fhir_r4.references.Resolver)."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model.reader()

    def record(self, reference: str) -> dict[str, Any] | None:
        """`{kind, identifiers}` of a resource of this server, or None."""
        type_, _, record_id = reference.partition("/_history/")[0].partition("/")
        kind = KINDS.get(type_)
        row = self._model.one("last_record", kind, record_id) if kind else None
        if row is None:
            return None
        return {"kind": kind, "identifiers": orjson.loads(row[2])["identifiers"]}

    def reference(self, record: Mapping[str, Any]) -> str | None:
        """`Patient/1` for `{kind, identifiers}`, or None: also where this server does not serve the type."""
        type_ = TYPES.get(record["kind"])
        if type_ not in SERVED:
            return None
        record_id = self.id_of(record["kind"], record["identifiers"])
        return f"{type_}/{record_id}" if record_id else None

    def id_of(self, kind: str, identifiers: Sequence[Mapping[str, Any]]) -> str:
        """The id of the record with one of these names, or an empty text."""
        for identifier in identifiers:
            _, system, value = name_key(kind, identifier)
            row = self._model.one("find_record", kind, value, system)
            if row is not None:
                return str(row[0])
        return ""


class Resources:
    """FHIR resources of one hub."""

    def __init__(self, keys: Keyring, model: ReadModel, adapters: Adapters, region: str, resolver: Resolver) -> None:
        self._keys, self._model, self._adapters, self._region = keys, model.reader(), adapters, region
        self._resolver = resolver

    # ---- finding ----------------------------------------------------------------------------------------------

    def get(
        self, committer: Committer, profile: Profile, type_: str, record_id: str, version: int | None = None
    ) -> Found | None:
        """What this partner may read of a record, at its last or a named version, or None."""
        kind = KINDS[type_]
        if version is None:
            row = self._model.one("last_record", kind, record_id)
        else:
            row = self._model.one("record_version", kind, record_id, version) if 0 < version < 2**63 else None
        if row is None or not sees_kind(profile, kind):
            return None
        return self._as_seen(committer, profile, Found(kind, record_id, row[0], row[1], orjson.loads(row[2])))

    def _as_seen(self, committer: Committer, profile: Profile, found: Found) -> Found | None:
        """All of a record for those who take part in an order of it; for others what they told of it themselves."""
        db = committer.connection
        journeys = self._model.all("journeys_of_record", found.kind, found.id)
        if any(takes_part(profile, committer.state(db, row[0])) for row in journeys):
            return found
        reporters = found.body["reporters"]
        if profile.partner not in reporters or reporters == [profile.partner]:
            return found if profile.partner in reporters else None
        links = Links(db)
        members = links.members(name_key(found.kind, identifier) for identifier in found.body["identifiers"])
        own, _ = record_of(db, links, found.kind, members, profile.partner)
        if own is None:
            return None
        body = {**found.body, "identifiers": own.identifiers, "state": own.state, "fields": own.fields}
        return replace(found, body=body)

    def made(self, committer: Committer, profile: Profile, type_: str, answer: Answer) -> Found | None:
        """The record that a message of this partner was about: the first of its type."""
        kind = KINDS[type_]
        named = [names for about, names in self._told(committer, answer) if about == kind]
        record_id = self._resolver.id_of(kind, named[0]) if named else ""
        return self.get(committer, profile, type_, record_id) if record_id else None

    @staticmethod
    def _told(committer: Committer, answer: Answer) -> list[tuple[str, list[dict[str, Any]]]]:
        """What a message was about; for one that was received before, what its first receipt recorded."""
        if answer.records:
            return answer.records
        events = [orjson.loads(text) for _, text in committer.connection.all("events_of_inbox", answer.inbox)]
        return [(event["about"]["kind"], event["about"]["identifiers"]) for event in events]

    def search(
        self, committer: Committer, profile: Profile, type_: str, query: Sequence[tuple[str, str]]
    ) -> list[Found]:
        """Records that fit all parameters and that this partner may read, in the order of their ids."""
        ids: set[str] | None = None
        for name, value in query:
            fitting = self._fitting(committer, profile, KINDS[type_], name, value)
            ids = fitting if ids is None else ids & fitting
        found = (self.get(committer, profile, type_, record_id) for record_id in sorted(ids or ()))
        return [record for record in found if record is not None]

    def _fitting(self, committer: Committer, profile: Profile, kind: str, name: str, value: str) -> set[str]:
        """Ids of records that fit one parameter; of several values after commas one has to fit."""
        if name == PERSON:
            return self._by_person(committer, profile, *value.split("$", 1))
        texts = value.split(",")
        if name == "_id":
            return set(texts)
        if name == "identifier":
            return {found for token in texts for found in self._named(profile, kind, token)}
        return {found for text in texts for found in self._referring(kind, name, text)}

    def _named(self, profile: Profile, kind: str, token: str) -> set[str]:
        """Ids of the records that `[system|]value` names; a patient's number is looked for by its token."""
        system, bar, value = token.rpartition("|")
        if kind == "subject":
            number = {"system": system if bar else profile.system, "value": value}
            names = [self._keys_token(number)] if number["system"] else []
            return {row[0] for n in names for row in self._model.all("find_record", kind, n, SUBJECT_SYSTEM)}
        if bar and system:
            _, normal, plain = name_key(kind, {"system": system, "value": value})
            return {row[0] for row in self._model.all("find_record", kind, plain, normal)}
        return {row[0] for row in self._model.all("find_record_value", kind, value)}

    def _keys_token(self, number: Mapping[str, str]) -> str:
        return Vault(self._keys, self._model, self._region).token(number)

    def _referring(self, kind: str, name: str, reference: str) -> set[str]:
        """Records whose field refers to another record, `Patient/1` or `1`."""
        field = REFERENCES[name]
        target = "order" if field == "order" else "subject"
        type_, _, wanted = reference.rpartition("/")
        if type_ and type_.rpartition("/")[2] != TYPES[target]:
            return set()
        journeys = [row[0] for row in self._model.all("journeys_of_record", target, wanted)]
        beside = {
            i for journey in journeys for other, i in self._model.all("records_of_journey", journey) if other == kind
        }
        return {record_id for record_id in beside if self._refers(kind, record_id, field, target, wanted)}

    def _refers(self, kind: str, record_id: str, field: str, target: str, wanted: str) -> bool:
        """True when the record itself names the other one: one order is not enough, bags get mixed up."""
        row = self._model.one("last_record", kind, record_id)
        value = orjson.loads(row[2])["fields"].get(field) if row else None
        return any(
            self._resolver.id_of(target, ref["identifiers"]) == wanted
            for ref in (value if isinstance(value, list) else [value])
            if isinstance(ref, dict) and ref.get("identifiers")
        )

    def _by_person(self, committer: Committer, profile: Profile, family: str, born: str = "") -> set[str]:
        """Own patients by exact family name and birth date together."""
        tokens = Vault(self._keys, committer.connection, self._region).find(profile.partner, family, born)
        return {row[0] for t in tokens for row in self._model.all("find_record", "subject", t, SUBJECT_SYSTEM)}

    # ---- rendering --------------------------------------------------------------------------------------------

    def render(self, committer: Committer, profile: Profile, found: Found, now: str) -> dict[str, Any] | None:
        """The resource as this partner sees it, or None where it sees nothing of it."""
        frames = self.frames(committer, profile, found, now)
        if not frames:
            return None
        adapter = self._adapters.of(profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        resource, _ = adapter.frames_to_resource(TYPES[found.kind], frames, None, self._resolver)
        resource["id"] = found.id
        resource["meta"] = {"versionId": str(found.version), "lastUpdated": found.body["updated"]}
        return resource  # type: ignore[no-any-return]

    def frames(self, committer: Committer, profile: Profile, found: Found, now: str) -> list[dict[str, Any]]:
        """The frames of a record that this partner may see; the first is the record's own."""
        db = committer.connection
        person = sees_persons(profile, self._region)
        values = {**found.body["fields"]}
        values = unseal(self._keys, db, values) if person else drop_personal(values)
        for name in ("identity_digest", "birth_digest", "retired"):
            values.pop(name, None)
        frames: list[dict[str, Any]] = [{"kind": found.kind, "key": found.kind, "set": values}]
        if found.kind == "subject":
            if person:
                tokens = [identifier["value"] for identifier in found.body["identifiers"]]
                identity = Vault(self._keys, db, self._region).look(tokens, profile.partner, profile.partner, now)
                frames.append({"kind": "identity", "key": "subject/identity", "parent": "subject", "set": identity})
        else:
            values["identifiers"] = [i for i in found.body["identifiers"] if i["system"] != RESOURCE_SYSTEM]
        shown = [frame for original in frames if (frame := visible(profile, original)[0]) is not None]
        return shown if shown and shown[0]["kind"] == found.kind else []

    # ---- what a partner was shown -----------------------------------------------------------------------------

    def remember(
        self, db: Connection, profile: Profile, shown: Sequence[tuple[Found, Mapping[str, Any]]], period: str
    ) -> None:
        """Keeps, in the caller's transaction, what a partner was shown of each record: the base of its next update."""
        for found, resource in shown:
            row = db.one("get_shown", profile.partner, found.kind, found.id)
            if row is not None and row[0] == found.version:
                continue
            sealed = self._keys.seal(f"body/{profile.partner}/{period}", json_text.dumps(resource))
            body = db.add("add_body", profile.partner, period, "shown", sealed)
            db.run("put_shown", profile.partner, found.kind, found.id, found.version, body)
            if row is not None:
                db.run("drop_body", row[1])

    def shown(self, db: Connection, profile: Profile, kind: str, record_id: str, version: int) -> dict[str, Any] | None:
        """What the partner was shown of a record at a version, or None."""
        row = db.one("get_shown", profile.partner, kind, record_id)
        if row is None or row[0] != version or row[1] is None:
            return None
        kept = db.one("get_body", row[1])
        if kept is None:
            return None
        return json_text.loads(self._keys.open(f"body/{kept[0]}/{kept[1]}", kept[3]))  # type: ignore[no-any-return]
