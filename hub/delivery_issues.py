"""Issues of deliveries: one per partner and cause, however often it is met. About a partner's line, not about an order.

Such an Issue is open while a delivery bears its id: a receiver that is down clears it by taking what it had not taken;
what was refused, could not be rendered or went astray a person settles, by retry or dismissal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from canonical_model.ids import issue_id
from canonical_model.journey import Journey
from canonical_model.values import instant_text
from hub.access import takes_part
from hub.profiles import Profile
from hub.store import Connection

NO_JOURNEY = ""
"""The journey of an Issue that is about a partner."""
ASTRAY = "astray"
"""State of a delivery that was sent and should not have been."""


class Teller(Protocol):
    """What Issues need of the committer."""

    def tell_issue(
        self, db: Connection, type_: str, issue: str, values: dict[str, Any], times: int, now: datetime
    ) -> object: ...

    def state(self, db: Connection, journey: str) -> Journey: ...


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a partner's deliveries need a person: the rule of the line, and what sets this cause apart from others."""

    rule: str
    kind: str
    severity: str
    partner: str
    cause: str
    text: str
    settle: str

    @property
    def id(self) -> str:
        return issue_id(self.rule, [("party", self.partner)], self.cause)


def down(partner: str, note: str = "") -> Cause:
    """The receiver takes nothing; `note` is how the last attempt ended."""
    text = f"{partner} does not take what it is sent" + (f": {note}" if note else "")
    return Cause("D-1", "delivery", "major", partner, "down", text, "it clears when the partner takes again")


def refused(partner: str, message: str, note: str) -> Cause:
    """The receiver says no to what it is sent."""
    text = f"{partner} refuses {message}: {note}"
    return Cause("D-2", "delivery", "major", partner, f"{message} {note}", text, "retry or dismiss, with the partner")


def broken(partner: str, message: str, why: str) -> Cause:
    """The hub cannot render it; `why` names no place of one message, or each would be a cause of its own."""
    text = f"{message} for {partner} cannot be rendered: {why}"
    return Cause("D-3", "delivery", "major", partner, f"{message} {why}", text, "mend the table or the profile; retry")


def astray(partner: str, journey: str) -> Cause:
    """The partner was told facts that turned out to be of an order in which it does not take part."""
    text = f"{partner} was told facts of an order that is none of its business: what led there was taken back"
    settle = "settle it with the partner, then dismiss these deliveries"
    return Cause("D-4", "privacy", "critical", partner, f"astray {journey}", text, settle)


def raise_issue(teller: Teller, db: Connection, found: Cause, now: datetime) -> str:
    """Counts the cause once more and opens its Issue where it is not open; its id."""
    known = db.one("delivery_issue", found.id)
    at = instant_text(now)
    shown = (found.rule, found.kind, found.severity, found.text, found.settle)
    db.run("count_delivery_issue", found.id, *shown, at)
    if known is None or known[0] is not None:
        values = {
            "rule": found.rule,
            "kind": found.kind,
            "severity": found.severity,
            "text": found.text,
            "cause": found.cause,
            "status": "open",
        }
        teller.tell_issue(db, "issue.raised", found.id, values, 1 + (int(known[1]) if known else 0), now)
    return found.id


def release(teller: Teller, db: Connection, issue: str, now: datetime) -> None:
    """Closes an Issue that no delivery bears any more."""
    if not issue or db.one("bears_issue", issue) is not None:
        return
    known = db.one("delivery_issue", issue)
    if known is not None and db.run("close_delivery_issue", instant_text(now), issue):
        teller.tell_issue(db, "issue.cleared", issue, {"status": "resolved"}, int(known[1]), now)


def find_astray(
    teller: Teller, db: Connection, profiles: Mapping[str, Profile], lost: Iterable[str], now: datetime
) -> None:
    """Of journeys that have lost facts: what was told of these, and to whom it was none of their business."""
    for journey in sorted(lost):
        for delivery, partner, position in db.all("told_without_link", journey):
            profile = profiles.get(partner)
            other = None if profile is None else its_own(teller, db, profile, position)
            if other is not None:
                db.run("move_delivery", other, delivery)
                continue
            issue = raise_issue(teller, db, astray(partner, journey), now)
            db.run("mark_delivery", ASTRAY, "told before a link was taken back", issue, delivery)


def its_own(teller: Teller, db: Connection, profile: Profile, position: int) -> str | None:
    """A journey that the fact at a position is linked to and the partner takes part in."""
    found = sorted(str(row[0]) for row in db.all("links_of", position))
    return next((journey for journey in found if takes_part(profile, teller.state(db, journey))), None)
