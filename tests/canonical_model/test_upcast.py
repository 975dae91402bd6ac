"""Old logs: every event of every released version is read as it was meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canonical_model.events import VERSION, check
from canonical_model.fold import fold
from canonical_model.journey import comparable
from canonical_model.upcast import STEPS, upcast
from tests.canonical_model.facts import NAMES, submitted

LOGS = Path(__file__).parent / "logs"


def events(version: int) -> Iterator[dict[str, Any]]:
    for line in (LOGS / f"v{version}.jsonl").read_text(encoding="utf-8").splitlines():
        yield upcast(json.loads(line))


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_log_of_each_version_folds_to_what_it_meant_then(version: int) -> None:
    expected = json.loads((LOGS / f"v{version}.expected.json").read_text(encoding="utf-8"))
    assert comparable(fold(NAMES, events(version))) == expected


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_what_was_brought_here_is_valid_here(version: int) -> None:
    for event in events(version):
        check(event)


def test_there_is_one_step_for_every_version_before_this_one() -> None:
    assert set(STEPS) == set(range(1, VERSION))


def test_an_event_of_this_version_is_left_alone() -> None:
    event = submitted()
    assert upcast(event) is event


@pytest.mark.parametrize("version", [0, -1, VERSION + 1, "1", None, True, 1.0])
def test_a_version_that_is_not_known_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match="this model reads versions 1 to"):
        upcast({**submitted(), "v": version})


def test_steps_are_taken_one_by_one_and_change_no_stored_event() -> None:
    steps = {1: lambda e: {**e, "one": e["v"]}, 2: lambda e: {**e, "two": e["v"]}}
    stored = {"v": 1}
    assert upcast(stored, steps, 3) == {"v": 3, "one": 1, "two": 2}
    assert upcast({"v": 2}, steps, 3) == {"v": 3, "two": 2}
    assert stored == {"v": 1}
