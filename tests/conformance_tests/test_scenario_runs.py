"""Scenarios over HTTP: the kit passes no implementation that breaks what they promise; that the hub passes them is
`test_kit_against_a_hub`'s."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from canonical_model import fold as folding
from canonical_model import rules
from canonical_model.events import SortKey
from canonical_model.judging import judge
from canonical_model.order_document import OrderDocument
from conformance_tests import scenarios
from conformance_tests.scenarios import ScenarioError
from hub.demo import world
from tests.conformance_tests import implementations
from tests.conformance_tests.conftest import Run
from tests.conformance_tests.implementations import Call, Place, Reply

FIRST = scenarios.load()[0].judgements[0].asked


# ---- planted faults ------------------------------------------------------------------------------------------


def mutes(rule: str) -> Callable[[Call, Reply], None]:
    def change(made: Any) -> Any:
        if isinstance(made, dict) and "document" in made:
            made["document"]["issues"] = [i for i in made["document"]["issues"] if i["rule"] != rule]
        return made

    return lambda _, reply: reply.change(change)


def allows(question: str) -> Callable[[Call, Reply], None]:
    def change(made: Any) -> Any:
        for answer in made.get("answers", ()) if isinstance(made, dict) else ():
            if answer["question"] == question:
                answer |= {"verdict": "allow", "reasons": []}
        return made

    return lambda _, reply: reply.change(change)


def forgets_what_was_known_when(call: Call) -> None:
    if not call.body:
        return
    asked = json.loads(call.body)
    asked.pop("recorded_until", None)
    call.body = json.dumps(asked).encode()
    call.headers["content-length"] = str(len(call.body))


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        (mutes("I-1"), "scenario-03-wrong-bag"),
        (mutes("I-2"), "scenario-18-without-handshake"),
        (mutes("I-5"), "scenario-08-gap-and-spike"),
        (mutes("I-6"), "scenario-10-released"),
        (mutes("I-13"), "scenario-11-positive-culture"),
        (mutes("I-31"), "scenario-20-back-dated"),
        (allows("may-infuse"), "scenario-15-one-released"),
        (allows("may-ship"), "scenario-17-treatment"),
        (allows("may-start"), "scenario-03-wrong-bag"),
        (allows("may-condition"), "scenario-22-open-quality-control"),
    ],
)
def test_a_wrong_judgement_is_found(fault: Callable[[Call, Reply], None], case: str, place: Place, run: Run) -> None:
    with implementations.wrong_http(place, fault) as wrong:
        code, results = run(*wrong.arguments(), only=(case,))
    assert (code, results[case]["outcome"]) == (1, "failed")


def test_an_as_of_view_that_knows_too_much_is_found(place: Place, run: Run) -> None:
    with implementations.wrong_http(place, forth=forgets_what_was_known_when) as wrong:
        code, results = run(*wrong.arguments(), only=("scenario-11-positive-culture",))
    assert (code, results["scenario-11-positive-culture"]["outcome"]) == (1, "failed")


@contextlib.contextmanager
def judging() -> Iterator[str]:
    """The model in this process behind HTTP, so that a test can break it from within."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(b"{}")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            arrived.clear()
            arrived.update({fact["id"]: place for place, fact in enumerate(asked["facts"])})
            self._say(json.dumps(judge(asked, {})).encode())

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


arrived: dict[str, int] = {}
"""Id of a fact -> its place in the last request."""


def by_arrival(event: dict[str, Any]) -> SortKey:
    place = arrived.get(event["id"], 0)
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=place), 0, "", "", event["id"]


def credentials(folder: Path) -> str:
    file = folder / "site.json"
    file.write_text(json.dumps({"roles": {"hospital": {"token": "t"}}}), encoding="utf-8")
    return str(file)


def test_a_fold_that_sorts_by_arrival_is_found(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    only = ("scenario-05-in-order-by-utc", "scenario-18-with-handshake", "scenario-21-field-deleted")
    with judging() as url:
        arguments = ("--url", url, "--credentials", credentials(tmp_path))
        code, _ = run(*arguments, only=only)
        assert code == 0
        monkeypatch.setattr(folding, "sort_key", by_arrival)
        code, results = run(*arguments, only=only)
    assert code == 1
    assert [results[case]["outcome"] for case in only] == ["failed"] * 3


def test_a_rule_taken_out_of_the_model_is_found(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tuple(rule for rule in rules.RULES if rule.__name__ != "identity_agrees")
    assert len(left) == len(rules.RULES) - 1
    monkeypatch.setattr(rules, "RULES", left)
    with judging() as url:
        code, results = run("--url", url, "--credentials", credentials(tmp_path), only=("scenario-03-wrong-bag",))
    assert (code, results["scenario-03-wrong-bag"]["outcome"]) == (1, "failed")


# ---- the endpoint --------------------------------------------------------------------------------------------


def asked(place: Place, body: Any, token: str = world.TOKENS["mercy"]) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"http://127.0.0.1:{place.http}/model/judge", content=content, headers=headers)


def test_nobody_judges_without_credentials(place: Place) -> None:
    assert asked(place, FIRST, token="").status_code == 401


def test_a_judgement_leaves_nothing_in_the_hub(place: Place) -> None:
    headers = {"authorization": f"Bearer {world.TOKENS['operator']}"}
    doctor = f"http://127.0.0.1:{place.http}/api/doctor"
    ledger = f"http://127.0.0.1:{place.http}/api/ledger"
    before = httpx.get(doctor, headers=headers).json()["messages"], httpx.get(ledger, headers=headers).json()
    assert asked(place, FIRST).status_code == 200
    assert (httpx.get(doctor, headers=headers).json()["messages"], httpx.get(ledger, headers=headers).json()) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({}, 422),
        ([], 422),
        ({**FIRST, "facts": [{"type": "no.such"}]}, 422),
        ({**FIRST, "protocol": "nobody-knows@1"}, 422),
        ({**FIRST, "order": []}, 422),
        ({**FIRST, "at": "yesterday"}, 422),
        ({**FIRST, "questions": [{"question": "may-dance"}]}, 422),
        ({**FIRST, "questions": [{"question": "may-start"}]}, 422),
        ({**FIRST, "surprise": 1}, 422),
    ],
)
def test_what_is_no_judgement_is_refused_with_a_problem(body: Any, status: int, place: Place) -> None:
    reply = asked(place, body)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.json()["faults"]


