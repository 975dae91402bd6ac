"""A thread of one's own for what may hang, such as the disk of a partner: done in turn, awaited from the event loop.

Not the pool of the event loop: a share that hangs would keep its threads, and so everybody else, and the end, waiting.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Does one thing after the other. Its thread begins with the first, and keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What the work comes to. Who gives up before its turn gets nothing done; what has begun goes on."""
        return await asyncio.wrap_future(self.put(work, *args, **named))

    def put(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> Future[T]:
        """The same for who does not wait."""
        future: Future[T] = Future()
        self._waiting.put((lambda: work(*args, **named), future))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return future

    async def close(self, seconds: float) -> bool:
        """Ends the thread after all that was asked of it; False where that takes longer, and it is left to itself."""
        if self._thread is None:
            return True
        done = self.put(lambda: None)
        self._waiting.put(None)
        try:
            await asyncio.wait_for(asyncio.wrap_future(done), seconds)
        except TimeoutError:
            return False
        return True

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None:
            work, future = asked
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as wrong:  # noqa: BLE001 - it is for the one who waits
                    future.set_exception(wrong)
            del asked, work, future
