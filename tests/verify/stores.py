"""Empty stores for the small hubs of the harnesses, by name: memory, sqlite, postgres. Holds no hub.

A store is whole and of its own until the next one is opened: in PostgreSQL and in files each process has one place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

from hub.store import SqliteConnection, SqliteStore, Store

KINDS = ("memory", "sqlite", "postgres")
SERVER = "CGT_VERIFY_POSTGRES"
"""The environment's name for the database server that this process and its children share."""


def opened(kind: str) -> Store:
    """An empty store of a kind."""
    opening: dict[str, Callable[[], Store]] = {"memory": _memory, "sqlite": _sqlite, "postgres": _postgres}
    return opening[kind]()


def _memory() -> Store:
    return copied(_template())


@cache
def _template() -> Store:
    return SqliteStore(None)


def copied(store: Store) -> Store:
    """Another store in memory with the same in it."""
    made: Any = copy(store)
    raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
    store.writer.raw.backup(raw)
    raw.execute("PRAGMA foreign_keys=ON")
    made.writer = SqliteConnection(raw)
    return made  # type: ignore[no-any-return]


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="cgt-histories-"))


_in_file: list[Store] = []


def _sqlite() -> Store:
    """In a file, with all that makes it safe; the one before it is thrown away."""
    pattern, path = _folder() / "empty.db", _folder() / "hub" / "hub.db"
    if not pattern.exists():
        SqliteStore(pattern).close()
        with sqlite3.connect(pattern) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    while _in_file:
        _in_file.pop().close()
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    shutil.copy(pattern, path)
    _in_file.append(SqliteStore(path))
    return _in_file[-1]


@cache
def _database() -> Any:
    """This process's own database on the server."""
    import psycopg

    from hub.store.postgres import PostgresStore

    name = f"histories_{os.getpid()}"
    with psycopg.connect(f"{os.environ[SERVER]}/postgres", autocommit=True) as raw:
        raw.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
    return PostgresStore(f"{os.environ[SERVER]}/{name}")


def _postgres() -> Any:
    from hub.store import postgres

    store = copy(_database())
    raw = store.writer.raw
    tables = raw.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'"
    ).fetchall()
    raw.execute(f"TRUNCATE {', '.join(name for (name,) in tables)}")
    store.writer = postgres.PostgresConnection(lambda: raw, store.writer._types)
    return store


@contextmanager
def serving(kind: str) -> Iterator[None]:
    """What a kind of store needs while it is used: PostgreSQL its server, files their folder taken away in the end."""
    if kind != "postgres" or SERVER in os.environ:
        yield
    else:
        from tests import postgres

        with postgres.running() as server:
            os.environ[SERVER] = server.dsn.rpartition("/")[0]
            try:
                yield
            finally:
                _database.cache_clear()
                del os.environ[SERVER]
    if _folder.cache_info().currsize:
        while _in_file:
            _in_file.pop().close()
        shutil.rmtree(_folder(), ignore_errors=True)
        _folder.cache_clear()


__all__ = ["KINDS", "copied", "opened", "serving"]
