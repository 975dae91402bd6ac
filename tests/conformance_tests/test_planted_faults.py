"""A kit that cannot fail is worthless: each implementation here breaks one promise, and the kit says which."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from canonical_model.questions import LISTS
from conformance_tests import cases, requirements
from hub.answers import QUESTIONS
from hub.demo import world
from tests.conformance_tests import faulty, implementations
from tests.conformance_tests.conftest import SCHEMAS, Run
from tests.conformance_tests.implementations import Call, Place, Reply

Ask = Callable[[bytes], bytes]


# ---- over HTTP ---------------------------------------------------------------------------------------------------


def drops_the_birth_date(_: Call, reply: Reply) -> None:
    reply.change(lambda made: {n: v for n, v in made.items() if n != "birthDate"} if isinstance(made, dict) else made)


def takes_what_is_invalid(call: Call, reply: Reply) -> None:
    if call.method == "POST" and reply.status in {400, 415, 422}:
        reply.status = 200


def finds_no_fault_place(_: Call, reply: Reply) -> None:
    reply.body = reply.body.replace(b'"expression":["Patient.gender"]', b'"expression":["Patient"]')


def rounds(_: Call, reply: Reply) -> None:
    reply.body = re.sub(rb'("value":\d+\.\d*[1-9])0+([,}])', rb"\1\2", reply.body)


def repeats_the_payload(call: Call, reply: Reply) -> None:
    if reply.status >= 400:
        reply.body = reply.body.replace(b'"text":"', b'"text":"' + call.body.replace(b'"', b"'") + b" ")


def tells_no_reasons(_: Call, reply: Reply) -> None:
    def change(made: Any) -> Any:
        if isinstance(made, dict) and made.get("resourceType") == "Parameters":
            made["parameter"] = [one for one in made["parameter"] if one["name"] != "reason"]
        return made

    reply.change(change)


def allows_everything(_: Call, reply: Reply) -> None:
    reply.body = reply.body.replace(b'"valueCode":"deny"', b'"valueCode":"allow"')


def says_every_capture_succeeded(_: Call, reply: Reply) -> None:
    reply.body = re.sub(
        rb'"success":false.*?"errors":\[.*?\],"parts"', b'"success":true,"errors":[],"parts"', reply.body
    )


def has_no_version(_: Call, reply: Reply) -> None:
    reply.headers.pop("etag", None)


def serves_html_errors(_: Call, reply: Reply) -> None:
    if reply.status >= 400:
        reply.headers["content-type"], reply.body = "text/html", b"<h1>error</h1>"


def denies_every_question(call: Call, reply: Reply) -> None:
    """A stub: it acknowledges what it is told, knows nothing, and answers each question with one no."""
    question = call.path.partition("/questions/")[2]
    if question in QUESTIONS and reply.status == 200:
        reason = {"rule": "I-1", "verdict": "deny", "text": "no", "settle": "ask again", "facts": [], "clears": []}
        said: dict[str, Any] = {"items": []} if question in LISTS else {"verdict": "deny"}
        reply.body = json.dumps({"question": question, **said, "reasons": [reason], "position": 7}).encode()


def lets_couriers_in(call: Call) -> None:
    if call.path.startswith("/fhir"):
        call.headers["authorization"] = f"Bearer {world.TOKENS['mercy']}"


def lets_everybody_operate(call: Call) -> None:
    if call.path.startswith("/api"):
        call.headers["authorization"] = f"Bearer {world.TOKENS['operator']}"


def ignores_unknown_parameters(call: Call) -> None:
    call.path = re.sub(r"eye-colour=blue", "identifier=nobody", call.path)


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        (drops_the_birth_date, "fhir-create-then-read"),
        (drops_the_birth_date, "hl7v2-patient-is-read-by-fhir"),
        (takes_what_is_invalid, "fhir-invalid-resource"),
        (takes_what_is_invalid, "fhir-broken-json"),
        (takes_what_is_invalid, "fhir-media-type"),
        (takes_what_is_invalid, "epcis-bad-event-is-refused"),
        (takes_what_is_invalid, "epcis-broken-document"),
        (finds_no_fault_place, "fhir-invalid-resource"),
        (rounds, "fhir-digits-survive"),
        (rounds, "hl7v2-digits-survive"),
        (rounds, "hl7v2-results-are-read-by-fhir"),
        (repeats_the_payload, "fhir-broken-json"),
        (repeats_the_payload, "fhir-invalid-resource"),
        (tells_no_reasons, "question-may-infuse-is-answered"),
        (allows_everything, "question-may-infuse-is-answered"),
        (allows_everything, "question-wrong-bag-is-denied"),
        (allows_everything, "question-stranger-bag-is-denied"),
        (allows_everything, "question-without-a-bag-is-not-allowed"),
        (says_every_capture_succeeded, "epcis-one-bad-event"),
        (has_no_version, "fhir-create-then-read"),
        (serves_html_errors, "fhir-unknown-type-and-id"),
        (serves_html_errors, "epcis-nobody-captures"),
        (serves_html_errors, "errors-elsewhere-are-problems"),
    ],
)
def test_a_wrong_answer_over_http_is_found(
    fault: Callable[[Call, Reply], None], case: str, place: Place, run: Run
) -> None:
    with implementations.wrong_http(place, fault) as wrong:
        code, results = run(*wrong.arguments(), only=(case,))
    assert (code, results[case]["outcome"]) == (1, "failed")
    assert results[case]["reason"].startswith("step ")


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        (lets_couriers_in, "privacy-courier-sees-no-name"),
        (lets_couriers_in, "fhir-nobody-reads-nothing"),
        (lets_everybody_operate, "privacy-partners-have-no-operators-view"),
        (ignores_unknown_parameters, "fhir-unknown-search-parameter"),
    ],
)
def test_an_open_door_is_found(fault: Callable[[Call], None], case: str, place: Place, run: Run) -> None:
    with implementations.wrong_http(place, forth=fault) as wrong:
        code, results = run(*wrong.arguments(), only=(case,))
    assert (code, results[case]["outcome"]) == (1, "failed")


ASKED = {
    question: tuple(
        case.id
        for case in cases.load().cases
        if case.id.startswith("asked-")
        and [s["send"]["http"] for s in case.steps if "/questions/" in s["send"].get("http", "")][-1:]
        == [f"POST {{{{api}}}}/questions/{question}"]
    )
    for question in QUESTIONS
}
"""Question -> the cases that end with it."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_stub_that_denies_everything_is_found_by_every_question(question: str, place: Place, run: Run) -> None:
    """Whatever it says of its reasons: of each question at least one case is broken, and so is the requirement."""
    with implementations.wrong_http(place, denies_every_question) as wrong:
        code, results = run(*wrong.arguments(), only=ASKED[question])
    assert code == 1
    assert "failed" in {result["outcome"] for result in results.values()}
    named = {case for row in requirements.load() if row.id == f"question/{question}" for case in row.cases}
    assert named & {name for name, result in results.items() if result["outcome"] == "failed"}


