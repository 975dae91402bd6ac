"""The sponsor's webhooks: signed facts in and out, with PyPI's `standardwebhooks` as the other side."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from canonical_model.catalogue import EVENTS
from hub import profiles as profile_files
from hub.profiles import ProfileError
from tests.hub import house, receivers, world
from tests.hub.house import msa
from tests.hub.world import Person

Open = Callable[..., house.House]
Call = tuple[bytes, list[tuple[str, str]]]


def secret(name: str, size: int = 32) -> str:
    return "whsec_" + base64.b64encode(hashlib.shake_256(name.encode()).digest(size)).decode()


NEW, OLD, OUT, STRANGE = (secret(name) for name in ("new", "old", "out", "strange"))
STATUS = ["collection.*", "batch.*", "result.*", "shipment.*", "infusion.*", "disposition.*", "issue.*", "slot.*"]
PARTY = "https://id.gs1.org/414/9531110000068"


def types(*families: str) -> list[str]:
    wanted = {family.removesuffix(".*") for family in families}
    return [name for name in EVENTS if name in wanted or name.partition(".")[0] in wanted]


def sponsored(found: dict[str, dict[str, Any]], folder: Path, url: str = "") -> None:
    """Adds a sponsor that sends webhooks and, with a URL, is sent them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("in", NEW), ("in-before", OLD), ("out", OUT), ("out-before", STRANGE)):
        (folder / name).write_text(text + "\n", encoding="ascii")
    webhook: dict[str, Any] = {"secret_files": [str(folder / "in"), str(folder / "in-before")]}
    if url:
        webhook |= {"post_to": url, "post_secret_files": [str(folder / "out"), str(folder / "out-before")]}
    found["northwind"] = {
        "partner": "northwind",
        "name": "Northwind Cells",
        "role": "sponsor",
        "party": PARTY,
        "webhook": webhook,
        "products": ["AXI-CEL"],
    }
    if url:
        told = types(*STATUS, "order.*", "material.*", "report.*", "container.*", "custody.*")
        found["northwind"]["sends"] = [{"events": told, "message": "canonical/event"}]


@dataclass
class Sponsor:
    """The sponsor's system beside a hub."""

    hub: house.House
    told: receivers.Endpoint

    def order_of(self, who: Person) -> dict[str, Any]:
        coi = {"system": "https://northwind.example/coi", "value": who.coi, "type": "coi"}
        return {"kind": "order", "identifiers": [coi]}

    def fact(self, type_: str, who: Person, about: Any = None, **values: Any) -> dict[str, Any]:
        """A fact of the sponsor's about an order, or about a thing of that order."""
        data = {"about": about or self.order_of(who), "set": values}
        if about is not None:
            data["order"] = {"identifiers": self.order_of(who)["identifiers"]}
        return {"type": type_, "timestamp": "2026-03-02T09:00:00Z", "data": data}

    def signed(self, body: bytes, id_: str, key: str = NEW, ahead: float = 0.0) -> list[tuple[str, str]]:
        at = self.hub.clock() + timedelta(seconds=ahead)
        made = Webhook(key).sign(id_, at, body.decode())
        return [
            ("content-type", "application/json"),
            ("webhook-id", id_),
            ("webhook-timestamp", str(int(at.timestamp()))),
            ("webhook-signature", made),
        ]

    def post(self, body: bytes, headers: list[tuple[str, str]], partner: str = "northwind") -> httpx.Response:
        return httpx.post(f"{self.hub.base}/webhooks/{partner}", content=body, headers=headers, timeout=20)

    def send(self, message: Any, id_: str, **signing: Any) -> httpx.Response:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.post(body, self.signed(body, id_, **signing))


@pytest.fixture(scope="module")
def sponsor(open_house: Open, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sponsor]:
    folder = tmp_path_factory.mktemp("secrets")
    with ExitStack() as stack:
        told = stack.enter_context(receivers.endpoint())
        hub = open_house(lambda found: sponsored(found, folder, told.url))
        yield Sponsor(hub, told)
        hub.stop()


