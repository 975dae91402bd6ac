"""Rules: what a journey's facts contradict. Pure functions of the state and an instant; each finding names its facts.

I-1 to I-29 are invariants, those from I-30 guards of the states; docs/catalogue.md lists them. Nothing here stops
a fact; findings become Issues and answer questions. Only `now` brings time in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from canonical_model.ids import names
from canonical_model.journey import Journey, Other, is_ref
from canonical_model.protocols import Protocol
from canonical_model.rules import (
    breach,
    collection,
    custody,
    donor,
    doses,
    follow_up,
    identity,
    labels,
    log,
    material,
    measures,
    obligations,
    orders,
    parties,
    patient,
    persons,
    quality,
    recall,
    release,
    reopening,
    retained,
    slots,
    temperature,
    transport,
    treatment,
    windows,
    zones,
)
from canonical_model.rules.finding import ACCEPT, ALLOCATE, EVERYTHING, INFUSE, SHIP, START, Finding, Item, Rule
from canonical_model.rules.orders import placed_for
from canonical_model.rules.patient import patient_barred
from canonical_model.rules.quality import RELEASED, disposition_of
from canonical_model.rules.settling import is_settled, resolved

RULES_VERSION = "1"

RULES: tuple[Rule, ...] = (
    *(*identity.RULES, *custody.RULES, *temperature.RULES, *windows.RULES),
    *(*quality.RULES, *release.RULES, *reopening.RULES, *patient.RULES, *log.RULES),
    *(*donor.RULES, *material.RULES, *retained.RULES, *labels.RULES, *recall.RULES, *breach.RULES),
    *(*persons.RULES, *obligations.RULES, *zones.RULES),
    *(*transport.RULES, *parties.RULES, *orders.RULES),
    *(*slots.RULES, *collection.RULES, *treatment.RULES, *doses.RULES, *measures.RULES, *follow_up.RULES),
)

SEVERITIES = ("critical", "major", "minor", "info")
"""From the worst to the mildest."""


@dataclass(frozen=True, slots=True)
class Check:
    """All findings at an instant, and the next instant at which they can change by time alone."""

    findings: tuple[Finding, ...]
    next_change: datetime | None


def check(journey: Journey, protocols: Mapping[str, Protocol], now: datetime) -> Check:
    """Findings of all rules, the worst first; those that a person has resolved stay silent."""
    found: dict[str, Finding] = {}
    due: list[datetime] = []
    protocol = protocol_of(journey, protocols)
    for rule in RULES:
        for item in rule(journey, protocol, now):
            if isinstance(item, Finding):
                found[item.id] = item
            else:
                due.append(item)
    done = resolved(journey)
    ordered = sorted(
        (finding for finding in found.values() if not (done and is_settled(journey, finding, done))),
        key=lambda f: (SEVERITIES.index(f.severity), f.rule, f.id),
    )
    return Check(tuple(ordered), min(due, default=None))


def protocol_of(journey: Journey, protocols: Mapping[str, Protocol]) -> Protocol | None:
    """The Protocol that governs the order: the one it names, or the only one whose product it asks for."""
    named = journey.order.fields.get("protocol")
    if named:
        return protocols.get(named)
    codings = (journey.order.fields.get("service") or {}).get("codings", ())
    fitting = [p for p in protocols.values() if any(p.is_for(coding) for coding in codings)]
    return fitting[0] if len(fitting) == 1 else None


def seen_beside(journey: Journey, other: Journey, protocols: Mapping[str, Protocol]) -> Other | None:
    """Another order as this one's rules may know it; None where the two are not one patient's."""
    patient = other.order.fields.get("patient")
    if not is_ref(patient) or not journey.same(journey.order.fields.get("patient"), patient):
        return None
    governing = protocol_of(other, protocols)
    replaced = other.order.fields.get("replaces")
    return Other(
        names=other.names,
        state=other.order.state,
        protocol=governing.key if governing else "",
        replaces=frozenset(names(replaced)) if is_ref(replaced) else frozenset(),
        patient=placed_for(other),
    )


def describe() -> Iterable[tuple[str, str]]:
    """Every rule's name and first line, for the generated documentation."""
    return [(rule.__name__, (rule.__doc__ or "").splitlines()[0]) for rule in RULES]


__all__ = [
    "ACCEPT",
    "ALLOCATE",
    "EVERYTHING",
    "INFUSE",
    "RELEASED",
    "RULES",
    "RULES_VERSION",
    "SEVERITIES",
    "SHIP",
    "START",
    "Check",
    "Finding",
    "Item",
    "check",
    "describe",
    "disposition_of",
    "patient_barred",
    "protocol_of",
    "resolved",
    "seen_beside",
]
