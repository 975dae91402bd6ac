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

    def map(self, message: str) -> Mapping[str, Any]:
        return self.adapter.library.maps[message]

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        return self.adapter.write(self.map(message)["for"][0], frames, residual)


_FORMATS: dict[str, Any] = {"hl7v2": Hl7v2}


@lru_cache(maxsize=256)
def format_of(name: str, overlay: Path | None, zone: str, system: str) -> Format:
    """The adapter of a format with a site's overlay, zone and default system; the same arguments share one."""
    overlays = (overlay / name,) if overlay else ()
    return _FORMATS[name](overlays, zone, system)  # type: ignore[no-any-return]


class Adapters:
    """The adapters of the partners. Those that a profile's channels need are loaded, and checked, at the start."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        for profile in profiles.values():
            for name in profile.formats:
                self.of(profile, name)

    def of(self, profile: Profile, name: str) -> Format:
        """The partner's adapter for a format. Raises TableError with all faults of its tables."""
        return format_of(name, profile.overlay, profile.zone, profile.system)
