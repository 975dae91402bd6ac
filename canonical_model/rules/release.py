"""Rules of release: what `released` rests on (I-6), and the evidence of an exceptional release (I-28).

The hub decides nothing: it says what is missing, and who decided without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import instant_of, is_after, is_coarse
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import TARGETS, Thing, above, concerns, product_of, refs
from canonical_model.protocols import Criterion, Protocol, Specification
from canonical_model.rules.finding import INFUSE, RELEASE, Finding, Item, about, ids
from canonical_model.rules.missing import Missing
from canonical_model.rules.quality import FINAL, Decision, decisions, evaluation, replaces
from canonical_model.rules.specification import IN, answers, is_after_thaw
from canonical_model.values import MOMENT, plus

PRELIMINARY = frozenset({"preliminary", "partial"})
"""States of a result that a conditional release may rest on, where the criterion accepts it."""
AUTHORISED = frozenset({"qa", "qp", "quality-assurance", "quality-unit", "qualified-person"})
"""Roles in which a person signs a release."""
USUAL_EVIDENCE = ("physician-request", "risk-evaluation", "acceptance", "notification")
"""What an exceptional release needs where the Protocol says nothing (GMP for ATMP 11.53, 11.54)."""
Target = Mapping[str, Any] | None
"""The container, material or batch that a decision is about; none: it does not say."""


# ---- what a release rests on ------------------------------------------------------------------------------------


def missing_for_release(
    journey: Journey,
    protocol: Protocol | None,
    target: Target,
    now: datetime,  # noqa: ARG001 - nothing that is missing by now comes by time alone
    findings: Iterable[Finding] = (),
) -> list[Missing]:
    """What a container, material or batch lacks to be released by the Protocol's Specification; nothing: it may be.

    `what` is `criterion` (no result will do), `interim` (a preliminary result does for a conditional release, and the
    final one is outstanding), `specification`, `region`, or `issue`. `findings` are what all rules found of the order:
    open critical and major ones about the target stand against a release. They are handed in, because a rule cannot
    ask for what the other rules find.
    """
    if protocol is None or protocol.specification is None:
        settle = "the order names its Protocol as id@version, and the Protocol a Specification"
        text = "no Specification is known that the product could be held against"
        return [Missing("specification", "mapping", text, settle, unclear=True)]
    missing = [
        found
        for criterion in protocol.specification.of("release")
        if (found := _lacks(journey, protocol.specification, criterion, target)) is not None
    ]
    unfit = _region_unfit(protocol, str(journey.order.fields.get("region") or ""))
    if unfit:
        missing.append(
            Missing("region", "oos", unfit[0], "quality names a Specification of the region", unclear=unfit[1])
        )
    return [*missing, *(_standing_against(f) for f in findings if stands_against(journey, f, target))]


def _lacks(journey: Journey, specification: Specification, criterion: Criterion, target: Target) -> Missing | None:
    """What a criterion lacks of a target: a final result that is in, and none that is not."""
    results = _results(journey, specification, criterion, target)
    final = [r for r in results if r.fields.get("status") in FINAL]
    said = {evaluation(r, criterion) for r in final}
    if said == {IN}:
        return None
    facts = ids(fact for record in results for fact in record.facts)
    told = [r for r in results if r.fields.get("status") in PRELIMINARY]
    if not final and criterion.interim and {evaluation(r, criterion) for r in told} == {IN}:
        text = f"the final result of {criterion.test} is outstanding; its preliminary one is in"
        settle = "the laboratory reports the final result, or quality releases conditionally with a date for it"
        return Missing("interim", "oos", text, settle, facts)
    if not final:
        text = f"no final result of {criterion.test} is known"
        return Missing("criterion", "oos", text, "the laboratory reports it", facts)
    word = "out of its limits" if "out" in said else "not evaluated"
    settle = "the laboratory corrects it, or quality releases exceptionally with its evidence"
    return Missing("criterion", "oos", f"a result of {criterion.test} is {word}", settle, facts)


def _results(journey: Journey, specification: Specification, criterion: Criterion, target: Target) -> list[RecordState]:
    """The results that count for a criterion: of the target, and not of thawed product where that has its own."""
    thawed_apart = any(c.test == criterion.test for c in specification.of("post-thaw"))
    return [
        record
        for record in journey.of("result")
        if record.state != "invalidated"
        and answers(record, criterion.test)
        and concerns(journey, record, target)
        and not (thawed_apart and is_after_thaw(journey, record))
    ]


def stands_against(journey: Journey, finding: Finding, target: Target) -> bool:
    """True for an open critical or major finding, of another rule than I-6, about a target or what it is tested by.

    A finding about the order as a whole counts where it answers the question of release or of infusion with no.
    """
    if finding.severity not in {"critical", "major"} or finding.rule == "I-6":
        return False
    if finding.about[0] in {"order", "subject"}:
        return RELEASE in finding.blocks or INFUSE in finding.blocks
    if target is None:
        return True
    return bool(_things_of(journey, finding.about) & _product(journey, target))


def _product(journey: Journey, target: Mapping[str, Any]) -> set[Thing]:
    """A target with its material and batch, and the containers that hold it."""
    own = product_of(journey, target)
    return own | {
        ("container", c.name)
        for c in journey.of("container")
        if product_of(journey, {"kind": "container", "identifiers": c.identifiers}) & own
    }


def _things_of(journey: Journey, thing: Thing) -> set[Thing]:
    """What a record is, and what it is about: what a result tests, what a shipment holds."""
    record = journey.records.get(thing[0], {}).get(thing[1])
    if record is None or thing[0] in TARGETS:
        return {thing}
    fields = (*TARGETS, "shipment", "contents", "containers", "about", "parents")
    named = [ref for field in fields for fact in record.facts for ref in refs(fact["set"].get(field))]
    return {thing} | above(journey, named, ("contents", "parents"))


def _standing_against(finding: Finding) -> Missing:
    text = f"an open Issue stands against it ({finding.rule}): {finding.text}"
    return Missing("issue", finding.kind, text, finding.settle, finding.facts, finding.about, finding.unclear)


def _region_unfit(protocol: Protocol, region: str) -> tuple[str, bool] | None:
    """Why the Specification does not count for a region, and whether that is only unknown; None where it does."""
    specification = protocol.specification
    if specification is None or not specification.regions or region in specification.regions:
        return None
    counts = f"the Specification {specification.key} counts in {', '.join(specification.regions)}"
    return (f"{counts}, not in {region}", False) if region else (f"{counts}, and the region is not known", True)


# ---- rules ------------------------------------------------------------------------------------------------------


def release_has_evidence(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-6: `released` needs a final result in limits for each criterion, `released-conditional` a date for the rest."""
    if protocol is None:
        return
    for decision in current(journey):
        if decision.says in {"released", "released-conditional"}:
            yield from _by_specification(journey, protocol, decision)
            yield from _signed(decision)


