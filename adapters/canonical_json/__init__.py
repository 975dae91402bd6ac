"""The canonical model as a message: one fact of the event catalogue as JSON, to frames and back. Pure; signs nothing.

The form is the payload of the Standard Webhooks specification: `type` (a type of the event catalogue), `timestamp`
(when it happened) and `data`: `about` (what the fact is about), `set`, `clear`, `order` (the order that it is of) and
`occurred` (the time, where an instant does not say how much of it was known).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import json_text
from adapters.canonical_json import facts_map, opening, writing
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from canonical_model.ids import canonical_json
from mappings.account import Piece
from mappings.faults import Fault, TableError, TableFault
from mappings.library import Library

FORMAT = "canonical"
EVENT = "canonical/event"
"""The one message map: every fact is one message."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """The catalogue as a message map, with the partner's zone."""

    library: Library
    zone: str = "UTC"

    def read(self, body: bytes, hint: str = "") -> Read:
        """Frames, residual and faults of one fact; one that does not fit the published schemas has no frames.

        `hint` is the message's own id (`webhook-id`), which the channel knows. Raises Unparsable or Unsupported.
        """
        tree = json_text.loads(body)
        opened = opening.opened(tree, self.zone)
        name = "" if hint == EVENT else hint
        faults = opened.faults
        frames = [] if faults else opened.frames
        residual = writing.residual_of(tree, frames) if frames else {}
        return Read(
            type=opened.type,
            source_id=name,
            sequence="",
            frames=frames,
            residual=residual,
            faults=faults,
            map=self.library.maps[EVENT],
            pieces=[_piece(tree, frames)],
            leaves=leaves,
        )

    def write(
        self, message: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """The message of one fact from its frames; with the residual of the message they came from, or fresh.

        Raises Unsupported for another message than `canonical/event`.
        """
        if message != EVENT and message not in self.library.maps[EVENT]["for"]:
            raise Unsupported(message, "message", f"write {EVENT}")
        tree, faults = writing.tree_of(frames)
        return json_text.dumps(writing.with_residual(tree, residual or {})), faults


def leaves(name: str, wire: Any) -> Iterable[tuple[tuple[str, ...], str]]:  # noqa: ARG001 - the account's shape
    """Every scalar of a message with its place."""
    return json_text.leaves(wire)


def _piece(tree: Any, frames: Sequence[Mapping[str, Any]]) -> Piece:
    """The message beside what its frames alone write of it."""
    written = writing.tree_of(frames)[0] if frames else {}
    node: dict[str, Any] | None = None if writing.same(written, tree) else {"w": {}}
    return Piece("event", 1, tree, written, node, None)


def adapter(
    schemas: Mapping[str, Any] | None = None,  # noqa: ARG001 - nothing to check: the catalogue is the table
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",  # noqa: ARG001 - identifiers of the model name their system
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """The adapter. Raises TableError for an overlay: what is canonical already is not mapped."""
    laid = [file.name for folder in overlays if folder.is_dir() for file in sorted(folder.rglob("*.yaml"))]
    if laid:
        raise TableError([TableFault(name, "", "the canonical form has no tables to lay over") for name in laid])
    kinds = {name: row.about for name, row in EVENTS.items()} if event_types is None else event_types
    maps = {EVENT: facts_map.of(EVENT, kinds)}
    digest = hashlib.sha256(canonical_json(maps)).hexdigest()[:16]
    return Adapter(Library(FORMAT, {}, maps, {}, {}, digest), zone)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The adapter without a partner."""
    return adapter()


__all__ = ["EVENT", "FORMAT", "Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
