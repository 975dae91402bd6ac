"""Search: what the log, inbox, deliveries and Issues have of a thing, page by page. Only reads, by an index.

What is asked for is some criteria at once. A list is given of what every criterion says something of: a message has a
sender and an outcome, a fact has no outcome, a journey has neither. Pages go by key, the newest first; a page may be
short where much was looked through, and `next` goes on. Who may search is the caller's to see to; a person is asked
for by their token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from canonical_model.ids import Key
from canonical_model.values import parse_instant
from hub.criteria import (
    DELIVERIES,
    FACTS,
    ISSUES,
    JOURNEYS,
    LISTS,
    MESSAGES,
    NAMING,
    SAYS,
    TIMES,
    Anchor,
    Criteria,
    anchors,
    earlier,
    journeys_of,
    later,
    listed,
    number,
    sizes,
    windows,
    within,
)
from hub.links import Links
from hub.store import Connection, Row

END_OF_TIME = "9999-12-31T00:00:00Z"

MESSAGE = (
    "message",
    "received",
    "partner",
    "channel",
    "format",
    "type",
    "source_id",
    "size",
    "outcome",
    "parts",
    "repeats",
)
DELIVERY = ("delivery", "partner", "journey", "position", "message", "state", "attempts", "due", "note")
ISSUE = ("issue", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "closed", "times")


Windows = Iterator[tuple[list[dict[str, Any]], int]]
"""Items a window at a time, each with the key below which the next one begins; 0 after the last."""
Keep = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found; `next` asks for what comes after it and is empty where nothing does."""

    items: list[dict[str, Any]]
    next: str = ""

    def plain(self) -> dict[str, Any]:
        return {"items": self.items, "next": self.next}


def lists_of(criteria: Criteria) -> list[str]:
    """The lists of which every criterion says something."""
    return [name for name in LISTS if criteria.given <= SAYS[name]]


def search(db: Connection, criteria: Criteria, of: str, after: str = "", limit: int = 50) -> Page:
    """One page of one list. Raises ValueError where `after` is no `next` of that list."""
    return _PAGES[of](db, criteria, after, limit)


# ---- pages ------------------------------------------------------------------------------------------------------


def _journeys(db: Connection, criteria: Criteria, after: str, limit: int) -> Page:
    links = Links(db)
    if criteria.given:
        ids = sorted(one for one in journeys_of(db, criteria) if one > after)[: limit + 1]
    else:
        ids = [row[0] for row in db.all("journeys_after", after, limit + 1)]
    items = [{"journey": one, "names": _shown_names(links.names_of(one))} for one in ids[:limit]]
    return Page(items, ids[limit - 1] if len(ids) > limit else "")


def _shown_names(keys: Iterable[Key]) -> list[str]:
    return sorted(f"{system}|{value}" for _, system, value in keys)


def _messages(db: Connection, criteria: Criteria, after: str, limit: int) -> Page:
    keep = _keeps(criteria, "received", "partner", "type", "outcome")
    if criteria.given & NAMING - {"source_id"}:
        found = _messages_at(db, anchors(db, criteria), within(db, criteria, after), limit)
        return _gathered(found, keep, limit, "position")
    if criteria.given & TIMES and not criteria.source_id:
        received, inbox = after.split("|") if after else (later(criteria.until) or END_OF_TIME, "0")
        by = _Keyed("messages_between", (earlier(criteria.since),), ("received", "message"), MESSAGE)
        return _in_order(db, by, (received, int(inbox)), keep, limit)
    return _gathered(_rows(db, _messages_by(criteria), number(after), limit, MESSAGE), keep, limit, "message")


def _messages_at(db: Connection, borne: Sequence[Anchor], among: tuple[int, int], limit: int) -> Windows:
    """Messages that came to the facts, each told once: with the last of its facts."""
    for positions, rest in windows(borne, among, limit):
        last: dict[int, int] = dict(db.all("messages_of_facts", listed(positions)))
        for told in _told_before(db, borne, last, positions):
            del last[told]
        found = {row[0]: row for row in db.all("found_messages", listed(last))}
        ordered = sorted(((position, inbox) for inbox, position in last.items() if inbox in found), reverse=True)
        yield [dict(zip((*MESSAGE, "position"), (*found[i], position), strict=True)) for position, i in ordered], rest


def _told_before(db: Connection, borne: Sequence[Anchor], found: Iterable[int], positions: Sequence[int]) -> set[int]:
    """Those of some messages that another fact, above these, was told with."""
    above = db.all("facts_above", listed(found), positions[0] + 1) if positions else []
    fitting = {position for _, position in above}
    for anchor in borne if fitting else ():
        fitting &= anchor.among(sorted(fitting))
    return {inbox for inbox, position in above if position in fitting}


