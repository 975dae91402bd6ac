"""Erasure of one event: the text is gone everywhere, the leaf stays, the ledger says so, and the hub goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from canonical_model.journey import comparable
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import check
from hub import ledger
from hub.answers import Question
from hub.bootstrap import Hub, build
from hub.committer import Incoming
from hub.conversion import sameness
from hub.ledger_erasure import erase
from hub.ledger_verifier import ERASED, held_from, verify
from hub.projector import Projector
from hub.reading import state_of
from hub.store import SqliteReadModel
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person
from tests.verify import tampering
from tests.verify.small_hub import KEYS, SmallHub
from tests.verify.stories import tell

Cli = Callable[..., Ran]
Open = Callable[..., house.House]
MARK = "MARKED-LABEL-4711"
"""Stands in one fact, and nowhere else."""


@pytest.fixture
def stopped(open_house: Open, who: Person) -> house.House:
    """A hub that has heard of an order and its collection, and is stopped."""
    hub = open_house()
    hub.send(world.order(who, "ERASE-1"))
    hub.send(world.apheresis(who, "ERASE-2"))
    hub.http("heron").post("/epcis/events", json=world.packing(who), headers={"content-type": world.LD})
    hub.quiet()
    hub.stop()
    return hub


def places(hub: house.House) -> dict[str, Any]:
    return {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}


def again(hub: house.House) -> closing[Hub]:
    """The stopped hub, built again by this process."""
    return closing(build(hub.hub.settings, clock=hub.clock))


def log_of(hub: house.House) -> list[tuple[int, str, str, dict[str, Any]]]:
    """Position, id, type and text of every event."""
    with closing(sqlite3.connect(hub.hub.settings.data / "hub.db")) as db:
        rows = db.execute("SELECT position, id, type, event FROM log ORDER BY position").fetchall()
    return [(position, id_, type_, json.loads(text) if text else {}) for position, id_, type_, text in rows]


def first(hub: house.House, type_: str) -> int:
    return next(position for position, _, found, _ in log_of(hub) if found == type_)


def key(hub: house.House) -> bytes:
    return hub.hub.keys.public_key()


def test_an_erased_event_is_gone_and_every_earlier_proof_still_verifies(
    cgt_hub: Cli, stopped: house.House, tmp_path: Path
) -> None:
    """Head, count, proof and exports that somebody took before are held against the hub after the erasure."""
    data, position = stopped.hub.settings.data, first(stopped, "collection.completed")
    (tmp_path / "head").write_text(cgt_hub("ledger", "head", **places(stopped)).out, encoding="utf-8")
    name = log_of(stopped)[position - 1][1]
    journey = stopped_journey(stopped)
    commands = {"event": ("prove", position), "order": ("export", "--journey", journey), "all": ("export",)}
    for file, command in commands.items():
        assert cgt_hub("ledger", *command, "--out", tmp_path / f"{file}-before", **places(stopped)).code == 0
    ran = cgt_hub("ledger", "erase", position, "--reason", "its subject asked for it", **places(stopped))
    assert ran.code == 0, ran.err
    assert log_of(stopped)[position - 1] == (position, name, "collection.completed", {})
    for file in ("event", "order", "all"):
        assert verify(tmp_path / f"{file}-before", key(stopped), {}).faults == []
    for file, command in commands.items():
        assert cgt_hub("ledger", *command, "--from", 0, "--out", tmp_path / file, **places(stopped)).code == 0
    order = held_from(str(tmp_path / "order-before"), key(stopped))
    head = held_from(str(tmp_path / "head"), key(stopped))
    for file, held in (("event", head), ("order", head), ("order", order), ("all", head)):
        assert verify(tmp_path / file, key(stopped), held).faults == [], file
    assert verify(data / "hub.db", key(stopped), head).faults == []
    assert cgt_hub("ledger", "verify", "--head", tmp_path / "head", **places(stopped)).code == 0


def stopped_journey(hub: house.House) -> str:
    with closing(sqlite3.connect(hub.hub.settings.data / "hub.db")) as db:
        return str(db.execute("SELECT id FROM journey").fetchone()[0])


def test_the_ledger_says_what_was_erased_and_the_audit_by_whom_and_why(cgt_hub: Cli, stopped: house.House) -> None:
    position = first(stopped, "collection.completed")
    leaf = row_of(stopped, position)[1]
    assert cgt_hub("ledger", "erase", position, "--reason", "by law", "--by", "j.doe", **places(stopped)).code == 0
    said = next(event for _, _, type_, event in log_of(stopped) if type_ == ERASED)
    assert (said["position"], said["leaf"], said["reason"]) == (position, leaf.hex(), "by law")
    assert said["was"] == "collection.completed"
    assert "j.doe" not in json.dumps(said), "a person at work is a token in the log"
    with closing(sqlite3.connect(stopped.hub.settings.data / "hub.db")) as db:
        audit = db.execute("SELECT actor, about, detail FROM audit WHERE act = 'ledger.erase'").fetchall()
    assert [(actor, about, json.loads(detail)) for actor, about, detail in audit] == [
        ("j.doe", str(position), {"reason": "by law"})
    ]


def row_of(hub: house.House, position: int) -> tuple[Any, ...]:
    with closing(sqlite3.connect(hub.hub.settings.data / "hub.db")) as db:
        found: tuple[Any, ...] = db.execute("SELECT salt, leaf FROM log WHERE position = ?", (position,)).fetchone()
    return found


def test_erasing_without_saying_so_is_a_fault(stopped: house.House) -> None:
    with closing(sqlite3.connect(stopped.hub.settings.data / "hub.db")) as db:
        db.execute("UPDATE log SET event = '', salt = NULL WHERE position = 2")
        db.commit()
    found = verify(stopped.hub.settings.data / "hub.db", key(stopped), {})
    assert [fault.place for fault in found.faults] == ["position 2"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "two\nlines"])
def test_without_a_reason_nothing_is_erased(cgt_hub: Cli, stopped: house.House, reason: str) -> None:
    before = log_of(stopped)
    ran = cgt_hub("ledger", "erase", 1, "--reason", reason, **places(stopped))
    assert (ran.code, "give a reason" in ran.err) == (2, True)
    assert cgt_hub("ledger", "erase", 1, **places(stopped)).code == 2
    assert log_of(stopped) == before


def test_what_cannot_be_erased_is_told(cgt_hub: Cli, stopped: house.House) -> None:
    def told(position: int) -> str:
        ran = cgt_hub("ledger", "erase", position, "--reason", "a test", **places(stopped))
        return ran.err if ran.code == 2 else ""

    assert "no position 999" in told(999)
    assert told(2) == ""
    assert "erased already" in told(2)
    entry = next(position for position, _, type_, _ in log_of(stopped) if type_ == ERASED)
    assert "stays" in told(entry)


def test_a_hub_that_runs_is_not_erased_behind_its_back(cgt_hub: Cli, hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "ERASE-RUN"))
    ran = cgt_hub("ledger", "erase", 1, "--reason", "a test", **places(hub))
    assert (ran.code, "a hub runs on" in ran.err) == (2, True)


def test_a_correction_is_not_erased_before_what_it_puts_right(cgt_hub: Cli, open_house: Open, who: Person) -> None:
    """Without the correction the wrong fact would stand again."""
    hub = open_house()
    hub.send(world.order(who, "ERASE-C"))
    retract(hub)
    hub.stop()
    log = log_of(hub)
    above, wrong = next((p, e["supersedes"][0]) for p, _, _, e in log if e.get("supersedes"))
    below = next(position for position, id_, _, _ in log if id_ == wrong)
    ran = cgt_hub("ledger", "erase", above, "--reason", "a test", **places(hub))
    assert (ran.code, f"erase those first ({below})" in ran.err) == (2, True)
    for position in (below, above):
        assert cgt_hub("ledger", "erase", position, "--reason", "a test", **places(hub)).code == 0
    assert cgt_hub("ledger", "verify", **places(hub)).code == 0


def retract(hub: house.House) -> None:
    """A fact of the hub's log that takes back its first one, as a replay would append it."""

    def work(committer: Any) -> None:
        def append(db: Any) -> None:
            event = json.loads(db.one("events_at", "[1]")[1])
            taken = {"id": "f" * 40, "type": "record.retracted", "set": {}, "supersedes": [event["id"]]}
            committer.log.add(db, {**event, **taken}, None)
            committer.orders.refold_touched(db)

        committer.reread(append)

    hub.committer(work)


