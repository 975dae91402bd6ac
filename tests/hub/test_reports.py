"""The report of an order: each reader gets what its role may see, lines say whence they come, gaps are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from canonical_model.records import RECORDS
from hub.access import SEES, sees_kind
from hub.crypto import verify
from hub.ledger_verifier import signed_part
from hub.reports.shape import OrderReport
from tests.browser import story
from tests.hub import house

Open = Callable[..., house.House]
WARM = story.WARM
READERS = ("lakeside", "foundry", "heron", "watch")


@pytest.fixture(scope="module")
def hub(open_house: Open) -> house.House:
    return story.told(open_house())


def report(hub: house.House, name: str, reader: str = "watch") -> dict[str, Any]:
    answer = hub.http(reader).get(f"/api/orders/{name}/report")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sources(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in a report that says where it comes from."""
    if isinstance(value, dict):
        if {"fact", "partner", "standing"} <= value.keys():
            yield value
        for inner in value.values():
            yield from sources(inner)
    elif isinstance(value, list):
        for item in value:
            yield from sources(item)


def kinds(value: Any) -> set[str]:
    """Kinds of all records that a report names."""
    if isinstance(value, dict):
        own = {value["kind"]} if isinstance(value.get("identifiers"), list) and "kind" in value else set()
        return own.union(*(kinds(inner) for inner in value.values()))
    return set().union(*(kinds(item) for item in value)) if isinstance(value, list) else set()


# ---- what is in it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_a_report_fits_its_published_schema(hub: house.House, reader: str) -> None:
    schema = hub.http().get("/schemas/report/v1.json").json()
    name = story.sscc(102) if reader == "heron" else story.SOUND.order
    jsonschema.validate(report(hub, name, reader), schema)
    OrderReport.model_validate(report(hub, name, reader))


@pytest.mark.parametrize("name", [WARM.order, WARM.coi, WARM.bag, f"urn:id:EHR|{WARM.order}", story.sscc(102)])
def test_any_name_of_an_order_leads_to_its_report(hub: house.House, name: str) -> None:
    assert report(hub, name)["order"]["identifiers"][0]["value"] == WARM.order


def test_a_bag_that_two_orders_claim_leads_to_neither_and_both_are_named(hub: house.House) -> None:
    answer = hub.http("watch").get(f"/api/orders/{story.SOUND.bag}/report")
    assert answer.status_code == 409
    both = {hub.journey(who)["journey"] for who in (story.SOUND, story.WRONG)}
    assert all(journey in answer.json()["title"] for journey in both)


def test_every_line_names_the_fact_the_message_and_the_position_that_the_log_has(hub: house.House) -> None:
    found = [one for one in sources(report(hub, story.SOUND.order)) if one["role"] != "hub"]
    log = {fact: (place, inbox) for place, fact, inbox in hub.rows("SELECT position, id, inbox FROM log")}
    assert len(found) > 30
    assert all(log[one["fact"]] == (one["position"], one["message"]) for one in found)
    sent = dict(hub.rows("SELECT id, source_id FROM inbox"))
    assert all(sent[one["message"]] == one["source_id"] for one in found)


def test_custody_names_holders_places_and_times_as_they_were_told(hub: house.House) -> None:
    (chain,) = report(hub, story.SOUND.order)["custody"]
    holders = [step["taker"]["name"] for step in chain["steps"]]
    assert holders == ["Lakeside Hospital", "Heron Couriers", "Foundry Cells"]
    taken = chain["steps"][1]
    assert (taken["at"], taken["told"]["occurred"]["local"]) == ("2026-03-10T20:30:00Z", "2026-03-10T15:30:00")
    assert taken["place"]["name"] == "Lakeside Hospital"
    assert taken["held"] == 9 * 3600 + 55 * 60, "from 20:30 to 06:25 UTC"
    assert "held" not in chain["steps"][-1]


def test_a_statement_of_identity_names_both_things_and_everybody_who_made_it(hub: house.House) -> None:
    bindings = report(hub, story.SOUND.order)["identity"]["bindings"]
    bag = [b for b in bindings if b["record"]["kind"] == "container" and b.get("to", {}).get("kind") == "order"]
    assert {told["partner"] for b in bag for told in b["told"]} == {"lakeside", "foundry"}
    joined = next(b for b in bindings if b["record"]["kind"] == "order" and not b["field"])
    assert {i["value"] for i in joined["record"]["identifiers"]} == {story.SOUND.order, story.SOUND.coi}
    packed = [b for b in bindings if b["record"]["kind"] == "shipment" and b["field"] == "contents"]
    assert story.sscc(101) in {b["record"]["identifiers"][0]["value"] for b in packed}


def test_an_excursion_and_a_silent_logger_are_told_in_figures(hub: house.House) -> None:
    found = report(hub, story.WARM.order)
    (series,) = found["transports"][0]["temperatures"]
    assert (series["low"], series["high"], series["excursion"]) == ("4.1", "11.2", True)
    assert series["gap"] == 75 * 60 > series["gap_allowed"]
    assert series["outside"] == 3 * 75 * 60 == series["spell"], "three values outside, each until the next"
    assert any(gap["kind"] == "temperature" and "75 min" in gap["text"] for gap in found["unknown"])


def test_what_is_within_its_condition_is_no_excursion(hub: house.House) -> None:
    series = report(hub, story.SOUND.order)["transports"][0]["temperatures"][0]
    assert (series["excursion"], series["outside"], series["condition"]) == (False, 0, "refrigerated")


