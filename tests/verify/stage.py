"""A hub of its own process for the harnesses: its folder, its store, its partners, its ports. Checks nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hub.demo import world
from hub.settings import Settings
from tests import ports
from tests.verify.stores import SERVER
from tests.verify.traffic import Ports

ROOT = Path(__file__).parents[2]
LONGEST = 120.0
"""Seconds in which a hub has to be up, and in which something of what waits has to be done while nobody kills it."""


# ---- stores -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hub keeps what it knows: the settings that say so, and a look from outside with plain SQL."""

    settings: Mapping[str, Any]
    rows: Callable[[str], list[tuple[Any, ...]]]


def _sqlite(home: Path) -> Place:
    def rows(query: str) -> list[tuple[Any, ...]]:
        path = home / "hub" / "hub.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(query).fetchall()

    return Place({}, rows)


def _postgres(_: Path) -> Place:
    """A database of its own on the server that `stores.serving` started."""
    import psycopg

    name = f"hub_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(f"{os.environ[SERVER]}/postgres", autocommit=True) as raw:
        raw.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
    dsn = f"{os.environ[SERVER]}/{name}"

    def rows(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(dsn) as db:
            return db.execute(query).fetchall()  # type: ignore[arg-type, unused-ignore]

    return Place({"store": dsn}, rows)


STORES: dict[str, Callable[[Path], Place]] = {"sqlite": _sqlite, "postgres": _postgres}
"""The stores that a hub can be tried on: each makes an empty one for a hub's folder."""


# ---- one hub ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class House:
    """A hub's folder and ports, and its process where there is one."""

    home: Path
    ports: Ports
    place: Place
    plant: str = ""
    given: dict[str, str] = field(default_factory=dict)
    """More of the environment."""
    process: subprocess.Popen[bytes] | None = None
    _next: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.home / "hub"

    def settings(self) -> Settings:
        return Settings(data=self.data, partners=self.home / "partners", **self.place.settings)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the store, committed ones, beside a running hub too."""
        return self.place.rows(query)

    def count(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)

    def start(self) -> None:
        """Begins to serve; the process that will come after it stands by."""
        self.process, self._next = self._next or self._stand_by(), self._stand_by()
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def start_under(self, tracer: Sequence[str]) -> None:
        """Serves as a child of a tracer, such as strace with its options."""
        with (self.home / "log.txt").open("ab") as log:
            command = [*tracer, *self._command()]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def wait_ready(self) -> None:
        """Returns when the hub answers. Raises RuntimeError when it ended or does not come up."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            if self.is_up():
                return
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"the hub does not start: {(self.home / 'log.txt').read_text()[-600:]}")

    def is_up(self) -> bool:
        """True when the hub answers at all."""
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.ports.http}/health", timeout=5).close()
            return True
        return False

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()

    def gone(self) -> None:
        """Waits until the killed process is no more."""
        assert self.process is not None
        self.process.wait()

    def end(self) -> None:
        """Ends the process and the one that stands by, as an operator would."""
        for process in (self.process, self._next):
            if process is not None:
                if process.stdin is not None:
                    process.stdin.close()
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.process = self._next = None

    def kill_traced(self) -> None:
        """kill -9 of a hub that runs under a tracer: of the hub, which its tracer then outlives just long enough."""
        assert self.process is not None
        traced = self.traced()
        for child in traced:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        if not traced:
            self.process.kill()
        self.process.wait()

    def traced(self) -> list[int]:
        """The process that the tracer traces, where it still is there."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text().split()] if children.exists() else []

    def is_alive(self) -> bool:
        """True while the process that was started is there."""
        return self.process is not None and self.process.poll() is None

    def _stand_by(self) -> subprocess.Popen[bytes]:
        with (self.home / "log.txt").open("ab") as log:
            command = [*self._command(), "--wait"]
            return subprocess.Popen(command, cwd=ROOT, env=self.environment(), stdin=subprocess.PIPE, stderr=log)

    def _command(self) -> list[str]:
        plant = ["--plant", self.plant] if self.plant else []
        return [sys.executable, "-m", "tests.verify.serving", *plant]

    def environment(self) -> dict[str, str]:
        """What `cgt-hub serve` reads."""
        own = {
            "CGT_DATA": str(self.data),
            "CGT_PARTNERS": str(self.home / "partners"),
            "CGT_HTTP_PORT": str(self.ports.http),
            "CGT_FILE_POLL": "0.05",
            **{f"CGT_{name.upper()}": str(value) for name, value in self.place.settings.items()},
        }
        return {**os.environ, **own, **self.given}


def house(home: Path, hospital: int, courier: int, plant: str = "", sends: bool = True, store: str = "sqlite") -> House:
    """A hub's folder with the demo's partners; with `sends` false it tells them nothing."""
    own = Ports(ports.free(), ports.free(), home / "celltech" / "drop")
    folder, url = home / "partners", f"http://127.0.0.1:{courier}/epcis"
    world.write_profiles(folder, home, hospital, url)
    for name, profile in world.profiles(home, hospital, url).items():
        if name == "mercy":
            profile["mllp"]["listen"] = own.mllp
        if name == "celltech":
            profile["files"]["settle_seconds"] = 0.05
        if not sends:
            profile.pop("sends", None)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    return House(home, own, STORES[store](home), plant)


def same_keys(one: House, other: House) -> None:
    """Gives one hub the keys of another: equal keys, equal tokens, equal ids of facts."""
    key = Path("keys") / "master.key"
    (other.data / key).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(one.data / key, other.data / key)