def current(journey: Journey) -> list[Decision]:
    """The decisions that no later one about the same thing replaces."""
    made = decisions(journey)
    return [
        one
        for one in made
        if not any(_same_target(journey, other, one) and replaces(journey, other, one) for other in made)
    ]


def _same_target(journey: Journey, one: Decision, other: Decision) -> bool:
    return (one.target is None and other.target is None) or journey.same(one.target, other.target)


def _by_specification(journey: Journey, protocol: Protocol, decision: Decision) -> Iterator[Item]:
    specification = protocol.specification
    if specification is None:
        return
    lacking = {
        c.test: missing
        for c in specification.of("release")
        if (missing := _lacks(journey, specification, c, decision.target)) is not None
    }
    outstanding = [test for test, missing in lacking.items() if missing.what == "interim"]
    short = [t for t in lacking if decision.says == "released" or t not in outstanding]
    if short:
        text = f"{decision.says} without a final result in limits for: {', '.join(short)}"
        yield _unfounded(decision, "", "oos", "critical", text, (INFUSE,))
    elif decision.says == "released-conditional":
        for test in outstanding:
            if not _is_promised(journey, test, decision.target):
                text = f"released conditionally, and no date is recorded for the final result of {test}"
                yield _unfounded(decision, f"undated:{test}", "obligation-due", "major", text)
    said = decision.record.fields
    unfit = _region_unfit(protocol, region_of(journey, decision))
    if unfit:
        severity = "major" if unfit[1] else "critical"
        yield _unfounded(decision, "region", "oos", severity, unfit[0], (INFUSE,), unclear=unfit[1])
    if said.get("specification") and said["specification"] != specification.key:
        text = f"the decision names another Specification than {specification.key}, which the Protocol names"
        yield _unfounded(decision, "specification", "oos", "minor", text)


def _is_promised(journey: Journey, test: str, target: Target) -> bool:
    """True when somebody recorded by when the final result of a test will be there."""
    return any(
        record.fields.get("criterion") == test
        and record.fields.get("kind") in {None, "result"}
        and record.fields.get("due")
        and concerns(journey, record, target)
        for record in journey.of("obligation")
    )


def _signed(decision: Decision) -> Iterator[Item]:
    """An authorised signer, where a signer or a role is stated at all."""
    said = decision.record.fields
    role = str(said.get("role") or "")
    if role and "-".join(role.casefold().replace("_", " ").split()) not in AUTHORISED:
        text = f"the release was signed in a role that does not release: {role}"
        yield _unfounded(decision, "role", "oos", "critical", text, (INFUSE,))
    elif bool(role) != bool(said.get("signer")):
        text = "the release names a role and no signer" if role else "the release names a signer and no role"
        yield _unfounded(decision, "signer", "oos", "major", text)


