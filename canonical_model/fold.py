"""The fold: live facts of one order to its state, the same for every order of arrival. Pure; tens of microseconds.

Architecture 3: facets are joins over the live facts, so only custody and windows depend on the order of times; an event
is live iff no live event supersedes it; a fact from a party without authority is a claim and stays out of the facets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from canonical_model.catalogue import EVENTS, EXCLUSIVE, STATES
from canonical_model.events import is_coarse, sort_key
from canonical_model.ids import name_key
from canonical_model.journey import Custody, EventDict, Handover, Journey, Key, RecordState, keys_of

CONTAINER_ENDS = frozenset({"container.emptied", "container.destroyed"})
STAGES = (
    "enrolled",
    "ordered",
    "allocated",
    "scheduled",
    "collected",
    "outbound",
    "received",
    "manufacturing",
    "testing",
    "dispositioned",
    "stored",
    "returning",
    "at-site",
    "infusing",
    "infused",
    "follow-up",
    "closed",
)
_STATE_RANK = {kind: {state: rank for rank, state in enumerate(states)} for kind, states in STATES.items()}


def fold(order: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """State of the order that has these names, from the facts that touch it in any order and any number of times."""
    ordered = sorted({event["id"]: event for event in events}.values(), key=sort_key)
    alive = live(ordered)
    journey = Journey(names=frozenset(order), events=ordered)
    facts = [event for event in ordered if event["id"] in alive]
    spoken = [event for event in facts if has_authority(event)]
    journey.claims = [event for event in facts if not has_authority(event)]
    classes = _Classes(facts, journey.names)
    for event in spoken:
        _apply(journey, classes, event)
    journey.names = frozenset(_order_names(journey))
    _custody(journey, spoken, classes)
    journey.held = _held(spoken)
    journey.attempt = max([1, *(_attempt(record) for record in journey.of("collection"))])
    journey.stage = _stage(journey)
    return journey


def has_authority(event: EventDict) -> bool:
    """True when the reporter's role is one whose word counts for this type of fact (domain design 2.3)."""
    return event["reporter"]["role"] in EVENTS[event["type"]].roles


def live(events: Sequence[EventDict]) -> set[str]:
    """Ids of the events that no live event supersedes: undoing a correction revives what it corrected."""
    by_target: dict[str, list[str]] = {}
    for event in events:
        for target in event.get("supersedes", ()):
            by_target.setdefault(target, []).append(event["id"])
    if not by_target:
        return {event["id"] for event in events}
    known: dict[str, bool] = {}

    def is_live(event_id: str, trail: frozenset[str]) -> bool:
        if event_id not in known:
            over = [other for other in by_target.get(event_id, ()) if other not in trail]
            known[event_id] = not any(is_live(other, trail | {event_id}) for other in over)
        return known[event_id]

    return {event["id"] for event in events if is_live(event["id"], frozenset())}


class _Classes:
    """Which names are one record, as the live facts join them. An order's placer number never joins another's."""

    def __init__(self, events: Iterable[EventDict], order_names: frozenset[Key]) -> None:
        self.parent: dict[Key, Key] = {}
        self.order_names = order_names
        for event in events:
            keys = self.keys(event["about"])
            self._join(keys)
            retired = event.get("set", {}).get("retired")
            if event["type"] == "subject.merged" and retired:
                self._join([keys[0], *(name_key("subject", identifier) for identifier in retired)])

    def keys(self, ref: dict[str, Any]) -> list[Key]:
        return [name_key(ref["kind"], identifier) for identifier in ref["identifiers"]]

    def _join(self, keys: list[Key]) -> None:
        if keys[0][0] == "order":  # the linker says which names are this order's; here nothing joins orders
            keys = keys[:1]
        root = self.root(keys[0])
        for key in keys[1:]:
            other = self.root(key)
            if other != root:
                low, high = sorted((root, other))
                self.parent[high] = low
                root = low

    def root(self, key: Key) -> Key:
        if key[0] == "order" and key in self.order_names:
            return ("order", "", "")
        while (above := self.parent.get(key, key)) != key:
            key = above
        return key

    def name(self, ref: dict[str, Any]) -> str:
        """One name for the record of a reference; the same whichever of its identifiers is used."""
        keys = self.keys(ref)
        if ref["kind"] == "order" and any(key in self.order_names for key in keys):
            return ""
        return "|".join(self.root(keys[0])[1:])


