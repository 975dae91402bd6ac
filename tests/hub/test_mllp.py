"""MLLP from outside: each message gets the answer of the table of outcomes, and no bad one harms a good one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import pytest

from hub.channels.mllp import Listener
from hub.committer import Answer, Incoming
from hub.profiles import Mllp, Profile
from hub.vault import Vault
from tests.hub import house, world
from tests.hub.house import FS, VT, fields, msa
from tests.hub.world import Person, msh, order, pid, v2

Open = Callable[..., house.House]
SOMEBODY = Profile(
    partner="ward", name="Ward", role="hospital", party="urn:cgt:party/ward", mllp=Mllp(listen=0), system="urn:ward"
)


def errors(ack: bytes) -> list[tuple[str, str, str, str]]:
    """Place, HL7 code, severity and our code of every ERR segment; and each says what to do."""
    found = fields(ack, "ERR")
    assert all(len(error) > 8 and error[8] for error in found), "an error without a remedy"
    return [(e[2], e[3].split("^")[0], e[4], e[5].split("^")[0]) for e in found]


def replayed_from(hub: house.House, source: str) -> bytes:
    """The bytes that the hub kept of a message."""
    body = hub.rows("SELECT body FROM inbox WHERE source_id = ? ORDER BY id DESC", source)[0][0]
    partner, period, _, sealed = hub.rows("SELECT partner, period, kind, sealed FROM body WHERE id = ?", body)[0]
    return hub.hub.keys.open(f"body/{partner}/{period}", sealed)


# ---- what is good ---------------------------------------------------------------------------------------------


def test_an_order_is_accepted_under_its_senders_id(hub: house.House, who: Person) -> None:
    ack = hub.send(order(who, "OK-1"))
    assert msa(ack) == ("AA", "OK-1")
    assert fields(ack, "ERR") == []
    assert hub.journey(who)["state"] == "submitted"
    assert hub.message("OK-1")["outcome"] == "recorded"


def test_an_answer_goes_back_to_who_asked_in_the_senders_version(hub: house.House, who: Person) -> None:
    message = order(who, "OK-2").replace(b"|P|2.5.1", b"|P|2.3")
    head = fields(hub.send(message), "MSH")[0]
    assert (head[3], head[4], head[5], head[6], head[12]) == ("HUB", "HUB", "EHR", "LAKESIDE", "2.3")


def test_delimiters_of_the_senders_own_are_answered_in_kind(hub: house.House, who: Person) -> None:
    swap = bytes.maketrans(b"|^&", b"#@$")
    ack = hub.send(order(who, "OK-3").translate(swap))
    assert ack.startswith(b"MSH#@~\\$#")
    assert b"MSA#AA#OK-3" in ack
    assert hub.message("OK-3")["outcome"] == "recorded"


def test_nothing_is_acknowledged_before_it_is_durable(hub: house.House, who: Person) -> None:
    before = hub.facts()
    hub.send(order(who, "OK-4"))
    reader = hub.hub.store.reader()
    try:
        seen = reader.raw.execute("SELECT count(*) FROM log WHERE type NOT LIKE 'issue.%'").fetchone()[0]
    finally:
        reader.close()
    assert seen > before


def test_pipelined_messages_are_answered_in_their_order(hub: house.House) -> None:
    people = [world.person(2000 + n) for n in range(20)]
    with hub.line() as line:
        line.put(b"".join(VT + order(p, f"PIPE-{n}") + FS for n, p in enumerate(people)))
        assert [msa(line.answer()) for _ in people] == [("AA", f"PIPE-{n}") for n in range(20)]


def test_a_message_that_says_the_same_again_gets_the_same_answer_and_changes_nothing(
    hub: house.House, who: Person
) -> None:
    first = hub.send(order(who, "AGAIN-1"))
    facts, deliveries = hub.facts(), hub.count("delivery")
    again = hub.send(order(who, "AGAIN-1"))
    assert msa(again) == msa(first) == ("AA", "AGAIN-1")
    assert errors(again) == errors(first)
    assert hub.facts() == facts
    assert hub.count("delivery") == deliveries
    assert hub.rows("SELECT repeats FROM inbox WHERE source_id = 'AGAIN-1'") == [(1,)]


def test_a_resend_differs_in_msh_7_and_is_still_the_same(hub: house.House, who: Person) -> None:
    message = order(who, "AGAIN-2")
    hub.send(message)
    facts = hub.facts()
    ack = hub.send(message.replace(b"HUB|HUB|20260301083000-0600||", b"HUB|HUB|20260301094500-0600||"))
    assert msa(ack) == ("AA", "AGAIN-2")
    assert hub.facts() == facts
    assert len(hub.rows("SELECT 1 FROM inbox WHERE source_id = 'AGAIN-2'")) == 1


# ---- the table of bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "control"),
    [
        (b"hello", ""),
        (b"", ""),
        (b"MSH|", ""),
        (b"\x00\x01\x02\xff\xfe", ""),
        (b"PID|1||X\rMSH|^~\\&|", ""),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + order(world.person(2100), "IN-BATCH"), "IN-BATCH"),
    ],
)
def test_what_cannot_be_read_is_held_and_kept_whole(hub: house.House, body: bytes, control: str) -> None:
    facts, rows = hub.facts(), hub.count("inbox")
    ack = hub.send(body)
    assert msa(ack) == ("AE", control)
    assert all(severity == "E" for _, _, severity, _ in errors(ack))
    assert hub.facts() == facts
    assert hub.count("inbox") == rows + 1
    last = hub.rows("SELECT source_id, outcome FROM inbox ORDER BY id DESC LIMIT 1")[0]
    assert last[1] == "held"
    assert replayed_from(hub, last[0]) == body


def test_two_messages_in_one_frame_are_held_and_neither_is_half_recorded(hub: house.House, who: Person) -> None:
    other = world.person(2101)
    facts = hub.facts()
    ack = hub.send(order(who, "TWO-1") + order(other, "TWO-2"))
    assert msa(ack) == ("AE", "TWO-1")
    assert errors(ack) == [("", "100", "E", "hl7v2-batch")]
    assert hub.facts() == facts
    assert hub.message("TWO-1")["outcome"] == "held"


def test_an_unknown_type_is_refused_with_the_place_of_its_name(hub: house.House, who: Person) -> None:
    ack = hub.send(v2(msh("ZZZ^Z01", "TYPE-1"), pid(who)))
    assert msa(ack) == ("AR", "TYPE-1")
    assert errors(ack) == [("MSH^1^9", "200", "E", "unsupported-message")]
    assert hub.message("TYPE-1")["outcome"] == "rejected"
    assert replayed_from(hub, "TYPE-1").startswith(b"MSH")


def test_a_deviation_is_accepted_with_a_warning_at_its_place(hub: house.House, who: Person) -> None:
    ack = hub.send(order(who, "DEV-1").replace(b"||71.5|", b"||seventy|"))
    assert msa(ack) == ("AA", "DEV-1")
    assert errors(ack) == [("OBX^1^5", "102", "W", "number-unreadable")]
    assert b"seventy" not in ack
    assert b"seventy" in replayed_from(hub, "DEV-1")


@pytest.mark.parametrize(
    "type_", ["ORU^R01^ORU_R01", "OML^O21^OML_O21", "ORM^O01^ORM_O01", "ADT^A01^ADT_A01", "ADT^A40^ADT_A39"]
)
def test_a_message_that_tells_nothing_is_not_accepted_in_silence(hub: house.House, type_: str) -> None:
    control, before = f"NOTHING-{type_[:7]}".replace("^", ""), hub.facts()
    ack = hub.send(msh(type_, control).encode() + b"\r")
    assert msa(ack) == ("AA", control)
    assert ("W", "asserts-nothing") in [error[2:] for error in errors(ack)]
    assert hub.facts() == before


def test_a_message_without_an_id_is_recorded_and_its_sender_told(hub: house.House, who: Person) -> None:
    ack = hub.send(order(who, ""))
    assert msa(ack)[0] == "AA"
    assert errors(ack) == [("MSH^1^10", "101", "W", "required")]
    assert hub.journey(who)["state"] == "submitted"


def test_an_order_without_a_number_is_recorded_and_its_sender_told(hub: house.House, who: Person) -> None:
    numberless = order(who, "NAMED-1").replace(f"{who.order}^EHR".encode(), b"")
    assert errors(hub.send(numberless)) == [], "the chain-of-identity identifier names it"
    ack = hub.send(numberless.replace(b"NAMED-1", b"UNNAMED-1").replace(who.coi.encode(), b""))
    assert msa(ack) == ("AA", "UNNAMED-1")
    assert [(code, severity, ours) for _, code, severity, ours in errors(ack)] == [("101", "W", "required")]


def test_a_unit_of_what_is_no_number_is_kept_and_its_sender_told(hub: house.House, who: Person) -> None:
    """German decimals in a text: the canonical text has no unit, and no other partner would see it."""
    ack = hub.send(
        order(who, "UNIT-1").replace(b"|NM|29463-7^Body weight^LN||71.5|", b"|ST|29463-7^Body weight^LN||71,5|")
    )
    assert msa(ack) == ("AA", "UNIT-1")
    assert errors(ack) == [("OBX^1^6", "102", "W", "unit-unreadable")]
    assert b"71,5|kg" in replayed_from(hub, "UNIT-1")


def test_a_fact_of_no_known_order_is_accepted_and_said_to_wait(hub: house.House, who: Person) -> None:
    ack = hub.send(world.apheresis(who, "WAIT-1"))
    assert msa(ack) == ("AA", "WAIT-1")
    assert ("", "204", "W", "unlinked") in errors(ack)
    assert hub.http("watch").get("/api/unlinked").json()
    hub.send(order(who, "WAIT-2"))
    assert any(event["type"] == "container.created" for event in hub.journey(who)["timeline"])


def test_a_message_id_used_twice_for_other_contents_is_recorded_warned_of_and_becomes_an_issue(
    hub: house.House, who: Person
) -> None:
    hub.send(order(who, "SAME-1"))
    facts = hub.facts()
    ack = hub.send(order(who, "SAME-1").replace(b"||71.5|", b"||17.5|"))
    assert msa(ack) == ("AA", "SAME-1")
    assert ("", "205", "W", "source-id-reused") in errors(ack)
    assert hub.facts() > facts
    issue = next(i for i in hub.journey(who)["issues"] if i["rule"] == "I-14")
    assert (issue["kind"], issue["severity"], issue["closed"]) == ("duplicate", "major", None)


def test_one_message_id_of_two_orders_is_no_contradiction(hub: house.House, who: Person) -> None:
    hub.send(order(who, "SAME-2"))
    hub.send(order(world.person(2102), "SAME-2"))
    assert not [i for i in hub.journey(who)["issues"] if i["rule"] == "I-14"]


def test_a_message_beyond_the_limit_is_refused_and_the_line_goes_on(hub: house.House, who: Person) -> None:
    large = order(who, "LARGE-1") + b"NTE|1||" + b"x" * 3_000_000 + b"\r"
    rows = hub.count("inbox")
    with hub.line() as line:
        ack = line.ask(large)
        assert msa(ack) == ("AR", "LARGE-1")
        assert errors(ack) == [("", "207", "E", "too-large")]
        assert hub.count("inbox") == rows
        assert msa(line.ask(order(who, "LARGE-2"))) == ("AA", "LARGE-2")


def test_a_site_may_have_held_messages_accepted_with_a_warning(open_house: Open) -> None:
    def mild(found: dict[str, dict[str, object]]) -> None:
        found["lakeside"]["mllp"] = {"listen": 0, "held_as": "AA"}

    hub = open_house(mild)
    ack = hub.send(b"MSH|^~\\&|A|B|C|D|||ORU^R01|MILD|P|2.5.1\rMSH|^~\\&|\r")
    assert msa(ack) == ("AA", "MILD")
    assert errors(ack) == [("", "100", "W", "hl7v2-batch")]
    assert hub.message("MILD")["outcome"] == "held"


def test_filtered_types_are_accepted_counted_and_not_kept(open_house: Open, who: Person) -> None:
    def narrow(found: dict[str, dict[str, object]]) -> None:
        found["lakeside"]["filter"] = {"types": ["ADT^A08", "SIU^S12"], "services": ["AXI-CEL"]}

    hub = open_house(narrow)
    assert msa(hub.send(world.update(who, "FIL-1"))) == ("AA", "FIL-1")
    assert msa(hub.send(v2(msh("SIU^S12", "FIL-2"), pid(who)))) == ("AA", "FIL-2")
    assert hub.rows("SELECT outcome, body FROM inbox WHERE source_id LIKE 'FIL-%'") == [("filtered", None)] * 2
    assert hub.facts() == 0


def test_what_a_ward_gives_of_other_products_is_not_kept(open_house: Open, who: Person) -> None:
    def narrow(found: dict[str, dict[str, object]]) -> None:
        found["lakeside"]["filter"] = {"services": ["AXI-CEL"]}

    def given(control: str, code: str) -> bytes:
        rxa = f"RXA|0|1|20260311|20260311|{code}^{code}^L|1"
        return v2(msh("RAS^O17", control), pid(who), f"ORC|RE|{control}", rxa)

    hub = open_house(narrow)
    assert msa(hub.send(given("GIVEN-1", "IBUPROFEN"))) == ("AA", "GIVEN-1")
    assert (hub.facts(), hub.message("GIVEN-1")["outcome"], hub.count("person")) == (0, "filtered", 0)
    assert msa(hub.send(given("GIVEN-2", "AXI-CEL"))) == ("AA", "GIVEN-2")
    assert hub.facts() > 0


def test_a_partner_hears_only_its_own_port(hub: house.House, who: Person) -> None:
    hub.send(order(who, "PORT-1"), "northern")
    assert hub.message("PORT-1")["partner"] == "northern"


def test_a_connection_from_elsewhere_is_closed_unheard(open_house: Open, who: Person) -> None:
    def far(found: dict[str, dict[str, object]]) -> None:
        found["lakeside"]["mllp"] = {"listen": 0, "from_hosts": ["127.0.0.9"]}

    hub = open_house(far)
    with hub.line() as line, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert line.ask(order(who, "FAR-1")) == b""
    with hub.line(source="127.0.0.9") as line:
        assert msa(line.ask(order(who, "FAR-2"))) == ("AA", "FAR-2")
    assert [row[0] for row in hub.rows("SELECT source_id FROM inbox")] == ["FAR-2"]


# ---- hostile framing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"MSH|^~\\&|no start byte", b"GET / HTTP/1.1\r\n\r\n", b"\x1c\r", b"\x16\x03\x01\x02"])
def test_bytes_that_begin_no_frame_end_the_line_and_leave_no_trace(hub: house.House, raw: bytes) -> None:
    rows = hub.count("inbox")
    with hub.line() as line:
        line.put(raw)
        assert line.answer() == b""
    assert hub.count("inbox") == rows
    assert "mllp.cut" in hub.logs.events()


def test_garbage_between_frames_costs_the_line_and_no_message_before_it(hub: house.House, who: Person) -> None:
    with hub.line() as line:
        line.put(VT + order(who, "GARB-1") + FS + b"garbage" + VT + order(who, "GARB-2") + FS)
        assert msa(line.answer()) == ("AA", "GARB-1")
        assert line.answer() == b""
    assert not hub.rows("SELECT 1 FROM inbox WHERE source_id = 'GARB-2'")


def test_line_ends_between_frames_are_borne(hub: house.House, who: Person) -> None:
    with hub.line() as line:
        line.put(b"\r\n" + VT + order(who, "CRLF-1") + FS + b"\n\r\n" + VT + order(who, "CRLF-2") + FS)
        assert [msa(line.answer())[1] for _ in range(2)] == ["CRLF-1", "CRLF-2"]


def test_half_a_message_and_a_hang_up_leave_nothing(hub: house.House, who: Person) -> None:
    rows = hub.count("inbox")
    with hub.line() as line:
        line.put(VT + order(who, "HALF-1")[:150])
    with hub.line() as line:  # the hub serves on
        assert msa(line.ask(order(who, "HALF-2"))) == ("AA", "HALF-2")
    assert hub.count("inbox") == rows + 1


def test_a_message_in_small_pieces_is_one_message(hub: house.House, who: Person) -> None:
    framed = VT + order(who, "SLOW-1") + FS
    with hub.line() as line:
        for at in range(0, len(framed), 97):
            line.put(framed[at : at + 97])
            time.sleep(0.001)
        assert msa(line.answer()) == ("AA", "SLOW-1")


def test_a_sender_that_dribbles_is_cut_off(open_house: Open, who: Person) -> None:
    hub = open_house(patience=0.3)
    with hub.line() as line, hub.line() as other:
        line.put(VT + order(who, "DRIB-1")[:40])
        assert msa(other.ask(order(who, "DRIB-2"))) == ("AA", "DRIB-2"), "one slow sender holds up another"
        assert line.answer() == b""
    assert [row[0] for row in hub.rows("SELECT source_id FROM inbox")] == ["DRIB-2"]


def test_a_connection_may_rest_longer_than_a_frame_may_take(open_house: Open, who: Person) -> None:
    hub = open_house(patience=0.2)
    with hub.line() as line:
        assert msa(line.ask(order(who, "REST-1"))) == ("AA", "REST-1")
        time.sleep(0.5)
        assert msa(line.ask(order(who, "REST-2"))) == ("AA", "REST-2")


@pytest.mark.parametrize("declared", ["", "UNICODE UTF-8", "8859/1", "NOT-A-CHARSET"])
def test_a_charset_that_does_not_fit_is_no_crash_and_the_bytes_are_kept(hub: house.House, declared: str) -> None:
    person = world.person(2200 + len(declared))
    control = f"CHAR-{len(declared)}"
    message = order(person, control).replace(b"|P|2.5.1\r", f"|P|2.5.1||||||{declared}\r".encode())
    message = message.replace(b"Familie", b"M\xfcller")
    ack = hub.send(message)
    assert msa(ack)[1] == control
    assert msa(ack)[0] == "AA"
    assert replayed_from(hub, control) == message
    assert (("MSH^1^18", "102", "W", "hl7v2-charset") in errors(ack)) == (declared != "8859/1")
    if declared == "8859/1":
        found = hub.http("lakeside").get("/fhir/Patient", params={"identifier": person.mrn}).json()
        assert found["entry"][0]["resource"]["name"][0]["family"].startswith("Müller")


def test_delimiters_that_are_none_are_not_repeated(hub: house.House, who: Person) -> None:
    """A NUL as field separator makes all of the message its second field."""
    ack = hub.send(order(who, "NUL-1").replace(b"MSH|", b"MSH\x00"))
    assert msa(ack)[0] == "AE"
    assert not [text for text in (b"LAKESIDE", b"OML", b"\x00") if text in ack]


# ---- one bad message among good ones --------------------------------------------------------------------------


def test_a_message_on_which_the_hub_itself_fails_is_held_alone(
    hub: house.House, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is planted in the vault: what a message did before it failed has to be gone, its neighbours not."""
    before, after = world.person(2300), world.person(2301)
    keep = Vault.keep

    def failing(self: Vault, identity: dict[str, object], *rest: object) -> None:
        keep(self, identity, *rest)  # type: ignore[arg-type]
        if any(name.get("family") == who.family for name in identity.get("names", ())):  # type: ignore[attr-defined]
            raise RuntimeError(f"disk of {who.family}")

    group = [
        Incoming("lakeside", "mllp", "hl7v2", order(person, f"GROUP-{n}"), name=f"GROUP-{n}")
        for n, person in enumerate((before, who, after))
    ]
    with monkeypatch.context() as planted:
        planted.setattr(Vault, "keep", failing)
        answers: list[Answer] = hub.committer(lambda c: c.commit(group))
    assert [answer.outcome for answer in answers] == ["recorded", "held", "recorded"]
    assert [fault.code for fault in answers[1].faults] == ["internal-error"]
    assert hub.journey(before)["state"] == hub.journey(after)["state"] == "submitted"
    with pytest.raises(AssertionError, match="no journey"):
        hub.journey(who)
    assert replayed_from(hub, "GROUP-1") == order(who, "GROUP-1")
    assert who.family not in "".join(hub.logs.lines)
    assert msa(hub.send(order(who, "GROUP-1"))) == ("AA", "GROUP-1"), "sent again after the fault it is taken"
    assert hub.http("watch").get("/api/ledger").json()["holds"]


