"""Acknowledgements: in the sender's delimiters and version, naming faults and never the message's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import hl7v2
from adapters.hl7v2.ack import MOST, acknowledge
from mappings.faults import Fault
from tests.laws.generated import Made, messages

NOW = datetime(2026, 3, 8, 6, 40, tzinfo=UTC)
BODY = "MSH|^~\\&|EHR|MERCY|CGTHUB|HUB|20260308014000||OML^O21^OML_O21|MSG1|P|{version}\rPID|1||123\r"
UNREADABLE = Fault("time-unreadable", "PID[1]-7", "write a time as YYYYMMDDHHMMSS+ZZZZ")
UNKNOWN = Fault("code-unknown", "OBX[2]-11[1].1", "not in code table result_status", severity="error")


def answered(body: str | bytes, *faults: Fault, code: str = "AA") -> list[str]:
    raw = body if isinstance(body, bytes) else body.encode()
    return acknowledge(raw, code, faults, "HUB1", NOW).decode().split("\r")


def test_an_answer_names_the_message_and_turns_sender_and_receiver_round() -> None:
    msh, msa, end = answered(BODY.format(version="2.5.1"))
    assert msh == "MSH|^~\\&|CGTHUB|HUB|EHR|MERCY|20260308064000+0000||ACK^O21^ACK|HUB1|P|2.5.1"
    assert (msa, end) == ("MSA|AA|MSG1", "")


@pytest.mark.parametrize("version", ["2.5", "2.5.1", "2.6", "2.7", "2.8.2"])
def test_from_2_5_on_each_fault_has_an_err_that_says_where_and_what_to_do(version: str) -> None:
    _, _, first, second, _ = answered(BODY.format(version=version), UNREADABLE, UNKNOWN, code="AE")
    assert first == (
        "ERR||PID^1^7|102^Data type error^HL70357|W|time-unreadable^^CGTFAULT"
        "|||PID[1]-7: write a time as YYYYMMDDHHMMSS+ZZZZ"
    )
    assert second.startswith("ERR||OBX^2^11^1^1|103^Table value not found^HL70357|E|code-unknown^^CGTFAULT")


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4"])
def test_before_2_5_msa_3_names_the_first_fault_and_counts_the_others(version: str) -> None:
    _, msa, end = answered(BODY.format(version=version), UNREADABLE, UNKNOWN, code="AE")
    assert msa == "MSA|AE|MSG1|PID[1]-7: time-unreadable: write a time as YYYYMMDDHHMMSS+ZZZZ (and 1 more)"
    assert end == ""
    assert len(msa.split("|")[3]) <= 80


def test_an_answer_is_in_the_delimiters_of_its_message() -> None:
    msh, _, err, _ = answered("MSH#*+?%#EHR#MERCY#A#B#2026##ADT*A08#7#P#2.5.1\r", UNKNOWN, code="AE")
    assert msh.startswith("MSH#*+?%#A#B#EHR#MERCY#")
    assert err.startswith("ERR##OBX*2*11*1*1#103*Table value not found*HL70357#E#")


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff" * 9, b"MSH", b"MSH|", b"PID|1|x", b"MSH|^~\\&|" + b"|" * 2000, b"MSHXYZMSHXYZ", b"BHS|^~\\&|A"],
)
def test_what_cannot_be_read_is_answered_all_the_same(body: bytes) -> None:
    msh, msa, *_ = answered(body, Fault("hl7v2-no-header", "MSH", "begin with MSH", severity="error"), code="AR")
    assert msh.startswith("MSH|^~\\&|")
    assert msa.startswith("MSA|AR")


def test_a_header_behind_other_bytes_is_still_echoed() -> None:
    _, msa, _ = answered(b"\xff\xfe" + BODY.format(version="2.5.1").encode(), code="AR")
    assert msa == "MSA|AR|MSG1"


def test_an_answer_names_no_more_faults_than_a_person_reads() -> None:
    lines = answered(BODY.format(version="2.5.1"), *[UNKNOWN] * (MOST + 7), code="AE")
    assert sum(line.startswith("ERR") for line in lines) == MOST


def test_a_fault_of_no_segment_has_no_place_in_the_message() -> None:
    _, _, err, _ = answered(BODY.format(version="2.5.1"), Fault("internal-error", "message", "send it again"))
    assert err == "ERR|||207^Application internal error^HL70357|W|internal-error^^CGTFAULT|||message: send it again"


@given(messages(), st.sampled_from(("AA", "AE", "AR", "CA", "CE", "CR")))
def test_whatever_came_its_answer_can_be_read_and_says_the_code(made: Made, code: str) -> None:
    answer = hl7v2.base().read(acknowledge(made.text.encode(), code, [UNREADABLE], "HUB1", NOW))
    sets: dict[str, Any] = {frame["kind"]: frame["set"] for frame in answer.frames}
    assert answer.type == "ACK"
    assert sets["answer"]["code"] == code
    assert sets["answer"]["control_id"] == "M1"
    assert sets["message"]["control_id"] == "HUB1"


@given(st.binary(max_size=300), st.integers(0, 100))
def test_any_bytes_at_all_are_answered(noise: bytes, at: int) -> None:
    body = BODY.format(version="2.5.1").encode()
    answer = acknowledge(body[:at] + noise + body[at:], "AR", [UNKNOWN], "HUB1", NOW)
    assert b"MSA" in answer
    assert b"HUB1" in answer


@pytest.mark.parametrize(
    "head", [b"MSH^~\\&|EHR|L|H|H|2026||OML^O21|C1|P|2.5.1", b"MSH|^^\\&|EHR|L|H|H|2026||OML^O21|C1|P|2.5.1"]
)
def test_delimiters_that_cannot_be_told_apart_are_not_answered_in(head: bytes) -> None:
    answer = acknowledge(head, "AE", [], "1", NOW)
    assert answer.startswith(b"MSH|^~\\&|")
    assert b"\rMSA|AE" in answer
