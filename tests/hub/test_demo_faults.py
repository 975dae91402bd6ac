"""Each fault that the demo can plant fails it at what the fault breaks, and nowhere before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub.demo.faults import FAULTS

FAILS_AT = {
    1: "an identity mismatch is told",
    2: "acknowledged AA for R2",
    3: "nothing was applied twice",
    4: "silent loss in 2 orders",
    5: "left the hospital's side",
    6: "no fact of Jane's transport or product stands on Richard's order",
    7: "donor and patient are one person",
    8: "two hours without readings are told",
    9: "a result is outside its specification",
    10: "the decision is recorded, and told as unfounded",
    11: "signed with another's secret: refused",
    12: "it is signed with the agreed secret",
    13: "the ledger holds",
    14: "an order number that the courier guessed",
    15: "the timeline has them in the order in which they happened",
}


def test_every_fault_has_its_expectation() -> None:
    assert FAILS_AT.keys() == FAULTS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_the_demo_at_what_it_breaks(fault: int) -> None:
    code = f"from hub.demo.play import play; raise SystemExit(play({fault}, 6.0))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    failed = [line for line in done.stdout.splitlines() if line.lstrip().startswith("✗")]
    assert done.returncode == 1, done.stdout[-2000:]
    assert any(FAILS_AT[fault] in line for line in failed), failed
    assert not [line for line in failed if "the demo itself went on" in line]
