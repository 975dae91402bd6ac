"""Backups: whole or not there, made beside a running hub, and restored only where everything in them holds."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from hub import backup, ledger
from hub.backup import GAP, Refused
from hub.bootstrap import build
from hub.crypto import Keyring
from hub.settings import Settings
from hub.store import SqliteStore, StoreInUse, migrate
from tests.hub import first_store, house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.receivers import Posted, endpoint
from tests.hub.world import Person

Open = Callable[..., house.House]
Cli = Callable[..., Ran]
NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def hub(open_house: Open) -> house.House:
    """One running hub with a few orders, of which backups are made."""
    made = open_house()
    for number in range(9101, 9104):
        made.send(world.order(world.person(number), f"B-{number}"))
    return made


@pytest.fixture
def made(hub: house.House, tmp_path: Path) -> Path:
    """A backup with the key inside."""
    place, _ = backup.make(hub.hub.settings.data, tmp_path / "backup", NOW, with_keys=True)
    return place


def rows(database: Path) -> list[str]:
    """What a database holds but for what a restore notes."""
    noted = ("'store.restore'", "'restored: numbers")
    return [line for line in first_store.dump(database) if not any(word in line for word in noted)]


def damage(path: Path, at: int) -> None:
    body = bytearray(path.read_bytes())
    body[at] ^= 0x10
    path.write_bytes(body)


def code_of(source: Path, data: Path, **more: Any) -> str:
    """The code of a refused restore, which leaves no store behind."""
    with pytest.raises(Refused) as refused:
        backup.restore(source, data, NOW, **more)
    assert not (data / "hub.db").exists()
    return refused.value.fault.code


# ---- made and restored --------------------------------------------------------------------------------------------


def test_a_backup_of_a_running_hub_is_restored_to_the_same_head_and_rows(
    hub: house.House, cgt_hub: Cli, tmp_path: Path
) -> None:
    data, partners = hub.hub.settings.data, hub.hub.settings.partners
    ran = cgt_hub("backup", tmp_path / "nightly", data=data)
    assert (ran.code, "the key is not inside" in ran.out) == (0, True)
    head = hub.http("watch").get("/api/ledger").json()["head"]
    assert head in ran.out
    hub.send(world.order(world.person(9110), "AFTER-1"))
    restored = tmp_path / "restored"
    key = data / "keys" / "master.key"
    ran = cgt_hub("restore", tmp_path / "nightly", "--key", key, "--head", head, data=restored)
    assert (ran.code, "send again what they sent since" in ran.out) == (0, True)
    assert rows(restored / "hub.db") == rows(tmp_path / "nightly" / "hub.db")
    places = {"data": restored, "partners": partners}
    verified = cgt_hub("ledger", "verify", "--head", head, **places)
    assert (verified.code, head in verified.out) == (0, True)
    assert cgt_hub("doctor", **places).code == 0


def test_a_backup_taken_under_load_is_a_committed_prefix(open_house: Open, tmp_path: Path) -> None:
    """Backups beside senders: each restores to a ledger that holds, and to what was acknowledged before it began."""
    hub = open_house()
    for number in range(3):
        acknowledged = [f"L-{number}-{one}" for one in range(5)]
        for one, control in enumerate(acknowledged):
            hub.send(world.order(world.person(9200 + number * 10 + one), control))
        futures = [
            hub.hub.pipeline._put(_incoming(world.order(world.person(9300 + number * 10 + one), f"M-{number}-{one}")))
            for one in range(5)
        ]
        place, manifest = backup.make(hub.hub.settings.data, tmp_path / f"b{number}", NOW, with_keys=True)
        for future in futures:
            future.result(20)
        backup.restore(place, tmp_path / f"r{number}", NOW)
        with closing(sqlite3.connect(tmp_path / f"r{number}" / "hub.db")) as raw:
            there = {row[0] for row in raw.execute("SELECT source_id FROM inbox")}
            assert raw.execute("SELECT max(position) FROM log").fetchone()[0] == manifest.position
        assert set(acknowledged) <= there


def _incoming(body: bytes) -> Any:
    from hub.committer import Incoming

    return Incoming("lakeside", "mllp", "hl7v2", body)


def test_a_backup_is_readable_by_its_owner_only_and_has_no_key_unless_asked(hub: house.House, tmp_path: Path) -> None:
    data = hub.hub.settings.data
    plain, manifest = backup.make(data, tmp_path / "plain", NOW)
    assert sorted(path.name for path in plain.iterdir()) == ["hub.db", "manifest.json"]
    assert manifest.keys is False
    assert (data / "keys" / "master.key").read_bytes() not in (plain / "hub.db").read_bytes()
    whole, manifest = backup.make(data, tmp_path / "whole", NOW, with_keys=True)
    assert manifest.keys is True
    assert (whole / "master.key").read_bytes() == (data / "keys" / "master.key").read_bytes()
    for path in (plain, whole, *plain.iterdir(), *whole.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_folder_gets_a_backup_of_its_time_and_nothing_is_overwritten(hub: house.House, tmp_path: Path) -> None:
    place, _ = backup.make(hub.hub.settings.data, tmp_path, NOW)
    assert place == tmp_path / "cgt-hub-20260401T030000Z"
    with pytest.raises(Refused, match="backup-exists"):
        backup.make(hub.hub.settings.data, tmp_path, NOW)


def test_a_delivery_after_a_restore_has_a_number_that_was_never_out(open_house: Open, tmp_path: Path) -> None:
    """A receiver knows numbers: what the lost days sent under one must not make it drop what is new."""
    posted: list[str] = []

    def take(one: Posted) -> int:
        posted.append(one.headers["idempotency-key"])
        return 202

    with endpoint(take) as heron:

        def change(found: dict[str, dict[str, Any]]) -> None:
            found["heron"]["http"]["post_to"] = heron.url
            found["heron"]["sends"] = [{"events": ["container.created"], "message": "epcis/document"}]

        hub = open_house(change)
        who, lost, new = world.person(9401), world.person(9402), world.person(9403)

        def collect(at: house.House, one: Person) -> None:
            before = len(posted)
            at.send(world.order(one, f"{one.order}-1"))
            at.send(world.apheresis(one, f"{one.order}-2"))
            at.until(lambda: len(posted) > before)
            at.quiet()

        collect(hub, who)
        place, _ = backup.make(hub.hub.settings.data, tmp_path / "b", NOW, with_keys=True)
        collect(hub, lost)
        hub.stop()
        shutil.rmtree(hub.hub.settings.data)
        backup.restore(place, hub.hub.settings.data, NOW)
        known = set(posted)
        again = open_house(change, data=hub.hub.settings.data)
        collect(again, new)
        assert known.isdisjoint(posted[len(known) :])
        assert int(posted[-1].rpartition("-")[2]) > GAP
        again.stop()


def test_partners_send_again_and_nothing_counts_twice(hub: house.House, made: Path, tmp_path: Path) -> None:
    backup.restore(made, tmp_path / "r", NOW)
    settings = hub.hub.settings.model_copy(update={"data": tmp_path / "r"})
    with closing(build(settings, hub.hub.profiles, lambda: NOW)) as again:
        before = again.store.writer.one("head")
        (answer,) = again.committer.commit([_incoming(world.order(world.person(9101), "B-9101"))])
        assert (answer.repeated, again.store.writer.one("head")) == (True, before)


# ---- refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.98])
def test_a_damaged_database_is_refused(made: Path, tmp_path: Path, share: float) -> None:
    file = made / "hub.db"
    damage(file, int(file.stat().st_size * share))
    assert code_of(made, tmp_path / "r") == "backup-damaged"


def test_a_cut_database_is_refused(made: Path, tmp_path: Path) -> None:
    with (made / "hub.db").open("r+b") as file:
        file.truncate((made / "hub.db").stat().st_size // 2)
    assert code_of(made, tmp_path / "r") == "backup-damaged"


def test_every_word_of_the_manifest_is_signed(made: Path, tmp_path: Path) -> None:
    plain = json.loads((made / "manifest.json").read_bytes())
    for name, value in plain.items():
        changed = {**plain, name: _other(value)}
        (made / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")
        assert code_of(made, tmp_path / "r") in {"backup-damaged", "backup-key", "backup-newer"}, name


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {**value, "more": 1}
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\x00\xff"])
def test_a_manifest_that_is_none_is_refused(made: Path, tmp_path: Path, text: str) -> None:
    (made / "manifest.json").write_text(text, encoding="latin-1")
    assert code_of(made, tmp_path / "r") == "backup-damaged"


def test_a_backup_of_another_ledger_under_this_manifest_is_refused(
    hub: house.House, made: Path, tmp_path: Path
) -> None:
    """Whole in itself and signed by the same key, but of another moment."""
    hub.send(world.order(world.person(9120), "LATER-1"))
    later, _ = backup.make(hub.hub.settings.data, tmp_path / "later", NOW)
    shutil.copyfile(later / "hub.db", made / "hub.db")
    assert code_of(made, tmp_path / "r") == "backup-damaged"


def test_a_head_that_the_backup_does_not_hold_is_refused(hub: house.House, made: Path, tmp_path: Path) -> None:
    hub.send(world.order(world.person(9130), "HEAD-1"))
    head = bytes.fromhex(hub.http("watch").get("/api/ledger").json()["head"])
    assert code_of(made, tmp_path / "r", head=head) == "backup-ledger"


def test_a_tampered_ledger_is_not_backed_up(hub: house.House, made: Path, tmp_path: Path) -> None:
    data = tmp_path / "tampered"
    backup.restore(made, data, NOW)
    with closing(sqlite3.connect(data / "hub.db")) as raw, raw:
        raw.execute("UPDATE log SET event = replace(event, '{', '{ ') WHERE position = 2")
    with pytest.raises(Refused, match="backup-ledger"):
        backup.make(data, tmp_path / "b", NOW)
    assert not (tmp_path / "b").exists()


def test_without_its_key_a_backup_is_refused(hub: house.House, tmp_path: Path) -> None:
    place, _ = backup.make(hub.hub.settings.data, tmp_path / "b", NOW)
    assert code_of(place, tmp_path / "r") == "backup-key"
    (tmp_path / "other.key").write_bytes(b"another key of thirty-two bytes.")
    assert code_of(place, tmp_path / "r", key=tmp_path / "other.key") == "backup-key"
    (tmp_path / "other.key").write_bytes(b"short")
    assert code_of(place, tmp_path / "r", key=tmp_path / "other.key") == "backup-key"


def test_a_key_that_stands_in_the_empty_folder_is_taken(hub: house.House, tmp_path: Path) -> None:
    place, _ = backup.make(hub.hub.settings.data, tmp_path / "b", NOW)
    (tmp_path / "r" / "keys").mkdir(parents=True)
    shutil.copyfile(hub.hub.settings.data / "keys" / "master.key", tmp_path / "r" / "keys" / "master.key")
    backup.restore(place, tmp_path / "r", NOW)
    assert (tmp_path / "r" / "hub.db").exists()


@pytest.mark.parametrize("name", ["hub.db-wal", "read.db", "anything"])
def test_a_folder_that_is_not_empty_is_left_alone(made: Path, tmp_path: Path, name: str) -> None:
    """A write-ahead log that stayed behind would be read into the restored database."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / name).write_bytes(b"mine")
    assert code_of(made, tmp_path / "r") == "restore-occupied"
    assert (tmp_path / "r" / name).read_bytes() == b"mine"


