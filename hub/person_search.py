"""A person is searched for by the token of a number of theirs; who searched stands in the audit, the number nowhere."""

from __future__ import annotations

from hub.crypto import Keyring
from hub.store import Connection
from hub.vault import Vault


class NoNumber(Exception):
    """A patient's number is asked for as system|value."""


def token_of(db: Connection, keys: Keyring, region: str, number: str, actor: str, at: str) -> str:
    """The token of `system|value`, audited in a transaction of its own. Raises NoNumber."""
    system, _, value = number.rpartition("|")
    if not system.strip() or not value.strip():
        raise NoNumber("a patient's number is asked for as system|value")
    token = Vault(keys, db, region).token({"system": system, "value": value})
    with db.transaction():
        db.run("add_audit", at, actor, "person.search", token, "{}")
    return token
