"""A courier's milestones, in JSON and as rows: three zones, out of order, twice, corrected; and the laws."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import courier_feed, json_text, mes_csv
from adapters.courier_feed import Adapter, Read, Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas
from mappings import events, send
from mappings.faults import TableError
from tests.scale import share
from tests.standards import ROOT

SAMPLES = ROOT / "tests" / "samples" / "courier_feed"
KINDS = {name: row.about for name, row in EVENTS.items()}
SSCC = "395123450000000017"
ZONE, SYSTEM = "America/New_York", "https://heron.example/id"
Tree = dict[str, Any]


@cache
def adapter() -> Adapter:
    return courier_feed.adapter(set_schemas(), (), ZONE, SYSTEM, KINDS)


@cache
def rows() -> mes_csv.Adapter:
    return mes_csv.adapter(set_schemas(), (), ZONE, SYSTEM, KINDS)


def read(*milestones: Any) -> Read:
    return adapter().read(json.dumps(list(milestones)).encode())


def milestone(word: str, **more: Any) -> Tree:
    return {"event": word, "eventTime": "2026-03-11T09:00:00Z", "sscc": SSCC, **more}


def facts(*milestones: Any) -> list[tuple[str, str]]:
    told = read(*milestones)
    return [
        (event["type"], event["occurred"]["at"] if event["occurred"] else "")
        for event in events.assertions(told.map, told.frames, "p/m")
    ]


def test_a_feed_becomes_the_frames_of_its_sample() -> None:
    told = adapter().read((SAMPLES / "milestones.json").read_bytes())
    assert told.frames == json.loads((SAMPLES / "milestones.json.frames.json").read_bytes())
    assert [(f.code, f.place, f.severity) for f in told.faults] == [("field-missing", "milestone[6].at", "error")]
    for frame in told.frames:
        check(frame)


def test_the_frames_of_a_sample_become_its_feed() -> None:
    frames = json.loads((SAMPLES / "milestones.json.frames.json").read_bytes())
    body, faults = adapter().write("courier_feed/milestones", frames)
    assert json.loads(body) == json.loads((SAMPLES / "milestones.written.json").read_bytes())
    assert faults == []


def test_rows_become_the_frames_of_their_sample() -> None:
    told = rows().read((SAMPLES / "milestones.csv").read_bytes())
    assert told.type == "mes_csv/milestones"
    assert told.frames == json.loads((SAMPLES / "milestones.csv.frames.json").read_bytes())
    assert [(f.code, f.place) for f in told.faults] == [("time-unclear", "line 7")]
    written = rows().write(told.type, told.frames)[0]
    assert written == (SAMPLES / "milestones.written.csv").read_bytes()


def test_json_and_rows_say_the_same_of_the_same_milestones() -> None:
    """One relation in two formats: their rules are kept equal; their code tables are the common ones."""
    feed, table = (
        yaml.safe_load((ROOT / "mappings" / name / "milestones.yaml").read_text())
        for name in ("courier_feed", "mes_csv")
    )
    for word in ("on", "send", "belongs", "identify", "occurred", "required"):
        assert feed.get(word, feed.get(True)) == table.get(word, table.get(True)), word
    assert feed["columns"].keys() == table["columns"].keys()


@pytest.mark.parametrize(
    ("stated", "at"),
    [
        ({"eventTime": "2026-03-08T01:30:00-05:00"}, "2026-03-08T06:30:00Z"),
        ({"eventTime": "2026-03-08 03:30", "timeZone": "America/New_York"}, "2026-03-08T07:30:00Z"),
        ({"eventTime": "2026-03-08 03:30", "timeZone": "UTC+1"}, "2026-03-08T02:30:00Z"),
        ({"eventTime": "2026/03/08 03:30:15"}, "2026-03-08T07:30:15Z"),
        ({"eventTime": "2026-03-08T06:30:00Z", "timeZone": "Asia/Tokyo"}, "2026-03-08T06:30:00Z"),
        ({"eventTime": 1772951400}, "2026-03-08T06:30:00Z"),
        ({"eventTime": 1772951400000}, "2026-03-08T06:30:00Z"),
    ],
)
def test_a_time_is_the_instant_that_its_sender_meant(stated: Tree, at: str) -> None:
    assert facts(milestone("departed", **stated)) == [("shipment.departed", at)]


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30T00:00:00Z", "08.03.2026", "2026-03-08T25:00", {}, True])
def test_a_time_that_is_none_is_told_with_its_place(wrong: Any) -> None:
    told = read(milestone("departed", eventTime=wrong))
    assert any(fault.place.startswith("milestone[1]") for fault in told.faults)
    assert "yesterday" not in str(told.faults)


def test_an_abbreviation_is_no_zone() -> None:
    told = read(milestone("departed", eventTime="2026-03-08 03:30", timeZone="EST"))
    assert [fault.code for fault in told.faults] == ["zone-unknown"]


@pytest.mark.parametrize(
    ("said", "asserted"),
    [
        ({"event": "Picked Up"}, ["shipment.departed"]),
        ({"event": "DEP"}, ["shipment.departed"]),
        ({"event": "in-transit"}, ["shipment.located"]),
        ({"event": "Arrived at facility"}, ["shipment.located"]),
        ({"event": "arrival"}, ["shipment.arrived"]),
        ({"event": "DLV"}, ["shipment.arrived"]),
        ({"event": "delivered", "to": "9531110000037"}, ["shipment.arrived", "shipment.accepted"]),
        ({"event": "handed over", "bags": ["https://m.example/bag/1"]}, ["custody.transferred", "shipment.located"]),
        ({"event": "hand over"}, ["shipment.departed"]),
        ({"event": "delayed", "eta": "2026-03-12T00:00:00Z"}, ["shipment.delayed"]),
        ({"event": "Re-Iced", "holdUntil": "2026-03-12T00:00:00Z"}, ["shipment.recharged"]),
        ({"event": "exception", "reason": "broken seal"}, ["shipment.located", "issue.raised"]),
        ({"event": "damaged"}, ["shipment.located", "issue.raised"]),
        ({"event": "lost"}, ["shipment.lost"]),
        ({"event": "refused"}, ["shipment.rejected"]),
        ({"event": "booked"}, ["shipment.planned"]),
        ({"event": "sung to"}, ["shipment.located"]),
        ({"event": "arrival", "status": "corrected"}, ["shipment.arrived", "issue.raised"]),
        ({"event": "arrival", "status": "VOID"}, ["issue.raised"]),
        (
            {"event": "delivered", "to": "9531110000037", "status": "DELIVERED"},
            ["shipment.arrived", "shipment.accepted"],
        ),
        ({"event": "picked up", "status": "in transit"}, ["shipment.departed"]),
        ({"event": "scan", "status": "In Transit"}, ["shipment.located"]),
        ({"event": "delayed", "status": "estimated"}, ["shipment.delayed"]),
        ({"event": "booked", "status": "pending"}, ["shipment.planned"]),
        ({"event": "status_update", "status": "LOST"}, ["shipment.lost"]),
        ({"event": "delivered", "to": "9531110000037", "status": "lost"}, ["shipment.lost", "issue.raised"]),
        ({"event": "lost", "status": "investigating"}, ["shipment.lost"]),
        ({"event": "refused", "status": "Refused"}, ["shipment.rejected"]),
    ],
)
def test_a_milestone_asserts_what_it_says_and_no_more(said: Tree, asserted: list[str]) -> None:
    assert [type_ for type_, _ in facts({**milestone("x"), **said})] == asserted


MOVES = ("picked up", "departed", "handed over", "arrival", "delivered", "accepted", "packed", "unpacked", "cancelled")
FIRM = {"custody.transferred", "shipment.departed", "shipment.arrived", "shipment.accepted", "shipment.unpacked"}


@pytest.mark.parametrize("word", MOVES)
@pytest.mark.parametrize("status", ["failed", "Attempted", "delivery-failed", "REFUSED", "exception"])
def test_what_failed_has_not_happened_and_a_person_must_look(word: str, status: str) -> None:
    told = read(milestone(word, status=status, to="9531110000037", bags=["https://m.example/bag/1"]))
    asserted = events.assertions(told.map, told.frames, "p/m")
    assert {event["type"] for event in asserted} <= {"shipment.located", "issue.raised"}
    assert [e["set"]["kind"] for e in asserted if e["type"] == "issue.raised"] == ["shipment-exception"]


@pytest.mark.parametrize("word", MOVES)
@pytest.mark.parametrize("status", ["estimated", "Planned", "scheduled", "pending", "EXPECTED", "tentative"])
def test_what_is_expected_has_not_happened(word: str, status: str) -> None:
    told = read(milestone(word, status=status, to="9531110000037", location="Heron", bags=["https://m.example/bag/1"]))
    asserted = events.assertions(told.map, told.frames, "p/m")
    assert [event["type"] for event in asserted] == ["shipment.planned"]
    assert "place" not in asserted[0]["set"], "it is not there yet"


@pytest.mark.parametrize("word", MOVES)
@pytest.mark.parametrize("status", ["gamma", "?", "in review", "delivered to neighbour"])
def test_a_status_that_nobody_knows_moves_nothing_and_a_person_must_look(word: str, status: str) -> None:
    told = read(milestone(word, status=status, to="9531110000037", bags=["https://m.example/bag/1"]))
    asserted = events.assertions(told.map, told.frames, "p/m")
    assert [event["type"] for event in asserted] == ["shipment.located", "issue.raised"]
    assert asserted[1]["set"]["kind"] == "milestone-unclear"


@pytest.mark.parametrize("status", [None, "", "final", "Actual", "completed", "CONFIRMED", "ok"])
def test_what_is_said_for_sure_counts(status: str | None) -> None:
    asserted = [type_ for type_, _ in facts(milestone("delivered", status=status, to="9531110000037"))]
    assert asserted == ["shipment.arrived", "shipment.accepted"]


@pytest.mark.parametrize("status", [True, 7, ["failed"], {"code": "FAILED"}, {"name": "attempted"}])
def test_a_status_of_any_shape_is_never_taken_for_none(status: Any) -> None:
    asserted = [type_ for type_, _ in facts(milestone("delivered", status=status, to="9531110000037"))]
    assert asserted == ["shipment.located", "issue.raised"]


@pytest.mark.parametrize("word", ["Delivery Failed", "attempted delivery", "pickup-failed", "Returned", "seized"])
def test_a_milestone_of_a_failure_is_an_exception(word: str) -> None:
    assert [type_ for type_, _ in facts(milestone(word))] == ["shipment.located", "issue.raised"]


@pytest.mark.parametrize("column", ["Record Status", "Status", "Delivery Status"])
def test_rows_of_what_failed_move_nothing_either(column: str) -> None:
    body = f"Event,Event Time,SSCC,To,{column}\nDelivered,2026-03-11T09:00:00Z,{SSCC},9531110000037,Failed\n"
    told = rows().read(body.encode(), "mes_csv/milestones")
    asserted = [event["type"] for event in events.assertions(told.map, told.frames, "p/m")]
    assert asserted == ["shipment.located", "issue.raised"]


INNER = [milestone("lost"), milestone("exception", eventTime="2026-03-11T10:00:00Z")]


@pytest.mark.parametrize(
    "document",
    [
        {**milestone("shipment.update"), "milestones": INNER},
        {"eventType": "shipment.update", "timestamp": "2026-03-11T11:00:00Z", "data": {"history": INNER}},
        {"parcels": [{"weight": 3}], "history": INNER},
    ],
)
def test_an_envelope_is_no_milestone_in_the_place_of_those_in_it(document: Tree) -> None:
    told = adapter().read(json.dumps(document).encode())
    asserted = [event["type"] for event in events.assertions(told.map, told.frames, "p/m")]
    assert asserted == ["shipment.lost", "shipment.located", "issue.raised"]
    assert json.loads(adapter().write(told.type, told.frames, told.residual)[0]) == document


def test_milestones_in_an_envelope_that_names_their_shipment_are_held_and_never_swallowed() -> None:
    inner = [{key: value for key, value in one.items() if key != "sscc"} for one in INNER]
    told = adapter().read(json.dumps({**milestone("shipment.update"), "milestones": inner}).encode())
    assert [(f.code, f.place, f.severity) for f in told.faults] == [
        ("field-missing", "milestone[1].shipment", "error"),
        ("field-missing", "milestone[2].shipment", "error"),
    ]


def test_milestones_inside_a_milestone_of_a_list_are_told() -> None:
    told = read({**milestone("shipment.update"), "log": {"milestones": INNER}}, milestone("departed"))
    assert [(f.code, f.place, f.severity) for f in told.faults] == [("feed-nested", "milestone[1]", "error")]
    assert [event["type"] for event in events.assertions(told.map, told.frames, "p/m")] == ["shipment.departed"]


def test_a_milestone_keeps_a_list_of_things_that_are_none() -> None:
    told = adapter().read(json.dumps(milestone("departed", goods=[{"code": "B-1", "weight": 3}])).encode())
    assert told.faults == []
    assert [event["type"] for event in events.assertions(told.map, told.frames, "p/m")] == ["shipment.departed"]


def test_what_one_milestone_says_is_never_said_of_another() -> None:
    told = read(milestone("booked", eta="2026-03-12T00:00:00Z"), milestone("departed"), milestone("re-iced"))
    made = [event["set"] for event in events.assertions(told.map, told.frames, "p/m")]
    assert ["planned" in one for one in made] == [True, False, False]


def test_of_two_numbers_of_a_shipment_the_sscc_counts_wherever_it_stands() -> None:
    said = {"trackingNumber": "NX-9912", "sscc": "106141411234567897", "event": "PU", "timestamp": "2026-03-10T10:00Z"}
    for milestone in (said, dict(reversed(said.items()))):
        body = json.dumps({"milestones": [{**milestone, "eventTime": "2026-03-10T09:30Z"}]}).encode()
        told = adapter().read(body)
        (frame,) = (frame for frame in told.frames if frame["kind"] == "handling")
        assert frame["set"]["shipment"] == {"system": "https://id.gs1.org/00", "value": "106141411234567897"}
        assert frame["set"]["at"]["at"] == "2026-03-10T09:30:00Z"
        assert told.summary()["residual"] == 2
        assert json.loads(adapter().write(told.type, told.frames, told.residual)[0]) == json.loads(body)


def test_order_and_number_of_arrivals_change_no_frame() -> None:
    one, other = milestone("departed"), milestone("arrived", eventTime="2026-03-11T12:00:00Z")
    sets = [[f["set"] for f in read(*some).frames] for some in ((one, other), (other, one), (one, other, one))]
    assert sets[0] == sets[1][::-1] == sets[2][:2]


def test_a_partners_own_names_are_one_yaml(tmp_path: Path) -> None:
    (tmp_path / "swift.yaml").write_text(
        """
