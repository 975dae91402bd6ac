"""Rules of what is kept: it has an owner, a purpose, a consent and an end; an order leaves nothing behind (I-23)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import end_of
from canonical_model.journey import Journey, RecordState, is_ref
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.ends import GONE, severity_at_end, without_end
from canonical_model.rules.finding import CLOSE, Finding, Item, about, ids
from canonical_model.values import MOMENT, plus

NEEDED = {"owner": "an owner", "purpose": "a purpose", "retain_until": "an end date"}


def retained_is_accounted_for(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-23: what is retained has an owner, a purpose, a consent and an end date, and does not outlive it.

    A backup needs that once the order has come to its end; before it, what is missing is minor.
    """
    at_end = severity_at_end(journey)
    severity = "major" if at_end else "minor"
    for container in _kept(journey, {c.name for c in without_end(journey)} if at_end else set()):
        if container.state in GONE:
            continue
        missing = [words for field, words in NEEDED.items() if not container.fields.get(field)]
        if missing:
            text = f"what is kept lacks {', '.join(missing)}"
            yield _finding(
                container, severity, "traceability", "account", text, "its holder states that, or destroys it"
            )
        if not _has_consent(journey, container):
            text = "nobody has consented to its being kept for that purpose"
            yield _finding(
                container, severity, "consent", "consent", text, "the hospital records the consent, or it is destroyed"
            )
        yield from _outlived(container, severity, now)


def _kept(journey: Journey, left: set[str]) -> list[RecordState]:
    return [
        container
        for container in journey.of("container")
        if container.fields.get("role") == "retain"
        or (container.fields.get("role") == "backup" and container.name in left)
        or _holds_retain(journey, container)
    ]


def _holds_retain(journey: Journey, container: RecordState) -> bool:
    material = journey.record(container.fields.get("material"))
    return material is not None and material.fields.get("stage") == "retain"


def _outlived(container: RecordState, severity: str, now: datetime) -> Iterator[Item]:
    until = container.fields.get("retain_until")
    if not until:
        return
    end = end_of(until)
    if now <= end:
        yield plus(end, MOMENT)
        return
    text = "it was to be kept until a date that has passed"
    yield _finding(
        container, severity, "obligation-due", "outlived", text, "its holder destroys it, or states a new end date"
    )


def _has_consent(journey: Journey, container: RecordState) -> bool:
    """True when a consent of the patient or donor covers it: to research where that is the purpose, else to the making
    or the treatment. A person whom no consent names is taken for the patient."""
    research = "research" in (container.fields.get("purpose") or "").casefold()
    wanted = {"research"} if research else {"treatment", "manufacture"}
    return any(
        consent.state == "active"
        and wanted & set(consent.fields.get("scope") or ("treatment",))
        and _is_of_order(journey, consent)
        for consent in journey.of("consent")
    )


def _is_of_order(journey: Journey, consent: RecordState) -> bool:
    subject = consent.fields.get("subject")
    persons = [journey.order.fields.get(field) for field in ("patient", "donor")]
    persons += [ref for c in journey.of("collection") for ref in refs(c.fields.get("donor"))]
    return not is_ref(subject) or any(journey.same(subject, person) for person in persons)


def _finding(container: RecordState, severity: str, kind: str, cause: str, text: str, settle: str) -> Finding:
    return Finding(
        rule="I-23",
        kind=kind,
        severity=severity,
        about=about(container),
        cause=cause,
        text=text,
        settle=settle,
        facts=ids([e for e in container.facts if e["set"].get("role")] or container.facts[:1]),
        blocks=(CLOSE,),
    )


def nothing_is_left_behind(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-23: when an order ends, each of its containers is emptied, used, destroyed or handed to a named repository."""
    severity = severity_at_end(journey)
    for container in without_end(journey) if severity else ():
        yield Finding(
            rule="I-23",
            kind="traceability",
            severity=severity,
            about=about(container),
            cause="left",
            text="the order ended, and nobody has said what became of this container",
            settle="its holder reports that it was emptied, destroyed, or given to a repository",
            facts=ids(container.facts[:1]),
            blocks=(CLOSE,),
        )


RULES = (retained_is_accounted_for, nothing_is_left_behind)
