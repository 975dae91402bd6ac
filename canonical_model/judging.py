"""Judges an order from its facts alone: its document at an instant, and answers to questions. Pure; knows no log.

What the conformance kit asks of any implementation (`docs/conformance.md`, scenarios), and what a partner may ask about
facts of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from canonical_model.as_of import as_of
from canonical_model.asking import Asked, ask
from canonical_model.events import Event
from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.journey import EventDict, Journey
from canonical_model.order_document import order_document
from canonical_model.order_views import OtherView
from canonical_model.protocols import Protocol
from canonical_model.values import Exchanged, Identifier, Instant

MOST_FACTS, MOST_QUESTIONS, MOST_OTHERS = 5000, 50, 50


class Judgement(Exchanged):
    """What is asked: facts of one order, the Protocol, the instant, questions."""

    protocol: Protocol | str | None = Field(
        default=None, description="a whole Protocol, or id@version of a known one; absent: any known one may govern"
    )
    order: Annotated[tuple[Identifier, ...], Field(min_length=1)] = Field(description="names of the order")
    facts: Annotated[tuple[Event, ...], Field(max_length=MOST_FACTS)] = Field(description="in any order, repeats too")
    others: Annotated[tuple[OtherView, ...], Field(max_length=MOST_OTHERS)] = Field(
        default=(), description="other orders of the same patient"
    )
    at: Instant = Field(description="instant for which rules and questions are asked")
    recorded_until: Instant | None = Field(
        default=None, description="as-of view: facts that were recorded later are left out"
    )
    questions: Annotated[tuple[Asked, ...], Field(max_length=MOST_QUESTIONS)] = Field(
        default=(), description="what is asked at that instant"
    )


def judge(asked: Mapping[str, Any], known: Mapping[str, Protocol]) -> dict[str, Any]:
    """The order document and the answers, as plain JSON. `asked` is what `Judgement` takes, as plain JSON.

    Raises pydantic.ValidationError for anything else, KeyError for a Protocol that is not among the known ones, Unasked
    for a question that cannot be answered as it was asked.
    """
    return judged(Judgement.model_validate(asked), asked["order"], asked["facts"], known)


def judged(
    read: Judgement, order: Sequence[Mapping[str, Any]], facts: Sequence[EventDict], known: Mapping[str, Protocol]
) -> dict[str, Any]:
    """As `judge`, for a request that was read before: `order` and `facts` are its own, as plain JSON."""
    protocols = _protocols(read.protocol, known)
    state = journey_of(order, facts, read.others, read.recorded_until)
    answers = [ask(state, question, protocols, read.at) for question in read.questions]
    return {"document": order_document(state, protocols, read.at), "answers": [one.plain() for one in answers]}


def _protocols(told: Protocol | str | None, known: Mapping[str, Protocol]) -> Mapping[str, Protocol]:
    if told is None:
        return known
    return {told: known[told]} if isinstance(told, str) else {told.key: told}


def journey_of(
    order: Sequence[Mapping[str, Any]],
    facts: Sequence[EventDict],
    others: Sequence[OtherView] = (),
    recorded_until: datetime | None = None,
) -> Journey:
    """The fold of the facts that were known then, with the patient's other orders."""
    names = [name_key("order", identifier) for identifier in order]
    state = fold(names, facts) if recorded_until is None else as_of(names, facts, recorded_until)
    state.others = tuple(one.other() for one in others)
    return state
