"""Replays of many messages while the hub runs: chosen by what they have in common, resumable, in the way of nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import ValidationError

from hub import replaying
from hub.bootstrap import build
from hub.committer import Committer
from hub.replaying import Selection, Wanted
from hub.revising import CAUSES
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import Person, person

Open = Callable[..., house.House]
STARTING = "wire,canonical,note\nAPH,starting,apheresis product of this hospital\n*!,sample,everything else\n"
SAMPLE = "wire,canonical,note\nAPH,sample,mended\n*!,sample,everything else\n"
WHY = "the code was read as the wrong stage"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return world.write_overlay(tmp_path / "overlay")


@pytest.fixture
def hub(open_house: Open, own: Path) -> house.House:
    """A hub whose hospital has tables of its own."""
    return open_house(lambda found: found["lakeside"].update(overlay=str(own)))


def tables(hub: house.House, own: Path, text: str) -> None:
    (own / "hl7v2" / "codes" / "material_stage.csv").write_text(text, encoding="utf-8")
    assert hub.http("watch").post("/api/reload").status_code == 200


def replay(hub: house.House, cause: str = "codes", **chosen: Any) -> dict[str, Any]:
    """A replay when it has ended."""
    asked = {"chosen": chosen, "cause": cause, "reason": WHY}
    reply = hub.http("watch").post("/api/replays", json=asked)
    assert reply.status_code == 202, reply.text
    where = reply.headers["location"]
    return hub.until(lambda: ended(hub, where), 60)


def ended(hub: house.House, where: str) -> Any:
    told = hub.http("watch").get(where).json()
    return told if told["ended"] else None


def send(hub: house.House, count: int, first: int) -> None:
    """So many orders with their apheresis, on one line."""
    with hub.line() as line:
        for number in range(first, first + count):
            who = person(number)
            assert msa(line.ask(world.order(who, f"O-{number}")))[0] == "AA"
            assert msa(line.ask(world.apheresis(who, f"A-{number}")))[0] == "AA"


def test_messages_of_a_type_are_replayed_and_the_table_tells_what_became_of_them(hub: house.House, own: Path) -> None:
    send(hub, 5, 5000)
    tables(hub, own, SAMPLE)
    told = replay(hub, partner="lakeside", type="ORU^R01")
    assert (told["state"], told["messages"], told["done"]) == ("done", 5, 5)
    (row,) = told["table"]
    assert (row["was"], row["outcome"], row["messages"]) == ("recorded", "recorded", 5)
    assert row["facts"] == told["facts"] >= 5
    again = replay(hub, partner="lakeside", type="ORU^R01")
    assert (again["done"], again["facts"]) == (5, 0)


def test_every_fact_that_takes_anothers_place_says_why_and_never_the_operators_words(
    hub: house.House, own: Path
) -> None:
    send(hub, 1, 5100)
    tables(hub, own, SAMPLE)
    told = replay(hub, type="ORU^R01")
    number = hub.message("A-5100")["id"]
    shown = hub.http("watch").get(f"/api/messages/{number}").json()
    later = [event for event in shown["events"] if event.get("supersedes")]
    assert later
    assert {event["reason"].partition(":")[0] for event in later} == {"codes"}
    assert WHY not in str(shown["events"])
    assert [(r["replay"], r["reason"]) for r in shown["replays"]] == [(told["replay"], WHY)]
    audit = hub.rows("SELECT actor, act, detail FROM audit WHERE about = ? ORDER BY id", f"replay/{told['replay']}")
    assert [row[:2] for row in audit] == [("watch", "replay"), ("hub", "replay.done")]
    assert WHY in audit[0][2]


def test_what_was_read_by_todays_tables_is_not_chosen_as_older(hub: house.House, own: Path) -> None:
    send(hub, 2, 5200)
    assert replay(hub, older=True)["messages"] == 0
    tables(hub, own, SAMPLE)
    assert replay(hub, older=True)["messages"] == 4
    assert replay(hub, older=True)["messages"] == 0, "a message that was read again was read by today's tables"


def test_messages_are_chosen_by_outcome_fault_partner_and_time(hub: house.House) -> None:
    send(hub, 1, 5300)
    hub.send(world.order(person(5301), "H-1") + world.order(person(5302), "H-2"))
    hub.clock.put_forward(hours=1)
    since = "2026-03-11T13:00:00Z"
    send(hub, 1, 5303)
    assert replay(hub, outcome="held")["messages"] == 1
    assert replay(hub, fault="hl7v2-batch")["table"][0]["was"] == "held"
    assert replay(hub, fault="no-such-fault")["messages"] == 0
    assert replay(hub, partner="foundry")["messages"] == 0
    assert replay(hub, since=since)["messages"] == 2
    assert replay(hub, until=since)["messages"] == 3


def test_what_cannot_be_replayed_is_left_with_the_reason(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "L-1"))
    number = hub.message("L-1")["id"]
    told = replay(hub, messages=[number, 777_777])
    notes = {row["outcome"]: row["note"] for row in told["table"]}
    assert notes.keys() == {"recorded", "left"}
    assert "not in the body store" in notes["left"]
    of = hub.http("watch").get(f"/api/replays/{told['replay']}/messages").json()
    assert [(one["message"], one["outcome"]) for one in of] == [(number, "recorded"), (777_777, "left")]


def test_a_body_that_is_no_json_is_told_what_to_send(hub: house.House) -> None:
    answer = hub.http("watch").post(
        "/api/messages/1/mend", content=b"MSH|^~\\&|", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 422
    assert "JSON object" in answer.text


def test_what_was_mended_is_replayed_as_it_was_mended(hub: house.House, own: Path, who: Person) -> None:
    hub.send(world.order(who, "M-1"))
    message = world.apheresis(who, "M-2")
    hub.send(message + world.update(who, "M-3"))
    number = hub.message("M-2")["id"]
    mended = {"reason": WHY, "text": message.decode()}
    new = hub.http("watch").post(f"/api/messages/{number}/mend", json=mended).json()["message"]
    tables(hub, own, SAMPLE)
    told = replay(hub, messages=[number, new])
    assert {row["outcome"]: row["messages"] for row in told["table"]} == {"left": 1, "recorded": 1}
    assert told["facts"] > 0
    assert replay(hub, messages=[new])["facts"] == 0


def test_a_message_over_which_the_hub_fails_stays_as_it_is_and_the_others_go_on(hub: house.House, own: Path) -> None:
    send(hub, 3, 5400)
    tables(hub, own, SAMPLE)
    bad = hub.message("A-5401")["id"]
    whole = Committer._read_again

    def failing(self: Committer, db: Any, incoming: Any, inbox: int, cause: str) -> Any:
        answer = whole(self, db, incoming, inbox, cause)
        if inbox == bad:
            raise ZeroDivisionError("planted")
        return answer

    with patch.object(Committer, "_read_again", failing):
        told = replay(hub, type="ORU^R01")
    assert {row["outcome"]: row["messages"] for row in told["table"]} == {"failed": 1, "recorded": 2}
    assert hub.message("A-5401")["outcome"] == "recorded"
    assert hub.http("watch").get("/api/ledger").json()["holds"]
    assert replay(hub, type="ORU^R01")["facts"] > 0, "what failed is replayed once the hub is mended"


def test_a_replay_is_stopped_and_what_it_did_stands(hub: house.House, own: Path) -> None:
    send(hub, 6, 5500)
    tables(hub, own, SAMPLE)
    with patch.object(replaying, "BATCH", 1), patch.object(replaying, "BATCH_SECONDS", 0.0):
        asked = {"chosen": {"type": "ORU^R01"}, "reason": WHY}
        where = hub.http("watch").post("/api/replays", json=asked).headers["location"]
        hub.until(lambda: hub.http("watch").get(where).json()["done"] >= 1)
        told = hub.http("watch").post(f"{where}/stop").json()
    assert told["state"] in {"stopped", "done"}
    done = told["done"]
    time.sleep(0.2)
    assert hub.http("watch").get(where).json()["done"] == done
    assert hub.http("watch").post("/api/replays/9999/stop").status_code == 404


def test_messages_that_come_in_during_a_replay_are_answered_between_its_batches(hub: house.House, own: Path) -> None:
    """Of a replay that takes long, every batch is short, so that whoever sends is answered while it goes on."""
    send(hub, 40, 5600)
    tables(hub, own, SAMPLE)
    asked = {"chosen": {"partner": "lakeside"}, "reason": WHY}
    with patch.object(replaying, "BATCH", 1):
        where = hub.http("watch").post("/api/replays", json=asked).headers["location"]
        seen: list[int] = []
        with hub.line() as line:
            while not (told := hub.http("watch").get(where).json())["ended"]:
                who = person(5700 + len(seen))
                assert msa(line.ask(world.order(who, f"L-{len(seen)}")))[0] == "AA"
                seen.append(told["done"])
    assert len(set(seen)) >= 3, seen
    assert told["done"] == 80, "what came after the replay began is none of its messages"


def test_a_hub_that_ended_in_the_middle_goes_on_when_it_starts_again(
    open_house: Open, own: Path, cgt_hub: Callable[..., Ran]
) -> None:
    hub = open_house(lambda found: found["lakeside"].update(overlay=str(own)))
    send(hub, 6, 5800)
    tables(hub, own, SAMPLE)
    paused = threading.Event()
    whole = replaying.Replays._batch

    def one_and_no_more(self: Any, committer: Any, one: Any) -> Any:
        if paused.is_set():
            raise OSError("planted: the disk is away")
        paused.set()
        return whole(self, committer, one)

    two = patch.multiple(replaying, BATCH=2, BATCH_SECONDS=60.0)
    with two, patch.object(replaying.Replays, "_batch", one_and_no_more):
        asked = {"chosen": {"type": "ORU^R01"}, "reason": WHY}
        where = hub.http("watch").post("/api/replays", json=asked).headers["location"]
        hub.until(lambda: hub.http("watch").get(where).json()["done"] == 2)
        hub.until(lambda: "replays.failed" in hub.logs.events())
        hub.stop()
    again = house.House(hub.home, build(hub.hub.settings, None, hub.clock), hub.clock, hub.logs).start()
    try:
        told = again.until(lambda: ended(again, where))
    finally:
        again.stop()
    assert (told["state"], told["messages"], told["done"]) == ("done", 6, 6)
    assert cgt_hub("ledger", "verify", data=hub.hub.settings.data).code == 0


def test_the_terminal_follows_a_replay_of_a_running_hub(
    hub: house.House, own: Path, cgt_hub: Callable[..., Ran], tmp_path: Path
) -> None:
    send(hub, 2, 5900)
    tables(hub, own, SAMPLE)
    token = tmp_path / "token"
    token.write_text(world.TOKENS["watch"], encoding="utf-8")
    asked = ("--type", "ORU^R01", "--because", "codes", "--reason", WHY)
    ran = cgt_hub("replay", *asked, "--url", hub.base, "--token", token)
    assert ran.code == 0, ran.err
    assert (ran.json["state"], ran.json["done"], ran.json["facts"] > 0) == ("done", 2, True)
    ran = cgt_hub("replay", 1, data=hub.hub.settings.data, partners=hub.hub.settings.partners)
    assert (ran.code, "a hub runs on" in ran.err) == (2, True)


def test_the_terminal_replays_many_messages_of_a_stopped_hub(
    hub: house.House, own: Path, cgt_hub: Callable[..., Ran]
) -> None:
    send(hub, 2, 5950)
    hub.stop()
    (own / "hl7v2" / "codes" / "material_stage.csv").write_text(SAMPLE, encoding="utf-8")
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    ran = cgt_hub("replay", "--older", "--partner", "lakeside", **places)
    assert (ran.code, ran.json["done"], ran.json["facts"] > 0) == (0, 4, True), ran.err
    assert cgt_hub("replay", "--older", **places).json["messages"] == 0


def test_a_selection_names_messages_or_what_they_have_in_common() -> None:
    for wrong in (
        {},
        {"messages": [1], "partner": "lakeside"},
        {"outcome": "mended"},
        {"since": "2026-03-01T00:00:00"},
    ):
        with pytest.raises(ValidationError):
            Selection.model_validate(wrong)
    Selection.model_validate({"since": "2026-03-01T00:00:00Z"})


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_a_replay_can_be_asked_for_by_every_cause(cause: str) -> None:
    assert Wanted.model_validate({"chosen": {"messages": [1]}, "cause": cause, "reason": WHY}).cause == cause


def test_a_replay_without_a_reason_is_refused(hub: house.House) -> None:
    for asked in (
        {"chosen": {"messages": [1]}},
        {"chosen": {}, "reason": WHY},
        {"chosen": {"messages": [1]}, "reason": ""},
    ):
        assert hub.http("watch").post("/api/replays", json=asked).status_code == 422, asked
