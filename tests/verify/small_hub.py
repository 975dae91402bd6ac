"""A hub without channels in memory: messages go through its inbox, and what came of them can be compared. No network.

Everything that decides is the hub's own: conversion, committer, links, fold, rules, ledger. Only what costs time and
decides nothing is shared between hubs of one process: compiled tables, compiled schemas, conversions of equal bytes.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson

from adapters.reading import Read
from canonical_model.fold import fold
from canonical_model.ids import canonical_json
from canonical_model.journey import Journey, comparable
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.rules import Check, Finding, check
from hub import ledger
from hub.access import takes_part
from hub.answers import Question, Questions
from hub.committer import Answer, Committer
from hub.conversion import Format
from hub.crypto import Keyring
from hub.demo import world
from hub.facts import Facts
from hub.formats import Adapters
from hub.links import Links
from hub.orders import ISSUE_SYSTEM
from hub.profiles import Profile
from hub.projector import Projector
from hub.store import Connection, SqliteReadModel, Store
from mappings.faults import Fault
from tests.canonical_model.standing import standing
from tests.verify import stores
from tests.verify.messages import GLN, Delivery, party

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
"""When every small hub begins to record. A look at its clock takes a microsecond: no two facts come at one instant."""
KEYS = Keyring(b"histories" * 3 + b"12345")
PRODUCTS = ["AXI-CEL", "DLI-T", "ALLO-NK", "AAV9-SMN1"]
"""Codes of products that the courier, the manufacturer and the treating site have to do with: one of each Protocol."""
LATE = "late-event"
ASKED = (("may-ship", "mercy"), ("may-ship", "celltech"), ("may-infuse", "general"))
_NUMBER = re.compile(r"^message \d+")
"""A held message is named by its number in the inbox, which tells of the arrival."""


class Remembering:
    """A partner's adapter that reads equal bytes once. Conversion is pure, so nothing else changes."""

    def __init__(self, adapter: Format) -> None:
        self._adapter = adapter
        self._read: dict[tuple[bytes, str], Read] = {}

    def read(self, body: bytes, hint: str = "") -> Read:
        key = (body, hint)
        if key not in self._read:
            if len(self._read) > 2_000:
                self._read.clear()
            self._read[key] = self._adapter.read(body, hint)
        return self._read[key]

    def map(self, message: str) -> Mapping[str, Any]:
        return self._adapter.map(message)

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        return self._adapter.write(message, frames, residual)


class Shared(Adapters):
    """The adapters of all small hubs of a process."""

    def of(self, profile: Profile, name: str) -> Format:
        key = (profile.partner, name)
        if not isinstance(self._known.get(key), Remembering):
            self._known[key] = Remembering(super().of(profile, name))
        return self._known[key]


@cache
def partners() -> tuple[dict[str, Profile], Shared]:
    """Two hospitals, a courier, a manufacturer and quality assurance, with their tables."""
    home = Path(tempfile.mkdtemp(prefix="cgt-verify-"))
    told = {"events": ["result.reported", "result.corrected"], "message": "mes_csv/qc_results"}
    plain = world.profiles(home, 1, "http://127.0.0.1:9/epcis")
    plain.pop("operator")
    plain["celltech"]["sends"] = [told]
    plain["general"] = {
        **plain["mercy"],
        "partner": "general",
        "name": "General Hospital",
        "role": "infusion-site",
        "party": party("general"),
        "http": {"formats": ["fhir_r4"]},
    }
    plain["quality"] = {
        "partner": "quality",
        "name": "Quality assurance",
        "role": "qa",
        "party": party("quality"),
        "orders": "none",
        "http": {"formats": ["fhir_r4"]},
    }
    for name in ("swift", "celltech", "general"):
        plain[name]["products"] = PRODUCTS
    assert plain.keys() == GLN.keys()
    world.write_profiles(home / "partners", home, 1, "http://127.0.0.1:9/epcis")  # the overlay of Mercy
    found = {}
    for name, profile in plain.items():
        overlay = {"overlay": str(home / "partners" / "mercy-tables")} if name in {"mercy", "general"} else {}
        found[name] = Profile.model_validate({**profile, **overlay})
    return found, Shared(found)


def empty_store() -> Store:
    """A store in memory with nothing in it."""
    return stores.opened("memory")


