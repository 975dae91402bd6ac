"""Faults that make a hub too mild, planted to show that the laws of losses catch them. For tests only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from canonical_model import rules
from canonical_model.asking import ASK
from canonical_model.questions import ALLOW, VERDICTS, Verdict
from canonical_model.rules.custody import custody_is_gapless
from canonical_model.rules.log import clocks_are_right
from canonical_model.rules.reopening import doubts_reopen
from tests.verify.worlds import BEGIN


def _without(*muted: Any) -> AbstractContextManager[Any]:
    assert set(muted) <= set(rules.RULES)
    return patch("canonical_model.rules.RULES", tuple(rule for rule in rules.RULES if rule not in muted))


def rule_muted() -> AbstractContextManager[Any]:
    """A release outlasts every doubt (I-13)."""
    return _without(doubts_reopen)


def always_allow() -> AbstractContextManager[Any]:
    """Whatever is asked, the answer is yes."""
    yes = {name: lambda *_, name=name: Verdict(name, ALLOW, ()) for name in VERDICTS}
    return patch.dict("canonical_model.asking.ASK", yes)


def lateness_ignored() -> AbstractContextManager[Any]:
    """Time stands still for the questions: no window closes, nothing runs out."""
    early = {name: lambda j, m, p, _, ask=ask: ask(j, m, p, BEGIN) for name, ask in ASK.items()}
    return patch.dict("canonical_model.asking.ASK", early)


def custody_gap_ignored() -> AbstractContextManager[Any]:
    """Nobody asks who holds a container, and no gap is told."""
    both = ExitStack()
    both.enter_context(_without(custody_is_gapless))
    both.enter_context(patch("canonical_model.questions.scanning.held", lambda *_: iter(())))
    return both


def clock_believed() -> AbstractContextManager[Any]:
    """A reporter's clock is right whatever it says."""
    return _without(clocks_are_right)


MILD: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (rule_muted, always_allow, lateness_ignored, custody_gap_ignored, clock_believed)
}
