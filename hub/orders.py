"""The orders that facts touch: remembered between messages, folded again, their Issues and deliveries with them.

A part of the committer, on its thread and in its transactions; knows no message.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from canonical_model import BASE
from canonical_model.events import VERSION
from canonical_model.fold import fold
from canonical_model.ids import event_id, names, normal_system
from canonical_model.journey import Journey, is_ref
from canonical_model.protocols import Protocol
from canonical_model.rules import RULES_VERSION, Finding, check, seen_beside
from canonical_model.rules.orders import placed_for
from canonical_model.values import instant_text
from hub.access import takes_part
from hub.appending import Appender
from hub.claims import Claims
from hub.delivery_issues import find_astray
from hub.links import Links, names_in
from hub.profiles import Profile
from hub.store import Connection

ISSUE_SYSTEM = f"{BASE}/id/issue"
CACHED_JOURNEYS = 300
MOST_BESIDE = 50
"""Of a patient's other orders no more are looked at: beyond it the patient is a test patient."""


@dataclass(slots=True)
class _Journey:
    """What the committer remembers of an order between messages."""

    events: dict[int, dict[str, Any]]
    state: Journey | None = None
    beside: frozenset[str] = frozenset()
    """Journeys of the same patient's other orders, when it was last folded."""
    issues: dict[str, _Told] | None = None
    next_check: str | None = ""
    """When it is to be looked at again; an empty text where the store has not been asked."""


@dataclass(slots=True)
class _Told:
    """An Issue of an order as it was told: what the store has of it but its id and journey."""

    rule: str
    kind: str
    severity: str
    text: str
    settle: str
    facts: str
    opened: str
    closed: str | None = None
    times: int = 1

    @property
    def words(self) -> tuple[str, str, str]:
        """What is told anew when it changes."""
        return self.severity, self.text, self.facts


