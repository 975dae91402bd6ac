"""A store of as many messages as one asks for: `python -m benchmarks.million FOLDER [MESSAGES]`. For measuring only.

A few hundred messages go through a hub; their rows are then copied by SQL under other numbers, other days and other
hashes, with leaves, batches and signatures of their own: `cgt-hub ledger verify` passes. What a grown store has not:
bodies are those of the few (sealed, so that nobody reads them under another number), persons' keys open for the few
only, deliveries count as done, and the read model says that it is complete and is empty.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks import messages
from hub import ledger
from hub.bootstrap import Hub, build
from hub.committer import Incoming
from hub.crypto import load_keyring
from hub.demo import world
from hub.demo.serve import clock_from
from hub.settings import Settings
from hub.store import SqliteConnection, SqliteReadModel, SqliteStore

PATIENTS = 50
SEED = 7351_0000
"""Number of the first patient of the few; its first four digits are what a copy has others of."""
EACH = 5
"""Messages of one patient."""
MOST = 9_999
MARK, DAY = "\u2021", "\u2020"
"""Stand, in the rows that are copied, where each copy has a number and a day of its own."""
BATCH = 1_000
ROOM = 16_000
"""Bytes that one message takes at most, indexes with it."""
LEFT = 30 * 2**30
"""Bytes that stay free."""

NUMBERED = {
    "body": {"id": "body"},
    "inbox": {"id": "inbox", "body": "body", "residual": "body"},
    "log": {"position": "log", "inbox": "inbox"},
    "name": {"id": "name"},
    "edge": {"low": "name", "high": "name"},
    "mention": {"name": "name", "position": "log"},
    "journey": {"root": "name"},
    "link": {"position": "log", "via": "name", "since": "log"},
    "issue": {},
    "delivery": {"id": "delivery", "position": "log", "body": "body"},
    "audit": {"id": "audit"},
    "person": {},
    "identity": {"id": "identity"},
    "blind": {},
    "sealed": {},
}
"""Table -> its columns that are numbers of rows, and of which table."""
_NUMBER = re.compile(rf"{SEED // 10_000}(?=\d{{4}})")
_HASH = re.compile(r"(?<![0-9a-f])([0-9a-f]{16}|[0-9a-f]{36})[0-9a-f]{4}(?![0-9a-f])")
_TODAY = world.TODAY.date().isoformat()
_RECORDED = re.compile(rf'"recorded":"{_TODAY}')


class NoRoom(Exception):
    """The disk is too small for so many messages."""


@dataclass(frozen=True, slots=True)
class Space:
    """Numbers of one table: those up to `shared` belong to all copies; a copy's own are `stride` further on."""

    stride: int
    shared: int = 0

    def moved(self, column: str) -> str:
        """The number in a copy, as SQL; `n.k` is the copy."""
        return f"{column} + n.k * {self.stride} * ({column} > {self.shared})"


# ---- the few ------------------------------------------------------------------------------------------------------


def few(home: Path) -> Hub:
    """A hub in a folder that has recorded a few hundred messages of all partners."""
    world.write_profiles(home / "partners", home, 9, "http://127.0.0.1:9/")
    hub = build(Settings(data=home / "hub", partners=home / "partners"), clock=clock_from(world.TODAY))
    for number in range(SEED, SEED + PATIENTS):
        for answer in hub.committer.commit(list(journey(number))):
            assert answer.outcome == "recorded", answer.faults
    return hub


def journey(number: int) -> Iterator[Incoming]:
    """What partners tell of one patient's order."""
    yield Incoming("mercy", "mllp", "hl7v2", messages.order(number))
    yield Incoming("mercy", "mllp", "hl7v2", messages.results(number))
    yield Incoming("swift", "http", "epcis", messages.departure(number), name=f"departure-{number}")
    name = f"receipts-{number}.csv"
    yield Incoming("celltech", "file", "mes_csv", messages.receipt(number), "mes_csv/receipts", name)
    yield Incoming("celltech", "file", "mes_csv", messages.quality(number), "mes_csv/qc_results", f"qc-{number}.csv")


# ---- what is copied -------------------------------------------------------------------------------------------------


def marked(value: object) -> object:
    """A value with marks where each copy has its own; numbers and bytes as they are."""
    if not isinstance(value, str):
        return value
    text = _HASH.sub(rf"\1{MARK}", _NUMBER.sub(MARK, value))
    text = _RECORDED.sub(f'"recorded":"{DAY}', text)
    return text.replace(_TODAY, DAY, 1) if text.startswith(_TODAY) else text


def template(source: sqlite3.Connection, target: sqlite3.Connection) -> dict[str, Space]:
    """Writes the marked rows as tables `t_…`; the numbers of each table."""
    order = _shared_first(source)
    spaces = {}
    for table, numbers in NUMBERED.items():
        rows = source.execute(f"SELECT * FROM {table}").fetchall()
        columns = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
        made = [tuple(marked(value) for value in row) for row in rows]
        made = [_renumbered(row, columns, numbers, order) for row in made]
        target.execute(f"CREATE TEMP TABLE t_{table} ({', '.join(columns)})")
        target.executemany(f"INSERT INTO t_{table} VALUES ({', '.join('?' * len(columns))})", made)
        if table in {"body", "inbox", "log", "delivery", "audit", "identity"}:
            spaces[table] = Space(max((row[0] for row in rows), default=0))
    target.execute("UPDATE t_delivery SET state = 'done', attempts = 1")
    target.execute("UPDATE t_journey SET next_check = NULL")  # of a copy's day it would be long past, and done
    shared = sum(1 for (value,) in target.execute("SELECT value FROM t_name") if MARK not in value)
    return spaces | {"name": Space(len(order), shared)}


