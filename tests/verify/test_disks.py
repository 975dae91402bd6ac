"""A disk keeps what was synced, bytes by their file and names by their folder, and may lose everything else."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest

from tests.verify.disks import Disk
from tests.verify.syscalls import Call

HOME = "/home"
_line = count(1)


def call(name: str, file: str, data: bytes = b"", offset: int = 0, to: str = "") -> Call:
    line = next(_line)
    return Call(name, f"{HOME}/{file}".rstrip("/"), data, offset, line, line, to=to)


def made(file: str) -> Call:
    return call("openat", file, to=", O_RDWR|O_CREAT|O_CLOEXEC, 0644")


def disk(*calls: Call) -> Disk:
    found = Disk(HOME)
    for one in calls:
        found.take(one)
    return found


def after(found: Disk, policy: str = "nothing") -> dict[str, bytes]:
    random = Random(1)
    kept = found.after_cut(policy, random)
    return {path.removeprefix(f"{HOME}/"): file.after_cut(policy, random) for path, file in kept.items()}


def test_a_file_whose_folder_was_not_synced_may_be_gone_with_all_its_bytes() -> None:
    calls = [made("a"), call("pwrite64", "a", b"bytes"), call("fsync", "a")]
    assert after(disk(*calls)) == {}
    assert after(disk(*calls), "everything") == {"a": b"bytes"}
    assert after(disk(*calls, call("fsync", ""))) == {"a": b"bytes"}


def test_a_name_is_safe_before_its_bytes_are() -> None:
    assert after(disk(made("a"), call("fsync", ""), call("write", "a", b"bytes"))) == {"a": b""}


def test_what_is_written_one_after_another_stands_one_after_another() -> None:
    assert after(disk(made("a"), call("write", "a", b"by"), call("write", "a", b"tes")), "everything") == {
        "a": b"bytes"
    }


def test_a_rename_that_was_not_synced_leaves_the_old_name_or_gives_the_new_one() -> None:
    calls = [made("a"), call("write", "a", b"1"), call("fsync", "a"), call("fsync", "")]
    found = disk(*calls, call("rename", "a", to=f"{HOME}/b"))
    assert after(found) == {"a": b"1"}
    assert after(found, "everything") == {"b": b"1"}


def test_a_folder_that_was_not_synced_takes_what_is_in_it_with_it() -> None:
    found = disk(call("mkdir", "in"), made("in/a"), call("fsync", "in"))
    assert after(found) == {}
    found.take(call("fsync", ""))
    assert after(found) == {"in": b"", "in/a": b""}


def test_what_somebody_else_put_there_stays_until_the_hub_moves_it_for_good() -> None:
    moved = [call("mkdir", "taken"), call("fsync", ""), call("rename", "a", to=f"{HOME}/taken/a")]
    assert "a" in after(disk(*moved))
    gone = after(disk(*moved, call("unlink", "taken/a"), call("fsync", "taken")))
    assert gone == {"taken": b""}


def test_what_a_failed_sync_should_have_made_safe_never_comes_to_the_disk() -> None:
    calls = [made("a"), call("fsync", ""), call("pwrite64", "a", b"lost"), call("failed", "a"), call("fdatasync", "a")]
    assert after(disk(*calls), "everything") == {"a": b""}
    assert after(disk(*calls, call("pwrite64", "a", b"again"), call("fdatasync", "a"))) == {"a": b"again"}


@pytest.mark.parametrize("seed", range(5))
def test_some_sectors_of_what_was_not_synced_may_be_there(seed: int) -> None:
    found = disk(made("a"), call("fsync", ""), call("pwrite64", "a", b"x" * 4096))
    left = found.names[f"{HOME}/a"].after_cut("sectors", Random(seed))
    sectors = {left[at : at + 512].rstrip(b"\0") for at in range(0, len(left), 512)}
    assert sectors <= {b"", b"x" * 512}
