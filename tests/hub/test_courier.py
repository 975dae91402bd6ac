"""A courier from outside: milestones by HTTP, a logger's file by drop; custody moves, what was measured is judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub import house, world
from tests.hub.world import LD, Person

SSCC = "395123450000000055"
JSON = "application/json"


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heron")


@pytest.fixture(scope="module")
def hub(open_house: Callable[..., house.House], drop: Path) -> house.House:
    """A hub whose courier sends milestones and logger files."""

    def change(found: dict[str, dict[str, Any]]) -> None:
        found["heron"]["http"]["formats"] = ["epcis", "courier_feed"]
        found["heron"]["system"] = "https://heron.example/id"
        dialects = {"log*": "mes_csv/logger", "miles*": "mes_csv/milestones"}
        found["heron"]["files"] = {"drop": str(drop), "dialects": dialects, "settle_seconds": 0.0}

    return open_house(change)


@pytest.fixture(scope="module")
def carried(hub: house.House) -> Person:
    who = world.person(5500)
    hub.send(world.order(who, "CF-1"))
    hub.send(world.apheresis(who, "CF-2"))
    packed = world.document(world.packing(who, SSCC))
    assert hub.http("heron").post("/epcis/capture", content=packed, headers={"content-type": LD}).status_code == 202
    return who


def feed(hub: house.House, *milestones: Any, partner: str = "heron", kind: str = JSON) -> httpx.Response:
    body = json.dumps({"milestones": list(milestones)}).encode()
    return hub.http(partner).post("/feed/milestones", content=body, headers={"content-type": kind})


def milestone(word: str, at: str, **more: Any) -> dict[str, Any]:
    return {"event": word, "eventTime": at, "sscc": SSCC, **more}


def dropped(hub: house.House, folder: Path, name: str, body: str) -> dict[str, Any]:
    (folder / f"{name}.part").write_bytes(body.encode())
    (folder / f"{name}.part").rename(folder / name)
    receipt, error = folder / "archive" / f"{name}.receipt.json", folder / "error" / f"{name}.error.json"

    def told() -> Any:
        return next((json.loads(path.read_bytes()) for path in (receipt, error) if path.exists()), None)

    return dict(hub.until(told))


def holder(hub: house.House, who: Person) -> str:
    return str(next(c["holder"] for c in hub.journey(who)["custody"] if c["container"].endswith(who.bag)))


def test_milestones_out_of_order_and_twice_come_to_one_custody(hub: house.House, carried: Person) -> None:
    sides = {"from": world.GLN["lakeside"], "to": world.GLN["heron"]}
    picked = milestone("picked up", "2026-03-10 15:30", timeZone="America/Chicago", **sides)
    arrived = milestone("arrival", "2026-03-11T06:00:00-04:00")
    for body in ([arrived, picked], [picked]):
        reply = feed(hub, *body)
        assert reply.status_code == 201, reply.text
        assert reply.json()["unlinked"] == 0
    assert holder(hub, carried).endswith(world.GLN["heron"])
    assert all("custody-gap" not in issue["kind"] for issue in hub.journey(carried)["issues"])


def test_a_milestone_that_says_too_little_is_held_and_costs_no_other(hub: house.House, carried: Person) -> None:
    reply = feed(hub, {"event": "departed"}, milestone("in transit", "2026-03-11T01:00:00Z"))
    assert reply.status_code == 422
    assert [part["fate"] for part in reply.json()["parts"]] == ["recorded", "held"]


def test_a_logger_file_is_judged(hub: house.House, drop: Path, carried: Person) -> None:
    rows = [f"2026-03-10 {16 + n // 6}:{n % 6}0,{'60.8' if 4 <= n < 9 else '41.0'}" for n in range(12)]
    block = ["Serial No: CL-9", f"Trip: {SSCC}", "Time Zone: America/New_York", "Interval: 10 min", ""]
    told = dropped(
        hub, drop, "log1.csv", "\n".join([*block, "Timestamp,Temp °F", *rows, "2026-03-10 19:30,41.0"]) + "\n"
    )
    assert told["outcome"] == "recorded", told
    assert [warning["code"] for warning in told["warnings"]] == ["readings-gap"]
    issues = {issue["kind"]: issue["text"] for issue in hub.journey(carried)["issues"]}
    assert "50 min" in issues["temperature-excursion"]
    assert "telemetry-gap" in issues


def test_rows_of_milestones_come_by_file(hub: house.House, drop: Path, carried: Person) -> None:
    told = dropped(
        hub, drop, "miles1.csv", f"Event;Event Time;SSCC;To\nDelivered;2026-03-11 09:00;{SSCC};{world.GLN['foundry']}\n"
    )
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0), told
    assert holder(hub, carried).endswith(world.GLN["foundry"])


def test_only_a_partner_with_a_feed_has_one(hub: house.House) -> None:
    assert feed(hub, partner="foundry").status_code == 403
    assert hub.http().post("/feed/milestones", content=b"[]").status_code == 401
    assert feed(hub, kind="text/plain").status_code == 415


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"{}", b"[" * 9000, b'{"a":1,"a":2}', b"\xff"])
def test_a_feed_that_cannot_be_read_is_a_problem(hub: house.House, body: bytes) -> None:
    reply = hub.http("heron").post("/feed/milestones", content=body, headers={"content-type": JSON})
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")
