"""One of two hubs on a PostgreSQL dies under load: the other goes on, and nothing is lost, doubled or out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.scale import share
from tests.verify import two_hubs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgres.impossible()), reason=postgres.impossible() or "there is a server"),
]


def test_a_hub_that_is_killed_under_load_is_made_up_for_by_the_other(tmp_path: Path) -> None:
    figures = two_hubs.verify(tmp_path, share(20), 20)
    assert figures.wrong == []
    assert figures.resent > 0, "the kill came when nobody was sending"
    assert figures.taken_over > 0, "nothing was left to deliver"
