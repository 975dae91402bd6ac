"""A disk that is full or fails costs no message: nobody is told that it was taken, and the hub goes on by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify import faults, syscalls

pytestmark = pytest.mark.slow
STRACE = pytest.mark.skipif(bool(syscalls.impossible()), reason=syscalls.impossible() or "strace works")


@pytest.mark.parametrize(
    ("kind", "points"), [pytest.param(kind, 12, marks=STRACE) for kind in faults.INJECTED] + [("full", 8)]
)
def test_a_hub_bears_a_disk_that_fails(kind: str, points: int) -> None:
    tried = faults.run(kind, points)
    if tried.skipped:
        pytest.skip(tried.skipped)
    assert tried.wrong == []
    assert tried.points >= points
    assert tried.answers.keys() & {"AE", "500"}, "nobody was refused: nothing failed"


@STRACE
def test_a_failed_commit_that_is_taken_for_one_is_caught() -> None:
    tried = faults.run("sync", 6, plant="failed-commit-ignored")
    assert any("acknowledged and lost" in wrong for wrong in tried.wrong), tried.wrong


def test_a_small_file_system_is_taken_away_again(tmp_path: Path) -> None:
    with faults.small_disk(tmp_path / "disk") as why:
        if why:
            pytest.skip(why)
        (tmp_path / "disk" / "file").write_bytes(b"1")
    assert list((tmp_path / "disk").iterdir()) == []
