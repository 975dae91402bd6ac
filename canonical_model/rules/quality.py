"""Rules of quality: which decision holds, and which results are outside their limits (I-32).

What a release rests on stands in `release`, what re-opens it in `reopening`, results and criteria in `specification`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from canonical_model.events import is_after
from canonical_model.joins import RESTRICTIVE
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import TARGETS, Thing, product_of, target_of
from canonical_model.protocols import Criterion, Protocol
from canonical_model.rules.finding import RELEASE, Finding, Item, about, ids
from canonical_model.rules.specification import (
    EHRLICH,
    IN,
    METHOD,
    NOT_EVALUATED,
    OUT,
    UNIT,
    VALUE,
    answers,
    criterion_of,
    judge,
    strictest,
    within,
)

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
    return [d for d in own if not any(replaces(journey, other, d) for other in own)]


def replaces(journey: Journey, later: Decision, earlier: Decision) -> bool:
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


def evaluation(record: RecordState, criterion: Criterion | None = None) -> str:
    """A result against its limits: the laboratory's word, its limit by the numbers, and a criterion of the
    Specification; the most restrictive of them. Empty where nobody says.

    A number that the criterion cannot be applied to is not evaluated, whatever the laboratory says; of words and codes
    that it does not know the laboratory's word holds.
    """
    said = str(record.fields.get("evaluation") or "")
    found = [said, _by_numbers(record)]
    if criterion is not None:
        judged = judge(criterion, record.fields)
        if judged.says != NOT_EVALUATED or judged.doubt in {UNIT, METHOD} or (judged.doubt and not said):
            found.append(judged.says)
    return strictest(found)


def _by_numbers(record: RecordState) -> str:
    """The result against the limit that came with it, in one unit; empty where that says neither in nor out."""
    value = (record.fields.get("value") or {}).get("quantity")
    limit = record.fields.get("limit") or {}
    ends = [end for end in (limit.get("low"), limit.get("high")) if end]
    if not value or not ends or any(end.get("unit") != value.get("unit") for end in ends):
        return ""  # a limit stands in the unit of its value, or it is not this value's
    low, high = (Decimal(limit[end]["value"]) if limit.get(end) else None for end in ("low", "high"))
    says = within(Decimal(value["value"]), value.get("comparator") or "", low, high)
    return "" if says == NOT_EVALUATED else says


def results_in_limits(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-32: a result outside its limit is an out-of-specification Issue; what cannot be evaluated is told."""
    for record in journey.of("result"):
        if record.state == "invalidated":
            continue
        criterion = criterion_of(journey, protocol, record)
        if evaluation(record, criterion) == OUT:
            text = "a test result is outside its specification"
            yield _of_result(record, "oos", "major", "out", text, "QA decides about the material", person=True)
        if criterion is not None:
            yield from _against(record, criterion)
        unit = ((record.fields.get("value") or {}).get("quantity") or {}).get("unit") or ""
        if EHRLICH in unit and answers(record, "endotoxin"):
            text = "the unit of an endotoxin result is written as the Ehrlich unit; it was read as {EU}"
            yield _of_result(record, "mapping", "info", "ehrlich", text, "the laboratory or its profile writes {EU}")


_DOUBTS = {
    UNIT: ("its unit has no certain factor to {unit}", "the laboratory reports it in {unit}, or its profile maps it"),
    VALUE: (
        "what was found is neither {expect} nor its opposite",
        "the laboratory evaluates it, or its profile maps it",
    ),
    METHOD: ("it was measured in another way than by {method}", "QA decides whether the method will do"),
}


def _against(record: RecordState, criterion: Criterion) -> Iterator[Item]:
    """What a criterion cannot be applied to, and what it says otherwise than the laboratory."""
    judged, said = judge(criterion, record.fields), record.fields.get("evaluation")
    if judged.doubt and not (judged.doubt == VALUE and said in {IN, OUT}):
        why, settle = (
            text.format(
                unit=criterion.unit or "a number without unit", expect=criterion.expect, method=criterion.method
            )
            for text in _DOUBTS[judged.doubt]
        )
        severity, blocks = ("major", (RELEASE,)) if criterion.blocking else ("minor", ())
        text = f"a result of {criterion.test} was not evaluated: {why}"
        yield _of_result(record, "mapping", severity, f"not-evaluated:{judged.doubt}", text, settle, blocks)
    if judged.says in {IN, OUT} and said in {IN, OUT} and judged.says != said:
        text = f"the laboratory finds a result of {criterion.test} {said}, the Specification {judged.says}; out holds"
        settle = "the laboratory and quality agree on the limit that counts"
        yield _of_result(record, "oos", "minor", "disagreement", text, settle)


def _of_result(
    record: RecordState,
    kind: str,
    severity: str,
    cause: str,
    text: str,
    settle: str,
    blocks: tuple[str, ...] = (),
    *,
    person: bool = False,
) -> Finding:
    return Finding("I-32", kind, severity, about(record), cause, text, settle, ids(record.facts), blocks, person=person)


RULES = (results_in_limits,)
