"""A disk as a hub's record of system calls leaves it: what is safe on it, and what only the kernel has. Runs nothing.

Strict: a file's bytes are safe once the file was synced, its name once the folder was. What was not synced may be on
the disk or not, bytes down to sectors of 512, names folder by folder in the order in which they were given. A rename
happens as a whole, as it does on every file system with a journal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from random import Random

from tests.verify.syscalls import FAILED, SYNCS, Call

SECTOR = 512
POLICIES = ("nothing", "everything", "sectors")
"""What a disk may have of what was not synced."""


@dataclass(slots=True)
class File:
    """The bytes of one file or, where it is one, a folder. `ours` is false for what the hub found and did not write."""

    is_folder: bool = False
    ours: bool = True
    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Call] = field(default_factory=list)
    written: int = 0
    """Where the next plain write goes."""

    def sync(self) -> None:
        for write in self.waiting:
            _apply(self.safe, write, 0, None)
        self.waiting.clear()

    def take(self, call: Call) -> None:
        """A write waits."""
        assert not call.cut, "a page is not in the record as a whole"
        if call.name in {"write", "writev"}:
            call = Call("pwrite64", call.file, call.data, self.written, call.begun, call.ended)
            self.written += len(call.data)
        self.waiting.append(call)

    def after_cut(self, policy: str, random: Random) -> bytes:
        """What is there when the power comes back."""
        left = bytearray(self.safe)
        for write in self.waiting if policy != "nothing" else ():
            if policy == "everything" or write.name == "ftruncate":
                _apply(left, write, 0, None)
                continue
            for sector in range(0, len(write.data), SECTOR):
                if random.random() < 0.7:
                    _apply(left, write, sector, sector + SECTOR)
        return bytes(left)


def _apply(content: bytearray, write: Call, begin: int, end: int | None) -> None:
    if write.name == "ftruncate":
        del content[write.offset :]
        content.extend(bytes(write.offset - len(content)))
        return
    data, at = write.data[begin:end], write.offset + begin
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


@dataclass(frozen=True, slots=True)
class Naming:
    """A name given or taken away: `old` goes, `new` comes."""

    old: str
    new: str
    file: File

    @property
    def folders(self) -> set[str]:
        return {str(PurePath(name).parent) for name in (self.old, self.new) if name}

    def apply(self, names: dict[str, File]) -> None:
        if self.old and names.get(self.old) is self.file:
            del names[self.old]
        if self.new:
            names[self.new] = self.file


@dataclass(slots=True)
class Disk:
    """All files below one folder, which is there from the beginning."""

    home: str
    names: dict[str, File] = field(default_factory=dict)
    """As the kernel has them."""
    safe: dict[str, File] = field(default_factory=dict)
    waiting: list[Naming] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)

    def take(self, call: Call) -> bool:
        """True for a call that changed something here or made it safe."""
        if call.file != self.home and not call.file.startswith(f"{self.home}/"):
            return False
        done = self._take(call)
        self.changes[call.name] += done
        return done

    def _take(self, call: Call) -> bool:
        file = self.names.get(call.file)
        if call.name in SYNCS:
            self._sync(call.file, file)
        elif call.name == FAILED:
            self._drop(call.file, file)
        elif call.name == "mkdir":
            self._name(Naming("", call.file, File(is_folder=True)))
        elif call.name == "openat":
            return self._open(call, file)
        elif call.name == "rename":
            self._name(Naming(call.file, call.to, file or self._found(call.file)))
        elif call.name == "link":
            self._name(Naming("", call.to, file or self._found(call.file)))
        elif call.name == "unlink":
            self._name(Naming(call.file, "", file or self._found(call.file)))
        elif file is not None:
            file.take(call)
        else:
            return False
        return True

    def _found(self, path: str) -> File:
        """A file that somebody else put there, whose bytes are their affair."""
        found = self.safe[path] = self.names[path] = File(ours=False)
        return found

    def _open(self, call: Call, file: File | None) -> bool:
        if "O_CREAT" not in call.to:
            return False
        if file is None:
            self._name(Naming("", call.file, File()))
        elif "O_TRUNC" in call.to:
            file.written = 0
            file.take(Call("ftruncate", call.file, b"", 0, call.begun, call.ended))
        else:
            return False
        return True

    def _name(self, naming: Naming) -> None:
        naming.apply(self.names)
        self.waiting.append(naming)

    def _sync(self, path: str, file: File | None) -> None:
        if file is not None and not file.is_folder:
            file.sync()
            return
        for naming in self.waiting:
            if path in naming.folders:
                naming.apply(self.safe)
        self.waiting = [naming for naming in self.waiting if path not in naming.folders]

    def _drop(self, path: str, file: File | None) -> None:
        """A sync failed: what waited for it never comes to the disk, though the kernel shows it."""
        if file is not None and not file.is_folder:
            file.waiting.clear()
        self.waiting = [naming for naming in self.waiting if path not in naming.folders]

    def after_cut(self, policy: str, random: Random) -> dict[str, File]:
        """The names that are there when the power comes back; those in folders that are gone are gone."""
        left = dict(self.safe)
        for naming in self._kept(policy, random):
            naming.apply(left)
        return {path: file for path, file in left.items() if self._is_reached(path, left)}

    def _kept(self, policy: str, random: Random) -> Iterator[Naming]:
        if policy == "nothing":
            return
        reached: defaultdict[str, int] = defaultdict(
            lambda: len(self.waiting) if policy == "everything" else random.randint(0, 3)
        )
        for naming in self.waiting:
            if all(reached[folder] > 0 for folder in naming.folders):
                yield naming
            for folder in naming.folders:
                reached[folder] -= 1

    def _is_reached(self, path: str, left: Iterable[str]) -> bool:
        known = set(left)
        above = [str(folder) for folder in PurePath(path).parents]
        return all(folder in known for folder in above[: above.index(self.home)])
