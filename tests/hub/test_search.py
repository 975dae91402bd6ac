"""Search: whatever the hub has of a thing is found by any of its names, page by page, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hub.criteria import LISTS, SAYS
from hub.searching import Criteria, lists_of, search
from hub.store import STATEMENTS, Connection, SqliteStore
from hub.trails import trail
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person
from tests.verify import histories
from tests.verify.histories import TELLING
from tests.verify.small_hub import SmallHub

Open = Callable[..., house.House]
Cli = Callable[..., Ran]


@pytest.fixture
def told(hub: house.House, who: Person) -> house.House:
    """A hub that knows an order, its collection, its way to the courier, and a message that it could not read."""
    hub.send(world.order(who, f"{who.order}-A"))
    hub.send(world.apheresis(who, f"{who.order}-B"))
    sent = hub.http("heron").post(
        "/epcis/capture",
        content=world.document(world.packing(who, sscc_of(who)), world.departing(sscc_of(who))),
        headers={"content-type": world.LD},
    )
    assert sent.status_code in {201, 202}, sent.text
    two = world.order(who, f"{who.order}-C")
    assert house.msa(hub.send(two + two))[0] == "AE"
    return hub


def sscc_of(who: Person) -> str:
    """A shipper of one's own, with its check digit."""
    digits = f"39512345{int(who.order[-5:]):09}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def asked(hub: house.House, **criteria: Any) -> dict[str, Any]:
    answer = hub.http("watch").get("/api/search", params=criteria)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sources(found: dict[str, Any]) -> set[str]:
    return {message["source_id"] for message in found["messages"]["items"]}


def names_of(found: dict[str, Any]) -> set[str]:
    return {name for one in found["journeys"]["items"] for name in one["names"]}


# ---- over HTTP --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["order", "coi", "bag", "lab"])
def test_every_name_of_an_order_leads_to_it(told: house.House, who: Person, name: str) -> None:
    value = getattr(who, name)
    found = asked(told, identifier=value)
    assert any(who.order in known for known in names_of(found)), found
    assert len(found["journeys"]["items"]) == 1
    assert f"{who.order}-B" in sources(found)
    assert value in str(found["facts"]["items"])


def test_a_shippers_number_leads_to_the_order_of_what_is_in_it(told: house.House, who: Person) -> None:
    found = asked(told, identifier=sscc_of(who))
    assert any(who.order in known for known in names_of(found)), found
    assert {fact["reporter"] for fact in found["facts"]["items"]} == {"heron"}


def test_an_identifier_of_another_system_is_another_thing(told: house.House, who: Person) -> None:
    assert asked(told, identifier=f"{world.BAGS}|{who.bag}")["facts"]["items"]
    assert not asked(told, identifier=f"urn:of:others|{who.bag}")["facts"]["items"]


def test_all_of_an_order_is_found_by_its_number(told: house.House, who: Person) -> None:
    found = asked(told, order=who.order)
    assert {f"{who.order}-A", f"{who.order}-B"} <= sources(found)
    assert {fact["reporter"] for fact in found["facts"]["items"]} >= {"lakeside", "heron"}
    assert asked(told, order=found["journeys"]["items"][0]["journey"]) == found


def test_a_message_is_found_by_its_own_id_also_where_it_could_not_be_read(told: house.House, who: Person) -> None:
    found = asked(told, source_id=f"{who.order}-C")
    assert [m["outcome"] for m in found["messages"]["items"]] == ["held"]
    held = asked(told, outcome="held", partner="lakeside", of="messages", limit=500)
    assert f"{who.order}-C" in sources(held)


def test_two_criteria_find_what_fits_both(told: house.House, who: Person) -> None:
    both = asked(told, identifier=who.bag, source_id=f"{who.order}-B")
    assert sources(both) == {f"{who.order}-B"}
    assert {fact["message"] for fact in both["facts"]["items"]} == {both["messages"]["items"][0]["message"]}
    assert not asked(told, order=who.order, partner="northern")["messages"]["items"]
    typed = asked(told, order=who.order, type="container.created")
    assert {fact["type"] for fact in typed["facts"]["items"]} <= {"container.created"}


