"""What would change: the last real messages of a partner, read with other tables. Commits nothing.

Each message is read as a replay would read it, down to the ids of its facts, with a store in memory for what the vault
would learn; what the replay would add to the log is told as changes. It reads the hub's store by a connection of its
own, so it never keeps the committer waiting.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from hub import profiles
from hub.conversion import Converted, convert
from hub.crypto import Keyring
from hub.facts import Facts, Origin, said_by
from hub.formats import Adapters
from hub.profiles import Profile
from hub.replaying import NotKept, stored
from hub.revising import RETRACTED, Event, Revision, revise
from hub.settings import Settings
from hub.store import Connection, Row, SqliteStore, Store
from hub.vault import Vault
from mappings.faults import Fault

PAGE = 100
EXAMPLES = 3
"""Messages that are named beside each row of the table."""
MOST_SHOWN = 200
"""Messages whose changes are shown with their values."""
REST = 0.001
"""Seconds after each message: whoever shares the process gets its turn."""
NEW, CHANGED, GONE = "new", "changed", "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that a replay would add, put in another's place, or take back; `paths` are what differs in it."""

    kind: str
    type: str
    paths: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def plain(self) -> dict[str, Any]:
        shown = {path: [self.before.get(path), self.after.get(path)] for path in self.paths}
        return {"change": self.kind, "type": self.type, "values": shown}


