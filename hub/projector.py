"""The projector: writes the read model after the commit, in batches, from the log alone. Derived and rebuildable.

A record's version is the fold of the facts about it; its id is a name given on first sight. Readers wait until the
projector has reached the head that they saw.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import structlog

from canonical_model.catalogue import MAIN_NAMES
from canonical_model.fold import fold
from canonical_model.ids import Key, content_id, name_key
from canonical_model.journey import RecordState, is_ref
from hub.links import Links
from hub.store import Connection, ReadModel, Store

log = structlog.get_logger("hub.projector")

BATCH = 500
GATHER_SECONDS = 0.05
"""How long facts gather before they are projected together, unless a reader waits for them."""
CHECKPOINT_EVERY = 2_000
"""Positions between two checkpoints of the write-ahead log."""


class Projector:
    """Follows the log, on a thread of its own or by `catch_up`."""

    def __init__(self, store: Store, model: ReadModel) -> None:
        self._store, self._model = store, model
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

    def catch_up(self) -> int:
        """Projects all that is new, on the caller's thread; the position reached."""
        log_of_facts = self._store.reader()
        while self._advance(log_of_facts):
            pass
        return self._reached

    def rebuild(self) -> int:
        """Throws the read model away and writes it again; the position reached."""
        self._model.reset()
        self._reached = 0
        return self.catch_up()

    def _run(self) -> None:
        log_of_facts = self._store.reader()
        while not self._stop.is_set():
            try:
                if not self._advance(log_of_facts):
                    self._wake.wait(0.5)
                    self._waited_for.wait(GATHER_SECONDS)
                    self._waited_for.clear()
                    self._wake.clear()
            except Exception as wrong:  # noqa: BLE001 - the read model is derived: told, and tried again
                log.error("projector.failed", error=type(wrong).__name__, at=self._reached)
                self._stop.wait(1.0)
        log_of_facts.close()
        self._store.checkpoint()

    def _advance(self, facts: Connection) -> bool:
        """Projects the next batch; False when there is nothing new."""
        rows = facts.all("events_from", self._reached, BATCH)
        if not rows:
            return False
        last = rows[-1][0]
        links = Links(facts)
        with self._model.writer.transaction():
            for kind, names in _records(orjson.loads(text) for _, text, _, _ in rows if text is not None):
                self._project(facts, links, kind, names, last)
            self._model.writer.run("set_reached", last)
        with self._moved:
            self._reached = last
            self._moved.notify_all()
        if last - self._checkpointed >= CHECKPOINT_EVERY:
            self._store.checkpoint()
            self._checkpointed = last
        return True

    def _project(
        self, facts: Connection, links: Links, kind: str, names: tuple[tuple[str, str, str], ...], position: int
    ) -> None:
        """Writes the version of one record that the log gives at its end, where it differs from the last one."""
        model = self._model.writer
        record, positions = record_of(facts, links, kind, links.members(names))
        if record is None:
            return
        record_id = _id_of(model, kind, record)
        body = {
            "kind": kind,
            "identifiers": record.identifiers,
            "state": record.state,
            "fields": record.fields,
            "reporters": sorted({fact["reporter"]["partner"] for fact in record.facts}),
            "updated": max(fact["recorded"] for fact in record.facts),
        }
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        last = model.one("last_record", kind, record_id)
        if last is None or orjson.loads(last[2]) | {"updated": ""} != body | {"updated": ""}:
            model.run("add_record", kind, record_id, (last[0] if last else 0) + 1, position, text.decode())
        for identifier in record.identifiers:
            _, system, value = name_key(kind, identifier)
            model.run("add_record_name", kind, value, system, record_id)
        journeys = links.journeys_of_positions(positions)
        if kind == "subject":
            journeys = self._part(links, record, record_id)
        for journey in sorted(journeys):
            model.run("add_record_journey", journey, kind, record_id)

    def _part(self, links: Links, record: RecordState, record_id: str) -> set[str]:
        """Takes from a person's record the names and readers that a merge, undone since, had given it; its readers."""
        members = links.members(_own(record))
        self._model.writer.run("drop_record_journeys", record.kind, record_id)
        for kind, system, value in links.keys(links.members(_retired(record)) - members):
            self._model.writer.run("drop_record_name", kind, value, system, record_id)
        return links.orders_of(members)


