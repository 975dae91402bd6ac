"""System calls of a hub while it acknowledges: `python -m tests.verify.syscalls` prints what came too early.

strace writes down what the hub's process asks of the kernel. Every acknowledgement on a socket, and every receipt of a
file, must come after an fdatasync of the database's write-ahead log that came after the last frame of the transaction
in which the message was written. A hub can pass all other tests without that, until the power fails.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.verify.stage import LONGEST, House, house
from tests.verify.traffic import Message, Received, Senders, journey, receiving

CHANGING = (
    "write,writev,pwrite64,pwritev,ftruncate,fsync,fdatasync,rename,link,unlink,mkdir,openat,renameat,unlinkat,mkdirat"
)
"""Calls that change a file or a name, or make a change safe. A hub makes no other ones: `unheard_of` looks."""
UNHEARD_OF = (
    *("fallocate", "linkat", "renameat2", "symlink", "symlinkat", "truncate", "rmdir"),
    *("copy_file_range", "sendfile", "pwritev2"),
)
PLAINLY = {"renameat": "rename", "unlinkat": "unlink", "mkdirat": "mkdir"}
"""Calls that name a file by its folder's handle, and what they are once the folder's path stands before the name."""
TRACED = f"{CHANGING},sendto,sendmsg,{','.join(UNHEARD_OF)}"
WAL_HEADER, FRAME_HEADER = 32, 24
LINE = re.compile(r"^(\d+)\s+(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$")
FILE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
NAMED = re.compile(r'(?:(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"')
"""A name in a call, and the path of the open folder that it counts from."""
ENDING = re.compile(r"(?:, (\d+))?(?:, (\d+))?\s*\)\s+= (-?\d+)[^=]*$")
SYNCS = ("fsync", "fdatasync")
FAILED = "failed"
"""A sync that failed: what it should have made safe may be gone, and the next sync says nothing of that."""
HEALTH = b"\r\ncontent-length: 15\r\n"  # of the answer to a look whether the hub is up
UNFINISHED = "<unfinished ...>"
NAMING = {"rename", "link", "unlink", "mkdir", "openat", *PLAINLY, *UNHEARD_OF}


# ---- the record -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One system call. `begun` and `ended` are lines of the record: what ended before another began came before it."""

    name: str
    file: str
    data: bytes
    offset: int
    begun: int
    ended: int
    cut: bool = False
    """True when the record does not have all of `data`."""
    to: str = ""
    """The new name that a rename gives, or the flags with which a file is opened."""


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a record of `strace -f -y -xx`, in the order in which they ended; failed ones are left out."""
    begun: dict[tuple[str, str], tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = LINE.match(line.rstrip("\n"))
        if found is None:  # signals, exits
            continue
        thread, name, rest, resumed, more = found.groups()
        if name and rest.endswith(UNFINISHED):
            begun[thread, name] = (number, rest.removesuffix(UNFINISHED))
            continue
        start, text = (number, rest) if name else begun.pop((thread, resumed), (number, ""))
        call = _call(name or resumed, text if name else text + more, start, number)
        if call is not None:
            yield call


def _call(name: str, text: str, begun: int, ended: int) -> Call | None:
    file, end = FILE.match(text), ENDING.search(text)
    if end is None or (int(end[3]) < 0 and name not in SYNCS):
        return None
    parts = TEXT.findall(text)
    if name in NAMING:
        names = [str(Path(_plain(at).decode(), _plain(part).decode())) for at, part in NAMED.findall(text)]
        flags = text.rpartition('"')[2] if name == "openat" else ""
        return Call(PLAINLY.get(name, name), names[0], b"", 0, begun, ended, to=names[1] if len(names) > 1 else flags)
    if file is None:
        return None
    if int(end[3]) < 0:
        return Call(FAILED, _plain(file[1]).decode(), b"", 0, begun, ended)
    data = b"".join(_plain(part) for part, _ in parts)
    offset = int(end[2] or 0) if name == "pwrite64" else int(end[1] or 0) if name == "ftruncate" else 0
    return Call(name, _plain(file[1]).decode(), data, offset, begun, ended, any(cut for _, cut in parts))


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


# ---- what must hold ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Examined:
    """What a record shows."""

    acknowledgements: int = 0
    syncs: int = 0
    commits: int = 0
    early: list[str] = field(default_factory=list)
    """Acknowledgements that came before their message was safe, and why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A page written to the write-ahead log; `commits` when it is the last of its transaction (database format 4.2)."""

    page: Call
    commits: bool


def examine(record: Sequence[Call], wal: str, names: Sequence[str], http: Sequence[str]) -> Examined:
    """Looks at the acknowledgement of every message.

    `names` are the texts by which messages stand in the inbox; `http` those sent by HTTP, in the order of sending, for
    an HTTP answer does not say what it answers.
    """
    frames = list(frames_of(record, wal))
    syncs = [call for call in record if call.file == wal and call.name in SYNCS]
    examined = Examined(0, len(syncs), sum(frame.commits for frame in frames))
    answered = acknowledgements(record, names, http)
    for name in names:
        if name not in answered:
            examined.early.append(f"{name}: no acknowledgement in the record")
            continue
        examined.acknowledgements += 1
        why = _unsafe(name.encode(), answered[name], frames, syncs)
        if why:
            examined.early.append(f"{name}: {why}")
    return examined


def _unsafe(name: bytes, answer: Call, frames: Sequence[Frame], syncs: Sequence[Call]) -> str:
    """Why a message was not safe when it was acknowledged; empty where it was."""
    before = [frame for frame in frames if frame.page.ended < answer.begun]
    own = next((place for place, frame in enumerate(before) if name in frame.page.data), None)
    if own is None:
        return "acknowledged before it was written"
    commit = next((frame for frame in before[own:] if frame.commits), None)  # later transactions write the page again
    if commit is None:
        return "acknowledged before its transaction was committed"
    if not any(sync.begun > commit.page.ended and sync.ended < answer.begun for sync in syncs):
        return "acknowledged before its transaction was synced"
    return ""


def frames_of(record: Iterable[Call], wal: str) -> Iterator[Frame]:
    """Frames of the write-ahead log in the order of writing: a header of 24 bytes, then a page.

    Frames that a failed sync should have made safe are none: the kernel may have dropped them.
    """
    waiting: list[Frame] = []
    for frame in _written(record, wal):
        if frame is None:
            waiting.clear()
        elif frame.page.name in SYNCS:
            yield from waiting
            waiting.clear()
        else:
            waiting.append(frame)
    yield from waiting


def _written(record: Iterable[Call], wal: str) -> Iterator[Frame | None]:
    """Every frame that is written; a good sync as it is, a failed one as None."""
    header = b""
    for call in record:
        if call.file == wal and call.name in SYNCS:
            yield Frame(call, False)
        elif call.file == wal and call.name == FAILED:
            yield None
        if call.file == wal and call.name == "pwrite64":
            assert not call.cut, "a page is not in the record as a whole"
            if len(call.data) == FRAME_HEADER:
                header = call.data
            elif len(call.data) > WAL_HEADER and header:
                yield Frame(call, header[4:8] != bytes(4))
                header = b""


def acknowledgements(record: Iterable[Call], names: Sequence[str], http: Sequence[str]) -> dict[str, Call]:
    """The first acknowledgement of each message: MSA of HL7, 200 to 202 of HTTP, the receipt of a file."""
    found: dict[str, Call] = {}
    waiting = iter(http)
    for call in record:
        if call.file.startswith("socket:"):
            coded = re.search(rb"\rMSA\|[AC]A\|([^|\r]+)", call.data)
            if coded:
                found.setdefault(coded[1].decode(), call)
            elif re.match(rb"HTTP/1\.1 20[012] ", call.data) and HEALTH not in call.data:
                found[next(waiting, "")] = call
        elif call.name == "rename" and call.to.endswith(".receipt.json"):
            found.setdefault(Path(call.to).name.removesuffix(".receipt.json"), call)
    return {name: call for name, call in found.items() if name in set(names)}


# ---- making a record --------------------------------------------------------------------------------------------


def impossible() -> str:
    """Why no record can be made here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.NamedTemporaryFile() as out:
        tried = subprocess.run(["strace", "-f", "-o", out.name, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "ptrace is not permitted here"


@dataclass(slots=True)
class Record:
    """A hub's record, and what was sent to it meanwhile."""

    stage: House
    calls: list[Call]
    sent: list[Message]
    names: list[str]
    http: list[str]

    @property
    def wal(self) -> str:
        return str(self.stage.data / "hub.db-wal")

    def unheard_of(self) -> list[str]:
        """Calls on the hub's files that nothing here understands."""
        strange = set(UNHEARD_OF)
        return [
            f"{c.name} {c.file}" for c in self.calls if c.name in strange and self.stage.home in Path(c.file).parents
        ]


def record(folder: Path, journeys: int, plant: str = "", at_once: int = 8, failing: str = "") -> Record:
    """Runs a hub under strace: one message after another by every line, then four HL7 lines at once.

    `failing` is what strace lets fail meanwhile; what is refused then is sent again.
    """
    with receiving(Received()) as (hospital, courier):
        stage = house(folder, hospital, courier, plant)
        out = folder / "strace.txt"
        options = ["-f", "-y", "-xx", "-s", "9000", "-e", f"trace={TRACED}", "-e", "signal=none"]
        options += ["-e", failing] if failing else ["--seccomp-bpf"]
        stage.start_under(["strace", *options, "-o", str(out)])
        sent: list[Message] = []
        try:
            stage.wait_ready()
            senders = Senders(stage.ports, sent.append)
            for message in (m for n in range(1, journeys + 1) for m in journey(n)):
                while not senders.send(message):
                    if not failing:
                        raise RuntimeError(f"not taken: {senders.refused}")
                sent.append(message)
            many = range(journeys + 1, journeys + at_once + 1)
            sent += _at_once(senders, [m for n in many for m in journey(n) if m.line == "mllp"])
            _told(stage)
        finally:
            stage.kill_traced()
    names = _names(stage, sent)
    http = [names[m.name] for m in sent if m.line in {"epcis", "fhir"}]
    with out.open(encoding="ascii") as lines:
        return Record(stage, list(calls(lines)), sent, list(names.values()), http)


def _told(stage: House) -> None:
    """Waits until partners were told everything, which is part of a journey."""
    end = time.monotonic() + LONGEST
    while stage.count("SELECT count(*) FROM delivery WHERE state = 'waiting'") and time.monotonic() < end:
        time.sleep(0.1)


def _at_once(senders: Senders, messages: list[Message]) -> list[Message]:
    """Sends messages on four lines at once, so that transactions take several."""
    done: list[Message] = []

    def send(own: list[Message]) -> None:
        done.extend(message for message in own if senders.send(message))

    threads = [threading.Thread(target=send, args=(messages[line::4],)) for line in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def _names(stage: House, sent: Iterable[Message]) -> dict[str, str]:
    """The text by which each message stands in the inbox: what its sender calls it, or what the hub called it.

    A planted fault acknowledges what it never keeps: then one message is left that the hub calls nothing.
    """
    called = (row[0] for row in stage.rows("SELECT source_id FROM inbox WHERE channel = 'fhir' ORDER BY id"))
    return {m.name: next(called, f"no row of {m.name}") if m.line == "fhir" else m.name for m in sent}


def verify(folder: Path, journeys: int = 5, plant: str = "") -> Examined:
    """What the record of a hub shows that took so many journeys."""
    made = record(folder, journeys, plant)
    return examine(made.calls, made.wal, made.names, made.http)


def main() -> int:
    """Prints the figures as JSON; 1 where something was acknowledged too early, 2 where strace cannot work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=10)
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    why = impossible()
    if why:
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="cgt-syscalls-") as folder:
        examined = verify(Path(folder), given.journeys, given.plant)
    figures = {name: getattr(examined, name) for name in ("acknowledgements", "commits", "syncs")}
    sys.stdout.write(json.dumps({**figures, "early": examined.early[:10], "too_early": len(examined.early)}, indent=1))
    sys.stdout.write("\n")
    return 1 if examined.early else 0


if __name__ == "__main__":
    sys.exit(main())
