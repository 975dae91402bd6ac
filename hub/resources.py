"""Records as FHIR resources: found, rendered for one partner, compared with what it was shown. Reads the read model only.

A partner reads records that it told of itself, and those of the orders in which it takes part, each through `visible`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adapters import json_text
from adapters.fhir_r4.references import KINDS, TYPES
from canonical_model.ids import name_key
from hub.access import sees_persons, visible
from hub.committer import Committer, takes_part
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.profiles import Profile
from hub.sealing import drop_personal, unseal
from hub.store import Connection, ReadModel
from hub.vault import SUBJECT_SYSTEM, Vault

SERVED = ("Patient", "ServiceRequest", "Observation")
RESOURCE_SYSTEM = "urn:cgt:resource"


@dataclass(frozen=True, slots=True)
class Found:
    """One version of a record in the read model."""

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
        """`Patient/1` for `{kind, identifiers}`, or None."""
        type_ = TYPES.get(record["kind"])
        for identifier in record["identifiers"]:
            _, system, value = name_key(record["kind"], identifier)
            row = self._model.one("find_record", record["kind"], value, system)
            if row is not None and type_ is not None:
                return f"{type_}/{row[0]}"
        return None


class Resources:
    """FHIR resources of one hub. Runs on the committer's thread, which knows the orders."""

    def __init__(self, keys: Keyring, model: ReadModel, adapters: Adapters, region: str, resolver: Resolver) -> None:
        self._keys, self._model, self._adapters, self._region = keys, model.reader(), adapters, region
        self._resolver = resolver

    # ---- finding ----------------------------------------------------------------------------------------------

    def get(self, committer: Committer, profile: Profile, type_: str, record_id: str, version: int = 0) -> Found | None:
        """A record that this partner may read, at a version (0: the last), or None."""
        kind = KINDS[type_]
        row = (
            self._model.one("record_version", kind, record_id, version)
            if version
            else self._model.one("last_record", kind, record_id)
        )
        if row is None:
            return None
        found = Found(kind, record_id, row[0], row[1], orjson.loads(row[2]))
        return found if self._may_read(committer, profile, found) else None

    def search(self, committer: Committer, profile: Profile, type_: str, query: Mapping[str, str]) -> list[Found]:
        """Records that fit all parameters and that this partner may read, in the order of their ids."""
        ids: set[str] | None = None
        for name, value in query.items():
            fitting = self._fitting(committer, profile, type_, name, value)
            ids = fitting if ids is None else ids & fitting
        found = (self.get(committer, profile, type_, record_id) for record_id in sorted(ids or ()))
        return [record for record in found if record is not None]

    def _fitting(self, committer: Committer, profile: Profile, type_: str, name: str, value: str) -> set[str]:
        if name == "_id":
            return set(value.split(","))
        if name == "identifier":
            return {i for token in value.split(",") for i in self._named(profile, KINDS[type_], token)}
        if name in {"patient", "subject", "based-on"}:
            kind = "order" if name == "based-on" else "subject"
            return self._beside(kind, value.rpartition("/")[2], KINDS[type_])
        if name in {"family", "birthdate"}:
            return self._by_person(committer, profile, value)
        return set()

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

    def _beside(self, kind: str, record_id: str, wanted: str) -> set[str]:
        """Records of a kind in the orders of another record."""
        journeys = [row[0] for row in self._model.all("journeys_of_record", kind, record_id)]
        return {
            found
            for journey in journeys
            for other, found in self._model.all("records_of_journey", journey)
            if other == wanted
        }

    def _by_person(self, committer: Committer, profile: Profile, value: str) -> set[str]:
        """Own patients by exact family name and birth date together (`family$birthdate`)."""
        family, _, born = value.partition("$")
        tokens = Vault(self._keys, committer.connection, self._region).find(profile.partner, family, born)
        return {row[0] for t in tokens for row in self._model.all("find_record", "subject", t, SUBJECT_SYSTEM)}

    def _may_read(self, committer: Committer, profile: Profile, found: Found) -> bool:
        if profile.partner in found.body["reporters"]:
            return True
        journeys = self._model.all("journeys_of_record", found.kind, found.id)
        return any(takes_part(profile, committer.state(committer.connection, row[0])) for row in journeys)

    def id_of(self, kind: str, identifiers: Sequence[Mapping[str, Any]]) -> str:
        """The id of the record with these names, or an empty text."""
        reference = self._resolver.reference({"kind": kind, "identifiers": identifiers}) or ""
        return reference.rpartition("/")[2]

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
        for name in ("identity_digest", "retired"):
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

    def remember(self, db: Connection, profile: Profile, found: Found, resource: Mapping[str, Any], period: str) -> None:
        """Keeps what a partner was shown last of a record: the base of its next update."""
        sealed = self._keys.seal(f"body/{profile.partner}/{period}", json_text.dumps(resource))
        with db.transaction():
            body = db.add("add_body", profile.partner, period, "shown", sealed)
            db.run("put_shown", profile.partner, found.kind, found.id, found.version, body)

    def shown(self, db: Connection, profile: Profile, kind: str, record_id: str, version: int) -> dict[str, Any] | None:
        """What the partner was shown of a record at a version, or None."""
        row = db.one("get_shown", profile.partner, kind, record_id)
        if row is None or row[0] != version or row[1] is None:
            return None
        kept = db.one("get_body", row[1])
        if kept is None:
            return None
        return json_text.loads(self._keys.open(f"body/{kept[0]}/{kept[1]}", kept[3]))  # type: ignore[no-any-return]


