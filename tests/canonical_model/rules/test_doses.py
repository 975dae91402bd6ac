"""Rules of several doses: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical_model.protocol_templates import OFF_THE_SHELF
from canonical_model.protocols import PlannedDose
from canonical_model.rules.doses import given_doses, missing_for_next_dose, next_dose
from tests.canonical_model.facts import PATIENT, PRODUCT, PRODUCT_2, Fact, checked, fact, journey, ref, submitted, when
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

SPLIT = OFF_THE_SHELF.model_copy(
    update={
        "id": "split",
        "conditioning": None,
        "doses": (
            PlannedDose(number=1, day=1, earliest=1, latest=1, low=Decimal(100), high=Decimal(110), unit="10*6"),
            PlannedDose(number=2, day=10, earliest=8, latest=12, low=Decimal(290), high=Decimal(300), unit="10*6"),
        ),
    }
)
"""Two doses, the second between day 8 and day 12: 410 million cells at most in all."""
PROTOCOLS = {SPLIT.key: SPLIT}
ORDERED = submitted(protocol="split@1")


def million(value: str, unit: str = "10*6", **values: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, **values}


def given(name: str, at: str, type_: str = "infusion.completed", **values: Any) -> Fact:
    return fact(type_, ref("administration", name), at, **{"containers": [PRODUCT], **values})


def fit(at: str, decision: str = "eligible", **values: Any) -> Fact:
    said = {"infusion": {"decision": decision, **values}}
    return fact("eligibility.decided", PATIENT, at, eligibility=said)


ONE = given("1", "2026-03-02T10:00:00", dose=million("110"))
TWO = given("2", "2026-03-11T10:00:00", containers=[PRODUCT_2], dose=million("300"))
DECIDED = fit("2026-03-10T10:00:00")
BOTH = [ORDERED, ONE, DECIDED, TWO]
TELLS = "eligibility"
CASES = [
    case("nobody decided", "I-18", TELLS, [ORDERED, ONE, TWO], BOTH, "critical", protocols=PROTOCOLS),
    case(
        "decided before the first dose",
        "I-18",
        TELLS,
        [ORDERED, ONE, fit("2026-03-02T09:00:00"), TWO],
        [ORDERED, ONE, fit("2026-03-02T11:00:00"), TWO],
        protocols=PROTOCOLS,
    ),
    case(
        "decided after the second dose",
        "I-18",
        TELLS,
        [ORDERED, ONE, TWO, fit("2026-03-11T11:00:00")],
        [ORDERED, ONE, TWO, fit("2026-03-11")],
        protocols=PROTOCOLS,
    ),
    case(
        "the last decision was no",
        "I-18",
        TELLS,
        [ORDERED, ONE, fit("2026-03-09T10:00:00"), fit("2026-03-10T10:00:00", "not-eligible"), TWO],
        [ORDERED, ONE, fit("2026-03-09T10:00:00", "not-eligible"), DECIDED, TWO],
        protocols=PROTOCOLS,
    ),
    case(
        "postponed beyond the dose",
        "I-18",
        TELLS,
        [ORDERED, ONE, fit("2026-03-10T10:00:00", since=when("2026-03-12")), TWO],
        [ORDERED, ONE, fit("2026-03-10T10:00:00", since=when("2026-03-11")), TWO],
        protocols=PROTOCOLS,
    ),
    case(
        "a decision that had run out",
        "I-18",
        TELLS,
        [ORDERED, ONE, fit("2026-03-05T10:00:00", until=when("2026-03-10")), TWO],
        [ORDERED, ONE, fit("2026-03-05T10:00:00", until=when("2026-03-11")), TWO],
        protocols=PROTOCOLS,
    ),
    case(
        "fit for another act",
        "I-18",
        TELLS,
        [ORDERED, ONE, fact("eligibility.decided", PATIENT, eligibility={"clinical": {"decision": "eligible"}}), TWO],
        BOTH,
        protocols=PROTOCOLS,
    ),
    case(
        "a day too early",
        "I-18",
        "window",
        [ORDERED, ONE, fit("2026-03-07T10:00:00"), given("2", "2026-03-08T23:59:00")],
        [ORDERED, ONE, fit("2026-03-07T10:00:00"), given("2", "2026-03-09T00:00:00")],
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "a day too late",
        "I-18",
        "window",
        [ORDERED, ONE, DECIDED, given("2", "2026-03-14T00:00:00")],
        [ORDERED, ONE, DECIDED, given("2", "2026-03-13T23:59:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "times known to the day are not judged",
        "I-18",
        "window",
        [ORDERED, ONE, DECIDED, given("2", "2026-03-16T10:00:00")],
        [ORDERED, ONE, DECIDED, given("2", "2026-03-16")],
        protocols=PROTOCOLS,
    ),
    case(
        "its days ended without it",
        "I-18",
        "window",
        [ORDERED, ONE],
        [ORDERED, ONE, fit("2026-03-10T10:00:00", "not-eligible")],
        "major",
        protocols=PROTOCOLS,
    ),
    case(
        "a third dose of two",
        "I-18",
        "dose",
        [*BOTH, given("3", "2026-03-13T10:00:00", dose_number=3)],
        [*BOTH, given("3", "2026-03-13T10:00:00", dose_number=2)],
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "more than the planned total",
        "I-18",
        "dose",
        [ORDERED, ONE, DECIDED, given("2", "2026-03-11T10:00:00", dose=million("300.1"))],
        BOTH,
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "a total by container, in whole cells",
        "I-18",
        "dose",
        [
            ORDERED,
            ONE,
            given(
                "2", "2026-03-11T10:00:00", given=[{"container": PRODUCT, "amount": million("300100000", "{cells}")}]
            ),
        ],
        [
            ORDERED,
            ONE,
            given(
                "2", "2026-03-11T10:00:00", given=[{"container": PRODUCT, "amount": million("300000000", "{cells}")}]
            ),
        ],
        protocols=PROTOCOLS,
    ),
    case(
        "amounts in other units and upper limits add nothing for certain",
        "I-18",
        "dose",
        [ORDERED, ONE, given("2", "2026-03-11T10:00:00", dose=million("400", comparator=">"))],
        [
            ORDERED,
            ONE,
            given("2", "2026-03-11T10:00:00", dose=million("400", comparator="<")),
            given("3", "2026-03-11T11:00:00", dose=million("999", "mL")),
        ],
        protocols=PROTOCOLS,
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_dose_of_two_bags_on_one_day_is_one_dose() -> None:
    state = journey(ORDERED, ONE, given("1b", "2026-03-02T15:00:00"), given("2", "2026-03-11T10:00:00"))
    assert [(dose.number, len(dose.infusions)) for dose in given_doses(state)] == [(1, 2), (2, 1)]


def test_numbers_that_are_stated_count() -> None:
    state = journey(ORDERED, given("9", "2026-03-02T10:00:00", dose_number=2), given("1", "2026-03-11", dose_number=1))
    assert [dose.number for dose in given_doses(state)] == [1, 2]


def lacks(now: str, *facts: Fact) -> list[tuple[str, bool]]:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return [(m.what, m.unclear) for m in missing_for_next_dose(journey(ORDERED, *facts), SPLIT, at)]


@pytest.mark.parametrize(
    ("now", "facts", "lacking"),
    [
        ("2026-03-02", [], []),
        ("2026-03-11", [ONE], [("decision", False)]),
        ("2026-03-11", [ONE, DECIDED], []),
        ("2026-03-08T23:59:59", [ONE, fit("2026-03-03T10:00:00")], [("days", False)]),
        ("2026-03-14", [ONE, DECIDED], [("days", False)]),
        ("2026-03-11", [ONE, fit("2026-03-02")], [("decision", True)]),
        ("2026-03-11", [ONE, fit("2026-03-10T10:00:00", since=when("2026-03-12"))], [("decision", False)]),
        ("2026-03-12", [ONE, fit("2026-03-10T10:00:00", since=when("2026-03-12"))], []),
        ("2026-03-11", [given("1", "2026-03-02T10:00:00", "infusion.started"), DECIDED], [("running", False)]),
        ("2026-03-11", [given("1", "2026-03-02"), DECIDED], [("days", True)]),
        ("2026-03-11", [given("1", "2026-03-02T10:00:00", dose=million("410")), DECIDED], [("total", False)]),
        ("2026-03-12", [ONE, DECIDED, TWO], [("no-dose", False)]),
    ],
)
def test_the_next_dose_lacks(now: str, facts: list[Fact], lacking: list[tuple[str, bool]]) -> None:
    assert lacks(now, *facts) == lacking


def test_the_next_dose_lies_in_whole_days_counted_from_the_first() -> None:
    coming = next_dose(journey(ORDERED, given("1", "2026-03-02T23:30:00")), SPLIT)
    assert coming is not None
    assert coming.number == 2
    assert coming.opens == datetime(2026, 3, 9, tzinfo=UTC)
    assert coming.closes == datetime(2026, 3, 14, tzinfo=UTC)


def test_scenario_24_a_second_dose_that_was_put_off() -> None:
    """Dose 1 given, CRS of grade 2: dose 2 waits for a decision that puts it off, and after its days is not given."""
    first = given("1", "2026-03-02T10:00:00")
    crs = fact("outcome.reported", ref("outcome", "crs"), "2026-03-04T10:00:00", kind="adverse-event", grade=2)
    postponed = fit("2026-03-11T10:00:00", since=when("2026-03-12"))
    assert lacks("2026-03-11T09:00:00", first, crs) == [("decision", False)]
    assert lacks("2026-03-11T11:00:00", first, crs, postponed) == [("decision", False)]
    assert lacks("2026-03-12", first, crs, postponed) == []
    assert lacks("2026-03-14", first, crs, postponed) == [("days", False)]
    (found,) = [f for f in checked(ORDERED, first, crs, postponed, protocols=PROTOCOLS).findings if f.rule == "I-18"]
    assert set(found.blocks) == {"may-infuse", "may-give-next-dose"}


def test_what_a_clock_meets_between_two_doses() -> None:
    state = journey(ORDERED, ONE, fit("2026-03-05T10:00:00", since=when("2026-03-10"), until=when("2026-03-11")))
    start, end = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)
    asked = changes_only_when_told(state, PROTOCOLS, start, end, lambda s, now: missing_for_next_dose(s, SPLIT, now))
    assert asked == 4
