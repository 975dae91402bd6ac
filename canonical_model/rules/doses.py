"""Rules of several doses (I-18): each has its day and its decision, and they add up to what was planned. No others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from canonical_model.events import end_of, instant_of, is_after, is_coarse
from canonical_model.journey import EventDict, Journey
from canonical_model.protocols import PlannedDose, Protocol
from canonical_model.rules.finding import INFUSE, NEXT_DOSE, Finding, Item, about, ids
from canonical_model.rules.identity import is_ours
from canonical_model.rules.missing import Missing
from canonical_model.rules.patient import Infusion, deaths, infusions
from canonical_model.rules.treatment import CLOSED
from canonical_model.units import converted
from canonical_model.values import MOMENT, parse_instant, plus

BOTH = (INFUSE, NEXT_DOSE)


@dataclass(frozen=True, slots=True)
class GivenDose:
    """One dose that was given, whole or in part, in one administration or several."""

    number: int
    infusions: tuple[Infusion, ...]

    @property
    def start(self) -> EventDict:
        """The fact that tells that it began."""
        return self.infusions[0].start

    @property
    def end(self) -> EventDict | None:
        """The fact that tells that it ended; nothing while a part of it runs."""
        ends = [infusion.end for infusion in self.infusions]
        return ends[-1] if all(ends) else None


def given_doses(journey: Journey) -> list[GivenDose]:
    """The doses given so far, by their numbers.

    What bears no number is one more dose than the one before it, or a part of it when given on the same day (UTC).
    """
    found: dict[int, list[Infusion]] = {}
    number, last = 0, None
    for infusion in infusions(journey):
        if not is_ours(journey, infusion.record):
            continue
        day = instant_of(infusion.start).astimezone(UTC).date()
        stated = infusion.record.fields.get("dose_number")
        number = int(stated) if stated else number if number and day == last else number + 1
        last = day
        found.setdefault(number, []).append(infusion)
    return [GivenDose(number, tuple(parts)) for number, parts in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class NextDose:
    """The dose that is to be given next: from `opens` to before `closes`, whole days in UTC counted from the first.

    Both are absent for the first dose, and where the day of the first is not known to the minute.
    """

    number: int
    planned: PlannedDose
    previous: GivenDose | None
    opens: datetime | None = None
    closes: datetime | None = None


def next_dose(journey: Journey, protocol: Protocol | None) -> NextDose | None:
    """The dose of the Protocol that comes next; nothing where the Protocol plans none, or all of them were given."""
    given = given_doses(journey)
    number = given[-1].number + 1 if given else 1
    if protocol is None or number > len(protocol.doses):
        return None
    planned = protocol.doses[number - 1]
    first = _first_day(given)
    if first is None:
        return NextDose(number, planned, given[-1] if given else None)
    return NextDose(
        number, planned, given[-1], _midnight(first, planned.earliest - 1), _midnight(first, planned.latest)
    )


def _first_day(given: Iterable[GivenDose]) -> date | None:
    """Day of the first dose in UTC; nothing where it is not known to the minute."""
    first = next((dose for dose in given if dose.number == 1), None)
    return None if first is None or is_coarse(first.start) else instant_of(first.start).astimezone(UTC).date()


def _midnight(day: date, days: int) -> datetime:
    return plus(datetime.combine(day, time(), UTC), timedelta(days=days))


def missing_for_next_dose(journey: Journey, protocol: Protocol | None, now: datetime) -> tuple[Missing, ...]:
    """What stands against the next dose of several: its days, the decision after the one before, the planned total.

    Nothing for the first dose: what it needs is asked by other rules.
    """
    coming = next_dose(journey, protocol)
    if protocol is None or coming is None:
        text = "the Protocol plans no further dose"
        return (Missing("no-dose", "dose", text, "the sponsor amends the order or its Protocol"),)
    if coming.previous is None:
        return ()
    found = [*_days_against(coming, now), *_decision_against(journey, coming.number, coming.previous, now)]
    total = total_of(journey, protocol)
    if total is not None and total.given >= total.planned:
        text = f"{_text(total.given)} {total.unit} were given, the whole of the planned total"
        found.append(Missing("total", "dose", text, "nothing: the treatment is complete"))
    return tuple(found)


def _days_against(coming: NextDose, now: datetime) -> Iterator[Missing]:
    text, settle, unclear = "", "the infusion waits for its day", False
    if coming.opens is None or coming.closes is None:
        text, settle, unclear = "the time of the first dose is not known to the minute", "the site reports it", True
    elif now < coming.opens:
        text = f"dose {coming.number} may be given from {coming.opens.date()}"
    elif now >= coming.closes:
        text = f"the days for dose {coming.number} ended before {coming.closes.date()}"
        settle = "nothing: the dose is not given any more"
    if text:
        yield Missing("days", "window", text, settle, unclear=unclear)


def _decision_against(journey: Journey, number: int, previous: GivenDose, now: datetime) -> Iterator[Missing]:
    end = previous.end
    if end is None:
        text = f"the end of dose {previous.number} is not told"
        yield Missing("running", "dose", text, "the site reports the end of the infusion", (previous.start["id"],))
        return
    said = [fact for fact in _decisions(journey) if not is_after(end, fact)]
    sure = [fact for fact in said if is_after(fact, end)]
    if not sure:
        text = f"nobody has decided about dose {number} since dose {previous.number}"
        settle = "the hospital decides about the fitness for the infusion"
        yield Missing("decision", "eligibility", text, settle, (end["id"],), unclear=bool(said))
        return
    against = _against(sure[-1], now, now)
    if against:
        settle = "the hospital decides about the fitness for the infusion anew, or the infusion waits"
        yield Missing("decision", "eligibility", against, settle, (sure[-1]["id"],))


def _decisions(journey: Journey) -> list[EventDict]:
    """All decisions about the patient's fitness for an infusion, in the order of facts."""
    return [
        fact
        for subject in journey.of("subject")
        if journey.is_patient(subject)
        for fact in subject.named("eligibility.decided")
        if _infusion_of(fact)
    ]