class Orders:
    """The orders as their live facts leave them, and what follows for Issues and deliveries."""

    def __init__(
        self,
        log: Appender,
        links: Links,
        claims: Claims | None,
        profiles: Mapping[str, Profile],
        protocols: Mapping[str, Protocol],
        clock: Callable[[], datetime],
        connection: Connection,
    ) -> None:
        self._log, self._links, self._claims, self._connection = log, links, claims, connection
        self._profiles, self._protocols, self._clock = profiles, protocols, clock
        self._journeys: OrderedDict[str, _Journey] = OrderedDict()
        self._fresh: set[str] = set()
        """Orders that this transaction folded."""
        self._beside: set[str] = set()
        """Orders to look at again, because another order of their patient is not what it was."""

    def begin(self, anew: bool) -> None:
        """A transaction begins; `anew`: what is remembered of orders does not hold any more."""
        self._fresh = set()
        self._beside.clear()
        if anew:
            self._journeys.clear()
        while len(self._journeys) > CACHED_JOURNEYS:
            self._journeys.popitem(last=False)

    def undone(self) -> None:
        """Something of the transaction was undone: orders are loaded anew, also those of earlier messages."""
        self._beside.clear()
        self._journeys.clear()

    def placed(self) -> None:
        """Positions that were provisional are real from now on."""
        for journey in self._fresh & self._journeys.keys():
            known = self._journeys[journey]
            known.events = {self._log.real(position): event for position, event in known.events.items()}

    def drop(self, journeys: Iterable[str]) -> None:
        """Forgets orders that another writer has changed since."""
        for journey in journeys:
            self._journeys.pop(journey, None)

    def look_beside(self, journeys: Iterable[str]) -> None:
        """Forgets orders of which a fact was taken away, and looks at them and their patients' others again."""
        for journey in sorted(journeys):
            known = self._journeys.pop(journey, None)
            self._beside |= (known.beside if known else frozenset()) | {journey}

    def claim(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Has to itself what these facts may be linked to."""
        if self._claims is not None:
            self.drop(self._links.claim({key for event in events for key in names_in(event)}))

    def state(self, db: Connection, journey: str) -> Journey:
        """The journey as its live facts leave it; of one that has another name by now, that of today."""
        journey = self._links.now(journey)
        if self._claims is not None and not self._links.is_current(journey):
            self.drop(self._links.refresh(journey))
        known = self._known(db, journey)
        return known.state or self._fold(journey, known)

    def remembers(self, journey: str) -> bool:
        """True where an order need not be loaded to be looked at."""
        return journey in self._journeys

    def forget(self, journey: str) -> None:
        """Drops an order from memory: who looks at many, once each, leaves those that messages are about."""
        self._journeys.pop(journey, None)

    def _known(self, db: Connection, journey: str) -> _Journey:
        """The remembered order, loaded where it is not remembered."""
        known = self._journeys.get(journey)
        if known is None:
            known = self._journeys[journey] = _Journey(self._events(db, self._links.positions(journey)))
        self._journeys.move_to_end(journey)
        return known

    def _events(self, db: Connection, positions: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Events at positions: those of this transaction as they are, older ones from the log."""
        found = {position: self._log.new[position] for position in positions if position in self._log.new}
        missing = sorted(set(positions) - found.keys())
        if missing:
            for position, text in db.peek("events_at", orjson.dumps(missing).decode()):
                found[position] = orjson.loads(text)
        return found

    def refold_touched(self, db: Connection) -> None:
        """Folds every order again that facts of this message were linked to, older facts with them."""
        while self._links.made or self._beside:  # an Issue that is raised links what was said of it before
            made, self._links.made = self._links.made, {}
            beside, self._beside = self._beside, set()
            lost, self._links.lost = self._links.lost, set()
            united, self._links.united = self._links.united, set()
            if lost or united:
                db.flush()  # what waits of their Issues is read again
            for journey in lost:
                self._journeys.pop(journey, None)
            for journey in united & self._journeys.keys():
                self._journeys[journey].issues = None
            for journey, positions in made.items():
                self.refold(db, journey, self._events(db, positions))
            for journey in sorted({self._links.now(journey) for journey in beside} - made.keys()):
                self.refold(db, journey, {})
            if lost:
                find_astray(self, db, self._profiles, lost, self._clock())

    def _fold(self, journey: str, known: _Journey) -> Journey:
        known.state = self._alone(journey, known)
        known.beside = self._of_patient(journey, known.state)
        known.state.others = tuple(
            view
            for other in sorted(known.beside)
            if (view := seen_beside(known.state, self._apart(other), self._protocols)) is not None
        )
        return known.state

    def _alone(self, journey: str, known: _Journey) -> Journey:
        return fold(self._links.names_of(journey), known.events.values())

    def _apart(self, journey: str) -> Journey:
        """Another order as it is by itself, whatever it knows of its patient's other orders."""
        known = self._known(self._connection, journey)
        return known.state or self._alone(journey, known)

    def _of_patient(self, journey: str, state: Journey) -> frozenset[str]:
        """Journeys of the orders to which the patient of this one leads, this one apart.

        None where the patient does not lead to this one, as with a number that two orders share by mistake: whoever
        is beside another has that one beside, or it would not be looked at when the other changes.
        """
        patient = state.order.fields.get("patient")
        reached = self._links.orders_of(self._links.members(names(patient))) if is_ref(patient) else set()
        return frozenset(sorted(reached - {journey})[:MOST_BESIDE]) if journey in reached else frozenset()

    def refold(self, db: Connection, journey: str, new: Mapping[int, dict[str, Any]]) -> None:
        """Folds an order again, opens and closes its Issues, plans deliveries and the next look."""
        self._fresh.add(journey)
        known = self._known(db, journey)
        before = self._before(journey, known, new)
        earlier, beside = known.state, known.beside
        known.events.update(new)
        state = self._fold(journey, known)
        if new and (beside or known.beside) and (earlier is None or _aspect(earlier) != _aspect(state)):
            self._beside |= beside | known.beside
        now = self._clock()
        result = check(state, self._protocols, now)
        again = instant_text(result.next_change) if result.next_change else None
        if again != known.next_check:
            known.next_check = again
            db.later("set_check", again, journey)
        issues = self._issues(db, journey, known, result.findings, now)
        known.events.update(issues)
        self._plan(db, journey, before, state, {**new, **issues}, known.events, now)

    def _issues(
        self, db: Connection, journey: str, known: _Journey, findings: Sequence[Finding], now: datetime
    ) -> dict[int, dict[str, Any]]:
        if known.issues is None:
            known.issues = {row[0]: _Told(*row[2:]) for row in db.peek("issues_of", journey)}
        found = {finding.id: _told(finding, instant_text(now)) for finding in findings}
        causes = {finding.id: finding.cause for finding in findings}
        standing = {issue: one.words for issue, one in known.issues.items() if one.closed is None}
        events: dict[int, dict[str, Any]] = {}
        if self._claims is not None and (told := found.keys() ^ standing.keys()):
            self.drop(self._links.claim({("issue", normal_system(ISSUE_SYSTEM), issue) for issue in told}))
        for issue in sorted(found):
            one = found[issue]
            if standing.get(issue) == one.words:
                continue  # told before; it is told again when it is worse than it was
            if (before := known.issues.get(issue)) is not None:
                one.opened, one.times = before.opened, before.times + 1
            self._put_issue(db, journey, known, issue, one)
            values = {"rule": one.rule, "kind": one.kind, "severity": one.severity, "text": one.text}
            values |= {"cause": causes[issue], "status": "open"}
            self._hub_event(db, journey, known, "issue.raised", issue, values, now, events)
        for issue in sorted(standing.keys() - found.keys()):
            self._put_issue(db, journey, known, issue, replace(known.issues[issue], closed=instant_text(now)))
            self._hub_event(db, journey, known, "issue.cleared", issue, {"status": "resolved"}, now, events)
        return events

    def _put_issue(self, db: Connection, journey: str, known: _Journey, issue: str, one: _Told) -> None:
        assert known.issues is not None
        known.issues[issue] = one
        db.later(
            "put_issue",
            issue,
            journey,
            one.rule,
            one.kind,
            one.severity,
            one.text,
            one.settle,
            one.facts,
            one.opened,
            one.closed,
            one.times,
        )

    def _hub_event(
        self,
        db: Connection,
        journey: str,
        known: _Journey,
        type_: str,
        issue: str,
        values: dict[str, Any],
        now: datetime,
        events: dict[int, dict[str, Any]],
    ) -> None:
        """A fact of the hub itself about an Issue of an order, with the rule set's version."""
        assert known.state is not None and known.issues is not None
        order = known.state.order.identifiers[:1]
        if order:
            values["order"] = {"kind": "order", "identifiers": order}
        if self.tell_issue(db, type_, issue, values, known.issues[issue].times, now, journey):
            events[self._log.position] = self._log.new[self._log.position]

    def tell_issue(
        self,
        db: Connection,
        type_: str,
        issue: str,
        values: dict[str, Any],
        times: int,
        now: datetime,
        journey: str = "",
    ) -> bool:
        """Adds the fact that an Issue was raised or cleared; without a journey, of one that is of no order."""
        about = {"kind": "issue", "identifiers": [{"system": ISSUE_SYSTEM, "value": issue}]}
        count = str(times)
        event = {
            "v": VERSION,
            "id": event_id("hub", journey, RULES_VERSION, count, type_, about, [values]),
            "type": type_,
            "about": about,
            "set": values,
            "clear": [],
            "occurred": moment(now),
            "recorded": instant_text(now),
            "reporter": {"partner": "hub", "role": "hub"},
            "source_id": f"rules/{RULES_VERSION}",
            "ordinal": f"{count.zfill(6)}/{int(type_ == 'issue.cleared')}",  # told and taken back in one instant
            "frame": journey,
            "configuration": f"rules/{RULES_VERSION}",
            "body": "",
        }
        earlier = self._journeys[journey].events.values() if journey else ()
        if any(one["id"] == event["id"] for one in earlier) or (not journey and db.peek("has_event", event["id"])):
            return False
        self.claim([event])
        self._log.add(db, event, None, only=journey)
        return True

    def _before(self, journey: str, known: _Journey, new: Mapping[int, Any]) -> Journey | None:
        """The order as it was before new facts; None where it is new itself."""
        if known.state is None:  # just loaded, the new facts with it
            earlier = [event for position, event in known.events.items() if position not in new]
            return fold(self._links.names_of(journey), earlier) if earlier else None
        return known.state

    def _plan(
        self,
        db: Connection,
        journey: str,
        before: Journey | None,
        state: Journey,
        new: Mapping[int, dict[str, Any]],
        every: Mapping[int, dict[str, Any]],
        now: datetime,
    ) -> None:
        """One delivery per fact and partner that takes part in the order and asked for such facts; no echo.

        A partner who takes part from now on is told what came before too: it may have come before the order did.
        """
        for profile in self._profiles.values():
            if not profile.sends or not takes_part(profile, state):
                continue
            joins = before is not None and not takes_part(profile, before)
            for position, event in sorted((every if joins else new).items()):
                if profile.partner == event["reporter"]["partner"]:
                    continue
                for send in profile.sends:
                    if event["type"] in send.events:
                        db.later("add_delivery", profile.partner, journey, position, send.message, instant_text(now))


def _told(finding: Finding, now: str) -> _Told:
    facts = json.dumps(finding.facts)
    return _Told(finding.rule, finding.kind, finding.severity, finding.text, finding.settle, facts, now)


def moment(now: datetime) -> dict[str, Any]:
    """An instant of the hub's own clock as a When."""
    text = instant_text(now)
    precision = "fraction" if "." in text else "second"
    return {"at": text, "local": text.removesuffix("Z"), "zone": "Z", "precision": precision}


def _aspect(state: Journey) -> list[Any]:
    """What the rules of the patient's other orders may see of an order."""
    order = state.order
    fields = ("patient", "protocol", "service", "replaces")
    return [state.names, order.state, placed_for(state), *(order.fields.get(name) for name in fields)]
