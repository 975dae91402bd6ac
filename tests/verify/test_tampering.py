"""Whoever changes the ledger is found out: the verifier goes red on every tampering that was tried."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from hub import ledger, ledger_verifier
from hub.ledger_verifier import Walk
from tests.scale import share
from tests.verify import forging, tampering
from tests.verify.small_hub import KEYS


@pytest.fixture(scope="module")
def whole() -> tampering.Original:
    return tampering.original()


def test_hundreds_of_tamperings_of_every_kind_are_found() -> None:
    tried = tampering.tamper(600, seed="quick")
    assert tried.missed == []
    assert len(tried.kinds) == (2 * len(forging.KINDS) + 1) * len(tampering.TARGETS)
    assert min(tried.kinds.values()) >= 5


@pytest.mark.slow
def test_thousands_of_tamperings_are_found() -> None:
    tried = tampering.tamper(share(10_000))
    assert tried.missed == []
    assert tried.kinds.total() >= share(10_000)


@pytest.mark.parametrize("what", forging.KINDS)
@pytest.mark.parametrize("target", [tampering.STORE, tampering.LEDGER])
def test_one_who_has_the_key_is_found_out_by_a_head_only(whole: tampering.Original, target: str, what: str) -> None:
    """Else the harness would forge badly: what has the key behind it is whole in itself."""
    kind = (what, target, "key")
    for held, found in ((whole.head, True), ({}, False)):
        rows = {table: [list(row) for row in kept] for table, kept in whole.rows.items()}
        forging.of_rows(Random(what), what, rows, KEYS, whole.gone)
        tried = tampering.Tried()
        tampering._judge_rows(tried, whole, kind, rows, held, has_key=True)
        assert (tried.kinds[kind], tried.missed == []) == (1, found)


@pytest.mark.parametrize("what", forging.KINDS)
def test_one_who_has_the_key_changes_an_order_and_an_earlier_count_tells(whole: tampering.Original, what: str) -> None:
    lines = tampering.parsed(whole.exports[tampering.ORDER])
    forging.of_lines(Random(what), what, lines, tampering.parsed(whole.other), KEYS, whole.gone)
    forged = tampering.written(lines)
    assert tampering.verified(forged, {}).faults == []
    assert tampering.verified(forged, whole.count).faults


def test_leaving_an_event_out_of_an_order_is_told_by_the_signed_count(whole: tampering.Original) -> None:
    lines = tampering.parsed(whole.exports[tampering.ORDER])
    counted = [n for n, (kind, value) in enumerate(lines) if kind == "event" and value["since"] is not None]
    del lines[counted[-1]]
    found = [fault.text for fault in tampering.verified(tampering.written(lines), {}).faults]
    assert found == ["the events are not those that the hub counted"]


def test_a_database_that_cannot_be_read_is_a_fault_and_no_crash(whole: tampering.Original) -> None:
    whole.db.execute("BEGIN")
    whole.db.execute("DROP TABLE batch")
    assert tampering.walked(whole.db, {}).faults
    whole.db.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("name", "blind"),
    [
        ("_is_recorded", lambda *_: True),
        ("is_signed", lambda *_: True),
        ("chained", lambda *given: given[-1]),
        ("_agrees", lambda *_: True),
    ],
)
def test_a_verification_that_looks_away_is_caught(monkeypatch: pytest.MonkeyPatch, name: str, blind: Any) -> None:
    """It believes the columns beside an event, or any signature; it does not chain; it does not count."""
    for module in (ledger_verifier, ledger, forging):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, blind)
    assert tampering.tamper(1_000, seed=name, until_missed=True).missed


OVERLOOKED = (
    "the event is not the one that was recorded",
    "the event is not of its batch, or stands twice",
    "the event is gone, and nothing in the ledger says that it was erased",
    "the event is shown and not counted",
    "it says that an event was erased, and here it is not",
    "the proof does not lead to the root of its batch",
    "the leaves do not give the root",
    "the signature is not the hub's",
    "events stand outside the batches",
    "the head that the verifier holds is not in this ledger",
    "it is not of the last batch of this export",
    "the events are not those that the hub counted",
    "the order's events up to position",
    "it does not end with one signed statement",
    "a line is not one named object in canonical JSON",
)


@pytest.mark.parametrize("text", OVERLOOKED)
def test_every_check_of_the_verifier_is_needed(text: str) -> None:
    """A verifier that overlooks one kind of fault misses tamperings that the others do not see."""
    noted = Walk.fault

    def overlook(walk: Walk, place: str, said: str) -> None:
        if not said.startswith(text):
            noted(walk, place, said)

    with patch.object(Walk, "fault", overlook):
        assert tampering.tamper(3_000, seed=text, until_missed=True).missed