def test_a_store_that_fails_is_told_to_the_sender_and_nothing_is_kept(
    open_house: Open, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = open_house()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as planted:
        planted.setattr("hub.ledger.seal", full)
        ack = hub.send(order(who, "FULL-1"))
    assert msa(ack) == ("AE", "FULL-1")
    assert [code for *_, code in errors(ack)] == ["internal-error"]
    assert hub.count("inbox") == hub.count("log") == 0
    assert msa(hub.send(order(who, "FULL-1"))) == ("AA", "FULL-1")
    assert hub.http("watch").get("/api/ledger").json()["holds"]


def test_a_scanned_label_is_taken_apart_and_its_patient_number_stays_out_of_the_log(hub: house.House) -> None:
    """ISBT 128 compound message: donation, product, division, and the patient's number [025] and birth date [024]."""
    who = world.person(4321)
    hub.send(order(who, "SCAN-1"))
    label = "=+05000=G12341765432100=<S1128V00=,A00000&#AB109988776655=#AB19700101".replace("&", "\\T\\")
    body = world.apheresis(who, "SCAN-2").replace(who.bag.encode(), label.encode())
    assert msa(hub.send(body)) == ("AA", "SCAN-2")
    facts = hub.journey(who)["timeline"]
    named = {i["value"] for fact in facts if fact["about"]["kind"] == "container" for i in fact["about"]["identifiers"]}
    assert named == {"G123417654321-S1128V00-A00000"}
    for secret in ("9988776655", "19700101"):
        assert not [text for (text,) in hub.rows("SELECT event FROM log WHERE instr(event, ?)", secret)]
    assert label.encode() in replayed_from(hub, "SCAN-2")


@pytest.mark.parametrize(("born", "told"), [("19610314", 1), ("19610313", 0)])
def test_another_day_of_birth_is_an_issue_and_its_date_stays_out_of_the_log(
    hub: house.House, born: str, told: int
) -> None:
    who = world.person(4400 + told)
    first = order(who, f"BORN-{told}-1").replace(who.born.encode(), b"19610313")
    assert msa(hub.send(first))[0] == "AA"
    assert msa(hub.send(world.update(who, f"BORN-{told}-2").replace(who.born.encode(), born.encode())))[0] == "AA"
    assert len([i for i in hub.journey(who)["issues"] if i["rule"] == "I-47"]) == told
    assert not hub.rows("SELECT position FROM log WHERE instr(event, '1961-03-1') OR instr(event, '1961031')")


def test_a_message_that_comes_again_with_other_line_ends_is_the_same(hub: house.House) -> None:
    """An interface engine that was changed ends segments by LF or CR LF."""
    who = world.person(4450)
    body = order(who, "ENDS-1")
    assert msa(hub.send(body))[0] == "AA"
    facts = hub.facts()
    for other in (body.replace(b"\r", b"\n"), body.replace(b"\r", b"\r\n"), body.rstrip(b"\r")):
        assert msa(hub.send(other))[0] == "AA"
    assert hub.facts() == facts
    assert hub.rows("SELECT repeats FROM inbox WHERE source_id = 'ENDS-1'") == [(3,)]


def test_the_operators_see_what_a_sender_was_told_of_its_message(hub: house.House, who: Person) -> None:
    ack = hub.send(order(who, "OK-71").replace(b"|71.5|", b"|71,5|"))
    told = [code for place, _, severity, code in errors(ack) if severity == "W"]
    assert told == ["number-unreadable"]
    number = hub.message("OK-71")["id"]
    faults = hub.http("watch").get(f"/api/messages/{number}").json()["faults"]
    assert [fault["code"] for fault in faults] == told


def test_a_hub_that_stops_ends_its_lines_quietly() -> None:
    told: list[object] = []

    async def stopped() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        listener = Listener(SOMEBODY, _nothing, lambda *_: b"", 1000)
        await listener.start("127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(VT)
        await asyncio.sleep(0.1)
        await listener.stop()
        rest = await reader.read()
        writer.close()
        return rest

    assert asyncio.run(stopped()) == b""
    assert told == []


async def _nothing(*_: object) -> bytes:
    return b""
