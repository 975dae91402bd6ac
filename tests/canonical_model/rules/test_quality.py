"""Results against limits: for each a journey that breaks the rule, and its nearest neighbour that does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T
from canonical_model.protocols import Criterion, Specification
from canonical_model.rules.quality import evaluation
from canonical_model.rules.specification import evaluate, judge
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    LOT,
    MAKER,
    ORDER,
    PRODUCT,
    Fact,
    created,
    fact,
    findings,
    journey,
    ref,
    result,
    submitted,
)
from tests.canonical_model.rules.cases import Case, case, tells

AT = "2026-03-09T12:00:00"
STRICT = AUTOLOGOUS_CAR_T.model_copy(
    update={
        "id": "strict",
        "specification": Specification(
            id="strict-release",
            version="1",
            criteria=(
                Criterion(test="viability", low=Decimal(70), unit="%"),
                Criterion(test="viability", low=Decimal(60), unit="%", phase="post-thaw"),
                Criterion(test="viability", low=Decimal(90), unit="%", phase="receipt"),
                Criterion(test="viability", low=Decimal(50), unit="%", phase="in-process"),
                Criterion(test="cd3-total", low=Decimal(100), unit="10*6"),
                Criterion(test="endotoxin", high=Decimal(5), unit="{EU}/mL", method="kinetic"),
                Criterion(test="car-fraction", low=Decimal(10), unit="%", blocking=False),
            ),
        ),
    }
)
STRICTLY: dict[str, Any] = {"protocols": {STRICT.key: STRICT}}
ORDERED = submitted(protocol=STRICT.key)
MADE = [submitted(), created(PRODUCT, MAKER, "2026-03-09T08:00:00", material=LOT, batch=BATCH)]
MADE_STRICTLY = [ORDERED, *MADE[1:]]


def number(value: str, unit: str = "", **more: Any) -> dict[str, Any]:
    return {"quantity": {"value": value, **({"unit": unit} if unit else {}), **more}}


def coded(code: str) -> dict[str, Any]:
    return {"concepts": [{"codings": [{"code": code}]}]}


def measured(test: str, value: dict[str, Any], evaluation: str = "", at: str = AT, **values: Any) -> Fact:
    """A final result of the product, by the laboratory's own word where it says one."""
    said = result(test, values.pop("material", LOT), at, evaluation, value=value, **values)
    return said if evaluation else {**said, "set": {k: v for k, v in said["set"].items() if k != "evaluation"}}


