"""Two hubs of their own processes on one PostgreSQL, one of them killed under load: `python -m tests.verify.two_hubs`.

Senders have a line to one of the hubs each, and go to the other when it dies, with what was not acknowledged. In the
end every acknowledged message is recorded once, the ledger holds, every delivery that is due was made, and the first
arrivals of each order's deliveries are in their order, whoever sent them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import messages
from hub import ledger
from hub.channels.mllp import END, START
from hub.crypto import load_keyring
from hub.demo import world
from hub.store.postgres import read_only
from tests import postgres
from tests.verify.plants import PLANTS

RESULTS = 3
"""Messages with results for each order: what the manufacturer is told of must come in their order."""
SENDERS = 4
AGAIN = 7
"""One message of so many is sent once more, though it was acknowledged."""


@dataclass(slots=True)
class Figures:
    """What was tried, and what was wrong."""

    kills: int = 0
    messages: int = 0
    resent: int = 0
    deliveries: int = 0
    taken_over: int = 0
    """Deliveries that were made after the kill."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Sender:
    """One interface: sends its messages in order, each until it is acknowledged, to whichever hub answers. Some it
    sends again to the other hub, as one does that did not hear the answer."""

    ports: list[int]
    bodies: Sequence[bytes]
    acknowledged: int = 0
    resent: int = 0
    """Messages whose line was cut before the answer came."""
    _line: socket.socket | None = None

    def run(self) -> None:
        for number, body in enumerate(self.bodies):
            self._send(body)
            self.acknowledged += 1
            if number % AGAIN == 0:
                self._elsewhere()
                self._send(body)
        self._elsewhere()

    def _send(self, body: bytes) -> None:
        while not self._is_heard(body):
            self._elsewhere()
            time.sleep(0.05)

    def _is_heard(self, body: bytes) -> bool:
        try:
            self._line = self._line or socket.create_connection(("127.0.0.1", self.ports[0]), 20)
        except OSError:
            return False
        try:
            return self._is_acknowledged(self._line, body)
        except OSError:
            self.resent += 1
            return False

    def _elsewhere(self) -> None:
        """The line ends; the next one goes to the other hub."""
        if self._line is not None:
            self._line.close()
        self._line = None
        self.ports.append(self.ports.pop(0))

    @staticmethod
    def _is_acknowledged(line: socket.socket, body: bytes) -> bool:
        line.settimeout(20)
        line.sendall(START + body + END)
        answer = b""
        while END not in answer:
            more = line.recv(65536)
            if not more:
                raise ConnectionResetError
            answer += more
        return b"MSA|AA" in answer


def bodies(first: int, count: int) -> list[bytes]:
    """Orders, each with some messages of results."""
    found = []
    for number in range(first, first + count):
        found.append(messages.order(number))
        for result in range(RESULTS):
            told = re.sub(rb"\|(R\d+)\|", rb"|\1-%d|" % result, messages.results(number), count=1)
            found.append(re.sub(rb"(LAB-\d+)", rb"\1-%d" % result, told))
    return found


@contextmanager
def hub(home: Path, dsn: str, plant: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A hub and the hospital's port."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.verify.serving", "--demo", str(home), *(("--plant", plant) if plant else ())],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CGT_STORE": dsn},
    )
    assert started.stdout is not None
    try:
        yield started, json.loads(started.stdout.readline())["mllp"]["mercy"]
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


def verify(folder: Path, rounds: int, orders: int, plant: str = "") -> Figures:
    """So many times: two hubs, senders, a kill in the middle, and a look at what is left; with a planted fault until
    something is wrong."""
    figures, begun = Figures(), time.monotonic()
    with postgres.running() as server:
        for number in range(rounds):
            _round(folder / f"round{number}", server.fresh("two"), orders, figures, plant)
            if plant and figures.wrong:
                break
    figures.seconds = round(time.monotonic() - begun, 1)
    return figures


