"""Tables and message maps as people read them: rows for a terminal, and the Python that a table compiles to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hub.formats import compiled
from mappings.compile import Table
from mappings.library import Library
from mappings.vocabulary import Row


def _library(name: str) -> Library:
    library: Library = compiled(name.partition("/")[0], None, "UTC", "").library
    return library


def _table(name: str) -> Table:
    library = _library(name)
    if name not in library.tables:
        maps = f"; maps: {', '.join(sorted(library.maps))}" if name not in library.maps else "; it is a message map"
        raise FileNotFoundError(f"no table {name!r}; known are: {', '.join(sorted(library.tables))}{maps}")
    return library.tables[name]


def source_of(name: str) -> str:
    """The generated Python of a table. Raises FileNotFoundError."""
    return _table(name).source


def table_of(name: str) -> Iterator[tuple[str, str, str, str]]:
    """Row id, wire path, canonical path and how, of every row. Raises FileNotFoundError."""
    for row in _table(name).spec.rows:
        yield row.id, ", ".join(row.at), ", ".join(row.into) or row.ignore, _how(row)


def is_map(name: str) -> bool:
    """True for a message map, such as hl7v2/oru_r01. Raises FileNotFoundError for an unknown format."""
    return name in _library(name).maps


def map_of(name: str) -> Iterator[tuple[str, str, str]]:
    """What a message map says, part by part: the part, what it is about, and how. Raises KeyError."""
    data = _library(name).maps[name]
    yield "for", ", ".join(data["for"]), data.get("about", "")
    for group in (*data.get("frames", ()), *data.get("rows_by", ())):
        yield from _group(group, 0)
    for kind, cases in data.get("on", {}).items():
        for case in cases:
            when = "; ".join(f"{path} is {_listed(value, ' or ')}" for path, value in case.get("when", {}).items())
            yield "on", kind, f"{when or 'else'}: {', '.join(map(_event, case['events'])) or 'nothing'}"
    for kind, rule in data.get("identify", {}).items():
        words = rule.items() if isinstance(rule, Mapping) else [("", rule)]
        yield "identify", kind, "; ".join(f"{word} {_listed(paths)}".strip() for word, paths in words)
    for kind, fields in data.get("belongs", {}).items():
        yield "belongs", kind, "; ".join(f"{field}: {_listed(paths)}" for field, paths in fields.items())
    for kind, paths in data.get("occurred", {}).items():
        yield "occurred", kind, _listed(paths)
    for event_type, rows in data.get("send", {}).items():
        said = f"as {rows}" if isinstance(rows, str) else ", ".join(row["frame"] for row in rows)
        yield "send", event_type, said


def _group(group: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str, str]]:
    """A group of frames and those inside it, each a step to the right."""
    kinds = [group["frame"], *([group["also"]] if isinstance(group.get("also"), str) else group.get("also", ()))]
    words = [f"from {_listed(group['start'], ' or ')}"] if "start" in group else []
    words += [f"by {_listed(group[word])}" for word in ("piece", "table") if word in group]
    words += [f"{piece} by {_listed(tables)}" for piece, tables in group.get("rows", {}).items()]
    words += [f"key {_listed(group['key'])}"] if "key" in group else []
    words += [f"{field} -> {target}" for field, target in group.get("links", {}).items()]
    yield "frame", "  " * depth + " + ".join(kinds), "; ".join(words)
    for inner in group.get("frames", ()):
        yield from _group(inner, depth + 1)


def _event(event: Any) -> str:
    if isinstance(event, str):
        return event
    each = f" per {_listed(event['for_each'])}" if "for_each" in event else ""
    return f"{event['event']}{each}"


def _listed(value: Any, between: str = ", ") -> str:
    many: Iterable[Any] = value if isinstance(value, list) else [value]
    return between.join(str(one) for one in many)


def _how(row: Row) -> str:
    words = ["each"] if row.each else []
    words += [f"table {row.table}"] if row.table else ([] if row.codec == "text" else [f"as {row.codec}"])
    words += [f"split {dict(row.split)}"] if row.split else []
    words += [f"same as {row.same_as}"] if row.same_as else []
    words += [f"versions {row.versions}"] if row.versions else []
    words += [f"only {row.only}: {row.why}"] if row.only else []
    words += [f"ignored: {row.ignore}"] if row.ignore else []
    words += [f"constant {row.constant}"] if row.constant is not None else []
    words += [f"assumed {row.default}"] if row.default is not None else []
    words += [f"else {row.fill if isinstance(row.fill, str) else dict(row.fill)}"] if row.fill is not None else []
    return "; ".join(words)
