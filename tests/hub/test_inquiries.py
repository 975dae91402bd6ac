"""Questions that a partner drops as a file, and the file of answers: as over HTTP, and nothing that it may not see."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from tests.hub import house, world
from tests.hub.world import Person

Open = Callable[..., house.House]
Answers = list[dict[str, str]]


@pytest.fixture(scope="module")
def known(hub: house.House) -> Person:
    """A patient whose order is known, and whose bag the maker has."""
    who = world.person(6000)
    hub.send(world.order(who, "ASK-1"))
    hub.send(world.apheresis(who, "ASK-2"))
    hub.dropped("receipts-ask.csv", world.receipts(who))
    hub.dropped(
        "slots-ask.csv",
        f"Slot,CoI,Slot Kind,Slot Start,Slot Status\nS-1,{who.coi},manufacturing,2026-03-15 08:00,booked\n".encode(),
    )
    return who


def ask(hub: house.House, name: str, text: str | bytes) -> tuple[dict[str, Any], Answers]:
    """The receipt and the answers to a file."""
    receipt = hub.dropped(name, text if isinstance(text, bytes) else text.encode())
    body = (hub.home / "foundry" / "out" / receipt["answered_by"]).read_bytes()
    delimiter = ";" if b";" in body.splitlines()[0] else ","
    return receipt, list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=delimiter))


def test_a_question_is_answered_as_it_is_over_http(hub: house.House, known: Person) -> None:
    bag = f"{world.BAGS}/{known.bag}"
    facts = hub.facts()
    receipt, rows = ask(hub, "ask-1.csv", f"Ref;Question;CoI;Bag\r\nQ7;May ship?;{known.coi};{bag}\r\n")
    assert (receipt["outcome"], receipt["message"], receipt["parts"]) == ("answered", None, 1)
    body = {
        "order": [{"system": "https://cgt-hub.example/id/coi", "value": known.coi, "type": "coi"}],
        "containers": [{"system": world.BAGS, "value": known.bag}],
    }
    over_http = hub.http("foundry").post("/api/questions/may-ship", json=body).json()
    assert [(row["Verdict"], row["Rule"], row["Text"], row["To Settle"]) for row in rows] == [
        (over_http["verdict"], one["rule"], one["text"], one["settle"]) for one in over_http["reasons"]
    ] or (over_http["reasons"] == [] and rows[0]["Verdict"] == over_http["verdict"])
    assert {(row["Line"], row["Reference"], row["Question"], row["CoI"]) for row in rows} == {
        ("2", "Q7", "May ship?", known.coi)
    }
    assert int(rows[0]["Position"]) <= over_http["position"]
    assert hub.facts() == facts, "a question is no fact"
    asked = hub.rows("SELECT count(*) FROM audit WHERE actor = 'foundry' AND act = 'may-ship'")[0][0]
    assert asked == 2


def test_the_status_of_an_order_is_what_the_asker_may_see(hub: house.House, known: Person) -> None:
    _, rows = ask(hub, "ask-2.csv", f"Question,CoI\nstatus,{known.coi}\nslot,{known.coi}\n")
    told = {row["About"].partition(":")[0] for row in rows}
    assert {"order", "container", "appointment manufacturing"} <= told
    (slot,) = [row for row in rows if row["Question"] == "slot"]
    assert (slot["State"], slot["At"]) == ("status booked", "2026-03-15T07:00:00Z")
    assert next(row["State"] for row in rows if row["About"].startswith("container"))
    text = str(rows)
    assert not any(word in text for word in (known.family, known.given, known.mrn))


def test_an_order_that_is_not_the_askers_is_answered_as_one_that_does_not_exist(hub: house.House) -> None:
    other = world.person(6001)
    hub.send(world.order(other, "ASK-9").replace(b"AXI-CEL", b"OTHER-1"))
    questions = "".join(
        f"{question},{coi}\n" for coi in (other.coi, "CHZ9999269999999") for question in ("may ship", "status", "slot")
    )
    _, rows = ask(hub, "ask-3.csv", f"Question,CoI\n{questions}")
    said = [(row["Verdict"], row["About"], row["State"], row["Rule"], row["Text"]) for row in rows]
    assert said[:3] == said[3:]
    assert {verdict for verdict, *_ in said} == {"deny"}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("may fly,{coi},", "question-unknown"),
        ("may-label,{coi},", "question-arguments"),
        ("may-ship,{coi},&>1", "identifier-unreadable"),
        ("may-infuse,{coi},", "access"),
        (",{coi},", "cell-missing"),
    ],
)
def test_a_row_that_cannot_be_asked_is_answered_with_the_reason(
    hub: house.House, known: Person, row: str, rule: str
) -> None:
    text = f"Question,CoI,Bag\n{row.format(coi=known.coi)}\nstatus,{known.coi},\n".replace("&>1", "BAG\u202e1")
    _, rows = ask(hub, f"ask-{rule}.csv", text)
    assert rows[0]["Rule"] == rule
    assert rows[0]["Verdict"] == ("deny" if rule == "access" else "not-asked")
    assert any(row["Question"] == "status" and row["Verdict"] == "told" for row in rows), "the other row is answered"


def test_a_workbook_of_questions_is_answered_by_a_workbook(hub: house.House, known: Person) -> None:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["Question", "CoI"])
    made.active.append(["what is due", known.coi])
    made.save(out)
    receipt = hub.dropped("ask-4.xlsx", out.getvalue())
    assert receipt["answered_by"].endswith(".answer.xlsx")
    answers = openpyxl.load_workbook(hub.home / "foundry" / "out" / receipt["answered_by"]).active
    head, first = list(answers.iter_rows(values_only=True))[:2]
    assert dict(zip(head, first, strict=True))["Verdict"] in {"listed", "open", "none"}


def test_an_answer_runs_nothing_in_a_spreadsheet(hub: house.House, known: Person) -> None:
    receipt, _ = ask(hub, "ask-5.csv", f"Reference,Question,CoI\n=1+2,status,{known.coi}\n")
    body = (hub.home / "foundry" / "out" / receipt["answered_by"]).read_text(encoding="utf-8-sig")
    assert ",'=1+2," in body


def test_questions_that_cannot_be_read_go_to_error(hub: house.House, known: Person) -> None:
    told = hub.dropped("ask-6.csv", b"Question,CoI\n" + f"status,{known.coi}\n".encode() * 501)
    assert [(fault["code"], fault["place"]) for fault in told["faults"]] == [("csv-too-many-rows", "line 502")]


def test_a_partner_without_a_folder_for_answers_is_told_so(open_house: Open) -> None:
    def silent(found: dict[str, dict[str, Any]]) -> None:
        del found["foundry"]["files"]["out"]
        found["foundry"]["files"]["dialects"] = {"ask*": "mes_csv/questions"}

    told = open_house(silent).dropped("ask-7.csv", b"Question,CoI\nstatus,X\n")
    assert [fault["code"] for fault in told["faults"]] == ["no-answer-folder"]
