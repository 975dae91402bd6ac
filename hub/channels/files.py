"""The drop folder: a file is taken when it is whole, its outcome is told in files beside it. Reads no format.

drop/            the partner writes here (names ending in .tmp, .part, .filepart and hidden names are not looked at)
drop/.work/      taken, not yet answered: after a crash it is taken again, and recording is idempotent
drop/archive/    a receipt per file that was recorded or filtered; the bytes are in the body store
drop/error/      the file with `.error.txt` for people and `.error.json` for programs
out/             what the hub writes, each by way of a hidden name and one rename
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import orjson
import structlog

from hub.committer import Answer
from hub.conversion import FILTERED, RECORDED, digest
from hub.profiles import Profile
from mappings.faults import Fault

log = structlog.get_logger("hub.files")

UNFINISHED = (".tmp", ".part", ".filepart", ".writing", ".crdownload")
LONGEST_NAME = 180

Receive = Callable[[Profile, bytes, str, str], Awaitable[Answer]]


@dataclass(slots=True)
class _Seen:
    """What a file looked like, and since when it has looked so."""

    size: int
    changed: int
    since: float


class DropFolder:
    """One partner's drop folder."""

    def __init__(self, profile: Profile, receive: Receive, limit: int) -> None:
        assert profile.files is not None
        self._profile, self._receive, self._limit = profile, receive, limit
        self._files = profile.files
        self._drop = profile.files.drop
        self._seen: dict[str, _Seen] = {}

    def prepare(self) -> None:
        """Makes the folders and gives back what a crash left in work."""
        for name in (".work", "archive", "error"):
            (self._drop / name).mkdir(parents=True, exist_ok=True)
        if self._files.out is not None:
            self._files.out.mkdir(parents=True, exist_ok=True)

    async def look(self) -> int:
        """Takes every whole file, those that a crash left first; how many there were."""
        taken = 0
        for path in sorted((self._drop / ".work").iterdir()):
            await self._process(path)
            taken += 1
        for path in sorted(self._drop.iterdir()):
            if self._is_whole(path):
                work = self._drop / ".work" / path.name
                path.rename(work)
                await self._process(work)
                taken += 1
        return taken

    def _is_whole(self, path: Path) -> bool:
        """True for a regular file whose size and time have rested as long as the profile asks."""
        if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED) or len(path.name) > LONGEST_NAME:
            return False
        try:
            status = path.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISLNK(status.st_mode):
                log.warning("file.link", partner=self._profile.partner)
            return False
        now = time.monotonic()
        seen = self._seen.get(path.name)
        if seen is None or (seen.size, seen.changed) != (status.st_size, status.st_mtime_ns):
            seen = self._seen[path.name] = _Seen(status.st_size, status.st_mtime_ns, now)
        if now - seen.since < self._files.settle_seconds:
            return False
        del self._seen[path.name]
        return True

    async def _process(self, work: Path) -> None:
        size = work.lstat().st_size
        if size > self._limit:
            remedy = f"it has {size} bytes, at most {self._limit} are taken: drop it in parts"
            self._refuse(work, "rejected", [Fault("too-large", "file", remedy, severity="error")])
            return
        body = work.read_bytes()
        answer = await self._receive(self._profile, body, work.name, dialect_of(self._profile, work.name))
        if answer.outcome in {RECORDED, FILTERED}:
            self._receipt(work, body, answer)
        else:
            self._refuse(work, answer.outcome, answer.faults, answer)

    def _receipt(self, work: Path, body: bytes, answer: Answer) -> None:
        receipt = {
            "file": work.name,
            "sha256": digest(body),
            "outcome": answer.outcome,
            "repeated": answer.repeated,
            "message": answer.inbox,
            "parts": len(answer.parts),
            "unlinked": answer.unlinked,
            "warnings": [fault.plain() for fault in answer.faults],
        }
        self._write(
            self._drop / "archive" / f"{work.name}.receipt.json", orjson.dumps(receipt, option=orjson.OPT_INDENT_2)
        )
        work.unlink()

    def _refuse(self, work: Path, outcome: str, faults: Sequence[Fault], answer: Answer | None = None) -> None:
        error = self._drop / "error"
        text = _lines(outcome, faults)
        detail = {
            "file": work.name,
            "outcome": outcome,
            "message": answer.inbox if answer else None,
            "faults": [fault.plain() for fault in faults],
            "parts": answer.parts if answer else [],
        }
        self._write(error / f"{work.name}.error.txt", text.encode() + b"\n")
        self._write(error / f"{work.name}.error.json", orjson.dumps(detail, option=orjson.OPT_INDENT_2))
        work.replace(error / work.name)

    def write_out(self, name: str, body: bytes) -> None:
        """A file for the partner: complete under its name or not there at all."""
        assert self._files.out is not None
        self._write(self._files.out / name, body)

    @staticmethod
    def _write(path: Path, body: bytes) -> None:
        hidden = path.with_name(f".{path.name}.writing")
        with hidden.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        hidden.replace(path)


def dialect_of(profile: Profile, name: str) -> str:
    """The dialect that a profile names for files of this name, or nothing: then the header tells."""
    dialects = profile.files.dialects if profile.files is not None else {}
    return next((dialect for pattern, dialect in dialects.items() if fnmatchcase(name, pattern)), "")


def _lines(outcome: str, faults: Sequence[Fault]) -> str:
    """What is wrong with a file, one fault a line: place, code, remedy."""
    head = f"This file was {outcome}. Mend what is named below and drop it again under the same or a new name."
    return "\n".join([head, *(f"{fault.place}: {fault.code}: {fault.remedy}" for fault in faults)])
