"""Brings a store's schema to the newest version, from the first one on. Imports alembic only when there is work."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Engine

HEAD = "0002"
MIGRATIONS = Path(__file__).parent / "migrations"


class NewerStore(Exception):
    """The store was written by a newer hub."""


def version_of(connection: sqlite3.Connection) -> str:
    """The schema version of a database, or an empty text for an empty one."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    return row[0] if row else ""


def refuse_newer(connection: sqlite3.Connection) -> str:
    """The version of a store that this hub knows or can bring up to date. Raises NewerStore."""
    return _refused(version_of(connection))


def _refused(version: str) -> str:
    if version > HEAD:
        raise NewerStore(f"the store has version {version}, this hub knows up to {HEAD}: run the newer hub")
    return version


def upgrade(connection: sqlite3.Connection) -> None:
    """Runs the versions that the database lacks, in one transaction: all of them or none. Raises NewerStore."""
    if refuse_newer(connection) == HEAD:
        return
    from sqlalchemy import create_engine, event, pool

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=pool.StaticPool)
    # The driver begins nothing by itself: without this each statement would be a transaction of its own.
    event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN IMMEDIATE"))
    _run(engine)


def upgrade_postgresql(dsn: str) -> None:
    """The same for a database server. Raises NewerStore."""
    import psycopg
    from sqlalchemy import create_engine, pool

    with psycopg.connect(dsn, autocommit=True) as looking:
        if _refused(version_in(looking)) == HEAD:
            return
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=pool.NullPool)
    _run(engine)
    engine.dispose()


def version_in(connection: psycopg.Connection[Any]) -> str:
    """The schema version of a database of a server, or an empty text for an empty one."""
    found = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found and found[0] else None
    return str(row[0]) if row else ""


def _run(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, HEAD)
        opened.commit()
