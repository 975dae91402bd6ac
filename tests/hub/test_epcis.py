"""EPCIS from outside: a capture is a job whose answer stays, and one bad event costs no other."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.hub import house, world
from tests.hub.world import LD, XML, Person

GOOD = world.departing()
BAD_STEP = world.event("flying", "2026-03-10T15:31:00-05:00", epcList=[f"https://id.gs1.org/00/{world.SSCC}"])
NO_TIME = {
    name: value for name, value in world.departing(at="2026-03-10T15:32:00-05:00").items() if name != "eventTime"
}


@pytest.fixture(scope="module")
def packed(hub: house.House) -> Person:
    """A patient whose bag is in the shipper that the tests move."""
    who = world.person(4000)
    hub.send(world.order(who, "PACK-1"))
    hub.send(world.apheresis(who, "PACK-2"))
    assert capture(hub, world.document(world.packing(who))).status_code == 202
    return who


def capture(hub: house.House, body: bytes, path: str = "capture", kind: str = LD, **headers: str) -> httpx.Response:
    return hub.http("heron").post(f"/epcis/{path}", content=body, headers={"content-type": kind, **headers})


def job(hub: house.House, reply: httpx.Response, partner: str = "heron") -> dict[str, Any]:
    return dict(hub.http(partner).get(reply.headers["location"]).json())


def codes(reply: httpx.Response) -> list[str]:
    """Our codes in a problem document."""
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json()
    assert told["status"] == reply.status_code
    assert told["type"] == "epcisException:ValidationException"
    return [fault["code"] for fault in told["faults"]]


def test_a_capture_is_accepted_with_a_job_that_tells_its_end(hub: house.House, packed: Person) -> None:
    reply = capture(hub, world.document(GOOD))
    assert reply.status_code == 202
    assert reply.headers["gs1-epcis-version"] == "2.0.0"
    assert reply.headers["gs1-capture-error-behaviour"] == "proceed"
    told = job(hub, reply)
    assert (told["running"], told["success"], told["errors"]) == (False, True, [])
    custody = {link["container"]: link["holder"] for link in hub.journey(packed)["custody"]}
    assert custody[packed.bag].endswith(world.GLN["heron"])


def test_bad_events_are_refused_one_by_one_and_the_good_one_counts(hub: house.House, packed: Person) -> None:
    later = world.departing(at="2026-03-10T15:45:00-05:00")
    facts = hub.facts()
    told = job(hub, capture(hub, world.document(BAD_STEP, later, NO_TIME)))
    assert told["success"] is False
    assert [(part["part"], part["fate"]) for part in told["parts"]] == [
        ("handling 1", "recorded"),
        ("event[1]", "held"),
        ("event[3]", "held"),
    ]
    details = [error["detail"] for error in told["errors"]]
    assert details == ["term-unknown at event[1].bizStep", "time-unreadable at event[3].eventTime"]
    assert all(error["title"] for error in told["errors"])
    assert hub.facts() > facts


def test_the_mended_document_records_what_was_missing_and_nothing_twice(hub: house.House, packed: Person) -> None:
    first = world.event("arriving", "2026-03-11T06:00:00-05:00", epcList=[f"https://id.gs1.org/00/{world.SSCC}"])
    second = {**first, "eventTime": "2026-03-11T06:05:00-05:00", "eventID": "ni:///sha-256;" + "a" * 64 + "?ver=CBV2.0"}
    bad = {**second, "eventTimeZoneOffset": "noon"}
    assert job(hub, capture(hub, world.document(first, bad)))["success"] is False
    told = job(hub, capture(hub, world.document(first, second)))
    assert told["success"] is True
    ids = [event["id"] for event in hub.journey(packed)["timeline"]]
    assert len(ids) == len(set(ids))


def test_one_event_is_answered_at_once(hub: house.House, packed: Person) -> None:
    reply = capture(hub, json.dumps(world.departing(at="2026-03-10T16:00:00-05:00")).encode(), "events")
    assert (reply.status_code, reply.content) == (201, b"")
    held = capture(hub, json.dumps(BAD_STEP).encode(), "events")
    assert held.status_code == 422
    assert codes(held) == ["term-unknown"]


def test_an_event_about_what_nobody_knows_is_taken_and_said_to_wait(hub: house.House) -> None:
    lone = world.event("arriving", epcList=["https://id.gs1.org/00/395123450000000093"])
    reply = capture(hub, json.dumps(lone).encode(), "events")
    assert reply.status_code == 201
    assert reply.json()["unlinked"] == 1


def test_a_document_captured_twice_is_one_job_and_no_new_fact(hub: house.House, packed: Person) -> None:
    document = world.document(world.departing(at="2026-03-10T17:00:00-05:00"))
    first = capture(hub, document)
    facts = hub.facts()
    again = capture(hub, document)
    assert again.headers["location"] == first.headers["location"]
    assert hub.facts() == facts


def test_an_idempotency_key_names_a_document_that_names_itself_not(hub: house.House) -> None:
    document = world.document(
        world.departing(at="2026-03-10T17:30:00-05:00"), world.departing(at="2026-03-10T17:31:00-05:00")
    )
    reply = capture(hub, document, **{"idempotency-key": "once-1"})
    number = reply.headers["location"].rpartition("/")[2]
    assert hub.rows("SELECT source_id FROM inbox WHERE id = ?", number) == [("once-1",)]


def test_xml_is_read_like_json(hub: house.House, packed: Person) -> None:
    body = world.epcis_xml(world.xml_event(f"https://id.gs1.org/00/{world.SSCC}"))
    assert job(hub, capture(hub, body, kind=XML))["success"] is True


@pytest.mark.parametrize("path", ["capture", "events"])
@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", LD, "json-syntax"),
        (b"{", LD, "json-syntax"),
        (b"[]", LD, "epcis-shape"),
        (b"{}", LD, "unsupported-message"),
        (b'{"type":"EPCISDocument","type":"X"}', LD, "json-duplicate-key"),
        (b'{"type":"EPCISDocument","x":NaN}', LD, "json-number"),
        (b"[" * 9000, LD, "json-too-deep"),
        (b"<a>", XML, "xml-syntax"),
        (b"<a/>", XML, "unsupported-message"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', XML, "xml-doctype"),
        (b"<a>" * 200 + b"</a>" * 200, XML, "xml-too-deep"),
    ],
)
def test_a_document_that_cannot_be_read_is_a_problem_and_is_kept(
    hub: house.House, path: str, body: bytes, kind: str, code: str
) -> None:
    before, facts = came(hub), hub.facts()
    reply = capture(hub, body, path, kind)
    assert reply.status_code == 400
    assert codes(reply) == [code]
    assert (came(hub), hub.facts()) == (before + 1, facts)


def came(hub: house.House) -> int:
    """Messages that came, those that came again with them."""
    return int(hub.rows("SELECT count(*) + sum(repeats) FROM inbox")[0][0] or 0)


def test_a_problem_repeats_nothing_of_what_was_sent(hub: house.House) -> None:
    secret = "Tregarthen-19630217"
    event = world.event(secret, readPoint={"id": secret}, **{secret: secret})
    for body in (world.document(event), json.dumps({"type": secret}).encode()):
        reply = capture(hub, body, "events")
        assert reply.status_code in {400, 422}
        assert secret not in reply.text


def test_another_media_type_is_refused(hub: house.House) -> None:
    reply = capture(hub, b"{}", kind="text/csv")
    assert (reply.status_code, reply.json()["faults"][0]["code"]) == (415, "media-type")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(hub: house.House) -> None:
    rows = hub.count("inbox")
    reply = capture(hub, b"x" * 1_100_000)
    assert (reply.status_code, reply.json()["faults"][0]["code"]) == (413, "too-large")

    def dripping() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    chunked = hub.http("heron").post("/epcis/capture", content=dripping(), headers={"content-type": LD})
    assert chunked.status_code == 413
    assert hub.count("inbox") == rows


def test_a_job_is_its_senders_only(hub: house.House, packed: Person) -> None:
    where = capture(hub, world.document(GOOD)).headers["location"]
    assert hub.http("heron").get(where).status_code == 200
    other, absent = hub.http("foundry").get(where), hub.http("foundry").get("/epcis/capture/999999")
    assert other.status_code == absent.status_code == 404
    assert other.text == absent.text
    assert hub.http("lakeside").get(where).status_code == 403
    assert hub.http().get(where).status_code == 401


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999999999999999"])
def test_a_job_number_that_is_none_is_not_found(hub: house.House, number: str) -> None:
    assert hub.http("heron").get(f"/epcis/capture/{number}").status_code == 404


def test_a_hospital_does_not_capture(hub: house.House) -> None:
    reply = hub.http("lakeside").post("/epcis/capture", content=world.document(GOOD), headers={"content-type": LD})
    assert (reply.status_code, reply.json()["faults"][0]["code"]) == (403, "forbidden")
