"""Faults that the harnesses must catch. Each breaks one promise of a hub that is otherwise whole; for tests only."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from canonical_model import fold as folding
from canonical_model.events import SortKey, may_supersede, sort_key
from canonical_model.journey import EventDict, Journey, Key
from hub import ledger
from hub.committer import Answer, Committer, Incoming
from hub.delivery import Outcome, Rendered
from hub.delivery_issues import Cause, down
from hub.replaying import Replays
from hub.sending import Outbox
from hub.store import STATEMENTS, Connection

try:
    from hub.store import postgres
except ModuleNotFoundError:  # without its driver
    postgres = None  # type: ignore[assignment]

_fold, _liveness, _connect = folding.fold, folding._liveness, sqlite3.connect
_seal, _by_http, _take = ledger.seal, Outbox._by_http, Committer._take
_down = down
POISON = b"POISON"
"""A message with this word in it makes the faulty adapter of `poison_raises` raise."""


def duplicate_applied() -> AbstractContextManager[Any]:
    """Every message is new to the hub, also one that comes again."""
    return patch("hub.committer.sameness", lambda *_: uuid.uuid4().hex)


def order_dependent_fold() -> AbstractContextManager[Any]:
    """What nothing puts in order is put into the order in which it arrived."""

    def fold(order: Iterable[Key], events: Iterable[EventDict]) -> Journey:
        return _fold(order, [{**event, "ordinal": f"{place:012}"} for place, event in enumerate(events)])

    return patch("hub.orders.fold", fold)


def fold_by_arrival_time() -> AbstractContextManager[Any]:
    """Facts are put in the order in which they were recorded, not in that in which they happened."""

    def by_arrival(event: EventDict) -> SortKey:
        return (datetime.fromisoformat(event["recorded"]), *sort_key(event)[1:])

    return patch("canonical_model.fold.sort_key", by_arrival)


def correction_never_revives() -> AbstractContextManager[Any]:
    """What was put right once stays dead, though the correction was taken back."""

    def liveness(events: Sequence[EventDict]) -> tuple[set[str], list[list[EventDict]]]:
        known = {event["id"]: event for event in events}
        above = [(known[t], e) for e in events for t in e.get("supersedes", ()) if t in known]
        alive, corrections = _liveness(events)
        return alive - {one["id"] for one, later in above if may_supersede(later, one)}, corrections

    return patch("canonical_model.fold._liveness", liveness)


def link_lost() -> AbstractContextManager[Any]:
    """What arrives before its order is never linked to it."""
    return patch("hub.links.Links._relink", lambda *_: set())


def source_id_not_checked() -> AbstractContextManager[Any]:
    """A message with a known id is taken for the one that had it, whatever it says."""
    return _saying("same_inbox", "sameness = ?", "? <> ''")


def _saying(name: str, words: str, others: str) -> AbstractContextManager[Any]:
    """A statement in other words, in every store."""
    planted = contextlib.ExitStack()
    for known in (STATEMENTS, *([] if postgres is None else [postgres.STATEMENTS])):
        spelt = "?" if words in known[name].sql else "%s"
        here, there = words.replace("?", spelt), others.replace("?", spelt)
        assert here in known[name].sql
        sql = known[name].sql.replace(here, there)
        planted.enter_context(patch.dict(known, {name: replace(known[name], sql=sql)}))
    return planted


# ---- faults of keeping --------------------------------------------------------------------------------------------


def _driving(driver: type[sqlite3.Connection]) -> AbstractContextManager[Any]:
    """Every connection to SQLite is of this kind."""
    return patch("sqlite3.connect", lambda *given, **named: _connect(*given, **{**named, "factory": driver}))


class _Late(sqlite3.Connection):
    """Leaves a transaction open at its COMMIT, and commits it a while later, before the next one."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            return super().execute("SELECT 1")
        if sql.startswith("BEGIN") and self.in_transaction:
            time.sleep(0.05)
            super().execute("COMMIT")
        return super().execute(sql, *values)


