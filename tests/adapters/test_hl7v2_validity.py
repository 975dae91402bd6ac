"""What the adapter writes afresh is valid: hl7apy STRICT finds nothing but what the waivers name.

A waiver (tests/laws/hl7apy_waivers.csv) names a fault of the checker, with its reason; one that nothing needs fails.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hl7apy import load_library
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from adapters import hl7v2
from adapters.hl7v2.ack import acknowledge
from mappings.faults import Fault

TYPES = ("OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40", "ACK")
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
    return list(dict.fromkeys(found))


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
    assert {fresh.version for fresh, _ in judged()} == set(VERSIONS)


def test_most_of_it_needs_no_waiver_at_all() -> None:
    clean = [fresh for fresh, found in judged() if not found]
    assert len(clean) / len(judged()) > 0.6


@pytest.mark.parametrize("waiver", waivers(), ids=lambda waiver: f"{waiver.structure}: {waiver.finding[:40]}")
def test_a_waiver_is_needed_and_says_why(waiver: Waiver) -> None:
    assert len(waiver.reason) > 20
    assert any(waiver.covers(fresh, finding) for fresh, found in judged() for finding in found)


def test_the_checker_still_finds_what_is_wrong() -> None:
    """Each planted fault is found, and no waiver hides it."""
    good = next(fresh for fresh, found in judged() if fresh.name == "adt_a08" and fresh.version == "2.5.1")
    assert findings(good.text) == []
    for was, planted in (("|P|2.5.1", "|P^X^Y^Z|2.5.1"), ("PID|1|", "PID|one|"), ("PV1||U", "PV1||"), ("EVN|", "EVQ|")):
        found = findings(good.text.replace(was, planted))
        assert [f for f in found if not any(w.covers(good, f) for w in waivers())], planted
