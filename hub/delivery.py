"""Deliveries: what partners are told. Rendered once, when first claimed; bytes kept; at least once, in order.

A line is what waits for one partner. It is served by one server at a time, so what is claimed together is of one
partner, and in the order of the log. Everything here runs on the committer's thread, in one transaction a turn.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import structlog

from canonical_model.journey import Journey
from canonical_model.values import instant_text
from hub.access import bars, takes_part
from hub.committer import Committer
from hub.crypto import Keyring
from hub.delivery_issues import ASTRAY, Cause, astray, broken, down, its_own, raise_issue, refused, release
from hub.profiles import Profile
from hub.rendering import Renderer, Told, Unsendable
from hub.store import Connection
from hub.storing import APPLICATION_ANSWER, is_stored

log = structlog.get_logger("hub.delivery")

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
RENDERING = 0.02
"""Seconds in which a turn begins to render: incoming messages wait for no more than one turn."""
READ = 40
"""Orders that stay in memory after they were read for a delivery."""
WAITING, DONE, REFUSED, AGAIN = "waiting", "done", "refused", "again"
BROKEN, WITHHELD, DISMISSED = "broken", "withheld", "dismissed"
STATES = (WAITING, DONE, REFUSED, BROKEN, WITHHELD, DISMISSED, ASTRAY)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A delivery as it goes out: the same bytes at every attempt, under one idempotency id."""

    id: int
    partner: str
    message: str
    body: bytes
    attempts: int
    version: int = 0
    issue: str = ""

    @property
    def key(self) -> str:
        """What tells this delivery from all others of the hub; another one once an operator has it rendered anew."""
        return f"{self.id}{_suffix(self.version)}"

    @property
    def name(self) -> str:
        """A file's name without its ending."""
        return f"{self.message.partition('/')[2]}-{self.id:08}{_suffix(self.version)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt: done, refused by the receiver, or to be tried again."""

    state: str
    note: str = ""


Attempt = tuple[Rendered, Outcome]


class _Due(NamedTuple):
    """A row of `due_deliveries`."""

    id: int
    partner: str
    journey: str
    position: int
    message: str
    attempts: int
    body: int | None
    version: int
    issue: str


def _suffix(version: int) -> str:
    return f"R{version}" if version else ""


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: twice as long each time, with jitter."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 12)))
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    return wait * jitter


