"""What a hub answers when messages are lost, late or told by wrong clocks: never more than in the true history.

Two hubs hear one history: one all of it in time, the other as a telling has it. Both are asked the same at the same
moments. Law 0: the true hub allows nothing that what happened forbids. Law 1: where it does not allow, the other does
not. Law 2: what was lost is named by an Issue, an open reason or an unlinked fact. Law 3: what comes late in the end
leaves the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import combinations
from random import Random
from typing import Any

from canonical_model.journey import Journey
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import ALLOW, Verdict
from canonical_model.rules import check
from hub.answers import Question, Questions
from tests.canonical_model.facts import Ref
from tests.verify.small_hub import KEYS, SmallHub, looked_at_once
from tests.verify.worlds import ASKED, ON_TIME, Telling, Told, World, delivery

AFTER = tuple(timedelta(days=days) for days in (1, 3, 8, 20, 60, 400, 6200))
"""When a hub looks at its deadlines after the last message."""
Key = tuple[str, str, str]
"""A question: its name, who asks, about what."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer: the verdict, or `list`, with its reasons and entries as plain text."""

    verdict: str
    reasons: frozenset[tuple[str, str]]
    facts: tuple[tuple[str, ...], ...] = ()


Answers = Mapping[Key, Given]

# ---- one hub ----------------------------------------------------------------------------------------------------


def heard(hub: SmallHub, at: datetime, told: Told, telling: Telling, place: int) -> None:
    """The hub gets a message at a moment."""
    hub.now = at
    hub.take([[delivery(told, telling, place)]])


@dataclass(frozen=True, order=True, slots=True)
class Moment:
    """When partners ask: after which message, and at what time."""

    at: datetime
    place: int


def asked(hub: SmallHub, world: World, place: int, at: datetime, lists: bool = False) -> Answers:
    """What the hub answers to all that may be asked when a message should have come."""
    hub.now = at
    with looked_at_once(), hub.still():
        questions = Questions(KEYS, hub.profiles, DEFAULT_PROTOCOLS, hub.clock)
        return {key: _given(questions, hub, q) for key, q in _questions(world, world.told[place].things, lists)}


def _given(questions: Questions, hub: SmallHub, question: Question) -> Given:
    answer = questions.ask(hub.committer, question).answer
    if isinstance(answer, Verdict):
        facts = tuple(reason.facts for reason in answer.reasons)
        return Given(answer.verdict, frozenset((r.rule, r.text) for r in answer.reasons), facts)
    said = {(item.kind, f"{item.text} {item.about} {item.at} {item.done}") for item in answer.items}
    return Given("list", frozenset(said | {(r.rule, r.text) for r in answer.reasons}))


def _questions(world: World, things: Mapping[str, tuple[Ref, ...]], lists: bool) -> Iterator[tuple[Key, Question]]:
    order = world.order["identifiers"]
    dose, bag = things.get("dose", ())[:2], things.get("bag", ())[-1:]
    wanted: list[tuple[str, str, str, Sequence[Ref]]] = [
        ("may-collect", "mercy", "", ()),
        ("may-condition", "general", "", ()),
        ("may-give-next-dose", "general", "", ()),
        ("may-close", "mercy", "", ()),
        *(("may-ship", "mercy", "containers", (one,)) for one in bag),
        *(("may-ship", "celltech", "containers", (one,)) for one in dose[:1]),
        *(("may-start", "celltech", "batch", (one,)) for one in things.get("batch", _BATCH)[-1:]),
        *(("may-label", "celltech", "batch", (one,)) for one in things.get("batch", ())[-1:]),
        *(("may-allocate", "celltech", "containers", (one,)) for one in dose[:1]),
        *(("may-accept", who, "shipment", (one,)) for one in things.get("shipment", ())[-1:] for who in _TAKERS),
        *(("may-prepare", "general", "containers", (one,)) for one in dose[:1]),
        *(("may-infuse", "general", "containers", (one,)) for one in dose),
    ]
    if lists:
        wanted += [("what-is-due", "mercy", "", ())]
        wanted += [("what-is-missing-for-release", "celltech", "material", (o,)) for o in things.get("lot", ())[-1:]]
    for name, partner, of, refs in wanted:
        about = {of: refs if of == "containers" else refs[0]["identifiers"]} if of else {}
        containers: Any = about.pop("containers", ())
        value = refs[0]["identifiers"][0]["value"] if refs else ""
        more: dict[str, Any] = dict(about)
        yield (name, partner, value), Question(name, order, containers, partner, **more)


