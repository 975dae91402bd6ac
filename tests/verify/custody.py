"""Custody of generated shipments against an oracle: `python -m tests.verify.custody --shipments 10000`.

Every shipment is told by four partners in their own formats (EPCIS, milestones in JSON and CSV, logger files), in four
zones and across changes of clocks; what they tell is interleaved, sent twice and late. The oracle walks the reports
by brute force and shares no code with what it judges. Ends with 1 where a hub says otherwise than the oracle.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from canonical_model.journey import Journey
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import Finding, check
from hub.committer import Committer
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.profiles import Profile
from tests.verify import stores
from tests.verify.messages import Delivery

ZONES = {"north": "America/Chicago", "heron": "America/New_York", "stork": "Europe/Berlin", "foundry": "Europe/Berlin"}
GLN = {
    "north": "9531110000013",
    "heron": "9531110000044",
    "stork": "9531110000051",
    "foundry": "9531110000037",
    "nobody": "9531110000020",
}
ROLES = {"north": "hospital", "heron": "courier", "stork": "courier", "foundry": "cdmo"}
BAGS, COIS = "https://north.example/bag", "https://north.example/coi"
BEGINS = (
    datetime(2026, 3, 7, 18, tzinfo=UTC),
    datetime(2026, 10, 31, 12, tzinfo=UTC),
    datetime(2026, 6, 1, tzinfo=UTC),
)
"""Before the clocks of America go forward; before they go back; and in summer."""
NOW = datetime(2027, 1, 1, tzinfo=UTC)
KEYS = Keyring(b"custody!" * 4)
PER_HUB = 100


# ---- what happened --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """One side's report of a handover."""

    at: datetime
    giver: str
    taker: str
    reporter: str


@dataclass(slots=True)
class Story:
    """One shipment: its reports, its hold, its readings, as they are told."""

    number: int
    bags: list[str]
    sscc: str
    packed: datetime
    reports: list[Report] = field(default_factory=list)
    departed: datetime | None = None
    arrived: datetime | None = None
    hold: tuple[datetime, str] | None = None
    """Local end of the hold without an offset, and the zone in which it is meant."""
    stored: datetime | None = None
    rows: list[tuple[datetime, str]] = field(default_factory=list)
    """Instants and degrees Fahrenheit of the logger."""
    zone: str = "UTC"


def story(number: int, rng: Random) -> Story:
    """A shipment from North to Foundry by one or two couriers."""
    begin = rng.choice(BEGINS) + timedelta(minutes=rng.randrange(0, 1_440))
    bags = [f"B{number}-{n}" for n in range(rng.choice((1, 1, 2, 3)))]
    told = Story(number, bags, sscc(number), begin)
    way = ["north", "heron", *(["stork"] if rng.random() < 0.5 else []), "foundry"]
    at = begin
    unheard = rng.randrange(len(way) - 1) if rng.random() < 0.1 else -1
    stranger = rng.randrange(len(way) - 1) if rng.random() < 0.05 else -1
    for place, (giver, taker) in enumerate(pairwise(way)):
        at += timedelta(minutes=rng.randrange(90, 700))
        if place == 0:
            told.departed = at
        told.arrived = at
        if place == unheard:
            continue
        if place == stranger:
            told.reports.append(Report(at, "nobody", taker, taker))
            continue
        sides = rng.choice(((giver,), (taker,), (giver, taker), (taker, giver)))
        told.reports += [
            Report(at + timedelta(minutes=rng.randrange(0, 8) if n else 0), giver, taker, side)
            for n, side in enumerate(sides)
        ]
    told.stored = at + timedelta(minutes=rng.randrange(10, 60))
    zone = rng.choice(("America/New_York", "America/Chicago"))
    ends = told.stored + timedelta(minutes=rng.randrange(-200, 600))
    local = ends.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0)
    told.hold = (local, zone)
    _measure(told, rng)
    return told


