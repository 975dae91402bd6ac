"""The log as EPCIS events of one partner: facts of the orders in which it takes part, each through `visible`. Reads.

The latest recorded stand first. A page looks through so many facts and folds so many orders at most; then it ends,
full or not, with a token for the rest. In another order, or with a limit, all that fits is looked through before the
first page is given: more than can be looked through is refused, and never answered in part.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from adapters import json_text
from canonical_model import BASE
from canonical_model.fold import fold
from canonical_model.identifiers import from_uri
from canonical_model.journey import Journey
from canonical_model.values import instant_text, parse_instant
from hub.access import sees_kind, takes_part
from hub.criteria import LOOKED, TOP, WINDOW, Criteria, anchors, listed, windows, within
from hub.epcis_query import Query, moment
from hub.profiles import Profile
from hub.reading import state_of
from hub.rendering import Renderer, Told, Unsendable
from hub.store import Connection

MESSAGE = "epcis/document"
EVENT_SYSTEM = f"{BASE}/id/event"
"""System of an event that the hub tells: its fact's own id follows."""
MOST_ORDERS = 200
"""Orders that one page folds, and that are remembered."""
MOST_LOOKED = 5 * LOOKED
"""Facts that an answer in order of time looks through."""
MOST_FOLDED = 10 * MOST_ORDERS
"""Orders that it folds."""
MARGIN = timedelta(days=1)
"""So far an event's time may stand from its fact's, whose zone or minute may be unknown."""
FINE = frozenset({"day", "hour", "minute", "second", "fraction"})
_PAGE = 100_000
"""The token of a page in another order is the last position that its first page knew, times this, and how many events
came before it."""


class TooMany(Exception):
    """More events than the answer may have, or than can be looked through for it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events, and the position from which the next page goes on; 0 where there is none."""

    events: list[dict[str, Any]]
    next: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What the table tells in EPCIS: event types, and those whose event has the time of its fact."""

    types: frozenset[str]
    timed: frozenset[str]


def sent_by(send: Mapping[str, Any]) -> Sent:
    """The same of the rows of a `send:`, where a type may name another's rows."""

    def rows(type_: str) -> Sequence[Any]:
        found = send.get(type_, ())
        return rows(found) if isinstance(found, str) else found

    def is_timed(type_: str) -> bool:
        times = {row.get("set", {}).get("at") for row in rows(type_) if row.get("frame") == "handling"}
        return times == {"event.occurred"}

    return Sent(frozenset(send), frozenset(filter(is_timed, send)))


