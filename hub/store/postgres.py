"""The store in PostgreSQL: several processes write it, each by one connection of its own; readers have theirs.

What belongs together is locked by its writer until the commit (`hub.claims`), so the work of two processes overlaps.
Positions are gap-free and in the order of the commits: a transaction gives its facts provisional ones, and gets real
ones under the sequencer's lock when it writes its rows, which is most often at its very end.
"""

from __future__ import annotations

import contextlib
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql as composed
from psycopg.rows import tuple_row

from hub.store import migrate, statements
from hub.store.locks import PROVISIONAL, TakeAgain, Unplaced, lock_of
from hub.store.migrations.dialect import ddl
from hub.store.statements import Statement
from hub.store.unwritten import Row, Unwritten, Writing

STATEMENTS = statements.postgresql()
SEQUENCER = 0x4347_5448
"""The advisory lock of the sequencer; migrations take the next one."""
IDS = 100
"""Row ids that a process reserves at once; the migrations let the sequences step by it."""
READ_SCHEMA = "read_model"
_VALUES = re.compile(r"VALUES \((?:\s*%s\s*,?)+\)")
_NUMBERED = re.compile(r"%\(p\d\)s")

Raw = psycopg.Connection[Row]
Types = dict[str, dict[str, str]]


class PostgresConnection(Writing):
    """One connection to a store: statements by name. The port is described in `hub.store`."""

    statements = STATEMENTS

    def __init__(self, opened: Callable[[], Raw], types: Types) -> None:
        """`opened` gives the line to the server, also when the one before was cut."""
        self._opened, self._types = opened, types
        self._connect()
        self._unwritten = Unwritten(self._write, self._command)
        self._ids: dict[str, Iterator[int]] = {}
        self._offset: int | None = 0
        """What is to be added to a provisional position; None while that is not known."""
        self.placed: Callable[[int], None] = lambda _: None
        """Told the offset as soon as it is known, to one who remembers provisional positions."""

    def _connect(self) -> None:
        self.raw = self._opened()
        self._cursor = self.raw.cursor(binary=True)
        self._begun = False

    def _ready(self) -> None:
        """Outside of a transaction a line that was cut is made again."""
        if self.raw.closed and not self._begun:
            self._connect()

    def _execute(self, statement: Statement, values: Sequence[Any]) -> psycopg.Cursor[Row]:
        if any(type(value) is int and value >= PROVISIONAL for value in values):
            values = self._real(values)
        self._ready()
        with _told():
            if _NUMBERED.search(statement.sql):
                return self._cursor.execute(_query(statement.sql), {f"p{n}": v for n, v in enumerate(values, 1)})
            return self._cursor.execute(_query(statement.sql), values)

    def _command(self, words: str) -> None:
        with _told():
            self._cursor.execute(_query(words), prepare=False)

    def all(self, name: str, *values: Any) -> list[Row]:
        statement = STATEMENTS[name]
        if self._unwritten.touches(statement.tables):
            self._unwritten.flush()
        return self._execute(statement, values).fetchall()

    def one(self, name: str, *values: Any) -> Row | None:
        found = self.all(name, *values)
        return found[0] if found else None

    def peek(self, name: str, *values: Any) -> list[Row]:
        return self._execute(STATEMENTS[name], values).fetchall()

    def run(self, name: str, *values: Any) -> int:
        if self._begun:
            self._unwritten.flush()
        return self._execute(STATEMENTS[name], values).rowcount

    def next_id(self, table: str) -> int:
        key = next(self._ids.get(table, iter(())), None)
        if key is None:
            first = self._reserved(f"{table}_id_seq")
            self._ids[table] = iter(range(first + 1, first + IDS))
            return first
        return key

    def _reserved(self, sequence: str) -> int:
        found = self._cursor.execute("SELECT nextval(%s::regclass)", (sequence,)).fetchone()
        assert found is not None
        return int(found[0])

    def start(self, placed: bool = False) -> int:
        """The position before the first one that the transaction gives; provisional unless `placed`."""
        self._offset = None
        if not placed:
            return PROVISIONAL - 1
        self._offset = self._head() + 1 - PROVISIONAL
        return self._offset + PROVISIONAL - 1

    def _head(self) -> int:
        """The last position; from here to the transaction's end no other process gives any."""
        with _told():
            self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (SEQUENCER,))
        row = self._cursor.execute(_query(STATEMENTS["head"].sql)).fetchone()
        assert row is not None
        return int(row[0])

    def place(self) -> None:
        """Gives the transaction's facts their real positions: from here to its commit no other process has a turn."""
        if self._offset is None:
            self._offset = self._head() + 1 - PROVISIONAL
            self.placed(self._offset)

    def _real(self, values: Sequence[Any]) -> list[Any]:
        if self._offset is None:
            raise Unplaced
        return [v + self._offset if type(v) is int and v >= PROVISIONAL else v for v in values]

    def _write(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Rows of an INSERT as arrays, which costs a fraction of one statement each; of others one by one."""
        if any(type(value) is int and value >= PROVISIONAL for row in rows for value in row):
            rows = [tuple(self._real(row)) for row in rows]
        bulk = _bulk(statement, self._types)
        with _told():
            if bulk is not None:
                self._cursor.execute(_query(bulk), [list(column) for column in zip(*rows, strict=True)])
            elif _NUMBERED.search(statement.sql):
                named = [{f"p{n}": v for n, v in enumerate(row, 1)} for row in rows]
                self._cursor.executemany(_query(statement.sql), named)
            else:
                self._cursor.executemany(_query(statement.sql), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._begin("BEGIN")
        try:
            yield
            self._unwritten.flush()
        except BaseException:
            self._unwritten.forget()
            self._roll_back()
            raise
        else:
            self._command("COMMIT")
        finally:
            self._begun, self._offset = False, self._offset or 0

    def _begin(self, words: str) -> None:
        self._ready()
        self._command(words)
        self._begun = True

    def _roll_back(self) -> None:
        """Undoes the transaction; a line that was cut has undone it."""
        with contextlib.suppress(psycopg.OperationalError):
            self._command("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self._roll_back()
            self._begun = False

    def close(self) -> None:
        self.raw.close()


@contextmanager
def _told() -> Iterator[None]:
    """What one of several writers cannot help is no error: its transaction is run again."""
    try:
        yield
    except (pg_errors.DeadlockDetected, pg_errors.SerializationFailure, pg_errors.UniqueViolation) as clash:
        raise TakeAgain from clash


def _query(words: str) -> composed.SQL:
    """Words of ours as a query; nothing of a message is ever among them."""
    return composed.SQL(words)  # pyright: ignore[reportArgumentType]


def _bulk(statement: Statement, types: Types) -> str | None:
    """An INSERT of one row as one of many, its columns as arrays; None where it cannot be."""
    if statement.insert is None or "DO UPDATE" in statement.sql or not _VALUES.search(statement.sql):
        return None
    table, columns = statement.insert
    arrays = ", ".join(f"%b::{types[table][column]}[]" for column in columns)
    return _VALUES.sub(lambda _: f"SELECT * FROM unnest({arrays})", statement.sql)  # noqa: S608 - names of our schema


def _types(raw: Raw, schema: str) -> Types:
    found: Types = {}
    rows = raw.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s", (schema,)
    )
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _open(dsn: str, schema: str = "public", read_only: bool = False) -> Raw:
    raw: Raw = psycopg.connect(dsn, autocommit=True, row_factory=tuple_row)
    raw.prepared_max = 400
    raw.execute(composed.SQL("SET search_path TO {}").format(composed.Identifier(schema)))
    raw.execute("SET synchronous_commit TO on")
    raw.execute("SET TimeZone TO 'UTC'")
    raw.execute("SET enable_seqscan TO off")  # a plan that is kept from when the tables were empty reads them whole
    if read_only:
        raw.execute("SET default_transaction_read_only TO on")
    return raw


class Unsafe(Exception):
    """The database server is told to forget what it committed."""


def _refuse_unsafe(raw: Raw) -> None:
    for setting in ("fsync", "full_page_writes"):
        row = raw.execute(_query(f"SHOW {setting}")).fetchone()
        if row is None or row[0] != "on":
            raise Unsafe(f"PostgreSQL runs with {setting}=off and loses what it acknowledged: switch it on")


def read_only(dsn: str) -> PostgresConnection:
    """A store looked at from outside, beside running hubs too. Changes nothing, upgrades nothing."""
    return PostgresConnection(partial(_open, dsn, read_only=True), {})


def is_empty(dsn: str) -> bool:
    """True where no hub has made a store in the database."""
    with psycopg.connect(dsn, autocommit=True) as raw:
        return migrate.version_in(raw) == ""


class Seats:
    """Roles that one process at a time has, of all that share the store: kept as locks of a session of their own.

    A process that ends, however it ends, gives its seats back.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._guard = threading.Lock()
        self._session: Raw | None = None
        self._taken: set[str] = set()

    def take(self, name: str) -> bool:
        """True when this process has the seat, now or already."""
        with self._guard:
            try:
                return self._take(name)
            except psycopg.Error:
                self._leave()
                return False

    def _take(self, name: str) -> bool:
        if self._session is None:
            self._session = _open(self._dsn)
        if name in self._taken:
            self._session.execute("SELECT 1")  # a session that was cut has no locks any more
            return True
        row = self._session.execute("SELECT pg_try_advisory_lock(%s)", (lock_of(f"seat/{name}"),)).fetchone()
        if row is not None and row[0]:
            self._taken.add(name)
        return name in self._taken

    def _leave(self) -> None:
        self._taken.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        with self._guard:
            self._leave()


class PostgresStore:
    """A store in PostgreSQL. Raises NewerStore, Unsafe, psycopg.Error."""

    shared = True
    """Other processes may write it at the same time."""
    path = None
    DOWN: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InterfaceError)
    """What is the store's trouble and not that of what is written."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        raw = _open(dsn)
        try:
            _refuse_unsafe(raw)
            with _alone(raw):
                migrate.upgrade_postgresql(dsn)
            types = _types(raw, "public")
        finally:
            raw.close()
        self.writer = PostgresConnection(partial(_open, dsn), types)
        self._seats = Seats(dsn)

    def reader(self) -> PostgresConnection:
        """A connection of one's own for reading committed data."""
        return PostgresConnection(partial(_open, self.dsn, read_only=True), {})

    def seat(self, name: str) -> bool:
        """True when this process has a role that only one may have."""
        return self._seats.take(name)

    def checkpoint(self) -> None:
        """The server does it."""

    def close(self) -> None:
        self._seats.close()
        self.writer.close()


