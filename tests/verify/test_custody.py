"""Custody of generated shipments against the oracle; and the harness catches what is planted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest

from canonical_model import custody as chains
from canonical_model.rules import temperature
from tests.scale import share
from tests.verify import custody
from tests.verify.plants import fold_by_arrival_time


@pytest.mark.slow
def test_a_hub_says_of_every_shipment_what_the_oracle_says() -> None:
    tally = custody.tried(share(10_000), 1, 2)
    assert tally.wrong == []
    assert tally.shipments == share(10_000)
    assert tally.gaps > tally.shipments // 20
    assert tally.excursions > tally.shipments // 20


def test_a_few_shipments_are_as_the_oracle_says() -> None:
    assert custody.run(3, 12).wrong == []


def zones_ignored() -> AbstractContextManager[Any]:
    """A local time with its zone beside it is read as UTC."""
    return patch("adapters.times.named_zone", lambda _: ("Z", ""))


def halves_counted_twice() -> AbstractContextManager[Any]:
    """The second report of a handover is another handover."""
    return patch.object(chains._Walk, "_repeats", lambda *_: False)


def first_of_two_hours() -> AbstractContextManager[Any]:
    """Of an hour that exists twice the first is always taken."""
    return patch("adapters.mes_csv.clock._resolved", lambda moments: [first for first, _ in moments])


def rounded_factor() -> AbstractContextManager[Any]:
    """Degrees Fahrenheit are made Celsius by a rounded factor."""
    factor = Decimal(5) / Decimal(9)
    return patch.dict(temperature.TO_CELSIUS, {"[degF]": (Decimal(-32), factor, Decimal(1))})


def wall_clock_hold() -> AbstractContextManager[Any]:
    """The end of a hold is compared by its wall clock, as if it were UTC."""

    def end_of(when: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(when["local"]).replace(tzinfo=UTC)

    return patch("canonical_model.rules.transport.end_of", end_of)


def giver_forgotten() -> AbstractContextManager[Any]:
    """Who gives need not be who holds."""
    return patch.object(chains._Walk, "_fits", lambda *_: True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [
        fold_by_arrival_time,
        zones_ignored,
        halves_counted_twice,
        first_of_two_hours,
        rounded_factor,
        wall_clock_hold,
        giver_forgotten,
    ],
)
def test_a_planted_fault_is_caught(plant: Callable[[], AbstractContextManager[Any]]) -> None:
    with plant():
        assert any(custody.run(seed, 25).wrong for seed in (1, 2, 3))


def test_the_oracle_shares_no_code_with_what_it_judges() -> None:
    names = {*custody.expected.__code__.co_names, *custody._exposed.__code__.co_names}
    assert not names & {"fold", "chains", "celsius", "temperature", "check", "clock", "times", "when"}
