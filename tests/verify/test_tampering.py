"""Whoever changes the ledger is found out: `ledger verify` goes red on every tampering that was tried."""

from __future__ import annotations

from random import Random

import pytest

from hub import ledger
from tests.scale import share
from tests.verify import tampering


def test_hundreds_of_random_tamperings_are_found() -> None:
    tried = tampering.tamper(600, seed="quick")
    assert tried.missed == []
    assert len(tried.kinds) == len(tampering.WITHOUT_HEAD) + len(tampering.WITH_HEAD) + 1
    assert min(tried.kinds.values()) >= 10


@pytest.mark.slow
def test_thousands_of_random_tamperings_are_found() -> None:
    tried = tampering.tamper(share(10_000))
    assert tried.missed == []
    assert tried.kinds.total() >= share(10_000)


@pytest.mark.parametrize("kind", tampering.WITH_HEAD)
def test_one_who_has_the_key_is_found_out_by_a_head_only(kind: tampering.Tampering) -> None:
    db = tampering.original()
    rows = tampering.rows_of(db)
    head = rows["batch"][-1][4]
    kind(Random(1), rows)
    tampering.fill(db, rows)
    assert not tampering.is_found(db, None)
    assert tampering.is_found(db, head)


def test_an_erased_event_leaves_a_ledger_that_verifies() -> None:
    db = tampering.original()
    db.execute("UPDATE log SET event = '', salt = NULL WHERE position = 3")
    assert not tampering.is_found(db, None)


def test_a_database_that_cannot_be_read_is_a_fault_and_no_crash() -> None:
    db = tampering.original()
    db.execute("DROP TABLE batch")
    assert tampering.is_found(db, None)


@pytest.mark.parametrize(
    ("name", "blind"),
    [
        ("_is_recorded", lambda row: row[3] is None or ledger.leaf(bytes(row[3]), str(row[2]).encode()) == row[4]),
        ("verify", lambda *_: True),
        ("chained", lambda *given: given[-1]),
    ],
)
def test_a_verification_that_looks_away_is_caught(monkeypatch: pytest.MonkeyPatch, name: str, blind: object) -> None:
    """The first is how this hub once verified: it believed the columns beside the event, and an erasure anything."""
    monkeypatch.setattr(ledger, name, blind)
    assert tampering.tamper(300).missed