def test_elapsed_times_run_until_the_report_was_made(hub: house.House) -> None:
    found = {one["name"]: one for one in report(hub, story.SOUND.order)["elapsed"]}
    assert {"vein-to-vein", "collection-to-manufacture"} <= set(found)
    window = found["collection-to-manufacture"]
    assert window["longest"] == 3 * 86_400
    assert "end" not in window
    assert window["seconds"] == pytest.approx(18.5 * 3600, abs=600)


def test_one_sided_handovers_and_unclear_zones_are_told_as_not_known(hub: house.House) -> None:
    found = report(hub, story.SOUND.order)["unknown"]
    assert any(gap["kind"] == "custody" and "only one side" in gap["text"] for gap in found)
    assert any(gap["kind"] == "time" and "without a zone" in gap["text"] for gap in found)


def test_a_held_message_that_names_the_order_is_told_as_not_known(hub: house.House) -> None:
    found = report(hub, story.YOUNG.order)["unknown"]
    assert any(gap["kind"] == "message" and "held" in gap["text"] for gap in found)


def test_issues_say_what_they_are_about_and_what_was_done(hub: house.House) -> None:
    found = report(hub, story.WRONG.order)["issues"]
    wrong = next(issue for issue in found if issue["kind"] == "identity-mismatch")
    assert wrong["severity"] == "critical"
    assert [act["act"] for act in wrong["acts"]][:1] == ["raised"]
    assert wrong["about"]
    assert next(issue["severity"] for issue in found if "closed" not in issue) == "critical", "the worst first"


def test_the_head_is_signed_and_stands_at_the_end_of_the_log(hub: house.House) -> None:
    proof = report(hub, story.SOUND.order)["ledger"]
    head = dict(proof["head"])
    signature = bytes.fromhex(head.pop("signature"))
    assert verify(hub.hub.keys.public_key(), signature, signed_part(head))
    assert head["position"] == hub.rows("SELECT max(position) FROM log")[0][0] >= proof["last"] >= proof["first"] > 0


# ---- who sees what ----------------------------------------------------------------------------------------------


def test_who_has_no_part_in_an_order_is_told_that_there_is_none(hub: house.House) -> None:
    journey = hub.journey(story.SOUND)["journey"]
    for name in (story.SOUND.order, story.SOUND.bag, journey):
        assert hub.http("northern").get(f"/api/orders/{name}/report").status_code == 404
    assert hub.http().get(f"/api/orders/{journey}/report").status_code == 401


def test_a_courier_gets_no_person_and_no_order_number(hub: house.House) -> None:
    who, text = WARM, hub.http("heron").get(f"/api/orders/{story.sscc(102)}/report").text
    for secret in (who.order, who.coi, who.mrn, who.family, who.given, who.born[:4] + "-"):
        assert secret not in text, secret
    assert "actor" not in text
    assert who.bag in text
    assert '"excursion"' in text


def test_a_guessed_order_number_opens_nothing_to_a_courier(hub: house.House) -> None:
    assert hub.http("heron").get(f"/api/orders/{story.SOUND.order}/report").status_code == 404
    assert hub.http("heron").get(f"/api/orders/{story.WARM.bag}/report").status_code == 200


def test_only_the_hospital_that_told_of_a_patient_reads_the_name_and_that_is_audited(hub: house.House) -> None:
    looks = "SELECT count(*) FROM audit WHERE act = 'vault.look' AND actor = 'lakeside'"
    before = hub.rows(looks)[0][0]
    told = report(hub, story.SOUND.order, "lakeside")["order"]["person"]
    assert told["names"][0]["family"] == story.SOUND.family
    assert hub.rows(looks)[0][0] == before + 1
    for reader in ("foundry", "watch"):
        text = hub.http(reader).get(f"/api/orders/{story.SOUND.order}/report").text
        assert story.SOUND.family not in text
        assert story.SOUND.mrn not in text


@pytest.mark.parametrize("reader", READERS)
def test_nothing_of_a_kind_that_a_role_does_not_see_is_in_its_report(hub: house.House, reader: str) -> None:
    name = story.sscc(102) if reader == "heron" else story.SOUND.order
    found = report(hub, name, reader)
    profile = hub.hub.profiles[reader]
    unseen = {kind for kind in RECORDS if not sees_kind(profile, kind)}
    assert not kinds(found) & unseen
    about = dict(hub.rows("SELECT id, json_extract(event, '$.about.kind') FROM log"))
    assert not {about[one["fact"]] for one in sources(found)} & unseen


def test_a_sender_reads_its_own_message_ids_and_nobody_elses(hub: house.House) -> None:
    found = list(sources(report(hub, story.SOUND.order, "foundry")))
    assert {one["partner"] for one in found if "source_id" in one} == {"foundry"}
    assert {"lakeside", "foundry"} <= {one["partner"] for one in found}


def test_answers_are_shown_to_who_asked_and_to_the_hubs_own_people(hub: house.House) -> None:
    for reader, expected in (("lakeside", 1), ("watch", 1), ("foundry", 0)):
        assert len(report(hub, story.SOUND.order, reader)["answers"]) == expected, reader


def test_every_role_is_in_the_table_of_who_sees_what() -> None:
    """Else the tests above would hold for roles that see nothing."""
    assert {"hospital", "cdmo", "courier", "sponsor"} <= set(SEES)
