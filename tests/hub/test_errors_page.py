"""The page of error codes is what the sources say: no code without its row, no row without its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from adapters.fhir_r4 import outcome
from adapters.hl7v2 import ack
from tests.standards import ROOT

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAKERS = {"Fault", "Unparsable", "Unreadable", "Refused", "refusal", "_fault"}
"""Calls whose first argument is a code."""
METHODS = {"error", "warn"}
"""Methods of the EPCIS examination whose first argument is a code."""
TABLES = {"_CODES", "_CHANGE_MEANING"}
NOT_OURS = {"hub/ledger_verifier.py"}
"""Has a Fault of its own: a place and a text."""


def parsed(text: str) -> ast.Module:
    """A module's syntax. CPython 3.11 miscounts its depth now and then where other threads run, and says so."""
    for _ in range(5):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("adapters", "mappings", "hub"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if name not in NOT_OURS:
                yield name, parsed(file.read_text(encoding="utf-8"))


def words(node: ast.AST | None) -> list[str]:
    """Constant texts that an expression may come to."""
    if isinstance(node, ast.IfExp):
        return words(node.body) + words(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def codes_of(file: str, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and node.args:
        if isinstance(node.func, ast.Name) and node.func.id in MAKERS:
            return words(node.args[0])
        examines = file.startswith("adapters/epcis/") and isinstance(node.func, ast.Attribute)
        return words(node.args[0]) if examines and node.func.attr in METHODS else []  # type: ignore[attr-defined]
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in TABLES for t in node.targets):
        return [word for value in getattr(node.value, "values", ()) for word in words(value)]
    if isinstance(node, ast.Assign) and "self.code" in {ast.unparse(t).split(",")[0].strip("(") for t in node.targets}:
        return words(node.value.elts[0]) if isinstance(node.value, ast.Tuple) else []
    if file == "adapters/fhir_r4/validate.py" and isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
        return words(node.value.elts[0])
    return []


def codes_in_sources() -> set[str]:
    return {code for file, tree in sources() for node in ast.walk(tree) for code in codes_of(file, node)}


def documented() -> list[str]:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)


def test_the_scan_finds_codes_of_every_kind() -> None:
    """Else the tests below would hold for an empty page."""
    found = codes_in_sources()
    assert {
        "login",
        "hl7v2-batch",
        "csv-nul",
        "term-unknown",
        "unsupported-message",
        "one-of-many",
        "not-found",
    } <= found
    assert len(found) > 100


def test_every_code_of_the_sources_has_a_row() -> None:
    assert codes_in_sources() - set(documented()) == set()


def test_every_row_has_a_code_in_the_sources() -> None:
    assert set(documented()) - codes_in_sources() == set()


def test_no_code_has_two_rows_and_all_are_spelt_alike() -> None:
    page = documented()
    assert len(page) == len(set(page))
    assert all(CODE.fullmatch(code) for code in page)


def test_rows_are_complete() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        if line.startswith("| `"):
            assert all(cell.strip() for cell in line.strip("|").split("|")), line


def test_the_standards_codes_are_given_to_codes_that_exist() -> None:
    assert set(ack.CODES) <= set(documented())


def test_pages_that_the_page_names_exist() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for name in re.findall(r"docs/[a-z0-9-]+\.md", page):
        assert Path(ROOT / name).is_file(), name


def test_the_codes_of_outcomes_are_those_of_fhir() -> None:
    """Issue types of the value set `issue-type` (R4), which is required."""
    allowed = (
        "invalid structure required value invariant security login unknown expired forbidden suppressed processing"
    )
    allowed += " not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly"
    allowed += (
        " business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
    )
    assert set(outcome._ISSUES.values()) <= set(allowed.split())