def person(number: int) -> Person:
    """A patient whose chain-of-identity identifier has the shape that is unique by itself (ISBT 128, 040)."""
    return replace(world.person(number), coi=f"CHLKS2600A{number:05}")


_NUMBERS = count(20_000)


@pytest.fixture
def who() -> Person:
    """A patient whom no other test knows."""
    return person(next(_NUMBERS))


def known(sponsor: Sponsor, who: Person) -> None:
    assert msa(sponsor.hub.send(world.order(who, f"{who.order}-1")))[0] == "AA"


def codes(answer: httpx.Response) -> set[tuple[str, str]]:
    return {(fault["code"], fault["place"]) for fault in answer.json()["faults"]}


# ---- what the sponsor says ---------------------------------------------------------------------------------------


def test_the_sponsor_takes_the_order_on_and_its_word_counts(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    answer = sponsor.send(sponsor.fact("order.accepted", who), f"a-{who.order}")
    assert (answer.status_code, answer.json()["outcome"], answer.json()["unlinked"]) == (200, "recorded", 0)
    journey = sponsor.hub.journey(who)
    assert journey["state"] == "accepted"
    (fact,) = [f for f in journey["timeline"] if f["type"] == "order.accepted"]
    assert fact["reporter"] == {"partner": "northwind", "role": "sponsor"}
    assert sponsor.hub.message(f"a-{who.order}")["type"] == "order.accepted"


def test_a_chain_of_identity_is_carried_as_the_sponsor_issued_it(sponsor: Sponsor, who: Person) -> None:
    """And what names it before the order came waits for the order."""
    placer = {"system": "https://lakeside.example/order", "value": who.order}
    about = {"kind": "order", "identifiers": [placer, *sponsor.order_of(who)["identifiers"]]}
    issued = {**sponsor.fact("identity.issued", who), "data": {"about": about, "set": {}}}
    assert sponsor.send(issued, f"i-{who.order}").status_code == 200
    known(sponsor, who)
    journey = sponsor.hub.journey(who)
    assert who.coi in {name["value"] for name in journey["order"]}
    assert "identity.issued" in {fact["type"] for fact in journey["timeline"]}


def test_slots_are_offered_booked_and_moved(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)

    def slot(name: str) -> dict[str, Any]:
        return {"kind": "appointment", "identifiers": [{"system": "https://northwind.example/slot", "value": name}]}

    def period(day: str) -> dict[str, Any]:
        local = f"{day}T08:00:00"
        return {"start": {"at": f"{local}Z", "local": local, "zone": "Z", "precision": "second"}}

    first, second = slot(f"{who.order}-a"), slot(f"{who.order}-b")
    told = [
        sponsor.fact("slot.offered", who, first, kind="manufacturing", period=period("2026-03-16")),
        sponsor.fact("slot.booked", who, first, kind="manufacturing", period=period("2026-03-16")),
        sponsor.fact("slot.cancelled", who, first),
        sponsor.fact("slot.booked", who, second, kind="manufacturing", period=period("2026-03-23"), replaces=first),
    ]
    for number, message in enumerate(told):
        message["timestamp"] = f"2026-03-02T09:0{number}:00Z"
        assert sponsor.send(message, f"s{number}-{who.order}").status_code == 200
    facts = [fact["type"] for fact in sponsor.hub.journey(who)["timeline"]]
    assert [name for name in facts if name.startswith("slot.")] == [message["type"] for message in told]


def test_an_exceptional_release_comes_with_its_evidence(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    document = {"kind": "document", "identifiers": [{"system": "https://northwind.example/document", "value": "D1"}]}
    about = {
        "kind": "disposition",
        "identifiers": [{"system": "https://northwind.example/disposition", "value": who.order}],
    }
    bag = {"kind": "container", "identifiers": [{"system": world.BAGS, "value": who.bag}]}
    message = sponsor.fact(
        "disposition.decided",
        who,
        about,
        decision="released-exceptionally",
        container=bag,
        physician_request=document,
        risk_evaluation=document,
        signer={"name": {"family": "Zweig", "given": ["Ada"]}},
    )
    assert sponsor.send(message, f"d-{who.order}").status_code == 200
    (fact,) = [f for f in sponsor.hub.journey(who)["timeline"] if f["type"] == "disposition.decided"]
    assert fact["set"]["physician_request"] == document
    assert "Zweig" not in json.dumps(fact)


def test_a_fact_of_an_order_that_nobody_knows_waits_and_says_so(sponsor: Sponsor, who: Person) -> None:
    batch = {"kind": "batch", "identifiers": [{"system": "https://northwind.example/batch", "value": who.order}]}
    answer = sponsor.send(sponsor.fact("batch.started", who, batch), f"b-{who.order}").json()
    assert (answer["outcome"], answer["unlinked"]) == ("recorded", 1)


def test_what_does_not_fit_is_held_with_every_place_and_no_value(sponsor: Sponsor, who: Person) -> None:
    message = sponsor.fact("order.accepted", who, weight={"value": 71.5, "unit": "kg"}, eye="Azure")
    answer = sponsor.send(message, f"w-{who.order}")
    assert answer.status_code == 422
    assert codes(answer) == {("value", "data.set.weight.value"), ("unknown-element", "data.set.eye")}
    assert "Azure" not in answer.text
    assert "71.5" not in answer.text
    assert sponsor.hub.message(f"w-{who.order}")["outcome"] == "held"


def test_an_unknown_fact_is_rejected(sponsor: Sponsor, who: Person) -> None:
    answer = sponsor.send({**sponsor.fact("order.accepted", who), "type": "order.eaten"}, f"e-{who.order}")
    assert (answer.status_code, codes(answer)) == (400, {("unsupported-message", "type")})


# ---- the same again ----------------------------------------------------------------------------------------------


def test_a_resend_is_answered_as_one_and_changes_nothing(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    message = sponsor.fact("order.accepted", who)
    first = sponsor.send(message, f"r-{who.order}").json()
    before = sponsor.hub.facts()
    for ahead in (0.0, 60.0):  # as captured, and as its sender tries again: another time, another signature
        again = sponsor.send(message, f"r-{who.order}", ahead=ahead)
        assert again.status_code == 200
        assert (again.json()["repeated"], again.json()["message"]) == (True, first["message"])
    assert sponsor.hub.facts() == before
    assert first["repeated"] is False


def test_another_message_under_the_same_id_is_kept_and_said(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    first = sponsor.send(sponsor.fact("order.accepted", who), f"x-{who.order}").json()
    second = sponsor.send(sponsor.fact("order.held", who), f"x-{who.order}").json()
    assert second["message"] != first["message"]
    assert [fault["code"] for fault in second["warnings"]] == ["source-id-reused"]


# ---- who signs ---------------------------------------------------------------------------------------------------


def test_both_secrets_of_a_rotation_are_good_and_one_of_several_signatures_is_enough(
    sponsor: Sponsor, who: Person
) -> None:
    body = json.dumps(sponsor.fact("order.stated", who)).encode()
    assert sponsor.send(body, f"o-{who.order}", key=OLD).status_code == 200
    headers = dict(sponsor.signed(body, f"o2-{who.order}"))
    strange = dict(sponsor.signed(body, f"o2-{who.order}", key=STRANGE))["webhook-signature"]
    headers["webhook-signature"] = f"v1a,c2lnbmVk {strange} {headers['webhook-signature']}"
    assert sponsor.post(body, list(headers.items())).status_code == 200


def test_a_secret_counts_from_the_moment_when_it_stands_in_its_file(open_house: Open, tmp_path: Path) -> None:
    hub = open_house(lambda found: sponsored(found, tmp_path))
    here, who = Sponsor(hub, receivers.Endpoint()), person(70_001)
    message = here.fact("order.stated", who)
    assert here.send(message, "r-1", key=STRANGE).status_code == 401
    (tmp_path / "in").write_text(STRANGE, encoding="ascii")
    assert here.send(message, "r-1", key=STRANGE).status_code == 200
    assert here.send(message, "r-2", key=NEW).status_code == 401
    for text in ("", "whsec_dG9vIHNob3J0", "no secret"):
        (tmp_path / "in").write_text(text, encoding="ascii")
        assert here.send(message, "r-3", key=OLD).status_code == 401
    (tmp_path / "in").unlink()
    assert here.send(message, "r-3").status_code == 401
    hub.stop()


def changed(**headers: str) -> Callable[[Call], Call]:
    """Another value for a header; an empty one takes it away."""
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}

    def change(call: Call) -> Call:
        body, known = call
        kept = [(name, value) for name, value in known if name not in wanted]
        return body, [*kept, *((name, value) for name, value in wanted.items() if value)]

    return change


def twice(name: str) -> Callable[[Call], Call]:
    return lambda call: (call[0], [*call[1], next(pair for pair in call[1] if pair[0] == name)])


def cut(call: Call) -> Call:
    """The body's beginning goes into the id: `id.timestamp.body` is the same text, cut elsewhere."""
    body, headers = call
    known = dict(headers)
    moved = {"webhook-id": f"{known['webhook-id']}.{known['webhook-timestamp']}", "webhook-timestamp": "1"}
    return body, [(name, moved.get(name, value)) for name, value in headers]


def a_second_later(call: Call) -> Call:
    at = int(dict(call[1])["webhook-timestamp"])
    return changed(webhook_timestamp=str(at + 1))(call)


ATTACKS: dict[str, tuple[Callable[[Call], Call], int, str]] = {
    "no signature": (changed(webhook_signature=""), 400, "webhook-header"),
    "no id": (changed(webhook_id=""), 400, "webhook-header"),
    "no time": (changed(webhook_timestamp=""), 400, "webhook-header"),
    "two signatures headers": (twice("webhook-signature"), 400, "webhook-header"),
    "two ids": (twice("webhook-id"), 400, "webhook-header"),
    "two times": (twice("webhook-timestamp"), 400, "webhook-header"),
    "names of a vendor": (
        lambda call: (call[0], [(name.replace("webhook", "svix"), value) for name, value in call[1]]),
        400,
        "webhook-header",
    ),
    "cut elsewhere": (cut, 400, "webhook-header"),
    "an id that is a sentence": (changed(webhook_id="a b"), 400, "webhook-header"),
    "an endless id": (changed(webhook_id="a" * 4000), 400, "webhook-header"),
    "time as a float": (changed(webhook_timestamp="1773232200.0"), 400, "webhook-header"),
    "time as a date": (changed(webhook_timestamp="2026-03-11T12:30:00Z"), 400, "webhook-header"),
    "time with a sign": (changed(webhook_timestamp="+1773232200"), 400, "webhook-header"),
    "time beyond time": (changed(webhook_timestamp="9" * 40), 400, "webhook-header"),
    "a thousand signatures": (changed(webhook_signature=" ".join(["v1,eA=="] * 1000)), 400, "webhook-header"),
    "a signature of nothing": (changed(webhook_signature="v1,"), 401, "webhook-signature"),
    "a signature of no version": (changed(webhook_signature="eA=="), 401, "webhook-signature"),
    "not ASCII": (changed(webhook_signature="v1,\u00e4\u00f6"), 401, "webhook-signature"),
    "another id": (changed(webhook_id="msg_other"), 401, "webhook-signature"),
    "another time": (a_second_later, 401, "webhook-signature"),
    "altered body": (lambda call: (call[0].replace(b"accepted", b"rejected"), call[1]), 401, "webhook-signature"),
    "a blank more": (lambda call: (call[0] + b" ", call[1]), 401, "webhook-signature"),
    "no body": (lambda call: (b"", call[1]), 401, "webhook-signature"),
    "a bearer token instead": (
        changed(webhook_signature="v1,eA==", authorization=f"Bearer {world.TOKENS['watch']}"),
        401,
        "webhook-signature",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_message_that_is_not_signed_as_it_is_is_refused_and_leaves_nothing(
    attack: str, sponsor: Sponsor, who: Person
) -> None:
    change, status, code = ATTACKS[attack]
    body = json.dumps(sponsor.fact("order.accepted", who)).encode()
    before = sponsor.hub.count("inbox")
    raw = [(name.encode(), value.encode("utf-8")) for name, value in change((body, sponsor.signed(body, "msg_1")))[1]]
    content = change((body, sponsor.signed(body, "msg_1")))[0]
    answer = httpx.post(f"{sponsor.hub.base}/webhooks/northwind", content=content, headers=raw, timeout=20)
    assert (answer.status_code, {found for found, _ in codes(answer)}) == (status, {code})
    assert answer.headers["content-type"] == "application/problem+json"
    assert sponsor.hub.count("inbox") == before


@pytest.mark.parametrize("ahead", [-301.0, 305.0, -86_400.0, 86_400.0])
def test_a_message_of_another_time_is_refused(ahead: float, sponsor: Sponsor, who: Person) -> None:
    answer = sponsor.send(sponsor.fact("order.accepted", who), "msg_t", ahead=ahead)
    assert (answer.status_code, codes(answer)) == (401, {("webhook-timestamp", "webhook-timestamp")})


@pytest.mark.parametrize("ahead", [-290.0, 290.0])
def test_a_clock_that_is_a_little_wrong_is_borne(ahead: float, sponsor: Sponsor, who: Person) -> None:
    assert sponsor.send(sponsor.fact("order.stated", who), f"c{int(ahead)}", ahead=ahead).status_code == 200


def test_who_is_not_known_is_told_what_a_stranger_is_told(sponsor: Sponsor, who: Person) -> None:
    body = json.dumps(sponsor.fact("order.accepted", who)).encode()
    answers = [
        sponsor.post(body, sponsor.signed(body, "m", key=STRANGE), partner)
        for partner in ("northwind", "nobody", "lakeside", "hub", "..%2fwatch")
    ]
    assert {answer.status_code for answer in answers[:4]} == {401}
    assert len({answer.text for answer in answers[:4]}) == 1
    assert answers[4].status_code in {401, 404}


def test_one_partners_secret_opens_no_others_door(open_house: Open, tmp_path: Path) -> None:
    def two(found: dict[str, dict[str, Any]]) -> None:
        sponsored(found, tmp_path / "a")
        other = json.loads(json.dumps(found["northwind"])) | {"partner": "eastwind", "party": f"{PARTY}1"}
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "in").write_text(STRANGE, encoding="ascii")
        found["eastwind"] = {**other, "webhook": {"secret_files": [str(tmp_path / "b" / "in")]}}

    hub = open_house(two)
    here, who = Sponsor(hub, receivers.Endpoint()), person(70_002)
    body = json.dumps(here.fact("order.stated", who)).encode()
    assert here.post(body, here.signed(body, "m"), "eastwind").status_code == 401
    assert here.post(body, here.signed(body, "m"), "northwind").status_code == 200
    hub.stop()


# ---- signed, and still no message --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json-syntax"),
        (b"hello", "json-syntax"),
        (b"[]", "canonical-shape"),
        (b'{"type":"order.accepted","type":"order.rejected"}', "json-duplicate-key"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "json-too-deep"),
        (b'{"a":' * 100_000, "json-too-deep"),
        (b'{"type":"order.accepted","data":{"set":{"attempt":NaN}}}', "json-number"),
    ],
    ids=["empty", "text", "list", "key twice", "deep", "endless", "nan"],
)
def test_what_is_signed_and_no_message_is_refused_with_its_reason(body: bytes, code: str, sponsor: Sponsor) -> None:
    answer = sponsor.send(body, f"h-{hashlib.sha256(body).hexdigest()[:12]}")
    assert (answer.status_code, {found for found, _ in codes(answer)}) == (400, {code})


def test_a_huge_body_is_refused_before_it_is_read(sponsor: Sponsor) -> None:
    body = b'"' + b"x" * (2 * 1024 * 1024) + b'"'
    answer = sponsor.post(body, [("content-type", "application/json"), ("webhook-id", "big")])
    assert (answer.status_code, {code for code, _ in codes(answer)}) == (413, {"too-large"})


def test_another_media_type_is_refused(sponsor: Sponsor, who: Person) -> None:
    body = json.dumps(sponsor.fact("order.accepted", who)).encode()
    headers = {**dict(sponsor.signed(body, "m-type")), "content-type": "text/csv"}
    assert sponsor.post(body, list(headers.items())).status_code == 415


def test_other_methods_are_not_taken(sponsor: Sponsor) -> None:
    assert httpx.get(f"{sponsor.hub.base}/webhooks/northwind").status_code == 405


def test_no_secret_and_no_body_is_logged(sponsor: Sponsor, who: Person) -> None:
    message = sponsor.fact("order.accepted", who, note="Madeleine Usher")
    sponsor.send(message, f"l-{who.order}", key=STRANGE)
    sponsor.send(message, f"l-{who.order}")
    logged = "\n".join(sponsor.hub.logs.lines)
    assert "webhook.refused" in logged
    for text in ("Madeleine", NEW, NEW[6:30], STRANGE[6:30]):
        assert text not in logged


# ---- what the sponsor is told ------------------------------------------------------------------------------------


def verified(posted: receivers.Posted, key: str = OUT) -> dict[str, Any]:
    """The message as the library reads it; its own clock is the machine's, so only the signature is compared here."""
    at = datetime.fromtimestamp(int(posted.headers["webhook-timestamp"]), UTC)
    made = Webhook(key).sign(posted.headers["webhook-id"], at, posted.body.decode())
    assert made in posted.headers["webhook-signature"].split(" ")
    message: dict[str, Any] = json.loads(posted.body)
    return message


def of(who: Person, told: list[receivers.Posted]) -> list[receivers.Posted]:
    return [posted for posted in told if who.coi.encode() in posted.body]


def test_the_sponsor_is_told_where_the_order_stands_and_of_no_person(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    assert msa(sponsor.hub.send(world.apheresis(who, f"{who.order}-2")))[0] == "AA"
    found = sponsor.hub.until(lambda: _with(sponsor, who, "result.reported"))
    messages = [verified(posted) for posted in found]
    assert {verified(posted, STRANGE)["type"] for posted in found} == {message["type"] for message in messages}
    assert {"order.submitted", "result.reported"} <= {message["type"] for message in messages}
    results = [message for message in messages if message["type"] == "result.reported"]
    result = next(one for one in results if one["data"]["set"]["test"]["codings"][0]["code"] == "viability")
    names = {name["value"] for name in result["data"]["order"]["identifiers"]}
    assert {who.coi, who.order} <= names
    assert result["data"]["order"]["state"]
    assert result["data"]["set"]["value"]["quantity"]["value"] == "98.50"
    for posted in found:
        for person in (who.family, who.given, who.mrn, who.born, "KELLER", "PIER RD"):
            assert person.encode() not in posted.body


def _with(sponsor: Sponsor, who: Person, type_: str) -> list[receivers.Posted]:
    sponsor.hub.quiet()
    found = of(who, list(sponsor.told.received))
    return found if any(f'"type":"{type_}"'.encode() in posted.body for posted in found) else []


def test_the_sponsor_is_not_told_what_it_said_itself(sponsor: Sponsor, who: Person) -> None:
    known(sponsor, who)
    assert sponsor.send(sponsor.fact("order.accepted", who), f"q-{who.order}").status_code == 200
    found = sponsor.hub.until(lambda: _with(sponsor, who, "order.submitted"))
    assert "order.accepted" not in {verified(posted)["type"] for posted in found}


def test_issues_are_told_with_their_rule_and_without_a_person(sponsor: Sponsor, who: Person) -> None:
    """The hub's own finding: the order came days after it was placed."""
    known(sponsor, who)
    found = sponsor.hub.until(lambda: _with(sponsor, who, "issue.raised"))
    issues = [one["data"] for one in map(verified, found) if one["type"] == "issue.raised"]
    assert issues
    for issue in issues:
        assert issue["set"]["rule"].startswith("I-")
        assert issue["set"]["severity"] in {"info", "minor", "major", "critical"}
        assert who.coi in {name["value"] for name in issue["order"]["identifiers"]}


def test_a_retry_has_the_same_id_and_body_and_a_new_time(open_house: Open, tmp_path: Path) -> None:
    refused: list[int] = []

    def answer(_: receivers.Posted) -> int:
        refused.append(1)
        return 503 if len(refused) < 3 else 202

    who = person(70_004)
    with receivers.endpoint(answer) as told:
        hub = open_house(lambda found: sponsored(found, tmp_path, told.url))
        assert msa(hub.send(world.order(who, "M-1")))[0] == "AA"
        hub.until(lambda: len(refused) >= 2)
        hub.clock.put_forward(seconds=120)
        hub.until(lambda: len(refused) >= 3)
        tried = told.received[:3]
        assert len({posted.headers["webhook-id"] for posted in tried}) == 1
        assert len({posted.body for posted in tried}) == 1
        assert len({posted.headers["webhook-timestamp"] for posted in tried}) >= 2
        assert [verified(posted)["type"] for posted in tried] == ["order.submitted"] * 3
        hub.stop()


def test_the_library_itself_takes_what_the_hub_sends_now(open_house: Open, tmp_path: Path) -> None:
    who = person(70_005)
    with receivers.endpoint() as told:
        hub = open_house(lambda found: sponsored(found, tmp_path, told.url))
        hub.clock.put_forward(seconds=time.time() - hub.clock().timestamp())
        assert msa(hub.send(world.order(who, "M-1")))[0] == "AA"
        (posted, *_) = hub.until(lambda: list(told.received))
        assert Webhook(OUT).verify(posted.body, posted.headers)["type"] == "order.submitted"
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW).verify(posted.body, posted.headers)
        hub.stop()


def test_what_the_hub_tells_another_hub_is_the_same_fact_there(sponsor: Sponsor, who: Person) -> None:
    """The law of `send`, over the wire: what was told comes back through the door as the fact that it was."""
    known(sponsor, who)
    (posted,) = sponsor.hub.until(
        lambda: [p for p in of(who, list(sponsor.told.received)) if b'"type":"order.submitted"' in p.body]
    )
    message = json.loads(posted.body)
    del message["data"]["set"]["requesters"]  # people at work go by tokens that only their hub can open
    assert sponsor.send(message, f"echo-{who.order}").status_code == 200
    told = [f for f in sponsor.hub.journey(who)["timeline"] if f["type"] == "order.submitted"]
    assert len(told) == 2
    assert told[0]["occurred"] == told[1]["occurred"]
    assert all(told[0]["set"][name] == value for name, value in told[1]["set"].items())


# ---- profiles ----------------------------------------------------------------------------------------------------


def loaded(folder: Path, **webhook: Any) -> profile_files.Profile:
    data = {"partner": "n", "name": "N", "role": "sponsor", "party": PARTY, "webhook": webhook}
    (folder / "n.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return profile_files.load(folder)["n"]


def test_secrets_count_from_the_profiles_folder(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "in").write_text(NEW, encoding="ascii")
    profile = loaded(tmp_path, secret_files=["s/in"])
    assert profile.webhook is not None
    assert profile.webhook.secret_files == (tmp_path / "s" / "in",)
    assert profile.formats == ("canonical",)


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_%%%", secret("x", 8), secret("x", 80), "whsec_\u00e4"])
def test_a_profile_whose_secret_is_none_is_refused_without_telling_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as wrong:
        loaded(tmp_path, secret_files=["in"])
    assert "webhook.secret_files" in str(wrong.value)
    assert len(text) < 8 or text[6:] not in str(wrong.value)


@pytest.mark.parametrize(
    "webhook",
    [
        {"secret_files": ["nowhere"]},
        {"secret_files": ["in", "in", "in"]},
        {"post_to": "https://northwind.example/in"},
        {"post_secret_files": ["in"]},
        {"post_to": "http://northwind.example/in", "post_secret_files": ["in"]},
        {"post_to": "https://user:word@northwind.example/in", "post_secret_files": ["in"]},
        {"secret": NEW},
    ],
)
def test_a_webhook_that_could_not_be_trusted_is_refused(webhook: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "in").write_text(NEW, encoding="ascii")
    with pytest.raises(ProfileError):
        loaded(tmp_path, **webhook)
