"""Poison among real traffic: `python -m tests.verify.poison` prints what it did to messages that nothing is wrong with.

The hub's rate is measured first. Then journeys are sent at half of it (or another share: above 1 its groups are full),
whatever the hub does meanwhile, and one message in a hundred is one that it cannot read, must refuse, or stumbles over;
each is sent again twice, as engines do.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from random import Random
from typing import Any

from hub import logs
from hub.demo import world
from hub.demo.writing import v2
from tests.verify import stores
from tests.verify.kill import LANES, drain
from tests.verify.plants import POISON
from tests.verify.promises import Played, lost, unverified
from tests.verify.stage import STORES, House, house
from tests.verify.traffic import Message, Ports, Senders, journey, receiving

ONE_IN = 100
AGAIN = (1.0, 2.0)
"""Seconds after which a poison message is sent once more, when nobody took it."""
LOAD = 0.5
"""Share of the hub's rate at which it is sent to."""
LONGEST_DELAY = 1.0
"""Seconds that a healthy journey may wait for its acknowledgements, at the 99th percentile."""
OPEN_LANES = {"mllp": 12, "epcis": 6, "fhir": 4, "file": 12}


def poisons(number: int) -> list[Message]:
    """Messages that no hub can take; each has a cause of its own."""
    head = world.header("ORU^R01^ORU_R01", f"P{number}", "20260310141500-0500")
    observed = b'{"resourceType": "Observation", "status": "final", "code": '
    raises = v2(head, f"PID|1||{POISON.decode()}{number}^^^MERCY&{world.MERCY_OID}&ISO^MR", "OBR|1|X")
    return [
        Message("mllp", f"P{number}", b"\x00\xff\xfe no message at all %d" % number),
        Message("mllp", f"P{number}", v2(head.replace("ORU^R01^ORU_R01", "ZZZ^Z99"), "PID|1")),
        Message("mllp", f"P{number}", v2(head.replace("20260310141500", "20261399999999"), f"PID|1||{number}")),
        Message("mllp", f"P{number}", raises),
        Message("epcis", f"E{number}", b'{"@context": [], "type": "EPCISDocument", "n": %d' % number),
        Message("epcis", f"E{number}", b'{"type": "EPCISDocument", "epcisBody": {"eventList": [{"n": %d}]}}' % number),
        Message("fhir", f"F{number}", observed + b'{"text": "x"}, "valueQuantity": {"value": "much %d"}}' % number),
        Message("fhir", f"F{number}", observed + b"%d" % number),
        Message("file", f"qc-poison-{number}.csv", b"\x00\x01\x02" * 50 + b"%d" % number),
        Message("file", f"receipts-poison-{number}.csv", b"no;such;columns;%d\n1;2;3;4\n" % number),
    ]


@dataclass(frozen=True, slots=True)
class Due:
    """A message and when it is to be sent, in seconds from the beginning."""

    at: float
    message: Message
    journey: int
    """Its journey; 0 for poison."""


def plan(journeys: Iterable[int], rate: float, one_in: int, random: Random) -> list[Due]:
    """Journeys at a steady rate of messages a second, poison strewn in, each kind in its turn."""
    planned, at, poison = list[Due](), 0.0, 0
    for number in journeys:
        for message in journey(number):
            planned.append(Due(at, message, number))
            if random.randrange(one_in) == 0:
                poison += 1
                bad = poisons(poison)[poison % len(poisons(0))]
                planned += [Due(at + later, bad, 0) for later in (0.0, *AGAIN)]
            at += 1 / rate
    return sorted(planned, key=lambda due: due.at)


@dataclass(slots=True)
class Timed:
    """What came of a plan."""

    delays: dict[int, float] = field(default_factory=dict)
    """Seconds from when a message of a journey was due to its acknowledgement; the longest of the journey."""
    refused_healthy: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int, seconds: float) -> None:
        with self.lock:
            self.delays[number] = max(self.delays.get(number, 0.0), seconds)

    def percentile(self, share: float) -> float:
        delays = sorted(self.delays.values())
        return delays[min(len(delays) - 1, int(len(delays) * share))]


