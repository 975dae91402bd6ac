"""What is mended or replayed ends as if it had been right at once; no kill -9 changes that. Faults are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scale import share
from tests.verify import killed_replay, rereading
from tests.verify.chances import until
from tests.verify.histories import quiet
from tests.verify.plants import PLANTS


@pytest.fixture(autouse=True)
def _quietly() -> None:
    quiet()


def test_what_is_mended_or_replayed_ends_as_if_it_had_been_right_at_once() -> None:
    tally, found = rereading.examine(8)
    assert not found, found[0]
    assert tally.broken > 10
    assert tally.misread > 10
    assert tally.put_right > 50


@pytest.mark.slow
def test_it_does_so_in_many_stories() -> None:
    tally, found = rereading.examine(share(1000), "many ")
    assert not found, found[0]
    assert tally.stories == 2 * share(1000)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("read-again-beside", "replayed"),
        ("nothing-taken-back", "replayed"),
        ("mended-stays-open", "mended"),
    ],
)
def test_the_laws_catch_a_hub_in_which(fault: str, law: str) -> None:
    with PLANTS[fault]():
        _, found = rereading.examine(30, "planted ", [law])
    assert found


@pytest.mark.slow
def test_a_hub_that_is_killed_while_it_replays_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    kills = share(40)
    figures = killed_replay.verify(tmp_path, 100 * (kills + 1), kills)
    assert figures["wrong"] == []
    assert figures["in_the_middle"] == kills, "the replay ended before the last kill: give it more messages"
    assert figures["progress"] == sorted(figures["progress"])
    assert figures["facts"] > 0


@pytest.mark.slow
def test_a_hub_that_notes_a_message_before_it_replays_it_is_caught(tmp_path: Path) -> None:
    def missing(folder: Path) -> list[str]:
        figures = killed_replay.verify(folder, 400, 4, plant="noted-before-it-is-replayed")
        return [wrong for wrong in figures["wrong"] if "facts of the replay are missing" in wrong]

    assert until(bool, missing, tmp_path)
