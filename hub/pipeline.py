"""The way from channels to the committer: a queue, and one thread that takes all that waits as one group.

Channels live on the event loop and await their answers; the committer lives on its own thread and sees groups.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from hub.committer import Answer, Committer, Incoming

log = structlog.get_logger("hub.pipeline")

TICK_SECONDS = 1.0
REST_SECONDS = 0.02
"""Messages that were only stored are read when nothing has come for so long: a burst is taken in first."""
STARVED_SECONDS, FED = 2.0, 16
"""While messages keep coming, so many of those that were only stored are read after so many seconds."""
WAITING = 10_000
"""Messages that may wait; beyond it a channel is told to slow down instead of filling the memory."""


class Overloaded(Exception):
    """Too much waits: the sender is asked to come again."""


class Pipeline:
    """Hands messages to the committer in groups and gives each its own answer."""

    def __init__(
        self,
        committer: Committer,
        group: int,
        committed: Callable[[], None] = lambda: None,
        seat: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`seat`: whether this process has a role, of all that share the store."""
        self._committer, self._group, self._committed, self._seat = committer, group, committed, seat
        self._queue: queue.Queue[tuple[Any, Future[Any]] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._unread, self._stored, self._read, self._ticked = True, 0.0, 0.0, 0.0
        """Whether messages may wait that were only stored; when some came, some were read, the clock was looked at."""

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
            self._tick()
            try:
                first = self._queue.get(timeout=self._rest())
            except queue.Empty:
                self._read_stored(FED)
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
            if self._unread and time.monotonic() - self._read > STARVED_SECONDS:
                self._read_stored(FED)

    def _rest(self) -> float:
        """How long to wait for the next message before something else is done."""
        if not self._unread:
            return TICK_SECONDS
        return 0.0 if self._read > self._stored else REST_SECONDS

    def _serve(self, waiting: list[tuple[Any, Future[Any]]]) -> None:
        messages = [(item, future) for item, future in waiting if isinstance(item, Incoming)]
        if any(item.stored for item, _ in messages):
            self._unread, self._stored = True, time.monotonic()
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

    def _read_stored(self, most: int) -> None:
        """Reads messages that were only stored; those that wait at the start too."""
        if not self._unread:
            return
        try:
            self._unread = self._committer.read_stored(most) > 0
        except Exception as wrong:  # noqa: BLE001 - the store failed: they wait, and are read when it works again
            log.error("stored.unread", error=type(wrong).__name__)
            time.sleep(TICK_SECONDS)
        self._read = time.monotonic()
        self._committed()

    def _tick(self) -> None:
        if time.monotonic() - self._ticked < TICK_SECONDS:
            return
        self._ticked = time.monotonic()
        try:
            if self._seat("clock") and self._committer.tick():
                self._committed()
        except Exception as wrong:  # noqa: BLE001 - the clock comes again
            log.error("tick.failed", error=type(wrong).__name__)
