"""The kit against a whole hub: every case passes; what cannot be run is said, and is no success."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance_tests import cases
from conformance_tests.__main__ import every, main
from hub.demo.world import TOKENS
from tests.conformance_tests import implementations
from tests.conformance_tests.conftest import SCHEMAS, Run
from tests.conformance_tests.implementations import Place


def test_the_hub_passes_every_case(place: Place, run: Run) -> None:
    code, results = run(*place.arguments(), "--schemas", str(SCHEMAS))
    assert {name: result for name, result in results.items() if result["outcome"] != "passed"} == {}
    assert code == 0
    assert len(results) == len(every(cases.load()))


def test_the_kit_passes_again_against_a_hub_that_it_has_filled(place: Place, run: Run) -> None:
    only = ("hl7v2-repeat-gets-the-same-answer", "fhir-create-again-is-one", "epcis-repeat-is-one-fact")
    for _ in range(2):
        code, results = run(*place.arguments(), only=only)
        assert (code, len(results)) == (0, 3), results


def test_a_proxy_that_breaks_nothing_is_no_fault(place: Place, run: Run) -> None:
    with (
        implementations.wrong_http(place) as between,
        implementations.wrong_mllp(between, lambda message, ask: ask(message)) as wrong,
    ):
        code, results = run(*wrong.arguments(), only=("privacy-courier-sees-no-name", "fhir-update-is-a-difference"))
    assert code == 0, results


def test_a_case_without_credentials_is_not_run_and_says_so(place: Place, run: Run) -> None:
    code, results = run("--url", f"http://127.0.0.1:{place.http}")
    assert results["fhir-capabilities-are-public"]["outcome"] == "passed"
    assert results["fhir-create-then-read"]["outcome"] == "not-run"
    assert results["fhir-create-then-read"]["reason"] == "no credentials of the hospital"
    assert results["hl7v2-order-is-accepted"]["reason"] == "no MLLP address of the hospital"
    assert results["frame-container-bag"]["reason"] == "no schemas: give --schemas"
    assert code == 0


def test_hl7_alone_can_be_tested(place: Place, run: Run) -> None:
    code, results = run("--mllp", f"127.0.0.1:{place.mllp}", only=("hl7v2-order-is-accepted", "fhir-media-type"))
    assert {name: result["outcome"] for name, result in results.items()} == {
        "hl7v2-order-is-accepted": "passed",
        "fhir-media-type": "not-run",
    }
    assert code == 0


def test_nothing_run_is_no_success(place: Place, run: Run) -> None:
    code, results = run("--url", f"http://127.0.0.1:{place.http}", only=("fhir-create-then-read",))
    assert [result["outcome"] for result in results.values()] == ["not-run"]
    assert code == 2


def test_schemas_alone_can_be_tested_by_url(run: Run) -> None:
    with implementations.folder_served(SCHEMAS) as url:
        code, results = run("--schemas", url, only=("published-event", "event-order-submitted", "event-unknown-type"))
    assert (code, len(results)) == (0, 3), results


def test_the_table_names_case_clause_and_counts(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*place.arguments(), "--only", "fhir-media-type"]) == 0
    line, _, counts = capsys.readouterr().out.strip().partition("\n\n")
    assert line.split()[:2] == ["passed", "fhir-media-type"]
    assert "RFC 9110" in line
    assert counts == f"cases {cases.load().version}: 1 passed, 0 failed, 0 not-run"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to test"),
        (["--url", "http://127.0.0.1:9"], "nobody answers"),
        (["--url", "not a url"], "nobody answers"),
        (["--schemas", "x", "--only", "no-such-case"], "no case no-such-case"),
        (["--schemas", "x", "--credentials", "no-such-file"], "FileNotFoundError"),
    ],
)
def test_what_cannot_be_run_is_exit_code_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"roles": {"hospital": {"password": "x"}}}', '{"roles": {"hospital": 1}}']
)
def test_a_credentials_file_that_says_something_else_is_exit_code_2(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.json"
    file.write_text(text, encoding="utf-8")
    assert main(["--schemas", str(SCHEMAS), "--credentials", str(file)]) == 2
    assert "docs/conformance.md" in capsys.readouterr().err


def test_no_report_tells_a_token(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    def echo(call: implementations.Call, reply: implementations.Reply) -> None:
        reply.headers["content-type"] = f"you are {call.headers.get('authorization', '')}"

    with implementations.wrong_http(place, echo) as wrong:
        assert main([*wrong.arguments(), "--only", "fhir-broken-json"]) == 1
    told = capsys.readouterr().out
    assert "found 'you are Bearer …'" in told
    assert TOKENS["mercy"] not in told


def test_the_kit_stands_alone() -> None:
    """Run apart, it loads nothing of the model, the tables, the adapters or the hub."""
    code = (
        "import sys, json, conformance_tests.__main__ as kit, conformance_tests.cases as c; c.load();"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"canonical_model", "mappings", "adapters", "hub", "pydantic"} & set(json.loads(done.stdout))
