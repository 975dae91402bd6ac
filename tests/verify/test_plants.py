"""The harness of histories goes red on faults planted into the hub: what cannot fail proves nothing."""

from __future__ import annotations

import pytest

from tests.verify import histories
from tests.verify.plants import PLANTS

STATE = ("duplicate-applied", "order-dependent-fold", "fold-by-arrival-time", "link-lost", "source-id-not-checked")
"""Faults of what a hub knows; those of what it keeps are caught by kill -9 and by the system calls."""

LONG = pytest.mark.slow
FACTS = (
    "correction-never-revives",
    "order-dependent-fold",
    *(pytest.param(fault, marks=LONG) for fault in ("fold-by-arrival-time", "duplicate-applied")),
)


@pytest.mark.parametrize("fault", STATE)
def test_histories_catch_a_hub_in_which(fault: str) -> None:
    histories.quiet()
    with PLANTS[fault]():
        _, found = histories.examine_journeys(150, permutations=2, seed="again ", batch=1)
    assert found
    assert len(found[0].messages) <= 6, str(found[0])


@pytest.mark.parametrize("fault", FACTS)
def test_histories_of_facts_catch_a_hub_in_which(fault: str) -> None:
    histories.quiet()
    with PLANTS[fault]():
        _, found = histories.examine_journeys(60, permutations=1, seed="again ", batch=1, told_as="facts")
    assert found
    assert len(found[0].messages) <= 6, str(found[0])
