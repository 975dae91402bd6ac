"""Who sees what: deny by default, and a courier never learns who the patient is, by no way there is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from canonical_model.catalogue import ROLES
from canonical_model.frames import set_schema
from canonical_model.personal import plan_of
from canonical_model.records import RECORDS
from hub.access import SEES, sees_kind, sees_persons, visible
from hub.formats import FORMATS, format_of
from hub.profiles import Profile
from tests.hub import house, receivers, world
from tests.hub.house import FS, VT
from tests.hub.world import FHIR, LD, Person, msh, v2

Open = Callable[..., house.House]

# ---- the rule -------------------------------------------------------------------------------------------------

NEVER: dict[str, set[str]] = {
    "courier": {"identity", "subject", "order", "report", "result", "consent", "batch", "administration", "outcome"},
    "logger-provider": {"identity", "subject", "order", "report", "result", "consent", "batch", "outcome"},
    "cdmo": {"identity", "consent", "administration", "outcome"},
    "cell-lab": {"identity", "consent", "administration", "outcome"},
    "biorepository": {"identity", "consent", "administration", "outcome", "result"},
    "qc-lab": {"identity", "subject", "shipment", "consent", "administration", "outcome", "appointment"},
    "payer": {"identity", "subject", "result", "batch", "shipment", "outcome"},
    "registry": {"identity", "batch", "shipment", "container"},
    "sponsor": {"identity"},
    "regulator": {"identity"},
    "qa": {"identity"},
}
"""Kinds of which a role sees nothing."""


def of_role(role: str, region: str = "local") -> Profile:
    return Profile(partner="someone", name="Someone", role=role, party="urn:x/1", region=region)


def whole(kind: str) -> dict[str, Any]:
    """A frame with every field that its kind has."""
    return {"kind": kind, "key": kind, "set": dict.fromkeys(set_schema(kind).get("properties", {}), "x"), "clear": []}


def test_what_a_message_is_written_of_is_seen_by_somebody() -> None:
    """A frame that no role sees is sent to nobody: an SIU without its bookings is none (RGS is required)."""
    seen = {kind for kinds in SEES.values() for kind in kinds}
    for name in FORMATS:
        library = getattr(getattr(format_of(name), "adapter", None), "library", None)
        for message, data in library.maps.items() if library else ():
            for event, rows in data.get("send", {}).items():
                unseen = {row["frame"] for row in rows if isinstance(row, dict)} - seen
                assert not unseen, (message, event)


@pytest.mark.parametrize("role", sorted(NEVER))
def test_a_role_sees_nothing_of_what_is_not_its_business(role: str) -> None:
    for kind in NEVER[role]:
        shown, withheld = visible(of_role(role), whole(kind))
        assert shown is None, (role, kind)
        assert withheld == [f"{kind}.{name}" for name in whole(kind)["set"]]
        assert not sees_kind(of_role(role), kind)


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_a_role_that_the_table_does_not_know_sees_nothing(kind: str) -> None:
    """A partner whose role has no row, such as the hub's own, is shown nothing at all."""
    stranger = of_role("hub")
    assert visible(stranger, whole(kind))[0] is None


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_kind_that_the_table_does_not_know_is_seen_by_nobody(role: str) -> None:
    assert visible(of_role(role), {"kind": "diary", "key": "d", "set": {"text": "x"}}) == (None, ["diary.text"])


@pytest.mark.parametrize("role", sorted(ROLES))
def test_persons_are_seen_by_their_own_side_only_and_in_their_region_only(role: str) -> None:
    own_side = role in {"hospital", "infusion-site", "apheresis-centre"}
    assert sees_kind(of_role(role), "identity") == own_side
    assert sees_persons(of_role(role), "local") == own_side
    assert not sees_persons(of_role(role, "eu"), "local")


@pytest.mark.parametrize("role", ["courier", "logger-provider", "payer"])
def test_no_personal_field_is_among_those_that_an_outsider_sees(role: str) -> None:
    for kind in RECORDS:
        shown, _ = visible(of_role(role), whole(kind))
        personal = {name for name, plan in plan_of(kind).items() if plan is True}
        left = personal & set(shown["set"] if shown else ())
        assert not {name for name in left if name not in {"giver", "taker"}}, (role, kind, left)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_what_is_shown_and_what_is_withheld_are_the_whole(role: str, kind: str) -> None:
    frame = whole(kind)
    shown, withheld = visible(of_role(role), frame)
    kept = set(shown["set"]) if shown else set()
    assert kept | {name.partition(".")[2] for name in withheld} == set(frame["set"])
    assert not kept & {name.partition(".")[2] for name in withheld}


