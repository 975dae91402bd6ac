"""What a rule says: a finding about a record, on facts, with what would settle it. Finds nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from canonical_model.ids import issue_id
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.protocols import Protocol

COLLECT, START, ALLOCATE, LABEL = "may-collect", "may-start", "may-allocate", "may-label"
SHIP, ACCEPT = "may-ship", "may-accept"
CONDITION, PREPARE, INFUSE, NEXT_DOSE = "may-condition", "may-prepare", "may-infuse", "may-give-next-dose"
CLOSE = "may-close"
RELEASE = "what-is-missing-for-release"
EVERYTHING = (COLLECT, START, ALLOCATE, SHIP, ACCEPT, CONDITION, PREPARE, INFUSE, NEXT_DOSE)
"""Questions about something that is done with the material or the patient: what puts the whole order in doubt."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: about which record, for which cause, on which facts, and what would settle it.

    `about` is kind and name of a record. `blocks` are the questions that it answers with no. `person`: the facts alone
    never settle it; quality assurance does. `by`: roles one of which has to resolve the Issue, where it is not for
    quality assurance. `unclear`: the facts say different things, so the answer is not no but unknown.
    """

    rule: str
    kind: str
    severity: str
    about: tuple[str, str]
    cause: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    person: bool = False
    unclear: bool = False
    by: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Id of the Issue that this finding is."""
        return self.id_for(self.about[1])

    def id_for(self, name: str) -> str:
        """Id of the Issue when the record has another of its names: an earlier answer was given under that one."""
        return _issue(self.rule, self.about[0], name, self.cause)


@lru_cache(maxsize=1 << 14)
def _issue(rule: str, kind: str, name: str, cause: str) -> str:
    """Asked for again at every look at an order that has the Issue."""
    return issue_id(rule, [[kind, name]], cause)


Item = Finding | datetime
"""A finding, or an instant at which a rule may find something else by time alone."""
Rule = Callable[[Journey, Protocol | None, datetime], Iterator[Item]]


def about(record: RecordState) -> tuple[str, str]:
    """Kind and name of a record."""
    return record.kind, record.name


def ids(events: Iterable[EventDict]) -> tuple[str, ...]:
    """Ids of some facts."""
    return tuple(event["id"] for event in events)


def facts_of(journey: Journey, type_: str) -> list[EventDict]:
    """Live facts of one type, in the order of facts."""
    return [event for event in journey.facts if event["type"] == type_]
