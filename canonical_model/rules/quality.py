"""Rules of quality: which decision holds (disposition), what a release rests on (I-6), what re-opens it (I-13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from canonical_model.events import is_after
from canonical_model.joins import RESTRICTIVE
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import TARGETS, Thing, concerns, product_of, target_of
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import INFUSE, Finding, Item, about, ids

RELEASED = frozenset({"released", "released-exceptionally"})
OUT_OF_HOLD = RELEASED | {"released-conditional"}
FINAL = frozenset({"final", "corrected", "appended", "verified-after-review"})
"""States of a result, in the words of the canonical model, that a release may rest on."""
_RANK = {decision: rank for rank, decision in enumerate(RESTRICTIVE["decision"])}


@dataclass(frozen=True, slots=True)
class Decision:
    """One quality decision: what it says of which container, material or batch (the narrowest that it names)."""

    event: EventDict
    record: RecordState
    says: str
    target: Mapping[str, Any] | None

    @property
    def width(self) -> int:
        """0 for a container, 1 for a material, 2 for a batch."""
        return TARGETS.index(self.target["kind"]) if self.target else len(TARGETS)


def decisions(journey: Journey) -> list[Decision]:
    """All live quality decisions, in the order of facts. What a fact does not name stands on its record."""
    found = []
    for record in journey.of("disposition"):
        known = target_of(record.fields)
        for event in record.facts:
            says = "revoked" if event["type"] == "disposition.revoked" else event["set"].get("decision")
            if says:
                found.append(Decision(event, record, says, target_of(event["set"]) or known))
    return found


def standing(journey: Journey, container: Mapping[str, Any], before: EventDict | None = None) -> list[Decision]:
    """The decisions that hold for a container: those that no certainly later one of the same or a narrower reach
    replaces. `before` leaves out what was decided after that fact for certain."""
    things: set[Thing] = product_of(journey, container)
    own = [
        d
        for d in decisions(journey)
        if d.target is not None
        and (d.target["kind"], journey.name_of(d.target)) in things
        and not (before is not None and is_after(d.event, before))
    ]
    return [d for d in own if not any(_replaces(journey, other, d) for other in own)]


def _replaces(journey: Journey, later: Decision, earlier: Decision) -> bool:
    return (
        later.width <= earlier.width
        and is_after(later.event, earlier.event)
        and not journey.are_rivals(later.event, earlier.event)
    )


def disposition_of(journey: Journey, container: Mapping[str, Any], before: EventDict | None = None) -> str:
    """The decision that holds for a container, the most restrictive where several do; empty where there is none."""
    container = {"kind": "container", **container}
    return max((d.says for d in standing(journey, container, before)), key=restriction, default="")


def restriction(decision: str) -> int:
    """How restrictive a decision is; one that nobody knows is the most."""
    return _RANK.get(decision, len(_RANK))


def release_has_evidence(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-6: `released` needs a final result inside its limit for every criterion; else only the exceptional way."""
    if protocol is None:
        return
    made = decisions(journey)
    for decision in made:
        if any(_same_target(journey, other, decision) and _replaces(journey, other, decision) for other in made):
            continue
        if decision.says == "released":
            missing = [c for c in protocol.criteria if not _is_met(journey, c, decision.target)]
            if missing:
                yield _unfounded(decision, f"released without a final result in limits for: {', '.join(missing)}")
        elif decision.says == "released-exceptionally":
            wanted = ("physician_request", "risk_evaluation", "acceptance", "notifications")
            lacking = [name for name in wanted if not decision.record.fields.get(name)]
            if lacking:
                yield _unfounded(decision, f"exceptional release without: {', '.join(lacking)}")


def _same_target(journey: Journey, one: Decision, other: Decision) -> bool:
    return (one.target is None and other.target is None) or journey.same(one.target, other.target)


def _unfounded(decision: Decision, text: str) -> Finding:
    return Finding(
        rule="I-6",
        kind="oos",
        severity="critical",
        about=about(decision.record),
        cause=decision.event["id"],
        text=text,
        settle="the laboratory reports the missing result, or QA releases exceptionally with its evidence",
        facts=(decision.event["id"],),
        blocks=(INFUSE,),
    )


def _is_met(journey: Journey, criterion: str, target: Mapping[str, Any] | None) -> bool:
    """True when final results of the target say `in` for a criterion and none says otherwise."""
    said = {
        evaluation(record)
        for record in journey.of("result")
        if record.state != "invalidated"
        and record.fields.get("status") in FINAL
        and _tests(record, criterion)
        and concerns(journey, record, target)
    }
    return said == {"in"}


def _tests(record: RecordState, criterion: str) -> bool:
    codes = {coding.get("code") for coding in (record.fields.get("test") or {}).get("codings", ())}
    return criterion in codes or record.fields.get("criterion") == criterion


def evaluation(record: RecordState) -> str:
    """A result against its limit: as the laboratory says, unless the numbers say worse. Empty where nobody says."""
    said = str(record.fields.get("evaluation") or "")
    computed = _by_numbers(record)
    return computed if computed == "out" or not said else said


def _by_numbers(record: RecordState) -> str:
    value = (record.fields.get("value") or {}).get("quantity")
    limit = record.fields.get("limit") or {}
    ends = [end for end in (limit.get("low"), limit.get("high")) if end]
    if not value or not ends or any(end.get("unit") != value.get("unit") for end in ends):
        return ""  # never compared across units: conversion needs a factor that nobody gave
    number, comparator = Decimal(value["value"]), value.get("comparator") or ""
    low, high = (Decimal(limit[e]["value"]) if limit.get(e) else None for e in ("low", "high"))
    below = low is not None and (number < low or (number == low and comparator == "<"))
    beyond = high is not None and (number > high or (number == high and comparator == ">"))
    if (below and comparator not in {">", ">="}) or (beyond and comparator not in {"<", "<="}):
        return "out"
    return "" if comparator or below or beyond else "in"


def results_in_limits(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-32: a result outside its limit is an out-of-specification Issue."""
    for record in journey.of("result"):
        if record.state != "invalidated" and evaluation(record) == "out":
            yield Finding(
                rule="I-32",
                kind="oos",
                severity="major",
                about=about(record),
                cause="out",
                text="a test result is outside its specification",
                settle="QA decides about the material",
                facts=ids(record.facts),
                person=True,
            )


def later_facts_reopen(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-13: a result that changed after a release, or contradicts it now, re-opens the question."""
    released = [decision for decision in decisions(journey) if decision.says in OUT_OF_HOLD]
    for record in journey.of("result") if released else ():
        touched = [d for d in released if concerns(journey, record, d.target)]
        changes = [*record.named("result.corrected"), *record.named("result.invalidated")]
        for event in changes if touched else ():
            contradicts = record.state == "invalidated" or evaluation(record) == "out"
            if contradicts or any(is_after(event, d.event) for d in touched):
                yield Finding(
                    rule="I-13",
                    kind="oos",
                    severity="critical",
                    about=about(record),
                    cause=event["id"],
                    text="a result that a release rests on was changed",
                    settle="QA decides about the release again and tells the site",
                    facts=ids((event, touched[0].event)),
                    blocks=(INFUSE,),
                    person=True,
                )


RULES = (release_has_evidence, results_in_limits, later_facts_reopen)
