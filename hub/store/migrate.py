"""Brings a store's schema to the newest version, from the first one on. Imports alembic only when there is work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

HEAD = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"


def version_of(connection: sqlite3.Connection) -> str:
    """The schema version of a database, or an empty text for an empty one."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    return row[0] if row else ""


def upgrade(connection: sqlite3.Connection) -> None:
    """Runs the versions that the database lacks, in one transaction each."""
    if version_of(connection) == HEAD:
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
