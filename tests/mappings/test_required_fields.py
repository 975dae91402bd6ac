"""A field that the format must have is written for a frame without it, and what was read stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters import hl7v2
from mappings.faults import TableError
from mappings.load import parse_table

HEAD = "MSH|^~\\&|LAB|MERCY|CGTHUB|X|20260308014000||{type}|M1|P|2.5.1\rPID|1||123^^^MERCY^MR\r"
REPORT, ORDER = "ORU^R01", "OML^O21"
OBR = "OBR|1|P1^EHR|F1^LAB|T^^L"


def read(type_: str, rest: str) -> Any:
    return hl7v2.base().read((HEAD.format(type=type_) + rest).encode())


def orc(written: bytes) -> list[str]:
    return [line for line in written.decode().split("\r") if line.startswith("ORC")]


@pytest.mark.parametrize(
    ("type_", "body", "fresh"),
    [
        (REPORT, f"{OBR}\r", "ORC|RE|P1^EHR|F1^LAB"),
        (REPORT, f"ORC||P1^EHR|F1^LAB||CM\r{OBR}\r", "ORC|RE|P1^EHR|F1^LAB||CM"),
        (REPORT, f"ORC|SC|P1^EHR|F1^LAB||CM\r{OBR}\r", "ORC|SC|P1^EHR|F1^LAB||CM"),
        (ORDER, f"ORC||P1^EHR|F1^LAB\r{OBR}\r", "ORC|NW|P1^EHR|F1^LAB"),
        (ORDER, f"ORC||P1^EHR|F1^LAB||CA\r{OBR}\r", "ORC|SC|P1^EHR|F1^LAB||CA"),
        (ORDER, f"ORC|CA|P1^EHR|F1^LAB\r{OBR}\r", "ORC|CA|P1^EHR|F1^LAB"),
        (ORDER, f'ORC|""|P1^EHR|F1^LAB\r{OBR}\r', 'ORC|""|P1^EHR|F1^LAB'),
    ],
)
def test_a_fresh_orc_has_its_order_control(type_: str, body: str, fresh: str) -> None:
    got = read(type_, body)
    written, faults = hl7v2.base().write(got.type, got.frames)
    assert orc(written) == [fresh]
    assert faults == []
    again, _ = hl7v2.base().write(got.type, got.frames, got.residual)
    assert again.decode().rstrip("\r") == (HEAD.format(type=type_) + body).rstrip("\r")


def test_an_order_that_is_active_elsewhere_is_a_new_one_here() -> None:
    got = read(ORDER, f"{OBR}\r")
    next(frame for frame in got.frames if frame["kind"] == "order")["set"]["state"] = "active"
    assert orc(hl7v2.base().write(got.type, got.frames)[0]) == ["ORC|NW|P1^EHR|F1^LAB"]


def test_a_segment_of_which_the_frame_says_nothing_is_not_made_up() -> None:
    got = read(REPORT, "OBR|1|||T^^L\r")
    assert orc(hl7v2.base().write(got.type, got.frames)[0]) == []


def test_an_action_that_was_set_beats_what_must_be_there() -> None:
    got = read(REPORT, f"{OBR}\r")
    next(frame for frame in got.frames if frame["kind"] == "report")["set"]["action"] = "status-changed"
    assert orc(hl7v2.base().write(got.type, got.frames, got.residual)[0]) == ["ORC|SC|P1^EHR|F1^LAB"]
    assert orc(hl7v2.base().write(got.type, got.frames)[0]) == ["ORC|SC|P1^EHR|F1^LAB"]


def test_a_default_that_is_no_mapping_is_a_fault() -> None:
    rows = {"rows": [{"id": "A", "at": "1", "into": "order.action", "default": "NW"}]}
    (fault,) = parse_table("t", rows, "delimited")[1]
    assert str(fault) == "t row A: `default` is written {in: value, out: omit}"


def test_a_field_that_repeats_cannot_be_filled(tmp_path: Path) -> None:
    row = "{id: O10, each: 10, into: order.entered_by, as: xcn, default: {in: omit, out: X}}"
    (tmp_path / "orc.yaml").write_text(f"extends: hl7v2/orc@order\nrows:\n  - {row}\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"O10: `default` is written .`out`. into a whole field that does not repeat"):
        hl7v2.adapter(None, [tmp_path])
