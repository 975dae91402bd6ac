"""Random and mutilated bytes at every door: always an answer of the table, never a crash, never a 500, never a stop."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hub import house, world
from tests.hub.house import FS, VT, fields, msa
from tests.hub.world import FHIR, LD, XML

SOME = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ANSWERS = {"AA", "AE", "AR"}
TOLD = {200, 201, 202, 400, 401, 403, 404, 405, 406, 412, 413, 415, 422, 428}
"""Statuses that a sender can do something about."""
NUMBERS = count(1)


@pytest.fixture(autouse=True)
def _still_sound(hub: house.House) -> Any:
    """After each test the hub has not failed anywhere, its ledger holds, and it takes a good message."""
    hub.logs.lines.clear()
    yield
    assert not {
        "http.failed",
        "message.held",
        "group.undone",
        "mllp.unkept",
        "outbox.failed",
        "projector.failed",
    } & set(hub.logs.events())
    number = next(NUMBERS)
    assert msa(hub.send(world.order(world.person(8000 + number), f"SOUND-{number}"))) == ("AA", f"SOUND-{number}")
    assert hub.http("watch").get("/api/ledger").json()["holds"]


@st.composite
def mutilated(draw: st.DrawFn, *originals: bytes) -> bytes:
    """A good message to which something was done: cut, doubled, bytes changed, put in or taken out."""
    body = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        deed = draw(st.integers(0, 4))
        if deed == 0:
            body[at : at + 1] = draw(st.binary(min_size=1, max_size=3))
        elif deed == 1:
            del body[at : at + draw(st.integers(1, 30))]
        elif deed == 2:
            body[at:at] = body[at : at + draw(st.integers(1, 60))]
        elif deed == 3:
            body[at:at] = draw(
                st.sampled_from([b"|", b"^", b"\r", b"~", b"\\", b"&", b'"', b"{", b"[", b"<", b"\x00", b"\xff"])
            )
        else:
            del body[at:]
    return bytes(body)


WHO = world.person(8999)
MESSAGES = (world.order(WHO, "FUZZ-1"), world.apheresis(WHO, "FUZZ-2"), world.update(WHO, "FUZZ-3"))
RESOURCES = (
    json.dumps(world.patient(WHO)).encode(),
    json.dumps(world.service_request(WHO)).encode(),
    world.observation(WHO),
)
DOCUMENTS = (world.document(world.packing(WHO), world.departing()), json.dumps(world.departing()).encode())
SHEETS = (world.qc(WHO), world.receipts(WHO))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def is_refused_well(reply: httpx.Response) -> bool:
    """True for an answer of the table; a refusal is an OperationOutcome or a problem document."""
    assert reply.status_code in TOLD, (reply.status_code, reply.text[:300])
    if reply.status_code >= 400:
        shape = reply.headers["content-type"]
        assert shape in {FHIR, "application/problem+json"}
        assert reply.json().get("issue") or reply.json().get("faults")
    return True


@SOME
@given(body=st.binary(max_size=300).map(lambda b: b.replace(b"\x1c\r", b"")) | mutilated(*MESSAGES))
def test_any_bytes_in_a_frame_get_an_acknowledgement(hub: house.House, body: bytes) -> None:
    body = body.replace(FS, b"")
    with hub.line() as line:
        ack = line.ask(body)
    assert msa(ack)[0] in ANSWERS, ack
    assert not [error for error in fields(ack, "ERR") if "internal-error" in error[5]]


@SOME
@given(raw=st.lists(st.sampled_from([VT, FS, b"\r", b"\x1c", b"x", MESSAGES[0], b"MSH|"]), max_size=8).map(b"".join))
def test_any_bytes_on_the_line_are_answered_or_end_it(hub: house.House, raw: bytes) -> None:
    with hub.line() as line:
        line.put(raw)
        line.socket.shutdown(1)
        while ack := line.answer():
            assert msa(ack)[0] in ANSWERS


@SOME
@given(
    body=st.binary(max_size=200) | mutilated(*RESOURCES) | JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    type_=st.sampled_from(["Patient", "ServiceRequest", "Observation"]),
    path=st.sampled_from(["", "/$validate"]),
)
def test_any_body_to_fhir_gets_a_resource_or_an_outcome(hub: house.House, body: bytes, type_: str, path: str) -> None:
    reply = hub.http("lakeside").post(f"/fhir/{type_}{path}", content=body, headers={"content-type": FHIR})
    assert is_refused_well(reply)


@SOME
@given(
    change=st.dictionaries(
        st.sampled_from(["name", "gender", "identifier", "birthDate", "active", "contact", "x"]), JSON_VALUES
    )
)
def test_any_update_is_taken_or_refused(hub: house.House, change: dict[str, Any]) -> None:
    hub.send(MESSAGES[0])
    client = hub.http("lakeside")
    found = client.get("/fhir/Patient", params={"identifier": WHO.mrn}).json()["entry"][0]["resource"]
    body = json.dumps({**found, **change})
    match = f'W/"{found["meta"]["versionId"]}"'
    reply = client.put(f"/fhir/Patient/{found['id']}", content=body, headers={"content-type": FHIR, "if-match": match})
    assert is_refused_well(reply)


@SOME
@given(
    name=st.sampled_from(["identifier", "_id", "patient", "based-on", "_count", "family", "birthdate"])
    | st.text(max_size=8),
    value=st.text(max_size=30),
    type_=st.sampled_from(["Patient", "ServiceRequest", "Observation"]),
)
def test_any_search_is_answered(hub: house.House, name: str, value: str, type_: str) -> None:
    assert is_refused_well(hub.http("lakeside").get(f"/fhir/{type_}", params={name: value}))


@SOME
@given(
    body=st.binary(max_size=200) | mutilated(*DOCUMENTS) | JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    kind=st.sampled_from([LD, XML]),
    path=st.sampled_from(["capture", "events"]),
)
def test_any_capture_is_taken_or_a_problem(hub: house.House, body: bytes, kind: str, path: str) -> None:
    reply = hub.http("heron").post(f"/epcis/{path}", content=body, headers={"content-type": kind})
    assert is_refused_well(reply)
    if "location" in reply.headers:
        assert hub.http("heron").get(reply.headers["location"]).json()["running"] is False


@SOME
@given(
    path=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30),
    root=st.sampled_from(["/", "/fhir/", "/fhir/Patient/", "/epcis/capture/", "/api/journeys/", "/api/messages/"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    by=st.sampled_from(["", "lakeside", "heron", "watch"]),
)
def test_any_address_is_answered(hub: house.House, path: str, root: str, method: str, by: str) -> None:
    reply = hub.http(by).request(method, root + quote(path))
    asked_to_sign_in = reply.status_code == 303 and reply.headers["location"].startswith("/login?to=/")
    assert reply.status_code in TOLD or asked_to_sign_in


@SOME
@given(
    body=JSON_VALUES | st.fixed_dictionaries({"order": st.lists(JSON_VALUES, max_size=2), "containers": JSON_VALUES})
)
def test_any_question_is_answered_or_refused(hub: house.House, body: Any) -> None:
    reply = hub.http("lakeside").post("/api/questions/may-ship", json=body)
    assert reply.status_code in {200, 422}


@settings(SOME, max_examples=25)
@given(body=st.binary(max_size=200) | mutilated(*SHEETS), name=st.sampled_from(["qc", "receipts", "other"]))
def test_any_file_becomes_a_receipt_or_an_error(hub: house.House, body: bytes, name: str) -> None:
    told = hub.dropped(f"{name}-{next(NUMBERS)}.csv", body)
    assert told["outcome"] in {"recorded", "held", "rejected"}
    assert told["outcome"] == "recorded" or told["faults"]
    assert not [fault for fault in told.get("faults", ()) if fault["code"] == "internal-error"]
