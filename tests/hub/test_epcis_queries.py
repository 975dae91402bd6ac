"""EPCIS queries from outside: a partner finds what it may see, page by page, and no person in any of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.adapters.epcis_samples import gs1_schema
from tests.hub import house, world
from tests.hub.world import LD, Person

SSCC = "395123450000000024"
SHIPPER = f"https://id.gs1.org/00/{SSCC}"
OTHER = "395123450000000031"


@pytest.fixture(scope="module")
def carried(hub: house.House) -> Person:
    """A patient whose bag Heron carried; another of Northern's, whom neither Heron nor Foundry has to do with."""
    who, stranger = world.person(5100), world.person(5101)
    hub.send(world.order(who, "QRY-1"))
    hub.send(world.apheresis(who, "QRY-2"))
    hub.send(world.order(stranger, "QRY-3").replace(b"AXI-CEL", b"OTHER-1"))
    hub.send(world.apheresis(stranger, "QRY-4"))
    events = [
        world.packing(who, SSCC),
        world.departing(SSCC, "2026-03-10T15:30:00-05:00"),
        world.event("arriving", "2026-03-11T06:00:00-05:00", epcList=[SHIPPER]),
        world.event("departing", "2026-03-10T16:30:00-05:00", epcList=[f"https://id.gs1.org/00/{OTHER}"]),
    ]
    for event in events:
        reply = hub.http("heron").post("/epcis/capture", content=world.document(event), headers={"content-type": LD})
        assert reply.status_code == 202
    foreign = world.packing(stranger, "395123450000000048")
    capture = hub.http("foundry").post("/epcis/capture", content=world.document(foreign), headers={"content-type": LD})
    assert capture.status_code == 202
    return who


def ask(hub: house.House, path: str = "events", partner: str = "heron", **query: str) -> httpx.Response:
    return hub.http(partner).get(f"/epcis/{path}", params=query)


def found(hub: house.House, path: str = "events", partner: str = "heron", **query: str) -> list[dict[str, Any]]:
    reply = ask(hub, path, partner, **query)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == LD
    results: list[dict[str, Any]] = reply.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return results


def steps(events: list[dict[str, Any]]) -> list[str]:
    return [event["bizStep"] for event in events if "bizStep" in event]


def test_a_courier_finds_the_way_of_its_shipper(hub: house.House, carried: Person) -> None:
    assert steps(found(hub, MATCH_epc=SHIPPER)) == ["arriving", "departing"]
    assert steps(found(hub, MATCH_parentID=SHIPPER)) == ["packing"]
    assert steps(found(hub, MATCH_anyEPC=SHIPPER)) == ["arriving", "departing", "packing"]


def test_another_spelling_of_a_key_finds_the_same(hub: house.House, carried: Person) -> None:
    urn = f"urn:epc:id:sscc:9512345.3{SSCC[8:17]}"
    assert found(hub, MATCH_anyEPC=urn) == found(hub, MATCH_anyEPC=SHIPPER) != []
    assert set(steps(found(hub, MATCH_epc="https://id.gs1.org/00/39512345000000002*"))) == {"arriving", "departing"}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"EQ_bizStep": "departing"}, ["departing"]),
        ({"EQ_bizStep": "urn:epcglobal:cbv:bizstep:departing|cbv:BizStep-packing"}, ["departing", "packing"]),
        ({"eventType": "AggregationEvent"}, ["packing"]),
        ({"EQ_action": "ADD"}, ["packing"]),
        ({"EQ_disposition": "in_transit"}, ["departing"]),
        ({"GE_eventTime": "2026-03-11T05:00:00-05:00"}, ["arriving"]),
        ({"LT_eventTime": "2026-03-10T20:30:00Z"}, ["packing"]),
        ({"GE_recordTime": "2100-01-01T00:00:00Z"}, []),
        ({"EQ_readPoint": world.party("lakeside")}, ["departing", "packing"]),
        ({"EQ_bizStep": "departing", "EQ_action": "ADD"}, []),
        ({"EXISTS_errorDeclaration": "true"}, []),
        ({"EQ_type": "Temperature"}, []),
    ],
)
def test_a_parameter_narrows_what_is_found(
    hub: house.House, carried: Person, query: dict[str, str], wanted: list[str]
) -> None:
    assert steps(found(hub, MATCH_anyEPC=SHIPPER, **query)) == wanted


