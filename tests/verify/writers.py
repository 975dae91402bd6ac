"""Several hubs on one PostgreSQL get the messages of one story at once: `python -m tests.verify.writers`.

Each writer is a committer with a store of its own, on a thread of its own. Who gets which message is drawn, a fifth of
them goes to two of them at the same moment. In the end every writer must see what one hub sees that got the messages as
they are told, whatever it remembers of the time in between, and the ledger must hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from random import Random
from unittest.mock import patch

from hub.store.postgres import PostgresStore
from tests import postgres
from tests.verify.histories import MIXED, ORDERS, TELLING, as_told, end
from tests.verify.messages import Delivery
from tests.verify.small_hub import CorrectingFacts, SmallHub, difference, outcome


@dataclass(slots=True)
class Tried:
    """What was tried, and what was wrong."""

    stories: int = 0
    messages: int = 0
    again: int = 0
    """Transactions that were run again because another writer came in between."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def told_at_once(told: Sequence[Delivery], random: Random, writers: int) -> list[list[list[Delivery]]]:
    """For each writer the groups of messages that it gets."""
    given: list[list[list[Delivery]]] = [[] for _ in range(writers)]
    places = list(range(len(told)))
    random.shuffle(places)
    for place in places:
        to = random.sample(range(writers), 2 if random.random() < 0.2 else 1)
        for writer in to:
            if given[writer] and random.random() < 0.4:
                given[writer][-1].append(told[place])
            else:
                given[writer].append([told[place]])
    return given


def examine(dsn: str, seed: str, writers: int, tried: Tried) -> None:
    """Tells one story to several writers at once."""
    random = Random(f"writers {seed}")
    told_as = random.choice(MIXED)
    told = TELLING[told_as](seed, random.choice(ORDERS[told_as]))
    expected = end(told, as_told(len(told)))
    given = told_at_once(told, random, writers)
    with ExitStack() as opened:
        hubs = [SmallHub(store=opened.enter_context(closing(PostgresStore(dsn)))) for _ in range(writers)]
        failures: list[str] = []
        with patch("hub.committer.Facts", CorrectingFacts):
            threads = [
                threading.Thread(target=_take, args=(hub, groups, failures))
                for hub, groups in zip(hubs, given, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        tried.stories += 1
        tried.again += sum(hub.committer.clashes for hub in hubs)
        tried.messages += sum(len(group) for groups in given for group in groups)
        tried.wrong += [f"{seed}: {failure}" for failure in failures]
        for number, hub in enumerate(hubs):
            try:
                found = outcome(hub)
                if found != expected:
                    tried.wrong.append(f"{seed}, writer {number}: {difference(expected, found)}")
            except AssertionError as disagreement:
                tried.wrong.append(f"{seed}, writer {number}: {disagreement}")


def _take(hub: SmallHub, groups: Sequence[Sequence[Delivery]], failures: list[str]) -> None:
    try:
        for group in groups:
            hub.committer.commit([delivery.incoming() for delivery in group])
    except BaseException as wrong:  # noqa: BLE001 - told by the thread that waits
        failures.append(f"a writer failed: {type(wrong).__name__}: {wrong}")


def verify(stories: int, writers: int = 3, seed: str = "1", until_wrong: bool = False) -> Tried:
    """Tells stories to several writers, each story on an empty database; `until_wrong` ends at the first fault."""
    tried, begun = Tried(), time.monotonic()
    with postgres.running() as server:
        for number in range(stories):
            examine(server.fresh(f"story{number % 2}"), f"{seed} {number}", writers, tried)
            if until_wrong and tried.wrong:
                break
    tried.seconds = round(time.monotonic() - begun, 1)
    return tried


def main() -> int:
    """Prints the figures as JSON; 1 where something is wrong, 2 where there is no server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="stories")
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    if why := postgres.impossible():
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    tried = verify(given.count, given.writers, given.seed)
    sys.stdout.write(
        json.dumps({**asdict(tried), "wrong": len(tried.wrong), "shown": tried.wrong[:5]}, indent=1) + "\n"
    )
    return 1 if tried.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
