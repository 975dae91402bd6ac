"""Rules of doses that go by a measurement (I-26): weight and titre are fresh on the day of use, the kit fits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from canonical_model.events import end_of, instant_of, is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import INFUSE, Finding, Item, about, facts_of, ids
from canonical_model.rules.identity import is_ours
from canonical_model.rules.missing import Missing
from canonical_model.rules.patient import Infusion, deaths, infusions
from canonical_model.rules.treatment import CLOSED
from canonical_model.units import converted
from canonical_model.values import MOMENT, parse_instant, plus

MEASURED: Mapping[str, str] = {"weight": "weighed_at", "titre": "titre_at"}
"""What the Protocol gives an age for -> the order's field that says when it was measured."""


def missing_measurements(journey: Journey, protocol: Protocol | None, now: datetime) -> tuple[Missing, ...]:
    """The measurements that a dose would rest on and that are absent or too old for a use at `now`."""
    return tuple(_stale(journey, name, age) for name, age in _old(journey, protocol, now, now))


def _old(journey: Journey, protocol: Protocol | None, start: datetime, end: datetime) -> list[tuple[str, timedelta]]:
    """Measurements of which none can have been fresh in a use that began between two instants."""
    return [
        (name, age)
        for name, age in sorted((protocol.max_age if protocol else {}).items())
        if name in MEASURED
        and not any(plus(end_of(w), age) >= start and parse_instant(w["at"]) <= end for w in _measured(journey, name))
    ]


def _measured(journey: Journey, name: str) -> list[Mapping[str, Any]]:
    """When it was measured, each time that anybody stated it."""
    field = MEASURED[name]
    return [fact["set"][field] for fact in journey.order.facts if fact["set"].get(field)]


def _stale(journey: Journey, name: str, age: timedelta) -> Missing:
    known = bool(_measured(journey, name))
    text = f"the patient's {name} is older than {age.days} days" if known else f"the patient's {name} is not told"
    field = MEASURED[name]
    facts = ids(fact for fact in journey.order.facts if fact["set"].get(field))
    return Missing(name, "dose", text, f"the hospital measures the {name} and reports it", facts)


def measurements_are_fresh(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-26: on the day of use the weight or titre that the dose rests on is no older than the Protocol allows."""
    if protocol is None or not protocol.max_age:
        return
    for name, age in protocol.max_age.items():  # a question looks at these ages whatever was given
        for measured in _measured(journey, name) if name in MEASURED else ():
            moments = (parse_instant(measured["at"]), plus(plus(end_of(measured), age), MOMENT))
            yield from (moment for moment in moments if moment > now)
    given = [infusion for infusion in infusions(journey) if is_ours(journey, infusion.record)]
    for infusion in given:
        start, end = instant_of(infusion.start), end_of(infusion.start["occurred"])
        for name, age in _old(journey, protocol, start, end):
            missing = _stale(journey, name, age)
            text = f"a dose was given, and {missing.text} on the day of use"
            yield _measure(about(infusion.record), infusion.start, name, text, missing, person=True)
    if given or journey.order.state in CLOSED or deaths(journey):
        return
    ready = [*facts_of(journey, "product.thawed"), *facts_of(journey, "dose.prepared")]
    for missing in missing_measurements(journey, protocol, now) if ready else ():
        text = f"the product was made ready, and {missing.text}"
        yield _measure(("order", journey.order.name), ready[0], missing.what, text, missing)


def _measure(
    of: tuple[str, str], event: EventDict, name: str, text: str, missing: Missing, person: bool = False
) -> Finding:
    return Finding(
        rule="I-26",
        kind="dose",
        severity="critical",
        about=of,
        cause=f"{event['id']}:{name}",
        text=text,
        settle="QA and the physician assess it" if person else missing.settle,
        facts=tuple(dict.fromkeys((event["id"], *missing.facts))),
        blocks=(INFUSE,),
        person=person,
    )


def band_fits(band: Mapping[str, Any], weight: Mapping[str, Any] | None) -> bool | None:
    """Whether a body weight lies in a kit's band, both ends included; nothing where that cannot be told.

    >>> band_fits({"low": {"value": "2.6", "unit": "kg"}}, {"value": "2650", "unit": "g"})
    True
    """
    ends = [band[end] for end in ("low", "high") if band.get(end)]
    if weight is None or not ends or any(quantity.get("comparator") for quantity in (weight, *ends)):
        return None
    body, *limits = (converted(quantity, "kg") for quantity in (weight, *ends))
    if body is None or None in limits:
        return None
    low, high = (converted(band[end], "kg") if band.get(end) else None for end in ("low", "high"))
    return (low is None or low <= body) and (high is None or body <= high)


def kit_fits_weight(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-26: the patient's weight lies in the band of body weights that a kit was made up for."""
    banded = [c for c in journey.of("container") if c.fields.get("weight_band") and is_ours(journey, c)]
    for kit in banded:
        used = next((i.start for i in infusions(journey) if _uses(journey, i, kit)), None)
        if used is None and kit.state in {"destroyed", "emptied", "unallocated", "returned"}:
            continue
        weight = _weight(journey, used)
        fits = band_fits(kit.fields["weight_band"], weight)
        if fits is None:
            text = "the kit is made for a band of body weights, and the patient's weight cannot be compared with it"
            yield _band(kit, "unknown", "mapping", text, used)
        elif not fits:
            text = "the patient's weight lies outside the band of body weights that the kit is made for"
            yield _band(kit, "outside", "dose", text, used)


def _uses(journey: Journey, infusion: Infusion, kit: RecordState) -> bool:
    given = [part["container"] for part in infusion.record.fields.get("given") or () if part.get("container")]
    named = refs([*(infusion.record.fields.get("containers") or ()), *given])
    return any(journey.name_of(ref) == kit.name for ref in named)


def _weight(journey: Journey, before: EventDict | None) -> Mapping[str, Any] | None:
    """The weight that the order states, or stated when the kit was used: who grows later was dosed rightly."""
    if before is None:
        return journey.order.fields.get("weight")
    told = [f["set"]["weight"] for f in journey.order.facts if f["set"].get("weight") and not is_after(f, before)]
    return told[-1] if told else journey.order.fields.get("weight")


def _band(kit: RecordState, cause: str, kind: str, text: str, used: EventDict | None) -> Finding:
    unknown = kind == "mapping"
    return Finding(
        rule="I-26",
        kind=kind,
        severity="major" if unknown else "critical",
        about=about(kit),
        cause=cause,
        text=text,
        settle="the hospital reports the weight in kilograms" if unknown else "another kit is needed, or a new weight",
        facts=ids([*(f for f in kit.facts if f["set"].get("weight_band")), *([used] if used else [])]),
        blocks=(INFUSE,),
        person=used is not None and not unknown,
        unclear=unknown,
    )


RULES = (measurements_are_fresh, kit_fits_weight)
