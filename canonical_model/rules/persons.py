"""Rules of who the patient is, as far as pseudonymous facts tell: a change of birth or sex is looked at (I-47)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.ids import content_id
from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import Finding, Item, about, ids

_WORDS = {"birth_year": "years of birth", "birth_digest": "dates of birth", "sex": "sexes"}


def person_stays_the_same(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-47: another date of birth or sex of the patient than before is looked at; another name alone is not.

    Of the date the log holds the year and a keyed digest.
    """
    for record in journey.of("subject"):
        if len(record.facts) < 2 or not journey.is_patient(record):
            continue
        for field, words in _WORDS.items():
            told = [e for e in record.facts if e["set"].get(field) not in {None, "unknown"}]
            values = {e["set"][field] for e in told}
            if len(values) > 1:
                yield Finding(
                    rule="I-47",
                    kind="identity-mismatch",
                    severity="major",
                    about=about(record),
                    cause=f"{field}:{content_id(sorted(values))}",
                    text=f"facts say different {words} of the patient",
                    settle="QA compares the records with the hospital, and the wrong fact is corrected",
                    facts=ids(told),
                    person=True,
                )


RULES = (person_stays_the_same,)
