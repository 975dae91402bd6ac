"""Names that a map derives for records that no one has named."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import hl7v2
from mappings import events

HEAD = "MSH|^~\\&|LAB|MERCY|CGTHUB|X|20260308014000||ORU^R01|M1|P|2.5.1\rPID|1||123^^^MERCY^MR\r"
TEST = "OBX|1|NM|6690-2^Leukocytes^LN||5.1||||||F\r"
SPECIMEN = "SPM|1|SP-1&EHR\r"
REPORT = "ORC|RE|P1^EHR|F1^LAB\rOBR|1|P1^EHR|F1^LAB|CBC^^L\r"


def names(body: str) -> list[str]:
    read = hl7v2.base().read((HEAD + body).encode())
    said = events.assertions(hl7v2.base().library.maps["hl7v2/oru_r01"], read.frames, "partner/M1")
    return [a["about"]["identifiers"][0]["value"] for a in said if a["about"]["kind"] == "result"]


@pytest.mark.parametrize("before", [TEST, SPECIMEN + TEST, TEST + SPECIMEN + TEST])
def test_a_test_before_the_report_is_not_the_same_test_inside_it(before: str) -> None:
    found = names(before + REPORT + TEST)
    assert len(found) == len(set(found)) == before.count("OBX") + 1


def test_a_result_inside_its_report_goes_by_the_reports_name() -> None:
    assert names(REPORT + TEST) == ["F1/6690-2"]
    assert names(TEST + REPORT) == ["F1/subject/6690-2"]


SPECIMENS = {
    "frames": [],
    "on": {"result": [{"events": ["result.reported"]}], "material": [{"events": ["material.stated"]}]},
    "identify": {
        "result": {"within": ["@report.identifiers[filler]", "@material.identifiers[placer]"], "by": ["sub_id"]},
        "material": ["identifiers[placer]"],
    },
    "belongs": {
        "material": {"order": ["@report.identifiers[placer]"]},
        "result": {"order": ["@report.identifiers[placer]"]},
    },
}


def specimen(number: str) -> list[dict[str, Any]]:
    """A specimen with a result of its own and one in a report."""
    at = f"material:{number}"
    named = [
        {"system": "s", "value": f"FIL-{number}", "type": "filler"},
        {"system": "s", "value": f"PLC-{number}", "type": "placer"},
    ]
    return [
        {
            "kind": "material",
            "key": at,
            "set": {"identifiers": [{"system": "s", "value": f"SP-{number}", "type": "placer"}]},
        },
        {"kind": "result", "key": f"{at}/result", "parent": at, "set": {"sub_id": "1"}},
        {"kind": "report", "key": f"{at}/report", "parent": at, "set": {"identifiers": named}},
        {"kind": "result", "key": f"{at}/report/result", "parent": f"{at}/report", "set": {"sub_id": "1"}},
    ]


def test_the_nearest_report_of_a_specimen_is_its_own_and_not_the_messages_first() -> None:
    said = events.assertions(SPECIMENS, [*specimen("1"), *specimen("2")], "partner/M1")
    orders = [a["set"]["order"]["identifiers"][0]["value"] for a in said]
    assert orders == ["PLC-1"] * 3 + ["PLC-2"] * 3


def test_a_result_is_named_by_what_holds_it_before_what_stands_beside_it() -> None:
    said = events.assertions(SPECIMENS, [*specimen("1"), *specimen("2")], "partner/M1")
    assert [a["about"]["identifiers"][0]["value"] for a in said] == [
        *("SP-1", "SP-1/1", "FIL-1/1"),
        *("SP-2", "SP-2/1", "FIL-2/1"),
    ]
