"""Reload: profiles and tables change while the hub runs, all of them or none; messages after it are read otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import Person

Open = Callable[..., house.House]
TABLE = "map: hl7v2/adt_a31\nabout: update of person information\nlike: hl7v2/adt_a01\nfor: [ADT^A31]\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return world.write_overlay(tmp_path / "overlay")


@pytest.fixture
def hub(open_house: Open, own: Path) -> house.House:
    """A hub whose hospital has tables of its own."""
    return open_house(lambda found: found["lakeside"].update(overlay=str(own)))


def reload(hub: house.House) -> Any:
    return hub.http("watch").post("/api/reload")


def profile_of(hub: house.House, partner: str) -> Path:
    return hub.hub.settings.partners / f"{partner}.yaml"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def unread(who: Person, control: str) -> bytes:
    return world.update(who, control).replace(b"ADT^A08^ADT_A01", b"ADT^A31^ADT_A05")


def configurations(hub: house.House, control: str) -> set[str]:
    number = hub.message(control)["id"]
    return {event["configuration"] for event in hub.http("watch").get(f"/api/messages/{number}").json()["events"]}


def test_a_new_table_counts_from_the_reload_on(hub: house.House, own: Path, who: Person) -> None:
    hub.send(world.order(who, "NEW-1"))
    (own / "hl7v2" / "adt_a31.yaml").write_text(TABLE, encoding="utf-8")
    assert msa(hub.send(unread(who, "NEW-2")))[0] == "AR", "a file on the disk alone changes nothing"
    reply = reload(hub)
    assert (reply.status_code, list(reply.json()["changed"])) == (200, ["lakeside"])
    assert msa(hub.send(unread(who, "NEW-3")))[0] == "AA"


def test_an_event_tells_by_which_tables_it_was_read(hub: house.House, own: Path, who: Person) -> None:
    hub.send(world.order(who, "DIG-1"))
    codes = own / "hl7v2" / "codes" / "material_stage.csv"
    change(codes, "apheresis product of this hospital", "the same product, told otherwise")
    digest = reload(hub).json()["changed"]["lakeside"]
    hub.send(world.order(who, "DIG-2", doctor="78^BRANDT^ULI^^^^MD"))
    assert configurations(hub, "DIG-2") == {digest}
    assert configurations(hub, "DIG-1").isdisjoint({digest, ""})
    assert reload(hub).json()["changed"] == {}, "what did not change is not another configuration"


def test_every_fault_is_told_and_nothing_is_exchanged(hub: house.House, own: Path, who: Person) -> None:
    hub.send(world.order(who, "ALL-1"))
    (own / "hl7v2" / "adt_a31.yaml").write_text(TABLE, encoding="utf-8")
    (own / "hl7v2" / "broken.yaml").write_text("map: hl7v2/broken\nfor: [ADT^A99]\nwrong: 1\n", encoding="utf-8")
    change(profile_of(hub, "foundry"), "mes_csv/receipts", "mes_csv/nowhere")
    before = hub.hub.adapters.configuration(hub.hub.profiles["lakeside"])
    reply = reload(hub)
    assert reply.status_code == 422
    assert "broken" in reply.text
    assert hub.hub.adapters.configuration(hub.hub.profiles["lakeside"]) == before
    assert msa(hub.send(unread(who, "ALL-2")))[0] == "AR"
    (own / "hl7v2" / "broken.yaml").unlink()
    reply = reload(hub)
    assert (reply.status_code, "mes_csv/nowhere" in reply.text) == (422, True)
    change(profile_of(hub, "foundry"), "mes_csv/nowhere", "mes_csv/receipts")
    assert reload(hub).status_code == 200


@pytest.mark.parametrize(
    ("partner", "old", "new", "told"),
    [
        ("lakeside", "listen: 0", "listen: 2575", "lakeside: mllp"),
        ("foundry", "/out", "/elsewhere", "foundry: files"),
    ],
)
def test_what_is_opened_at_the_start_is_not_reloaded(
    hub: house.House, partner: str, old: str, new: str, told: str
) -> None:
    change(profile_of(hub, partner), old, new)
    reply = reload(hub)
    assert (reply.status_code, told in reply.text, "restart the hub" in reply.text) == (422, True, True)


def test_a_partner_cannot_be_taken_away_while_the_hub_runs(hub: house.House) -> None:
    profile_of(hub, "heron").unlink()
    reply = reload(hub)
    assert (reply.status_code, "heron: the profile is gone" in reply.text) == (422, True)


def test_another_token_counts_at_once(hub: house.House) -> None:
    client = hub.http("heron")
    assert client.post("/epcis/events", content=b"{}").status_code == 415
    change(profile_of(hub, "heron"), world.hashed(world.TOKENS["heron"]), world.hashed("another token of heron"))
    assert client.post("/epcis/events", content=b"{}").status_code == 415
    assert reload(hub).status_code == 200
    assert client.post("/epcis/events", content=b"{}").status_code == 401
    other = hub.http().post("/epcis/events", content=b"{}", headers={"authorization": "Bearer another token of heron"})
    assert other.status_code == 415


def test_another_dialect_counts_for_the_next_file(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "DIA-1"))
    assert hub.dropped("quality-1.csv", world.qc(who))["outcome"] == "recorded"
    change(profile_of(hub, "foundry"), "qc*: mes_csv/qc_results", "quality*: mes_csv/receipts")
    assert reload(hub).status_code == 200
    assert hub.dropped("quality-2.csv", world.qc(who))["outcome"] == "held"


def test_a_reload_stands_in_the_audit_with_who_did_it(hub: house.House, own: Path) -> None:
    (own / "hl7v2" / "adt_a31.yaml").write_text(TABLE, encoding="utf-8")
    reload(hub)
    found = hub.rows("SELECT actor, about FROM audit WHERE act = 'reload'")
    assert found == [("watch", "configuration")]


def test_the_terminal_asks_a_running_hub(
    hub: house.House, own: Path, cgt_hub: Callable[..., Ran], tmp_path: Path
) -> None:
    (own / "hl7v2" / "adt_a31.yaml").write_text(TABLE, encoding="utf-8")
    token = tmp_path / "token"
    token.write_text(world.TOKENS["watch"] + "\n", encoding="utf-8")
    ran = cgt_hub("reload", "--url", hub.base, "--token", token)
    assert (ran.code, list(ran.json["changed"])) == (0, ["lakeside"])
    token.write_text(world.TOKENS["lakeside"], encoding="utf-8")
    ran = cgt_hub("reload", "--url", hub.base, "--token", token)
    assert (ran.code, "the hub says 403" in ran.err) == (2, True)
