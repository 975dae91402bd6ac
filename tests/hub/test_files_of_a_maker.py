"""The second half of a journey told by files alone: receipt, steps, batch, decision, and the answers between."""

from __future__ import annotations

import csv
import io

import pytest

from tests.hub import house, world
from tests.hub.world import Person

BAG = "https://foundry.example/bag/P-7000"


@pytest.fixture(scope="module")
def known(hub: house.House) -> Person:
    who = world.person(7000)
    hub.send(world.order(who, "MAKE-1"))
    hub.send(world.apheresis(who, "MAKE-2"))
    return who


def ask(hub: house.House, who: Person, name: str) -> list[dict[str, str]]:
    text = f"Question,CoI,Container\nmay-ship,{who.coi},{BAG}\n"
    told = hub.dropped(name, text.encode())
    body = (hub.home / "foundry" / "out" / told["answered_by"]).read_bytes()
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def test_a_maker_tells_its_half_by_files_and_learns_when_it_may_ship(hub: house.House, known: Person) -> None:
    who = known
    hub.dropped("receipts-make.csv", world.receipts(who))
    hub.dropped("lots.csv", b"Material Lot,Material,Inspection,Expiry\nMED-1,Medium,accepted,2027-01\n")
    steps = (
        f"Batch: B-7000\nCoI: {who.coi}\n"
        "Step No,Step,Started At,Ended At,Status,Lots Consumed,Bags Consumed,Bags Produced,Equipment,Operator\n"
        f"1,Thaw,2026-03-11 08:00,2026-03-11 09:00,done,,{world.BAGS}/{who.bag},,WB-1,K. Adler\n"
        "2,Expansion,2026-03-11 09:00,2026-03-11 10:00,done,MED-1,,,INC-1,K. Adler\n"
    )
    assert hub.dropped("steps.csv", steps.encode())["unlinked"] == 0
    batch = (
        "Batch,CoI,Batch Status,Manufacture Start,Manufacture End,Starting Material,Product Bags\n"
        f"B-7000,{who.coi},completed,2026-03-11 08:00,2026-03-11 11:00,{world.BAGS}/{who.bag},{BAG}\n"
    )
    assert hub.dropped("batch.csv", batch.encode())["outcome"] == "recorded"
    assert "I-6" in {row["Rule"] for row in ask(hub, who, "ask-before.csv")}, "nobody has released it"
    decision = (
        "Decision No,CoI,Batch,Decision,Decision Date,Signed By,Role\n"
        f"QD-1,{who.coi},B-7000,released,2026-03-11 12:00,S. Keller,qa\n"
    )
    assert hub.dropped("decisions.csv", decision.encode())["unlinked"] == 0
    after = ask(hub, who, "ask-after.csv")
    assert not [row for row in after if row["Rule"] == "I-6" and "is recorded" in row["Text"]]
    of = hub.journey(who)
    told = [event["type"] for event in of["timeline"]]
    for name in ("step.completed", "batch.completed", "container.created", "disposition.decided", "material.received"):
        assert name in told
    assert told.count("step.completed") == 2
    assert any(chain["container"] == "P-7000" and chain["holder"] for chain in of["custody"])
    assert "Keller" not in str(of)
    assert "Adler" not in str(of)


def test_a_slot_is_offered_booked_and_moved_by_files(hub: house.House, known: Person) -> None:
    head = "Slot,CoI,Slot Kind,Slot Start,Slot Status,Replaces,Stated At\n"
    rows = (
        f"S-1,{known.coi},manufacturing,2026-03-20 08:00,offered,,2026-03-02 09:00\n",
        f"S-1,{known.coi},manufacturing,2026-03-20 08:00,booked,,2026-03-03 09:00\n",
        f"S-2,{known.coi},manufacturing,2026-03-27 08:00,booked,S-1,2026-03-09 09:00\n",
    )
    assert hub.dropped("slots.csv", (head + "".join(rows)).encode())["outcome"] == "recorded"
    told = [event["type"] for event in hub.journey(known)["timeline"]]
    assert [name for name in told if name.startswith("slot.")] == ["slot.offered", "slot.booked", "slot.changed"]
