"""The page of the questions is true: who may ask what, with which arguments, and what a list can hold."""

from __future__ import annotations

import json
import re

import pytest

from canonical_model.codes import ROLES
from canonical_model.questions import LISTS, VERDICTS
from hub.answers import MAY_ASK, QUESTIONS
from hub.http.asking import ARGUMENTS, read
from tests.standards import ROOT

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
OWN = {"qa", "hub"}


def rows(header: str) -> dict[str, list[str]]:
    """Question -> the other cells of its row in the table that begins with this header."""
    table = PAGE.partition(header)[2].partition("\n\n")[0]
    found = (re.split(r"(?<!\\)\|", line.strip("|")) for line in table.splitlines() if line.startswith("| `"))
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in found}


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_may_ask_what_with_which_arguments(question: str) -> None:
    takes, roles = rows("| question | takes | may be asked by |")[question]
    fields = {n: f.is_required() for n, f in ARGUMENTS[question].model_fields.items() if n not in {"order", "partner"}}
    assert {name: not optional for name, optional in re.findall(r"`([a-z]+)`(\?)?", takes)} == fields
    assert roles.split(", ") == [role for role in ROLES if role in MAY_ASK[question] - OWN]


def test_the_tables_leave_no_question_out() -> None:
    assert list(rows("| question | takes | may be asked by |")) == list(QUESTIONS)
    assert [q for q in rows("| question | deny | cannot-tell |") if q in VERDICTS] == list(VERDICTS)
    kinds = {q: tuple(re.findall(r"`([a-z-]+)`", cells[0])) for q, cells in rows("| question | kinds |").items()}
    assert kinds == dict(LISTS)


def test_the_examples_are_a_request_and_an_answer() -> None:
    asked, answered = re.findall(r"^```\n(?:POST .*?\n\n)?(\{.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert read("may-infuse", json.loads(asked))
    told = json.loads(answered)
    assert set(told) == {"question", "verdict", "position", "reasons"}
    assert set(told["reasons"][0]) == {"rule", "verdict", "text", "settle", "clears", "facts", "container"}


def test_the_questions_that_fhir_asks_are_named() -> None:
    assert all(f"${question}" in PAGE for question in ("may-infuse", "may-ship"))
