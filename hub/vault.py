"""The vault: who the subjects are. Names, dates of birth and medical record numbers live here and nowhere else.

A subject's names in the log are tokens, keyed hashes of (system, number): the same in every message, so facts about one
person meet without the log knowing the person. Each subject's rows are encrypted with a key of its own, wrapped by
the region's; forgetting deletes the key. Every look is audited.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from canonical_model import BASE
from canonical_model.identifiers import UNASSIGNED
from canonical_model.ids import canonical_json, content_id, normal_system
from hub.crypto import NONCE, Keyring
from hub.store import Connection

SUBJECT_SYSTEM = f"{BASE}/id/subject"
NAMING_TYPES = frozenset({"mrn", "patient-internal", "donor", "national", "partner-enterprise", None})
"""Identifier types that name a person for sure within their system; account, visit and insurance numbers do not."""
FORGOTTEN = "forgotten/"
"""Begins the name of a setting: the token of a person who was forgotten, with the time."""


class Vault:
    """Persons of one region, in one transaction."""

    def __init__(self, keys: Keyring, connection: Connection, region: str) -> None:
        self._keys, self._connection, self._region = keys, connection, region

    def names(self, identifiers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Subject names (tokens) for a person's identifiers; those that name nobody for sure give none."""
        return [
            {"system": SUBJECT_SYSTEM, "value": self.token(i), "type": "subject"}
            for i in identifiers
            if i.get("type") in NAMING_TYPES and i["system"] != UNASSIGNED
        ]

    def token(self, identifier: Mapping[str, Any]) -> str:
        """The token of one (system, number)."""
        return self._keys.token("subject", normal_system(identifier["system"]), identifier["value"].strip())

    def keep(self, identity: Mapping[str, Any], names: Sequence[Mapping[str, Any]], partner: str, at: str) -> None:
        """Stores what a message that came then says of a person, once per content, and indexes it blindly."""
        if not names or not identity:
            return
        main = str(names[0]["value"])
        key = self._key(main)
        nonce = os.urandom(NONCE)
        body = canonical_json(dict(identity))
        sealed = nonce + AESGCM(key).encrypt(nonce, body, main.encode())
        self._connection.later("add_identity", main, partner, content_id(dict(identity)), at, sealed)
        for name in names:
            self._connection.later("add_blind", f"id:{name['value']}", main)
        for entry in self._entries(identity, partner):
            self._connection.later("add_blind", entry, main)

    def _key(self, token: str) -> bytes:
        waiting = [row[2:] for row in self._connection.waiting("add_person") if row[0] == token]
        for (wrapped,) in waiting or self._connection.peek("find_person", token):
            return self._keys.open(f"person/{token}", wrapped)
        key = os.urandom(32)
        self._connection.later("add_person", token, self._region, self._keys.seal(f"person/{token}", key))
        return key

    def _entries(self, identity: Mapping[str, Any], partner: str) -> list[str]:
        """Blind entries for exact family name and birth date together, the partner's own patients only."""
        born = identity.get("birth_date")
        families = {name.get("family", "").casefold() for name in identity.get("names") or ()} - {""}
        return [self._keys.token("family-birth", partner, family, born) for family in families] if born else []

    def find(self, partner: str, family: str, birth_date: str) -> list[str]:
        """Subject tokens of the partner's own patients with this exact family name and birth date."""
        entry = self._keys.token("family-birth", partner, family.casefold(), birth_date)
        return [row[0] for row in self._connection.all("find_blind", entry)]

    def knows(self, identifiers: Sequence[Mapping[str, Any]]) -> bool:
        """True when one of these identifiers belongs to a person whom the vault has."""
        entries = {f"id:{name['value']}" for name in self.names(identifiers)}
        if any(row[0] in entries for row in self._connection.waiting("add_blind")):
            return True
        return any(self._connection.peek("find_blind", entry) for entry in entries)

    def look(self, tokens: Sequence[str], partner: str, actor: str, at: str) -> dict[str, Any]:
        """What `partner` itself has told of the person with these tokens, later fields over earlier ones; audited."""
        identity: dict[str, Any] = {}
        owners = {row[0] for token in tokens for row in self._connection.all("find_blind", f"id:{token}")}
        for owner in sorted(owners):
            row = self._connection.one("find_person", owner)
            if row is None:
                continue
            key = self._keys.open(f"person/{owner}", row[0])
            for teller, _, sealed in self._connection.all("identities", owner):
                if teller == partner:
                    identity.update(json.loads(AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], owner.encode())))
        if identity:
            self._connection.run("add_audit", at, actor, "vault.look", ",".join(sorted(owners)), "{}")
        return {name: value for name, value in identity.items() if value is not None}

    def is_forgotten(self, identifier: Mapping[str, Any]) -> bool:
        """True for the number of a person who was forgotten and whom nobody has told of since."""
        token = self.token(identifier)
        marked = self._connection.one("get_setting", f"{FORGOTTEN}{token}") is not None
        return marked and self._connection.one("find_blind", f"id:{token}") is None

    def forget(self, token: str, at: str) -> int:
        """Deletes a person's key and rows; nothing in the log changes. The number of persons forgotten."""
        for (entry,) in self._connection.all("blind_of", token):
            self._connection.run("put_setting", f"{FORGOTTEN}{entry.removeprefix('id:')}", at)
        return self._connection.run("forget_person", token)