def _shared_first(source: sqlite3.Connection) -> dict[int, int]:
    """Names by their number, numbered anew: those that all copies have in common come first."""
    rows = source.execute("SELECT id, value FROM name ORDER BY id").fetchall()
    ordered = sorted(rows, key=lambda row: MARK in str(marked(row[1])))
    return {row[0]: place for place, row in enumerate(ordered, start=1)}


def _renumbered(
    row: Sequence[object], columns: Sequence[str], numbers: dict[str, str], order: dict[int, int]
) -> tuple[object, ...]:
    names = {column for column, space in numbers.items() if space == "name"}
    return tuple(
        order[value] if column in names and isinstance(value, int) else value
        for column, value in zip(columns, row, strict=True)
    )


def copied(target: sqlite3.Connection, table: str, spaces: dict[str, Space]) -> str:
    """The statement that writes all copies of a table's rows, the first copy first."""
    columns = [row[1] for row in target.execute(f"PRAGMA table_info(t_{table})")]
    whole = " ".join(str(value) for row in target.execute(f"SELECT * FROM t_{table}") for value in row)
    shown = []
    for column in columns:
        space = NUMBERED[table].get(column)
        one = spaces[space].moved(f"t.{column}") if space else f"t.{column}"
        if not space and _is_marked(target, table, column):
            one = f"replace(replace({one}, '{MARK}', n.mark), '{DAY}', n.day)"
        shown.append("leaf(t.salt, EVENT)" if (table, column) == ("log", "leaf") else one)
    text = ", ".join(shown).replace("EVENT", shown[columns.index("event")] if table == "log" else "")
    once = "" if MARK in whole or NUMBERED[table] else "WHERE n.k = 0"
    names = ", ".join(columns)
    return f"INSERT OR IGNORE INTO {table} ({names}) SELECT {text} FROM copy n CROSS JOIN t_{table} t {once}"


def _is_marked(target: sqlite3.Connection, table: str, column: str) -> bool:
    sought = f"instr({column}, '{MARK}') OR instr({column}, '{DAY}')"
    text = f"typeof({column}) = 'text' AND ({sought})"
    return bool(target.execute(f"SELECT 1 FROM t_{table} WHERE {text} LIMIT 1").fetchone())


# ---- the store ------------------------------------------------------------------------------------------------------


def grown(home: Path, count: int) -> Path:
    """A hub's folder with so many messages; one that is there already is used again. Raises NoRoom."""
    done = home / "messages"
    if done.exists() and int(done.read_text()) >= count:
        return home
    home.mkdir(parents=True, exist_ok=True)
    copies = -(-count // (PATIENTS * EACH))
    assert copies <= MOST, "more messages than there are numbers"
    if shutil.disk_usage(home).free - count * ROOM < LEFT:
        raise NoRoom(f"{count} messages take up to {count * ROOM >> 30} GiB, and {LEFT >> 30} GiB have to stay free")
    with closing(few(home / "few")) as hub:
        (home / "hub" / "keys").mkdir(parents=True, exist_ok=True)
        shutil.copy(home / "few" / "hub" / "keys" / "master.key", home / "hub" / "keys" / "master.key")
        shutil.copytree(home / "few" / "partners", home / "partners", dirs_exist_ok=True)
        _write(hub.store.writer.raw, home / "hub", copies)
    shutil.rmtree(home / "few")
    done.write_text(str(copies * PATIENTS * EACH))
    return home


def _write(source: sqlite3.Connection, folder: Path, copies: int) -> None:
    file = folder / "hub.db"
    file.unlink(missing_ok=True)
    SqliteStore(file).close()
    target = sqlite3.connect(file, isolation_level=None)
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "temp_store=MEMORY"):
        target.execute(f"PRAGMA {setting}")
    target.create_function("leaf", 2, leaf_of_text, deterministic=True)
    target.execute("CREATE TEMP TABLE copy (k INTEGER PRIMARY KEY, mark TEXT, day TEXT)")
    first = world.TODAY.date() - timedelta(days=copies + 1)
    days = ((k, f"{k:04}", (first + timedelta(days=k)).isoformat()) for k in range(copies))
    target.executemany("INSERT INTO copy VALUES (?, ?, ?)", days)
    spaces = template(source, target)
    found = "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    indexes = target.execute(found).fetchall()
    for name, _ in indexes:
        target.execute(f"DROP INDEX {name}")
    for table in NUMBERED:
        target.execute(copied(target, table, spaces))
    for _, sql in indexes:
        target.execute(sql)
    _seal(target, folder)
    target.execute("PRAGMA journal_mode=WAL")
    head = target.execute("SELECT max(position) FROM log").fetchone()[0]
    target.close()
    with closing(SqliteReadModel(folder / "read.db")) as model:
        model.writer.run("set_reached", head)


def _seal(target: sqlite3.Connection, folder: Path) -> None:
    """Batches with their signatures, over all that was copied."""
    keys, connection = load_keyring(folder / "keys" / "master.key"), SqliteConnection(target)
    rows = sqlite3.connect(folder / "hub.db")
    found = rows.execute("SELECT leaf FROM log ORDER BY position")
    first = 1
    with connection.transaction():
        while leaves := [row[0] for row in found.fetchmany(BATCH)]:
            ledger.seal(connection, keys, first, leaves)
            first += len(leaves)
    rows.close()


def leaf_of_text(salt: bytes, event: str) -> bytes:
    """The leaf of an event as it is stored."""
    return hashlib.sha256(salt + event.encode()).digest()


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    begun = time.perf_counter()
    grown(folder, count)
    size = (folder / "hub" / "hub.db").stat().st_size
    sys.stdout.write(f"{size / 2**30:.1f} GiB in {time.perf_counter() - begun:.0f} s: {folder}\n")


if __name__ == "__main__":
    main()
