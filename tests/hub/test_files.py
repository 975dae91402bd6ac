"""Dropped files from outside: taken when whole, answered beside, and none is lost or taken twice, also over a crash."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.mes_csv import questions
from hub.bootstrap import build
from hub.channels import files
from hub.channels.files import DropFolder, Taken
from hub.channels.folders import Folder
from hub.committer import Answer
from hub.conversion import RECORDED
from hub.profiles import Profile, load
from tests.hub import house, world
from tests.hub.world import Person

Open = Callable[..., house.House]


@pytest.fixture(scope="module")
def known(hub: house.House) -> Person:
    """A patient whose order and bag are known."""
    who = world.person(5000)
    hub.send(world.order(who, "FILE-1"))
    hub.send(world.apheresis(who, "FILE-2"))
    return who


def unfolded(hub: house.House, seconds: float = 0.3) -> list[str]:
    """What still lies in the drop folder after the hub had time to look."""
    time.sleep(seconds)
    return sorted(path.name for path in hub.drop.iterdir() if path.is_file())


def things(journey: dict[str, Any]) -> set[str]:
    """What the facts of a journey are about."""
    return {json.dumps([fact["type"], fact["about"]], sort_keys=True) for fact in journey["timeline"]}


def test_a_file_becomes_a_receipt_and_its_bytes_go_into_the_body_store(hub: house.House, known: Person) -> None:
    receipt = hub.dropped("receipts-10.csv", world.receipts(known))
    assert (receipt["outcome"], receipt["repeated"], receipt["unlinked"]) == ("recorded", False, 0)
    assert not list(hub.drop.rglob("receipts-10.csv"))
    assert any(event["type"] == "material.received" for event in hub.journey(known)["timeline"])


def test_a_file_dropped_twice_is_counted_and_changes_nothing(hub: house.House, known: Person) -> None:
    first = hub.dropped("qc-10.csv", world.qc(known))
    facts = hub.facts()
    again = hub.dropped("qc-10.csv", world.qc(known))
    assert (again["repeated"], again["message"]) == (True, first["message"])
    assert hub.facts() == facts
    assert hub.rows("SELECT repeats FROM inbox WHERE id = ?", first["message"]) == [(1,)]


def test_the_same_name_with_one_row_changed_is_recorded_and_becomes_an_issue(hub: house.House) -> None:
    who = world.person(5001)
    hub.send(world.order(who, "FILE-3"))
    hub.send(world.apheresis(who, "FILE-4"))
    hub.dropped("qc-11.csv", world.qc(who))
    facts = hub.facts()
    changed = hub.dropped("qc-11.csv", world.qc(who, value="61.00"))
    assert (changed["outcome"], changed["repeated"]) == ("recorded", False)
    assert [warning["code"] for warning in changed["warnings"]] == ["source-id-reused"]
    assert hub.facts() > facts
    assert [i["severity"] for i in hub.journey(who)["issues"] if (i["rule"], i["kind"]) == ("I-14", "duplicate")]
    of = hub.journey(who)
    listed = [i for i in hub.http("watch").get("/api/issues").json() if i["journey"] == of["journey"]]
    for issue in (*of["issues"], *listed):
        assert isinstance(issue["facts"], list) and set(issue["facts"]) <= {fact["id"] for fact in of["timeline"]}


def test_the_same_content_under_another_name_is_told_again_and_doubles_nothing(hub: house.House) -> None:
    """A file has no id but its name: what comes under another name is another message, about the same things."""
    who = world.person(5002)
    hub.send(world.order(who, "FILE-5"))
    hub.send(world.apheresis(who, "FILE-6"))
    hub.dropped("qc-12.csv", world.qc(who))
    once = hub.journey(who)
    assert hub.dropped("qc-13.csv", world.qc(who))["repeated"] is False
    twice = hub.journey(who)
    assert len(twice["timeline"]) > len(once["timeline"])
    assert things(twice) == things(once)
    assert {issue["id"] for issue in twice["issues"]} == {issue["id"] for issue in once["issues"]}


def test_a_dialect_is_found_by_the_header_where_no_name_says_it(hub: house.House, known: Person) -> None:
    assert hub.dropped("anything.txt", world.qc(known))["outcome"] == "recorded"


@pytest.mark.parametrize(
    ("name", "body", "outcome", "code"),
    [
        ("mystery.csv", b"Name;Farbe\r\nx;rot\r\n", "rejected", "unsupported-message"),
        ("qc-20.csv", b"", "held", "csv-empty"),
        ("qc-21.csv", b"a,b\n1,2\n", "held", "csv-header"),
        ("qc-22.csv", b"\x00\x01\x02\x03", "held", "csv-nul"),
        ("qc-23.csv", b"x" * 1_100_000, "rejected", "too-large"),
    ],
)
def test_a_file_that_cannot_be_read_goes_to_error_with_its_reason(
    hub: house.House, name: str, body: bytes, outcome: str, code: str
) -> None:
    told = hub.dropped(name, body)
    assert told["outcome"] == outcome
    assert [fault["code"] for fault in told["faults"]] == [code]
    error = hub.drop / "error"
    assert (error / name).read_bytes() == body
    text = (error / f"{name}.error.txt").read_text(encoding="utf-8")
    assert code in text
    assert told["faults"][0]["remedy"] in text


def test_a_reason_repeats_nothing_of_the_file(hub: house.House) -> None:
    secret = "Tregarthen"
    told = hub.dropped(f"qc-{secret.lower()}.csv", f"{secret};{secret}\r\n{secret};{secret}\r\n".encode())
    assert secret not in json.dumps({**told, "file": ""})


def test_a_file_that_is_still_written_is_not_taken(open_house: Open, known: Person) -> None:
    def settling(found: dict[str, dict[str, Any]]) -> None:
        found["foundry"]["files"]["settle_seconds"] = 2

    hub = open_house(settling)
    body = world.qc(known)
    target = hub.drop / "qc-30.csv"
    with target.open("wb") as growing:
        for at in range(0, len(body), 60):
            growing.write(body[at : at + 60])
            growing.flush()
            time.sleep(0.08)
            assert target.exists(), "half a file was taken"
    receipt = hub.until(lambda: list((hub.drop / "archive").glob("qc-30*")))[0]
    assert json.loads(receipt.read_bytes())["parts"] == 1
    assert hub.rows("SELECT size FROM inbox") == [(len(body),)]


def test_unfinished_and_hidden_names_folders_and_links_are_left_alone(hub: house.House) -> None:
    secret = hub.home / "secret.csv"
    secret.write_bytes(b"not the hub's business")
    names = ["a.csv.tmp", "b.part", "c.filepart", ".hidden", "d.crdownload", "e.csv~", "f.csv.partial"]
    for name in names:
        (hub.drop / name).write_bytes(b"x")
    (hub.drop / "folder.csv").mkdir()
    (hub.drop / "link.csv").symlink_to(secret)
    rows = hub.count("inbox")
    assert set(names) <= set(unfolded(hub))
    assert hub.count("inbox") == rows
    assert secret.read_bytes() == b"not the hub's business"
    for path in [*(hub.drop / name for name in names), hub.drop / "link.csv"]:
        path.unlink()


def test_what_was_taken_and_not_answered_before_a_crash_is_answered_after_it(open_house: Open, known: Person) -> None:
    """A crash leaves a file in `.work`, its message recorded or not: both ways it ends with one receipt."""
    hub = open_house()
    hub.send(world.order(known, "CRASH-1"))
    first = hub.dropped("qc-40.csv", world.qc(known))
    facts = hub.facts()
    (hub.drop / ".work" / "qc-40.csv").write_bytes(world.qc(known))
    (hub.drop / ".work" / "qc-41.csv").write_bytes(world.qc(known, value="88.10"))
    done = hub.until(lambda: (hub.drop / "archive" / "qc-41.csv.receipt.json").exists())
    assert done
    hub.until(lambda: not any((hub.drop / ".work").iterdir()))
    again = json.loads((hub.drop / "archive" / "qc-40.csv.receipt.json").read_bytes())
    assert (again["repeated"], again["message"]) == (True, first["message"])
    assert hub.facts() > facts
    assert hub.rows("SELECT count(*) FROM inbox WHERE source_id = 'qc-40.csv'") == [(1,)]


def test_files_are_taken_again_by_a_hub_that_starts_on_the_same_folders(open_house: Open, known: Person) -> None:
    hub = open_house()
    hub.dropped("qc-50.csv", world.qc(known))
    hub.stop()
    (hub.drop / ".work" / "qc-50.csv").write_bytes(world.qc(known))
    (hub.drop / "qc-51.csv").write_bytes(world.qc(known, value="12.00"))
    second = house.House(
        hub.home, build(hub.hub.settings, load(hub.hub.settings.partners), hub.clock), hub.clock, hub.logs
    )
    second.start()
    try:
        second.until(lambda: (hub.drop / "archive" / "qc-51.csv.receipt.json").exists())
        assert second.rows("SELECT source_id, repeats FROM inbox ORDER BY id") == [("qc-50.csv", 1), ("qc-51.csv", 0)]
    finally:
        second.stop()


def test_one_folders_trouble_is_told_and_costs_the_others_nothing(open_house: Open, known: Person) -> None:
    def two(found: dict[str, dict[str, Any]]) -> None:
        files = found["foundry"]["files"]
        other = files["drop"].replace("foundry", "northern")
        found["northern"]["files"] = {"drop": other, "settle_seconds": 0.0}

    hub = open_house(two)
    drop = hub.home / "northern" / "drop"
    drop.rename(drop.with_name("drop-gone"))  # in one step: the poller must not come between two
    hub.until(lambda: "folder.failed" in hub.logs.events())
    assert hub.dropped("qc-60.csv", world.qc(known))["outcome"] == "recorded"


def test_a_file_that_takes_long_to_look_at_keeps_nobody_else_waiting(
    hub: house.House, known: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, enough = threading.Event(), threading.Event()
    found = questions.are_in

    def slowly(body: bytes) -> bool:
        looking.set()
        enough.wait(120)
        return found(body)

    monkeypatch.setattr(questions, "are_in", slowly)
    try:
        path = hub.drop / "qc-70.csv.part"
        path.write_bytes(b"\n" + world.qc(known, value="71.00"))
        path.rename(hub.drop / "slow-70.csv")
        assert looking.wait(60)
        assert hub.http().get("/health").status_code == 200
    finally:
        enough.set()
    hub.until(lambda: list((hub.drop / "archive").glob("slow-70*")) or list((hub.drop / "error").glob("slow-70*")))


# ---- folders that hang, and full ones -------------------------------------------------------------------------------


def two_folders(found: dict[str, dict[str, Any]]) -> None:
    """Northern drops files as well."""
    own = found["foundry"]["files"]
    found["northern"]["files"] = {"drop": own["drop"].replace("foundry", "northern"), "settle_seconds": 0.0}


class Hung:
    """A share that does not answer: whoever lists or writes in its folder waits until it is `back`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, folder: Path) -> None:
        self.back, self.reached = threading.Event(), threading.Event()
        real = getattr(Folder, name)

        def hangs(one: Folder, *given: Any) -> Any:
            if Path(f"/proc/self/fd/{one.handle}").resolve() == folder.resolve():
                self.reached.set()
                self.back.wait(120)
            return real(one, *given)

        monkeypatch.setattr(Folder, name, hangs)