# ---- the hub afterwards -----------------------------------------------------------------------------------------


def test_the_text_is_in_no_file_afterwards(cgt_hub: Cli, open_house: Open, who: Person) -> None:
    """Database, write-ahead log and read model, free pages included; the message's body is sealed."""
    hub = open_house()
    hub.send(world.order(who, "ERASE-M"))
    hub.send(world.apheresis(replace(who, bag=MARK), "ERASE-B"))
    hub.until(lambda: holding(hub.hub.settings.data, "read.db"))
    hub.stop()
    folder = hub.hub.settings.data
    assert holding(folder, "hub.db")
    named = [position for position, _, _, event in log_of(hub) if MARK in json.dumps(event)]
    assert named
    for position in named:
        assert cgt_hub("ledger", "erase", position, "--reason", "a test", **places(hub)).code == 0
    assert not holding(folder, "hub.db"), "it is overwritten, not only unlinked"
    assert not holding(folder, "read.db")


def holding(folder: Path, name: str) -> list[str]:
    """Files of a database that have the text of an event or record with the mark; the name alone is in the graph."""
    text = f'"value":"{MARK}"'.encode()
    return [file.name for file in sorted(folder.glob(f"{name}*")) if text in file.read_bytes()]


def every_erased(hub: house.House) -> Iterator[tuple[Hub, int]]:
    """The hub built again, after one more event was erased, until none of a partner's is left."""
    with again(hub) as built:
        for position, _, type_, event in log_of(hub):
            if event and not type_.startswith(("issue.", "ledger.")):
                erase(built, position, "nobody", "a test")
                yield built, position