def test_a_store_is_never_overwritten(hub: house.House, made: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreInUse, match="stop it first"):
        backup.restore(made, hub.hub.settings.data, NOW)
    backup.restore(made, tmp_path / "r", NOW)
    with pytest.raises(Refused, match="restore-occupied"):
        backup.restore(made, tmp_path / "r", NOW)


def test_a_backup_of_a_newer_hub_is_refused(hub: house.House, made: Path, tmp_path: Path) -> None:
    plain = json.loads((made / "manifest.json").read_bytes())
    (made / "manifest.json").write_text(json.dumps({**plain, "schema": "9999"}), encoding="utf-8")
    assert code_of(made, tmp_path / "r") == "backup-newer"


def test_where_there_is_no_hub_nothing_is_backed_up(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="backup-nothing"):
        backup.make(tmp_path, tmp_path / "b", NOW)


# ---- cut off in the middle ----------------------------------------------------------------------------------------

STEPS = ("make_folder", "_copy_sqlite", "_manifest", "_write", "sync_folder")


class Killed(BaseException):
    """The process ends here: nothing that would be tidied up is."""


@pytest.mark.parametrize("step", STEPS)
def test_a_backup_that_was_cut_off_is_never_taken_for_a_whole_one(hub: house.House, tmp_path: Path, step: str) -> None:
    data = hub.hub.settings.data
    with (
        patch.object(backup, step, _then_killed(getattr(backup, step))),
        patch("hub.backup.shutil.rmtree", lambda *_, **__: None),
        pytest.raises(Killed),
    ):
        backup.make(data, tmp_path / "b", NOW, with_keys=True)
    assert not (tmp_path / "b").exists()
    hidden = tmp_path / ".b.writing"
    assert code_of(hidden if hidden.exists() else tmp_path / "b", tmp_path / "r") == "backup-unfinished"
    place, _ = backup.make(data, tmp_path / "b", NOW, with_keys=True)
    backup.restore(place, tmp_path / "r", NOW)


