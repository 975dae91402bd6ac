"""The demo's partners for many patients: what they send, how they send it until it is acknowledged, what they receive.

Senders do what real ones do: one message at a time on a line, sent again, the same bytes, until its acknowledgement is
there; now and then once more after that. Receivers keep everything, and now and then close the line unanswered.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

from hub.demo import world
from hub.demo.partners import FS, VT, drop, segment
from tests.verify import messages as m

LD, FHIR = "application/ld+json", "application/fhir+json"
FAMILIES = ("DOE", "ROE", "POE", "LOW", "MAY", "RAY")
PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a partner. `name` is what its acknowledgement names: control id, document or file."""

    line: str
    name: str
    body: bytes


def journey(number: int) -> list[Message]:
    """What the demo sends of one patient: order, apheresis, weight, pick-up, transit, receipt, quality control."""
    n = f"{number:04}"
    family = FAMILIES[number % len(FAMILIES)]
    chain = f"CHABC1226{number:06}"
    jane = world.Patient(f"47{n}", family, "JANE", "19700203", "F", f"ORD-{n}", chain, f"BAG-{n}", f"LAB-{n}")
    sscc = f"1061414112345{number:05}"
    box, bag = f"https://id.gs1.org/00/{sscc}", f"{world.BAGS}/{jane.bag}"
    weight = m.observation(m.numbered(jane.order), jane.mrn, "71.5", "final", "2026-02-28T10:00:00-06:00")
    pickup = m.epcis(
        f"PICKUP-{n}",
        m.packed(sscc, [bag], "2026-03-10T15:05:00-05:00", "mercy"),
        m.moved([box], "2026-03-10T15:30:00-05:00", "departing", "mercy", "swift"),
    )
    arrival = m.seen([box], "2026-03-11T07:10:00+01:00", "arriving", readPoint={"id": m.party("celltech")})
    transit = m.epcis(f"TRANSIT-{n}", m.logged(sscc, "2026-03-10T21:40:00-05:00", 16, ["4.1", "4.4"] * 6), arrival)
    return [
        Message("mllp", f"O{n}", world.order(jane, f"O{n}")),
        Message("mllp", f"R{n}", world.apheresis(jane, f"R{n}")),
        Message("fhir", f"WEIGHT-{n}", weight),
        Message("epcis", f"PICKUP-{n}", pickup),
        Message("epcis", f"TRANSIT-{n}", transit),
        Message("file", f"receipts-{n}.csv", world.receipts(jane, jane.bag, sscc)),
        Message("file", f"qc-{n}.csv", world.qc_results(jane).replace(b"B-77;S-1", f"B-{n};S-{n}".encode())),
    ]


# ---- receivers --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Received:
    """What partners were sent: each delivery's id with its bodies, in the order in which they came."""

    hospital: dict[str, list[bytes]] = field(default_factory=dict)
    courier: dict[str, list[bytes]] = field(default_factory=dict)
    fails: float = 0.0
    random: Random = field(default_factory=lambda: Random("receivers"))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, where: dict[str, list[bytes]], name: str, body: bytes) -> bool:
        """Keeps a body; False where its sender is to hear nothing."""
        with self.lock:
            where.setdefault(name, []).append(body)
            return self.random.random() >= self.fails