def _records(events: Iterable[dict[str, Any]]) -> list[tuple[str, tuple[tuple[str, str, str], ...]]]:
    """The records that some events are about, each once, in the order of their first mention."""
    found: dict[tuple[str, tuple[tuple[str, str, str], ...]], None] = {}
    for event in events:
        about = event["about"]
        if about["kind"] != "issue":
            names = tuple(name_key(about["kind"], identifier) for identifier in about["identifiers"])
            found.setdefault((about["kind"], names))
        for identifier in event["set"].get("retired", ()) if about["kind"] == "subject" else ():
            found.setdefault(("subject", (name_key("subject", identifier),)))
        for ref in (event["set"].get(role) for role in ("patient", "donor")) if about["kind"] == "order" else ():
            if is_ref(ref):  # the order may be the first that its partners may read this person for
                found.setdefault(("subject", tuple(name_key("subject", i) for i in ref["identifiers"])))
    return list(found)


def _own(record: RecordState) -> set[Key]:
    return {name_key(record.kind, identifier) for identifier in record.identifiers}


def _retired(record: RecordState) -> set[Key]:
    """Names that facts about a person called retired, whether that stands or was undone."""
    said = (identifier for fact in record.facts for identifier in fact["set"].get("retired", ()))
    return {name_key("subject", identifier) for identifier in said}


def record_of(
    db: Connection, links: Links, kind: str, members: set[int], reporter: str = ""
) -> tuple[RecordState | None, list[int]]:
    """The record that some names are, as the live facts about it leave it, and the positions of those facts.

    With a `reporter` only what that partner said of it.
    """
    positions = sorted({p for name in members for (p,) in db.all("mentions", name)})
    keys = links.keys(members)
    events, own = [], []
    for position, text in db.all("events_at", orjson.dumps(positions).decode()):
        event = orjson.loads(text)
        if reporter and event["reporter"]["partner"] != reporter:
            continue
        if event["about"]["kind"] == kind and any(name_key(kind, i) in keys for i in event["about"]["identifiers"]):
            events.append(event)
            own.append(position)
    state = fold(keys if kind == "order" else (), events)
    found = [record for record in state.of(kind) if any(name_key(kind, i) in keys for i in record.identifiers)]
    return (found[0] if found else None), own


def _id_of(db: Connection, kind: str, record: RecordState) -> str:
    """The id that one of the record's names already has, or a new one.

    Two orders that share a number by mistake are two records: the id of another placer's order is never taken. Nor is
    the id of a person with whom this one was merged by mistake: who remembers it would be shown somebody else.
    """
    if kind == "subject":
        return _id_of_person(db, record)
    mains = _mains(kind, record.identifiers)
    named = sorted(record.identifiers, key=lambda identifier: name_key(kind, identifier) not in mains)
    for identifier in named:
        _, system, value = name_key(kind, identifier)
        for (record_id,) in db.all("find_record", kind, value, system):
            row = db.one("last_record", kind, record_id)
            others = _mains(kind, orjson.loads(row[2])["identifiers"]) if row else set()
            if not mains or not others or mains & others:
                return str(record_id)
    return content_id("record", kind, list(name_key(kind, named[0])))[:20]


def _id_of_person(db: Connection, record: RecordState) -> str:
    own = [content_id("record", *key)[:20] for key in sorted(_own(record))]
    known = [
        id_ for _, system, value in sorted(_own(record)) for (id_,) in db.all("find_record", "subject", value, system)
    ]
    return next((id_ for id_ in known if id_ in own), own[0])


def _mains(kind: str, identifiers: Iterable[Mapping[str, Any]]) -> set[Key]:
    """The names that are one record's by themselves: an order's placer number."""
    return {name_key(kind, i) for i in identifiers if kind in MAIN_NAMES and i.get("type") == MAIN_NAMES[kind]}
