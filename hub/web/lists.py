"""The lists of the pages: journeys with what is due and what is wrong, open Issues, messages. Only reads.

A partner finds the orders in which it takes part, the hub's own people all of them. Each page looks through a bounded
part of the log and says where it goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from canonical_model.codes import STAGES
from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.questions import Entry
from canonical_model.questions.dues import what_is_due
from canonical_model.rules import SEVERITIES, protocol_of
from canonical_model.stage import headline
from hub.criteria import TOP, Criteria, journeys_of, listed
from hub.links import Links
from hub.profiles import Profile
from hub.reading import state_of
from hub.reports.reader import OWN, Reader
from hub.reports.serving import in_sight, may_look
from hub.searching import MESSAGE, message
from hub.store import Connection

PAGE = 25
WINDOW = 500
"""Facts that are looked at together."""
LOOKED = 4_000
"""Facts that one page looks through; then it ends, short or not."""
MOST_ISSUES = 500
ISSUE = ("id", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "times")


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, with what, and when."""

    profile: Profile
    protocols: Mapping[str, Protocol]
    now: datetime

    @property
    def is_own(self) -> bool:
        """True for the hub's own people."""
        return self.profile.role in OWN


@dataclass(frozen=True, slots=True)
class Line:
    """One order in a list."""

    journey: str
    names: tuple[str, ...]
    stage: str
    step: int
    steps: int
    held: bool
    issues: tuple[dict[str, Any], ...]
    due: Entry | None
    last: str

    @property
    def worst(self) -> str:
        """Severity of the worst open Issue; empty where there is none."""
        return min((issue["severity"] for issue in self.issues), key=severity_rank, default="")

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many open Issues of each severity, the worst first."""
        counted = Counter(issue["severity"] for issue in self.issues)
        return sorted(counted.items(), key=lambda pair: severity_rank(pair[0]))


def severity_rank(severity: str) -> int:
    """Place of a severity, the worst first."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


# ---- journeys ---------------------------------------------------------------------------------------------------


def latest(db: Connection, look: Look, before: int = 0) -> tuple[list[Line], int]:
    """Orders of which something was told, the latest first, and the position below which the next page begins."""
    head = db.one("head")
    end = (int(head[0]) if head else 0) + 1
    top = min(before or end, end)
    found: list[Line] = []
    at = top
    for _ in range(LOOKED // WINDOW):
        low = max(at - WINDOW, 1)
        for place, journey in _touched(db, low, at):
            if _last_of(db, journey) < top and (line := line_of(db, look, journey)) is not None:
                if len(found) == PAGE:
                    return found, place + 1
                found.append(line)
        at = low
        if at <= 1:
            return found, 0
    return found, at


def _touched(db: Connection, low: int, high: int) -> list[tuple[int, str]]:
    """Journeys whose last fact stands between two positions, with it, the latest first."""
    newest: dict[str, int] = {}
    for place, journey in db.all("journeys_at_positions", listed(range(low, high))):
        newest[journey] = max(place, newest.get(journey, 0))
    return sorted(((p, j) for j, p in newest.items() if _last_of(db, j) == p), reverse=True)


def _last_of(db: Connection, journey: str) -> int:
    return max((row[0] for row in db.all("positions_of", journey)), default=0)


def named(db: Connection, look: Look, text: str) -> list[Line]:
    """Orders to which an identifier leads: of an order, container, batch or shipment, or a scanned label."""
    if not in_sight(db, look.profile, text):
        return []
    found = sorted(journeys_of(db, Criteria(identifiers=(text,))))[: 4 * PAGE]
    return [line for journey in found if (line := line_of(db, look, journey)) is not None][:PAGE]


def troubled(db: Connection, look: Look) -> list[Line]:
    """Orders with open critical or major Issues, the worst first."""
    journeys: dict[str, None] = {}
    for row in db.all("issues_open", MOST_ISSUES):
        one = dict(zip(ISSUE, row, strict=True))
        if one["journey"] and severity_rank(one["severity"]) < 2:
            journeys.setdefault(one["journey"])
    lines = (line for journey in journeys if (line := line_of(db, look, journey)) is not None)
    return [line for _, line in zip(range(PAGE), (one for one in lines if one.issues), strict=False)]


def line_of(db: Connection, look: Look, journey: str) -> Line | None:
    """An order as a line; None where it is none of the reader's business."""
    state = state_of(db, journey)
    if state is None or not may_look(look.profile, state):
        return None
    reader = Reader(look.profile)
    stages = stages_of(protocol_of(state, look.protocols))
    stage = headline(state, protocol_of(state, look.protocols))[0] if reader.sees("order") else ""
    return Line(
        journey=journey,
        names=tuple(_names(state, reader)),
        stage=stage,
        step=stages.index(stage) + 1 if stage in stages else 0,
        steps=len(stages),
        held=state.held and reader.sees("order"),
        issues=tuple(open_issues(db, look, journey, state)),
        due=next(iter(dues(state, look)), None),
        last=max((e["recorded"] for e in state.events if reader.sees(e["about"]["kind"])), default=""),
    )


def stages_of(protocol: Protocol | None) -> tuple[str, ...]:
    """The stages that an order goes through; ends that are no goal apart."""
    stages = protocol.stages if protocol and protocol.stages else STAGES
    return tuple(stage for stage in stages if stage not in {"cancelled", "failed"})


def _names(state: Journey, reader: Reader) -> Iterator[str]:
    """What the reader may call an order: its own numbers, or those of the things that the reader sees."""
    if reader.sees("order"):
        yield from (str(i["value"]) for i in state.order.identifiers)
        return
    for kind in ("shipment", "container", "material", "batch"):
        if reader.sees(kind):
            yield from (str(r.identifiers[0]["value"]) for r in state.of(kind) if r.identifiers)


def dues(state: Journey, look: Look) -> list[Entry]:
    """What is due of an order and not done, the next first, as far as the reader sees what it is about."""
    reader = Reader(look.profile)
    entries = what_is_due(state, look.protocols, look.now).items
    return [e for e in entries if not e.done and e.kind != "look" and reader.sees(e.about[0] or "issue")]


def open_issues(db: Connection, look: Look, journey: str, state: Journey) -> Iterator[dict[str, Any]]:
    """Open Issues of an order that the reader may see, the worst first."""
    reader = Reader(look.profile)
    if not reader.sees("issue"):
        return
    known = {event["id"]: event for event in state.events}
    names = (*ISSUE[:9], "closed", "times")
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in db.all("issues_of", journey)]
    for row in sorted(rows, key=lambda one: (severity_rank(one["severity"]), one["opened"])):
        if row["closed"] is None and reader.sees_all(orjson.loads(row["facts"]), known):
            yield row


