"""The table of requirements is whole and says no more than the cases do; a run says which requirements stand."""

from __future__ import annotations

import csv

import pytest

from conformance_tests import cases, requirements
from conformance_tests.__main__ import every, main
from conformance_tests.cases import Case
from conformance_tests.requirements import Requirement, load, standing, table
from conformance_tests.steps import FAILED, NOT_RUN, PASSED, Result
from tests.conformance_tests import requiring
from tests.conformance_tests.implementations import Place
from tests.conformance_tests.looking import looked_at

ROWS = load()
CASES = {case.id: case for case in every(cases.load())}


def test_the_table_is_what_follows_from_the_published_tables_the_addresses_and_the_cases() -> None:
    """Else: `python -m tests.conformance_tests.requiring`, and look at what changed."""
    found = requiring.FILE.read_text(encoding="utf-8")
    assert requiring.written(requiring.rows()).splitlines() == found.splitlines()


def test_a_requirement_is_tested_or_says_why_it_is_not() -> None:
    assert [row.id for row in ROWS if bool(row.cases) == bool(row.why_not)] == []
    assert [row.id for row in ROWS if not (row.source and row.text)] == []


def test_ids_tell_requirements_apart() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_every_case_tests_a_requirement_and_every_named_case_exists() -> None:
    named = {case for row in ROWS for case in row.cases}
    assert named <= CASES.keys()
    assert {name for name, case in CASES.items() if case.steps} <= named


@pytest.mark.parametrize("table_name", ["event-types.csv", "issue-kinds.csv", "stages.csv", "states.csv", "rules.csv"])
def test_every_row_of_a_published_table_is_a_requirement(table_name: str) -> None:
    with (requiring.CODES / table_name).open(encoding="utf-8", newline="") as file:
        published = [row["definition"] for row in csv.DictReader(file)]
    told = [row.text for row in ROWS if row.source.startswith(f"codes/{table_name}")]
    assert len(told) == len(published)
    assert all(text.endswith(definition) for text, definition in zip(told, published, strict=True))


def test_a_case_that_is_named_for_a_fact_or_a_question_looks_at_it() -> None:
    """By what stands in the case, not by how the table was made."""
    for row in ROWS:
        if row.id.startswith(("fact/", "question/")):
            for name in row.cases:
                assert row.id.partition("/")[2] in str(CASES[name].steps), (row.id, name)


def test_a_case_looks_at_what_it_sends_and_expects() -> None:
    marks = looked_at(CASES["scenario-18-without-handshake"])
    assert {"fact/custody.transferred", "rule/I-2", "issue/custody-gap", "question/may-ship"} <= marks
    assert "fact/infusion.completed" in looked_at(CASES["webhook-beyond-authority-is-a-claim"])


def result(name: str, outcome: str) -> Result:
    return Result(Case(name, "t", "c", "0.1", {}), outcome)


@pytest.mark.parametrize(
    ("outcomes", "stands"),
    [
        ({"a": PASSED, "b": PASSED}, "met"),
        ({"a": PASSED, "b": NOT_RUN}, "met"),
        ({"a": PASSED, "b": FAILED}, "broken"),
        ({"a": NOT_RUN}, "not-run"),
        ({}, "not-run"),
    ],
)
def test_a_requirement_stands_as_its_cases_do(outcomes: dict[str, str], stands: str) -> None:
    one = Requirement("x", "s", "t", ("a", "b"), "")
    results = [result(name, outcome) for name, outcome in outcomes.items()]
    assert standing([one], results) == [(one, stands)]
    assert f"1 {stands}" in table(standing([one], results))


def test_an_untested_requirement_is_counted_as_such() -> None:
    one = Requirement("x", "s", "t", (), "no ear")
    assert standing([one], [result("a", FAILED)]) == [(one, "not-tested")]


def test_a_run_tells_its_requirements_on_request(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*place.arguments(), "--only", "asked-by-nobody", "--requirements"]) == 0
    out = capsys.readouterr().out
    assert "met        promise/asked-by-nobody" in out
    assert "requirements: " in out
    assert requirements.FILE == "requirements.csv"