_BATCH: tuple[Ref, ...] = ({"kind": "batch", "identifiers": [{"system": "urn:test:batch", "value": "BATCH-1-1"}]},)
_TAKERS = ("celltech", "general")


def issues(hub: SmallHub) -> frozenset[tuple[str, str, str]]:
    """Issues that were ever open: id, rule and text."""
    db = hub.store.writer
    rows = (row for (journey,) in db.all("journeys", 1_000, 0) for row in db.all("issues_of", journey))
    return frozenset((row[0], row[2], row[5]) for row in rows)


def unlinked(hub: SmallHub) -> int:
    """Facts that belong to no order."""
    return len(hub.store.writer.all("unlinked", 1_000))


# ---- the truth --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Truth:
    """A history as a hub knows it that hears everything in time."""

    world: World
    before: list[SmallHub] = field(default_factory=list)
    """The hub as it is before each message; empty where a store cannot be copied."""
    answers: dict[Moment, Answers] = field(default_factory=dict)
    issues: frozenset[tuple[str, str, str]] = frozenset()
    unlinked: int = 0
    later: Answers = field(default_factory=dict)


ALL = Telling("truth")
Fault = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Trial:
    """On which store hubs are tried, and with which planted fault in the hub that hears a telling."""

    store: str = "memory"
    fault: Fault = nullcontext
    tries: int = 80
    """How many messages are left out at most to make a counterexample small."""


PLAIN = Trial()


def truth(world: World, store: str = "memory") -> Truth:
    """Plays a history as it happened."""
    known, hub = Truth(world), SmallHub(store)
    for place, told in enumerate(world.told):
        if store == "memory":
            known.before.append(hub.fork())
        heard(hub, told.at + ON_TIME, told, ALL, place)
        for moment in (Moment(told.at + ASKED, place), *_edges(hub, world, place)):
            known.answers[moment] = asked(hub, world, place, moment.at)
    known.issues, known.unlinked, known.later = _end(hub, world)
    return known


def _edges(hub: SmallHub, world: World, place: int) -> list[Moment]:
    """Moments before the next message at which answers change by time alone: when a window has closed, for one."""
    after = world.told[place + 1 : place + 2]
    begin, until = world.told[place].at + ASKED, after[0].at if after else world.told[place].at + timedelta(days=30)
    found: list[Moment] = []
    while len(found) < 2 and until - begin > timedelta(minutes=40):
        state = next(iter(_states(hub)), None)
        change = check(state, DEFAULT_PROTOCOLS, begin).next_change if state else None
        if change is None or change + ASKED >= until:
            break
        begin = change + ASKED
        found.append(Moment(begin, place))
    return found


def _states(hub: SmallHub) -> Iterator[Journey]:
    db = hub.store.writer
    return (hub.committer.orders.state(db, journey) for (journey,) in db.all("journeys", 1_000, 0))


def _end(hub: SmallHub, world: World) -> tuple[frozenset[tuple[str, str, str]], int, Answers]:
    """What there is in the end, when all deadlines have passed."""
    last, place = world.told[-1].at, len(world.told) - 1
    later = asked(hub, world, place, last + timedelta(days=2), lists=True)
    for after in AFTER:
        hub.now = last + after
        hub.committer.tick()
    return issues(hub), unlinked(hub), later


# ---- a telling --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Breach:
    """An answer that allows what the true one does not."""

    key: Key
    moment: Moment
    true: Given


