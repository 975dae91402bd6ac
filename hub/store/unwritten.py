"""Rows of a transaction that wait to be written together, and the parts of it that can be undone alone. No database.

Writing many rows at once costs a fraction of writing each; a part that never wrote is undone by forgetting its rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hub.store.locks import Spoilt
from hub.store.statements import Statement

Row = tuple[Any, ...]


class Unwritten:
    """What waits in one connection's transaction."""

    def __init__(self, write: Callable[[Statement, Sequence[Row]], None], command: Callable[[str], Any]) -> None:
        self._write, self._command = write, command
        self._rows: dict[str, tuple[Statement, list[Row]]] = {}
        self._mark: dict[str, int] | None = None
        """Rows that waited when the open part began; None outside of a part, or once its savepoint stands."""

    def add(self, statement: Statement, values: Row) -> None:
        """One more row for a statement."""
        waiting = self._rows.get(statement.name)
        if waiting is None:
            waiting = self._rows[statement.name] = (statement, [])
        waiting[1].append(values)

    def rows(self, name: str) -> Sequence[Row]:
        """Rows that wait for a statement."""
        waiting = self._rows.get(name)
        return waiting[1] if waiting is not None else ()

    def touches(self, tables: Collection[str]) -> bool:
        """True when rows wait for one of these tables."""
        return any(not statement.tables.isdisjoint(tables) for statement, _ in self._rows.values())

    def flush(self) -> None:
        """Writes what waits; what a part adds stays behind its savepoint."""
        if self._mark is not None:
            mark = self._mark
            added = {name: (one, rows[mark.get(name, 0) :]) for name, (one, rows) in self._rows.items()}
            self._rows = {name: (one, rows[: mark.get(name, 0)]) for name, (one, rows) in self._rows.items()}
            try:
                self._write_out()
            except Exception as wrong:
                raise Spoilt from wrong
            self._command("SAVEPOINT part")
            self._mark, self._rows = None, added
        self._write_out()

    def _write_out(self) -> None:
        waiting, self._rows = self._rows, {}
        for statement, rows in sorted(waiting.values(), key=lambda one: one[0].order):
            if rows:
                self._write(statement, rows)

    def forget(self) -> None:
        """Drops what waits: its transaction is undone."""
        self._rows, self._mark = {}, None

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of the transaction: undone alone when the block fails. Parts do not stand inside of each other."""
        self._mark = mark = {name: len(rows) for name, (_, rows) in self._rows.items()}
        try:
            yield
        except BaseException:
            if self._mark is None:
                self._rows = {}
                self._command("ROLLBACK TO SAVEPOINT part")
                self._command("RELEASE SAVEPOINT part")
            else:
                self._rows = {name: (one, rows[: mark.get(name, 0)]) for name, (one, rows) in self._rows.items()}
            raise
        else:
            if self._mark is None:
                self._write_out()
                self._command("RELEASE SAVEPOINT part")
        finally:
            self._mark = None


class Writing(ABC):
    """How a connection writes rows now or later, the same for every database. The port is described in `hub.store`."""

    statements: Mapping[str, Statement]
    """Every statement by name, as the database takes it."""
    _unwritten: Unwritten

    @abstractmethod
    def run(self, name: str, *values: Any) -> int: ...

    @abstractmethod
    def next_id(self, table: str) -> int: ...

    def later(self, name: str, *values: Any) -> None:
        self._unwritten.add(self.statements[name], values)

    def waiting(self, name: str) -> Sequence[Row]:
        return self._unwritten.rows(name)

    def add(self, name: str, *values: Any) -> int:
        key = self.next_id(self._table(name))
        self.run(name, key, *values)
        return key

    def add_later(self, name: str, *values: Any) -> int:
        key = self.next_id(self._table(name))
        self.later(name, key, *values)
        return key

    def flush(self) -> None:
        self._unwritten.flush()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        with self._unwritten.part():
            yield

    def _table(self, name: str) -> str:
        """The table of a statement that adds a row with a number of its own."""
        insert = self.statements[name].insert
        assert insert is not None and insert[1][0] == "id", name
        return insert[0]
