"""The contract `stored`: CA means that the body is safe; what became of it the sender hears afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import orjson
import pytest

from hub.bootstrap import build
from hub.committer import Committer
from tests.hub import house, receivers, world
from tests.hub.house import fields, msa
from tests.hub.test_answers import ask, verdict
from tests.hub.world import LD, Person

Open = Callable[..., house.House]


@pytest.fixture
def sender() -> Iterator[receivers.Interface]:
    """Where the hospital listens for what became of its messages."""
    with receivers.interface() as interface:
        yield interface


@pytest.fixture
def hub(open_house: Open, sender: receivers.Interface) -> house.House:
    def stored(found: dict[str, dict[str, object]]) -> None:
        listening = {"send_host": "127.0.0.1", "send_port": sender.port}
        found["lakeside"]["mllp"] = {"listen": 0, "acknowledge": "stored", **listening}
        found["heron"]["http"]["acknowledge"] = "stored"  # type: ignore[index]

    return open_house(stored)


def asking(message: bytes, application: str) -> bytes:
    """A message that says when it wants to hear what became of it (MSH-16)."""
    header, _, rest = message.partition(b"\r")
    parts = header.split(b"|")
    parts += [b""] * (16 - len(parts))
    parts[14:16] = [b"AL", application.encode()]
    return b"|".join(parts) + b"\r" + rest


def told(sender: receivers.Interface) -> list[tuple[str, str]]:
    return [msa(message) for message in sender.received]


def test_what_was_stored_is_read_in_its_order(hub: house.House, who: Person) -> None:
    with hub.line() as line:
        for message in (world.order(who, "STO-1"), world.apheresis(who, "STO-2")):
            assert msa(line.ask(message))[0] == "CA"
    hub.until(lambda: hub.message("STO-2")["outcome"] == "recorded")
    assert hub.journey(who)["stage"] == "collected"
    assert [row[0] for row in hub.rows("SELECT source_id FROM inbox ORDER BY id")] == ["STO-1", "STO-2"]


@pytest.mark.parametrize(
    ("asked", "of_good", "of_bad"),
    [("AL", "AA", "AR"), ("ER", "", "AR"), ("SU", "AA", ""), ("NE", "", ""), ("", "", "AR")],
)
def test_the_sender_hears_what_it_asked_for(
    hub: house.House, who: Person, sender: receivers.Interface, asked: str, of_good: str, of_bad: str
) -> None:
    good, bad = asking(world.order(who, "GOOD"), asked), asking(world.msh("ZZZ^Z01", "BAD").encode() + b"\r", asked)
    assert [msa(hub.send(message)) for message in (good, bad)] == [("CA", "GOOD"), ("CA", "BAD")]
    hub.until(lambda: hub.message("BAD")["outcome"] == "rejected")
    due = [(code, name) for code, name in ((of_good, "GOOD"), (of_bad, "BAD")) if code]
    hub.until(lambda: sorted(told(sender)) == sorted(due))
    hub.quiet()
    assert sorted(told(sender)) == sorted(due)
    for answer in sender.received:
        assert fields(answer, "MSH")[0][15:17] == ["AL", "NE"], "it asks for an accept acknowledgement of its own"


def test_an_application_acknowledgement_names_what_is_wrong(hub: house.House, sender: receivers.Interface) -> None:
    assert msa(hub.send(b"MSH|^~\\&|A|B|C|D|||ORU^R01|HELD-1|P|2.5.1\rMSH|^~\\&|\r"))[0] == "CA"
    hub.until(lambda: told(sender) == [("AE", "HELD-1")])
    assert fields(sender.received[0], "ERR")


def test_a_resend_is_stored_once_read_or_not(hub: house.House, who: Person) -> None:
    message = world.order(who, "TWICE")
    for _ in range(2):
        assert msa(hub.send(message)) == ("CA", "TWICE")
    hub.until(lambda: hub.message("TWICE")["outcome"] == "recorded")
    facts = hub.facts()
    assert msa(hub.send(message)) == ("CA", "TWICE")
    assert hub.rows("SELECT repeats FROM inbox") == [(2,)]
    assert hub.facts() == facts


def test_no_answer_is_allow_while_a_message_is_not_read(hub: house.House, who: Person) -> None:
    """architecture.md 4: input that was received before the question and is unconverted leaves it open."""
    hub.send(world.order(who, "OPEN-1"))
    hub.send(world.apheresis(who, "OPEN-2"))
    hub.until(lambda: hub.message("OPEN-2")["outcome"] == "recorded")
    assert "I-40" not in verdict(ask(hub, "may-ship", who))[1]
    with patch.object(Committer, "read_stored", lambda *_: 0):
        hub.send(world.apheresis(who, "OPEN-3"))
        assert hub.message("OPEN-3")["outcome"] == "received"
        assert "I-40" in verdict(ask(hub, "may-ship", who))[1]


def test_what_a_stopped_hub_had_not_read_is_read_when_it_starts(open_house: Open, who: Person) -> None:
    def stored(found: dict[str, dict[str, object]]) -> None:
        found["lakeside"]["mllp"] = {"listen": 0, "acknowledge": "stored"}

    hub = open_house(stored)
    with patch.object(Committer, "read_stored", lambda *_: 0):
        assert msa(hub.send(world.order(who, "LATER")))[0] == "CA"
        hub.stop()
    again = house.House(hub.home, build(hub.hub.settings, clock=hub.clock), hub.clock, hub.logs).start()
    again.until(lambda: again.rows("SELECT outcome FROM inbox") == [("recorded",)])
    again.stop()


def test_a_message_that_breaks_the_hub_is_held_and_the_others_are_read(hub: house.House, who: Person) -> None:
    real = Committer._convert

    def failing(committer: Committer, db: object, incoming: object) -> object:
        if incoming.name == "BREAKS":  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return real(committer, db, incoming)  # type: ignore[arg-type]

    with patch.object(Committer, "_convert", failing):
        hub.send(world.order(who, "BREAKS"))
        hub.send(world.apheresis(who, "READ"))
        hub.until(lambda: hub.message("READ")["outcome"] == "recorded")
    assert hub.message("BREAKS")["outcome"] == "held"


def test_a_capture_that_was_stored_is_a_running_job_until_it_is_read(hub: house.House, who: Person) -> None:
    client = hub.http("heron")
    document = {"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-10T15:30:00Z"}
    body = {**document, "epcisBody": {"eventList": [world.departing()]}}
    with patch.object(Committer, "read_stored", lambda *_: 0):
        answer = client.post("/epcis/capture", content=orjson.dumps(body), headers={"content-type": LD})
        assert answer.status_code == 202
        job = client.get(answer.headers["location"]).json()
        assert (job["running"], job["success"]) == (True, False)
        assert "finishedAt" not in job
