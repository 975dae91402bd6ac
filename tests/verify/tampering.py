"""Tamperings of a ledger and its exports, all of which must be found: `python -m tests.verify.tampering --count 10000`.

Six kinds, on the live store and on exports of the whole, of an order and of one event; each by a stranger, and by one
who has the hub's key and makes everything fit together again (`forging`): that one is found by who holds a head, or a
count, from before. Besides: single bits of the database's file and of the exports. What is tampered with is what the
ledger is of: links, deliveries and bodies are not of it.
"""

from __future__ import annotations

import argparse
import io
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from hub import ledger, ledger_erasure, ledger_export, ledger_verifier
from hub.ledger_verifier import Held, Walk, canonical
from hub.store import Connection, SqliteConnection
from tests.verify import forging
from tests.verify.forging import COLUMNS, STRANGER, Line, Rows
from tests.verify.small_hub import KEYS, SmallHub, empty_store
from tests.verify.stories import tell

AT = "2026-03-20T12:00:00Z"
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises when a database's file is damaged."""
STORE, LEDGER, ORDER, EVENT = TARGETS = ("store", "ledger", "order", "event")
BITS = "bit of the file"


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


def parsed(lines: list[bytes]) -> list[Line]:
    """Lines of an export, each as its name and content."""
    return [next(iter(json.loads(line).items())) for line in lines]


def written(lines: list[Line]) -> list[bytes]:
    """Lines as the format has them."""
    return [canonical({kind: value}) + b"\n" for kind, value in lines]


@dataclass(slots=True)
class Original:
    """A ledger that nobody has touched, and what a verifier holds of it from earlier."""

    db: sqlite3.Connection
    """The tables of the ledger alone."""
    rows: Rows
    image: bytes
    exports: dict[str, list[bytes]]
    """By target; the order's and the event's are of one order."""
    other: list[bytes]
    """The export of another order."""
    head: Held
    count: Held
    gone: forging.Gone

    def held(self, target: str) -> Held:
        return self.count if target == ORDER else self.head


def random_salt(seed: str) -> Callable[[int], bytes]:
    """Salts as a hub makes them, the same at every run."""
    return Random(f"salt {seed}").randbytes


def original(seed: str = "ledger") -> Original:
    """A small hub that has heard a story in groups and had one fact of an order erased."""
    random, hub = Random(seed), SmallHub(salt=random_salt(seed))
    told = tell(seed, 3)[:30]
    while told:
        size = random.randint(1, 6)
        hub.take([told[:size]])
        del told[:size]
    live = hub.store.writer
    journeys = sorted(row[0] for row in live.all("journeys_after", "", 10))
    positions = sorted(row[0] for row in live.all("positions_of", journeys[0]))
    row = live.one("event_at", positions[1])
    assert row is not None
    erase(hub, positions[1])
    hub.take([tell(f"{seed} goes on", 1)[:8]])
    made = ledger_export.Maker(live, KEYS, AT)
    exports = {
        LEDGER: list(ledger_export.whole(made)),
        ORDER: list(ledger_export.order(made, journeys[0])),
        EVENT: list(ledger_export.event(made, positions[2])),
    }
    count = parsed(exports[ORDER])[-1][1]
    db = empty_store().writer.raw
    rows = rows_of(live.raw)
    fill(db, rows)
    held = {**count, "chain": bytes.fromhex(count["chain"])}
    other = list(ledger_export.order(made, journeys[1]))
    head = {name: held[name] for name in ("number", "position", "chain")}
    return Original(db, rows, db.serialize(), exports, other, head, held, (row[1], row[2]))


def erase(hub: SmallHub, position: int) -> None:
    """Erases as the hub does, but for the read model, which a small hub has not."""

    def work(db: Connection) -> dict[str, Any]:
        row = db.one("event_at", position)
        assert row is not None
        return ledger_erasure.blank(db, position, row, {"at": AT, "by": "nobody", "reason": "a test"})

    hub.committer.erase(position, work)


# ---- trying -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tried:
    """How many tamperings of each kind were tried, and which were not found. A kind: what, on which target, by whom."""

    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def note(self, kind: tuple[str, str, str], found: bool, where: str) -> None:
        self.kinds[kind] += 1
        if not found:
            self.missed.append(f"{' · '.join(kind)}: {where}")


def walked(db: sqlite3.Connection, held: Held) -> Walk:
    """The hub's own verification of a store."""
    return ledger.walk(SqliteConnection(db), KEYS.public_key(), held)


def verified(lines: list[bytes], held: Held) -> Walk:
    """Anybody's verification of an export."""
    return ledger_verifier.verify_export(lines, KEYS.public_key(), held)


