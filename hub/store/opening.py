"""Opens the store that the settings name: a database server's, or SQLite in the hub's folder. Decides nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hub.store import sqlite
from hub.store.port import Connection, ReadModel, Store
from hub.store.sqlite import SqliteReadModel, SqliteStore

if TYPE_CHECKING:
    from hub.store.postgres import PostgresStore


class NoDriver(Exception):
    """The settings name a database server, and the extra for it is not installed."""


def _postgres_store(dsn: str) -> PostgresStore:
    try:
        from hub.store.postgres import PostgresStore
    except ModuleNotFoundError:
        raise NoDriver("CGT_STORE names PostgreSQL: install cgt-hub[postgresql]") from None
    return PostgresStore(dsn)


def open_store(dsn: str, path: Path, synchronous: str = "FULL") -> Store:
    """The store. Raises NoDriver, StoreInUse, NewerStore, Unsafe, and what the driver raises."""
    return _postgres_store(dsn) if dsn else SqliteStore(path, synchronous)


def open_read_model(dsn: str, path: Path) -> ReadModel:
    """The read model beside the store."""
    if not dsn:
        return SqliteReadModel(path)
    from hub.store.postgres import PostgresReadModel

    return PostgresReadModel(dsn)


def is_new(dsn: str, path: Path) -> bool:
    """True where there is no store yet: a key may be made for it."""
    if not dsn:
        return not path.exists()
    from hub.store.postgres import is_empty

    return is_empty(dsn)


def look(dsn: str, path: Path) -> Connection:
    """A store looked at from outside, beside running hubs too."""
    if not dsn:
        return sqlite.read_only(path)
    from hub.store.postgres import read_only

    return read_only(dsn)
