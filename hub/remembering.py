"""What a batch of the projector has read of the log and written of the read model: each row once. Derives nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import orjson

from canonical_model.ids import Key
from hub.store import Connection


class LogReader:
    """The log as one look at it finds it: names, facts and links are read once, and facts parsed once."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._mentions: dict[int, list[int]] = {}
        self._events: dict[int, dict[str, Any]] = {}
        self._journeys: dict[int, list[str]] = {}

    def ahead(self, events: Iterable[tuple[int, dict[str, Any]]], names: Collection[int]) -> None:
        """Knows some facts, and reads in two statements where they are linked and which facts some names are in."""
        self._events |= events
        self._mentions |= {name: [] for name in names}
        for name, position in self._db.all("mentions_among", orjson.dumps(sorted(names)).decode()):
            self._mentions[name].append(position)
        self.journeys(list(self._events))

    def mentions(self, names: Iterable[int]) -> list[int]:
        """Positions of the facts that some names are in."""
        found: set[int] = set()
        for name in names:
            if name not in self._mentions:
                self._mentions[name] = [row[0] for row in self._db.all("mentions", name)]
            found.update(self._mentions[name])
        return sorted(found)

    def events(self, positions: Collection[int]) -> Iterable[tuple[int, dict[str, Any]]]:
        """The facts at positions, in their order; none of erased ones."""
        missing = [position for position in positions if position not in self._events]
        if missing:
            for position, text in self._db.all("events_at", orjson.dumps(missing).decode()):
                self._events[position] = orjson.loads(text)
        return ((position, self._events[position]) for position in positions if position in self._events)

    def journeys(self, positions: Collection[int]) -> set[str]:
        """The journeys that facts are linked to."""
        missing = [position for position in positions if position not in self._journeys]
        if missing:
            self._journeys |= {position: [] for position in missing}
            for position, journey in self._db.all("journeys_at_positions", orjson.dumps(missing).decode()):
                self._journeys[position].append(journey)
        return {journey for position in positions for journey in self._journeys[position]}


class ModelWriter:
    """The read model as one transaction writes it: rows are written together at its end, and known before."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._last: dict[tuple[str, str], tuple[int, dict[str, Any]] | None] = {}
        self._ids: dict[Key, list[str]] = {}
        self._readers: dict[tuple[str, str], set[str]] = {}

    def last(self, kind: str, record: str) -> tuple[int, dict[str, Any]] | None:
        """The last version of a record: its number and body."""
        if (kind, record) not in self._last:
            rows = self._db.peek("last_record", kind, record)
            self._last[kind, record] = (rows[0][0], orjson.loads(rows[0][2])) if rows else None
        return self._last[kind, record]

    def ids(self, key: Key) -> list[str]:
        """Ids of the records that have a name."""
        if key not in self._ids:
            kind, system, value = key
            self._ids[key] = sorted(row[0] for row in self._db.peek("find_record", kind, value, system))
        return self._ids[key]

    def add_version(self, kind: str, record: str, position: int, body: dict[str, Any]) -> None:
        """The next version of a record."""
        last = self.last(kind, record)
        version = (last[0] if last else 0) + 1
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        self._last[kind, record] = (version, orjson.loads(text))  # as it is read again: the same for every batch
        self._db.later("add_record", kind, record, version, position, text)

    def add_name(self, key: Key, record: str) -> None:
        """A name leads to a record."""
        known = self.ids(key)
        if record not in known:
            self._ids[key] = sorted([*known, record])
            kind, system, value = key
            self._db.later("add_record_name", kind, value, system, record)

    def drop_name(self, key: Key, record: str) -> None:
        """A name leads to a record no more."""
        known = self.ids(key)
        if record in known:
            known.remove(record)
            kind, system, value = key
            self._db.run("drop_record_name", kind, value, system, record)

    def set_readers(self, kind: str, record: str, journeys: set[str]) -> None:
        """The journeys whose partners may read a record."""
        if (kind, record) not in self._readers:
            self._readers[kind, record] = {row[0] for row in self._db.peek("journeys_of_record", kind, record)}
        known = self._readers[kind, record]
        if known - journeys:
            self._db.run("drop_record_journeys", kind, record)
            known = set()
        for journey in sorted(journeys - known):
            self._db.later("add_record_journey", journey, kind, record)
        self._readers[kind, record] = set(journeys)