def test_a_hub_agrees_with_itself_after_each_erasure(stopped: house.House) -> None:
    """Memory with a fold of the log, Issues with findings, ledger with events: until nothing is left of the order."""
    count = 0
    for built, _ in every_erased(stopped):
        count += 1
        db = built.store.writer
        for (journey,) in db.all("journeys_after", "", 100):
            state = built.committer.orders.state(db, journey)
            again_folded = state_of(db, journey)
            assert again_folded is not None
            assert comparable(again_folded) == comparable(state)
            again_folded.others = state.others
            findings = check(again_folded, built.protocols, stopped.clock()).findings
            opened = {row[0] for row in db.all("issues_of", journey) if row[9] is None}
            assert opened == {finding.id for finding in findings}
        assert verify(stopped.hub.settings.data / "hub.db", key(stopped), {}).faults == []
    assert count >= 5


def test_the_read_model_is_the_one_that_a_rebuild_gives(stopped: house.House) -> None:
    def shown(built: Hub) -> list[Any]:
        raw = built.model.writer.raw
        found = raw.execute("SELECT kind, id, body FROM record ORDER BY kind, id, version").fetchall()
        return sorted({(kind, id_): {**json.loads(body), "updated": ""} for kind, id_, body in found}.items())

    for built, position in every_erased(stopped):
        built.projector.catch_up()
        after = shown(built)
        built.projector.rebuild()
        assert shown(built) == after, position


def test_questions_about_an_order_with_an_erased_fact_are_answered_with_cannot_tell(
    cgt_hub: Cli, stopped: house.House, open_house: Open, who: Person
) -> None:
    """What is gone might have been the reason to say no."""
    position = first(stopped, "collection.completed")
    assert cgt_hub("ledger", "erase", position, "--reason", "a test", **places(stopped)).code == 0
    with again(stopped) as built:
        order = [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}]
        asked = Question("may-infuse", order, [{"identifiers": [{"system": world.BAGS, "value": who.bag}]}], "lakeside")
        given = built.questions.ask(built.committer, asked).verdict
    assert given.verdict != "allow"
    assert "erased" in {reason.rule for reason in given.reasons}


