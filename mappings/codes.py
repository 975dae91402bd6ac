"""Code tables: two-way relations between a partner's codes and ours, one CSV each. Not code systems (see the model).

Columns: `wire,canonical,note`. A wire code that ends in `!` is forward only: it is read, and written back only to the
message it came from. A canonical code that ends in `!` is backward only: it is written so, and never read. Each
canonical code has exactly one preferred reverse. The row `*,x-*` keeps a code that the table does not know under its
own name: `FOO` is `x-FOO`, and back. The row `*!,other` reads every unknown code as `other`, forward only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field

from mappings.faults import TableFault, Unreadable

KEPT = "x-"


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One relation. `read` and `write` are plain dictionary look-ups."""

    name: str
    forward: dict[str, str]
    reverse: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)
    keeps: bool = False

    def read(self, code: str) -> str:
        """Canonical code of a wire code. Raises Unreadable when the table does not know it."""
        found = self.forward.get(code)
        if found is None:
            if self.keeps and not code.startswith(KEPT):
                return KEPT + code
            if "*" in self.forward:
                return self.forward["*"]
            raise Unreadable("code-unknown", f"not in code table {self.name}; add it to the partner's code table")
        return found

    def write(self, code: str) -> str:
        """Preferred wire code of a canonical code. Raises Unreadable when the format has none."""
        found = self.reverse.get(code)
        if found is None:
            if self.keeps and code.startswith(KEPT):
                return code.removeprefix(KEPT)
            raise Unreadable("no-home", f"code table {self.name} has no code of this format for it")
        return found


def overlay(base: CodeTable, site: CodeTable) -> CodeTable:
    """The site's rows over the base's: a wire code is replaced, a new one added."""
    forward = {**base.forward, **site.forward}
    backward = {c for table in (base, site) for c, w in table.reverse.items() if table.forward.get(w) != c}
    both = {**base.reverse, **site.reverse}
    reverse = {c: w for c, w in both.items() if forward.get(w) == c or c in backward}
    return CodeTable(base.name, forward, reverse, {**base.notes, **site.notes}, base.keeps or site.keeps)


def parse(name: str, lines: Iterable[str]) -> tuple[CodeTable, list[TableFault]]:
    """A code table from CSV lines, with every fault found in it."""
    faults: list[TableFault] = []
    forward: dict[str, str] = {}
    reverse: dict[str, str] = {}
    notes: dict[str, str] = {}
    keeps = False
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    if reader.fieldnames is None or list(reader.fieldnames)[:2] != ["wire", "canonical"]:
        return CodeTable(name, {}, {}), [TableFault(name, "", "the first line is: wire,canonical,note")]
    for number, row in enumerate(reader, 2):
        wire, canonical = (row["wire"] or "").strip(), (row["canonical"] or "").strip()
        one_way = wire.endswith("!") and wire != "!"
        wire = wire.removesuffix("!") if one_way else wire
        back_only = canonical.endswith("!") and not one_way
        canonical = canonical.removesuffix("!")
        if not wire or not canonical:
            faults.append(TableFault(name, str(number), "a row has a wire and a canonical code"))
            continue
        if (wire, canonical) == ("*", f"{KEPT}*"):
            keeps = True
            continue
        if wire in forward and not back_only:
            faults.append(TableFault(name, str(number), f"wire code {wire} stands twice"))
        if not back_only:
            forward[wire] = canonical
        if row.get("note"):
            notes[wire] = row["note"].strip()
        if one_way:
            continue
        if canonical in reverse:
            faults.append(
                TableFault(
                    name,
                    str(number),
                    f"{canonical} is written as {reverse[canonical]} and {wire}: mark one as forward only ({wire}!)",
                )
            )
        reverse[canonical] = wire
    return CodeTable(name, forward, reverse, notes, keeps), faults
