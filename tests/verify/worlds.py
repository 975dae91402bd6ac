"""True histories, what is told of them, and how that goes wrong: losses, delays, clocks, coarse times. Runs no hub.

A true history is one order of one of the four Protocols as it happened: each fact told once, a minute after it was
true, by a clock that is right. Turns are what really changes: a death, a recall, a decision of quality. A telling is
the same history as a hub hears it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from adapters import times
from canonical_model.ids import canonical_json
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from tests.canonical_model.acts import Act, closed, steps_of
from tests.canonical_model.courses import HOW, Course
from tests.canonical_model.courses import Telling as Said
from tests.canonical_model.facts import Fact, Ref
from tests.verify.messages import Delivery

ON_TIME = timedelta(minutes=1)
"""From the last fact of a message to its receipt."""
ASKED = timedelta(minutes=5)
"""From the last fact of a message to the moment at which partners ask."""
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
EXACT = tuple(how for how in HOW if how[0] > timedelta() and how[1] == 19 and not how[2])
"""Of the ways to tell a fact: at its time to the second, by whom it concerns."""
CARE = (1.0, 0.95, 0.8)
"""How often things are called by their first names and go as usual."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message: who says what, and when it is true."""

    at: datetime
    partner: str
    name: str
    facts: tuple[Mapping[str, Any], ...]
    number: str = ""
    """The partner's own, where it numbers its messages."""
    things: Mapping[str, tuple[Ref, ...]] = field(default_factory=dict)
    """What there is by then, by sort."""

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(fact["type"] for fact in self.facts)


@dataclass(frozen=True, slots=True)
class World:
    """A true history: its messages in the order of time, and who asks about which order."""

    seed: str
    order: Ref
    told: tuple[Told, ...]
    protocol: str


# ---- what happens -----------------------------------------------------------------------------------------------


class _Teller:
    """Takes a course down: one message for what one partner tells in a row in one act."""

    def __init__(self, random: Random, care: float) -> None:
        self._random, self._care = random, care
        self.acts: list[list[tuple[str, datetime, dict[str, Any]]]] = []

    def pick(self, *options: Any) -> Any:
        if options == HOW:
            return self._random.choice(EXACT) if self._random.random() < 0.1 else EXACT[0]
        if isinstance(options[0], list):  # names of a thing: never the second alone, which nobody may know yet
            options = tuple(option for option in options if option[:1] == options[0][:1])
        return options[0] if self._random.random() < self._care else self._random.choice(options)

    def envelope(self, said: Said, number: int, ordinal: str) -> Fact:
        by, type_, about, at, values, clear, _ = said
        fact: dict[str, Any] = {"type": type_, "frame": f"{about['kind']}#{number}", "about": about, "set": values}
        fact |= {"clear": list(clear), "occurred": times.when(at, "Z", "")}
        self.acts[-1].append((by, datetime.fromisoformat(at).replace(tzinfo=UTC), fact))
        return fact

    def messages(self, course: Course) -> Iterator[Told]:
        """The messages of the last act."""
        rows: list[tuple[str, datetime, dict[str, Any]]] = []
        things = {tag: tuple(known) for tag, known in course.things.items()}
        for by, at, fact in [*self.acts[-1], ("", BEGIN, {})]:
            if rows and rows[-1][0] != by:
                name = f"{rows[0][0]}-{len(self.acts)}-{rows[0][2]['frame'].rpartition('#')[2]}"
                yield Told(rows[-1][1], rows[0][0], name, tuple(row[2] for row in rows), things=things)
                rows = []
            rows.append((by, at, fact))


def history(seed: str, parties: Mapping[str, Ref]) -> World:
    """One order from enrolment to its end, or to the turn after which nothing more is done."""
    random = Random(f"world {seed}")
    protocol = random.choice(list(DEFAULT_PROTOCOLS.values()))
    teller = _Teller(random, random.choice(CARE))
    course = Course(teller.pick, protocol, 1, teller.envelope, parties, at=BEGIN)
    steps = list(steps_of(course))
    turns = {random.randrange(3, len(steps)): random.choice(TURNS) for _ in range(random.choice((0, 1, 1, 2)))}
    last = random.randint(8, len(steps)) if random.random() < 0.5 else len(steps)
    told: list[Told] = []
    for number, step in enumerate(steps[:last]):
        if step is closed and _cancelled in turns.values():
            continue
        for act in (step, *((turns[number],) if number in turns else ())):
            teller.acts.append([])
            act(course)
            told += teller.messages(course)
    order = {"kind": "order", "identifiers": [course.placer]}
    return World(seed, order, tuple(told), protocol.id)


