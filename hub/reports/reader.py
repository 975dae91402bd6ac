"""What one reader may see of an order's facts, and what the report calls things. Deny by default; builds no section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from canonical_model.codes import HUB, QA
from canonical_model.journey import EventDict, Journey, is_ref, party_name
from canonical_model.protocols import Protocol
from canonical_model.records import RECORDS
from canonical_model.rules import protocol_of
from hub.access import sees_kind, visible
from hub.profiles import Profile
from hub.reports.shape import PartyName, Source
from hub.sealing import drop_personal

OWN = frozenset({QA, HUB})
"""Roles of the hub's own people."""
Open = Callable[[Any], Any]
"""Opens sealed values for who may see persons; for everyone else it takes them out."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a partner, and what opens sealed values for it."""

    profile: Profile
    open: Open = drop_personal

    @property
    def is_own(self) -> bool:
        """True for the hub's own people."""
        return self.profile.role in OWN

    @property
    def role(self) -> Profile:
        """The profile by which records are shown. Operators see what quality assurance sees."""
        return self.profile.model_copy(update={"role": QA}) if self.profile.role == HUB else self.profile

    def sees(self, kind: str) -> bool:
        """True when anything of records of a kind may be shown."""
        return sees_kind(self.role, kind)

    def sees_all(self, facts: Iterable[str], known: Mapping[str, EventDict]) -> bool:
        """True when something of every fact that an Issue rests on may be shown; `known` are the order's facts by id.

        The hub's own people see all Issues.
        """
        return self.is_own or all(fact in known and self.sees(known[fact]["about"]["kind"]) for fact in facts)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of records of which something may be shown."""
        return tuple(kind for kind in RECORDS if self.sees(kind))

    def shown(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Values of a record as the reader may see them; None: nothing of them."""
        frame, _ = visible(self.role, {"kind": kind, "set": dict(values), "clear": []})
        if frame is None:
            return None
        opened: dict[str, Any] = self.open(frame["set"])
        return {name: kept for name, value in opened.items() if (kept := self._kept(value)) is not None}

    def _kept(self, value: Any) -> Any:
        """A value without references to records of which nothing may be seen."""
        if isinstance(value, list):
            return [kept for item in value if (kept := self._kept(item)) is not None]
        if not isinstance(value, Mapping):
            return value
        if is_ref(value):
            return value if self.sees(value["kind"]) else None
        return {name: kept for name, inner in value.items() if (kept := self._kept(inner)) is not None}


@dataclass(frozen=True)
class Order:
    """One order as a report looks at it: its state, where its facts stand, who the parties are, who reads, when."""

    journey: str
    state: Journey
    reader: Reader
    places: Mapping[str, tuple[int, int | None]]
    """Id of a fact -> position and number of its message."""
    profiles: Mapping[str, Profile]
    protocols: Mapping[str, Protocol]
    now: datetime
    _shown: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    @cached_property
    def protocol(self) -> Protocol | None:
        """The Protocol that governs the order."""
        return protocol_of(self.state, self.protocols)

    @cached_property
    def by_id(self) -> Mapping[str, EventDict]:
        """All facts by id."""
        return {event["id"]: event for event in self.state.events}

    @cached_property
    def _live(self) -> frozenset[str]:
        return frozenset(event["id"] for event in self.state.facts)

    @cached_property
    def _claims(self) -> frozenset[str]:
        return frozenset(event["id"] for event in self.state.claims)

    @cached_property
    def _party_names(self) -> Mapping[str, str]:
        known = {self.state.name_of(profile.party_ref): profile.name for profile in self.profiles.values()}
        stated = {r.name: str(r.fields["name"]) for r in self.state.of("party") if r.fields.get("name")}
        return {**stated, **known, **{p.partner: p.name for p in self.profiles.values()}}

    @property
    def facts(self) -> Sequence[EventDict]:
        """Facts of which the reader may see something, in their order; what the hub says of Issues apart."""
        return [e for e in self.state.events if not e["type"].startswith("issue.") and self.sees(e)]

    def sees(self, event: EventDict) -> bool:
        return self.reader.sees(event["about"]["kind"])

    def values(self, event: EventDict) -> dict[str, Any]:
        """What a fact states, as the reader may see it."""
        if event["id"] not in self._shown:
            self._shown[event["id"]] = self.reader.shown(event["about"]["kind"], event["set"])
        return self._shown[event["id"]] or {}

    def standing(self, event: EventDict) -> str:
        """Whether a fact counts."""
        return "live" if event["id"] in self._live else "claim" if event["id"] in self._claims else "superseded"

    def source(self, event: EventDict) -> Source:
        """Who said a fact, in which message, and where it stands."""
        position, message = self.places.get(event["id"], (None, None))
        partner = event["reporter"]["partner"]
        near = self.reader.is_own or partner == self.reader.profile.partner
        return Source.model_validate(
            {
                "fact": event["id"],
                "type": event["type"],
                "partner": partner,
                "name": self.partner(partner),
                "role": event["reporter"]["role"],
                "occurred": event["occurred"],
                "recorded": event["recorded"],
                "position": position,
                "message": message,
                "source_id": event.get("source_id") or None if near else None,
                "frame": event.get("frame") or None if near else None,
                "standing": self.standing(event),
            }
        )

    def partner(self, partner: str) -> str:
        """A partner as people call it."""
        return self.profiles[partner].name if partner in self.profiles else "CGT Hub" if partner == HUB else partner

    def party(self, name: str) -> PartyName | None:
        """A party as people call it; None where nobody said."""
        if not name:
            return None
        return PartyName(id=name, name=self._party_names.get(name) or name.rpartition("|")[2])

    def place(self, place: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """A place with the name of the party whose place it is, where it has only that party's number."""
        if not place or place.get("name") or place.get("text") or "identifier" not in place:
            return place
        known = self._party_names.get(self.state.name_of({"kind": "party", "identifiers": [place["identifier"]]}))
        return {**place, "name": known} if known else place

    def party_of(self, ref: Any) -> PartyName | None:
        """The party that a reference names."""
        return self.party(self.state.name_of(ref) if is_ref(ref) else "")


def own_party(profile: Profile) -> str:
    """The name under which custody knows a partner."""
    return party_name(profile.party_ref)
