"""Rules of breached containers: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.questions.answer import who_clears
from canonical_model.rules import Finding
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    LOT,
    MAKER,
    ORDER,
    PRODUCT,
    PRODUCT_2,
    SITE,
    Fact,
    Ref,
    created,
    fact,
    findings,
    ref,
    submitted,
)
from tests.canonical_model.rules.cases import Case, case, kept_as, tells

SALVAGED, SAMPLE = ref("container", "SYRINGE-1"), ref("material", "CULTURE-1")
AFTER = "2026-03-11T09:30:00"


def leaked(**values: Any) -> Fact:
    said = {"breached": True, **values}
    return fact("product.thawed", PRODUCT, "2026-03-11T09:00:00", by="site", order=ORDER, **said)


def resolved(found: Finding, role: str) -> Fact:
    about = {"kind": "issue", "identifiers": [{"system": "urn:issue", "value": found.id}]}
    return fact("issue.resolved", about, "2026-03-11T09:40:00", by=role, role=role)


def sampled(at: str = AFTER, **values: Any) -> Fact:
    return fact("sample.taken", SAMPLE, at, by="site", role="hospital", order=ORDER, stage="sample", **values)


def cultured(at: str = AFTER, criterion: str = "sterility", **values: Any) -> Fact:
    return fact("result.reported", ref("result", "C"), at, by="qc", order=ORDER, criterion=criterion, **values)


def tube(source: Ref) -> Fact:
    return kept_as("sample", created(ref("container", "TUBE"), SITE, AFTER, prepared_from=[source]))


def salvaged(*sources: Ref) -> Fact:
    return kept_as("salvage", created(SALVAGED, SITE, AFTER, prepared_from=list(sources)))


MADE = [submitted(), created(PRODUCT, MAKER, "2026-03-09T08:00:00", order=ORDER, batch=BATCH, material=LOT)]
LEAK = [*MADE, leaked()]
CULTURED = [*LEAK, sampled(parents=[PRODUCT])]
TEXT = "no culture of them is recorded"


def cultures(*facts: Fact) -> list[Finding]:
    return [f for f in findings(*facts, rule="I-29") if TEXT in f.text]


def decisions(*facts: Fact) -> list[Finding]:
    return [f for f in findings(*facts, rule="I-29") if TEXT not in f.text]


DECIDED = [*LEAK, resolved(decisions(*LEAK)[0], "hospital")]
CASES = [
    case("a bag that leaked", "I-29", "deviation", LEAK, [*MADE, leaked(breached=False)], "critical"),
    case(
        "what was salvaged from it",
        "I-29",
        "deviation",
        [*DECIDED, sampled(parents=[PRODUCT]), salvaged(PRODUCT)],
        [*DECIDED, sampled(parents=[PRODUCT]), salvaged(PRODUCT_2)],
    ),
    case(
        "starting material that leaked does not meet the patient",
        "I-29",
        "deviation",
        LEAK,
        [submitted(), created(BAG, order=ORDER, breached=True)],
    ),
    case(
        "a breached bag that was destroyed",
        "I-29",
        "deviation",
        LEAK,
        [*LEAK, fact("container.destroyed", PRODUCT, "2026-03-11T09:10:00")],
    ),
    case(
        "decided, with a culture",
        "I-29",
        "deviation",
        [*DECIDED, sampled(parents=[ref("material", "X")])],
        [*DECIDED, sampled(parents=[PRODUCT])],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


@pytest.mark.parametrize("role", ["hospital", "infusion-site"])
def test_the_treating_side_decides(role: str) -> None:
    (found,) = decisions(*CULTURED)
    assert not decisions(*CULTURED, resolved(found, role))


@pytest.mark.parametrize("role", ["courier", "cdmo", "sponsor", "qa"])
def test_nobody_else_does(role: str) -> None:
    (found,) = decisions(*CULTURED)
    assert decisions(*CULTURED, resolved(found, role)) == [found]


def test_a_decision_is_no_culture_and_a_culture_is_no_decision() -> None:
    (found,) = cultures(*LEAK)
    assert cultures(*LEAK, resolved(found, "hospital"))
    assert not cultures(*CULTURED)
    assert decisions(*CULTURED)


@pytest.mark.parametrize(
    ("culture", "counts"),
    [
        (sampled(parents=[PRODUCT]), True),
        (sampled("2026-03-11", parents=[PRODUCT]), True),
        (sampled("2026-03-10T09:00:00", parents=[PRODUCT]), False),
        (sampled(parents=[LOT]), True),
        (sampled("2026-03-10T09:00:00", parents=[LOT]), False),
        (sampled("2026-03-11", parents=[LOT]), False),
        (cultured(container=PRODUCT), True),
        (cultured(criterion="viability", container=PRODUCT), False),
        (cultured("2026-03-10T09:00:00", material=LOT), False),
        (tube(PRODUCT), True),
        (tube(PRODUCT_2), False),
    ],
)
def test_a_culture_is_of_the_content_and_since_the_breach(culture: Fact, counts: bool) -> None:
    assert bool(cultures(*LEAK, culture)) is not counts


def test_a_breached_bag_that_was_given_is_told_though_it_is_emptied() -> None:
    dose = fact(
        "infusion.started", ref("administration", "A"), "2026-03-11T09:20:00", order=ORDER, containers=[PRODUCT]
    )
    emptied = fact("container.emptied", PRODUCT, "2026-03-11T10:00:00")
    assert not findings(*LEAK, emptied, rule="I-29")
    assert {"were given" in f.text for f in findings(*LEAK, dose, emptied, rule="I-29")} == {True}


def test_the_answer_names_the_treating_side_as_who_clears_it() -> None:
    (found,) = decisions(*LEAK)
    assert who_clears(found) == ("hospital", "infusion-site")
