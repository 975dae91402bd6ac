"""The store: a database behind named statements, and what a transaction is. Knows SQL, no therapy.

One writer connection belongs to the committer; readers have connections of their own and see committed data only.
"""

from __future__ import annotations

import re
import sqlite3
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
        """Runs an INSERT … RETURNING id; the id."""
        return int(self.raw.execute(STATEMENTS[name], values).fetchone()[0])

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


class Store:
    """A SQLite store in a folder, or in memory. WAL, synchronous=FULL: what is committed survives the loss of power."""

    def __init__(self, path: Path | None, synchronous: str = "FULL") -> None:
        self.path = path
        self._synchronous = synchronous
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.writer = Connection(self._open())
        migrate.upgrade(self.writer.raw)

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            str(self.path) if self.path else "file:hub?mode=memory",
            uri=self.path is None,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        raw.execute("PRAGMA busy_timeout=10000")
        raw.execute("PRAGMA foreign_keys=ON")
        if self.path is not None:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute(f"PRAGMA synchronous={self._synchronous}")
            raw.execute("PRAGMA wal_autocheckpoint=0")
            raw.execute("PRAGMA cache_size=-32768")
        return raw

    def reader(self) -> Connection:
        """A connection for reading; in memory there is only the writer's."""
        return self.writer if self.path is None else Connection(self._open())

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database, off the commit path. For the projector's thread."""
        if self.path is not None:
            connection = self._open()
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def close(self) -> None:
        self.writer.close()
