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
from adapters.fhir_r4.pieces import KINDS_OF, TYPES
from canonical_model.ids import name_key
from canonical_model.journey import Journey
from hub import own_issues
from hub.access import sees_kind, sees_persons, takes_part, visible
from hub.committer import Answer, Committer
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.links import Links
from hub.profiles import Profile
from hub.projector import record_of
from hub.remembering import LogReader
from hub.sealing import drop_personal, unseal
from hub.search_parameters import Referring, references
from hub.store import Connection, ReadModel
from hub.vault import SUBJECT_SYSTEM, Vault

SERVED = (
    "Patient",
    "ServiceRequest",
    "Observation",
    "Appointment",
    "BiologicallyDerivedProduct",
    "DetectedIssue",
    "DocumentReference",
    "MedicationAdministration",
    "Procedure",
    "Specimen",
    "Task",
)
RESOURCE_SYSTEM = "urn:cgt:resource"
SHOWN: Mapping[str, tuple[str, ...]] = {
    type_: tuple(kind for kind in kinds if TYPES[kind] == type_) for type_, kinds in KINDS_OF.items()
}
"""Resource type -> the kinds of record that are shown as such a resource."""
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
        for kind in SHOWN.get(type_, ()):
            row = self._model.one("last_record", kind, record_id)
            if row is not None:
                return {"kind": kind, "identifiers": orjson.loads(row[2])["identifiers"]}
        return None

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
        """What this partner may read of a resource, at its last or a named version, or None."""
        found = (self.record(committer, profile, kind, record_id, version) for kind in SHOWN[type_])
        return next((one for one in found if one is not None), None)

    def record(
        self, committer: Committer, profile: Profile, kind: str, record_id: str, version: int | None = None
    ) -> Found | None:
        """The same of a record."""
        if kind == own_issues.KIND and (own := self._own_issue(committer, profile, record_id)) is not None:
            return own if version in {None, own.version} else None
        if version is None:
            row = self._model.one("last_record", kind, record_id)
        else:
            row = self._model.one("record_version", kind, record_id, version) if 0 < version < 2**63 else None
        if row is None or not sees_kind(profile, kind):
            return None
        return self._as_seen(committer, profile, Found(kind, record_id, row[0], row[1], orjson.loads(row[2])))

    def _own_issue(self, committer: Committer, profile: Profile, issue: str) -> Found | None:
        """An Issue of the hub itself, by its id or by that of what partners said of it; what they said lies over it."""
        row = self._model.one("last_record", own_issues.KIND, issue)
        told = orjson.loads(row[2])["identifiers"] if row else [own_issues.name_of(issue)]
        issue = next((name["value"] for name in told if name["system"] == own_issues.SYSTEM), "")
        for journey in sorted(own_issues.journeys_of(committer, issue)) if issue else ():
            state = committer.orders.state(committer.connection, journey)
            for one in committer.connection.all("issues_of", journey) if takes_part(profile, state) else ():
                if one[0] == issue and own_issues.may_see(profile, one, state):
                    body, version = own_issues.body_of(one, state), own_issues.version_of(one)
                    said = self._model.one("last_record", own_issues.KIND, self._said_of(issue))
                    if said is not None:
                        body["fields"] |= orjson.loads(said[2])["fields"]
                        version += said[0]
                    return Found(own_issues.KIND, issue, version, 0, body)
        return None

    def _said_of(self, issue: str) -> str:
        """The id of the record that holds what partners said of an Issue of the hub."""
        return self._resolver.id_of(own_issues.KIND, [own_issues.name_of(issue)])

    def _as_seen(self, committer: Committer, profile: Profile, found: Found) -> Found | None:
        """All of a record for those who take part in an order of it; for others what they told of it themselves."""
        db = committer.connection
        journeys = self._model.all("journeys_of_record", found.kind, found.id)
        if any(takes_part(profile, committer.orders.state(db, row[0])) for row in journeys):
            return found
        reporters = found.body["reporters"]
        if profile.partner not in reporters or reporters == [profile.partner]:
            return found if profile.partner in reporters else None
        links = Links(db)
        names = [name_key(found.kind, identifier) for identifier in found.body["identifiers"]]
        own, _ = record_of(LogReader(db), links, found.kind, names, profile.partner)
        if own is None:
            return None
        body = {**found.body, "identifiers": own.identifiers, "state": own.state, "fields": own.fields}
        return replace(found, body=body)

    def made(self, committer: Committer, profile: Profile, type_: str, answer: Answer) -> Found | None:
        """The record that a message of this partner was about: the first of its type."""
        kinds = KINDS_OF[type_]
        named = [(kind, names) for kind, names in self._told(committer, answer) if kind in kinds]
        return self.named(committer, profile, *named[0]) if named else None

    def named(
        self, committer: Committer, profile: Profile, kind: str, names: Sequence[Mapping[str, Any]]
    ) -> Found | None:
        """What this partner may read of the record with one of these names, or None."""
        own = {name["value"] for name in names if kind == own_issues.KIND and name["system"] == own_issues.SYSTEM}
        record_id = min(own) if own else self._resolver.id_of(kind, names)
        return self.record(committer, profile, kind, record_id) if record_id else None

    @staticmethod
    def _told(committer: Committer, answer: Answer) -> list[tuple[str, list[dict[str, Any]]]]:
        """What a message was about; for one that was received before, what its first receipt recorded."""
        if answer.records:
            return answer.records
        events = [orjson.loads(text) for _, text in committer.connection.all("events_of_inbox", answer.inbox)]
        return [(event["about"]["kind"], event["about"]["identifiers"]) for event in events]

    def said_of(self, committer: Committer, found: Found) -> list[dict[str, Any]]:
        """The live facts about a record, of every reporter."""
        names = [name_key(found.kind, identifier) for identifier in found.body["identifiers"]]
        record, _ = record_of(LogReader(committer.connection), Links(committer.connection), found.kind, names)
        return record.facts if record is not None else []

    def journeys(self, committer: Committer, found: Found) -> list[Journey]:
        """The orders that a record touches."""
        rows = self._model.all("journeys_of_record", found.kind, found.id)
        return [committer.orders.state(committer.connection, row[0]) for row in rows]

    def settled(self, committer: Committer, value: Any, frames: Sequence[Mapping[str, Any]]) -> Any:
        """A value with each reference as the record that it leads to: a person is one by number and by resource."""
        if isinstance(value, list):
            return [self.settled(committer, item, frames) for item in value]
        if not isinstance(value, Mapping):
            return value
        if value.keys() == {"frame"}:
            told: Mapping[str, Any] = next((f["set"] for f in frames if f.get("parent") == value["frame"]), {})
            value = {"kind": "subject", "identifiers": told.get("identifiers", [])}
        if not isinstance(value.get("kind"), str) or not isinstance(value.get("identifiers"), list):
            return {name: self.settled(committer, inner, frames) for name, inner in value.items()}
        kind, names = value["kind"], value["identifiers"]
        if kind == "subject":
            vault = Vault(self._keys, committer.connection, self._region)
            tokens = [n["value"] if n["system"] == SUBJECT_SYSTEM else vault.token(n) for n in names]
            names = [{"system": SUBJECT_SYSTEM, "value": token} for token in tokens]
        found = self._resolver.id_of(kind, names)
        return f"{kind}/{found}" if found else {"kind": kind, "identifiers": names}

    def search(
        self, committer: Committer, profile: Profile, type_: str, query: Sequence[tuple[str, str]]
    ) -> list[Found]:
        """Records that fit all parameters and that this partner may read, in the order of their ids."""
        fitting = {
            (record_id, kind) for kind in SHOWN[type_] for record_id in self._ids(committer, profile, kind, query)
        }
        found = (self.record(committer, profile, kind, record_id) for record_id, kind in sorted(fitting))
        return [*{record.id: record for record in found if record is not None}.values()]

    def _ids(self, committer: Committer, profile: Profile, kind: str, query: Sequence[tuple[str, str]]) -> set[str]:
        """Ids of the records of a kind that fit all parameters."""
        ids: set[str] | None = None
        for name, value in query:
            fitting = self._fitting(committer, profile, kind, name, value)
            ids = fitting if ids is None else ids & fitting
        return ids or set()

    def _fitting(self, committer: Committer, profile: Profile, kind: str, name: str, value: str) -> set[str]:
        """Ids of records that fit one parameter; of several values after commas one has to fit."""
        if name == PERSON:
            return self._by_person(committer, profile, *value.split("$", 1))
        texts = value.split(",")
        if name == "_id":
            return set(texts)
        if name == "identifier":
            return {found for token in texts for found in self._named(committer, profile, kind, token)}
        asked = references(kind).get(name)
        return {found for text in texts for found in self._referring(committer, kind, asked, text)} if asked else set()

    def _named(self, committer: Committer, profile: Profile, kind: str, token: str) -> set[str]:
        """Ids of the records that `[system|]value` names; a patient's number is looked for by its token.

        Who was forgotten is found by no number until a partner tells of the person again.
        """
        system, bar, value = token.rpartition("|")
        if kind == "subject":
            number = {"system": system if bar else profile.system, "value": value}
            vault = Vault(self._keys, committer.connection, self._region)
            names = [vault.token(number)] if number["system"] and not vault.is_forgotten(number) else []
            return {row[0] for n in names for row in self._model.all("find_record", kind, n, SUBJECT_SYSTEM)}
        if kind == own_issues.KIND and system in {"", own_issues.SYSTEM} and own_issues.journeys_of(committer, value):
            return {value}
        if bar and system:
            _, normal, plain = name_key(kind, {"system": system, "value": value})
            return {row[0] for row in self._model.all("find_record", kind, plain, normal)}
        return {row[0] for row in self._model.all("find_record_value", kind, value)}

    def _referring(self, committer: Committer, kind: str, asked: Referring, reference: str) -> set[str]:
        """Records whose field refers to another record, `Patient/1` or `1`."""
        type_, _, wanted = reference.rpartition("/")
        targets = [target for target in asked.kinds if not type_ or type_.rpartition("/")[2] == TYPES.get(target)]
        return {found for target in targets for found in self._beside(committer, kind, asked.field, target, wanted)}

    def _beside(self, committer: Committer, kind: str, field: str, target: str, wanted: str) -> set[str]:
        journeys = [row[0] for row in self._model.all("journeys_of_record", target, wanted)]
        if kind == own_issues.KIND:
            own = {row[0] for journey in journeys for row in committer.connection.all("issues_of", journey)}
        else:
            own = set()
        beside = {
            i for journey in journeys for other, i in self._model.all("records_of_journey", journey) if other == kind
        }
        return own | {record_id for record_id in beside if self._refers(kind, record_id, field, target, wanted)}

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
        if person:
            values = self._with_numbers(db, profile, values, now)
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

    def _with_numbers(self, db: Connection, profile: Profile, values: dict[str, Any], now: str) -> dict[str, Any]:
        """References to persons of whom there is no resource, by the numbers that this partner told."""
        out = dict(values)
        for field, value in values.items():
            if not isinstance(value, dict) or value.get("kind") != "subject" or not value.get("identifiers"):
                continue
            if not self._resolver.id_of("subject", value["identifiers"]):
                tokens = [name["value"] for name in value["identifiers"]]
                told = Vault(self._keys, db, self._region).look(tokens, profile.partner, profile.partner, now)
                out[field] = {**value, "identifiers": told.get("identifiers") or value["identifiers"]}
        return out

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
