"""Rules of the cold chain: no time outside the condition beyond what is allowed (I-5, I-22), no unknown time (I-3).

A series is of a shipment, or of one container in storage; the condition is that of the leg, or of the material.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from canonical_model.events import end_of, instant_of
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import contents_of, direction_of
from canonical_model.protocols import Condition, Protocol
from canonical_model.rules.finding import ACCEPT, INFUSE, Finding, Item, about, ids
from canonical_model.values import parse_instant, plus

TO_CELSIUS = {
    **dict.fromkeys(("Cel", "CEL"), (Decimal(0), Decimal(1), Decimal(1))),
    **dict.fromkeys(("[degF]", "FAH"), (Decimal(-32), Decimal(5), Decimal(9))),
    **dict.fromkeys(("K", "KEL"), (Decimal("-273.15"), Decimal(1), Decimal(1))),
}
"""Unit (UCUM or UN/CEFACT Recommendation 20) -> what to add, then what to multiply and to divide by. One factor of 5/9
would be rounded, and 46.4 degrees Fahrenheit beyond 8 degrees Celsius."""
CRYO = Decimal(-100)
"""Below this a condition is cryogenic: cells that warmed are lost, so every excursion is critical."""

Series = list[tuple[Decimal, Decimal]]
"""Seconds after the start and degrees Celsius, by time."""


def temperature_holds(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-5, I-3: no spell and no sum outside the condition beyond what is allowed; a gap is unknown, never fine."""
    for record in journey.of("readings"):
        condition = condition_of(journey, protocol, record)
        if condition is None or record.fields.get("quantity") != "temperature":
            continue
        if record.fields.get("unit") not in TO_CELSIUS:
            yield _finding(
                journey, record, "mapping", "major", "unit", "a temperature series has no unit that is known"
            )
            continue
        series = _series(record)
        spell, total, worst = _outside(record, series, condition)
        never = not condition.max_outside  # then one value outside is too many, however short
        if worst is not None and (never or spell > condition.max_outside or total > condition.max_total):
            severity = "critical" if condition.high is not None and condition.high <= CRYO else "major"
            text = f"outside {condition.name} {_stretch(total, spell)}, extreme {worst.normalize():f} Cel"
            yield _finding(journey, record, "temperature-excursion", severity, "excursion", text)
        gap = max((_span(b - a) for (a, _), (b, _) in pairwise(series)), default=timedelta())
        if gap > condition.max_gap:
            text = f"no reading for {_minutes(gap)} min: the condition in that time is unknown"
            yield _gap(*_concerned(journey, record, "gap"), text, ids(record.facts))


def _concerned(journey: Journey, readings: RecordState, cause: str) -> tuple[tuple[str, str], str]:
    """What a finding about a series is about, and its cause: a container in storage, whose series it was, or the
    series itself, which may be of several containers."""
    container = journey.record(readings.fields.get("container"))
    if container is None or journey.record(readings.fields.get("shipment")) is not None:
        return about(readings), cause
    return about(container), f"{cause}:{readings.name}"


def _finding(journey: Journey, record: RecordState, kind: str, severity: str, cause: str, text: str) -> Finding:
    of, cause = _concerned(journey, record, cause)
    return Finding(
        rule="I-5",
        kind=kind,
        severity=severity,
        about=of,
        cause=cause,
        text=text,
        settle="the partner's profile names the unit" if kind == "mapping" else "QA assesses the excursion",
        facts=ids(record.facts),
        blocks=(ACCEPT, INFUSE),
        person=kind != "mapping",
    )


def _gap(of: tuple[str, str], cause: str, text: str, facts: tuple[str, ...]) -> Finding:
    return Finding(
        rule="I-3",
        kind="telemetry-gap",
        severity="major",
        about=of,
        cause=cause,
        text=text,
        settle="the logger's owner sends the missing readings, or QA assesses the gap",
        facts=facts,
        blocks=(ACCEPT,),
    )


