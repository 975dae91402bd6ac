"""Every case of every rule: neither the order of arrival changes what is found, nor time before it was announced."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from canonical_model.fold import fold
from canonical_model.journey import Journey
from canonical_model.rules import check
from canonical_model.values import MOMENT
from tests.canonical_model.facts import NAMES, NOW
from tests.canonical_model.rules.cases import Case
from tests.canonical_model.test_rules import every_case

MOMENTS = [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC), NOW, NOW + timedelta(days=400)]


def journeys(one: Case, shuffled: random.Random | None = None) -> list[Journey]:
    """Both journeys of a case, of facts that arrived in this or another order, some of them twice."""
    found = []
    for facts, others in ((one.breaks, one.others), (one.keeps, one.other_neighbours or one.others)):
        told = [*facts] if shuffled is None else [*facts, *shuffled.sample(facts, len(facts) // 2)]
        if shuffled is not None:
            shuffled.shuffle(told)
        state = fold(NAMES, told)
        state.others = others
        found.append(state)
    return found


def test_what_is_found_does_not_depend_on_the_order_of_arrival() -> None:
    chance = random.Random(20260322)
    for param in every_case():
        one: Case = param.values[0]
        said = [check(state, one.protocols, NOW).findings for state in journeys(one)]
        for _ in range(5):
            again = [check(state, one.protocols, NOW).findings for state in journeys(one, chance)]
            assert again == said, param.id


def test_nothing_is_found_by_time_alone_before_it_was_announced() -> None:
    for param in every_case():
        one: Case = param.values[0]
        for state in journeys(one):
            for now in MOMENTS:
                told = check(state, one.protocols, now)
                later = [t for t in MOMENTS if t > now and (told.next_change is None or t < told.next_change)]
                for moment in [*later, *([told.next_change - MOMENT] if told.next_change else [])]:
                    assert check(state, one.protocols, moment).findings == told.findings, param.id
