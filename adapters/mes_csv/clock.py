"""Local times that one clock wrote, in the order in which it wrote them, to instants. Knows zones, no file.

An hour that exists twice is told by the order of the rows; a time that does not exist tells that nobody put the clock
forward. Neither is certain: both are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from canonical_model.values import parse_instant, zone_of

When = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """Instants of a clock's times. `twice` and `absent`: places of the first time that exists twice, or not at all."""

    instants: tuple[datetime, ...]
    zone: str
    twice: int | None = None
    absent: int | None = None


def told(whens: Sequence[When], zone: str) -> Told:
    """The instants of times without an offset in a zone; a time with one is what it says."""
    moments = [_choices(when) for when in whens]
    twice = next((place for place, (first, second) in enumerate(moments) if first < second), None)
    absent = next((place for place, (first, second) in enumerate(moments) if first > second), None)
    if absent is not None:
        zone = _offset(whens[absent])
        return Told(tuple(_at(when, zone) for when in whens), zone, absent=absent)
    if twice is None:
        return Told(tuple(first for first, _ in moments), zone)
    backwards = _falls(moments)
    if backwards:
        moments.reverse()
    found = _resolved(moments)
    return Told(tuple(reversed(found) if backwards else found), zone, twice=twice)


def _choices(when: When) -> tuple[datetime, datetime]:
    """The instants that a time may mean: equal, or in their order where the hour exists twice, else turned round."""
    at = parse_instant(when["at"])
    if not when.get("unclear"):
        return at, at
    local = datetime.fromisoformat(when["local"][:26])
    other = local.replace(tzinfo=zone_of(when["zone"]), fold=1).astimezone(UTC)
    return at, other


def _offset(when: When) -> str:
    """The offset in force before the clock should have been put forward, as `+HH:MM`."""
    shift = parse_instant(when["local"][:19]) - parse_instant(when["at"]).replace(tzinfo=None)
    minutes = int(shift.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _at(when: When, zone: str) -> datetime:
    if not when.get("assumed_zone"):
        return parse_instant(when["at"])
    local = when["local"]
    full = local + "0001-01-01T00:00:00"[len(local) :] if len(local) < 19 else local
    return datetime.fromisoformat(full[:26]).replace(tzinfo=zone_of(zone)).astimezone(UTC)


def _falls(moments: Sequence[tuple[datetime, datetime]]) -> bool:
    """True where the rows stand from the last to the first."""
    certain = [first for first, second in moments if first == second]
    return len(certain) > 1 and certain[0] > certain[-1]


def _resolved(moments: Sequence[tuple[datetime, datetime]]) -> list[datetime]:
    """Of each the one instant by which no row is before the one above it and the fewest steps are unlike the others;
    of two ways that are alike in that the earlier one."""
    usual = _usual(first for first, second in moments if first == second)
    ways: list[dict[datetime, tuple[int, datetime | None]]] = []
    for choices in moments:
        above = ways[-1] if ways else {}
        ways.append({at: _cheapest(at, above, usual) for at in dict.fromkeys(choices)})
    found = [min(ways[-1], key=lambda at: ways[-1][at][0])]
    for way in reversed(ways):
        before = way[found[-1]][1]
        if before is not None:
            found.append(before)
    return found[::-1]


_BACKWARDS = 1_000_000
"""What a step back costs: more than any number of unusual ones."""


def _cheapest(
    at: datetime, above: Mapping[datetime, tuple[int, datetime | None]], usual: timedelta
) -> tuple[int, datetime | None]:
    """The fewest unusual steps by which one comes to an instant, and from where."""
    ways = [(cost + _cost(at - before, usual), before) for before, (cost, _) in above.items()]
    return min(ways) if ways else (0, None)


def _cost(step: timedelta, usual: timedelta) -> int:
    if step < timedelta():
        return _BACKWARDS
    return int(usual > timedelta() and abs(step - usual) > usual / 2)


def _usual(instants: Iterable[datetime]) -> timedelta:
    """The usual time between two rows."""
    steps = [(after - before).total_seconds() for before, after in pairwise(instants)]
    return timedelta(seconds=median(steps)) if steps else timedelta()


def gaps(instants: Sequence[datetime], interval: timedelta | None = None) -> list[tuple[int, timedelta]]:
    """Places of the values that came later than half as much again as the interval, and how long nothing came before.

    Without a stated interval the usual one counts, where there are enough values to tell.
    """
    if interval is None:
        interval = _usual(instants) if len(instants) > 3 else timedelta()
    if interval <= timedelta():
        return []
    steps = enumerate(pairwise(instants), 1)
    return [(place, after - before) for place, (before, after) in steps if after - before > interval * 3 / 2]


__all__ = ["Told", "gaps", "told"]
