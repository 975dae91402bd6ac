"""The projector: writes the read model after the commit, in batches, from the log alone. Derived and rebuildable.

A record's version is the fold of the facts about it; its id is a name given on first sight. Readers wait until the
projector has reached the head that they saw.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson
import structlog

from canonical_model.catalogue import MAIN_NAMES
from canonical_model.codes import HUB
from canonical_model.fold import records
from canonical_model.ids import Key, content_id, name_key
from canonical_model.journey import RecordState
from hub.links import Links
from hub.remembering import LogReader, ModelWriter
from hub.store import Connection, ReadModel, Store

log = structlog.get_logger("hub.projector")

Named = tuple[str, tuple[Key, ...]]
"""A record by its kind and the names that a fact gave it."""
BATCH = 500
GATHER_SECONDS = 0.2
"""How long facts gather before they are projected together, unless a reader waits for them."""
CHECKPOINT_EVERY = 2_000
"""Positions between two checkpoints of the write-ahead log."""


class Projector:
    """Follows the log, on a thread of its own or by `catch_up`."""

    def __init__(self, store: Store, model: ReadModel, batch: int = BATCH) -> None:
        """`batch`: facts of one transaction of the read model; another number gives the same read model."""
        self._store, self._model, self._batch = store, model, batch
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._waited_for = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        row = model.writer.one("get_reached")
        self._reached = self._checkpointed = int(row[0]) if row else 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._waited_for.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Tells that there is something new."""
        self._wake.set()

    def wait_for(self, position: int, seconds: float = 10.0) -> bool:
        """True once the read model holds everything up to a position."""
        if self._reached >= position:
            return True
        self._waited_for.set()
        self._wake.set()
        with self._moved:
            return self._moved.wait_for(lambda: self._reached >= position or self._stop.is_set(), seconds)

    def catch_up(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Projects all that is new, on the caller's thread; the position reached. `told` hears of each batch."""
        log_of_facts = self._store.reader()
        while self._advance(log_of_facts):
            told(self._reached)
        return self._reached

    def rebuild(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Throws the read model away and writes it again; the position reached."""
        self._model.reset()
        self._reached = self._checkpointed = 0
        return self.catch_up(told)

    def erase(self, text: str) -> None:
        """Writes the records of an erased fact again, and drops their earlier versions, which may hold it."""
        self.catch_up()
        log_of_facts, model = self._store.reader(), self._model.writer
        links = Links(log_of_facts)
        with model.transaction():
            for kind, names in _records([orjson.loads(text)]):
                _project(LogReader(log_of_facts), ModelWriter(model), links, kind, names, self._reached)
                standing, _ = record_of(LogReader(log_of_facts), links, kind, names)
                called = (model.all("find_record", kind, value, system) for _, system, value in names)
                for record in {row[0] for rows in called for row in rows}:
                    row = model.one("last_record", kind, record)
                    model.run("drop_record_versions", kind, record, row[0] + (standing is None) if row else 0)
                    if standing is None:
                        model.run("drop_record_names", kind, record)
                        model.run("drop_record_journeys", kind, record)

    def _run(self) -> None:
        """Follows until it is stopped, and then projects one more batch: a hub that ends is not behind its log."""
        log_of_facts = self._store.reader()
        ends = False
        while not ends:
            ends = self._stop.is_set()
            try:
                more = self._advance(log_of_facts) if self._store.seat("projector") else self._follow()
                if not more and not ends:
                    self._wake.wait(0.5)
                    self._waited_for.wait(GATHER_SECONDS)
                    self._waited_for.clear()
                    self._wake.clear()
            except Exception as wrong:  # noqa: BLE001 - the read model is derived: told, and tried again
                log.error("projector.failed", error=type(wrong).__name__, at=self._reached)
                self._stop.wait(1.0)
        log_of_facts.close()
        self._store.checkpoint()

    def _follow(self) -> bool:
        """Sees how far the process that has the projector's seat has come; False where nothing is new."""
        row = self._model.writer.one("get_reached")
        reached = int(row[0]) if row else 0
        if reached == self._reached:
            return False
        self._is_at(reached)
        return True

    def _is_at(self, position: int) -> None:
        with self._moved:
            self._reached = position
            self._moved.notify_all()

    def _advance(self, facts: Connection) -> bool:
        """Projects the next batch; False when there is nothing new."""
        rows = facts.all("events_from", self._reached, self._batch)
        if not rows:
            return False
        last = rows[-1][0]
        links, read, written = Links(facts), LogReader(facts), ModelWriter(self._model.writer)
        said = [(position, orjson.loads(text)) for position, text, _, _ in rows if text]
        about = [(position, _records([event])) for position, event in said]
        read.ahead(said, links.ahead(key for _, named in about for _, names in named for key in names))
        with self._model.writer.transaction():
            for position, named in about:
                for kind, names in named:
                    _project(read, written, links, kind, names, position)
            for kind, names in self._linked_late(facts, last):
                _project(read, written, links, kind, names, last)
            self._model.writer.run("set_reached", last)
        self._is_at(last)
        if last - self._checkpointed >= CHECKPOINT_EVERY:
            self._store.checkpoint()
            self._checkpointed = last
        return True

    def _linked_late(self, facts: Connection, last: int) -> list[Named]:
        """Records that earlier facts are about, which since then reached an order or left one: others may read them."""
        told = facts.all("relinked_since", self._reached, last)
        return _records(orjson.loads(text) for (text,) in told if text)


def _project(
    read: LogReader, written: ModelWriter, links: Links, kind: str, names: Collection[Key], position: int
) -> None:
    """Writes the version that the facts up to a position give of one record, and by the log's end who reads it.

    Every batch size gives the same: a version rests on what was said before it, never on when it was projected.
    """
    record, positions = record_of(read, links, kind, names, until=position)
    mains = _mains(kind, record.identifiers) if record is not None else set()
    if len(mains) > 1 and mains.isdisjoint(names):  # two orders that share a number: each is told of it
        for main in sorted(mains):
            _project(read, written, links, kind, [main], position)
        return
    ids = (
        _write(written, links, record, position)
        if record is not None
        else [i for key in names for i in written.ids(key)]
    )
    journeys = read.journeys(positions)
    if kind == "subject":
        journeys = links.orders_of(links.members(names if record is None else _own(record)))
    for one in ids:  # of a record of which nothing stands any more, all was taken back that was said
        written.set_readers(kind, one, journeys)


def _write(written: ModelWriter, links: Links, record: RecordState, position: int) -> list[str]:
    """Writes a record's version and names; all of its ids."""
    kind = record.kind
    record_id, beside = _ids_of(written, kind, record)
    for one in (record_id,) if kind == "subject" else (record_id, *beside):
        _version(written, record, one, position)
    for key in _own(record):
        written.add_name(key, record_id)
    if kind == "subject":  # names that a merge, undone since, had given it
        for key in links.keys(links.members(_retired(record)) - links.members(_own(record))):
            written.drop_name(key, record_id)
    return [record_id, *beside]


def _version(written: ModelWriter, record: RecordState, record_id: str, position: int) -> None:
    """Writes a version of a record where it differs from the last one."""
    body = {
        "kind": record.kind,
        "identifiers": record.identifiers,
        "state": record.state,
        "fields": record.fields,
        "reporters": sorted({fact["reporter"]["partner"] for fact in record.facts}),
        "updated": max(fact["recorded"] for fact in record.facts),
    }
    last = written.last(record.kind, record_id)
    if last is None or last[1] | {"updated": ""} != body | {"updated": ""}:
        written.add_version(record.kind, record_id, position, body)


def _records(events: Iterable[Mapping[str, Any]]) -> list[Named]:
    """The records that some events are about, each once, in the order of their first mention."""
    found: dict[Named, None] = {}
    for event in events:
        about = event["about"]
        if event["reporter"]["role"] != HUB:  # Issues of our own are in a table of theirs
            names = tuple(name_key(about["kind"], identifier) for identifier in about["identifiers"])
            found.setdefault((about["kind"], names))
        for identifier in event["set"].get("retired", ()) if about["kind"] == "subject" else ():
            found.setdefault(("subject", (name_key("subject", identifier),)))
    return list(found)


def _own(record: RecordState) -> set[Key]:
    return {name_key(record.kind, identifier) for identifier in record.identifiers}


def _retired(record: RecordState) -> set[Key]:
    """Names that facts about a person called retired, whether that stands or was undone."""
    said = (identifier for fact in record.facts for identifier in fact["set"].get("retired", ()))
    return {name_key("subject", identifier) for identifier in said}


def record_of(
    read: LogReader, links: Links, kind: str, names: Collection[Key], reporter: str = "", until: int = 2**63 - 1
) -> tuple[RecordState | None, list[int]]:
    """The record that has some names, as the live facts about it leave it, and the positions of all facts about it.

    With a `reporter` only what that partner said of it; `until` a position of the log, only what was said by then.
    """
    members = links.members(names)
    keys = links.keys(members)
    events, own = [], []
    for position, event in read.events(read.mentions(members)):
        if reporter and event["reporter"]["partner"] != reporter:
            continue
        if event["about"]["kind"] == kind and any(name_key(kind, i) in keys for i in event["about"]["identifiers"]):
            own.append(position)
            if position <= until:
                events.append(event)
    state = records(names if kind == "order" else (), events)
    found = [record for record in state.of(kind) if any(name_key(kind, i) in keys for i in record.identifiers)]
    meant = [record for record in found if not _own(record).isdisjoint(names)]
    return next(iter(meant or found), None), own


def _ids_of(written: ModelWriter, kind: str, record: RecordState) -> tuple[str, list[str]]:
    """The id that one of the record's names already has, or a new one; and the other ids that its names had.

    Two orders that share a number by mistake are two records: the id of another placer's order is never taken. Nor is
    the id of a person with whom this one was merged by mistake: who remembers it would be shown somebody else.
    """
    mains = _mains(kind, record.identifiers)
    keys = [name_key(kind, identifier) for identifier in record.identifiers]
    named = sorted(keys) if kind == "subject" else sorted(keys, key=lambda key: key not in mains)
    known: list[str] = []
    for key in named:
        for record_id in written.ids(key):
            last = written.last(kind, record_id)
            others = _mains(kind, last[1]["identifiers"]) if last else set()
            if record_id not in known and (not mains or not others or mains & others):
                known.append(record_id)
    if kind == "subject":
        own = [content_id("record", *key)[:20] for key in named]
        first = next((record_id for record_id in known if record_id in own), own[0])
    else:
        first = known[0] if known else content_id("record", kind, list(named[0]))[:20]
    return first, [record_id for record_id in known if record_id != first]


def _mains(kind: str, identifiers: Iterable[Mapping[str, Any]]) -> set[Key]:
    """The names that are one record's by themselves: an order's placer number."""
    return {name_key(kind, i) for i in identifiers if kind in MAIN_NAMES and i.get("type") == MAIN_NAMES[kind]}