# ---- turns: what really changes, told once by whose word it is ----------------------------------------------------


def _died(c: Course) -> None:
    c.tell("mercy", "subject.deceased", c.patient, deceased_at=c.near(0))


def _withdrew(c: Course) -> None:
    c.tell("mercy", "consent.withdrawn", c.some("consent"), order=c.order(c.placer), subject=c.patient)


def _held(c: Course) -> None:
    c.tell("mercy", "order.held", c.order(c.placer))


def _cancelled(c: Course) -> None:
    c.tell("mercy", "order.cancelled", c.order(c.placer))


def _unfit(c: Course) -> None:
    kind = c.pick("clinical", "infusion")
    c.tell("mercy", "eligibility.decided", c.patient, eligibility={kind: {"decision": "not-eligible"}})


def _recalled(c: Course) -> None:
    c.tell("quality", "recall.initiated", c.new("recall"), targets=[c.some("dose")])


def _decided_anew(c: Course) -> None:
    values: dict[str, Any] = {"decision": "quarantined", "material": c.some("lot")}
    c.tell("quality", "disposition.decided", c.some("disposition"), **values)


def _failed(c: Course) -> None:
    c.tell("celltech", "batch.failed", c.some("batch"), reason={"text": "contaminated"})


def _result_changed(c: Course) -> None:
    values: dict[str, Any] = {"status": "corrected", "evaluation": "out"}
    c.tell("celltech", "result.corrected", c.some("result"), **values)


def _deviated(c: Course) -> None:
    values: dict[str, Any] = {"order": c.order(c.placer), "severity": "critical", "about": [c.some("dose")]}
    c.tell("quality", "deviation.opened", c.new("issue"), **values)


def _destroyed(c: Course) -> None:
    c.tell("general", "container.destroyed", c.some("dose"))


def _moved_on(c: Course) -> None:
    """A container goes to somebody else, as both sides tell."""
    sides: dict[str, Any] = {"giver": c.parties["general"], "taker": c.parties["mercy"]}
    for side in ("general", "mercy"):
        c.tell(side, "custody.transferred", c.some("dose"), **sides)


def _suspended(c: Course) -> None:
    values: dict[str, Any] = {"party": c.parties["general"], "activity": "infuse"}
    c.tell("quality", "party.suspended", c.some("qualification"), **values)


def _warmed(c: Course) -> None:
    """A file of a logger that shows what nobody knew."""
    if not c.things.get("shipment"):
        return
    points = [{"seconds": s, "value": "25.0"} for s in ("0", "7200")]
    series: dict[str, Any] = {"quantity": "temperature", "unit": "Cel", "start": c.near(-0.1), "points": points}
    c.tell("swift", "readings.recorded", c.new("readings"), shipment=c.some("shipment"), **series)


def _waited(c: Course) -> None:
    """Nothing happens for days: windows close."""
    c.at += timedelta(days=c.pick(4, 40))
    c.tell("mercy", "order.amended", c.order(c.placer), priority="R")


TURNS: tuple[Act, ...] = (
    *(_died, _withdrew, _held, _cancelled, _unfit, _recalled, _decided_anew, _failed),
    *(_result_changed, _deviated, _destroyed, _moved_on, _suspended, _warmed, _waited, _waited),
)


# ---- how it is told ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Telling:
    """How a hub hears a history: what is lost, what comes when, whose clock is wrong by how much, what is coarse."""

    how: str
    lost: frozenset[int] = frozenset()
    late: Mapping[int, datetime] = field(default_factory=dict)
    clocks: Mapping[str, timedelta] = field(default_factory=dict)
    coarse: Mapping[int, int] = field(default_factory=dict)
    """Message -> characters of its times that are known: 13 an hour, 10 a day."""

    def wrong(self, world: World) -> list[int]:
        """The messages that are not told as they are in truth."""
        clocks = {n for n, told in enumerate(world.told) if told.partner in self.clocks}
        return sorted({*self.lost, *self.late, *self.coarse, *clocks})

    def __str__(self) -> str:
        said = [f"{self.how}:"]
        said += [f"{n} is lost" for n in sorted(self.lost)]
        said += [f"{n} comes at {at:%d %b %H:%M}" for n, at in sorted(self.late.items())]
        said += [f"the clock of {partner} is {_ahead(by)}" for partner, by in sorted(self.clocks.items())]
        said += [f"{n} is known to the {'hour' if kept == 13 else 'day'}" for n, kept in sorted(self.coarse.items())]
        return " ".join([said[0], ", ".join(said[1:])])


