"""kill -9 loses nothing that was acknowledged and makes nothing happen twice. `make verify` kills hundreds of times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.verify import kill
from tests.verify.chances import until
from tests.verify.kill import Task
from tests.verify.traffic import journey

pytestmark = pytest.mark.slow


def has_hit(figures: dict[str, Any]) -> bool:
    """Something was wrong, or kills came when it matters: among acknowledgements, and before one reached its sender."""
    among = figures["acknowledgements_between_kills"] > figures["messages"] / 4
    return bool(figures["wrong"]) or (among and figures["recognised_as_repeated"] > 0)


def test_nothing_acknowledged_is_lost_and_nothing_applied_twice(tmp_path: Path) -> None:
    task = Task(rounds=10, journeys=4, seed="1")
    figures = until(has_hit, lambda folder: kill.verify(folder, task), tmp_path)
    assert figures["wrong"] == []
    assert figures["kills"] == task.rounds
    assert figures["messages"] == figures["acknowledged"] == task.rounds * task.journeys * len(journey(1))
    assert has_hit(figures), "every run was over, or had no acknowledgement, when the kills came"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("acknowledged-before-commit", "acknowledged and lost"),
        ("duplicate-applied", "applied "),
        ("no-unique-key", "applied "),
        ("retry-without-id", "swift has "),
    ],
)
def test_a_hub_is_caught_that_has(tmp_path: Path, fault: str, told: str) -> None:
    task = Task(rounds=6, journeys=3, seed="1", plant=fault)

    def is_told(figures: dict[str, Any]) -> bool:
        return any(wrong.startswith(told) for wrong in figures["wrong"])

    figures = until(is_told, lambda folder: kill.verify(folder, task), tmp_path)
    assert is_told(figures), figures["wrong"]
