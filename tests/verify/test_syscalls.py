"""Every acknowledgement comes after the sync that makes its message safe, and a power cut then loses nothing."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import pytest

from tests.verify import syscalls
from tests.verify.syscalls import Call, calls, examine

WAL = "/data/hub.db-wal"


@cache
def why_not() -> str:
    return syscalls.impossible()


@pytest.fixture
def strace() -> None:
    if why_not():
        pytest.skip(why_not())


# ---- the record as strace writes it -------------------------------------------------------------------------------


def escaped(plain: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in plain)


def test_a_call_that_another_thread_interrupts_is_one_call() -> None:
    file = escaped(WAL.encode())
    record = [
        f'71 pwrite64(9<{file}>, "{escaped(b"page")}", 4, 4152 <unfinished ...>',
        f'72 sendto(15<{escaped(b"socket:[7]")}>, "{escaped(b"MSA")}"..., 9, 0, NULL, 0) = 9',
        "71 <... pwrite64 resumed>)           = 4",
        f"71 fdatasync(9<{file}>)               = 0",
        f"71 fdatasync(9<{file}>)               = -1 EIO (Input/output error)",
        "71 +++ exited with 0 +++",
    ]
    assert list(calls(record)) == [
        Call("sendto", "socket:[7]", b"MSA", 0, 1, 1, cut=True),
        Call("pwrite64", WAL, b"page", 4152, 0, 2),
        Call("fdatasync", WAL, b"", 0, 3, 3),
        Call("failed", WAL, b"", 0, 4, 4),
    ]


def frame(line: int, text: bytes, commits: bool) -> list[Call]:
    """A frame of the write-ahead log: header and page."""
    header = struct.pack(">6I", 1, 9 if commits else 0, 1, 2, 3, 4)
    page = text.ljust(4096, b"\0")
    return [Call("pwrite64", WAL, header, 32, line, line), Call("pwrite64", WAL, page, 56, line + 1, line + 1)]


def sync(line: int, ended: int = 0) -> Call:
    return Call("fdatasync", WAL, b"", 0, line, ended or line)


def answer(line: int, name: str = "M1") -> Call:
    return Call("write", "socket:[1]", f"\x0bMSH|^~\\&|\rMSA|AA|{name}\r\x1c\r".encode(), 0, line, line)


def early(*record: Call | list[Call]) -> list[str]:
    flat = [call for one in record for call in (one if isinstance(one, list) else [one])]
    return [text.partition(": ")[2] for text in examine(flat, WAL, ["M1"], []).early]


def test_an_acknowledgement_after_the_sync_is_in_time() -> None:
    assert early(frame(1, b"M1", commits=False), frame(3, b"", commits=True), sync(5), answer(6)) == []


def test_an_acknowledgement_before_or_during_the_sync_is_early() -> None:
    written = frame(1, b"M1", commits=True)
    assert early(written, answer(3), sync(4)) == ["acknowledged before its transaction was synced"]
    assert early(written, answer(4), sync(3, ended=5)) == ["acknowledged before its transaction was synced"]


def test_a_sync_before_the_commit_is_none() -> None:
    record = (frame(1, b"M1", commits=False), sync(3), frame(4, b"", commits=True), answer(6))
    assert early(*record) == ["acknowledged before its transaction was synced"]


def test_an_acknowledgement_of_what_is_not_written_or_not_committed_is_early() -> None:
    assert early(frame(1, b"M2", commits=True), sync(3), answer(4)) == ["acknowledged before it was written"]
    record = (frame(1, b"M1", commits=False), sync(3), answer(4))
    assert early(*record) == ["acknowledged before its transaction was committed"]


def test_a_page_that_a_later_transaction_writes_again_is_safe_by_the_first() -> None:
    first, later = frame(1, b"M1", commits=True), frame(4, b"M1 M2", commits=False)
    assert early(first, sync(3), later, answer(6)) == []


def test_what_a_failed_sync_should_have_made_safe_is_early_though_the_next_sync_is_good() -> None:
    written = frame(1, b"M1", commits=True)
    failed = Call("failed", WAL, b"", 0, 3, 3)
    assert early(written, failed, sync(4), answer(5)) == ["acknowledged before it was written"]
    assert early(written, failed, frame(5, b"M1", commits=True), sync(7), answer(8)) == []


# ---- a real hub ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
def test_every_acknowledgement_comes_after_its_sync(tmp_path: Path) -> None:
    made = syscalls.record(tmp_path, journeys=4)
    examined = examine(made.calls, made.wal, made.names, made.http)
    assert examined.early == []
    assert examined.acknowledgements == len(made.names) == 4 * 7 + 16
    assert made.unheard_of() == [], "calls that no harness here understands"


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("fault", ["synchronous-off", "acknowledged-before-commit"])
def test_the_system_calls_give_away_a_hub_that_is(tmp_path: Path, fault: str) -> None:
    made = syscalls.record(tmp_path, journeys=2, plant=fault)
    assert examine(made.calls, made.wal, made.names, made.http).early
