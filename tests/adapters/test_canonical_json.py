"""The canonical form: a fact is read as it is said, written as it was read; what is no fact does not get through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.canonical_json import EVENT, adapter, base
from adapters.canonical_json.opening import MAX_FAULTS, SUBJECT_SYSTEM
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from canonical_model.examples import event_facts, frame_example, record_example, when
from canonical_model.frames import check
from canonical_model.json_schema import documents
from canonical_model.records import RECORDS
from mappings import events, send
from mappings.faults import TableError

SAMPLES = Path(__file__).parents[1] / "samples" / "canonical"
NAMES = sorted(path.name.removesuffix(".frames.json") for path in SAMPLES.glob("*.frames.json"))
PUBLISHED = documents()
ORDER = {"kind": "order", "identifiers": [{"system": "https://s.example/order", "value": "N-1"}]}
MRN = {"system": "https://h.example/mrn", "value": "4711", "type": "mrn"}
TOKEN = {"system": SUBJECT_SYSTEM, "value": "t0k", "type": "subject"}


def said(type_: str = "order.accepted", at: Any = "2026-03-02T09:00:00+01:00", **data: Any) -> dict[str, Any]:
    return {"type": type_, "timestamp": at, "data": {"about": ORDER, "set": {}, **data}}


def read(message: Any, hint: str = "msg_1") -> Read:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return base().read(body, hint)


def asserted(found: Read) -> list[dict[str, Any]]:
    return events.assertions(found.map, found.frames, "partner/m")


def faults(message: Any) -> dict[str, str]:
    return {fault.place: fault.code for fault in read(message).faults}


# ---- golden pairs ------------------------------------------------------------------------------------------------


def test_there_are_pairs() -> None:
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_as_its_frames_say_and_written_again(name: str) -> None:
    body = (SAMPLES / f"{name}.json").read_bytes()
    found = read(body)
    assert found.faults == []
    assert found.frames == json.loads((SAMPLES / f"{name}.frames.json").read_text("utf-8"))
    for frame in found.frames:
        check(frame)
    fresh, lost = base().write(EVENT, found.frames)
    assert (fresh, lost) == ((SAMPLES / f"{name}.written.json").read_bytes().rstrip(b"\n"), [])
    assert json.loads(base().write(EVENT, found.frames, found.residual)[0]) == json.loads(body)


def test_what_only_its_sender_knows_is_residual_and_the_rest_is_carried() -> None:
    found = read((SAMPLES / "disposition_decided.json").read_bytes())
    assert dict(found.summary()) == {"carried": 20, "residual": 2}
    assert {".".join(e.place) for e in found.entries() if e.fate == "residual"} == {"api_version", "data.trace"}


# ---- every fact of the catalogue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", event_facts(), ids=lambda fact: fact["type"])
def test_a_fact_of_the_published_examples_is_asserted_as_it_stands(fact: dict[str, Any]) -> None:
    data = {name: fact[name] for name in ("about", "set", "occurred")}
    data["set"] = {name: value for name, value in data["set"].items() if not stands_for(value)}
    found = read({"type": fact["type"], "timestamp": fact["occurred"]["at"], "data": data})
    assert found.faults == []
    (one,) = asserted(found)
    assert (one["type"], one["about"], one["set"]) == (fact["type"], fact["about"], data["set"])
    assert one["occurred"] == fact["occurred"]


def stands_for(value: Any) -> bool:
    """Whether a value has a person or a text in it that the hub keeps elsewhere."""
    return any(word in json.dumps(value) for word in ('"sealed"', '"actor"', '"subject"', '"frame"'))


def record_values(kind: str) -> dict[str, Any]:
    """All fields of a kind, without what stands for a person or a text that the hub keeps elsewhere."""
    values = record_example(kind, PUBLISHED[f"records/{kind}.schema.json"])
    return {name: value for name, value in values.items() if name != "action" and not stands_for(value)}


@pytest.mark.parametrize("type_", sorted(EVENTS))
def test_what_is_told_of_any_fact_is_read_as_the_same_fact(type_: str) -> None:
    """The law of `send`: read by `on`, what was told asserts the same type, key, time and data."""
    kind = EVENTS[type_].about
    if not kind or kind == "subject":
        pytest.skip("of no kind, or of a person: told by tokens, which only the hub can make")
    values = record_values(kind)
    values.pop("identifiers")
    names = [{"system": f"https://s.example/{kind}", "value": "X-1"}]
    occurred = when("2026-03-08T06:40:00")
    sources: dict[str, Any] = {
        "event": {**values, "occurred": occurred},
        "message": {"type": type_},
        "about": {"identifiers": names},
        "order": {"identifiers": ORDER["identifiers"]},
        "journey": {"stage": "collected"},
    }
    frames = send.frames(base().library.maps[EVENT], type_, sources)
    body, lost = base().write(EVENT, frames)
    assert lost == []
    found = read(body)
    assert found.faults == []
    (one,) = asserted(found)
    told = one["set"] if "order" in values else {n: v for n, v in one["set"].items() if n != "order"}
    assert (one["type"], one["occurred"], told) == (type_, occurred, values)
    assert one["about"] == {"kind": kind, "identifiers": names}
    assert json.loads(body)["data"]["order"] == {"identifiers": ORDER["identifiers"], "state": "collected"}


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_every_published_frame_example_that_needs_no_other_frame_is_taken(kind: str) -> None:
    frame = frame_example(kind, PUBLISHED[f"frame/{kind}.schema.json"])
    values = {n: v for n, v in frame["set"].items() if '"frame"' not in json.dumps(v) and n != "action"}
    names = values.pop("identifiers", ORDER["identifiers"])
    about = {"kind": kind, "identifiers": names}
    found = read(
        {"type": "record.amended", "timestamp": "2026-01-01T00:00:00Z", "data": {"about": about, "set": values}}
    )
    told = {fault.code for fault in found.faults}
    assert told <= {"reference"}, found.faults


# ---- names, times, persons ---------------------------------------------------------------------------------------


def test_a_message_is_known_by_the_id_that_its_channel_knows() -> None:
    assert read(said(), "msg_7").source_id == "msg_7"


def test_a_fact_belongs_to_the_order_that_stands_beside_it() -> None:
    about = {"kind": "container", "identifiers": [{"system": "https://s.example/bag", "value": "B"}]}
    found = read(said("container.stored", about=about, order={"identifiers": ORDER["identifiers"], "state": "made"}))
    (one,) = asserted(found)
    assert one["set"] == {"order": ORDER}


def test_an_order_beside_a_fact_about_an_order_asserts_nothing() -> None:
    found = read(said(order={"kind": "order", "identifiers": ORDER["identifiers"], "state": "ordered"}))
    assert [one["type"] for one in asserted(found)] == ["order.accepted"]


@pytest.mark.parametrize(
    ("timestamp", "occurred"),
    [
        ("2026-03-02T09:00:00+01:00", None),
        ("2026-03-02T08:00:00Z", when("2026-03-02T08")),
        ("2026-03-02T08:00:00Z", {**when("2026-03-02T08:00:00"), "zone": "Europe/Berlin"}),
        ("2026-03-02T08:00:00Z", {**when("2026-03"), "assumed_zone": True}),
    ],
)
def test_a_time_comes_back_with_as_much_of_it_as_was_stated(timestamp: str, occurred: Any) -> None:
    message = said(at=timestamp, **({"occurred": occurred} if occurred else {}))
    found = read(message)
    assert asserted(found)[0]["occurred"]["local"] == (occurred or {"local": "2026-03-02T09:00:00"})["local"]
    fresh, _ = base().write(EVENT, found.frames)
    assert asserted(read(fresh))[0]["occurred"] == asserted(found)[0]["occurred"]
    assert json.loads(base().write(EVENT, found.frames, found.residual)[0]) == message


def test_a_person_by_number_goes_to_the_vault_and_is_no_part_of_the_fact() -> None:
    message = said("order.submitted", set={"patient": {"kind": "subject", "identifiers": [MRN]}})
    found = read(message)
    (one,) = asserted(found)
    assert one["set"]["patient"] == {"kind": "subject", "frame": "subject#1"}
    assert "4711" not in json.dumps(one)
    assert [f["set"] for f in found.frames if f["kind"] == "identity"] == [{"identifiers": [MRN]}]
    assert json.loads(base().write(EVENT, found.frames)[0]) == message
    assert dict(found.summary())["carried"] == sum(1 for _ in found.leaves("", message))


def test_a_fact_about_a_person_names_them_by_number() -> None:
    about = {"kind": "subject", "identifiers": [MRN]}
    message = said("subject.deceased", about=about, set={"deceased": True})
    found = read(message)
    (one,) = asserted(found)
    assert one["about"] == {"kind": "subject", "frame": "subject"}
    assert json.loads(base().write(EVENT, found.frames)[0]) == message
    told = said("subject.deceased", about={"kind": "subject", "identifiers": [TOKEN]})
    assert faults(told) == {"data.about.identifiers": "person-unnamed"}


def test_a_person_by_token_stays_a_token() -> None:
    found = read(said("order.stated", set={"patient": {"kind": "subject", "identifiers": [TOKEN]}}))
    assert asserted(found)[0]["set"]["patient"]["identifiers"] == [TOKEN]
    both = said("order.stated", set={"patient": {"kind": "subject", "identifiers": [TOKEN, MRN]}})
    assert faults(both) == {"data.set.patient": "person-unnamed"}


# ---- what is no fact ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (said(set={"eye_colour": "blue"}), {"data.set.eye_colour": "unknown-element"}),
        (said(set={"Ann Doe": "blue"}), {"data.set.…": "unknown-element"}),
        (said(set={"weight": {"value": 71.5, "unit": "kg"}}), {"data.set.weight.value": "value"}),
        (said(set={"weight": {"value": 71, "unit": "kg"}}), {"data.set.weight.value": "value"}),
        (said(set={"attempt": "1"}), {"data.set.attempt": "value"}),
        (said(set={"attempt": 1.0}), {"data.set.attempt": "value"}),
        (said(set={"attempt": None}), {"data.set.attempt": "value"}),
        (said(set={"site": {"kind": "party", "identifiers": []}}), {"data.set.site.identifiers": "value"}),
        (
            said(set={"site": {"kind": "party", "identifiers": [{"system": "s", "value": "v"}, {"value": "v"}]}}),
            {"data.set.site.identifiers[2].system": "required"},
        ),
        (said(set={"patient": {"frame": "message"}}), {"data.set.patient": "reference"}),
        (said(set={"note": {"sealed": "somebody's"}}), {"data.set.note": "reference"}),
        (said(set={"requesters": [{"actor": "somebody's"}]}), {"data.set.requesters[1]": "reference"}),
        (said(set={"identifiers": []}), {"data.set.identifiers": "unknown-element"}),
        (said(set={"action": "new"}), {"data.set.action": "unknown-element"}),
        (said(set=[]), {"data.set": "shape"}),
        (said(clear="note"), {"data.clear": "value"}),
        (said(clear=[None]), {"data.clear[1]": "value"}),
        (said(about=None), {"data.about": "required"}),
        (said(about={**ORDER, "name": "x"}), {"data.about.name": "unknown-element"}),
        (said(about={"kind": "batch", "identifiers": ORDER["identifiers"]}), {"data.about.kind": "value"}),
        (said(about={"kind": ["order"]}), {"data.about.kind": "value"}),
        (said(about={"kind": "order"}), {"data.about.identifiers": "required"}),
        (said(about={"kind": "order", "identifiers": "N-1"}), {"data.about.identifiers": "value"}),
        (said(order={}), {"data.order.identifiers": "required"}),
        (said(order={**ORDER, "weight": 1}), {"data.order.weight": "unknown-element"}),
        (said(at="yesterday"), {"timestamp": "time-unreadable"}),
        (said(at="2026-02-30T00:00:00Z"), {"timestamp": "time-unreadable"}),
        (said(at=1772438400), {"timestamp": "time-unreadable"}),
        (said(at=None), {"timestamp": "time-unreadable"}),
        (said(occurred={"at": "soon"}), {"data.occurred.at": "value"}),
    ],
)
def test_what_does_not_fit_the_published_schemas_is_told_with_its_place(message: Any, expected: dict[str, str]) -> None:
    found = read(message)
    told = {fault.place: fault.code for fault in found.faults}
    assert expected.items() <= told.items()
    assert found.frames == []
    assert all(fault.severity == "error" for fault in found.faults)


def test_all_faults_of_a_message_are_told_at_once() -> None:
    wrong = said(at="", about={"kind": "order", "identifiers": [{"system": "s"}]}, set={"attempt": "1", "eye": 1})
    assert set(faults(wrong)) == {"timestamp", "data.about.identifiers[1].value", "data.set.attempt", "data.set.eye"}


def test_a_thousand_faults_are_told_by_the_first_of_them() -> None:
    found = read(said(set={f"x_{chr(97 + n // 26)}{chr(97 + n % 26)}": 1 for n in range(600)}))
    assert len(found.faults) == MAX_FAULTS + 1
    assert found.faults[-1].code == "faults-more"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{}", b'{"type":1,"data":{}}', b'{"type":"order.accepted"}', b"<a/>", b"\xff\xfe"],
)
def test_what_has_not_the_shape_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"order.accepted","type":"order.rejected","timestamp":"2026-01-01T00:00:00Z","data":{}}',
        json.dumps(said()).replace('"set": {}', '"set": ' + '{"a":' * 80 + "1" + "}" * 80).encode(),
        b'{"type":"order.accepted","timestamp":"2026-01-01T00:00:00Z","data":{"set":{"attempt":NaN}}}',
        b'{"type":"order.accepted","timestamp":"\\ud800","data":{}}',
    ],
    ids=["key twice", "deep", "nan", "half a pair"],
)
def test_json_that_two_readers_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(Unparsable, match="json-"):
        read(body)


def test_a_number_beyond_any_field_is_no_crash() -> None:
    body = json.dumps(said(set={"attempt": 0})).replace('"attempt": 0', '"attempt": 1' + "0" * 6000).encode()
    assert faults(body) == {"data.set.attempt": "value"}


@pytest.mark.parametrize(("type_", "named"), [("order.eaten", "order.eaten"), ("Ann Doe", ""), ("x" * 500, "")])
def test_an_unknown_type_is_unsupported_and_not_repeated_unless_it_looks_like_one(type_: str, named: str) -> None:
    with pytest.raises(Unsupported) as wrong:
        read(said(type_))
    assert wrong.value.message_type == named


def test_frames_that_tell_no_fact_are_an_error() -> None:
    for frames in ([], [{"kind": "message", "key": "m", "set": {}}]):
        assert [fault.severity for fault in base().write(EVENT, frames)[1]] == ["error"]


def test_another_message_is_not_written() -> None:
    with pytest.raises(Unsupported):
        base().write("canonical/other", [])


def test_a_second_fact_has_no_home_in_a_message() -> None:
    frames = [*read(said()).frames, {"kind": "batch", "key": "b", "set": {"identifiers": ORDER["identifiers"]}}]
    assert [(f.place, f.severity) for f in base().write(EVENT, frames)[1]] == [("batch frame", "lost")]


def test_tables_cannot_be_laid_over_what_is_canonical(tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text("map: canonical/event", encoding="utf-8")
    with pytest.raises(TableError):
        adapter(overlays=(tmp_path,))


# ---- any bytes ---------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
FIELDS = sorted({name for kind in RECORDS for name in RECORDS[kind].model_fields})
REFS = st.sampled_from([ORDER, {"frame": "x"}, {"sealed": "x"}, {"kind": "subject", "identifiers": [MRN]}])
DATA = st.fixed_dictionaries(
    {
        "about": st.just(ORDER) | st.builds(dict, kind=st.sampled_from(sorted(RECORDS)), identifiers=JSON) | JSON,
        "set": st.dictionaries(st.sampled_from(FIELDS), JSON | REFS, max_size=4) | JSON,
    },
    optional={"clear": JSON, "order": st.just(ORDER) | JSON, "occurred": JSON},
)


@given(type_=st.sampled_from(sorted(EVENTS)), at=st.just("2026-03-02T09:00:00Z") | JSON, data=DATA)
def test_whatever_is_sent_is_read_or_refused_and_what_is_read_fits_the_model(type_: str, at: Any, data: Any) -> None:
    message = {"type": type_, "timestamp": at, "data": data}
    try:
        found = read(message)
    except Unparsable:
        return
    assert bool(found.frames) != bool(found.faults)
    for frame in found.frames:
        check(frame)
    if found.frames:
        assert len(asserted(found)) == 1
        again = json.loads(base().write(EVENT, found.frames, found.residual)[0])
        assert again == json.loads(json.dumps(message))
    assert found.summary().total() == sum(1 for _ in found.leaves("", found.pieces[0].wire))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_crash_it(body: bytes) -> None:
    try:
        read(body)
    except (Unparsable, Unsupported):
        return
