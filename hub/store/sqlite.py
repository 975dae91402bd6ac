"""The store in SQLite, in a file or in memory. One process writes it, by one connection; readers have their own.

WAL, synchronous=FULL: what is committed survives the loss of power. The write-ahead log is moved into the database by
`checkpoint`, off the commit path.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.store import migrate, statements
from hub.store.statements import Statement
from hub.store.unwritten import Row, Unwritten, Writing

STATEMENTS = statements.sqlite()


class SqliteConnection(Writing):
    """One connection to a store: statements by name. The port is described in `hub.store`."""

    statements = STATEMENTS

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self._unwritten = Unwritten(self._write, raw.execute)
        self._ids: dict[str, int] = {}
        self.placed: Callable[[int], None] = lambda _: None

    def all(self, name: str, *values: Any) -> list[Row]:
        statement = STATEMENTS[name]
        if self._unwritten.touches(statement.tables):
            self._unwritten.flush()
        return self.raw.execute(statement.sql, values).fetchall()

    def one(self, name: str, *values: Any) -> Row | None:
        statement = STATEMENTS[name]
        if self._unwritten.touches(statement.tables):
            self._unwritten.flush()
        return self.raw.execute(statement.sql, values).fetchone()  # type: ignore[no-any-return]

    def peek(self, name: str, *values: Any) -> list[Row]:
        return self.raw.execute(STATEMENTS[name].sql, values).fetchall()

    def run(self, name: str, *values: Any) -> int:
        if self.raw.in_transaction:
            self._unwritten.flush()
        return self.raw.execute(STATEMENTS[name].sql, values).rowcount

    def next_id(self, table: str) -> int:
        if table not in self._ids:
            self._ids[table] = self.raw.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608
        self._ids[table] += 1
        return self._ids[table]

    def start(self, placed: bool = True) -> int:  # noqa: ARG002 - nobody else writes
        row = self.one("head")
        return int(row[0]) if row else 0

    def place(self) -> None:
        """Nobody else writes: every position is real from the first."""

    def _write(self, statement: Statement, rows: Sequence[Row]) -> None:
        self.raw.executemany(statement.sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._unwritten.flush()
        except BaseException:
            self._unwritten.forget()
            self.raw.execute("ROLLBACK")
            raise
        self.raw.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self.raw.execute("BEGIN")
        try:
            yield
        finally:
            self.raw.execute("ROLLBACK")

    def close(self) -> None:
        self.raw.close()


def _open(path: Path | None, synchronous: str) -> sqlite3.Connection:
    raw = sqlite3.connect(
        str(path) if path else ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
    )
    raw.execute("PRAGMA busy_timeout=10000")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
    if path is not None:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute(f"PRAGMA synchronous={synchronous}")
        raw.execute("PRAGMA cache_size=-32768")
    return raw


class StoreInUse(Exception):
    """Another process writes this store: two committers would give one position twice."""


def _lock(path: Path) -> int:
    """Takes the store for this process; the operating system gives it back when the process ends, however it ends."""
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StoreInUse(f"a hub runs on {path.parent}: stop it first, or ask it over HTTP") from None
    return handle


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keeps a store to this process while the block runs, without opening it. Raises StoreInUse."""
    handle = _lock(path)
    try:
        yield
    finally:
        os.close(handle)


def read_only(path: Path) -> SqliteConnection:
    """A store looked at from outside, beside a running hub too. Changes nothing, upgrades nothing."""
    return _outside(path, "ro")


def recovered(path: Path) -> SqliteConnection:
    """The same for who is about to write it: a transaction that a kill left half done is taken back first, which who
    may only read cannot do."""
    return _outside(path, "rw")


def _outside(path: Path, mode: str) -> SqliteConnection:
    return SqliteConnection(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None))


class SqliteStore:
    """A SQLite store in a file, or in memory. Raises StoreInUse, NewerStore."""

    shared = False
    DOWN: tuple[type[Exception], ...] = (sqlite3.OperationalError,)

    def __init__(self, path: Path | None, synchronous: str = "FULL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._handle = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = _lock(path)
        raw = _open(path, synchronous)
        raw.execute("PRAGMA wal_autocheckpoint=0")
        try:
            migrate.upgrade(raw)
            self.writer = SqliteConnection(raw)
        except BaseException:
            raw.close()
            self._give_back()
            raise

    def reader(self) -> SqliteConnection:
        """A connection of one's own for reading committed data; in memory there is only the writer's."""
        return self.writer if self.path is None else SqliteConnection(_open(self.path, self._synchronous))

    def seat(self, name: str) -> bool:  # noqa: ARG002 - whatever it is
        """True: nobody else has the store."""
        return True

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database. For the projector's thread."""
        if self.path is not None:
            connection = _open(self.path, self._synchronous)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def compact(self) -> None:
        """Gives the disk back what deleted rows took. Takes the room of the whole database for a while."""
        self.writer.raw.execute("VACUUM")
        self.writer.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.writer.close()
        self._give_back()

    def _give_back(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class SqliteReadModel:
    """The read model's own database: derived, so it is made anew whenever its schema is another."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.writer = SqliteConnection(_open(path, "NORMAL"))
        self._schema = statements.read_model()
        version = zlib.crc32(self._schema.encode()) & 0x7FFFFFFF
        if self.writer.raw.execute("PRAGMA user_version").fetchone()[0] != version:
            self.reset()
            self.writer.raw.execute(f"PRAGMA user_version={version}")

    def reset(self) -> None:
        """Empties the read model."""
        tables = self.writer.raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            self.writer.raw.execute(f"DROP TABLE {table}")
        self.writer.raw.executescript(self._schema)

    def reader(self) -> SqliteConnection:
        """A connection of one's own for reading; in memory there is only the writer's."""
        return self.writer if self.path is None else SqliteConnection(_open(self.path, "NORMAL"))

    def close(self) -> None:
        self.writer.close()
