"""A resource stated again of a record that is there (a PUT by criteria without If-Match): what is new in it. Pure.

What it repeats is no fact, and what it leaves out stays. A state to which the record returns is new: the same words
were true before, and others since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.fhir_r4.diff import same
from canonical_model.events import is_after, sort_key
from canonical_model.holds import deaths, ended_consents
from canonical_model.ids import name_key
from canonical_model.journey import Journey
from canonical_model.values import parse_instant
from hub.conversion import Part
from hub.resources import Found
from hub.updates import AMENDED, OF_THE_UPDATE, STATES, is_resumption
from mappings.faults import Fault

Event = Mapping[str, Any]
Settled = Callable[[Any], Any]
"""A value with every reference as the record that it leads to: one thing has one spelling."""


@dataclass(frozen=True, slots=True)
class There:
    """The record as its partner sees it, and what the hub knows of it."""

    found: Found
    shown: Sequence[Event]
    """Frames of the version that is there, as this partner may see it."""
    facts: Sequence[Event]
    """Live facts about the record, of every reporter."""
    may_resume: bool
    """Whether the partner may end what holds the order: nobody else said it."""
    now: Mapping[str, Any] | None
    """When the resource came, as a When; None where that is not after what was said before for certain."""
    sequence: str
    """The place of the update after what it found, in its sender's own sequence."""
    settled: Settled


@dataclass(slots=True)
class Narrowed:
    """What is to be told of a resource of which what is new was left, and whether that contradicts what is there."""

    told: list[Fault] = field(default_factory=list)
    contradicts: bool = False


def narrow(parts: Iterable[Part], frames: Sequence[Event], there: There, place: str) -> Narrowed:
    """Leaves of the parts' assertions about the record what is new."""
    found = Narrowed()
    said = {frame["key"]: frame for frame in frames}
    for part in parts:
        kept = []
        for assertion in part.assertions:
            if not _is_about(assertion, said, there):
                kept.append(assertion)
                continue
            new, faults = _new(assertion, said, there, place)
            kept += [{**one, "sequence": there.sequence} for one in new]
            found.told += faults
            found.contradicts |= bool(new) and _contradicts(said[assertion["frame"]], said, there)
        part.assertions = kept
    return found


def _contradicts(frame: Event, said: Mapping[str, Event], there: There) -> bool:
    """True where a field that is there has another value: one that is not may only not be shown to this partner."""
    beside = [one for one in said.values() if one["kind"] == "identity" and one["parent"] == frame["key"]]
    return any(
        name in base and not _same(there, value, base[name])
        for one in (frame, *beside)
        for base in (_first(there.shown, one["kind"]),)
        for name, value in one["set"].items()
    )


def may_resume(partner: str, journey: Journey) -> bool:
    """True where nobody but this partner holds the order: it goes on by this partner's word, whatever it was shown."""
    if not is_held_by_word(journey):
        return False
    order = journey.order
    resumed = order.named("order.resumed")
    holds = (hold for hold in order.named("order.held") if not any(is_after(end, hold) for end in resumed))
    return all(hold["reporter"]["partner"] == partner for hold in holds)


def is_held_by_word(journey: Journey) -> bool:
    """True where nothing holds the order that ends by nobody's word: a death, a withdrawn consent."""
    return not deaths(journey) and not ended_consents(journey)


def _is_about(assertion: Event, said: Mapping[str, Event], there: There) -> bool:
    about, found = assertion["about"], there.found
    if about["kind"] != found.kind:
        return False
    if "frame" in about:  # a person, whom only the vault names
        return not said[about["frame"]].get("parent")
    known = {name_key(found.kind, name) for name in found.body["identifiers"]}
    return not known.isdisjoint(name_key(found.kind, name) for name in about["identifiers"])


