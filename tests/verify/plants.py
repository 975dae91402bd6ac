"""Faults that the harnesses must catch. Each breaks one promise of a hub that is otherwise whole; for tests only."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hub.store
from canonical_model import fold as folding
from canonical_model.events import SortKey, may_supersede, sort_key
from canonical_model.journey import EventDict, Journey, Key
from hub.store import STATEMENTS, Connection

_fold, _liveness, _open = folding.fold, folding._liveness, hub.store._open


def duplicate_applied() -> AbstractContextManager[Any]:
    """Every message is new to the hub, also one that comes again."""
    return patch("hub.committer.sameness", lambda *_: uuid.uuid4().hex)


def order_dependent_fold() -> AbstractContextManager[Any]:
    """What nothing puts in order is put into the order in which it arrived."""

    def fold(order: Iterable[Key], events: Iterable[EventDict]) -> Journey:
        return _fold(order, [{**event, "ordinal": f"{place:012}"} for place, event in enumerate(events)])

    return patch("hub.committer.fold", fold)


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
    statement = STATEMENTS["same_inbox"].replace("sameness = ?", "? <> ''")
    assert statement != STATEMENTS["same_inbox"]
    return patch.dict(STATEMENTS, {"same_inbox": statement})


def acknowledged_before_commit() -> AbstractContextManager[Any]:
    """A transaction is left open when its messages are answered, and committed a while later, before the next one."""

    @contextmanager
    def transaction(self: Connection) -> Iterator[None]:
        if self.raw.in_transaction:
            time.sleep(0.05)
            self.raw.execute("COMMIT")
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise

    return patch.object(Connection, "transaction", transaction)


def synchronous_off() -> AbstractContextManager[Any]:
    """SQLite leaves it to the operating system when what is committed reaches the disk."""

    def opened(path: Path | None, _: str) -> sqlite3.Connection:
        return _open(path, "OFF")

    return patch("hub.store._open", opened)


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
    )
}
