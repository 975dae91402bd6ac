"""What every adapter's `read` returns. Data and its account; no format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings import account
from mappings.account import Count, Entry, Leaves, Piece
from mappings.faults import Fault


class Unparsable(Exception):
    """The bytes are not a message of the format; the hub holds them with place, code and remedy."""

    def __init__(self, code: str, place: str, remedy: str) -> None:
        super().__init__(f"{code} at {place}: {remedy}")
        self.code, self.place, self.remedy = code, place, remedy


class Unsupported(Exception):
    """A message that no message map reads; the hub rejects it, the type named."""

    def __init__(self, message_type: str, place: str, remedy: str) -> None:
        super().__init__(f"unsupported-message at {place}: {remedy}")
        self.code, self.place, self.remedy = "unsupported-message", place, remedy
        self.message_type = message_type


@dataclass(slots=True)
class Read:
    """A message after reading: its type, frames, residual, faults, and the pieces for the account."""

    type: str
    source_id: str
    sequence: str
    frames: list[dict[str, Any]]
    residual: dict[str, Any]
    faults: list[Fault]
    map: Mapping[str, Any] = field(repr=False)
    pieces: list[Piece] = field(repr=False)
    leaves: Leaves = field(repr=False)
    charset: str = "utf-8"
    count: Count | None = field(default=None, repr=False)

    def summary(self) -> Counter[str]:
        """Leaves per fate."""
        return account.summary(self.pieces, self.leaves, self.count)

    def entries(self) -> Iterable[Entry]:
        """Every leaf with its fate, in the order of the pieces."""
        return account.entries(self.pieces, self.leaves)


MOST_FAULTS = 1_000
"""Faults that are listed of one message; that there are more is told as one."""


def bounded(faults: list[Fault], place: str = "body", most: int = MOST_FAULTS) -> list[Fault]:
    """The first faults of a message, and as the last one that there are more, as severe as the worst of all."""
    if len(faults) <= most:
        return faults
    worst = "error" if any(fault.severity == "error" for fault in faults) else "warning"
    remedy = f"only the first {most} faults are listed; mend them and send it again"
    return [*faults[:most], Fault("faults-more", place, remedy, severity=worst)]