def _measure(told: Story, rng: Random) -> None:
    """The logger's rows from before the departure until after the arrival, with warm spells and missing values."""
    assert told.departed is not None
    assert told.arrived is not None
    told.zone = rng.choice(("America/New_York", "Europe/Berlin", "UTC"))
    at, end = told.departed - timedelta(minutes=20), told.arrived + timedelta(minutes=20)
    warm = rng.random() < 0.4
    start = told.departed + timedelta(minutes=rng.randrange(30, 300))
    stop = start + timedelta(minutes=rng.choice((10, 20, 30, 40, 90)))
    gap = told.departed + timedelta(minutes=rng.randrange(30, 300)) if rng.random() < 0.3 else None
    lasts = timedelta(minutes=rng.choice((20, 30, 40, 120)))
    while at <= end:
        value = rng.choice(("46.5", "50.0")) if warm and start <= at < stop else rng.choice(("41.0", "46.4", "35.6"))
        if gap is None or not gap <= at < gap + lasts:
            told.rows.append((at, value))
        at += timedelta(minutes=10)


def sscc(number: int) -> str:
    """A serial shipping container code with its check digit."""
    body = f"3953111{number:010}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return f"{body}{-total % 10}"


# ---- as partners tell it --------------------------------------------------------------------------------------


def party(name: str) -> str:
    return f"https://id.gs1.org/414/{GLN[name]}"


