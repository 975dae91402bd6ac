"""The drop folder: a file is taken when it is whole, its outcome is told in files beside it. Reads no format.

drop/            the partner writes here (names ending in .tmp, .part, .filepart and hidden names are not looked at)
drop/.work/      taken, not yet answered: after a crash it is taken again, and recording is idempotent
drop/archive/    a receipt per file that was recorded or filtered; the bytes are in the body store
drop/error/      the file with `.error.txt` for people and `.error.json` for programs
out/             what the hub writes, each by way of a hidden name and one rename

The steps of a file, each of which may be the last before a crash: rename into .work, hand to the hub, write what became
of it, take it out of .work. What is done again after a crash comes to the same. All steps are done by a thread of the
folder's own: a share that hangs keeps its own files waiting, and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import stat
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, ParamSpec, TypeVar

import orjson
import structlog

from hub import durable
from hub.channels import naming
from hub.channels.folders import Folder
from hub.channels.worker import Worker
from hub.committer import Answer
from hub.conversion import FILTERED, HELD, RECORDED, REJECTED, digest
from hub.profiles import Profile
from mappings.faults import Fault

log = structlog.get_logger("hub.files")

ANSWERED = "answered"
"""Outcome of a file of questions."""
MARKER, MANIFEST = "marker", "manifest"
_ENDINGS = {MARKER: ".done", MANIFEST: ".manifest.json"}
MOST_OF_A_MANIFEST = 64 * 1024
MOST_AT_ONCE = 500
"""Files that one look takes; the next look takes more."""
PATIENCE = 5.0
"""Seconds that the hub's start and its end wait for a folder."""
HANGS = 30.0
"""Seconds after which a step that is not done yet is told."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """What the hub made of a file: its answer, a file to give back for it, and what stood at each place of a fault."""

    answer: Answer
    reply: tuple[str, bytes] | None = None
    quotes: Mapping[str, str] = field(default_factory=dict)


Receive = Callable[[Profile, bytes, str, str], Awaitable[Taken]]


@dataclass(slots=True)
class _Seen:
    """What an entry looked like, since when it has looked so, and whether it was told that it is none to take."""

    size: int
    changed: int
    since: float
    told: bool = False


@dataclass(frozen=True, slots=True)
class _Room:
    """The folders of one look, open."""

    drop: Folder
    work: Folder
    archive: Folder
    error: Folder


class DropFolder:
    """One partner's drop folder."""

    def __init__(self, profile: Profile, receive: Receive, limit: int) -> None:
        assert profile.files is not None
        self._profile, self._receive, self._limit = profile, receive, limit
        self._files = profile.files
        self._drop = profile.files.drop
        self._seen: dict[str, _Seen] = {}
        self._worker, self._writer = Worker(f"drop/{profile.partner}"), Worker(f"out/{profile.partner}")

    def goes_by(self, profile: Profile) -> None:
        """Takes what comes from now on by another profile of the same partner and folders; how a whole file is known,
        from the next look on."""
        self._profile = profile

    async def prepare(self) -> None:
        """Makes the folders that are missing; told where that takes too long, and made once the disk answers."""
        made = self._worker.put(self._make)
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(made)), PATIENCE)
        except TimeoutError:
            log.error("folder.hangs", partner=self._profile.partner)

    def _make(self) -> None:
        durable.make_folder(self._drop)
        if self._files.out is not None:
            durable.make_folder(self._files.out)
        with ExitStack() as opened:
            self._open(opened)

    async def close(self) -> None:
        """Ends its threads. A step that hangs is left: it is one of those that a crash may leave."""
        ended = await asyncio.gather(self._worker.close(PATIENCE), self._writer.close(PATIENCE))
        if not all(ended):
            log.error("folder.hangs", partner=self._profile.partner)

    async def _do(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Has the folder's thread do a step."""
        tell = partial(log.error, "folder.hangs", partner=self._profile.partner)
        timer = asyncio.get_running_loop().call_later(HANGS, tell)
        try:
            return await self._worker.do(work, *args, **named)
        finally:
            timer.cancel()

    def _open(self, opened: ExitStack) -> _Room:
        drop = opened.enter_context(Folder.at(self._drop))
        return _Room(drop, *(opened.enter_context(drop.inside(name)) for name in (".work", "archive", "error")))

    async def look(self) -> int:
        """Takes whole files, those that a crash left first; how many there were, `MOST_AT_ONCE` at most."""
        assert self._profile.files is not None
        self._files = self._profile.files
        opened, taken = ExitStack(), 0
        try:
            room, waiting = await self._do(self._look, opened)
            while taken < MOST_AT_ONCE and (name := await self._do(next, waiting, "")):
                taken += await self._try(room, name)
            return taken
        finally:
            self._worker.put(opened.close)  # by the thread, after what it may still be doing with them

    def _look(self, opened: ExitStack) -> tuple[_Room, Iterator[str]]:
        room = self._open(opened)
        return room, self._waiting(room)

    def _waiting(self, room: _Room) -> Iterator[str]:
        """Names in work: what a crash left there, then each whole file as it is taken."""
        present = room.drop.names()
        self._forget(room, frozenset(present))
        for name in room.work.names():
            if room.work.is_file(name) and not self._is_voucher(name):
                yield name
        for name in present:
            if self._is_whole(room, name) and (kept := self._claim(room, name)):
                yield kept

    def _forget(self, room: _Room, present: frozenset[str]) -> None:
        """Forgets entries that are gone, and takes away vouchers whose files are."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in present}
        coming: set[str] | None = None
        for name in room.work.names():
            file = name.removesuffix(self._ending)
            if self._is_voucher(name) and not room.work.has(file):
                coming = {naming.kept_as(one) for one in present} if coming is None else coming
                if file not in coming:
                    room.work.drop(name)

    async def _try(self, room: _Room, name: str) -> int:
        """Processes a file; one that cannot be, for the disk's sake, keeps no other one waiting, and stays in work."""
        try:
            await self._process(room, name)
        except OSError as wrong:
            log.error("file.failed", partner=self._profile.partner, error=type(wrong).__name__)
            return 0
        return 1

    # ---- whole ------------------------------------------------------------------------------------------------

    @property
    def _ending(self) -> str:
        """What the name of the file that vouches for another one ends in; empty where none does."""
        return _ENDINGS.get(self._files.whole, "")

    def _is_voucher(self, name: str) -> bool:
        return bool(self._ending) and name.endswith(self._ending)

    def _is_whole(self, room: _Room, name: str) -> bool:
        """True for a regular file that has rested as long as the profile asks, or that its voucher says is whole."""
        if naming.is_unfinished(name) or self._is_voucher(name):
            return False
        status = room.drop.look(name)
        if status is None or name in {"archive", "error"}:
            return False
        now = time.monotonic()
        seen = self._seen.get(name)
        if seen is None or (seen.size, seen.changed) != (status.st_size, status.st_mtime_ns):
            seen = self._seen[name] = _Seen(status.st_size, status.st_mtime_ns, now)
        rests = now - seen.since >= self._files.settle_seconds
        if not stat.S_ISREG(status.st_mode):
            if rests and not seen.told:
                self._leave(room, name, status.st_mode)
                seen.told = True
            return False
        if self._ending and not self._is_vouched(room, name, status.st_size, rests):
            return False
        if rests or self._ending:
            del self._seen[name]
            return True
        return False

    def _is_vouched(self, room: _Room, name: str, size: int, rests: bool) -> bool:
        """True where the voucher is there, and a manifest says this size; or the file rests and never will have it."""
        holder, voucher = room.drop, name + self._ending
        if not holder.is_file(voucher):
            holder, voucher = room.work, naming.kept_as(name) + self._ending
        if not holder.is_file(voucher):
            return False
        if self._files.whole == MARKER:
            return True
        said = _manifest(holder.read(voucher, MOST_OF_A_MANIFEST))
        return rests or said.get("size") == size

    def _claim(self, room: _Room, name: str) -> str:
        """Takes a file into work under the name by which it is kept; empty where it is gone, or has to wait."""
        kept = naming.kept_as(name)
        if room.work.is_file(kept):  # one of this name is not answered yet
            return ""
        try:
            if self._ending and room.drop.is_file(name + self._ending):
                room.drop.move(name + self._ending, room.work, kept + self._ending)
            room.drop.move(name, room.work, kept)
        except FileNotFoundError:  # its sender took it back
            if self._ending:
                room.work.drop(kept + self._ending)
            return ""
        return kept

    def _leave(self, room: _Room, name: str, mode: int) -> None:
        """Tells of what is no file and stays where it is."""
        if stat.S_ISLNK(mode):
            log.warning("file.link", partner=self._profile.partner)
        remedy = "it is a link, which is never followed" if stat.S_ISLNK(mode) else "it is a folder or a device"
        fault = Fault(
            "file-kind", "file", f"{remedy}: drop the file itself; this is left where it is", severity="error"
        )
        self._tell(room, naming.kept_as(name), REJECTED, [fault])

    # ---- taken ------------------------------------------------------------------------------------------------

    async def _process(self, room: _Room, name: str) -> None:
        body = await self._do(self._read, room, name)
        if body is not None:
            taken = await self._receive(self._profile, body, name, dialect_of(self._profile, name))
            await self._do(self._settle, room, name, body, taken)

    def _read(self, room: _Room, name: str) -> bytes | None:
        """The bytes of a file for the hub; None where it was answered without it."""
        try:
            body = room.work.read(name, self._limit)
        except PermissionError:
            remedy = "the hub may not read it: give its account the right to, and drop it again"
            self._refuse(room, name, REJECTED, [Fault("file-unreadable", "file", remedy, severity="error")])
            return None
        if body is None:  # no longer there, or no longer a file
            self._away(room, name)
            return None
        if len(body) > self._limit:
            remedy = f"it has more than {self._limit} bytes: drop it in parts"
            self._refuse(room, name, REJECTED, [Fault("too-large", "file", remedy, severity="error")])
            return None
        if wrong := self._unlike_manifest(room, name, body):
            self._refuse(room, name, HELD, [wrong])
            return None
        return body

    def _settle(self, room: _Room, name: str, body: bytes, taken: Taken) -> None:
        """Writes what became of a file, and takes it out of work."""
        answer = taken.answer
        if answer.outcome in {RECORDED, FILTERED, ANSWERED}:
            if taken.reply is not None:
                self._write_out(*taken.reply)
            self._receipt(room, name, body, taken)
        else:
            self._refuse(room, name, answer.outcome, answer.faults, taken, digest(body))

    def _unlike_manifest(self, room: _Room, name: str, body: bytes) -> Fault | None:
        if self._files.whole != MANIFEST:
            return None
        manifest = room.work.read(name + self._ending, MOST_OF_A_MANIFEST)
        if manifest is None:  # it comes into work before its file and goes after the answer: this one was recorded
            return None
        said = _manifest(manifest)
        if said.get("size") == len(body) and said.get("sha256") == digest(body):
            return None
        remedy = "size or SHA-256 differ from the manifest: send the file whole, then its manifest"
        return Fault("manifest-mismatch", "file", remedy, severity="error")

    def _receipt(self, room: _Room, name: str, body: bytes, taken: Taken) -> None:
        answer = taken.answer
        receipt = {
            "file": name,
            "sha256": digest(body),
            "outcome": answer.outcome,
            "repeated": answer.repeated,
            "message": answer.inbox or None,
            "parts": len(answer.parts),
            "unlinked": answer.unlinked,
            "warnings": [_shown(fault, taken.quotes) for fault in answer.faults],
        }
        if taken.reply is not None:
            receipt["answered_by"] = taken.reply[0]
        own = f"{name}.receipt.json"
        earlier = _sha256(room.archive.read(own, self._limit))
        if earlier and earlier != receipt["sha256"]:
            room.archive.move(own, room.archive, f"{naming.with_mark(name, earlier[:8])}.receipt.json")
        room.archive.write(own, orjson.dumps(receipt, option=orjson.OPT_INDENT_2))
        self._away(room, name)

    def _away(self, room: _Room, name: str) -> None:
        """Takes what is answered out of work: what vouched for it first, or it would vouch for the next of its name."""
        if self._ending:
            room.work.drop(name + self._ending)
        room.work.drop(name)
        room.work.sync()

    def _refuse(
        self,
        room: _Room,
        name: str,
        outcome: str,
        faults: Sequence[Fault],
        taken: Taken | None = None,
        sha256: str = "",
    ) -> None:
        self._make_way(room, name, sha256)
        self._tell(room, name, outcome, faults, taken)
        if self._files.whole == MARKER:  # it would vouch for the next file of this name
            room.work.drop(name + self._ending)
        room.work.move(name, room.error, name)
        if self._files.whole == MANIFEST:  # without it the file would count as checked
            room.work.drop(name + self._ending)

    def _make_way(self, room: _Room, name: str, sha256: str) -> None:
        """Gives another file of this name, and what was said of it, a name with its digest: nothing is overwritten."""
        if not room.error.is_file(name):
            return
        earlier = _digest_of(room.error, name, self._limit)
        if earlier == sha256:
            return
        other = naming.with_mark(name, earlier[:8])
        for ending in (".error.txt", ".error.json", ""):
            if room.error.has(name + ending):
                room.error.move(name + ending, room.error, other + ending)

    def _tell(self, room: _Room, name: str, outcome: str, faults: Sequence[Fault], taken: Taken | None = None) -> None:
        quotes = taken.quotes if taken else {}
        detail = {
            "file": name,
            "outcome": outcome,
            "message": taken.answer.inbox if taken else None,
            "faults": [_shown(fault, quotes) for fault in faults],
            "parts": taken.answer.parts if taken else [],
        }
        room.error.write(f"{name}.error.txt", _lines(outcome, faults, quotes).encode() + b"\n")
        room.error.write(f"{name}.error.json", orjson.dumps(detail, option=orjson.OPT_INDENT_2))

    async def write_out(self, name: str, body: bytes) -> None:
        """A file for the partner: complete under its name or not there at all."""
        await self._writer.do(self._write_out, name, body)

    def _write_out(self, name: str, body: bytes) -> None:
        assert self._files.out is not None
        with Folder.at(self._files.out) as out:
            out.write(name, body)


def dialect_of(profile: Profile, name: str) -> str:
    """The dialect that a profile names for files of this name, or nothing: then the header tells."""
    dialects = profile.files.dialects if profile.files is not None else {}
    return next((dialect for pattern, dialect in dialects.items() if fnmatchcase(name, pattern)), "")


def _manifest(body: bytes | None) -> dict[str, Any]:
    """What a manifest says; nothing where it cannot be read."""
    try:
        said = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _sha256(receipt: bytes | None) -> str:
    """The digest that a receipt names."""
    found = _manifest(receipt).get("sha256")
    return found if isinstance(found, str) and len(found) == 64 and found.isalnum() else ""


def _digest_of(folder: Folder, name: str, limit: int) -> str:
    try:
        return hashlib.sha256(folder.read(name, limit) or b"").hexdigest()
    except PermissionError:
        return hashlib.sha256(name.encode()).hexdigest()


def _shown(fault: Fault, quotes: Mapping[str, str]) -> dict[str, Any]:
    """A fault as the partner is told it in its own folder, with what stands at its place."""
    return {**fault.plain(), **({"value": quotes[fault.place]} if fault.place in quotes else {})}


def _lines(outcome: str, faults: Sequence[Fault], quotes: Mapping[str, str]) -> str:
    """What is wrong with a file, one fault a line: place, code, what stands there, remedy."""
    head = f"This file was {outcome}. Mend what is named below and drop it again under the same or a new name."
    return "\n".join([head, *(_line(fault, quotes.get(fault.place)) for fault in faults)])


def _line(fault: Fault, value: str | None) -> str:
    quoted = f"'{value}': " if value is not None else ""
    return f"{fault.place}: {fault.code}: {quoted}{fault.remedy}"
