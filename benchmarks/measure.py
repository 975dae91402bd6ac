"""What benchmarks share: a hub in a process of its own, senders in another, CPU and memory. Measures nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import messages
from hub.channels.mllp import END, START
from hub.demo import world

Row = tuple[str, str, str]
"""What was measured, the figures, and the ratio in this run."""


@dataclass(frozen=True, slots=True)
class Process:
    """A hub that runs."""

    pid: int
    mllp: int
    http: int
    started: float
    """Seconds until it listened."""

    def cpu(self) -> float:
        """CPU seconds until now, from /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> str:
        """What is in memory, and what of it is the process's own."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        sizes = {line.split()[0]: int(line.split()[1]) // 1024 for line in text.splitlines()[1:]}
        return f"RSS {sizes['Rss:']} MB, PSS {sizes['Pss:']} MB"


def receiving_only(home: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """Profiles of a hospital and an operator: receiving is measured here, not sending. `change` changes the text."""
    world.write_profiles(home / "partners", home, 9, "http://127.0.0.1:9/")
    for other in ("swift", "celltech"):
        (home / "partners" / f"{other}.yaml").unlink()
    profile = home / "partners" / "mercy.yaml"
    profile.write_text(change(profile.read_text()))
    return home


@contextlib.contextmanager
def running(home: Path, more: Mapping[str, str] | None = None) -> Iterator[Process]:
    """A hub on a folder, ended with the block; `more` of its environment. Byte code is kept, as usual."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= more or {}
    begun = time.perf_counter()
    command = [sys.executable, "-m", "hub.demo.serve", str(home)]
    hub = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert hub.stdout is not None
    try:
        ports = json.loads(hub.stdout.readline())
        yield Process(hub.pid, ports["mllp"]["mercy"], ports["http"], time.perf_counter() - begun)
    finally:
        hub.kill()
        hub.wait()
        hub.stdout.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """What senders saw."""

    count: int
    seconds: float
    cpu: float
    waits: Sequence[float]

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def figures(self, spent: float) -> str:
        """Rate, waits, and the CPU of both sides for one message; `spent` is the hub's."""
        p50, p99 = self.waits[len(self.waits) // 2] * 1e3, self.waits[int(len(self.waits) * 0.99)] * 1e3
        cost = f"hub {spent / self.count * 1e3:.2f} CPU-ms each, generator {self.cpu / self.count * 1e3:.2f}"
        return f"{self.rate:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cost}"


def send(work: Callable[..., Any], *values: Any) -> Sent:
    """Runs senders in a process of their own: `work(*values, waits)` is a coroutine; it sends and notes each wait."""
    spawn = get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_in_process, args=(work, values, there))
    process.start()
    there.close()  # the sender's end is its own: when it dies, this one learns it
    try:
        found: Sent = here.recv()
    except EOFError:
        raise RuntimeError("the senders failed; what they said stands above") from None
    finally:
        process.join()
        here.close()
    return found


def _in_process(work: Callable[..., Any], values: Sequence[Any], out: Connection) -> None:
    waits: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()
    asyncio.run(work(*values, waits))
    out.send(Sent(len(waits), time.perf_counter() - begun, time.process_time() - cpu, sorted(waits)))


async def hl7(port: int, senders: int, first: int, count: int, said: bytes, until: float, waits: list[float]) -> None:
    """Orders and their results, each sender on a line of its own; ends with the count, or after `until` seconds."""
    end = time.perf_counter() + until
    shares = [range(first + n, first + count, senders) for n in range(senders)]
    await asyncio.gather(*(_line(port, share, said, end, waits) for share in shares))


async def _line(port: int, numbers: Sequence[int], said: bytes, end: float, waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        if time.perf_counter() > end:
            break
        body = messages.order(number) if number % 2 == 0 else messages.results(number - 1)
        begun = time.perf_counter()
        writer.write(START + body + END)
        answer = await reader.readuntil(END)
        waits.append(time.perf_counter() - begun)
        assert b"MSA|" + said in answer, answer[:300]
    writer.close()


async def posts(port: int, path: str, token: str, bodies: Sequence[bytes], senders: int, waits: list[float]) -> None:
    """HTTP POSTs of FHIR resources, each sender on a connection that stays open."""
    await asyncio.gather(*(_posting(port, path, token, bodies[n::senders], waits) for n in range(senders)))


async def _posting(port: int, path: str, token: str, bodies: Sequence[bytes], waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in bodies:
        head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\nprefer: return=minimal\r\n"
        head += f"content-type: application/fhir+json\r\ncontent-length: {len(body)}\r\n\r\n"
        begun = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        rest = await reader.readexactly(int(length.partition(b":")[2]))
        waits.append(time.perf_counter() - begun)
        assert answer.startswith(b"HTTP/1.1 201"), (answer[:100], rest[:300])
    writer.close()


def raw_commits(folder: Path, count: int = 2_000) -> float:
    """Raw SQLite commits per second with the hub's durability: one row each."""
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS t (body BLOB)")
    body = messages.order(1)
    begun = time.perf_counter()
    for _ in range(count):
        db.execute("INSERT INTO t VALUES (?)", (body,))
    rate = count / (time.perf_counter() - begun)
    db.close()
    return rate
