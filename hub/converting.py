"""One message into another format, by way of the canonical frames, without a hub. What has no home there is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from hub.conversion import Format
from hub.formats import format_of
from mappings.faults import Fault

TARGETS = {"fhir_r4": "Bundle", "epcis": "epcis/document", "frames": "", "afresh": ""}
OF_ITS_STANDARD = ("code", "trigger", "structure", "version", "charset", "profiles")
"""What a message says of the standard that it is written in: it is true of no other format's document."""

Frame = dict[str, Any]


def convert_body(
    body: bytes, source: str, target: str, hint: str = "", overlay: Path | None = None
) -> tuple[bytes, list[Fault]]:
    """The message in the target format, and the faults of reading and writing.

    `frames` are its canonical frames as JSON; `afresh` is its own format, written from the frames alone. Nothing is
    written, and a fault of severity error says so, where no frame has a home in the target. Raises Unparsable,
    Unsupported, TableError.
    """
    if target not in TARGETS:
        raise FileNotFoundError(f"no target {target!r}; known are: {', '.join(TARGETS)}")
    adapter = format_of(source, overlay)
    read = adapter.read(body, hint)
    if target == "frames":
        return orjson.dumps(read.frames, option=orjson.OPT_INDENT_2) + b"\n", list(read.faults)
    if target == "afresh":
        written, lost = adapter.write(read.type, read.frames)
        return written, [*read.faults, *lost]
    frames, dropped = (read.frames, []) if target == source else _foreign(read.frames)
    written, lost = format_of(target).write(TARGETS[target], frames)
    faults = [*read.faults, *dropped, *lost]
    if _is_empty(written, frames, format_of(target), TARGETS[target]):
        remedy = f"nothing that it says has a home in {target}; choose another format"
        return b"", [*faults, Fault("no-home", "message", remedy, severity="error")]
    return written, faults


def _foreign(frames: Iterable[Mapping[str, Any]]) -> tuple[list[Frame], list[Fault]]:
    """The frames without what their message says of its own standard, and a fault for each such field."""
    kept, dropped = [], []
    for frame in frames:
        own = [name for name in OF_ITS_STANDARD if frame["kind"] == "message" and name in frame["set"]]
        remedy = "it describes the format that was read"
        dropped += [Fault("no-home", f"message.{name}", remedy, severity="lost") for name in own]
        kept.append({**frame, "set": {name: said for name, said in frame["set"].items() if name not in own}})
    return kept, dropped


def _is_empty(written: bytes, frames: Iterable[Frame], to: Format, message: str) -> bool:
    """True where a document says no more than that there is a message."""
    return written == to.write(message, [frame for frame in frames if frame["kind"] == "message"])[0]
