"""The fold: live facts of one order to its state, the same for every order of arrival. Pure; microseconds a fact.

Architecture 3: facets are joins over the live facts, so only custody, windows and what comes and goes depend on the
order of times; an event is live iff no live event supersedes it; a fact from a party without authority is a claim and
stays out of everything but the list of claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from canonical_model.catalogue import EVENTS
from canonical_model.codes import STATES
from canonical_model.custody import chains
from canonical_model.events import SortKey, cleared_field, has_authority, is_after, may_supersede, sort_key
from canonical_model.holds import is_held
from canonical_model.ids import Key, canonical_json, name_key
from canonical_model.joins import COMING_AND_GOING, EXCLUSIVE, IMPLIED, REOPENING, RESTRICTIVE, STATED
from canonical_model.journey import Disagreement, EventDict, Journey, RecordState, party_name
from canonical_model.naming import Classes
from canonical_model.stage import attempts_of, stage_of

_RANKS = {kind: {state: rank for rank, state in enumerate(states)} for kind, states in STATES.items()}
PARTS = frozenset({"period", "label"})
"""Fields whose parts come from different facts (a start, then an end): parts that do not overlap are joined."""
APART = frozenset({"eligibility"})
"""Fields whose parts are decided each by itself: a fact replaces the parts that it states, and leaves the others."""
ITEMS: dict[str, tuple[str, ...]] = {"steps": ("sequence", "identifier")}
"""Lists whose items come from different facts, each with the parts that tell an item from others: they are joined."""
BY_CUSTODY = frozenset({"giver", "taker", "holder", "place", "location"})
"""Fields that say where a thing is and who holds it: what facts of one moment differ in here is custody's business."""


