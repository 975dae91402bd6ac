"""Rules of the patient: nothing is given to the dead or without consent (I-9), nothing unreleased is given (I-7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from canonical_model.events import end_of, is_after, sort_key
from canonical_model.holds import REFUSING as REFUSING
from canonical_model.holds import consent_statements, ended_consents, is_patients, refuses
from canonical_model.holds import deaths as deaths
from canonical_model.holds import treatment_consents as treatment_consents
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import INFUSE, SHIP, START, Finding, Item, about, ids
from canonical_model.rules.quality import RELEASED, disposition_of
from canonical_model.values import LATEST, MOMENT, plus


def patient_barred(journey: Journey) -> EventDict | None:
    """The fact that ends every treatment of the patient: death, or the end of treatment consent that no later
    consent replaces for certain."""
    return min([*deaths(journey), *ended_consents(journey)], key=sort_key, default=None)


def exports_barred(journey: Journey) -> frozenset[str]:
    """The scopes, treatment apart, to which the patient does not or no longer consent: their exports stop.

    A scope is barred by a refusal, withdrawal or expiry that no later consent to the same scope replaces for certain.
    A statement without a scope takes that of its consent; what bars treatment tells `patient_barred`.
    """
    given: dict[str, list[EventDict]] = {}
    ended: dict[str, list[EventDict]] = {}
    for record in journey.of("consent"):
        if not is_patients(journey, record):
            continue
        for event in consent_statements(record):
            for scope in event["set"].get("scope") or record.fields.get("scope") or ("treatment",):
                (ended if refuses(event) else given).setdefault(scope, []).append(event)
    return frozenset(
        scope
        for scope, events in ended.items()
        if scope != "treatment"
        and any(not any(is_after(again, event) for again in given.get(scope, ())) for event in events)
    )


def consent_is_current(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-9: a treatment consent that ran out is none."""
    current = [c for c in treatment_consents(journey) if c.state == "active"]
    ends = [end_of(end) if (end := (c.fields.get("period") or {}).get("end")) else LATEST for c in current]
    last = max(ends, default=LATEST)
    if last == LATEST:
        return
    if now <= last:
        yield plus(last, MOMENT)
        return
    consent = current[ends.index(last)]
    yield Finding(
        rule="I-9",
        kind="consent",
        severity="critical",
        about=about(consent),
        cause="expired",
        text=f"the consent to treatment ended at {last.isoformat(timespec='seconds')}",
        settle="the hospital records a new consent",
        facts=ids(consent.facts),
        blocks=(INFUSE, SHIP, START),
    )


@dataclass(frozen=True, slots=True)
class Infusion:
    """One administration that took place: the fact that tells that it began, and the one that tells that it ended."""

    record: RecordState
    start: EventDict
    end: EventDict | None


def infusions(journey: Journey) -> list[Infusion]:
    """The administrations that took place, whole or in part, by their beginnings.

    Where nobody told the start, the end tells that there was one.
    """
    found = []
    for record in journey.of("administration"):
        started = record.named("infusion.started")
        ended = [e for e in record.facts if e["type"] in {"infusion.completed", "infusion.stopped"}]
        if started or ended:
            found.append(Infusion(record, [*started, *ended][0], ended[-1] if ended else None))
    return sorted(found, key=lambda infusion: sort_key(infusion.start))


def infused_as_allowed(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-7, I-9: an infusion that took place without a release, after death or after withdrawal is told, not refused."""
    told = infusions(journey)
    barred = patient_barred(journey) if told else None
    for infusion in told:
        for event in infusion.record.named("infusion.started") or [infusion.start]:
            containers = event["set"].get("containers") or infusion.record.fields.get("containers")
            for ref in refs(containers):
                if disposition_of(journey, ref, before=event) not in RELEASED:
                    text = "an infusion was reported of a container that was not released"
                    yield _told("I-7", "oos", ("container", journey.name_of(ref)), text, event)
            if barred is not None and is_after(event, barred):
                text = "an infusion was reported after death or withdrawal of treatment consent"
                yield _told("I-9", "consent", ("order", journey.order.name), text, event, barred)


def _told(rule: str, kind: str, of: tuple[str, str], text: str, *events: EventDict) -> Finding:
    return Finding(
        rule=rule,
        kind=kind,
        severity="critical",
        about=of,
        cause=events[0]["id"],
        text=text,
        settle="QA and the physician assess it",
        facts=ids(events),
        person=True,
    )


RULES = (consent_is_current, infused_as_allowed)