def _new(
    assertion: dict[str, Any], said: Mapping[str, Event], there: There, place: str
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """What is new in one assertion, as the assertions that say it."""
    kind, frame = there.found.kind, said[assertion["frame"]]
    base = _first(there.shown, kind)
    differs = {name for name, value in frame["set"].items() if not _same(there, value, base.get(name))}
    news = {name: value for name, value in assertion["set"].items() if name in differs}
    is_known = any(fact["type"] == assertion["type"] for fact in there.facts)
    if kind == "subject":
        is_new = bool(news) or not is_known or _tells_of_person(frame["key"], said, there)
        return ([assertion] if is_new else []), []
    known = {name_key(kind, name) for name in there.found.body["identifiers"]}
    is_named = {name_key(kind, name) for name in assertion["about"]["identifiers"]} <= known
    has_moved = bool(STATES & differs)
    if is_known and is_named and not news and not has_moved:
        return [], []
    beside = {name: value for name, value in assertion["set"].items() if name not in frame["set"]}
    new = {**assertion, "set": {**beside, **news}}
    if kind == "order" and is_resumption(base, frame["set"]):
        first = [] if is_known else [_before_the_hold(assertion)]
        return _resumed(new, first, there, place)
    if not is_known and (kind != "order" or assertion["type"] == "order.submitted"):
        return [assertion], []
    if has_moved and kind != "order":
        return [_at(assertion, there)], []
    if not has_moved:
        return [_at({**new, "type": AMENDED.get(kind, "record.amended"), "occurred": None}, there)], []
    return [_at({**new, "occurred": None}, there)], []


def _resumed(
    new: dict[str, Any], first: list[dict[str, Any]], there: There, place: str
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The end of a hold, where the partner's word ends it; what stays on hold all the same is told."""
    if not there.may_resume:
        return first or [_before_the_hold(new)], [Fault("conflict", f"{place}.status", HELD)]
    resumed = _at({**new, "type": "order.resumed", "occurred": None}, there)
    if ends_holds(there.facts, there.now):
        return [*first, resumed], []
    return [*first, without_state(resumed)], [Fault("conflict", f"{place}.status", UNCERTAIN)]


def without_state(assertion: Mapping[str, Any]) -> dict[str, Any]:
    """The same, saying nothing of the order's state: it shows on hold as long as it may be."""
    return {**assertion, "set": {name: value for name, value in assertion["set"].items() if name != "state"}}


def after_all(facts: Iterable[Event], now: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """This moment, unless a fact may be later: one of today without its time. Then only the day is known."""
    instant = parse_instant(now["at"])
    return None if any(sort_key(fact)[0] >= instant for fact in facts) else now


def ends_holds(facts: Iterable[Event], now: Mapping[str, Any] | None) -> bool:
    """True where a resumption of this moment is after every hold for certain."""
    if now is None:
        return False
    end = {"type": "order.resumed", "occurred": now, "reporter": {"partner": ""}, "ordinal": "", "id": ""}
    return all(is_after(end, fact) for fact in facts if fact["type"] == "order.held")


HELD = "the hold stands, because others said it; read the order and send the change with If-Match"
UNCERTAIN = "recorded, and the order stays on hold: the hold was told without its time; send it again tomorrow"


def _at(assertion: dict[str, Any], there: There) -> dict[str, Any]:
    """With the time of the update, where that is when it happened and nothing else is stated."""
    if there.found.kind not in OF_THE_UPDATE:
        return assertion
    return {**assertion, "occurred": assertion["occurred"] or (dict(there.now) if there.now else None)}


def _before_the_hold(assertion: dict[str, Any]) -> dict[str, Any]:
    """A request called active, at its own time, which is before the hold; without one it says nothing of its state."""
    return assertion if assertion["occurred"] is not None else without_state(assertion)


def _tells_of_person(key: str, said: Mapping[str, Event], there: There) -> bool:
    """True where the identity beside a subject says what the vault does not have from this partner."""
    told: Mapping[str, Any] = next(
        (f["set"] for f in said.values() if f["kind"] == "identity" and f["parent"] == key), {}
    )
    base = _first(there.shown, "identity")
    return any(not _same(there, value, base.get(name)) for name, value in told.items())


def _same(there: There, value: Any, base: Any) -> bool:
    """True where a value says no more than what is there; of identifiers, that they are there."""
    if _are_identifiers(value) and _are_identifiers(base or []):
        return {_name(item) for item in value} <= {_name(item) for item in base or []}
    return same(there.settled(value), there.settled(base))


def _are_identifiers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, Mapping) and {"system", "value"} <= v.keys() for v in value)


def _name(identifier: Event) -> tuple[str, str]:
    return identifier["system"], identifier["value"]


def _first(frames: Iterable[Event], kind: str) -> Mapping[str, Any]:
    return next((frame["set"] for frame in frames if frame["kind"] == kind), {})


__all__ = [
    "UNCERTAIN",
    "Narrowed",
    "There",
    "after_all",
    "ends_holds",
    "is_held_by_word",
    "may_resume",
    "narrow",
    "without_state",
]