def _ahead(by: timedelta) -> str:
    return f"{abs(by)} {'ahead' if by > timedelta() else 'behind'}"


SKEWS = tuple(timedelta(minutes=m) for m in (-3, 4, -25, 25, 90, -90, -60, 60, -360, 360, 420, -420))
"""How wrong clocks are: minutes, hours, and whole hours as a wrong zone has it."""


def _loss(world: World, random: Random) -> Telling:
    return Telling("loss", lost=frozenset({random.randrange(len(world.told))}))


def _losses(world: World, random: Random) -> Telling:
    return Telling("losses", lost=frozenset(random.sample(range(len(world.told)), random.randint(2, 4))))


def _delay(world: World, random: Random) -> Telling:
    chosen = random.sample(range(len(world.told)), random.randint(1, 3))
    end = world.told[-1].at + timedelta(days=1)
    return Telling("delay", late={n: _late(world.told[n].at, random, end) for n in chosen})


def _late(at: datetime, random: Random, end: datetime) -> datetime:
    """Hours or days late, or after everything else."""
    by = random.choice((timedelta(hours=1), timedelta(hours=30), timedelta(days=4), timedelta(days=400)))
    return min(at + by, end) + ON_TIME


def _clock(world: World, random: Random) -> Telling:
    partner = random.choice(world.told).partner
    return Telling("clock", clocks={partner: random.choice(SKEWS)})


def _coarse(world: World, random: Random) -> Telling:
    chosen = random.sample(range(len(world.told)), min(len(world.told), random.randint(1, 4)))
    return Telling("coarse", coarse={n: random.choice((13, 10)) for n in chosen})


def _mixed(world: World, random: Random) -> Telling:
    """A loss, a delay and a clock at once."""
    loss, delay = _loss(world, random), _delay(world, random)
    clock, coarse = _clock(world, random), _coarse(world, random)
    return Telling("mixed", loss.lost, delay.late, clock.clocks, coarse.coarse)


HOWS: Mapping[str, Callable[[World, Random], Telling]] = {
    "loss": _loss,
    "losses": _losses,
    "delay": _delay,
    "clock": _clock,
    "coarse": _coarse,
    "mixed": _mixed,
}
"""The ways in which a telling goes wrong."""


def delivery(told: Told, telling: Telling, place: int) -> Delivery:
    """The message as a hub gets it."""
    by, kept = telling.clocks.get(told.partner, timedelta()), telling.coarse.get(place, 19)
    facts = tuple(_as_told(fact, by, kept, told.at) for fact in told.facts) if by or kept < 19 else told.facts
    body = canonical_json([told.name, *facts])
    return Delivery(told.partner, "fhir_r4", body, name=told.name, facts=facts, sequence=told.number)


def _as_told(fact: Mapping[str, Any], by: timedelta, kept: int, at: datetime) -> Mapping[str, Any]:
    """A fact by a clock that is wrong or coarse: when it occurred, and every time in it that a clock showed."""
    values = {name: _by_clock(value, by, at) for name, value in fact["set"].items()}
    return {**fact, "occurred": _shown(fact["occurred"], by, kept), "set": values}


def _by_clock(value: Any, by: timedelta, at: datetime) -> Any:
    """A value with the times that were read off a clock, not those that are planned."""
    if not isinstance(value, dict):
        return value
    if {"at", "precision", "local"} <= value.keys():
        return _shown(value, by, 19) if datetime.fromisoformat(value["at"]) <= at else value
    return {name: _by_clock(inner, by, at) for name, inner in value.items()}


def _shown(when: Mapping[str, Any], by: timedelta, kept: int) -> dict[str, Any]:
    if len(when["local"]) < 19:
        return dict(when)
    text = (datetime.fromisoformat(when["at"]) + by).strftime("%Y-%m-%dT%H:%M:%S")
    return dict(times.when(text[:kept], "Z", ""))


def tellings(world: World, count: int, hows: Sequence[str] = tuple(HOWS)) -> list[Telling]:
    """So many ways to tell a history wrongly, seeded by it."""
    random = Random(f"tellings of {world.seed}")
    return [HOWS[random.choice(hows)](world, random) for _ in range(count)]
