"""Results as a table for people and as a document for machines. Prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from conformance_tests.steps import FAILED, NOT_RUN, PASSED, Result

OUTCOMES = (PASSED, FAILED, NOT_RUN)


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many cases came to each outcome."""
    found = Counter(result.outcome for result in results)
    return {outcome: found[outcome] for outcome in OUTCOMES}


def document(results: Sequence[Result], version: str, url: str) -> dict[str, Any]:
    """The whole report."""
    return {
        "cases_version": version,
        "url": url,
        "counts": counts(results),
        "results": [
            {
                "id": result.case.id,
                "title": result.case.title,
                "clause": result.case.clause,
                "since": result.case.since,
                "outcome": result.outcome,
                "reason": result.reason,
                "seconds": round(result.seconds, 3),
            }
            for result in results
        ],
    }


def table(results: Sequence[Result], version: str) -> str:
    """One line a case, the reason under it where it did not pass, the counts at the end."""
    width = max((len(result.case.id) for result in results), default=0)
    lines = []
    for result in results:
        lines.append(f"{result.outcome:<8} {result.case.id:<{width}}  {result.case.clause}")
        if result.outcome == FAILED:
            lines += [f"         {result.case.title}", f"         {result.reason}"]
        elif result.outcome == NOT_RUN:
            lines.append(f"         {result.reason}")
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts(results).items())
    return "\n".join([*lines, "", f"cases {version}: {told}"]) + "\n"
