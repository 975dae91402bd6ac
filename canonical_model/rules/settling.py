"""Which Issues a person has settled, as the facts about Issues tell. Finds nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping

from canonical_model.codes import HUB, QA
from canonical_model.events import is_after
from canonical_model.ids import name_key
from canonical_model.journey import EventDict, Journey, text_of
from canonical_model.rules.finding import Finding


def resolved(journey: Journey) -> dict[str, frozenset[str]]:
    """Issue id -> the roles of those who resolved it and whom no later reopening contradicts. The hub's own
    clearing is no resolution: what it found again, it tells again."""
    told: dict[str, tuple[list[EventDict], list[EventDict]]] = {}
    for event in journey.facts:
        if event["type"] in {"issue.resolved", "issue.reopened"} and event["reporter"]["role"] != HUB:
            for identifier in event["about"]["identifiers"]:
                done, again = told.setdefault(identifier["value"], ([], []))
                (done if event["type"] == "issue.resolved" else again).append(event)
    standing = {
        issue: frozenset(e["reporter"]["role"] for e in done if all(is_after(e, other) for other in again))
        for issue, (done, again) in told.items()
    }
    return {issue: roles for issue, roles in standing.items() if roles}


def is_settled(journey: Journey, finding: Finding, done: Mapping[str, frozenset[str]]) -> bool:
    """True when the Issue of this finding was resolved, under whichever name its record had then; `done` is what
    `resolved` tells."""
    kind, name = finding.about
    record = journey.records.get(kind, {}).get(name)
    names = {name, *(text_of(name_key(kind, i)) for i in (record.identifiers if record else ()))}
    roles = {role for alias in names for role in done.get(finding.id_for(alias), ())}
    wanted = finding.by or ((QA,) if finding.person else ())
    return bool(roles.intersection(wanted) if wanted else roles)
