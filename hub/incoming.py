"""What a channel hands to the committer, and what it gets back. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.conversion import Converted
from mappings.faults import Fault


@dataclass(frozen=True, slots=True)
class Incoming:
    """Bytes that a channel hands over, with who sent them and when they came."""

    partner: str
    channel: str
    format: str
    body: bytes
    hint: str = ""
    name: str = ""
    converted: Converted | None = None
    stored: bool = False
    """Whether it is only kept now and read later."""


@dataclass(slots=True)
class Answer:
    """What the hub did with a message: what a channel needs to answer it."""

    inbox: int
    outcome: str
    type: str
    source_id: str
    parts: list[dict[str, Any]]
    faults: list[Fault]
    unlinked: int = 0
    first: int = 0
    last: int = 0
    repeated: bool = False
    account: dict[str, int] = field(default_factory=dict)
    records: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
