"""The one committer: takes what waits, in ONE transaction, message by message, each under a savepoint.

inbox, vault, events, links, refold of the touched orders, Issues, deliveries, audit, ledger: all or nothing per
message, durable before anything is answered. A bad message is undone alone and held; it never takes its group down.
Runs on one thread; knows no channel.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog

from adapters import json_text
from canonical_model import BASE
from canonical_model.events import VERSION
from canonical_model.fold import fold
from canonical_model.ids import canonical_json, event_id, issue_id, names
from canonical_model.journey import Journey, is_ref
from canonical_model.protocols import Protocol
from canonical_model.rules import RULES_VERSION, Finding, check, seen_beside
from canonical_model.rules.orders import placed_for
from canonical_model.values import instant_text
from hub import ledger
from hub.access import takes_part
from hub.conversion import FATES, FILTERED, HELD, RECORDED, Converted, Part, convert, digest, sameness
from hub.crypto import Keyring
from hub.facts import Facts, Origin, configuration_of, misfits
from hub.formats import Adapters
from hub.links import Links
from hub.profiles import Profile
from hub.revising import revise
from hub.store import Connection, Store
from hub.vault import Vault
from mappings.faults import Fault

log = structlog.get_logger("hub.committer")

ISSUE_SYSTEM = f"{BASE}/id/issue"
CACHED_JOURNEYS = 300
MOST_BESIDE = 50
"""Of a patient's other orders no more are looked at: beyond it the patient is a test patient."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """Bytes that a channel hands over, with who sent them and when they came."""

    partner: str
    channel: str
    format: str
    body: bytes
    hint: str = ""
    name: str = ""
    converted: Converted | None = None


@dataclass(slots=True)
class Answer:
    """What the hub did with a message: what a channel needs to answer it."""

    inbox: int
    outcome: str
    type: str
    source_id: str
    parts: list[dict[str, Any]]
    faults: list[Fault]
    unlinked: int = 0
    first: int = 0
    last: int = 0
    repeated: bool = False
    account: dict[str, int] = field(default_factory=dict)
    records: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)