def test_a_share_that_hangs_keeps_its_own_files_waiting_and_nothing_else(
    open_house: Open, known: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = open_house(two_folders)
    drop = hub.home / "northern" / "drop"
    hung = Hung(monkeypatch, "names", drop)
    try:
        (drop / "qc-80.csv").write_bytes(world.qc(known))
        assert hung.reached.wait(60)
        assert hub.http().get("/health").status_code == 200
        assert house.msa(hub.send(world.order(known, "HUNG-1")))[0] == "AA"
        assert hub.dropped("qc-81.csv", world.qc(known, value="81.00"))["outcome"] == "recorded"
        assert (drop / "qc-80.csv").exists()
    finally:
        hung.back.set()
    hub.until(lambda: not (drop / "qc-80.csv").exists())


def test_a_hub_ends_beside_a_share_that_hangs_and_another_takes_the_file(
    open_house: Open, known: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    hub = open_house()
    hung = Hung(monkeypatch, "write", hub.drop / "archive")
    try:
        (hub.drop / "qc-82.csv").write_bytes(world.qc(known))
        assert hung.reached.wait(60)
        hub.stop()
        assert "folder.hangs" in hub.logs.events()
        assert (hub.drop / ".work" / "qc-82.csv").exists()
    finally:
        hung.back.set()
    second = house.House(
        hub.home, build(hub.hub.settings, load(hub.hub.settings.partners), hub.clock), hub.clock, hub.logs
    )
    second.start()
    try:
        second.until(lambda: (hub.drop / "archive" / "qc-82.csv.receipt.json").exists())
        second.until(lambda: not any((hub.drop / ".work").iterdir()))
        assert second.rows("SELECT count(*) FROM inbox") == [(1,)]
    finally:
        second.stop()


def a_folder(drop: Path, **more: Any) -> tuple[DropFolder, list[str]]:
    """A drop folder without a hub, and the names that it hands on."""
    drop.mkdir(exist_ok=True)
    profile = Profile.model_validate(
        {"partner": "x", "name": "x", "role": "cdmo", "party": "https://x.example/1", "files": {"drop": drop, **more}}
    )
    taken: list[str] = []

    async def receive(profile: Profile, body: bytes, name: str, __: str) -> Taken:
        taken.append(name if profile.name == "x" else f"{name} by {profile.name}")
        return Taken(Answer(len(body), RECORDED, "", name, [], []))

    return DropFolder(profile, receive, 1 << 20), taken


def test_a_look_takes_a_bounded_number_of_files_and_the_next_look_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_AT_ONCE", 3)
    folder, taken = a_folder(tmp_path / "drop", settle_seconds=0.0)
    for number in range(5):
        (tmp_path / "drop" / f"qc-{number}.csv").write_bytes(b"x")

    async def looked() -> list[int]:
        await folder.prepare()
        found = [await folder.look(), await folder.look(), await folder.look()]
        await folder.close()
        return found

    assert asyncio.run(looked()) == [3, 2, 0]
    assert taken == [f"qc-{number}.csv" for number in range(5)]


def test_what_is_found_after_a_profile_was_loaded_again_goes_by_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the look that finds it began before."""
    folder, taken = a_folder(tmp_path / "drop", settle_seconds=0.0)
    real = Folder.names

    def names(one: Folder) -> list[str]:
        (tmp_path / "drop" / "qc-1.csv").write_bytes(b"x")
        folder.goes_by(folder._profile.model_copy(update={"name": "another"}))
        return real(one)

    async def looked() -> int:
        await folder.prepare()
        monkeypatch.setattr(Folder, "names", names)
        found = await folder.look()
        await folder.close()
        return found

    assert asyncio.run(looked()) == 1
    assert taken == ["qc-1.csv by another"]


def test_a_full_folder_is_looked_at_without_keeping_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = a_folder(tmp_path / "drop", whole="marker")
    for number in range(1_000):
        (tmp_path / "drop" / f"logger-2026-03-11-{number:07}.csv").touch()
    askers: dict[str, set[int]] = {}

    def noting(name: str) -> None:
        real = getattr(os, name)

        def asked(*given: Any, **named: Any) -> Any:
            askers.setdefault(name, set()).add(threading.get_ident())
            return real(*given, **named)

        monkeypatch.setattr(os, name, asked)

    async def looked() -> list[int]:
        await folder.prepare()
        for name in ("open", "listdir", "stat"):
            noting(name)
        found = [await folder.look(), await folder.look()]
        await folder.close()
        return found

    assert asyncio.run(looked()) == [0, 0]
    assert askers["listdir"], "nobody looked"
    assert all(threading.get_ident() not in threads for threads in askers.values()), "the loop's thread waits for disks"
