"""Which adapter serves which format: the one place that knows all of them. Each is loaded when a profile needs it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.reading import Read
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from canonical_model.ids import canonical_json
from hub.conversion import Format, digest
from hub.profiles import CERTIFICATES, Profile
from mappings.faults import Fault
from mappings.library import COMMON, FOLDER

FORMATS = ("hl7v2", "fhir_r4", "epcis", "mes_csv", "b2mml", "canonical", "courier_feed", "asm")
_PACKAGES = {"canonical": "canonical_json"}
"""Adapters whose package is not called as the format."""
EVENT_KINDS = {name: row.about for name, row in EVENTS.items()}


def content_of(folder: Path | None) -> str:
    """Digest of the tables in a folder; an empty text where there are none."""
    files = sorted(folder.rglob("*")) if folder is not None else []
    told = [[f.relative_to(folder).as_posix(), digest(f.read_bytes())] for f in files if folder and _is_table(f)]
    return sha256(canonical_json(told)).hexdigest() if told else ""


def _is_table(file: Path) -> bool:
    return file.suffix in {".yaml", ".csv"} and file.is_file()


@cache
def _own_content(name: str) -> str:
    return digest(canonical_json([content_of(FOLDER / each) for each in (name, COMMON)]))


def configuration_of(profile: Profile) -> str:
    """A profile and all tables by which its messages are read, as they are now, as one short name."""
    own = [[name, _own_content(name)] for name in profile.formats]
    return digest(canonical_json([profile.model_dump(mode="json"), own, content_of(profile.overlay)]))[:16]


@lru_cache(maxsize=256)
def compiled(name: str, overlay: Path | None, zone: str, system: str, content: str = "") -> Any:  # noqa: ARG001
    """The adapter of a format with a site's overlay, zone and default system; the same arguments share one.

    `content` is the digest of the overlay: another content is another adapter. Raises TableError with all faults of the
    tables at once.
    """
    if name not in FORMATS:
        raise FileNotFoundError(f"no format {name!r}; known are: {', '.join(FORMATS)}")
    module = importlib.import_module(f"adapters.{_PACKAGES.get(name, name)}")
    if overlay is None:  # the tests hold our own tables to the published schemas
        return module.adapter(None, (), zone, system, EVENT_KINDS)
    return module.adapter(set_schemas(), (overlay / name,), zone, system, EVENT_KINDS)


class Hinted:
    """A format whose adapter takes a hint (a dialect, a media type) with the bytes."""

    def __init__(self, adapter: Any) -> None:
        self.adapter = adapter

    def read(self, body: bytes, hint: str = "") -> Read:
        return self.adapter.read(body, hint)  # type: ignore[no-any-return]

    def map(self, message: str) -> Mapping[str, Any]:
        return self.adapter.library.maps[message]  # type: ignore[no-any-return]

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        return self.adapter.write(message, frames, residual)  # type: ignore[no-any-return]


class ByType(Hinted):
    """A format whose messages say their own type: a message map stands for the type that it reads."""

    def read(self, body: bytes, hint: str = "") -> Read:  # noqa: ARG002 - the message says it
        return self.adapter.read(body)  # type: ignore[no-any-return]

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        known = self.adapter.library.maps.get(message)
        return self.adapter.write(known["for"][0] if known else message, frames, residual)  # type: ignore[no-any-return]


class Fhir(ByType):
    """FHIR R4, validated before it is read; references to this server's own resources are resolved."""

    def __init__(self, adapter: Any, resolver: Any = None) -> None:
        super().__init__(adapter)
        self.resolver = resolver

    def read(self, body: bytes, hint: str = "") -> Read:  # noqa: ARG002
        from adapters import json_text
        from adapters.fhir_r4.validate import validate

        tree = json_text.loads(body)
        faults = validate(tree)
        if any(fault.severity == "error" for fault in faults):
            name = tree.get("resourceType") if isinstance(tree, dict) else ""
            known = name if isinstance(name, str) and self.adapter.library.map_for(name) is not None else ""
            return Read(known, "", "", [], {}, faults, {}, [], json_text_leaves)
        if self.resolver is None:
            return self.adapter.read(body)  # type: ignore[no-any-return]
        return self.adapter.resource_to_frames(tree, self.resolver)  # type: ignore[no-any-return]


def json_text_leaves(name: str, wire: Any) -> Any:  # noqa: ARG001 - the account's shape
    """Leaves of a tree that no table read."""
    from adapters import json_text

    return json_text.leaves(wire)


_WRAPPERS: Mapping[str, type[Hinted]] = {
    "hl7v2": ByType,
    "fhir_r4": Fhir,
    "epcis": Hinted,
    "mes_csv": Hinted,
    "b2mml": ByType,
    "canonical": Hinted,
    "courier_feed": Hinted,
    "asm": Hinted,
}


def format_of(name: str, overlay: Path | None = None, zone: str = "UTC", system: str = "") -> Format:
    """A format without a hub around it."""
    return _WRAPPERS[name](compiled(name, overlay, zone, system, content_of(_of(overlay, name))))


def compiled_for(profile: Profile, name: str) -> Any:
    """A partner's adapter as its tables are now. Raises TableError."""
    content = content_of(_of(profile.overlay, name))
    return compiled(name, profile.overlay, profile.zone, profile.system, content)


def _of(overlay: Path | None, name: str) -> Path | None:
    return overlay / name if overlay is not None else None


class Adapters:
    """The adapters of the partners. Those that a profile's channels need are loaded, and checked, at the start."""

    def __init__(self, profiles: Mapping[str, Profile], resolver: Any = None) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, str], Format] = {}
        self._configurations = {name: configuration_of(profile) for name, profile in profiles.items()}
        for profile in profiles.values():
            for name in profile.formats:
                self.of(profile, name)

    def faults(self, profiles: Mapping[str, Profile]) -> list[str]:
        """Message maps and dialects that profiles name and no table has."""
        found = []
        for partner, profile in profiles.items():
            named = [("sends.message", s.message) for s in profile.sends if s.message not in CERTIFICATES]
            if profile.files is not None and profile.files.format == "mes_csv":
                named += [("files.dialects", dialect) for dialect in profile.files.dialects.values()]
            for place, message in named:
                library = self.of(profile, message.partition("/")[0]).adapter.library  # type: ignore[attr-defined]
                if message not in library.maps and (place, message) != ("files.dialects", "mes_csv/questions"):
                    found.append(f"{partner}: {place}: no {message}; there are: {', '.join(sorted(library.maps))}")
        return found

    def of(self, profile: Profile, name: str) -> Format:
        """The partner's adapter for a format. Raises TableError with all faults of its tables."""
        key = (profile.partner, name)
        if key not in self._known:
            adapter = compiled_for(profile, name)
            wrapper = _WRAPPERS[name]
            self._known[key] = Fhir(adapter, self._resolver) if wrapper is Fhir else wrapper(adapter)
        return self._known[key]

    def configuration(self, profile: Profile) -> str:
        """What read a message of this partner, as one short name: an event carries it."""
        return self._configurations[profile.partner]

    def beside(self, resolver: Any) -> Adapters:
        """The same adapters for another thread, which resolves references by a connection of its own."""
        other = Adapters({}, resolver)
        other._known = {k: Fhir(a.adapter, resolver) if isinstance(a, Fhir) else a for k, a in self._known.items()}
        other._configurations = self._configurations
        return other

    def become(self, other: Adapters) -> None:
        """Reads as another set of adapters does from now on."""
        self._known, self._configurations = other._known, other._configurations
