"""Reading beside the committer: on threads and connections of readers' own, so that nobody's look delays a commit.

What is read is committed. Where the store is in memory there is one connection only, and the committer's thread reads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import orjson

from canonical_model.fold import fold
from canonical_model.journey import Journey
from hub.links import Links
from hub.pipeline import Pipeline
from hub.store import Connection, Store

T = TypeVar("T")
THREADS = 2
"""Looks at one time; others wait their turn."""


class Readers:
    """Threads that read, each with a connection that it opens at its first look."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self._store, self._pipeline = store, pipeline
        self._own = threading.local()
        self._opened: list[Connection] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What a look at committed data found."""
        if not self._store.shared and self._store.path is None:
            return await self._pipeline.run(lambda committer: work(committer.connection))  # type: ignore[no-any-return]
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._look, work)

    def close(self) -> None:
        """Waits for the looks that have begun."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while self._opened:
            self._opened.pop().close()

    def _look(self, work: Callable[[Connection], T]) -> T:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._store.reader()
            self._opened.append(self._own.connection)
        with self._own.connection.snapshot():
            return work(self._own.connection)


def state_of(db: Connection, journey: str) -> Journey | None:
    """An order as committed facts leave it, by its name of today or an earlier one; None where there is no such order.

    What its patient's other orders are, only the committer tells it.
    """
    links = Links(db)
    journey = links.now(journey)
    if db.one("journey_root", journey) is None:
        return None
    positions = orjson.dumps([row[0] for row in db.all("positions_of", journey)]).decode()
    events = [orjson.loads(text) for _, text in db.all("events_at", positions)]
    return fold(links.names_of(journey), events)
