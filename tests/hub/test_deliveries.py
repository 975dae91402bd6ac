"""Deliveries to real receivers: at least once, in order, and one partner's trouble is no other partner's."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from hub.delivery import Deliveries, wait_after
from hub.store import SqliteStore
from tests import ports
from tests.hub import house, receivers, world
from tests.hub.house import fields, msa
from tests.hub.receivers import Posted, accept, acknowledgement
from tests.hub.world import LD, Person

Open = Callable[..., house.House]


@dataclass
class Town:
    """A hub and the receivers around it."""

    hub: house.House
    ehr: receivers.Interface
    courier: receivers.Endpoint

    def results(self, who: Person, *values: str) -> None:
        """Foundry reports results, one file each."""
        for value in values:
            body = world.qc(who, value).replace(b"S-1;", f"S-{value};".encode())
            assert self.hub.dropped(f"qc-{who.order}-{value}.csv", body)["outcome"] == "recorded"

    def known(self, who: Person) -> None:
        for message in (world.order(who, f"{who.order}-1"), world.apheresis(who, f"{who.order}-2")):
            assert msa(self.hub.send(message))[0] == "AA"

    def states(self, partner: str) -> list[tuple[Any, ...]]:
        return self.hub.rows("SELECT state, attempts, note FROM delivery WHERE partner = ? ORDER BY id", partner)

    def tried_again(self, partner: str, before: int) -> bool:
        return int(self.states(partner)[0][1]) > before

    def done(self, partner: str, count: int) -> None:
        self.hub.until(lambda: [s for s, _, _ in self.states(partner)].count("done") >= count)

    def values(self) -> list[str]:
        """Viability values that the hospital received, in order."""
        return [o[5] for m in self.ehr.received for o in fields(m, "OBX") if o[3].startswith("viability")]


@pytest.fixture
def town(open_house: Open) -> Iterator[Town]:
    with ExitStack() as stack:
        ehr = stack.enter_context(receivers.interface())
        courier = stack.enter_context(receivers.endpoint())
        hub = open_house(lambda found: world.told(found, ehr.port, courier.url))
        yield Town(hub, ehr, courier)
        hub.stop()


def test_each_partner_is_told_in_its_own_format_and_nobody_hears_itself(town: Town, who: Person) -> None:
    town.known(who)
    town.results(who, "97.20")
    town.done("lakeside", 2)
    town.done("foundry", 3)
    town.done("heron", 1)
    assert town.values() == ["97.20"]
    out = town.hub.home / "foundry" / "out"
    written = sorted(path.read_text(encoding="utf-8") for path in out.iterdir())
    assert len(written) == 3
    assert not [text for text in written if "97.20" in text], "an echo"
    assert b"commissioning" in town.courier.received[0].body


def test_a_delivery_is_sent_once_where_all_is_well(town: Town, who: Person) -> None:
    town.known(who)
    town.results(who, "97.20")
    town.done("lakeside", 2)
    time.sleep(0.2)
    controls = [fields(m, "MSH")[0][10] for m in town.ehr.received]
    assert len(controls) == len(set(controls)) == 2
    keys = [posted.headers["idempotency-key"] for posted in town.courier.received]
    assert len(keys) == len(set(keys))


def test_a_repeated_message_tells_nobody_again(town: Town, who: Person) -> None:
    town.known(who)
    town.results(who, "97.20")
    town.done("lakeside", 2)
    count = town.hub.count("delivery")
    town.results(who, "97.20")
    town.known(who)
    assert town.hub.count("delivery") == count


def test_a_partner_that_is_down_is_tried_again_with_the_same_bytes(town: Town, who: Person) -> None:
    answers = iter([503, 500, 429, 0, 202])
    town.courier.answer = lambda _: next(answers, 202)
    town.known(who)
    for _ in range(4):
        town.hub.until(lambda: town.states("heron")[0][0] == "waiting" and town.states("heron")[0][1] > 0)
        before = town.states("heron")[0][1]
        town.hub.clock.put_forward(minutes=20)
        town.hub.until(partial(town.tried_again, "heron", before))
    town.done("heron", 1)
    assert town.states("heron")[0][:2] == ("done", 5)
    first = town.courier.received[:5]
    assert len({posted.body for posted in first}) == 1
    assert len({posted.headers["idempotency-key"] for posted in first}) == 1
    assert town.hub.rows("SELECT count(*) FROM audit WHERE act = 'delivery.again'") == [(4,)]


def test_a_partner_that_is_down_is_not_hammered(town: Town, who: Person) -> None:
    town.courier.answer = lambda _: 503
    town.known(who)
    town.hub.until(lambda: town.courier.received)
    time.sleep(0.4)
    assert len(town.courier.received) == 1


def test_waits_grow_and_end_at_a_quarter_of_an_hour() -> None:
    for attempts in range(1, 40):
        longest = min(900.0, 2.0 ** (attempts - 1))
        waits = [wait_after(attempts).total_seconds() for _ in range(50)]
        assert longest / 2 <= min(waits) <= max(waits) <= longest


def test_results_of_one_order_arrive_in_the_order_of_the_log(town: Town, who: Person) -> None:
    down = {"first": True}

    def flaky(message: bytes) -> bytes | None:
        if down.pop("first", False):
            return None
        return accept(message)

    town.ehr.answer = flaky
    town.known(who)
    town.results(who, "90.10", "90.20", "90.30")
    town.hub.until(lambda: town.states("lakeside")[0][1] > 0)
    town.hub.clock.put_forward(minutes=20)
    town.done("lakeside", 6)
    values = town.values()
    assert values == ["90.10", "90.10", "90.20", "90.30"], "the lost one is sent again before the later ones"


def test_a_lost_acknowledgement_leads_to_the_same_message_again(town: Town, who: Person) -> None:
    lost = {"once": True}
    town.ehr.answer = lambda m: None if lost.pop("once", False) else accept(m)
    town.known(who)
    town.results(who, "97.20")
    town.hub.until(lambda: town.states("lakeside")[0][1] == 1)
    town.hub.clock.put_forward(minutes=20)
    town.done("lakeside", 2)
    assert town.ehr.received[0] == town.ehr.received[1]


def test_while_the_store_fails_what_was_sent_is_not_sent_again(
    town: Town, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted as sent once the store takes it; a receiver is not told the same every second meanwhile."""
    settle, fails = Deliveries._settle, [True]

    def failing(*given: Any) -> None:
        if fails:
            raise sqlite3.OperationalError("disk full")
        settle(*given)

    monkeypatch.setattr(Deliveries, "_settle", failing)
    town.known(who)
    town.hub.until(lambda: town.courier.received)
    time.sleep(0.4)
    assert len(town.courier.received) == 1
    fails.clear()
    town.done("heron", 1)
    assert len(town.courier.received) == 1