@contextmanager
def _alone(raw: Raw) -> Iterator[None]:
    """Processes that start together upgrade one after the other."""
    raw.execute("SELECT pg_advisory_lock(%s)", (SEQUENCER + 1,))
    try:
        yield
    finally:
        raw.execute("SELECT pg_advisory_unlock(%s)", (SEQUENCER + 1,))


class PostgresReadModel:
    """The read model in a schema of its own: derived, so it is made anew whenever its tables are others."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._schema = statements.read_model()
        raw = _open(dsn)
        try:
            with _alone(raw):
                if self._version(raw) != str(zlib.crc32(self._schema.encode())):
                    self._make(raw)
            types = _types(raw, READ_SCHEMA)
        finally:
            raw.close()
        self.writer = PostgresConnection(partial(_open, dsn, READ_SCHEMA), types)

    @staticmethod
    def _version(raw: Raw) -> str:
        row = raw.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", (READ_SCHEMA,)).fetchone()
        return str(row[0]) if row else ""

    def _make(self, raw: Raw) -> None:
        with raw.transaction():
            raw.execute(_query(f"DROP SCHEMA IF EXISTS {READ_SCHEMA} CASCADE"))
            raw.execute(_query(f"CREATE SCHEMA {READ_SCHEMA}"))
            raw.execute(_query(f"SET search_path TO {READ_SCHEMA}"))
            for statement in ddl(self._schema, "postgresql"):
                raw.execute(_query(statement))
            raw.execute(_query(f"COMMENT ON SCHEMA {READ_SCHEMA} IS '{zlib.crc32(self._schema.encode())}'"))

    def reset(self) -> None:
        """Empties the read model."""
        self._make(self.writer.raw)

    def reader(self) -> PostgresConnection:
        """A connection of one's own for reading."""
        return PostgresConnection(partial(_open, self.dsn, READ_SCHEMA, read_only=True), {})

    def close(self) -> None:
        self.writer.close()
