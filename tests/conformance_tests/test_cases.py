"""The cases themselves: fresh, whole, well named; and what is no case is refused when it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from canonical_model.json_schema import ROOT, documents
from conformance_tests import cases
from conformance_tests.__main__ import every
from conformance_tests.cases import Case, CaseError
from conformance_tests.matchers import CLAIMS
from hub.resources import SERVED

SUITE = cases.load()
BUILT_IN = {"run", "number"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


def used(node: Any) -> Iterator[str]:
    """Names that a value asks for."""
    if isinstance(node, dict):
        for inner in node.values():
            yield from used(inner)
    elif isinstance(node, list):
        for item in node:
            yield from used(item)
    elif isinstance(node, str):
        yield from re.findall(r"\{\{(\w+)\}\}", node)


def kept(node: Any) -> Iterator[str]:
    """Names that claims give."""
    if isinstance(node, dict):
        if isinstance(node.get("keep"), str):
            yield node["keep"]
        for inner in node.values():
            yield from kept(inner)


def said(node: Any) -> Iterator[str]:
    """Words of claims."""
    if isinstance(node, dict):
        yield from node
        for inner in node.values():
            yield from said(inner)


@pytest.mark.parametrize("case", SUITE.cases, ids=lambda case: case.id)
def test_a_case_uses_no_name_before_it_is_given(case: Case) -> None:
    known = BUILT_IN | set(SUITE.let) | set(case.let)
    for step in case.steps:
        assert set(used(step["send"])) <= known
        known |= set(kept(step["expect"]))
        assert set(used(step["expect"])) <= known


def test_shared_names_rest_on_names_before_them() -> None:
    known = set(BUILT_IN)
    for name, value in SUITE.let.items():
        assert set(used(value)) <= known, name
        known.add(name)


def test_a_case_is_of_this_version_or_an_earlier_one() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    assert all(number(case.since) <= number(SUITE.version) for case in SUITE.cases)


def test_every_case_cites_a_requirement() -> None:
    cited = re.compile(r"HL7 v2|FHIR R4|EPCIS 2\.0|RFC \d+|JSON Schema|invariants? I-\d+|docs/[a-z-]+\.md")
    assert [case.id for case in every(SUITE) if not cited.search(case.clause)] == []


def test_every_played_case_expects_something_of_its_last_answer() -> None:
    assert all(case.steps[-1]["expect"] for case in SUITE.cases if case.steps)


def test_ids_tell_cases_apart() -> None:
    ids = [case.id for case in every(SUITE)]
    assert len(ids) == len(set(ids))


def test_the_published_schemas_are_those_of_the_model() -> None:
    assert sorted(SUITE.published) == sorted(documents())
    assert SUITE.schemas_id == ROOT


def test_there_are_more_refused_documents_than_taken_ones() -> None:
    taken = [case.verdict.takes for case in SUITE.cases if case.verdict]
    assert taken.count(False) >= 5 * taken.count(True) > 0


def test_every_word_of_claims_is_used_by_a_case() -> None:
    words = {word for case in SUITE.cases for step in case.steps for word in said(step["expect"])}
    assert {"equals"} | (words & set(CLAIMS)) == set(CLAIMS)


def test_the_words_that_a_case_may_use_are_those_that_the_kit_knows() -> None:
    schema = json.loads((files("conformance_tests") / "case.schema.json").read_text("utf-8"))
    assert set(schema["$defs"]["claim"]["oneOf"][1]["properties"]) == set(CLAIMS)


def test_every_type_that_the_hub_serves_is_looked_at() -> None:
    sent = " ".join(step["send"].get("http", "") for case in SUITE.cases for step in case.steps)
    assert all(f"/{type_}" in sent for type_ in SERVED)


def test_the_page_lists_every_case_and_claim() -> None:
    page = PAGE.read_text(encoding="utf-8")
    titles = {case.id: case.title.replace("|", r"\|") for case in SUITE.cases if case.steps}
    rows = {case: f"| `{case}` | {title} |" for case, title in titles.items()}
    missing = [case for case, row in rows.items() if row not in page]
    assert missing == []
    assert [word for word in CLAIMS if f"`{word}`" not in page] == []
    assert f"version {SUITE.version}" in page


# ---- what is no case ---------------------------------------------------------------------------------------------

HEAD: dict[str, Any] = {"version": "0.1", "schemas_id": "https://x", "published": [], "let": {}, "scenes": {}}
STEP: dict[str, Any] = {"as": "hospital", "send": {"http": "GET /"}, "expect": {"status": 200}}
GOOD: dict[str, Any] = {"clause": "RFC 9110", "since": "0.1", "cases": [{"id": "a", "title": "t", "steps": [STEP]}]}


def written(folder: Path, made: Any, head: Any = HEAD) -> Path:
    (folder / "suite.json").write_text(json.dumps(head), encoding="utf-8")
    (folder / "some.json").write_text(json.dumps(made), encoding="utf-8")
    return folder


def test_a_good_file_is_read(tmp_path: Path) -> None:
    suite = cases.load(written(tmp_path, GOOD))
    assert [(case.id, case.clause, case.since) for case in suite.cases] == [("a", "RFC 9110", "0.1")]


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{**STEP, "expect": {}}],
        [{**STEP, "as": "king"}],
        [{**STEP, "send": {"fax": "1"}}],
        [{**STEP, "send": {"http": "FETCH /"}}],
        [{**STEP, "expect": {"colour": "red"}}],
        [{**STEP, "expect": {"status": {"is_about": 200}}}],
        [{**STEP, "expect": {"status": {}}}],
        [{**STEP, "expect": {"status": None}}],
        [{**STEP, "surprise": 1}],
        [{"scene": "nobody wrote it"}],
    ],
)
def test_what_is_no_step_is_refused_when_it_is_read(steps: Any, tmp_path: Path) -> None:
    with pytest.raises(CaseError):
        cases.load(written(tmp_path, {**GOOD, "cases": [{"id": "a", "title": "t", "steps": steps}]}))


@pytest.mark.parametrize("word", ["clause", "since", "cases"])
def test_a_file_without_its_head_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"some\.json"):
        cases.load(written(tmp_path, {name: value for name, value in GOOD.items() if name != word}))


def test_two_cases_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="two cases of one id: a"):
        cases.load(written(tmp_path, {**GOOD, "cases": GOOD["cases"] * 2}))


def test_a_folder_without_a_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"suite\.json"):
        cases.load(tmp_path)
