"""Puts a certificate of analysis together for one reader: results, limits, verdicts, decisions, and what is missing.

Verdicts are those of the rules (I-32). Persons stand in no certificate: it names roles, laboratories and facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.journey import Journey, RecordState, is_ref
from canonical_model.lineage import TARGETS, ref_of
from canonical_model.protocols import Criterion, Protocol
from canonical_model.rules.quality import evaluation
from canonical_model.rules.specification import criterion_of
from canonical_model.values import Ref
from hub.certificates.shape import Certificate, Decision, Line
from hub.certificates.things import Target, counting, not_released, targets_of, tells_of, undecided
from hub.profiles import Profile
from hub.reports.reader import Reader

MISSING = "missing"
LASTING = frozenset({"final", "corrected", "appended"})
"""Statuses of a result that stays: a preliminary one leaves the certificate incomplete."""
PHASES = ("in-process", "release", "post-release")
"""Phases whose criteria a product's certificate tells of."""


def certificate(
    journey: Journey, protocol: Protocol | None, profile: Profile, names: Mapping[str, str], now: datetime
) -> Certificate | None:
    """The certificate of an order as a partner may see it; None where it may see no results of it.

    `names` are the partners as people call them.
    """
    reader = Reader(profile)
    if not reader.sees("result"):
        return None
    results = [record for record in journey.of("result") if record.state != "invalidated"]
    asked = {record.name: criterion_of(journey, protocol, record) for record in results}
    lines, listed = _asked(journey, protocol, asked, reader, names)
    others = tuple(_line(r, _listed(asked[r.name]), reader, names) for r in results if r.name not in listed)
    decisions = tuple(_decisions(journey, reader, names))
    specification = protocol.specification if protocol else None
    order = reader.shown("order", {**journey.order.fields, "identifiers": journey.order.identifiers}) or {}
    return Certificate(
        made=now,
        reader=profile.partner,
        order=tuple(order.get("identifiers") or ()),
        product=order.get("service"),
        batches=tuple(Ref.model_validate(ref_of(one)) for one in journey.of("batch") if reader.sees("batch")),
        specification=specification.key if specification else "",
        lines=lines,
        others=others,
        decisions=decisions,
        missing=(
            *_lacking(specification is not None, lines),
            *_undecided(journey, reader, decisions),
        ),
    )


def _asked(
    journey: Journey,
    protocol: Protocol | None,
    asked: Mapping[str, Criterion | None],
    reader: Reader,
    names: Mapping[str, str],
) -> tuple[tuple[Line, ...], set[str]]:
    """The Specification's criteria in their order, each with its results of each thing that is told of, or with the
    thing that has none; and the names of the results that stand there."""
    specification = protocol.specification if protocol else None
    targets, lines, listed = targets_of(journey), list[Line](), set[str]()
    for criterion in specification.criteria if specification else ():
        if criterion.phase not in PHASES:
            continue
        results = [record for record in journey.of("result") if asked.get(record.name) == criterion]
        for target in targets:
            found = [record for record in results if tells_of(journey, record, criterion, target)]
            lines += [_line(r, criterion, reader, names) for r in found if r.name not in listed]
            listed |= {record.name for record in found}
            if not found:
                lines.append(_without_result(criterion, target, reader))
    return tuple(lines), listed


def _without_result(criterion: Criterion, target: Target, reader: Reader) -> Line:
    return Line(
        test=criterion.test,
        phase=criterion.phase,
        method=criterion.method or "",
        limit=limit_of(criterion),
        verdict=MISSING,
        about=(Ref.model_validate(target),) if target is not None and reader.sees(target["kind"]) else (),
    )


def _listed(criterion: Criterion | None) -> Criterion | None:
    return criterion if criterion is not None and criterion.phase in PHASES else None


def _line(record: RecordState, criterion: Criterion | None, reader: Reader, names: Mapping[str, str]) -> Line:
    said = reader.shown("result", record.fields) or {}
    last = record.facts[-1]
    own = said.get("limit") or {}
    ends = [f"{sign} {_quantity(own[end])}" for end, sign in (("low", "≥"), ("high", "≤")) if own.get(end)]
    about = [said[name] for name in TARGETS if is_ref(said.get(name))]
    return Line.model_validate(
        {
            "test": criterion.test if criterion else _words(said.get("test")) or str(said.get("criterion") or ""),
            "phase": criterion.phase if criterion else "",
            "method": ", ".join(filter(None, map(_words, said.get("methods") or ()))),
            "limit": limit_of(criterion) if criterion else " ".join(ends),
            "result": _value(said.get("value") or {}),
            "verdict": evaluation(record, criterion) or "not-evaluated",
            "laboratory_says": str(said.get("evaluation") or ""),
            "status": str(said.get("status") or ""),
            "tested": said.get("analysed_at") or last["occurred"],
            "laboratory": names.get(last["reporter"]["partner"], last["reporter"]["partner"]),
            "about": tuple(about),
            "facts": tuple(fact["id"] for fact in record.facts),
        }
    )


