"""A folder that a partner writes to as well: every access goes by a handle of the folder itself, and follows no link.

A partner may put links, pipes or other folders where the hub keeps its own: nothing outside of the folder is read or
written for that. Knows no content.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """An open folder. Names are single names, never paths."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @classmethod
    @contextlib.contextmanager
    def at(cls, path: Path) -> Iterator[Folder]:
        """The folder at a path of the profile. Raises OSError where it is none."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(handle)
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[Folder]:
        """A folder in this one, made where it is missing. Raises OSError where a link or a file has its name."""
        try:
            handle = os.open(name, _FOLDER, dir_fd=self.handle)
        except FileNotFoundError:
            os.mkdir(name, dir_fd=self.handle)
            self.sync()
            handle = os.open(name, _FOLDER, dir_fd=self.handle)
        try:
            yield Folder(handle)
        finally:
            os.close(handle)

    def names(self) -> list[str]:
        return sorted(os.listdir(self.handle))  # noqa: PTH208 - of the open folder, whatever has its path now

    def look(self, name: str) -> os.stat_result | None:
        """What has a name, itself and not what it leads to; None where nothing has."""
        try:
            return os.stat(name, dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return self.look(name) is not None

    def read(self, name: str, most: int) -> bytes | None:
        """The bytes of a regular file, at most one more than `most`; None where it is gone, or is none.

        Raises PermissionError.
        """
        try:
            handle = os.open(name, _READ, dir_fd=self.handle)
        except PermissionError:
            raise
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as file:
            return file.read(most + 1)

    def write(self, name: str, body: bytes) -> None:
        """A file that is there with all its bytes, or not at all; what had its name before is replaced."""
        hidden = f".{name}.writing"
        self.make_room(hidden)
        self.make_room(name)
        self.drop(hidden)
        handle = os.open(hidden, _NEW, 0o640, dir_fd=self.handle)
        with os.fdopen(handle, "wb") as out:
            out.write(body)
            out.flush()
            os.fsync(handle)
        os.replace(hidden, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        self.sync()

    def move(self, name: str, to: Folder, other: str) -> None:
        """Gives a file another folder or name; what had that name is replaced. Raises FileNotFoundError."""
        to.make_room(other)
        os.replace(name, other, src_dir_fd=self.handle, dst_dir_fd=to.handle)
        to.sync()
        if to is not self:
            self.sync()

    def drop(self, name: str) -> None:
        """Takes a name away, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.handle)

    def make_room(self, name: str) -> None:
        """Gives a folder that stands where a file is to be another name."""
        there = self.look(name)
        if there is not None and stat.S_ISDIR(there.st_mode):
            os.rename(name, f"{name[:80]}~{there.st_ino:x}", src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def is_file(self, name: str) -> bool:
        """True for a regular file, and for no link to one."""
        there = self.look(name)
        return there is not None and stat.S_ISREG(there.st_mode)

    def sync(self) -> None:
        """Makes the names in the folder safe from a power cut."""
        os.fsync(self.handle)