def _infusion_of(fact: EventDict) -> Mapping[str, Any]:
    return (fact["set"].get("eligibility") or {}).get("infusion") or {}


def _against(decided: EventDict, earliest: datetime, latest: datetime) -> str:
    """What in a decision stands against an infusion that began between two instants."""
    said = _infusion_of(decided)
    since, until = said.get("since"), said.get("until")
    if said.get("decision") != "eligible":
        return f"the patient's fitness for the infusion was decided as {said.get('decision') or 'unknown'}"
    if since and latest < parse_instant(since["at"]):
        return f"the infusion was postponed to {since['local']}"
    if until and end_of(until) < earliest:
        return f"the decision about the infusion held until {until['local']}"
    return ""


def next_dose_is_decided(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-18: each dose after the first has its own decision, lies in its days, and was planned."""
    if protocol is None or not protocol.doses or not journey.of("administration"):
        return
    given = given_doses(journey)
    first = _first_day(given)
    for dose in given:
        if dose.number > len(protocol.doses):
            yield _dose_finding(dose, "dose", "unplanned", "a dose was given that the Protocol does not plan")
        elif dose.number > 1:
            yield from _given_in_its_days(dose, protocol.doses[dose.number - 1], first)
            yield from _given_as_decided(journey, dose, given)
    coming = next_dose(journey, protocol)
    if coming is not None and coming.previous is not None and journey.order.state not in CLOSED and not deaths(journey):
        yield from _coming(journey, coming, now)


def _given_in_its_days(dose: GivenDose, planned: PlannedDose, first: date | None) -> Iterator[Item]:
    for infusion in dose.infusions if first is not None else ():
        if first is None or is_coarse(infusion.start):
            continue
        day = (instant_of(infusion.start).astimezone(UTC).date() - first).days + 1
        if not planned.earliest <= day <= planned.latest:
            text = f"a dose was given on day {day}, not between day {planned.earliest} and day {planned.latest}"
            yield _dose_finding(dose, "window", "days", text, infusion.start)
            return


def _given_as_decided(journey: Journey, dose: GivenDose, given: Iterable[GivenDose]) -> Iterator[Item]:
    before = next((other for other in given if other.number == dose.number - 1), None)
    ended = (before.end or before.start) if before else None
    said = [
        fact
        for fact in _decisions(journey)
        if not is_after(fact, dose.start) and not (ended is not None and is_after(ended, fact))
    ]
    if not said:
        yield _dose_finding(dose, "eligibility", "decision", "a further dose was given that nobody had decided about")
        return
    against = _against(said[-1], instant_of(dose.start), end_of(dose.start["occurred"]))
    if against:
        yield _dose_finding(dose, "eligibility", "decision", f"a further dose was given although {against}", said[-1])


def _coming(journey: Journey, coming: NextDose, now: datetime) -> Iterator[Item]:
    """When the answer about the coming dose changes, and that its days ended without it."""
    previous = coming.previous
    ended = previous.end if previous else None
    decided = [fact for fact in _decisions(journey) if ended is None or not is_after(ended, fact)]
    said = _infusion_of(decided[-1]) if decided else {}
    since, until = said.get("since"), said.get("until")
    moments = [
        *([coming.opens, coming.closes] if coming.opens and coming.closes else []),
        *([parse_instant(since["at"])] if since else []),
        *([plus(end_of(until), MOMENT)] if until else []),
    ]
    yield from (moment for moment in moments if moment > now)
    if coming.closes is not None and now >= coming.closes and said.get("decision") != "not-eligible" and previous:
        yield Finding(
            rule="I-18",
            kind="window",
            severity="major",
            about=("order", journey.order.name),
            cause=f"dose-{coming.number}:not-given",
            text=f"the days for dose {coming.number} ended before {coming.closes.date()} and it was not given",
            settle="the hospital reports the dose, or decides that the treatment ends with the doses given",
            facts=(previous.start["id"],),
            blocks=BOTH,
        )


def _dose_finding(dose: GivenDose, kind: str, why: str, text: str, *further: EventDict) -> Finding:
    return Finding(
        rule="I-18",
        kind=kind,
        severity="critical",
        about=about(dose.infusions[0].record),
        cause=f"dose-{dose.number}:{why}",
        text=text,
        settle="QA and the physician assess it",
        facts=tuple(dict.fromkeys(ids((dose.start, *further)))),
        blocks=BOTH,
        person=True,
    )


@dataclass(frozen=True, slots=True)
class Total:
    """What was given in all and what was planned in all, in one unit."""

    given: Fraction
    planned: Fraction
    unit: str


def total_of(journey: Journey, protocol: Protocol) -> Total | None:
    """What was given against what was planned, in the unit of the planned doses; nothing where these share none or
    one has no upper end. Amounts that no certain factor brings into that unit stay out."""
    units = {dose.unit for dose in protocol.doses}
    highs = [Fraction(dose.high) for dose in protocol.doses if dose.high is not None]
    unit = next(iter(units), None)
    if len(units) != 1 or unit is None or len(highs) < len(protocol.doses):
        return None
    amounts = (_amount(infusion.record.fields, unit) for infusion in infusions(journey))
    return Total(sum(amounts, Fraction()), sum(highs, Fraction()), unit)


def _amount(administration: Mapping[str, Any], unit: str) -> Fraction:
    """What an administration gave at least, in that unit: as stated of the whole, else summed by container."""
    for whole in (administration.get("dose"), administration.get("dose_per_weight")):
        if whole and (amount := _at_least(whole, unit)) is not None:
            return amount
    parts = [part["amount"] for part in administration.get("given") or () if part.get("amount")]
    return sum((_at_least(part, unit) or Fraction() for part in parts), Fraction())


def _at_least(quantity: Mapping[str, Any], unit: str) -> Fraction | None:
    return Fraction() if quantity.get("comparator") in {"<", "<="} else converted(quantity, unit)


def _text(number: Fraction) -> str:
    return format(Decimal(number.numerator) / Decimal(number.denominator), "f")


def doses_add_up(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-18: what was given in all does not exceed what was planned in all, where the units are the same."""
    if protocol is None or not protocol.doses or not journey.of("administration"):
        return
    total = total_of(journey, protocol)
    if total is not None and total.given > total.planned:
        yield Finding(
            rule="I-18",
            kind="dose",
            severity="critical",
            about=("order", journey.order.name),
            cause="total",
            text=f"{_text(total.given)} {total.unit} were given, more than the {_text(total.planned)} planned in all",
            settle="QA and the physician assess it",
            facts=ids(infusion.start for infusion in infusions(journey)),
            blocks=BOTH,
            person=True,
        )


RULES = (next_dose_is_decided, doses_add_up)