def limit_of(criterion: Criterion) -> str:
    """What passes, in words.

    >>> from decimal import Decimal
    >>> limit_of(Criterion(test="viability", low=Decimal(70), unit="%"))
    '≥ 70 %'
    """
    ends = [f"{sign} {end}" for end, sign in ((criterion.low, "≥"), (criterion.high, "≤")) if end is not None]
    text = " and ".join(ends) or (criterion.expect or "")
    return f"{text} {criterion.unit}" if text and criterion.unit else text


def _decisions(journey: Journey, reader: Reader, names: Mapping[str, str]) -> Iterator[Decision]:
    if not reader.sees("disposition"):
        return
    counts = counting(journey)
    for event in journey.events:
        if event["about"]["kind"] != "disposition":
            continue
        said = reader.shown("disposition", event["set"]) or {}
        about = tuple(said[name] for name in ("container", "material", "batch") if is_ref(said.get(name)))
        decided = "revoked" if event["type"] == "disposition.revoked" else str(said.get("decision") or "not said")
        partner = event["reporter"]["partner"]
        yield Decision.model_validate(
            {
                "decision": decided,
                "about": about,
                "role": str(said.get("role") or ""),
                "specification": str(said.get("specification") or ""),
                "at": event["occurred"],
                "by": names.get(partner, partner),
                "counts": event["id"] in counts,
                "fact": event["id"],
            }
        )


def _lacking(has_specification: bool, lines: tuple[Line, ...]) -> Iterator[str]:
    if not has_specification:
        yield "no Specification is known for the product: no result is held against a limit"
    for line in lines:
        of = f" of {_named(line.about[0].model_dump())}" if line.about else ""
        if line.verdict == MISSING:
            yield f"{line.test}{of}: no result ({line.phase})"
        elif line.verdict == "not-evaluated":
            yield f"{line.test}{of}: the result is held against no limit"
        if line.verdict != MISSING and line.status not in LASTING:
            yield f"{line.test}{of}: the result is {line.status or 'of no stated status'}, not final"


def _undecided(journey: Journey, reader: Reader, told: tuple[Decision, ...]) -> Iterator[str]:
    """What quality has not released: not decided about, or decided otherwise as the decisions stand."""
    if not reader.sees("disposition"):
        yield "what quality decided is not told to this reader"
        return
    if not any(decision.counts for decision in told):
        yield "quality has not decided"
        return
    for target, says in not_released(journey):
        what = "what the decision is about is not said" if target is None else _named(target, reader)
        yield f"{what}: quality's decision that stands is {says}, not a full release"
    for batch in undecided(journey):
        yield f"{_named(batch, reader)}: quality has not decided"


def _named(ref: Mapping[str, Any], reader: Reader | None = None) -> str:
    """A thing in words: its kind and its first name; its kind alone for a reader who may not see it."""
    return f"{ref['kind']} {ref['identifiers'][0]['value']}" if not reader or reader.sees(ref["kind"]) else ref["kind"]


# ---- words ------------------------------------------------------------------------------------------------------


def _words(concept: Any) -> str:
    if not isinstance(concept, Mapping):
        return ""
    coding = (concept.get("codings") or [{}])[0]
    return str(coding.get("display") or coding.get("code") or concept.get("text") or "").removeprefix("x-")


def _value(value: Mapping[str, Any]) -> str:
    if value.get("quantity"):
        return _quantity(value["quantity"])
    if value.get("concepts"):
        return ", ".join(filter(None, map(_words, value["concepts"])))
    text = value.get("text")
    return " ".join(text) if isinstance(text, list | tuple) else ""


def _quantity(quantity: Mapping[str, Any]) -> str:
    words = (quantity.get("comparator"), quantity.get("value"), quantity.get("unit_text") or quantity.get("unit"))
    return " ".join(str(word) for word in words if word)
