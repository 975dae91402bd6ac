"""The command line: exit code 0 where all is well, 1 for what was found, 2 for what the caller can mend."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person

Open = Callable[..., house.House]
Cli = Callable[..., Ran]


@pytest.fixture
def message(tmp_path: Path, who: Person) -> Path:
    """A file with an order."""
    file = tmp_path / "order.hl7"
    file.write_bytes(world.order(who, "CLI-1"))
    return file


@pytest.fixture
def stopped(open_house: Open, who: Person) -> house.House:
    """A hub that recorded an order and its collection, and was stopped."""
    hub = open_house()
    hub.send(world.order(who, "CLI-2"))
    hub.send(world.apheresis(who, "CLI-3"))
    hub.stop()
    return hub


def places(hub: house.House) -> dict[str, Path]:
    return {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}


# ---- messages without a hub -----------------------------------------------------------------------------------


def test_a_message_is_converted_to_a_bundle(cgt_hub: Cli, message: Path, who: Person) -> None:
    ran = cgt_hub("convert", message)
    assert ran.code == 0
    assert ran.json["resourceType"] == "Bundle"
    types = {entry["resource"]["resourceType"] for entry in ran.json["entry"]}
    assert {"Patient", "ServiceRequest"} <= types
    assert who.mrn in ran.out


def test_a_message_is_converted_to_frames(cgt_hub: Cli, message: Path) -> None:
    ran = cgt_hub("convert", message, "--to", "frames")
    assert {"order", "subject", "identity"} <= {frame["kind"] for frame in ran.json}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "papyrus"], "no target 'papyrus'; known are:"),
        (["--format", "mes_csv"], "at "),
        (["--format", "fhir_r4"], "json-syntax at line 1"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_exit_code_2(
    cgt_hub: Cli, message: Path, arguments: list[str], told: str
) -> None:
    ran = cgt_hub("convert", message, *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_an_error_is_told_as_it_is_whatever_brackets_it_has(cgt_hub: Cli, tmp_path: Path, overlay: Path) -> None:
    found = {"x": {**world.profiles(tmp_path, overlay)["watch"], "partner": "NOT A NAME"}}
    world.write_profiles(tmp_path / "partners", found)
    ran = cgt_hub("serve", data=tmp_path / "data", partners=tmp_path / "partners")
    assert ran.code == 2
    assert "'^[a-z0-9][a-z0-9-]{0,62}$'" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    seen = cgt_hub("doctor", data=tmp_path / "data", partners=tmp_path / "partners")
    assert "'^[a-z0-9][a-z0-9-]{0,62}$'" in seen.out


def test_a_file_that_is_not_there_is_exit_code_2(cgt_hub: Cli, tmp_path: Path) -> None:
    assert cgt_hub("convert", tmp_path / "nowhere.hl7").code == 2


def test_an_unknown_command_is_exit_code_2(cgt_hub: Cli) -> None:
    assert cgt_hub("fly").code == 2


def test_the_account_of_a_message_is_complete(cgt_hub: Cli, message: Path) -> None:
    ran = cgt_hub("explain", "--json", "--fields", message)
    assert ran.code == 0
    assert (ran.json["messages"], ran.json["recorded"], ran.json["crashed"], ran.json["silent_loss"]) == (1, 1, 0, 0)
    assert ran.json["per_message"][0]["type"] == "OML^O21"


SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.mark.parametrize(
    ("sample", "name", "type_"),
    [
        ("fhir_r4/specimen.json", "fhir_r4", "Specimen"),
        ("mes_csv/qc_results.csv", "mes_csv", "mes_csv/qc_results"),
        ("asm/vi_cell_blu.csv", "asm", "asm/results"),
    ],
)
def test_a_file_is_explained_without_naming_its_format(cgt_hub: Cli, sample: str, name: str, type_: str) -> None:
    ran = cgt_hub("explain", "--json", SAMPLES / sample)
    assert ran.code == 0
    assert [(one["format"], one["type"], one["outcome"]) for one in ran.json["per_message"]] == [
        (name, type_, "recorded")
    ]
    named = cgt_hub("explain", "--json", "--format", "hl7v2", SAMPLES / sample)
    assert (named.code, named.json["refused"]) == (1, {"hl7v2-no-header": 1})


def test_a_file_that_cannot_be_read_is_exit_code_1(cgt_hub: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.hl7").write_bytes(b"nonsense")
    assert cgt_hub("explain", tmp_path / "broken.hl7").code == 1
    assert cgt_hub("explain", "--json", tmp_path).code == 1
    assert cgt_hub("explain", "--format", "papyrus", tmp_path / "broken.hl7").code == 2


def test_a_file_is_converted_and_judged_without_naming_its_format(cgt_hub: Cli) -> None:
    ran = cgt_hub("convert", SAMPLES / "mes_csv" / "qc_results.csv")
    assert ran.code == 0
    assert {entry["resource"]["resourceType"] for entry in ran.json["entry"]} >= {"Observation"}
    assert cgt_hub("validate", SAMPLES / "fhir_r4" / "specimen.json").code == 0


def test_what_has_no_home_in_the_other_format_is_refused_with_its_fault(cgt_hub: Cli, message: Path) -> None:
    ran = cgt_hub("convert", message, "--to", "epcis")
    assert (ran.code, ran.out) == (1, "")
    assert "no-home at message: nothing that it says has a home in epcis" in ran.err


def test_a_folder_is_explained_as_a_table(cgt_hub: Cli, tmp_path: Path, message: Path) -> None:
    (tmp_path / "broken.hl7").write_bytes(b"nonsense")
    ran = cgt_hub("explain", "--json", message.parent)
    assert ran.code == 0
    assert (ran.json["recorded"], ran.json["held"]) == (1, 1)
    assert cgt_hub("explain", message.parent).code == 0


def test_explaining_without_fields_tells_no_value(cgt_hub: Cli, message: Path, who: Person) -> None:
    ran = cgt_hub("explain", "--json", message)
    assert not [text for text in (who.family, who.given, who.mrn, who.born) if text in ran.out]


def test_a_table_is_shown_as_rows_and_as_python(cgt_hub: Cli) -> None:
    assert "PID" in cgt_hub("mapping", "show", "hl7v2/pid").out or cgt_hub("mapping", "show", "hl7v2/pid").code == 0
    shown = cgt_hub("mapping", "show", "hl7v2/pid", "--python")
    assert "def " in shown.out
    unknown = cgt_hub("mapping", "show", "hl7v2/nope")
    assert (unknown.code, "known are:" in unknown.err) == (2, True)


# ---- a hub's data ---------------------------------------------------------------------------------------------


def test_a_sound_ledger_verifies_and_tells_its_head(cgt_hub: Cli, stopped: house.House) -> None:
    ran = cgt_hub("ledger", "verify", **places(stopped))
    assert ran.code == 0
    assert ran.out.startswith("0 faults; ")
    head = ran.out.split("head ")[1].strip()
    assert cgt_hub("ledger", "verify", "--head", head, **places(stopped)).code == 0


def test_a_ledger_verified_with_another_head_is_faulty(cgt_hub: Cli, stopped: house.House) -> None:
    ran = cgt_hub("ledger", "verify", "--head", "00" * 32, **places(stopped))
    assert ran.code == 1
    assert "the head that the verifier holds is not in this ledger" in ran.out


def test_a_head_that_is_no_head_is_the_callers_fault(cgt_hub: Cli, stopped: house.House) -> None:
    ran = cgt_hub("ledger", "verify", "--head", "not-hex", **places(stopped))
    assert (ran.code, "Traceback" in ran.err) == (2, False)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log SET event = replace(event, 'hospital', 'sponsor') WHERE position = 2",
        "DELETE FROM log WHERE position = 2",
        "UPDATE batch SET signature = zeroblob(64) WHERE number = 1",
        "DELETE FROM batch WHERE number = (SELECT max(number) FROM batch)",
        "UPDATE log SET leaf = randomblob(32), salt = NULL, event = '' WHERE position = 2",
        "UPDATE log SET salt = NULL WHERE position = 2",
        "UPDATE log SET salt = NULL, event = '' WHERE position = 2",
    ],
)
def test_a_changed_ledger_is_found(cgt_hub: Cli, stopped: house.House, change: str) -> None:
    with sqlite3.connect(stopped.hub.settings.data / "hub.db") as database:
        assert database.execute(change).rowcount >= 1
    database.close()
    ran = cgt_hub("ledger", "verify", **places(stopped))
    assert ran.code == 1
    assert "0 faults" not in ran.out


def test_no_hub_to_verify_is_exit_code_2(cgt_hub: Cli, tmp_path: Path) -> None:
    assert cgt_hub("ledger", "verify", "--data", tmp_path).code == 2
    assert not list(tmp_path.iterdir()), "a look makes nothing"


def test_the_read_model_is_rebuilt_as_it_was(cgt_hub: Cli, stopped: house.House) -> None:
    file = stopped.hub.settings.data / "read.db"

    def records() -> list[Any]:
        database = sqlite3.connect(file)
        found = database.execute("SELECT kind, id, body FROM record ORDER BY kind, id, version DESC").fetchall()
        database.close()
        last: dict[tuple[str, str], Any] = {}
        for kind, name, body in found:
            last.setdefault((kind, name), {**json.loads(body), "updated": ""})
        return sorted(last.items())

    before = records()
    assert before
    file.unlink()
    ran = cgt_hub("rebuild", **places(stopped))
    assert ran.code == 0
    assert records() == before


# ---- the doctor -----------------------------------------------------------------------------------------------


def doctor(cgt_hub: Cli, hub: house.House) -> tuple[int, dict[str, tuple[str, str]]]:
    ran = cgt_hub("doctor", "--json", **places(hub))
    return ran.code, {finding["what"]: (finding["state"], finding["text"]) for finding in ran.json}


def test_the_doctor_finds_a_sound_hub_sound(cgt_hub: Cli, stopped: house.House) -> None:
    code, found = doctor(cgt_hub, stopped)
    assert code == 0
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert cgt_hub("doctor", **places(stopped)).code == 0


def test_the_doctor_says_before_the_first_start_what_will_be_made(cgt_hub: Cli, tmp_path: Path) -> None:
    (tmp_path / "partners").mkdir()
    ran = cgt_hub("doctor", "--json", data=tmp_path / "data", partners=tmp_path / "partners")
    assert ran.code == 0
    assert {f["what"] for f in ran.json if f["state"] == "warn"} == {"partners", "master key", "store"}
    assert not (tmp_path / "data").exists(), "the doctor changes nothing"


def test_the_doctor_finds_a_key_that_others_can_read(cgt_hub: Cli, stopped: house.House) -> None:
    (stopped.hub.settings.data / "keys" / "master.key").chmod(0o644)
    code, found = doctor(cgt_hub, stopped)
    assert code == 1
    assert found["master key"][0] == "bad"
    assert "chmod 600" in found["master key"][1]


def test_the_doctor_finds_a_lost_key_and_makes_none(cgt_hub: Cli, stopped: house.House) -> None:
    key = stopped.hub.settings.data / "keys" / "master.key"
    key.unlink()
    code, found = doctor(cgt_hub, stopped)
    assert code == 1
    assert found["master key"][0] == "bad"
    assert not key.exists()
    for command in (["serve"], ["replay", 1], ["rebuild"], ["ledger", "verify"]):
        ran = cgt_hub(*command, **places(stopped))
        assert (ran.code, "restore it from its backup" in ran.err) == (2, True), command
        assert not key.exists()


def test_the_doctor_finds_wrong_profiles_and_a_broken_ledger(cgt_hub: Cli, stopped: house.House) -> None:
    profile = stopped.hub.settings.partners / "lakeside.yaml"
    profile.write_text(profile.read_text(encoding="utf-8").replace("role: hospital", "role: spital"), encoding="utf-8")
    with sqlite3.connect(stopped.hub.settings.data / "hub.db") as database:
        database.execute("DELETE FROM log WHERE position = 1")
    database.close()
    code, found = doctor(cgt_hub, stopped)
    assert code == 1
    assert "lakeside.yaml: role" in found["partners"][1]
    assert found["ledger"][0] == "bad"


def test_the_doctor_tells_what_is_wrong_with_the_protocols_and_looks_on(
    cgt_hub: Cli, stopped: house.House, tmp_path: Path
) -> None:
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "own.yaml").write_text("id: own\n", encoding="utf-8")
    ran = cgt_hub("doctor", "--json", protocols=tmp_path / "protocols", **places(stopped))
    found = {finding["what"]: (finding["state"], finding["text"]) for finding in ran.json}
    assert ran.code == 1
    assert found["protocols"][0] == "bad"
    assert "own.yaml: version" in found["protocols"][1]
    assert found["partners"][0] == found["ledger"][0] == "ok"


def test_the_doctor_counts_what_waits_for_a_person(cgt_hub: Cli, open_house: Open, who: Person) -> None:
    hub = open_house()
    hub.send(b"nonsense")
    hub.send(world.order(who, "DOC-1"))
    hub.stop()
    code, found = doctor(cgt_hub, hub)
    assert code == 0
    assert found["messages"] == ("warn", "1 held or rejected")