def test_an_update_that_asks_for_no_version_is_found(place: Place, run: Run) -> None:
    def last_one_wins(call: Call) -> None:
        if call.method == "PUT":
            call.headers["if-match"] = 'W/"1"'

    with implementations.wrong_http(place, forth=last_one_wins) as wrong:
        code, results = run(*wrong.arguments(), only=("fhir-update-needs-its-base",))
    assert code == 1
    assert "expected one_of [412, 428], found 200" in results["fhir-update-needs-its-base"]["reason"]


# ---- over MLLP ---------------------------------------------------------------------------------------------------

_COUNT = itertools.count(1)


def applies_twice(message: bytes, ask: Ask) -> bytes:
    """Knows no repeats: each receipt is a message of its own."""
    fields = message.split(b"|", 10)
    ask(b"|".join([*fields[:9], fields[9] + b"#%d" % next(_COUNT), fields[10]]))
    return ask(message)


def accepts_everything(message: bytes, ask: Ask) -> bytes:
    return re.sub(rb"MSA\|A[ER]", b"MSA|AA", ask(message))


def answers_somebody_else(message: bytes, ask: Ask) -> bytes:
    return re.sub(rb"(MSA\|A[AER]\|)\w+", rb"\1OTHER", ask(message))


def tells_no_place(message: bytes, ask: Ask) -> bytes:
    return re.sub(rb"(ERR\|\|)[^|]*", rb"\1", ask(message))


