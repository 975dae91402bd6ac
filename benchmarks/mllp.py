"""MLLP: recorded before AA with everything on, and stored before CA as a burst with its drain, against raw commits."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.measure import Process, Row, hl7, raw_commits, receiving_only, running, send
from hub.profiles import Mllp

COUNT = 2_000
BURST = 10.0
"""Seconds of a burst; the figures of the design are of 60 (`--burst 60`)."""
SENDERS = (1, 8, 32)
DRAIN = 600.0
"""Seconds after which a burst counts as not drained."""
FASTEST = 20_000
"""Messages that a burst has at most, for each second."""


def rows(count: int = COUNT, burst: float = BURST) -> Iterator[Row]:
    """What, the figures, and the ratio to raw commits."""
    with tempfile.TemporaryDirectory(prefix="cgt-bench-") as folder:
        raw = raw_commits(Path(folder))
        yield "raw SQLite commits, WAL, synchronous=FULL", f"{raw:,.0f}/s", ""
        yield from _recorded(Path(folder) / "recorded", count, raw)
        yield from _stored(Path(folder) / "stored", burst, raw)


def _recorded(home: Path, count: int, raw: float) -> Iterator[Row]:
    with running(receiving_only(home)) as hub:
        send(hl7, hub.mllp, 8, 90_000_000, 200, b"AA", 60.0)  # what is compiled at first use is compiled by then
        for run, senders in enumerate(SENDERS):
            before = hub.cpu()
            sent = send(hl7, hub.mllp, senders, run * 10**6, count, b"AA", 600.0)
            figures = sent.figures(hub.cpu() - before)
            yield f"MLLP recorded, {senders} senders", figures, f"{sent.rate / raw:.2f} × raw commits"
        yield "memory of the hub after it", hub.memory(), ""


def _stored(home: Path, burst: float, raw: float) -> Iterator[Row]:
    if "acknowledge" not in Mllp.model_fields:
        yield "MLLP stored", "not measured: a profile cannot say `acknowledge: stored`", ""
        return
    with running(receiving_only(home, lambda text: text.replace("mllp:", "mllp:\n  acknowledge: stored", 1))) as hub:
        send(hl7, hub.mllp, 8, 90_000_000, 200, b"CA", 60.0)
        _drained(home)
        for run, senders in enumerate(SENDERS):
            before = hub.cpu()
            sent = send(hl7, hub.mllp, senders, run * 10**7, int(burst * FASTEST), b"CA", burst)
            figures = sent.figures(hub.cpu() - before)
            yield f"MLLP stored, {senders} senders, {burst:.0f} s", figures, f"{sent.rate / raw:.2f} × raw commits"
            yield _drain(home, hub, sent.count, sent.seconds)


def _drain(home: Path, hub: Process, count: int, burst: float) -> Row:
    begun, before = time.perf_counter(), hub.cpu()
    took = _drained(home)
    spent = f"hub {(hub.cpu() - before) / max(took, 1e-9):.2f} cores"
    rate = count / (burst + time.perf_counter() - begun)
    return "until everything of it was recorded", f"{took:.1f} s after the burst, {spent}", f"{rate:,.0f}/s in all"


def _drained(home: Path) -> float:
    """Seconds until no stored message waits for its facts any more."""
    begun = time.perf_counter()
    with closing(sqlite3.connect(f"file:{home / 'hub' / 'hub.db'}?mode=ro", uri=True)) as db:
        while db.execute("SELECT 1 FROM inbox WHERE outcome = 'received' LIMIT 1").fetchone():
            if time.perf_counter() - begun > DRAIN:
                raise TimeoutError("the burst was not drained")
            time.sleep(0.1)
    return time.perf_counter() - begun
