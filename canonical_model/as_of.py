"""What was believed at an instant: the fold of what had been recorded by then and led to the order by then. Pure.

Two times: `recorded` asks what the hub knew ("what did we believe when we released?"), `occurred` what of it had
happened in the world. Corrections, identifiers and merges that came later change neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from canonical_model.catalogue import DOWNWARD, UPWARD
from canonical_model.contents import joined_down, starts_down, ways_down
from canonical_model.events import has_authority, sort_key
from canonical_model.fold import fold, live
from canonical_model.ids import Key, name_key
from canonical_model.journey import EventDict, Journey
from canonical_model.lineage import named_at
from canonical_model.naming import joined_by, main_names, own_names, retired, standing_merges
from canonical_model.values import parse_instant

MERGING = frozenset({"subject.merged", "subject.unmerged"})


def as_of(
    order: Iterable[Key], events: Iterable[EventDict], recorded: datetime, occurred: datetime | None = None
) -> Journey:
    """The journey as it was known at `recorded`; with `occurred`, as far as it had happened by then.

    `order`: names of the order; `events`: all facts that are or were linked to it, others with them or not. What was
    recorded by then and led to no order, because nobody had told whose identifier it bears, is left out.
    """
    known = [event for event in events if parse_instant(event["recorded"]) <= recorded]
    if occurred is not None:
        times = _Times(known)
        known = [event for event in known if times.of(event) <= occurred]
    names = _asked(order, known)
    return fold(names, touching(names, known))


def touching(order: Collection[Key], events: Iterable[EventDict]) -> list[EventDict]:
    """The facts that lead to an order, by what all of them together say."""
    told = list(events)
    ways = _ways(told)
    reached = set(own_names([e["about"] for e in told if e["about"]["kind"] == "order"], frozenset(order)))
    waiting = list(reached)
    while waiting:
        for low in ways.get(waiting.pop(), ()):
            if low not in reached and low[0] != "order":
                reached.add(low)
                waiting.append(low)
    return [event for event in told if not reached.isdisjoint(_starts(event))]


def _asked(order: Iterable[Key], known: Iterable[EventDict]) -> frozenset[Key]:
    """The placers' numbers among the names of an order, as far as they were known; where none was, all of its names.

    An identifier that the order was given later leads to it only since then.
    """
    given = frozenset(order)
    mains = {key for event in known if event["about"]["kind"] == "order" for key in main_names(event["about"])}
    return given & mains or given


# ---- links ------------------------------------------------------------------------------------------------------


def _ways(events: Iterable[EventDict]) -> Mapping[Key, set[Key]]:
    """Name -> the names from which it is reached in one step."""
    ways: dict[Key, set[Key]] = {}
    told: list[EventDict] = []
    for event in events:
        first, *others = _own(event)
        for target in _named(event, UPWARD):
            ways.setdefault(target, set()).add(first)
        for person in _named(event, DOWNWARD):
            ways.setdefault(first, set()).add(person)
        _join(ways, first, others)
        for low, high in ways_down(event):
            ways.setdefault(high, set()).add(low)
        if lot := joined_down(event):
            _join(ways, lot[0], lot[1:])
        if event["about"]["kind"] == "subject":
            told.append(event)
    for merge in standing_merges(_standing(told)):
        first, *others = joined_by(merge)
        _join(ways, first, others)
    return ways


def _standing(events: Iterable[EventDict]) -> list[EventDict]:
    """Live facts with authority, in the order of facts."""
    ordered = sorted({event["id"]: event for event in events}.values(), key=sort_key)
    alive = live(ordered)
    return [event for event in ordered if event["id"] in alive and has_authority(event)]


def _join(ways: dict[Key, set[Key]], first: Key, others: Iterable[Key]) -> None:
    for other in others:
        ways.setdefault(first, set()).add(other)
        ways.setdefault(other, set()).add(first)


def _own(event: EventDict) -> list[Key]:
    about = event["about"]
    return [name_key(about["kind"], identifier) for identifier in about["identifiers"]]


def _named(event: EventDict, ways: Mapping[str, tuple[str, ...]]) -> Iterator[Key]:
    for path in ways.get(event["about"]["kind"], ()):
        for ref in named_at(event["set"], path):
            yield from (name_key(ref["kind"], identifier) for identifier in ref["identifiers"])


def _starts(event: EventDict) -> set[Key]:
    """The names from which a fact leads to its orders."""
    parted = retired(event) if event["type"] in MERGING else set()
    return {*_own(event), *_named(event, UPWARD), *starts_down(event), *parted}


# ---- world time -------------------------------------------------------------------------------------------------


class _Times:
    """When facts count from, in the world: a correction from when what it puts right happened."""

    def __init__(self, events: Iterable[EventDict]) -> None:
        self._events = {event["id"]: event for event in events}

    def of(self, event: EventDict) -> datetime:
        """The last instant at which a fact, or the first of those that it puts right, can have happened."""
        seen: set[str] = set()
        waiting, times = [event], []
        while waiting:
            one = waiting.pop()
            if one["id"] not in seen:
                seen.add(one["id"])
                times.append(sort_key(one)[0])
                waiting += [self._events[target] for target in one.get("supersedes", ()) if target in self._events]
        return min(times)


__all__ = ["as_of", "touching"]
