"""Rules of a patient's orders beside each other: no second active one for the same therapy (I-39), nor by a merge.

The other orders are told by whoever folds (`Journey.others`); no fact of theirs is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from canonical_model.events import is_after
from canonical_model.ids import Key, names
from canonical_model.journey import EventDict, Journey, Other, is_ref, text_of
from canonical_model.naming import joined_by
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import COLLECT, EVERYTHING, Finding, Item, ids

ACTIVE = frozenset({"submitted", "accepted"})
"""States of an order in which the therapy is still to be given."""


def order_is_the_only_one(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-39: a patient has no second active order of one Protocol, unless one of the two replaces the other."""
    if protocol is None or journey.order.state not in ACTIVE:
        return
    for other in journey.others:
        if other.state in ACTIVE and other.protocol == protocol.key and not _replace_each_other(journey, other):
            yield Finding(
                rule="I-39",
                kind="duplicate",
                severity="major",
                about=("order", journey.order.name),
                cause=_named(other),
                text=f"the patient has another active order of {protocol.key}",
                settle="one of the two orders is cancelled, or names the one that it replaces",
                facts=ids(journey.order.named("order.submitted")),
                blocks=(COLLECT,),
                person=True,
            )


def _replace_each_other(journey: Journey, other: Other) -> bool:
    replaced = journey.order.fields.get("replaces")
    own = set(names(replaced)) if is_ref(replaced) else set()
    return bool(own & other.names or other.replaces & journey.names)


def merge_joins_no_two_orders(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-39: a merge that joins two patients who each have an active order is wrong until quality says otherwise."""
    if not journey.others or not journey.merges or journey.order.state not in ACTIVE:
        return
    own = placed_for(journey)
    for other in journey.others:
        if other.state not in ACTIVE or own & other.patient:
            continue
        merges = [m for m in journey.merges if own & {*joined_by(m)} or other.patient & {*joined_by(m)}]
        for merge in merges:
            yield Finding(
                rule="I-39",
                kind="identity-mismatch",
                severity="critical",
                about=("order", journey.order.name),
                cause=f"{merge['id']}:{_named(other)}",
                text="a merge joined two patients who each have an active order",
                settle="QA compares the two with the hospital, which takes the merge back if it is wrong",
                facts=(merge["id"],),
                blocks=EVERYTHING,
                person=True,
            )


def placed_for(journey: Journey) -> frozenset[Key]:
    """Names of the patient whom an order was placed for: as it first says, and what was one with that by then."""
    first = next((e for e in journey.order.facts if is_ref(e["set"].get("patient"))), None)
    return frozenset() if first is None else frozenset(_by_then(first, journey.merges))


def _by_then(first: EventDict, merges: Iterable[EventDict]) -> set[Key]:
    found = set(names(first["set"]["patient"]))
    before = [set(joined_by(merge)) for merge in merges if is_after(first, merge)]
    while more := [joined for joined in before if joined & found and not joined <= found]:
        found = found.union(*more)
    return found


def _named(other: Other) -> str:
    """One name for an order, the same whoever tells of it."""
    return text_of(min(other.names))


RULES = (order_is_the_only_one, merge_joins_no_two_orders)
