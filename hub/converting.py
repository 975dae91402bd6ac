"""One message into another format, by way of the canonical frames, without a hub. What has no home there is told."""

from __future__ import annotations

from pathlib import Path

import orjson

from hub.formats import format_of
from mappings.faults import Fault

TARGETS = {"fhir_r4": "Bundle", "epcis": "epcis/document", "frames": "", "afresh": ""}


def convert_body(
    body: bytes, source: str, target: str, hint: str = "", overlay: Path | None = None
) -> tuple[bytes, list[Fault]]:
    """The message in the target format, and the faults of reading and writing.

    `frames` are its canonical frames as JSON; `afresh` is its own format, written from the frames alone. Raises
    Unparsable, Unsupported, TableError.
    """
    if target not in TARGETS:
        raise FileNotFoundError(f"no target {target!r}; known are: {', '.join(TARGETS)}")
    adapter = format_of(source, overlay)
    read = adapter.read(body, hint)
    if target == "frames":
        return orjson.dumps(read.frames, option=orjson.OPT_INDENT_2) + b"\n", list(read.faults)
    to, message = (adapter, read.type) if target == "afresh" else (format_of(target), TARGETS[target])
    written, lost = to.write(message, read.frames)
    return written, [*read.faults, *lost]
