"""Issues of deliveries: one per partner and cause, not per attempt; who clears them; what a merge told whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from canonical_model.values import instant_text
from hub.committer import Incoming
from hub.delivery import AGAIN, DONE, REFUSED, Deliveries, Outcome, Rendered
from hub.doctor import examine
from hub.profiles import Profile
from hub.redelivery import Decision, decide
from hub.rendering import Renderer
from hub.vault import SUBJECT_SYSTEM
from tests.hub import house, world
from tests.hub.house import BEGIN
from tests.hub.world import Person
from tests.verify.messages import Delivery, fact, ref, said
from tests.verify.small_hub import KEYS, SmallHub, partners

Open = Callable[..., house.House]
DOWN = Outcome(AGAIN, "ConnectError")


class Desk:
    """A hub whose deliveries a test hands out itself: real but for the wire."""

    def __init__(self, hub: house.House) -> None:
        self.hub, self.now = hub, BEGIN
        given = hub.hub
        renderer = Renderer(given.keys, given.adapters, given.settings.region)
        self.deliveries = Deliveries(given.keys, given.profiles, renderer)

    def results(self, who: Person, count: int = 1) -> None:
        take = self.hub.hub.committer.commit
        take([Incoming("lakeside", "mllp", "hl7v2", world.order(who, f"{who.order}-1"))])
        take([Incoming("lakeside", "mllp", "hl7v2", world.apheresis(who, f"{who.order}-2"))])
        for value in range(count):
            body = world.qc(who, f"9{value}.10").replace(b"S-1;", f"S-{value};".encode())
            take([Incoming("foundry", "file", "mes_csv", body, "mes_csv/qc_results", f"qc-{value}.csv")])

    def turn(self, partner: str, *tried: tuple[Rendered, Outcome], limit: int = 32) -> list[Rendered]:
        self.now += timedelta(minutes=16)
        self.deliveries.lines_due(self.hub.hub.committer, self.now)
        return self.deliveries.turn(self.hub.hub.committer, partner, tried, self.now, limit)

    def ends(self, partner: str, outcome: Outcome, count: int = 1) -> None:
        for _ in range(count):
            (first, *_) = self.turn(partner)
            self.turn(partner, (first, outcome), limit=0)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self.hub.hub.store.writer.raw.execute(statement, values))

    def issues(self) -> list[tuple[str, str, int, bool]]:
        """Rule, text, how often met, and whether it is open."""
        found = self.rows("SELECT rule, text, times, closed FROM issue WHERE journey = '' ORDER BY rule, text")
        return [(rule, text, times, closed is None) for rule, text, times, closed in found]

    def told(self, type_: str) -> int:
        """Facts of the hub that an Issue of no order was raised or cleared."""
        found = self.rows(
            "SELECT count(*) FROM log WHERE type = ? AND position NOT IN (SELECT position FROM link)", type_
        )
        return int(found[0][0])


@pytest.fixture
def desk(tmp_path: Any, overlay: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("hub.delivery.RENDERING", 60.0)  # a turn takes all that is due, on a slow machine too
    with house.captured() as logs:
        made = house.make(tmp_path, overlay, logs, lambda found: world.told(found, 4, "http://127.0.0.1:9/in"))
        yield Desk(made)
        made.hub.close()


def test_a_thousand_failures_are_one_issue_that_clears_itself(desk: Desk, who: Person) -> None:
    desk.results(who)
    desk.ends("lakeside", DOWN, 1000)
    assert desk.issues() == [("D-1", "lakeside does not take what it is sent: ConnectError", 999, True)]
    assert desk.told("issue.raised") == 1
    while batch := desk.turn("lakeside"):
        desk.turn("lakeside", *((one, Outcome(DONE, "AA")) for one in batch), limit=0)
    assert [is_open for *_, is_open in desk.issues()] == [False]
    assert desk.told("issue.cleared") == 1


def test_one_failed_attempt_is_no_issue(desk: Desk, who: Person) -> None:
    desk.results(who)
    desk.ends("lakeside", DOWN)
    assert desk.issues() == []


def test_a_receiver_that_is_down_again_opens_its_issue_again(desk: Desk, who: Person) -> None:
    desk.results(who)
    for time in (1, 2):
        desk.ends("lakeside", DOWN, 2)
        desk.ends("lakeside", Outcome(DONE, "AA"))
        assert desk.told("issue.raised") == desk.told("issue.cleared") == time
    assert [(times, is_open) for _, _, times, is_open in desk.issues()] == [(2, False)]


def test_a_delivery_that_never_goes_through_keeps_its_issue_open_while_others_go(desk: Desk, who: Person) -> None:
    """A receiver that chokes on one message is not down; the message is still one that a person should know of."""
    desk.results(who)
    desk.results(world.person(7801))
    poison, *healthy = desk.turn("lakeside")
    for attempts, one in enumerate(healthy):
        desk.turn("lakeside", (replace(poison, attempts=attempts), Outcome(AGAIN, "500")), limit=0)
        desk.turn("lakeside", (one, Outcome(DONE, "AA")), limit=0)
    assert len(healthy) > 2
    assert desk.told("issue.raised") == 1
    assert [is_open for *_, is_open in desk.issues()] == [True]


def test_refusals_are_an_issue_per_message_and_code(desk: Desk, who: Person) -> None:
    desk.results(who, 3)
    for code in ("AR", "AR", "AE"):
        desk.ends("lakeside", Outcome(REFUSED, code))
    assert [(text, times) for _, text, times, _ in desk.issues()] == [
        ("lakeside refuses hl7v2/oru_r01: AE", 1),
        ("lakeside refuses hl7v2/oru_r01: AR", 2),
    ]


@pytest.mark.parametrize("act", ["retry", "dismiss"])
def test_a_person_settles_what_was_refused(desk: Desk, who: Person, act: Any) -> None:
    desk.results(who, 3)
    desk.ends("lakeside", Outcome(REFUSED, "AR"), 2)
    refused = [number for (number,) in desk.rows("SELECT id FROM delivery WHERE state = 'refused'")]
    decision = Decision(act, "watch", "their table is mended")
    decide(desk.hub.hub.committer, refused[:1], decision, desk.now)
    assert [is_open for *_, is_open in desk.issues()] == [True]
    decide(desk.hub.hub.committer, refused[1:], decision, desk.now)
    assert [is_open for *_, is_open in desk.issues()] == [False]


def test_what_cannot_be_rendered_is_one_issue_wherever_it_stands(desk: Desk, who: Person) -> None:
    nameless = world.order(who, "1").replace(f"||{who.coi}||".encode(), b"||||")
    desk.hub.hub.committer.commit([Incoming("lakeside", "mllp", "hl7v2", nameless)])
    two = world.apheresis(who, "2").replace(f"||{who.coi}||".encode(), b"||||")
    desk.hub.hub.committer.commit([Incoming("lakeside", "mllp", "hl7v2", two)])
    assert desk.turn("foundry") == []
    ((rule, text, times, is_open),) = desk.issues()
    assert (rule, times > 1, is_open) == ("D-3", True, True)
    assert text == "mes_csv/qc_results for foundry cannot be rendered: cell-missing at order"


def test_operators_see_it_in_the_list_of_issues_and_in_the_doctor(open_house: Open, who: Person) -> None:
    hub = open_house(lambda found: world.told(found, 4, "http://127.0.0.1:9/in"))
    assert b"|AA|" in hub.send(world.order(who, f"{who.order}-1"))
    assert b"|AA|" in hub.send(world.apheresis(who, f"{who.order}-2"))

    def shown() -> list[dict[str, Any]]:
        hub.clock.put_forward(minutes=20)
        return [issue for issue in hub.http("watch").get("/api/issues").json() if issue["rule"] == "D-1"]

    (issue,) = hub.until(shown)
    assert (issue["journey"], issue["kind"], issue["severity"]) == ("", "delivery", "major")
    assert issue["text"].startswith("heron does not take what it is sent")
    seen = [finding.text for finding in examine(hub.hub.settings) if finding.what == "delivery"]
    assert any(text.startswith("major: heron does not take") for text in seen)

    def named() -> set[str]:
        hub.clock.put_forward(minutes=20)
        listed = hub.http("watch").get("/api/deliveries", params={"partner": "heron", "state": "waiting"}).json()
        return {one["issue"] for one in listed}

    assert hub.until(lambda: named() == {issue["id"]})  # one that was not tried yet names none


# ---- what a merge told the wrong partner --------------------------------------------------------------------------

OLD, NEW = ref("subject", SUBJECT_SYSTEM, "token-old"), ref("subject", SUBJECT_SYSTEM, "token-new")
ORDERS = {
    name: {"kind": "order", "identifiers": [{"system": "urn:mercy:order", "value": name, "type": "placer"}]}
    for name in ("A", "B")
}


def tell(name: str, told: dict[str, Any]) -> Delivery:
    return said("mercy", name, told)


def told_hub(products: tuple[str, ...]) -> tuple[SmallHub, Deliveries]:
    """A hub whose manufacturer asks for what is known of persons."""
    known, adapters = partners()
    sends = [{"events": ["subject.updated"], "message": "mes_csv/qc_results"}]
    plain = known["celltech"].model_dump()
    profile = Profile.model_validate({**plain, "sends": sends, "products": products})
    hub = SmallHub()
    hub.profiles = {**known, "celltech": profile}
    hub.committer._profiles = hub.committer.orders._profiles = hub.profiles
    return hub, Deliveries(KEYS, hub.profiles, Renderer(KEYS, adapters, "local"))


def placed(number: str, person: dict[str, Any], code: str) -> Delivery:
    service = {"codings": [{"code": code}]}
    return tell(f"O-{number}", fact("order.submitted", ORDERS[number], "2026-03-01", patient=person, service=service))


TWO = [placed("A", OLD, "AXI-CEL"), placed("B", NEW, "OTHER")]
MERGED = tell("A40", fact("subject.merged", NEW, "2026-03-04T08:00:00", retired=OLD["identifiers"]))
UNMERGED = tell("A37", fact("subject.unmerged", NEW, "2026-03-06T08:00:00", retired=OLD["identifiers"]))
NEWS = tell("A08", fact("subject.updated", NEW, "2026-03-05", sex="female"))


def states(hub: SmallHub) -> list[tuple[str, str]]:
    return list(hub.store.writer.raw.execute("SELECT state, note FROM delivery WHERE partner = 'celltech'"))


def turn(hub: SmallHub, deliveries: Deliveries, now: datetime = BEGIN + timedelta(days=30)) -> list[Rendered]:
    deliveries.lines_due(hub.committer, now)
    return deliveries.turn(hub.committer, "celltech", (), now, 32)


def test_what_was_planned_while_two_persons_were_one_is_withdrawn_with_the_merge() -> None:
    hub, deliveries = told_hub(("AXI-CEL",))
    hub.take([TWO, [MERGED], [NEWS]])
    assert states(hub) == [("waiting", "")]
    hub.take([[UNMERGED]])
    assert turn(hub, deliveries) == []
    assert states(hub) == [("withheld", "the fact is of no order any more in which it takes part")]


def test_what_was_sent_meanwhile_is_a_critical_issue_until_a_person_settles_it() -> None:
    hub, _ = told_hub(("AXI-CEL",))
    hub.take([TWO, [MERGED], [NEWS]])
    db = hub.store.writer
    db.raw.execute("UPDATE delivery SET state = 'done'")
    hub.take([[UNMERGED]])
    ((state, _),) = states(hub)
    assert state == "astray"
    query = "SELECT rule, kind, severity FROM issue WHERE journey = '' AND closed IS NULL"
    assert db.raw.execute(query).fetchall() == [("D-4", "privacy", "critical")]
    decide(hub.committer, [1], Decision("dismiss", "watch", "the partner has deleted it"), BEGIN)
    assert states(hub)[0][0] == "dismissed"
    assert db.raw.execute(query).fetchall() == []


def test_who_takes_part_in_both_orders_was_told_nothing_wrong() -> None:
    hub, _ = told_hub(("AXI-CEL", "OTHER"))
    hub.take([TWO, [MERGED], [NEWS]])
    hub.store.writer.raw.execute("UPDATE delivery SET state = 'done'")
    hub.take([[UNMERGED]])
    assert {state for state, _ in states(hub)} == {"done"}


def test_what_is_withheld_is_told_when_it_is_due_again() -> None:
    hub, deliveries = told_hub(("AXI-CEL",))
    hub.take([TWO, [MERGED], [NEWS], [UNMERGED]])
    turn(hub, deliveries)
    again = tell("A40b", fact("subject.merged", NEW, "2026-03-08T08:00:00", retired=OLD["identifiers"]))
    hub.take([[again]])
    assert states(hub) == [("waiting", "the fact is of no order any more in which it takes part")]


# ---- consent ------------------------------------------------------------------------------------------------------


def test_a_registry_is_told_nothing_after_its_consent_was_taken_back_and_all_when_it_is_given_again() -> None:
    """I-9: scopes other than treatment stop exports; asked at each send, also of what waits."""
    hub, deliveries = told_hub(())
    told = {"events": ["result.reported"], "message": "hl7v2/oru_r01"}
    plain = hub.profiles["celltech"].model_dump()
    registry = {**plain, "partner": "registry", "role": "registry", "products": ["AXI-CEL"], "sends": [told]}
    registry["http"] = {"post_to": "http://127.0.0.1:9/in"}
    hub.profiles = {**hub.profiles, "registry": Profile.model_validate({**registry, "files": None})}
    hub.committer._profiles = hub.committer.orders._profiles = hub.profiles
    deliveries._profiles = hub.profiles

    def consent(name: str, type_: str, day: str) -> Delivery:
        about = ref("consent", "urn:test:consent", "C")
        return tell(name, fact(type_, about, day, order=ORDERS["A"], scope=["registry"]))

    result = fact("result.reported", ref("result", "urn:test:result", "R"), "2026-03-05", order=ORDERS["A"])
    hub.take([TWO, [consent("C1", "consent.recorded", "2026-03-02")], [tell("R1", result)]])
    db = hub.store.writer.raw
    query = "SELECT state, note FROM delivery WHERE partner = 'registry'"
    assert db.execute(query).fetchall() == [("waiting", "")]
    hub.take([[consent("C2", "consent.withdrawn", "2026-03-06")]])
    now = BEGIN + timedelta(days=30)
    deliveries.lines_due(hub.committer, now)
    assert deliveries.turn(hub.committer, "registry", (), now, 32) == []
    assert db.execute(query).fetchall() == [("withheld", "no consent any more: registry")]
    hub.take([[consent("C3", "consent.recorded", "2026-03-08")]])
    assert [state for state, _ in db.execute(query).fetchall()] == ["waiting"]


def test_the_hubs_word_about_a_line_is_no_fact_of_any_order(desk: Desk, who: Person) -> None:
    desk.results(who)
    desk.ends("lakeside", DOWN, 2)
    texts = desk.rows("SELECT event FROM log WHERE type = 'issue.raised' ORDER BY position DESC LIMIT 1")
    event = orjson.loads(texts[0][0])
    assert "order" not in event["set"]
    assert event["reporter"] == {"partner": "hub", "role": "hub"}
    assert desk.hub.hub.store.writer.all("unlinked", 10) == []
    assert instant_text(desk.now)[:10] == event["recorded"][:10]
