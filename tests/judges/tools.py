"""The tools that other people's judges and clients run in: Java with Maven, Node with npm. Fetched once into `build/`.

What is fetched is pinned (`pom.xml`, `package-lock.json`); after that nothing needs the network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.standards import ROOT

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("CGT_TOOLS", ROOT / "build" / "judges"))
FETCH, RUN = 900, 600
"""Seconds for what comes over the network, and for what does not."""


class Missing(Exception):
    """A judge or client that cannot be asked here, and why."""


def need(*commands: str) -> None:
    """Raises Missing where a command is not installed."""
    if absent := [command for command in commands if shutil.which(command) is None]:
        raise Missing(f"not installed: {', '.join(absent)}")


def node() -> Path:
    """The folder with the packages of Node, fetched where they are not there. Raises Missing."""
    need("node", "npm")
    folder = CACHE / "node"
    pinned = [HERE / "package.json", HERE / "package-lock.json"]
    if not _is_fresh(folder, pinned):
        for file in pinned:
            shutil.copy(file, _made(folder))
        _fetch(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        _mark(folder, pinned)
    return folder


def java(*sources: Path) -> list[str]:
    """The command that runs Java with our drivers and what they are made of. Raises Missing."""
    need("java", "javac", "mvn")
    libraries, classes = CACHE / "java", CACHE / "classes"
    pom = HERE / "pom.xml"
    if not _is_fresh(libraries, [pom]):
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={_made(libraries)}"]
        _fetch(["mvn", "-B", "-q", "-f", str(pom), *goal], libraries)
        _mark(libraries, [pom])
    path = f"{libraries}/*"
    if not _is_fresh(classes, sources):
        done = _run(["javac", "-cp", path, "-d", str(_made(classes)), *map(str, sources)])
        if done.returncode:
            raise AssertionError(f"the drivers do not compile:\n{done.stderr}")
        _mark(classes, sources)
    return ["java", "-cp", f"{classes}:{path}"]


def ask(command: Sequence[str], cwd: Path | None = None) -> str:
    """What a judge says. Raises AssertionError where it failed itself."""
    done = _run(command, cwd)
    if done.returncode:
        raise AssertionError(f"{command[0]} failed ({done.returncode}):\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def _run(command: Sequence[str], cwd: Path | None = None, seconds: int = RUN) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False)


def _fetch(command: Sequence[str], folder: Path) -> None:
    done = _run(command, folder, FETCH)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Missing(f"{command[0]} could not fetch it: {said[-1] if said else done.returncode}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_fresh(folder: Path, files: Sequence[Path]) -> bool:
    mark = folder / ".made-of"
    return mark.is_file() and mark.read_text(encoding="utf-8") == _digest(files)


def _mark(folder: Path, files: Sequence[Path]) -> None:
    (folder / ".made-of").write_text(_digest(files), encoding="utf-8")
