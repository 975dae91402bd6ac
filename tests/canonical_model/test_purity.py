"""The model needs pydantic alone, and does no I/O, asks no clock, throws no dice."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "canonical_model"
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = {
    *(
        "__future__",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "itertools",
    ),
    *("json", "re", "typing", "urllib", "zoneinfo", "pydantic", "pydantic_core", "canonical_model"),
}
BESIDES = {"publish.py": {"csv", "io", "pathlib", "sys"}, "ids.py": {"orjson"}}
"""`publish` writes files; `ids` is faster with orjson and does without (see test_ids)."""
IMPURE = {"open", "now", "utcnow", "today", "urandom", "urlopen", "print", "input", "exec", "eval", "sleep", "time_ns"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_imports_nothing_but_pure_things(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= PURE | BESIDES.get(module.name, set())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_calls_no_clock_and_opens_no_file(module: Path) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not called & IMPURE


def test_the_model_is_imported_without_any_other_package() -> None:
    """In an interpreter that refuses every third-party package but pydantic and what that needs."""
    code = """
import importlib, pkgutil, sys
allowed = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "canonical_model"}
class Gate:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"{name} is not needed", name=name)
sys.meta_path.insert(0, Gate())
import canonical_model
for found in pkgutil.walk_packages(canonical_model.__path__, "canonical_model."):
    importlib.import_module(found.name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_says_in_its_first_line_what_it_is(module: Path) -> None:
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert text
    assert len(text.splitlines()[0]) > 20
