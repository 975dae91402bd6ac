"""No backup and no upgrade loses anything, and the harness that says so finds the faults that are planted."""

from __future__ import annotations

from random import Random

import pytest

from tests.scale import share
from tests.verify import restoring
from tests.verify.restoring import Tried


def test_a_few_backups_beside_senders_have_all_that_was_acknowledged() -> None:
    tried = Tried()
    restoring.under_load(5, Random("quick"), tried)
    assert tried.wrong == []
    assert tried.acknowledged > 0


def test_a_few_backups_that_are_killed_are_whole_or_not_there() -> None:
    tried = Tried()
    restoring.killed(15, Random("quick"), tried)
    assert (tried.wrong, tried.kills) == ([], 15)


def test_dozens_of_damages_are_all_refused() -> None:
    tried = Tried()
    restoring.damaged(60, Random("quick"), tried)
    assert tried.wrong == []
    assert tried.damages > 50


@pytest.mark.slow
def test_many_backups_beside_senders_lose_nothing() -> None:
    tried = Tried()
    restoring.under_load(share(200), Random("slow"), tried)
    assert tried.wrong == []


@pytest.mark.slow
def test_many_backups_that_are_killed_are_whole_or_not_there() -> None:
    tried = Tried()
    restoring.killed(share(300), Random("slow"), tried)
    assert tried.wrong == []
    assert 0 < tried.finished < tried.kills


@pytest.mark.slow
def test_thousands_of_damages_are_all_refused() -> None:
    tried = Tried()
    restoring.damaged(share(2_000), Random("slow"), tried)
    assert tried.wrong == []


@pytest.mark.slow
def test_an_upgrade_that_is_killed_at_any_statement_is_whole_afterwards() -> None:
    tried = Tried()
    restoring.cut(tried)
    assert tried.wrong == []
    assert tried.cuts > 30


@pytest.mark.slow
@pytest.mark.parametrize("name", restoring.PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    assert restoring.planted(name, Random(name)).wrong