def test_a_stop_between_two_sends_repeats_neither(open_house: Open, who: Person) -> None:
    hung, stopped = threading.Event(), threading.Event()

    def second_hangs(message: bytes) -> bytes | None:
        if len(ehr.received) == 2:
            hung.set()
            stopped.wait(20)
        return accept(message)

    with receivers.interface(second_hangs) as ehr, receivers.endpoint() as courier:
        hub = open_house(lambda found: world.told(found, ehr.port, courier.url))
        here = Town(hub, ehr, courier)
        here.known(who)
        here.results(who, "90.10")
        assert hung.wait(60)
        hub.stop()
        stopped.set()
        store = SqliteStore(hub.hub.settings.data / "hub.db")
        found = store.writer.raw.execute("SELECT state FROM delivery WHERE partner = 'lakeside' ORDER BY id").fetchall()
        store.close()
        assert found == [("done",), ("waiting",)], "the first is noted as sent though its batch was cut off"


def test_the_acknowledgement_of_another_message_is_none(town: Town, who: Person) -> None:
    wrong = {"once": True}
    town.ehr.answer = lambda m: acknowledgement("AA", "SOMETHING-ELSE") if wrong.pop("once", False) else accept(m)
    town.known(who)
    town.results(who, "97.20")
    town.hub.until(lambda: town.states("lakeside")[0][1] == 1)
    assert town.states("lakeside")[0][0] == "waiting"
    town.hub.clock.put_forward(minutes=20)
    town.done("lakeside", 2)


@pytest.mark.parametrize("code", ["AR", "AE", "CR", "CE"])
def test_a_refused_delivery_waits_for_a_person_and_stops_nothing(town: Town, who: Person, code: str) -> None:
    refused = {"once": True}

    def once(message: bytes) -> bytes:
        control = fields(message, "MSH")[0][10]
        return acknowledgement(code if refused.pop("once", False) else "AA", control)

    town.ehr.answer = once
    town.known(who)
    town.results(who, "97.20")
    town.done("lakeside", 1)
    assert town.states("lakeside")[0] == ("refused", 1, code)
    shown = town.hub.http("watch").get("/api/deliveries").json()
    assert [d["note"] for d in shown if d["state"] == "refused"] == [code]
    counts = town.hub.http("watch").get("/api/doctor").json()["deliveries"]
    assert {"partner": "lakeside", "state": "refused", "count": 1} in counts


@pytest.mark.parametrize("status", [400, 401, 404, 422, 302])
def test_a_refusal_over_http_is_not_repeated(town: Town, who: Person, status: int) -> None:
    town.courier.answer = lambda _: status
    town.known(who)
    town.hub.until(lambda: town.states("heron")[0][0] == "refused")
    assert town.states("heron")[0] == ("refused", 1, str(status))


