"""Generated journeys of all four Protocols for a hub's inbox, as bare facts: what no format of today says. Seeded.

The courses are those of the model's state machine, several orders at one hub that share stock, patients and numbers.
A message holds one fact. Corrections name the facts that they put right by the ids that the hub gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from adapters import times
from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.rules import check
from hub.conversion import RECORDED, Converted, Part, digest
from hub.facts import Origin
from hub.store import Connection
from tests.canonical_model.acts import goes_on, steps_of
from tests.canonical_model.courses import Course
from tests.canonical_model.courses import Telling as Said
from tests.canonical_model.facts import Fact, Ref
from tests.canonical_model.troubles import TROUBLES, settled
from tests.verify.messages import Delivery, said
from tests.verify.small_hub import KEYS, NOW, CorrectingFacts, partners
from tests.verify.stores import opened

SHARED = ("dose", "lot", "vector", "batch")
"""What several orders of stock may take from."""
THEMES = tuple(sorted(TROUBLES)) + ("correcting",) * 3

CARE = (0.99, 0.6, 0.6, 0.4)
"""How often what usually comes next does."""
BEGINS = tuple(datetime(2026, 3, day, 8, tzinfo=UTC) for day in (1, 6, 12))
"""When an order begins: some have run out by the time at which the hub hears of them, some have not."""


@cache
def _scratch() -> Connection:
    return opened("memory").writer


class Telling:
    """Messages so far, in the order in which they were told."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.told: list[Delivery] = []

    def picking(self, care: float) -> Callable[..., Any]:
        """Picks one of the options: the first, which is how things usually go, at least as often as `care` says."""
        return lambda *options: options[0] if self.random.random() < care else self.random.choice(options)

    def envelope(self, told: Said, _: int, ordinal: str) -> Fact:
        """A fact as a message, and as the event that the hub will make of it."""
        by, type_, about, at, values, clear, corrects = told
        if type_ == "order.submitted":
            by = "mercy"  # of two who submit one order the hub takes the first that it hears for the placer
        assertion: dict[str, Any] = {"type": type_, "frame": f"{about['kind']}#1", "about": about, "set": values}
        assertion |= {"clear": list(clear), "occurred": times.when(at, "Z", "")}
        if corrects:
            assertion["supersedes"] = sorted(event["id"] for event in corrects)
        delivery = said(by, f"F{len(self.told) + 1:04}", assertion)
        self.told.append(delivery)
        return _event(delivery, assertion)


def _event(delivery: Delivery, assertion: Mapping[str, Any]) -> Fact:
    profile = partners()[0][delivery.partner]
    converted = Converted("facts", delivery.name, "", [Part("message", RECORDED, [dict(assertion)])], [])
    origin = Origin(profile, "", delivery.name, digest(delivery.body), "", NOW)
    return CorrectingFacts(KEYS, _scratch(), "local", origin, converted).of(assertion)


def parties() -> dict[str, Ref]:
    """The partners under the names that their profiles give them."""
    return {name: profile.party_ref for name, profile in partners()[0].items()}


def telling(protocol: Protocol) -> tuple[list[Delivery], Course]:
    """A course on which nothing goes wrong, and the messages that it is told in."""
    story = Telling(Random(0))
    return story.told, Course(story.picking(1), protocol, 1, story.envelope, parties(), at=BEGINS[-1])


def tell(seed: str, count: int) -> list[Delivery]:
    """The messages of `count` orders at one hub, in an order in which they may have happened."""
    random = Random(f"facts {seed}")
    story, made = Telling(random), list[Course]()
    for number in range(1, count + 1):
        protocol = random.choice(list(DEFAULT_PROTOCOLS.values()))
        picking = story.picking(random.choice(CARE))
        course = Course(picking, protocol, number, story.envelope, parties(), at=random.choice(BEGINS))
        mates = [c for c in made if c.is_stock == course.is_stock]
        if mates and random.random() < (0.5 if course.is_stock else 0.1):
            shared = random.choice(mates).things
            course.things |= {tag: shared.setdefault(tag, []) for tag in SHARED}
        made.append(course)
    left = {course.number: random.randint(6, len(steps_of(course))) for course in made}
    care = {course.number: random.choice(CARE) for course in made}
    while waiting := [course for course in made if course.done < left[course.number]]:
        course = random.choice(waiting)
        _happens(story, course, care[course.number])
    return story.told


def _happens(story: Telling, course: Course, care: float) -> None:
    """The next step of a course, which may be left out, and what comes between."""
    if course.done < 4 or story.random.random() < care:
        goes_on(course)
    else:
        course.done += 1
    if story.random.random() < (0.02 if care > 0.9 else 0.25):
        story.random.choice(TROUBLES[story.random.choice(THEMES)])(course)
    if story.random.random() < 0.02:
        _answered(course)


def _answered(course: Course) -> None:
    """A person answers an Issue that these facts raise."""
    state = fold([name_key("order", course.placer)], course.told)
    settled(course, tuple(finding.id for finding in check(state, DEFAULT_PROTOCOLS, NOW).findings))
