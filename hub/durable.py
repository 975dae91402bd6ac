"""Files that outlive the loss of power: bytes and names are on the disk when a call returns. Knows no content."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, body: bytes) -> None:
    """A file that is there with all its bytes, or not at all; what had its name before is replaced."""
    hidden = path.with_name(f".{path.name}.writing")
    with hidden.open("wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    hidden.replace(path)
    sync_folder(path.parent)


def write_once(path: Path, body: bytes, mode: int = 0o600) -> None:
    """A new file, with all its bytes or not at all. Raises FileExistsError where there is one of this name."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}.writing")
    hidden.unlink(missing_ok=True)
    handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    try:
        path.hardlink_to(hidden)
    finally:
        hidden.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder safe: a file that was synced may still lack its name after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """A folder that stays, with those above it that were missing."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
