"""The log tells; it never keeps the hub from its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import logs


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_whose_disk_is_full_stops_nobody() -> None:
    """A full disk once ended the committer's thread over the line that told of it."""
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("w", encoding="utf-8") as full:
        print("a line", file=logs.Unfailing(full), flush=True)
        print("a line", file=full, flush=True)
        pytest.fail("the disk is not full")


def test_a_log_that_can_be_written_is_written(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        print("a line", file=logs.Unfailing(file), flush=True)
        assert (tmp_path / "log").read_text() == "a line\n"


def test_a_log_that_is_closed_stops_nobody(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        stream = logs.Unfailing(file)
    print("a line", file=stream, flush=True)
    assert (tmp_path / "log").read_text() == ""
