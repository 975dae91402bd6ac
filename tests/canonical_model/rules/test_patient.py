"""Rules of the patient, and which exports a patient's consent bars. What test_rules shows is not shown again."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.rules.patient import exports_barred, infusions
from tests.canonical_model.facts import PATIENT, PRODUCT, STRANGER, Fact, dose_ready, fact, journey, ref, submitted
from tests.canonical_model.rules.cases import Case, case, tells

DEAD = fact("subject.deceased", PATIENT, "2026-03-11T08:00:00")
READY = [submitted(), *dose_ready()]


def infused(at: str, type_: str = "infusion.completed") -> Fact:
    return fact(type_, ref("administration", "A-1"), at, containers=[PRODUCT])


CASES = [
    case(
        "an infusion of the dead of which only the end was told",
        "I-9",
        "consent",
        [*READY, DEAD, infused("2026-03-11T09:00:00")],
        [*READY, DEAD, infused("2026-03-11T07:00:00")],
        "critical",
    ),
    case(
        "stopped after death",
        "I-9",
        "consent",
        [*READY, DEAD, infused("2026-03-11T09:00:00", "infusion.stopped")],
        [*READY, DEAD, infused("2026-03-11T07:30:00", "infusion.started"), infused("2026-03-11T09:00:00")],
    ),
    case(
        "given unreleased, of which only the end was told",
        "I-7",
        "oos",
        [submitted(), infused("2026-03-11T09:00:00")],
        [*READY, infused("2026-03-11T09:00:00")],
        "critical",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_an_infusion_that_did_not_take_place_is_none() -> None:
    assert infusions(journey(infused("2026-03-11T09:00:00", "infusion.not-done"))) == []
    (given,) = infusions(journey(infused("2026-03-11T09:00:00", "infusion.started"), infused("2026-03-11T10:00:00")))
    assert given.start["type"] == "infusion.started"
    assert given.end is not None
    assert given.end["type"] == "infusion.completed"


def consent(type_: str, at: str, name: str = "1", **values: Any) -> Fact:
    return fact(f"consent.{type_}", ref("consent", name), f"2026-03-{at}T08:00:00", **values)


GIVEN = consent("recorded", "01", scope=["treatment", "registry", "research"])


@pytest.mark.parametrize(
    ("facts", "barred"),
    [
        ([GIVEN], set()),
        ([GIVEN, consent("withdrawn", "05")], {"registry", "research"}),
        ([GIVEN, consent("withdrawn", "05", scope=["research"])], {"research"}),
        ([GIVEN, consent("withdrawn", "05", scope=["treatment"])], set()),
        ([GIVEN, consent("withdrawn", "05"), consent("recorded", "06", "2", scope=["registry"])], {"research"}),
        ([consent("recorded", "01", scope=["registry"], status="refused")], {"registry"}),
        ([consent("recorded", "06", scope=["registry"]), consent("withdrawn", "05", "2", scope=["registry"])], set()),
        ([consent("withdrawn", "05", scope=["registry"], subject=STRANGER)], set()),
        ([consent("withdrawn", "05")], set()),
    ],
)
def test_exports_stop_for_each_scope_that_was_taken_back(facts: list[Fact], barred: set[str]) -> None:
    assert exports_barred(journey(submitted(), *facts)) == barred
    assert exports_barred(journey(submitted(), *reversed(facts))) == barred
