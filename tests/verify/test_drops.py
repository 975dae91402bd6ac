"""A kill before any step of the drop protocol loses, doubles and tears nothing. `make verify` kills before each."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.scale import FULL
from tests.verify.drops import MODES
from tests.verify.stage import ROOT

pytestmark = pytest.mark.slow


def run(*arguments: str) -> tuple[int, dict[str, object]]:
    """In a process of its own: it forks, and a process with threads had better not."""
    command = [sys.executable, "-m", "tests.verify.drops", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_before_a_step_loses_doubles_and_tears_nothing(mode: str) -> None:
    code, figures = run("--modes", mode, "--every", "1" if FULL else "9")
    assert figures["shown"] == []
    assert code == 0
    assert figures["kills"] == len(range(0, figures["steps"][mode], 1 if FULL else 9))  # type: ignore[index]


@pytest.mark.parametrize(
    ("fault", "every", "told"),
    [
        ("unlinked-before-told", "6", "vanished without a word"),
        ("told-before-recorded", "13", "inbox"),
        ("half-written", "3", "is not whole"),
        ("work-forgotten", "24", "drop/.work/"),
    ],
)
def test_a_hub_is_caught_whose_drop_protocol_is(fault: str, every: str, told: str) -> None:
    code, figures = run("--modes", "settled", "--every", every, "--plant", fault)
    assert code == 1
    assert told in json.dumps(figures["shown"])