VIABLE = measured("viability", number("70", "%"))
CASES = [
    case(
        "out of the Specification",
        "I-32",
        "oos",
        [*MADE, measured("viability", number("69.9", "%"))],
        [*MADE, VIABLE],
        "major",
    ),
    case(
        "the laboratory's in does not outweigh the Specification's out",
        "I-32",
        "oos",
        [*MADE, measured("viability", number("69.9", "%"), "in")],
        [*MADE, measured("viability", number("70", "%"), "in")],
    ),
    case(
        "nor the Specification's in the laboratory's out",
        "I-32",
        "oos",
        [*MADE, measured("viability", number("75", "%"), "out")],
        [*MADE, measured("viability", number("75", "%"), "in")],
    ),
    case(
        "a number below a number",
        "I-32",
        "oos",
        [*MADE, measured("endotoxin", number("5", "{EU}/mL", comparator=">"))],
        [*MADE, measured("endotoxin", number("5", "{EU}/mL", comparator="<"))],
    ),
    case(
        "converted by a factor that is certain",
        "I-32",
        "oos",
        [*MADE_STRICTLY, measured("cd3-total", number("0.09", "10*9"))],
        [*MADE_STRICTLY, measured("cd3-total", number("0.10", "10*9"))],
        **STRICTLY,
    ),
    case(
        "positive where negative is expected",
        "I-32",
        "oos",
        [*MADE, measured("sterility", coded("POS"))],
        [*MADE, measured("sterility", coded("NEG"))],
    ),
    case(
        "a criterion of release is none of what was collected",
        "I-32",
        "oos",
        [*MADE, measured("viability", number("69", "%"))],
        [*MADE, created(), measured("viability", number("69", "%"), material=ref("material", "STARTING"))],
    ),
    case(
        "what was collected has criteria of its own",
        "I-32",
        "oos",
        [ORDERED, measured("viability", number("89", "%"), material=ref("material", "STARTING"))],
        [ORDERED, measured("viability", number("90", "%"), material=ref("material", "STARTING"))],
        **STRICTLY,
    ),
    case(
        "what is half made has criteria of its own",
        "I-32",
        "oos",
        [*MADE_STRICTLY, measured("viability", number("65", "%"))],
        [
            *MADE_STRICTLY,
            fact("material.stated", LOT, "2026-03-09T08:00:00", by="cdmo", role="cdmo", stage="intermediate"),
            measured("viability", number("65", "%")),
        ],
        **STRICTLY,
    ),
    case(
        "what was thawed has criteria of its own",
        "I-32",
        "oos",
        [
            *MADE_STRICTLY,
            fact("product.thawed", PRODUCT, "2026-03-09T12:00:01"),
            measured("viability", number("65", "%")),
        ],
        [
            *MADE_STRICTLY,
            fact("product.thawed", PRODUCT, "2026-03-09T11:59:59"),
            measured("viability", number("65", "%")),
        ],
        **STRICTLY,
    ),
    case(
        "a unit without a certain factor",
        "I-32",
        "mapping",
        [*MADE, measured("endotoxin", number("0.5", "{EU}/kg"), "in")],
        [*MADE, measured("endotoxin", number("0.5", "{EU}/mL"), "in")],
        "major",
    ),
    case(
        "a number without its unit",
        "I-32",
        "mapping",
        [*MADE, measured("viability", number("75"), "in")],
        [*MADE, measured("viability", number("75", "%"), "in")],
        "major",
    ),
    case(
        "what blocks no release is told more mildly",
        "I-32",
        "mapping",
        [*MADE_STRICTLY, measured("car-fraction", number("40", "10*6"))],
        [*MADE_STRICTLY, measured("car-fraction", number("0.4", "1"))],
        "minor",
        **STRICTLY,
    ),
    case(
        "endotoxin in the Ehrlich unit",
        "I-32",
        "mapping",
        [*MADE, measured("endotoxin", number("0.5", "[EU]/mL"), "in")],
        [*MADE, measured("endotoxin", number("0.5", "[IU]/mL"), "in")],
        "info",
    ),
    case(
        "a code that nobody knows",
        "I-32",
        "mapping",
        [*MADE, measured("sterility", coded("NG14"))],
        [*MADE, measured("sterility", coded("NG14"), "in")],
        "major",
    ),
    case(
        "another method than is asked for",
        "I-32",
        "mapping",
        [*MADE_STRICTLY, measured("endotoxin", number("1", "{EU}/mL"), "in", methods=[{"text": "Gel clot"}])],
        [*MADE_STRICTLY, measured("endotoxin", number("1", "{EU}/mL"), "in", methods=[{"text": "Kinetic"}])],
        **STRICTLY,
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (number("70", "%"), "in"),
        (number("69.999999999999999999999999999999", "%"), "out"),
        (number("0.7", "1"), "in"),
        (number("0.69", "1"), "out"),
        (number("70", "%", comparator=">="), "in"),
        (number("70", "%", comparator=">"), "in"),
        (number("70", "%", comparator="<"), "out"),
        (number("70", "%", comparator="<="), "not-evaluated"),
        (number("75", "%", comparator="<"), "not-evaluated"),
        (number("75", "10*6"), "not-evaluated"),
        (number("75"), "not-evaluated"),
        (coded("NEG"), "not-evaluated"),
        ({}, "not-evaluated"),
    ],
)
def test_a_number_is_held_against_a_criterion_exactly(value: dict[str, Any], says: str) -> None:
    assert evaluate(Criterion(test="viability", low=Decimal(70), unit="%"), {"value": value}) == says


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"value": coded("NEG")}, "in"),
        ({"value": coded("260385009")}, "in"),
        ({"value": coded("POS")}, "out"),
        ({"value": {"text": ["Not", "detected"]}}, "in"),
        ({"value": {"text": ["Growth of something"]}}, "not-evaluated"),
        ({"value": {"text": {"sealed": "token"}}}, "not-evaluated"),
        ({"value": {"text": {"sealed": "token"}}, "interpretation": [{"codings": [{"code": "POS"}]}]}, "out"),
        ({"value": {"text": {"sealed": "token"}}, "interpretation": [{"codings": [{"code": "A"}]}]}, "not-evaluated"),
        ({"value": {"concepts": [{"codings": [{"code": "NEG"}, {"code": "POS"}]}]}}, "not-evaluated"),
        ({"value": number("0")}, "not-evaluated"),
    ],
)
def test_words_are_in_where_they_are_expected_and_out_where_they_are_the_opposite(
    said: dict[str, Any], says: str
) -> None:
    assert evaluate(Criterion(test="sterility", expect="NEG"), said) == says


def test_an_expectation_without_an_opposite_is_met_or_not_evaluated() -> None:
    clear = Criterion(test="appearance", expect="CLEAR")
    assert evaluate(clear, {"value": coded("clear")}) == "in"
    assert judge(clear, {"value": coded("CLOUDY")}).doubt == "value"


def test_two_ends_are_both_part_of_the_range() -> None:
    both = Criterion(test="cd3-total", low=Decimal(60), high=Decimal(600), unit="10*6")
    said = [evaluate(both, {"value": number(value, "10*6")}) for value in ("59", "60", "600", "601")]
    assert said == ["out", "in", "in", "out"]


@pytest.mark.parametrize(
    ("own", "value", "says"),
    [
        ("in", number("75", "%"), "in"),
        ("", number("75", "%"), "in"),
        ("not-evaluated", number("75", "%"), "not-evaluated"),
        ("in", number("75", "10*6"), "not-evaluated"),
        ("out", number("75", "10*6"), "out"),
        ("in", {"text": {"sealed": "token"}}, "in"),
        ("", {"text": {"sealed": "token"}}, ""),
    ],
)
def test_the_most_restrictive_of_laboratory_and_specification_holds(own: str, value: dict[str, Any], says: str) -> None:
    (record,) = journey(measured("viability", value, own)).of("result")
    assert evaluation(record, Criterion(test="viability", low=Decimal(70), unit="%")) == says


def test_where_laboratory_and_specification_disagree_an_issue_tells_it() -> None:
    for own, value in (("in", "69"), ("out", "75")):
        told = findings(*MADE, measured("viability", number(value, "%"), own), rule="I-32")
        assert {"disagreement", "out"} <= {finding.cause for finding in told}
    assert not findings(*MADE, measured("viability", number("75", "%"), "in"), rule="I-32")


def test_a_result_of_the_bag_that_was_collected_is_not_held_against_the_release() -> None:
    """The hospital's viability of what it collected, and the maker's of its product, have one test code."""
    collected = fact(
        "result.reported", ref("result", "1"), AT, container=BAG, criterion="viability", value=number("50", "%")
    )
    assert not findings(*MADE, created(order=ORDER), collected, rule="I-32")
