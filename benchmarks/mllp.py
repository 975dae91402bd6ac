"""MLLP, recorded before AA: one hub process with everything on, senders in a process of their own, CPU shown."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import messages
from hub.channels.mllp import END, START
from hub.demo import world

COUNT = 2_000


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _send(port: int, numbers: list[int], waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        body = messages.order(number) if number % 2 == 0 else messages.results(number - 1)
        begun = time.perf_counter()
        writer.write(START + body + END)
        answer = await reader.readuntil(END)
        waits.append(time.perf_counter() - begun)
        assert b"MSA|AA" in answer, answer[:300]
    writer.close()


def _generate(port: int, senders: int, first: int, count: int, out: Any) -> None:
    waits: list[float] = []

    async def run() -> None:
        shares = [list(range(first, first + count))[n::senders] for n in range(senders)]
        await asyncio.gather(*(_send(port, share, waits) for share in shares))

    begun, cpu = time.perf_counter(), time.process_time()
    asyncio.run(run())
    out.put((time.perf_counter() - begun, time.process_time() - cpu, sorted(waits)))


def _baseline(folder: Path, count: int) -> float:
    """Raw SQLite commits per second with the same durability: one row each."""
    import sqlite3

    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t (body BLOB)")
    body = messages.order(1)
    begun = time.perf_counter()
    for _ in range(count):
        db.execute("INSERT INTO t VALUES (?)", (body,))
    return count / (time.perf_counter() - begun)


def _start(home: Path) -> tuple[float, int, subprocess.Popen[str]]:
    """Seconds to the first listening, the hospital's port, and the hub. Byte code is kept, as usual."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "hub.demo.serve", str(home)]
    begun = time.perf_counter()
    hub = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert hub.stdout is not None
    port = json.loads(hub.stdout.readline())["mllp"]["mercy"]
    return time.perf_counter() - begun, port, hub


def rows(count: int = COUNT) -> Iterator[tuple[str, str, str]]:
    """What, the figures, and the ratio to raw commits."""
    with tempfile.TemporaryDirectory(prefix="cgt-bench-") as folder:
        home = Path(folder)
        raw = _baseline(home, 2_000)
        yield "raw SQLite commits, WAL, synchronous=FULL", f"{raw:,.0f}/s", ""
        world.write_profiles(home / "partners", home, 9, "http://127.0.0.1:9/")
        for other in ("swift", "celltech"):  # receiving is measured here, not sending
            (home / "partners" / f"{other}.yaml").unlink()
        first, _, made = _start(home)
        made.kill()
        made.wait()
        again, port, hub = _start(home)
        yield "start of the hub to its first listening", f"{again:.1f} s (with a new store {first:.1f} s)", ""
        spawn = get_context("spawn")
        for run, senders in enumerate((1, 8)):
            before, out = _cpu_of(hub.pid), spawn.Queue()
            process = spawn.Process(target=_generate, args=(port, senders, run * 10**6, count, out))
            process.start()
            took, generator, waits = out.get()
            process.join()
            spent = _cpu_of(hub.pid) - before
            p50, p99 = waits[len(waits) // 2] * 1e3, waits[int(len(waits) * 0.99)] * 1e3
            cost = f"hub {spent / count * 1e3:.2f} CPU-ms/msg, generator {generator / count * 1e3:.2f}"
            figures = f"{count / took:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cost}"
            yield f"MLLP recorded, {senders} senders", figures, f"{count / took / raw:.2f} × raw commits"
        memory = Path(f"/proc/{hub.pid}/status").read_text()
        resident = next(line.split()[1] for line in memory.splitlines() if line.startswith("VmRSS"))
        yield "memory of the hub after it", f"{int(resident) // 1024} MB", ""
        hub.kill()
        hub.wait()
