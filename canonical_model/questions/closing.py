"""May this order be closed? Nothing runs, nothing is owed, and it is known what became of everything. No treatment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from canonical_model.holds import deaths
from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.questions.answer import (
    Reason,
    Verdict,
    deny,
    reason_of,
    roles_about,
    roles_for,
    unsure,
    verdict_of,
)
from canonical_model.questions.first import Ground, found, ground, lacking, no_protocol
from canonical_model.rules.ends import OVER, unheard_of, without_end
from canonical_model.rules.finding import CLOSE
from canonical_model.rules.follow_up import is_followed, missing_for_follow_up, visits
from canonical_model.rules.obligations import is_done

RUNS: Mapping[str, frozenset[str]] = {
    "collection": frozenset({"in-progress"}),
    "batch": frozenset({"running"}),
    "shipment": frozenset({"packed", "in-transit", "delivered"}),
    "conditioning": frozenset({"running"}),
    "administration": frozenset({"thawing", "running"}),
    "recall": frozenset({"open"}),
    "complaint": frozenset({"open"}),
}
"""Kind -> states in which something is still going on."""


def may_close(
    journey: Journey, protocols: Mapping[str, Protocol], now: datetime, unsettled: Iterable[Reason] = ()
) -> Verdict:
    """May the order be closed: is nothing more to be expected of it?

    Needs: an order that reached its purpose or ended before it, nothing that runs, no promise that is open, an end of
    every container (I-23), and no finding that blocks closing or is critical. Neither a hold nor the death of the
    patient keeps an order open; each is a reason to end it.
    """
    on = ground(CLOSE, journey, protocols, now)
    reasons = [
        *unsettled,
        *_over(on),
        *found(on),
        *_critical(on),
        *_running(on),
        *_owed(on),
        *_kept(on),
        *_followed(on),
    ]
    if on.protocol is None and journey.order.state not in {"", "draft", "rejected"}:
        reasons.append(no_protocol())
    return verdict_of(CLOSE, reasons)


def _over(on: Ground) -> Iterator[Reason]:
    """I-30: the order came to an end, or the therapy was given, or the patient died."""
    state = on.journey.order.state
    given = any(a.state in {"completed", "stopped"} for a in on.journey.of("administration"))
    ended = state in OVER or (state in {"submitted", "accepted"} and (given or bool(deaths(on.journey))))
    if not ended:
        text = f"the order is {state}" if state else "no order is recorded"
        settle = "the therapy is given and reported, or the order is cancelled"
        yield deny("I-30", text, settle, roles_for("order.completed", "infusion.completed"))


def _critical(on: Ground) -> Iterator[Reason]:
    """What is critical waits for somebody, whatever it blocks."""
    for finding in on.findings:
        if finding.severity == "critical":
            yield reason_of(finding)


def _running(on: Ground) -> Iterator[Reason]:
    for kind, states in RUNS.items():
        for record in on.journey.of(kind):
            if record.state in states:
                text = f"a {kind} is {record.state}"
                facts = (event["id"] for event in record.facts)
                yield deny("I-30", text, "its end is reported", roles_about(kind), *facts)


def _owed(on: Ground) -> Iterator[Reason]:
    """I-45: what was promised was done."""
    for record in on.journey.of("obligation"):
        if not is_done(on.journey, record):
            facts = (event["id"] for event in record.facts)
            settle = "whoever promised it reports it as done"
            yield deny("I-45", "something that was promised is not done", settle, roles_about("obligation"), *facts)


def _kept(on: Ground) -> Iterator[Reason]:
    """I-23: each container was emptied, destroyed, or handed to a repository."""
    for container in without_end(on.journey):
        text = "nobody has said what became of the container"
        settle = "its holder reports that it was emptied, destroyed or given to a repository"
        clears = roles_for("container.destroyed")
        yield deny("I-23", text, settle, clears, of=container)
    for shipment in unheard_of(on.journey):
        text = "a shipment of the order held what nobody told, or what nothing else tells of"
        settle = "its contents are reported as the order's, and what became of them"
        facts = (event["id"] for event in shipment.facts)
        yield unsure("I-23", text, settle, roles_for("container.allocated", "container.destroyed"), *facts)


def _followed(on: Ground) -> Iterator[Reason]:
    """I-24: whoever was given something is followed to the planned end, here or elsewhere."""
    clears = roles_about("follow-up")
    yield from lacking("I-24", missing_for_follow_up(on.journey, on.protocol), {"follow-up": clears})
    for visit in visits(on.journey) if is_followed(on.journey) else ():
        if visit.state == "scheduled":
            settle = "the visit is reported, or who took the follow-up over"
            facts = (event["id"] for event in visit.facts)
            yield deny("I-24", "a follow-up visit is still to come", settle, clears, *facts)
