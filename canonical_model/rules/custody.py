"""Rules of custody and transport: one holder at any instant (I-2), handovers told by both sides, plausible transits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from canonical_model.events import end_of, instant_of, is_coarse
from canonical_model.journey import Custody, Gap, Handover, Journey
from canonical_model.protocols import DEFAULT_SKEW, Protocol
from canonical_model.rules.finding import ACCEPT, INFUSE, SHIP, START, Finding, Item, about, ids
from canonical_model.values import MOMENT, parse_instant, plus

_GAPS = {
    "other-giver": ("major", "a handover names another giver than the last known holder", (SHIP, ACCEPT)),
    "no-holder": ("major", "a handover was reported before anybody was recorded as holder", (SHIP, ACCEPT)),
    "two-makers": ("major", "a container that one party holds was reported as created by another", (SHIP, ACCEPT)),
    "ended": ("critical", "a container was handed over after it was emptied or destroyed", (SHIP, ACCEPT, INFUSE)),
    "late-half": ("major", "a taker reported a receipt after it had handed the container on", (SHIP, ACCEPT)),
}


def custody_is_gapless(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-2: exactly one holder at any instant, and who gives is who holds."""
    skew = protocol.skew if protocol else DEFAULT_SKEW
    for name, chain in journey.custody.items():
        for gap in chain.gaps:
            if gap.why == "late-half" and parse_instant(gap.at) - parse_instant(gap.since) <= skew:
                yield _skewed(name, gap, "a receipt was reported just after the taker had handed the container on")
                continue
            if gap.why == "skew":
                yield _skewed(name, gap, "a container was handed on just before it was taken over")
                continue
            severity, text, blocks = _GAPS[gap.why]
            yield Finding(
                rule="I-2",
                kind="custody-gap",
                severity=severity,
                about=("container", name),
                cause=gap.event,
                text=text,
                settle=f"{_short(gap.holder, 'the maker')} and {_short(gap.giver or gap.taker, 'the giver')} "
                "report the missing handover, or correct the wrong one",
                facts=(gap.event,),
                blocks=blocks,
                person=gap.why == "ended",
            )


def _short(party: str, otherwise: str) -> str:
    return party.rpartition("|")[2] or otherwise


def _skewed(name: str, gap: Gap, text: str) -> Finding:
    return Finding(
        rule="I-34",
        kind="clock-skew",
        severity="info",
        about=("container", name),
        cause=gap.event,
        text=text,
        settle="the reporters check their clocks",
        facts=(gap.event,),
    )


def handovers_are_confirmed(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-38: of a handover both sides tell within the Protocol's time; whoever gives on has shown that it took."""
    if protocol is None or protocol.handoff_within is None:
        return
    halves = [(name, step) for name, chain in journey.custody.items() for step in half_told(chain)]
    events = {event["id"]: event for event in journey.facts} if halves else {}
    for name, step in halves:
        deadline = plus(end_of(events[step.event]["occurred"]), protocol.handoff_within)
        if now <= deadline:
            yield plus(deadline, MOMENT)
        else:
            yield Finding(
                rule="I-38",
                kind="handoff-open",
                severity="minor",
                about=("container", name),
                cause=step.event,
                text="only one side has reported a handover",
                settle="the other side reports it",
                facts=(step.event,),
            )


def half_told(chain: Custody) -> list[Handover]:
    """Handovers that one side told, and whose taker did nothing since that shows that it has the container."""
    moves = [step for step in chain.steps if step.giver]
    onward = {step.giver for step in chain.steps}
    return [
        step
        for index, step in enumerate(moves)
        if len(set(step.reporters)) < 2
        and not (index + 1 < len(moves) and step.taker in onward)
        and not (index + 1 == len(moves) and chain.closed)
    ]


def accepted_by_consignee(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-33: only the consignee accepts a shipment."""
    for record in journey.of("shipment"):
        consignee = record.fields.get("consignee")
        for event in record.named("shipment.accepted"):
            taker = event["set"].get("taker")
            if consignee and taker and not journey.same(taker, consignee):
                yield Finding(
                    rule="I-33",
                    kind="custody-gap",
                    severity="major",
                    about=about(record),
                    cause=event["id"],
                    text="a shipment was accepted by another party than its consignee",
                    settle="the consignee confirms or refuses the shipment",
                    facts=(event["id"],),
                    blocks=(INFUSE, START),
                    person=True,
                )


def transit_is_plausible(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-34: arrival does not precede departure; within the Protocol's tolerance it is a clock, beyond it a fault."""
    skew = protocol.skew if protocol else DEFAULT_SKEW
    for record in journey.of("shipment"):
        left = [e for e in record.named("shipment.departed") if not is_coarse(e)]
        came = [e for t in ("shipment.arrived", "shipment.accepted") for e in record.named(t) if not is_coarse(e)]
        if not left or not came:
            continue
        first, arrival = min(left, key=instant_of), min(came, key=instant_of)
        lead = instant_of(first) - instant_of(arrival)
        if lead > timedelta():
            yield Finding(
                rule="I-34",
                kind="clock-skew",
                severity="info" if lead <= skew else "major",
                about=about(record),
                cause="arrival-before-departure",
                text="a shipment arrived before it departed, by the clocks of the reporters",
                settle="the reporters check their clocks; a correction supersedes the wrong time",
                facts=ids((first, arrival)),
            )


RULES = (custody_is_gapless, handovers_are_confirmed, accepted_by_consignee, transit_is_plausible)