def test_a_person_is_found_by_a_number_and_the_search_is_audited(told: house.House, who: Person) -> None:
    before = told.count("audit")
    found = asked(told, patient=f"{world.MRN_SYSTEM}|{who.mrn}")
    assert any(who.order in known for known in names_of(found)), found
    audits = told.rows("SELECT actor, act, about FROM audit ORDER BY id DESC LIMIT 1")
    assert (audits[0][0], audits[0][1]) == ("watch", "person.search")
    assert who.mrn not in audits[0][2]
    assert told.count("audit") == before + 1
    assert not asked(told, identifier=who.mrn)["facts"]["items"], "a person has no other name than their tokens"


def test_nobody_but_operators_searches(told: house.House, who: Person) -> None:
    for partner, status in (("lakeside", 403), ("heron", 403), ("", 401)):
        assert told.http(partner).get("/api/search", params={"identifier": who.bag}).status_code == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"patient": "4711"},
        {"of": "journeys", "partner": "lakeside"},
        {"of": "facts", "after": "never"},
        {"of": "issues", "after": "a|b"},
        {"since": "yesterday"},
        {"since": "2026-03-11T00:00:00"},
        {"limit": 0},
    ],
)
def test_what_cannot_be_asked_is_told(hub: house.House, wrong: dict[str, Any]) -> None:
    assert hub.http("watch").get("/api/search", params=wrong).status_code == 422


def test_a_trail_has_everything_of_an_order_in_the_order_of_time(told: house.House, who: Person) -> None:
    question = {"order": [{"system": "urn:id:EPIC", "value": who.order}], "container": {"scan": who.bag}}
    told.http("watch").post("/api/questions/may-ship", json={**question, "partner": "lakeside"})
    journey = asked(told, order=who.order)["journeys"]["items"][0]["journey"]
    watch = told.http("watch")
    items = watch.get(f"/api/journeys/{journey}/trail").json()["items"]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert {item["source_id"] for item in items if item["what"] == "message"} >= {f"{who.order}-A", f"{who.order}-B"}
    linked = {row[0] for row in told.rows("SELECT position FROM link WHERE journey = ?", journey)}
    assert {item["position"] for item in items if item["what"] == "fact"} == linked
    paged, after = [], ""
    while page := watch.get(f"/api/journeys/{journey}/trail", params={"limit": 3, "after": after}).json():
        paged += page["items"]
        after = page["next"]
        if not after:
            break
    assert paged == items
    assert watch.get("/api/journeys/nowhere/trail").status_code == 404


def test_journeys_are_paged_by_key(told: house.House) -> None:
    watch = told.http("watch")
    whole = [one["journey"] for one in watch.get("/api/journeys", params={"limit": 1000}).json()]
    paged: list[str] = []
    while page := watch.get("/api/journeys", params={"limit": 2, "after": paged[-1] if paged else ""}).json():
        paged += [one["journey"] for one in page]
    assert paged == whole
    assert len(whole) == told.count("journey")


# ---- in a terminal ----------------------------------------------------------------------------------------------


def test_the_same_is_found_in_a_terminal_beside_a_running_hub(cgt_hub: Cli, told: house.House, who: Person) -> None:
    places = {"data": told.hub.settings.data, "partners": told.hub.settings.partners}
    ran = cgt_hub("search", who.bag, "--json", **places)
    assert ran.code == 0
    assert ran.json == asked(told, identifier=who.bag)
    assert who.order in cgt_hub("search", "--order", who.order, **places).out
    followed = cgt_hub("trail", who.order, "--json", **places)
    assert {item["what"] for item in followed.json} >= {"message", "fact"}
    assert cgt_hub("trail", "nothing", **places).code == 2
    patient = cgt_hub("search", "--patient", f"{world.MRN_SYSTEM}|{who.mrn}", **places)
    assert (patient.code, "a hub runs on" in patient.err) == (2, True)