def fold(order: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """State of the order that has these names, from the facts that touch it in any order and any number of times."""
    journey = records(order, events)
    journey.custody = chains(journey)
    journey.held = is_held(journey)
    journey.attempts = attempts_of(journey)
    journey.attempt = max(attempt.number for attempt in journey.attempts)
    journey.stage = stage_of(journey, journey.attempts)
    return journey


def records(order: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """The same without what only all records together tell: custody, holds, attempts and stage."""
    ordered = sorted((sort_key(event), event) for event in _once(events))
    log = [event for _, event in ordered]
    alive, corrections = _liveness(log)
    spoken: list[EventDict] = []
    keys: list[SortKey] = []
    claims: list[EventDict] = []
    for key, event in ordered:
        if event["id"] not in alive:
            continue
        if has_authority(event):
            spoken.append(event)
            keys.append(key)
        else:
            claims.append(event)
    classes = Classes(spoken, order)
    aliases = classes.aliases()
    journey = Journey(classes.own, claims=claims, facts=spoken, events=log, aliases=aliases, merges=classes.merges)
    found = _Records(journey)
    for event, name, names, key in zip(spoken, classes.named(aliases), classes.keys, keys, strict=True):
        found.add(name, names, event, key)
    found.settle(corrections)
    return journey


def _once(events: Iterable[EventDict]) -> Iterable[EventDict]:
    """Each event once; of copies recorded at different times the earliest."""
    events = [*events]
    unique = {event["id"]: event for event in events}
    if len(unique) == len(events):
        return events
    unique = {}
    for event in events:
        other = unique.setdefault(event["id"], event)
        if other is not event and event["recorded"] < other["recorded"]:
            unique[event["id"]] = event
    return unique.values()


# ---- liveness -------------------------------------------------------------------------------------------------


def live(events: Sequence[EventDict]) -> set[str]:
    """Ids of the events that no live event supersedes: undoing a correction revives what it corrected."""
    return _liveness(events)[0]


def _liveness(events: Sequence[EventDict]) -> tuple[set[str], list[list[EventDict]]]:
    """The live ids, and the groups of live events that correct one and the same fact.

    From the last corrections backwards; what is left supersedes itself in a circle, and stands until a person decides.
    """
    over: dict[str, list[EventDict]] = {}
    known = None
    for event in events:
        for target in event.get("supersedes", ()):
            known = known or {e["id"]: e for e in events}
            if target in known and target != event["id"] and may_supersede(event, known[target]):
                over.setdefault(target, []).append(event)
    alive = {event["id"] for event in events}
    if not over:
        return alive, []
    settled, waiting = set(), [event_id for event_id in alive if event_id not in over]
    open_over = {target: {event["id"] for event in above} for target, above in over.items()}
    below: dict[str, list[str]] = {}
    for target, above in over.items():
        for event in above:
            below.setdefault(event["id"], []).append(target)
    while waiting:
        event_id = waiting.pop()
        settled.add(event_id)
        for target in below.get(event_id, ()):
            if target in settled:
                continue
            if event_id in alive:
                alive.discard(target)
                waiting.append(target)
                settled.add(target)
            else:
                open_over[target].discard(event_id)
                if not open_over[target]:
                    waiting.append(target)
    return alive, [[e for e in above if e["id"] in alive] for _, above in sorted(over.items())]


# ---- records --------------------------------------------------------------------------------------------------

_Saying = tuple[SortKey, EventDict, Any]
"""A fact with its sort key and what it states of a field; nothing where it clears it."""
_Said = dict[str, _Saying]


class _Records:
    """Builds the records of a journey from facts in their order."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._said: dict[tuple[str, str], _Said] = {}
        self._reached: dict[tuple[str, str], list[tuple[str, EventDict]]] = {}
        self._tied: dict[tuple[str, str], dict[str, set[str]]] = {}

    def add(self, name: str, names: Sequence[Key], event: EventDict, key: SortKey) -> None:
        """Adds one fact to the record that it is about; `names` are the names that tell it from others."""
        about = event["about"]
        kind = about["kind"]
        where = (kind, name)
        said = self._said.get(where)
        if said is None:
            said = self._said[where] = {}
            self._journey.records.setdefault(kind, {})[name] = RecordState(kind, name)
        record = self._journey.records[kind][name]
        if len(names) < len(about["identifiers"]) or not record.keys.issuperset(names):
            for identifier in about["identifiers"]:
                known = name_key(kind, identifier)
                if known not in record.keys:
                    record.keys.add(known)
                    record.identifiers.append(identifier)
        record.facts.append(event)
        type_, fields, values = event["type"], record.fields, event["set"]
        if type_ in IMPLIED:
            values = {**IMPLIED[type_], **values}
        for field, value in values.items():
            saying = (key, event, value)
            if field in said:
                if self._ties(where, field, said[field], saying) and field in RESTRICTIVE:
                    value = _stricter(field, fields.get(field), value)
                elif field in PARTS:
                    value = _joined(fields.get(field), value)
                elif field in APART:
                    value = _apart(fields.get(field), value)
                elif field in ITEMS:
                    value = _items_joined(fields.get(field), value, ITEMS[field])
            fields[field] = value
            said[field] = saying
        for path in event.get("clear", ()):
            self._clear(record, said, path, key, event)
        becomes = EVENTS[type_].becomes
        if type_ in STATED and values.get("status") in STATES[kind]:
            becomes = values["status"]
        if becomes:
            self._reached.setdefault(where, []).append((becomes, event))

    def _ties(self, where: tuple[str, str], field: str, earlier: _Saying, later: _Saying) -> bool:
        """Notes a tie: two facts of one instant, which nothing puts in order, state a field differently."""
        one, other = earlier[0], later[0]
        if one[0] == other[0] and one[1] == other[1] and (one[2] != other[2] or one[3] == other[3]):
            if _differ(field, earlier[2], later[2]):
                ties = self._tied.setdefault(where, {})
                ties.setdefault(field, set()).update((earlier[1]["id"], later[1]["id"]))
                return True
        elif where in self._tied:  # a later statement settles it
            self._tied[where].pop(field, None)
        return False

    def _clear(self, record: RecordState, said: _Said, path: str, key: SortKey, event: EventDict) -> None:
        """Empties a path: at the sender's word always, by a snapshot's silence only what the same partner said."""
        field, part = _split(path)
        if field not in said:
            return
        if path.startswith("?"):
            if said[field][1]["reporter"]["partner"] == event["reporter"]["partner"]:
                _withdraw(record, said, field, event["reporter"]["partner"])
            return
        saying = (key, event, None)
        self._ties((record.kind, record.name), field, said[field], saying)
        left = _without(record.fields.pop(field, None), part)
        if left:
            record.fields[field] = left
        said[field] = saying

    def settle(self, corrections: Iterable[list[EventDict]]) -> None:
        """What only all facts together tell: states, conflicts of states, disagreements."""
        for (kind, name), reached in self._reached.items():
            record = self._journey.records[kind][name]
            states = _unsettled(reached, REOPENING[kind]) if kind in REOPENING else [state for state, _ in reached]
            record.state = _state(kind, states)
            record.conflicts = [pair for pair in EXCLUSIVE.get(kind, ()) if pair[0] in states and pair[1] in states]
        for (kind, name), ties in self._tied.items():
            by_facts: dict[tuple[str, ...], list[str]] = {}
            for field, facts in ties.items():
                by_facts.setdefault(tuple(sorted(facts)), []).append(field)
            self._journey.records[kind][name].disagreements += [
                Disagreement("moment", tuple(sorted(fields)), facts) for facts, fields in sorted(by_facts.items())
            ]
        self._retire()
        for group in corrections:
            self._rivals([event for event in group if has_authority(event)])

    def _retire(self) -> None:
        """A subject retires the names that standing merges retired: all of them, and none that was parted again."""
        told = [r for r in self._journey.of("subject") if r.named("subject.merged") or r.named("subject.unmerged")]
        for record in told:
            merged = [m for m in self._journey.merges if self._journey.name_of(m["about"]) == record.name]
            names = {name_key("subject", i): i for merge in merged for i in merge["set"]["retired"]}
            record.fields.pop("retired", None)
            if names:
                record.fields["retired"] = [names[key] for key in sorted(names)]

    def _rivals(self, group: list[EventDict]) -> None:
        """Live corrections of one fact: where they say different things, the more restrictive value holds."""
        ids = frozenset(event["id"] for event in group)
        stated = [{"type": event["type"], **event["set"]} for event in group]
        differing = sorted(
            {
                field
                for one in stated
                for other in stated
                for field in one.keys() & other.keys()
                if one[field] != other[field]
            }
        )
        if not differing:
            return
        journey = self._journey
        for event_id in ids:
            journey.rivals[event_id] = journey.rivals.get(event_id, frozenset()) | ids
        record = next(r for r in journey.all_of(group[0]["about"]) if group[0] in r.facts)
        record.disagreements.append(Disagreement("corrections", tuple(differing), tuple(sorted(ids))))
        said = self._said[record.kind, record.name]
        for field in differing:
            if field in RESTRICTIVE and field in said and said[field][1]["id"] in ids:
                for event in group:
                    record.fields[field] = _stricter(field, record.fields.get(field), event["set"].get(field))


def _split(path: str) -> tuple[str, str]:
    """Field and part of a clear path: `?period.end` -> `period`, `end`; `parents[placer]` -> `parents`, `[placer]`."""
    field = cleared_field(path)
    return field, path.removeprefix("?")[len(field) :].removeprefix(".")


def _without(value: Any, part: str) -> Any:
    """What a cleared part leaves of a field: an object without that name, a list without the items so marked."""
    if part.startswith("[") and isinstance(value, list):
        marks = set(part[1:].partition("]")[0].split(","))
        return [item for item in value if not (isinstance(item, dict) and marks <= {str(v) for v in item.values()})]
    if part and isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != part.partition(".")[0]}
    return None


def _differ(field: str, one: Any, other: Any) -> bool:
    """True when two statements of a field cannot both stand."""
    if one == other or field in BY_CUSTODY:
        return False
    if field in ITEMS and isinstance(one, list) and isinstance(other, list):
        mine, theirs = (_by_mark(items, ITEMS[field]) for items in (one, other))
        both = [(mine[mark], theirs[mark]) for mark in mine.keys() & theirs.keys()]
        return any(a[part] != b[part] for a, b in both for part in a.keys() & b.keys())
    if field in APART and isinstance(one, dict) and isinstance(other, dict):
        return any(one[part] != other[part] for part in one.keys() & other.keys())
    return not (field in PARTS and isinstance(one, dict) and isinstance(other, dict) and not one.keys() & other.keys())


def _stricter(field: str, one: Any, other: Any) -> Any:
    """The more restrictive of two values; a value that nobody knows restricts nothing."""
    ranks = RESTRICTIVE[field]
    known = [value for value in (one, other) if value in ranks]
    return max(known, key=ranks.index) if known else other


def _joined(old: Any, new: Any) -> Any:
    """Both parts of a composite field where they do not overlap; else the new one alone."""
    if isinstance(old, dict) and isinstance(new, dict) and not old.keys() & new.keys():
        return {**old, **new}
    return new


def _apart(old: Any, new: Any) -> Any:
    """The new parts, with those of the old that the new one says nothing of."""
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def _items_joined(old: Any, new: Any, marks: tuple[str, ...]) -> Any:
    """The items of both lists in the order of their marks; of one in both lists what the new one says holds."""
    if not isinstance(old, list) or not isinstance(new, list):
        return new
    before, after = _by_mark(old, marks), _by_mark(new, marks)
    return [{**before.get(mark, {}), **after.get(mark, {})} for mark in sorted(before.keys() | after.keys())]


def _by_mark(items: Sequence[dict[str, Any]], marks: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Items by what tells them apart, as text that sorts numbers by size; one that has no mark by all that it says."""

    def mark(item: dict[str, Any]) -> str:
        stated = next((item[name] for name in marks if name in item), item)
        return str(stated).zfill(9) if isinstance(stated, int) else canonical_json(stated).decode()

    return {mark(item): item for item in items}


def _withdraw(record: RecordState, said: _Said, field: str, partner: str) -> None:
    """A snapshot is silent about what its sender said before: what another partner said stands again, if anything."""
    silent = {partner}
    record.fields.pop(field, None)
    said.pop(field)
    for fact in reversed(record.facts):
        speaker = fact["reporter"]["partner"]
        if speaker not in silent and field in fact["set"]:
            record.fields[field] = fact["set"][field]
            said[field] = (sort_key(fact), fact, fact["set"][field])
            return
        for path in fact.get("clear", ()):
            if _split(path)[0] == field:
                if not path.startswith("?"):
                    return
                silent.add(speaker)


def _state(kind: str, states: Sequence[str]) -> str:
    """The state that all live facts together reach: the furthest; among what comes and goes the latest."""
    if len(states) == 1:
        return states[0]
    going = COMING_AND_GOING.get(kind, frozenset())
    ranks = _RANKS[kind]
    final = [state for state in states if state not in going]
    return max(final, key=ranks.__getitem__) if final else states[-1]


def _unsettled(reached: Sequence[tuple[str, EventDict]], reopening: Mapping[str, bool]) -> list[str]:
    """The states that facts reach, without those which what reopened the record took back."""
    openings = [event for _, event in reached if event["type"] in reopening]

    def stands(event: EventDict) -> bool:
        return event["type"] in reopening or not any(
            is_after(again, event) or (reopening[again["type"]] and not is_after(event, again)) for again in openings
        )

    return [state for state, event in reached if stands(event)]


__all__ = ["fold", "has_authority", "is_held", "live", "party_name"]
