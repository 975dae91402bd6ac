"""A whole hub in the test's process: real sockets, a temporary folder, a clock that can be moved. No assertions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import structlog
import uvicorn

from hub import profiles as profile_files
from hub.bootstrap import Hub, build
from hub.committer import Committer
from hub.http.app import create
from hub.settings import Settings
from tests.hub import world

T = TypeVar("T")
BEGIN = datetime(2026, 3, 11, 12, 30, tzinfo=UTC)
VT, FS = b"\x0b", b"\x1c\r"


class Clock:
    """Shows `BEGIN` when it is made and goes on from there; can be put forward."""

    def __init__(self) -> None:
        self._started, self._ahead = time.monotonic(), timedelta()

    def __call__(self) -> datetime:
        return BEGIN + timedelta(seconds=time.monotonic() - self._started) + self._ahead

    def put_forward(self, **by: float) -> None:
        self._ahead += timedelta(**by)


class Logs(logging.Handler):
    """Every line that the hub or its HTTP server logs, as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __call__(self, _: Any, __: str, line: Any) -> Any:
        self.lines.append(line)
        raise structlog.DropEvent

    def events(self) -> list[str]:
        """Names of the events logged by the hub."""
        return [json.loads(line)["event"] for line in self.lines if line.startswith("{")]


@contextlib.contextmanager
def captured() -> Iterator[Logs]:
    """Log lines of the whole process while the block runs."""
    logs = Logs()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(), logs],
        cache_logger_on_first_use=False,
    )
    logging.getLogger().addHandler(logs)
    try:
        yield logs
    finally:
        logging.getLogger().removeHandler(logs)
        structlog.configure(**before)