def send(ports: Ports, planned: Sequence[Due], played: Played) -> Timed:
    """Sends every message when it is due, on as many lines as that takes; a healthy one until it is acknowledged."""
    timed, begun = Timed(), time.monotonic()
    queues: dict[str, Queue[Due | None]] = {line: Queue() for line in OPEN_LANES}

    def work(queue: Queue[Due | None], senders: Senders) -> None:
        while (due := queue.get()) is not None:
            time.sleep(max(0.0, begun + due.at - time.monotonic()))
            while not _sent(senders, due.message) and due.journey:
                with timed.lock:
                    timed.refused_healthy.append(due.message.name)
                time.sleep(0.05)
            if due.journey:
                played.note(due.message)
                timed.note(due.journey, time.monotonic() - begun - due.at)

    threads = [
        threading.Thread(target=work, args=(queues[line], Senders(ports, played.note)), daemon=True)
        for line, lanes in OPEN_LANES.items()
        for _ in range(lanes)
    ]
    for thread in threads:
        thread.start()
    for due in planned:
        queues[due.message.line].put(due)
    for line, lanes in OPEN_LANES.items():
        for _ in range(lanes):
            queues[line].put(None)
    for thread in threads:
        thread.join()
    return timed


def _sent(senders: Senders, message: Message) -> bool:
    try:
        return senders.send(message)
    except (OSError, http.client.HTTPException, EOFError):
        return False


def rate_of(stage: House, journeys: range, played: Played) -> float:
    """Messages a second that the hub takes when its senders wait for nothing but their acknowledgements."""
    senders, before, begun = Senders(stage.ports, played.note, 0.0, LANES), len(played.acknowledged), time.monotonic()
    due = before + len(journeys) * len(journey(1))
    senders.start()
    senders.put([message for number in journeys for message in journey(number)])
    while len(played.acknowledged) < due and time.monotonic() < begun + 120:
        time.sleep(0.02)
    senders.stop()
    return (len(played.acknowledged) - before) / (time.monotonic() - begun)


def verify(
    folder: Path, seconds: float, one_in: int = ONE_IN, plant: str = "", store: str = "sqlite", load: float = LOAD
) -> dict[str, Any]:
    """Figures of one run; `wrong` is empty where poison harmed nobody, `late` where nobody waited for it."""
    played, random = Played(), Random("poison")
    with receiving(played.received) as (hospital, courier):
        stage = house(folder, hospital, courier, f"poison-raises,{plant}".rstrip(","), store=store)
        stage.start()
        try:
            stage.wait_ready()
            rate_of(stage, range(1, 6), played)  # what is compiled at first use
            rate = rate_of(stage, range(6, 36), played)
            count = max(15, int(seconds * rate * load / len(journey(1))))
            planned = plan(range(36, 36 + count), rate * load, one_in, random)
            timed = send(stage.ports, planned, played)
            drain(stage, played, (35 + count) * len(journey(1)))
        finally:
            stage.end()
    bad = {due.message.name for due in planned if not due.journey}
    held = Counter(
        dict(stage.rows("SELECT digest || partner, count(*) FROM inbox WHERE outcome <> 'recorded' GROUP BY 1"))
    )
    wrong = [*lost(stage, played), *unverified(stage)]
    wrong += [f"{n} times kept for one cause" for n in held.values() if n > 1]
    wrong += [f"healthy and refused: {name}" for name in timed.refused_healthy[:5]]
    if not held or len(held) > len(bad):
        wrong.append(f"{len(bad)} poison messages, {len(held)} kept")
    late = timed.percentile(0.99) > LONGEST_DELAY
    return {
        "rate": round(rate, 1),
        "sent_at": round(rate * load, 1),
        "journeys": count,
        "messages": sum(1 for due in planned if due.journey),
        "poison": len(bad),
        "poison_sent": sum(1 for due in planned if not due.journey),
        "poison_kept": len(held),
        "delay_p50_ms": round(timed.percentile(0.5) * 1000),
        "delay_p99_ms": round(timed.percentile(0.99) * 1000),
        "delay_max_ms": round(max(timed.delays.values()) * 1000),
        "late": late,
        "wrong": wrong[:20],
    }


def main() -> int:
    """Prints the figures as JSON; 1 where poison harms, or delays, what is healthy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--one-in", type=int, default=ONE_IN, help="of so many messages one is poison")
    parser.add_argument("--load", type=float, default=LOAD, help="share of the hub's rate at which it is sent to")
    parser.add_argument("--store", choices=sorted(STORES), default="sqlite")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    logs.configure()
    begun = time.monotonic()
    with stores.serving(given.store), tempfile.TemporaryDirectory(prefix="cgt-poison-") as folder:
        figures = verify(Path(folder), given.seconds, given.one_in, given.plant, given.store, given.load)
    sys.stdout.write(json.dumps({**figures, "seconds": round(time.monotonic() - begun, 1)}, indent=1) + "\n")
    return 1 if figures["wrong"] or figures["late"] else 0


if __name__ == "__main__":
    sys.exit(main())
