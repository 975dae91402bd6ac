"""Rules of the log itself: contradictions (I-14, I-36), claims (I-35), late facts (I-31), clocks ahead (I-34)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from canonical_model.codes import HUB
from canonical_model.events import end_of, instant_of, is_after, recorded_at
from canonical_model.ids import canonical_json
from canonical_model.journey import LATE, EventDict, Journey, RecordState
from canonical_model.protocols import DEFAULT_SKEW, Protocol
from canonical_model.rules.finding import EVERYTHING, INFUSE, SHIP, Finding, Item, about, ids

DECIDING = frozenset(
    {
        *("order", "patient", "donor", "subject", "label", "material", "container", "containers", "batch"),
        *("collection", "shipment", "consignee", "contents", "inputs", "outputs", "decision", "evaluation", "value"),
        *("limit", "status", "result", "scope", "deceased", "protocol", "service", "expires_at"),
        *("points", "unit", "start", "type"),
    }
)
"""Fields on which answers rest. Where two facts differ in one of them, nobody can tell what the answer is."""

HAPPENED = frozenset(
    {
        *("subject", "consent", "eligibility", "collection", "container", "custody", "shipment", "readings", "batch"),
        *("step", "sample", "result", "disposition", "conditioning", "product", "dose", "infusion"),
    }
)
"""Families of event types that tell what has happened, so never before it did. Plans may bear the time planned."""


def facts_agree(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-14: live facts for states that exclude each other, and corrections that disagree, wait for a person."""
    for records in journey.records.values():
        for record in records.values():
            for milder, stricter in record.conflicts:
                yield Finding(
                    rule="I-14",
                    kind="duplicate",
                    severity="critical",
                    about=about(record),
                    cause=f"{milder}/{stricter}",
                    text=f"facts say both {milder} and {stricter}; the more restrictive one holds",
                    settle="a person with authority corrects the wrong fact",
                    facts=ids(record.facts),
                    blocks=(INFUSE, SHIP),
                    person=True,
                    unclear=True,
                )
            if record.kind == "subject":
                yield from _dead_and_alive(record)
            for dispute in record.disagreements:
                if dispute.why == "corrections":
                    yield Finding(
                        rule="I-14",
                        kind="duplicate",
                        severity="critical",
                        about=about(record),
                        cause="|".join(dispute.facts),
                        text=f"corrections of one fact differ in: {', '.join(dispute.fields)}; "
                        "the more restrictive one holds",
                        settle="a person with authority supersedes the wrong correction",
                        facts=dispute.facts,
                        blocks=(INFUSE, SHIP),
                        person=True,
                        unclear=True,
                    )


def _dead_and_alive(record: RecordState) -> Iterator[Item]:
    dead = [e for e in record.facts if e["type"] == "subject.deceased" or e["set"].get("deceased") is True]
    alive = [e for e in record.facts if e["set"].get("deceased") is False and any(is_after(e, d) for d in dead)]
    if alive:
        yield Finding(
            rule="I-14",
            kind="duplicate",
            severity="critical",
            about=about(record),
            cause="deceased/alive",
            text="a person who was reported dead was reported alive afterwards",
            settle="the hospital corrects the wrong report",
            facts=ids([*dead, *alive]),
            blocks=(INFUSE, SHIP),
            person=True,
            unclear=True,
        )


def messages_are_one(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-14: messages of one partner and one id that state different things of an order: kept, and a person decides."""
    first: dict[tuple[str, str], str] = {}
    said: dict[tuple[str, str], dict[str, list[EventDict]]] = {}
    for event in journey.facts:
        if (body := event.get("body")) and first.setdefault(_message(event), body) != body:
            said[_message(event)] = {}
    for event in journey.facts if said else ():
        if event.get("body") and event["type"] != "record.retracted" and _message(event) in said:
            said[_message(event)].setdefault(event["body"], []).append(event)
    for (partner, source), bodies in sorted(said.items()):
        if len(bodies) > 1 and len({canonical_json([_statement(e) for e in told]) for told in bodies.values()}) > 1:
            yield Finding(
                rule="I-14",
                kind="duplicate",
                severity="major",
                about=("order", journey.order.name),
                cause=f"{partner}/{source}",
                text=f"{len(bodies)} messages of {partner} with one id state different things",
                settle="the sender confirms which one holds, or marks the later one as a correction",
                facts=ids(event for told in bodies.values() for event in told),
            )


def _message(event: EventDict) -> tuple[str, str]:
    return event["reporter"]["partner"], event["source_id"]


def _statement(event: EventDict) -> list[Any]:
    """What a fact says, without what tells one report of it from another."""
    return [event["type"], event["about"], event["set"], list(event.get("clear", ())), event["occurred"]]


def order_is_known(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-36: where facts of one moment say different things, and nothing puts them in order, a person decides."""
    for records in journey.records.values():
        for record in records.values():
            for tie in record.disagreements:
                if tie.why == "moment":
                    deciding = bool(DECIDING & set(tie.fields))
                    yield Finding(
                        rule="I-36",
                        kind="order-ambiguous",
                        severity="major" if deciding else "info",
                        about=about(record),
                        cause="|".join(tie.facts),
                        text=f"facts of one moment differ in: {', '.join(tie.fields)}",
                        settle="the reporters say which one holds, or a later fact does",
                        facts=tie.facts,
                        blocks=(INFUSE, SHIP) if deciding else (),
                        person=deciding,
                        unclear=True,
                    )


def claims_are_told(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-35: what a party says beyond its authority is kept as a claim and changes nothing."""
    for event in journey.claims:
        yield Finding(
            rule="I-35",
            kind="authority",
            severity="minor",
            about=("order", journey.order.name),
            cause=event["id"],
            text=f"{event['type']} was stated by a {event['reporter']['role']}, whose word does not decide it",
            settle="the party with authority reports it",
            facts=(event["id"],),
        )


def facts_are_timely(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-31: a fact that reaches the hub long after it happened is accepted and told."""
    limit = protocol.late_after if protocol else timedelta(days=3)
    for event in journey.facts:
        lateness = recorded_at(event) - end_of(event["occurred"])
        if lateness > limit and event["reporter"]["role"] != "hub":
            yield Finding(
                rule="I-31",
                kind=LATE,
                severity="info",
                about=("order", journey.order.name),
                cause=event["id"],
                text=f"{event['type']} was received {lateness.days} days after it happened",
                settle="nothing; windows were computed again",
                facts=(event["id"],),
            )


def clocks_are_right(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-34: what is told happened before it was told; a clock that is further ahead puts facts into a wrong order."""
    skew = protocol.skew if protocol else DEFAULT_SKEW
    first: dict[str, EventDict] = {}
    for event in journey.facts:
        ahead = instant_of(event) - recorded_at(event)
        if ahead > skew and _has_happened(event["type"]) and event["reporter"]["role"] != HUB:
            first.setdefault(event["reporter"]["partner"], event)
    for partner, event in sorted(first.items()):
        yield Finding(
            rule="I-34",
            kind="clock-skew",
            severity="major",
            about=("order", journey.order.name),
            cause=f"ahead:{partner}",
            text=f"{partner} reported what had not happened yet by the hub's clock: its times are not to be relied on",
            settle=f"{partner} checks its clock and corrects the times that it told, or QA decides",
            facts=(event["id"],),
            blocks=EVERYTHING,
            person=True,
            unclear=True,
        )


def _has_happened(type_: str) -> bool:
    return type_.partition(".")[0] in HAPPENED and type_ != "shipment.planned"


RULES = (facts_agree, messages_are_one, order_is_known, claims_are_told, facts_are_timely, clocks_are_right)