def test_a_partner_that_hangs_keeps_nobody_else_waiting(town: Town, who: Person) -> None:
    released = threading.Event()

    def hang(_: Posted) -> int:
        released.wait(60)
        return 202

    town.courier.answer = hang
    town.known(who)
    try:
        town.hub.until(lambda: town.courier.received)
        town.results(who, "97.20", "97.30")
        town.done("lakeside", 4)  # while the courier hangs
    finally:
        released.set()


def test_a_receiver_that_is_not_there_at_all_is_waited_for(open_house: Open, who: Person) -> None:
    with receivers.interface(port=ports.free()) as gone:
        port = gone.port
    with receivers.endpoint() as courier:
        hub = open_house(lambda found: world.told(found, port, courier.url))
        here = Town(hub, gone, courier)
        here.known(who)
        here.results(who, "97.20")
        hub.until(lambda: here.states("lakeside")[0][1] > 0)
        assert here.states("lakeside")[0][0] == "waiting"
        here.done("heron", 1)
        with receivers.interface(port=port) as back:
            hub.clock.put_forward(minutes=20)
            here.done("lakeside", 2)
            assert len(back.received) == 2
        hub.stop()


def test_what_was_not_delivered_before_a_stop_is_delivered_after_it(open_house: Open, who: Person) -> None:
    from hub.bootstrap import build
    from hub.profiles import load

    with receivers.interface(lambda _: None) as ehr, receivers.endpoint() as courier:
        hub = open_house(lambda found: world.told(found, ehr.port, courier.url))
        here = Town(hub, ehr, courier)
        here.known(who)
        here.results(who, "97.20")
        hub.until(lambda: here.states("lakeside")[0][1] > 0)
        hub.stop()
        ehr.answer = accept
        hub.clock.put_forward(minutes=20)
        again = house.House(
            hub.home, build(hub.hub.settings, load(hub.hub.settings.partners), hub.clock), hub.clock, hub.logs
        ).start()
        try:
            there = Town(again, ehr, courier)
            there.done("lakeside", 2)
            assert ehr.received[0] == ehr.received[1], "the bytes of the first attempt"
        finally:
            again.stop()


def test_a_partner_that_leaves_the_order_is_told_no_more(town: Town, who: Person) -> None:
    """Policy is asked again at each send."""
    town.courier.answer = lambda _: 503
    town.known(who)
    town.hub.until(lambda: town.courier.received)
    town.hub.hub.profiles["heron"].__dict__["products"] = ()
    town.hub.clock.put_forward(minutes=20)
    town.hub.until(lambda: town.states("heron")[0][0] == "withheld")
    assert len(town.courier.received) == 1


def test_an_outgoing_message_has_an_account(town: Town, who: Person) -> None:
    town.known(who)
    town.done("heron", 1)
    shown = next(d for d in town.hub.http("watch").get("/api/deliveries").json() if d["partner"] == "heron")
    assert shown["account"]["written"] > 0
    assert "handling.order" in shown["account"]["withheld"]
    capture = world.document(world.packing(who))
    assert (
        town.hub.http("heron").post("/epcis/capture", content=capture, headers={"content-type": LD}).status_code == 202
    )


def lab_result(who: Person, control: str, value: str) -> bytes:
    """A result of the patient's own laboratory."""
    return world.v2(
        world.msh("ORU^R01^ORU_R01", control, "20260310141500-0500"),
        world.pid(who),
        f"ORC|RE|{who.order}^EHR|LAB-{control}^LAB",
        f"OBR|1|{who.order}^EHR|LAB-{control}^LAB|CD34^CD34 count^L|||20260310090000-0500",
        f"OBX|1|ST|CD34^CD34 count^L||{value}||||||F",
    )


def test_a_result_is_not_told_without_its_value(town: Town, who: Person) -> None:
    """A text that another dialect would read as another number has no place in its file: a person sees to it."""
    town.known(who)
    town.done("foundry", 3)
    assert msa(town.hub.send(lab_result(who, "COMMA-1", "2,5")))[0] == "AA"
    town.hub.until(lambda: town.states("foundry")[-1][0] == "broken")
    assert town.states("foundry")[-1][2] == "not rendered: no-home at row 1 result.value"
    assert len(list((town.hub.home / "foundry" / "out").iterdir())) == 3


def test_a_row_that_its_reader_cannot_take_is_not_sent(town: Town, who: Person) -> None:
    """Foundry's file asks for the chain-of-identity identifier, which this order does not have."""
    nameless = world.order(who, f"{who.order}-1").replace(f"||{who.coi}||".encode(), b"||||")
    assert msa(town.hub.send(nameless))[0] == "AA"
    assert msa(town.hub.send(lab_result(who, "NOCOI-1", "none seen")))[0] == "AA"
    town.hub.until(lambda: len(town.states("foundry")) == 2 and {s for s, _, _ in town.states("foundry")} == {"broken"})
    assert {note for _, _, note in town.states("foundry")} == {"not rendered: cell-missing at row 1 order"}
    assert not list((town.hub.home / "foundry" / "out").iterdir())
