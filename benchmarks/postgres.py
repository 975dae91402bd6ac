"""One hub and two on one PostgreSQL, the same senders: what a second process brings where all share the same cores."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Process, Row, Sent, hl7, receiving_only, running, send
from tests import postgres

COUNT = 1_500
SENDERS = 8


def rows(count: int = COUNT) -> Iterator[Row]:
    """What, the figures with the CPU of every process, and the ratio of two hubs to one."""
    if why := postgres.impossible():
        yield "several hubs on PostgreSQL", f"not measured: {why}", ""
        return
    with postgres.running() as server:
        alone = 0.0
        for hubs in (1, 2):
            with tempfile.TemporaryDirectory(prefix="cgt-bench-") as folder:
                sent, spent = _measured(Path(folder), server, hubs, count)
            alone = alone or sent.rate
            ratio = f"{sent.rate / alone:.2f} × one" if hubs > 1 else ""
            yield f"MLLP recorded, {hubs} on PostgreSQL, {SENDERS} senders", sent.figures(sum(spent[:-1])), ratio
            cores = ", ".join(f"hub {used / sent.seconds:.2f}" for used in spent[:-1])
            used = f"{cores}, server {spent[-1] / sent.seconds:.2f}, generator {sent.cpu / sent.seconds:.2f}"
            yield "cores used", used, ""


def _measured(folder: Path, server: postgres.Server, hubs: int, count: int) -> tuple[Sent, list[float]]:
    """What the senders saw, and the CPU seconds of each hub and, last, of the server."""
    home = receiving_only(folder)
    environment = {"CGT_STORE": server.fresh("bench")}
    with ExitStack() as ended:
        processes: list[Process] = []
        for _ in range(hubs):
            processes.append(ended.enter_context(running(home, environment)))
        ports = [process.mllp for process in processes]
        send(several, ports, SENDERS, 90_000_000, 200, b"AA", 60.0)
        time.sleep(2.0)
        before = [*(process.cpu() for process in processes), _cpu_of(server)]
        sent = send(several, ports, SENDERS, 0, count, b"AA", 600.0)
        after = [*(process.cpu() for process in processes), _cpu_of(server)]
    return sent, [late - early for late, early in zip(after, before, strict=True)]


async def several(
    ports: Sequence[int], senders: int, first: int, count: int, said: bytes, until: float, waits: list[float]
) -> None:
    """The senders shared out among hubs; a patient's messages go to one hub, as an interface's do."""
    share, each = senders // len(ports), count // len(ports)
    await asyncio.gather(
        *(hl7(port, share, first + n * each, each, said, until, waits) for n, port in enumerate(ports))
    )


def _cpu_of(server: postgres.Server) -> float:
    """CPU seconds of a database server: its first process, its children, and those that ended."""
    first, ticks = server.process(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(process.name) == first:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == first:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
