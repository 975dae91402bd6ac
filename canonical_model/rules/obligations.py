"""Rules of what was promised by a date: done in time, or told (I-45). What a release promises stands in `quality`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import end_of
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import concerns
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import CLOSE, Finding, Item, about, ids
from canonical_model.rules.quality import FINAL
from canonical_model.rules.specification import answers
from canonical_model.values import MOMENT, plus

_WORDS = {
    "result": "a result was promised by a date and is not final",
    "delivery": "a delivery was promised by a date and is not reported as done",
    "assessment": "an assessment was promised by a date and is not reported as done",
    "document": "a document was promised by a date and is not reported as done",
    "notification": "it was promised to tell someone by a date, and that is not reported as done",
}


def obligations_are_met(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-45: what was promised by a date is done by its end; a promised result when it is final."""
    for record in journey.of("obligation"):
        due = record.fields.get("due")
        if not due or is_done(journey, record):
            continue
        end = end_of(due)
        if now <= end:
            yield plus(end, MOMENT)
            continue
        kind = record.fields.get("kind", "")
        yield Finding(
            rule="I-45",
            kind="obligation-due",
            severity="major",
            about=about(record),
            cause="overdue",
            text=_WORDS.get(kind, "something was promised by a date and is not reported as done"),
            settle="whoever promised it does it and reports that",
            facts=ids(record.facts),
            blocks=(CLOSE,),
        )


def is_done(journey: Journey, obligation: RecordState) -> bool:
    """True when it is reported as done, or when it is a result of which a final one has come."""
    said = obligation.fields
    if said.get("done_at"):
        return True
    criterion = said.get("criterion")
    if said.get("kind") != "result" or not criterion:
        return False
    return any(
        result.state != "invalidated"
        and result.fields.get("status") in FINAL
        and answers(result, criterion)
        and concerns(journey, result, said.get("material"))
        for result in journey.of("result")
    )


RULES = (obligations_are_met,)