@pytest.mark.parametrize("step", ["_copy", "_compare", "_same_ledger", "_mark", "_keep_key"])
def test_a_restore_that_was_cut_off_left_no_store_and_is_made_again(made: Path, tmp_path: Path, step: str) -> None:
    with (
        patch.object(backup, step, _then_killed(getattr(backup, step))),
        patch("hub.backup.shutil.rmtree", lambda *_, **__: None),
        pytest.raises(Killed),
    ):
        backup.restore(made, tmp_path / "r", NOW)
    assert not (tmp_path / "r" / "hub.db").exists()
    backup.restore(made, tmp_path / "r", NOW)
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["hub.db", "hub.lock", "keys"]


def _then_killed(step: Callable[..., Any]) -> Callable[..., Any]:
    def cut(*values: Any, **named: Any) -> Any:
        step(*values, **named)
        raise Killed

    return cut


def test_a_full_disk_leaves_no_backup(hub: house.House, tmp_path: Path) -> None:
    with (
        patch.object(backup, "_write", side_effect=OSError(28, "No space left on device")),
        pytest.raises(Refused, match="backup-failed"),
    ):
        backup.make(hub.hub.settings.data, tmp_path / "b", NOW)
    assert list(tmp_path.iterdir()) == []


def test_everything_is_on_the_disk_before_a_backup_has_its_name(hub: house.House, tmp_path: Path) -> None:
    synced: list[str] = []

    def sync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        assert ("b" in {path.name for path in tmp_path.iterdir()}) == (synced[-1] == tmp_path.name)

    with patch("os.fsync", sync):
        backup.make(hub.hub.settings.data, tmp_path / "b", NOW, with_keys=True)
    ours = [name for name in synced if name in {"hub.db", "master.key", "manifest.json", ".b.writing", tmp_path.name}]
    assert ours == ["hub.db", "master.key", "manifest.json", ".b.writing", tmp_path.name]


