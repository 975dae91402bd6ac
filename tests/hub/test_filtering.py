"""What a profile says is none of the hub's business: by what was ordered or given, and by whom it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.filtering import passed_over
from hub.profiles import Filter

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"

KNOWN, UNKNOWN = (lambda _: True), (lambda _: False)


def frames(name: str) -> list[dict[str, Any]]:
    """The frames of a committed sample."""
    found: list[dict[str, Any]] = json.loads((SAMPLES / f"{name}.frames.json").read_bytes())
    return found


def kinds(passed: frozenset[str], of: list[dict[str, Any]]) -> set[str]:
    """The kinds of the parts that are passed over."""
    return {frame["kind"] for frame in of if frame["key"] in passed}


@pytest.mark.parametrize(
    ("sample", "rules", "knows", "meant"),
    [
        ("ras_o17", {"services": ["AXI-CEL"]}, KNOWN, set()),
        ("ras_o17", {"services": ["AXI-CEL"]}, UNKNOWN, set()),
        ("ras_o17", {"services": ["TISA-CEL"]}, KNOWN, {"order"}),
        ("ras_o17", {"services": ["TISA-CEL"]}, UNKNOWN, {"order", "subject"}),
        ("ras_o17", {"only_known_patients": True}, UNKNOWN, set()),
        ("oru_r01", {}, UNKNOWN, set()),
        ("oru_r01", {"services": ["AXI-CEL"]}, UNKNOWN, set()),
        ("oru_r01", {"only_known_patients": True}, KNOWN, set()),
        ("oru_r01", {"only_known_patients": True}, UNKNOWN, {"subject", "report"}),
        ("siu_s12", {"only_known_patients": True}, KNOWN, set()),
        ("siu_s12", {"only_known_patients": True}, UNKNOWN, {"appointment"}),
        ("adt_a08", {"only_known_patients": True}, UNKNOWN, {"subject"}),
    ],
)
def test_parts_are_passed_over_by_their_codes_and_by_their_patient(
    sample: str, rules: dict[str, Any], knows: Any, meant: set[str]
) -> None:
    of = frames(sample)
    assert kinds(passed_over(Filter.model_validate(rules), of, knows), of) == meant


def test_an_order_without_a_code_is_kept() -> None:
    """A cancellation may have nothing but the number."""
    of = [frame for frame in frames("ras_o17") if "/administration:" not in frame["key"]]
    assert passed_over(Filter(services=("TISA-CEL",)), of, UNKNOWN) == frozenset()


def test_of_several_orders_only_those_of_other_services_are_passed_over() -> None:
    def order(key: str, *codes: str) -> dict[str, Any]:
        service = {"codings": [{"code": code} for code in codes]}
        return {"kind": "order", "key": key, "set": {"service": service, "patient": {"frame": "p"}}}

    of = [{"kind": "subject", "key": "p", "set": {}}, order("a", "AXI-CEL", "X"), order("b", "CHEST"), order("c")]
    assert passed_over(Filter(services=("AXI-CEL",), only_known_patients=True), of, UNKNOWN) == {"b"}


def test_the_patient_is_known_by_any_identifier_also_a_retired_one() -> None:
    of = frames("adt_a08")
    identity = next(frame["set"] for frame in of if frame["kind"] == "identity")
    one, other = {"system": "urn:id:EHR", "value": "1"}, {"system": "urn:id:EHR", "value": "2"}
    identity |= {"identifiers": [one], "retired_identifiers": [other]}
    rules = Filter(only_known_patients=True)
    for known in (one, other):
        assert passed_over(rules, of, lambda told, known=known: known in told) == frozenset()  # type: ignore[misc]
    assert passed_over(rules, of, lambda told: None in told) == {"subject"}
