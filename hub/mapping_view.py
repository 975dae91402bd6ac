"""Tables as people read them: rows for a terminal, and the Python that they compile to."""

from __future__ import annotations

from collections.abc import Iterator

from hub.formats import compiled
from mappings.compile import Table
from mappings.vocabulary import Row


def _table(name: str) -> Table:
    format_name = name.partition("/")[0]
    tables: dict[str, Table] = compiled(format_name, None, "UTC", "").library.tables
    if name not in tables:
        raise FileNotFoundError(f"no table {name!r}; known are: {', '.join(sorted(tables))}")
    return tables[name]


def source_of(name: str) -> str:
    """The generated Python of a table. Raises FileNotFoundError."""
    return _table(name).source


def table_of(name: str) -> Iterator[tuple[str, str, str, str]]:
    """Row id, wire path, canonical path and how, of every row. Raises FileNotFoundError."""
    for row in _table(name).spec.rows:
        yield row.id, ", ".join(row.at), ", ".join(row.into) or row.ignore, _how(row)


def _how(row: Row) -> str:
    words = ["each"] if row.each else []
    words += [f"table {row.table}"] if row.table else ([] if row.codec == "text" else [f"as {row.codec}"])
    words += [f"split {dict(row.split)}"] if row.split else []
    words += [f"same as {row.same_as}"] if row.same_as else []
    words += [f"versions {row.versions}"] if row.versions else []
    words += [f"only {row.only}: {row.why}"] if row.only else []
    words += [f"ignored: {row.ignore}"] if row.ignore else []
    words += [f"constant {row.constant}"] if row.constant is not None else []
    return "; ".join(words)
