"""The one committer: takes what waits, in ONE transaction, message by message, each under a savepoint.

inbox, vault, events, links, refold of the touched orders, Issues, deliveries, audit, ledger: all or nothing per
message, durable before anything is answered. A bad message is undone alone and held; it never takes its group down.
Runs on one thread; knows no channel.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import structlog

from adapters import json_text
from canonical_model.ids import issue_id
from canonical_model.protocols import Protocol
from canonical_model.values import instant_text
from hub import ledger
from hub.appending import Appender
from hub.claims import Claims
from hub.conversion import FATES, FILTERED, HELD, RECORDED, Converted, Part, convert, digest, sameness
from hub.crypto import Keyring
from hub.facts import Facts, Origin, said_by
from hub.formats import Adapters
from hub.incoming import Answer, Incoming
from hub.links import Links
from hub.orders import Orders
from hub.outcomes import RECEIVED, is_read_the_same, settled
from hub.profiles import Profile
from hub.revising import Revision, revise
from hub.store import Connection, Row, Spoilt, Store, TakeAgain, Unplaced
from hub.storing import answer_later, wants_answer
from hub.vault import Vault
from mappings.faults import Fault

log = structlog.get_logger("hub.committer")

TRIES = 20
"""How often a transaction is run when other writers come in between; each time more of it is locked beforehand."""


class Contended(Exception):
    """Other writers came in between too often: the sender is asked to come again."""


class Committer:
    """Commits messages. Everything that it needs is handed in."""

    def __init__(
        self,
        store: Store,
        keys: Keyring,
        profiles: Mapping[str, Profile],
        adapters: Adapters,
        protocols: Mapping[str, Protocol],
        clock: Callable[[], datetime],
        region: str = "local",
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._claims = Claims(store.writer) if store.shared else None
        self._links = Links(store.writer, self._claims)
        store.writer.placed = self._placed
        self._store, self._keys, self._profiles, self._adapters = store, keys, profiles, adapters
        self._clock, self._region = clock, region
        self.log = Appender(self._links, salt)
        self.orders = Orders(self.log, self._links, self._claims, profiles, protocols, clock, store.writer)
        self._taken: set[tuple[str, str]] = set()
        """Partner and message id of the messages of this transaction, which may wait to be written."""
        self.clashes = 0
        """Transactions that were run again because another writer came in between."""
        self._careful = False
        """Whether every message is written by itself, to find the one that the store does not take."""

    @property
    def connection(self) -> Connection:
        """The writer's connection, for rooms that share the committer's thread."""
        return self._store.writer

    # ---- one group --------------------------------------------------------------------------------------------

    def commit(self, group: Sequence[Incoming]) -> list[Answer]:
        """Answers of a group, after their transaction is durable."""
        answers: list[Answer] = self._transaction(lambda db: [self._one(db, incoming) for incoming in group])
        for answer in answers:
            answer.first, answer.last = self.log.real(answer.first), self.log.real(answer.last)
        return answers

    def tick(self) -> int:
        """Looks again at orders whose answers change by time alone; how many there were."""
        now = instant_text(self._clock())

        def look(db: Connection) -> int:
            due = [row[0] for row in db.all("due_checks", now, 100)]
            self.orders.drop(self._links.claim_journeys(due))
            for journey in due:
                self.orders.refold(db, journey, {})
            self.orders.refold_touched(db)
            return len(due)

        return self._transaction(look)  # type: ignore[no-any-return]

    def replay(self, incoming: Incoming, inbox: int) -> Answer:
        """Reads a stored message again: same facts change nothing, changed ones supersede, vanished retract."""
        return self.reread(lambda db: self.again(db, incoming, inbox))  # type: ignore[no-any-return]

    def reread(self, work: Callable[[Connection], Any]) -> Any:
        """One transaction of work that reads stored messages again, by `again` and `mended`."""
        return self._transaction(work)

    def erase(self, position: int, work: Callable[[Connection], dict[str, Any]]) -> int:
        """One transaction in which `work` takes a fact's text away and gives the entry that says so; its position."""

        def without(db: Connection) -> int:
            db.place()
            self.log.write(db, work(db))
            told = self.log.position
            db.run("add_erased", position, told)
            linked = {row[0] for row in db.all("links_of", position)}
            self.orders.look_beside(linked | self._links.part(position, told))
            self.orders.refold_touched(db)
            return told

        return self._transaction(without)  # type: ignore[no-any-return]

    def again(self, db: Connection, incoming: Incoming, inbox: int, cause: str = "table") -> Answer:
        """Reads one stored message again. Where that fails nothing of it changes, and the outcome is empty."""
        before, leaves = self.log.position, len(self.log.leaves)
        try:
            with db.savepoint():
                answer = self._read_again(db, incoming, inbox, cause)
                if self._careful:
                    db.flush()
                return answer
        except Exception as wrong:  # noqa: BLE001 - the message stays as it was and is told; the others go on
            self._undo(before, leaves)
            log.error("replay.failed", message=inbox, error=type(wrong).__name__)
            text = f"the hub could not read it again ({type(wrong).__name__}); nothing of it changed"
            return Answer(inbox, "", "", "", [], [Fault("internal-error", "message", text, severity="error")])

    def _read_again(self, db: Connection, incoming: Incoming, inbox: int, cause: str) -> Answer:
        profile, converted = self._convert(db, incoming)
        source = converted.source_id or incoming.name or digest(incoming.body)[:24]
        row = db.one("message", inbox)
        assert row is not None
        revision = self._revision(db, inbox, cause, row[16] is not None)
        answer = Answer(inbox, "", converted.type, source, [], list(converted.faults), account=converted.account)
        answer.first = self.log.position + 1
        self._record(db, profile, converted, source, row[7], inbox, self._clock(), answer, revision)
        answer.last = self.log.position
        answer.outcome = converted.outcome
        answer.parts = [part.plain() for part in converted.parts]
        residual = self._residual_again(db, profile.partner, revision.received, converted, row[14])
        db.run(
            "read_again",
            converted.type,
            source,
            answer.outcome,
            orjson.dumps(answer.parts).decode(),
            orjson.dumps(converted.account).decode(),
            residual,
            self._adapters.configuration(profile),
            inbox,
        )
        if row[14] is not None and row[14] != residual:
            db.run("drop_body", row[14])
        self.orders.refold_touched(db)
        return answer

    def _residual_again(
        self, db: Connection, partner: str, came: datetime, converted: Converted, kept: int | None
    ) -> int | None:
        """The body with the residual of a message that was read again: the one that it has, where it is the same."""
        if not converted.residual or converted.outcome != RECORDED:
            return None
        found = json_text.dumps(converted.residual)
        row = db.one("get_body", kept) if kept is not None else None
        if row is not None and self._keys.open(f"body/{row[0]}/{row[1]}", row[3]) == found:
            return kept
        return self._store_body(db, partner, came, "residual", found)

    def mended(self, db: Connection, incoming: Incoming, held: int) -> Answer:
        """Takes the mended text of a held message, as a message of its own: its facts take the place of the other's."""
        profile, converted = self._convert(db, incoming)
        same = sameness(incoming.format, profile.volatile, incoming.body)
        revision = self._revision(db, held, "message", mended=True)
        return self._keep(
            db, incoming, converted, profile, converted.source_id or incoming.name, same, revision=revision
        )

    def _revision(self, db: Connection, inbox: int, cause: str, mended: bool) -> Revision:
        row = db.one("message", inbox)
        assert row is not None
        earlier = [orjson.loads(text) for _, text in db.all("events_of_message", inbox) if text is not None]
        return Revision(earlier, datetime.fromisoformat(row[1]), cause, mended)

    def _convert(self, db: Connection, incoming: Incoming) -> tuple[Profile, Converted]:
        profile = self._profiles[incoming.partner]
        if incoming.converted is not None:
            return profile, incoming.converted
        knows = Vault(self._keys, db, self._region).knows
        adapter = self._adapters.of(profile, incoming.format)
        return profile, convert(profile, adapter, incoming.body, incoming.hint, knows)

    def transaction(self, work: Callable[[Connection], Any]) -> Any:
        """Work of another room as one transaction, with what it tells of Issues."""

        def whole(db: Connection) -> Any:
            done = work(db)
            self.orders.refold_touched(db)
            return done

        return self._transaction(whole)

    def _transaction(self, work: Callable[[Connection], Any]) -> Any:
        """The work in one transaction; run again from its beginning where another writer came in between."""
        again = placed = False
        for _ in range(TRIES):
            try:
                return self._try(work, again, placed)
            except Spoilt:
                with self._carefully():
                    return self._transaction(work)
            except TakeAgain as clash:
                self.clashes += 1
                again, placed = True, placed or isinstance(clash, Unplaced)
            except self._store.DOWN:
                raise
            except Exception:
                if self._careful:
                    raise
                with self._carefully():
                    return self._transaction(work)
        raise Contended(f"other writers came in between {TRIES} times")

    @contextlib.contextmanager
    def _carefully(self) -> Iterator[None]:
        self._careful = True
        try:
            yield
        finally:
            self._careful = False

    def _try(self, work: Callable[[Connection], Any], again: bool, placed: bool) -> Any:
        db = self._store.writer
        self._begin()
        try:
            with db.transaction():
                if self._claims is not None:
                    self._claims.begin(again)
                self.log.start(db.start(placed or self._careful))
                done = work(db)
                if self.log.leaves:
                    db.place()
                if self._claims is not None:
                    self._claims.end()
                if self.log.leaves:
                    ledger.seal(db, self._keys, self.log.first + 1, self.log.leaves)
                return done
        except BaseException:
            if self._claims is not None:
                self._claims.abandon()
            self._links.forget()
            self.orders.undone()
            raise

    def _begin(self) -> None:
        self.log.begin()
        self._taken.clear()
        self.orders.begin(anew=self._links.begin())

    def _placed(self, offset: int) -> None:
        """Positions that were provisional are real from now on, in everything that is remembered."""
        self.log.placed(offset)
        self.orders.placed()

    def _one(self, db: Connection, incoming: Incoming) -> Answer:
        return self._guarded(db, incoming, lambda: self._take(db, incoming))

    def _guarded(
        self, db: Connection, incoming: Incoming, take: Callable[[], Answer], stored: int | None = None
    ) -> Answer:
        """One message as a part of the transaction; one that fails is undone alone and held."""
        before, leaves = self.log.position, len(self.log.leaves)
        try:
            with db.savepoint():
                answer = take()
                if self._careful:
                    db.flush()
                return answer
        except Exception as wrong:  # noqa: BLE001 - the one place: the message is held and told, its group goes on
            self._undo(before, leaves)
            log.error("message.held", partner=incoming.partner, channel=incoming.channel, error=type(wrong).__name__)
            fault = Fault(
                "internal-error",
                "message",
                f"the hub could not process it ({type(wrong).__name__}); it is kept and can be replayed",
                severity="error",
            )
            converted = Converted("", "", "", [Part("message", HELD, faults=[fault])], [fault])
            with db.savepoint():
                if stored is not None:
                    return self._hold_stored(db, incoming, converted, stored)
                return self._settle(db, incoming, converted, self._profiles[incoming.partner])

    @staticmethod
    def _hold_stored(db: Connection, incoming: Incoming, converted: Converted, stored: int) -> Answer:
        parts = [part.plain() for part in converted.parts]
        told = orjson.dumps(parts).decode()
        db.run("read_again", "", incoming.name, HELD, told, "{}", None, "", stored)
        return Answer(stored, HELD, "", incoming.name, parts, list(converted.faults))

    def _undo(self, position: int, leaves: int) -> None:
        """Brings the committer's memory back to where it was before an undone message."""
        self._links.forget()
        self._links.made.clear()
        self._links.lost.clear()
        self.orders.undone()
        self.log.undo(position, leaves)

    # ---- one message ------------------------------------------------------------------------------------------

    def _take(self, db: Connection, incoming: Incoming) -> Answer:
        if incoming.stored:
            return self._keep_raw(db, incoming)
        profile, converted = self._convert(db, incoming)
        return self._settle(db, incoming, converted, profile)

    def _settle(self, db: Connection, incoming: Incoming, converted: Converted, profile: Profile) -> Answer:
        """Keeps a message that was read, unless it is one that is kept already."""
        source = converted.source_id or incoming.name or digest(incoming.body)[:24]
        same = sameness(incoming.format, profile.volatile, incoming.body)
        if self._claims is not None:
            self._claims.message(profile.partner, source)
        if (profile.partner, source) in self._taken:
            db.flush()
        earlier = next(iter(db.peek("same_inbox", profile.partner, source, same)), None)
        if (known := settled(db, earlier)) is not None:
            db.run("repeat_inbox", known.row[0])
            converted.faults = known.faults or converted.faults
            return _again(known.row, converted, source)
        if earlier is not None and is_read_the_same(earlier, converted):
            db.run("repeat_inbox", earlier[0])
            return _again(earlier, converted, source)
        if db.peek("other_inbox", profile.partner, source, same):
            converted.faults.append(_REUSED)
        revision = None if earlier is None else self._revision(db, earlier[0], "table", mended=False)
        return self._keep(db, incoming, converted, profile, source, same, revision)

    def _keep_raw(self, db: Connection, incoming: Incoming) -> Answer:
        """Keeps the raw body of a message, unless it is kept already."""
        profile, now, hashed = self._profiles[incoming.partner], self._clock(), digest(incoming.body)
        source = incoming.name or hashed[:24]
        same = sameness(incoming.format, profile.volatile, incoming.body)
        if self._claims is not None:
            self._claims.message(profile.partner, source)
        if (profile.partner, source) in self._taken:
            db.flush()
        for earlier in db.peek("same_inbox", profile.partner, source, same):
            if earlier[1] == RECEIVED or settled(db, earlier) is not None:
                db.run("repeat_inbox", earlier[0])
                return Answer(earlier[0], RECEIVED, "", source, [], [], repeated=True)
        body = self._store_body(db, profile.partner, now, "message", incoming.body)
        inbox = db.add_later(
            "add_inbox",
            instant_text(now),
            profile.partner,
            incoming.channel,
            incoming.format,
            "",
            source,
            same,
            hashed,
            len(incoming.body),
            RECEIVED,
            "[]",
            "{}",
            body,
            None,
            "",
            incoming.hint,
        )
        self._taken.add((profile.partner, source))
        return Answer(inbox, RECEIVED, "", source, [], [])

    def read_stored(self, limit: int) -> int:
        """Reads messages that were only stored, in the order in which they came; how many there were."""

        def read(db: Connection) -> int:
            rows = db.all("stored_inbox", limit)
            for row in rows:
                self._read_stored(db, row)
            return len(rows)

        return self._transaction(read)  # type: ignore[no-any-return]

    def _read_stored(self, db: Connection, row: Row) -> None:
        inbox, partner, channel, format_name, source, hint, period, sealed = row
        body = self._keys.open(f"body/{partner}/{period}", sealed)
        incoming = Incoming(partner, channel, format_name, body, hint, source)
        answer = self._guarded(db, incoming, lambda: self._read_first(db, incoming, inbox), inbox)
        profile = self._profiles.get(partner)
        if profile is not None and wants_answer(profile, channel, body, answer.outcome):
            answer_later(db, self._keys, profile, inbox, body, answer, self._clock())

    def _read_first(self, db: Connection, incoming: Incoming, inbox: int) -> Answer:
        profile, converted = self._convert(db, incoming)
        source = converted.source_id or incoming.name
        same = sameness(incoming.format, profile.volatile, incoming.body)
        if self._claims is not None:
            self._claims.message(profile.partner, source)
        if db.peek("other_inbox", profile.partner, source, same):
            converted.faults.append(_REUSED)
        return self._keep(db, incoming, converted, profile, source, same, None, inbox)

    def _keep(
        self,
        db: Connection,
        incoming: Incoming,
        converted: Converted,
        profile: Profile,
        source: str = "",
        same: str = "",
        revision: Revision | None = None,
        stored: int | None = None,
    ) -> Answer:
        """Records a message; one that was `stored` before has its row and its body."""
        now = self._clock()
        hashed = digest(incoming.body)
        source = source or hashed[:24]
        inbox = db.next_id("inbox") if stored is None else stored
        answer = Answer(inbox, "", converted.type, source, [], list(converted.faults), account=converted.account)
        answer.first = self.log.position + 1
        self._record(db, profile, converted, source, same or hashed, inbox, now, answer, revision)
        answer.last = self.log.position
        answer.unlinked = sum(1 for p in range(answer.first, answer.last + 1) if p not in self._links.linked)
        body = residual = None
        if converted.outcome != FILTERED:
            if stored is None:
                body = self._store_body(db, profile.partner, now, "message", incoming.body)
            if converted.residual and converted.outcome == RECORDED:
                residual = self._store_body(db, profile.partner, now, "residual", json_text.dumps(converted.residual))
        answer.outcome = converted.outcome
        answer.parts = [part.plain() for part in converted.parts]
        parts, account = orjson.dumps(answer.parts).decode(), orjson.dumps(converted.account).decode()
        configuration = self._adapters.configuration(profile)
        if stored is not None:
            read = (converted.type, source, answer.outcome, parts, account, residual, configuration)
            db.later("read_again", *read, inbox)
            self.orders.refold_touched(db)
            return answer
        db.later(
            "add_inbox",
            inbox,
            instant_text(now),
            profile.partner,
            incoming.channel,
            incoming.format,
            converted.type,
            source,
            same or hashed,
            hashed,
            len(incoming.body),
            answer.outcome,
            parts,
            account,
            body,
            residual,
            configuration,
            incoming.hint,
        )
        self._taken.add((profile.partner, source))
        self.orders.refold_touched(db)
        return answer

    def _store_body(self, db: Connection, partner: str, now: datetime, kind: str, body: bytes) -> int:
        period = now.strftime("%Y-%m")
        return db.add_later("add_body", partner, period, kind, self._keys.seal(f"body/{partner}/{period}", body))

    def _record(
        self,
        db: Connection,
        profile: Profile,
        converted: Converted,
        source: str,
        same: str,
        inbox: int,
        now: datetime,
        answer: Answer,
        revision: Revision | None = None,
    ) -> None:
        """Appends the facts of the recorded parts; of a message that is read again, what that changes."""
        configuration = self._adapters.configuration(profile)
        came = revision.received if revision is not None else now
        origin = Origin(profile, configuration, source, same, converted.sequence, now, came)
        facts = Facts(self._keys, db, self._region, origin, converted)
        said, faults = said_by(facts, converted)
        answer.faults += faults
        answer.records += [(event["about"]["kind"], event["about"]["identifiers"]) for event in said]
        if revision is not None:
            said = revise(revision, said, converted.whole, now)
        self.orders.claim(said)
        known = {row[0] for row in db.peek("known_events", orjson.dumps([event["id"] for event in said]).decode())}
        for event in said:
            if event["id"] not in known and event["id"] not in self.log.ids:
                self.log.add(db, event, inbox)


_REUSED = Fault(
    "source-id-reused",
    "message",
    "another message of this id was recorded before; both are kept: give each an id of its own",
)


def _again(earlier: tuple[Any, ...], converted: Converted, source: str) -> Answer:
    """The answer to a message that was recorded before."""
    return Answer(
        inbox=earlier[0],
        outcome=earlier[1],
        type=converted.type,
        source_id=source,
        parts=json.loads(earlier[2]),
        faults=converted.faults,
        repeated=True,
        account=json.loads(earlier[3]),
    )


def worst(parts: Iterable[Mapping[str, Any]]) -> str:
    """The worst fate of some parts."""
    return max((part["fate"] for part in parts), key=FATES.index, default=RECORDED)


__all__ = ["Answer", "Committer", "Incoming", "issue_id", "worst"]
