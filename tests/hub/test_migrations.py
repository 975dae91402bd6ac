"""The store's versions: from nothing to the newest, what is there stays, and an older hub keeps its hands off."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory

from canonical_model.journey import comparable
from hub import ledger
from hub.answers import Question
from hub.bootstrap import Hub, build
from hub.committer import Incoming
from hub.settings import Settings
from hub.store import STATEMENTS, SqliteReadModel, SqliteStore, StoreInUse, migrate, read_only
from tests.hub import first_store, house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person
from tests.verify.restoring import cut_upgrades
from tests.verify.restoring import upgraded as now


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_a_store_whose_making_was_killed_is_made(tmp_path: Path) -> None:
    """What a kill in the first transaction leaves: a file with half of it, and the journal that takes it back."""
    file = tmp_path / "hub" / "hub.db"
    (tmp_path / "partners").mkdir()
    settings = Settings(data=file.parent, partners=tmp_path / "partners")
    build(settings).close()  # its keys are there
    for made in file.parent.glob("*.db*"):
        made.unlink()
    killed = f"""
import os, sqlite3
db = sqlite3.connect({str(file)!r}, isolation_level=None)
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN")
db.execute("CREATE TABLE alembic_version (version_num)")
db.execute("INSERT INTO alembic_version VALUES (zeroblob(100000))")
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    assert file.stat().st_size
    assert Path(f"{file}-journal").stat().st_size
    with contextlib.closing(build(settings)) as hub:
        assert migrate.version_of(hub.committer.connection.raw) == migrate.HEAD


def test_an_empty_file_becomes_a_store_of_the_newest_version(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "hub.db")
    assert migrate.version_of(store.writer.raw) == migrate.HEAD
    store.close()


def test_the_head_in_the_code_is_the_head_of_the_versions() -> None:
    versions = script()
    assert versions.get_heads() == [migrate.HEAD]
    assert [version.revision for version in versions.walk_revisions()][-1] == "0001"


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "hub.db")
    first.writer.run("put_setting", "a", "b")
    before = schema(first.writer.raw)
    first.close()
    again = SqliteStore(tmp_path / "hub.db")
    assert schema(again.writer.raw) == before
    assert again.writer.one("get_setting", "a") == ("b",)
    again.close()


def test_every_statement_fits_the_schema(tmp_path: Path) -> None:
    """What alembic's own check does for mapped classes: no drift between the versions and the statements."""
    store, model = SqliteStore(tmp_path / "hub.db"), SqliteReadModel(tmp_path / "read.db")
    unfit = {}
    for name, statement in STATEMENTS.items():
        wrong = []
        for connection in (store.writer.raw, model.writer.raw):
            try:
                connection.execute(f"EXPLAIN {statement.sql}", [None] * _places(statement.sql))
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
    first = SqliteReadModel(tmp_path / "read.db")
    first.writer.run("set_reached", 7)
    first.writer.raw.execute("PRAGMA user_version=1")
    first.close()
    again = SqliteReadModel(tmp_path / "read.db")
    assert again.writer.one("get_reached") is None
    again.close()


def test_nothing_is_downgraded() -> None:
    for version in script().walk_revisions():
        with pytest.raises(RuntimeError, match="restore the backup"):
            version.module.downgrade()


def test_a_store_keeps_what_it_says_safe(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "hub.db")
    assert store.writer.raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.writer.raw.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.writer.raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
    store.close()


