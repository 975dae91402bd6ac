"""Rules of the patient: nothing is given to the dead or without consent (I-9), nothing unreleased is given (I-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import end_of, is_after, sort_key
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import INFUSE, SHIP, START, Finding, Item, about, facts_of, ids
from canonical_model.rules.quality import RELEASED, disposition_of
from canonical_model.values import LATEST, MOMENT, plus

REFUSING = frozenset({"refused", "withdrawn", "expired"})


def patient_barred(journey: Journey) -> EventDict | None:
    """The fact that ends every treatment of the patient: death, or the end of treatment consent that no later
    consent replaces for certain."""
    deaths = [
        event
        for record in journey.of("subject")
        if journey.is_patient(record)
        for event in record.facts
        if event["type"] == "subject.deceased" or event["set"].get("deceased") is True
    ]
    said = [(event, _refuses(event)) for record in _treatment_consents(journey) for event in _statements(record)]
    given = [event for event, refuses in said if not refuses]
    ended = [event for event, refuses in said if refuses and not any(is_after(again, event) for again in given)]
    return min([*deaths, *ended], key=sort_key, default=None)


def _treatment_consents(journey: Journey) -> list[RecordState]:
    """Consents of the patient whose scope is treatment; one without a scope is taken for that."""
    return [
        record
        for record in journey.of("consent")
        if "treatment" in (record.fields.get("scope") or ("treatment",))
        and (not record.fields.get("subject") or _is_patients(journey, record))
    ]


def _is_patients(journey: Journey, consent: RecordState) -> bool:
    patient, subject = journey.order.fields.get("patient"), consent.fields["subject"]
    if patient:
        return journey.same(patient, subject)
    known = journey.record(subject)
    return known is None or journey.is_patient(known)


def _statements(consent: RecordState) -> list[EventDict]:
    return [*consent.named("consent.recorded"), *consent.named("consent.withdrawn")]


def _refuses(event: EventDict) -> bool:
    return event["type"] == "consent.withdrawn" or event["set"].get("status") in REFUSING


def consent_is_current(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-9: a treatment consent that ran out is none."""
    current = [c for c in _treatment_consents(journey) if c.state == "active"]
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


def infused_as_allowed(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-7, I-9: an infusion that took place without a release, after death or after withdrawal is told, not refused."""
    barred = patient_barred(journey)
    for event in facts_of(journey, "infusion.started"):
        for ref in refs(event["set"].get("containers")):
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
