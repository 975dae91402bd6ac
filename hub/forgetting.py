"""Erasure of a person: key, rows and blind entries of the vault, and the bodies that tell of nobody else. Not the log.

Facts stay: they know the person by tokens, which name nobody without the vault. What else stays is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from canonical_model.ids import name_key
from canonical_model.values import instant_text
from hub.access import sees_persons
from hub.bootstrap import Hub, build
from hub.committer import Committer
from hub.crypto import Keyring
from hub.mendable import Mendable
from hub.profiles import Profile
from hub.settings import Settings
from hub.store import Connection, ReadModel
from hub.vault import SUBJECT_SYSTEM, Vault

SETTLED = frozenset({"done", "withheld", "dismissed"})
"""States of deliveries that nobody has to do with any more."""


class Unknown(Mendable):
    """The vault knows nobody by this number of whom this partner has told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose erasure is asked for, by which partner, and why."""

    partner: str
    system: str
    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class Traces:
    """Where a person is: rows that go (`tokens` to `shown`), and what stays, as counts."""

    tokens: tuple[str, ...]
    tellers: tuple[str, ...]
    messages: tuple[int, ...]
    deliveries: tuple[int, ...]
    shown: tuple[tuple[str, str], ...]
    bodies: tuple[int, ...]
    facts: int
    shared: int
    held: int
    waiting: int

    def plain(self) -> dict[str, Any]:
        """How much goes and how much stays; holds no token and no number."""
        goes = {
            "persons": len(self.tokens),
            "messages": len(self.messages),
            "deliveries": len(self.deliveries),
            "bodies": len(self.bodies),
        }
        stays = {"facts": self.facts, "shared": self.shared, "held": self.held, "waiting": self.waiting}
        return {"tellers": list(self.tellers), "goes": goes, "stays": stays}


class Eraser:
    """Finds and erases persons; everything is handed in. Runs where the committer runs."""

    def __init__(
        self, keys: Keyring, db: Connection, model: ReadModel, profiles: Mapping[str, Profile], region: str
    ) -> None:
        self._keys, self._db, self._model = keys, db, model.writer
        self._vault = Vault(keys, db, region)
        self._blind = {name for name, profile in profiles.items() if not sees_persons(profile, region)}
        """Partners to whom no person is ever shown: what they were told stays."""

    def look(self, wanted: Wanted) -> Traces:
        """Where the person is of whom the partner has told under this number. Raises Unknown."""
        owners, names = self._reached(self._vault.token({"system": wanted.system, "value": wanted.number}))
        tellers = {row[0] for token in owners for row in self._db.all("identities", token)}
        if wanted.partner not in tellers:
            raise Unknown(f"{wanted.partner} told of nobody with this number: look at its system, and who told of it")
        facts = {position for name in names for position in self._facts(name)}
        messages, shared, bodies = self._messages(facts, names)
        sent, waiting, told = self._deliveries(facts)
        shown, showing = self._shown(names)
        return Traces(
            tokens=tuple(sorted(owners)),
            tellers=tuple(sorted(tellers)),
            messages=messages,
            deliveries=sent,
            shown=shown,
            bodies=tuple(sorted({*bodies, *told, *showing})),
            facts=len(facts),
            shared=shared,
            held=self._held(wanted.number),
            waiting=waiting,
        )

    def erase(self, wanted: Wanted, found: Traces, actor: str, at: str) -> None:
        """Erases what was found, in one transaction with the audit of it."""
        db = self._db
        detail = {"partner": wanted.partner, "reason": wanted.reason, **found.plain()}
        with db.transaction():
            for token in found.tokens:
                self._vault.forget(token, at)
            for kind, record in found.shown:
                db.run("forget_shown_of", kind, record)
            db.run("drop_bodies", _listed(found.bodies))
            about = ",".join(found.tokens)
            db.run("add_audit", at, actor, "person.forget", about, orjson.dumps(detail).decode())

    def _reached(self, token: str) -> tuple[set[str], set[str]]:
        """Rows of the vault about one person, and all their names: a number leads on to those that it was told with."""
        owners: set[str] = set()
        names, following = {token}, [token]
        while following:
            for (owner,) in self._db.all("find_blind", f"id:{following.pop()}"):
                if owner not in owners:
                    owners.add(owner)
                    entries = {row[0].removeprefix("id:") for row in self._db.all("blind_of", owner)}
                    following += sorted(entries - names)
                    names |= entries
        return owners, names

    def _facts(self, token: str) -> set[int]:
        kind, system, value = name_key("subject", {"system": SUBJECT_SYSTEM, "value": token})
        row = self._db.one("find_name", kind, value, system)
        return {position for (position,) in self._db.all("mentions", row[0])} if row else set()

    def _messages(self, facts: Collection[int], names: Collection[str]) -> tuple[tuple[int, ...], int, set[int]]:
        """Messages of these facts: those that tell of nobody else, how many do, and the bodies of the former."""
        alone, shared, bodies = [], 0, set()
        for inbox, outcome, body, residual in self._db.all("inbox_of_facts", _listed(sorted(facts))):
            if body is None and residual is None:
                continue
            if outcome in {"received", "held"} or self._persons(inbox) - set(names):
                shared += 1
                continue
            alone.append(inbox)
            bodies |= {body, residual} - {None}
        return tuple(sorted(alone)), shared, bodies

    def _persons(self, inbox: int) -> set[str]:
        return {
            token for _, text in self._db.all("events_of_inbox", inbox) if text for token in _tokens(orjson.loads(text))
        }

    def _deliveries(self, facts: Collection[int]) -> tuple[tuple[int, ...], int, set[int]]:
        """Deliveries about the orders of these facts that were sent to who sees persons, how many wait, and bodies."""
        sent, waiting, bodies = [], 0, set()
        for number, partner, state, body in self._db.all("told_of_facts", _listed(sorted(facts))):
            if state not in SETTLED:
                waiting += 1
            elif body is not None and partner not in self._blind:
                sent.append(number)
                bodies.add(body)
        return tuple(sorted(sent)), waiting, bodies

    def _shown(self, names: Iterable[str]) -> tuple[tuple[tuple[str, str], ...], set[int]]:
        """Records of the person, and the bodies of what partners were shown of them."""
        keys = [name_key("subject", {"system": SUBJECT_SYSTEM, "value": name}) for name in sorted(names)]
        records = {
            row[0] for _, system, value in keys for row in self._model.all("find_record", "subject", value, system)
        }
        found = {record: self._db.all("shown_of", "subject", record) for record in records}
        shown = tuple(("subject", record) for record in sorted(found) if found[record])
        return shown, {row[0] for rows in found.values() for row in rows if row[0] is not None}

    def _held(self, number: str) -> int:
        """How many messages that nobody has read bear the number; they stay until they are read or set aside."""
        sought, count = number.strip().encode(), 0
        for partner, period, sealed in self._db.all("unread_bodies"):
            count += sought in self._keys.open(f"body/{partner}/{period}", sealed)
        return count


def erase(hub: Hub, committer: Committer, wanted: Wanted, actor: str, apply: bool) -> dict[str, Any]:
    """What goes and what stays; done where that is asked for. On the committer's thread. Raises Unknown."""
    eraser = Eraser(hub.keys, committer.connection, hub.model, hub.profiles, hub.settings.region)
    found = eraser.look(wanted)
    if apply:
        eraser.erase(wanted, found, actor, instant_text(hub.clock()))
    return found.plain()


