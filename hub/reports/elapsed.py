"""Times between facts of a report, in UTC: vein to vein, and the windows of the Protocol. Judges no window anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.events import instant_of, is_coarse
from canonical_model.journey import EventDict
from canonical_model.protocols import Window
from canonical_model.rules.finding import facts_of
from canonical_model.rules.windows import belong, is_ended
from hub.reports.reader import Order
from hub.reports.shape import Elapsed

VEIN = ("collection.completed", "infusion.started")


def elapsed(order: Order) -> Iterator[Elapsed]:
    """Vein to vein, and each window that was opened; nothing of facts that the reader does not see."""
    yield from _vein_to_vein(order)
    for window in order.protocol.windows if order.protocol else ():
        for opened in facts_of(order.state, window.start):
            yield from _window(order, window, opened)


def _vein_to_vein(order: Order) -> Iterator[Elapsed]:
    """From the end of the last collection before it to the start of the first infusion."""
    given = min(facts_of(order.state, VEIN[1]), key=instant_of, default=None)
    taken = [e for e in facts_of(order.state, VEIN[0]) if given is None or instant_of(e) <= instant_of(given)]
    if taken:
        yield from _between(order, "vein-to-vein", max(taken, key=instant_of), given)


def _window(order: Order, window: Window, opened: EventDict) -> Iterator[Elapsed]:
    ends = [e for t in (window.end, *window.otherwise) for e in facts_of(order.state, t)]
    later = [e for e in ends if belong(order.state, opened, e) and instant_of(e) >= instant_of(opened)]
    closed = min(later, key=instant_of, default=None)
    if closed is None and is_ended(order.state, window, opened):
        return
    yield from _between(order, window.name, opened, closed, int(window.longest.total_seconds()))


def _between(
    order: Order, name: str, start: EventDict, end: EventDict | None, longest: int | None = None
) -> Iterator[Elapsed]:
    if not order.sees(start) or (end is not None and not order.sees(end)):
        return
    until: datetime = instant_of(end) if end is not None else order.now
    seconds = int((until - instant_of(start)).total_seconds())
    coarse = is_coarse(start) or (end is not None and is_coarse(end))
    yield Elapsed(
        name=name,
        start=order.source(start),
        end=order.source(end) if end is not None else None,
        seconds=seconds,
        longest=longest,
        exceeded=longest is not None and seconds > longest and not coarse,
        coarse=coarse,
    )
