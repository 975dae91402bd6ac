"""kill -9 at random points of real traffic: `python -m tests.verify.kill --kills 500` prints figures and faults.

A hub of its own process is killed and started again, round after round, while partners send over MLLP, HTTP and a drop
folder and send again what was not acknowledged. What it knows in the end must be what a hub knows that nobody killed.
Kills are made in several runs, each with a store of its own; so many runs go on at once as `--processes` says.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from hub import logs
from tests.verify import stores
from tests.verify.promises import Played, wrong_with
from tests.verify.stage import LONGEST, STORES, House, house, same_keys
from tests.verify.traffic import Senders, journey, receiving

LANES = {"mllp": 3, "epcis": 2, "fhir": 1, "file": 4}
QUIET = 5.0
"""Seconds without an acknowledgement after which none is waited for."""
ROUNDS_AHEAD = 2
"""Messages of so many rounds wait at most: what is acknowledged is acknowledged between kills, not after the last."""


# ---- playing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Task:
    """One run: so many rounds of so many journeys."""

    rounds: int
    journeys: int
    seed: str
    plant: str = ""
    store: str = "sqlite"

    @property
    def messages(self) -> int:
        return self.rounds * self.journeys * len(journey(1))


@dataclass(slots=True)
class Killed:
    """What was done to a hub."""

    how: Counter[str] = field(default_factory=Counter)
    between: int = 0
    """Acknowledgements that came before the last kill."""


def play(home: Path, task: Task, kills: bool, plant: str = "") -> tuple[House, Played, Killed]:
    """Sends a task's journeys; with `kills` every round ends with kill -9. Then drains everything."""
    played, killed, begun = Played(), Killed(), time.monotonic()
    played.received.fails = 0.03 if kills else 0.0
    trigger = _Trigger()

    def acknowledged(message: Any) -> None:
        played.note(message)
        trigger.pull()

    with receiving(played.received) as (hospital, courier):
        stage = house(home, hospital, courier, plant, store=task.store)
        senders = Senders(stage.ports, acknowledged, lanes=LANES)
        senders.start()
        try:
            if kills:
                _rounds(stage, task, senders, trigger, killed)
                killed.between = played.acknowledgements
            else:
                senders.put([m for number in range(1, task.rounds * task.journeys + 1) for m in journey(number)])
            stage.start()
            stage.wait_ready()
            drain(stage, played, task.messages)
        finally:
            senders.stop()
            stage.end()
    played.attempts, played.refused = senders.attempts, senders.refused
    played.seconds = time.monotonic() - begun
    return stage, played, killed


