"""Replay: stored messages read again with the tables of today, one or thousands. The same facts change nothing.

A replay is a row of the store, and so is each message of it: what was done stands with what it did, in one transaction,
so that a hub that ends in the middle goes on where it was. Batches are short; where others wait, they rest as long as
they took: at most half of the committer's time is theirs. FHIR updates are left: they were changes to what was shown.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from canonical_model.values import instant_text
from hub import updates
from hub.channels.files import dialect_of
from hub.committer import Committer, Incoming
from hub.conversion import FILTERED
from hub.crypto import Keyring
from hub.formats import Adapters
from hub.outcomes import MENDED, RECEIVED
from hub.pipeline import Overloaded
from hub.profiles import Profile
from hub.store import Connection, Row, Store

log = structlog.get_logger("hub.replaying")

CHOOSING, RUNNING, DONE, STOPPED = "choosing", "running", "done", "stopped"
LEFT, FAILED = "left", "failed"
"""What became of a message that is not replayed, and of one over which the hub failed; else its outcome."""
PAGE = 500
"""Messages that are looked at together while they are chosen."""
BATCH, BATCH_SECONDS = 50, 0.02
"""Most messages of one transaction, and the time after which it takes no further one: what comes in waits so long.
Where a commit takes longer than that, a batch may work as long as a commit takes."""
QUIET = 0.005
"""Where a batch has its turn sooner than so many seconds nobody else waits, and the next one need not."""
LONGEST_BATCH = 0.25
MOST_NAMED = 10_000

Work = Callable[[Committer], Any]
Number = Annotated[int, Field(ge=0, lt=2**63)]
Reason = Annotated[str, Field(min_length=1, max_length=1000, description="in your own words; kept in the audit only")]
Cause = Literal["table", "codes", "profile", "message", "hub"]


class Selection(BaseModel):
    """Which messages: some by number, or all that fit everything that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Number, ...] = Field(default=(), max_length=MOST_NAMED)
    partner: str = ""
    outcome: Literal["", "recorded", "filtered", "held", "rejected", "dismissed"] = ""
    type: str = Field(default="", description="message type, such as ORU^R01")
    fault: str = Field(default="", description="code of a fault of a part")
    since: AwareDatetime | None = Field(default=None, description="received at or after")
    until: AwareDatetime | None = Field(default=None, description="received before")
    older: bool = Field(default=False, description="only what was read by other tables or another profile than today's")

    @model_validator(mode="after")
    def _chooses(self) -> Selection:
        given = self.model_dump(exclude_defaults=True)
        if not given:
            raise ValueError("name messages, or say what they have in common")
        if self.messages and len(given) > 1:
            raise ValueError("messages go by number or by what they have in common, not by both")
        return self


class Wanted(BaseModel):
    """A replay that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chosen: Selection
    cause: Cause = "table"
    reason: Reason


class NotKept(FileNotFoundError):
    """A message that there is nothing to replay of."""

    def __init__(self, inbox: int, why: str) -> None:
        super().__init__(f"message {inbox} {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class _Replay:
    """A replay as the store has it."""

    id: int
    at: str
    actor: str
    cause: str
    reason: str
    chosen: str
    state: str
    upto: int
    looked: int
    ended: str | None

    @property
    def selection(self) -> Selection:
        return Selection.model_validate_json(self.chosen)


def stored(db: Connection, keys: Keyring, profiles: Mapping[str, Profile], inbox: int, row: Row | None) -> Incoming:
    """A message as its channel handed it over. Raises NotKept."""
    body = body_of(db, keys, inbox, row)
    assert row is not None
    if row[2] not in profiles:
        raise NotKept(inbox, "came from a partner who has no profile any more")
    if row[3] == "fhir" and updates.rests_on_records(row[6], body):
        raise NotKept(inbox, "is a FHIR update: what it changed rests on what its sender was shown")
    if row[10] == MENDED:
        raise NotKept(inbox, "was mended: replay the message that took its place")
    if row[10] == RECEIVED:
        raise NotKept(inbox, "is not read yet: it will be")
    return Incoming(row[2], row[3], row[4], body, hint_of(profiles, row), row[6])


def body_of(db: Connection, keys: Keyring, inbox: int, row: Row | None) -> bytes:
    """The bytes of a message. Raises NotKept."""
    found = db.one("get_body", row[13]) if row is not None and row[13] is not None else None
    if found is None:
        raise NotKept(inbox, f"is not in the body store: {_why_gone(row)}")
    return keys.open(f"body/{found[0]}/{found[1]}", found[3])


def _why_gone(row: Row | None) -> str:
    if row is None:
        return "it is unknown"
    filtered = "it was filtered, and of what is filtered only the digest is kept"
    return filtered if row[10] == FILTERED else "it is past its retention, so its sender has to send it again"


def hint_of(profiles: Mapping[str, Profile], row: Row) -> str:
    """What a channel says of a message beside its bytes: a file's dialect, by its name."""
    return dialect_of(profiles[row[2]], row[6]) if row[3] == "file" else ""


