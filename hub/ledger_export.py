"""Exports of the ledger for others to verify: the whole, one order with a signed count, one event. Lines of JSON.

Streamed: what is in memory is one batch. An order's export is read in one transaction, so that the count and what is
counted are of one moment. The format is docs/ledger.md's; the events hold no person, and sealed texts stay tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub import ledger
from hub.crypto import Keyring
from hub.ledger_verifier import FORMAT, START, canonical, counted, root
from hub.links import Links
from hub.store import Connection, Row


class NotThere(Exception):
    """Nothing in the ledger has this name or position."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What an export is made with: a reader's connection, the key that signs, the instant."""

    db: Connection
    keys: Keyring
    at: str


def whole(made: Maker) -> Iterator[bytes]:
    """The whole ledger, with what is committed while it is written, and the signed head at its end."""
    yield _header("ledger", 0, 0, START)
    batch = None
    for batch in ledger.batches(made.db):
        yield _line("batch", _batch(batch))
        for row in made.db.all("leaves_from", batch[1], batch[2]):
            yield _line("event", _event(row))
    yield _line("head", ledger.head(batch, made.keys, made.at))


def order(made: Maker, journey: str, after: int | None = None) -> Iterator[bytes]:
    """One order: its events with their proofs, the chain to the head, and how many there are by then, signed.

    `after`: number of an earlier head from which the chain begins, for one who holds that head. Raises NotThere.
    """
    with made.db.snapshot():
        journey = Links(made.db).now(journey)
        end = _end(made.db)
        since: dict[int, int] = dict(made.db.all("counted_links", journey, end[2], end[2]))
        if not since:
            raise NotThere(f"no events of an order {journey}")
        yield from _part(made, "order", since, end, after)
        leaves = [counted(row[4], since[row[0]]) for row in _rows(made.db, sorted(since))]
        names = [{"system": system, "value": value} for _, system, value in sorted(Links(made.db).names_of(journey))]
        said = {"journey": journey, "order": names, "count": len(since), "root": root(leaves).hex()}
        yield _line("count", ledger.head(end, made.keys, made.at, said))


def event(made: Maker, position: int, after: int | None = None) -> Iterator[bytes]:
    """One event with its proof, the chain from its batch to the head, and the signed head. Raises NotThere."""
    with made.db.snapshot():
        end = _end(made.db)
        if not 1 <= position <= end[2]:
            raise NotThere(f"no position {position} in the ledger: it ends at {end[2]}")
        yield from _part(made, "event", {position: position}, end, after)
        yield _line("head", ledger.head(end, made.keys, made.at))


def position_of(db: Connection, name: str) -> int:
    """The position that a number or the id of an event names. Raises NotThere."""
    row = db.one("has_event", name)
    if row is not None:
        return int(row[0])
    if name.isascii() and name.isdigit() and len(name) < 19:
        return int(name)
    raise NotThere(f"no event {name!r} in the log: name a position, or an event's id of 40 hexadecimal digits")


def journey_of(db: Connection, name: str) -> str:
    """The one journey that an identifier leads to, given as `value` or `system|value`. Raises NotThere."""
    system, bar, value = name.rpartition("|")
    found = [row[0] for row in db.all("names_of_value", value) if not bar or row[2] == system]
    journeys = sorted(Links(db).orders_of(found))
    if len(journeys) != 1:
        several = f"leads to several orders, name one with --journey: {', '.join(journeys)}"
        raise NotThere(f"{name}: {several if journeys else 'no order has this identifier'}")
    return journeys[0]


# ---- parts ------------------------------------------------------------------------------------------------------


def _end(db: Connection) -> Row:
    row = db.one("last_batch")
    if row is None:
        raise NotThere("the ledger is empty")
    return row


def _part(made: Maker, of: str, since: Mapping[int, int], end: Row, after: int | None) -> Iterator[bytes]:
    """Header, and the batches from that of the first event, or from a given one, to the end; events in theirs."""
    shown: dict[int, int | None] = dict(since)
    positions = orjson.dumps(sorted(since)).decode()
    for (told,) in made.db.all("told_erasures", positions):
        shown.setdefault(told, None)
    first = _batch_of(made.db, min(shown), end[0])
    start = first - 1 if after is None else min(after, first - 1)
    before = made.db.one("batch_at", start)
    yield _header(of, start, before[2] if before else 0, before[4] if before else START)
    waiting = sorted(shown)
    for batch in ledger.batches(made.db, start, end[0]):
        yield _line("batch", dict(list(_batch(batch).items())[:4]))
        here = [position for position in waiting[: batch[2] - batch[1] + 1] if position <= batch[2]]
        if here:
            del waiting[: len(here)]
            leaves = [row[0] for row in made.db.all("leaves_between", batch[1], batch[2])]
            for row in _rows(made.db, here):
                proof = [node.hex() for node in ledger.path(leaves, row[0] - batch[1])]
                yield _line("event", {**_event(row), "proof": proof, "since": shown[row[0]]})


def _batch_of(db: Connection, position: int, last: int) -> int:
    """Number of the batch that has a position: numbers have no gaps, so it is found by halving."""
    low, high = 1, last
    while low < high:
        middle = (low + high) // 2
        row = db.one("batch_at", middle)
        if row is None or row[2] >= position:
            high = middle
        else:
            low = middle + 1
    return low


def _rows(db: Connection, positions: Sequence[int]) -> Iterable[Row]:
    return db.all("leaves_at", orjson.dumps(positions).decode())


def _header(of: str, number: int, position: int, chain: bytes) -> bytes:
    after = {"number": number, "position": position, "chain": chain.hex()}
    return _line("export", {**FORMAT, "of": of, "after": after})


def _batch(row: Row) -> dict[str, Any]:
    number, first, last, merkle, chain, signature = row
    plain = {"number": number, "first": first, "last": last, "root": merkle.hex()}
    return {**plain, "chain": chain.hex(), "signature": signature.hex()}


def _event(row: Row) -> dict[str, Any]:
    position, id_, text, salt, kept, type_ = row
    gone = salt is None
    said = {"text": "" if gone else text, "salt": None if gone else salt.hex(), "leaf": kept.hex()}
    return {"position": position, "id": id_, "type": type_, **said}


def _line(kind: str, value: Mapping[str, Any]) -> bytes:
    return canonical({kind: value}) + b"\n"
