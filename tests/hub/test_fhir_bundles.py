"""Bundles at the base address: a transaction is recorded whole or not at all, and every entry has its fate."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import json_text
from hub.bundle_references import rests_on_records, rewritten
from hub.committer import Committer
from hub.conversion import HELD, RECORDED, Converted, Part
from hub.facts import said_by
from hub.http.fhir_entries import entries_of
from hub.replaying import NotKept, stored
from tests.hub import house, world
from tests.hub.test_fhir import JSON, code_of, issues, order_of, patient_of
from tests.hub.world import MRN_SYSTEM, Person

Open = Callable[..., house.House]
Tree = dict[str, Any]

PATIENT, ORDER, RESULT = (f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


def entry(method: str, url: str, resource: Any = None, full: str = "", **request: str) -> Tree:
    made: Tree = {"request": {"method": method, "url": url, **request}}
    return made | ({"resource": resource} if resource else {}) | ({"fullUrl": full} if full else {})


def send(
    hub: house.House,
    *entries: Tree,
    kind: str = "transaction",
    partner: str = "lakeside",
    prefer: str = "",
    **more: Any,
) -> httpx.Response:
    body = {"resourceType": "Bundle", "type": kind, **more, "entry": list(entries)}
    headers = JSON | ({"prefer": prefer} if prefer else {})
    return hub.http(partner).post("/fhir", content=json.dumps(body), headers=headers)


def done(reply: httpx.Response) -> list[Tree]:
    """The responses of the entries."""
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert told["resourceType"] == "Bundle"
    assert told["type"].endswith("-response")
    return [one["response"] for one in told["entry"]]


def statuses(reply: httpx.Response) -> list[str]:
    return [one["status"].partition(" ")[0] for one in done(reply)]


def result(who: Person, order: Any, patient: Any, value: str = "98.5") -> Tree:
    made: Tree = json.loads(world.observation(who, value))
    return {**made, "basedOn": [order], "subject": patient}


def journey(who: Person, **patient: str) -> tuple[Tree, Tree, Tree]:
    """A patient, an order and a result that refer to each other by the keys of their entries."""
    order = {**world.service_request(who), "subject": {"reference": PATIENT}}
    return (
        entry("POST", "Patient", world.patient(who), PATIENT, **patient),
        entry("POST", "ServiceRequest", order, ORDER),
        entry("POST", "Observation", result(who, {"reference": ORDER}, {"reference": PATIENT}), RESULT),
    )


def read(hub: house.House, location: str) -> Tree:
    return dict(hub.http("lakeside").get(f"/fhir/{location}").json())


# ---- transactions ---------------------------------------------------------------------------------------------


def test_a_transaction_is_recorded_as_one_message_and_its_references_lead_to_its_entries(
    hub: house.House, who: Person
) -> None:
    before = hub.count("inbox")
    reply = send(hub, *journey(who))
    assert statuses(reply) == ["201", "201", "201"]
    assert hub.count("inbox") == before + 1
    patient, order, found = (one["location"] for one in done(reply))
    assert read(hub, order)["subject"] == {"reference": patient.partition("/_history")[0]}
    assert read(hub, found)["basedOn"] == [{"reference": order.partition("/_history")[0]}]
    assert read(hub, found)["subject"] == {"reference": patient.partition("/_history")[0]}
    assert patient_of(hub, who)["id"] in patient


def test_every_entry_of_a_transaction_has_its_fate_in_the_inbox(hub: house.House, who: Person) -> None:
    send(hub, *journey(who), id="tx-fates-" + who.mrn)
    message = hub.message("tx-fates-" + who.mrn)
    assert [(part["part"], part["fate"]) for part in message["parts"]] == [
        (f"Bundle.entry[{n}]", "recorded") for n in range(3)
    ]
    assert message["account"]["carried"] > 20


def test_the_order_of_the_entries_does_not_matter(hub: house.House, who: Person) -> None:
    reply = send(hub, *reversed(journey(who)))
    assert statuses(reply) == ["201", "201", "201"]
    found, _, patient = (one["location"] for one in done(reply))
    assert read(hub, found)["subject"] == {"reference": patient.partition("/_history")[0]}


def test_a_transaction_that_is_sent_again_doubles_nothing_and_is_answered_the_same(
    hub: house.House, who: Person
) -> None:
    first = send(hub, *journey(who))
    facts = hub.facts()
    again = send(hub, *journey(who))
    assert statuses(again) == ["200", "200", "200"]
    assert [one["location"] for one in done(again)] == [one["location"] for one in done(first)]
    assert hub.facts() == facts


def test_of_a_transaction_with_one_bad_entry_nothing_is_recorded_and_all_faults_are_told(
    hub: house.House, who: Person
) -> None:
    before = (hub.facts(), hub.count("inbox"))
    patient, order, found = journey(who)
    order["resource"].pop("intent")
    found["resource"]["status"] = "perhaps"
    reply = send(hub, patient, order, found, entry("DELETE", "Patient/1"), entry("GET", "Practitioner/1"))
    assert reply.status_code == 422
    told = {(issue["expression"][0], issue["details"]["coding"][0]["code"]) for issue in issues(reply)}
    assert told == {
        ("Bundle.entry[1].resource.intent", "required"),
        ("Bundle.entry[2].resource.status", "code-invalid"),
        ("Bundle.entry[3].request.method", "not-supported"),
        ("Bundle.entry[4].request.url", "not-supported"),
    }
    assert (hub.facts(), hub.count("inbox")) == before
    query = {"identifier": f"{MRN_SYSTEM}|{who.mrn}"}
    assert hub.http("lakeside").get("/fhir/Patient", params=query).json()["total"] == 0


def test_a_patient_that_is_there_is_not_created_and_the_order_refers_to_it(hub: house.House, who: Person) -> None:
    hub.send(world.update(who, f"{who.order}-A08"))
    condition = {"ifNoneExist": f"identifier={MRN_SYSTEM}|{who.mrn}"}
    patient, order, found = journey(who, **condition)
    patient["resource"]["name"] = [{"family": "Other"}]
    reply = send(hub, patient, order, found)
    assert statuses(reply) == ["200", "201", "201"]
    known = patient_of(hub, who)
    assert known["name"][0]["family"] == who.family
    assert read(hub, done(reply)[1]["location"])["subject"] == {"reference": f"Patient/{known['id']}"}
    again = send(hub, patient, order, found)
    assert statuses(again) == ["200", "200", "200"]
    assert [one.get("location") for one in done(again)] == [one["location"] for one in done(reply)]


def test_a_reference_by_condition_leads_to_the_one_resource_that_fits(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, f"{who.order}-1"))
    by_condition = {"reference": f"Patient?identifier={MRN_SYSTEM}|{who.mrn}"}
    order = {"reference": f"ServiceRequest?identifier=urn:id:EHR|{who.order}"}
    reply = send(hub, entry("POST", "Observation", result(who, order, by_condition)))
    assert statuses(reply) == ["201"]
    shown = read(hub, done(reply)[0]["location"])
    assert shown["subject"] == {"reference": f"Patient/{patient_of(hub, who)['id']}"}
    assert shown["basedOn"] == [{"reference": f"ServiceRequest/{order_of(hub, who)['id']}"}]


@pytest.mark.parametrize("reference", ["Patient?identifier=urn:x|nobody", "Patient?name=x", "Practitioner?_id=1"])
def test_a_reference_by_condition_that_fits_nothing_undoes_the_transaction(
    hub: house.House, who: Person, reference: str
) -> None:
    before = hub.facts()
    patient, order, found = journey(who)
    order["resource"]["subject"] = {"reference": reference}
    reply = send(hub, patient, order, found)
    assert reply.status_code in {400, 412}
    assert code_of(reply) == "reference-unknown"
    assert issues(reply)[0]["expression"] == ["Bundle.entry[1].resource"]
    assert hub.facts() == before


def test_a_key_that_no_entry_has_is_refused(hub: house.House, who: Person) -> None:
    order = {**world.service_request(who), "subject": {"reference": PATIENT}}
    reply = send(hub, entry("POST", "ServiceRequest", order))
    assert (reply.status_code, code_of(reply)) == (422, "reference-unknown")


def test_an_update_in_a_transaction_is_the_difference_to_what_was_shown(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, f"{who.order}-1"))
    order = order_of(hub, who)
    changed = {**order, "priority": "urgent"}
    sent = result(who, {"reference": f"ServiceRequest/{order['id']}"}, order["subject"])
    reply = send(
        hub,
        entry("PUT", f"ServiceRequest/{order['id']}", changed, ifMatch=f'W/"{order["meta"]["versionId"]}"'),
        entry("POST", "Observation", sent),
    )
    assert statuses(reply) == ["200", "201"]
    assert order_of(hub, who)["priority"] == "urgent"
    assert order_of(hub, who)["identifier"] == order["identifier"]


def test_a_stale_update_undoes_the_whole_transaction(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, f"{who.order}-1"))
    order, before = order_of(hub, who), hub.facts()
    sent = result(who, {"reference": f"ServiceRequest/{order['id']}"}, order["subject"])
    update = entry("PUT", f"ServiceRequest/{order['id']}", {**order, "priority": "stat"})
    for match, status, code in (('W/"9"', 412, "conflict"), ("", 428, "if-match")):
        update["request"] |= {"ifMatch": match} if match else {}
        update["request"].pop("ifMatch", None) if not match else None
        reply = send(hub, entry("POST", "Observation", sent), update)
        assert (reply.status_code, code_of(reply)) == (status, code)
        assert issues(reply)[0]["expression"] == ["Bundle.entry[1].request"]
    assert hub.facts() == before


def test_an_update_by_criteria_creates_once_and_then_adds(hub: house.House, who: Person) -> None:
    url = f"ServiceRequest?identifier=urn:id:EHR|{who.order}"
    first = send(hub, entry("PUT", url, world.service_request(who)))
    assert statuses(first) == ["201"]
    second = send(hub, entry("PUT", url, {**world.service_request(who), "priority": "asap"}))
    assert statuses(second) == ["200"]
    assert order_of(hub, who)["priority"] == "asap"
    assert order_of(hub, who)["id"] in done(first)[0]["location"]


def test_a_state_that_returns_in_a_transaction_is_no_resend(hub: house.House, who: Person) -> None:
    url, sent = f"ServiceRequest?identifier=urn:id:EHR|{who.order}", world.service_request(who)
    for status in ("active", "on-hold", "active", "on-hold", "active", "on-hold", "active"):
        reply = send(hub, entry("PUT", url, {**sent, "status": status}))
        assert reply.json()["entry"][0]["resource"]["status"] == status
        before = (hub.facts(), hub.count("inbox"))
        again = send(hub, entry("PUT", url, {**sent, "status": status}))
        assert again.json()["entry"][0]["resource"] == reply.json()["entry"][0]["resource"]
        assert (hub.facts(), hub.count("inbox")) == before, "sent again after a lost answer it changes nothing"
    assert order_of(hub, who)["status"] == "active"


def test_a_hold_that_is_uncertain_by_its_day_ends_the_day_after_in_a_transaction(open_house: Any) -> None:
    hub, who = open_house(), world.person(7802)
    url, sent = f"ServiceRequest?identifier=urn:id:EHR|{who.order}", world.service_request(who)
    send(hub, entry("PUT", url, {**sent, "status": "on-hold"}))
    reply = send(hub, entry("PUT", url, sent))
    told = done(reply)[0]["outcome"]["issue"]
    assert told[0]["details"]["coding"][0]["code"] == "conflict"
    assert told[0]["expression"] == ["Bundle.entry[0].resource.status"]
    before = hub.facts()
    send(hub, entry("PUT", url, sent))
    assert hub.facts() == before
    hub.clock.put_forward(days=1)
    send(hub, entry("PUT", url, sent))
    assert order_of(hub, who)["status"] == "active"


def test_a_bundle_that_its_sender_names_is_one_message_whatever_came_since(hub: house.House, who: Person) -> None:
    url, sent = f"ServiceRequest?identifier=urn:id:EHR|{who.order}", world.service_request(who)
    named = {"system": "urn:x:bundle", "value": f"{who.order}-B1"}
    first = [entry("PUT", url, sent)]
    send(hub, *first, identifier=named)
    send(hub, entry("PUT", url, {**sent, "status": "on-hold"}))
    send(hub, *first, identifier=named)
    assert order_of(hub, who)["status"] == "on-hold", "a retry that came late says nothing new"


def test_reads_of_a_transaction_see_what_it_wrote(hub: house.House, who: Person) -> None:
    look = entry("GET", f"ServiceRequest?identifier=urn:id:EHR|{who.order}")
    reply = send(hub, look, *journey(who))
    assert statuses(reply) == ["200", "201", "201", "201"]
    found = reply.json()["entry"][0]["resource"]
    assert (found["type"], found["total"]) == ("searchset", 1)


def test_a_transaction_that_reads_what_is_not_there_records_nothing(hub: house.House, who: Person) -> None:
    before = hub.facts()
    reply = send(hub, *journey(who), entry("GET", "Patient/nobody"))
    assert (reply.status_code, code_of(reply)) == (404, "not-found")
    assert hub.facts() == before


def test_one_resource_is_not_updated_twice_in_a_transaction(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, f"{who.order}-1"))
    order = order_of(hub, who)
    twice = [entry("PUT", f"ServiceRequest/{order['id']}", order, ifMatch='W/"1"') for _ in range(2)]
    assert code_of(send(hub, *twice)) == "invariant"


def test_another_hospital_updates_nothing_of_this_one(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, f"{who.order}-1"))
    order = order_of(hub, who)
    reply = send(hub, entry("PUT", f"ServiceRequest/{order['id']}", order, ifMatch='W/"1"'), partner="northern")
    assert (reply.status_code, code_of(reply)) == (404, "not-found")


def test_a_result_that_waits_is_said_to_wait_at_its_entry(hub: house.House, who: Person) -> None:
    reply = send(hub, entry("POST", "Observation", json.loads(world.observation(who, "7.5"))))
    told = done(reply)[0]["outcome"]["issue"]
    assert [issue["details"]["coding"][0]["code"] for issue in told] == ["unlinked"]


def test_only_the_places_are_told_to_who_prefers_so(hub: house.House, who: Person) -> None:
    reply = send(hub, *journey(who), prefer="return=minimal")
    assert all("resource" not in one for one in reply.json()["entry"])
    assert len(done(reply)) == 3


def test_an_empty_transaction_changes_nothing(hub: house.House) -> None:
    before = hub.facts()
    body = {"resourceType": "Bundle", "type": "transaction"}
    reply = hub.http("lakeside").post("/fhir/", content=json.dumps(body), headers=JSON)
    assert (reply.status_code, reply.json()) == (200, {"resourceType": "Bundle", "type": "transaction-response"})
    assert hub.facts() == before


@pytest.mark.parametrize("kind", ["collection", "message", "document", "searchset", "history", "nonsense"])
def test_other_bundles_are_not_processed(hub: house.House, kind: str) -> None:
    assert send(hub, kind=kind).status_code == 422


def test_a_transaction_that_rests_on_records_is_not_replayed(hub: house.House, who: Person) -> None:
    condition = {"ifNoneExist": f"identifier={MRN_SYSTEM}|{who.mrn}"}
    numbers = []
    for name, bundle in (("plain", journey(who)), ("conditional", journey(who, **condition))):
        send(hub, *bundle, id=f"{name}-{who.mrn}")
        numbers.append(hub.message(f"{name}-{who.mrn}")["id"])
    plain, conditional = (hub.committer(partial(_stored, hub, n)) for n in numbers)
    assert plain == ""
    assert "rests on" in conditional


def _stored(hub: house.House, number: int, committer: Committer) -> str:
    """Why a message is not replayed; an empty text where it is."""
    row = committer.connection.one("message", number)
    try:
        stored(committer.connection, hub.hub.keys, hub.hub.profiles, number, row)
    except NotKept as wrong:
        return str(wrong)
    return ""


# ---- batches --------------------------------------------------------------------------------------------------


def test_a_bad_entry_of_a_batch_stops_no_other(hub: house.House, who: Person) -> None:
    broken = world.service_request(who) | {"status": "perhaps"}
    reply = send(
        hub,
        entry("POST", "Patient", world.patient(who)),
        entry("POST", "ServiceRequest", broken),
        entry("DELETE", "Patient/1"),
        entry("GET", f"Patient?identifier={MRN_SYSTEM}|{who.mrn}"),
        entry("GET", "Patient/nobody"),
        entry("POST", "Observation", result(who, {"reference": ORDER}, {"reference": PATIENT})),
        kind="batch",
    )
    assert statuses(reply) == ["201", "422", "405", "200", "404", "422"]
    told = done(reply)[1]["outcome"]["issue"][0]
    assert told["expression"] == ["Bundle.entry[1].resource.status"]
    assert reply.json()["entry"][3]["resource"]["total"] == 1


def test_each_entry_of_a_batch_is_a_message(hub: house.House, who: Person) -> None:
    before = hub.count("inbox")
    send(
        hub,
        entry("POST", "Patient", world.patient(who)),
        entry("POST", "ServiceRequest", world.service_request(who)),
        kind="batch",
    )
    assert hub.count("inbox") == before + 2


# ---- hostile --------------------------------------------------------------------------------------------------


def test_a_bundle_of_too_many_entries_is_refused(hub: house.House) -> None:
    reply = send(hub, *([entry("GET", "Patient/1")] * 501))
    assert (reply.status_code, code_of(reply)) == (413, "too-large")


_URLS = st.sampled_from(
    "Patient|Patient/1|Patient?identifier=a|/Patient/1/_history/2|Patient/1/_history/x|?|//||Patient/1?x=1|http://x/y"
    f"|../..|Patient?{'&'.join(['a=b'] * 60)}|ServiceRequest/1/$may-infuse".split("|")
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def some(required: Tree | None = None, **optional: Any) -> Any:
    """An object with these elements or some of them, each what it should be or anything else."""
    return st.fixed_dictionaries(required or {}, optional=optional) | _JSON


_REQUEST = some(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]) | _JSON,
    url=_URLS | _JSON,
    ifMatch=_JSON,
    ifNoneExist=_JSON,
)
_RESOURCE = some(
    {"resourceType": st.sampled_from(["Patient", "Observation"]) | _JSON},
    id=_JSON,
    subject=some(reference=_URLS | _JSON),
)
_BUNDLE = some({"entry": st.lists(some(request=_REQUEST, resource=_RESOURCE, fullUrl=_URLS | _JSON), max_size=4)})


@given(_BUNDLE)
def test_no_bundle_crashes_the_reading_of_its_entries(bundle: Any) -> None:
    found, wrong = entries_of(bundle, "http://hub/fhir")
    given_entries = bundle.get("entry") if isinstance(bundle, dict) else None
    assert len(found) + len(wrong) == (len(given_entries) if isinstance(given_entries, list) else 0)
    assert all(400 <= status < 500 and fault.severity == "error" for status, fault in wrong)
    rests_on_records(bundle)


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"resourceType":"Bundle","type":"KIND","entry":[null]}',
        b'{"resourceType":"Bundle","type":"KIND","entry":7}',
        b'{"resourceType":"Bundle","type":"KIND","entry":[{"request":{"method":"POST","url":"Patient"},"resource":[]}]}',
        b'{"type":"KIND","entry":[{}]}',
    ],
)
def test_a_body_that_is_no_bundle_is_refused(hub: house.House, kind: str, body: bytes) -> None:
    reply = hub.http("lakeside").post("/fhir", content=body.replace(b"KIND", kind.encode()), headers=JSON)
    inside = kind == "batch" and b'"request"' in body  # an entry of a batch is refused alone
    assert (reply.status_code, statuses(reply) if inside else None) == ((200, ["422"]) if inside else (422, None))


def test_a_transaction_is_read_by_who_uses_fhir_only(hub: house.House, who: Person) -> None:
    assert send(hub, *journey(who), partner="heron").status_code == 403
    assert hub.http().post("/fhir", content=b"{}", headers=JSON).status_code == 401


# ---- the pieces -----------------------------------------------------------------------------------------------


def test_of_an_indivisible_message_one_misfit_holds_all_parts() -> None:
    class Stub:
        def of(self, assertion: Tree) -> Tree:
            return assertion

        def pass_over(self, _: int) -> None:
            pass

    def fact(**values: Any) -> Tree:
        return {"about": {"kind": "result"}, "set": values}

    good, bad = Part("a", RECORDED, [fact(status="final")]), Part("b", RECORDED, [fact(nothing="of the model")])
    converted = Converted("Bundle", "", "", [good, bad], [], indivisible=True)
    said, wrong = said_by(Stub(), converted)  # type: ignore[arg-type]
    assert (said, [part.fate for part in converted.parts]) == ([], [HELD, HELD])
    assert wrong


def test_a_number_keeps_its_digits_where_references_are_rewritten() -> None:
    tree = json_text.loads(b'{"value":98.50,"subject":{"reference":"urn:a"},"n":[{"reference":{"reference":"urn:a"}}]}')
    told = json_text.dumps(rewritten(tree, lambda text: text.replace("urn:a", "Patient/1")))
    assert told == b'{"value":98.50,"subject":{"reference":"Patient/1"},"n":[{"reference":{"reference":"Patient/1"}}]}'
