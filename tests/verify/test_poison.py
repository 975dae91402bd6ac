"""What the hub cannot take harms nothing else. How long anybody waits is a figure, and no test."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.verify import poison
from tests.verify.chances import until


@pytest.mark.slow
def test_poison_is_kept_once_for_each_cause_and_harms_nobody(tmp_path: Path) -> None:
    figures = poison.verify(tmp_path, seconds=6, one_in=15)
    assert figures["wrong"] == []
    assert figures["poison_kept"] >= 3
    assert figures["poison_sent"] == 3 * figures["poison"]


@pytest.mark.slow
def test_a_hub_whose_groups_go_down_with_poison_is_caught(tmp_path: Path) -> None:
    def refused(folder: Path) -> list[str]:
        figures = poison.verify(folder, seconds=4, one_in=8, plant="poison-takes-its-group", load=2.0)
        return [wrong for wrong in figures["wrong"] if wrong.startswith("healthy and refused")]

    assert until(bool, refused, tmp_path)


def test_every_kind_of_poison_has_its_turn() -> None:
    planned = poison.plan(range(1, 40), 50.0, 5, Random(1))
    bad = {due.message.name for due in planned if not due.journey}
    bodies = {due.message.body for due in planned if not due.journey}
    assert len(bodies) == len(bad) >= len(poison.poisons(0))
