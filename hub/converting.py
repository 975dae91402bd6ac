"""One message into another format, by way of the canonical frames, without a hub. What has no home there is told."""

from __future__ import annotations

import orjson

from hub.formats import format_of
from mappings.faults import Fault

TARGETS = {"fhir_r4": "Bundle", "epcis": "epcis/document", "frames": ""}


def convert_body(body: bytes, source: str, target: str, hint: str = "") -> tuple[bytes, list[Fault]]:
    """The message in the target format, and the faults of reading and writing. Raises Unparsable, Unsupported."""
    if target not in TARGETS:
        raise FileNotFoundError(f"no target {target!r}; known are: {', '.join(TARGETS)}")
    read = format_of(source).read(body, hint)
    if target == "frames":
        return orjson.dumps(read.frames, option=orjson.OPT_INDENT_2), list(read.faults)
    written, lost = format_of(target).write(TARGETS[target], read.frames)
    return written, [*read.faults, *lost]
