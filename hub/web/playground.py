"""The playground: what would become of a pasted message, field by field. Records nothing, keeps nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from hub.explain import ANYONE, Explained, best
from hub.formats import FORMATS
from hub.profiles import Profile
from mappings.account import FATES, Entry

MOST = 256 * 1024
"""Bytes of a message that the playground takes."""
SHOWN = 2_000
"""Fields that a page shows; of what is beyond, how many there are."""
NAMES: Mapping[str, str] = {
    "hl7v2": "HL7 v2",
    "fhir_r4": "FHIR R4",
    "epcis": "EPCIS 2.0",
    "mes_csv": "CSV of a manufacturer",
    "b2mml": "B2MML",
    "canonical": "the hub's own events",
    "courier_feed": "feed of a courier",
    "asm": "results of an instrument",
}


@dataclass(frozen=True, slots=True)
class Pasted:
    """What somebody pasted, and how it is to be read; empty: find out."""

    text: str = field(default="", repr=False)
    format: str = ""
    hint: str = ""
    partner: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of the message and what would become of it."""

    entry: Entry
    value: str

    @property
    def place(self) -> str:
        """Where it stands, as its standard counts."""
        return self.entry.piece + ("-" if self.entry.piece.isupper() else ".") + ".".join(self.entry.place)


@dataclass(frozen=True, slots=True)
class Looked:
    """What would become of a message."""

    format: str
    hint: str
    explained: Explained
    leaves: list[Leaf]
    counts: Mapping[str, int]
    frames: str

    @property
    def more(self) -> int:
        """Fields that are not shown."""
        return len(self.explained.entries) - len(self.leaves)


def looked(pasted: Pasted, profile: Profile | None) -> Looked:
    """What the hub would make of a message of this partner, or of anybody. Raises TableError."""
    body = body_of(pasted)
    who = profile or ANYONE
    told = best(body, who, pasted.format if pasted.format in FORMATS else "", pasted.hint)
    counts = Counter(entry.fate for entry in told.entries)
    return Looked(
        format=told.format,
        hint=told.hint,
        explained=told,
        leaves=[Leaf(e, v) for e, v in zip(told.entries[:SHOWN], told.values, strict=False)],
        counts={fate: counts[fate] for fate in FATES},
        frames=orjson.dumps(told.frames, option=orjson.OPT_INDENT_2).decode() if told.frames else "",
    )


def body_of(pasted: Pasted) -> bytes:
    """The bytes of what was pasted; a browser ends each line with two characters, a message with one of them."""
    return pasted.text.replace("\r\n", "\n").encode()


def known_formats() -> list[tuple[str, str]]:
    """Formats that the hub reads, each with what people call it."""
    return [(name, NAMES.get(name, name)) for name in FORMATS]