@contextlib.contextmanager
def receiving(received: Received) -> Iterator[tuple[int, int]]:
    """The hospital's interface and the courier's endpoint, on the ports that are given."""

    class Hospital(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (message := _frame(self.rfile)) is not None:
                control = segment(message, "MSH", 10)
                if not received.keep(received.hospital, control, message):
                    return
                answer = f"MSH|^~\\&|EPIC|MERCY|CGTHUB|HUB|20260311||ACK|A{control}|P|2.5.1\rMSA|AA|{control}\r"
                self.wfile.write(VT + answer.encode() + FS)

    class Courier(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)  # less where the hub was killed in the middle: nobody received that
            if len(body) == length and received.keep(received.courier, self.headers["idempotency-key"], body):
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Lines(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A hub that was killed leaves its lines."""

    class Pages(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A hub that was killed leaves its lines."""

    with Lines(("127.0.0.1", 0), Hospital) as lines, Pages(("127.0.0.1", 0), Courier) as pages:
        for server in (lines, pages):
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield lines.server_address[1], pages.server_address[1]
        lines.shutdown()
        pages.shutdown()


def _frame(stream: Any) -> bytes | None:
    """The next message on an MLLP line, or None at its end."""
    read = b""
    while not read.endswith(FS):
        byte = stream.read1(65536)
        if not byte:
            return None
        read += byte
    return read[1:-2]


# ---- senders ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ports:
    """Where a hub listens, and where its drop folder is."""

    http: int
    mllp: int
    dropped: Path


@dataclass(slots=True)
class Senders:
    """Threads that send. `acknowledged` is called on a sender's thread the moment an acknowledgement is there."""

    ports: Ports
    acknowledged: Callable[[Message], None]
    again: float = 0.05
    lanes: Mapping[str, int] = field(default_factory=lambda: {"mllp": 1, "epcis": 1, "fhir": 1, "file": 1})
    """How many send at once, by line."""
    attempts: int = 0
    refused: list[str] = field(default_factory=list)
    """Messages that the hub answered otherwise than by taking them."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Attempts that had no answer at all, by what came instead."""
    _queues: dict[str, queue.Queue[Message | None]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _random: Random = field(default_factory=lambda: Random("senders"))

    def start(self) -> None:
        for line, lanes in self.lanes.items():
            self._queues[line] = queue.Queue()
            for _ in range(lanes):
                thread = threading.Thread(target=self._run, args=(self._queues[line],), name=line, daemon=True)
                self._threads.append(thread)
                thread.start()

    def put(self, messages: list[Message]) -> None:
        for message in messages:
            self._queues[message.line].put(message)

    def waiting(self, line: str = "") -> int:
        """Messages that no sender has begun with, of one line or of all."""
        return sum(queue.qsize() for name, queue in self._queues.items() if line in {"", name})

    def stop(self) -> None:
        self._stop.set()
        for line, lanes in self.lanes.items():
            for _ in range(lanes if self._threads else 0):
                self._queues[line].put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, waiting: queue.Queue[Message | None]) -> None:
        while (message := waiting.get()) is not None:
            self._until_acknowledged(message)
            if self._random.random() < self.again:  # as an interface engine does that was not sure
                self._until_acknowledged(message)

    def send(self, message: Message) -> bool:
        """Sends a message once; True when it is acknowledged. Raises OSError, HTTPException, EOFError."""
        by = {"mllp": self._by_mllp, "epcis": self._by_http, "fhir": self._by_http, "file": self._by_file}
        return by[message.line](message)

    def _until_acknowledged(self, message: Message) -> None:
        while not self._stop.is_set():
            self.attempts += 1
            try:
                if self.send(message):
                    self.acknowledged(message)
                    return
            except (OSError, http.client.HTTPException, EOFError) as wrong:
                self.unanswered[f"{message.line} {type(wrong).__name__}"] += 1
                time.sleep(3 * PAUSE)  # nobody listens, or the line ended without an answer: the same again
            time.sleep(PAUSE)

    def _by_mllp(self, message: Message) -> bool:
        with socket.create_connection(("127.0.0.1", self.ports.mllp), timeout=20) as line:
            line.sendall(VT + message.body + FS)
            with line.makefile("rb") as stream:
                answer = _frame(stream)
        if answer is None:
            raise EOFError
        if segment(answer, "MSA", 2) != message.name or segment(answer, "MSA", 1) != "AA":
            self.refused.append(f"{message.name}: {segment(answer, 'MSA', 1)}")
            return False
        return True

    def _by_http(self, message: Message) -> bool:
        path, kind, token = {
            "epcis": ("/epcis/capture", LD, world.TOKENS["swift"]),
            "fhir": ("/fhir/Observation", FHIR, world.TOKENS["mercy"]),
        }[message.line]
        line = http.client.HTTPConnection("127.0.0.1", self.ports.http, timeout=20)
        with contextlib.closing(line):
            line.request("POST", path, message.body, {"authorization": f"Bearer {token}", "content-type": kind})
            reply = line.getresponse()
            reply.read()
        if not 200 <= reply.status < 300:
            self.refused.append(f"{message.name}: {reply.status}")
            return False
        return True

    def _by_file(self, message: Message) -> bool:
        """Drops a file and waits for its receipt; while it is there, it is the hub's."""
        receipt = self.ports.dropped / "archive" / f"{message.name}.receipt.json"
        error = self.ports.dropped / "error" / f"{message.name}.error.json"
        receipt.unlink(missing_ok=True)
        error.unlink(missing_ok=True)
        if not self.ports.dropped.is_dir():
            return False
        drop(self.ports.dropped, message.name, message.body)
        while not self._stop.is_set():
            if receipt.exists():
                return bool(json.loads(receipt.read_bytes())["outcome"] == "recorded")
            if error.exists():
                self.refused.append(f"{message.name}: error file")
                return False
            time.sleep(PAUSE)
        return False