class Replays:
    """The replays of one hub, one after the other, on a thread of their own or by `finish`.

    `do` runs work where the committer is: on its thread, between groups, or here where no hub runs.
    """

    def __init__(
        self,
        store: Store,
        keys: Keyring,
        profiles: Mapping[str, Profile],
        adapters: Adapters,
        clock: Callable[[], datetime],
        do: Callable[[Work], Any],
    ) -> None:
        self._store, self._keys, self._profiles, self._adapters = store, keys, profiles, adapters
        self._clock, self._do = clock, do
        self._commit = 0.0
        """Seconds that the last commit took."""
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="replays", daemon=True)

    def start(self) -> None:
        """Goes on with what a hub that ended before had left."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch that is under way; the rest is for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    # ---- asking for one ---------------------------------------------------------------------------------------

    def begin(self, committer: Committer, wanted: Wanted, actor: str) -> int:
        """The number of a new replay. On the committer's thread."""
        db, now = committer.connection, instant_text(self._clock())
        chosen = wanted.chosen.model_dump_json(exclude_defaults=True)
        named = sorted(set(wanted.chosen.messages))
        with db.transaction():
            number = _count(db.one("last_replay")) + 1
            state, upto = (RUNNING if named else CHOOSING), _count(db.one("last_inbox"))
            db.run("add_replay", number, now, actor, wanted.cause, wanted.reason, chosen, state, upto)
            for inbox in named:
                db.run("add_replayed", number, inbox)
            detail = {"cause": wanted.cause, "reason": wanted.reason, "chosen": orjson.loads(chosen)}
            db.run("add_audit", now, actor, "replay", f"replay/{number}", orjson.dumps(detail).decode())
        self._wake.set()
        return number

    def end(self, committer: Committer, number: int, actor: str, state: str = STOPPED) -> bool:
        """Ends a replay; what it did stands. False where it had ended, or there is none."""
        db, now = committer.connection, instant_text(self._clock())
        with db.transaction():
            if not db.run("end_replay", state, now, number):
                return False
            detail = orjson.dumps(_tallied(db, number)).decode()
            db.run("add_audit", now, actor, f"replay.{state}", f"replay/{number}", detail)
        return True

    def finish(self, number: int) -> None:
        """Works at a replay until it has ended, on the caller's thread."""
        reader = self._store.reader()
        while self._step(reader, _found(reader, number)) is not None:
            pass
        if reader is not self._store.writer:
            reader.close()

    # ---- working ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with contextlib.closing(self._store.reader()) as reader:
            while not self._stop.is_set():
                self._wake.clear()
                try:
                    row = reader.one("next_replay")
                    spent = self._step(reader, _Replay(*row)) if row is not None else None
                except Overloaded:
                    spent = 0.5
                except Exception as wrong:  # noqa: BLE001 - nothing of the batch was kept; it is tried again
                    log.error("replays.failed", error=type(wrong).__name__)
                    spent = 1.0
                if spent is None:
                    self._wake.wait()
                else:
                    self._stop.wait(spent)

    def _step(self, reader: Connection, one: _Replay | None) -> float | None:
        """Does a piece of a replay; the seconds that it kept others waiting. None where there is nothing to do."""
        if one is None or one.state not in {CHOOSING, RUNNING}:
            return None
        if one.state == CHOOSING:
            return self._choose(reader, one)
        asked = time.perf_counter()
        begun, ended = self._do(lambda c: self._timed(c, one))
        if ended is None:
            return None
        return ended - begun if begun - asked > QUIET else 0.0

    def _choose(self, reader: Connection, one: _Replay) -> float:
        """Notes the next messages that fit. Reading is done here, and only writing keeps others waiting."""
        wanted = one.selection
        rows = reader.all(
            "choose_messages",
            one.looked,
            one.upto,
            wanted.partner,
            wanted.type,
            _instant(wanted.since),
            _instant(wanted.until),
            wanted.outcome,
            PAGE,
        )
        fits = [row[0] for row in rows if self._fits(wanted, row)]

        def note(committer: Committer) -> float:
            begun, db = time.perf_counter(), committer.connection
            with db.transaction():
                last = rows[-1][0] if rows else one.upto
                if db.run("choose_replay", last, CHOOSING if len(rows) == PAGE else RUNNING, one.id):
                    for inbox in fits:
                        db.run("add_replayed", one.id, inbox)
            return time.perf_counter() - begun

        spent: float = self._do(note)
        return spent

    def _fits(self, wanted: Selection, row: Row) -> bool:
        """True for a message with the fault, read by other tables than today's, where that is asked for."""
        _, partner, parts, configuration = row
        if wanted.fault and wanted.fault not in {f["code"] for p in orjson.loads(parts) for f in p.get("faults", ())}:
            return False
        profile = self._profiles.get(partner)
        return not wanted.older or profile is None or configuration != self._adapters.configuration(profile)

    def _timed(self, committer: Committer, one: _Replay) -> tuple[float, float | None]:
        """When a batch began and when it ended; no end where there was none."""
        begun = time.perf_counter()
        done = self._batch(committer, one)
        return begun, time.perf_counter() if done else None

    def _batch(self, committer: Committer, one: _Replay) -> bool:
        """Replays the next messages in one transaction; False where none is left: then the replay has ended."""
        begun = worked = time.perf_counter()
        most = max(BATCH_SECONDS, self._commit)

        def work(db: Connection) -> int:
            nonlocal worked
            if (today := _found(db, one.id)) is None or today.state != RUNNING:
                return 0  # it was stopped since this batch was asked for
            waiting = db.all("replay_waiting", one.id, BATCH)
            for count, (inbox,) in enumerate(waiting, 1):
                self._replay(committer, db, one, inbox)
                worked = time.perf_counter()
                if worked - begun > most:
                    return count
            return len(waiting)

        done = committer.reread(work)
        self._commit = min(time.perf_counter() - worked, LONGEST_BATCH)
        if not done:
            self.end(committer, one.id, "hub", DONE)
        return bool(done)

    def _replay(self, committer: Committer, db: Connection, one: _Replay, inbox: int) -> None:
        row = db.one("message", inbox)
        was = row[10] if row is not None else ""
        try:
            incoming = stored(db, self._keys, self._profiles, inbox, row)
        except NotKept as missing:
            db.run("settle_replayed", was, LEFT, 0, missing.why, one.id, inbox)
            return
        answer = committer.again(db, incoming, inbox, one.cause)
        added = answer.last - answer.first + 1 if answer.outcome else 0
        note = "" if answer.outcome else answer.faults[0].remedy
        db.run("settle_replayed", was, answer.outcome or FAILED, added, note, one.id, inbox)


