"""What no hub can know: the closed list of reasons for which an answer may allow more than the true one. Runs no hub.

Each excuse is a hole. It counts only for what it names, until the hub hears something that points at what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.ids import name_key
from canonical_model.protocols import DEFAULT_SKEW
from tests.verify.worlds import Telling, World


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why an answer may be too mild, what was not told, and the rules that would have spoken."""

    name: str
    why: str
    types: frozenset[str]
    rules: frozenset[str]


WORD = Excuse(
    "word",
    "somebody decided or found something, and it follows from nothing else that was told",
    frozenset(
        {
            *("subject.deceased", "consent.withdrawn", "order.held", "order.cancelled", "order.completed"),
            *("order.closed", "eligibility.decided", "disposition.decided", "deviation.opened", "recall.initiated"),
            *("result.corrected", "result.reported", "party.suspended", "batch.failed", "identity.verified"),
            *("container.destroyed", "readings.recorded", "followup.scheduled", "material.stated", "order.amended"),
        }
    ),
    frozenset(
        {
            *("I-1", "I-2", "I-5", "I-6", "I-7", "I-9", "I-10", "I-11", "I-12", "I-13", "I-14", "I-15", "I-16"),
            *("I-17", "I-19", "I-20", "I-22", "I-24", "I-25", "I-30", "I-32"),
        }
    ),
)
DEED = Excuse(
    "deed",
    "something was done, and nothing that came later shows it: it looks as if it were still to be done",
    frozenset(
        {
            *("collection.started", "collection.completed", "batch.started", "batch.completed", "conditioning.started"),
            *("conditioning.completed", "product.thawed", "dose.prepared", "infusion.started", "infusion.completed"),
            *("container.emptied", "shipment.planned", "shipment.packed", "shipment.departed", "shipment.arrived"),
            *("shipment.accepted", "custody.transferred", "container.created", "container.stored", "label.issued"),
            *("container.allocated", "slot.booked"),
        }
    ),
    frozenset(
        {
            *("I-2", "I-3", "I-4", "I-5", "I-7", "I-8", "I-10", "I-12", "I-13", "I-15", "I-16", "I-17", "I-18"),
            *("I-20", "I-21", "I-23", "I-30", "I-33"),
        }
    ),
)
NO_READINGS = Excuse(
    "no readings",
    "of a transit no reading at all is known: that is told (I-3) and stops the acceptance, by design not the infusion",
    frozenset({"readings.recorded"}),
    frozenset({"I-3", "I-5", "I-13", "I-22"}),
)
HALF = Excuse(
    "other half",
    "one side's report of a departure is known, which is the later one: what lay between the two counts as no transit",
    frozenset({"shipment.departed"}),
    frozenset({"I-2", "I-3", "I-13"}),
)
STOCK = Excuse(
    "stock",
    "nobody told which lot and container are the order's: what was found of them is no finding of the order",
    frozenset({"container.allocated"}),
    frozenset({"I-5", "I-6", "I-10", "I-11", "I-13", "I-14", "I-17", "I-23"}),
)
CONSENT = Excuse(
    "consent",
    "a consent that nobody told has an end that nobody told: what asks for none goes on after it",
    frozenset({"consent.recorded"}),
    frozenset({"I-9"}),
)
TIE = Excuse(
    "tie",
    "the one message that tied the order's names together: what is told under another looks like another order's",
    frozenset({"order.accepted"}),
    frozenset({"I-30"}),
)
SLOW = "slow clock"
"""A clock that is behind, or ahead by no more than the tolerance: what it says looks like a report that came late."""
UNSURE = "unsure truth"
"""The true hub cannot tell because of a fact that it cannot link, and this one did not hear that fact."""
EXCUSES = (WORD, DEED, NO_READINGS, STOCK, CONSENT, TIE)


def excuse(world: World, telling: Telling, place: int, at: datetime, reasons: Iterable[tuple[str, str]]) -> str:
    """The name of what excuses an answer under as little of a telling as gives it; empty where nothing does.

    `place` is the message after which it was asked, `at` when; `reasons` are those of the true answer.
    """
    unheard = [n for n in sorted({*telling.lost, *telling.late}) if n <= place and telling.late.get(n, at) >= at]
    rules = {rule for rule, _ in reasons}
    if rules == {"I-41"}:
        return UNSURE
    behind = all(by <= DEFAULT_SKEW for by in telling.clocks.values())
    if unheard and behind and not telling.coarse:
        fitting = [one for n in unheard for one in _fitting(world, telling, n, unheard, at)]
        if rules <= frozenset({"I-41"}).union(*(one.rules for one in fitting)):
            return next((one.name for one in fitting if one.rules & rules), "")
    return SLOW if telling.clocks and behind and not unheard else ""


