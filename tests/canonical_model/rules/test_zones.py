"""Rules of local times: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.canonical_model.facts import BAG, ORDER, Fact, created, fact, findings, ref, submitted, when
from tests.canonical_model.rules.cases import Case, case, tells


def seen(at: str = "2026-03-08T12:00:00", by: str = "courier", **how: bool) -> Fact:
    told = fact("container.observed", BAG, at, by=by, order=ORDER)
    return {**told, "id": f"{at}{by}{sorted(how)}".encode().hex()[:40].ljust(40, "0"), "occurred": {**when(at), **how}}


def series(**how: bool) -> Fact:
    start: dict[str, Any] = {**when("2026-03-08T11:00:00"), **how}
    return fact("readings.recorded", ref("readings", "1"), order=ORDER, start=start)


CASES = [
    case("an assumed zone", "I-46", "mapping", [submitted(), seen(assumed_zone=True)], [submitted(), seen()], "info"),
    case(
        "an hour that exists twice",
        "I-46",
        "mapping",
        [submitted(), seen("2026-11-01T01:30:00", unclear=True)],
        [submitted(), seen("2026-11-01T01:30:00")],
    ),
    case("the start of a series", "I-46", "mapping", [submitted(), series(assumed_zone=True)], [submitted(), series()]),
    case(
        "days are not judged",
        "I-46",
        "mapping",
        [submitted(), seen("2026-03-08T12", assumed_zone=True)],
        [submitted(), seen("2026-03-08", assumed_zone=True)],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_reporter_is_told_of_once_however_many_facts_it_sends() -> None:
    facts = [
        submitted(),
        created(order=ORDER),
        *(seen(f"2026-03-08T12:0{minute}:00", assumed_zone=True) for minute in range(3)),
        seen("2026-03-08T13:00:00", by="cdmo", assumed_zone=True),
    ]
    said = {tuple(sorted(f.id for f in findings(*some, rule="I-46"))) for some in itertools.permutations(facts)}
    assert len(said) == 1
    (issues,) = said
    assert len(issues) == 2
