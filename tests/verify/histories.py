"""Seeded histories through the inbox of a hub: `python -m tests.verify.histories --help`.

Law `order`: a story is what happens to a few orders at one hub, as messages of partners or as bare facts. It is
delivered as it was told, then again shuffled, with duplicates and in other groups; the outcomes must be equal. What
differs is shrunk to the messages that it takes, and told. Law `loss` stands in `losses`.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from random import Random
from typing import Any, Protocol, TypeVar

from hub import logs
from tests.verify import difficulties, facts_alone, laws, stores, stories
from tests.verify.messages import Delivery
from tests.verify.small_hub import SmallHub, difference, outcome

Arrival = tuple[tuple[int, ...], ...]
"""How a story's messages arrive: groups that are committed together, of places in the story; a place may come again."""
ORDERS = {"messages": (1, 2, 3, 3, 4, 5), "facts": (1, 1, 2, 2, 3), "short": (1, 1, 2), "short-facts": (1, 1, 2)}
"""How many orders a story has, by how it is told; one of these."""
TELLING = {
    "messages": stories.tell,
    "facts": facts_alone.tell,
    "short": difficulties.tell,
    "short-facts": difficulties.tell_facts,
}
"""How stories are told: as partners of today send them, or as facts of all Protocols that no format says yet; whole
journeys, or short ones of one difficulty each."""
MIXED = ("short",) * 13 + ("short-facts",) * 5 + ("messages", "facts")
"""Of many stories most are short."""