def test_a_person_is_searched_for_in_a_terminal_of_a_stopped_hub(cgt_hub: Cli, open_house: Open, who: Person) -> None:
    hub = open_house()
    hub.send(world.order(who, "T-1"))
    hub.stop()
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    ran = cgt_hub("search", "--patient", f"{world.MRN_SYSTEM}|{who.mrn}", "--json", **places)
    assert any(who.order in name for one in ran.json["journeys"]["items"] for name in one["names"])
    assert f"urn:id:EHR|{who.order}" in cgt_hub("search", who.order, **places).out, "to be copied into another command"
    assert cgt_hub("search", "--patient", who.mrn, **places).code == 2


# ---- pages, and what an index finds ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(TELLING))
def storied(request: pytest.FixtureRequest) -> SmallHub:
    """A hub in memory with a story of some orders, in some other order of arrival."""
    told = TELLING[request.param]("searched", 2)
    hub = SmallHub()
    arrival = histories.otherwise(Random("searched"), len(told))
    hub.take([[told[place] for place in group] for group in arrival])
    return hub


def whole(db: Connection, criteria: Criteria, of: str, limit: int) -> list[dict[str, Any]]:
    """All pages of a list."""
    found, after = [], ""
    while True:
        page = search(db, criteria, of, after, limit)
        found += page.items
        if not page.next:
            return found
        assert page.next != after
        after = page.next


def all_criteria(db: Connection) -> Iterator[Criteria]:
    """Criteria of every kind, with values that there are."""
    values = [row[0] for row in db.raw.execute("SELECT DISTINCT value FROM name WHERE known = 1 ORDER BY 1")]
    random = Random("criteria")
    yield Criteria()
    for value in random.sample(values, min(12, len(values))):
        yield Criteria(identifiers=(value,))
        yield Criteria(identifiers=(value, random.choice(values)))
        yield Criteria(identifiers=(value,), since="2026-03-20T12:00:00.000050Z", until="2026-03-20T12:00:00.000200Z")
    for (journey,) in db.all("journeys", 5, 0):
        yield Criteria(order=journey)
        yield Criteria(order=journey, partner="mercy")
    for (source,) in db.raw.execute("SELECT source_id FROM inbox ORDER BY id LIMIT 3").fetchall():
        yield Criteria(source_id=source)
        yield Criteria(source_id=source, identifiers=(values[0],))
    yield from (Criteria(partner="mercy"), Criteria(partner="swift", since="2026-03-20T12:00:00.000100Z"))
    yield from (Criteria(type="result.reported"), Criteria(outcome="held"), Criteria(outcome="recorded"))
    yield from (Criteria(outcome="waiting"), Criteria(outcome="open"), Criteria(until="2026-03-20T12:00:00.000100Z"))
    yield Criteria(partner="mercy", type="OML^O21")


