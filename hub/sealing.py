"""Takes persons and free text out of what enters the log, and puts them back for those who may see them.

The model marks personal fields (`x-personal`). A person becomes an `Actor`, everything else a `Sealed` token; both are
keyed hashes of their content, so the same message gives the same tokens and the same event ids. The content is
encrypted per partner and month in the store's `sealed` table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from canonical_model.ids import canonical_json
from canonical_model.personal import plan_of
from hub.crypto import Keyring
from hub.store import Connection


class Sealer:
    """Seals and opens personal values for one transaction."""

    def __init__(self, keys: Keyring, connection: Connection, partner: str, period: str) -> None:
        self._keys, self._connection, self._partner, self._period = keys, connection, partner, period

    def seal(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a record with every personal part as a token."""
        plan = plan_of(kind)
        return {name: self._value(value, plan[name]) if name in plan else value for name, value in values.items()}

    def _value(self, value: Any, plan: Any) -> Any:
        if not plan or value is None:
            return value
        if isinstance(plan, dict):
            if isinstance(value, list):
                return [self._value(item, plan) for item in value]
            if isinstance(value, Mapping):
                return {name: self._value(inner, plan.get(name)) for name, inner in value.items()}
            return value
        if isinstance(value, Mapping) and set(value) <= {"sealed", "actor"}:
            return value
        if isinstance(value, list) and all(map(_is_person, value)):
            return [self._person(item) for item in value]
        return self._person(value) if _is_person(value) else {"sealed": self._keep("text", value)}

    def _person(self, value: Mapping[str, Any]) -> dict[str, Any]:
        if "actor" in value:
            return dict(value)
        if "person" in value:  # a Participation: the person is sealed, time and place are not
            return {**value, "person": self._person(value["person"])}
        return {"actor": self._keep("actor", value)}

    def _keep(self, kind: str, value: Any) -> str:
        """Stores a personal value once and returns its token."""
        identifier = value.get("identifier") if isinstance(value, Mapping) else None
        named = [identifier["system"], identifier["value"]] if identifier else value
        token = self._keys.token(kind, self._partner if kind == "text" else "", named)
        purpose = f"sealed/{self._partner}/{self._period}"
        self._connection.later(
            "add_sealed", token, self._partner, self._period, kind, self._keys.seal(purpose, canonical_json(value))
        )
        return token


def _is_person(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and (
        "name" in value or "identifier" in value or "person" in value or "actor" in value
    )


def unseal(keys: Keyring, connection: Connection, value: Any) -> Any:
    """A value with its tokens opened; a token whose content was erased vanishes."""
    if isinstance(value, list):
        return [opened for item in value if (opened := unseal(keys, connection, item)) is not None]
    if not isinstance(value, Mapping):
        return value
    for word in ("sealed", "actor"):
        if set(value) == {word}:
            row = connection.one("get_sealed", value[word])
            if row is None:
                return None
            return json.loads(keys.open(f"sealed/{row[0]}/{row[1]}", row[3]))
    opened = {name: unseal(keys, connection, inner) for name, inner in value.items()}
    return {name: inner for name, inner in opened.items() if inner is not None}


def drop_personal(value: Any) -> Any:
    """A value without its tokens, for those who may not see what they stand for; actors stay, they tell nothing."""
    if isinstance(value, list):
        return [kept for item in value if (kept := drop_personal(item)) is not None]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"sealed"}:
        return None
    kept = {name: drop_personal(inner) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner is not None}
