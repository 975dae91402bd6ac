"""A power cut loses nothing that was acknowledged, also after syncs that failed; a kill at any call neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify import points, power, syscalls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(syscalls.impossible()), reason=syscalls.impossible() or "strace works"),
]


def test_no_power_cut_loses_what_was_acknowledged(tmp_path: Path) -> None:
    cuts = power.verify(tmp_path, journeys=4, count=100)
    assert cuts.lost == []
    assert cuts.cuts >= 200
    assert cuts.names_waiting > 0, "every cut came when every name was safe"
    assert cuts.files > 0


def test_what_a_failed_sync_should_have_made_safe_is_not_acknowledged(tmp_path: Path) -> None:
    cuts = power.verify(tmp_path, journeys=4, count=60, failing=True)
    assert cuts.failed_syncs >= 20
    assert cuts.lost == []


@pytest.mark.parametrize("fault", ["file-not-synced", "folder-not-synced", "synchronous-off"])
def test_a_power_cut_gives_away_a_hub_with(tmp_path: Path, fault: str) -> None:
    assert power.verify(tmp_path, journeys=1, count=30, plant=fault).lost


def test_a_failed_commit_that_is_taken_for_one_is_caught(tmp_path: Path) -> None:
    assert power.verify(tmp_path, journeys=4, count=40, plant="failed-commit-ignored", failing=True).lost


def test_a_hub_goes_on_from_whatever_a_kill_leaves(tmp_path: Path) -> None:
    result = points.verify(tmp_path, every=24)
    assert result.wrong == []
    assert result.points >= 30
    assert result.acknowledged > 0


def test_a_hub_that_is_killed_in_earnest_goes_on(tmp_path: Path) -> None:
    came, wrong = points.kill_some(tmp_path, kills=1, seed="1", most=150)
    assert (came, wrong) == (1, [])


def test_a_commit_that_is_split_in_two_is_caught(tmp_path: Path) -> None:
    assert points.verify(tmp_path, every=6, plant="commit-split-in-two").wrong