def test_pages_of_any_size_are_the_whole_list_and_nothing_comes_twice(
    storied: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, found = storied.store.writer, 0
    for criteria in all_criteria(db):
        for of in lists_of(criteria):
            wanted = whole(db, criteria, of, 10_000)
            key = {"journeys": "journey", "messages": "message", "facts": "position", "deliveries": "delivery"}.get(of)
            keys = [one[key] if key else (one["journey"], one["issue"]) for one in wanted]
            assert len(set(keys)) == len(keys), (criteria, of)
            with monkeypatch.context() as here:
                here.setattr("hub.criteria.WINDOW", 3)
                here.setattr("hub.criteria.LOOKED", 6)
                for limit in (1, 4):
                    assert whole(db, criteria, of, limit) == wanted, (criteria, of, limit)
            found += len(wanted)
    assert found > 200


def test_what_is_found_is_what_a_look_at_every_row_finds(storied: SmallHub) -> None:
    db = storied.store.writer
    facts = {one["position"]: one for one in whole(db, Criteria(), "facts", 500)}
    assert facts.keys() == {row[0] for row in db.raw.execute("SELECT position FROM log")}
    for (value,) in db.raw.execute("SELECT DISTINCT value FROM name WHERE known = 1").fetchall():
        borne = {
            position
            for position, fact in facts.items()
            if fact["reporter"] != "hub" and value in {i["value"] for i in fact["about"]["identifiers"]}
        }
        assert borne <= {one["position"] for one in whole(db, Criteria(identifiers=(value,)), "facts", 500)}
    for partner in ("mercy", "celltech", "swift"):
        wanted = {position for position, fact in facts.items() if fact["reporter"] == partner}
        assert {one["position"] for one in whole(db, Criteria(partner=partner), "facts", 500)} == wanted
    for type_ in ("order.submitted", "issue.raised", "result.reported"):
        wanted = {position for position, fact in facts.items() if fact["type"] == type_}
        assert {one["position"] for one in whole(db, Criteria(type=type_), "facts", 500)} == wanted
    for (journey,) in db.all("journeys", 10, 0):
        wanted = {row[0] for row in db.all("positions_of", journey)}
        assert {one["position"] for one in whole(db, Criteria(order=journey), "facts", 500)} == wanted
        found = trail(db, journey, limit=10_000)
        assert found is not None
        assert {one["position"] for one in found.items if one["what"] == "fact"} == wanted
    since = sorted(fact["recorded"] for fact in facts.values())[len(facts) // 2]
    told = [one for one in whole(db, Criteria(), "deliveries", 500) if one["recorded"] >= since]
    assert sorted(one["delivery"] for one in told) == sorted(
        one["delivery"] for one in whole(db, Criteria(since=since), "deliveries", 500)
    )
    wanted = {position for position, fact in facts.items() if fact["recorded"] >= since}
    assert {one["position"] for one in whole(db, Criteria(since=since), "facts", 500)} == wanted


def test_every_criterion_is_said_of_some_list() -> None:
    assert set.union(*(set(SAYS[name]) for name in LISTS)) == set(Criteria.__dataclass_fields__)


def test_no_search_goes_through_a_whole_table(tmp_path: Path) -> None:
    """Each statement of search goes by an index; without one it would be slow for who has a million messages."""
    store = SqliteStore(tmp_path / "hub.db")
    text = (Path(__file__).parents[2] / "hub" / "store" / "queries.sql").read_text(encoding="utf-8")
    names = text.partition("-- Search, and an order's trail")[2].partition("\n-- The ")[0]
    searched = [line.removeprefix("-- name: ") for line in names.splitlines() if line.startswith("-- name: ")]
    assert len(searched) > 30
    for name in searched:
        sql = STATEMENTS[name].sql
        count = max([sql.count("?"), *(int(c) for c in "123456789" if f"?{c}" in sql)])
        values = ["[]" if "json_each" in sql else 1] * (
            count if "?1" not in sql else max(int(c) for c in "123456" if f"?{c}" in sql)
        )
        plan = [row[3] for row in store.writer.raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        scans = [step for step in plan if step.startswith("SCAN") and "json_each" not in step]
        assert not scans, (name, plan)
    store.close()


def test_the_indexes_of_search_lead_no_message_astray_that_is_recorded(tmp_path: Path) -> None:
    """Where the database takes another index for whether a message is known, each costs a look at all recorded ones."""
    store = SqliteStore(tmp_path / "hub.db")
    for name in ("same_inbox", "other_inbox"):
        plan = store.writer.raw.execute(f"EXPLAIN QUERY PLAN {STATEMENTS[name].sql}", ["x"] * 3).fetchall()
        assert ["inbox_same" in row[3] for row in plan] == [True], (name, plan)
    store.close()
