"""Retention: what is past it goes by whole months; the log, and what is still needed, stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import keeping
from hub.keeping import Cut, cuts, kept_until
from hub.settings import Settings
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.receivers import accept, interface
from tests.hub.world import FHIR, Person

Open = Callable[..., house.House]
Cli = Callable[..., Ran]
ALL = {f"retention_{kind}": 2 for kind in keeping.KINDS}
LATER = {"days": 100}


def kept(hub: house.House, *kinds: str) -> int:
    """Rows of the body store of these kinds."""
    marks = ", ".join("?" * len(kinds))
    return int(hub.rows(f"SELECT count(*) FROM body WHERE kind IN ({marks})", *kinds)[0][0])


def drop(hub: house.House, **by: float) -> dict[str, int]:
    """What the hub drops by itself after a while."""
    hub.clock.put_forward(**(by or LATER))
    return hub.run(hub.hub.keeper.once())


def head(hub: house.House) -> Any:
    found = hub.http("watch").get("/api/ledger").json()
    assert found["holds"]
    return found["head"]


# ---- months -----------------------------------------------------------------------------------------------------


def test_a_month_is_kept_to_the_last_day_of_its_last_month() -> None:
    settings = Settings(retention_message=2)
    assert kept_until(settings, "message", "2025-12-31T23:59:59Z") == date(2026, 2, 28)
    assert kept_until(settings, "message", "2023-12") == date(2024, 2, 29)
    assert kept_until(settings, "delivery", "2025-12") is None


@given(st.dates(date(2001, 1, 1), date(2090, 1, 1)), st.integers(1, 1200), st.integers(0, 4000))
def test_what_is_kept_until_a_day_is_not_cut_on_it_and_is_cut_after_it(came: date, months: int, _: int) -> None:
    settings = Settings(retention_message=months)
    last = kept_until(settings, "message", came.isoformat())
    assert last is not None
    month = came.isoformat()[:7]

    def is_cut(day: date) -> bool:
        (cut,) = cuts(settings, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        return month < cut.before

    assert not is_cut(last)
    assert is_cut(date.fromordinal(last.toordinal() + 1))


def test_what_has_no_retention_is_kept_for_ever() -> None:
    assert cuts(Settings(), datetime(2090, 1, 1, tzinfo=UTC)) == []


def test_a_cut_by_hand_takes_no_month_to_come() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert {cut.before for cut in cuts(Settings(), now, "foundry", "2031-01")} == {"2026-03"}
    assert Cut("audit", "2026-03") not in cuts(Settings(), now, "foundry", "2026-03")


# ---- a running hub ----------------------------------------------------------------------------------------------


def test_bodies_go_and_log_states_and_fates_stay(open_house: Open, who: Person) -> None:
    hub = open_house(**ALL)
    hub.send(world.order(who, "GO-1"))
    hub.send(world.apheresis(who, "GO-2"))
    before, journey, facts = head(hub), hub.journey(who), hub.facts()
    assert drop(hub, days=20) == {"receipt": 0}
    assert kept(hub, "message") == 2
    dropped = drop(hub)
    assert dropped["message"] == 2
    assert kept(hub, "message", "residual") == 0
    assert (head(hub), hub.facts()) == (before, facts)
    assert hub.journey(who)["custody"] == journey["custody"]
    assert [m["outcome"] for m in hub.http("watch").get("/api/messages").json()] == ["recorded", "recorded"]
    (detail,) = hub.rows("SELECT detail FROM audit WHERE act = 'retention.drop'")
    assert json.loads(detail[0])["dropped"]["message"] == 2
    assert msa(hub.send(world.order(who, "GO-1"))) == ("AA", "GO-1")
    assert hub.facts() == facts, "a repetition is known without its body"


def test_a_held_message_stays_and_still_stands_against_an_answer(open_house: Open, who: Person) -> None:
    hub = open_house(**ALL)
    hub.send(world.order(who, "HELD-1"))
    hub.send(world.apheresis(who, "HELD-2"))
    hub.send(world.apheresis(who, "HELD-3") + world.order(who, "HELD-4"))
    assert drop(hub)["message"] == 2
    assert hub.rows("SELECT outcome FROM inbox WHERE body IS NOT NULL") == [("held",)]
    asked = {
        "order": [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}],
        "containers": [{"system": world.BAGS, "value": who.bag}],
    }
    told = hub.http("lakeside").post("/api/questions/may-ship", json=asked).json()
    assert "I-40" in {reason["rule"] for reason in told["reasons"]}


def test_a_delivery_that_waits_keeps_its_bytes_and_is_sent(open_house: Open, who: Person) -> None:
    down = {"is": False}
    with interface(lambda message: None if down["is"] else accept(message)) as lakeside:

        def change(found: dict[str, dict[str, Any]]) -> None:
            world.told(found, lakeside.port, "http://127.0.0.1:9/in")
            del found["heron"]["sends"]

        hub = open_house(change, **ALL)
        hub.send(world.order(who, "WAIT-1"))
        assert hub.dropped("qc-1.csv", world.qc(who))["outcome"] == "recorded"
        hub.until(lambda: hub.rows("SELECT 1 FROM delivery WHERE state = 'done'"))
        hub.quiet()
        down["is"] = True
        assert hub.dropped("qc-2.csv", world.qc(who, "96.10"))["outcome"] == "recorded"
        waiting = "SELECT body FROM delivery WHERE state = 'waiting' AND body IS NOT NULL"
        hub.until(lambda: hub.rows(f"{waiting} AND attempts > 0"))
        sent = int(hub.rows("SELECT count(*) FROM delivery WHERE state = 'done'")[0][0])
        assert sent > 0
        dropped = drop(hub)
        assert dropped["delivery"] == sent
        assert kept(hub, "delivery") == len(hub.rows(waiting)) > 0
        down["is"] = False
        hub.until(lambda: not hub.rows("SELECT 1 FROM delivery WHERE state = 'waiting'"))
        assert b"96.10" in b"".join(lakeside.received)


def test_an_update_goes_on_from_what_would_be_shown_where_its_base_is_gone(open_house: Open, who: Person) -> None:
    hub = open_house(**ALL)
    hub.send(world.order(who, "SHOWN-1"))
    lakeside = hub.http("lakeside")

    def read() -> dict[str, Any]:
        found = lakeside.get("/fhir/Patient", params={"identifier": who.mrn}).json()["entry"][0]["resource"]
        return dict(found)

    def update(found: dict[str, Any]) -> int:
        headers = {"content-type": FHIR, "if-match": f'W/"{found["meta"]["versionId"]}"'}
        body = json.dumps({**found, "gender": "male"})
        return lakeside.put(f"/fhir/Patient/{found['id']}", content=body, headers=headers).status_code

    found = read()
    assert drop(hub)["residual"] >= 1
    assert kept(hub, "shown") == hub.count("shown") == 0
    assert update(found) == 200
    ((event,),) = hub.rows("SELECT event FROM log WHERE type NOT LIKE 'issue.%' ORDER BY position DESC LIMIT 1")
    changed = {name: value for name, value in json.loads(event)["set"].items() if not name.endswith("_digest")}
    assert changed == {"sex": "male"}, "what changed, and nothing else"
    assert read()["gender"] == "male"
    assert kept(hub, "shown") == hub.count("shown") == 1


def test_a_text_that_was_said_again_is_kept_from_then_on(open_house: Open, who: Person) -> None:
    hub = open_house(retention_text=2)
    hub.send(world.order(who, "TEXT-1"))
    hub.dropped("qc-1.csv", world.qc(who, more="Handle with care"))
    texts = "SELECT period, count(*) FROM sealed WHERE kind = 'text' GROUP BY period ORDER BY period"
    first = hub.rows(texts)
    assert [row[0] for row in first] == ["2026-03"]
    hub.clock.put_forward(days=80)
    hub.dropped("qc-2.csv", world.qc(who, "96.10", "Handle with care"))
    again = hub.rows(texts)
    assert sum(row[1] for row in again) == first[0][1]
    assert again[-1][0] == "2026-05"
    drop(hub, days=30)
    left = hub.rows(texts)
    assert [row for row in left if row[0] == "2026-05"] == [again[-1]]
    assert drop(hub)["text"] == again[-1][1]
    assert hub.journey(who)["timeline"], "what a text is missing from can be read"


def test_the_audit_keeps_its_last_months_and_the_only_traces(open_house: Open) -> None:
    hub = open_house(retention_audit=2)

    def said(at: str, act: str) -> None:
        values = (at, "watch", act, "", "{}")
        hub.committer(lambda c: c.connection.run("add_audit", *values))

    for at, act in (
        ("2025-01-05", "vault.look"),
        ("2025-01-06", "person.forget"),
        ("2025-12-31", "delivery.done"),
        ("2026-01-01", "vault.look"),
        ("2026-03-01", "vault.look"),
    ):
        said(f"{at}T08:00:00Z", act)
    with patch.object(keeping, "MOST_ROWS", 1):
        assert drop(hub, days=0)["audit"] == 3, "two rows, and the one that is passed by"
    left = hub.rows("SELECT substr(at, 1, 10), act FROM audit ORDER BY id")
    assert left[:3] == [("2025-01-06", "person.forget"), ("2026-01-01", "vault.look"), ("2026-03-01", "vault.look")]
    assert drop(hub, days=0).get("audit", 0) == 0


def test_receipts_go_and_what_was_refused_stays(open_house: Open, who: Person) -> None:
    hub = open_house(retention_receipt=2)
    hub.dropped("receipts-1.csv", world.receipts(who))
    hub.dropped("receipts-2.csv", world.receipts(world.person(4711)))
    hub.dropped("qc-1.csv", b"what;is;this\r\n1;2;3\r\n")
    old = datetime(2025, 12, 31, tzinfo=UTC).timestamp()
    for name in ("archive/receipts-1.csv.receipt.json", "error/qc-1.csv"):
        os.utime(hub.drop / name, (old, old))
    assert drop(hub, days=0) == {"receipt": 1}
    assert [path.name for path in (hub.drop / "archive").iterdir()] == ["receipts-2.csv.receipt.json"]
    assert (hub.drop / "error" / "qc-1.csv").exists()


def test_messages_are_answered_between_what_is_dropped(open_house: Open, who: Person) -> None:
    hub = open_house(retention_message=2)
    for number in range(20):
        hub.send(world.update(who, f"MANY-{number}", f"Familie{number}"))
    hub.clock.put_forward(**LATER)
    with patch.object(keeping, "MOST_ROWS", 1):
        began = hub.until(lambda: [hub.loop.call_soon_threadsafe(lambda: hub.loop.create_task(hub.hub.keeper.once()))])
        hub.until(lambda: kept(hub, "message") < 20)
        assert msa(hub.send(world.order(who, "BETWEEN-1")))[0] == "AA"
        assert kept(hub, "message") > 1, "it did not wait for all of them"
        hub.until(lambda: kept(hub, "message") == 1)
    assert began


def test_a_large_body_goes_alone(open_house: Open, who: Person) -> None:
    hub = open_house(retention_message=2)
    for number in range(3):
        hub.send(world.update(who, f"LARGE-{number}", f"Gross{number}"))
    hub.clock.put_forward(**LATER)
    (cut,) = cuts(hub.hub.settings, hub.clock())
    with patch.object(keeping, "MOST_BYTES", 1):
        assert [hub.committer(lambda c: keeping.drop(c.connection, cut)) for _ in range(4)] == [1, 1, 1, 0]


# ---- from a terminal --------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(open_house: Open, who: Person) -> Iterator[house.House]:
    hub = open_house()
    hub.send(world.order(who, "STOP-1"))
    hub.dropped("receipts-1.csv", world.receipts(who))
    yield hub
    hub.stop()


def test_what_would_go_is_told_beside_a_running_hub_and_goes_when_it_is_stopped(
    stopped: house.House, cgt_hub: Cli
) -> None:
    places = {"data": stopped.hub.settings.data, "partners": stopped.hub.settings.partners}
    by_hand = ("--partner", "foundry", "--before", "2026-04", "--json")
    count = "SELECT partner, count(*) FROM body GROUP BY partner ORDER BY partner"
    stopped.committer(lambda c: c.connection.raw.execute("UPDATE body SET period = '2026-01'"))
    before = stopped.rows(count)
    told = cgt_hub("retention", *by_hand, **places).json
    rows = dict(before)
    assert (told["applied"], {row["partner"] for row in told["past"]}) == (False, {"foundry"})
    assert sum(row["count"] for row in told["past"]) == rows["foundry"]
    assert stopped.rows(count) == before
    assert "stop it first" in cgt_hub("retention", *by_hand, "--apply", **places).err
    stopped.stop()
    assert cgt_hub("retention", *by_hand, "--apply", **places).json["applied"]
    assert cgt_hub("retention", *by_hand, **places).json["past"] == []
    assert cgt_hub("ledger", "verify", **places).code == 0


def test_a_month_by_hand_goes_with_a_partner_and_is_a_month(stopped: house.House, cgt_hub: Cli) -> None:
    for arguments in (("--before", "2026-03"), ("--before", "2026-13", "--partner", "foundry")):
        assert cgt_hub("retention", *arguments, data=stopped.hub.settings.data).code == 2


def test_the_disk_gets_back_what_was_dropped(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    hub = open_house()
    for number in range(20):
        hub.send(world.update(who, f"BIG-{number}").replace(b"PV1|1|O", b"NTE|1||" + b"x" * 60_000 + b"\rPV1|1|O"))
    hub.stop()
    file = hub.hub.settings.data / "hub.db"
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    full = file.stat().st_size
    assert cgt_hub("retention", "--apply", retention_message=1, retention_residual=1, **places).code == 0
    assert file.stat().st_size >= full
    assert cgt_hub("compact", **places).code == 0
    assert file.stat().st_size < full / 2
    assert cgt_hub("ledger", "verify", **places).code == 0


def test_the_page_says_until_when_and_a_replay_that_it_is_past(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    def change(found: dict[str, dict[str, Any]]) -> None:
        found["lakeside"]["filter"] = {"types": ["ADT^A08"]}

    hub = open_house(change, retention_message=2)
    hub.send(world.order(who, "PAGE-1"))
    hub.send(world.update(who, "PAGE-2"))
    page = hub.http("watch").get("/api/messages/1").json()
    assert (page["body_is_kept"], page["body_kept_until"]) == (True, "2026-05-31")
    drop(hub)
    assert hub.http("watch").get("/api/messages/1").json()["body_is_kept"] is False
    assert hub.http("watch").get("/api/retention").json() == {
        "months": {"message": 2},
        "kept_from": {"message": "2026-04"},
    }
    hub.stop()
    for number, why in ((1, "past its retention"), (2, "was filtered"), (3, "unknown")):
        ran = cgt_hub("replay", number, data=hub.hub.settings.data, partners=hub.hub.settings.partners)
        assert (ran.code, why in ran.err) == (2, True), ran
