"""Named SQL: read once from `queries.sql`, with the words of each database. Runs nothing.

A statement is the same for both databases but for three things, which are filled in here: parameters, lists given as
JSON (`{texts ?}`, `{integers ?}`), and what `postgresql.sql` says in another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_LIST = re.compile(r"\{(integers|texts) (\?\d?)\}")
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)")
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\)\s*VALUES \(([^)]*)\)")
_PLACE = re.compile(r"\?(\d?)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as one database takes it."""

    name: str
    sql: str
    tables: frozenset[str]
    order: int
    """Where it stands in `queries.sql`: rows that wait are written in this order, what others refer to first."""
    insert: tuple[str, tuple[str, ...]] | None
    """Table and columns of an INSERT of one row."""


def _parts(file: str) -> dict[str, str]:
    parts = _NAME.split((_HERE / file).read_text(encoding="utf-8"))[1:]
    return {name: _COMMENT.sub("", body).strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _statements(texts: Mapping[str, str], words: Callable[[str], str]) -> dict[str, Statement]:
    found = {}
    for order, (name, text) in enumerate(texts.items()):
        inserted = _INSERT.match(text)
        columns = tuple(column.strip() for column in inserted[2].split(",")) if inserted else ()
        insert = (inserted[1], columns) if inserted else None
        found[name] = Statement(name, words(text), frozenset(_TABLE.findall(text)), order, insert)
    return found


def _for_sqlite(text: str) -> str:
    return _LIST.sub(lambda found: f"(SELECT value FROM json_each({found[2]}))", text)  # noqa: S608 - a parameter


def _for_postgresql(text: str) -> str:
    types = {"integers": "bigint", "texts": "text"}
    listed = _LIST.sub(
        lambda f: f"(SELECT x::{types[f[1]]} FROM jsonb_array_elements_text(({f[2]})::jsonb) AS t(x))",  # noqa: S608
        text.replace("%", "%%"),
    )
    binary = listed.replace("?::text[]", "%b::text[]").replace("?::bigint[]", "%b::bigint[]")
    return _PLACE.sub(lambda found: f"%(p{found[1]})s" if found[1] else "%s", binary)


def sqlite() -> dict[str, Statement]:
    """Every statement by name, for SQLite."""
    return _statements(_parts("queries.sql"), _for_sqlite)


def postgresql() -> dict[str, Statement]:
    """Every statement by name, for psycopg."""
    return _statements(_parts("queries.sql") | _parts("postgresql.sql"), _for_postgresql)


def read_model() -> str:
    """The schema of the read model, as SQLite has it."""
    return (_HERE / "read_model.sql").read_text(encoding="utf-8")