@dataclass(slots=True)
class Heard:
    """What came of a telling."""

    breaches: list[Breach] = field(default_factory=list)
    asked: int = 0
    denied: int = 0
    """Questions that the true history does not allow."""
    stricter: int = 0
    """Questions that the true history allows, and this telling does not."""
    messages: int = 0
    named: str = ""
    """By what the loss is named; empty where nothing names it."""
    healed: bool = True


ENDS = frozenset({"loss", "delay"})
"""Tellings that are looked at in the end: what is lost has to be named, and what came late to be of no account."""


def hear(known: Truth, telling: Telling, trial: Trial = PLAIN, moments: int = 4) -> Heard:
    """Plays a telling, and asks at some moments."""
    with trial.fault():
        return _heard_of(known, telling, trial.store, moments)


def _heard_of(known: Truth, telling: Telling, store: str, moments: int) -> Heard:
    world, wrong = known.world, telling.wrong(known.world)
    if not wrong:
        return Heard()
    first = wrong[0] if known.before else 0
    hub = known.before[first].fork() if known.before else SmallHub(store)
    found = Heard()
    random = Random(f"{world.seed} {telling}")
    later = [moment for moment in known.answers if moment.place >= wrong[0]]
    edges = [moment for moment in later if moment.at != world.told[moment.place].at + ASKED]
    chosen = {later[0], random.choice(edges or later), *random.sample(later, min(len(later), moments - 2))}
    reasons: set[tuple[str, str]] = set()
    true_reasons: set[tuple[str, str]] = set()
    ends = telling.how in ENDS
    for moment, is_message in _until(_events(world, telling, first, chosen), not ends):
        if is_message:
            heard(hub, moment.at, world.told[moment.place], telling, moment.place)
            found.messages += 1
        else:
            answers, true = asked(hub, world, moment.place, moment.at), known.answers[moment]
            found.breaches += _compared(found, true, answers, moment)
            reasons |= {r for given in answers.values() for r in given.reasons}
            true_reasons |= {r for given in true.values() for r in given.reasons}
    if ends:
        _ended(found, known, telling, hub, reasons - true_reasons)
    return found


def _events(world: World, telling: Telling, first: int, asks: Iterable[Moment]) -> list[tuple[Moment, bool]]:
    """What happens at the hub from a message on, in the order of time: messages (True) and questions."""
    told = world.told
    came = [
        (Moment(telling.late.get(place, told[place].at + ON_TIME), place), True)
        for place in range(first, len(told))
        if place not in telling.lost
    ]
    return sorted([*came, *((moment, False) for moment in asks)])


def _until(happened: list[tuple[Moment, bool]], asked_last: bool) -> Iterator[tuple[Moment, bool]]:
    """What happened; where nobody looks at the end, no more than up to the last question: what follows changes none."""
    asks = sum(not is_message for _, is_message in happened)
    for one in happened:
        yield one
        asks -= not one[1]
        if asked_last and not asks:
            return


def _compared(found: Heard, true: Answers, said: Answers, moment: Moment) -> Iterator[Breach]:
    for key, given in true.items():
        found.asked += 1
        allowed = said[key].verdict == ALLOW
        if given.verdict == ALLOW:
            found.stricter += not allowed
            continue
        found.denied += 1
        if allowed:
            yield Breach(key, moment, given)


def _ended(found: Heard, known: Truth, telling: Telling, hub: SmallHub, reasons: set[tuple[str, str]]) -> None:
    opened, loose, later = _end(hub, known.world)
    more = opened - known.issues
    new = {r for key, given in later.items() for r in given.reasons - known.later[key].reasons}
    if more:
        found.named = f"issue {min(rule for _, rule, _ in more)}"
    elif loose > known.unlinked:
        found.named = "unlinked"
    elif reasons | new:
        found.named = f"reason {min(reasons | new)[0]}"
    if telling.how == "delay":
        found.healed = all(later[key].verdict == known.later[key].verdict for key in later)