def _apply(journey: Journey, classes: _Classes, event: EventDict) -> None:
    """Adds one fact to the record that it is about."""
    about = event["about"]
    name = classes.name(about)
    records = journey.records.setdefault(about["kind"], {})
    record = records.get(name)
    if record is None:
        record = records[name] = RecordState(about["kind"], name)
    for identifier in about["identifiers"]:
        key = name_key(about["kind"], identifier)
        if key not in keys_of(record):
            record.identifiers.append(identifier)
    record.facts.append(event)
    for field, value in event.get("set", {}).items():
        record.fields[field] = value
    for path in event.get("clear", ()):
        record.fields.pop(path.partition("[")[0].partition(".")[0], None)
    becomes = EVENTS[event["type"]].becomes
    if becomes:
        _reach(record, becomes)


def _reach(record: RecordState, state: str) -> None:
    """Joins a state into the record's facet; states that exclude each other are a conflict, the later row wins."""
    for pair in EXCLUSIVE.get(record.kind, ()):
        if state in pair and record.state in pair and state != record.state:
            first, second = sorted(pair)
            if (first, second) not in record.conflicts:
                record.conflicts.append((first, second))
    ranks = _STATE_RANK.get(record.kind, {})
    if not record.state or ranks.get(state, -1) > ranks.get(record.state, -1):
        record.state = state


def _order_names(journey: Journey) -> set[Key]:
    names = set(journey.names)
    for record in journey.of("order"):
        if record.name == "":
            names.update(keys_of(record))
    return names


# ---- custody --------------------------------------------------------------------------------------------------


def party_name(ref: dict[str, Any] | None) -> str:
    """Short name of a party reference: the value of its first identifier with its system."""
    if not ref:
        return ""
    identifier = ref["identifiers"][0]
    return f"{identifier['system']}|{identifier['value']}"


def _custody(journey: Journey, events: Iterable[EventDict], classes: _Classes) -> None:
    """Chains of custody: opened by creation, moved by transfers, closed by emptying or destruction."""
    shipments = _contents(journey, classes)
    for event in events:
        type_ = event["type"]
        if type_ == "container.created":
            chain = _chain(journey, classes.name(event["about"]))
            holder = party_name(event["set"].get("holder")) or event["reporter"]["partner"]
            _step(chain, "", holder, event)
        elif type_ == "custody.transferred":
            _step(
                _chain(journey, classes.name(event["about"])),
                party_name(event["set"].get("giver")),
                party_name(event["set"].get("taker")) or event["reporter"]["partner"],
                event,
            )
        elif type_ in {"shipment.departed", "shipment.accepted"} and (
            event["set"].get("giver") or event["set"].get("taker")
        ):
            for container in shipments.get(classes.name(event["about"]), ()):
                _step(
                    _chain(journey, container),
                    party_name(event["set"].get("giver")),
                    party_name(event["set"].get("taker")) or event["reporter"]["partner"],
                    event,
                )
        elif type_ in CONTAINER_ENDS:
            _chain(journey, classes.name(event["about"])).closed = True
    for chain in journey.custody.values():
        _walk(chain)


def _contents(journey: Journey, classes: _Classes) -> dict[str, list[str]]:
    """Containers of each shipment, as all live facts together list them."""
    contents: dict[str, list[str]] = {}
    for shipment in journey.of("shipment"):
        inside: list[str] = []
        for fact in shipment.facts:
            for ref in fact.get("set", {}).get("contents", ()):
                if ref.get("kind") == "container":
                    name = classes.name(ref)
                    if name not in inside:
                        inside.append(name)
        contents[shipment.name] = inside
    return contents


def _chain(journey: Journey, container: str) -> Custody:
    return journey.custody.setdefault(container, Custody(container))


