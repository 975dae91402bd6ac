"""The store: a database behind named statements, and what a transaction is. Knows SQL, no therapy.

One writer connection belongs to the committer; readers have connections of their own and see committed data only.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.store import migrate

Row = tuple[Any, ...]


def _statements() -> dict[str, str]:
    text = (Path(__file__).parent / "queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


STATEMENTS = _statements()
_READ_MODEL = (Path(__file__).parent / "read_model.sql").read_text(encoding="utf-8")


class Connection:
    """One connection to a store: statements by name."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def all(self, name: str, *values: Any) -> list[Row]:
        """All rows of a named statement."""
        return self.raw.execute(STATEMENTS[name], values).fetchall()

    def one(self, name: str, *values: Any) -> Row | None:
        """The first row of a named statement, or None."""
        return self.raw.execute(STATEMENTS[name], values).fetchone()  # type: ignore[no-any-return]

    def run(self, name: str, *values: Any) -> int:
        """Runs a named statement; the number of rows that it changed."""
        return self.raw.execute(STATEMENTS[name], values).rowcount

    def add(self, name: str, *values: Any) -> int:
        """Runs an INSERT into a table with an integer key; the key. RETURNING would cost a temporary table."""
        key = self.raw.execute(STATEMENTS[name], values).lastrowid
        assert key is not None
        return key

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction: committed when the block ends well, else undone."""
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise
        self.raw.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that can be undone alone."""
        self.raw.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.raw.execute("ROLLBACK TO part")
            self.raw.execute("RELEASE part")
            raise
        self.raw.execute("RELEASE part")

    def close(self) -> None:
        self.raw.close()


def _open(path: Path | None, synchronous: str) -> sqlite3.Connection:
    raw = sqlite3.connect(
        str(path) if path else ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
    )
    raw.execute("PRAGMA busy_timeout=10000")
    raw.execute("PRAGMA foreign_keys=ON")
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


def read_only(path: Path) -> Connection:
    """A store looked at from outside, beside a running hub too. Changes nothing, upgrades nothing."""
    return Connection(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None))


class Store:
    """A SQLite store in a file, or in memory. WAL, synchronous=FULL: what is committed survives the loss of power.

    One process at a time writes it. The write-ahead log is moved into the database by `checkpoint`, off the commit
    path. Raises StoreInUse, NewerStore.
    """

    def __init__(self, path: Path | None, synchronous: str = "FULL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._handle = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = _lock(path)
        self.writer = Connection(_open(path, synchronous))
        self.writer.raw.execute("PRAGMA wal_autocheckpoint=0")
        try:
            migrate.upgrade(self.writer.raw)
        except BaseException:
            self.close()
            raise

    def reader(self) -> Connection:
        """A connection of one's own for reading committed data; in memory there is only the writer's."""
        return self.writer if self.path is None else Connection(_open(self.path, self._synchronous))

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database. For the projector's thread."""
        if self.path is not None:
            connection = _open(self.path, self._synchronous)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def close(self) -> None:
        self.writer.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class ReadModel:
    """The read model's own database: derived, so it is made anew whenever its schema is another."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.writer = Connection(_open(path, "NORMAL"))
        version = zlib.crc32(_READ_MODEL.encode())
        if self.writer.raw.execute("PRAGMA user_version").fetchone()[0] != version & 0x7FFFFFFF:
            self.reset()
            self.writer.raw.execute(f"PRAGMA user_version={version & 0x7FFFFFFF}")

    def reset(self) -> None:
        """Empties the read model."""
        tables = self.writer.raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            self.writer.raw.execute(f"DROP TABLE {table}")
        self.writer.raw.executescript(_READ_MODEL)

    def reader(self) -> Connection:
        """A connection of one's own for reading; in memory there is only the writer's."""
        return self.writer if self.path is None else Connection(_open(self.path, "NORMAL"))

    def close(self) -> None:
        self.writer.close()
