"""A clock for tests of rules: what is said changes only at the instants at which `check` says to look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.rules import check

Ask = Callable[[Journey, datetime], Any]


def moments(state: Journey, protocols: Mapping[str, Protocol], start: datetime, end: datetime) -> list[datetime]:
    """The instants from one next change to the next, up to an end."""
    found: list[datetime] = []
    now: datetime | None = start
    while now is not None and now <= end:
        now = check(state, protocols, now).next_change
        if now is not None and now <= end:
            found.append(now)
    return found


def changes_only_when_told(
    state: Journey, protocols: Mapping[str, Protocol], start: datetime, end: datetime, ask: Ask | None = None
) -> int:
    """Asserts that between two such instants nothing changes, looking every six hours; gives how often it changed."""

    def said(now: datetime) -> Any:
        return check(state, protocols, now).findings, ask(state, now) if ask else None

    told, changes = moments(state, protocols, start, end), 0
    now = start
    while now < end:
        later = min(now + timedelta(hours=6), end)
        changed = said(later) != said(now)
        assert not changed or any(now < moment <= later for moment in told), f"changed between {now} and {later}"
        changes += changed
        now = later
    return changes
