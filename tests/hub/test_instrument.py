"""A QC lab from outside: a cell counter's export by drop; results join their order and are judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hub import house, world
from tests.hub.world import Person
from tests.standards import ROOT

MAP = """
map: asm/assay
like: asm/results
for: [asm/assay]
dialect:
  sample: "(?P<order>CH[A-Z0-9]+)/(?P<batch>B-[0-9]+)"
  systems: {batch: "https://foundry.example/id"}
"""
SAMPLES = ROOT / "tests" / "samples" / "asm"


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assay")


@pytest.fixture(scope="module")
def hub(open_house: Callable[..., house.House], drop: Path) -> house.House:
    """A hub with a laboratory that drops what its instruments export."""

    overlay = drop.parent / "assay-tables"
    (overlay / "asm").mkdir(parents=True)
    (overlay / "asm" / "assay.yaml").write_text(MAP, encoding="utf-8")

    def change(found: dict[str, dict[str, Any]]) -> None:
        found["assay"] = {
            "partner": "assay",
            "name": "Assay Labs",
            "role": "qc-lab",
            "zone": "America/New_York",
            "party": "https://id.gs1.org/414/9531110000051",
            "system": "https://assay.example/id",
            "overlay": str(overlay),
            "files": {"drop": str(drop), "format": "asm", "settle_seconds": 0.0},
        }

    return open_house(change)


@pytest.fixture(scope="module")
def known(hub: house.House) -> Person:
    who = world.person(8100)
    hub.send(world.order(who, "ASM-1"))
    hub.send(world.apheresis(who, "ASM-2"))
    hub.dropped("receipts-asm.csv", world.receipts(who))
    return who


def dropped(hub: house.House, folder: Path, name: str, body: bytes) -> dict[str, Any]:
    (folder / f"{name}.part").write_bytes(body)
    (folder / f"{name}.part").rename(folder / name)
    receipt, error = folder / "archive" / f"{name}.receipt.json", folder / "error" / f"{name}.error.json"

    def told() -> Any:
        return next((json.loads(path.read_bytes()) for path in (receipt, error) if path.exists()), None)

    return dict(hub.until(told, 60))


def export(who: Person, viability: str) -> bytes:
    text = (SAMPLES / "vi_cell_xr.txt").read_text(encoding="utf-8")
    return text.replace("DP-0418", f"{who.coi}/B-9").replace("90.0", viability).replace("25 Mar", "11 Mar").encode()


def test_an_export_joins_its_order_and_a_viability_out_of_its_limit_is_an_issue(
    hub: house.House, drop: Path, known: Person
) -> None:
    before = [event["type"] for event in hub.journey(known)["timeline"]].count("result.reported")
    told = dropped(hub, drop, "run1.txt", export(known, "61.5"))
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0), told
    of = hub.journey(known)
    assert [event["type"] for event in of["timeline"]].count("result.reported") == before + 9
    assert any("outside its specification" in issue["text"] for issue in of["issues"]), [
        (i["rule"], i["text"]) for i in of["issues"]
    ]


def test_the_same_run_again_doubles_no_result(hub: house.House, drop: Path, known: Person) -> None:
    def results() -> int:
        told = hub.rows("SELECT event FROM log WHERE type = 'result.reported'")
        return len({json.dumps(json.loads(row[0])["about"]) for row in told if row[0]})

    dropped(hub, drop, "run2.txt", export(known, "61.5"))
    before = results()
    again = export(known, "61.5").replace(b"SizeData : 1,2,3", b"SizeData : 1,2,4")
    assert dropped(hub, drop, "run3.txt", again)["outcome"] == "recorded"
    assert results() == before


def test_a_file_of_no_instrument_is_held_with_what_to_send(hub: house.House, drop: Path) -> None:
    told = dropped(hub, drop, "holiday.csv", b"what,when\nbeach,June\n")
    assert told["outcome"] == "held"
    text = (drop / "error" / "holiday.csv.error.txt").read_text(encoding="utf-8")
    assert "Vi-CELL BLU (csv)" in text
    assert "beach" not in text


def test_no_analyst_stands_in_what_operators_see(hub: house.House, drop: Path, known: Person) -> None:
    body = (SAMPLES / "vi_cell_blu.csv").read_bytes().replace(b"CHA999926000012-D7", f"{known.coi}/B-9".encode())
    told = dropped(hub, drop, "blu.csv", body)
    assert {warning["code"] for warning in told["warnings"]} == {"value-unread", "time-unclear"}
    assert "okafor" not in json.dumps(hub.journey(known))