@dataclass(slots=True)
class Tally:
    """What was tried."""

    histories: int = 0
    """Arrivals that were compared with the story as it was told."""
    stories: int = 0
    journeys: int = 0
    arrivals: int = 0
    messages: int = 0
    duplicates: int = 0
    facts: int = 0
    links: int = 0
    answers: int = 0
    held: int = 0

    def add(self, other: Tally) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A story that ends otherwise when it arrives otherwise, with as few messages as were found to show it."""

    seed: str
    messages: tuple[str, ...]
    arrival: Arrival
    difference: str

    def __str__(self) -> str:
        lines = [f"story {self.seed} ends otherwise in another order:", f"  {self.difference}", "as told:"]
        lines += [f"  {place}: {message}" for place, message in enumerate(self.messages)]
        groups = " | ".join(" ".join(map(str, group)) for group in self.arrival)
        return "\n".join([*lines, f"the other order, one group between bars: {groups}"])


# ---- one story --------------------------------------------------------------------------------------------------


def as_told(count: int) -> Arrival:
    """Each message once, in the order of the story, each in a transaction of its own."""
    return tuple((place,) for place in range(count))


def otherwise(random: Random, count: int) -> Arrival:
    """Shuffled, or backwards, or with neighbours swapped; a fifth comes twice; in groups of one to six."""
    places = list(range(count)) + [random.randrange(count) for _ in range(max(1, count // 5))]
    how = random.random()
    if how < 0.7:
        random.shuffle(places)
    elif how < 0.85:
        places.reverse()
    else:
        for place in range(0, len(places) - 1, 2):
            places[place], places[place + 1] = places[place + 1], places[place]
    groups = []
    while places:
        size = random.choice((1, 1, 1, 2, 6))
        groups.append(tuple(places[:size]))
        del places[:size]
    return tuple(groups)


def end(told: Sequence[Delivery], arrival: Arrival, store: str = "memory") -> dict[str, Any]:
    """How a story ends when it arrives so. Raises AssertionError where the hub disagrees with itself."""
    hub = SmallHub(store)
    hub.take([[told[place] for place in group] for group in arrival])
    ended = outcome(hub)
    hub.close()
    return ended


Play = Callable[[Sequence[Delivery], Arrival], dict[str, Any]]


def differing(told: Sequence[Delivery], arrival: Arrival, play: Play | None = None) -> str:
    """Where the story ends otherwise than as told; empty where it does not."""
    play = play or end
    try:
        one, other = play(told, as_told(len(told))), play(told, arrival)
    except AssertionError as disagreement:
        return str(disagreement)
    return difference(one, other) if one != other else ""


def examine(seed: str, permutations: int, told_as: str = "messages", store: str = "memory") -> Tally | Counterexample:
    """Delivers one story as told and in so many other orders."""
    random = Random(f"arrivals of {seed}")
    told_as = random.choice(MIXED) if told_as == "mixed" else told_as
    told = TELLING[told_as](seed, random.choice(ORDERS[told_as]))
    arrivals = [otherwise(random, len(told)) for _ in range(permutations)]
    play = partial(end, store=store)
    try:
        ended = play(told, as_told(len(told)))
    except AssertionError:
        return shrunk(seed, told, as_told(len(told)), play=play)
    for arrival in arrivals:
        try:
            same = play(told, arrival) == ended
        except AssertionError:
            same = False
        if not same:
            return shrunk(seed, told, arrival, play=play)
    return _tally(told, arrivals, ended)


def _tally(told: Sequence[Delivery], arrivals: Sequence[Arrival], ended: dict[str, Any]) -> Tally:
    delivered = sum(len(group) for arrival in arrivals for group in arrival)
    return Tally(
        histories=len(arrivals),
        stories=1,
        journeys=len(ended["journeys"]),
        arrivals=1 + len(arrivals),
        messages=delivered + len(told),
        duplicates=delivered - len(arrivals) * len(told),
        facts=len(ended["facts"]),
        links=sum(len(journey["links"]) for journey in ended["journeys"]),
        answers=len(ended["answers"]),
    )


# ---- shrinking --------------------------------------------------------------------------------------------------


def shrunk(
    seed: str, told: Sequence[Delivery], arrival: Arrival, tries: int = 400, play: Play | None = None
) -> Counterexample:
    """A counterexample with as few messages as leaving out one after another finds."""
    arrival = _simpler(told, arrival, play)
    kept, place = list(told), 0
    while place < len(kept) and tries:
        tries -= 1
        fewer = kept[:place] + kept[place + 1 :]
        shorter = _without(arrival, place)
        if fewer and shorter and differing(fewer, shorter, play):
            kept, arrival = fewer, shorter
        else:
            place += 1
    return Counterexample(seed, tuple(_shown(d) for d in kept), arrival, differing(kept, arrival, play))


def _simpler(told: Sequence[Delivery], arrival: Arrival, play: Play | None) -> Arrival:
    """The same order without groups, then without duplicates, where that still differs."""
    for simple in (_once, _alone):
        if differing(told, simple(arrival), play):
            arrival = simple(arrival)
    return arrival


def _alone(arrival: Arrival) -> Arrival:
    return tuple((place,) for group in arrival for place in group)


def _once(arrival: Arrival) -> Arrival:
    return tuple((place,) for place in dict.fromkeys(place for group in arrival for place in group))


def _without(arrival: Arrival, gone: int) -> Arrival:
    groups = (tuple(p - (p > gone) for p in group if p != gone) for group in arrival)
    return tuple(group for group in groups if group)


def _shown(delivery: Delivery) -> str:
    """A message for people: synthetic all through, so it is shown."""
    body = delivery.body.decode().replace("\r", " ⏎ ").strip()
    return f"{delivery.partner} {delivery.format}: {body[:900]}"


# ---- many -------------------------------------------------------------------------------------------------------


def examine_many(
    seeds: Sequence[str], permutations: int, told_as: str, store: str = "memory"
) -> tuple[Tally, list[Counterexample]]:
    """Some stories, one after another; stops at the third counterexample."""
    tally, found = Tally(), []
    for seed in seeds:
        result = examine(seed, permutations, told_as, store)
        if isinstance(result, Tally):
            tally.add(result)
        else:
            found.append(result)
            if len(found) == 3:
                break
    return tally, found


def examine_journeys(
    journeys: int, permutations: int = 2, seed: str = "", processes: int = 1, batch: int = 20, told_as: str = "messages"
) -> tuple[Tally, list[Counterexample]]:
    """As many stories as it takes to have so many journeys; stops at the first batch with a counterexample."""
    work = partial(examine_many, permutations=permutations, told_as=told_as)
    return until(work, Tally(), "journeys", journeys, seed, processes, batch)


def examine_orders(
    count: int, permutations: int = 3, seed: str = "", processes: int = 1, store: str = "memory", told_as: str = "mixed"
) -> tuple[Tally, list[Counterexample]]:
    """As many stories as it takes to have so many arrivals to compare."""
    work = partial(examine_many, permutations=permutations, told_as=told_as, store=store)
    return until(work, Tally(), "histories", count, seed, processes)


def examine_losses(
    count: int, tellings: int = laws.TELLINGS, seed: str = "", processes: int = 1, store: str = "memory"
) -> tuple[laws.Tally, list[str]]:
    """As many true histories as it takes to have so many tellings of them."""
    work = partial(laws.examine_many, count=tellings, store=store)
    return until(work, laws.Tally(), "histories", count, seed, processes, batch=4)


class _Tally(Protocol):
    def add(self, other: Any) -> None: ...


T = TypeVar("T", bound=_Tally)


def until(
    work: Callable[[list[str]], Any], tally: T, counted: str, count: int, seed: str, processes: int, batch: int = 20
) -> tuple[T, list[Any]]:
    """Batches of seeded histories until there are so many; stops at the first batch with a counterexample."""
    found: list[Any] = []
    for more, wrong in _results(work, _batches(seed, batch), processes):
        tally.add(more)
        found += wrong
        if found or getattr(tally, counted) >= count:
            break
    return tally, found


def _batches(seed: str, batch: int) -> Iterator[list[str]]:
    number = 0
    while True:
        yield [f"{seed}{number + offset}" for offset in range(batch)]
        number += batch


def _results(work: Callable[[list[str]], Any], batches: Iterator[list[str]], processes: int) -> Iterator[Any]:
    if processes == 1:
        yield from map(work, batches)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=quiet) as pool:
        waiting = [pool.submit(work, next(batches)) for _ in range(processes * 2)]
        try:
            while True:
                done = waiting.pop(0)
                waiting.append(pool.submit(work, next(batches)))
                yield done.result()
        finally:
            for future in waiting:
                future.cancel()


def quiet() -> None:
    """Held messages are part of the stories: nobody needs a line about each."""
    logs.configure(logging.CRITICAL)


def main() -> int:
    """Prints the figures as JSON; 1 where a counterexample was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", choices=("order", "loss"), default="order")
    parser.add_argument("--store", choices=stores.KINDS, default="memory")
    parser.add_argument("--count", type=int, default=10_000, help="histories: arrivals of stories, or tellings")
    parser.add_argument("--each", type=int, default=0, help="other orders a story, or tellings a true history")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", default="", help="another text gives other histories")
    parser.add_argument(
        "--told-as", choices=(*sorted(TELLING), "mixed"), default="mixed", help="law order: which stories"
    )
    given = parser.parse_args()
    quiet()
    begun = time.monotonic()
    with stores.serving(given.store):
        tally, found = _tried(given)
    figures = {"law": given.law, "store": given.store, "seed": given.seed, **laws.plain(tally)}
    figures |= {"seconds": round(time.monotonic() - begun, 1), "counterexamples": len(found)}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    for one in found:
        sys.stderr.write(f"{one}\n")
    return 1 if found else 0


def _tried(given: argparse.Namespace) -> tuple[Tally | laws.Tally, Sequence[object]]:
    if given.law == "loss":
        each = given.each or laws.TELLINGS
        return examine_losses(given.count, each, given.seed, given.processes, given.store)
    return examine_orders(given.count, given.each or 3, given.seed, given.processes, given.store, given.told_as)


if __name__ == "__main__":
    sys.exit(main())