def test_pages_together_are_the_whole_and_none_comes_twice(hub: house.House, carried: Person) -> None:
    whole = [event["eventID"] for event in found(hub, perPage="500")]
    assert len(whole) == len(set(whole)) > 4
    paged: list[str] = []
    where = "/epcis/events?perPage=2"
    for _ in range(len(whole)):
        reply = hub.http("heron").get(where)
        paged += [e["eventID"] for e in reply.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
        if "link" not in reply.headers:
            break
        where = reply.headers["link"].partition(">")[0].removeprefix("<")
    assert paged == whole


def test_an_answer_stands_in_the_order_that_was_asked_for(hub: house.House, carried: Person) -> None:
    for direction, wanted in (("ASC", ["packing", "departing", "arriving"]), ("DESC", ["arriving", "departing"])):
        events = found(hub, MATCH_anyEPC=SHIPPER, orderBy="eventTime", orderDirection=direction)
        assert steps(events)[: len(wanted)] == wanted
    assert len(found(hub, MATCH_anyEPC=SHIPPER, eventCountLimit="1")) == 1
    refused = ask(hub, MATCH_anyEPC=SHIPPER, maxEventCount="1")
    assert (refused.status_code, refused.json()["type"]) == (413, "epcisException:QueryTooLargeException")


def paged(hub: house.House, **query: str) -> list[str]:
    """The ids of all pages, one after the other."""
    ids: list[str] = []
    where = f"/epcis/events?{urlencode(query)}"
    while where:
        reply = hub.http("heron").get(where)
        assert reply.status_code == 200, reply.text
        events = reply.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert 0 < len(events) <= int(query["perPage"])
        ids += [event["eventID"] for event in events]
        where = reply.headers["link"].partition(">")[0].removeprefix("<") if "link" in reply.headers else ""
    return ids


def test_pages_in_an_order_together_are_the_whole(hub: house.House, carried: Person) -> None:
    whole = [event["eventID"] for event in found(hub, orderBy="eventTime", orderDirection="ASC", perPage="500")]
    assert paged(hub, orderBy="eventTime", orderDirection="ASC", perPage="2") == whole
    assert paged(hub, orderBy="eventTime", orderDirection="ASC", perPage="2", eventCountLimit="5") == whole[:5]
    assert paged(hub, perPage="1", eventCountLimit="3") == [e["eventID"] for e in found(hub, perPage="3")]


def test_queries_in_order_or_with_a_limit_work_in_a_hub_of_many_orders(
    hub: house.House, carried: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once two hundred orders were folded every further look was charged thousands of facts: all were refused."""
    monkeypatch.setattr("hub.epcis_events.MOST_ORDERS", 1)
    monkeypatch.setattr("hub.epcis_events.WINDOW", 3)
    whole = found(hub, orderBy="eventTime", perPage="500")
    assert len(whole) > 4
    assert found(hub, orderBy="eventTime", perPage="5", GE_eventTime="2026-03-10T00:00:00Z") == whole[:5]
    assert len(found(hub, eventCountLimit="5")) == 5
    assert found(hub, orderBy="eventTime", GE_recordTime="2100-01-01T00:00:00Z") == []


def test_what_is_outside_the_time_that_is_asked_for_costs_nothing(
    hub: house.House, carried: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.epcis_events.MOST_FOLDED", 0)
    assert ask(hub, orderBy="eventTime").status_code == 413
    assert found(hub, orderBy="eventTime", LT_eventTime="2020-01-01T00:00:00Z") == []
    monkeypatch.setattr("hub.epcis_events.MOST_LOOKED", 0)
    assert found(hub, orderBy="eventTime", LT_recordTime="2020-01-01T00:00:00Z") == []
    assert ask(hub, orderBy="eventTime", LT_eventTime="2020-01-01T00:00:00Z").status_code == 413


def test_a_captured_event_is_found_by_its_senders_id(hub: house.House, carried: Person) -> None:
    """Alone in its document or beside others; who may not see it finds nothing."""
    other = f"https://id.gs1.org/00/{OTHER}"
    events = [world.event("storing", f"2026-03-11T08:0{n}:00-05:00", epcList=[other]) for n in range(3)]
    client = hub.http("heron")
    for some in ((events[0],), events[1:]):
        assert client.post("/epcis/capture", content=world.document(*some), headers={"content-type": LD}).is_success
    for event in events:
        reply = ask(hub, f"events/{quote(event['eventID'], safe='')}")
        assert (reply.status_code, reply.json()["eventTime"]) == (200, event["eventTime"])
        told = found(hub, EQ_eventID=event["eventID"])
        assert [one["eventTime"] for one in told] == [event["eventTime"]]
        assert ask(hub, f"events/{quote(told[0]['eventID'], safe='')}").json()["eventTime"] == event["eventTime"]
    assert len(found(hub, EQ_eventID="|".join(event["eventID"] for event in events))) == 3
    stranger = world.packing(world.person(5101), "395123450000000048")
    assert ask(hub, f"events/{quote(stranger['eventID'], safe='')}").status_code == 404
    assert found(hub, EQ_eventID=stranger["eventID"]) == []
    assert len(found(hub, partner="foundry", EQ_eventID=stranger["eventID"])) == 1


def test_one_event_is_found_by_its_id_and_by_no_other_partner(hub: house.House, carried: Person) -> None:
    for event in found(hub, MATCH_anyEPC=SHIPPER):
        name = quote(event["eventID"], safe="")
        reply = ask(hub, f"events/{name}")
        assert reply.status_code == 200
        assert {k: v for k, v in reply.json().items() if k != "@context"} == event
        assert found(hub, EQ_eventID=event["eventID"]) == [event]
    assert ask(hub, "events/urn:uuid:0").status_code == ask(hub, "events/x").status_code == 404


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("eventTypes/AggregationEvent/events", {"packing"}),
        ("bizSteps/departing/events", {"departing"}),
        (f"epcs/{quote(SHIPPER, safe='')}/events", {"arriving", "departing", "packing"}),
        (f"readPoints/{quote(world.party('lakeside'), safe='')}/events", {"departing", "packing"}),
    ],
)
def test_a_resource_has_its_events(hub: house.House, carried: Person, path: str, wanted: set[str]) -> None:
    assert set(steps(found(hub, path))) == wanted


def test_the_types_of_events_are_those_of_the_standard(hub: house.House) -> None:
    assert len(ask(hub, "eventTypes").json()["member"]) == 5


def test_a_courier_sees_no_person_and_nothing_of_what_is_not_its_business(hub: house.House, carried: Person) -> None:
    told = json.dumps(found(hub, perPage="500"))
    for secret in (carried.family, carried.given, carried.mrn, carried.born, carried.coi, "1940", "dispensing"):
        assert secret not in told
    stranger = world.person(5101)
    assert stranger.bag not in told
    assert found(hub, MATCH_anyEPC=f"{world.BAGS}/{stranger.bag}") == []
    own = found(hub, partner="foundry", MATCH_anyEPC="https://id.gs1.org/00/395123450000000048")
    assert steps(own) == ["packing"]


def test_of_anothers_order_a_partner_is_told_its_own_word_alone(hub: house.House, carried: Person) -> None:
    """Whoever scans another's bag is not told whose it is: its event bore the order's chain of identity."""
    stranger = world.person(5101)
    stored = world.event("storing", "2026-03-11T06:10:00-05:00", epcList=[f"{world.BAGS}/{stranger.bag}"])
    client = hub.http("foundry")
    assert client.post("/epcis/capture", content=world.document(stored), headers={"content-type": LD}).is_success
    told = found(hub, partner="foundry", EQ_bizStep="storing", MATCH_anyEPC=f"{world.BAGS}/{stranger.bag}")
    assert len(told) == 1, "its own word it always sees"
    assert stranger.coi not in json.dumps(told)
    assert stranger.order not in json.dumps(told)


def test_a_number_longer_than_any_is_no_job(hub: house.House) -> None:
    for number in ("9" * 5000, "9" * 19, "\u0663"):
        assert hub.http("heron").get(f"/epcis/capture/{number}").status_code == 404


def test_nobody_asks_without_being_let_in(hub: house.House) -> None:
    assert hub.http().get("/epcis/events").status_code == 401
    assert ask(hub, partner="lakeside").status_code == 403
    reply = hub.http("heron").get("/epcis/events", headers={"accept": "application/xml"})
    assert reply.status_code == 406


@pytest.mark.parametrize(
    "query",
    [
        {"EQ_colour": "red"},
        {"GE_eventTime": "yesterday"},
        {"eventType": "QuantityEvent"},
        {"perPage": "-1"},
        {"perPage": "٣"},
        {"nextPageToken": "x" * 40},
        {"orderBy": "colour"},
        {"orderDirection": "UP"},
        {"eventCountLimit": "1", "maxEventCount": "1"},
        {"EQ_action": "|".join(["ADD"] * 60)},
        {"MATCH_epc": ""},
    ],
)
def test_a_query_that_cannot_be_read_is_a_problem_and_repeats_nothing(hub: house.House, query: dict[str, str]) -> None:
    reply = ask(hub, **query)
    assert (reply.status_code, reply.json()["type"]) == (400, "epcisException:QueryParameterException")
    assert "colour" not in reply.text
    assert "yesterday" not in reply.text


@pytest.mark.standards
def test_an_answer_is_valid_by_gs1s_schema(hub: house.House, carried: Person) -> None:
    validator = gs1_schema()
    answer = ask(hub, perPage="500").json()
    assert len(answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) > 3
    assert [error.message for error in validator.iter_errors(answer)] == []
