"""Questions: may this be shipped, may this be infused? Pure functions of the state; every answer gives its reasons.

allow, deny, or cannot-tell, which is treated as no: the facts needed to answer are contradictory, unread or unlinked.
Domain design 2.5; architecture 4. A question is not an order-control request of HL7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.codes import HOSPITAL, SITE
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import is_product, refs
from canonical_model.protocols import Protocol
from canonical_model.rules import INFUSE, RELEASED, SHIP, Finding, check, disposition_of, patient_barred, protocol_of

ALLOW, DENY, CANNOT_TELL = "allow", "deny", "cannot-tell"

ContainerRef = Mapping[str, Any]
"""A container as it was scanned: `{identifiers: [...]}`."""

OPEN = frozenset({"submitted", "accepted", "completed"})
"""States of an order for which something may still be done."""
USED_UP = frozenset({"destroyed", "emptied"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is not allow: the rule, what it found of which container, on which facts, what would settle it."""

    rule: str
    verdict: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()
    container: str = ""

    def plain(self) -> dict[str, Any]:
        """The reason as JSON."""
        shown = {
            "rule": self.rule,
            "verdict": self.verdict,
            "text": self.text,
            "settle": self.settle,
            "facts": list(self.facts),
        }
        return {**shown, "container": self.container} if self.container else shown


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reasons; allow has none."""

    question: str
    verdict: str
    reasons: tuple[Reason, ...]

    def plain(self) -> dict[str, Any]:
        """The answer as JSON."""
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
    holds, and no Issue that blocks shipping. The leg to the patient needs a disposition too, unless the Protocol lets
    the product travel under quarantine. `unsettled` are reasons that the caller knows of, such as unread messages.
    """
    reasons = [*unsettled, *_of_order(journey, containers, SHIP, protocols, now)]
    protocol = protocol_of(journey, protocols)
    for ref, record in _scanned(journey, containers):
        if record is None:
            continue
        if record.state in USED_UP:
            reasons.append(_used_up("I-2", record))
        other = "another party holds the container"
        reasons += _held(journey, record, giver, "I-2", other, "the holder reports the handover")
        quarantine = protocol is not None and protocol.ship_under_quarantine
        if is_product(journey, ref) and not quarantine and disposition_of(journey, ref) not in RELEASED:
            text = "the product is not released"
            reasons.append(_reason("I-6", DENY, text, "quality decides about the material", record))
    return _verdict(SHIP, reasons)


