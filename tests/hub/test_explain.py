"""What becomes of a file without a hub: its format is found, its leaves are counted a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import leaf_counts
from hub.cli import SEARCHED
from hub.explain import ANYONE, best, explain, explain_files, summary
from hub.formats import FORMATS
from hub.recognising import recognised, text_of, ways

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = [
    (file, folder)
    for folder in ("hl7v2", "fhir_r4", "b2mml", "mes_csv", "asm", "canonical", "courier_feed")
    for file in sorted((SAMPLES / folder).iterdir())
    if file.is_file() and ".frames" not in file.name and ".written" not in file.name
]
READ = [(file, name) for file, name in FILES if explain(file.read_bytes(), "x", ANYONE, name).frames]
COUNTED = [(file, name) for file, name in READ if file.suffix not in {".csv", ".txt"}]


def test_there_are_samples_of_most_formats() -> None:
    assert {name for _, name in READ} >= {"hl7v2", "fhir_r4", "b2mml", "asm", "canonical", "courier_feed"}
    assert {name for _, name in COUNTED} == {name for _, name in READ} - {"mes_csv"}


@pytest.mark.parametrize(("file", "name"), FILES, ids=lambda value: getattr(value, "name", value))
def test_the_format_of_a_file_is_found(file: Path, name: str) -> None:
    told = best(file.read_bytes(), ANYONE)
    assert told.format == ("mes_csv" if file.name == "milestones.csv" else name)  # a maker's table has the same columns
    assert told.frames


@pytest.mark.parametrize(("file", "name"), COUNTED, ids=lambda value: getattr(value, "name", value))
def test_the_second_count_agrees_with_the_account_and_finds_a_leaf_that_it_lost(file: Path, name: str) -> None:
    told = explain(file.read_bytes(), "x", ANYONE, name)
    assert told.leaves
    assert told.silent_loss() == 0
    told.entries.pop()
    assert told.silent_loss() == 1


def test_what_nobody_counts_again_says_so() -> None:
    file = SAMPLES / "mes_csv" / "qc_results.csv"
    told = explain(file.read_bytes(), "x", ANYONE, "mes_csv", "mes_csv/qc_results")
    assert told.entries
    assert (told.leaves, told.silent_loss(), told.plain(whole=False)["silent_loss"]) == (None, None, None)
    assert summary([told], 1, 0)["not_counted"] == 1
    assert leaf_counts.counted(b"<epcis/>", "epcis") is None
    assert leaf_counts.counted(b"{", "fhir_r4") is None
    assert leaf_counts.counted(b"<a", "b2mml") is None


def test_a_folder_of_several_formats_is_explained_file_by_file() -> None:
    files = [next(file for file, named in READ if named == name) for name in ("hl7v2", "fhir_r4", "b2mml")]
    told, count, crashed = explain_files(files)
    assert ([one.format for one in told], count, crashed) == (["hl7v2", "fhir_r4", "b2mml"], 3, 0)


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("PID|1||77", ("hl7v2", "mes_csv", "asm", "courier_feed")),
        ("COI|Test|Value\nC-1|viability|98", ("hl7v2", "mes_csv", "asm", "courier_feed")),
        ('{"$asm.manifest": "x"}', ("asm",)),
        ("<html>", ("b2mml",)),
        ("", ("mes_csv", "asm", "courier_feed")),
    ],
)
def test_what_a_file_may_be_is_seen_by_its_looks(text: str, formats: tuple[str, ...]) -> None:
    assert recognised(text) == formats


def test_what_is_named_is_not_guessed() -> None:
    assert list(ways("MSH|", ANYONE, "fhir_r4")) == [("fhir_r4", "")]
    assert list(ways("MSH|", ANYONE, "", "mes_csv/slots")) == [("mes_csv", "mes_csv/slots")]
    with pytest.raises(FileNotFoundError, match="no format 'papyrus'; known are:"):
        list(ways("MSH|", ANYONE, "papyrus"))


def test_a_message_without_its_header_is_told_as_one() -> None:
    told = best(b"PID|1||77\rORC|NW|1\r", ANYONE)
    assert (told.format, told.faults[0]["code"]) == ("hl7v2", "hl7v2-no-header")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_is_looked_at_in_its_encoding(encoding: str) -> None:
    assert recognised(text_of('{"resourceType": "Patient"}'.encode(encoding))) == ("fhir_r4",)
    assert recognised(text_of(b"PK\x03\x04\x00\xff")) == ("mes_csv", "asm", "courier_feed")


def test_every_format_is_searched_for_in_folders() -> None:
    assert set(SEARCHED) == set(FORMATS)
    assert {".json", ".xlsx", ".hl7", ".xml"} <= set().union(*SEARCHED.values())
