"""The store: a database behind named statements, and what a transaction is. Knows SQL, no therapy.

One writer connection belongs to the committer; readers have connections of their own and see committed data only.

A connection runs statements by name: `all` and `one` read, `run` writes and tells how many rows, `add` writes a row
with a number of its own and tells that. What is written `later` waits until it is read, flushed, or committed: many
rows cost little more than one. Rows that wait are written in the order of `queries.sql`, those of one statement in the
order in which they came. `peek` reads past rows that wait, for one who has them in memory or looks at what is
`waiting`. A `savepoint` is a part of a transaction that can be undone alone. What is read in a `snapshot`, which writes
nothing, is of one moment.
"""

from hub.store.locks import PROVISIONAL, Spoilt, TakeAgain, Unplaced
from hub.store.port import Connection, ReadModel, Store
from hub.store.sqlite import (
    STATEMENTS,
    SqliteConnection,
    SqliteReadModel,
    SqliteStore,
    StoreInUse,
    only_one,
    read_only,
    recovered,
)
from hub.store.unwritten import Row

__all__ = [
    "PROVISIONAL",
    "STATEMENTS",
    "Connection",
    "ReadModel",
    "Row",
    "Spoilt",
    "SqliteConnection",
    "SqliteReadModel",
    "SqliteStore",
    "Store",
    "StoreInUse",
    "TakeAgain",
    "Unplaced",
    "only_one",
    "read_only",
    "recovered",
]
