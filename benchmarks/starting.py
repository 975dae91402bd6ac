"""From the start of the process to its first acknowledgement, and what it takes in memory then."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, hl7, receiving_only, running, send

RUNS = 3


def rows() -> Iterator[Row]:
    """Seconds with a new store, and with one that is there."""
    with tempfile.TemporaryDirectory(prefix="cgt-bench-") as folder:
        home = receiving_only(Path(folder))
        took = []
        for run in range(RUNS + 1):
            begun = time.perf_counter()
            with running(home) as hub:
                memory = hub.memory()
                before = time.perf_counter()
                sent = send(hl7, hub.mllp, 1, 1_000 + run * 2, 1, b"AA", 60.0)
                spawned = time.perf_counter() - before - sent.waits[0]  # of the sender's process, not of the hub
                took.append((time.perf_counter() - begun - spawned, hub.started))
        (new, _), *again = took
        first, listening = min(again)
        figures = f"{first:.2f} s, listening after {listening:.2f} s (with a new store {new:.2f} s)"
        yield "start of the process to its first AA", figures, f"best of {RUNS}"
        yield "memory after the start", memory, ""