# ---- Issues -----------------------------------------------------------------------------------------------------


def issues(db: Connection, look: Look, severity: str = "") -> list[dict[str, Any]]:
    """Open Issues, the worst first, each with the names of its order; the hub's own people see those of no order."""
    states: dict[str, Journey | None] = {}
    seen: dict[str, set[str]] = {}
    found = []
    for row in db.all("issues_open", MOST_ISSUES):
        one = dict(zip(ISSUE, row, strict=True))
        if severity and one["severity"] != severity:
            continue
        if one["journey"] and not look.is_own:
            journey = one["journey"]
            if journey not in states:
                state = state_of(db, journey)
                states[journey] = state if state is not None and may_look(look.profile, state) else None
                shown = open_issues(db, look, journey, state) if state is not None and states[journey] else ()
                seen[journey] = {issue["id"] for issue in shown}
            if one["id"] not in seen[journey]:
                continue
        elif not one["journey"] and not look.is_own:
            continue
        found.append(one)
    return [{**one, "order": _order_names(db, one["journey"])} for one in _alike(found)]


def _alike(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Issues of one order that say the same, told once: the first, and how many there are."""
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in found:
        key = tuple(one[name] for name in ("journey", "rule", "severity", "text", "settle"))
        told.setdefault(key, {**one, "alike": 0})["alike"] += 1
    return list(told.values())


def _order_names(db: Connection, journey: str) -> list[str]:
    return [value for _, _, value in sorted(Links(db).names_of(journey))] if journey else []


# ---- messages ---------------------------------------------------------------------------------------------------

_INBOX = (*MESSAGE[:7], "sameness", "digest", "size", "outcome", "parts", "account", "body", "residual", "repeats")


def messages(db: Connection, outcome: str, partner: str, before: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The last messages, the newest first, and the number below which the next page begins."""
    rows = db.all("messages", before or TOP, outcome, partner, PAGE + 1)
    found = [_message(row) for row in rows[:PAGE]]
    return found, found[-1]["message"] if len(rows) > PAGE else 0


def _message(row: Sequence[Any]) -> dict[str, Any]:
    one = dict(zip(_INBOX, row, strict=False))
    parts = orjson.loads(one["parts"])
    return {**{name: one[name] for name in MESSAGE if name != "parts"}, "parts": parts, "faults": _faults(parts)}


def _faults(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"part": part["part"], **fault} for part in parts for fault in part.get("faults", ())]


def message_of(db: Connection, number: int) -> dict[str, Any] | None:
    """One message: parts with fates, faults with places, the facts that it came to."""
    row = next(iter(db.all("found_messages", listed([number]))), None)
    if row is None:
        return None
    told = message(row)
    positions = {p: orjson.loads(text) for p, text in db.all("events_of_inbox", number)}
    touched: dict[int, str] = dict(db.all("journeys_at_positions", listed(positions)))
    facts = [{"position": p, "journey": touched.get(p, ""), **event} for p, event in positions.items()]
    acts = [
        {"at": at, "actor": actor, "act": act, "detail": orjson.loads(detail)}
        for at, actor, act, detail in db.all("audits_about", f"message/{number}")
    ]
    return {**told, "faults": _faults(told["parts"]), "facts": facts, "acts": acts}


# ---- what waits -------------------------------------------------------------------------------------------------


def standing(db: Connection) -> dict[str, Any]:
    """Counts for the hub's own people: Issues by severity, messages and deliveries that wait for somebody."""
    by = Counter(row[4] for row in db.all("issues_open", MOST_ISSUES))
    held = sum(row[2] for row in db.all("inbox_counts") if row[1] == "held")
    waits = [row for row in db.all("delivery_counts") if row[1] in {"refused", "broken", "astray"}]
    return {
        "issues": [(severity, by[severity]) for severity in SEVERITIES],
        "held": held,
        "deliveries": sum(row[2] for row in waits),
        "unlinked": len(db.all("unlinked", 100)),
    }
