"""What both generators share: indentation, canonical access, codec choice. Emits text, runs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mappings.codes import CodeTable
from mappings.faults import TableFault
from mappings.runtime import Codec
from mappings.vocabulary import Row, Spec

_VERSIONS = re.compile(r"(>=|<=|<|>)(\d+(?:\.\d+)*)")


class Emitter:
    """Common parts of a generator. Faults of the tables are collected, never raised here."""

    wire = ""

    def __init__(
        self,
        types: Mapping[str, Spec],
        codecs: Mapping[str, Codec],
        codes: Mapping[str, CodeTable],
        faults: list[TableFault],
    ) -> None:
        self.types, self.codecs, self.codes, self.faults = types, codecs, codes, faults

    def fault(self, spec: Spec, row: Row, text: str) -> None:
        self.faults.append(TableFault(spec.name, row.id, text))

    def check_codec(self, spec: Spec, row: Row) -> None:
        """Adds a fault when the row names a codec, type or code table that does not exist."""
        if row.table and row.table not in self.codes:
            self.fault(spec, row, f"no code table {row.table!r}; known are: {', '.join(sorted(self.codes))}")
        elif not row.table and row.codec != "text" and row.codec not in self.types and row.codec not in self.codecs:
            known = ", ".join(sorted([*self.types, *self.codecs]))
            self.fault(spec, row, f"no codec or data type {row.codec!r}; known are: {known}")
        for codec in row.derive.values():
            if codec not in self.codecs:
                self.fault(spec, row, f"no codec {codec!r} to derive with")
        if row.split and not row.into:
            self.fault(spec, row, "`split` belongs to a row with `into`")
        if row.versions and _VERSIONS.fullmatch(row.versions) is None:
            self.fault(spec, row, "`versions` is written like >=2.7 or <2.5.1")

    def is_type(self, row: Row) -> bool:
        return not row.table and row.codec in self.types

    def is_raw(self, row: Row) -> bool:
        return not row.table and row.codec in self.codecs and self.codecs[row.codec].raw


def block(lines: list[str], depth: int) -> str:
    """Lines with `depth` levels of indentation."""
    return "\n".join(("    " * depth + line) if line else "" for line in lines)


def indent(lines: list[str], depth: int = 1) -> list[str]:
    return ["    " * depth + line if line else "" for line in lines]


def name_of(text: str) -> str:
    """A Python name out of a table or row id."""
    return re.sub(r"\W", "_", text)


def get(holder: str, path: str) -> str:
    """Expression that reads a dotted canonical path."""
    steps = path.split(".")
    if len(steps) == 1:
        return f"{holder}.get({steps[0]!r})"
    return f"pick({holder}, {', '.join(repr(s) for s in steps)})"


def where(holder: str, path: str) -> tuple[str, str]:
    """Expression of the branch that holds a dotted canonical path, and the last step."""
    *branch, last = path.split(".")
    return (f"dig({holder}, {', '.join(repr(s) for s in branch)})" if branch else holder), last


def assign(holder: str, path: str, value: str) -> str:
    """Statement that sets a dotted canonical path."""
    branch, last = where(holder, path)
    return f"{branch}[{last!r}] = {value}"


def version_test(row: Row) -> str:
    """Condition under which a row is written, or an empty text."""
    if not row.versions:
        return ""
    match = _VERSIONS.fullmatch(row.versions)
    if match is None:  # a fault of the table, noted by `check_codec`
        return "False"
    return f"m.version {match[1]} ({match[2].replace('.', ', ')},)"


def siblings(spec: Spec, row: Row) -> list[Row]:
    """Other rows that feed the same list path with `split` constants."""
    return [other for other in spec.rows if other is not row and other.into == row.into and other.split]


def implied_by(spec: Spec, row: Row) -> list[Row]:
    """Rows whose presence already means this row's value."""
    return [other for other in spec.rows if any(path in other.implies for path in row.into)]