class _Unsynced(sqlite3.Connection):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return super().execute("PRAGMA synchronous=OFF" if sql.startswith("PRAGMA synchronous=") else sql, *values)


class _Hopeful(sqlite3.Connection):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        try:
            return super().execute(sql, *values)
        except sqlite3.OperationalError:
            if sql != "COMMIT":
                raise
            return super().execute("SELECT 1")


def _commanding(command: Callable[[Any, Callable[[str], None], str], None]) -> AbstractContextManager[Any]:
    """PostgreSQL is given the commands of its transactions in another way."""
    if postgres is None:
        return contextlib.nullcontext()
    real = postgres.PostgresConnection._command
    return patch.object(
        postgres.PostgresConnection, "_command", lambda self, words: command(self, partial(real, self), words)
    )


def _late(opened: Any, command: Callable[[str], None], words: str) -> None:
    if words == "COMMIT":
        opened.is_late = True
        return
    if words == "BEGIN" and getattr(opened, "is_late", False):
        time.sleep(0.05)
        opened.is_late = False
        command("COMMIT")
    command(words)


def _hopeful(_: Any, command: Callable[[str], None], words: str) -> None:
    try:
        command(words)
    except Exception:
        if words != "COMMIT":
            raise


def _both(*faults: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Several faults that are one, each in a store of its own."""
    planted = contextlib.ExitStack()
    for fault in faults:
        planted.enter_context(fault)
    return planted


def acknowledged_before_commit() -> AbstractContextManager[Any]:
    """A transaction is left open when its messages are answered, and committed a while later, before the next one."""
    return _both(_driving(_Late), _commanding(_late))


def synchronous_off() -> AbstractContextManager[Any]:
    """SQLite leaves it to the operating system when what is committed reaches the disk."""
    return _driving(_Unsynced)


def failed_commit_ignored() -> AbstractContextManager[Any]:
    """A commit that failed is taken for one."""
    return _both(_driving(_Hopeful), _commanding(_hopeful))


def checkpoints_often() -> AbstractContextManager[Any]:
    """No broken promise: what is rare in a short run comes often."""
    return patch("hub.projector.CHECKPOINT_EVERY", 20)


def checkpoints_never() -> AbstractContextManager[Any]:
    """No broken promise: the write-ahead log grows with every transaction, so that a full disk is felt at once."""
    return patch("hub.projector.CHECKPOINT_EVERY", 1 << 60)


def no_unique_key() -> AbstractContextManager[Any]:
    """The inbox does not find a message that it has."""
    return _saying("same_inbox", "sameness = ?", "sameness = ? AND 1 = 0")


def commit_split_in_two() -> AbstractContextManager[Any]:
    """The facts are committed before the ledger that signs them."""

    def seal(db: Connection, *given: Any) -> Any:
        db.flush()
        db.raw.execute("COMMIT")
        db.raw.execute("BEGIN IMMEDIATE")
        return _seal(db, *given)

    return patch("hub.ledger.seal", seal)


def file_not_synced() -> AbstractContextManager[Any]:
    """Files beside the database are written and renamed, and left to the operating system."""
    return patch("os.fsync", lambda _: None)


def folder_not_synced() -> AbstractContextManager[Any]:
    """A file that got its name is in its folder when the operating system likes."""
    return patch("hub.durable.sync_folder", lambda _: None)


# ---- faults of sending, and of bearing poison ----------------------------------------------------------------------


def retry_without_id() -> AbstractContextManager[Any]:
    """Every attempt of a delivery goes under an id of its own."""

    async def by_http(self: Outbox, profile: Any, url: str, rendered: Rendered) -> Outcome:
        return await _by_http(self, profile, url, replace(rendered, id=time.time_ns()))

    return patch.object(Outbox, "_by_http", by_http)


def order_not_kept() -> AbstractContextManager[Any]:
    """What waits for a partner is sent in any order."""
    return _saying("due_deliveries", "ORDER BY d.id", "ORDER BY d.id DESC")


def issue_per_retry() -> AbstractContextManager[Any]:
    """Every failed attempt opens an Issue of its own."""

    def own(partner: str, note: str = "") -> Cause:
        return replace(_down(partner, note), cause=uuid.uuid4().hex)

    return patch("hub.delivery.down", own)


def waits_shortened() -> AbstractContextManager[Any]:
    """A receiver that is down is tried again at once: a day of attempts in a minute. This is no broken promise."""
    return patch("hub.delivery.LONGEST_WAIT", timedelta(milliseconds=10))


def _poisoned(incoming: Incoming) -> bool:
    return POISON in incoming.body


def poison_raises() -> AbstractContextManager[Any]:
    """Some messages find a fault of the hub's own code. This is no broken promise: the hub must bear it."""

    def take(self: Committer, db: Connection, incoming: Incoming) -> Answer:
        answer = _take(self, db, incoming)
        if _poisoned(incoming):
            raise ZeroDivisionError
        return answer

    return patch.object(Committer, "_take", take)


def poison_takes_its_group() -> AbstractContextManager[Any]:
    """A message that finds a fault is not undone alone: its group goes down with it."""

    def one(self: Committer, db: Connection, incoming: Incoming) -> Answer:
        if _poisoned(incoming):
            raise ZeroDivisionError
        return _take(self, db, incoming)

    return patch.object(Committer, "_one", one)


def poison_takes_long() -> AbstractContextManager[Any]:
    """A message that finds a fault is tried again and again before the next one has its turn."""

    def take(self: Committer, db: Connection, incoming: Incoming) -> Answer:
        if _poisoned(incoming):
            time.sleep(2)
            raise ZeroDivisionError
        return _take(self, db, incoming)

    return patch.object(Committer, "_take", take)


def read_again_beside() -> AbstractContextManager[Any]:
    """What a message is read to say now is added to what it was read to say before."""
    return patch("hub.committer.revise", lambda _, said, *__: said)


def nothing_taken_back() -> AbstractContextManager[Any]:
    """What a message is not read to say any more stays."""
    return patch("hub.revising._gone", lambda *_: ())


def mended_stays_open() -> AbstractContextManager[Any]:
    """A message that was mended is waited for as before."""
    return patch("hub.mending.Mending._settle", lambda *_: None)


def noted_before_it_is_replayed() -> AbstractContextManager[Any]:
    """A message counts as replayed a while before what it came to is committed."""
    whole = Replays._replay

    def batch(self: Replays, committer: Committer, one: Any) -> bool:
        waiting = committer.connection.all("replay_waiting", one.id, 50)
        with committer.connection.transaction():
            for (inbox,) in waiting:
                committer.connection.run("settle_replayed", "recorded", "recorded", 0, "", one.id, inbox)
        time.sleep(0.05)
        committer.reread(lambda db: [whole(self, committer, db, one, inbox) for (inbox,) in waiting])
        if not waiting:
            self.end(committer, one.id, "hub", "done")
        return bool(waiting)

    return patch.object(Replays, "_batch", batch)


PLANTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        duplicate_applied,
        order_dependent_fold,
        fold_by_arrival_time,
        correction_never_revives,
        link_lost,
        source_id_not_checked,
        acknowledged_before_commit,
        synchronous_off,
        failed_commit_ignored,
        checkpoints_often,
        checkpoints_never,
        no_unique_key,
        commit_split_in_two,
        file_not_synced,
        folder_not_synced,
        retry_without_id,
        order_not_kept,
        issue_per_retry,
        waits_shortened,
        poison_raises,
        poison_takes_its_group,
        poison_takes_long,
        read_again_beside,
        nothing_taken_back,
        mended_stays_open,
        noted_before_it_is_replayed,
    )
}