def _unfounded(
    decision: Decision,
    cause: str,
    kind: str,
    severity: str,
    text: str,
    blocks: tuple[str, ...] = (),
    rule: str = "I-6",
    *,
    unclear: bool = False,
) -> Finding:
    event = decision.event["id"]
    return Finding(
        rule=rule,
        kind=kind,
        severity=severity,
        about=about(decision.record),
        cause=f"{event}:{cause}" if cause else event,
        text=text,
        settle=_SETTLE.get(cause.partition(":")[0], _SETTLE[""]),
        facts=(event,),
        blocks=blocks,
        unclear=unclear,
    )


_SETTLE = {
    "": "the laboratory reports the missing result, or QA releases exceptionally with its evidence",
    "undated": "QA records an obligation for the result, with its date",
    "region": "QA decides by a Specification of the region, or corrects the region",
    "specification": "QA names the Specification that was applied, or the Protocol is brought up to date",
    "role": "a person who may release signs the decision",
    "signer": "QA names who signed, and in which role",
    "evidence": "QA records the evidence that is missing",
    "notified": "QA tells the authority and records the reference",
}


# ---- exceptional release ----------------------------------------------------------------------------------------


def region_of(journey: Journey, decision: Decision) -> str:
    """The region whose rules count for a decision: its own, or the order's; empty where none is stated."""
    return str(decision.record.fields.get("region") or journey.order.fields.get("region") or "")


def exception_has_evidence(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-28: `released-exceptionally` has all evidence that its region asks for, and the authority is told in time."""
    if protocol is None:
        return
    for decision in current(journey):
        if decision.says == "released-exceptionally":
            lacking = missing_evidence(journey, protocol, decision)
            if lacking:
                text = f"exceptional release without: {', '.join(lacking)}"
                yield _unfounded(decision, "evidence", "oos", "critical", text, (INFUSE,), "I-28")
            yield from _told_in_time(journey, protocol, decision, now)


def missing_evidence(journey: Journey, protocol: Protocol, decision: Decision) -> list[str]:
    """The evidence of an exceptional release that the Protocol asks for in its region and that is not there."""
    by_region = protocol.release_evidence
    wanted = by_region.get(region_of(journey, decision), by_region.get("", USUAL_EVIDENCE))
    return [name for name in wanted if not EVIDENCE.get(name, _never)(journey, decision)]


def _field(name: str) -> Callable[[Journey, Decision], bool]:
    return lambda journey, decision: bool(decision.record.fields.get(name))  # noqa: ARG005


def _never(journey: Journey, decision: Decision) -> bool:  # noqa: ARG001
    """Evidence that nobody knows how to show."""
    return False


EVIDENCE: Mapping[str, Callable[[Journey, Decision], bool]] = {
    "physician-request": _field("physician_request"),
    "risk-evaluation": _field("risk_evaluation"),
    "acceptance": _field("acceptance"),
    "notification": lambda journey, decision: bool(_notices(journey, decision)),
    "expanded-access": lambda journey, decision: journey.order.fields.get("programme") == "expanded-access",  # noqa: ARG005
    "ethics": _field("ethics"),
    "consent": _field("consent"),
}
"""Evidence that a Protocol may ask for -> how it is shown."""


def _notices(journey: Journey, decision: Decision) -> list[EventDict]:
    """The facts that tell that an authority was told: of the decision's references, or of a notification itself.

    One that was sent before the decision for certain told of something else.
    """
    stated = [fact for fact in decision.record.facts if fact["set"].get("notifications")]
    sent = [
        fact
        for record in journey.of("notification")
        if record.fields.get("role") in {None, "regulator"} and not record.fields.get("recall")
        for fact in record.named("notification.sent")
        if not is_after(decision.event, fact)
    ]
    return [*(stated if decision.record.fields.get("notifications") else ()), *sent]


def _told_in_time(journey: Journey, protocol: Protocol, decision: Decision, now: datetime) -> Iterator[Item]:
    by_region = protocol.notify_within
    within = by_region.get(region_of(journey, decision), by_region.get(""))
    if within is None or is_coarse(decision.event):
        return
    deadline = plus(instant_of(decision.event), within)
    told = _notices(journey, decision)
    if any(instant_of(fact) <= deadline for fact in told):
        return
    if not told and now <= deadline:
        yield plus(deadline, MOMENT)
        return
    text = f"the authority was not told of an exceptional release within {within}"
    yield _unfounded(decision, "notified", "obligation-due", "major", text, rule="I-28")


RULES = (release_has_evidence, exception_has_evidence)
