"""Transports of a report: milestones, transit and hold times, temperatures in figures. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from canonical_model.events import instant_of
from canonical_model.journey import RecordState, is_ref
from canonical_model.lineage import direction_of, ref_of, refs
from canonical_model.rules.temperature import Exposure, exposure
from canonical_model.rules.transport import holds
from canonical_model.values import instant_text
from hub.reports.custody import looked_at, sighting
from hub.reports.reader import Order
from hub.reports.shape import Series, Sighting, Transport

ARRIVALS = ("shipment.arrived", "shipment.accepted", "shipment.unpacked")
DIGITS = Decimal("0.001")
"""A value that was converted is told to a thousandth of a degree."""


def transports(order: Order) -> Iterator[Transport]:
    """One entry a shipment that the reader may see."""
    if not order.reader.sees("shipment"):
        return
    for record in order.state.of("shipment"):
        yield _transport(order, record)


def _transport(order: Order, record: RecordState) -> Transport:
    said = order.reader.shown("shipment", record.fields) or {}
    left = min((instant_of(e) for e in record.named("shipment.departed")), default=None)
    came = min((instant_of(e) for t in ARRIVALS for e in record.named(t)), default=None)
    held = holds(order.state, record)
    until = held[-1].until if held else None
    return Transport.model_validate(
        {
            "shipment": ref_of(record),
            "direction": direction_of(order.state, record),
            "state": record.state,
            **{side: order.party_of(said.get(side)) for side in ("shipper", "carrier", "consignee")},
            "contents": tuple(_contents(order, record)),
            "loggers": tuple(said.get("loggers", ())),
            "milestones": tuple(_milestones(order, record)),
            "transit": _seconds(left, came),
            "hold_until": instant_text(until) if until else None,
            "hold_left": _seconds(came, until),
            "temperatures": tuple(_series_of(order, record)),
        }
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds()) if start is not None and end is not None else None


def _contents(order: Order, record: RecordState) -> Iterator[dict[str, Any]]:
    """Containers that any fact put in, each once."""
    seen: set[str] = set()
    for event in record.facts:
        for ref in refs(order.values(event).get("contents")):
            name = order.state.name_of(ref)
            if name not in seen:
                seen.add(name)
                yield dict(ref)


def _milestones(order: Order, record: RecordState) -> Iterator[Sighting]:
    for event in record.facts:
        if event["type"].startswith("shipment."):
            yield sighting(order, event, event["type"].partition(".")[2])
        for what, detail in looked_at(order.values(event)):
            yield sighting(order, event, what, detail)


def _series_of(order: Order, shipment: RecordState) -> Iterator[Series]:
    if not order.reader.sees("readings"):
        return
    for record in order.state.of("readings"):
        if order.state.record(record.fields.get("shipment")) is shipment:
            yield from series(order, record)


def storage(order: Order) -> Iterator[Series]:
    """Temperatures that are of no shipment."""
    if not order.reader.sees("readings"):
        return
    for record in order.state.of("readings"):
        if order.state.record(record.fields.get("shipment")) is None:
            yield from series(order, record)


def series(order: Order, record: RecordState) -> Iterator[Series]:
    """A temperature series in figures; nothing for what is no temperature."""
    found = exposure(order.state, order.protocol, record)
    if found is None or not record.facts:
        return
    said = order.reader.shown("readings", record.fields) or {}
    limit = found.condition
    yield Series.model_validate(
        {
            "readings": ref_of(record),
            "device": said.get("device"),
            "of": next((said[name] for name in ("shipment", "container") if is_ref(said.get(name))), None),
            "start": said.get("start"),
            "end": said.get("end"),
            "values": found.values,
            "low": _text(found.low),
            "high": _text(found.high),
            "condition": limit.name if limit else "",
            "allowed": (_text(limit.low), _text(limit.high)) if limit else (None, None),
            "outside": _span(found, found.outside),
            "spell": _span(found, found.spell),
            "excursion": found.is_excursion,
            "gap": int(found.gap.total_seconds()),
            "gap_allowed": int(limit.max_gap.total_seconds()) if limit else None,
            "told": order.source(record.facts[-1]),
        }
    )


def _text(value: Decimal | None) -> str | None:
    """A temperature with its digits as sent; one that was converted, to a thousandth."""
    if value is None:
        return None
    exponent = value.as_tuple().exponent
    is_long = isinstance(exponent, int) and exponent < -3
    return f"{value.quantize(DIGITS, ROUND_HALF_EVEN).normalize() if is_long else value:f}"


def _span(found: Exposure, span: timedelta) -> int | None:
    """A time outside in seconds; nothing where there is no condition, or where only extremes were sent."""
    return None if found.condition is None or span == timedelta.max else int(span.total_seconds())
