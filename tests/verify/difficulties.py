"""Short stories for a hub's inbox, each of one difficulty: three to twelve messages. Seeded; knows no hub state.

Steps and messages are those of `stories`; of facts those of `facts_alone`. What two orders share by mistake is drawn
far more often than there.
"""

from __future__ import annotations

from random import Random

from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from tests.canonical_model.acts import accepted, enrolled, identified, ordered, steps_of
from tests.canonical_model.courses import Course
from tests.canonical_model.troubles import TROUBLES
from tests.verify import facts_alone
from tests.verify import stories as s
from tests.verify.messages import Delivery

MOST = 12
"""Messages of a short story."""
THEMES: dict[str, tuple[s.Step, ...]] = {
    "names": (s.ordered_by_fhir, s.weighed, s.collected, s.received),
    "numbers again": (s.resent_with_changes, s.resent_with_changes, s.stopped),
    "stops": (s.stopped, s.ordered_by_fhir, s.decided),
    "persons": (s.demographics, s.merged, s.demographics_by_fhir, s.merged),
    "corrections": (s.collected, s.corrected, s.corrected),
    "custody": (s.collected, s.shipped, s.received),
    "wrong bags": (s.collected, s.received, s.received, s.tested),
    "making": (s.made, s.decided, s.decided),
    "treating": (s.made, s.decided, s.treated),
    "results": (s.collected, s.tested, s.tested, s.corrected),
}
"""A difficulty -> what happens to the first order, in this order; the second one only shares something with it."""


def tell(seed: str, count: int) -> list[Delivery]:
    """The messages of one or two orders, in an order in which they may have happened."""
    story = s.Story(Random(f"short {seed}"), [])
    story.cases = s.cases(story.random, count)
    _share(story)
    steps = THEMES[story.one(*THEMES)]
    for case in story.cases:
        s.ordered(story, case)
    for step in steps:
        step(story, story.cases[0] if story.often(0.8) else story.cases[-1])
    return _some(story.random, story.told)


def _share(story: s.Story) -> None:
    """Two orders have one thing in common."""
    if len(story.cases) > 1:
        name = story.one("chain", "filler", "person", "sscc", "bag", "lab")
        setattr(story.cases[1], name, getattr(story.cases[0], name))


def _some(random: Random, told: list[Delivery]) -> list[Delivery]:
    """As many messages as a short story has, in their order."""
    kept = sorted(random.sample(range(len(told)), min(len(told), MOST)))
    return [told[place] for place in kept]


def tell_facts(seed: str, count: int) -> list[Delivery]:
    """The same with bare facts: an order of any Protocol, one stretch of its course, and what comes between."""
    story = facts_alone.Telling(Random(f"short facts {seed}"))
    for number in range(1, count + 1):
        protocol = story.random.choice(list(DEFAULT_PROTOCOLS.values()))
        picking = story.picking(story.random.choice(facts_alone.CARE))
        at = story.random.choice(facts_alone.BEGINS)
        course = Course(picking, protocol, number, story.envelope, facts_alone.parties(), at=at)
        for step in (enrolled, ordered, accepted, identified):
            step(course)
        begun = len(story.told)
        story.random.choice(steps_of(course)[7:])(course)
        del story.told[begun + MOST // 2 :]
        for _ in range(story.random.randint(2, 4)):
            story.random.choice(TROUBLES[story.random.choice(facts_alone.THEMES)])(course)
    return story.told
