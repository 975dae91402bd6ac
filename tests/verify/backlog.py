"""A receiver that was down for a day: `python -m tests.verify.backlog --deliveries 100000` prints figures and faults.

A hub of its own process takes results by MLLP while the manufacturer, whom it tells each of them, is not there: every
delivery is planned by a real message. Then the receiver comes back, in another process, now and then losing an
acknowledgement. Meanwhile 200 other partners are told theirs by HTTP and hospitals go on sending.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests import ports
from tests.hub import world
from tests.hub.house import Line
from tests.verify import back

ROOT = Path(__file__).parents[2]
RESULTS, MESSAGES = 20, 1
"""Results of a message, and messages of an order, whose weight is a result too."""
SITES = 200
SECONDS, EACH = 600.0, 0.04
"""Longest time for one phase, and what a delivery adds to it."""


@dataclass(slots=True)
class Stage:
    """The hub's folder, its ports, its process."""

    home: Path
    mllp: int
    http: int
    receiver: int
    posts: int
    process: subprocess.Popen[bytes] | None = None
    longest: float = SECONDS
    receivers: list[BaseProcess] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def start(self, plants: str) -> None:
        given = {
            "CGT_DATA": str(self.home / "hub"),
            "CGT_PARTNERS": str(self.home / "partners"),
            "CGT_HTTP_PORT": str(self.http),
        }
        command = [sys.executable, "-m", "tests.verify.serving", "--plant", plants]
        with (self.home / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given}, stderr=log, stdout=log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.http}/health", timeout=5).close()
                return
            time.sleep(0.05)
        raise RuntimeError(f"the hub does not start: {(self.home / 'log.txt').read_text()[-600:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def watched(self, what: str, wait: float) -> Iterator[None]:
        """Looks, so many seconds apart. Raises AssertionError when a phase is too long or a process has ended."""
        end = time.monotonic() + self.longest
        while True:
            yield
            assert time.monotonic() < end, f"{what}: not within {self.longest:g} s"
            assert self.process is not None and self.process.poll() is None, f"{what}: the hub has ended"
            assert all(one.is_alive() for one in self.receivers), f"{what}: a receiver has ended"
            time.sleep(wait)

    def until(self, found: Callable[[], bool], what: str) -> None:
        for _ in self.watched(what, 0.1):
            if found():
                return

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Committed rows, beside the running hub."""
        with contextlib.closing(self.beside()) as db:
            return db.execute(query, values).fetchall()

    def beside(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.home / 'hub' / 'hub.db'}?mode=ro", uri=True)

    def count(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)

    def memory(self) -> float:
        """Resident memory of the hub in MB."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu(self) -> float:
        """Seconds of processor that the hub took so far."""
        assert self.process is not None
        used = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def stage(home: Path) -> Stage:
    """Partners: Lakeside sends, Foundry is told everything by MLLP, two hundred sites of their own orders by HTTP."""
    mllp, http, receiver, posts = (ports.free() for _ in range(4))
    found = world.profiles(home, world.write_overlay(home / "overlay"))
    told = [{"events": ["result.reported"], "message": "hl7v2/oru_r01"}]
    found["lakeside"]["mllp"]["listen"] = mllp
    foundry = found["foundry"]
    foundry.pop("files")
    foundry["mllp"] = {"send_host": "127.0.0.1", "send_port": receiver}
    foundry["sends"] = told
    for number in range(1, SITES + 1):
        name = f"site-{number:03}"
        found[name] = {
            "partner": name,
            "name": name,
            "role": "cdmo",
            "party": f"https://site.example/{name}",
            "http": {"post_to": f"http://127.0.0.1:{posts}/{name}"},
            "products": [f"P-{number:03}"],
            "sends": told,
        }
    world.write_profiles(home / "partners", {name: found[name] for name in found if name not in {"northern", "heron"}})
    return Stage(home, mllp, http, receiver, posts)


# ---- what comes in ------------------------------------------------------------------------------------------------


def results(who: world.Person, number: int, count: int = RESULTS) -> bytes:
    """Results of one order's laboratory, all different tests."""
    tests = (f"OBX|{n}|NM|T{n:02}^Test {n}^L||{number}.{n:02}|%^^UCUM|||||F" for n in range(1, count + 1))
    return world.v2(
        world.msh("ORU^R01^ORU_R01", f"{who.order}-{number}", f"20260310{8 + number % 12:02}1500-0500"),
        world.pid(who),
        f"ORC|RE|{who.order}^EHR|LAB-{who.order}-{number}^LAB",
        f"OBR|1|{who.order}^EHR|LAB-{who.order}-{number}^LAB|PANEL^Panel^L|||20260310090000-0500",
        *tests,
    )


def journey(number: int, messages: int, product: str = "AXI-CEL", count: int = RESULTS) -> list[bytes]:
    """An order and its results."""
    who = world.person(number)
    placed = world.order(who, f"{who.order}-0").replace(b"|AXI-CEL^", f"|{product}^".encode())
    return [placed, *(results(who, n, count) for n in range(1, messages + 1))]


def send(port: int, journeys: list[list[bytes]], lines: int = 4) -> list[float]:
    """Sends journeys over some connections; how long each acknowledgement took. Raises AssertionError on no AA."""
    waiting, took, lock = list(reversed(journeys)), [], threading.Lock()

    def run() -> None:
        with Line(port, 120) as line:
            while True:
                with lock:
                    if not waiting:
                        return
                    one = waiting.pop()
                for message in one:
                    begun = time.monotonic()
                    answer = line.ask(message)
                    with lock:
                        took.append(time.monotonic() - begun)
                    assert b"MSA|AA|" in answer, answer

    threads = [threading.Thread(target=run) for _ in range(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


# ---- the run ------------------------------------------------------------------------------------------------------


def verify(home: Path, deliveries: int, plant: str = "", failures: int = 1000) -> dict[str, Any]:
    """Figures of a run, with what is wrong."""
    here = stage(home)
    here.longest += deliveries * EACH
    orders = max(1, -(-deliveries // (RESULTS * MESSAGES + 1)))
    sites = [journey(90_000 + n, 1, f"P-{n:03}", 5) for n in range(1, SITES + 1)]
    here.start(",".join(filter(None, ("waits-shortened", plant))))
    try:
        with _posts(here):
            return _run(here, orders, sites, failures)
    finally:
        here.stop()


def _run(here: Stage, orders: int, sites: list[list[bytes]], failures: int) -> dict[str, Any]:
    begun, started = time.monotonic(), here.memory()
    send(here.mllp, [journey(n, MESSAGES) for n in range(1, orders + 1)])
    send(here.mllp, sites[::2])
    figures: dict[str, Any] = {
        "deliveries": here.count("SELECT count(*) FROM delivery WHERE partner = 'foundry'"),
        "others": SITES,
        "taking_seconds": round(time.monotonic() - begun, 1),
    }
    site_rows = "SELECT count(*) FROM delivery WHERE partner <> 'foundry' AND state = 'waiting'"
    here.until(lambda: not here.count(site_rows), "other partners are told while one is down")
    here.until(lambda: _failed(here) >= failures, "attempts on a receiver that is down")
    figures["failures"] = _failed(here)
    figures["issues"] = here.count("SELECT count(*) FROM issue WHERE text LIKE 'foundry %'")
    figures["issues_raised"] = here.count("SELECT count(*) FROM log WHERE event LIKE '%\"foundry does not take%'")
    figures["claim_ms"] = round(_claiming(here), 3)
    loaded, cpu = here.memory(), here.cpu()
    begun = time.monotonic()
    peak, lags = loaded, []
    with _receiver(here):
        late = threading.Thread(target=lambda: lags.extend(_meanwhile(here, sites[1::2])))
        late.start()
        for _ in here.watched("the backlog drains", 0.5):
            peak = max(peak, here.memory())
            if not here.count("SELECT count(*) FROM delivery WHERE state = 'waiting'"):
                break
        late.join()
    seconds = time.monotonic() - begun
    figures |= {
        "drain_seconds": round(seconds, 1),
        "per_second": round(figures["deliveries"] / seconds),
        "cpu_ms_each": round((here.cpu() - cpu) * 1000 / max(1, figures["deliveries"]), 2),
        "memory_started_mb": round(started),
        "memory_loaded_mb": round(loaded),
        "memory_growth_mb": round(peak - loaded, 1),
        "incoming_ack_p99_ms": round(_p99(lags) * 1000, 1),
    }
    closing = "SELECT count(*) FROM issue WHERE journey = '' AND closed IS NULL"
    here.until(lambda: not here.count(closing), "Issues clear")
    figures |= _judged(here)
    figures["wrong"] = here.wrong + _wrong(figures)
    return figures


def _failed(here: Stage) -> int:
    return here.count("SELECT count(*) FROM audit WHERE act = 'delivery.again'")


def _claiming(here: Stage) -> float:
    """Milliseconds of one look for what is due and one claim, with everything waiting."""
    from hub.store import STATEMENTS

    with contextlib.closing(here.beside()) as db:
        begun = time.perf_counter()
        for _ in range(100):
            db.execute(STATEMENTS["lines_due"].sql, ("9999",)).fetchall()
            db.execute(STATEMENTS["due_deliveries"].sql, ("foundry", "9999", 32)).fetchall()
        return (time.perf_counter() - begun) * 1000 / 100


def _meanwhile(here: Stage, journeys: list[list[bytes]]) -> list[float]:
    """Hospitals go on sending, one message after the other, while the backlog drains."""
    took: list[float] = []
    for one in journeys:
        took += send(here.mllp, [one], 1)
        time.sleep(0.02)
    return took


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)] if took else 0.0


@contextlib.contextmanager
def _posts(here: Stage) -> Iterator[None]:
    with _process(here, back.posts, here.posts, here.home / "posts.jsonl"):
        yield


@contextlib.contextmanager
def _receiver(here: Stage) -> Iterator[None]:
    with _process(here, back.lines, here.receiver, here.home / "lines.jsonl"):
        yield


@contextlib.contextmanager
def _process(here: Stage, serve: Any, port: int, file: Path) -> Iterator[None]:
    """A receiver in a process of its own, which notes what it is sent."""
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port, file), daemon=True)
    process.start()
    here.receivers.append(process)
    try:
        yield
    finally:
        here.receivers.remove(process)
        process.terminate()
        process.join(10)


# ---- what must hold -----------------------------------------------------------------------------------------------


def _judged(here: Stage) -> dict[str, Any]:
    """What receivers were sent, held against what was planned."""
    planned = here.rows("SELECT id, partner, journey, position, state FROM delivery ORDER BY id")
    keys = {f"CGT{one[0]:010}": one for one in planned if one[1] == "foundry"}
    keys |= {f"cgt-hub-{one[0]}": one for one in planned if one[1] != "foundry"}
    sent = [line for name in ("lines", "posts") for line in back.noted(here.home / f"{name}.jsonl")]
    digests: dict[str, set[str]] = {}
    last: dict[tuple[str, str], tuple[int, int]] = {}
    out_of_order = 0
    for key, digest in sent:
        first = key not in digests
        digests.setdefault(key, set()).add(digest)
        if first and (one := keys.get(key)) is not None:
            turn = one[3], one[0]
            out_of_order += last.get((one[1], one[2]), (0, 0)) > turn
            last[one[1], one[2]] = turn
    return {
        "delivered": sum(1 for key in keys if key in digests),
        "planned": len(planned),
        "not_done": dict(Counter(one[4] for one in planned if one[4] != "done")),
        "sent_again": len(sent) - len(digests),
        "out_of_order": out_of_order,
        "duplicates": len(digests.keys() - keys.keys()),
        "ids_with_other_bytes": sum(1 for found in digests.values() if len(found) > 1),
    }


def _wrong(figures: dict[str, Any]) -> list[str]:
    """The promises that do not hold."""
    promises = {
        "not everything was delivered": figures["delivered"] == figures["planned"] and not figures["not_done"],
        "out of order": figures["out_of_order"] == 0,
        "told twice under two ids": figures["duplicates"] == 0,
        "one id, other bytes": figures["ids_with_other_bytes"] == 0,
        "nothing was sent again: no acknowledgement was lost": figures["sent_again"] > 0,
        "more than one Issue for one cause": figures["issues"] == figures["issues_raised"] == 1,
        "memory grows": figures["memory_growth_mb"] <= 50,
    }
    return [what for what, holds in promises.items() if not holds]


def main() -> None:
    """Prints the figures; ends with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--failures", type=int, default=1000, help="attempts before the receiver comes back")
    parser.add_argument("--plant", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cgt-backlog-") as home:
        figures = verify(Path(home), given.deliveries, given.plant, given.failures)
    print(json.dumps(figures, indent=1))  # noqa: T201 - the figures are the output
    sys.exit(1 if figures["wrong"] else 0)


if __name__ == "__main__":
    main()
