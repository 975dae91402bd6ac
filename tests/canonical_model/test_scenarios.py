"""The acceptance scenarios as data: every case, in the told order and in others, with facts told again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from canonical_model.events import check as check_event
from canonical_model.judging import Judgement, judge
from canonical_model.judging import judged as judgement
from canonical_model.order_document import OrderDocument
from canonical_model.protocols import Protocol
from conformance_tests import judged, scenarios
from conformance_tests.scenarios import Scenario

CASES = scenarios.load()
NUMBERS = range(1, 39)
SHUFFLES = 20
BY_ID = {case.id: case for case in CASES}

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


Told = Callable[[list[Any]], list[Any]]


@cache
def asked(case: str) -> list[Judgement]:
    """The requests of a case, read once."""
    return [Judgement.model_validate(one.asked) for one in BY_ID[case].judgements]


def replies(case: Scenario, told: Told = list) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Each check of a case with the model's answer, its facts told in some order."""
    for one, read in zip(case.judgements, asked(case.id), strict=True):
        yield one.check, judgement(read, one.asked["order"], told(one.asked["facts"]), {})


def faults(case: Scenario, told: Told = list) -> list[str]:
    """What of a case does not come out."""
    kept: dict[str, Any] = {}
    found = [judged.fault(check, reply, kept) for check, reply in replies(case, told)]
    return [fault for fault in found if fault]


@each
def test_a_scenario_comes_out_as_it_says(case: Scenario) -> None:
    assert faults(case) == []


@each
def test_a_scenario_does_not_depend_on_the_order_of_arrival(case: Scenario) -> None:
    expected = faults(case)
    for seed in range(SHUFFLES):
        dice = random.Random(f"{case.id}/{seed}")

        def told(facts: list[Any], dice: random.Random = dice) -> list[Any]:
            again = [*facts, *dice.sample(facts, len(facts) // 3)]
            dice.shuffle(again)
            return again

        assert faults(case, told) == expected


@each
def test_what_is_told_in_a_scenario_is_what_the_model_takes(case: Scenario) -> None:
    for one in case.judgements:
        for fact in one.asked["facts"]:
            check_event(fact)


@each
def test_the_document_of_a_scenario_follows_from_its_facts(case: Scenario) -> None:
    one = case.judgements[-1]
    protocol = Protocol.model_validate(one.asked["protocol"])
    document = json.loads(json.dumps(judge(one.asked, {})["document"]))
    OrderDocument.model_validate(document, context={"protocols": {protocol.key: protocol}})


# ---- the cases themselves ------------------------------------------------------------------------------------


def test_every_number_has_a_case() -> None:
    assert {case.number for case in CASES} == set(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_scenario_has_a_neighbour(number: int) -> None:
    """A scenario's promise, and the nearest that differs: so no implementation passes by always saying the same."""
    own = [one.check for case in CASES if case.number == number for one in case.judgements]
    told = {_shape(check) for check in own}
    assert len(told) > 1, "all checks expect the same"


def _shape(check: Any) -> str:
    return json.dumps({word: value for word, value in check.items() if word not in {"at", "name", "recorded_until"}})


Reply = dict[str, Any]


@cache
def _all() -> list[tuple[Scenario, list[tuple[Mapping[str, Any], Reply]]]]:
    return [(case, list(replies(case))) for case in CASES]


def _noticed(change: Callable[[Reply], Reply]) -> bool:
    """True when some check that passes does so no longer after a change of the answers."""
    for _, told in _all():
        kept: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        for check, reply in told:
            passes = not judged.fault(check, reply, kept)
            if passes and judged.fault(check, change(reply), wrong):
                return True
    return False


def _without(rule: str) -> Callable[[Reply], Reply]:
    def change(reply: Reply) -> Reply:
        left = [issue for issue in reply["document"]["issues"] if issue["rule"] != rule]
        return {**reply, "document": {**reply["document"], "issues": left}}

    return change


def _allowing(question: str) -> Callable[[Reply], Reply]:
    def change(reply: Reply) -> Reply:
        answers = [
            {**one, "verdict": "allow", "reasons": []} if one["question"] == question else one
            for one in reply["answers"]
        ]
        return {**reply, "answers": answers}

    return change


def _rules_of(issue: Mapping[str, Any]) -> list[str]:
    named = issue.get("rule", [])
    return [named] if isinstance(named, str) else named


CHECKS = [one.check for case in CASES for one in case.judgements]
RAISED = sorted({rule for check in CHECKS for issue in check.get("issues", ()) for rule in _rules_of(issue)})
JUDGED = sorted({one["question"] for check in CHECKS for one in check.get("answers", ()) if "verdict" in one})


@pytest.mark.parametrize("rule", RAISED)
def test_a_muted_rule_is_noticed(rule: str) -> None:
    assert _noticed(_without(rule))


@pytest.mark.parametrize("question", JUDGED)
def test_a_question_that_always_allows_is_noticed(question: str) -> None:
    assert _noticed(_allowing(question))
