"""Questions: may this be shipped, may this be infused? Pure functions of the state; every answer gives its reasons.

allow, deny, or cannot-tell, which is treated as no: the facts needed to answer are contradictory, unread or unlinked.
Domain design 2.5; architecture 4. A question is not an order-control request of HL7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.ids import name_key
from canonical_model.journey import Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.rules import INFUSE, RELEASED, SHIP, check, disposition_of, patient_barred

ALLOW, DENY, CANNOT_TELL = "allow", "deny", "cannot-tell"

ContainerRef = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is not allow: the rule, what it found, on which facts, and what would settle it."""

    rule: str
    verdict: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "verdict": self.verdict,
            "text": self.text,
            "settle": self.settle,
            "facts": list(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reasons; allow has none."""

    question: str
    verdict: str
    reasons: tuple[Reason, ...]

    def plain(self) -> dict[str, Any]:
        return {"question": self.question, "verdict": self.verdict, "reasons": [r.plain() for r in self.reasons]}


def may_ship(
    journey: Journey,
    containers: Sequence[ContainerRef],
    giver: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May these containers leave with `giver` as the one who hands them over? `giver` is a party's short name.

    Shipping needs: an order that is open, a patient who is alive and consents, containers of this order that `giver`
    holds, and no Issue that blocks shipping. The leg to the patient needs a disposition too.
    """
    reasons = [*unsettled, *_common(journey, containers, SHIP, protocols, now)]
    for ref in containers:
        record = _container(journey, ref)
        if record is None:
            continue
        chain = journey.custody.get(record.name)
        if chain is None or not chain.holder:
            reasons.append(_reason("I-2", DENY, "nobody is recorded as holder of the container", "the maker reports its creation"))
        elif giver and chain.holder != giver:
            reasons.append(
                _reason("I-2", DENY, "another party holds the container", "the holder reports the handover", chain.steps[-1].event)
            )
        if record.fields.get("batch") and disposition_of(journey, ref) not in RELEASED:
            reasons.append(_reason("I-6", DENY, "the product is not released", "quality decides about the material"))
    return _verdict(SHIP, reasons)


def may_infuse(
    journey: Journey,
    containers: Sequence[ContainerRef],
    site: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May these containers be infused at `site` (a party's short name; empty: not asked)? Rules I-1, I-7, I-9 and all that block."""
    reasons = [*unsettled, *_common(journey, containers, INFUSE, protocols, now)]
    for ref in containers:
        decision = disposition_of(journey, ref)
        if decision not in RELEASED:
            text = f"the product is {decision}, not released" if decision else "no disposition of the product is recorded"
            reasons.append(_reason("I-7", DENY, text, "quality releases the material"))
        record = _container(journey, ref)
        if record is None:
            continue
        chain = journey.custody.get(record.name)
        if site and (chain is None or chain.holder != site):
            reasons.append(_reason("I-7", DENY, "the site does not hold the container", "the site reports its receipt"))
        if record.state in {"destroyed", "emptied"}:
            reasons.append(_reason("I-7", DENY, f"the container is {record.state}", "another container is needed"))
        if not _verified(journey, record):
            reasons.append(
                _reason("I-7", DENY, "two people have not verified container and patient", "the site reports the verification")
            )
    return _verdict(INFUSE, reasons)


def _common(
    journey: Journey,
    containers: Sequence[ContainerRef],
    question: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
) -> list[Reason]:
    """What every question about containers of an order asks first."""
    reasons = []
    if not containers:
        reasons.append(_reason("I-1", DENY, "no container was named", "name the containers that are scanned"))
    order = journey.order
    if order.state in {"", "rejected", "cancelled", "failed", "closed"}:
        text = f"the order is {order.state}" if order.state else "no order is recorded"
        reasons.append(_reason("I-30", DENY, text, "the sponsor opens or corrects the order"))
    if journey.held:
        reasons.append(_reason("I-30", DENY, "the order is on hold", "who holds the order resumes it"))
    barred = patient_barred(journey)
    if barred is not None:
        reasons.append(_reason("I-9", DENY, "the patient is deceased or withdrew consent", "none", barred["id"]))
    for ref in containers:
        if _container(journey, ref) is None:
            reasons.append(
                _reason("I-1", DENY, "the scanned container is not known to belong to this order", "QA compares label and order")
            )
    for finding in check(journey, protocols, now).findings:
        if question in finding.blocks and _concerns(journey, finding.about, containers):
            ambiguous = finding.rule == "I-14"
            verdict = CANNOT_TELL if ambiguous else DENY
            reasons.append(Reason(finding.rule, verdict, finding.text, finding.settle, finding.facts))
    return reasons


def _concerns(journey: Journey, about: tuple[str, str], containers: Sequence[ContainerRef]) -> bool:
    """A finding about one container concerns that container only; any other concerns the whole order."""
    if about[0] != "container":
        return True
    names = {record.name for ref in containers if (record := _container(journey, ref)) is not None}
    return about[1] in names or not names


def _container(journey: Journey, ref: ContainerRef) -> RecordState | None:
    keys = {name_key("container", identifier) for identifier in ref["identifiers"]}
    for record in journey.of("container"):
        if keys & {name_key("container", identifier) for identifier in record.identifiers}:
            return record
    return None


def _verified(journey: Journey, container: RecordState) -> bool:
    """Two different people found that this container and the patient match."""
    people: set[str] = set()
    own = {name_key("container", identifier) for identifier in container.identifiers}
    for record in journey.of("verification"):
        for event in record.named("identity.verified"):
            refs = event["set"].get("containers", ())
            scanned = {name_key("container", i) for ref in refs for i in ref["identifiers"]}
            if scanned & own and event["set"].get("result") == "match":
                people |= {person["actor"] for person in event["set"].get("people", ()) if "actor" in person}
    return len(people) >= 2


def _reason(rule: str, verdict: str, text: str, settle: str, *facts: str) -> Reason:
    return Reason(rule, verdict, text, settle, facts)


def _verdict(question: str, reasons: Sequence[Reason]) -> Verdict:
    unique = tuple(dict.fromkeys(reasons))
    if not unique:
        return Verdict(question, ALLOW, ())
    worst = CANNOT_TELL if any(r.verdict == CANNOT_TELL for r in unique) else DENY
    if any(r.verdict == DENY for r in unique):
        worst = DENY
    return Verdict(question, worst, unique)
