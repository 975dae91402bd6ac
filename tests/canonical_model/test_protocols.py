"""Protocols: data that fits the catalogue, and which of them governs an order."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from canonical_model.codes import ISSUE_KINDS
from canonical_model.json_schema import protocol_schema
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.protocols import PlannedDose, Protocol, Window
from canonical_model.rules import EVERYTHING, protocol_of
from canonical_model.values import Coding
from tests.canonical_model.facts import journey, submitted

ROOT = Path(__file__).parent.parent.parent
V2 = AUTOLOGOUS_CAR_T.model_copy(update={"version": "2"})
LOCAL = AUTOLOGOUS_CAR_T.model_copy(update={"id": "local", "products": (Coding(code="AXI-CEL", system="urn:mercy"),)})


def test_a_protocol_goes_by_id_and_version() -> None:
    assert DEFAULT_PROTOCOLS["autologous-car-t@1"] is AUTOLOGOUS_CAR_T
    assert all(protocol.key == key for key, protocol in DEFAULT_PROTOCOLS.items())
    assert {protocol.sourcing for protocol in DEFAULT_PROTOCOLS.values()} == {"autologous", "directed-donor", "stock"}


@pytest.mark.parametrize("window", AUTOLOGOUS_CAR_T.windows, ids=lambda w: w.name)
def test_a_window_blocks_questions(window: Window) -> None:
    assert set(window.blocks) <= set(EVERYTHING)
    assert window.longest > timedelta()
    assert "window" in ISSUE_KINDS


def test_a_window_lies_between_facts() -> None:
    with pytest.raises(ValidationError, match=r"no such event types: collection\.eaten"):
        Window(name="w", start="collection.eaten", end="batch.started", longest=timedelta(hours=1))


def test_conditions_of_shipments_are_conditions() -> None:
    assert set(AUTOLOGOUS_CAR_T.direction_condition.values()) <= set(AUTOLOGOUS_CAR_T.conditions)
    assert all(condition.name == name for name, condition in AUTOLOGOUS_CAR_T.conditions.items())


@pytest.mark.parametrize(
    ("values", "known", "governs"),
    [
        ({}, [AUTOLOGOUS_CAR_T], AUTOLOGOUS_CAR_T),
        ({}, [AUTOLOGOUS_CAR_T, V2], None),
        ({"protocol": "autologous-car-t@2"}, [AUTOLOGOUS_CAR_T, V2], V2),
        ({"protocol": "autologous-car-t@3"}, [AUTOLOGOUS_CAR_T, V2], None),
        ({"service": {"text": "CAR-T"}}, [AUTOLOGOUS_CAR_T], None),
        ({"service": {"codings": [{"code": "OTHER"}]}}, [AUTOLOGOUS_CAR_T], None),
        ({"service": {"codings": [{"code": "AXI-CEL", "system": "urn:any"}]}}, [AUTOLOGOUS_CAR_T], AUTOLOGOUS_CAR_T),
        ({"service": {"codings": [{"code": "AXI-CEL", "system": "urn:any"}]}}, [LOCAL], None),
        ({"service": {"codings": [{"code": "AXI-CEL", "system": "urn:mercy"}]}}, [LOCAL], LOCAL),
    ],
)
def test_the_named_or_the_only_fitting_protocol_governs(values: dict[str, Any], known: list[Any], governs: Any) -> None:
    state = journey(submitted(**values))
    assert protocol_of(state, {protocol.key: protocol for protocol in known}) == governs
    assert protocol_of(state, {protocol.key: protocol for protocol in reversed(known)}) == governs


@pytest.mark.parametrize("key", sorted(DEFAULT_PROTOCOLS))
def test_a_protocol_is_published_as_a_document_of_its_schema(key: str) -> None:
    text = (ROOT / "canonical_model" / "schemas" / "v1" / "protocols" / f"{key}.json").read_text(encoding="utf-8")
    assert not list(jsonschema_rs.validator_for(protocol_schema()).iter_errors(json.loads(text)))
    assert Protocol.model_validate_json(text, strict=False) == DEFAULT_PROTOCOLS[key]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stages": ("enrolled", "eaten")}, "no such stages: eaten"),
        ({"direction_condition": {"kit": "lukewarm"}}, "no such conditions: lukewarm"),
        ({"doses": (PlannedDose(number=2, day=1, earliest=1, latest=1),)}, "numbered from 1"),
    ],
)
def test_a_protocol_hangs_together(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Protocol.model_validate({**dict(AUTOLOGOUS_CAR_T), **change})
