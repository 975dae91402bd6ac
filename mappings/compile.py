"""Compiles tables to plain Python. One generator; `delimited` and `tree` wires differ only in how a node is reached.

The generated source is readable (`cgt-hub mapping show --python`): one block per row, the row's id in front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings import runtime
from mappings.codes import CodeTable
from mappings.emit_delimited import Delimited
from mappings.emit_tree import Tree
from mappings.faults import TableError, TableFault, Unreadable
from mappings.residual import Norm, Shape
from mappings.runtime import Codec, Context, Draft
from mappings.vocabulary import Row, Spec

Frames = dict[str, Draft]


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

    def row_of(self, place: tuple[str, ...]) -> Row | None:
        """The row that answers for a wire place, by the longest path that leads to it."""
        for size in range(len(place), 0, -1):
            row = self.rows_by_place.get(".".join(place[:size]))
            if row is not None:
                return row
        return None

    def picks(self, piece: dict[str, Any], m: Context) -> bool:
        """True when the piece is the one this table was made for (always, without `pick`)."""
        return all(m_leaf(piece, path, m) == value for path, value in self.spec.pick.items())

    def drafts(self) -> Frames:
        """Empty drafts for the kinds that this table writes into."""
        return {kind: Draft(kind) for kind in self.kinds}


def m_leaf(piece: dict[str, Any], path: str, m: Context) -> Any:
    """One leaf of a delimited piece, such as `3.1`."""
    steps = path.split(".")
    text = piece.get(steps[0])
    if text is None:
        return None
    return m.part(text, [int(step) for step in steps[1:]])  # type: ignore[attr-defined]


def compile_all(
    specs: Mapping[str, Spec],
    types: Mapping[str, Spec],
    codecs: Mapping[str, Codec],
    codes: Mapping[str, CodeTable],
    context: Callable[[Context], Context],
) -> dict[str, Table]:
    """Compiles record tables with their data types. Raises TableError with all faults together.

    `context` makes a silent copy of a message's context, for reading an item again without noting its faults twice.
    """
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
            tables[name] = _table(spec, source, scope, emitter, context)
    if faults:
        raise TableError(faults)
    for name, spec in types.items():
        namespace.setdefault(f"type_{name}", spec)
    return tables


_HELPERS = ("add", "dig", "pick", "put", "join", "belongs", "others", "find_item", "make_item")


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


def _table(
    spec: Spec,
    source: str,
    scope: dict[str, Any],
    emitter: Delimited | Tree,
    context: Callable[[Context], Context],
) -> Table:
    read, write = scope.pop("read"), scope.pop("write")
    kinds = spec.kinds()

    def norm_of(path: tuple[str, ...]) -> Norm:
        """The writing of one list item, by way of the table itself."""

        def norm(item: Any, m: Context) -> Any:
            drafts = {kind: Draft(kind) for kind in kinds}
            quiet = context(m)
            read(emitter.wrap(path, item, quiet), quiet, drafts)
            return emitter.unwrap(path, write(drafts, quiet), quiet)

        return norm

    places = {path: row for row in spec.rows for path in row.at}
    lists = frozenset(row.at[0] for row in spec.rows if row.each and not row.same_as)
    return Table(spec, source, read, write, emitter.shape(spec, norm_of), kinds, places, lists)
