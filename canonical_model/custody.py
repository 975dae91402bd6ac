"""Chains of custody: who held a container from its creation on, from the reports of givers and takers. Judges nothing.

Creation opens a chain, emptying and destruction end it. Both sides may report one handover, at times of their own
clocks. A report whose time is known to the hour or less is placed where it fits; where it fits nowhere nobody is sure
who holds the container, and no gap rests on it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of, is_after, is_coarse, sort_key
from canonical_model.journey import Custody, EventDict, Gap, Handover, Journey, is_ref
from canonical_model.protocols import DEFAULT_SKEW
from canonical_model.values import parse_instant, plus

ENDS = frozenset({"container.emptied", "container.destroyed"})
MOVES = frozenset({"custody.transferred", "shipment.departed", "shipment.accepted"})
_TELLING = frozenset({"container.created", *ENDS, *MOVES})


@dataclass(slots=True, eq=False)
class _Report:
    """What one fact says of a container's custody. An empty side was not stated."""

    giver: str
    taker: str
    event: EventDict
    makes: bool = False
    start: datetime = field(init=False)
    coarse: bool = field(init=False)
    reporter: str = field(init=False)

    def __post_init__(self) -> None:
        self.start, self.coarse = instant_of(self.event), is_coarse(self.event)
        self.reporter = self.event["reporter"]["partner"]


def chains(journey: Journey) -> dict[str, Custody]:
    """The chain of every container that somebody held, by the container's name."""
    reports: dict[str, list[_Report]] = {}
    ends: dict[str, list[EventDict]] = {}
    contents: dict[str, list[str]] | None = None
    for event in journey.facts:
        type_ = event["type"]
        if type_ not in _TELLING:
            continue
        if type_ == "container.created":
            holder = _party(journey, event["set"].get("holder")) or event["reporter"]["partner"]
            reports.setdefault(journey.name_of(event["about"]), []).append(_Report("", holder, event, makes=True))
        elif type_ in ENDS:
            ends.setdefault(journey.name_of(event["about"]), []).append(event)
        else:
            if event["about"]["kind"] == "shipment":
                contents = contents if contents is not None else _contents(journey)
            for name, report in _moves(journey, event, contents or {}):
                reports.setdefault(name, []).append(report)
    return {name: _Walk(name, reports.get(name, []), ends.get(name, [])).chain for name in sorted({*reports, *ends})}


def _moves(journey: Journey, event: EventDict, contents: dict[str, list[str]]) -> list[tuple[str, _Report]]:
    """The handovers that one fact reports: of its container, or of all that a shipment holds."""
    giver, taker = (_party(journey, event["set"].get(side)) for side in ("giver", "taker"))
    about = event["about"]
    if about["kind"] == "container":
        moved = [journey.name_of(about)]
    else:
        if not giver and not taker:
            return []
        moved = contents.get(journey.name_of(about), [])
        shipment = journey.record(about)
        if event["type"] == "shipment.departed" and shipment and (not taker or taker == giver):
            taker = _party(journey, shipment.fields.get("carrier"))
    reporter = str(event["reporter"]["partner"])
    if not taker and reporter != giver:
        taker = reporter
    if taker == giver:  # the giver told that it gave, not to whom
        taker = ""
    return [(name, _Report(giver, taker, event)) for name in moved]


def _party(journey: Journey, ref: dict[str, Any] | None) -> str:
    """Short name of a party, one for all names that facts have joined."""
    return journey.name_of(ref) if is_ref(ref) else ""


def _contents(journey: Journey) -> dict[str, list[str]]:
    """Containers of each shipment, as all live facts together list them; without what was taken out before it left."""
    found: dict[str, list[str]] = {}
    for shipment in journey.of("shipment"):
        left = shipment.named("shipment.departed")
        inside: dict[str, None] = {}
        for fact in shipment.facts:
            inside |= dict.fromkeys(_named(journey, fact, "contents"))
        for fact in shipment.facts:
            if any(is_after(departure, fact) for departure in left):
                for name in _named(journey, fact, "removed"):
                    packed = [f for f in shipment.facts if name in _named(journey, f, "contents")]
                    if not any(is_after(again, fact) for again in packed):
                        inside.pop(name, None)
        found[shipment.name] = sorted(inside)
    return found


def _named(journey: Journey, fact: EventDict, field: str) -> list[str]:
    refs = fact["set"].get(field) or ()
    return [journey.name_of(ref) for ref in refs if is_ref(ref) and ref["kind"] == "container"]


