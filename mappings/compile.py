"""Compiles tables to plain Python. One generator; `delimited` and `tree` wires differ only in how a node is reached.

The generated source is readable (`cgt-hub mapping show --python`): one block per row, the row's id in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mappings import runtime
from mappings.codes import CodeTable
from mappings.emit_delimited import Delimited, fills_of
from mappings.emit_tree import Tree
from mappings.faults import TableError, TableFault, Unreadable
from mappings.residual import Norm, Shape
from mappings.runtime import Codec, Context, Draft
from mappings.vocabulary import Row, Spec

Frames = dict[str, Draft]
_SELECTOR = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled record table: `read` fills drafts from a piece, `write` makes the piece again from drafts alone."""

    spec: Spec
    source: str
    read: Callable[[dict[str, Any], Context, Frames], None]
    write: Callable[[Frames, Context], dict[str, Any]]
    shape: Shape
    kinds: tuple[str, ...]
    rows_by_place: Mapping[str, Row] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    picked: tuple[tuple[str, int, str], ...] = ()
    """Field, component and value of each constant that singles the piece out."""
    fields: tuple[tuple[str, str], ...] = ()
    """Kind and field of everything that the rows write."""
    least: Mapping[str, str] = field(default_factory=dict)
    """Fields that the format must have, as they are written where the frame has nothing for the whole piece."""
    filled: frozenset[str] = frozenset()
    """Canonical fields that are stated for a frame without them, because the format must have them."""
    constant: bool = False
    """True where a row writes something whatever the frames say."""

    def row_of(self, place: tuple[str, ...]) -> Row | None:
        """The row that answers for a wire place, by the longest path that leads to it."""
        for size in range(len(place), 0, -1):
            row = self.rows_by_place.get(".".join(place[:size]))
            if row is not None:
                return row
        return None

    def picks(self, piece: dict[str, Any], m: Context) -> bool:
        """True when the piece is the one this table was made for (always, without `pick`)."""
        for number, step, value in self.picked:
            text = piece.get(number, "")
            if value not in text or m.part(text, step) != value:  # type: ignore[attr-defined]
                return False
        return True

    def writes_of(self, drafts: Frames) -> bool:
        """True when the table writes a piece of these drafts: a field that they set, or a constant."""
        return self.constant or any(path in drafts[kind].set for kind, path in self.fields)

    def drafts(self) -> Frames:
        """Empty drafts for the kinds that this table writes into."""
        return {kind: Draft(kind) for kind in self.kinds}


def compile_all(
    specs: Mapping[str, Spec],
    types: Mapping[str, Spec],
    codecs: Mapping[str, Codec],
    codes: Mapping[str, CodeTable],
) -> dict[str, Table]:
    """Compiles record tables with their data types. Raises TableError with all faults together."""
    faults: list[TableFault] = []
    wires = {spec.wire for spec in (*specs.values(), *types.values())}
    namespace: dict[str, Any] = {name: getattr(runtime, name) for name in _HELPERS}
    namespace["Unreadable"] = Unreadable
    for name, codec in codecs.items():
        namespace[f"read_{name}"], namespace[f"write_{name}"] = codec.read, codec.write
    for name, table in codes.items():
        namespace[f"read_code_{name}"], namespace[f"write_code_{name}"] = table.read, table.write
    for wire in wires:
        emitter = _emitter(wire, types, codecs, codes, faults)
        source = "\n\n".join(emitter.type_source(spec) for spec in types.values() if spec.wire == wire)
        _execute(source, f"<types {wire}>", namespace, faults)
    tables: dict[str, Table] = {}
    for name, spec in specs.items():
        emitter = _emitter(spec.wire, types, codecs, codes, faults)
        source = emitter.record_source(spec)
        scope = _execute(source, f"<table {name}>", namespace, faults)
        if scope:
            tables[name] = _table(spec, source, scope, emitter)
    if faults:
        raise TableError(faults)
    for name, spec in types.items():
        namespace.setdefault(f"type_{name}", spec)
    return tables


_HELPERS = (
    *("add", "dig", "pick", "put", "join", "belongs", "by_constants", "others"),
    *("find_item", "make_item", "first_item", "make_first", "lone"),
)


def _emitter(
    wire: str,
    types: Mapping[str, Spec],
    codecs: Mapping[str, Codec],
    codes: Mapping[str, CodeTable],
    faults: list[TableFault],
) -> Delimited | Tree:
    return (Delimited if wire == "delimited" else Tree)(types, codecs, codes, faults)


def _execute(source: str, name: str, namespace: dict[str, Any], faults: list[TableFault]) -> dict[str, Any]:
    if faults:
        return {}
    exec(compile(source, name, "exec"), namespace)  # noqa: S102 - our own generator's output, from checked tables
    return namespace


def _table(spec: Spec, source: str, scope: dict[str, Any], emitter: Delimited | Tree) -> Table:
    read, write = scope.pop("read"), scope.pop("write")
    kinds = spec.kinds()

    def norm_of(path: tuple[str, ...]) -> Norm:
        """The writing of one list item, by way of the table itself."""

        def norm(item: Any, m: Context) -> Any:
            drafts = {kind: Draft(kind) for kind in kinds}
            quiet = m.quiet()
            read(emitter.wrap(path, item, quiet), quiet, drafts)
            return emitter.unwrap(path, write(drafts, quiet), quiet)

        return norm

    places = {_SELECTOR.sub("", path): row for row in reversed(spec.rows) for path in row.at}
    for row in spec.rows:
        for inner in emitter.types[row.codec].rows if emitter.is_type(row) else ():
            if inner.ignore:
                places[f"{row.at[0]}.{inner.at[0]}"] = replace(inner, id=f"{row.id}/{inner.id}")
    constant = any(row.constant is not None and not row.ignore for row in spec.rows)
    lists = frozenset(row.at[0] for row in spec.rows if row.each and not row.same_as)
    shape = emitter.shape(spec, norm_of)
    least, filled = _filled(spec) if spec.wire == "delimited" else ({}, frozenset())
    picked, fields = _picked(spec), _fields(spec)
    return Table(spec, source, read, write, shape, kinds, places, lists, picked, fields, least, filled, constant)


def _filled(spec: Spec) -> tuple[dict[str, str], frozenset[str]]:
    """What stands in the fields that must be there, and the canonical fields that it states."""
    rows = [row for row in spec.rows if row.fill is not None]
    least = {row.at[0]: fills[-1][1] for row in rows if (fills := fills_of(spec, row))}
    return least, frozenset(".".join(path.split(".")[:2]) for row in rows for path in row.into)


def _fields(spec: Spec) -> tuple[tuple[str, str], ...]:
    paths = [path.split(".") for row in spec.rows if row.only != "in" for path in row.into]
    return tuple(dict.fromkeys((kind, field) for kind, field, *_ in paths))


def _picked(spec: Spec) -> tuple[tuple[str, int, str], ...]:
    parts = [(path.partition("."), value) for path, value in spec.pick.items()]
    return tuple((number, int(step or 1), value) for (number, _, step), value in parts)