def _fitting(world: World, telling: Telling, n: int, unheard: Sequence[int], at: datetime) -> Iterator[Excuse]:
    """What excuses that one message was not heard."""
    types = set(world.told[n].types)
    # A shipment of nobody's points at no order.
    nobodys = any("shipment.planned" in world.told[other].types for other in unheard)
    for one in EXCUSES:
        if types & one.types:
            pointed = one in {DEED, STOCK} and not nobodys and points(world, telling, n, at, tied=one is STOCK)
            if not pointed:
                yield one
    if types & HALF.types and _departs_elsewhere(world, telling, n, at):
        yield HALF


USE = frozenset(
    {
        *("identity.verified", "product.thawed", "dose.prepared", "infusion.started", "infusion.completed"),
        "container.emptied",
    }
)
"""What is done with a dose at the bedside. That its container moved or was destroyed does not point at it."""


def points(world: World, telling: Telling, n: int, at: datetime, *, tied: bool = False) -> bool:
    """True when the hub has heard of a thing that a message which it did not hear is about, from what was told after
    it, and can know that the thing is of the order; `tied` where the same fact names the order."""
    about = {key for fact in world.told[n].facts for key in _keys([fact["about"]])}
    of_use = set(world.told[n].types) <= USE
    heard = {m: told.facts for m, told in enumerate(world.told) if _is_heard(world, telling, m, at)}
    about &= _of_order([fact for facts in heard.values() for fact in facts])
    later = [fact for m, facts in heard.items() if m > n for fact in facts if not of_use or fact["type"] in USE]
    return any(about & set(_keys(_refs(fact))) and (not tied or _names_order(fact)) for fact in later)


def _is_heard(world: World, telling: Telling, n: int, at: datetime) -> bool:
    return n not in telling.lost and telling.late.get(n, world.told[n].at) < at


def _names_order(fact: Mapping[str, Any]) -> bool:
    return any(ref["kind"] in {"order", "subject"} for ref in _refs(fact))


def _of_order(facts: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Things that these facts tie to the order, each by a fact that names it or another such thing."""
    found: set[tuple[str, str, str]] = set()
    named = [(set(_keys(_refs(fact))), _names_order(fact)) for fact in facts]
    while True:
        more = {key for keys, direct in named if direct or keys & found for key in keys}
        if more == found:
            return found
        found = more


def _departs_elsewhere(world: World, telling: Telling, n: int, at: datetime) -> bool:
    """True when the other side told of the same departure, and the hub heard that."""
    lost = {key for fact in world.told[n].facts for key in _keys([fact["about"]])}
    return any(
        _is_heard(world, telling, other, at)
        and any(fact["type"] == "shipment.departed" and lost & set(_keys([fact["about"]])) for fact in told.facts)
        for other, told in enumerate(world.told)
    )


_KINDS = frozenset({"container", "shipment", "batch", "collection", "administration", "conditioning", "labels"})


def _keys(refs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for ref in refs:
        if ref["kind"] in _KINDS:
            yield from (name_key(ref["kind"], identifier) for identifier in ref["identifiers"])


def _refs(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "kind" in value and "identifiers" in value:
            yield value
        for inner in value.values():
            yield from _refs(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _refs(inner)


UNNAMED: Mapping[str, str] = {
    "subject.enrolled": "the order names the patient",
    "eligibility.decided": "a change of mind that nothing else shows",
    "slot.held": "a booking says as much, and where none is asked for nothing does",
    "slot.booked": "the Protocol asks for no appointment",
    "label.issued": "labels that nobody counted",
    "material.received": "the acceptance of the shipment says as much",
    "container.stored": "the holder may keep it anywhere",
    "container.created": "a kit that nothing else names",
    "custody.transferred": "the other side told the same, or the last word of all",
    "container.destroyed": "a mishap that nothing else shows",
    "conditioning.started": "one message told the beginning and the end",
    "conditioning.completed": "one message told the beginning and the end",
    "outcome.reported": "nobody promised an outcome",
    "followup.scheduled": "one message told the visit and its end",
    "followup.completed": "one message told the visit and its end",
    "followup.missed": "one message told the visit and its end",
    "followup.lost": "one message told the visit and its end",
    "order.completed": "the last word",
    "order.closed": "the last word",
    "order.held": "a word that nothing else shows",
    "order.cancelled": "a word that nothing else shows",
    "order.amended": "a change that nothing else shows",
    "subject.deceased": "a word that nothing else shows",
    "consent.withdrawn": "a word that nothing else shows",
    "recall.initiated": "a word that nothing else shows",
    "deviation.opened": "a word that nothing else shows",
    "disposition.decided": "a later decision about what was decided before",
    "result.corrected": "a word that nothing else shows",
    "party.suspended": "a word that nothing else shows",
    "batch.failed": "a word that nothing else shows",
    "identity.verified": "a second check after the one that counts",
    "readings.recorded": "a second series of a transit that is covered",
}
"""Types whose loss no rule names, with the reason: a hub hears nothing that points at them. Where partners number their
messages the gap in the numbers does."""
