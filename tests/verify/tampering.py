"""Random tamperings of a ledger, each of which must be found: `python -m tests.verify.tampering --count 10000`.

Tampered is what the ledger is of: the rows of `log` and `batch`, row by row and as bytes of the database's file. Links,
deliveries and bodies are not of it. Without a head the verifier has the hub's public key only; with one it has noted,
some time before, how far the ledger went: cutting it at a batch and writing it anew with the hub's own key need that.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub import ledger
from hub.crypto import Keyring
from hub.store import Connection
from tests.verify.small_hub import KEYS, SmallHub, empty_store
from tests.verify.stories import tell

STRANGER = Keyring(b"someone else's key of 32 bytes..")
COLUMNS = {
    "log": ("position", "id", "type", "event", "salt", "leaf"),
    "batch": ("number", "first", "last", "root", "chain", "signature"),
}
Rows = dict[str, list[list[Any]]]
"""The rows of both tables, in the order of their first column."""
Tampering = Callable[[Random, Rows], None]


UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises when a database's file is damaged."""


def rows_of(db: sqlite3.Connection) -> Rows:
    """Both tables. Raises UNREADABLE."""
    found: Rows = {}
    for table, columns in COLUMNS.items():
        query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}"
        found[table] = [list(row) for row in db.execute(query)]
    return found


def fill(db: sqlite3.Connection, rows: Rows) -> None:
    """Writes both tables anew."""
    for table, columns in COLUMNS.items():
        db.execute(f"DELETE FROM {table}")
        marks = ", ".join("?" * len(columns))
        db.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows[table])


def original(seed: str = "ledger") -> sqlite3.Connection:
    """The database of a small hub that has heard a story in groups, but for what the ledger is not of."""
    random, hub = Random(seed), SmallHub(salt=random_salt(seed))
    told = tell(seed, 3)
    while told:
        size = random.randint(1, 6)
        hub.take([told[:size]])
        del told[:size]
    db = empty_store().writer.raw
    fill(db, rows_of(hub.store.writer.raw))
    return db


def random_salt(seed: str) -> Callable[[int], bytes]:
    """Salts as a hub makes them, the same at every run."""
    return Random(f"salt {seed}").randbytes


# ---- tamperings -------------------------------------------------------------------------------------------------


def flip_bit(random: Random, rows: Rows) -> None:
    """One bit of one value."""
    table = random.choice(("log", "log", "batch"))
    row = random.choice(rows[table])
    place = random.randrange(len(row))
    row[place] = _flipped(random, row[place])


def _flipped(random: Random, value: Any) -> Any:
    if isinstance(value, int):
        return value ^ (1 << random.randrange(6))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(5 if isinstance(value, str) else 8)
    return raw.decode("utf-8", "replace") if isinstance(value, str) else bytes(raw)


def swap(random: Random, rows: Rows) -> None:
    """Two events, or two values of them, change places."""
    one, other = random.sample(rows["log"], 2)
    columns = random.choice(([1, 2, 3, 4, 5], [3], [3, 4], [5], [3, 4, 5], [2], [1]))
    for place in columns:
        one[place], other[place] = other[place], one[place]


def delete(random: Random, rows: Rows) -> None:
    """Some events vanish, sometimes with the gap closed; or a batch vanishes."""
    if random.random() < 0.2:
        rows["batch"].remove(random.choice(rows["batch"]))
        return
    first = random.randrange(len(rows["log"]))
    del rows["log"][first : first + random.choice((1, 1, 1, 5))]
    if random.random() < 0.5:
        for number, row in enumerate(rows["log"], start=1):
            row[0] = number


def reorder(random: Random, rows: Rows) -> None:
    """The events of a stretch, or the batches, are put in another order."""
    table = random.choice(("log", "log", "batch"))
    first = random.randrange(len(rows[table]) - 1)
    stretch = rows[table][first : first + random.randint(2, 8)]
    numbers = [row[0] for row in stretch]
    random.shuffle(stretch)
    for number, row in zip(numbers, stretch, strict=True):
        row[0] = number


def insert(random: Random, rows: Rows) -> None:
    """An event is added: after the end, before the beginning, or in between with what follows moved."""
    text = f'{{"id":"{random.randbytes(20).hex()}","type":"disposition.decided"}}'
    salt = random.randbytes(ledger.SALT)
    position = random.choice((0, -3, len(rows["log"]) + 1, random.randint(1, len(rows["log"]))))
    for row in rows["log"]:
        row[0] += position > 0 and row[0] >= position
    new = [position, text[7:47], "disposition.decided", text, salt, ledger.leaf(salt, text.encode())]
    rows["log"].append(new)


def truncate(random: Random, rows: Rows) -> None:
    """Everything after some event vanishes, not at the end of a batch."""
    ends = {row[2] for row in rows["batch"]}
    last = random.choice([row[0] for row in rows["log"] if row[0] not in ends])
    rows["log"] = [row for row in rows["log"] if row[0] <= last]
    if random.random() < 0.5:
        rows["batch"] = [row for row in rows["batch"] if row[1] <= last]


def erase_and_change(random: Random, rows: Rows) -> None:
    """An event is made to look erased, which it may be, but says something else, which it may not."""
    row = random.choice(rows["log"])
    row[3], row[4] = row[3].replace("}", ' , "x":1}', 1), None


