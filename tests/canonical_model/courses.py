"""One order on its way: its names, its things, and what five partners told of it. Chooses nothing: `pick` does.

How it usually goes stands in `acts`, what goes wrong in `troubles`. Whoever drives a course hands in how to choose (a
hypothesis draw or a seeded random) and how a fact gets its envelope (an event at once, or an assertion for a hub's
inbox).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical_model.ids import event_id
from canonical_model.protocols import Protocol
from tests.canonical_model.facts import Fact, Ref, ref, when

ROLE = {"mercy": "hospital", "swift": "courier", "celltech": "cdmo", "general": "infusion-site", "quality": "qa"}
"""Partners and the roles in which they speak."""
PARTY: dict[str, Ref] = {name: ref("party", name) for name in ROLE}
_MINUTES, _HOURS, _DAY = timedelta(minutes=10), timedelta(hours=3), timedelta(hours=20)
HOW: tuple[tuple[timedelta, int, str], ...] = (
    *((_MINUTES, 19, ""),) * 4,
    *((_HOURS, 19, ""),) * 4,
    *((_DAY, 19, ""),) * 3,
    *((timedelta(), 19, ""),) * 4,
    *(
        (timedelta(), 16, ""),
        (_HOURS, 16, ""),
        (_HOURS, 13, ""),
        (_HOURS, 10, ""),
        (_DAY, 10, ""),
        (timedelta(), 10, ""),
    ),
    *((-_HOURS, 19, ""), (-_DAY, 19, ""), (-_DAY, 10, ""), (-_DAY, 7, "")),
    *((_HOURS, 19, "swift"), (timedelta(), 19, "general")),
)
"""How a fact is told: time since the last one (what lies behind it is told late), digits of its time that are known
(19 a second, 16 a minute, 13 an hour, 10 a day, 7 a month), and by whom where it is not whose word counts."""
KINDS = {
    **dict.fromkeys(("bag", "dose", "kit", "syringe"), "container"),
    **dict.fromkeys(("cells", "lot", "vector", "sample"), "material"),
}
"""Things that are not called after their kind."""
Telling = tuple[str, str, Ref, str, dict[str, Any], tuple[str, ...], tuple[Fact, ...]]
"""By whom, type, about what, time as text, what it sets, what it clears, which facts it puts right."""


def as_event(telling: Telling, number: int, ordinal: str) -> Fact:
    """A telling as an event of the log, with an id made of its content."""
    by, type_, about, at, values, clear, corrects = telling
    occurred, above = when(at), [event["id"] for event in corrects]
    return {
        "v": 1,
        "id": event_id(by, f"m{number}", ordinal, "f", type_, about, [values, clear, occurred, above]),
        "type": type_,
        "about": about,
        "set": values,
        "clear": list(clear),
        "occurred": occurred,
        "recorded": occurred["at"],
        "reporter": {"partner": by, "role": ROLE[by]},
        "source_id": f"m{number}",
        "ordinal": ordinal,
        "frame": "f",
        **({"supersedes": above} if above else {}),
    }


@dataclass(slots=True)
class Course:
    """One order on its way: what it is called, what there is of it, and what was told so far."""

    pick: Callable[..., Any]
    protocol: Protocol
    number: int = 1
    envelope: Callable[[Telling, int, str], Fact] = as_event
    parties: Mapping[str, Ref] = field(default_factory=lambda: PARTY)
    told: list[Fact] = field(default_factory=list)
    things: dict[str, list[Ref]] = field(default_factory=dict)
    at: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)
    done: int = 0
    """How many steps of its usual course were taken."""

    # ---- names ----------------------------------------------------------------------------------------------------

    @property
    def is_stock(self) -> bool:
        return self.protocol.sourcing == "stock"

    @property
    def placer(self) -> dict[str, str]:
        return {"system": "urn:mercy:order", "value": f"P{self.number}", "type": "placer"}

    @property
    def filler(self) -> dict[str, str]:
        return {"system": "urn:general:order", "value": f"F{self.number}", "type": "filler"}

    @property
    def chain(self) -> dict[str, str]:
        return {"system": "urn:test:coi", "value": f"CHA9999260{self.number:05}", "type": "coi"}

    def order(self, *names: dict[str, str]) -> Ref:
        """The order by the given names, or by some of those that it has: a late one is known to few."""
        group = {"system": "urn:mercy:group", "value": "G1", "type": "group"}
        usual = ((self.placer,), (self.placer,), (self.placer, self.chain), (self.placer, self.filler))
        choices = (*usual, (self.filler,), (self.chain,), (self.filler, self.chain), (self.placer, group))
        return {"kind": "order", "identifiers": list(names or self.pick(*choices))}

    @property
    def patient(self) -> Ref:
        return ref("subject", f"token-{self.number}")

    @property
    def donor(self) -> Ref:
        """Who gives the cells."""
        return ref("subject", f"donor-{self.number}") if self.protocol.sourcing == "directed-donor" else self.patient

    def new(self, tag: str) -> Ref:
        """Something there was not before; most things have a second name that comes late."""
        kind, known = KINDS.get(tag, tag), self.things.setdefault(tag, [])
        value = f"{tag.upper()}-{self.number}-{len(known) + 1}"
        systems = (
            ("urn:test", "urn:late") if kind in {"container", "batch", "shipment", "collection"} else ("urn:test",)
        )
        made = {"kind": kind, "identifiers": [{"system": f"{s}:{kind}", "value": value} for s in systems]}
        known.append(made)
        return made

    def some(self, tag: str) -> Ref:
        """One of the things of a sort, whole; a new one where there is none."""
        known = self.things.get(tag)
        return self.pick(*reversed(known)) if known else self.new(tag)

    def by_name(self, thing: Ref) -> Ref:
        """A thing by its first name, by both, or by the second alone."""
        first = thing["identifiers"][:1]
        chosen = self.pick(first, first, first, thing["identifiers"], thing["identifiers"][1:] or first)
        return {"kind": thing["kind"], "identifiers": chosen}

    def one(self, tag: str) -> Ref:
        """One of the things of a sort, by one of its names."""
        return self.by_name(self.some(tag))

    # ---- telling --------------------------------------------------------------------------------------------------

    def tell(
        self,
        by: str,
        type_: str,
        about: Ref,
        /,
        clear: tuple[str, ...] = (),
        corrects: tuple[Fact, ...] = (),
        moment: str = "",
        **values: Any,
    ) -> Fact:
        """One more fact, at a `moment` where one is given."""
        step, digits, stranger = self.pick(*HOW)
        at = self.at + (timedelta() if moment else step)
        self.at = max(self.at, at)
        text = moment or at.strftime("%Y-%m-%dT%H:%M:%S")[:digits]
        telling = (stranger or by, type_, about, text, values, clear, corrects)
        event = self.envelope(telling, len(self.told) + 1, self.pick("1", "1", f"{len(self.told) + 2:06}"))
        self.told.append(event)
        return event

    def near(self, days: float) -> dict[str, Any]:
        """A time around now, to the minute or the day."""
        text = (self.at + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
        return when(text[: self.pick(19, 19, 10)])
