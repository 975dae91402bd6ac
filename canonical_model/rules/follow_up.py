"""Rules of the time after an infusion (I-24): follow-up is planned to its end, and its visits take place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import end_of, sort_key
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import CLOSE, Finding, Item, about, ids
from canonical_model.rules.identity import is_ours
from canonical_model.rules.missing import Missing
from canonical_model.rules.patient import deaths, infusions
from canonical_model.values import LATEST, MOMENT, parse_instant, plus

ENDING = frozenset({"lost", "handed-over"})
"""States of a visit that end the follow-up by this site: nobody waits for a further visit here."""


def visits(journey: Journey) -> list[RecordState]:
    """The follow-up visits of the order."""
    return [record for record in journey.of("follow-up") if is_ours(journey, record)]


def is_followed(journey: Journey) -> bool:
    """True while somebody is to be followed here: death, loss of the patient and a handover end it."""
    return not deaths(journey) and not any(visit.state in ENDING for visit in visits(journey))


def infusion_ends(journey: Journey) -> list[EventDict]:
    """The facts that tell that something was given and the infusion is over, in the order of facts."""
    ends = [infusion.end for infusion in infusions(journey) if is_ours(journey, infusion.record)]
    return sorted((end for end in ends if end is not None), key=sort_key)


def missing_for_follow_up(journey: Journey, protocol: Protocol | None) -> tuple[Missing, ...]:
    """What the plan of follow-up lacks after the last infusion: visits up to the end of Protocol.follow_up, give or
    take Protocol.follow_up_grace. Nothing where nothing was given or nobody is to be followed any more."""
    given = infusion_ends(journey)
    if protocol is None or protocol.follow_up is None or not given or not is_followed(journey):
        return ()
    ends = [end_of(when) for v in visits(journey) for when in (v.fields.get("due"), v.fields.get("until")) if when]
    planned = max(ends, default=None)
    if planned is not None and plus(planned, protocol.follow_up_grace) >= plus(_start(given), protocol.follow_up):
        return ()
    until = plus(_start(given), protocol.follow_up).date()
    text = f"follow-up is not planned up to its end on {until}"
    settle = "the site or the registry reports the visits, or who took the follow-up over"
    return (Missing("follow-up", "obligation-due", text, settle, (given[-1]["id"],)),)


def _start(given: list[EventDict]) -> datetime:
    """From when follow-up counts: the first instant at which the last infusion can have ended."""
    return parse_instant(given[-1]["occurred"]["at"])


def follow_up_is_planned(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-24: some time after an infusion, follow-up is planned to its end."""
    for missing in missing_for_follow_up(journey, protocol) if protocol else ():
        given = infusion_ends(journey)
        deadline = plus(end_of(given[-1]["occurred"]), protocol.follow_up_grace) if protocol else LATEST
        if now <= deadline:
            yield plus(deadline, MOMENT)
            continue
        yield Finding(
            rule="I-24",
            kind=missing.kind,
            severity="minor",
            about=("order", journey.order.name),
            cause="follow-up",
            text=missing.text,
            settle=missing.settle,
            facts=ids(given),
            blocks=(CLOSE,),
        )


def visits_take_place(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-24: a visit that was due takes place in time, or a later one does; else somebody looks after it."""
    told = visits(journey)
    if protocol is None or not told or not is_followed(journey):
        return
    for visit in told:
        due = _due(visit)
        if due is None or visit.state not in {"scheduled", "missed"} or _is_made_up(visit, told):
            continue
        deadline = plus(due, protocol.follow_up_grace)
        if now <= deadline:
            yield plus(deadline, MOMENT)
            continue
        missed = visit.state == "missed"
        yield Finding(
            rule="I-24",
            kind="obligation-due",
            severity="minor",
            about=about(visit),
            cause="missed" if missed else "untold",
            text="a follow-up visit was missed and nothing followed"
            if missed
            else "a follow-up visit was due, and nobody has told whether it took place",
            settle="the site or the registry reports the visit, a later one, or that the patient is lost",
            facts=ids(visit.facts),
            blocks=(CLOSE,),
        )


def _due(visit: RecordState) -> datetime | None:
    """Last instant at which the visit is in time; of a missed one without a date, when it was told as missed."""
    due = visit.fields.get("due")
    missed = visit.named("followup.missed")
    return end_of(due) if due else end_of(missed[0]["occurred"]) if missed else None


def _is_made_up(visit: RecordState, told: list[RecordState]) -> bool:
    """True for a missed visit after which another one took place."""
    missed = visit.named("followup.missed")
    done = [fact for other in told for fact in other.named("followup.completed")]
    return bool(missed) and any(end_of(fact["occurred"]) > end_of(missed[0]["occurred"]) for fact in done)


RULES = (follow_up_is_planned, visits_take_place)
