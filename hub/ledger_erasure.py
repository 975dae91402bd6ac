"""Erasure of one event: text and salt go, the leaf stays, and an entry of the log says so. Erases no body, no person.

The entry is no fact of therapy: nobody folds it. It makes the erasure honest: a verifier takes an event that is gone
without one for a tampering. What the hub wrote of the event elsewhere is docs/ledger.md's to tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from canonical_model.ids import content_id
from canonical_model.values import instant_text
from hub.ledger_verifier import ERASED
from hub.store import Connection, Row

if TYPE_CHECKING:
    from hub.bootstrap import Hub

LONGEST_REASON = 300


class NotErased(Exception):
    """This event is not erased, and why."""


def erase(hub: Hub, position: int, by: str, reason: str) -> int:
    """Erases an event of a hub that was built and not started; position of the entry that says so. Raises NotErased."""
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise NotErased(f"give a reason in one line of at most {LONGEST_REASON} characters that names no person")
    hub.projector.catch_up()
    gone: list[str] = []

    def work(db: Connection) -> dict[str, Any]:
        row = _erasable(db, position)
        gone.append(row[1])
        at = instant_text(hub.clock())
        db.run("add_audit", at, by, "ledger.erase", str(position), orjson.dumps({"reason": reason}).decode())
        return blank(db, position, row, {"at": at, "by": hub.keys.token("actor", "hub", by), "reason": reason})

    told = hub.committer.erase(position, work)
    hub.projector.erase(gone[0])
    for store in (hub.store, hub.model):
        _move_log(store.writer)
    return told


def blank(db: Connection, position: int, row: Row, why: Mapping[str, str]) -> dict[str, Any]:
    """Takes the text of an event away, and from deliveries that wait; the entry that says so."""
    id_, _, _, kept, type_ = row
    db.run("erase_event", position)
    db.run("withhold_erased", position)
    gone = {"position": position, "leaf": kept.hex(), "event": id_, "was": type_}
    return {"v": 1, "id": content_id("erasure", kept.hex()), "type": ERASED, **gone, **why}


def _erasable(db: Connection, position: int) -> Row:
    """Id, text, salt, leaf and type of the event at a position. Raises NotErased."""
    row = db.one("event_at", position)
    if row is None:
        raise NotErased(f"no position {position} in the log")
    _, text, salt, _, type_ = row
    if salt is None:
        raise NotErased(f"position {position} is erased already")
    if type_ == ERASED:
        raise NotErased(f"position {position} says of another that it was erased, and stays")
    standing = [row[0] for fact in orjson.loads(text).get("supersedes", ()) for row in db.all("standing_event", fact)]
    if standing:  # without the correction the wrong fact would stand again
        places = ", ".join(map(str, sorted(standing)))
        raise NotErased(f"position {position} puts others right: erase those first ({places})")
    return row


def _move_log(connection: Connection) -> None:
    """Empties SQLite's write-ahead log into the database: until then the text stands in the file of either."""
    if isinstance(connection.raw, sqlite3.Connection):
        connection.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