def on_stopped(settings: Settings, wanted: Wanted, actor: str, apply: bool) -> dict[str, Any]:
    """The same for a hub that is stopped. Raises Unknown, StoreInUse."""
    with contextlib.closing(build(settings)) as hub:
        hub.projector.catch_up()
        told = erase(hub, hub.committer, wanted, actor, apply)
        hub.store.checkpoint()
    return told


def stays(told: dict[str, Any]) -> list[str]:
    """What is left of the person, for people."""
    left = told["stays"]
    return [
        f"told by: {', '.join(told['tellers'])}",
        f"{left['facts']} facts stay: they know the person by a token, which names nobody any more",
        f"{left['shared']} messages stay until their retention: they tell of others too, or nobody has read them",
        f"{left['held']} messages that are held bear the number: mend or dismiss them, and forget again",
        f"{left['waiting']} deliveries about the person's orders wait, or a person has to settle them",
        "free text of facts stays until its retention; partners and backups made before have their copies",
    ]


def _tokens(value: Any) -> set[str]:
    """Tokens of the subjects that a fact names."""
    if isinstance(value, list):
        return {token for item in value for token in _tokens(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["value"]} if value.get("system") == SUBJECT_SYSTEM and isinstance(value.get("value"), str) else set()
    return own | {token for inner in value.values() for token in _tokens(inner)}


def _listed(values: Iterable[int]) -> str:
    return orjson.dumps(list(values)).decode()
