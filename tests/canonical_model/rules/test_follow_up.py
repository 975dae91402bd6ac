"""Rules of the time after an infusion: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.rules import check
from canonical_model.rules.follow_up import missing_for_follow_up
from canonical_model.values import MOMENT
from tests.canonical_model.facts import (
    NOW,
    ORDER,
    OTHER,
    PATIENT,
    PRODUCT,
    Fact,
    checked,
    fact,
    findings,
    journey,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

DUE = "obligation-due"
START = submitted("2026-01-02T08:00:00")


def infused(at: str = "2026-02-10T12:00:00", type_: str = "infusion.completed") -> Fact:
    return fact(type_, ref("administration", "A-1"), at, containers=[PRODUCT])


def visit(
    name: str, due: str, type_: str = "followup.scheduled", at: str = "2026-02-11T08:00:00", **values: Any
) -> Fact:
    said = {"order": ORDER, "due": when(due), **values}
    return fact(type_, ref("follow-up", name), at, **said)


def told(name: str, type_: str, at: str) -> Fact:
    return fact(type_, ref("follow-up", name), at, order=ORDER)


LAST = visit("year-15", "2041-02-10")
DIED = fact("subject.deceased", PATIENT, "2026-02-20T08:00:00")
MONTH = visit("month-0", "2026-02-17")
CASES = [
    case("nothing was planned", "I-24", DUE, [START, infused()], [START, infused(), LAST], "minor"),
    case(
        "planned to less than its end",
        "I-24",
        DUE,
        [START, infused(), visit("year-10", "2036-02-10")],
        [START, infused(), visit("month-3", "2026-05-10", until=when("2041-02"))],
    ),
    case(
        "an infusion that was stopped is followed too",
        "I-24",
        DUE,
        [START, infused(type_="infusion.stopped")],
        [START, infused(type_="infusion.not-done")],
    ),
    case(
        "thirty days are given",
        "I-24",
        DUE,
        [START, infused("2026-02-17T23:00:00")],
        [START, infused("2026-02-18T00:00:00")],
    ),
    case("the patient died", "I-24", DUE, [START, infused()], [START, infused(), DIED]),
    case(
        "another site took over",
        "I-24",
        DUE,
        [START, infused(), visit("month-3", "2026-05-10")],
        [
            START,
            infused(),
            visit("month-3", "2026-05-10"),
            told("month-3", "followup.handed-over", "2026-02-20T08:00:00"),
        ],
    ),
    case(
        "another order's plan",
        "I-24",
        DUE,
        [START, infused(), visit("year-15", "2041-02-10", order=OTHER)],
        [START, infused(), LAST],
    ),
    case(
        "a visit that nobody told of",
        "I-24",
        DUE,
        [START, LAST, MONTH],
        [START, LAST, visit("month-0", "2026-02-18")],
        "minor",
    ),
    case(
        "a visit that took place",
        "I-24",
        DUE,
        [START, LAST, MONTH],
        [START, LAST, MONTH, told("month-0", "followup.completed", "2026-03-19T08:00:00")],
    ),
    case(
        "a missed visit ages",
        "I-24",
        DUE,
        [START, LAST, MONTH, told("month-0", "followup.missed", "2026-02-18T08:00:00")],
        [
            START,
            LAST,
            MONTH,
            told("month-0", "followup.missed", "2026-02-18T08:00:00"),
            visit("month-1", "2026-03-17", "followup.completed", "2026-03-17T08:00:00"),
        ],
    ),
    case(
        "missed, and never due",
        "I-24",
        DUE,
        [START, LAST, told("x", "followup.missed", "2026-02-17T08:00:00")],
        [START, LAST, told("x", "followup.missed", "2026-02-18T08:00:00")],
    ),
    case(
        "lost to follow-up",
        "I-24",
        DUE,
        [START, LAST, MONTH],
        [START, LAST, MONTH, told("month-0", "followup.lost", "2026-03-01T08:00:00")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_plan_that_is_missing_closes_nothing_but_the_order() -> None:
    (found,) = findings(START, infused(), rule="I-24")
    assert found.blocks == ("may-close",)
    assert "2041-02-" in found.text


def test_a_plan_is_waited_for_before_it_is_an_issue() -> None:
    state = journey(START, infused("2026-03-01T12:00:00"))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert [missing.what for missing in missing_for_follow_up(state, AUTOLOGOUS_CAR_T)] == ["follow-up"]
    told_at = check(state, DEFAULT_PROTOCOLS, now)
    assert not [f for f in told_at.findings if f.rule == "I-24"]
    assert told_at.next_change == datetime(2026, 3, 31, 12, tzinfo=UTC) + MOMENT


def test_who_is_not_asked_for_follow_up_hears_nothing_of_it() -> None:
    quiet = AUTOLOGOUS_CAR_T.model_copy(update={"follow_up": None})
    assert not [f for f in checked(START, infused(), protocols={quiet.key: quiet}).findings if f.rule == "I-24"]
    assert not findings(START, rule="I-24")


def test_what_a_clock_meets_after_an_infusion() -> None:
    state = journey(START, infused("2026-03-10T12:00:00"), visit("month-1", "2026-04-10"), visit("x", "2026-03-19"))
    assert changes_only_when_told(state, DEFAULT_PROTOCOLS, NOW, datetime(2026, 5, 20, tzinfo=UTC)) == 3
