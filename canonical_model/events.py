"""Events: facts in the log. An envelope around what one party asserts of one record; provenance and audit in one.

`set` and `clear` are a part of the record that `about` names (`records`); the catalogue says what the type means.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from canonical_model.catalogue import EVENTS, counts
from canonical_model.codes import QA, ROLES
from canonical_model.personal import unfit_for_log
from canonical_model.records import FRAME_FIELDS, RECORDS
from canonical_model.values import Exchanged, Flag, Instant, Model, Ref, When, interval_end, parse_instant

VERSION = 1
"""Version of the envelope; `upcast` brings older ones here."""

RULES: Mapping[str, str] = {"V-3": "An event does not supersede itself."}
"""What a schema cannot say of an event; the model refuses with the rule's id as the type of its error."""

EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
ClearPath = Annotated[str, Field(pattern=r"^\??[a-z_]+([.\[].*)?$")]


def cleared_field(path: str) -> str:
    """The field that a clear path begins with: `?period.end` -> `period`."""
    return path.removeprefix("?").partition("[")[0].partition(".")[0]


class Reporter(Model):
    """Who said it: the partner and the role in which it speaks."""

    partner: str = Field(description="id of the partner's profile")
    role: str = Field(description="role in which it speaks: what its word counts for")


class Event(Exchanged):
    """One fact. Its id is made of its content, so the same fact received again is the same event."""

    v: Annotated[int, Strict(), Field(ge=VERSION, le=VERSION)] = VERSION
    id: EventId = Field(
        description="made of its content: hash of who said it, in which message, of which frame, and what"
    )
    type: str = Field(description="a type of the event catalogue")
    about: Ref = Field(description="the record, by what it is called; names stated together are one record's")
    set: dict[str, Any] = Field(description="the fields that the fact states; none for what its type says")
    clear: tuple[ClearPath, ...] = Field(
        default=(),
        description="paths that no longer hold; `?path` only says that a snapshot no longer repeats it",
    )
    occurred: When = Field(description="when it happened in the world")
    recorded: Instant = Field(description="when the hub recorded it, by the hub's clock")
    reporter: Reporter = Field(description="who said it")
    source_id: str = Field(description="the partner's own id of the message or file")
    ordinal: str = Field(description="the partner's own order: sequence, row, place in the document")
    frame: str = Field(description="key of the frame that it came from")
    causes: tuple[EventId, ...] = Field(default=(), description="facts that this one follows from")
    supersedes: tuple[EventId, ...] = Field(default=(), description="facts that this one puts right or takes back")
    reason: str | None = Field(default=None, description="why a fact was put right or decided")
    configuration: str = Field(default="", description="digest of the tables and profile that read the message")
    body: str = Field(default="", description="the stored message that it came from")
    lenient: Flag = Field(default=False, description="kept although a part did not fit the model; see its Issue")

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
        if "identifiers" in self.set:
            raise ValueError("the names of a record stand in `about`, not in `set`")
        if self.reporter.role not in ROLES:
            raise ValueError(f"no role {self.reporter.role!r}")
        if self.id in self.supersedes:
            raise PydanticCustomError("V-3", "V-3: an event cannot supersede itself; name the fact that it puts right")
        record = RECORDS[self.about.kind]
        record.model_validate(self.set)
        for path in self.clear:
            if cleared_field(path) not in record.model_fields:
                raise ValueError(f"clear: a {self.about.kind} has no field for {path!r}")
        for path in unfit_for_log(self.about.kind, self.set):
            raise ValueError(f"set.{path}: personal data is sealed, and records are named, before an event is made")
        return self


def check(event: Mapping[str, Any]) -> None:
    """Validates an event. Raises pydantic.ValidationError with all faults."""
    Event.model_validate(event)


def has_authority(event: Mapping[str, Any]) -> bool:
    """True when the reporter's role is one whose word counts for this fact; else it is a claim."""
    row = EVENTS[event["type"]]
    role = event["reporter"]["role"]
    return role in row.roles if row.about else counts(role, row.type, event["about"]["kind"])


def may_supersede(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """True for who said it first, for a role whose word counts for the earlier fact, and for quality assurance.

    Anybody else's correction is a claim: it takes nothing back.
    """
    speaker = later["reporter"]
    if speaker["partner"] == earlier["reporter"]["partner"] or speaker["role"] == QA:
        return True
    return counts(speaker["role"], earlier["type"], earlier["about"]["kind"])


SortKey = tuple[datetime, int, str, str, str]
COARSE = frozenset({"year", "month", "day", "hour"})


def sort_key(event: Mapping[str, Any]) -> SortKey:
    """(occurred, rank, partner, ordinal, id): the one order of facts, whenever they arrived."""
    when = event["occurred"]
    end = _end(when["at"], when["precision"], when.get("zone"))
    return end, EVENTS[event["type"]].rank, event["reporter"]["partner"], event["ordinal"], event["id"]


@lru_cache(maxsize=1 << 15)
def _end(at: str, precision: str, zone: str | None) -> datetime:
    return interval_end(_instant(at), precision, zone)


@lru_cache(maxsize=1 << 15)
def _instant(text: str) -> datetime:
    return parse_instant(text)


def recorded_at(event: Mapping[str, Any]) -> datetime:
    """Instant at which the hub recorded the fact."""
    return _instant(event["recorded"])


def instant_of(event: Mapping[str, Any]) -> datetime:
    """First instant at which the fact can have happened."""
    return _instant(event["occurred"]["at"])


def end_of(when: Mapping[str, Any]) -> datetime:
    """Last instant that a When can mean, such as the end of the month in which something expires."""
    return _end(when["at"], when["precision"], when.get("zone"))


def is_coarse(event: Mapping[str, Any]) -> bool:
    """True when the time of the fact is known to the hour or less: no finding about order rests on it."""
    return event["occurred"]["precision"] in COARSE


def is_after(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """True when `later` happened after `earlier` for certain: its whole interval lies behind the other's.

    At one exact instant what follows comes after what causes it (rank), and one partner's own sequence decides.
    """
    start, after = instant_of(later), sort_key(earlier)
    if start != after[0]:
        return start > after[0]
    if is_coarse(later) or is_coarse(earlier):
        return False
    key = sort_key(later)
    return key[1] > after[1] or (key[1] == after[1] and key[2] == after[2] and key[3] > after[3])