def says_nothing(_: bytes, __: Ask) -> bytes:
    return b""


def drops_the_address(message: bytes, ask: Ask) -> bytes:
    return ask(message.replace(b"12 ELM ST^^SPRINGFIELD^IL^62701^USA^H", b""))


def drops_the_second_result(message: bytes, ask: Ask) -> bytes:
    return ask(re.sub(rb"OBX\|2\|NM[^\r]*\r", b"", message))


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        (applies_twice, "hl7v2-repeat-gets-the-same-answer"),
        (applies_twice, "hl7v2-repeat-is-one-fact-on-the-journey"),
        (accepts_everything, "hl7v2-unsupported-message-is-rejected"),
        (accepts_everything, "hl7v2-what-is-no-message-is-refused"),
        (accepts_everything, "hl7v2-message-without-a-type-is-rejected"),
        (answers_somebody_else, "hl7v2-order-is-accepted"),
        (tells_no_place, "hl7v2-deviation-is-told-with-its-place"),
        (tells_no_place, "hl7v2-number-that-is-none"),
        (tells_no_place, "hl7v2-unsupported-message-is-rejected"),
        (says_nothing, "hl7v2-order-is-accepted"),
        (drops_the_address, "hl7v2-patient-is-read-by-fhir"),
        (drops_the_second_result, "hl7v2-results-are-read-by-fhir"),
    ],
)
def test_a_wrong_answer_over_mllp_is_found(
    fault: Callable[[bytes, Ask], bytes], case: str, place: Place, run: Run
) -> None:
    with implementations.wrong_mllp(place, fault) as wrong:
        code, results = run(*wrong.arguments(), only=(case,))
    assert (code, results[case]["outcome"]) == (1, "failed")


# ---- webhooks ---------------------------------------------------------------------------------------------------