# ---- looking at them --------------------------------------------------------------------------------------------


def shown(db: Connection, number: int) -> dict[str, Any] | None:
    """A replay with its progress and its table, or None."""
    one = _found(db, number)
    return _shown(db, one) if one is not None else None


def listed(db: Connection, before: int, limit: int) -> list[dict[str, Any]]:
    """The last replays before a number, the newest first."""
    return [_shown(db, _Replay(*row)) for row in db.all("replays", before, limit)]


def messages_of(db: Connection, number: int, after: int, limit: int) -> list[dict[str, Any]]:
    """What became of each message of a replay, by number."""
    names = ("message", "was", "outcome", "facts", "note")
    return [dict(zip(names, row, strict=True)) for row in db.all("replayed_in", number, after, limit)]


def _shown(db: Connection, one: _Replay) -> dict[str, Any]:
    names = ("at", "actor", "cause", "reason", "state", "ended")
    return {
        "replay": one.id,
        **{name: getattr(one, name) for name in names},
        "chosen": orjson.loads(one.chosen),
        **_tallied(db, one.id),
    }


def _tallied(db: Connection, number: int) -> dict[str, Any]:
    rows = db.all("replay_table", number)
    table = [
        {"was": was, "outcome": outcome, "note": note, "messages": count, "facts": int(added)}
        for was, outcome, note, count, added in rows
        if outcome
    ]
    return {
        "messages": sum(row[3] for row in rows),
        "done": sum(row["messages"] for row in table),
        "facts": sum(row["facts"] for row in table),
        "table": table,
    }


def _found(db: Connection, number: int) -> _Replay | None:
    row = db.one("get_replay", number)
    return _Replay(*row) if row is not None else None


def _count(row: Row | None) -> int:
    return int(row[0]) if row is not None else 0


def _instant(moment: datetime | None) -> str:
    """A bound of `received`: without its Z it stands before every text of the same second."""
    return instant_text(moment).removesuffix("Z") if moment is not None else ""


__all__ = [
    "NotKept",
    "Replays",
    "Selection",
    "Wanted",
    "body_of",
    "hint_of",
    "listed",
    "messages_of",
    "shown",
    "stored",
]
