"""Puts the report of an order together for one reader. Reads committed facts; records nothing, writes no page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.questions import Reason
from canonical_model.stage import headline
from canonical_model.values import instant_text
from hub import ledger
from hub.answers import QUESTIONS
from hub.crypto import Keyring
from hub.profiles import Profile
from hub.reports import quality
from hub.reports.custody import custody
from hub.reports.elapsed import elapsed
from hub.reports.identity import identity
from hub.reports.reader import Order, Reader
from hub.reports.shape import GivenAnswer, Heading, Made, OrderReport, Proof
from hub.reports.transport import storage, transports
from hub.reports.unknown import unknown
from hub.store import Connection
from hub.trails import called_before

TOGETHER = 2_000
"""Facts that are read at once."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What reports are made with: profiles, Protocols, the key that signs, the instant."""

    profiles: Mapping[str, Profile]
    protocols: Mapping[str, Protocol]
    keys: Keyring
    now: datetime


def order_of(desk: Desk, db: Connection, reader: Reader, journey: str, state: Journey) -> Order:
    """An order as a reader may look at it."""
    return Order(journey, state, reader, _places(db, journey), desk.profiles, desk.protocols, desk.now)


def report(
    desk: Desk,
    db: Connection,
    order: Order,
    person: Mapping[str, Any] | None = None,
    unsettled: Iterable[Reason] = (),
) -> OrderReport:
    """The report. `person` is who the patient is, for who may see it; `unsettled`, what may yet say otherwise."""
    chains, moved = tuple(custody(order)), tuple(transports(order))
    head = db.one("last_batch")
    return OrderReport(
        made=Made(
            at=desk.now,
            position=head[2] if head else 0,
            partner=order.reader.profile.partner,
            role=order.reader.profile.role,
            sees=order.reader.kinds,
        ),
        order=_heading(order, person or {}),
        identity=identity(order),
        custody=chains,
        transports=moved,
        storage=tuple(storage(order)),
        elapsed=tuple(elapsed(order)),
        approvals=tuple(quality.approvals(order)),
        out_of_limit=tuple(quality.out_of_limit(order)),
        issues=tuple(quality.issues(order, db.all("issues_of", order.journey), orjson.loads)),
        answers=tuple(_answers(order, db)),
        unknown=tuple(unknown(order, chains, moved, unsettled)),
        ledger=_proof(desk, order, head),
    )


def _places(db: Connection, journey: str) -> dict[str, tuple[int, int | None]]:
    """Id of each fact of an order -> position and message."""
    found: dict[str, tuple[int, int | None]] = {}
    positions = [row[0] for row in db.all("positions_of", journey)]
    for begin in range(0, len(positions), TOGETHER):
        some = orjson.dumps(positions[begin : begin + TOGETHER]).decode()
        found |= {orjson.loads(text)["id"]: (place, inbox) for place, inbox, text in db.all("facts_at", some)}
    return found


def _heading(order: Order, person: Mapping[str, Any]) -> Heading:
    record = order.state.order
    said = order.reader.shown("order", record.fields)
    if said is None:
        return Heading(journey=order.journey)
    patient = said.get("patient") or {}
    return Heading.model_validate(
        {
            "journey": order.journey,
            "identifiers": tuple(record.identifiers),
            "service": said.get("service"),
            "protocol": order.protocol.key if order.protocol else "",
            "stage": headline(order.state, order.protocol)[0],
            "held": order.state.held,
            "attempt": order.state.attempt,
            "patient": tuple(patient.get("identifiers", ())),
            "person": dict(person),
            "target": said.get("target"),
        }
    )


def _answers(order: Order, db: Connection) -> Iterator[GivenAnswer]:
    """Answers that were given, in their order: to the reader itself, or to anybody for the hub's own people."""
    names = [order.journey, *called_before(db, order.journey)]
    for _, at, actor, act, _, text in db.all("audits_of", orjson.dumps(names).decode()):
        if act in QUESTIONS and (order.reader.is_own or actor == order.reader.profile.partner):
            detail = orjson.loads(text)
            yield GivenAnswer(
                question=act,
                asked_by=order.partner(actor),
                asked_as=order.partner(detail["as"]) if "as" in detail else "",
                at=at,
                verdict=detail.get("verdict", "list"),
                rules=tuple(dict.fromkeys(detail.get("rules", ()))),
                position=detail.get("at", 0),
            )


def _proof(desk: Desk, order: Order, head: Any) -> Proof:
    seen = [event["id"] for event in order.state.events if order.sees(event)]
    positions = [order.places[fact][0] for fact in seen if fact in order.places]
    return Proof(
        facts=len(positions),
        first=min(positions, default=0),
        last=max(positions, default=0),
        head=ledger.head(head, desk.keys, instant_text(desk.now)),
        export=f"/api/journeys/{order.journey}/export" if order.reader.is_own else "",
        verify=(
            f"the operator exports the order: cgt-hub ledger export --journey {order.journey} --out order.jsonl",
            "the operator tells the public key by another way than this report: cgt-hub ledger key > hub.pub",
            "anybody checks the export offline: python ledger_verifier.py order.jsonl --key hub.pub",
            "who holds an earlier head checks that nothing before it was changed: add --head head.json",
        ),
    )
