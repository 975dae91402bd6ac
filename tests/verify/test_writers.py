"""Several hubs on one PostgreSQL: who gets which message, and when, changes nothing. Skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from hub.claims import Claims
from tests import postgres
from tests.scale import share
from tests.verify import writers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgres.impossible()), reason=postgres.impossible() or "there is a server"),
]


def test_stories_told_to_three_hubs_at_once_end_as_told_to_one() -> None:
    tried = writers.verify(share(200))
    assert tried.wrong == []
    assert tried.again > 0, "the writers never met: nothing was tried"


@contextmanager
def _nothing_is_stale() -> Iterator[None]:
    with patch.object(Claims, "_drop", lambda *_: None), patch.object(Claims, "is_current", lambda *_: True):
        yield


@contextmanager
def _nobody_waits() -> Iterator[None]:
    """Components are looked up and not locked."""
    rows = "SELECT id, parent, turn FROM name WHERE id = ANY(%b::bigint[]) ORDER BY id"
    from dataclasses import replace

    from hub.store.postgres import STATEMENTS

    unlocked = {name: replace(STATEMENTS[name], sql=rows) for name in ("lock_names", "try_names")}
    with patch.dict(STATEMENTS, unlocked):
        yield


@pytest.mark.parametrize("plant", [_nothing_is_stale, _nobody_waits])
def test_a_writer_that_believes_its_memory_or_takes_no_lock_is_caught(plant: object) -> None:
    with plant():  # type: ignore[operator]
        assert writers.verify(200, until_wrong=True).wrong
