"""A run that met nothing is made again, a few times, and the last one is told as it is."""

from __future__ import annotations

from pathlib import Path

from tests.verify.chances import TRIES, until


def test_runs_end_with_the_first_that_meets_the_condition(tmp_path: Path) -> None:
    assert until(lambda number: number == 2, lambda folder: int(folder.name), tmp_path) == 2
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["1", "2"]


def test_what_never_meets_it_ends_too(tmp_path: Path) -> None:
    assert until(lambda _: False, lambda folder: int(folder.name), tmp_path) == TRIES
