"""Events: facts in the log. An envelope around what one party asserts of one record; provenance and audit in one.

`set` and `clear` are a part of the record that `about` names (`records`); the catalogue says what the type means.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import Field, model_validator

from canonical_model.catalogue import EVENTS, ROLES
from canonical_model.records import FRAME_FIELDS, RECORDS
from canonical_model.values import Instant, Model, Ref, When, interval_end, parse_instant

VERSION = 1
"""Version of the envelope; `upcast` brings older ones here."""


class Reporter(Model):
    """Who said it: the partner and the role in which it speaks."""

    partner: str
    role: str


class Event(Model):
    """One fact. Its id is made of its content, so the same fact received again is the same event."""

    v: int = VERSION
    id: str = Field(pattern=r"^[0-9a-f]{40}$")
    type: str
    about: Ref
    set: dict[str, Any] = Field(default_factory=dict)
    clear: tuple[str, ...] = ()
    occurred: When
    recorded: Instant
    reporter: Reporter
    source_id: str = Field(description="the partner's own id of the message or file")
    ordinal: str = Field(description="the partner's own order: sequence, row, place in the document")
    frame: str = Field(description="key of the frame that it came from")
    causes: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    reason: str | None = None
    configuration: str = Field(default="", description="digest of the tables and profile that read the message")
    body: str = Field(default="", description="the stored message that it came from")
    lenient: bool = Field(default=False, description="kept although a part did not fit the model; see its Issue")

    @model_validator(mode="after")
    def _fits_the_catalogue(self) -> Event:
        row = EVENTS.get(self.type)
        if row is None:
            raise ValueError(f"no event type {self.type!r} in the catalogue")
        if row.about and row.about != self.about.kind:
            raise ValueError(f"{self.type} is about a {row.about}, not a {self.about.kind}")
        if self.about.kind not in RECORDS:
            raise ValueError(f"no record kind {self.about.kind!r}")
        if FRAME_FIELDS & self.set.keys():
            raise ValueError(f"{', '.join(sorted(FRAME_FIELDS & self.set.keys()))} is a frame's field, not a record's")
        if self.reporter.role not in ROLES:
            raise ValueError(f"no role {self.reporter.role!r}")
        RECORDS[self.about.kind].model_validate(self.set)
        return self


def check(event: Mapping[str, Any]) -> None:
    """Validates an event. Raises pydantic.ValidationError with all faults."""
    Event.model_validate(event)


SortKey = tuple[datetime, int, str, str, str]


def sort_key(event: Mapping[str, Any]) -> SortKey:
    """(occurred, rank, partner, ordinal, id): the one order of facts, whenever they arrived (architecture 3b, 3c)."""
    when = event["occurred"]
    end = interval_end(_instant(when["at"]), when["precision"], when.get("zone"))
    rank = EVENTS[event["type"]].rank
    return end, rank, event["reporter"]["partner"], event["ordinal"], event["id"]


@cache
def _instant(text: str) -> datetime:
    return parse_instant(text)


def instant_of(event: Mapping[str, Any]) -> datetime:
    """First instant at which the fact can have happened."""
    return _instant(event["occurred"]["at"])


def is_coarse(event: Mapping[str, Any]) -> bool:
    """True when the time of the fact is known to the hour or less: no finding about order rests on it."""
    return event["occurred"]["precision"] in {"year", "month", "day", "hour"}
