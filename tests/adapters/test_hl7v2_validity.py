"""What the adapter writes afresh is valid: hl7apy STRICT finds nothing but what the waivers name.

A waiver (tests/laws/hl7apy_waivers.csv) names a fault of the checker, with its reason; one that nothing needs fails.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hl7apy import load_library
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from adapters import hl7v2
from adapters.hl7v2.ack import acknowledge
from mappings.emit import version_test
from mappings.faults import Fault

TYPES = (
    *("OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40", "ACK"),
    *("SIU^S12", "SIU^S13", "MDM^T02", "BTS^O31", "RAS^O17", "BPS^O29", "OSM^R26"),
)
"""What is judged; a type that a site adds has a checker of its own choice."""
SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
WAIVERS = Path(__file__).parents[1] / "laws" / "hl7apy_waivers.csv"
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2")


class Waiver(NamedTuple):
    """A finding that is the checker's own fault: in which structure and versions, its text, and why."""

    structure: str
    versions: str
    finding: str
    reason: str

    def covers(self, fresh: Fresh, finding: str) -> bool:
        versions = self.versions.split()
        same = self.structure in {"*", fresh.structure} and self.finding == finding
        return same and (versions == ["*"] or fresh.version in versions)


class Fresh(NamedTuple):
    """A message written from frames alone."""

    name: str
    structure: str
    version: str
    text: str


def waivers() -> list[Waiver]:
    with WAIVERS.open(encoding="utf-8", newline="") as file:
        return [Waiver(**row) for row in csv.DictReader(file)]


def findings(text: str) -> list[str]:
    """What hl7apy finds: that STRICT cannot parse it, and every error of its validator (a warning is none)."""
    found = []
    try:
        parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    except (HL7apyException, ValueError) as wrong:
        found.append(f"{type(wrong).__name__}: {wrong}")
    with tempfile.NamedTemporaryFile("r") as report:
        try:
            Validator.validate(parse_message(text), report_file=report.name)
        except HL7apyException as wrong:
            found.append(str(wrong))
        lines = Path(report.name).read_text(encoding="utf-8").splitlines()
    found += [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return list(dict.fromkeys(_TOO_LONG.sub("The value … exceed", finding) for finding in found))


_TOO_LONG = re.compile(r"The value .* exceed", re.DOTALL)
"""A finding quotes the whole value that it calls too long; a waiver could not."""


# ---- what is written afresh -----------------------------------------------------------------------------------


def samples() -> Iterator[Fresh]:
    """Every sample's frames as a message, in its own version and in those from 2.5 on that can say all of them."""
    for path in sorted(SAMPLES.glob("*.hl7")):
        if path.stem.endswith(".written"):
            continue
        read = hl7v2.base().read(path.read_bytes())
        if read.type not in TYPES:
            continue
        head: dict[str, Any] = read.frames[0]["set"]
        own = head["version"]
        for version in VERSIONS:
            head["version"] = version
            written, lost = hl7v2.base().write(read.type, read.frames)
            structure = head.get("structure", read.type.replace("^", "_"))
            known = "structure" in head and structure in load_library(version).MESSAGES
            if version == own or (known and not lost and version >= "2.5"):
                yield Fresh(path.stem, structure, version, written.decode())


def acknowledgements() -> Iterator[Fresh]:
    """Answers to messages of every version, with and without faults."""
    faults = [
        Fault("time-unreadable", "PID[1]-7", "write a time as YYYYMMDDHHMMSS+ZZZZ"),
        Fault("code-unknown", "OBX[2]-11[1].1", "not in code table result_status", severity="error"),
        Fault("unsupported-message", "MSH-9", "no message map reads it", severity="error"),
        Fault("internal-error", "message", "send it again", severity="error"),
    ]
    for version in VERSIONS:
        type_ = "OML^O21" if version == "2.3" else "OML^O21^OML_O21"
        body = f"MSH|^~\\&|EHR|MERCY|HUB|CGT|20260308||{type_}|M1|P|{version}\r".encode()
        for code, named in (("AA", []), ("AE", faults[:2]), ("AR", faults[2:]), ("CA", [])):
            answer = acknowledge(body, code, named, "HUB1", datetime(2026, 3, 8, tzinfo=UTC))
            yield Fresh(f"ack {code}", "ACK", version, answer.decode())


@cache
def judged() -> tuple[tuple[Fresh, tuple[str, ...]], ...]:
    return tuple((fresh, tuple(findings(fresh.text))) for fresh in (*samples(), *acknowledgements()))


def test_what_is_written_afresh_is_valid_but_for_the_waivers() -> None:
    known = waivers()
    wrong = [
        f"{fresh.name} ({fresh.structure}) {fresh.version}: {finding}"
        for fresh, found in judged()
        for finding in found
        if not any(waiver.covers(fresh, finding) for waiver in known)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_type_of_the_slice_is_judged_in_its_own_version() -> None:
    names = {fresh.name for fresh, _ in judged()}
    assert names >= {"oml_o21", "orm_o01", "oru_r01", "adt_a01", "adt_a08", "adt_a40", "ack"}
    assert names >= {"siu_s12", "siu_s13", "mdm_t02", "bts_o31", "ras_o17", "bps_o29", "osm_r26"}
    assert {fresh.version for fresh, _ in judged()} == set(VERSIONS)


def test_most_of_it_needs_no_waiver_at_all() -> None:
    clean = [fresh for fresh, found in judged() if not found]
    assert len(clean) / len(judged()) > 0.6


@pytest.mark.parametrize("waiver", waivers(), ids=lambda waiver: f"{waiver.structure}: {waiver.finding[:40]}")
def test_a_waiver_is_needed_and_says_why(waiver: Waiver) -> None:
    assert len(waiver.reason) > 20
    assert any(waiver.covers(fresh, finding) for fresh, found in judged() for finding in found)


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= "2.5"])
def test_no_row_writes_a_field_that_its_version_does_not_have(version: str) -> None:
    """By hl7apy's tables. OBX-32 is of 2.9, which it does not know; a combined row chooses among its fields."""
    library, number = load_library(version), hl7v2.version_of(version)
    wrong = []
    for table in hl7v2.base().library.tables.values():
        segment = table.spec.piece
        for row in table.spec.rows if segment in library.SEGMENTS else ():
            test = version_test(row)
            if row.only == "in" or row.ignore or len({place.partition(".")[0] for place in row.at}) > 1:
                continue
            if test and not eval(test, {"m": SimpleNamespace(version=number)}):
                continue
            field = library.FIELDS.get(f"{segment}_{row.at[0].partition('.')[0]}")
            if not isinstance(field, tuple) or field[2] is None:
                wrong.append(f"{segment}-{row.at[0]} (row {row.id})")
    assert not wrong


def test_the_checker_still_finds_what_is_wrong() -> None:
    """Each planted fault is found, and no waiver hides it."""
    good = next(fresh for fresh, found in judged() if fresh.name == "adt_a08" and fresh.version == "2.5.1")
    assert findings(good.text) == []
    for was, planted in (("|P|2.5.1", "|P^X^Y^Z|2.5.1"), ("PID|1|", "PID|one|"), ("PV1||U", "PV1||"), ("EVN|", "EVQ|")):
        found = findings(good.text.replace(was, planted))
        assert [f for f in found if not any(w.covers(good, f) for w in waivers())], planted
