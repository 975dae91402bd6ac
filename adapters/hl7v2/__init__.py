"""HL7 v2: bytes of one message to frames and back, and the acknowledgement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.hl7v2.codecs import CODECS
from adapters.hl7v2.tokenizer import Delimiters, Unparsable, decode, split, text_of
from mappings import account, groups, library
from mappings.account import Entry, Piece
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library
from mappings.runtime import Context

FORMAT = "hl7v2"
WIRE = "delimited"

# Event to structure (HL7 table 0354), for senders that leave MSH-9.3 empty.
STRUCTURES = {"ADT^A01": "ADT_A01", "ADT^A04": "ADT_A01", "ADT^A08": "ADT_A01", "ADT^A40": "ADT_A39"}


class Unsupported(Exception):
    """A message type that no message map reads: rejected, the type named."""

    def __init__(self, message_type: str) -> None:
        super().__init__(message_type)
        self.code = "unsupported-message"
        self.place = "MSH-9"
        self.remedy = f"no message map reads {message_type or 'a message without a type'}; add one under mappings/hl7v2"


@dataclass(slots=True)
class Read:
    """A message after reading."""

    type: str
    frames: list[dict[str, Any]]
    residual: dict[str, Any]
    faults: list[Fault]
    pieces: list[Piece] = field(repr=False)
    context: Delimiters = field(repr=False)
    charset: str = "utf-8"

    def summary(self) -> Mapping[str, int]:
        """Leaves per fate."""
        return account.summary(self.pieces, self.context.leaves)

    def entries(self) -> Iterable[Entry]:
        """Every leaf with its fate, in the order of the pieces."""
        return account.entries(self.pieces, self.context.leaves)


@dataclass(frozen=True, slots=True)
class Adapter:
    """The tables of one partner (or the base tables), compiled, with the partner's zone and default system."""

    library: Library
    roots: Mapping[str, groups.Group]
    zone: str = "UTC"
    system: str = ""

    def read(self, body: bytes) -> Read:
        """Frames, residual, faults and pieces of one message. Raises Unparsable or Unsupported."""
        text, charset = decode(body)
        m = self._context()
        segments = split(text, m)
        header = segments[0][1]
        m.version = version_of(m.part(header.get("12", ""), [1]))
        message_type = "^".join(part for part in (m.part(header.get("9", ""), [n]) for n in (1, 2)) if part)
        root = self.roots.get(message_type)
        if root is None:
            raise Unsupported(message_type)
        reading = groups.read(root, segments, m)
        residual = reading.residual
        residual["head"] = {"delimiters": header["1"] + header.get("2", ""), "charset": charset, "type": message_type}
        return Read(message_type, reading.frames, residual, m.faults, reading.pieces, m, charset)

    def write(
        self, message_type: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A message from frames; with the residual of the message they came from, or fresh.

        Returns the bytes and what had no home in this format.
        """
        root = self.roots.get(message_type)
        if root is None:
            raise Unsupported(message_type)
        head = (residual or {}).get("head", {})
        delimiters = head.get("delimiters", "|^~\\&")
        m = self._context().with_delimiters(delimiters[0], delimiters[1:])
        message = next((f["set"] for f in frames if f["kind"] == "message"), {})
        m.version = version_of(message.get("version", ""))
        segments = groups.write(root, frames, residual or {}, m)  # type: ignore[arg-type]
        for segment in segments:
            if not isinstance(segment, str) and segment[0] == "MSH":
                segment[1].setdefault("1", delimiters[0])
                segment[1].setdefault("2", delimiters[1:])
        text = text_of(segments, m)
        return text.encode(head.get("charset", "utf-8"), "replace"), m.faults

    def _context(self) -> Delimiters:
        return Delimiters(zone=self.zone, system=self.system, codes=self.library.codes)


def version_of(text: str) -> tuple[int, ...]:
    """A version as numbers that compare: `2.5.1` is (2, 5, 1); unknown counts as 2.5.1."""
    try:
        return tuple(int(part) for part in text.split("."))
    except ValueError:
        return (2, 5, 1)


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, _quiet, schemas, overlays)
    faults: list[TableFault] = []
    roots = {}
    for name, data in tables.maps.items():
        root = groups.group_of({"frame": "", "frames": data["frames"]}, tables.tables, name, faults)
        roots.update(dict.fromkeys(data["for"], root))
    if faults:
        raise TableError(faults)
    return Adapter(tables, roots, zone, system)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


def _quiet(context: Context) -> Context:
    assert isinstance(context, Delimiters)
    return context.quiet()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