def test_what_is_cleared_is_shown_to_those_only_who_see_the_field() -> None:
    frame = {"kind": "order", "key": "o", "set": {}, "clear": ["weight", "identifiers"]}
    shown, _ = visible(of_role("payer"), frame)
    assert shown is not None
    assert shown["clear"] == ["identifiers"]


# ---- the markers ----------------------------------------------------------------------------------------------


@dataclass
class Planted:
    """Unique texts, each planted in one place of a message. A person's name never looks like this by chance."""

    texts: dict[str, str] = field(default_factory=dict)

    def text(self, place: str) -> str:
        """A marker that is a word."""
        return self.texts.setdefault(place, f"Zq{len(self.texts):03}vx")

    def digits(self, place: str) -> str:
        """A marker that is a number."""
        return self.texts.setdefault(place, f"70{len(self.texts):03}9917")

    def day(self, place: str) -> str:
        """A marker that is a date, as YYYYMMDD; the year alone is no secret."""
        return self.texts.setdefault(place, f"19370{1 + len(self.texts) % 9}1{len(self.texts) % 10}")

    def found_in(self, text: str) -> list[str]:
        return [place for place, marker in self.texts.items() if any(way in text for way in _ways(marker))]


def _ways(marker: str) -> list[str]:
    """A marker as formats write it."""
    if re.fullmatch(r"1937\d{4}", marker):
        return [marker, f"{marker[:4]}-{marker[4:6]}-{marker[6:]}"]
    return [marker, marker.upper(), marker.lower()]


def person_segment(p: Planted, who: Person) -> str:
    """PID with a marker in every field that can hold one (HL7 v2.5.1 3.4.2)."""
    f = [""] * 40
    f[1] = "1"
    f[2] = p.digits("PID-2")
    f[3] = f"{p.digits('PID-3')}^^^LAKESIDE&{world.OID}&ISO^MR~{p.digits('PID-3b')}^^^SSA^SS"
    f[4] = f"{p.digits('PID-4')}^^^OLD"
    f[5] = (
        f"{p.text('PID-5.1')}^{p.text('PID-5.2')}^{p.text('PID-5.3')}^{p.text('PID-5.4')}^^^L~{p.text('PID-5b')}^^^^^^A"
    )
    f[6] = f"{p.text('PID-6.1')}^{p.text('PID-6.2')}"
    f[7], f[8] = p.day("PID-7"), "F"
    f[9] = f"{p.text('PID-9')}^X"
    f[11] = f"{p.text('PID-11.1')}^{p.text('PID-11.2')}^{p.text('PID-11.3')}^MN^{p.digits('PID-11.5')}^USA^H"
    f[12] = p.text("PID-12")
    f[13] = f"^PRN^PH^{p.text('PID-13.4')}^1^218^{p.digits('PID-13.7')}"
    f[14] = f"^WPN^PH^^1^218^{p.digits('PID-14.7')}"
    f[18] = f"{p.digits('PID-18')}^^^LAKESIDE^AN"
    f[19] = p.digits("PID-19")
    f[20] = f"{p.text('PID-20')}^MN"
    f[21] = f"{p.digits('PID-21')}^^^LAKESIDE^MR"
    f[23] = p.text("PID-23")
    return "PID|" + "|".join(f[1:]).rstrip("|")


def provider(p: Planted, place: str) -> str:
    return f"{p.digits(place + '.1')}^{p.text(place + '.2')}^{p.text(place + '.3')}^^^^MD"


