"""What was decided about patient and donor: consent to treatment, and eligibility of each kind. No product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import end_of
from canonical_model.holds import treatment_consents
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import ref_of
from canonical_model.questions.answer import Reason, deny, roles_for, unsure
from canonical_model.questions.first import Ground
from canonical_model.rules.donor import decided


def consented(on: Ground) -> Iterator[Reason]:
    """I-9: a consent to treatment is on record and in force; where nobody told of any, nobody can tell."""
    known = treatment_consents(on.journey)
    clears = roles_for("consent.recorded")
    settle = "the hospital records the consent to treatment"
    if not known:
        yield unsure("I-9", "no consent to treatment is on record", settle, clears)
    elif not any(c.state == "active" and _is_valid(c, on.now) for c in known):
        text = "no consent to treatment is in force"
        yield deny("I-9", text, settle, clears, *(e["id"] for c in known for e in c.facts))


def _is_valid(consent: RecordState, now: datetime) -> bool:
    end = (consent.fields.get("period") or {}).get("end")
    return not end or now <= end_of(end)


def patient_of(journey: Journey) -> RecordState | None:
    """The record of the patient, where it is known."""
    named = journey.record(journey.order.fields.get("patient"))
    return named or next((record for record in journey.of("subject") if journey.is_patient(record)), None)


def decisions(journey: Journey, subject: RecordState | None, kind: str) -> list[tuple[EventDict, Mapping[str, Any]]]:
    """The decisions about one kind of eligibility of a person that no later one replaces for certain."""
    return decided(journey, ref_of(subject), kind) if subject is not None else []


def eligible(on: Ground, subject: RecordState | None, kind: str, rule: str, needed: bool = True) -> Iterator[Reason]:
    """Reasons against: not eligible, not any more, or nobody can tell. `needed`: undecided leaves the answer open."""
    standing = decisions(on.journey, subject, kind)
    clears = roles_for("eligibility.decided")
    settle = f"eligibility ({kind}) is decided"
    facts = [event["id"] for event, _ in standing]
    said = {found.get("decision") for _, found in standing}
    if any(found.get("urgent_need") for _, found in standing):
        return
    if "not-eligible" in said:
        yield deny(rule, f"eligibility ({kind}) was denied", settle, clears, *facts)
    elif standing and all(_ran_out(found, on.now) for _, found in standing):
        yield deny(rule, f"the decision about eligibility ({kind}) has run out", settle, clears, *facts)
    elif (said and said != {"eligible"}) or (needed and not said):
        yield unsure(rule, f"eligibility ({kind}) is not decided", settle, clears, *facts)


def _ran_out(found: Mapping[str, Any], now: datetime) -> bool:
    until = found.get("until")
    return until is not None and now > end_of(until)
