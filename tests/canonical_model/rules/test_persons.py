"""Rules of who the patient is: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.canonical_model.facts import PATIENT, STRANGER, Fact, Ref, fact, findings, submitted
from tests.canonical_model.rules.cases import Case, case, tells


def told(at: str, subject: Ref = PATIENT, **values: Any) -> Fact:
    return fact("subject.updated", subject, at, **values)


FIRST = told("2026-03-01T08:00:00", sex="female", birth_year=1961, identity_digest="a")
START = [submitted(), FIRST]
MISMATCH = "identity-mismatch"
CASES = [
    case(
        "another sex",
        "I-47",
        MISMATCH,
        [*START, told("2026-03-09T08:00:00", sex="male")],
        [*START, told("2026-03-09T08:00:00", sex="unknown")],
        "major",
    ),
    case(
        "another year of birth",
        "I-47",
        MISMATCH,
        [*START, told("2026-03-09T08:00:00", birth_year=1962)],
        [*START, told("2026-03-09T08:00:00", birth_year=1961)],
    ),
    case(
        "another day of the same year",
        "I-47",
        MISMATCH,
        [*START, told("2026-03-08T08:00:00", birth_digest="x"), told("2026-03-09T08:00:00", birth_digest="y")],
        [*START, told("2026-03-08T08:00:00", birth_digest="x"), told("2026-03-09T08:00:00", birth_digest="x")],
    ),
    case(
        "another name alone",
        "I-47",
        MISMATCH,
        [*START, told("2026-03-09T08:00:00", identity_digest="b", sex="male")],
        [*START, told("2026-03-09T08:00:00", identity_digest="b", sex="female")],
    ),
    case(
        "somebody else's sex",
        "I-47",
        MISMATCH,
        [*START, told("2026-03-09T08:00:00", sex="male")],
        [*START, told("2026-03-09T08:00:00", STRANGER, sex="male")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_corrected_year_of_birth_is_no_change() -> None:
    wrong = told("2026-03-09T08:00:00", birth_year=1916)
    right = fact("subject.updated", PATIENT, "2026-03-10T08:00:00", supersedes=(wrong,), birth_year=1961)
    assert findings(*START, wrong, rule="I-47")
    assert not findings(*START, wrong, right, rule="I-47")


def test_a_third_value_is_another_issue_than_the_one_that_was_settled() -> None:
    second, third = told("2026-03-09T08:00:00", birth_year=1962), told("2026-03-10T08:00:00", birth_year=1963)
    (one,) = findings(*START, second, rule="I-47")
    (other,) = findings(*START, second, third, rule="I-47")
    assert one.id != other.id
    assert one.person
    assert "1962" not in other.text + other.cause
