"""What became of a message as a whole, once people had to do with it; and what a resend of it is answered from.

A message shows the worst fate of its parts, until an operator mends or dismisses it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hub.conversion import FILTERED, HELD, RECORDED, REJECTED, Converted
from hub.store import Connection, Row
from mappings.faults import Fault

RECEIVED, MENDED, DISMISSED = "received", "mended", "dismissed"
FINAL = frozenset({RECORDED, FILTERED})
"""After these a resend changes nothing."""
OPEN = frozenset({HELD, REJECTED})
"""What an operator can mend or dismiss."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A message that needs no second reading: its row as `same_inbox` gives it, and what its sender is told instead."""

    row: Row
    faults: list[Fault] = field(default_factory=list)


def settled(db: Connection, earlier: Row | None) -> Settled | None:
    """What a message that comes again is answered from; None where it has to be read."""
    if earlier is None:
        return None
    if earlier[1] in FINAL:
        return Settled(earlier)
    if earlier[1] == DISMISSED:
        text = "the hub's operators set it aside when it came first; if it counts, send it under an id of its own"
        return Settled((earlier[0], REJECTED, *earlier[2:]), [Fault("dismissed", "message", text, severity="error")])
    return _as_mended(db, earlier) if earlier[1] == MENDED else None


def is_read_the_same(earlier: Row | None, converted: Converted) -> bool:
    """True for an open message that comes again and is read as it was before: nothing new, so it is kept once."""
    if earlier is None or earlier[1] not in OPEN or converted.outcome != earlier[1]:
        return False
    return bool(json.loads(earlier[2]) == [part.plain() for part in converted.parts])


def _as_mended(db: Connection, earlier: Row) -> Settled | None:
    found: Row | None = earlier
    while found is not None and found[1] == MENDED:
        found = db.one("mended_from", found[0])
    if found is None or found[1] not in FINAL:
        return None
    text = "the hub's operators mended it when it came first and recorded it so; nothing is left to do"
    return Settled(found, [Fault("mended", "message", text)])


__all__ = ["DISMISSED", "FINAL", "MENDED", "OPEN", "RECEIVED", "Settled", "is_read_the_same", "settled"]
