"""HL7 v2: bytes of one message to frames and back. Pure. The answer to a message has a module of its own: `ack`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.hl7v2 import deleted
from adapters.hl7v2.attachments import ATTACHMENT_CODECS
from adapters.hl7v2.codecs import CODECS
from adapters.hl7v2.combined import COMBINED_CODECS
from adapters.hl7v2.labelled import LABEL_CODECS
from adapters.hl7v2.tokenizer import STANDARD, UNSET, Delimiters, charset_of, decode, restated, split, text_of
from adapters.hl7v2.values import VALUE_CODECS
from adapters.reading import Read, Unparsable, Unsupported
from mappings import group_writer, groups, library
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library

FORMAT = "hl7v2"
WIRE = "delimited"
_CODECS = CODECS | VALUE_CODECS | COMBINED_CODECS | ATTACHMENT_CODECS | LABEL_CODECS
_TYPE = re.compile(r"[A-Z0-9]{3}(\^[A-Z0-9]{3})?")
"""What may be a message type: anything else in MSH-9 could be anything, and is not repeated."""


_STRUCTURED = (2, 3, 1)
"""From this version on MSH-9 has a third component."""


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
        begins = ("MSH", f"MSH{m.field_sep}")
        if segments[0][0] != "MSH" or any(line.lstrip("\x0b")[:4] in begins for _, _, line in segments[1:]):
            raise Unparsable("hl7v2-batch", "message", "send one message at a time, without a batch around it")
        header = segments[0][1]
        m.version = version_of(m.part(header.get("12", ""), 1))
        message_type = self._known("^".join(part for part in m.parts(header.get("9", ""), 2) if part))
        booked, stood = deleted.set_aside(segments, message_type, m)
        reading = groups.read(self._root(message_type), booked, m)
        pieces, m.faults = deleted.as_sent(reading.pieces, m.faults, stood)
        head: dict[str, Any] = {"delimiters": header["1"] + header["2"], "charset": charset, "type": message_type}
        declared = _head(reading.frames).get("charset", "")
        if declared:
            head["declared"] = declared
        if not m.part(header.get("10", ""), 1):
            remedy = "give each message an id: without one a repeat is known by its bytes alone"
            m.faults.append(Fault("required", "MSH-10", remedy))
        if charset != charset_of(declared) and not text.isascii():
            remedy = f"the bytes are not of the declared character set and were read as {charset}: name it here"
            m.faults.append(Fault("hl7v2-charset", "MSH-18", remedy))
        if m.beyond:
            head["beyond"] = sorted(m.beyond)
        return Read(
            type=message_type,
            source_id=m.part(header.get("10", ""), 1),
            sequence=m.part(header.get("13", ""), 1),
            frames=reading.frames,
            residual=reading.residual | {"head": head},
            faults=m.faults,
            map=self.library.map_for(message_type) or {},
            pieces=pieces,
            leaves=m.leaves,
            charset=charset,
            count=m.count,
        )

    def write(
        self, message_type: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A message from frames; with the residual of the message they came from, or fresh.

        Returns the bytes and what had no home in this format. A message whose own delimiters cannot say the frames
        (no escape character, say) is written in the standard ones.
        """
        root = self._root(message_type)
        kept = residual or {}
        if "head" not in kept:
            frames = self._structured(message_type, frames)
        text, m = self._text(root, frames, kept)
        if UNSET in text:
            kept = _restated(kept, m)
            text, m = self._text(root, frames, kept)
        declared = str(_head(frames).get("charset", ""))
        head = kept.get("head")
        as_read = head is not None and declared == head.get("declared", "")
        return _encoded(text, head["charset"] if head and as_read else charset_of(declared), m)

    def _structured(self, message_type: str, frames: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Frames of a message of its own, which names its structure (MSH-9.3): by table 0354 where nobody told it."""
        structure = self.library.codes["message_structure"].forward.get(message_type)
        first = next((n for n, frame in enumerate(frames) if frame["kind"] == "message"), None)
        if first is None or structure is None or "structure" in frames[first]["set"]:
            return frames
        if version_of(frames[first]["set"].get("version", "")) < _STRUCTURED or "code" not in frames[first]["set"]:
            return frames
        head = {**frames[first], "set": {**frames[first]["set"], "structure": structure}}
        return [*frames[:first], head, *frames[first + 1 :]]

    def _text(
        self, root: groups.Group, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any]
    ) -> tuple[str, Delimiters]:
        head = residual.get("head", {})
        delimiters = head.get("delimiters", STANDARD)
        m = self._context().with_delimiters(delimiters[0], delimiters[1:])
        m.version = version_of(_head(frames).get("version", ""))
        m.beyond.update(head.get("beyond", ()))
        return text_of(group_writer.write(root, frames, residual, m), m), m

    def _known(self, message_type: str) -> str:
        """The type as the maps name it: one that stands for every trigger (ACK) is named without."""
        code = message_type.partition("^")[0]
        return code if message_type not in self.roots and code in self.roots else message_type

    def _root(self, message_type: str) -> groups.Group:
        root = self.roots.get(message_type)
        if root is None:
            named = message_type if _TYPE.fullmatch(message_type) else "a message of an unnamed type"
            raise Unsupported(
                message_type if _TYPE.fullmatch(message_type) else "",
                "MSH-9",
                f"no message map reads {named}; add one under mappings/hl7v2",
            )
        return root

    def _context(self) -> Delimiters:
        return Delimiters(zone=self.zone, system=self.system, codes=self.library.codes)


def _restated(residual: Mapping[str, Any], m: Delimiters) -> dict[str, Any]:
    """A residual in the standard delimiters."""
    standard = Delimiters()

    def again(value: Any) -> Any:
        if isinstance(value, str):
            return restated(value, m, standard)
        if isinstance(value, list):
            return [again(item) for item in value]
        if isinstance(value, dict):
            return {key: item if key == "was" else again(item) for key, item in value.items()}
        return value

    out: dict[str, Any] = {}
    for key, kept in residual.items():
        out[key] = dict(kept)
        if "pieces" in kept:
            out[key]["pieces"] = again(kept["pieces"])
        if "entries" in kept:
            out[key]["entries"] = [["~", again(e[1])] if isinstance(e, list) else e for e in kept["entries"]]
    out["head"]["delimiters"] = STANDARD
    return out


def _head(frames: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the message says of itself."""
    return next((frame["set"] for frame in frames if frame["kind"] == "message"), {})


def _encoded(text: str, charset: str, m: Delimiters) -> tuple[bytes, list[Fault]]:
    """The bytes; a text that its character set cannot say is written in UTF-8, and MSH-18 says so."""
    try:
        return text.encode(charset), m.faults
    except UnicodeEncodeError:
        first, _, rest = text.partition("\r")
        fields = first.split(m.field_sep)
        fields += [""] * (18 - len(fields))
        fields[17] = "UNICODE UTF-8"
        return f"{m.field_sep.join(fields)}\r{rest}".encode("utf-8", "replace"), m.faults


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
    tables = library.load(FORMAT, WIRE, _CODECS, schemas, overlays, event_types)
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


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
