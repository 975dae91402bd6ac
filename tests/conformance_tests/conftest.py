"""One hub for the tests that only look, and the kit as a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance_tests.__main__ import main
from tests.conformance_tests import implementations
from tests.conformance_tests.implementations import Place

SCHEMAS = Path(__file__).resolve().parents[2] / "canonical_model" / "schemas" / "v1"

Run = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A whole hub."""
    with implementations.hub(tmp_path_factory.mktemp("hub")) as found:
        yield found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the kit: its exit code, and its results by case."""

    def kit(*arguments: str, only: tuple[str, ...] = ()) -> tuple[int, dict[str, dict[str, Any]]]:
        named = [word for case in only for word in ("--only", case)]
        code = main([*arguments, *named, "--patience", "0.5", "--seconds", "5", "--json"])
        report = json.loads(capsys.readouterr().out)
        return code, {result["id"]: result for result in report["results"]}

    return kit