def _facts(db: Connection, criteria: Criteria, after: str, limit: int) -> Page:
    keep = _keeps(criteria, "recorded", "reporter", "type")
    borne = anchors(db, criteria, by_type=True)
    if criteria.partner and not borne and not criteria.given & TIMES:
        return _gathered(_facts_of_partner(db, criteria, after, limit), keep, limit, "message")
    found = _facts_at(db, borne or [_below(db, "positions_below")], within(db, criteria, after), limit)
    return _gathered(found, keep, limit, "position")


def _facts_at(db: Connection, borne: Sequence[Anchor], among: tuple[int, int], limit: int) -> Windows:
    for positions, rest in windows(borne, among, limit):
        rows = db.all("facts_at", listed(positions)) if positions else []
        yield [fact(row) for row in rows], rest


def _facts_of_partner(db: Connection, criteria: Criteria, after: str, limit: int) -> Windows:
    """Facts of a partner, message by message."""
    for messages, rest in _rows(db, ("messages_of_partner", (criteria.partner,)), number(after), limit, MESSAGE):
        for some in (messages[begin : begin + 50] for begin in range(0, len(messages), 50)):
            rows = db.all("positions_of_messages", listed(one["message"] for one in some))
            inboxes = [row[0] for row in rows]
            facts = [fact(row) for row in db.all("facts_at", listed(inboxes))]
            below = some[-1]["message"] if some[-1] is not messages[-1] else rest
            yield sorted(facts, key=lambda fact: (-fact["message"], -fact["position"])), below


def _below(db: Connection, statement: str) -> Anchor:
    """All positions that a statement finds, where no criterion leads to some."""
    return Anchor(lambda before, count: [row[0] for row in db.all(statement, before, count)], set)


def _deliveries(db: Connection, criteria: Criteria, after: str, limit: int) -> Page:
    """Of a delivery the time is when its fact was recorded: it was planned then."""
    if criteria.type and "/" not in criteria.type:  # a delivery's is `format/message`
        return Page([])
    keep = _keeps(criteria, "recorded", "partner", "message", "state")
    if criteria.given & (NAMING | TIMES):
        borne = anchors(db, criteria) or [_below(db, "positions_of_deliveries")]
        found = _deliveries_at(db, borne, within(db, criteria, after), limit)
        return _gathered(_planned(db, found), keep, limit, "position")
    found = _rows(db, _deliveries_by(criteria), number(after), limit, DELIVERY)
    return _gathered(_planned(db, found), keep, limit, "delivery")


def _deliveries_at(db: Connection, borne: Sequence[Anchor], among: tuple[int, int], limit: int) -> Windows:
    for positions, rest in windows(borne, among, limit):
        yield [delivery(row) for row in db.all("deliveries_at", listed(positions))] if positions else [], rest


def _planned(db: Connection, found: Windows) -> Windows:
    """Deliveries with the time of their facts; of an erased one, when it is due."""
    for items, rest in found:
        rows = db.all("facts_at", listed({item["position"] for item in items})) if items else []
        recorded = {row[0]: orjson.loads(row[2])["recorded"] for row in rows}
        yield [{**item, "recorded": recorded.get(item["position"], item["due"])} for item in items], rest


def _issues(db: Connection, criteria: Criteria, after: str, limit: int) -> Page:
    if criteria.outcome not in {"", "open", "closed"}:
        return Page([])
    statement, value = _issues_by(db, criteria)
    opened, journey, issue = after.split("|") if after else (later(criteria.until) or END_OF_TIME, "", "")
    by = _Keyed(statement, value, ("opened", "journey", "issue"), ISSUE)
    return _in_order(db, by, (opened, journey, issue), _keeps(criteria, "opened", "", "rule", "state"), limit)


