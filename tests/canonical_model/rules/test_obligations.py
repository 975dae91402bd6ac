"""Rules of what was promised: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.canonical_model.facts import LOT, LOT_2, ORDER, Fact, checked, fact, ref, result, submitted, when
from tests.canonical_model.rules.cases import Case, case, tells


def promised(due: str = "2026-03-19", **values: Any) -> Fact:
    said = {"kind": "result", "criterion": "sterility", "material": LOT, **values}
    return fact(
        "obligation.recorded", ref("obligation", "O-1"), "2026-03-09T12:00:00", order=ORDER, due=when(due), **said
    )


START = [submitted(), promised()]
LATE = "obligation-due"
CASES = [
    case("a promised result", "I-45", LATE, START, [*START, result("sterility", LOT, "2026-03-19T08:00:00")], "major"),
    case("until the end of its day", "I-45", LATE, START, [submitted(), promised("2026-03-20")]),
    case(
        "a preliminary result is not the promised one",
        "I-45",
        LATE,
        [*START, result("sterility", LOT, "2026-03-19T08:00:00", status="preliminary")],
        [*START, result("sterility", LOT, "2026-03-19T08:00:00", status="final")],
    ),
    case(
        "the result of another test",
        "I-45",
        LATE,
        [*START, result("viability", LOT, "2026-03-19T08:00:00")],
        [*START, result("sterility", LOT, "2026-03-19T08:00:00", evaluation="out")],
    ),
    case(
        "the result of another lot",
        "I-45",
        LATE,
        [*START, result("sterility", LOT_2, "2026-03-19T08:00:00")],
        [*START, result("sterility", LOT, "2026-03-19T08:00:00")],
    ),
    case(
        "a result that was invalidated",
        "I-45",
        LATE,
        [
            *START,
            result("sterility", LOT, "2026-03-19T08:00:00"),
            result("sterility", LOT, "2026-03-19T09:00:00", type_="result.invalidated"),
        ],
        [*START, result("sterility", LOT, "2026-03-19T08:00:00")],
    ),
    case(
        "what only a report of it settles",
        "I-45",
        LATE,
        [submitted(), promised(kind="notification"), result("sterility", LOT, "2026-03-19T08:00:00")],
        [submitted(), promised(kind="notification", done_at=when("2026-03-18"))],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_an_obligation_says_when_it_becomes_overdue() -> None:
    early = datetime(2026, 3, 10, tzinfo=UTC)
    assert checked(*START, now=early).next_change == datetime(2026, 3, 20, tzinfo=UTC)
    assert checked(submitted(), promised(done_at=when("2026-03-18")), now=early).next_change is None