def may_infuse(
    journey: Journey,
    containers: Sequence[ContainerRef],
    site: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May these containers be infused at `site` (a party's short name; empty: not asked)?

    I-7: every container of the dose is released, unexpired, held by the site and verified against the patient by two
    people; I-1, I-9 and every Issue that blocks infusion. `unsettled` as for `may_ship`.
    """
    reasons = [*unsettled, *_of_order(journey, containers, INFUSE, protocols, now)]
    for ref, record in _scanned(journey, containers):
        decision = disposition_of(journey, ref)
        if decision not in RELEASED:
            text = f"it is {decision}, not released" if decision else "no disposition of the product is recorded"
            reasons.append(_reason("I-7", DENY, text, "quality releases the material", record))
        if record is None:
            continue
        if site:
            reasons += _held(
                journey, record, site, "I-7", "the site does not hold the container", "the site reports its receipt"
            )
        if record.state in USED_UP:
            reasons.append(_used_up("I-7", record))
        if len(_verifiers(journey, record)) < 2:
            text = "two people have not verified container and patient"
            reasons.append(_reason("I-7", DENY, text, "the site reports the verification", record))
    return _verdict(INFUSE, reasons)


def _of_order(
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
    if order.state not in OPEN:
        text = f"the order is {order.state}" if order.state else "no order is recorded"
        reasons.append(_reason("I-30", DENY, text, "the sponsor opens or corrects the order"))
    elif protocol_of(journey, protocols) is None:
        text = "no Protocol, or more than one, fits the order: its windows and criteria are not known"
        reasons.append(_reason("I-30", CANNOT_TELL, text, "the order names its Protocol as id@version"))
    if journey.held:
        reasons.append(_reason("I-30", DENY, "the order is on hold", "who holds the order resumes it"))
    barred = patient_barred(journey)
    if barred is not None:
        text = "the patient is deceased or does not consent to treatment"
        reasons.append(Reason("I-9", DENY, text, "nothing, or a new consent", (barred["id"],)))
    for ref in containers:
        known = len(journey.all_of(_as_ref(ref)))
        if known != 1:
            text = (
                "the scanned names belong to more than one container"
                if known
                else "the scanned container is not known to belong to this order"
            )
            reasons.append(_reason("I-1", DENY, text, "QA compares label and order"))
    for finding in check(journey, protocols, now).findings:
        if question in finding.blocks and _concerns(journey, finding, containers):
            verdict = CANNOT_TELL if finding.unclear else DENY
            container = finding.about[1] if finding.about[0] == "container" else ""
            reasons.append(Reason(finding.rule, verdict, finding.text, finding.settle, finding.facts, container))
    return reasons


def _held(journey: Journey, record: RecordState, party: str, rule: str, other: str, settle: str) -> list[Reason]:
    """Reasons why a party cannot hand over or use a container: it does not hold it, or nobody can say."""
    chain = journey.custody.get(record.name)
    if chain is None or not chain.holder:
        text = "nobody is recorded as holder of the container"
        return [_reason(rule, DENY, text, "the maker reports its creation, or the taker its receipt", record)]
    if party and chain.holder != journey.party(party):
        return [_reason(rule, DENY, other, settle, record, chain.steps[-1].event)]
    if party and chain.unsure:
        text = "the last handovers are known to the day only and fit no order"
        return [_reason(rule, CANNOT_TELL, text, "the reporters give the times", record, chain.steps[-1].event)]
    return []


def _used_up(rule: str, record: RecordState) -> Reason:
    return _reason(rule, DENY, f"the container is {record.state}", "another container is needed", record)


def _concerns(journey: Journey, finding: Finding, containers: Sequence[ContainerRef]) -> bool:
    """A finding about one container concerns that container only; any other concerns the whole order."""
    if finding.about[0] != "container":
        return True
    scanned = {record.name for _, record in _scanned(journey, containers) if record is not None}
    return finding.about[1] in scanned or not scanned


def _as_ref(container: ContainerRef) -> dict[str, Any]:
    return {"kind": "container", "identifiers": container["identifiers"]}


def _scanned(journey: Journey, containers: Sequence[ContainerRef]) -> list[tuple[dict[str, Any], RecordState | None]]:
    """The scanned references, each with the record that it names."""
    found = [_as_ref(ref) for ref in containers]
    return [(ref, journey.record(ref)) for ref in found]


def _verifiers(journey: Journey, container: RecordState) -> set[str]:
    """The people who found that this container and the order's patient match, as the treating site reported it."""
    people: set[str] = set()
    patient = journey.order.fields.get("patient")
    for record in journey.of("verification"):
        for event in record.named("identity.verified"):
            said = event["set"]
            scanned = {journey.name_of(ref) for ref in refs(said.get("containers"))}
            at_site = event["reporter"]["role"] in {HOSPITAL, SITE}
            theirs = not said.get("patient") or not patient or journey.same(said["patient"], patient)
            if container.name in scanned and said.get("result") == "match" and at_site and theirs:
                people |= {person["actor"] for person in said.get("people", ()) if "actor" in person}
    return people


def _reason(rule: str, verdict: str, text: str, settle: str, record: RecordState | None = None, *facts: str) -> Reason:
    return Reason(rule, verdict, text, settle, facts, record.name if record else "")


def _verdict(question: str, reasons: Sequence[Reason]) -> Verdict:
    """No beats not knowing, and both beat yes."""
    unique = tuple(dict.fromkeys(reasons))
    said = {reason.verdict for reason in unique}
    verdict = DENY if DENY in said else CANNOT_TELL if said else ALLOW
    return Verdict(question, verdict, unique)
