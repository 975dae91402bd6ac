"""The store of the first schema version that the tests keep: unpacked, opened, and told row by row. No assertions."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from hub import profiles as profile_files
from hub.bootstrap import Hub, build
from hub.settings import Settings
from tests.hub import world
from tests.standards import ROOT

HERE = ROOT / "tests" / "data" / "store_0001"
ROWS = {
    "link": "SELECT journey, position FROM link ORDER BY 1, 2",
    "issue": "SELECT id, journey, rule, severity, opened, closed, times FROM issue ORDER BY 2, 1",
    "delivery": "SELECT id, partner, journey, position, message, state, attempts, due, body, account FROM delivery"
    " ORDER BY 1",
    "inbox": "SELECT id, source_id, outcome, repeats, body, residual FROM inbox ORDER BY 1",
    "alias": "SELECT journey, now FROM alias ORDER BY 1",
    "unlinked": "SELECT log.position FROM log LEFT JOIN link ON link.position = log.position"
    " WHERE link.position IS NULL AND type NOT LIKE 'issue.%' ORDER BY 1",
}


@cache
def expected() -> Mapping[str, Any]:
    """What the first version said of it."""
    found: Mapping[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
    return found


def unpack(home: Path, overlay: Path) -> Settings:
    """Writes data folder, key and profiles; settings of a hub that runs on them."""
    data, partners = home / "data", home / "partners"
    (data / "keys").mkdir(parents=True)
    (data / "keys" / "master.key").write_bytes((HERE / "master.key").read_bytes())
    (data / "keys" / "master.key").chmod(0o600)
    with closing(sqlite3.connect(data / "hub.db", isolation_level=None)) as database:
        database.executescript(gzip.decompress((HERE / "hub.sql.gz").read_bytes()).decode())
        database.execute("PRAGMA journal_mode=WAL")
    plain = json.loads((HERE / "partners.json").read_text(encoding="utf-8").replace("{home}", str(home)))
    plain["lakeside"]["overlay"] = str(overlay)
    world.write_profiles(partners, plain)
    return Settings(data=data, partners=partners)


def opened(settings: Settings) -> Hub:
    """A hub on it that is not started, at the moment at which the first version was asked."""
    asked = datetime.fromisoformat(expected()["asked"])
    return build(settings, profile_files.load(settings.partners), lambda: asked)


def rows(hub: Hub) -> dict[str, list[list[Any]]]:
    """What is compared row by row."""
    raw = hub.store.writer.raw
    return {name: [list(row) for row in raw.execute(statement)] for name, statement in ROWS.items()}


def dump(database: Path) -> list[str]:
    """Everything that a database holds, as SQL."""
    with closing(sqlite3.connect(database)) as raw:
        return list(raw.iterdump())
