"""A PostgreSQL server of the tests' own: made in a temporary folder, started on loopback, stopped and thrown away.

Safe settings, as a hub asks for them: fsync, full_page_writes and synchronous_commit are on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests import ports

USER = "cgt"


def _programs() -> Path | None:
    """The folder of the server's programs: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
    return places[-1] if places else None


def impossible() -> str:
    """Why there can be no server here; nothing where there can."""
    if _programs() is None:
        return "PostgreSQL is not installed (Debian's package postgresql)"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL does not run as root, and there is no runuser"
    return ""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    folder: Path
    port: int

    @property
    def dsn(self) -> str:
        """Of the database that every server has."""
        return self.of("postgres")

    def of(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def fresh(self, name: str) -> str:
        """A new database of this name; its DSN."""
        with psycopg.connect(self.dsn, autocommit=True) as opened:
            opened.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            opened.execute(f'CREATE DATABASE "{name}"')
        return self.of(name)

    def process(self) -> int:
        """Of the server's first process."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = (
            f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=60"
        )
        _run("pg_ctl", "-w", "-t", "60", "-D", self.folder / "data", "-o", options, "-l", self.folder / "log", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `fast`, or `immediate`, which is as if the power had gone but for the caches."""
        _run("pg_ctl", "-w", "-t", "60", "-D", self.folder / "data", "-m", mode, "stop")


def _run(program: str, *arguments: object) -> None:
    programs = _programs()
    assert programs is not None
    command = [str(programs / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", _owner(), "--", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/", timeout=120)


def _owner() -> str:
    """Whom the server runs as where the tests run as root."""
    with contextlib.suppress(KeyError):
        import pwd

        return pwd.getpwnam("postgres").pw_name
    return "nobody"


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server that lives as long as the block."""
    with tempfile.TemporaryDirectory(prefix="cgt-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _owner())
        _run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-D", folder / "data")
        server = Server(folder, ports.free())
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