map: courier_feed/swift
like: courier_feed/milestones
for: [courier_feed/swift]
columns:
  milestone: [evt.cd]
  at: [evt.tm]
  zone: [evt.tz]
  shipment: [ref.no]
dialect: {zone: Europe/Berlin, systems: {shipment: "https://swift.example/shipment"}}
"""
    )
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "milestone.csv").write_text("wire,canonical,note\nX3!,picked_up,\n")
    site = courier_feed.adapter(set_schemas(), (tmp_path,), ZONE, SYSTEM, KINDS)
    body = {"data": {"log": [{"evt": {"cd": "X3", "tm": "2026-03-30 09:00"}, "ref": {"no": "S-7"}, "sig": None}]}}
    told = site.read(json.dumps(body).encode())
    (fact,) = events.assertions(told.map, told.frames, "p/m")
    assert (told.type, fact["type"], fact["occurred"]["at"]) == (
        "courier_feed/swift",
        "shipment.departed",
        "2026-03-30T07:00:00Z",
    )
    assert fact["about"]["identifiers"] == [{"system": "https://swift.example/shipment", "value": "S-7"}]
    assert json.loads(site.write(told.type, told.frames, told.residual)[0]) == body


@pytest.mark.parametrize(
    "wrong",
    ["columns: {colour: [x]}", "columns: {at: [x], shipment: [x]}", "dialect: {zone: Mars}", "dialect: {hue: 1}"],
)
def test_a_map_that_cannot_be_is_refused_when_it_is_loaded(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "x.yaml").write_text(
        f"map: courier_feed/x\nlike: courier_feed/milestones\nfor: [courier_feed/x]\n{wrong}\n"
    )
    with pytest.raises(TableError):
        courier_feed.adapter(overlays=[tmp_path])


def test_what_is_told_is_heard_as_the_same_fact() -> None:
    sources: dict[str, Any] = {
        "event": {
            "occurred": {
                "at": "2026-03-11T09:00:00Z",
                "local": "2026-03-11T09:00:00",
                "zone": "Z",
                "precision": "second",
            }
        },
        "about": {"identifiers": [{"system": "https://id.gs1.org/00", "value": SSCC}]},
        "order": {},
    }
    data = adapter().library.maps["courier_feed/milestones"]
    for type_ in data["send"]:
        body, faults = adapter().write("courier_feed/milestones", send.frames(data, type_, sources))
        assert faults == []
        told = adapter().read(body)
        assert type_ in [event["type"] for event in events.assertions(told.map, told.frames, "p/m")], type_


# ---- the laws -------------------------------------------------------------------------------------------------

KEYS = (
    "event",
    "eventTime",
    "timeZone",
    "sscc",
    "id",
    "from",
    "to",
    "bags",
    "eta",
    "status",
    "x",
    "location",
    "reason",
)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 10**13),
    st.text(max_size=6),
    st.sampled_from(
        ["departed", SSCC, "2026-03-08 02:30", "America/New_York", "9531110000013", "corrected", "2026-11-01 01:30"]
    ),
)
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
)
ITEM = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["departed", "DLV", "odd"]),
        "sscc": st.just(SSCC),
        "eventTime": st.just("2026-03-11T09:00:00Z"),
    },
    optional={key: VALUE for key in KEYS if key not in {"event", "sscc", "eventTime"}},
)
DOCUMENT = st.one_of(
    st.lists(ITEM | VALUE, min_size=1, max_size=4), ITEM, st.fixed_dictionaries({"d": st.lists(ITEM, min_size=1)})
)


def scalars(value: Any) -> int:
    """Scalars that are not null, counted without the adapter."""
    if isinstance(value, dict):
        return sum(map(scalars, value.values()))
    return sum(map(scalars, value)) if isinstance(value, list) else int(value is not None)


@settings(max_examples=share(600), deadline=None)
@given(DOCUMENT)
def test_what_is_read_goes_back_as_it_came_and_no_leaf_is_lost(document: Any) -> None:
    try:
        told = adapter().read(json.dumps(document).encode())
    except Unparsable:
        return
    stored = json_text.loads(json_text.dumps(told.residual))
    assert json.loads(adapter().write(told.type, told.frames, stored)[0]) == document
    assert sum(told.summary().values()) == sum(1 for _ in told.entries()) == scalars(document)
    for frame in told.frames:
        check(frame)


@settings(max_examples=share(400), deadline=None)
@given(st.lists(ITEM, min_size=1, max_size=3), st.integers(0, 5))
def test_what_is_edited_is_read_again_as_it_was_edited(document: Any, edit: int) -> None:
    told = adapter().read(json.dumps(document).encode())
    frames = json.loads(json.dumps(told.frames))
    if edit == 0:
        frames.reverse()
    elif edit == 1:
        del frames[0]
    elif edit == 2:
        frames.append({**frames[0], "key": "handling:again"})
    else:
        frames[0]["set"] |= (
            {},
            {},
            {},
            {"step": "arrived"},
            {"giver": {"system": SYSTEM, "value": "G"}},
            {"customs": "held"},
        )[edit]
    body, faults = adapter().write(told.type, frames, told.residual)
    if not any(fault.severity in {"lost", "error"} for fault in faults) and frames:
        assert [f["set"] for f in adapter().read(body).frames] == [f["set"] for f in frames]


@settings(max_examples=share(400), deadline=None)
@given(st.one_of(st.binary(max_size=80), VALUE.map(lambda value: json.dumps(value).encode())))
def test_nothing_crashes_on_any_bytes(body: bytes) -> None:
    try:
        told = adapter().read(body)
    except (Unparsable, Unsupported):
        return
    adapter().write(told.type, told.frames, told.residual)


def test_a_fault_never_repeats_what_was_sent() -> None:
    secret = "Tregarthen-19630217"
    told = read(milestone(secret, eventTime=secret, **{secret: secret}), {"event": secret}, secret)
    assert told.faults
    assert secret not in str(told.faults)
