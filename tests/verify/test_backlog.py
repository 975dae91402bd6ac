"""A receiver that was down gets all of it, in order, once; and the harness that says so goes red when it is not so."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tests.scale import share
from tests.verify import backlog

pytestmark = pytest.mark.slow


def test_a_backlog_drains_in_order_with_flat_memory_and_one_issue(tmp_path: Path) -> None:
    planned = share(20_000)
    figures = backlog.verify(tmp_path, planned, failures=share(1_000))
    assert figures["wrong"] == []
    assert figures["deliveries"] >= planned
    assert figures["failures"] >= share(1_000)


@pytest.mark.parametrize(
    ("plant", "wrong"),
    [
        ("retry-without-id", "told twice under two ids"),
        ("order-not-kept", "out of order"),
        ("issue-per-retry", "more than one Issue for one cause"),
    ],
)
def test_the_harness_catches_a_hub_in_which(tmp_path: Path, plant: str, wrong: str) -> None:
    figures = backlog.verify(tmp_path, 200, plant, failures=20)
    assert wrong in figures["wrong"]


def test_a_receiver_that_ends_is_said_at_once(tmp_path: Path) -> None:
    here = backlog.stage(tmp_path)
    gone = multiprocessing.get_context("spawn").Process(target=int)
    gone.start()
    gone.join()
    here.receivers.append(gone)
    here.start("waits-shortened")
    try:
        with pytest.raises(AssertionError, match="a receiver has ended"):
            here.until(lambda: False, "a day")
    finally:
        here.stop()