@dataclass(slots=True)
class Would:
    """One message: what it was, what it would be, and by which changes. `why` is set where it cannot be read again."""

    message: int
    was: str
    outcome: str = ""
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def is_unchanged(self) -> bool:
        return not (self.changes or self.faults or self.why or self.outcome != self.was)


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading needs: how the hub reads today, and how it would read. `then` is the partner as it would be."""

    db: Connection
    keys: Keyring
    region: str
    now: Adapters
    partners: Mapping[str, Profile]
    adapters: Adapters
    then: Profile
    clock: Callable[[], datetime]

    def would(self, scratch: Store, row: Row) -> Would:
        """What a replay of one message would do."""
        told = Would(row[0], row[10])
        try:
            incoming = stored(self.db, self.keys, {self.then.partner: self.then}, row[0], row)
        except NotKept as missing:
            told.why, told.outcome = missing.why, row[10]
            return told
        knows = Vault(self.keys, self.db, self.region).knows
        earlier = [orjson.loads(text) for _, text in self.db.all("events_of_message", row[0]) if text is not None]
        today = self._today(row, knows)
        converted = convert(
            self.then, self.adapters.of(self.then, incoming.format), incoming.body, incoming.hint, knows
        )
        added = self._added(scratch, row, converted, earlier)
        told.outcome = converted.outcome
        told.changes = list(_changes(added, earlier))
        known = {(f.code, f.place) for f in _faults(today)} if today is not None else set()
        told.faults = [fault for fault in _faults(converted) if (fault.code, fault.place) not in known]
        told.before, told.after = (today.account if today is not None else {}), converted.account
        return told

    def _today(self, row: Row, knows: Callable[[list[Any]], bool]) -> Converted | None:
        """The message as the hub reads it today; None where it does not know its partner."""
        profile = self.partners.get(row[2])
        if profile is None:
            return None
        incoming = stored(self.db, self.keys, self.partners, row[0], row)
        return convert(profile, self.now.of(profile, incoming.format), incoming.body, incoming.hint, knows)

    def _added(self, scratch: Store, row: Row, converted: Converted, earlier: list[Event]) -> list[Event]:
        now, came = self.clock(), datetime.fromisoformat(row[1])
        origin = Origin(self.then, "", converted.source_id or row[6], row[7], converted.sequence, now, came)
        said, _ = said_by(Facts(self.keys, scratch.writer, self.region, origin, converted), converted)
        added = revise(Revision(earlier, came, mended=row[16] is not None), said, converted.whole, now)
        return [event for event in added if self.db.one("has_event", event["id"]) is None]


def _faults(converted: Converted) -> list[Fault]:
    return list(dict.fromkeys([*converted.faults, *(fault for part in converted.parts for fault in part.faults)]))


def _changes(added: list[Event], earlier: list[Event]) -> Iterator[Change]:
    """What some facts that would be added change of what the log has."""
    known = {event["id"]: event for event in [*earlier, *added]}
    for event in added:
        replaced = [known[old] for old in event.get("supersedes", ()) if old in known]
        before = _leaves(replaced[-1]) if replaced else {}
        if event["type"] == RETRACTED:
            type_ = replaced[-1]["type"] if replaced else RETRACTED
            if type_ != RETRACTED:
                yield Change(GONE, type_, tuple(before), before, {})
            continue
        after = _leaves(event)
        differing = tuple(path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path))
        yield Change(CHANGED if replaced else NEW, event["type"], differing, before, after)


def _leaves(event: Event) -> dict[str, Any]:
    """What a fact says, each value under its path; values of a list stand together."""
    found: dict[str, Any] = {}
    _collect(event["set"], "", found)
    if event["clear"]:
        found["clear"] = event["clear"]
    found["occurred"] = event["occurred"]["local"]
    return found


def _collect(value: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _collect(inner, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for item in value:
            leaves: dict[str, Any] = {}
            _collect(item, f"{path}[]", leaves)
            for name, leaf in leaves.items():
                found.setdefault(name, []).append(leaf)
    else:
        found[path] = value


def partner_as(settings: Settings, partner: str, overlay: Path | None = None) -> Profile:
    """A partner as the files have it now, with another folder of tables where one is given. Raises ProfileError."""
    known = profiles.load(settings.partners)
    if partner not in known:
        raise profiles.ProfileError([f"no profile of {partner}: there are {', '.join(sorted(known))}"])
    if overlay is None:
        return known[partner]
    if not overlay.is_dir():
        raise profiles.ProfileError([f"no folder {overlay}: name one with tables, a subfolder for each format"])
    return known[partner].model_copy(update={"overlay": overlay.resolve()})


def look(reader: Reader, last: int, show: bool = False, rest: float = REST) -> dict[str, Any]:
    """The table of what would change in the last so many messages. Values only with `show`: they may be personal."""
    scratch = SqliteStore(None)
    try:
        return _table(_each(reader, scratch, last, rest), show)
    finally:
        scratch.close()


def _each(reader: Reader, scratch: Store, last: int, rest: float) -> Iterator[Would]:
    before, left = 2**62, last
    while left:
        rows = reader.db.all("messages_kept", reader.then.partner, before, min(PAGE, left))
        for row in rows:
            yield reader.would(scratch, row)
            time.sleep(rest)
        if len(rows) < min(PAGE, left):
            return
        before, left = rows[-1][0], left - len(rows)


def _table(each: Iterator[Would], show: bool) -> dict[str, Any]:
    counts: Counter[str] = Counter(messages=0, unchanged=0, left=0)
    outcomes, facts, faults, left = _Rows(), _Rows(), _Rows(), _Rows()
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    for one in each:
        counts["messages"] += 1
        counts["left"] += bool(one.why)
        counts["unchanged"] += one.is_unchanged
        before.update(one.before)
        after.update(one.after)
        if one.why:
            left.add(one.message, why=one.why)
        if one.outcome != one.was:
            outcomes.add(one.message, was=one.was, outcome=one.outcome)
        for change in one.changes:
            for path in change.paths:
                facts.add(one.message, change=change.kind, type=change.type, path=path)
        for fault in one.faults:
            faults.add(one.message, code=fault.code, place=fault.place, severity=fault.severity)
        if show and one.changes and len(shown) < MOST_SHOWN:
            shown.append({"message": one.message, "facts": [change.plain() for change in one.changes]})
    told = {
        **counts,
        "other_outcome": outcomes.plain(),
        "other_facts": facts.plain(),
        "new_faults": faults.plain(),
        "cannot_be_read_again": left.plain(),
        "account": {"today": dict(sorted(before.items())), "then": dict(sorted(after.items()))},
    }
    return {**told, "values": shown} if show else told


class _Rows:
    """Rows of a table by what they say: how often, in how many messages, and some of these."""

    def __init__(self) -> None:
        self._rows: dict[tuple[tuple[str, str], ...], tuple[int, dict[int, None]]] = {}

    def add(self, message: int, **said: str) -> None:
        count, messages = self._rows.get(tuple(said.items()), (0, {}))
        messages[message] = None
        self._rows[tuple(said.items())] = (count + 1, messages)

    def plain(self) -> list[dict[str, Any]]:
        found = sorted(self._rows.items(), key=lambda row: (-len(row[1][1]), row[0]))
        return [
            {**dict(said), "count": count, "messages": len(messages), "such_as": list(messages)[:EXAMPLES]}
            for said, (count, messages) in found
        ]


__all__ = ["Reader", "look", "partner_as"]