def _rounds(stage: House, task: Task, senders: Senders, trigger: _Trigger, killed: Killed) -> None:
    random, put = Random(task.seed), 0
    for number in range(task.rounds):
        while put < task.rounds and (put <= number or senders.waiting() < ROUNDS_AHEAD * task.messages // task.rounds):
            senders.put([m for n in range(task.journeys) for m in journey(put * task.journeys + n + 1)])
            put += 1
        killed.how[_round(stage, random, trigger, 2 * task.messages // task.rounds)] += 1


class _Trigger:
    """Does something at the n-th acknowledgement from now, on the thread of the sender that has it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._act: Callable[[], None] = lambda: None
        self.pulled = threading.Event()

    def set(self, count: int, act: Callable[[], None]) -> None:
        with self._lock:
            self.pulled.clear()
            self._left, self._act = count, act

    def pull(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._act()
                self.pulled.set()

    def wait(self, stage: House) -> None:
        """Waits until it is pulled, or nobody of those who send to a hub that is up has an acknowledgement any more."""
        left, quiet, end = self._left, 0.0, time.monotonic() + LONGEST
        while not self.pulled.wait(0.1) and time.monotonic() < end and quiet < QUIET:
            quiet = quiet + 0.1 if left == self._left and stage.is_up() else 0.0
            left = self._left


def _round(stage: House, random: Random, trigger: _Trigger, most: int) -> str:
    """Starts the hub and kills it: while it starts, at one of the next `most` acknowledgements, or at any moment."""
    how = random.choices(["starting", "acknowledgement", "moment"], [1, 6, 3])[0]
    if how == "acknowledgement":
        trigger.set(random.randint(1, most), stage.kill)
    stage.start()
    if how == "starting":
        time.sleep(random.uniform(0.0, 1.5))
    elif how == "acknowledgement":
        trigger.wait(stage)
    else:
        stage.wait_ready()
        time.sleep(random.uniform(0.0, 1.2))
    trigger.set(0, lambda: None)
    stage.kill()
    stage.gone()
    return how


def drain(stage: House, played: Played, messages: int) -> None:
    """Waits until everything is acknowledged and delivered. Raises RuntimeError when nothing goes on any more."""
    left, end = -1, 0.0
    while left and (left < 0 or time.monotonic() < end):
        before, left = left, messages - len(played.acknowledged) + waiting(stage)
        if left != before:
            end = time.monotonic() + LONGEST
        time.sleep(0.1)
    if left:
        missing = messages - len(played.acknowledged)
        raise RuntimeError(f"{missing} unacknowledged, {waiting(stage)} deliveries wait: {played.refused[:3]}")


def waiting(stage: House) -> int:
    """Deliveries that nobody has yet."""
    return stage.count("SELECT count(*) FROM delivery WHERE state = 'waiting'")


# ---- all of it --------------------------------------------------------------------------------------------------


def run(task: Task) -> dict[str, Any]:
    """Figures of one run with kills against one without; `wrong` is empty where every promise holds."""
    logs.configure()
    with tempfile.TemporaryDirectory(prefix="cgt-kill-") as folder:
        return verify(Path(folder), task)


def verify(folder: Path, task: Task) -> dict[str, Any]:
    """`run` in a folder."""
    for name in ("reference", "killed"):
        (folder / name).mkdir(parents=True)
    reference, calm, _ = play(folder / "reference", task, kills=False)
    other = House(folder / "killed", reference.ports, reference.place)
    same_keys(reference, other)
    stage, played, killed = play(folder / "killed", task, kills=True, plant=task.plant)
    received = [*played.received.hospital.values(), *played.received.courier.values()]
    return {
        "kills": killed.how.total(),
        **{f"kills_{how}": count for how, count in sorted(killed.how.items())},
        "messages": stage.count("SELECT count(*) FROM inbox"),
        "acknowledged": len(played.acknowledged),
        "acknowledgements": played.acknowledgements,
        "acknowledgements_between_kills": killed.between,
        "attempts": played.attempts,
        "recognised_as_repeated": stage.count("SELECT sum(repeats) FROM inbox"),
        "events": stage.count("SELECT count(*) FROM log"),
        "deliveries": stage.count("SELECT count(*) FROM delivery"),
        "delivery_attempts": stage.count("SELECT sum(attempts) FROM delivery"),
        "delivered_more_than_once": sum(len(sent) > 1 for sent in received),
        "seconds": round(played.seconds, 1),
        "seconds_without_kills": round(calm.seconds, 1),
        "wrong": list(wrong_with(stage, played, reference)),
    }


def run_all(tasks: Iterable[Task], processes: int) -> dict[str, Any]:
    """The figures of all runs, added up."""
    total: dict[str, Any] = {}
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for figures in pool.map(run, tasks):
            total = {**figures, **{name: total[name] + figures.get(name, type(total[name])()) for name in total}}
    return total


def tasks(kills: int, of_one_run: int, made: Callable[[int, str], Task]) -> list[Task]:
    """So many kills, in runs of a size."""
    sizes = [min(of_one_run, kills - begun) for begun in range(0, kills, of_one_run)]
    return [made(size, str(number)) for number, size in enumerate(sizes)]


def main() -> int:
    """Prints the figures as JSON; 1 where a promise does not hold."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--journeys", type=int, default=8, help="journeys of seven messages sent in each round")
    parser.add_argument("--of-one-run", type=int, default=50, help="kills of one run, which has a store of its own")
    parser.add_argument("--processes", type=int, default=1, help="runs at once")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--store", choices=sorted(STORES), default="sqlite")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()

    def made(rounds: int, number: str) -> Task:
        return Task(rounds, given.journeys, f"{given.seed} {number}", given.plant, given.store)

    begun = time.monotonic()
    with stores.serving(given.store):
        figures = run_all(tasks(given.kills, given.of_one_run, made), given.processes)
    figures["seconds_in_all"] = round(time.monotonic() - begun, 1)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
