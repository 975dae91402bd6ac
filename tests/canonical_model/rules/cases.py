"""Cases of rules: for each a journey that breaks it, and its nearest neighbour that does not. Knows no rule.

A module `test_<rules>.py` beside this one lists its cases as CASES and judges each by `tells`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from canonical_model.fold import fold
from canonical_model.journey import Journey, Other
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.rules import Finding, check
from tests.canonical_model.facts import NAMES, NOW, Fact


@dataclass(frozen=True)
class Case:
    """What breaks a rule, and what differs from it by the least that matters.

    `protocols` and `others` (other orders of the patient) are the same for both, or differ by `other_neighbours`.
    """

    rule: str
    kind: str
    breaks: list[Fact]
    keeps: list[Fact]
    severity: str = ""
    protocols: Mapping[str, Protocol] = field(default_factory=lambda: DEFAULT_PROTOCOLS)
    others: tuple[Other, ...] = ()
    other_neighbours: tuple[Other, ...] | None = None

    def broken(self) -> Journey:
        """The journey that breaks the rule."""
        return _folded(self.breaks, self.others)

    def kept(self) -> Journey:
        """Its neighbour."""
        return _folded(self.keeps, self.others if self.other_neighbours is None else self.other_neighbours)

    def found(self, state: Journey) -> list[Finding]:
        """What the case's rule says of a journey."""
        said = check(state, self.protocols, NOW).findings
        return [f for f in said if f.rule == self.rule and f.kind == self.kind]


def _folded(facts: list[Fact], others: tuple[Other, ...]) -> Journey:
    state = fold(NAMES, facts)
    state.others = others
    return state


def kept_as(role: str, container: Fact) -> Fact:
    """A fact about a container that says what the container is kept for."""
    return {**container, "set": {**container["set"], "role": role}}


def case(
    name: str, rule: str, kind: str, breaks: list[Fact], keeps: list[Fact], severity: str = "", **more: Any
) -> Any:
    """A case with its name."""
    return pytest.param(Case(rule, kind, breaks, keeps, severity, **more), id=f"{rule} {name}")


def tells(one: Case) -> None:
    """Asserts that the rule finds what breaks it, and does not accuse the neighbour of the same."""
    found = one.found(one.broken())
    assert found, "the rule is silent"
    assert not one.severity or one.severity == found[0].severity
    kept = one.found(one.kept())
    assert not shapes(kept) & shapes(found), "the rule accuses a neighbour"


def shapes(found: list[Finding]) -> set[tuple[str, str]]:
    """What findings say, whatever the numbers in it."""
    return {(finding.severity, re.sub(r"[-0-9.:+]+", "#", finding.text)) for finding in found}
