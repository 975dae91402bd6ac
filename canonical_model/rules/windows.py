"""Rules of time: stages follow each other in time (I-4, I-8), and nothing is used after its date (I-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import end_of, instant_of, is_coarse
from canonical_model.journey import EventDict, Journey
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol, Window
from canonical_model.rules.finding import INFUSE, SHIP, Finding, Item, facts_of, ids
from canonical_model.values import MOMENT, plus

ENDED = frozenset({"failed", "cancelled", "terminated", "emptied", "destroyed", "not-done"})
"""States in which nothing more is expected of a record: its windows close without a word."""


def windows_hold(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-4, I-8: stages follow each other within the Protocol's windows of elapsed time; coarse times are not judged."""
    for window in protocol.windows if protocol else ():
        for opened in facts_of(journey, window.start):
            if not is_coarse(opened):
                yield from _window(journey, window, opened, now)
            elif window.blocks and not is_ended(journey, window, opened):
                yield from (at for at in doubtful(window, opened) if at > now)


def doubtful(window: Window, opened: EventDict) -> tuple[datetime, datetime]:
    """Of a window that was opened at a coarse time: from the first instant on nobody can tell whether it has closed,
    from the second on it has for certain. Questions ask it; there is no finding about it."""
    ends = (instant_of(opened), end_of(opened["occurred"]))
    return plus(plus(ends[0], window.longest), MOMENT), plus(plus(ends[1], window.longest), MOMENT)


def is_ended(journey: Journey, window: Window, opened: EventDict) -> bool:
    """True when a fact that closes the window can have come after the one that opened it, of the same container; or
    when nothing more is expected of what opened it."""
    record = journey.record(opened["about"])
    if record is not None and record.state in ENDED:
        return True
    ends = (event for type_ in (window.end, *window.otherwise) for event in facts_of(journey, type_))
    return any(end_of(event["occurred"]) >= instant_of(opened) and belong(journey, opened, event) for event in ends)


def _window(journey: Journey, window: Window, opened: EventDict, now: datetime) -> Iterator[Item]:
    deadline = plus(instant_of(opened), window.longest)
    record = journey.record(opened["about"])
    ends = [e for t in (window.end, *window.otherwise) for e in facts_of(journey, t) if belong(journey, opened, e)]
    later = [e for e in ends if not is_coarse(e) and instant_of(e) >= instant_of(opened)]
    if later:
        late = min(later, key=instant_of)
        if instant_of(late) <= deadline:
            return
    elif any(is_coarse(e) and end_of(e["occurred"]) >= instant_of(opened) for e in ends):
        return  # not evaluated: nobody can say how long it took
    elif record is not None and record.state in ENDED:
        return
    elif now <= deadline:
        yield plus(deadline, MOMENT)
        return
    else:
        late = opened
    yield Finding(
        rule=window.rule,
        kind="window",
        severity="major",
        about=("order", journey.order.name),
        cause=f"{window.name}:{opened['id']}",
        text=f"the window {window.name} of {window.longest} closed at {deadline.isoformat()}",
        settle="QA decides whether the material may still be used",
        facts=tuple(dict.fromkeys(ids((opened, late)))),
        blocks=window.blocks,
        person=True,
    )


def belong(journey: Journey, start: EventDict, end: EventDict) -> bool:
    """True unless the facts name different containers: the end of one bag's window is not another's."""
    started = _containers(journey, start)
    ended = _containers(journey, end)
    return not started or not ended or bool(started & ended)


def _containers(journey: Journey, event: EventDict) -> set[str]:
    """Containers that a fact names: as what it is about, as given or as put in."""
    named = [event["about"], *refs(event["set"].get("containers")), *refs(event["set"].get("inputs"))]
    return {journey.name_of(ref) for ref in named if ref["kind"] == "container"}


def product_in_date(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-7: nothing is shipped or infused after its expiry; a date without a day runs to the end of its month."""
    used: set[str] | None = None
    for container in journey.of("container"):
        material = journey.record(container.fields.get("material"))
        expiry = material.fields.get("expires_at") if material else None
        if not expiry or container.state in ENDED:
            continue
        used = _given(journey) if used is None else used
        if container.name in used:
            continue
        end = end_of(expiry)
        if now <= end:
            yield plus(end, MOMENT)
            continue
        yield Finding(
            rule="I-7",
            kind="window",
            severity="critical",
            about=("container", container.name),
            cause="expired",
            text=f"the material expired at {end.isoformat(timespec='seconds')}",
            settle="another container is needed",
            facts=ids(e for e in (material.facts if material else ()) if e["set"].get("expires_at")),
            blocks=(SHIP, INFUSE),
        )


def _given(journey: Journey) -> set[str]:
    """Names of the containers with which an infusion was started."""
    started = facts_of(journey, "infusion.started")
    return {journey.name_of(ref) for event in started for ref in refs(event["set"].get("containers"))}


RULES = (windows_hold, product_in_date)