@dataclass(slots=True)
class House:
    """One running hub, seen from outside by sockets and from inside by `hub`."""

    home: Path
    hub: Hub
    clock: Clock
    logs: Logs
    base: str = ""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: uvicorn.Server | None = None
    _clients: dict[str, httpx.Client] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"House({self.home})"

    # ---- running ----------------------------------------------------------------------------------------------

    def start(self) -> House:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="house", daemon=True)
        self._thread.start()
        started.result(20)
        return self

    def _run(self, started: Future[None]) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve(started))
        except BaseException as wrong:  # noqa: BLE001 - told to the test that waits
            if not started.done():
                started.set_exception(wrong)
        finally:
            self.loop.close()

    async def _serve(self, started: Future[None]) -> None:
        await self.hub.start()
        config = uvicorn.Config(create(self.hub, own=False), port=0, log_config=None, access_log=False, lifespan="on")
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.005)
        self.base = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        started.set_result(None)
        await serving
        await self.hub.stop()

    def stop(self) -> None:
        for client in self._clients.values():
            client.close()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(60)
            assert not self._thread.is_alive(), "the hub did not stop"

    # ---- from outside -----------------------------------------------------------------------------------------

    def http(self, partner: str = "", base: str = "") -> httpx.Client:
        """A client with a partner's token; without a name, nobody's."""
        if partner not in self._clients:
            headers = {"authorization": f"Bearer {world.TOKENS[partner]}"} if partner else {}
            self._clients[partner] = httpx.Client(base_url=base or self.base, headers=headers, timeout=20)
        return self._clients[partner]

    def line(self, partner: str = "lakeside", **options: Any) -> Line:
        """A new MLLP connection to a partner's port."""
        return Line(self.hub.listeners[partner].port, **options)

    def send(self, message: bytes, partner: str = "lakeside") -> bytes:
        """The acknowledgement of one message on a connection of its own."""
        with self.line(partner) as line:
            return line.ask(message)

    @property
    def drop(self) -> Path:
        return self.home / "foundry" / "drop"

    def dropped(self, name: str, body: bytes, seconds: float = 10) -> dict[str, Any]:
        """The receipt or the error document of a file that was dropped."""
        receipt, error = self.drop / "archive" / f"{name}.receipt.json", self.drop / "error" / f"{name}.error.json"
        for told in (receipt, error):
            told.unlink(missing_ok=True)
        hidden = self.drop / f"{name}.part"
        hidden.write_bytes(body)
        hidden.rename(self.drop / name)
        return self.until(lambda: self._told(receipt, error), seconds)

    def _told(self, *paths: Path) -> Any:
        gone = not any((self.drop / ".work").iterdir())
        return next((json.loads(path.read_bytes()) for path in paths if gone and path.exists()), None)

    # ---- from inside ------------------------------------------------------------------------------------------

    def committer(self, work: Callable[[Committer], T]) -> T:
        """Work on the committer's thread."""
        return self.hub.pipeline.run_now(work)  # type: ignore[no-any-return]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement of the test's own."""
        return self.committer(lambda c: c.connection.raw.execute(statement, values).fetchall())

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def facts(self) -> int:
        """Facts in the log, those of the hub about Issues apart."""
        return int(self.rows("SELECT count(*) FROM log WHERE type NOT LIKE 'issue.%'")[0][0])

    def run(self, work: Awaitable[T], seconds: float = 60) -> T:
        """A coroutine on the hub's loop."""

        async def wrapped() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(seconds)

    def until(self, look: Callable[[], T], seconds: float = 60) -> T:
        """What `look` finds as soon as it finds something; fails the test after the longest wait."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, f"nothing found in {seconds} s; last told: {self.logs.events()[-20:]}"
            time.sleep(0.01)
        return found

    def quiet(self) -> None:
        """Waits until every delivery that is due was tried."""
        self.until(lambda: not self.rows("SELECT 1 FROM delivery WHERE state = 'waiting' AND attempts = 0 LIMIT 1"))

    # ---- common sights ----------------------------------------------------------------------------------------

    def journey(self, who: world.Person) -> dict[str, Any]:
        """The journey of an order as the operators see it."""
        watch = self.http("watch")
        for headline in watch.get("/api/journeys", params={"limit": 1000}).json():
            if any(identifier["value"] == who.order for identifier in headline["order"]):
                found: dict[str, Any] = watch.get(f"/api/journeys/{headline['journey']}").json()
                return found
        raise AssertionError(f"no journey of {who.order}")

    def message(self, source: str) -> dict[str, Any]:
        """The last message with this id, as the operators see it."""
        found = self.http("watch").get("/api/messages", params={"limit": 1000}).json()
        return next(m for m in found if m["source_id"] == source)


def make(
    home: Path,
    overlay: Path,
    logs: Logs,
    change: Callable[[dict[str, dict[str, Any]]], None] = lambda _: None,
    **settings: Any,
) -> House:
    """A hub that has not started. `change` changes the profiles."""
    found = world.profiles(home, overlay)
    change(found)
    world.write_profiles(home / "partners", found)
    usual: dict[str, Any] = {"file_poll": 0.02, "delivery_poll": 0.02, "max_message": 1024 * 1024}
    clock = Clock()
    chosen = Settings(**{"data": home / "data", "partners": home / "partners", **usual, **settings})
    return House(home, build(chosen, profile_files.load(chosen.partners), clock), clock, logs)


class Line:
    """The sender's end of an MLLP connection."""

    def __init__(self, port: int, seconds: float = 10, wrap: Any = None, source: str = "127.0.0.1") -> None:
        plain = socket.create_connection(("127.0.0.1", port), seconds, (source, 0))
        self.socket: socket.socket = wrap(plain) if wrap else plain
        self._rest = b""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def put(self, raw: bytes) -> None:
        """Raw bytes on the line."""
        self.socket.sendall(raw)

    def ask(self, message: bytes) -> bytes:
        """One framed message and its acknowledgement."""
        self.put(VT + message + FS)
        return self.answer()

    def answer(self) -> bytes:
        """The next acknowledgement; empty where the line ended instead."""
        while FS not in self._rest:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return b""
            if not more:
                return b""
            self._rest += more
        framed, _, self._rest = self._rest.partition(FS)
        assert framed[:1] == VT
        return framed[1:]


def fields(message: bytes, name: str) -> list[list[str]]:
    """The segments of a name, each as its fields counted as the standard counts, by the message's own separator."""
    found = []
    separator = message[3:4].decode("utf-8") or "|"
    for line in message.decode("utf-8").split("\r"):
        parts = line.split(separator)
        if parts[0] == name:
            found.append([name, separator, *parts[1:]] if name == "MSH" else parts)
    return found


def msa(message: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2."""
    found = fields(message, "MSA")
    return (found[0][1], "".join(found[0][2:3])) if found else ("", "")


def settings_of(house: House) -> Mapping[str, Any]:
    return house.hub.settings.model_dump()
