"""kill -9 loses nothing that was acknowledged and makes nothing happen twice. Minutes: `make verify` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scale import share
from tests.verify import kill
from tests.verify.traffic import journey

pytestmark = pytest.mark.slow


def test_nothing_acknowledged_is_lost_and_nothing_applied_twice(tmp_path: Path) -> None:
    rounds = share(100)
    figures = kill.verify(tmp_path, rounds)
    assert figures["wrong"] == []
    assert sum(figures["kills"].values()) == rounds
    assert figures["messages"] == rounds * len(journey(1))
    assert figures["acknowledgements"] >= figures["messages"]
    assert figures["recognised_as_repeated"] > 0, "no acknowledgement was lost: the kills came at the wrong moments"


def test_a_hub_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    figures = kill.verify(tmp_path, rounds=8, plant="acknowledged-before-commit")
    assert any(wrong.startswith("acknowledged and lost") for wrong in figures["wrong"])


def test_a_hub_that_applies_a_resend_again_is_caught(tmp_path: Path) -> None:
    figures = kill.verify(tmp_path, rounds=4, plant="duplicate-applied")
    assert any(wrong.startswith("applied ") for wrong in figures["wrong"])