def deliveries(told: Sequence[Story], rng: Random) -> list[Delivery]:
    """The messages of all partners about some shipments, shuffled, some of them twice."""
    feeds: dict[str, list[dict[str, str]]] = {"heron": [], "stork": []}
    events: dict[str, list[dict[str, Any]]] = {"north": [], "foundry": []}
    out: list[Delivery] = []
    for one in told:
        out.append(_ordered(one))
        events["north"] += _made(one)
        for report in one.reports:
            if report.reporter in feeds:
                feeds[report.reporter].append(_milestone(one, report))
            else:
                events[report.reporter].append(_handover(one, report))
        feeds["heron"].append(_held(one))
        events["foundry"].append(_stored(one))
        out.append(Delivery("heron", "mes_csv", _logged(one), "mes_csv/logger", f"logger-{one.number}"))
    for name, found in events.items():
        rng.shuffle(found)
        out += [
            Delivery(name, "epcis", _document(group), "", f"{name}-{n}") for n, group in enumerate(_groups(found, rng))
        ]
    for name, rows in feeds.items():
        rows += rng.sample(rows, len(rows) // 10)  # one milestone in two messages
        rng.shuffle(rows)
        write = _feed if name == "heron" else _sheet
        kind = "courier_feed" if name == "heron" else "mes_csv"
        hint = "courier_feed/milestones" if name == "heron" else "mes_csv/milestones"
        out += [Delivery(name, kind, write(group), hint, f"{name}-{n}") for n, group in enumerate(_groups(rows, rng))]
    out += rng.sample(out, len(out) // 10)
    rng.shuffle(out)
    return out


def _groups(found: Sequence[Any], rng: Random) -> Iterator[list[Any]]:
    at = 0
    while at < len(found):
        size = rng.randrange(1, 9)
        yield list(found[at : at + size])
        at += size


def _identifier(uri: str, type_: str = "") -> dict[str, str]:
    system, _, value = uri.rpartition("/")
    return {"system": system, "value": value, **({"type": type_} if type_ else {})}


def _ordered(one: Story) -> Delivery:
    """The order, and which leg the shipment is: a fact, because only the hospital's own system says it."""
    order = {
        "kind": "order",
        "identifiers": [
            _identifier(f"https://north.example/order/{one.number}", "placer"),
            _identifier(f"{COIS}/{one.number}", "coi"),
        ],
    }
    when = {"at": "2026-03-01T00:00:00Z", "local": "2026-03-01T00:00:00", "zone": "Z", "precision": "second"}
    common = {"frame": "f", "clear": [], "occurred": when}
    shipment = {"kind": "shipment", "identifiers": [_identifier(f"https://id.gs1.org/00/{one.sscc}")]}
    leg = {
        "order": order,
        "direction": "collection-outbound",
        "consignee": {"kind": "party", "identifiers": [_identifier(party("foundry"))]},
    }
    facts = (
        {**common, "type": "order.submitted", "about": order, "set": {"service": {"codings": [{"code": "AXI-CEL"}]}}},
        {**common, "type": "shipment.planned", "about": shipment, "set": leg},
    )
    return Delivery("north", "facts", json.dumps(one.number).encode(), "", f"order-{one.number}", facts)


def _event(at: datetime, zone: str, **more: Any) -> dict[str, Any]:
    local = at.astimezone(ZoneInfo(zone))
    offset = local.isoformat()[-6:]
    return {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": local.isoformat(),
        "eventTimeZoneOffset": offset,
        **more,
    }


def _sides(giver: str, taker: str) -> dict[str, Any]:
    return {
        "sourceList": [{"type": "possessing_party", "source": party(giver)}],
        "destinationList": [{"type": "possessing_party", "destination": party(taker)}],
    }


def _made(one: Story) -> list[dict[str, Any]]:
    """The bags are made, and packed into the shipper."""
    names = [f"{BAGS}/{bag}" for bag in one.bags]
    zone = ZONES["north"]
    destination = {"destinationList": [{"type": "possessing_party", "destination": party("north")}]}
    made = _event(
        one.packed - timedelta(hours=2),
        zone,
        bizStep="commissioning",
        epcList=names,
        action="ADD",
        **destination,
        **{"cgt:coi": f"{COIS}/{one.number}"},
    )
    packed = _event(one.packed, zone, bizStep="packing", parentID=f"https://id.gs1.org/00/{one.sscc}", childEPCs=names)
    return [made, {**packed, "type": "AggregationEvent", "action": "ADD"}]


def _handover(one: Story, report: Report) -> dict[str, Any]:
    step = "departing" if report.reporter == report.giver else "accepting"
    names = [f"https://id.gs1.org/00/{one.sscc}"]
    return _event(report.at, ZONES[report.reporter], bizStep=step, epcList=names, **_sides(report.giver, report.taker))


def _stored(one: Story) -> dict[str, Any]:
    assert one.stored is not None
    return _event(one.stored, ZONES["foundry"], bizStep="storing", epcList=[f"{BAGS}/{bag}" for bag in one.bags])


def _document(events: Sequence[Any]) -> bytes:
    head = {"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-12-01T00:00:00Z"}
    context = [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"cgt": "https://cgt-hub.example/ns/epcis/"},
    ]
    return json.dumps({"@context": context, **head, "epcisBody": {"eventList": list(events)}}).encode()


def _milestone(one: Story, report: Report) -> dict[str, str]:
    """A courier's milestone: in local time with the zone beside it, with an offset, or in UTC."""
    last = report.taker == "foundry"
    word = "delivered" if last else "picked up" if report.reporter == report.taker else "handed over"
    zone = ZONES[report.reporter]
    local = report.at.astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    form = (one.number + report.at.minute) % 3
    if form == 0 and not twice:
        at, beside = local.replace(tzinfo=None).isoformat(sep=" "), zone
    else:
        at, beside = (local.isoformat() if form == 1 else report.at.isoformat().replace("+00:00", "Z")), ""
    row = {"event": word, "eventTime": at, "timeZone": beside, "sscc": one.sscc}
    row |= {"from": GLN[report.giver], "to": GLN[report.taker]}
    return {**row, "bags": ", ".join(f"{BAGS}/{bag}" for bag in one.bags)} if word == "handed over" else row


def _held(one: Story) -> dict[str, str]:
    """Heron tells until when the shipper holds, in local time without an offset."""
    assert one.hold is not None
    local, zone = one.hold
    charged = (one.packed + timedelta(minutes=1)).isoformat()
    ends = local.replace(tzinfo=ZoneInfo(zone))
    return {"event": "re-iced", "eventTime": charged, "sscc": one.sscc, "holdUntil": ends.isoformat()}


def _feed(rows: Sequence[dict[str, str]]) -> bytes:
    made = []
    for row in rows:
        told: dict[str, Any] = {name: value for name, value in row.items() if value}
        if "bags" in told:
            told["bags"] = told["bags"].split(", ")
        made.append(told)
    return json.dumps({"milestones": made}).encode()


def _sheet(rows: Sequence[dict[str, str]]) -> bytes:
    columns = {
        "event": "Event",
        "eventTime": "Event Time",
        "timeZone": "Time Zone",
        "sscc": "SSCC",
        "from": "From",
        "to": "To",
        "bags": "Bags",
    }
    lines = [";".join(columns.values()), *(";".join(row.get(name, "") for name in columns) for row in rows)]
    return ("\r\n".join(lines) + "\r\n").encode()


def _logged(one: Story) -> bytes:
    """The logger's file in local times without an offset; its rows stand in the order of time."""
    zone = ZoneInfo(one.zone)
    rows = [f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S},{value}" for at, value in one.rows]
    head = [
        f"Serial No: L-{one.number}",
        f"Shipment: {one.sscc}",
        f"Time Zone: {one.zone}",
        "Time Stamp,Temperature [°F]",
    ]
    return ("\n".join([*head, *rows]) + "\n").encode()


# ---- the oracle -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be known of a shipment in the end."""

    steps: tuple[tuple[str, str, tuple[str, ...]], ...]
    holder: str
    gaps: int
    ended: bool
    outside: tuple[int, int] | None
    """Minutes outside in all and at a stretch, where that is too much."""
    silent: bool


def expected(one: Story) -> Expected:
    """Walks the reports in the order of time, and the readings one by one."""
    steps: list[tuple[str, str, list[str]]] = []
    holder, gaps = "north", 0
    for report in sorted(one.reports, key=lambda report: report.at):
        if steps and steps[-1][:2] == (report.giver, report.taker):
            steps[-1][2].append(report.reporter)
            continue
        gaps += report.giver != holder
        steps.append((report.giver, report.taker, [report.reporter]))
        holder = report.taker
    assert one.hold is not None
    assert one.stored is not None
    local, zone = one.hold
    ends = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    outside, silent = _exposed(one)
    told = tuple((giver, taker, tuple(sorted(set(by)))) for giver, taker, by in steps)
    return Expected(told, holder, gaps, one.stored > ends, outside, silent)


def _exposed(one: Story) -> tuple[tuple[int, int] | None, bool]:
    """Minute by minute: how long it was too warm or too cold, and whether any silence was too long."""
    limit = _condition()
    low, high = Fraction(str(limit["low"])), Fraction(str(limit["high"]))
    total = stretch = longest = 0
    silent = False
    for (at, value), (following, _) in pairwise(one.rows):
        celsius = (Fraction(value) - 32) * 5 / 9
        # The difference of two wall clocks is not the time between them: first to UTC, by zoneinfo.
        first, second = (moment.astimezone(ZoneInfo(one.zone)).astimezone(UTC) for moment in (at, following))
        minutes = 0
        while first < second:
            first, minutes = first + timedelta(minutes=1), minutes + 1
        silent = silent or minutes > limit["gap"]
        stretch = stretch + minutes if not low <= celsius <= high else 0
        total += minutes if not low <= celsius <= high else 0
        longest = max(longest, stretch)
    return ((total, longest) if longest > limit["spell"] or total > limit["sum"] else None), silent


@cache
def _condition() -> dict[str, Any]:
    """The figures of the condition that the leg has."""
    protocol = next(p for p in DEFAULT_PROTOCOLS.values() if any(c.code == "AXI-CEL" for c in p.products))
    found = protocol.conditions[protocol.direction_condition["collection-outbound"]]
    minute = timedelta(minutes=1)
    return {
        "low": found.low,
        "high": found.high,
        "gap": found.max_gap / minute,
        "spell": found.max_outside / minute,
        "sum": found.max_total / minute,
    }


# ---- the hub --------------------------------------------------------------------------------------------------


@cache
def partners() -> tuple[dict[str, Profile], Adapters]:
    """North and Foundry speak EPCIS, Heron JSON and logger files, Stork CSV."""
    formats = {"north": ["epcis"], "foundry": ["epcis"], "heron": ["courier_feed", "mes_csv"], "stork": ["mes_csv"]}
    found = {
        name: Profile.model_validate(
            {
                "partner": name,
                "name": name,
                "role": role,
                "zone": ZONES[name],
                "party": party(name),
                "system": f"https://{name}.example/id",
                "orders": "own",
            }
        )
        for name, role in ROLES.items()
    }
    adapters = Adapters({})
    for name, needed in formats.items():
        for one in needed:
            adapters.of(found[name], one)
    adapters._configurations = dict.fromkeys(found, "custody")
    return found, adapters


@dataclass(slots=True)
class Tally:
    """What was tried, and what was said otherwise."""

    shipments: int = 0
    messages: int = 0
    facts: int = 0
    gaps: int = 0
    excursions: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name in ("shipments", "messages", "facts", "gaps", "excursions"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.wrong += other.wrong


def run(seed: int, count: int) -> Tally:
    """One hub with so many shipments; what it says of each is held against the oracle."""
    rng = Random(seed)
    told = [story(seed * PER_HUB + n, rng) for n in range(count)]
    store = stores.opened("memory")
    known, adapters = partners()
    ticks = iter(range(10**9))
    committer = Committer(
        store, KEYS, known, adapters, DEFAULT_PROTOCOLS, lambda: NOW + timedelta(microseconds=next(ticks)), salt=bytes
    )
    sent = deliveries(told, rng)
    answers = [
        a for at in range(0, len(sent), 20) for a in committer.commit([d.incoming() for d in sent[at : at + 20]])
    ]
    tally = Tally(len(told), len(sent))
    tally.wrong += sorted(
        {f"a message was {a.outcome}: {a.faults[:1]}" for a in answers if a.outcome in {"held", "rejected"}}
    )
    db = store.writer
    states = {}
    for (journey,) in db.all("journeys", 1_000_000, 0):
        state = committer.orders.state(db, journey)
        states[next(key[2] for key in state.names)] = state
        tally.facts += len(state.facts)
    for one in told:
        wanted = expected(one)
        tally.gaps += wanted.gaps
        tally.excursions += wanted.outside is not None
        known_state = states.get(str(one.number))
        found = differences(one, wanted, known_state) if known_state is not None else ["no journey"]
        tally.wrong += [f"seed {seed} shipment {one.number}: {text}" for text in found]
    store.close()
    return tally


def differences(one: Story, wanted: Expected, state: Journey) -> list[str]:
    """What a hub says of a shipment and the oracle does not."""
    names = {f"https://id.gs1.org/414|{gln}": name for name, gln in GLN.items()}
    found = []
    for bag in one.bags:
        chain = state.custody.get(f"{BAGS}|{bag}")
        if chain is None:
            found.append(f"{bag} has no chain")
            continue
        steps = tuple(
            (names.get(s.giver, s.giver), names.get(s.taker, s.taker), tuple(sorted(set(s.reporters))))
            for s in chain.steps
            if s.giver
        )
        if steps != wanted.steps:
            found.append(f"{bag} went {steps}, not {wanted.steps}")
        if names.get(chain.holder, chain.holder) != wanted.holder:
            found.append(f"{bag} is with {chain.holder}, not {wanted.holder}")
        if len(chain.gaps) != wanted.gaps:
            found.append(f"{bag} has {[gap.why for gap in chain.gaps]}, not {wanted.gaps} gaps")
    said = check(state, DEFAULT_PROTOCOLS, NOW).findings
    if any(f.rule == "I-21" and f.cause == "ended" for f in said) != wanted.ended:
        found.append(f"the hold {'ended' if wanted.ended else 'did not end'} before the bags were stored")
    found += _of_readings(said, wanted)
    return found


def _of_readings(said: Sequence[Finding], wanted: Expected) -> Iterator[str]:
    excursions = [f.text for f in said if f.rule == "I-5"]
    if wanted.outside is None:
        yield from (f"an excursion that was none: {text}" for text in excursions)
    elif not any("for {} min in all, {} min at a stretch".format(*wanted.outside) in text for text in excursions):
        yield f"{wanted.outside} minutes outside were told as {excursions}"
    silent = any(f.rule == "I-3" and f.cause == "gap" for f in said)
    if silent != wanted.silent:
        yield f"a silence was {'not ' if wanted.silent else ''}told"


def tried(shipments: int, seed: int, processes: int) -> Tally:
    """So many shipments, in hubs of some hundred each."""
    sizes = [min(PER_HUB, shipments - at) for at in range(0, shipments, PER_HUB)]
    whole = Tally()
    if processes < 2:
        for number, size in enumerate(sizes):
            whole.add(run(seed + number, size))
        return whole
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        for tally in pool.map(run, range(seed, seed + len(sizes)), sizes):
            whole.add(tally)
    return whole


def main() -> int:
    """Prints the figures; 1 where the oracle is contradicted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipments", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    begun = time.monotonic()
    tally = tried(asked.shipments, asked.seed, asked.processes)
    figures = {name: getattr(tally, name) for name in ("shipments", "messages", "facts", "gaps", "excursions")}
    sys.stdout.write("".join(f"{text}\n" for text in tally.wrong[:20]))
    sys.stdout.write(f"said {json.dumps({**figures, 'wrong': len(tally.wrong)})}\n")
    sys.stderr.write(f"{time.monotonic() - begun:.0f} s\n")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