def test_a_message_that_comes_again_does_not_bring_back_what_was_erased(
    cgt_hub: Cli, stopped: house.House, who: Person
) -> None:
    """Neither as a repetition nor by a replay: the id of the event stays."""
    position = first(stopped, "collection.completed")
    assert cgt_hub("ledger", "erase", position, "--reason", "a test", **places(stopped)).code == 0
    count = len(log_of(stopped))
    with again(stopped) as built:
        body = world.apheresis(who, "ERASE-2")
        built.committer.commit([Incoming("lakeside", "mllp", "hl7v2", body, name="ERASE-2")])
        row = built.store.writer.one("same_inbox", "lakeside", "ERASE-2", same_of(built, body))
        assert row is not None
        built.committer.replay(Incoming("lakeside", "mllp", "hl7v2", body, name="ERASE-2"), row[0])
    assert not log_of(stopped)[position - 1][3]
    assert len(log_of(stopped)) == count


def same_of(built: Hub, body: bytes) -> str:
    return sameness("hl7v2", built.profiles["lakeside"].volatile, body)


def test_a_delivery_of_an_erased_fact_is_not_sent(cgt_hub: Cli, open_house: Open, who: Person) -> None:
    """A delivery that waits for a receiver who is down tells of the fact: it is withheld."""
    hub = open_house(world_told)
    hub.send(world.order(who, "ERASE-D"))
    hub.send(world.apheresis(who, "ERASE-E"))
    hub.until(lambda: hub.rows("SELECT 1 FROM delivery"))
    hub.stop()
    with closing(sqlite3.connect(hub.hub.settings.data / "hub.db")) as db:
        position = db.execute("SELECT position FROM delivery WHERE state = 'waiting'").fetchone()[0]
    assert cgt_hub("ledger", "erase", position, "--reason", "a test", **places(hub)).code == 0
    with closing(sqlite3.connect(hub.hub.settings.data / "hub.db")) as db:
        states = db.execute("SELECT state, note FROM delivery WHERE position = ?", (position,)).fetchall()
    assert set(states) == {("withheld", "its fact was erased")}


def world_told(found: dict[str, dict[str, Any]]) -> None:
    world.told(found, 1, "http://127.0.0.1:9/epcis")


# ---- stories ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["ledger", "b"])
def test_a_story_with_gaps_is_still_whole_in_itself(seed: str) -> None:
    """Facts of several orders and persons, erased in any order: memory, log, Issues and ledger agree after each."""
    random, hub = Random(seed), SmallHub()
    hub.take([tell(seed, 4)])
    db = hub.store.writer
    erasable = [position for position, text, _, _ in db.all("events_from", 0, 10_000) if text]
    for position in random.sample(erasable, 8):
        event = json.loads(db.all("events_at", f"[{position}]")[0][1])
        if any(db.all("standing_event", above) for above in event.get("supersedes", ())):
            continue
        tampering.erase(hub, position)
        for (journey,) in db.all("journeys_after", "", 100):
            state, again_folded = hub.committer.orders.state(db, journey), state_of(db, journey)
            assert again_folded is not None
            assert comparable(again_folded) == comparable(state)
            again_folded.others = state.others
            opened = {row[0] for row in db.all("issues_of", journey) if row[9] is None}
            found = check(again_folded, DEFAULT_PROTOCOLS, hub.clock()).findings
            assert opened == {finding.id for finding in found}
    assert ledger.walk(db, KEYS.public_key()).faults == []
    Projector(hub.store, SqliteReadModel(None)).catch_up()


@pytest.mark.parametrize("seed", ["1", "4"])
def test_persons_are_parted_when_the_merge_that_joined_them_is_erased(seed: str) -> None:
    """What was linked through the merge stays linked, and the merge joins nobody any more."""
    hub = SmallHub()
    db = hub.store.writer
    hub.take([tell(seed, 2)])
    merges = db.raw.execute("SELECT position FROM log WHERE type = 'subject.merged'").fetchall()
    joined = db.raw.execute("SELECT count(*) FROM edge WHERE same = 2").fetchone()
    linked = db.raw.execute("SELECT journey, position FROM link ORDER BY 1, 2").fetchall()
    for (position,) in merges:
        tampering.erase(hub, position)
    assert merges
    assert joined > (0,) == db.raw.execute("SELECT count(*) FROM edge WHERE same = 2").fetchone()
    kept = db.raw.execute("SELECT journey, position FROM link ORDER BY 1, 2").fetchall()
    assert {row[1] for row in linked} & {row[0] for row in merges} <= {row[1] for row in kept}
    assert ledger.walk(db, KEYS.public_key()).faults == []
