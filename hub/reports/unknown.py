"""What of an order nobody told, or not exactly enough: said in words, so that a gap is never read as fine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from canonical_model.questions import Reason
from canonical_model.rules.custody import half_told
from hub.reports.reader import Order
from hub.reports.shape import Chain, NotKnown, Transport

GAPS = {
    "other-giver": "a handover names another giver than the last known holder",
    "no-holder": "a handover was reported before anybody was known to hold it",
    "two-makers": "two parties say that they created it",
    "ended": "it was handed over after it was emptied or destroyed",
    "late-half": "a taker reported the receipt after it had handed it on",
    "skew": "by the reporters' clocks it was handed on before it was taken over",
}
"""Why a report of custody does not follow -> in words."""
KINDS = {"I-40": "message", "I-41": "link"}
"""Rule of a reason that leaves answers open -> what is not known."""
EXACT = frozenset({"minute", "second", "fraction"})


def unknown(
    order: Order, chains: Iterable[Chain], moved: Iterable[Transport], unsettled: Iterable[Reason]
) -> list[NotKnown]:
    """Everything that is not known, the most serious kinds first."""
    return [
        *(NotKnown(kind=KINDS.get(reason.rule, "erasure"), text=reason.text) for reason in unsettled),
        *_protocol(order),
        *(gap for chain in chains for gap in _custody(order, chain)),
        *(gap for transport in moved for gap in _transport(transport)),
        *_times(order),
    ]


def _protocol(order: Order) -> Iterator[NotKnown]:
    if order.protocol is None and order.reader.sees("order"):
        text = "no Protocol, or several, fit the order: windows and temperatures are not judged"
        yield NotKnown(kind="protocol", text=text)


def _custody(order: Order, chain: Chain) -> Iterator[NotKnown]:
    name = chain.container.identifiers[0].value
    for gap in chain.gaps:
        yield NotKnown(kind="custody", text=GAPS.get(gap.why, gap.why), about=name)
    if chain.unsure:
        yield NotKnown(
            kind="custody", text="the times of its handovers are too coarse to tell who holds it", about=name
        )
    if not chain.steps:
        yield NotKnown(kind="custody", text="nobody told who held it", about=name)
    elif chain.holder is None and not chain.ended:
        yield NotKnown(kind="custody", text="the last giver did not say to whom it was given", about=name)
    state = order.state.custody.get(order.state.name_of(chain.container.model_dump(mode="json", exclude_none=True)))
    for step in half_told(state) if state else ():
        giver, taker = order.party(step.giver), order.party(step.taker)
        text = f"only one side reported the handover from {giver.name if giver else 'nobody known'}"
        text += f" to {taker.name if taker else 'nobody known'}"
        yield NotKnown(kind="custody", text=text, about=name)


def _transport(transport: Transport) -> Iterator[NotKnown]:
    name = transport.shipment.identifiers[0].value
    if transport.transit is None and transport.state in {"delivered", "accepted", "rejected"}:
        yield NotKnown(kind="time", text="how long the transit took", about=name)
    if not transport.temperatures and transport.state in {"in-transit", "delivered", "accepted", "rejected"}:
        yield NotKnown(kind="temperature", text="no temperature of the transit is known", about=name)
    for series in transport.temperatures:
        if series.gap_allowed is not None and series.gap > series.gap_allowed:
            text = f"{series.gap // 60} min without a reading: the temperature in that time is unknown"
            yield NotKnown(kind="temperature", text=text, about=name)
        if not series.condition:
            yield NotKnown(kind="temperature", text="no condition to hold the readings against", about=name)


def _times(order: Order) -> Iterator[NotKnown]:
    coarse = [e for e in order.facts if e["occurred"]["precision"] not in EXACT]
    assumed = [e for e in order.facts if e["occurred"].get("assumed_zone") and e["occurred"]["precision"] in EXACT]
    unclear = [e for e in order.facts if e["occurred"].get("unclear")]
    for events, text in (
        (coarse, "times known to the hour or less"),
        (assumed, "times sent without a zone, read in that of the partner's profile"),
        (unclear, "local times that do not exist or exist twice in their zone"),
    ):
        if events:
            yield NotKnown(kind="time", text=f"{text}: {len(events)}")
