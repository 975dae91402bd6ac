"""Runs the demo's hub as a process of its own: `python -m hub.demo.serve HOME [FAULT]`. Prints its ports as JSON.

With `--clock` it reads moments from its input, one a line, and goes on from each: a story of weeks plays in seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from hub import logs
from hub.bootstrap import build, settle_memory
from hub.demo import faults, world
from hub.http.app import create
from hub.settings import Settings


class Clock:
    """A clock that shows a moment when it is set and goes on from there: the demo plays on its own days."""

    def __init__(self, begin: datetime) -> None:
        self.set(begin)

    def set(self, moment: datetime) -> None:
        self._shown = (moment, time.monotonic())

    def __call__(self) -> datetime:
        moment, since = self._shown
        return moment + timedelta(seconds=time.monotonic() - since)

    def follow(self, lines: Iterable[str]) -> None:
        """Shows each moment of some lines, and says so."""
        for line in lines:
            self.set(datetime.fromisoformat(line.strip()).astimezone(UTC))
            print(json.dumps({"clock": line.strip()}), flush=True)


def clock_from(begin: datetime) -> Callable[[], datetime]:
    """A clock that shows `begin` now and goes on from there."""
    return Clock(begin)


async def run(home: Path, fault: int, follows: bool) -> None:
    """Starts the hub, says where it listens, and serves until it is ended."""
    clock = Clock(world.TODAY)
    settings = Settings(data=home / "hub", partners=home / "partners", http_port=0, file_poll=0.1)
    hub = build(settings, clock=clock)
    settle_memory()
    faults.plant(fault, hub)
    await hub.start()
    server = uvicorn.Server(uvicorn.Config(create(hub, own=False), port=0, log_config=None, access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    ports = {name: listener.port for name, listener in hub.listeners.items()}
    http = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"http": http, "mllp": ports}), flush=True)
    if follows:
        threading.Thread(target=clock.follow, args=(sys.stdin,), daemon=True).start()
    await task
    await hub.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("fault", type=int, nargs="?", default=0)
    parser.add_argument("--clock", action="store_true", help="moments of the story come by the input")
    given = parser.parse_args()
    logs.configure(logging.WARNING)
    asyncio.run(run(given.home, given.fault, given.clock))
