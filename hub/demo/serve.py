"""Runs the demo's hub as a process of its own: `python -m hub.demo.serve HOME [FAULT]`. Prints its ports as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn

from hub import logs
from hub.bootstrap import build
from hub.demo import faults, world
from hub.http.app import create
from hub.settings import Settings


def clock_from(begin: datetime) -> Callable[[], datetime]:
    """A clock that shows `begin` now and goes on from there: the demo plays on its own day."""
    started = time.monotonic()
    return lambda: begin + timedelta(seconds=time.monotonic() - started)


async def run(home: Path, fault: int) -> None:
    """Starts the hub, says where it listens, and serves until it is ended."""
    settings = Settings(data=home / "hub", partners=home / "partners", http_port=0, file_poll=0.1)
    hub = build(settings, clock=clock_from(world.TODAY))
    faults.plant(fault, hub)
    await hub.start()
    server = uvicorn.Server(uvicorn.Config(create(hub, own=False), port=0, log_config=None, access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    ports = {name: listener.port for name, listener in hub.listeners.items()}
    http = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"http": http, "mllp": ports}), flush=True)
    await task
    await hub.stop()


if __name__ == "__main__":
    logs.configure(logging.WARNING)
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
