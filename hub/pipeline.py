"""The way from channels to the committer: a queue, and one thread that takes all that waits as one group.

Channels live on the event loop and await their answers; the committer lives on its own thread and sees groups.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from hub.committer import Answer, Committer, Incoming

log = structlog.get_logger("hub.pipeline")

TICK_SECONDS = 1.0
WAITING = 10_000
"""Messages that may wait; beyond it a channel is told to slow down instead of filling the memory."""


class Overloaded(Exception):
    """Too much waits: the sender is asked to come again."""


class Pipeline:
    """Hands messages to the committer in groups and gives each its own answer."""

    def __init__(self, committer: Committer, group: int, committed: Callable[[], None] = lambda: None) -> None:
        self._committer, self._group, self._committed = committer, group, committed
        self._queue: queue.Queue[tuple[Any, Future[Any]] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets the committer finish what waits, then ends its thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    async def submit(self, incoming: Incoming) -> Answer:
        """The answer to a message, once it is durable. Raises Overloaded."""
        return await asyncio.wrap_future(self._put(incoming))

    def submit_now(self, incoming: Incoming) -> Answer:
        """The same for a caller on a thread of its own."""
        return self._put(incoming).result()  # type: ignore[no-any-return]

    async def run(self, work: Callable[[Committer], Any]) -> Any:
        """Work on the committer's thread, between groups."""
        return await asyncio.wrap_future(self._put(work))

    def run_now(self, work: Callable[[Committer], Any]) -> Any:
        """The same for a caller on a thread of its own."""
        return self._put(work).result()

    def _put(self, item: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            self._queue.put_nowait((item, future))
        except queue.Full:
            raise Overloaded("too many messages wait; send again later") from None
        return future

    def _run(self) -> None:
        while True:
            try:
                first = self._queue.get(timeout=TICK_SECONDS)
            except queue.Empty:
                self._tick()
                continue
            waiting = [first]
            while len(waiting) < self._group:
                try:
                    waiting.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            # A caller that gave up before its turn gets nothing done: it was not answered.
            self._serve([item for item in waiting if item is not None and item[1].set_running_or_notify_cancel()])
            if None in waiting:
                return

    def _serve(self, waiting: list[tuple[Any, Future[Any]]]) -> None:
        messages = [(item, future) for item, future in waiting if isinstance(item, Incoming)]
        if messages:
            self._settle(
                [future for _, future in messages], lambda: self._committer.commit([item for item, _ in messages])
            )
        for item, future in waiting:
            if not isinstance(item, Incoming):
                self._settle([future], partial(self._work, item))
        if messages:
            self._committed()

    def _work(self, work: Callable[[Committer], Any]) -> list[Any]:
        return [work(self._committer)]

    def _settle(self, futures: list[Future[Any]], work: Callable[[], list[Any]]) -> None:
        """Answers after the work; what stops the whole group is told to each of its senders, who send again."""
        try:
            results = work()
        except Exception as wrong:  # noqa: BLE001 - the store failed: nothing of the group was kept, and each is told
            log.error("group.undone", size=len(futures), error=type(wrong).__name__)
            for future in futures:
                future.set_exception(wrong)
            return
        for future, result in zip(futures, results, strict=True):
            future.set_result(result)

    def _tick(self) -> None:
        try:
            if self._committer.tick():
                self._committed()
        except Exception as wrong:  # noqa: BLE001 - the clock comes again
            log.error("tick.failed", error=type(wrong).__name__)