@dataclass(slots=True)
class Finder:
    """Looks for events of one partner, within one request."""

    db: Connection
    profile: Profile
    renderer: Renderer
    sent: Sent
    now: datetime
    _states: OrderedDict[str, tuple[Journey | None, frozenset[str]]] = field(default_factory=OrderedDict)
    """Orders that were looked at last, with their live facts."""
    _folded: int = 0

    def page(self, query: Query) -> Page:
        """A page of a query. Raises TooMany where all that fits is asked for and cannot be told."""
        if not query.order and not query.limit:
            return self._page(query, query.after or TOP, query.count)
        head = self._head()
        known, before = divmod(query.after, _PAGE) if query.after else (head, 0)
        found = self._all(query, min(known, head) + 1)
        if query.refuse and len(found) > query.limit:
            raise TooMany
        if query.order:
            found.sort(key=lambda event: moment(event, query.order), reverse=query.falling)
        found = found[: query.limit or len(found)]
        end = before + query.count
        return Page(found[before:end], min(known, head) * _PAGE + end if end < len(found) else 0)

    def one(self, event_id: str) -> dict[str, Any] | None:
        """The event that is called so, by the hub or by who captured it; None where this partner may not see it."""
        rows = self.db.all("events_at", listed(sorted(self._called(event_id))))
        return next((told for position, text in rows if (told := self._told(position, orjson.loads(text)))), None)

    def _page(self, query: Query, before: int, count: int) -> Page:
        found: list[dict[str, Any]] = []
        folded = self._folded
        for positions, rest in self._candidates(query, before):
            for position, event in self._fitting(query, positions):
                if event is not None:
                    found.append(event)
                if len(found) == count or self._folded - folded >= MOST_ORDERS:
                    return Page(found, position if position > 1 else 0)
            before = rest
        return Page(found, before)

    def _all(self, query: Query, before: int) -> list[dict[str, Any]]:
        """All that fits below a position, the latest recorded first; of a query without order, as many as it takes."""
        enough = 0 if query.order and not query.refuse else query.limit + query.refuse
        found: list[dict[str, Any]] = []
        looked = 0
        while before:
            start, before = before, 0
            for positions, rest in self._candidates(query, start):
                for _, event in self._fitting(query, positions):
                    looked += 1
                    if event is not None:
                        found.append(event)
                    if enough and len(found) == enough:
                        return found
                    if looked > MOST_LOOKED or self._folded > MOST_FOLDED:
                        raise TooMany
                before = rest
        return found

    def _fitting(self, query: Query, positions: Sequence[int]) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Facts from the highest position down, each with its event where that fits."""
        for position, text in reversed(self.db.all("events_at", listed(sorted(positions)))):
            fact = orjson.loads(text)
            event = self._told(position, fact) if self._may_fit(query, fact) else None
            yield position, event if event is not None and query.fits(event) else None

    def _may_fit(self, query: Query, fact: Mapping[str, Any]) -> bool:
        """False for a fact whose event is of another time for certain: its order need not be folded."""
        if fact["type"] not in self.sent.timed or fact["occurred"]["precision"] not in FINE:
            return True
        at = parse_instant(fact["occurred"]["at"])
        since, until = query.times.get("GE_eventTime"), query.times.get("LT_eventTime")
        return (since is None or at >= since - MARGIN) and (until is None or at < until + MARGIN)

    def _head(self) -> int:
        row = self.db.one("head")
        return int(row[0]) if row else 0

    def _candidates(self, query: Query, before: int) -> Iterator[tuple[Sequence[int], int]]:
        """Positions that may bear what is asked for, a window at a time; each with where the next begins."""
        if query.ids:
            each = [{position for one in ids for position in self._called(one)} for ids in query.ids]
            yield sorted(position for position in set.intersection(*each) if position < before), 0
            return
        since, until = (query.times.get(f"{word}_recordTime") for word in ("GE", "LT"))
        recorded = Criteria(since=instant_text(since) if since else "", until=instant_text(until) if until else "")
        lowest, before = within(self.db, recorded, str(before))
        borne = [
            anchor
            for values in query.names
            if len(values) == 1
            for anchor in anchors(self.db, Criteria(identifiers=(_spelt(values[0]),)))
        ]
        if borne:
            yield from windows(borne, (lowest, before), WINDOW)
            return
        before = min(before, self._head() + 1)
        for _ in range(LOOKED // WINDOW):
            start = max(lowest, before - WINDOW)
            yield range(start, before), start if start > lowest else 0
            before = start
            if before <= lowest:
                return

    def _called(self, event_id: str) -> set[int]:
        """Positions of the facts of one event, by its id: the hub's own, or that of who captured it.

        A captured event's id is found where its message bears it too; of others in the facts that were recorded last.
        """
        system, _, fact = event_id.rpartition("/")
        if system == EVENT_SYSTEM:
            row = self.db.one("has_event", fact)
            return {row[0]} if row else set()
        mark = f"~{_spelt(event_id).rpartition('|')[2]}|"
        by_source = [row[0] for row in self.db.all("positions_of_source", event_id, TOP, WINDOW)]
        found = self._marked(by_source, mark)
        before = self._head() + 1
        for _ in range(0 if found else MOST_LOOKED // WINDOW):
            start = max(1, before - WINDOW)
            found |= self._marked(range(start, before), mark)
            before = start
            if found or before == 1:
                break
        return found

    def _marked(self, positions: Sequence[int], mark: str) -> set[int]:
        """Those whose fact came from the event that is marked so."""
        texts = self.db.all("events_at", listed(positions))
        return {p for p, text in texts if mark in text and mark in orjson.loads(text)["frame"]}

    def _told(self, position: int, fact: Mapping[str, Any]) -> dict[str, Any] | None:
        """A fact as this partner is told it, or None."""
        if fact["type"] not in self.sent.types or not sees_kind(self.profile, fact["about"]["kind"]):
            return None
        state = self._journey_of(position, fact)
        if state is None:
            return None
        try:
            rendered = self.renderer.render(
                self.db, self.profile, state, Told(position, MESSAGE, str(fact["id"])), self.now
            )
        except Unsendable:
            return None
        events = json_text.loads(rendered[0])["epcisBody"]["eventList"] if rendered else []
        if not events:
            return None
        own = {"eventID": f"{EVENT_SYSTEM}/{fact['id']}", "recordTime": fact["recorded"]}
        return {**events[0], **own}

    def _journey_of(self, position: int, fact: Mapping[str, Any]) -> Journey | None:
        """The order by which the partner may see a fact: one that it takes part in.

        Its own facts it always sees, those of another's order by themselves: nothing of what others said of that order.
        """
        journeys = [row[1] for row in self.db.all("journeys_at_positions", listed([position]))]
        own = fact["reporter"]["partner"] == self.profile.partner
        stands = not journeys
        for journey in journeys:
            state, live = self._state(journey)
            if state is not None and fact["id"] in live:
                if takes_part(self.profile, state):
                    return state
                stands = True
        return fold(frozenset(), [dict(fact)]) if own and stands else None

    def _state(self, journey: str) -> tuple[Journey | None, frozenset[str]]:
        """An order and the ids of its live facts; those looked at last are remembered."""
        if journey not in self._states:
            state = state_of(self.db, journey)
            self._folded += 1
            self._states[journey] = state, frozenset(event["id"] for event in state.facts) if state else frozenset()
            if len(self._states) > MOST_ORDERS:
                self._states.popitem(last=False)
        self._states.move_to_end(journey)
        return self._states[journey]


def _spelt(uri: str) -> str:
    try:
        named = from_uri(uri)
    except ValueError:
        return uri
    return f"{named['system']}|{named['value']}"


__all__ = ["EVENT_SYSTEM", "MESSAGE", "Finder", "Page", "Sent", "TooMany", "sent_by"]