def _issues_by(db: Connection, criteria: Criteria) -> tuple[str, tuple[str, ...]]:
    if criteria.given & NAMING:
        return "issues_of_journeys", (listed(sorted(journeys_of(db, criteria))),)
    return ("issues_of_rule", (criteria.type,)) if criteria.type else ("issues_below", ())


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A statement that gives rows below a key of several columns; its values after key and number."""

    statement: str
    values: tuple[str, ...]
    key: tuple[str, ...]
    columns: Sequence[str]


def _in_order(db: Connection, by: _Keyed, last: tuple[Any, ...], keep: Keep, limit: int) -> Page:
    """A page in the order of a key."""
    found: list[dict[str, Any]] = []
    for size in sizes(limit):
        rows = db.all(by.statement, *last, size, *by.values)
        for row in rows:
            one = dict(zip(by.columns, row, strict=True))
            last = tuple(one[column] for column in by.key)
            found += [one] if keep({**one, "state": "closed" if one.get("closed") else "open"}) else []
            if len(found) == limit:
                return _page(found, "|".join(map(str, last)))
        if len(rows) < size:
            return _page(found)
    return _page(found, "|".join(map(str, last)))


def _gathered(windows: Windows, keep: Keep, limit: int, by: str) -> Page:
    """A page out of windows; it ends where a key ends, so that what has the same key is never torn apart."""
    found: list[dict[str, Any]] = []
    rest = 0
    for window, below in windows:
        for item in window:
            if len(found) >= limit and item[by] != found[-1][by]:
                return _page(found, str(found[-1][by]))
            found += [item] if keep(item) else []
        rest = below
        if rest == 0 or len(found) >= limit:
            break
    return _page(found, str(rest) if rest else "")


def _page(found: Iterable[Mapping[str, Any]], after: str = "") -> Page:
    """A page as it is shown: JSON that the store keeps as text is read."""
    items = [dict(one) for one in found]
    for item in items:
        item.update({name: orjson.loads(item[name]) for name in ("parts", "facts") if isinstance(item.get(name), str)})
    return Page(items, after)


def _rows(db: Connection, by: tuple[str, Sequence[str]], before: int, limit: int, columns: Sequence[str]) -> Windows:
    """Rows by falling number, a window at a time."""
    for size in sizes(limit):
        rows = db.all(by[0], *by[1], before, size)
        before = rows[-1][0] if len(rows) == size else 0
        yield [dict(zip(columns, row, strict=True)) for row in rows], before
        if before == 0:
            return


def _messages_by(criteria: Criteria) -> tuple[str, Sequence[str]]:
    """The statement whose index leads to the fewest messages, and its values."""
    if criteria.source_id:
        return "messages_of_source", (criteria.source_id,)
    if criteria.outcome and criteria.outcome != "recorded":
        return "messages_of_outcome", (criteria.outcome,)
    if criteria.partner and criteria.type:
        return "messages_of_kind", (criteria.partner, criteria.type)
    if criteria.partner:
        return "messages_of_partner", (criteria.partner,)
    return ("messages_of_type", (criteria.type,)) if criteria.type else ("messages_below", ())


def _deliveries_by(criteria: Criteria) -> tuple[str, Sequence[str]]:
    if criteria.outcome and criteria.outcome != "done":
        return "deliveries_of_state", (criteria.outcome,)
    return ("deliveries_of_partner", (criteria.partner,)) if criteria.partner else ("deliveries_below", ())


# ---- times ------------------------------------------------------------------------------------------------------


def _keeps(criteria: Criteria, at: str, partner: str, type_: str, outcome: str = "") -> Keep:
    """Whether an item fits what its index did not look at; the names of its fields are given."""
    since = parse_instant(criteria.since) if criteria.since else None
    until = parse_instant(criteria.until) if criteria.until else None
    wanted = {partner: criteria.partner, type_: criteria.type, outcome: criteria.outcome}
    same = [(field, value) for field, value in wanted.items() if field and value]

    def keep(item: Mapping[str, Any]) -> bool:
        if any(item[field] != value for field, value in same):
            return False
        moment = parse_instant(item[at]) if since or until else None
        return moment is None or not ((since and moment < since) or (until and moment >= until))

    return keep


# ---- items ------------------------------------------------------------------------------------------------------


def message(row: Row) -> dict[str, Any]:
    shown = dict(zip(MESSAGE, row, strict=True))
    return {**shown, "parts": orjson.loads(shown["parts"])}


def fact(row: Row) -> dict[str, Any]:
    """A fact: what, about what, when, by whom, of which message. Holds no person: the log has none."""
    event = orjson.loads(row[2])
    told = {name: event[name] for name in ("id", "type", "about", "occurred", "recorded", "set")}
    return {"position": row[0], "message": row[1], "reporter": event["reporter"]["partner"], **told}


def delivery(row: Row) -> dict[str, Any]:
    return dict(zip(DELIVERY, row, strict=True))


_PAGES = {JOURNEYS: _journeys, MESSAGES: _messages, FACTS: _facts, DELIVERIES: _deliveries, ISSUES: _issues}

__all__ = ["Criteria", "Page", "lists_of", "search"]
