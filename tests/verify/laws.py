"""The laws of losses over many seeded histories: what breaks them, shrunk and told, and the figures. Plays nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tests.verify import losses
from tests.verify.excuses import UNNAMED, excuse
from tests.verify.facts_alone import parties
from tests.verify.losses import PLAIN, Breach, Heard, Trial, Truth, hear, least, smallest, truth
from tests.verify.worlds import HOWS, Telling, World, history, tellings

MOST = 3
"""Counterexamples that are shrunk and shown."""
TELLINGS = 16
"""Ways in which one true history is told wrongly."""
ACTS = frozenset(
    {
        *("may-collect", "may-start", "may-allocate", "may-ship", "may-condition", "may-prepare", "may-infuse"),
        "may-give-next-dose",
    }
)
FORBIDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("subject.deceased", "consent.withdrawn", "order.held", "order.cancelled", "order.closed"), ACTS),
    "container.destroyed": frozenset({"may-infuse", "may-prepare", "may-allocate"}),
}
"""What happened -> what is not to be allowed afterwards, whatever the rules say."""
NEEDS: Mapping[str, frozenset[str]] = {
    "disposition.decided": frozenset({"may-infuse", "may-prepare", "may-allocate"}),
    "consent.recorded": frozenset({"may-collect", "may-condition"}),
    "identity.verified": frozenset({"may-infuse"}),
    "order.submitted": ACTS,
}
"""What has to have happened -> before what is allowed."""


@dataclass(slots=True)
class Tally:
    """What was tried, and what came of it."""

    worlds: int = 0
    histories: int = 0
    messages: int = 0
    facts: int = 0
    questions: int = 0
    denied: int = 0
    stricter: int = 0
    told: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def examine(seed: str, count: int = TELLINGS, trial: Trial = PLAIN, most: int = MOST) -> tuple[Tally, list[str]]:
    """One true history and so many tellings of it: the figures, and what broke a law.

    A planted fault is the hub's that hears the telling; the truth is told to a hub that has none.
    """
    world = history(seed, parties())
    known = truth(world, trial.store)
    tally = Tally(worlds=1, facts=sum(len(told.facts) for told in world.told))
    wrong = [_told(world, losses.ALL, words) for words in forbidden(known)]
    for telling in tellings(world, count):
        found = hear(known, telling, trial)
        _count(tally, telling, found)
        wrong += _broken(known, telling, found, tally, trial)
        if len(wrong) >= most:
            break
    return tally, wrong


def _count(tally: Tally, telling: Telling, found: Heard) -> None:
    tally.histories += 1
    tally.told[telling.how] += 1
    tally.messages += found.messages
    tally.questions += found.asked
    tally.denied += found.denied
    tally.stricter += found.stricter


def _broken(known: Truth, telling: Telling, found: Heard, tally: Tally, trial: Trial) -> Iterator[str]:
    for breach in {breach.key[0]: breach for breach in found.breaches}.values():
        little = least(known, telling, breach, trial)
        moment = breach.moment
        why = excuse(known.world, little, moment.place, moment.at, breach.true.reasons)
        tally.excused[why] += bool(why)
        if not why:
            world, little, breach = smallest(known.world, little, breach, trial)
            yield _told(world, little, _mild(breach))
    if telling.how == "loss":
        yield from _nameless(known.world, telling, found, tally)
    if not found.healed:
        yield _told(known.world, telling, "what came late left other answers in the end")


def _nameless(world: World, telling: Telling, found: Heard, tally: Tally) -> Iterator[str]:
    (place,) = telling.lost
    types = world.told[place].types
    if found.named:
        tally.named[found.named.partition(" ")[0]] += 1
    elif UNNAMED.keys() >= set(types):
        tally.unnamed[types[0]] += 1
    else:
        yield _told(world, telling, "nothing names the loss")


def forbidden(known: Truth) -> Iterator[str]:
    """Answers of the true hub that what happened forbids."""
    for moment, answers in known.answers.items():
        happened = [fact for told in known.world.told[: moment.place + 1] for fact in told.facts]
        types = {fact["type"] for fact in happened}
        for key, given in answers.items():
            bars = {fact["type"]: fact for fact in happened if key[0] in FORBIDS.get(fact["type"], ())}
            lifted = [type_ for type_, fact in bars.items() if _is_lifted(fact, happened, key[2])]
            why = [
                *(bars.keys() - set(lifted)),
                *(f"no {t}" for t, names in NEEDS.items() if key[0] in names and t not in types),
            ]
            if given.verdict == "allow" and why:
                yield f"{key[0]} of {key[2] or 'the order'} is allowed after {why[0]}"


def _is_lifted(fact: Mapping[str, Any], happened: Sequence[Mapping[str, Any]], thing: str) -> bool:
    """True when a later consent took the place of the one withdrawn, or another container is asked about."""
    if fact["type"] == "consent.withdrawn":
        return any(later["type"] == "consent.recorded" for later in happened[happened.index(fact) :])
    about = {identifier["value"] for identifier in fact["about"]["identifiers"]}
    return fact["about"]["kind"] == "container" and thing not in about


def _mild(breach: Breach) -> str:
    why = "; ".join(sorted(f"{rule} {text}" for rule, text in breach.true.reasons))
    return f"{breach.key[1]} asks {breach.key[0]} {breach.key[2]} after message {breach.moment.place}: allow, but {why}"


def _told(world: World, telling: Telling, words: str) -> str:
    """A counterexample for people: what is wrong, how it was told, and what happened."""
    happened = [f"  {n}: {t.at:%d %b %H:%M} {t.partner} {', '.join(t.types)}" for n, t in enumerate(world.told)]
    return "\n".join([f"history {world.seed} ({world.protocol}), {telling}", f"  {words}", *happened])


def examine_many(seeds: Sequence[str], count: int, store: str) -> tuple[Tally, list[str]]:
    """Some histories, one after another; stops when three laws are broken."""
    tally, found = Tally(), list[str]()
    for seed in seeds:
        more, wrong = examine(seed, count, Trial(store))
        tally.add(more)
        found += wrong
        if len(found) >= MOST:
            break
    return tally, found


__all__ = ["HOWS", "Tally", "examine", "examine_many", "forbidden"]


def plain(tally: Any) -> dict[str, Any]:
    """Figures as JSON."""
    shown = {one.name: getattr(tally, one.name) for one in fields(tally)}
    return {name: dict(value.most_common()) if isinstance(value, Counter) else value for name, value in shown.items()}