# ---- before an upgrade --------------------------------------------------------------------------------------------


@pytest.fixture
def first(tmp_path: Path, overlay: Path) -> Iterator[Settings]:
    yield first_store.unpack(tmp_path / "first", overlay)


def test_a_store_is_copied_before_it_is_upgraded_and_the_copy_is_of_the_old_version(
    first: Settings, tmp_path: Path
) -> None:
    before = first_store.dump(first.data / "hub.db")
    first_store.opened(first).close()
    (copy,) = first.data.glob("before-*")
    assert first_store.dump(copy / "hub.db") == before
    first_store.opened(first).close()
    assert list(first.data.glob("before-*")) == [copy]
    key = first.data / "keys" / "master.key"
    assert backup.restore(copy, tmp_path / "r", NOW, key).head == first_store.expected()["head"]
    settings = first.model_copy(update={"data": tmp_path / "r"})
    with closing(first_store.opened(settings)) as again:
        assert migrate.version_of(again.store.writer.raw) == migrate.HEAD
        faults, _, chain = ledger.check(again.store.writer, Keyring(key.read_bytes()).public_key())
        assert (faults, chain.hex()) == ([], first_store.expected()["head"])


def test_without_room_for_the_copy_nothing_is_upgraded_unless_asked(first: Settings, cgt_hub: Cli) -> None:
    places = {"data": first.data, "partners": first.partners}
    full = shutil.disk_usage(first.data)._replace(free=1024)
    with patch("hub.backup.shutil.disk_usage", lambda _: full):
        ran = cgt_hub("upgrade", **places)
        assert (ran.code, "--without-copy" in ran.err) == (2, True)
        with closing(sqlite3.connect(first.data / "hub.db")) as raw:
            assert migrate.version_of(raw) == "0001"
        assert cgt_hub("upgrade", "--without-copy", **places).code == 0
    with closing(SqliteStore(first.data / "hub.db")) as store:
        assert migrate.version_of(store.writer.raw) == migrate.HEAD
    assert list(first.data.glob("before-*")) == []


def test_an_acknowledged_message_is_in_the_next_backup(hub: house.House, tmp_path: Path) -> None:
    assert msa(hub.send(world.order(world.person(9140), "NEXT-1")))[0] == "AA"
    place, _ = backup.make(hub.hub.settings.data, tmp_path / "b", NOW)
    with closing(sqlite3.connect(place / "hub.db")) as raw:
        assert raw.execute("SELECT count(*) FROM inbox WHERE source_id = 'NEXT-1'").fetchone() == (1,)