def messages(p: Planted, who: Person) -> list[bytes]:
    person = person_segment(p, who)
    next_of_kin = f"NK1|1|{p.text('NK1-2.1')}^{p.text('NK1-2.2')}|SPO|{p.text('NK1-4')}|^PRN^PH^^^^{p.digits('NK1-5')}"
    note = f"NTE|1||call {p.text('NTE-3')} at {p.digits('NTE-3b')}"
    order = v2(
        msh("OML^O21^OML_O21", "MARK-1"),
        person,
        next_of_kin,
        f"ORC|NW|{who.order}^EHR|||||||20260301083000-0600|{'|'.join(provider(p, f'ORC-{n}') for n in (10, 11, 12))}",
        f"OBR|1|{who.order}^EHR||AXI-CEL^Axicabtagene ciloleucel^CGT||||||||||||{provider(p, 'OBR-16')}",
        note,
        f"OBX|1|ST|COI^Chain of identity identifier^CGT||{who.coi}||||||F",
        f"OBX|2|ST|9999-9^Remark^L||{p.text('OBX-5')}||||||F|||||{provider(p, 'OBX-16')}",
        f"ZPI|1|{p.text('ZPI-2')}",
    )
    collected = world.apheresis(who, "MARK-2").split(b"\r")
    collected[1] = person.encode()
    update = v2(msh("ADT^A08^ADT_A01", "MARK-3"), "EVN|A08|20260302080000-0600", person, next_of_kin, "PV1|1|O")
    merge = v2(
        msh("ADT^A40^ADT_A39", "MARK-4"),
        "EVN|A40|20260302080000-0600",
        person,
        f"MRG|{p.digits('MRG-1')}^^^LAKESIDE&{world.OID}&ISO^MR||||||{p.text('MRG-7.1')}^{p.text('MRG-7.2')}",
    )
    odd = order.replace(b"MARK-1", b"MARK-5").replace(p.day("PID-7").encode(), p.day("PID-7").encode() + b"99x")
    broken = order.replace(b"MARK-1", b"MARK-6") + collected[0] + b"\r"
    unknown = v2(msh("ZZZ^Z99", "MARK-7"), person)
    return [order, b"\r".join(collected), update, merge, odd, broken, unknown, person.encode()]


@dataclass
class Everything:
    """What came out of a hub into which markers were planted."""

    planted: Planted
    who: Person
    courier: str
    maker: str
    operators: str
    errors: str
    logs: str
    own: str
    folder: Path


@pytest.fixture(scope="module")
def everything(open_house: Open) -> Iterator[Everything]:
    """One hub, every channel, a marker in every place of a person."""
    planted, who = Planted(), world.person(7000)
    with ExitStack() as stack:
        ehr = stack.enter_context(receivers.interface())
        courier = stack.enter_context(receivers.endpoint())

        def change(found: dict[str, dict[str, Any]]) -> None:
            world.told(found, ehr.port, courier.url)
            found["heron"]["http"]["formats"] = ["epcis", "fhir_r4"]

        hub = open_house(change)
        errors = [hub.send(message).decode() for message in messages(planted, who)]
        with hub.line() as line:
            line.put(planted.text("garbage").encode() + VT + planted.text("frame").encode() + FS)
            line.answer()
        errors += told_to_hospital(hub, planted)
        carried = world.document(world.packing(who), world.departing())
        replies = [hub.http("heron").post("/epcis/capture", content=carried, headers={"content-type": LD})]
        hub.dropped("receipts-1.csv", world.receipts(who))
        row = world.qc(who, more=planted.text("CSV comment")).replace(b";;", b";", 0)
        hub.dropped("qc-1.csv", row.replace(b"11:10;;", f"11:10;{planted.text('CSV analyst')};".encode()))
        bad = hub.dropped("qc-bad.csv", f"{planted.text('CSV header')};x\r\n{planted.text('CSV cell')};y\r\n".encode())
        errors.append(json.dumps(bad))
        errors.append((hub.drop / "error" / "qc-bad.csv.error.txt").read_text(encoding="utf-8"))
        hub.until(lambda: len(ehr.received) >= 2 and len(courier.received) >= 3)
        hub.quiet()
        replies += asked_by(hub, "heron", who)
        out = hub.home / "foundry" / "out"
        made = [path.read_text(encoding="utf-8") for path in out.iterdir() if path.suffix == ".csv"]
        yield Everything(
            planted,
            who,
            courier="\n".join([*(f"{p.headers} {p.body!r}" for p in courier.received), *(seen(r) for r in replies)]),
            maker="\n".join([*made, *(seen(reply) for reply in asked_by(hub, "foundry", who))]),
            operators="\n".join(operators(hub)),
            errors="\n".join(errors),
            logs="\n".join(hub.logs.lines),
            own="\n".join([*(m.decode() for m in ehr.received), *(seen(r) for r in asked_by(hub, "lakeside", who))]),
            folder=hub.home / "data",
        )


def seen(reply: Any) -> str:
    return f"{reply.status_code} {dict(reply.headers)} {reply.text}"


