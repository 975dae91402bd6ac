"""The how-to page for message types says what is true: its maps load, its message is read as the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import hl7v2
from adapters.hl7v2 import tokenizer
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from mappings.events import assertions
from mappings.vocabulary import GROUP_WORDS, MAP_WORDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto-v2-message.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```\w+ (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def adapter(tmp_path: Path) -> hl7v2.Adapter:
    """The base tables with the page's two maps, all paths and events checked."""
    for name in ("oru_r30.yaml", "oul_r22.yaml"):
        (tmp_path / name).write_text(BLOCKS[name], encoding="utf-8")
    return hl7v2.adapter(set_schemas(), [tmp_path], event_types={name: row.about for name, row in EVENTS.items()})


def test_the_pages_maps_load_and_read_their_types(adapter: hl7v2.Adapter) -> None:
    assert {"ORU^R30", "OUL^R22"} <= adapter.roots.keys()
    body = BLOCKS["oul_r22.hl7"].replace("OUL^R22^OUL_R22", "ORU^R30^ORU_R30").encode()
    assert adapter.read(body).type == "ORU^R30"


def test_the_pages_message_asserts_what_its_map_says(adapter: hl7v2.Adapter) -> None:
    read = adapter.read(BLOCKS["oul_r22.hl7"].encode())
    assert read.faults == []
    told = [assertion["type"] for assertion in assertions(read.map, read.frames, "lab/1")]
    assert told == [
        *("subject.updated", "material.stated", "result.reported", "report.stated"),
        *("result.reported", "result.invalidated"),
    ]
    assert {entry.piece for entry in read.entries() if entry.fate == "residual"} == {"NTE"}


def test_an_order_number_that_stands_in_obr_and_then_in_orc_is_one(adapter: hl7v2.Adapter) -> None:
    read = adapter.read(BLOCKS["oul_r22.hl7"].encode())
    report = next(frame["set"] for frame in read.frames if frame["kind"] == "report")
    assert [item["value"] for item in report["identifiers"]] == ["FIL-7", "PLC-2"]


def test_the_pages_message_goes_back_as_it_came_and_fresh_says_the_same(adapter: hl7v2.Adapter) -> None:
    body = BLOCKS["oul_r22.hl7"].encode()
    read = adapter.read(body)
    written, faults = adapter.write(read.type, read.frames, read.residual)
    assert tokenizer.normal(written.decode()) == tokenizer.normal(body.decode())
    fresh, lost = adapter.write(read.type, read.frames)
    assert adapter.read(fresh).frames == read.frames
    assert faults == lost == []


def test_the_pages_commands_save_the_frames() -> None:
    """The session as a reader types it, with a message that the base tables read."""
    sample = ROOT / "tests" / "samples" / "hl7v2" / "adt_a40.hl7"
    commands = re.findall(r"cgt-hub (convert --to \w+) \S+ > \S+oul_r22\.(\S+)", PAGE)
    made = {suffix: _cgt_hub(*command.split(), str(sample)) for command, suffix in commands}
    assert json.loads(made["frames.json"]) == json.loads(sample.with_suffix(".frames.json").read_text(encoding="utf-8"))
    assert made["written.hl7"].split() == sample.with_suffix(".written.hl7").read_bytes().split()


def test_the_page_shows_a_map_to_start_from_and_judges_the_message_first() -> None:
    (shown,) = re.findall(r"`cgt-hub (mapping show \S+oru_r01)`", PAGE)
    assert b"result.invalidated" in _cgt_hub(*shown.split())
    assert PAGE.index("cgt-hub validate") < PAGE.index("cgt-hub explain")


def _cgt_hub(*words: str) -> bytes:
    hub = [sys.executable, "-c", "from hub.cli import main; main()", *words]
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "200"}
    return subprocess.run(hub, cwd=ROOT, capture_output=True, check=True, env=environment).stdout


def test_the_facts_of_the_page_are_named_and_belong_as_it_explains(adapter: hl7v2.Adapter) -> None:
    read = adapter.read(BLOCKS["oul_r22.hl7"].encode())
    told = [a for a in assertions(read.map, read.frames, "lab/1") if a["type"].startswith("result.")]
    assert [a["about"]["identifiers"][0]["value"] for a in told] == ["SP-1/SPTEMP", "FIL-7/6690-2", "FIL-7/718-7"]
    assert {a["set"]["order"]["identifiers"][0]["value"] for a in told} == {"PLC-2"}


def test_every_word_that_the_pages_maps_use_is_a_word() -> None:
    for name in ("oru_r30.yaml", "oul_r22.yaml"):
        assert set(re.findall(r"^(\w+):", BLOCKS[name], re.MULTILINE)) <= MAP_WORDS.keys()
    groups = BLOCKS["oul_r22.yaml"].partition("frames:")[2].partition("identify:")[0]
    assert set(re.findall(r"(?:^ +(?:- )?\{?|, )(\w+): ", groups, re.MULTILINE)) - GROUP_WORDS.keys() <= {
        *("ORC", "OBX", "material", "report")
    }


def test_the_page_stays_within_two_screens() -> None:
    assert len(PAGE.splitlines()) <= 130