class _Walk:
    """Follows the reports of one container in the order of facts."""

    def __init__(self, container: str, reports: list[_Report], ends: list[EventDict]) -> None:
        self.chain = Custody(container, closed=bool(ends))
        self._ends = ends
        makers = [report for report in reports if report.makes]
        first = min(makers, key=lambda r: (r.start, sort_key(r.event)), default=None)
        if first is not None:
            self._push("", first)
        self._coarse = [r for r in reports if r.coarse and r is not first]
        self._reports = reports
        self._told: list[_Report] = []
        for report in reports:
            if report is first:
                continue
            if not report.coarse:
                self._exact(report)
            elif report in self._coarse:
                self._coarse.remove(report)
                self._place(report)

    def _exact(self, report: _Report) -> None:
        if report in self._told:
            return
        for other in self._behind_clocks(report):
            self._told.append(other)
            self._push(other.giver, other)
            self._note("skew", other)
        for earlier in self._bridge(report):
            self._coarse.remove(earlier)
            self._place(earlier)
        if self._repeats(report):
            return
        if not report.makes and (self._fits(report) or self.chain.unsure):  # a holder nobody is sure of accuses nobody
            self.chain.unsure = False
            self._push(report.giver, report)
            self._note("ended", report, any(is_after(report.event, end) for end in self._ends))
            return
        if report.makes:
            self._note("two-makers", report)
        elif late := self._half(report):
            late.reporters.append(report.reporter)
            self._note("late-half", report, report.event["occurred"]["at"] != late.at)
        else:
            self._note("other-giver" if self.chain.steps else "no-holder", report)
            self._push(report.giver, report)

    def _behind_clocks(self, report: _Report) -> list[_Report]:
        """The handover by which the present holder gave to this report's giver, where it was told as a little later:
        within the usual tolerance that is a matter of clocks, and the chain is the one that hangs together."""
        holder = self.chain.holder
        if report.makes or not report.giver or not holder or report.giver == holder:
            return []
        return [
            other
            for other in self._reports
            if not other.coarse
            and not other.makes
            and (other.giver, other.taker) == (holder, report.giver)
            and report.start < other.start <= plus(report.start, DEFAULT_SKEW)
        ][:1]

    def _place(self, report: _Report) -> None:
        """A coarse report at its turn: the other half of a known handover, the next step, or nobody can say."""
        if self._repeats(report):
            return
        known = self._half(report)
        if known is not None and report.start <= parse_instant(known.at) <= end_of(report.event["occurred"]):
            known.reporters.append(report.reporter)
        elif report.makes:
            self.chain.unsure = True
        else:
            self.chain.unsure = not self._fits(report)
            self._push(report.giver, report)

    def _fits(self, report: _Report) -> bool:
        holder = self.chain.holder
        return bool(self.chain.steps) and (not report.giver or not holder or report.giver == holder)

    def _repeats(self, report: _Report) -> bool:
        """True when the present holder is the one whom the report names: the other half of the last handover."""
        if not self.chain.steps:
            return False
        last = self.chain.steps[-1]
        if not last.taker and report.taker and report.giver in {"", last.giver}:  # the giver had not said to whom
            last.taker = self.chain.holder = report.taker
        elif not report.taker and report.giver and report.giver == last.giver:  # nor does it now
            pass
        elif report.taker != last.taker or (report.giver and report.giver != last.giver):
            return False
        if report.reporter not in last.reporters:
            last.reporters.append(report.reporter)
        return True

    def _half(self, report: _Report) -> Handover | None:
        """The earlier handover of which this report is the missing half."""
        for step in reversed(self.chain.steps):
            same = step.taker == report.taker and (step.giver == report.giver or not report.giver)
            if same and step.giver and report.reporter not in step.reporters:
                return step
        return None

    def _bridge(self, report: _Report) -> list[_Report]:
        """The coarse reports, in order, by which the present holder may have given to this report's giver."""
        goal, holder = report.giver, self.chain.holder
        if not goal or not holder or goal == holder:
            return []
        usable = [c for c in self._coarse if c.start <= report.start and not c.makes]
        ways: dict[str, list[_Report]] = {holder: []}
        waiting = deque([holder])
        while waiting:
            at = waiting.popleft()
            if at == goal:
                return ways[at]
            for step in usable:
                taker = step.taker or goal  # who gave to somebody unknown may have given to this giver
                if (not step.giver or step.giver == at) and taker not in ways:
                    ways[taker] = [*ways[at], step]
                    waiting.append(taker)
        return []

    def _push(self, giver: str, report: _Report) -> None:
        event, last = report.event, self.chain.steps[-1] if self.chain.steps else None
        if last and not last.taker and giver:  # whoever gives on was the one who took
            last.taker = giver
        place = event["set"].get("location") or event["set"].get("place")
        at = event["occurred"]["at"]
        giver = giver or (self.chain.holder if last else "")
        self.chain.steps.append(Handover(giver, report.taker, at, place, event["id"], report.coarse, [report.reporter]))
        self.chain.holder, self.chain.since = report.taker, at

    def _note(self, why: str, report: _Report, holds: bool = True) -> None:
        """Notes a gap; nobody is accused on the word of a coarse time, so only exact reports come here."""
        if holds:
            chain = self.chain
            at = report.event["occurred"]["at"]
            chain.gaps.append(Gap(why, chain.holder, report.giver, report.taker, at, chain.since, report.event["id"]))
