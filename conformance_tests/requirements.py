"""What the published model, its questions and its protocols require, and which case looks at it. Plays no case.

`requirements.csv` has one row for each requirement: where it comes from, what it asks for, and the cases that test it,
or the reason why none does. A requirement is met when every case of it that ran passed, and at least one did.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from conformance_tests.steps import FAILED, PASSED, Result

FILE = "requirements.csv"
COLUMNS = ("id", "source", "requirement", "cases", "why_not_tested")
MET, BROKEN, UNKNOWN, UNTESTED = "met", "broken", "not-run", "not-tested"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row."""

    id: str
    source: str
    text: str
    cases: tuple[str, ...]
    why_not: str


def load(text: str | None = None) -> list[Requirement]:
    """The kit's own requirements, or those of a text in the same form."""
    read = text if text is not None else (files("conformance_tests") / FILE).read_text("utf-8")
    return [
        Requirement(row["id"], row["source"], row["requirement"], tuple(row["cases"].split()), row["why_not_tested"])
        for row in csv.DictReader(read.splitlines())
    ]


def standing(requirements: Iterable[Requirement], results: Sequence[Result]) -> list[tuple[Requirement, str]]:
    """Each requirement with where it stands after a run."""
    outcomes = {result.case.id: result.outcome for result in results}
    return [(one, _stands(one, outcomes)) for one in requirements]


def _stands(one: Requirement, outcomes: Mapping[str, str]) -> str:
    if not one.cases:
        return UNTESTED
    found = {outcomes[case] for case in one.cases if case in outcomes}
    return BROKEN if FAILED in found else MET if PASSED in found else UNKNOWN


def table(standings: Sequence[tuple[Requirement, str]]) -> str:
    """One line a requirement, and the counts."""
    lines = [f"{stands:<10} {one.id}  {one.text if stands == BROKEN else ''}".rstrip() for one, stands in standings]
    counts = ", ".join(f"{sum(stands == word for _, stands in standings)} {word}" for word in _WORDS)
    return "\n".join([*lines, "", f"requirements: {counts}"]) + "\n"


_WORDS = (MET, BROKEN, UNKNOWN, UNTESTED)
