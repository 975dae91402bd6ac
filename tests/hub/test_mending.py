"""Held messages: an operator mends or dismisses them. What came stays, who did what is known, and answers go on."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import BAGS, Person

Cli = Callable[..., Ran]
Open = Callable[..., house.House]
WHY = "the interface sent two messages as one"


def broken(message: bytes) -> bytes:
    """The message with another one behind it: a batch without its envelope, which is held."""
    return message + b"MSH|^~\\&|EHR|LAKESIDE|HUB|HUB|20260301083000-0600||ADT^A08|X|P|2.5.1\r"


def held(hub: house.House, message: bytes, control: str) -> int:
    """The number of a message that is sent broken."""
    assert msa(hub.send(broken(message))) == ("AE", control)
    return int(hub.message(control)["id"])


def mend(hub: house.House, number: int, body: bytes, by: str = "watch", **more: str) -> Any:
    asked = {"reason": WHY, "text": body.decode(), **more}
    return hub.http(by).post(f"/api/messages/{number}/mend", json=asked)


def page(hub: house.House, number: int) -> dict[str, Any]:
    shown: dict[str, Any] = hub.http("watch").get(f"/api/messages/{number}").json()
    return shown


def may_ship(hub: house.House, who: Person) -> dict[str, Any]:
    order = [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}]
    body = {"order": order, "containers": [{"system": BAGS, "value": who.bag}]}
    answer: dict[str, Any] = hub.http("lakeside").post("/api/questions/may-ship", json=body).json()
    return answer


def is_unread(answer: dict[str, Any]) -> bool:
    return "I-40" in {reason["rule"] for reason in answer["reasons"]}


def test_a_mended_message_is_recorded_and_the_one_that_came_stays(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "MEND-1"))
    message = world.apheresis(who, "MEND-2")
    number = held(hub, message, "MEND-2")
    reply = mend(hub, number, message)
    assert reply.status_code == 201
    new = reply.json()["message"]
    assert reply.headers["location"] == f"/api/messages/{new}"
    before, after = page(hub, number), page(hub, new)
    assert (before["outcome"], before["mended_as"], before["reason"]) == ("mended", new, WHY)
    assert (after["outcome"], after["mends"], after["partner"], after["source_id"]) == (
        "recorded",
        number,
        "lakeside",
        "MEND-2",
    )
    assert after["events"]
    assert {event["reason"].partition(":")[0] for event in after["events"]} == {"message"}
    assert WHY not in str(after["events"])
    stored = hub.rows("SELECT size FROM inbox WHERE id = ?", number)
    assert stored == [(len(broken(message)),)]


def test_who_mended_and_why_stands_in_the_audit(hub: house.House, who: Person) -> None:
    number = held(hub, world.order(who, "AUD-1"), "AUD-1")
    new = mend(hub, number, world.order(who, "AUD-1")).json()["message"]
    (act,) = page(hub, number)["acts"]
    assert (act["actor"], act["act"]) == ("watch", "message.mended")
    assert (act["detail"]["was"], act["detail"]["reason"], act["detail"]["as"]) == ("held", WHY, new)


def test_a_held_message_keeps_an_answer_open_until_it_is_mended(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "OPEN-1"))
    hub.send(world.apheresis(who, "OPEN-2"))
    changed = world.apheresis(who, "OPEN-3", "20260310151500-0500")
    number = held(hub, changed, "OPEN-3")
    assert is_unread(may_ship(hub, who))
    assert mend(hub, number, changed).status_code == 201
    assert not is_unread(may_ship(hub, who))


def test_a_held_message_keeps_an_answer_open_until_it_is_dismissed(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "DIS-1"))
    number = held(hub, world.apheresis(who, "DIS-2"), "DIS-2")
    assert is_unread(may_ship(hub, who))
    reply = hub.http("watch").post(f"/api/messages/{number}/dismiss", json={"reason": "a test of the interface"})
    assert (reply.status_code, reply.json()["outcome"]) == (200, "dismissed")
    assert not is_unread(may_ship(hub, who))
    assert page(hub, number)["acts"][0]["act"] == "message.dismissed"


def test_a_message_whose_resend_was_recorded_keeps_no_answer_open(
    open_house: Open, who: Person, tmp_path: Path
) -> None:
    """Its table was mended and its sender sent it again: the first time that it came is of no matter any more."""
    own = world.write_overlay(tmp_path / "overlay")
    hub = open_house(lambda found: found["lakeside"].update(overlay=str(own)))
    hub.send(world.order(who, "TWIN-1"))
    message = world.apheresis(who, "TWIN-2").replace(b"ORU^R01^ORU_R01", b"ORU^R31^ORU_R01")
    assert msa(hub.send(message))[0] == "AR"
    hub.committer(lambda c: c.connection.raw.execute("UPDATE inbox SET outcome = 'held' WHERE source_id = 'TWIN-2'"))
    assert is_unread(may_ship(hub, who))
    (own / "hl7v2" / "oru_r31.yaml").write_text(
        "map: hl7v2/oru_r31\nabout: results\nlike: hl7v2/oru_r01\nfor: [ORU^R31]\n", encoding="utf-8"
    )
    assert hub.http("watch").post("/api/reload").status_code == 200
    assert msa(hub.send(message))[0] == "AA"
    assert not is_unread(may_ship(hub, who))


def test_what_is_not_recorded_when_it_is_mended_is_told_and_not_kept(hub: house.House, who: Person) -> None:
    message = world.order(who, "BAD-1")
    number = held(hub, message, "BAD-1")
    before = hub.count("inbox")
    reply = mend(hub, number, broken(message).replace(b"|X|", b"|Y|"))
    assert reply.status_code == 422
    assert [fault["code"] for fault in reply.json()["faults"]] == ["hl7v2-batch"]
    assert (hub.count("inbox"), page(hub, number)["outcome"]) == (before, "held")
    assert mend(hub, number, message).status_code == 201, "a failed attempt must not stand in the way"


def test_what_was_recorded_or_mended_or_is_unknown_is_not_mended(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "REC-1"))
    assert mend(hub, hub.message("REC-1")["id"], world.order(who, "REC-1")).status_code == 409
    number = held(hub, world.order(who, "REC-2"), "REC-2")
    assert mend(hub, number, broken(world.order(who, "REC-2"))).status_code == 409, "the same body mends nothing"
    assert mend(hub, number, world.order(who, "REC-2")).status_code == 201
    assert mend(hub, number, world.order(who, "REC-2")).status_code == 409
    assert mend(hub, 999_999, b"MSH").status_code == 404


def test_the_body_comes_once_and_whole(hub: house.House, who: Person) -> None:
    number = held(hub, world.order(who, "ONCE-1"), "ONCE-1")
    client, path = hub.http("watch"), f"/api/messages/{number}/mend"
    for wrong in ({}, {"text": "a", "base64": "YQ=="}, {"base64": "?"}, {"text": "a", "more": 1}):
        assert client.post(path, json={"reason": WHY, **wrong}).status_code == 422, wrong
    assert client.post(path, json={"reason": "", "text": "a"}).status_code == 422
    whole = base64.b64encode(world.order(who, "ONCE-1")).decode()
    assert client.post(path, json={"reason": WHY, "base64": whole}).status_code == 201


def test_every_time_that_it_came_is_mended_at_once(hub: house.House, who: Person) -> None:
    """A sender repeats what was not accepted; it is kept once, and counted."""
    message = world.order(who, "OFT-1")
    number, *again = (held(hub, message, "OFT-1") for _ in range(3))
    assert again == [number, number]
    assert mend(hub, number, message).status_code == 201
    assert page(hub, number)["outcome"] == "mended"


def test_a_resend_of_what_was_mended_is_accepted_and_changes_nothing(hub: house.House, who: Person) -> None:
    message = world.order(who, "AGN-1")
    number = held(hub, message, "AGN-1")
    mend(hub, number, message)
    facts, inbox = hub.facts(), hub.count("inbox")
    assert msa(hub.send(broken(message))) == ("AA", "AGN-1")
    assert msa(hub.send(message)) == ("AA", "AGN-1")
    assert (hub.facts(), hub.count("inbox")) == (facts, inbox)


def test_a_resend_of_what_was_dismissed_is_refused_for_good(hub: house.House, who: Person) -> None:
    message = world.order(who, "REF-1")
    number = held(hub, message, "REF-1")
    hub.http("watch").post(f"/api/messages/{number}/dismiss", json={"reason": "sent by mistake"})
    before = hub.count("inbox")
    answer = hub.send(broken(message))
    assert msa(answer) == ("AR", "REF-1")
    assert b"set it aside" in answer
    assert hub.count("inbox") == before


def test_what_a_held_message_said_already_is_put_right_by_the_mended_one(hub: house.House, who: Person) -> None:
    """Of a file with two rows one could be read. The mended file says both, the first one otherwise."""
    hub.send(world.order(who, "PART-1"))
    good = world.qc(who)
    bad = good.replace(b"0.05;EU/mL;;0.50;pass;final;2026-03-11 11:10", b"0.05;EU/mL;;0.50;pass;final")
    told = hub.dropped(f"qc-{who.order}.csv", bad)
    assert told["outcome"] == "held"
    number = told["message"]
    first = page(hub, number)["events"]
    assert first, "the row that could be read is recorded"
    new = mend(hub, number, good.replace(b"97.20", b"96.10")).json()["message"]
    shown = page(hub, new)["events"]
    replaced = {old for event in shown for old in event.get("supersedes", ())}
    assert {event["id"] for event in first} <= replaced
    results = [r for r in hub.journey(who)["timeline"] if r["type"] == "result.reported"]
    assert any("96.10" in str(r["set"]) for r in results)


def test_only_operators_mend_dismiss_and_replay(hub: house.House, who: Person) -> None:
    number = held(hub, world.order(who, "WHO-1"), "WHO-1")
    one = f"messages/{number}"
    posts = (f"{one}/mend", f"{one}/dismiss", "replays", "replays/1/stop", "reload", "what-if")
    gets = (one, f"{one}/body", "messages", "replays", "replays/1", "replays/1/messages")
    for partner in ("lakeside", "foundry", "heron"):
        client = hub.http(partner)
        told = {path: client.post(f"/api/{path}", json={}).status_code for path in posts}
        told |= {f"GET {path}": client.get(f"/api/{path}").status_code for path in gets}
        assert set(told.values()) == {403}, (partner, told)


def test_a_body_is_read_by_the_hubs_own_people_alone_and_that_is_audited(open_house: Open, who: Person) -> None:
    hub = open_house(lambda found: found["watch"].update(role="hub"))
    number = held(hub, world.order(who, "BODY-1"), "BODY-1")
    assert hub.http("watch").get(f"/api/messages/{number}/body").content == broken(world.order(who, "BODY-1"))
    assert [(act["actor"], act["act"]) for act in page(hub, number)["acts"]] == [("watch", "message.read")]
    assert hub.http("watch").get("/api/messages/999/body").status_code == 404


def test_quality_assurance_reads_no_body(hub: house.House, who: Person) -> None:
    number = held(hub, world.order(who, "BODY-2"), "BODY-2")
    assert hub.http("watch").get(f"/api/messages/{number}/body").status_code == 403
    assert page(hub, number)["acts"] == []


def test_the_page_of_a_message_tells_what_it_takes_to_mend_it(open_house: Open, who: Person) -> None:
    hub = open_house(retention_message=3)
    shown = page(hub, held(hub, world.order(who, "PAGE-1"), "PAGE-1"))
    assert [(fault["part"], fault["code"], fault["place"] != "") for fault in shown["faults"]] == [
        ("message", "hl7v2-batch", True)
    ]
    assert shown["can_be_mended"] is shown["body_is_kept"] is True
    assert shown["body_kept_until"] == "2026-06-30"
    assert (shown["mends"], shown["mended_as"], shown["replays"], shown["acts"]) == (None, None, [], [])


@pytest.mark.parametrize("command", ["mend", "dismiss"])
def test_the_terminal_does_it_to_a_stopped_hub(
    open_house: Open, cgt_hub: Cli, who: Person, tmp_path: Path, command: str
) -> None:
    hub = open_house()
    number = held(hub, world.order(who, "CLI-1"), "CLI-1")
    hub.stop()
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    (tmp_path / "mended.hl7").write_bytes(world.order(who, "CLI-1"))
    arguments = [number, tmp_path / "mended.hl7"] if command == "mend" else [number]
    ran = cgt_hub(command, *arguments, "--reason", WHY, **places)
    assert ran.code == 0, ran.err
    assert ran.json["outcome"] == {"mend": "recorded", "dismiss": "dismissed"}[command]
    again = cgt_hub(command, *arguments, "--reason", WHY, **places)
    assert (again.code, "only what is held or rejected" in again.err) == (2, True)
    verified = cgt_hub("ledger", "verify", data=hub.hub.settings.data)
    assert verified.code == 0
