"""Replay: a kept message is read again with the tables of today. What it says anew counts, and nothing counts twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub import formats
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import FHIR, Person

Open = Callable[..., house.House]
Cli = Callable[..., Ran]


@pytest.fixture
def tables(tmp_path: Path, open_house: Open) -> Callable[[], tuple[house.House, Path]]:
    """A hub whose partners have an overlay of their own, which a test may mend."""

    def start() -> tuple[house.House, Path]:
        own = world.write_overlay(tmp_path / "overlay")

        def change(found: dict[str, dict[str, Any]]) -> None:
            found["lakeside"]["overlay"] = found["foundry"]["overlay"] = str(own)

        return open_house(change), own

    return start


def replay(cgt_hub: Cli, hub: house.House, number: int) -> dict[str, Any]:
    """Replays a message of a hub that was stopped."""
    formats.compiled.cache_clear()
    settings = hub.hub.settings
    ran = cgt_hub("replay", number, data=settings.data, partners=settings.partners)
    assert ran.code == 0, ran.err
    return dict(ran.json)


def number_of(hub: house.House, source: str) -> int:
    return int(hub.rows("SELECT id FROM inbox WHERE source_id = ? ORDER BY id DESC", source)[0][0])


def test_a_message_of_a_type_that_a_new_table_reads_is_recorded(
    tables: Callable[[], tuple[house.House, Path]], cgt_hub: Cli, who: Person
) -> None:
    hub, own = tables()
    assert msa(hub.send(world.order(who, "NEW-1")))[0] == "AA"
    message = world.update(who, "NEW-2").replace(b"ADT^A08^ADT_A01", b"ADT^A31^ADT_A05")
    assert msa(hub.send(message)) == ("AR", "NEW-2")
    number = number_of(hub, "NEW-2")
    hub.stop()
    table = "map: hl7v2/adt_a31\nabout: update of person information\nlike: hl7v2/adt_a01\nfor: [ADT^A31]\n"
    (own / "hl7v2" / "adt_a31.yaml").write_text(table, encoding="utf-8")
    told = replay(cgt_hub, hub, number)
    assert (told["was"], told["outcome"]) == ("rejected", "recorded")
    assert told["new_events"] > 0
    assert replay(cgt_hub, hub, number)["new_events"] == 0
    verified = cgt_hub("ledger", "verify", data=hub.hub.settings.data)
    assert (verified.code, verified.out.split()[0]) == (0, "0")


def test_a_file_is_replayed_in_the_dialect_of_its_name(
    tables: Callable[[], tuple[house.House, Path]], cgt_hub: Cli, who: Person
) -> None:
    hub, own = tables()
    hub.send(world.order(who, "DIA-1"))
    body = f"Auftrag;Pruefung;Ergebnis;Stand\r\n{who.coi};Viability;97.20;final\r\n".encode()
    told = hub.dropped("qc-dialect.csv", body)
    assert told["outcome"] == "held"
    hub.stop()
    folder = own / "mes_csv"
    folder.mkdir()
    base = "like: mes_csv/qc_results\ncolumns:\n  order: [Auftrag]\n  test: [Pruefung]\n"
    base += "  value: [Ergebnis]\n  status: [Stand]\n"
    (folder / "foundry.yaml").write_text(f"map: mes_csv/foundry\nabout: Foundry's own\n{base}", encoding="utf-8")
    partners = hub.hub.settings.partners
    profile = (partners / "foundry.yaml").read_text(encoding="utf-8")
    (partners / "foundry.yaml").write_text(profile.replace("mes_csv/qc_results", "mes_csv/foundry"), encoding="utf-8")
    again = replay(cgt_hub, hub, told["message"])
    assert (again["was"], again["outcome"]) == ("held", "recorded")
    assert again["new_events"] > 0


def test_a_code_that_is_read_otherwise_supersedes_what_it_said(
    tables: Callable[[], tuple[house.House, Path]], cgt_hub: Cli, who: Person
) -> None:
    hub, own = tables()
    hub.send(world.order(who, "CODE-1"))
    hub.send(world.apheresis(who, "CODE-2"))
    number = number_of(hub, "CODE-2")
    hub.stop()
    codes = own / "hl7v2" / "codes" / "material_stage.csv"
    codes.write_text("wire,canonical,note\nAPH,sample,mended\n*!,sample,everything else\n", encoding="utf-8")
    told = replay(cgt_hub, hub, number)
    assert (told["was"], told["outcome"]) == ("recorded", "recorded")
    assert told["new_events"] > 0
    assert replay(cgt_hub, hub, number)["new_events"] == 0


def test_a_replay_of_what_was_recorded_changes_nothing(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    hub = open_house()
    hub.send(world.order(who, "SAME-1"))
    hub.send(world.apheresis(who, "SAME-2"))
    receipt = hub.dropped("receipts-1.csv", world.receipts(who))
    number = number_of(hub, "SAME-2")
    hub.stop()
    for one in (number, receipt["message"]):
        told = replay(cgt_hub, hub, one)
        assert (told["outcome"], told["new_events"]) == ("recorded", 0), told


def test_an_update_is_not_replayed_because_it_is_a_difference(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    hub = open_house()
    hub.send(world.order(who, "UPD-1"))
    found = hub.http("lakeside").get("/fhir/Patient", params={"identifier": who.mrn}).json()["entry"][0]["resource"]
    reply = hub.http("lakeside").put(
        f"/fhir/Patient/{found['id']}",
        content=json.dumps({**found, "gender": "male"}),
        headers={"content-type": FHIR, "if-match": 'W/"1"'},
    )
    assert reply.status_code == 200
    number = hub.rows("SELECT max(id) FROM inbox")[0][0]
    hub.stop()
    ran = cgt_hub("replay", number, data=hub.hub.settings.data, partners=hub.hub.settings.partners)
    assert (ran.code, "FHIR update" in ran.err) == (2, True)


@pytest.mark.parametrize("number", [999, 0])
def test_what_is_not_kept_cannot_be_replayed(open_house: Open, cgt_hub: Cli, number: int) -> None:
    hub = open_house()
    hub.stop()
    ran = cgt_hub("replay", number, data=hub.hub.settings.data, partners=hub.hub.settings.partners)
    assert ran.code == 2
    assert "is not in the body store" in ran.err


def test_a_held_message_stays_held_while_nothing_was_mended(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    hub = open_house()
    hub.send(world.order(who, "HOLD-1") + world.order(who, "HOLD-2"))
    number = number_of(hub, "HOLD-1")
    hub.stop()
    told = replay(cgt_hub, hub, number)
    assert (told["was"], told["outcome"], told["new_events"]) == ("held", "held", 0)
    assert [fault["code"] for fault in told["faults"]] == ["hl7v2-batch"]