@dataclass(slots=True)
class _Journey:
    """What the committer remembers of an order between messages."""

    events: dict[int, dict[str, Any]]
    state: Journey | None = None
    beside: frozenset[str] = frozenset()
    """Journeys of the same patient's other orders, when it was last folded."""


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
        self._links = Links(store.writer)
        self._store, self._keys, self._profiles, self._adapters = store, keys, profiles, adapters
        self._protocols, self._clock, self._region, self._salt = protocols, clock, region, salt
        self._journeys: OrderedDict[str, _Journey] = OrderedDict()
        self._leaves: list[bytes] = []
        self._new: dict[int, dict[str, Any]] = {}
        self._fresh: set[str] = set()
        self._beside: set[str] = set()
        """Journeys to look at again, because another order of their patient is not what it was."""
        self._position = 0
        self._configuration = {name: configuration_of(profile) for name, profile in profiles.items()}

    @property
    def connection(self) -> Connection:
        """The writer's connection, for rooms that share the committer's thread."""
        return self._store.writer

    # ---- one group --------------------------------------------------------------------------------------------

    def commit(self, group: Sequence[Incoming]) -> list[Answer]:
        """Answers of a group, after their transaction is durable."""
        return self._transaction(lambda db: [self._one(db, incoming) for incoming in group])  # type: ignore[no-any-return]

    def tick(self) -> int:
        """Looks again at orders whose answers change by time alone; how many there were."""
        now = instant_text(self._clock())

        def look(db: Connection) -> int:
            due = [row[0] for row in db.all("due_checks", now, 100)]
            for journey in due:
                self._refold(db, journey, {})
            self._refold_touched(db)
            return len(due)

        return self._transaction(look)  # type: ignore[no-any-return]

    def replay(self, incoming: Incoming, inbox: int) -> Answer:
        """Reads a stored message again: same facts change nothing, changed ones supersede, vanished retract."""

        def again(db: Connection) -> Answer:
            profile = self._profiles[incoming.partner]
            vault = Vault(self._keys, db, self._region)
            adapter = self._adapters.of(profile, incoming.format)
            converted = convert(profile, adapter, incoming.body, incoming.hint, vault.knows)
            source = converted.source_id or incoming.name or digest(incoming.body)[:24]
            same = sameness(incoming.format, profile.volatile, incoming.body)
            earlier = [orjson.loads(text) for _, text in db.all("events_of_inbox", inbox)]
            answer = Answer(inbox, "", converted.type, source, [], list(converted.faults), account=converted.account)
            self._record(db, profile, converted, source, same, inbox, self._clock(), answer, earlier)
            answer.outcome = converted.outcome
            answer.parts = [part.plain() for part in converted.parts]
            parts, account = orjson.dumps(answer.parts).decode(), orjson.dumps(converted.account).decode()
            db.run("replay_inbox", converted.type, answer.outcome, parts, account, inbox)
            self._refold_touched(db)
            return answer

        return self._transaction(again)  # type: ignore[no-any-return]

    def _transaction(self, work: Callable[[Connection], Any]) -> Any:
        db = self._store.writer
        self._leaves, self._fresh, self._new = [], set(), {}
        self._links.made.clear()
        self._beside.clear()
        try:
            with db.transaction():
                row = db.one("head")
                self._position = first = int(row[0]) if row else 0
                done = work(db)
                if self._leaves:
                    ledger.seal(db, self._keys, first + 1, self._leaves)
                return done
        except BaseException:
            self._links.forget()
            for journey in self._fresh:
                self._journeys.pop(journey, None)
            raise

    def _one(self, db: Connection, incoming: Incoming) -> Answer:
        before, leaves = self._position, len(self._leaves)
        try:
            with db.savepoint():
                return self._take(db, incoming)
        except Exception as wrong:  # noqa: BLE001 - the one place: the message is held and told, its group goes on
            self._undo(before, leaves)
            log.error("message.held", partner=incoming.partner, channel=incoming.channel, error=type(wrong).__name__)
            fault = Fault(
                "internal-error",
                "message",
                f"the hub could not process it ({type(wrong).__name__}); it is kept and can be replayed",
                severity="error",
            )
            with db.savepoint():
                converted = Converted("", "", "", [Part("message", HELD, faults=[fault])], [fault])
                return self._keep(db, incoming, converted, self._profiles[incoming.partner], incoming.name)

    def _undo(self, position: int, leaves: int) -> None:
        """Brings the committer's memory back to where it was before an undone message."""
        self._position = position
        self._links.forget()
        self._links.made.clear()
        self._links.lost.clear()
        self._beside.clear()
        for journey in self._fresh:  # also those of earlier messages: the undone one may have added to them
            self._journeys.pop(journey, None)
        del self._leaves[leaves:]
        for later in [p for p in self._new if p > position]:
            del self._new[later]

    # ---- one message ------------------------------------------------------------------------------------------

    def _take(self, db: Connection, incoming: Incoming) -> Answer:
        profile = self._profiles[incoming.partner]
        vault = Vault(self._keys, db, self._region)
        converted = incoming.converted
        if converted is None:
            adapter = self._adapters.of(profile, incoming.format)
            converted = convert(profile, adapter, incoming.body, incoming.hint, vault.knows)
        source = converted.source_id or incoming.name or digest(incoming.body)[:24]
        same = sameness(incoming.format, profile.volatile, incoming.body)
        earlier = db.one("same_inbox", profile.partner, source, same)
        if earlier is not None and earlier[1] in {RECORDED, FILTERED}:
            db.run("repeat_inbox", earlier[0])
            return _again(earlier, converted, source)
        if db.one("other_inbox", profile.partner, source, same) is not None:
            remedy = "another message of this id was recorded before; both are kept: give each an id of its own"
            converted.faults.append(Fault("source-id-reused", "message", remedy))
        return self._keep(db, incoming, converted, profile, source, same)

    def _keep(
        self,
        db: Connection,
        incoming: Incoming,
        converted: Converted,
        profile: Profile,
        source: str = "",
        same: str = "",
    ) -> Answer:
        now = self._clock()
        hashed = digest(incoming.body)
        source = source or hashed[:24]
        inbox = db.add(
            "add_inbox",
            instant_text(now),
            profile.partner,
            incoming.channel,
            incoming.format,
            converted.type,
            source,
            same or hashed,
            hashed,
            len(incoming.body),
            "received",
            "[]",
            "{}",
            None,
            None,
        )
        answer = Answer(inbox, "", converted.type, source, [], list(converted.faults), account=converted.account)
        answer.first = self._position + 1
        self._record(db, profile, converted, source, same or hashed, inbox, now, answer)
        answer.last = self._position
        row = db.one("count_unlinked", answer.first, answer.last)
        answer.unlinked = int(row[0]) if row else 0
        body = residual = None
        if converted.outcome != FILTERED:
            body = self._store_body(db, profile.partner, now, "message", incoming.body)
            if converted.residual and converted.outcome == RECORDED:
                residual = self._store_body(db, profile.partner, now, "residual", json_text.dumps(converted.residual))
        answer.outcome = converted.outcome
        answer.parts = [part.plain() for part in converted.parts]
        db.run(
            "settle_inbox",
            converted.type,
            source,
            answer.outcome,
            orjson.dumps(answer.parts).decode(),
            orjson.dumps(converted.account).decode(),
            body,
            residual,
            inbox,
        )
        self._refold_touched(db)
        return answer

    def _store_body(self, db: Connection, partner: str, now: datetime, kind: str, body: bytes) -> int:
        period = now.strftime("%Y-%m")
        return db.add("add_body", partner, period, kind, self._keys.seal(f"body/{partner}/{period}", body))

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
        earlier: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Appends the facts of the recorded parts. At a replay, `earlier` are those that the message came to before."""
        origin = Origin(profile, self._configuration[profile.partner], source, same, converted.sequence, now)
        facts = Facts(self._keys, db, self._region, origin, converted)
        said: list[dict[str, Any]] = []
        for part in converted.parts:
            if part.fate != RECORDED:
                continue
            events = [facts.of(assertion) for assertion in part.assertions]
            part.faults += [fault for event in events for fault in misfits(event)]
            if any(fault.severity == "error" for fault in part.faults):
                part.fate = HELD
                answer.faults += part.faults
                continue
            said += events
        answer.records += [(event["about"]["kind"], event["about"]["identifiers"]) for event in said]
        if earlier:
            whole = all(part.fate in {RECORDED, FILTERED} for part in converted.parts)
            said = revise(earlier, said, whole, now)
        for event in said:
            self._append(db, event, inbox)

    def _append(self, db: Connection, event: dict[str, Any], inbox: int | None, only: str = "") -> bool:
        """Adds a fact to the log and links it; False where the log has it already."""
        position = self._position + 1
        text = canonical_json(event)
        salt = self._salt(ledger.SALT)
        hashed = ledger.leaf(salt, text)
        if not db.run("add_event", position, event["id"], event["type"], inbox, text.decode(), salt, hashed):
            return False
        self._position = position
        self._leaves.append(hashed)
        self._new[position] = event
        self._links.add(position, event, only)
        return True

    # ---- one order --------------------------------------------------------------------------------------------

    def state(self, db: Connection, journey: str) -> Journey:
        """The journey as its live facts leave it; of one that has another name by now, that of today."""
        journey = self._links.now(journey)
        known = self._known(db, journey)
        return known.state or self._fold(journey, known)

    def _known(self, db: Connection, journey: str) -> _Journey:
        """The remembered order, loaded where it is not remembered."""
        known = self._journeys.get(journey)
        if known is None:
            positions = [row[0] for row in db.all("positions_of", journey)]
            known = self._journeys[journey] = _Journey(self._events(db, positions))
            if len(self._journeys) > CACHED_JOURNEYS:
                self._journeys.popitem(last=False)
        self._journeys.move_to_end(journey)
        return known

    def _events(self, db: Connection, positions: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Events at positions: those of this transaction as they are, older ones from the log."""
        found = {position: self._new[position] for position in positions if position in self._new}
        missing = sorted(set(positions) - found.keys())
        if missing:
            for position, text in db.all("events_at", orjson.dumps(missing).decode()):
                found[position] = orjson.loads(text)
        return found

    def _refold_touched(self, db: Connection) -> None:
        """Folds every order again that facts of this message were linked to, older facts with them."""
        while self._links.made or self._beside:  # an Issue that is raised links what was said of it before
            made, self._links.made = self._links.made, {}
            beside, self._beside = self._beside, set()
            lost, self._links.lost = self._links.lost, set()
            for journey in lost:
                self._journeys.pop(journey, None)
            for journey, positions in made.items():
                self._refold(db, journey, self._events(db, positions))
            for journey in sorted({self._links.now(journey) for journey in beside} - made.keys()):
                self._refold(db, journey, {})

    def _fold(self, journey: str, known: _Journey) -> Journey:
        known.state = self._alone(journey, known)
        known.beside = self._of_patient(journey, known.state)
        known.state.others = tuple(
            view
            for other in sorted(known.beside)
            if (view := seen_beside(known.state, self._apart(other), self._protocols)) is not None
        )
        return known.state

    def _alone(self, journey: str, known: _Journey) -> Journey:
        return fold(self._links.names_of(journey), known.events.values())

    def _apart(self, journey: str) -> Journey:
        """Another order as it is by itself, whatever it knows of its patient's other orders."""
        known = self._known(self.connection, journey)
        return known.state or self._alone(journey, known)

    def _of_patient(self, journey: str, state: Journey) -> frozenset[str]:
        """Journeys of the orders to which the patient of this one leads, this one apart."""
        patient = state.order.fields.get("patient")
        if not is_ref(patient):
            return frozenset()
        reached = self._links.orders_of(self._links.members(names(patient)))
        return frozenset(sorted(reached - {journey})[:MOST_BESIDE])

    def _refold(self, db: Connection, journey: str, new: Mapping[int, dict[str, Any]]) -> None:
        """Folds an order again, opens and closes its Issues, plans deliveries and the next look."""
        self._fresh.add(journey)
        known = self._known(db, journey)
        before = self._before(journey, known, new)
        earlier, beside = known.state, known.beside
        known.events.update(new)
        state = self._fold(journey, known)
        if new and (beside or known.beside) and (earlier is None or _aspect(earlier) != _aspect(state)):
            self._beside |= beside | known.beside
        now = self._clock()
        result = check(state, self._protocols, now)
        db.run("set_check", instant_text(result.next_change) if result.next_change else None, journey)
        issues = self._issues(db, journey, state, result.findings, now)
        known.events.update(issues)
        self._plan(db, journey, before, state, {**new, **issues}, known.events, now)

    def _issues(
        self, db: Connection, journey: str, state: Journey, findings: Iterable[Finding], now: datetime
    ) -> dict[int, dict[str, Any]]:
        found = {finding.id: finding for finding in findings}
        opened = {row[0]: row[1:] for row in db.all("open_issues_of", journey)}
        told = {issue: (f.severity, f.text, json.dumps(f.facts)) for issue, f in found.items()}
        events: dict[int, dict[str, Any]] = {}
        for issue in sorted(issue for issue in found if opened.get(issue) != told[issue]):  # new, or worse than it was
            finding = found[issue]
            db.run(
                "raise_issue",
                issue,
                journey,
                finding.rule,
                finding.kind,
                finding.severity,
                finding.text,
                finding.settle,
                json.dumps(finding.facts),
                instant_text(now),
            )
            values = {
                "rule": finding.rule,
                "kind": finding.kind,
                "severity": finding.severity,
                "text": finding.text,
                "cause": finding.cause,
                "status": "open",
            }
            self._hub_event(db, journey, state, "issue.raised", issue, values, now, events)
        for issue in sorted(opened.keys() - found.keys()):
            db.run("close_issue", instant_text(now), issue, journey)
            self._hub_event(db, journey, state, "issue.cleared", issue, {"status": "resolved"}, now, events)
        return events

    def _hub_event(
        self,
        db: Connection,
        journey: str,
        state: Journey,
        type_: str,
        issue: str,
        values: dict[str, Any],
        now: datetime,
        events: dict[int, dict[str, Any]],
    ) -> None:
        """A fact of the hub itself about an Issue of an order, with the rule set's version."""
        about = {"kind": "issue", "identifiers": [{"system": ISSUE_SYSTEM, "value": issue}]}
        order = state.order.identifiers[:1]
        if order:
            values["order"] = {"kind": "order", "identifiers": order}
        row = db.one("issue_times", issue, journey)
        count = str(row[0] if row else 1)
        event = {
            "v": VERSION,
            "id": event_id("hub", journey, RULES_VERSION, count, type_, about, [values]),
            "type": type_,
            "about": about,
            "set": values,
            "clear": [],
            "occurred": _moment(now),
            "recorded": instant_text(now),
            "reporter": {"partner": "hub", "role": "hub"},
            "source_id": f"rules/{RULES_VERSION}",
            "ordinal": f"{count.zfill(6)}/{int(type_ == 'issue.cleared')}",  # told and taken back in one instant
            "frame": journey,
            "configuration": f"rules/{RULES_VERSION}",
            "body": "",
        }
        if self._append(db, event, None, only=journey):
            events[self._position] = event

    def _before(self, journey: str, known: _Journey, new: Mapping[int, Any]) -> Journey | None:
        """The order as it was before new facts; None where it is new itself."""
        if known.state is None:  # just loaded, the new facts with it
            earlier = [event for position, event in known.events.items() if position not in new]
            return fold(self._links.names_of(journey), earlier) if earlier else None
        return known.state

    def _plan(
        self,
        db: Connection,
        journey: str,
        before: Journey | None,
        state: Journey,
        new: Mapping[int, dict[str, Any]],
        every: Mapping[int, dict[str, Any]],
        now: datetime,
    ) -> None:
        """One delivery per fact and partner that takes part in the order and asked for such facts; no echo.

        A partner who takes part from now on is told what came before too: it may have come before the order did.
        """
        for profile in self._profiles.values():
            if not profile.sends or not takes_part(profile, state):
                continue
            joins = before is not None and not takes_part(profile, before)
            for position, event in sorted((every if joins else new).items()):
                if profile.partner == event["reporter"]["partner"]:
                    continue
                for send in profile.sends:
                    if event["type"] in send.events:
                        db.run("add_delivery", profile.partner, journey, position, send.message, instant_text(now))


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


def _moment(now: datetime) -> dict[str, Any]:
    text = instant_text(now)
    precision = "fraction" if "." in text else "second"
    return {"at": text, "local": text.removesuffix("Z"), "zone": "Z", "precision": precision}


def worst(parts: Iterable[Mapping[str, Any]]) -> str:
    """The worst fate of some parts."""
    return max((part["fate"] for part in parts), key=FATES.index, default=RECORDED)


__all__ = ["Answer", "Committer", "Incoming", "issue_id", "worst"]


def _aspect(state: Journey) -> list[Any]:
    """What the rules of the patient's other orders may see of an order."""
    order = state.order
    fields = ("patient", "protocol", "service", "replaces")
    return [state.names, order.state, placed_for(state), *(order.fields.get(name) for name in fields)]
