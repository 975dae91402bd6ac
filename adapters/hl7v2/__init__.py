"""HL7 v2: bytes of one message to frames and back, and the acknowledgement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.hl7v2.codecs import CODECS
from adapters.hl7v2.tokenizer import Delimiters, decode, split, text_of
from adapters.reading import Read, Unparsable, Unsupported
from mappings import groups, library
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library
from mappings.runtime import Context

FORMAT = "hl7v2"
WIRE = "delimited"

# Event to structure (HL7 table 0354), for senders that leave MSH-9.3 empty.
STRUCTURES = {"ADT^A01": "ADT_A01", "ADT^A04": "ADT_A01", "ADT^A08": "ADT_A01", "ADT^A40": "ADT_A39"}


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
        root = self._root(message_type)
        reading = groups.read(root, segments, m)
        residual = reading.residual
        residual["head"] = {"delimiters": header["1"] + header.get("2", ""), "charset": charset, "type": message_type}
        return Read(
            type=message_type,
            source_id=m.part(header.get("10", ""), [1]),
            sequence=m.part(header.get("13", ""), [1]),
            frames=reading.frames,
            residual=residual,
            faults=m.faults,
            map=self.library.map_for(message_type) or {},
            pieces=reading.pieces,
            leaves=m.leaves,
            charset=charset,
        )

    def write(
        self, message_type: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A message from frames; with the residual of the message they came from, or fresh.

        Returns the bytes and what had no home in this format.
        """
        root = self._root(message_type)
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

    def _root(self, message_type: str) -> groups.Group:
        root = self.roots.get(message_type)
        if root is None:
            named = message_type or "a message without a type"
            raise Unsupported(message_type, "MSH-9", f"no message map reads {named}; add one under mappings/hl7v2")
        return root

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
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, _quiet, schemas, overlays, event_types)
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
