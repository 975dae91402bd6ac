"""Which adapter serves which format: the one place that knows all of them. Each is loaded when a profile needs it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.reading import Read
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from hub.conversion import Format
from hub.profiles import Profile
from mappings.faults import Fault

EVENT_KINDS = {name: row.about for name, row in EVENTS.items()}


class Hl7v2:
    """HL7 v2 as a Format."""

    def __init__(self, overlays: tuple[Path, ...], zone: str, system: str) -> None:
        from adapters import hl7v2

        self.adapter = hl7v2.adapter(set_schemas(), overlays, zone, system, EVENT_KINDS)

    def read(self, body: bytes, hint: str = "") -> Read:  # noqa: ARG002 - the message says its type itself
        return self.adapter.read(body)

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        return self.adapter.write(message, frames, residual)


@lru_cache(maxsize=64)
def format_of(name: str, overlay: Path | None, zone: str, system: str) -> Format:
    """The adapter of a format with a site's overlay, zone and default system; the same arguments share one."""
    overlays = (overlay,) if overlay else ()
    return _FORMATS[name](overlays, zone, system)


def adapters_for(profiles: Mapping[str, Profile]) -> dict[str, Format]:
    """The adapter of every partner."""
    return {name: format_of(p.format, p.overlay, p.zone, p.system) for name, p in profiles.items()}


_FORMATS: dict[str, Any] = {"hl7v2": Hl7v2}
