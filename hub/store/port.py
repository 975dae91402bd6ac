"""What a store is to the rest of the hub: the port that SQLite and PostgreSQL stand behind. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from hub.store.unwritten import Row


class Connection(Protocol):
    """One connection to a store: statements by name."""

    placed: Callable[[int], None]
    """Told what is to be added to provisional positions, as soon as that is known."""

    @property
    def raw(self) -> Any:
        """The driver's own connection, for what has no statement."""
        ...

    def all(self, name: str, *values: Any) -> list[Row]:
        """All rows of a named statement; rows that wait for its tables are written first."""
        ...

    def one(self, name: str, *values: Any) -> Row | None:
        """The first row of a named statement, or None."""
        ...

    def peek(self, name: str, *values: Any) -> list[Row]:
        """The same past rows that wait, for one who has them in memory."""
        ...

    def run(self, name: str, *values: Any) -> int:
        """Runs a named statement; the number of rows that it changed."""
        ...

    def later(self, name: str, *values: Any) -> None:
        """Lets a row wait to be written with others."""

    def waiting(self, name: str) -> Sequence[Row]:
        """Rows that wait for a statement."""
        ...

    def add(self, name: str, *values: Any) -> int:
        """Adds a row to a table with a number of its own; the number."""
        ...

    def add_later(self, name: str, *values: Any) -> int:
        """The same for a row that waits."""
        ...

    def next_id(self, table: str) -> int:
        """A number that no other row of a table gets."""
        ...

    def flush(self) -> None:
        """Writes what waits."""

    def start(self, placed: bool = False) -> int:
        """The position before the first that a transaction gives; provisional, where others write, unless `placed`."""
        ...

    def place(self) -> None:
        """Gives the transaction's facts their real positions: from here to its commit nobody else has a turn."""

    def transaction(self) -> AbstractContextManager[None]:
        """One transaction: committed when the block ends well, else undone."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction that can be undone alone."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """What is read in the block is of one moment."""
        ...

    def close(self) -> None:
        """Gives the connection back."""


class Store(Protocol):
    """A store that this process writes."""

    shared: bool
    """Whether other processes may write it at the same time."""
    DOWN: tuple[type[Exception], ...]
    """What is the store's trouble and not that of what is written."""

    @property
    def writer(self) -> Connection:
        """The committer's connection."""
        ...

    @property
    def path(self) -> Path | None:
        """Its file, where it is one."""
        ...

    def reader(self) -> Connection:
        """A connection of one's own for reading committed data."""
        ...

    def seat(self, name: str) -> bool:
        """True when this process has a role that only one of those may have that share the store."""
        ...

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database. For the projector's thread."""

    def close(self) -> None:
        """Gives the store back."""


class ReadModel(Protocol):
    """The read model's own place: derived, so it is made anew whenever its schema is another."""

    @property
    def writer(self) -> Connection:
        """The projector's connection."""
        ...

    def reader(self) -> Connection:
        """A connection of one's own for reading."""
        ...

    def reset(self) -> None:
        """Empties the read model."""

    def close(self) -> None:
        """Gives it back."""


__all__ = ["Connection", "ReadModel", "Row", "Store"]
