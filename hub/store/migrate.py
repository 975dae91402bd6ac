"""Brings a store's schema to the newest version, from the first one on. Imports alembic only when there is work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

HEAD = "0001"
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
    version = version_of(connection)
    if version > HEAD:
        raise NewerStore(f"the store has version {version}, this hub knows up to {HEAD}: run the newer hub")
    return version


def upgrade(connection: sqlite3.Connection) -> None:
    """Runs the versions that the database lacks, in one transaction each. Raises NewerStore."""
    if refuse_newer(connection) == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=pool.StaticPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, HEAD)
        opened.commit()
