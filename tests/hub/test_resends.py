"""What was not taken and comes again is one message: kept once, counted, and closed by the resend that is taken."""

from __future__ import annotations

import pytest

from hub.committer import Answer, Incoming
from hub.demo import world
from hub.demo.writing import v2
from tests.verify.plants import poison_raises
from tests.verify.small_hub import SmallHub

UNREADABLE = Incoming("mercy", "mllp", "hl7v2", b"\x00 no message at all", name="X1")
UNKNOWN = Incoming(
    "mercy", "mllp", "hl7v2", v2(world.header("ZZZ^Z99", "X2", "20260310141500-0500"), "PID|1"), name="X2"
)
NOTHING = Incoming("mercy", "mllp", "hl7v2", b"MSH")
HALF = Incoming("celltech", "file", "mes_csv", b"no;such;columns\n1;2;3\n", "mes_csv/receipts", "half.csv")


def rows(hub: SmallHub) -> list[tuple[str, int]]:
    """Outcomes and repeats of what the inbox has, the oldest first."""
    return [(row[10], row[15]) for row in reversed(hub.store.writer.all("inbox_last", 9))]


def send(hub: SmallHub, incoming: Incoming) -> Answer:
    return hub.committer.commit([incoming])[0]


@pytest.mark.parametrize(
    "incoming", [UNREADABLE, UNKNOWN, NOTHING, HALF], ids=["unreadable", "unknown", "nothing", "file"]
)
def test_what_is_refused_again_and_again_is_kept_once(incoming: Incoming) -> None:
    """A sender that gets AE repeats for days: each time a row and a body would fill the disk."""
    hub = SmallHub()
    first = send(hub, incoming)
    again = [send(hub, incoming) for _ in range(3)]
    assert first.outcome in {"held", "rejected"}
    assert {answer.outcome for answer in again} == {first.outcome}
    assert [answer.faults for answer in again] == [first.faults] * 3
    assert rows(hub) == [(first.outcome, 3)]


def test_resends_of_one_group_are_kept_once() -> None:
    hub = SmallHub()
    hub.committer.commit([UNREADABLE, UNKNOWN, UNREADABLE, UNKNOWN])
    assert [repeats for _, repeats in rows(hub)] == [1, 1]


def stumbled_over() -> Incoming:
    body = world.order(world.JANE, "X3").replace(b"ELM ST", b"POISON ST")
    return Incoming("mercy", "mllp", "hl7v2", body, name="X3")


def test_what_the_hub_stumbles_over_is_kept_once() -> None:
    hub = SmallHub()
    with poison_raises():
        assert {send(hub, stumbled_over()).faults[0].code for _ in range(3)} == {"internal-error"}
    assert rows(hub) == [("held", 2)]


def test_what_the_hub_stumbled_over_is_closed_by_the_resend_that_it_takes() -> None:
    """It was kept under another sameness than its resend: it blocked its partner's orders for ever."""
    hub = SmallHub()
    with poison_raises():
        send(hub, stumbled_over())
    later = stumbled_over().body.replace(b"|20260301083000-0600||OML", b"|20260301083500-0600||OML")
    assert send(hub, Incoming("mercy", "mllp", "hl7v2", later, name="X3")).outcome == "recorded"
    assert rows(hub) == [("held", 0), ("recorded", 0)]
    assert hub.store.writer.all("unread_of", '["mercy"]') == []
