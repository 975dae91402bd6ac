"""What the hub writes is valid to judges that are not ours, and each judge refuses what is wrong on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judges import collecting
from tests.judges.courts import JUDGES, SHACL_WAIVERS, Judge, epcis_shacl
from tests.judges.document import EPCIS_JSON, FHIR, HL7V2, Document
from tests.judges.judging import judge, summary, table
from tests.judges.planted import PLANTED
from tests.judges.tools import Missing
from tests.standards import need, standards_dir

pytestmark = pytest.mark.filterwarnings(  # of the judges' own libraries: rdflib
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::UserWarning"
)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    return collecting.all_of(tmp_path_factory.mktemp("judged"))


@pytest.mark.slow
def test_there_is_enough_to_judge(documents: list[Document]) -> None:
    by_format = {kind: [d for d in documents if d.format == kind] for kind in (FHIR, EPCIS_JSON, HL7V2)}
    assert len(by_format[FHIR]) > 60
    assert len(by_format[EPCIS_JSON]) >= 3
    assert len(by_format[HL7V2]) > 20
    assert {"CapabilityStatement", "OperationDefinition", "Parameters", "Bundle", "OperationOutcome"} <= {
        document.message for document in by_format[FHIR]
    }


@pytest.mark.slow
@pytest.mark.parametrize("one", JUDGES, ids=lambda one: one.name)
def test_a_judge_finds_nothing_wrong_but_what_is_wrong_on_purpose(documents: list[Document], one: Judge) -> None:
    session = judge(documents, [one])
    if session.skipped:
        pytest.skip(f"{one.name}: {session.skipped[one.name]}")
    assert len(session.planted) >= 2
    assert not session.invalid, "\n".join(table(session))
    assert not session.let_through, "\n".join(table(session))


@pytest.mark.slow
def test_a_waiver_is_for_what_gs1s_own_examples_have_too() -> None:
    folder = need(standards_dir() / "epcis" / "gs1" / "JSON")
    files = [file for file in sorted(folder.rglob("*.jsonld")) if b'"quantity"' in file.read_bytes()][:4]
    files += [file for file in sorted(folder.rglob("*.jsonld")) if b'"sourceList"' in file.read_bytes()][:2]
    found = [Document(file.name, EPCIS_JSON, "", file.read_bytes()) for file in files]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.judges.courts.SHACL_WAIVERS", ())
        told = {fault for faults in epcis_shacl(found).values() for fault in faults}
    assert set(SHACL_WAIVERS) <= told


# ---- the court itself -----------------------------------------------------------------------------------------


def test_a_judge_that_passes_a_document_over_has_not_judged() -> None:
    with pytest.raises(AssertionError, match="said nothing"):
        judge([Document("a", FHIR, "Patient", b"{}")], [Judge("asleep", (FHIR,), lambda _: {})])


def test_a_judge_that_finds_nothing_lets_the_planted_ones_through() -> None:
    mild = Judge("mild", (FHIR,), lambda found: {document.name: [] for document in found})
    session = judge([], [mild])
    assert len(session.let_through) == len([one for one in PLANTED if one.format == FHIR])
    assert any("let through: mild" in line for line in table(session))


def test_a_judge_without_its_tools_is_told_as_skipped() -> None:
    def absent(_: object) -> dict[str, list[str]]:
        raise Missing("not installed: java")

    session = judge([Document("a", FHIR, "Patient", b"{}")], [Judge("away", (FHIR,), absent)])
    assert not session.verdicts
    assert "skipped: away: not installed: java" in list(table(session))


def test_the_table_counts_every_verdict_and_names_what_is_wrong() -> None:
    strict = Judge("strict", (HL7V2,), lambda found: {d.name: ["PID-3: it is missing"] for d in found})
    lines = list(table(judge([Document("a", HL7V2, "ADT^A08", b"MSH|")], [strict])))
    assert "| hl7v2 | ADT^A08 | strict | 1 | 0 | 1 |" in lines
    assert "    PID-3: it is missing" in lines


def test_the_summary_has_a_line_for_each_judge_and_what_it_refused_of_what_is_wrong_on_purpose() -> None:
    strict = Judge("strict", (HL7V2,), lambda found: {d.name: ["wrong"] if "planted" in d.name else [] for d in found})
    lines = list(summary(judge([Document("a", HL7V2, "ADT^A08", b"MSH|"), Document("b", HL7V2, "ACK", b"")], [strict])))
    wrong = len([one for one in PLANTED if one.format == HL7V2])
    assert lines[2:] == [f"| strict |  | hl7v2 | 2 | 2 | 2 | 0 | {wrong} of {wrong} |"]


def test_every_judge_names_its_release() -> None:
    assert all(one.release for one in JUDGES)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"MSH|^~\\&|A|B|C|D|20260101||ADT^A08^ADT_A01|1|P|2.5.1\r", (HL7V2, "ADT^A08")),
        (b'{"resourceType":"Patient"}', (FHIR, "Patient")),
        (b'{"type":"EPCISDocument","schemaVersion":"2.0"}', (EPCIS_JSON, "EPCISDocument")),
        (
            b'<?xml version="1.0"?>\n<OperationsRequest xmlns="http://www.mesa.org/xml/B2MML"/>',
            ("b2mml", "OperationsRequest"),
        ),
        (b'<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2"/>', ("epcis xml", "EPCISDocument")),
        (b"CoI;Bag\r\n", None),
        (b'{"type":"journey"}', None),
        (b"{", None),
        (b"<html/>", None),
    ],
)
def test_a_document_is_told_by_its_content(body: bytes, told: tuple[str, str] | None) -> None:
    found = collecting.of("x", body)
    assert (found and (found.format, found.message)) == told


def test_files_of_a_folder_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "one.json").write_bytes(b'{"resourceType":"Patient"}')
    (tmp_path / "notes.txt").write_bytes(b"nothing")
    assert [document.name for document in collecting.folder(tmp_path)] == ["inner/one.json"]