def tamper(count: int, seed: str = "1", until_missed: bool = False) -> Tried:
    """Tampers so many times, each time from the original on, in every kind equally often; or until one is missed."""
    random, tried, whole = Random(seed), Tried(), original()
    kinds = [(what, target, who) for what in forging.KINDS for target in TARGETS for who in ("stranger", "key")]
    kinds += [(BITS, target, "stranger") for target in TARGETS]
    with closing(whole.db), tempfile.TemporaryDirectory() as folder:
        assert not walked(whole.db, whole.head).faults
        assert not any(verified(whole.exports[of], whole.held(of)).faults for of in whole.exports)
        while tried.kinds.total() < count and not (until_missed and tried.missed):
            kind = kinds[tried.kinds.total() % len(kinds)] if random.random() < 0.9 else random.choice(kinds)
            _try(random, tried, whole, kind, Path(folder) / "hub.db")
    return tried


def _try(random: Random, tried: Tried, whole: Original, kind: tuple[str, str, str], file: Path) -> None:
    what, target, who = kind
    held = whole.held(target) if who == "key" else {}
    if what == BITS and target == STORE:
        _bit_of_store(random, tried, whole, kind, file)
    elif what == BITS:
        _bit_of_export(random, tried, whole, kind)
    elif target in {STORE, LEDGER}:
        rows = {table: [list(row) for row in found] for table, found in whole.rows.items()}
        keys = KEYS if who == "key" else STRANGER
        forging.of_rows(random, what, rows, keys if what == "re-chain" or who == "key" else None, whole.gone)
        _judge_rows(tried, whole, kind, rows, held, who == "key")
    else:
        lines = parsed(whole.exports[target])
        keys = KEYS if who == "key" else STRANGER
        forged = who == "key" or what == "re-chain"
        forging.of_lines(random, what, lines, parsed(whole.other), keys if forged else None, whole.gone)
        body = written(lines)
        if body != whole.exports[target]:
            tried.note(kind, bool(verified(body, held).faults), forging.changed(parsed(whole.exports[target]), lines))


def _judge_rows(
    tried: Tried, whole: Original, kind: tuple[str, str, str], rows: Rows, held: Held, has_key: bool
) -> None:
    """Verifies tampered rows as a store, or as the export that one would write of them."""
    if rows == whole.rows:
        return
    where = forging.changed_rows(whole.rows, rows)
    if kind[1] == LEDGER:
        head = parsed(whole.exports[LEDGER])[-1][1]
        body = written(forging.exported(rows, head, KEYS if has_key else None))
        tried.note(kind, bool(verified(body, held).faults), where)
        return
    try:
        whole.db.execute("BEGIN")
        fill(whole.db, rows)
    except (sqlite3.IntegrityError, OverflowError):  # two events of one position: no such database can be
        whole.db.execute("ROLLBACK")
        return
    tried.note(kind, bool(walked(whole.db, held).faults), where)
    whole.db.execute("ROLLBACK")


def _bit_of_export(random: Random, tried: Tried, whole: Original, kind: tuple[str, str, str]) -> None:
    """A bit of an export; or a line that says the same in other letters, which would leave room to say more."""
    lines = list(whole.exports[kind[1]])
    if random.random() < 0.1:
        place = random.randrange(len(lines))
        lines[place] = json.dumps(json.loads(lines[place])).encode() + b"\n"
        tried.note(kind, bool(verified(lines, {}).faults), f"line {place}")
        return
    text = bytearray(b"".join(lines))
    place = random.randrange(len(text))
    text[place] ^= 1 << random.randrange(8)
    tried.note(kind, bool(verified(list(io.BytesIO(text)), {}).faults), f"byte {place}")


def _bit_of_store(random: Random, tried: Tried, whole: Original, kind: tuple[str, str, str], file: Path) -> None:
    """A bit of the file, where it changes what the tables say; verified by the file that stands alone."""
    tampered = bytearray(whole.image)
    place = random.randrange(100, len(tampered))
    tampered[place] ^= 1 << random.randrange(8)
    file.write_bytes(tampered)
    with closing(sqlite3.connect(file)) as db:
        try:
            if rows_of(db) == whole.rows:
                return
        except UNREADABLE:
            pass
    found = ledger_verifier.verify_store(file, KEYS.public_key(), {})
    tried.note(kind, bool(found.faults), f"byte {place}")


def table(tried: Tried) -> Table:
    """How many of each kind were tried, by target, and in the last column how many were not found."""
    shown = Table("kind", "by", *TARGETS, "missed")
    for what in (*forging.KINDS, BITS):
        for who in ("stranger", "key") if what != BITS else ("stranger",):
            counts = [tried.kinds[what, target, who] for target in TARGETS]
            begins = [f"{what} · {target} · {who}:" for target in TARGETS]
            missed = sum(text.startswith(tuple(begins)) for text in tried.missed)
            shown.add_row(what, who, *map(str, counts), str(missed))
    return shown


def main() -> int:
    """Prints a table; 1 where a tampering was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    begun = time.monotonic()
    tried = tamper(given.count, given.seed)
    out = Console()
    out.print(table(tried))
    seconds = time.monotonic() - begun
    out.print(f"{tried.kinds.total()} tamperings, {len(tried.missed)} not found, {seconds:.0f} s", highlight=False)
    for text in tried.missed[:10]:
        out.print(text, markup=False, highlight=False)
    return 1 if tried.missed else 0


if __name__ == "__main__":
    sys.exit(main())
