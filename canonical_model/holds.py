"""What keeps an order from going on: holds, the patient's death, the end of treatment consent. Judges no act."""

from __future__ import annotations

from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState

REFUSING = frozenset({"refused", "withdrawn", "expired"})
"""Statuses of a consent that is none."""


def is_held(journey: Journey) -> bool:
    """True while a hold has no resumption that came after it for certain.

    The patient's death holds too, and so does a withdrawal of consent to treatment that no later consent replaces.
    """
    order = journey.order
    holds = [*order.named("order.held"), *deaths(journey), *filter(_withdraws, ended_consents(journey))]
    resumed = order.named("order.resumed") if holds else []
    return any(not any(is_after(after, hold) for after in resumed) for hold in holds)


def deaths(journey: Journey) -> list[EventDict]:
    """The facts that say that the patient died."""
    return [
        event
        for record in journey.of("subject")
        if journey.is_patient(record)
        for event in record.facts
        if event["type"] == "subject.deceased" or event["set"].get("deceased") is True
    ]


def ended_consents(journey: Journey) -> list[EventDict]:
    """The facts by which the patient does not or no longer consent to treatment, and that no later consent replaces
    for certain."""
    said = [event for record in treatment_consents(journey) for event in consent_statements(record)]
    given = [event for event in said if not refuses(event)]
    return [event for event in said if refuses(event) and not any(is_after(again, event) for again in given)]


def treatment_consents(journey: Journey) -> list[RecordState]:
    """Consents of the patient whose scope is treatment; one without a scope is taken for that."""
    return [
        record
        for record in journey.of("consent")
        if "treatment" in (record.fields.get("scope") or ("treatment",)) and is_patients(journey, record)
    ]


def is_patients(journey: Journey, consent: RecordState) -> bool:
    """True when a consent is the patient's, or names nobody."""
    patient, subject = journey.order.fields.get("patient"), consent.fields.get("subject")
    if not subject:
        return True
    if patient:
        return journey.same(patient, subject)
    known = journey.record(subject)
    return known is None or journey.is_patient(known)


def consent_statements(consent: RecordState) -> list[EventDict]:
    """The facts that say whether there is consent."""
    return [*consent.named("consent.recorded"), *consent.named("consent.withdrawn")]


def refuses(event: EventDict) -> bool:
    """True for a statement that there is no consent."""
    return event["type"] == "consent.withdrawn" or event["set"].get("status") in REFUSING


def _withdraws(event: EventDict) -> bool:
    return event["type"] == "consent.withdrawn" or bool(event["set"].get("status") == "withdrawn")
