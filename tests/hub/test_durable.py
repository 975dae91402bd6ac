"""Files of the hub are there whole or not at all. That they outlive the loss of power is for the power cuts to show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub import durable
from hub.crypto import KeyLost, load_keyring


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_one_before_it(tmp_path: Path) -> None:
    durable.write_whole(tmp_path / "a", b"one")
    durable.write_whole(tmp_path / "a", b"two")
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"two")


def test_what_is_written_once_is_never_replaced(tmp_path: Path) -> None:
    durable.write_once(tmp_path / "key", b"one")
    with pytest.raises(FileExistsError):
        durable.write_once(tmp_path / "key", b"two")
    assert (names(tmp_path), (tmp_path / "key").read_bytes()) == (["key"], b"one")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_hub_that_was_killed_while_it_made_its_key_starts(tmp_path: Path) -> None:
    """An empty key once kept it from starting for good."""
    folder = tmp_path / "data" / "keys"
    folder.mkdir(parents=True)
    (folder / f".master.key.{os.getpid()}.writing").write_bytes(b"half")
    made = load_keyring(folder / "master.key", may_make=True).public_key()
    assert load_keyring(folder / "master.key").public_key() == made
    assert names(folder) == ["master.key"]


def test_a_key_is_not_made_where_none_may_be(tmp_path: Path) -> None:
    with pytest.raises(KeyLost):
        load_keyring(tmp_path / "keys" / "master.key")
    assert names(tmp_path) == []


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    durable.make_folder(tmp_path / "a" / "b" / "c")
    durable.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