def _step(chain: Custody, giver: str, taker: str, event: EventDict) -> None:
    place = event["set"].get("location") or event["set"].get("place")
    chain.steps.append(
        Handover(
            giver, taker, event["occurred"]["at"], place, event["id"], is_coarse(event), event["reporter"]["partner"]
        )
    )


def _walk(chain: Custody) -> None:
    """Follows the steps in the order of facts. Both sides of one handover may report it: the second adds nothing."""
    holder = ""
    for index, step in enumerate(chain.steps):
        if index == 0 and not step.giver:
            holder = step.taker
            chain.since = step.at
            continue
        if step.taker == holder and (not step.giver or step.giver != holder):
            if step.giver and not any(
                earlier.giver == step.giver and earlier.taker == step.taker for earlier in chain.steps[:index]
            ):
                chain.gaps.append((holder, step.giver, step))
            continue
        if index == 0 or (step.giver and step.giver != holder):
            chain.gaps.append((holder, step.giver, step))
        holder = step.taker
        chain.since = step.at
    chain.holder = holder


# ---- headline -------------------------------------------------------------------------------------------------


def _held(events: Iterable[EventDict]) -> bool:
    """True while a hold has no later resumption; a resumption known only to the hour does not lift a hold of that hour."""
    held = False
    until = None
    for event in events:
        if event["type"] == "order.held" or event["type"] == "subject.deceased":
            held = True
            until = sort_key(event)[0]
        elif event["type"] == "order.resumed":
            held = held and is_coarse(event) and until is not None and sort_key(event)[0] == until
    return held


def _attempt(record: RecordState) -> int:
    return int(record.fields.get("attempt") or 1)


def _stage(journey: Journey) -> str:
    """The most advanced stage that the facts of the open attempts support (domain design 2.1)."""
    order = journey.order
    if order.state in {"cancelled", "failed", "rejected"}:
        return "cancelled" if order.state != "failed" else "failed"
    reached = [stage for stage, test in _SUPPORTED.items() if test(journey)]
    return max(reached, key=STAGES.index) if reached else ""


def _any_state(journey: Journey, kind: str, *states: str) -> bool:
    return any(record.state in states for record in journey.of(kind))


def _any_fact(journey: Journey, *types: str) -> bool:
    return any(event["type"] in types and has_authority(event) for event in journey.events)


def _shipped(journey: Journey, direction: str, *states: str) -> bool:
    return any(
        record.state in states and record.fields.get("direction", "collection-outbound") == direction
        for record in journey.of("shipment")
    )


_SUPPORTED = {
    "enrolled": lambda j: _any_fact(j, "subject.enrolled", "subject.updated"),
    "ordered": lambda j: j.order.state in {"submitted", "accepted", "completed", "closed"},
    "allocated": lambda j: _any_state(j, "container", "allocated"),
    "scheduled": lambda j: _any_state(j, "appointment", "booked", "done"),
    "collected": lambda j: _any_state(j, "collection", "completed"),
    "outbound": lambda j: _shipped(j, "collection-outbound", "packed", "in-transit", "delivered"),
    "received": lambda j: _any_fact(j, "material.received") or _shipped(j, "collection-outbound", "accepted"),
    "manufacturing": lambda j: _any_state(j, "batch", "running"),
    "testing": lambda j: _any_state(j, "batch", "completed"),
    "dispositioned": lambda j: _any_fact(j, "disposition.decided"),
    "stored": lambda j: _any_fact(j, "disposition.decided") and _any_state(j, "container", "stored"),
    "returning": lambda j: _shipped(j, "to-patient", "packed", "in-transit"),
    "at-site": lambda j: _shipped(j, "to-patient", "delivered", "accepted"),
    "infusing": lambda j: _any_state(j, "administration", "running", "thawing"),
    "infused": lambda j: _any_state(j, "administration", "completed", "stopped"),
    "follow-up": lambda j: _any_fact(j, "outcome.reported", "followup.scheduled", "followup.completed"),
    "closed": lambda j: j.order.state == "closed",
}
