"""What every store promises: one contract for memory, a SQLite file, and PostgreSQL (skipped where there is none)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.store import Connection, Spoilt, SqliteReadModel, SqliteStore, Store, sqlite
from hub.store.opening import open_read_model, open_store
from hub.store.postgres import STATEMENTS as SERVERS
from hub.store.postgres import PostgresStore, Seats
from hub.vault import Vault
from tests import postgres
from tests.verify.small_hub import KEYS

NAMES = ("lot", "s", "1"), ("lot", "s", "2"), ("lot", "s", "3")
Opened = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path | None]:
    """Where a store of this kind is: a DSN, a file, or nowhere."""
    if request.param == "postgres":
        return request.getfixturevalue("database"), tmp_path / "none"
    return "", tmp_path / "hub.db" if request.param == "sqlite" else None


@pytest.fixture
def store(places: tuple[str, Path | None]) -> Iterator[Store]:
    dsn, path = places
    opened = open_store(dsn, path) if dsn or path else SqliteStore(None)  # type: ignore[arg-type]
    yield opened
    opened.close()


def named(db: Connection) -> set[str]:
    """Which of the names are there."""
    return {value for kind, system, value in NAMES if db.one("find_name", kind, value, system)}


def add(db: Connection, number: int) -> int:
    return db.add_later("add_name", *NAMES[number], 0, 0)


class Undone(Exception):
    """What a test throws."""


class TestEveryStore:
    def test_what_is_committed_is_read_by_others_and_what_is_undone_by_nobody(self, store: Store) -> None:
        with store.writer.transaction():
            add(store.writer, 0)
        with pytest.raises(Undone), store.writer.transaction():
            add(store.writer, 1)
            store.writer.flush()
            raise Undone
        assert named(store.reader()) == {"1"}

    def test_what_waits_is_read_by_its_writer(self, store: Store) -> None:
        with store.writer.transaction():
            add(store.writer, 0)
            assert store.writer.waiting("add_name")
            assert not store.writer.peek("find_name", "lot", "1", "s")
            assert named(store.writer) == {"1"}
            assert store.writer.peek("find_name", "lot", "1", "s")

    @pytest.mark.parametrize("written", [False, True], ids=["waiting", "written"])
    def test_a_part_that_fails_is_undone_alone(self, store: Store, written: bool) -> None:
        db = store.writer
        with db.transaction():
            add(db, 0)
            with pytest.raises(Undone), db.savepoint():
                add(db, 1)
                if written:
                    db.flush()
                raise Undone
            with db.savepoint():
                add(db, 2)
        assert named(store.reader()) == {"1", "3"}

    def test_a_statement_that_fails_in_a_part_takes_nothing_else_with_it(self, store: Store) -> None:
        db = store.writer
        with db.transaction():
            add(db, 0)
            with pytest.raises((sqlite3.Error, psycopg.Error)), db.savepoint():
                add(db, 1)
                db.run("add_delivery", None, None, None, None, None)
            add(db, 2)
        assert named(store.reader()) == {"1", "3"}

    def test_a_row_that_the_store_does_not_take_is_not_blamed_on_a_later_part(self, store: Store) -> None:
        db = store.writer
        with pytest.raises(Spoilt), db.transaction():
            db.later("add_delivery", None, None, None, None, None)
            with db.savepoint():
                add(db, 1)
                db.flush()
        assert named(store.reader()) == set()

    def test_of_what_a_partner_told_of_a_person_the_last_counts_also_where_it_was_told_before(
        self, store: Store
    ) -> None:
        """Jane Doe marries and divorces; a message that came in between and is read again changes nothing."""
        known = [{"system": "urn:oid:1.2", "value": "4711", "type": "mrn"}]

        def keep(family: str, partner: str, minute: int) -> None:
            vault = Vault(KEYS, store.writer, "local")
            told = {"identifiers": known, "names": [{"family": family}]}
            vault.keep(told, vault.names(known), partner, f"2026-03-10T14:{minute:02}:00Z")

        def shown(partner: str) -> str:
            vault = Vault(KEYS, store.writer, "local")
            tokens = [name["value"] for name in vault.names(known)]
            family: str = vault.look(tokens, partner, "test", "2026-03-11T00:00:00Z")["names"][0]["family"]
            return family

        for group in ([("DOE", 1)], [("ROE", 2)], [("DOE", 3), ("DOE", 4)], [("ROE", 2)]):
            with store.writer.transaction():
                for family, minute in group:
                    keep(family, "mercy", minute)
                    keep("ROE", "other", minute)
        assert (shown("mercy"), shown("other")) == ("DOE", "ROE")
        with store.writer.transaction():
            keep("ROE", "mercy", 5)
        assert shown("mercy") == "ROE"

    def test_what_others_refer_to_is_written_first(self, store: Store) -> None:
        with store.writer.transaction():
            store.writer.later("add_blind", "id:t", "t")
            store.writer.later("add_person", "t", "local", b"key")
        assert store.reader().all("find_blind", "id:t") == [("t",)]

    def test_of_what_is_written_twice_the_last_stands(self, store: Store) -> None:
        issue = ("i", "j", "I-1", "k", "major", "text", "settle", "[]", "2026-03-01T00:00:00Z")
        with store.writer.transaction():
            for closed, times in ((None, 1), ("2026-03-02T00:00:00Z", 1), (None, 2)):
                store.writer.later("put_issue", *issue, closed, times)
        assert [row[-2:] for row in store.reader().all("issues_of", "j")] == [(None, 2)]

    def test_numbers_are_never_given_twice_also_after_an_undone_transaction(self, store: Store) -> None:
        given = []
        for number in range(3):
            try:
                with store.writer.transaction():
                    given.append(store.writer.add("add_body", "p", "2026-03", "message", b"x"))
                    if number == 1:
                        raise Undone
            except Undone:
                given.pop()
        assert len(set(given)) == 2

    @pytest.mark.parametrize("value", ["", "Ü 'quoted' \"twice\" \\ \n\t %s ?1 {x}", "x" * 2000, "\U0001f9ec"])
    def test_texts_come_back_as_they_were_written_one_by_one_and_together(self, store: Store, value: str) -> None:
        with store.writer.transaction():
            store.writer.run("put_setting", value, value)
            for number in range(2):
                store.writer.later("add_audit", str(number), value, value, value, value)
        assert store.reader().one("get_setting", value) == (value,)
        assert [row[1:] for row in store.reader().all("audits", 2)] == [(n, *[value] * 4) for n in ("1", "0")]

    def test_bytes_and_nothing_come_back_as_they_were_written(self, store: Store) -> None:
        every = bytes(range(256))
        with store.writer.transaction():
            key = store.writer.add_later("add_body", "p", "2026-03", "message", every)
        assert store.reader().one("get_body", key) == ("p", "2026-03", "message", every)

    def test_lists_are_given_as_json(self, store: Store) -> None:
        with store.writer.transaction():
            for position in (1, 2, 3):
                store.writer.later("add_event", position, f"e{position}", "t", None, "{}", b"s", b"l")
        assert [row[0] for row in store.reader().all("events_at", "[1,3]")] == [1, 3]
        assert {row[0] for row in store.reader().all("known_events", '["e2","e9"]')} == {"e2"}

    def test_a_snapshot_is_of_one_moment(self, store: Store) -> None:
        if store.writer is store.reader():
            pytest.skip("in memory there is one connection")
        with store.writer.transaction():
            add(store.writer, 0)
        reader = store.reader()
        with reader.snapshot():
            assert named(reader) == {"1"}
            with store.writer.transaction():
                add(store.writer, 1)
            assert named(reader) == {"1"}
        assert named(reader) == {"1", "2"}

    def test_the_read_model_is_emptied_and_written_again(self, places: tuple[str, Path | None]) -> None:
        dsn, path = places
        model = open_read_model(dsn, path.with_name("read.db")) if path else SqliteReadModel(None)
        for version in (1, 2):
            with model.writer.transaction():
                model.writer.run("add_record", "lot", "a", version, 7, "{}")
        assert model.reader().one("last_record", "lot", "a") == (2, 7, "{}")
        model.reset()
        assert model.reader().one("last_record", "lot", "a") is None
        model.close()


def test_sqlite_and_postgresql_know_the_same_statements() -> None:
    assert sqlite.STATEMENTS.keys() <= SERVERS.keys()


def test_every_statement_fits_the_schema_of_postgresql(database: str) -> None:
    store, model = PostgresStore(database), open_read_model(database, Path("none"))
    unfit = {}
    for name, statement in SERVERS.items():
        wrong = [error for db in (store.writer, model.writer) if (error := _unfit(db, statement.sql))]
        if len(wrong) == 2:
            unfit[name] = wrong
    assert unfit == {}
    store.close()
    model.close()


def _unfit(db: Any, words: str) -> str:
    """Why the server does not take a statement."""
    numbered = {int(part[0]) for part in words.split("%(p")[1:]}
    for number in range(1, max(numbered, default=0) + 1):
        words = words.replace(f"%(p{number})s", f"${number}")
    count = 0
    while "%s" in words or "%b" in words:
        count += 1
        place = min(i for i in (words.find("%s"), words.find("%b")) if i >= 0)
        words = f"{words[:place]}${count}{words[place + 2 :]}"
    try:
        db.raw.execute(f"PREPARE tried AS {words.replace('%%', '%')}", prepare=False)
    except psycopg.Error as error:
        return str(error)
    db.raw.execute("DEALLOCATE tried", prepare=False)
    return ""


class TestSeats:
    def test_one_has_a_seat_until_it_leaves(self, database: str) -> None:
        with ExitStack() as closing:
            one, other = Seats(database), Seats(database)
            closing.callback(other.close)
            assert one.take("clock")
            assert one.take("clock")
            assert not other.take("clock")
            assert other.take("line/lakeside")
            one.close()
            assert soon(lambda: other.take("clock"))

    def test_who_is_cut_off_has_no_seat_until_it_takes_it_again(self, database: str) -> None:
        one, other = Seats(database), Seats(database)
        assert one.take("clock")
        cut(database)
        assert soon(lambda: other.take("clock"))
        assert not one.take("clock")
        assert not one.take("clock")
        one.close()
        other.close()


def soon(what: Callable[[], bool]) -> bool:
    """True once it is so; the server ends a session a little after its client does."""
    for _ in range(200):
        if what():
            return True
        time.sleep(0.05)
    return False


def cut(dsn: str) -> None:
    """Ends every other session of the database."""
    with psycopg.connect(dsn, autocommit=True) as raw:
        raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_transaction_that_is_cut_is_undone_and_the_next_one_stands(database: str) -> None:
    store = PostgresStore(database)
    with pytest.raises(psycopg.OperationalError), store.writer.transaction():
        store.writer.run("put_setting", "a", "1")
        cut(database)
        store.writer.run("put_setting", "b", "1")
    with store.writer.transaction():
        store.writer.run("put_setting", "c", "1")
    assert [store.reader().one("get_setting", name) for name in "abc"] == [None, None, ("1",)]
    store.close()


def test_a_server_that_may_forget_is_refused(database: str, server: postgres.Server) -> None:
    from hub.store.postgres import Unsafe

    with psycopg.connect(database, autocommit=True) as raw:
        raw.execute("ALTER SYSTEM SET full_page_writes TO off")
        raw.execute("SELECT pg_reload_conf()")
    try:
        with pytest.raises(Unsafe, match="full_page_writes"):
            for _ in range(50):
                PostgresStore(database).close()
    finally:
        with psycopg.connect(database, autocommit=True) as raw:
            raw.execute("ALTER SYSTEM RESET full_page_writes")
            raw.execute("SELECT pg_reload_conf()")