def test_a_store_has_one_writer_at_a_time_and_any_number_of_lookers(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = SqliteStore(path)
    with pytest.raises(StoreInUse, match="stop it first"):
        SqliteStore(path)
    with contextlib.closing(read_only(path)) as looker:
        assert looker.one("head") == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            looker.raw.execute("DELETE FROM log")
    store.close()
    SqliteStore(path).close()


# ---- from the first version on ----------------------------------------------------------------------------------


@pytest.fixture
def first(tmp_path: Path, overlay: Path) -> Settings:
    """A hub's folder as the first version left it."""
    return first_store.unpack(tmp_path, overlay)


@pytest.fixture
def upgraded(first: Settings) -> Iterator[Hub]:
    with contextlib.closing(first_store.opened(first)) as hub:
        yield hub


def test_an_upgrade_keeps_the_ledger_and_its_head(upgraded: Hub) -> None:
    assert migrate.version_of(upgraded.store.writer.raw) == migrate.HEAD
    faults, position, chain = ledger.check(upgraded.store.writer, upgraded.keys.public_key())
    assert (faults, position, chain.hex()) == ([], *map(first_store.expected().get, ("position", "head")))


def test_an_upgrade_keeps_links_issues_deliveries_and_fates(upgraded: Hub) -> None:
    found = first_store.rows(upgraded)
    for name, rows in first_store.expected()["rows"].items():
        assert found[name] == rows, name


def test_every_order_of_an_upgraded_store_is_what_it_was(upgraded: Hub) -> None:
    db, states = upgraded.committer.connection, first_store.expected()["states"]
    found = {journey: comparable(upgraded.committer.orders.state(db, journey)) for journey in states}
    assert json.loads(json.dumps(found, default=str)) == states


def test_an_upgraded_hub_answers_as_the_first_one_did(upgraded: Hub) -> None:
    for asked, told in first_store.expected()["answers"].items():
        question, partner, number = asked.split()
        who = world.person(int(number.removeprefix("LK-")))
        order = [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}]
        bags = [{"kind": "container", "identifiers": [{"system": world.BAGS, "value": who.bag}]}]
        given = upgraded.questions.ask(upgraded.committer, Question(question, order, bags, partner)).plain()
        del given["position"]
        assert json.loads(json.dumps(given, default=str)) == told, asked


def test_an_upgraded_hub_goes_on(first: Settings) -> None:
    """It knows a repetition, records what is new, and the ledger goes on from the old head."""
    with contextlib.closing(first_store.opened(first)) as hub:
        again, new = world.order(world.person(1), "O-0"), world.order(world.person(77), "N-1")
        answers = hub.committer.commit([Incoming("lakeside", "mllp", "hl7v2", body) for body in (again, new)])
        assert [(answer.outcome, answer.repeated) for answer in answers] == [("recorded", True), ("recorded", False)]
        head = bytes.fromhex(first_store.expected()["head"])
        faults, position, _ = ledger.check(hub.store.writer, hub.keys.public_key(), head)
        assert faults == []
        assert position > first_store.expected()["position"]


def test_a_second_upgrade_changes_nothing(first: Settings) -> None:
    first_store.opened(first).close()
    before = first_store.dump(first.data / "hub.db")
    first_store.opened(first).close()
    assert first_store.dump(first.data / "hub.db") == before


def test_an_upgrade_that_is_killed_is_whole_afterwards(first: Settings, tmp_path: Path) -> None:
    """At some of its statements; tests/verify/restoring.py kills it at all of them."""
    before = first_store.dump(first.data / "hub.db")
    cut = cut_upgrades(first.data / "hub.db", tmp_path / "cut", every=9)
    assert len(cut) > 3
    for database in cut:
        assert first_store.dump(database) == before
    whole = now(first.data / "hub.db")
    assert now(cut[0]) == now(cut[-1]) == whole


def test_the_cut_finds_an_upgrade_in_pieces(first: Settings, tmp_path: Path) -> None:
    """The planted fault: without one transaction around it, what a cut leaves is neither version."""
    cut = cut_upgrades(first.data / "hub.db", tmp_path / "cut", planted=True, every=9)
    with pytest.raises(sqlalchemy.exc.OperationalError, match="duplicate column"):
        SqliteStore(cut[-1])


def test_a_new_store_that_is_killed_while_it_is_made_is_made_again(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    cut = cut_upgrades(empty, tmp_path / "cut", every=20)
    assert len(cut) > 3
    assert now(cut[0]) == now(cut[-1]) == now(empty)
