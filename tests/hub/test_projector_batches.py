"""The read model is the log's and nobody else's: whenever it is written, and in whatever portions, it is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from hub.projector import Projector
from hub.store import ReadModel, SqliteReadModel
from tests.scale import share
from tests.verify import histories
from tests.verify.histories import TELLING
from tests.verify.small_hub import SmallHub, difference

TABLES = ("record", "record_name", "record_journey", "reached")


def rows(model: ReadModel) -> dict[str, Any]:
    """Everything that a read model holds."""
    return {table: sorted(map(list, model.writer.raw.execute(f"SELECT * FROM {table}"))) for table in TABLES}


@contextmanager
def opened() -> Iterator[ReadModel]:
    model = SqliteReadModel(None)
    try:
        yield model
    finally:
        model.close()


def followed(seed: str, told_as: str) -> tuple[SmallHub, dict[str, Any]]:
    """A hub that a story came to in some other order, and the read model that was written after each group."""
    random = Random(f"batches {seed}")
    told = TELLING[told_as](seed, random.choice((1, 2, 2, 3)))
    hub = SmallHub()
    with opened() as model:
        projector = Projector(hub.store, model)
        for group in histories.otherwise(random, len(told)):
            hub.take([[told[place] for place in group]])
            projector.catch_up()
        return hub, rows(model)


def rebuilt(hub: SmallHub, batch: int) -> dict[str, Any]:
    with opened() as model:
        Projector(hub.store, model, batch).rebuild()
        return rows(model)


def differing(seed: str, told_as: str, seen: Callable[[dict[str, Any]], dict[str, Any]] = lambda model: model) -> str:
    """Where a rebuilt read model is another one than that which was written as the facts came, as far as it is seen."""
    hub, written = followed(seed, told_as)
    for batch in (1, 7, 500):
        again = rebuilt(hub, batch)
        if seen(again) != seen(written):
            return difference(seen(written), seen(again))
    return ""


def newest(model: dict[str, Any]) -> dict[str, Any]:
    """The newest version of each record, without its number.

    Of orders that turned out to be one, the versions from before that are not written again: what joins them is known
    from the beginning by then.
    """
    last = {(kind, one): body for kind, one, _, _, body in model["record"]}
    return {**model, "record": sorted([*key, body] for key, body in last.items())}


@pytest.mark.parametrize("told_as", sorted(TELLING))
@pytest.mark.parametrize("seed", ["batch 6", "batch 7", "batch 9", "batch 14"])
def test_a_rebuilt_read_model_is_that_which_was_written_as_the_facts_came(seed: str, told_as: str) -> None:
    assert not differing(seed, told_as)


@pytest.mark.slow
@pytest.mark.parametrize("told_as", sorted(TELLING))
def test_a_rebuilt_read_model_is_the_same_for_many_stories(told_as: str) -> None:
    seeds = (f"many batches {n}" for n in range(share(500)))
    found = {seed: where for seed in seeds if (where := differing(seed, told_as, newest))}
    assert not found


def test_a_record_that_reached_its_order_late_is_read_by_those_who_take_part() -> None:
    """Without a second look at what was linked late, who reads it would depend on when it was projected."""
    with patch("hub.projector.Projector._linked_late", lambda *_: []):
        assert any(differing(f"batch {n}", "messages") for n in range(12))
