"""What operators decide of deliveries: to try again, or to let it be. Each decision has a reason and is audited.

Runs on the committer's thread. Renders and sends nothing: what is to be tried again waits in its line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from canonical_model.values import instant_text
from hub.committer import Committer
from hub.delivery import BROKEN, DISMISSED, REFUSED, WAITING, WITHHELD
from hub.delivery_issues import ASTRAY, release
from hub.store import Connection, Row

FIELDS = (
    *("id", "partner", "journey", "position", "message", "state"),
    *("attempts", "due", "body", "note", "account", "issue"),
)
TAKES: Mapping[str, frozenset[str]] = {
    "retry": frozenset({WAITING, REFUSED, BROKEN, WITHHELD, DISMISSED}),
    "dismiss": frozenset({WAITING, REFUSED, BROKEN, ASTRAY}),
}
"""Decision -> the states in which a delivery takes it."""
AT_ONCE = 500
"""Deliveries that one transaction decides."""
LONGEST_REASON = 500


class NoDelivery(LookupError):
    """There is no delivery of this number."""


class WrongState(ValueError):
    """The delivery is in a state in which this cannot be decided."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decides, and why. `anew`: rendered again, under an id of its own."""

    act: Literal["retry", "dismiss"]
    who: str
    reason: str
    anew: bool = False


def listed(db: Connection, partner: str = "", state: str = "", limit: int = 1000) -> list[dict[str, Any]]:
    """The last deliveries of a partner, in a state, or of all; the oldest of them first."""
    if state == "done":
        rows = db.all("deliveries_done_of", partner, limit) if partner else db.all("deliveries_done", limit)
    elif state:
        rows = db.all("deliveries_in_of", state, partner, limit) if partner else db.all("deliveries_in", state, limit)
    else:
        rows = db.all("deliveries_of", partner, limit) if partner else db.all("deliveries", limit)
    return [shown(row) for row in rows[::-1]]


def shown(row: Row) -> dict[str, Any]:
    """A delivery as operators see it, with the account of its output."""
    found = dict(zip(FIELDS, row, strict=True))
    return {**found, "account": orjson.loads(found["account"])}


def decide(committer: Committer, numbers: Sequence[int], decision: Decision, now: datetime) -> list[dict[str, Any]]:
    """The deliveries after the decision: of all of them, or of none. Raises NoDelivery, WrongState."""

    def work(db: Connection) -> list[dict[str, Any]]:
        return [_decided(committer, db, number, decision, now) for number in numbers]

    return committer.transaction(work)  # type: ignore[no-any-return]


def decide_next(
    committer: Committer, partner: str, state: str, after: int, decision: Decision, now: datetime
) -> list[int]:
    """Numbers of the next deliveries of a partner in a state, decided in one transaction. Raises WrongState."""

    def work(db: Connection) -> list[int]:
        numbers = [int(row[0]) for row in db.all("first_in", state, partner, after, AT_ONCE)]
        for number in numbers:
            _decided(committer, db, number, decision, now)
        return numbers

    return committer.transaction(work)  # type: ignore[no-any-return]


def _decided(committer: Committer, db: Connection, number: int, decision: Decision, now: datetime) -> dict[str, Any]:
    row = db.one("get_delivery", number)
    if row is None:
        raise NoDelivery(f"no delivery {number}")
    before = dict(zip(FIELDS, row, strict=True))
    if before["state"] not in TAKES[decision.act]:
        known = ", ".join(sorted(TAKES[decision.act]))
        raise WrongState(f"delivery {number} is {before['state']}: {decision.act} takes those that are {known}")
    if decision.anew and before["state"] == WAITING:
        raise WrongState(f"delivery {number} waits: it may be on its way; dismiss it before it is rendered anew")
    if decision.act == "retry":
        db.run("retry_delivery", instant_text(now), number)
        db.run("hurry_line", before["partner"])
        if decision.anew:
            db.run("renew_delivery", number)
    else:
        db.run("mark_delivery", DISMISSED, "dismissed by an operator", "", number)
    release(committer.orders, db, before["issue"], now)
    told = {"was": before["state"], "reason": decision.reason, "anew": decision.anew}
    about = f"{before['partner']}/{number}"
    db.run("add_audit", instant_text(now), decision.who, f"delivery.{decision.act}", about, orjson.dumps(told).decode())
    after = db.one("get_delivery", number)
    assert after is not None
    return shown(after)