def replace_signature(random: Random, rows: Rows) -> None:
    """A batch bears a stranger's signature, or that of another batch."""
    row, other = random.sample(rows["batch"], 2)
    row[5] = STRANGER.sign(row[4]) if random.random() < 0.5 else other[5]


def fork_by_stranger(random: Random, rows: Rows) -> None:
    """From some event on the ledger is another, whole in itself, but signed by somebody else."""
    _fork(random, rows, STRANGER)


def cut_at_batch(random: Random, rows: Rows) -> None:
    """The last batches vanish with their events: what is left is a whole ledger, of an earlier time."""
    kept = random.randrange(1, len(rows["batch"]))
    rows["batch"] = rows["batch"][:kept]
    rows["log"] = [row for row in rows["log"] if row[0] <= rows["batch"][-1][2]]


def fork_with_the_key(random: Random, rows: Rows) -> None:
    """From some event on the ledger is another, whole in itself and signed by the hub's own key."""
    _fork(random, rows, KEYS)


def _fork(random: Random, rows: Rows, keys: Keyring) -> None:
    changed = random.choice(rows["log"])
    changed[3] = changed[3].replace("{", '{"note":"forged",', 1)
    changed[5] = ledger.leaf(changed[4], changed[3].encode())
    previous = ledger.START
    for row in rows["batch"]:
        number, first, last = row[:3]
        merkle = ledger.root([event[5] for event in rows["log"] if first <= event[0] <= last])
        chain = ledger.chained(previous, number, first, last, merkle)
        if chain != row[4]:
            row[3:] = [merkle, chain, keys.sign(chain)]
        previous = chain


WITHOUT_HEAD: tuple[Tampering, ...] = (
    flip_bit,
    swap,
    delete,
    reorder,
    insert,
    truncate,
    erase_and_change,
    replace_signature,
    fork_by_stranger,
)
WITH_HEAD: tuple[Tampering, ...] = (cut_at_batch, fork_with_the_key)


# ---- trying -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tried:
    """How many tamperings of each kind were tried, and which were not found."""

    kinds: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)


def is_found(db: sqlite3.Connection, head: bytes | None) -> bool:
    """True when the verification of a ledger does not go through."""
    return bool(ledger.check(Connection(db), KEYS.public_key(), head)[0])


def tamper(count: int, seed: str = "1") -> Tried:
    """Tampers so many times with one ledger, each time from the original on; half of it byte by byte in the file."""
    random, tried = Random(seed), Tried()
    with closing(original()) as db:
        whole, image = rows_of(db), db.serialize()
        head = whole["batch"][-1][4]
        assert not is_found(db, head)
        while tried.kinds.total() < count:
            if random.random() < 0.3:
                _in_file(random, tried, image, whole)
            else:
                _in_rows(random, tried, db, whole, head)
    return tried


def _in_rows(random: Random, tried: Tried, db: sqlite3.Connection, whole: Rows, head: bytes) -> None:
    kind = random.choice(WITHOUT_HEAD + WITH_HEAD)
    rows = {table: [list(row) for row in found] for table, found in whole.items()}
    kind(random, rows)
    try:
        db.execute("BEGIN")
        fill(db, rows)
    except (sqlite3.IntegrityError, OverflowError):  # two events of one position: no such database can be
        db.execute("ROLLBACK")
        return
    if rows_of(db) != whole:
        tried.kinds[kind.__name__] += 1
        if not is_found(db, head if kind in WITH_HEAD else None):
            tried.missed.append(f"{kind.__name__}: {_changed(whole, rows)}")
    db.execute("ROLLBACK")


def _in_file(random: Random, tried: Tried, image: bytes, whole: Rows) -> None:
    """A bit of the file, where it changes what the tables say."""
    tampered = bytearray(image)
    place = random.randrange(100, len(image))
    tampered[place] ^= 1 << random.randrange(8)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.deserialize(bytes(tampered))
        try:
            if rows_of(db) == whole:
                return
        except UNREADABLE:
            pass
        tried.kinds["bit_of_the_file"] += 1
        if not is_found(db, None):
            tried.missed.append(f"bit_of_the_file: byte {place}")


def _changed(whole: Rows, rows: Rows) -> str:
    """Where a tampering changed something, for people."""
    for table, columns in COLUMNS.items():
        for before, after in zip(whole[table], rows[table], strict=False):
            for column, one, other in zip(columns, before, after, strict=True):
                if one != other:
                    return f"{table} {before[0]} {column}: {str(one)[:80]} | {str(other)[:80]}"
    return "rows were added or left out at the end"


def main() -> int:
    """Prints the figures as JSON; 1 where a tampering was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    begun = time.monotonic()
    tried = tamper(given.count, given.seed)
    figures = {"tamperings": tried.kinds.total(), "kinds": dict(tried.kinds), "missed": len(tried.missed)}
    seconds = {"seconds": round(time.monotonic() - begun, 1), "shown": tried.missed[:10]}
    sys.stdout.write(json.dumps(figures | seconds, indent=1) + "\n")
    return 1 if tried.missed else 0


if __name__ == "__main__":
    sys.exit(main())
