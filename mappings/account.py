"""The account of a message: what became of each of its leaves. Counts what reading did; decides nothing.

carried   the tables write the leaf again from the frames alone
lossy     carried with less than it said; the original waits in the residual
residual  kept for its sender only
ignored   kept likewise, with a reason from the closed list
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mappings.compile import Table
from mappings.residual import Node

FATES = ("carried", "lossy", "residual", "ignored")

Place = tuple[str, ...]
Leaves = Callable[[str, Any], Iterable[tuple[Place, str]]]
"""Every leaf of a piece (its name, its wire) with its place; the format's adapter gives it."""


Count = Callable[[str, Any], int]
"""How many leaves that is, where the format can tell without looking at each."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf: the piece it stands in, its place as the standard counts, its fate and the row that decided it."""

    piece: str
    ordinal: int
    place: Place
    fate: str
    row: str = ""
    reason: str = ""
    target: str = ""

    def plain(self) -> dict[str, Any]:
        shown = {
            "piece": self.piece,
            "ordinal": self.ordinal,
            "place": ".".join(self.place),
            "fate": self.fate,
            "row": self.row,
        }
        if self.reason:
            shown["reason"] = self.reason
        if self.target:
            shown["into"] = self.target
        return shown


@dataclass(slots=True)
class Piece:
    """One piece of a message as it was read: its wire, what the tables write of it, and their difference.

    Made for every segment of every message: a frozen one takes three times as long to make.
    """

    name: str
    ordinal: int
    wire: Any
    canonical: Any
    node: Node | None
    table: Table | None


def summary(pieces: Iterable[Piece], leaves: Leaves, count: Count | None = None) -> Counter[str]:
    """Leaves per fate. Only what differs is looked at leaf by leaf."""
    counts: Counter[str] = Counter()
    total = 0
    for piece in pieces:
        total += count(piece.name, piece.wire) if count else sum(1 for _ in leaves(piece.name, piece.wire))
        if piece.table is None and count:
            counts["residual"] += count(piece.name, piece.wire)
        elif piece.node is not None:
            for _, fate, _ in _differing(piece, leaves):
                counts[fate] += 1
    counts["carried"] = total - counts.total()
    return counts


def entries(pieces: Iterable[Piece], leaves: Leaves) -> Iterator[Entry]:
    """Every leaf with its fate."""
    for piece in pieces:
        fates = {} if piece.node is None else {place: (fate, why) for place, fate, why in _differing(piece, leaves)}
        for place, _ in leaves(piece.name, piece.wire):
            fate, reason = fates.get(place, ("carried", ""))
            row = piece.table.row_of(_plain(place)) if piece.table else None
            target = ", ".join(row.into) if row and fate in {"carried", "lossy"} else ""
            yield Entry(piece.name, piece.ordinal, place, fate, row.id if row else "", reason, target)


def _differing(piece: Piece, leaves: Leaves) -> Iterator[tuple[Place, str, str]]:
    """Leaves of a piece that are not carried exactly: place, fate, reason."""
    wire, node = piece.wire, piece.node
    if node is not None and "in" in node and isinstance(wire, dict):
        wire = {key: wire[key] for key in wire if key in node["in"]}
        again_written = aligned(wire, {k: v for k, v in (piece.canonical or {}).items() if k in node["in"]}, node)
    else:
        again_written = aligned(wire, piece.canonical, node)
    written = dict(leaves(piece.name, again_written))
    for place, text in leaves(piece.name, wire):
        again = written.get(place)
        if again == text:
            continue
        if again is not None:
            yield place, "lossy", ""
            continue
        row = piece.table.row_of(_plain(place)) if piece.table else None
        reason = row.ignore if row else ""
        yield place, "ignored" if reason else "residual", reason


def aligned(wire: Any, canonical: Any, node: Node | None) -> Any:
    """The canonical writing with list items brought to the places of the wire items they were read from."""
    if node is None:
        return canonical
    if "seq" in node:
        return [entry[0] for entry in node["seq"]]
    if "in" in node:
        branch = dict(canonical or {})
        for key, inner in node["in"].items():
            branch[key] = aligned(wire.get(key) if isinstance(wire, dict) else None, branch.get(key), inner)
        return branch
    return canonical


def _plain(place: Place) -> Place:
    """A place without the counts of repeats (`3[2]` -> `3`)."""
    return tuple(step.partition("[")[0] for step in place)
