"""Clumsy and hostile drops: where each ends, the place that its error names, and that nothing outside is touched.

A file's receipt or error document says of each part what became of it; the log has facts of the parts that were
recorded, and of no other.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from hub.channels import naming
from hub.conversion import digest
from tests.hub import house, world

QC = "CoI,Batch,Sample,Bag,Test,Value,Unit,Lower Limit,Verdict,Status,Tested At,Comment\n"
COI = "CHA9999260000012"
ROW = f"{COI},LOT-1,S-1,https://mercy.example/bag/BAG-1,Viability,92.1,%,80,pass,final,2026-03-01T10:00:00Z,ok\n"
ARCHIVE, ERROR, LEFT = "archive", "error", "left"


@dataclass(frozen=True)
class Case:
    """A drop: its name and bytes (or how it is laid), where it ends, and what is told with which place."""

    title: str
    name: str
    body: bytes | Callable[[Path], None]
    ends: str = ERROR
    told: tuple[str, str] = ("", "")
    parts: tuple[int, int] | None = None
    """Parts that were recorded, and that were not."""


def cell(column: str, text: str) -> str:
    cells = ROW.rstrip("\n").split(",")
    cells[QC.rstrip("\n").split(",").index(column)] = text
    return ",".join(cells) + "\n"


def qc(*rows: str, header: str = QC) -> bytes:
    return (header + "".join(rows)).encode()


def book(*rows: list[Any], change: Callable[[Any], None] = lambda _: None) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


HEAD = ["CoI", "Batch", "Test", "Value", "Unit"]


def repacked(body: bytes, change: Callable[[str, bytes], bytes], more: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, change(entry.filename, source.read(entry)))
        for name, content in more:
            target.writestr(name, content)
    return out.getvalue()


def with_doctype(name: str, part: bytes) -> bytes:
    if name != "xl/worksheets/sheet1.xml":
        return part
    return b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + part


def swollen(name: str, part: bytes) -> bytes:
    return part + b" " * 30_000_000 if name == "xl/worksheets/sheet1.xml" else part


def zipped(name: str, body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(name, body)
    return out.getvalue()


def link(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(path.parents[2] / to)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


def hide_sheet(made: Any) -> None:
    made.create_sheet("Old").append(["nothing", "of", "it"])
    made["Old"].sheet_state = "hidden"


def merge(made: Any) -> None:
    made.active.merge_cells("A2:A3")


def error_cell(made: Any) -> None:
    made.active["D2"] = "=1/0"


GOOD_BOOK = book(HEAD, [COI, "LOT-1", "Viability", 92.1, "%"])

CASES = [
    # ---- what is whole and clumsy, and is taken
    Case("a plain file", "qc-a1.csv", qc(ROW), ARCHIVE, parts=(1, 0)),
    Case("a byte order mark", "qc-a2.csv", b"\xef\xbb\xbf" + qc(ROW), ARCHIVE, parts=(1, 0)),
    Case("UTF-16", "qc-a3.csv", qc(ROW).decode().encode("utf-16"), ARCHIVE, parts=(1, 0)),
    Case("Windows letters", "qc-a4.csv", qc(cell("Comment", "Prüfer")).decode().encode("cp1252"), ARCHIVE,
         ("encoding-guessed", "file")),
    Case("semicolons", "qc-a5.csv", qc(ROW).replace(b",", b";"), ARCHIVE, parts=(1, 0)),
    Case("tabs", "qc-a6.tsv", qc(ROW).replace(b",", b"\t"), ARCHIVE, parts=(1, 0)),
    Case("old Mac line ends", "qc-a7.csv", qc(ROW).replace(b"\n", b"\r"), ARCHIVE, parts=(1, 0)),
    Case("title lines, and the lot above the header", "qc-a8.csv",
         b"Export\nBatch No:,LOT-7\n\n" + qc(f"{COI},Viability,92\n", header="CoI,Test,Value\n"), ARCHIVE,
         parts=(1, 0)),
    Case("the header again", "qc-a9.csv", qc(ROW, QC, cell("Test", "VCN")), ARCHIVE, parts=(1, 0)),
    Case("blank columns", "qc-a10.csv", qc(f"{COI},,Viability,,92\n", header="CoI,,Test,,Value\n"), ARCHIVE),
    Case("an unknown column", "qc-a11.csv", qc(f"{COI},Viability,R1\n", header="CoI,Test,Room\n"), ARCHIVE,
         ("column-unknown", "line 1 column 3")),
    Case("a decimal comma in a dialect with a point", "qc-a12.csv", qc(cell("Value", '"92,1"')), ARCHIVE,
         ("number-unreadable", "line 2 column 6 (value)")),
    Case("a unit in the value", "qc-a13.csv", qc(cell("Value", "92.1 %")), ARCHIVE,
         ("value-unreadable", "line 2 column 6 (value)")),
    Case("the 30th of February", "qc-a14.csv", qc(cell("Tested At", "2026-02-30")), ARCHIVE,
         ("time-unreadable", "line 2 column 11 (tested_at)")),
    Case("an unknown verdict", "qc-a15.csv", qc(cell("Verdict", "so-so")), ARCHIVE,
         ("code-unknown", "line 2 column 9 (verdict)")),
    Case("a formula", "qc-a16.csv", qc(cell("Comment", "=HYPERLINK(1)")), ARCHIVE, parts=(1, 0)),
    Case("direction marks in a bag", "qc-a17.csv", qc(cell("Bag", "BAG\u202e1")), ARCHIVE,
         ("identifier-unreadable", "line 2 column 4 (container)")),
    Case("a lot of 400 characters", "qc-a18.csv", qc(cell("Batch", "L" * 400)), ARCHIVE, parts=(1, 0)),
    Case("only a header", "qc-a19.csv", qc(), ARCHIVE, ("csv-no-rows", "file"), parts=(0, 0)),
    Case("a workbook", "qc-a20.xlsx", GOOD_BOOK, ARCHIVE, parts=(1, 0)),
    Case("a workbook with a hidden sheet", "qc-a21.xlsx",
         book(HEAD, [COI, "LOT-1", "Viability", 92.2, "%"], change=hide_sheet), ARCHIVE, parts=(1, 0)),
    Case("a workbook with merged cells", "qc-a22.xlsx",
         book(HEAD, [COI, "L", "Viability", 92.3, "%"], ["", "L", "VCN", 2, "copies/cell"], change=merge), ARCHIVE,
         parts=(1, 0)),
    Case("a workbook with a formula that nobody computed", "qc-a23.xlsx",
         book(HEAD, [COI, "LOT-1", "Viability", "=1+1", "%"]), ARCHIVE, ("cell-error", "line 2 column 4")),
    Case("a workbook with a typed error", "qc-a24.xlsx",
         book(HEAD, [COI, "LOT-1", "Viability", "#N/A", "%"]), ARCHIVE, ("cell-error", "line 2 column 4")),
    Case("a workbook under a CSV's name", "qc-a25.csv", book(HEAD, [COI, "LOT-5", "Viability", 92.5, "%"]), ARCHIVE),
    Case("a file that no name gives a dialect", "whatever.dat", qc(cell("Value", "93")), ARCHIVE, parts=(1, 0)),
    # ---- names
    Case("a name with a line end", "qc-b1\nx.csv", qc(cell("Value", "1")), ARCHIVE),
    Case("a name with direction marks", "qc-b2\u202evsc.csv", qc(cell("Value", "2")), ARCHIVE),
    Case("a name of no encoding", os.fsdecode(b"qc-b3-\xff\xfe.csv"), qc(cell("Value", "3")), ARCHIVE),
    Case("a name of 250 bytes", "qc-" + "n" * 243 + ".csv", qc(cell("Value", "4")), ARCHIVE),
    Case("a name of 240 bytes in 80 letters", "qc-" + "語" * 78 + ".csv", qc(cell("Value", "5")), ARCHIVE),
    Case("a name with dots that lead nowhere", "qc-..b6..csv", qc(cell("Value", "6")), ARCHIVE),
    Case("a name with a backslash", "qc-..\\b7.csv", qc(cell("Value", "7")), ARCHIVE),
    Case("a name with shell words", "qc-$(touch x);`id`.csv", qc(cell("Value", "8")), ARCHIVE),
    Case("an emoji in a name", "qc-🧬.csv", qc(cell("Value", "9")), ARCHIVE),
    Case("a name that looks like a receipt", "qc-b10.receipt.json", qc(cell("Value", "10")), ARCHIVE),
    # ---- what cannot be read
    Case("an empty file", "qc-c1.csv", b"", told=("csv-empty", "line 1")),
    Case("blank lines", "qc-c2.csv", b"\r\n \r\n", told=("csv-empty", "line 1")),
    Case("a NUL byte", "qc-c3.csv", qc(cell("Comment", "a\0b")), told=("csv-nul", "line 2 character 113")),
    Case("a byte of no encoding", "qc-c4.csv", qc(ROW) + b"\x81\n", told=("csv-encoding", "line 3 character 1")),
    Case("half a letter of UTF-16", "qc-c5.csv", qc(ROW).decode().encode("utf-16")[:-1],
         told=("csv-encoding", "line 2 character 114")),
    Case("no header", "qc-c6.csv", qc(ROW, header=""), told=("csv-header", "line 1")),
    Case("a column that is missing", "qc-c7.csv", b"CoI,Value\nx,92\n", told=("csv-columns-missing", "line 1")),
    Case("a column twice", "qc-c8.csv", b"CoI,Test,Order\na,b,c\n", told=("csv-column-twice", "line 1 column 3")),
    Case("a quotation mark that stays open", "qc-c9.csv", qc(cell("Comment", '"oh'), ROW),
         told=("csv-quotes", "line 2 column 12")),
    Case("text behind a quotation mark", "qc-c10.csv", qc(cell("Bag", '"B"1')), told=("csv-quotes", "line 2 column 4")),
    Case("a cell of 40,000 letters", "qc-c11.csv", qc(cell("Comment", "x" * 40_000)),
         told=("csv-cell-too-long", "line 2 column 12")),
    Case("600 columns", "qc-c12.csv", qc(ROW.rstrip("\n") + "," * 600 + "\n"),
         told=("csv-too-many-columns", "line 2 column 501")),
    Case("60,000 rows", "qc-c13.csv", b"CoI,Test\n" + b"x,y\n" * 60_000, told=("csv-too-many-rows", "line 50001")),
    Case("a file beyond the hub's limit", "qc-c14.csv", b"x" * 1_100_000, told=("too-large", "file")),
    Case("a file of no dialect", "mystery.csv", b"Name;Farbe\r\nx;rot\r\n", told=("unsupported-message", "file")),
    # ---- one row of several
    Case("a row without its order", "qc-d1.csv", qc(ROW, cell("CoI", "")),
         told=("cell-missing", "line 3 column 1 (order)"), parts=(1, 1)),
    Case("a row that is too long", "qc-d2.csv", qc(ROW, ROW.rstrip("\n") + ",more\n"),
         told=("row-long", "line 3 column 13"), parts=(1, 1)),
    Case("a row that is too short", "qc-d3.csv", qc(ROW, f"{COI},LOT-1\n"), told=("row-short", "line 3 column 3"),
         parts=(1, 1)),
    Case("lists of different length", "qc-d4.csv", qc(cell("Batch", '"a,' + ",".join("b" * 60) + '"')),
         told=("split-cells", "line 2")),
    # ---- files of another kind
    Case("a zip", "qc-e1.zip", zipped("qc.csv", qc(ROW)), told=("file-kind", "file")),
    Case("a zip that climbs", "qc-e2.zip", zipped("../../secret.csv", qc(ROW)), told=("file-kind", "file")),
    Case("gzip", "qc-e3.csv.gz", gzip.compress(qc(ROW)), told=("file-kind", "file")),
    Case("a PDF", "qc-e4.pdf", b"%PDF-1.7\n%\xe2\xe3", told=("file-kind", "file")),
    Case("an old or protected workbook", "qc-e5.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99,
         told=("file-kind", "file")),
    Case("a workbook that is cut off", "qc-e6.xlsx", GOOD_BOOK[: len(GOOD_BOOK) // 2],
         told=("xlsx-unreadable", "file")),
    Case("a workbook with a document type", "qc-e7.xlsx", repacked(GOOD_BOOK, with_doctype),
         told=("xlsx-unreadable", "file")),
    Case("a workbook that swells", "qc-e8.xlsx", repacked(GOOD_BOOK, swollen), told=("csv-too-large", "file")),
    Case("a workbook with macros", "qc-e9.xlsm", repacked(GOOD_BOOK, lambda _, p: p, (("xl/vbaProject.bin", b"x"),)),
         told=("file-kind", "file")),
    Case("a workbook without its parts", "qc-e10.xlsx", zipped("[Content_Types].xml", b"<Types/>"),
         told=("file-kind", "file")),
    Case("a workbook with a number that lost its digits", "qc-e11.xlsx",
         book(HEAD, [106141412345678908, "L", "Viability", 92, "%"]), told=("cell-rounded", "line 2 column 1")),
    Case("a workbook without a visible header", "qc-e12.xlsx", book(["Name", "Colour"], ["x", "red"]),
         told=("csv-header", "line 1")),
    # ---- what is no file
    Case("a link to a secret", "qc-f1.csv", link("secret.csv"), LEFT, ("file-kind", "file")),
    Case("a link to nowhere", "qc-f2.csv", link("nothing"), LEFT, ("file-kind", "file")),
    Case("a link to a folder", "qc-f3.csv", link("outside"), LEFT, ("file-kind", "file")),
    Case("a folder", "qc-f4.csv", Path.mkdir, LEFT, ("file-kind", "file")),
    Case("a pipe", "qc-f5.csv", os.mkfifo, LEFT, ("file-kind", "file")),
    Case("a socket", "qc-f6.csv", a_socket, LEFT, ("file-kind", "file")),
]  # fmt: skip


@pytest.fixture(scope="module")
def hub(open_house: Callable[..., house.House]) -> Iterator[house.House]:
    """A hub with one maker who drops files; what lies beside its folders stays as it is."""

    def one_maker(found: dict[str, dict[str, Any]]) -> None:
        for partner in ("lakeside", "northern", "heron"):
            del found[partner]
        found["foundry"]["http"]["formats"] = []

    made = open_house(one_maker)
    (made.home / "secret.csv").write_bytes(qc(ROW))
    (made.home / "outside").mkdir()
    before = outside(made)
    yield made
    assert outside(made) == before


def said_in(path: Path) -> Any:
    """A document, once it is there."""
    return json.loads(path.read_bytes()) if path.exists() else None


def outside(hub: house.House) -> dict[str, bytes]:
    """Everything beside the hub's data and the partner's folders."""
    own = (hub.home / "data", hub.home / "foundry")
    paths = (path for path in hub.home.rglob("*") if path.is_file() and not any(o in path.parents for o in own))
    return {path.relative_to(hub.home).as_posix(): path.read_bytes() for path in paths}


def test_there_are_at_least_sixty_and_each_has_a_name_of_its_own() -> None:
    assert len(CASES) >= 60
    assert len({case.title for case in CASES}) == len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_drop_ends_where_it_should_and_its_error_names_the_place(hub: house.House, case: Case) -> None:
    kept, path = naming.kept_as(case.name), hub.drop / case.name
    receipt, error = hub.drop / "archive" / f"{kept}.receipt.json", hub.drop / "error" / f"{kept}.error.json"
    before = hub.facts()
    if isinstance(case.body, bytes):
        hidden = hub.drop / ".coming.part"
        hidden.write_bytes(case.body)
        hidden.rename(path)
    else:
        case.body(path)
    document = receipt if case.ends == ARCHIVE else error
    told: dict[str, Any] = hub.until(lambda: said_in(document))
    hub.until(lambda: not any((hub.drop / ".work").iterdir()))
    assert receipt.exists() is (case.ends == ARCHIVE), "told in two places"
    assert error.exists() is (case.ends != ARCHIVE)
    assert os.path.lexists(path) is (case.ends == LEFT)
    faults = told["warnings" if case.ends == ARCHIVE else "faults"]
    code, place = case.told
    if code:
        assert (code, place) in [(fault["code"], fault["place"]) for fault in faults]
    if case.ends == ARCHIVE:
        assert told["sha256"] == digest(case.body)  # type: ignore[arg-type]
    else:
        text = (hub.drop / "error" / f"{kept}.error.txt").read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith(f"{place}: {code}: "))
        assert line.endswith(next(f["remedy"] for f in faults if f["code"] == code))
    if case.ends == ERROR:
        assert (hub.drop / "error" / kept).read_bytes() == case.body
        fates = [part["fate"] for part in told["parts"]]
        assert (hub.facts() > before) is ("recorded" in fates), "facts of parts that were not recorded"
        if case.parts is not None:
            assert (fates.count("recorded"), len(fates) - fates.count("recorded")) == case.parts
    elif case.ends == ARCHIVE and case.parts is not None:
        assert told["parts"] == case.parts[0]
    elif case.ends == LEFT:
        assert hub.facts() == before


# ---- the partner is shown its own cell, and nobody else is ------------------------------------------------------


def test_an_error_shows_the_sender_its_own_cell_short_and_on_one_line(hub: house.House) -> None:
    value = "ninety\x1b[31m \u202eTregarthen " + "x" * 100
    told = hub.dropped("qc-g1.csv", qc(cell("Value", "1"), cell("Verdict", f'"{value}"'), cell("CoI", "")))
    fault = next(fault for fault in told["faults"] if fault["code"] == "code-unknown")
    assert fault["place"] == "line 3 column 9 (verdict)"
    assert fault["value"].startswith("ninety\\u001b[31m \\u202eTregarthen xxx")
    assert len(fault["value"]) < 80
    text = (hub.drop / "error" / "qc-g1.csv.error.txt").read_text(encoding="utf-8")
    assert f"line 3 column 9 (verdict): code-unknown: '{fault['value']}': " in text
    assert not any("Tregarthen" in line for line in hub.logs.lines)
    shown = hub.http("watch").get("/api/messages", params={"limit": 1000}).text
    assert "Tregarthen" not in shown


# ---- folders that a partner has meddled with --------------------------------------------------------------------


def meddled(open_house: Callable[..., house.House], name: str) -> house.House:
    """A hub whose partner put a link where the hub keeps its own folder."""
    made = open_house(lambda found: [found.pop(p) for p in ("lakeside", "northern", "heron")])
    (made.home / "outside").mkdir()
    folder, failed = made.drop / name, failures(made)
    for gone in count():
        folder.rename(made.drop / f"{name}-gone-{gone}")
        with contextlib.suppress(FileExistsError):  # the hub made it again in between
            folder.symlink_to(made.home / "outside")
            break
    made.until(lambda: failures(made) > failed)  # a look that began before has ended
    return made


def failures(hub: house.House) -> int:
    """How often a look at a folder failed."""
    return hub.logs.events().count("folder.failed")


@pytest.mark.parametrize("name", [".work", "archive", "error"])
def test_a_folder_of_the_hub_that_became_a_link_is_not_written_to(
    open_house: Callable[..., house.House], name: str
) -> None:
    hub = meddled(open_house, name)
    failed = failures(hub)
    (hub.drop / "qc-h1.csv").write_bytes(qc(ROW))
    (hub.drop / "qc-h2.csv").write_bytes(b"")
    hub.until(lambda: failures(hub) > failed + 1)
    assert not list((hub.home / "outside").iterdir())
    assert {"qc-h1.csv", "qc-h2.csv"} <= {path.name for path in hub.drop.iterdir()}
    (hub.drop / name).unlink()
    hub.until(lambda: (hub.drop / "archive" / "qc-h1.csv.receipt.json").exists())
    hub.until(lambda: (hub.drop / "error" / "qc-h2.csv.error.json").exists())


@pytest.mark.parametrize("name", ["archive/qc-i.csv.receipt.json", "archive/.qc-i.csv.receipt.json.writing"])
@pytest.mark.parametrize("how", ["link", "folder"])
def test_what_a_partner_puts_where_a_receipt_will_be_is_not_followed(hub: house.House, name: str, how: str) -> None:
    target = hub.home / "secret.csv"
    body = qc(cell("Value", f"{len(name)}{len(how)}"))
    there = hub.drop / name
    if there.exists():
        there.unlink()
    if how == "link":
        there.symlink_to(target)
    else:
        there.mkdir()
    hidden = hub.drop / "coming.part"
    hidden.write_bytes(body)
    hidden.rename(hub.drop / "qc-i.csv")
    receipt = hub.drop / "archive" / "qc-i.csv.receipt.json"
    hub.until(lambda: receipt.is_file() and not receipt.is_symlink() and digest(body).encode() in receipt.read_bytes())
    hub.until(lambda: not any((hub.drop / ".work").iterdir()))
    assert target.read_bytes() == qc(ROW)


def test_files_of_one_name_keep_what_was_said_of_each(hub: house.House) -> None:
    first = hub.dropped("qc-j1.csv", b"")
    hub.until(lambda: (hub.drop / "error" / "qc-j1.csv").exists())
    second = hub.dropped("qc-j1.csv", b"\0\1")
    assert (first["faults"][0]["code"], second["faults"][0]["code"]) == ("csv-empty", "csv-nul")
    error = hub.drop / "error"
    assert (error / "qc-j1.csv").read_bytes() == b"\0\1"
    older = next(path for path in error.glob("qc-j1~*.csv") if path.is_file())
    assert older.read_bytes() == b""


def test_a_vouched_file_waits_for_its_voucher(open_house: Callable[..., house.House]) -> None:
    def vouched(found: dict[str, dict[str, Any]]) -> None:
        for partner in ("lakeside", "northern", "heron"):
            del found[partner]
        found["foundry"]["files"]["whole"] = "marker"

    hub = open_house(vouched)
    (hub.drop / "qc-k1.csv").write_bytes(qc(ROW)[:50])
    (hub.drop / "qc-k2.csv.done").touch()
    (hub.drop / "qc-k3.csv").write_bytes(qc(cell("Value", "33")))
    (hub.drop / "qc-k3.csv.done").touch()
    hub.until(lambda: (hub.drop / "archive" / "qc-k3.csv.receipt.json").exists())
    assert (hub.drop / "qc-k1.csv").exists()
    (hub.drop / "qc-k1.csv").write_bytes(qc(cell("Value", "31")))
    (hub.drop / "qc-k1.csv.done").touch()
    hub.until(lambda: (hub.drop / "archive" / "qc-k1.csv.receipt.json").exists())
    hub.until(lambda: not any((hub.drop / ".work").iterdir()))
    assert [path.name for path in hub.drop.iterdir() if path.is_file()] == ["qc-k2.csv.done"]


@pytest.mark.parametrize("wrong", ["size", "sha256", "text"])
def test_a_file_that_is_not_what_its_manifest_says_is_held(
    open_house: Callable[..., house.House], wrong: str, hub_by_manifest: house.House
) -> None:
    hub, body = hub_by_manifest, qc(cell("Value", f"4{len(wrong)}"))
    said: dict[str, Any] = {"size": len(body), "sha256": digest(body)}
    said[wrong] = 3 if wrong == "size" else "0" * 64
    name = f"qc-l-{wrong}.csv"
    (hub.drop / name).write_bytes(body)
    text = "not JSON" if wrong == "text" else json.dumps(said)
    (hub.drop / f"{name}.manifest.json").write_text(text, encoding="utf-8")
    told = hub.until(lambda: said_in(hub.drop / "error" / f"{name}.error.json"))
    assert [fault["code"] for fault in told["faults"]] == ["manifest-mismatch"]
    assert hub.count("inbox") == 0
    assert world.GLN


@pytest.fixture(scope="module")
def hub_by_manifest(open_house: Callable[..., house.House]) -> house.House:
    def vouched(found: dict[str, dict[str, Any]]) -> None:
        for partner in ("lakeside", "northern", "heron"):
            del found[partner]
        found["foundry"]["files"]["whole"] = "manifest"

    return open_house(vouched)


def test_a_file_with_its_manifest_is_taken(hub_by_manifest: house.House) -> None:
    hub, body = hub_by_manifest, qc(cell("Value", "50"))
    (hub.drop / "qc-m1.csv.manifest.json").write_text(json.dumps({"size": len(body), "sha256": digest(body)}))
    (hub.drop / "qc-m1.csv").write_bytes(body)
    hub.until(lambda: (hub.drop / "archive" / "qc-m1.csv.receipt.json").exists())
    hub.until(lambda: not any((hub.drop / ".work").iterdir()))
    assert not list(hub.drop.glob("*.manifest.json"))
