"""Segments that say that something is no more so: kept for their sender, and read by no table.

Resources that an appointment no longer books (AIS, AIG, AIL, AIP with action D, chapter 10), and participations that
are deleted (PRT with action DE, 7.4.4).
A moved appointment names what it leaves and what it takes in one message. Where the whole appointment is given up all
is deleted, and then the resources say which it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.hl7v2.tokenizer import Delimiters
from mappings.account import Piece
from mappings.faults import Fault
from mappings.groups import Segment

_RESOURCES = frozenset({"AIS", "AIG", "AIL", "AIP"})
_GROUP = "RGS"
_GIVEN_UP = frozenset({"SIU^S15", "SIU^S16", "SIU^S17"})
_NO_PART = frozenset({"DE", "D"})
"""Actions by which a participation ends (HL7 table 0287)."""
_MARK = "-"
"""Ends the name under which a deleted segment is handed on: no table has such a name."""
_PLACE = re.compile(r"(RGS|AI[SGLP]|PRT)\[(\d+)\]")

Ordinals = Mapping[tuple[str, int], tuple[str, int]]


def set_aside(segments: Sequence[Segment], message_type: str, m: Delimiters) -> tuple[Sequence[Segment], Ordinals]:
    """The segments with the deleted ones under a name that nobody reads, and where each of them stood by its own name.

    A group (RGS) that is deleted takes its resources with it; one of which nothing is left begins no booking.
    """
    gone = {index for index, (name, fields, _) in enumerate(segments) if name == "PRT" and _code(fields, m) in _NO_PART}
    if message_type.startswith("SIU^") and message_type not in _GIVEN_UP:
        gone |= _gone(segments, m)
    if not gone:
        return segments, {}
    found: list[Segment] = []
    stood: dict[tuple[str, int], tuple[str, int]] = {}
    sent, read = Counter[str](), Counter[str]()
    for index, (name, fields, text) in enumerate(segments):
        called = name + _MARK if index in gone else name
        sent[name] += 1
        read[called] += 1
        stood[called, read[called]] = (name, sent[name])
        found.append((called, fields, text))
    return found, stood


def _gone(segments: Sequence[Segment], m: Delimiters) -> set[int]:
    """Indices of the resources that are deleted, and of their groups."""
    gone: set[int] = set()
    begin: int | None = None
    inside: list[int] = []
    whole_group = False
    for index, (name, fields, _) in enumerate([*segments, (_GROUP, {}, "")]):
        if name == _GROUP:
            if begin is not None and inside and gone.issuperset(inside):
                gone.add(begin)
            begin, inside = index, []
            whole_group = _is_deleted(fields, m)
        elif name in _RESOURCES:
            inside.append(index)
            if _is_deleted(fields, m) or (begin is not None and whole_group):
                gone.add(index)
    return gone


def as_sent(pieces: Sequence[Piece], faults: Sequence[Fault], stood: Ordinals) -> tuple[list[Piece], list[Fault]]:
    """Pieces and faults by the names and counts that the segments had in the message."""
    if not stood:
        return list(pieces), list(faults)

    def place(found: re.Match[str]) -> str:
        name, ordinal = stood.get((found[1], int(found[2])), (found[1], int(found[2])))
        return f"{name}[{ordinal}]"

    renamed = [stood.get((piece.name, piece.ordinal), (piece.name, piece.ordinal)) for piece in pieces]
    return (
        [replace(piece, name=name, ordinal=count) for piece, (name, count) in zip(pieces, renamed, strict=True)],
        [replace(fault, place=_PLACE.sub(place, fault.place)) for fault in faults],
    )


def _is_deleted(fields: Mapping[str, Any], m: Delimiters) -> bool:
    return m.codes["segment_action"].forward.get(_code(fields, m)) == "deleted"


def _code(fields: Mapping[str, Any], m: Delimiters) -> str:
    return m.part(fields.get("2", ""), 1)