def transit_is_recorded(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-3: the readings of a transit cover it from departure to arrival; without its times nobody can tell.

    With times known to the hour or less it lasted from the end of the first to the beginning of the last for certain.
    """
    for shipment in journey.of("shipment"):
        condition = _transit_condition(journey, protocol, shipment)
        left = shipment.named("shipment.departed")
        came = [e for t in ("shipment.arrived", "shipment.accepted") for e in shipment.named(t)]
        if condition is None or not came:
            continue
        covered = [_covered(r) for r in journey.of("readings") if journey.record(r.fields.get("shipment")) is shipment]
        if not covered:
            text = "no temperature readings of the transit are known"
            yield _gap(about(shipment), "none", text, ids(shipment.facts))
        elif not left:
            text = "nobody told when the transit began: whether its readings cover it is unknown"
            yield replace(_gap(about(shipment), "departure", text, ids(shipment.facts)), unclear=True)
        else:
            yield from _uncovered(shipment, condition, [c for c in covered if c is not None], left, came)


def _uncovered(
    shipment: RecordState,
    condition: Condition,
    covered: list[tuple[datetime, datetime]],
    left: list[EventDict],
    came: list[EventDict],
) -> Iterator[Item]:
    """The longest time without readings, where it is longer than allowed: for certain, or perhaps."""
    certain = _longest(covered, min(end_of(e["occurred"]) for e in left), max(map(instant_of, came)))
    if certain > condition.max_gap:
        text = f"{_minutes(certain)} min of the transit have no readings"
        yield _gap(about(shipment), "coverage", text, ids(shipment.facts))
    elif _longest(covered, min(map(instant_of, left)), max(end_of(e["occurred"]) for e in came)) > condition.max_gap:
        text = "the times of the transit are not known well enough to tell whether its readings cover it"
        yield replace(_gap(about(shipment), "coverage", text, ids(shipment.facts)), unclear=True)


def _longest(covered: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> timedelta:
    """The longest time between two instants without readings."""
    at, longest = start, timedelta()
    for begin, until in sorted(covered):
        longest = max(longest, min(begin, end) - at)
        at = max(at, until)
    return max(longest, end - at)


def _covered(record: RecordState) -> tuple[datetime, datetime] | None:
    """The time that a series tells of: from its first to its last value, or as stated."""
    start, end = record.fields.get("start"), record.fields.get("end")
    if record.fields.get("quantity") != "temperature" or not start:
        return None
    begin = parse_instant(start["at"])
    series = _series(record) if record.fields.get("unit") in TO_CELSIUS else []
    try:
        if series:
            return begin + _span(series[0][0]), begin + _span(series[-1][0])
        return begin, end_of(end) if end else begin
    except OverflowError:
        return begin, begin


def condition_of(journey: Journey, protocol: Protocol | None, readings: RecordState) -> Condition | None:
    """The condition that a series is measured against: its shipment's, or its container's storage."""
    shipment = journey.record(readings.fields.get("shipment"))
    if shipment is not None:
        return _transit_condition(journey, protocol, shipment)
    container = journey.record(readings.fields.get("container"))
    material = journey.record(container.fields.get("material")) if container else None
    storage = material.fields.get("storage") if material else None
    return protocol.conditions.get(storage or "") if protocol else None


def _transit_condition(journey: Journey, protocol: Protocol | None, shipment: RecordState) -> Condition | None:
    if protocol is None:
        return None
    usual = protocol.direction_condition.get(direction_of(journey, shipment), "")
    named = shipment.fields.get("condition")
    return protocol.conditions.get(str(named)) or protocol.conditions.get(usual)


def _series(record: RecordState) -> Series:
    points = record.fields.get("points") or ()
    return sorted((Decimal(p["seconds"]), celsius(p["value"], record.fields["unit"])) for p in points)


def celsius(value: str, unit: str) -> Decimal:
    """Degrees Celsius of a value in a unit of `TO_CELSIUS`.

    >>> celsius("46.4", "[degF]") == 8
    True
    """
    add, factor, divisor = TO_CELSIUS[unit]
    return (Decimal(value) + add) * factor / divisor


def budget_holds(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-22: all time out of one condition over a container's whole life stays below what is allowed in all."""
    if protocol is None or len(journey.records.get("readings", ())) < 2:
        return  # what one series alone spends is told by I-5
    seen: dict[str, tuple[Condition | None, list[Spell]]] = {}
    for container in journey.of("container"):
        spent: dict[str, tuple[Condition, list[tuple[RecordState, list[Spell]]]]] = {}
        for record in readings_of(journey, container):
            if record.name not in seen:
                condition = condition_of(journey, protocol, record)
                seen[record.name] = condition, _spells(record, condition) if condition else []
            condition, outside = seen[record.name]
            if condition is not None and outside:
                spent.setdefault(condition.name, (condition, []))[1].append((record, outside))
        for condition, series in spent.values():
            total = _together(series)
            if len(series) > 1 and total > condition.max_total:
                yield _over_budget(container, condition.name, total, [record for record, _ in series])


def readings_of(journey: Journey, container: RecordState) -> list[RecordState]:
    """Temperature series of a container: its own, and those of the shipments that it travelled in."""
    carried = {
        shipment.name
        for shipment in journey.of("shipment")
        if any(journey.record(ref) is container for ref in contents_of(shipment))
    }
    return [
        record
        for record in journey.of("readings")
        if record.fields.get("quantity") == "temperature"
        and record.fields.get("unit") in TO_CELSIUS
        and (
            journey.record(record.fields.get("container")) is container
            or ((shipment := journey.record(record.fields.get("shipment"))) and shipment.name in carried)
        )
    ]


Spell = tuple[datetime | None, timedelta]
"""When something was outside, where that is known, and for how long."""


def _spells(record: RecordState, condition: Condition) -> list[Spell]:
    start = record.fields.get("start")
    begin = parse_instant(start["at"]) if start else None
    return [
        (plus(begin, _span(at)) if begin else None, _span(following - at))
        for (at, value), (following, _) in pairwise(_series(record))
        if _beyond(value, condition) > 0
    ]


def _together(series: Iterable[tuple[RecordState, list[Spell]]]) -> timedelta:
    """Time outside by all series: what two loggers saw at one time counts once; without a start each counts alone."""
    spells = [spell for _, found in series for spell in found]
    total = timedelta()
    for begin, length in spells:
        total = _sum(total, timedelta() if begin else length)
    until: datetime | None = None
    for begin, length in sorted((begin, length) for begin, length in spells if begin):
        end = plus(begin, length)
        total = _sum(total, max(end - (begin if until is None else max(begin, until)), timedelta()))
        until = end if until is None else max(end, until)
    return total


def _sum(one: timedelta, other: timedelta) -> timedelta:
    try:
        return one + other
    except OverflowError:
        return timedelta.max


def _over_budget(container: RecordState, name: str, total: timedelta, series: list[RecordState]) -> Finding:
    return Finding(
        rule="I-22",
        kind="temperature-excursion",
        severity="major",
        about=about(container),
        cause=f"budget:{name}",
        text=f"outside {name} for {_minutes(total)} min in all, by {len(series)} series together",
        settle="QA assesses the time outside over the container's whole life",
        facts=ids(fact for record in series for fact in record.facts),
        blocks=(INFUSE,),
        person=True,
    )


def _outside(record: RecordState, series: Series, condition: Condition) -> tuple[timedelta, timedelta, Decimal | None]:
    """Longest spell and sum outside the range, and the extreme value; a value counts until the next one.

    A device that sends only its extremes was outside for an unknown time: any time is taken as too long.
    """
    spell = total = longest = Decimal(0)
    outside = [value for _, value in series if _beyond(value, condition) > 0]
    for index, (at, value) in enumerate(series):
        step = series[index + 1][0] - at if index + 1 < len(series) else Decimal(0)
        spell = spell + step if _beyond(value, condition) > 0 else Decimal(0)
        total += step if _beyond(value, condition) > 0 else Decimal(0)
        longest = max(longest, spell)
    stated = (record.fields.get(name) for name in ("minimum", "maximum"))
    extremes = [celsius(value, record.fields["unit"]) for value in stated if value is not None]
    unseen = [value for value in extremes if _beyond(value, condition) > 0]
    worst = max([*outside, *unseen], key=lambda v: _beyond(v, condition), default=None)
    if unseen and not outside:
        return timedelta.max, timedelta.max, worst
    return _span(longest), _span(total), worst


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one temperature series comes to, in degrees Celsius, against its condition where it has one.

    `outside` and `spell`: time outside in all, and at a stretch; `timedelta.max` where only extremes were sent. `gap`:
    the longest time without a reading.
    """

    condition: Condition | None
    values: int
    low: Decimal | None
    high: Decimal | None
    outside: timedelta
    spell: timedelta
    gap: timedelta

    @property
    def is_excursion(self) -> bool:
        """True when more was spent outside than the condition allows."""
        limit = self.condition
        if limit is None or not self.outside:
            return limit is not None and not limit.max_outside and self._is_beyond(limit)
        return not limit.max_outside or self.spell > limit.max_outside or self.outside > limit.max_total

    def _is_beyond(self, limit: Condition) -> bool:
        return any(value is not None and _beyond(value, limit) > 0 for value in (self.low, self.high))


def exposure(journey: Journey, protocol: Protocol | None, record: RecordState) -> Exposure | None:
    """What a series comes to; None for one that is no temperature, or in no unit that is known."""
    if record.fields.get("quantity") != "temperature" or record.fields.get("unit") not in TO_CELSIUS:
        return None
    series, condition = _series(record), condition_of(journey, protocol, record)
    stated = [record.fields.get(name) for name in ("minimum", "maximum")]
    values = [v for _, v in series] + [celsius(v, record.fields["unit"]) for v in stated if v is not None]
    spell, outside, _ = _outside(record, series, condition) if condition else (timedelta(), timedelta(), None)
    gap = max((_span(b - a) for (a, _), (b, _) in pairwise(series)), default=timedelta())
    low, high = min(values, default=None), max(values, default=None)
    return Exposure(condition, len(series), low, high, outside, spell, gap)


def _beyond(value: Decimal, condition: Condition) -> Decimal:
    """How far outside the range a value is; not above zero inside it."""
    low = condition.low - value if condition.low is not None else Decimal(-1)
    high = value - condition.high if condition.high is not None else Decimal(-1)
    return max(low, high)


def _span(seconds: Decimal) -> timedelta:
    """A time of so many seconds; the longest one there is where a device counts beyond it."""
    try:
        return timedelta(seconds=float(seconds))
    except OverflowError:
        return timedelta.max if seconds > 0 else timedelta.min


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _stretch(total: timedelta, spell: timedelta) -> str:
    if total == timedelta.max:
        return "for an unknown time"
    return f"for {_minutes(total)} min in all, {_minutes(spell)} min at a stretch"


RULES = (temperature_holds, transit_is_recorded, budget_holds)