def told_to_hospital(hub: house.House, p: Planted) -> list[str]:
    """What the hospital is answered to bad requests that are full of markers."""
    client = hub.http("lakeside")
    patient: dict[str, Any] = {"resourceType": "Patient", "gender": p.text("gender"), "birthDate": p.text("birthDate")}
    patient |= {p.text("element"): p.text("value"), "name": [{"family": 7, "given": p.text("given")}]}
    headers = {"content-type": FHIR}
    replies = [
        client.post("/fhir/Patient", content=json.dumps(patient), headers=headers),
        client.post("/fhir/Patient/$validate", content=json.dumps(patient), headers=headers),
        client.post("/fhir/Patient", content=p.text("no json"), headers=headers),
        client.post("/api/questions/may-ship", json={p.text("key"): 1, "order": [{p.text("key 2"): p.text("val 2")}]}),
        client.post(f"/api/questions/{p.text('question')}", json={"order": [{"system": "a", "value": "b"}]}),
        client.get(f"/nowhere/{p.text('path')}"),
        client.get(f"/fhir/Patient/{p.text('id')}"),
        client.get("/api/journeys"),
        hub.http("heron").post(
            "/epcis/events", content=json.dumps({"type": p.text("type")}), headers={"content-type": LD}
        ),
        hub.http().get("/api/journeys", headers={"authorization": f"Bearer {p.text('token')}"}),
    ]
    return [seen(reply) for reply in replies]


def asked_by(hub: house.House, partner: str, who: Person) -> list[Any]:
    """Everything that a partner can ask, with all that it may know."""
    client = hub.http(partner)
    records = hub.hub.model.reader().raw.execute("SELECT kind, id FROM record").fetchall()
    types = {"subject": "Patient", "order": "ServiceRequest", "result": "Observation"}
    replies = [client.get(f"/fhir/{types[kind]}/{name}") for kind, name in records if kind in types]
    replies += [client.get(f"/fhir/{type_}", params={"identifier": who.order}) for type_ in types.values()]
    replies += [client.get(f"/fhir/Observation?patient={name}") for kind, name in records if kind == "subject"]
    replies += [client.get(f"/epcis/capture/{number}") for number in range(1, 12)]
    replies += [client.get(path) for path in ("/api/journeys", "/api/issues", "/api/messages", "/api/unlinked")]
    order = [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}]
    container = [{"system": world.BAGS, "value": who.bag}]
    replies += [
        client.post(f"/api/questions/{q}", json={"order": order, "containers": container})
        for q in ("may-ship", "may-infuse")
    ]
    return replies


def operators(hub: house.House) -> list[str]:
    """All that the operators' API shows."""
    client = hub.http("watch")
    pages = ["journeys", "issues", "messages", "unlinked", "deliveries", "ledger", "doctor"]
    texts = [client.get(f"/api/{page}").text for page in pages]
    texts += [client.get(f"/api/journeys/{j['journey']}").text for j in client.get("/api/journeys").json()]
    texts += [client.get(f"/api/messages/{m['id']}").text for m in client.get("/api/messages").json()]
    return texts


def test_the_markers_reach_the_side_that_they_belong_to(everything: Everything) -> None:
    """Else the tests below would hold for a hub that loses everything."""
    own = set(everything.planted.found_in(everything.own))
    assert {"PID-3", "PID-5.1", "PID-5.2", "PID-7", "PID-11.1"} <= own
    assert "commissioning" in everything.courier
    assert everything.who.coi in everything.maker


def test_a_courier_learns_nobodys_name(everything: Everything) -> None:
    assert everything.planted.found_in(everything.courier) == []
    assert everything.who.coi not in everything.courier
    assert everything.who.order not in everything.courier.replace(f"identifier={everything.who.order}", "")


def test_a_maker_learns_nobodys_name(everything: Everything) -> None:
    assert everything.planted.found_in(everything.maker) == []


def test_the_operators_pages_hold_nobodys_name(everything: Everything) -> None:
    assert everything.planted.found_in(everything.operators) == []


def test_errors_repeat_nothing_that_was_sent(everything: Everything) -> None:
    assert everything.planted.found_in(everything.errors) == []


def test_logs_hold_nothing_that_was_sent(everything: Everything) -> None:
    assert everything.logs
    assert everything.planted.found_in(everything.logs) == []


def test_the_databases_hold_no_person_in_plain(everything: Everything) -> None:
    files = [path for path in everything.folder.rglob("*") if path.is_file()]
    assert {"hub.db", "read.db"} <= {path.name for path in files}
    for path in files:
        text = path.read_bytes().decode("latin-1")
        assert everything.planted.found_in(text) == [], path.name
        for part in ("Familie7000", "Vorname7000"):
            assert part not in text
