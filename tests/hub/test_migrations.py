"""The store's versions: from nothing to the newest, what is there stays, and an older hub keeps its hands off."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from hub.store import STATEMENTS, ReadModel, Store, StoreInUse, migrate, read_only
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_an_empty_file_becomes_a_store_of_the_newest_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "hub.db")
    assert migrate.version_of(store.writer.raw) == migrate.HEAD
    store.close()


def test_the_head_in_the_code_is_the_head_of_the_versions() -> None:
    versions = script()
    assert versions.get_heads() == [migrate.HEAD]
    assert [version.revision for version in versions.walk_revisions()][-1] == "0001"


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    first = Store(tmp_path / "hub.db")
    first.writer.run("put_setting", "a", "b")
    before = schema(first.writer.raw)
    first.close()
    again = Store(tmp_path / "hub.db")
    assert schema(again.writer.raw) == before
    assert again.writer.one("get_setting", "a") == ("b",)
    again.close()


def test_every_statement_fits_the_schema(tmp_path: Path) -> None:
    """What alembic's own check does for mapped classes: no drift between the versions and the statements."""
    store, model = Store(tmp_path / "hub.db"), ReadModel(tmp_path / "read.db")
    unfit = {}
    for name, statement in STATEMENTS.items():
        wrong = []
        for connection in (store.writer.raw, model.writer.raw):
            try:
                connection.execute(f"EXPLAIN {statement}", [None] * _places(statement))
            except sqlite3.OperationalError as error:
                wrong.append(str(error))
        if len(wrong) == 2:
            unfit[name] = wrong
    assert unfit == {}
    store.close()
    model.close()


def _places(statement: str) -> int:
    numbered = [int(part[0]) for part in statement.split("?")[1:] if part[:1].isdigit()]
    return max(numbered) if numbered else statement.count("?")


def test_a_store_of_a_newer_hub_is_left_alone(
    open_house: Callable[..., house.House], cgt_hub: Callable[..., Ran], who: Person
) -> None:
    hub = open_house()
    hub.send(world.order(who, "NEWER-1"))
    hub.stop()
    file = hub.hub.settings.data / "hub.db"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        before = schema(database)
    database.close()
    for command in (["serve"], ["rebuild"], ["replay", 1], ["ledger", "verify"]):
        ran = cgt_hub(*command, data=hub.hub.settings.data, partners=hub.hub.settings.partners)
        assert (ran.code, "run the newer hub" in ran.err) == (2, True), command
    ran = cgt_hub("doctor", "--json", data=hub.hub.settings.data, partners=hub.hub.settings.partners)
    assert (ran.code, [f["state"] for f in ran.json if f["what"] == "store"]) == (1, ["bad"])
    database = sqlite3.connect(file)
    assert schema(database) == before
    assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    database.close()


def test_an_older_read_model_is_made_anew(tmp_path: Path) -> None:
    first = ReadModel(tmp_path / "read.db")
    first.writer.run("set_reached", 7)
    first.writer.raw.execute("PRAGMA user_version=1")
    first.close()
    again = ReadModel(tmp_path / "read.db")
    assert again.writer.one("get_reached") is None
    again.close()


def test_nothing_is_downgraded() -> None:
    for version in script().walk_revisions():
        with pytest.raises(RuntimeError, match="restore the backup"):
            version.module.downgrade()


def test_a_store_keeps_what_it_says_safe(tmp_path: Path) -> None:
    store = Store(tmp_path / "hub.db")
    assert store.writer.raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.writer.raw.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.writer.raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
    store.close()


def test_a_store_has_one_writer_at_a_time_and_any_number_of_lookers(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = Store(path)
    with pytest.raises(StoreInUse, match="stop it first"):
        Store(path)
    with contextlib.closing(read_only(path)) as looker:
        assert looker.one("head") == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            looker.raw.execute("DELETE FROM log")
    store.close()
    Store(path).close()
