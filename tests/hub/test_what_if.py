"""What-if: the last real messages read with other tables, without a trace; what it tells is what a replay then does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub import what_if
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person, person
from tests.standards import ROOT

Open = Callable[..., house.House]
Cli = Callable[..., Ran]
SAMPLE = "wire,canonical,note\nAPH,sample,mended\n*!,sample,everything else\n"
TABLE = "map: hl7v2/adt_a31\nabout: update of person information\nlike: hl7v2/adt_a01\nfor: [ADT^A31]\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return world.write_overlay(tmp_path / "overlay")


@pytest.fixture
def hub(open_house: Open, own: Path) -> house.House:
    """A hub whose hospital has tables of its own."""
    return open_house(lambda found: found["lakeside"].update(overlay=str(own), role="hospital"))


def other(hub: house.House, name: str = "draft") -> Path:
    """A folder of tables beside the profiles."""
    return world.write_overlay(hub.hub.settings.partners / name)


def ask(hub: house.House, **asked: Any) -> dict[str, Any]:
    reply = hub.http("watch").post("/api/what-if", json={"partner": "lakeside", **asked})
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


def state_of(hub: house.House) -> list[Any]:
    """Everything that could bear a trace."""
    tables = ("inbox", "log", "body", "sealed", "person", "identity", "blind", "name", "delivery", "issue")
    return [(table, hub.rows(f"SELECT count(*) FROM {table}")) for table in tables]


def test_the_tables_of_today_change_nothing(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "SAME-1"))
    hub.send(world.apheresis(who, "SAME-2"))
    hub.send(world.update(who, "SAME-3"))
    told = ask(hub)
    assert (told["messages"], told["unchanged"]) == (3, 3)
    assert (told["other_outcome"], told["other_facts"], told["new_faults"]) == ([], [], [])
    assert told["account"]["today"] == told["account"]["then"]


def test_a_code_that_would_be_read_otherwise_is_told_by_type_and_path_and_leaves_no_trace(
    hub: house.House, who: Person
) -> None:
    hub.send(world.order(who, "CODE-1"))
    hub.send(world.apheresis(who, "CODE-2"))
    (other(hub) / "hl7v2" / "codes" / "material_stage.csv").write_text(SAMPLE, encoding="utf-8")
    before = state_of(hub)
    told = ask(hub, overlay="draft")
    assert (told["messages"], told["unchanged"]) == (2, 1)
    assert told["other_facts"]
    assert {row["messages"] for row in told["other_facts"]} == {1}
    assert state_of(hub) == before
    assert "values" not in told


def test_a_message_that_a_new_table_would_read_is_told_as_another_outcome(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "OUT-1"))
    hub.send(world.update(who, "OUT-2").replace(b"ADT^A08^ADT_A01", b"ADT^A31^ADT_A05"))
    (other(hub) / "hl7v2" / "adt_a31.yaml").write_text(TABLE, encoding="utf-8")
    told = ask(hub, overlay="draft")
    (row,) = told["other_outcome"]
    assert (row["was"], row["outcome"], row["count"]) == ("rejected", "recorded", 1)
    assert row["such_as"] == [hub.message("OUT-2")["id"]]
    assert {row["change"] for row in told["other_facts"]} == {"new"}


def test_a_row_that_cannot_read_what_is_there_tells_the_new_faults(hub: house.House, who: Person) -> None:
    """The time of receipt would be read from SPM-1, which has a number."""
    hub.send(world.order(who, "FLT-1"))
    hub.send(world.apheresis(who, "FLT-2"))
    rows = (ROOT / "mappings" / "hl7v2" / "spm.yaml").read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if "{id: S1, " not in row and "{id: S18," not in row]
    assert len(kept) == len(rows) - 2
    kept.append("  - {id: S18, at: 1, into: material.received_at, as: instant}")
    (other(hub) / "hl7v2" / "spm.yaml").write_text("\n".join(kept) + "\n", encoding="utf-8")
    told = ask(hub, overlay="draft")
    assert [(row["messages"], row["place"].startswith("SPM")) for row in told["new_faults"]] == [(1, True)]


def test_values_are_masked_unless_the_hubs_own_people_ask_for_them(open_house: Open, own: Path, who: Person) -> None:
    hub = open_house(lambda found: found["watch"].update(role="hub"))
    hub.send(world.order(who, "VAL-1"))
    hub.send(world.apheresis(who, "VAL-2"))
    (other(hub) / "hl7v2" / "codes" / "material_stage.csv").write_text(SAMPLE, encoding="utf-8")
    assert "sample" not in json.dumps(ask(hub, overlay="draft"))
    shown = ask(hub, overlay="draft", show=True)
    (one,) = shown["values"]
    assert "sample" in json.dumps(one["facts"])


def test_quality_assurance_sees_no_values(hub: house.House) -> None:
    reply = hub.http("watch").post("/api/what-if", json={"partner": "lakeside", "show": True})
    assert reply.status_code == 403


def test_what_it_tells_is_what_a_replay_then_does(hub: house.House, own: Path) -> None:
    with hub.line() as line:
        for number in range(8100, 8110):
            line.ask(world.order(person(number), f"O-{number}"))
            line.ask(world.apheresis(person(number), f"A-{number}"))
    (own / "hl7v2" / "codes" / "material_stage.csv").write_text(SAMPLE, encoding="utf-8")
    told = ask(hub)
    assert (told["messages"], told["unchanged"]) == (20, 10)
    assert hub.http("watch").post("/api/reload").status_code == 200
    where = hub.http("watch").post(
        "/api/replays", json={"chosen": {"partner": "lakeside"}, "reason": "the code table was mended"}
    )
    done: dict[str, Any] = hub.until(
        lambda: (r := hub.http("watch").get(where.headers["location"]).json())["ended"] and r, 60
    )
    changed = {
        m["message"] for m in hub.http("watch").get(f"{where.headers['location']}/messages").json() if m["facts"]
    }
    assert done["done"] == 20
    assert len(changed) == 10
    assert {m for row in told["other_facts"] for m in row["such_as"]} <= changed
    told = ask(hub)
    assert (told["messages"], told["unchanged"]) == (20, 20)


def test_it_does_not_run_where_the_committer_runs(
    hub: house.House, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.send(world.order(who, "THR-1"))
    threads = []
    whole = what_if.look

    def look(*given: Any, **named: Any) -> dict[str, Any]:
        threads.append(threading.current_thread().name)
        return whole(*given, **named)

    monkeypatch.setattr(what_if, "look", look)
    ask(hub)
    assert threads
    assert "committer" not in threads


def test_only_a_folder_beside_the_profiles_is_read_over_http(hub: house.House) -> None:
    for overlay in ("../overlay", "/etc", "a/b", ".."):
        reply = hub.http("watch").post("/api/what-if", json={"partner": "lakeside", "overlay": overlay})
        assert reply.status_code == 422, overlay
    reply = hub.http("watch").post("/api/what-if", json={"partner": "lakeside", "overlay": "nowhere"})
    assert (reply.status_code, "no folder" in reply.text) == (422, True)
    assert hub.http("watch").post("/api/what-if", json={"partner": "nobody"}).status_code == 422


def test_faults_of_the_tables_are_told(hub: house.House) -> None:
    (other(hub) / "hl7v2" / "broken.yaml").write_text("map: hl7v2/broken\nwrong: 1\n", encoding="utf-8")
    reply = hub.http("watch").post("/api/what-if", json={"partner": "lakeside", "overlay": "draft"})
    assert (reply.status_code, "broken" in reply.text) == (422, True)


def test_messages_of_every_format_are_read_again_as_they_were(open_house: Open, who: Person) -> None:
    hub = open_house()
    hub.send(world.order(who, "FMT-1"))
    hub.send(world.apheresis(who, "FMT-2"))
    hub.dropped("qc-fmt.csv", world.qc(who))
    hub.dropped("receipts-fmt.csv", world.receipts(who))
    document = world.document(world.packing(who), world.departing())
    assert hub.http("heron").post("/epcis/capture", content=document, headers={"content-type": world.LD}).is_success
    headers = {"content-type": world.FHIR}
    patient = json.dumps(world.patient(who))
    assert hub.http("lakeside").post("/fhir/Patient", content=patient, headers=headers).is_success
    for partner, count in (("lakeside", 3), ("foundry", 2), ("heron", 1)):
        told = ask(hub, partner=partner)
        assert (told["messages"], told["unchanged"]) == (count, count), told


def test_the_terminal_looks_beside_a_running_hub(hub: house.House, cgt_hub: Cli, who: Person, tmp_path: Path) -> None:
    hub.send(world.order(who, "CLI-1"))
    hub.send(world.apheresis(who, "CLI-2"))
    folder = world.write_overlay(tmp_path / "draft")
    (folder / "hl7v2" / "codes" / "material_stage.csv").write_text(SAMPLE, encoding="utf-8")
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    before = state_of(hub)
    ran = cgt_hub("what-if", "--partner", "lakeside", "--overlay", folder, "--json", **places)
    assert ran.code == 0, ran.err
    assert (ran.json["messages"], ran.json["unchanged"]) == (2, 1)
    ran = cgt_hub("what-if", "--partner", "lakeside", "--overlay", folder, **places)
    assert "2 messages, 1 unchanged" in ran.out
    assert "other facts" in ran.out
    assert state_of(hub) == before
    ran = cgt_hub("what-if", "--partner", "nobody", **places)
    assert (ran.code, "no profile of nobody" in ran.err) == (2, True)
