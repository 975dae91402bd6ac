"""Rules: what a journey's facts contradict. Pure functions of the state and an instant; each finding names its facts.

Numbers are the invariants of domain design 2.4 (I-1 to I-29) and the guards of its 2.3 (from I-30). Nothing here stops
a fact; findings become Issues and answer questions. Only `now` brings time in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from canonical_model.events import instant_of, is_coarse, sort_key
from canonical_model.fold import has_authority, party_name
from canonical_model.ids import issue_id, name_key
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.protocols import Condition, Protocol
from canonical_model.values import parse_instant

RULES_VERSION = "1"

SHIP, INFUSE, START, ACCEPT, ALLOCATE = "may-ship", "may-infuse", "may-start", "may-accept", "may-allocate"
EVERYTHING = (SHIP, INFUSE, START, ACCEPT, ALLOCATE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: about which record, for which cause, on which facts, and what would settle it."""

    rule: str
    kind: str
    severity: str
    about: tuple[str, str]
    cause: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    person: bool = False

    @property
    def id(self) -> str:
        """Id of the Issue that this finding is."""
        return issue_id(self.rule, [list(self.about)], self.cause)


@dataclass(frozen=True, slots=True)
class Check:
    """All findings at an instant, and the next instant at which they can change by time alone."""

    findings: tuple[Finding, ...]
    next_change: datetime | None


RESTRICTIVE_FIRST = {"critical": 0, "major": 1, "minor": 2, "info": 3}


def check(journey: Journey, protocols: Mapping[str, Protocol], now: datetime) -> Check:
    """Findings of all rules, the worst first. Rules whose facts a person resolved stay silent (`resolved`)."""
    found: list[Finding] = []
    due: list[datetime] = []
    protocol = protocol_of(journey, protocols)
    for rule in _RULES:
        for item in rule(journey, protocol, now):
            if isinstance(item, datetime):
                due.append(item)
            else:
                found.append(item)
    done = resolved(journey)
    unique = {finding.id: finding for finding in found if finding.id not in done}
    ordered = sorted(unique.values(), key=lambda f: (RESTRICTIVE_FIRST[f.severity], f.rule, f.id))
    return Check(tuple(ordered), min(due, default=None))


def protocol_of(journey: Journey, protocols: Mapping[str, Protocol]) -> Protocol | None:
    """The Protocol that governs the order: the one it names, or the one whose product it asks for."""
    named = journey.order.fields.get("protocol")
    if named:
        return protocols.get(named)
    codes = {c.get("code") for c in (journey.order.fields.get("service") or {}).get("codings", ())}
    return next((p for p in protocols.values() if codes & {c.code for c in p.products}), None)


def resolved(journey: Journey) -> set[str]:
    """Ids of Issues that a person with the authority to do so has resolved and nobody has reopened since."""
    state: dict[str, bool] = {}
    for event in journey.events:
        if event["type"] in {"issue.resolved", "issue.reopened"} and has_authority(event):
            if event["type"] == "issue.resolved" and event["reporter"]["role"] == "hub":
                continue
            for identifier in event["about"]["identifiers"]:
                state[identifier["value"]] = event["type"] == "issue.resolved"
    return {issue for issue, done in state.items() if done}


Rule = Callable[[Journey, Protocol | None, datetime], Iterator[Finding | datetime]]


def _about(record: RecordState) -> tuple[str, str]:
    return record.kind, record.name


# ---- identity -------------------------------------------------------------------------------------------------