class SmallHub:
    """A hub in memory."""

    def __init__(
        self, kind: str = "memory", store: Store | None = None, salt: Callable[[int], bytes] | None = None
    ) -> None:
        known, adapters = partners()
        self.store = store or stores.opened(kind)
        self.profiles, self.kind = known, kind
        self.ticks = 0
        self.now = NOW
        self.step = 1
        self.committer = Committer(
            self.store, KEYS, known, adapters, DEFAULT_PROTOCOLS, self.clock, salt=salt or _no_salt
        )

    def clock(self) -> datetime:
        """The time, a microsecond later at each look."""
        self.ticks += self.step
        return self.now + timedelta(microseconds=self.ticks)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Time stands while the hub is looked at."""
        self.step = 0
        yield
        self.step = 1

    def close(self) -> None:
        """Gives the store back; that of a kind with one place is closed when the next one is opened."""
        if self.kind == "memory":
            self.store.close()

    def fork(self) -> SmallHub:
        """Another hub in memory that knows the same."""
        other = SmallHub(store=stores.copied(self.store))
        other.ticks, other.now = self.ticks, self.now
        return other

    def take(self, groups: Iterable[Sequence[Delivery]]) -> list[Answer]:
        """Commits groups of messages, one transaction each."""
        with patch("hub.committer.Facts", CorrectingFacts):
            return [a for group in groups for a in self.committer.commit([d.incoming() for d in group])]


class CorrectingFacts(Facts):
    """The hub's facts, whose assertions may name the facts that they put right: no adapter says that yet."""

    def of(self, assertion: Mapping[str, Any]) -> dict[str, Any]:
        event = super().of(assertion)
        above = assertion.get("supersedes")
        return {**event, "supersedes": above} if above else event


def _no_salt(size: int) -> bytes:
    """Salts hide events from those who hold the leaves only; here nobody does."""
    return bytes(size)


def read_model(hub: SmallHub) -> dict[str, Any]:
    """What the hub's readers find under each name: the record, and the orders that it belongs to."""
    model, links = SqliteReadModel(None), Links(hub.store.writer)
    Projector(hub.store, model).catch_up()
    db = model.writer
    found: dict[str, Any] = {}
    for kind, value, system, record in db.raw.execute(
        "SELECT kind, value, system, id FROM record_name ORDER BY 1, 2, 3"
    ):
        row = db.one("last_record", kind, record)
        assert row is not None
        orders = {links.now(journey) for (journey,) in db.all("journeys_of_record", kind, record)}
        names = sorted(sorted(map(list, links.names_of(journey))) for journey in orders)
        shown = [{**orjson.loads(row[2]), "updated": ""}, names]
        found.setdefault(f"{kind} {system}|{value}", []).append(shown)
    model.close()
    return {name: _each_once(shown) for name, shown in found.items()}


def _each_once(shown: Iterable[Any]) -> list[Any]:
    """What a reader finds under a name: records that turned out to be one are the same under each of their ids."""
    return [orjson.loads(text) for text in sorted({orjson.dumps(one) for one in shown})]


def outcome(hub: SmallHub) -> dict[str, Any]:
    """All that must be equal when the same messages arrive in another order, grouping or number, as plain JSON.

    Left out are positions, the hub's own ids of journeys, and what tells of the arrival and not of the world. Raises
    AssertionError where the hub disagrees with itself: its memory with its log, its Issues with its findings, what its
    partners are told with what they asked for, its ledger with its events.
    """
    return compared(hub.store.writer, hub.committer, hub.profiles, KEYS, hub.clock)


def compared(
    db: Connection, committer: Committer, profiles: Mapping[str, Profile], keys: Keyring, clock: Callable[[], datetime]
) -> dict[str, Any]:
    """`outcome` of any hub."""
    log = {position: orjson.loads(text) for position, text, _, _ in db.all("events_from", 0, 1_000_000)}
    facts = {position: event["id"] for position, event in log.items() if event["reporter"]["role"] != "hub"}
    answering = {position for position in facts if _is_about_own_issue(log[position])}
    told = {(d[1], d[3], d[4]) for d in db.all("deliveries", 1_000_000)}
    journeys, linked = [], set()
    for (journey,) in db.all("journeys", 1_000_000, 0):
        state = committer.orders.state(db, journey)
        positions = {row[0] for row in db.all("positions_of", journey)} & facts.keys()
        linked |= positions
        events = {position: log[position] for position in sorted(positions)}
        again = fold(Links(db).names_of(journey), events.values())
        again.others = state.others
        alive = {event["id"] for event in (*again.facts, *again.claims)}
        assert alive == standing(events.values()), "the fold's live facts are not those that nothing puts right"
        missing = [due for due in _due(profiles, again, events) if due not in told]
        assert not missing, (
            f"of an order that {missing[0][0]} takes part in it is not told {log[missing[0][1]]['type']}"
        )
        seen = _journey(db, journey, state, again, clock())
        journeys.append({**seen, "links": sorted(facts[p] for p in positions - answering)})
    faults, _, _ = ledger.check(db, keys.public_key())
    assert not faults, f"{faults[0].place}: {faults[0].text}"
    return {
        "journeys": sorted(journeys, key=lambda j: orjson.dumps(j["names"])),
        "facts": sorted(facts.values()),
        "unlinked": sorted(facts[p] for p in facts.keys() - linked - answering),
        "answers": sorted(_answers(db, committer, profiles, keys, clock)),
    }