class Deliveries:
    """Claims, renders and settles deliveries; a room of the committer's thread."""

    def __init__(self, keys: Keyring, profiles: Mapping[str, Profile], renderer: Renderer) -> None:
        self._keys, self._profiles, self._renderer = keys, profiles, renderer
        self._opened: set[str] = set()
        self._read: deque[str] = deque()

    def lines_due(self, committer: Committer, now: datetime, busy: Collection[str] = ()) -> list[str]:
        """Partners for whom something is due, without those whose line is being served."""
        self._open_lines(committer)
        found = [str(row[0]) for row in committer.connection.all("lines_due", instant_text(now))]
        return [partner for partner in found if partner in self._profiles and partner not in busy]

    def _open_lines(self, committer: Committer) -> None:
        """A line for each partner that is told anything; profiles may be reloaded."""
        told = (p.partner for p in self._profiles.values() if p.sends or is_stored(p, "mllp"))
        new = set(told) - self._opened
        if new:
            committer.transaction(lambda db: [db.run("add_line", partner) for partner in sorted(new)])
            self._opened |= new

    def turn(
        self, committer: Committer, partner: str, attempts: Iterable[Attempt], now: datetime, limit: int = 0
    ) -> list[Rendered]:
        """Settles what was tried and claims what is due next, at most `limit`, in the order in which it is sent."""

        def take(db: Connection) -> list[Rendered]:
            for rendered, outcome in attempts:
                self._settle(committer, db, rendered, outcome, now)
            return list(self._claim(committer, db, partner, now, limit)) if limit else []

        return committer.transaction(take)  # type: ignore[no-any-return]

    # ---- claiming ---------------------------------------------------------------------------------------------

    def _claim(
        self, committer: Committer, db: Connection, partner: str, now: datetime, limit: int
    ) -> Iterator[Rendered]:
        """What is due for a partner, rendered; one at a time for one who took nothing last time."""
        line = db.one("get_line", partner)
        if line is None or line[1] > instant_text(now):
            return
        begun = time.monotonic()
        for row in db.all("due_deliveries", partner, instant_text(now), 1 if line[0] else limit):
            rendered = self._try(committer, db, _Due(*row), now)
            if rendered is not None:
                yield rendered
            if time.monotonic() - begun > RENDERING:
                return

    def _try(self, committer: Committer, db: Connection, due: _Due, now: datetime) -> Rendered | None:
        """A rendered delivery; one that cannot be rendered is set aside for a person and blocks nobody."""
        try:
            with db.savepoint():
                return self._render(committer, db, due, now)
        except Exception as wrong:  # noqa: BLE001 - one delivery's trouble is told; the others go on
            why = str(wrong) if isinstance(wrong, Unsendable) else type(wrong).__name__
            log.error("delivery.broken", delivery=due.id, partner=due.partner, error=why)
            cause = wrong.cause if isinstance(wrong, Unsendable) else why
            found = broken(due.partner, due.message, cause)
            self._set_aside(committer, db, due, BROKEN, f"not rendered: {why}", found, now)
            return None

    def _render(self, committer: Committer, db: Connection, due: _Due, now: datetime) -> Rendered | None:
        profile = self._profiles[due.partner]
        if due.message == APPLICATION_ANSWER:
            return self._kept(db, due, due.body)
        home = _home(committer, db, profile, due)
        if home is None:
            self._set_aside(committer, db, due, *_homeless(due), now)
            return None
        state = self._state(committer, db, home)
        if not takes_part(profile, state):  # policy and consent are asked again at each send
            barred = ", ".join(sorted(bars(profile, state)))
            note = f"no consent any more: {barred}" if barred else "no longer takes part"
            self._set_aside(committer, db, due, WITHHELD, note, None, now)
            return None
        body = due.body if home == due.journey else None  # bytes of another order are not sent
        if body is None:
            told = Told(due.position, due.message, f"CGT{due.id:010}{_suffix(due.version)}")
            rendered = self._renderer.render(db, profile, state, told, now)
            if rendered is None:
                self._set_aside(committer, db, due, WITHHELD, "nothing that it may see", None, now)
                return None
            body = self._keep(db, due, *rendered, now)
        return self._kept(db, due, body)

    def _kept(self, db: Connection, due: _Due, body: int | None) -> Rendered:
        kept = db.one("get_body", body)
        assert kept is not None
        content = self._keys.open(f"body/{kept[0]}/{kept[1]}", kept[3])
        return Rendered(due.id, due.partner, due.message, content, due.attempts, due.version, due.issue)

    def _state(self, committer: Committer, db: Connection, journey: str) -> Journey:
        """An order; of those that are read for a delivery alone the committer keeps the last ones only."""
        known = committer.orders.remembers(journey)
        state = committer.orders.state(db, journey)
        if not known:
            self._read.append(journey)
        while len(self._read) > READ:
            committer.orders.forget(self._read.popleft())
        return state

    def _keep(self, db: Connection, due: _Due, content: bytes, account: Mapping[str, Any], now: datetime) -> int:
        """Keeps what was rendered: every attempt sends these bytes."""
        period = now.strftime("%Y-%m")
        sealed = self._keys.seal(f"body/{due.partner}/{period}", content)
        body = db.add("add_body", due.partner, period, "delivery", sealed)
        db.run("render_delivery", body, orjson.dumps(account).decode(), due.id)
        return body

    def _set_aside(
        self,
        committer: Committer,
        db: Connection,
        due: _Due,
        state: str,
        note: str,
        cause: Cause | None,
        now: datetime,
    ) -> None:
        """Takes a delivery out of its line before it is sent."""
        issue = raise_issue(committer.orders, db, cause, now) if cause is not None else ""
        db.run("settle_delivery", state, due.attempts, instant_text(now), note, issue, due.id)
        if due.issue != issue:
            release(committer.orders, db, due.issue, now)

    # ---- settling ---------------------------------------------------------------------------------------------

    def _settle(
        self, committer: Committer, db: Connection, rendered: Rendered, outcome: Outcome, now: datetime
    ) -> None:
        """Notes what became of an attempt; a failed one waits twice as long as the last, with jitter."""
        attempts = rendered.attempts + 1
        due, state, cause = now, outcome.state, None
        if outcome.state == AGAIN:
            due, state = now + wait_after(attempts), WAITING
            failures = _fail_line(db, rendered.partner, now)
            if max(failures, attempts) > 1:
                cause = down(rendered.partner, outcome.note)
        else:
            _line_takes(db, rendered.partner, now)
            if outcome.state == REFUSED:
                cause = refused(rendered.partner, rendered.message, outcome.note)
        issue = raise_issue(committer.orders, db, cause, now) if cause is not None else ""
        db.run("settle_delivery", state, attempts, instant_text(due), outcome.note, issue, rendered.id)
        if rendered.issue != issue:
            release(committer.orders, db, rendered.issue, now)
        about = f"{rendered.partner}/{rendered.id}"
        told = {"message": rendered.message, "attempt": attempts, "note": outcome.note}
        db.run("add_audit", instant_text(now), "hub", f"delivery.{outcome.state}", about, orjson.dumps(told).decode())


def _home(committer: Committer, db: Connection, profile: Profile, due: _Due) -> str | None:
    """The journey that a delivery tells of: its own, or one that the fact belongs to since that lost it."""
    if db.one("has_link", due.journey, due.position) is not None:
        return due.journey
    if due.attempts:  # it may have been taken, with what it said of the order that it is not of
        return None
    other = its_own(committer.orders, db, profile, due.position)
    if other is not None:
        db.run("move_delivery", other, due.id)
    return other


def _homeless(due: _Due) -> tuple[str, str, Cause | None]:
    """State, note and cause of a delivery whose fact is of no order any more that the partner takes part in."""
    if due.attempts:
        return ASTRAY, "tried before a link was taken back", astray(due.partner, due.journey)
    return WITHHELD, "the fact is of no order any more in which it takes part", None


def _fail_line(db: Connection, partner: str, now: datetime) -> int:
    """The receiver took nothing: all that waits for it waits; how often that was so in a row."""
    line = db.one("get_line", partner)
    failures = (int(line[0]) if line else 0) + 1
    db.run("set_line", failures, instant_text(now + wait_after(failures)), partner)
    return failures


def _line_takes(db: Connection, partner: str, now: datetime) -> None:
    """The receiver answers: after it was down, what it did not take is due at once."""
    line = db.one("get_line", partner)
    if line is None or not line[0]:
        return
    db.run("set_line", 0, "", partner)
    if line[0] > 1:
        db.run("hurry_deliveries", instant_text(now), down(partner).id)
