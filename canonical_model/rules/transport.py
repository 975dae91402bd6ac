"""Rules of the shipper: its qualified hold outlasts the journey of what is in it (I-21). No temperatures, no custody.

The hold runs from the packing, or from what a recharge says, until everything in the shipper is stored or used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from canonical_model.events import end_of, instant_of, is_coarse
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import ACCEPT, SHIP, Finding, Item, about, ids
from canonical_model.units import span_of
from canonical_model.values import MOMENT, plus

OVER = frozenset({"cancelled", "lost"})
"""States of a shipment in which its hold matters no more."""
_CHARGED = ("shipment.packed", "shipment.departed")
_OUT = ("container.stored", "container.emptied", "container.destroyed", "product.thawed", "dose.prepared")
_USED = {"batch.started": "inputs", "infusion.started": "containers", "infusion.completed": "containers"}


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when a shipper keeps its condition, and the facts that say so."""

    until: datetime
    facts: tuple[EventDict, ...]


def hold_lasts(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-21: a shipper's hold exceeds the planned transit by the margin, and lasts until its contents are stored."""
    margin = protocol.hold_margin if protocol else timedelta()
    for shipment in journey.of("shipment"):
        held = holds(journey, shipment)
        if not held or shipment.state in OVER:
            continue
        yield from _lapses(shipment, held)
        hold, out = held[-1], taken_out(journey, shipment)
        if out is not None:
            if out > hold.until:
                text = f"the shipper's hold ended at {_text(hold.until)}, before its contents were stored"
                yield _finding(shipment, "ended", text, hold.facts)
            continue
        yield from _short(shipment, hold, margin)
        yield from _running_out(shipment, hold, margin, now)


def holds(journey: Journey, shipment: RecordState) -> list[Hold]:
    """The holds of a shipment one after the other, as facts tell them: an end that is stated, or the time from packing
    or recharging for which this very shipper is qualified. What is known to the day only starts no such time."""
    device = journey.record(shipment.fields.get("packaging"))
    lasts = span_of(device.fields.get("qualified_hold")) if device else None
    found: list[Hold] = []
    for event in shipment.facts:
        if event["set"].get("hold_until"):
            found.append(Hold(end_of(event["set"]["hold_until"]), (event,)))
        elif lasts is not None and device is not None and not is_coarse(event) and _charges(event, found):
            stated = [e for e in device.facts if e["set"].get("qualified_hold")]
            found.append(Hold(plus(instant_of(event), lasts), (event, *stated)))
    return found


def _charges(event: EventDict, found: list[Hold]) -> bool:
    """True when the hold begins anew: at a recharge, and at the packing or departure where nothing is known before."""
    return event["type"] == "shipment.recharged" or (event["type"] in _CHARGED and not found)


def taken_out(journey: Journey, shipment: RecordState) -> datetime | None:
    """When the last of a shipment's contents was stored or used; None while something is still in it, for all one
    knows. What was taken out on the way no longer counts; where no contents are known, it ends with the acceptance."""
    inside = _names(journey, shipment.facts, "contents")
    inside -= _names(journey, (e for e in shipment.facts if e["type"] != "shipment.unpacked"), "removed")
    began = [instant_of(e) for t in _CHARGED for e in shipment.named(t)]
    since = min(began, default=None)
    if not inside:
        return max((instant_of(e) for e in shipment.named("shipment.accepted")), default=None)
    ends = [_ends(journey, name, since) for name in inside]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _ends(journey: Journey, container: str, since: datetime | None) -> datetime | None:
    """When a container was first stored or used after its shipment was packed."""
    record = journey.records.get("container", {}).get(container)
    told = [e for t in _OUT for e in (record.named(t) if record else ())]
    told += [
        event
        for event in journey.facts
        if event["type"] in _USED
        and any(
            ref["kind"] == "container" and journey.name_of(ref) == container
            for ref in refs(event["set"].get(_USED[event["type"]]))
        )
    ]
    return min((instant_of(e) for e in told if since is None or end_of(e["occurred"]) >= since), default=None)


def _names(journey: Journey, facts: Iterable[EventDict], field: str) -> set[str]:
    """Containers that facts name in a field; of the materials in a shipment nobody tells when they are stored."""
    named = (ref for event in facts for ref in refs(event["set"].get(field)))
    return {journey.name_of(ref) for ref in named if ref["kind"] == "container"}


def _lapses(shipment: RecordState, held: list[Hold]) -> Iterator[Item]:
    """A recharge after the hold had ended: nobody knows what the condition was between the two."""
    for before, after in pairwise(held):
        event = after.facts[0]
        if event["type"] == "shipment.recharged" and not is_coarse(event) and instant_of(event) > before.until:
            text = f"the shipper was recharged after its hold had ended at {_text(before.until)}"
            yield _finding(shipment, f"lapsed:{event['id']}", text, (*before.facts, event))


def _short(shipment: RecordState, hold: Hold, margin: timedelta) -> Iterator[Item]:
    """The planned arrival is too near to the end of the hold, or behind it."""
    planned = (shipment.fields.get("planned") or {}).get("end")
    if planned and plus(end_of(planned), margin) > hold.until:
        near = "before" if hold.until < end_of(planned) else f"less than {margin} after"
        text = f"the shipper's hold ends at {_text(hold.until)}, {near} the planned arrival"
        stated = [e for e in shipment.facts if e["set"].get("planned")]
        yield _finding(shipment, "plan", text, (*hold.facts, *stated))


def _running_out(shipment: RecordState, hold: Hold, margin: timedelta, now: datetime) -> Iterator[Item]:
    """Less than the margin is left of the hold, and what is inside is not known to be stored."""
    deadline = _before(hold.until, margin)
    if now <= deadline:
        yield plus(deadline, MOMENT)
    else:
        text = f"the shipper's hold ends at {_text(hold.until)}, and its contents are not reported as stored"
        yield _finding(shipment, "remaining", text, hold.facts)


def _finding(shipment: RecordState, cause: str, text: str, facts: Iterable[EventDict]) -> Finding:
    return Finding(
        rule="I-21",
        kind="hold-time",
        severity="major",
        about=about(shipment),
        cause=cause,
        text=text,
        settle="the shipper is recharged, the transit is shortened, or QA assesses what was in it",
        facts=tuple(dict.fromkeys(ids(facts))),
        blocks=(SHIP, ACCEPT),
        person=True,
    )


def _before(instant: datetime, span: timedelta) -> datetime:
    try:
        return instant - span
    except OverflowError:  # before the calendar's beginning
        return instant


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="minutes")


RULES = (hold_lasts,)