def _is_about_own_issue(event: Mapping[str, Any]) -> bool:
    """True for a person's answer to an Issue of the hub: it reaches every order on which that was ever open, and what
    was open for a moment only depends on the arrival."""
    return any(identifier["system"] == ISSUE_SYSTEM for identifier in event["about"]["identifiers"])


def _journey(db: Connection, journey: str, state: Journey, again: Journey, now: datetime) -> dict[str, Any]:
    """What is comparable of one order; `again` is its fold without the hub's own facts."""
    names = sorted(map(list, state.names))
    findings = [f for f in check(again, DEFAULT_PROTOCOLS, now).findings if f.kind != LATE]
    seen, remembered = _seen(again, findings), _seen(state, findings)
    assert remembered == seen, f"the committer's memory is not its log: {difference(remembered, seen)}"
    opened = sorted(_opened(db.all("issues_of", journey)))
    wanted = sorted([f.id, f.rule, f.kind, f.severity, f.text, sorted(f.facts)] for f in findings)
    assert opened == wanted, f"open Issues of {names} are not its findings: {difference(opened, wanted)}"
    return {**seen, "names": names, "issues": opened}


def _due(
    profiles: Mapping[str, Profile], state: Journey, events: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[str, int, str]]:
    """What those who take part in an order asked to be told of it: partner, position and message."""
    for profile in profiles.values():
        if takes_part(profile, state):
            for position, event in events.items():
                if event["reporter"]["partner"] != profile.partner:
                    yield from (
                        (profile.partner, position, send.message)
                        for send in profile.sends
                        if event["type"] in send.events
                    )


def _answers(
    db: Connection, committer: Committer, profiles: Mapping[str, Profile], keys: Keyring, clock: Callable[[], datetime]
) -> Iterator[list[Any]]:
    """Answers to what may be asked of every container of every order, with their reasons, all at one moment."""
    now = clock()
    questions = Questions(keys, profiles, DEFAULT_PROTOCOLS, lambda: now)
    with looked_at_once():
        yield from _asked(db, committer, profiles, questions)


@contextmanager
def looked_at_once() -> Iterator[None]:
    """The rules look at an order once, however many questions are asked of it at one moment: they are pure."""
    known: dict[tuple[int, datetime], tuple[Journey, Check]] = {}

    def look(journey: Journey, protocols: Mapping[str, Protocol], now: datetime) -> Check:
        key = (id(journey), now)
        if key not in known:
            known[key] = (journey, check(journey, protocols, now))
        return known[key][1]

    with patch("canonical_model.questions.first.check", look):
        yield


def _asked(
    db: Connection, committer: Committer, profiles: Mapping[str, Profile], questions: Questions
) -> Iterator[list[Any]]:
    for (journey,) in db.all("journeys", 1_000_000, 0):
        state = committer.orders.state(db, journey)
        names = sorted(state.order.identifiers, key=canonical_json)
        for container in state.of("container"):
            scanned = [{"identifiers": container.identifiers}]
            for name, partner in (asked for asked in ASKED if asked[1] in profiles):
                given = questions.ask(committer, Question(name, names, scanned, partner))
                reasons = {
                    (r.rule, r.verdict, _NUMBER.sub("", r.text), r.container, r.facts) for r in given.verdict.reasons
                }
                yield [name, partner, container.name, given.verdict.verdict, *sorted(map(list, reasons))]


def _seen(state: Journey, findings: Iterable[Finding]) -> dict[str, Any]:
    """What is comparable, without Issues of the hub's own, which a person may have answered."""
    seen = comparable(state, findings)
    own = f"{ISSUE_SYSTEM}|"
    kept = {k: {n: r for n, r in found.items() if not n.startswith(own)} for k, found in seen["records"].items()}
    return {**seen, "records": {kind: records for kind, records in kept.items() if records}}


def _opened(rows: Iterable[tuple[Any, ...]]) -> Iterable[list[Any]]:
    """Open Issues of a journey: id, rule, kind, severity, text, facts."""
    for issue, _, rule, kind, severity, text, _, facts, _, closed, _ in rows:
        if closed is None and kind != LATE:
            yield [issue, rule, kind, severity, text, sorted(orjson.loads(facts))]


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where two outcomes differ first, as a path and both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                return difference(one.get(key), other.get(key), f"{path}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            if left != right:
                return difference(left, right, f"{path}[{index}]")
    if isinstance(one, list) and isinstance(other, list):
        missing, more = ([item for item in a if item not in b] for a, b in ((one, other), (other, one)))
        counted = f"{path.lstrip('.')}: {len(one)} | {len(other)} items"
        return f"{counted}; only here {_short(missing)} only there {_short(more)}"
    return f"{path.lstrip('.')}: {_short(one)} | {_short(other)}"


def _short(value: Any) -> str:
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= 400 else f"{text[:400]}…"