def identity_agrees(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-1: whatever is scanned for an order is this order's, and all its printed ids agree."""
    for kind in ("container", "material", "collection", "batch", "shipment"):
        for record in journey.of(kind):
            for event in record.facts:
                named = event.get("set", {}).get("order")
                if named and "identifiers" in named and not _names_this(journey, named):
                    yield _mismatch(record, event, "a scan names another order than the one this belongs to")
                label = (event.get("set", {}).get("label") or {}).get("coi")
                if label and not _names_this(journey, {"identifiers": [label]}):
                    yield _mismatch(record, event, "the label carries another chain-of-identity identifier")
    for record in journey.of("verification"):
        for event in record.named("identity.verified"):
            if event["set"].get("result") == "mismatch":
                yield _mismatch(record, event, "a person found that identifiers do not match")


def _mismatch(record: RecordState, event: EventDict, text: str) -> Finding:
    return Finding(
        rule="I-1",
        kind="identity-mismatch",
        severity="critical",
        about=_about(record),
        cause=event["id"],
        text=text,
        settle="QA compares container, label and order, and resolves the Issue",
        facts=(event["id"],),
        blocks=EVERYTHING,
        person=True,
    )


def _names_this(journey: Journey, ref: Mapping[str, Any]) -> bool:
    return any(name_key("order", identifier) in journey.names for identifier in ref["identifiers"])


def donor_is_patient(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-10: autologous material goes back to its donor and is never allocated to another order."""
    if protocol is None or protocol.sourcing != "autologous":
        return
    patient = _subject_names(journey, journey.order.fields.get("patient"))
    for record in journey.of("collection"):
        donor = _subject_names(journey, record.fields.get("donor"))
        if patient and donor and not patient & donor:
            yield Finding(
                "I-10",
                "identity-mismatch",
                "critical",
                _about(record),
                "donor",
                "the donor of the collection is not the patient of this autologous order",
                "QA compares the collection with the order",
                tuple(e["id"] for e in record.facts),
                EVERYTHING,
                person=True,
            )
    for record in journey.of("container"):
        for event in record.named("container.unallocated"):
            yield Finding(
                "I-10",
                "identity-mismatch",
                "critical",
                _about(record),
                event["id"],
                "autologous material was reported as no longer allocated to its patient",
                "QA clears it with the reporter",
                (event["id"],),
                EVERYTHING,
                person=True,
            )


def _subject_names(journey: Journey, ref: Mapping[str, Any] | None) -> set[tuple[str, str, str]]:
    if not ref or "identifiers" not in ref:
        return set()
    keys = {name_key("subject", identifier) for identifier in ref["identifiers"]}
    for record in journey.of("subject"):
        own = {name_key("subject", identifier) for identifier in record.identifiers}
        if own & keys:
            keys |= own
    return keys


# ---- custody and transport ------------------------------------------------------------------------------------


def custody_is_gapless(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-2: exactly one holder at any instant, and who gives is who holds."""
    for name, chain in sorted(journey.custody.items()):
        for holder, giver, step in chain.gaps:
            if step.coarse:
                continue
            text = (
                "a handover names a giver before anybody was recorded as holder"
                if not holder
                else "a handover names another giver than the last known holder"
            )
            yield Finding(
                "I-2",
                "custody-gap",
                "major",
                ("container", name),
                step.event,
                text,
                f"{holder.rpartition('|')[2] or 'the maker'} and {giver.rpartition('|')[2] or 'the giver'} "
                "report the missing handover",
                (step.event,),
                (SHIP, ACCEPT),
            )


def accepted_by_consignee(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-33: only the consignee accepts a shipment."""
    for record in journey.of("shipment"):
        consignee = record.fields.get("consignee")
        if not consignee:
            continue
        for event in record.named("shipment.accepted"):
            taker = event["set"].get("taker")
            if taker and party_name(taker) != party_name(consignee):
                yield Finding(
                    "I-33",
                    "custody-gap",
                    "major",
                    _about(record),
                    event["id"],
                    "a shipment was accepted by another party than its consignee",
                    "the consignee confirms or refuses the shipment",
                    (event["id"],),
                    (INFUSE, START),
                    person=True,
                )


def transit_is_plausible(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-34: arrival does not precede departure; within the Protocol's tolerance it is a clock, beyond it a fault."""
    skew = protocol.skew if protocol else timedelta(minutes=10)
    for record in journey.of("shipment"):
        departures = [e for e in record.named("shipment.departed") if not is_coarse(e)]
        arrivals = [
            e for e in (*record.named("shipment.arrived"), *record.named("shipment.accepted")) if not is_coarse(e)
        ]
        if not departures or not arrivals:
            continue
        first, last = min(departures, key=sort_key), max(arrivals, key=sort_key)
        lead = instant_of(first) - instant_of(last)
        if lead > timedelta():
            yield Finding(
                "I-34",
                "clock-skew",
                "info" if lead <= skew else "major",
                _about(record),
                "arrival-before-departure",
                "a shipment arrived before it departed, by the clocks of the reporters",
                "the reporters check their clocks; a correction supersedes the wrong time",
                (first["id"], last["id"]),
            )


# ---- temperature ----------------------------------------------------------------------------------------------


def temperature_holds(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-5: no spell and no sum outside the condition beyond what the Protocol allows; a gap is unknown, never fine."""
    for record in journey.of("readings"):
        condition = _condition(journey, protocol, record)
        if condition is None or record.fields.get("quantity") != "temperature":
            continue
        facts = tuple(e["id"] for e in record.facts)
        if not _is_celsius(record.fields.get("unit")):
            yield Finding(
                "I-5",
                "mapping",
                "major",
                _about(record),
                "unit",
                "a temperature series has a unit that is not degrees Celsius and no conversion",
                "the partner's profile names the unit",
                facts,
            )
            continue
        spell, total, worst = _outside(record, condition)
        if worst is not None and (spell > condition.max_outside or total > condition.max_total):
            yield Finding(
                "I-5",
                "temperature-excursion",
                "critical" if condition.high is not None and condition.high <= Decimal(-100) else "major",
                _about(record),
                "excursion",
                f"outside {condition.name} {_stretch(total, spell)}, extreme {worst} Cel",
                "QA assesses the excursion",
                facts,
                (ACCEPT, INFUSE),
                person=True,
            )
        gap = _longest_gap(record)
        if gap > condition.max_gap:
            yield Finding(
                "I-3",
                "telemetry-gap",
                "major",
                _about(record),
                "gap",
                f"no reading for {_minutes(gap)} min: the condition in that time is unknown",
                "the logger's owner sends the missing readings, or QA assesses the gap",
                facts,
                (ACCEPT,),
            )


def _stretch(total: timedelta, spell: timedelta) -> str:
    if total == timedelta.max:
        return "for an unknown time"
    return f"for {_minutes(total)} min in all, {_minutes(spell)} min at a stretch"


def _is_celsius(unit: str | None) -> bool:
    return unit in {"Cel", "CEL"}


def _condition(journey: Journey, protocol: Protocol | None, readings: RecordState) -> Condition | None:
    if protocol is None:
        return None
    ref = readings.fields.get("shipment")
    shipment = None
    if ref and "identifiers" in ref:
        keys = {name_key("shipment", identifier) for identifier in ref["identifiers"]}
        shipment = next((r for r in journey.of("shipment") if keys & {name_key("shipment", i) for i in r.identifiers}), None)
    named = shipment.fields.get("condition") if shipment else None
    direction = (shipment.fields.get("direction") if shipment else None) or "collection-outbound"
    return protocol.conditions.get(named or protocol.direction_condition.get(direction, ""))


def _series(record: RecordState) -> list[tuple[Decimal, Decimal]]:
    return sorted((Decimal(p["seconds"]), Decimal(p["value"])) for p in record.fields.get("points") or ())


def _outside(record: RecordState, condition: Condition) -> tuple[timedelta, timedelta, Decimal | None]:
    """Longest spell and sum outside the range, and the extreme value; a value counts until the next one.

    A device that sends only its extremes was outside for an unknown time: any time is taken as too long.
    """
    series = _series(record)
    spell = total = longest = Decimal(0)
    outside = [value for _, value in series if _beyond(value, condition) > 0]
    for (at, value), following in zip(series, [*series[1:], None], strict=True):
        step = following[0] - at if following else Decimal(0)
        spell = spell + step if _beyond(value, condition) > 0 else Decimal(0)
        total += step if _beyond(value, condition) > 0 else Decimal(0)
        longest = max(longest, spell)
    extremes = [Decimal(record.fields[name]) for name in ("minimum", "maximum") if record.fields.get(name) is not None]
    unseen = [value for value in extremes if _beyond(value, condition) > 0]
    if unseen and not outside:
        return timedelta.max, timedelta.max, max(unseen, key=lambda v: _beyond(v, condition))
    worst = max([*outside, *unseen], key=lambda v: _beyond(v, condition), default=None)
    return timedelta(seconds=float(longest)), timedelta(seconds=float(total)), worst


def _beyond(value: Decimal, condition: Condition) -> Decimal:
    low = condition.low - value if condition.low is not None else Decimal(-1)
    high = value - condition.high if condition.high is not None else Decimal(-1)
    return max(low, high)


def _longest_gap(record: RecordState) -> timedelta:
    times = [at for at, _ in _series(record)]
    return timedelta(seconds=float(max((b - a for a, b in pairwise(times)), default=Decimal(0))))


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


# ---- windows, release, infusion -------------------------------------------------------------------------------


def windows_hold(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:
    """I-4, I-8: stages follow each other within the Protocol's windows, in elapsed UTC time; coarse times are not judged."""
    for window in protocol.windows if protocol else ():
        starts = _facts(journey, window.start)
        ends = _facts(journey, window.end)
        if not starts:
            continue
        opened = max(starts, key=sort_key)
        if is_coarse(opened):
            continue
        deadline = instant_of(opened) + window.longest
        closing = [e for e in ends if not is_coarse(e) and instant_of(e) >= instant_of(opened)]
        late = min(closing, key=sort_key) if closing else None
        if late is None and not ends and now <= deadline:
            yield deadline + timedelta(microseconds=1)
        elif (late is not None and instant_of(late) > deadline) or (late is None and not ends and now > deadline):
            yield Finding(
                "I-4",
                "window",
                "major",
                ("order", journey.order.name),
                f"{window.name}:{opened['id']}",
                f"the window {window.name} of {window.longest} closed at {deadline.isoformat()}",
                "QA decides whether the material may still be used",
                tuple(e["id"] for e in (opened, late) if e),
                window.blocks,
                person=True,
            )


def _facts(journey: Journey, type_: str) -> list[EventDict]:
    return [e for records in journey.records.values() for r in records.values() for e in r.facts if e["type"] == type_]


def release_has_evidence(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-6: `released` needs a final result inside its limit for every criterion; else only the exceptional way."""
    if protocol is None:
        return
    for record in journey.of("disposition"):
        for event in record.named("disposition.decided"):
            decision = event["set"].get("decision")
            if decision == "released":
                missing = [c for c in protocol.criteria if not _criterion_met(journey, c)]
                if missing:
                    yield _release_finding(record, event, f"released without a final result in limits for: {', '.join(missing)}")
            elif decision == "released-exceptionally":
                lacking = [
                    n for n in ("physician_request", "risk_evaluation", "acceptance", "notifications") if not event["set"].get(n)
                ]
                if lacking:
                    yield _release_finding(record, event, f"exceptional release without: {', '.join(lacking)}")


def _release_finding(record: RecordState, event: EventDict, text: str) -> Finding:
    return Finding(
        "I-6",
        "oos",
        "critical",
        _about(record),
        event["id"],
        text,
        "the laboratory reports the missing result, or QA releases exceptionally with its evidence",
        (event["id"],),
        (INFUSE,),
    )


def _criterion_met(journey: Journey, criterion: str) -> bool:
    for record in journey.of("result"):
        codes = {c.get("code") for c in (record.fields.get("test") or {}).get("codings", ())}
        if criterion in codes or record.fields.get("criterion") == criterion:
            final = record.fields.get("status") in {"final", "corrected"}
            if final and record.state != "invalidated" and record.fields.get("evaluation") == "in":
                return True
    return False


def results_in_limits(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-32: a result outside its limit is an out-of-specification Issue."""
    for record in journey.of("result"):
        if record.state != "invalidated" and record.fields.get("evaluation") == "out":
            yield Finding(
                "I-32",
                "oos",
                "major",
                _about(record),
                "out",
                "a test result is outside its specification",
                "QA decides about the material",
                tuple(e["id"] for e in record.facts),
                (),
                person=True,
            )


def later_facts_reopen(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-13: a corrected or invalidated result recorded after a release re-opens the question."""
    released = [
        e
        for r in journey.of("disposition")
        for e in r.facts
        if e["set"].get("decision") in {"released", "released-conditional", "released-exceptionally"}
    ]
    if not released:
        return
    first = min(released, key=sort_key)
    for record in journey.of("result"):
        for event in (*record.named("result.corrected"), *record.named("result.invalidated")):
            if sort_key(event) > sort_key(first):
                yield Finding(
                    "I-13",
                    "oos",
                    "critical",
                    _about(record),
                    event["id"],
                    "a result changed after the material was released",
                    "QA decides about the release again and tells the site",
                    (event["id"], first["id"]),
                    (INFUSE,),
                    person=True,
                )


def infused_as_allowed(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-7, I-9: an infusion that took place without a release, after death or after withdrawal is told, not refused."""
    for event in _facts(journey, "infusion.started"):
        for ref in event["set"].get("containers", ()):
            decision = disposition_of(journey, ref)
            if decision not in RELEASED:
                yield Finding(
                    "I-7",
                    "oos",
                    "critical",
                    ("container", "|".join(name_key("container", ref["identifiers"][0])[1:])),
                    event["id"],
                    "an infusion was reported of a container that is not released",
                    "QA and the physician assess it",
                    (event["id"],),
                    (),
                    person=True,
                )
    barred = patient_barred(journey)
    if barred:
        for event in _facts(journey, "infusion.started"):
            if sort_key(event) > sort_key(barred):
                yield Finding(
                    "I-9",
                    "consent",
                    "critical",
                    ("order", journey.order.name),
                    event["id"],
                    "an infusion was reported after death or withdrawal of treatment consent",
                    "QA and the physician assess it",
                    (event["id"], barred["id"]),
                    (),
                    person=True,
                )


RELEASED = frozenset({"released", "released-exceptionally"})
_SEVERITY_OF_DECISION = ("released", "released-exceptionally", "released-conditional", "quarantined", "rejected", "revoked")


def disposition_of(journey: Journey, container: Mapping[str, Any]) -> str:
    """The decision that holds for a container: the last one, or the most restrictive of those whose times overlap."""
    keys = {name_key("container", identifier) for identifier in container["identifiers"]}
    record = next((r for r in journey.of("container") if keys & {name_key("container", i) for i in r.identifiers}), None)
    if record is not None:
        keys |= {name_key("container", i) for i in record.identifiers}
    own = {("container", key) for key in keys}
    for field in ("material", "batch"):
        ref = (record.fields.get(field) if record else None) or {}
        own |= {(field, name_key(field, identifier)) for identifier in ref.get("identifiers", ())}
    decisions = [
        event
        for disposition in journey.of("disposition")
        for event in disposition.facts
        if any(
            (field, name_key(field, identifier)) in own
            for field in ("container", "material", "batch")
            for identifier in (event["set"].get(field) or {}).get("identifiers", ())
        )
    ]
    if not decisions:
        return ""
    last = max(decisions, key=sort_key)
    overlapping = [e for e in decisions if sort_key(e)[0] >= instant_of(last)]
    names = [e["set"].get("decision") or ("revoked" if e["type"] == "disposition.revoked" else "") for e in overlapping]
    return max(names, key=lambda n: _SEVERITY_OF_DECISION.index(n) if n in _SEVERITY_OF_DECISION else 9)


def patient_barred(journey: Journey) -> EventDict | None:
    """The fact that ends every treatment of the patient: death, or withdrawal of treatment consent."""
    dead = [e for r in journey.of("subject") for e in r.facts if e["type"] == "subject.deceased" or e["set"].get("deceased")]
    withdrawn = [
        e
        for e in _facts(journey, "consent.withdrawn")
        if not e["set"].get("scope") or "treatment" in e["set"].get("scope", ())
    ]
    return min([*dead, *withdrawn], key=sort_key, default=None)


# ---- the log itself -------------------------------------------------------------------------------------------


def facts_agree(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-14: live facts that exclude each other, or say different things of one moment, wait for a person."""
    for records in journey.records.values():
        for record in records.values():
            for first, second in record.conflicts:
                yield Finding(
                    "I-14",
                    "duplicate",
                    "critical",
                    _about(record),
                    f"{first}/{second}",
                    f"facts say both {first} and {second}; the more restrictive one holds",
                    "a person with authority corrects the wrong fact",
                    tuple(e["id"] for e in record.facts),
                    (INFUSE, SHIP),
                    person=True,
                )
            for earlier, later in pairwise(record.facts):
                if earlier["type"] == later["type"] and sort_key(earlier)[:4] == sort_key(later)[:4]:
                    contradictory = [
                        f for f in earlier["set"] if f in later["set"] and earlier["set"][f] != later["set"][f]
                    ]
                    if contradictory:
                        yield Finding(
                            "I-14",
                            "duplicate",
                            "major",
                            _about(record),
                            "|".join(sorted((earlier["id"], later["id"]))),
                            f"two facts of one moment differ in: {', '.join(sorted(contradictory))}",
                            "the reporter says which one holds",
                            (earlier["id"], later["id"]),
                            (INFUSE,),
                            person=True,
                        )


def claims_are_told(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-35: what a party says beyond its authority is kept as a claim and changes nothing."""
    for event in journey.claims:
        yield Finding(
            "I-35",
            "mapping",
            "minor",
            ("order", journey.order.name),
            event["id"],
            f"{event['type']} was stated by a {event['reporter']['role']}, whose word does not decide it",
            "the party with authority reports it",
            (event["id"],),
        )


def facts_are_timely(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Finding | datetime]:  # noqa: ARG001
    """I-31: a fact that reaches the hub long after it happened is accepted and told."""
    limit = protocol.late_after if protocol else timedelta(days=3)
    for event in journey.events:
        if event["reporter"]["role"] == "hub":
            continue
        lateness = parse_instant(event["recorded"]) - sort_key(event)[0]
        if lateness > limit:
            yield Finding(
                "I-31",
                "late-event",
                "info",
                ("order", journey.order.name),
                event["id"],
                f"{event['type']} was received {lateness.days} days after it happened",
                "nothing; windows were computed again",
                (event["id"],),
            )


_RULES: tuple[Rule, ...] = (
    identity_agrees,
    donor_is_patient,
    custody_is_gapless,
    accepted_by_consignee,
    transit_is_plausible,
    temperature_holds,
    windows_hold,
    release_has_evidence,
    results_in_limits,
    later_facts_reopen,
    infused_as_allowed,
    facts_agree,
    claims_are_told,
    facts_are_timely,
)


def describe() -> Iterable[tuple[str, str]]:
    """Every rule's first line, for the generated documentation."""
    return [(rule.__name__, (rule.__doc__ or "").splitlines()[0]) for rule in _RULES]