# ---- why --------------------------------------------------------------------------------------------------------


def least(known: Truth, telling: Telling, breach: Breach, trial: Trial = PLAIN) -> Telling:
    """As little of a telling as still lets that answer be allowed: no part of it, and no two, can be left out."""
    for count in (1, 2):  # two that undo each other go together only
        for parts in combinations(_parts(telling), count):
            less = reduce(_without, parts, telling)
            if less != telling and less.wrong(known.world) and _allows(known, less, breach, trial):
                telling = less
    return telling


def _parts(telling: Telling) -> list[tuple[str, Any]]:
    whole = [("lost", n) for n in sorted(telling.lost)]
    for name in ("late", "clocks", "coarse"):
        whole += [(name, key) for key in sorted(getattr(telling, name))]
    return whole


def _without(telling: Telling, part: tuple[str, Any]) -> Telling:
    name, key = part
    if name == "lost":
        return replace(telling, lost=telling.lost - {key})
    left: dict[str, Any] = {name: {k: v for k, v in getattr(telling, name).items() if k != key}}
    return replace(telling, **left)


def _allows(known: Truth, telling: Telling, breach: Breach, trial: Trial) -> bool:
    """True when the hub allows the same under another telling."""
    wrong = telling.wrong(known.world)
    if not wrong or wrong[0] > breach.moment.place:
        return False
    with trial.fault():
        hub = known.before[wrong[0]].fork() if known.before else SmallHub(trial.store)
        return _is_allowed(hub, known.world, telling, breach, wrong[0] if known.before else 0)


def _is_allowed(hub: SmallHub, world: World, telling: Telling, breach: Breach, first: int = 0) -> bool:
    """What a hub answers to one question after it heard a telling from a message on."""
    for moment, is_message in _events(world, telling, first, (breach.moment,)):
        if not is_message:
            answers = asked(hub, world, moment.place, moment.at)
            return breach.key in answers and answers[breach.key].verdict == ALLOW
        heard(hub, moment.at, world.told[moment.place], telling, moment.place)
    return False


# ---- shrinking --------------------------------------------------------------------------------------------------


def smallest(world: World, telling: Telling, breach: Breach, trial: Trial = PLAIN) -> tuple[World, Telling, Breach]:
    """As few messages as leaving out one after another finds, which still let that answer be allowed."""
    place, tries = len(world.told) - 1, trial.tries
    while place >= 0 and tries:
        tries -= 1
        if place not in telling.wrong(world) and len(world.told) > 1:
            fewer = _fewer(world, telling, breach, place)
            if _is_breach(*fewer, trial):
                world, telling, breach = fewer
        place -= 1
    return world, telling, breach


def _fewer(world: World, telling: Telling, breach: Breach, gone: int) -> tuple[World, Telling, Breach]:
    def now(place: int) -> int:
        return place - (place > gone)

    late = {now(place): at for place, at in telling.late.items()}
    coarse = {now(place): kept for place, kept in telling.coarse.items()}
    less = replace(telling, lost=frozenset(map(now, telling.lost)), late=late, coarse=coarse)
    told = tuple(one for place, one in enumerate(world.told) if place != gone)
    moment = replace(breach.moment, place=min(now(breach.moment.place), len(told) - 1))
    return replace(world, told=told), less, replace(breach, moment=moment)


def _is_breach(world: World, telling: Telling, breach: Breach, trial: Trial) -> bool:
    true = SmallHub(trial.store)
    denied = not _is_allowed(true, world, ALL, breach) and breach.key[2] in _values(world, breach.moment.place)
    return denied and _allows(Truth(world), telling, breach, trial)


def _values(world: World, place: int) -> set[str]:
    """What there is to ask about after a message."""
    things = (thing for known in world.told[place].things.values() for thing in known)
    return {"", *(i["value"] for ref in (*things, *_BATCH) for i in ref["identifiers"])}