def test_a_refusal_repeats_nothing_of_what_was_sent(place: Place) -> None:
    fact = {**FIRST["facts"][0], "set": {"name": "SMITHERS"}, "type": "SMITHERS"}
    assert "SMITHERS" not in asked(place, {**FIRST, "facts": [fact], "protocol": "Smithers, John"}).text


def test_an_order_of_the_hub_is_handed_out_as_a_document(place: Place, run: Run) -> None:
    """One that holds: whoever computes it again comes to the same (`OrderDocument` refuses anything else)."""
    run(*place.arguments(), only=("question-wrong-bag-is-denied",))
    headers = {"authorization": f"Bearer {world.TOKENS['operator']}"}
    base = f"http://127.0.0.1:{place.http}/api/journeys"
    for journey in httpx.get(base, headers=headers).json():
        made = httpx.get(f"{base}/{journey['journey']}/document", headers=headers).json()
        assert OrderDocument.model_validate(made).position


def test_a_document_is_the_operators(place: Place) -> None:
    headers = {"authorization": f"Bearer {world.TOKENS['operator']}"}
    base = f"http://127.0.0.1:{place.http}/api/journeys"
    assert httpx.get(f"{base}/nobody/document", headers=headers).status_code == 404
    partner = {"authorization": f"Bearer {world.TOKENS['mercy']}"}
    assert httpx.get(f"{base}/nobody/document", headers=partner).status_code == 403


# ---- what is no scenario -------------------------------------------------------------------------------------

COMMON: dict[str, Any] = {
    "names": {"order": {"kind": "order", "identifiers": []}},
    "scenes": {},
    "protocols": {"p": {"id": "p", "version": "1"}},
}
FACT: dict[str, Any] = {
    "type": "order.submitted",
    "about": "@order",
    "occurred": "@2026-03-08T10:00:00Z",
    "reporter": {"partner": "a", "role": "hospital"},
}
CASE: dict[str, Any] = {
    "id": "a",
    "title": "t",
    "protocol": "p",
    "facts": [FACT],
    "checks": [{"at": "2026-03-09T00:00:00Z", "held": False}],
}


def read(folder: Path, *cases: Any) -> list[scenarios.Scenario]:
    made = {"scenario": 1, "title": "t", "clause": "c", "since": "0.2", "cases": cases}
    (folder / "common.json").write_text(json.dumps(COMMON), encoding="utf-8")
    (folder / "01.json").write_text(json.dumps(made), encoding="utf-8")
    return scenarios.load(folder)


def test_shorthand_is_written_out(tmp_path: Path) -> None:
    told = {**FACT, "name": "one", "occurred": "@2026-03-08-05:00"}
    later = {**FACT, "supersedes": ["#one"], "set": {"due": "@2026-03Z"}}
    [case] = read(tmp_path, {**CASE, "facts": [told, later]})
    first, second = case.judgements[0].asked["facts"]
    assert first["occurred"] == {
        "at": "2026-03-08T05:00:00Z",
        "local": "2026-03-08",
        "zone": "-05:00",
        "precision": "day",
    }
    assert (first["recorded"], first["ordinal"], second["ordinal"]) == ("2026-03-08T05:00:00Z", "0001", "0002")
    assert second["supersedes"] == [first["id"]]
    assert second["set"]["due"]["precision"] == "month"
    assert "name" not in first


def test_an_id_is_made_of_the_content(tmp_path: Path) -> None:
    [one] = read(tmp_path, CASE)
    [other] = read(tmp_path, {**CASE, "facts": [{**FACT, "set": {"priority": "urgent"}}]})
    assert one.judgements[0].asked["facts"][0]["id"] != other.judgements[0].asked["facts"][0]["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"facts": [{**FACT, "about": "@nobody"}]},
        {"facts": [{**FACT, "supersedes": ["#nothing"]}]},
        {"facts": [{"scene": "nowhere"}]},
        {"without": ["nothing"]},
        {"put": {"nothing/set/x": 1}},
        {"protocol": "nobody"},
        {"checks": []},
        {"checks": [{"at": "2026-03-09T00:00:00Z"}]},
        {"checks": [{"at": "2026-03-09T00:00:00Z", "colour": "red"}]},
        {"like": "nobody"},
        {"surprise": 1},
    ],
)
def test_what_is_no_scenario_is_refused_when_it_is_read(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"01\.json"):
        read(tmp_path, {**CASE, **change})


def test_two_cases_of_one_id_are_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="two cases of one id: a"):
        read(tmp_path, CASE, CASE)