def test_a_refusal_of_the_signature_is_no_refusal_of_what_is_said(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever refuses every message says nothing of a type, a kind, a name or a token."""
    monkeypatch.setattr(implementations, "SECRET", "whsec_" + "A" * 32)
    about_what_is_said = (
        "webhook-unknown-type-is-refused",
        "webhook-other-kind-is-refused",
        "webhook-without-a-name-is-refused",
        "webhook-token-is-refused",
        "webhook-no-message",
        "webhook-misfit-is-told-with-its-places",
    )
    code, results = run(*place.arguments(), only=about_what_is_said)
    assert code == 1
    assert {name: result["outcome"] for name, result in results.items()} == dict.fromkeys(about_what_is_said, "failed")


# ---- inside of a hub -----------------------------------------------------------------------------------------------

BROKEN_HUBS = {
    "identity_unchecked": ("scenario-03-wrong-bag", "scenario-03-the-other-order"),
    "repeats_applied": ("hl7v2-repeat-gets-the-same-answer", "epcis-repeat-is-one-fact", "webhook-repeat-is-one-fact"),
    "results_unanswered": ("question-may-infuse-is-answered",),
    "address_dropped": ("hl7v2-patient-is-read-by-fhir",),
    "every_role_counts": ("webhook-beyond-authority-is-a-claim",),
    "unsigned_taken": ("webhook-refuses-another-secret", "webhook-refuses-another-body", "webhook-refuses-another-id"),
    "recordings_taken": ("webhook-refuses-old", "webhook-refuses-early"),
    "names_in_the_log": ("webhook-release-with-evidence",),
    "late_facts_unlinked": ("webhook-fact-waits-for-its-order",),
}
WHOLE = "hl7v2-order-is-accepted"


def test_every_hub_that_can_be_broken_is_tried() -> None:
    assert BROKEN_HUBS.keys() == faulty.FAULTS.keys()
    assert len(BROKEN_HUBS) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("fault", BROKEN_HUBS)
def test_a_hub_that_breaks_one_promise_is_found_and_keeps_the_others(fault: str, tmp_path: Path, run: Run) -> None:
    """No proxy: the hub itself, with one part of it taken away."""
    broken = BROKEN_HUBS[fault]
    with implementations.hub(tmp_path, fault) as wrong:
        code, results = run(*wrong.arguments(), only=(WHOLE, *broken))
    assert code == 1
    assert {name: result["outcome"] for name, result in results.items()} == {
        WHOLE: "passed",
        **dict.fromkeys(broken, "failed"),
    }


# ---- schemas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "put", "case"),
    [
        ('"pattern": "^container$",', "", "frame-container-unknown-kind"),
        ('"additionalProperties": false,', '"additionalProperties": true,', "frame-container-unknown-property"),
        ('"minItems": 1,', '"minItems": 0,', "frame-container-nameless-holder"),
        ("#/$defs/Container", "#/$defs/Nothing", "published-frame-container"),
        ("2020-12/schema", "2019-09/schema", "published-frame-container"),
        ('"type": "array"', '"type": "list"', "published-frame-container"),
        ('"primary",', "", "frame-container-bag"),
        ("{", "", "published-frame-container"),
    ],
)
def test_a_wrong_schema_is_found(found: str, put: str, case: str, tmp_path: Path, run: Run) -> None:
    shutil.copytree(SCHEMAS, tmp_path / "v1")
    file = tmp_path / "v1" / "frame" / "container.schema.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(found, put, 1 if found == "{" else -1), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != text
    code, results = run("--schemas", str(tmp_path / "v1"), only=(case,))
    assert (code, results[case]["outcome"]) == (1, "failed")


def test_decimals_as_numbers_are_found(tmp_path: Path, run: Run) -> None:
    shutil.copytree(SCHEMAS, tmp_path / "v1")
    file = tmp_path / "v1" / "frame" / "container.schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    schema["$defs"]["Quantity"]["properties"]["value"] = {"type": ["string", "number"]}
    file.write_text(json.dumps(schema), encoding="utf-8")
    code, results = run("--schemas", str(tmp_path / "v1"), only=("frame-container-amount-is-a-number",))
    assert code == 1
    assert results["frame-container-amount-is-a-number"]["reason"] == "takes what it has to refuse"


def test_a_schema_that_refuses_for_another_reason_is_found(tmp_path: Path, run: Run) -> None:
    shutil.copytree(SCHEMAS, tmp_path / "v1")
    file = tmp_path / "v1" / "frame" / "container.schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    schema["$defs"]["Quantity"]["properties"]["value"] = {"type": ["string", "number"]}
    schema["required"].append("colour")
    file.write_text(json.dumps(schema), encoding="utf-8")
    code, results = run("--schemas", str(tmp_path / "v1"), only=("frame-container-amount-is-a-number",))
    assert code == 1
    assert "refuses it at /, not at /set/amount/value" in results["frame-container-amount-is-a-number"]["reason"]


def test_a_missing_schema_is_found(tmp_path: Path, run: Run) -> None:
    code, results = run("--schemas", str(tmp_path), only=("published-event", "event-order-submitted"))
    assert code == 1
    assert {result["reason"] for result in results.values()} == {"event.schema.json: FileNotFoundError"}