def _round(home: Path, dsn: str, orders: int, figures: Figures, plant: str) -> None:
    world.write_profiles(home / "partners", home, 9, "http://127.0.0.1:9/")
    (home / "partners" / "swift.yaml").unlink()
    with ExitStack() as ended:
        (first, one), (_, other) = (ended.enter_context(hub(home, dsn, plant)) for _ in range(2))
        lines = [
            Sender([one, other] if n % 2 == 0 else [other, one], bodies(n * 1_000, orders)) for n in range(SENDERS)
        ]
        threads = [threading.Thread(target=line.run) for line in lines]
        for thread in threads:
            thread.start()
        total = sum(len(line.bodies) for line in lines)
        while sum(line.acknowledged for line in lines) < total // 2:
            time.sleep(0.01)
        before = len(_files(home))
        first.send_signal(signal.SIGKILL)
        figures.kills += 1
        for thread in threads:
            thread.join()
        figures.messages += total
        figures.resent += sum(line.resent for line in lines)
        figures.wrong += _wrong(home, dsn, total, figures, before)


def _files(home: Path) -> list[tuple[int, int]]:
    """Deliveries to the manufacturer's folder: when each was written, and its number."""
    found = []
    for file in home.rglob("*.csv"):
        number = re.search(r"-0*(\d+)(?:R\d+)?\.csv$", file.name)
        if number is not None:
            found.append((file.stat().st_mtime_ns, int(number[1])))
    return sorted(found)


def _wrong(home: Path, dsn: str, total: int, figures: Figures, before: int) -> list[str]:
    with closing(read_only(dsn)) as db:
        waiting = "SELECT count(*) FROM delivery WHERE state = 'waiting' AND partner = 'celltech'"
        end = time.monotonic() + 120
        while db.raw.execute(waiting).fetchone()[0] and time.monotonic() < end:  # type: ignore[index]
            time.sleep(0.2)
        recorded = db.raw.execute("SELECT count(*), count(DISTINCT source_id) FROM inbox WHERE outcome = 'recorded'")
        wrong = []
        rows, sources = recorded.fetchone() or (0, 0)
        if (rows, sources) != (total, total):
            wrong.append(f"{total} acknowledged, {sources} recorded in {rows} rows")
        twice = db.raw.execute("SELECT count(*) - count(DISTINCT id) FROM log").fetchone() or (1,)
        wrong += [f"{twice[0]} facts twice"] if twice[0] else []
        key = load_keyring(home / "hub" / "keys" / "master.key").public_key()
        wrong += [f"{fault.place}: {fault.text}" for fault in ledger.check(db, key)[0]]
        told = db.raw.execute("SELECT id, journey FROM delivery WHERE partner = 'celltech'").fetchall()
        due: dict[int, str] = dict(told)
    arrived = _files(home)
    figures.deliveries += len(arrived)
    figures.taken_over += len(arrived) - before
    wrong += [f"delivery {number} was not made" for number in due.keys() - {number for _, number in arrived}]
    last: dict[str, int] = {}
    for _, number in arrived:
        journey = due[number]
        if number < last.get(journey, 0):
            wrong.append(f"delivery {number} came after {last[journey]} of the same order")
        last[journey] = max(number, last.get(journey, 0))
    return wrong


def main() -> int:
    """Prints the figures as JSON; 1 where something is wrong, 2 where there is no server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--orders", type=int, default=40, help="of each of four senders, with three results each")
    parser.add_argument("--plant", default="", choices=["", *PLANTS], help="a fault, which must be caught")
    given = parser.parse_args()
    if why := postgres.impossible():
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="cgt-two-") as folder:
        figures = verify(Path(folder), given.kills, given.orders, given.plant)
    sys.stdout.write(
        json.dumps({**asdict(figures), "wrong": len(figures.wrong), "shown": figures.wrong[:10]}, indent=1)
    )
    sys.stdout.write("\n")
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
