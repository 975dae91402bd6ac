"""Of one mind: the reference validator, the hub's and the model, on all schema cases; the two on mutated frames."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from canonical_model.events import check as check_event
from canonical_model.frames import check as check_frame
from canonical_model.json_schema import documents
from canonical_model.records import RECORDS
from conformance_tests import cases
from conformance_tests.cases import Case, Verdict
from conformance_tests.transports import written

JUDGED = [case for case in cases.load().cases if case.verdict]
DOCUMENTS = documents()


@cache
def reference(path: str) -> Draft202012Validator:
    return Draft202012Validator(DOCUMENTS[path])


@cache
def fast(path: str) -> jsonschema_rs.Draft202012Validator:
    """The validator that the hub runs (hub/committer.py)."""
    return jsonschema_rs.Draft202012Validator(DOCUMENTS[path])


def verdict_of(case: Case) -> Verdict:
    assert case.verdict is not None
    return case.verdict


def plain(document: Any) -> Any:
    """The document with numbers as every JSON reader has them."""
    return json.loads(written(document))


def model_takes(path: str, document: Any) -> bool:
    family, _, name = path.removesuffix(".schema.json").partition("/")
    try:
        if family == "frame":
            if document.get("kind") != name:
                return False
            check_frame(document)
        elif family == "event":
            check_event(document)
        else:
            RECORDS[name].model_validate(document)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.id)
def test_both_validators_say_what_the_case_says(case: Case) -> None:
    verdict = verdict_of(case)
    document = plain(verdict.document)
    assert reference(verdict.schema).is_valid(document) == verdict.takes
    assert fast(verdict.schema).is_valid(document) == verdict.takes


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.id)
def test_both_validators_name_the_same_places(case: Case) -> None:
    verdict = verdict_of(case)
    document = plain(verdict.document)
    slow = {tuple(error.absolute_path) for error in reference(verdict.schema).iter_errors(document)}
    quick = {tuple(error.instance_path) for error in fast(verdict.schema).iter_errors(document)}
    assert slow == quick


IN_THE_LOG_ONLY = {"record-container-refers-to-a-frame", "record-order-names-a-person", "record-order-action"}
"""A record of the model may still refer to frames and persons: frames share it. The published schema may not."""


@pytest.mark.parametrize("case", [c for c in JUDGED if c.id not in IN_THE_LOG_ONLY], ids=lambda case: case.id)
def test_the_model_says_what_the_case_says(case: Case) -> None:
    verdict = verdict_of(case)
    assert model_takes(verdict.schema, plain(verdict.document)) == verdict.takes


# ---- mutated frames ----------------------------------------------------------------------------------------------

FRAMES = [
    (verdict_of(case).schema, plain(verdict_of(case).document))
    for case in JUDGED
    if verdict_of(case).takes and verdict_of(case).schema.startswith("frame/")
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["2026-03-10T12:00:00", "2026-03-10T12:00:00Z", "98.50", "98,50", "NaN", "-0", "1e5", "\u0661"]),
    st.just([]),
    st.just({}),
    st.fixed_dictionaries({"frame": st.text(max_size=3)}),
    st.fixed_dictionaries({"sealed": st.text(min_size=1, max_size=3)}),
    st.fixed_dictionaries({"kind": st.text(max_size=4), "identifiers": st.just([])}),
)


def spots(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: its holder and its key."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from spots(node[key])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_both_validators_agree_on_mutated_frames(data: st.DataObject) -> None:
    path, frame = data.draw(st.sampled_from(FRAMES))
    frame = copy.deepcopy(frame)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(spots(frame))
        if not places:
            break
        node, key = data.draw(st.sampled_from(places))
        change = data.draw(st.sampled_from(["put", "drop", "add"]))
        if change == "drop":
            del node[key]
        elif change == "put":
            node[key] = data.draw(JUNK)
        elif isinstance(node, dict):
            fields = sorted(DOCUMENTS[path]["properties"]) if node is frame else ["colour", "value", "system"]
            node[data.draw(st.sampled_from(fields))] = data.draw(JUNK)
        else:
            node.append(data.draw(JUNK))
    said = reference(path).is_valid(frame), fast(path).is_valid(frame)
    assert said[0] == said[1], frame
