"""Formats to frames with the account of every field, one core: HL7 v2 on to FHIR R4 JSON against hl7apy's and
python-hl7's parse, CSV against csv.reader alone, B2MML against lxml's parse."""

from __future__ import annotations

import csv
import io
import time
import warnings
from collections.abc import Callable, Iterator

from benchmarks import messages
from hub.formats import format_of

SECONDS = 2.0


def rate(work: Callable[[int], object], seconds: float = SECONDS) -> float:
    """Calls per second of CPU time."""
    work(0)
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for _ in range(5):
            work(done)
            done += 1
    return done / spent


def rows() -> Iterator[tuple[str, str, str]]:
    """What, messages per second and core, and the ratios."""
    yield from _messages()
    yield from _sheet()
    yield from _performance()


def _performance() -> Iterator[tuple[str, str, str]]:
    """What a manufacturer did in B2MML, step by step: read and accounted, and what lxml's parse alone takes for it."""
    from lxml import etree

    body = messages.performance(200)
    b2mml = format_of("b2mml")
    plain = rate(lambda _: etree.fromstring(body), 1.0) * len(body)
    whole = rate(lambda _: b2mml.read(body).summary()) * len(body)
    yield "B2MML of 200 steps to frames, with account", f"{whole / 1e6:.2f} MB/s", f"{whole / plain:.3f} × lxml"


def _sheet() -> Iterator[tuple[str, str, str]]:
    """A sheet of results: read, validated and accounted, and what csv.reader alone takes for it."""
    body = messages.sheet(1)
    dialect = format_of("mes_csv")
    text = body.decode()
    plain = rate(lambda _: list(csv.reader(io.StringIO(text), delimiter=";")), 1.0) * len(body)
    whole = rate(lambda _: dialect.read(body, "mes_csv/qc_results").summary()) * len(body)
    rows = body.count(b"\n") - 1
    yield (
        f"CSV of {rows} results to frames, with account",
        f"{whole / 1e6:.2f} MB/s",
        f"{whole / plain:.3f} × csv.reader",
    )
    yield "csv.reader alone", f"{plain / 1e6:.0f} MB/s", ""


def _messages() -> Iterator[tuple[str, str, str]]:
    import hl7
    from hl7apy.parser import parse_message

    v2, fhir = format_of("hl7v2"), format_of("fhir_r4")
    bodies = {"OML^O21": messages.order(1), "ORU^R01": messages.results(1), "ORU^R01, 20 OBX": messages.panel(1)}

    def whole(body: bytes) -> object:
        read = v2.read(body)
        written, _ = fhir.write("Bundle", read.frames)
        return read.summary(), written

    for name, body in bodies.items():
        text = body.decode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = rate(lambda _, t=text: parse_message(t, find_groups=False))  # type: ignore[misc]
            grouped = rate(lambda _, t=text: parse_message(t))  # type: ignore[misc]
        python_hl7 = rate(lambda _, t=text: hl7.parse(t))  # type: ignore[misc]
        read = rate(lambda _, b=body: v2.read(b).summary())  # type: ignore[misc]
        full = rate(lambda _, b=body: whole(b))  # type: ignore[misc]
        yield f"{name} ({len(body)} bytes): to frames, with account", f"{read:,.0f}/s", ""
        ratios = (
            f"{full / grouped:.0f} × hl7apy, {full / theirs:.0f} × hl7apy flat, {full / python_hl7:.1f} × python-hl7"
        )
        yield f"{name}: to FHIR JSON, with account", f"{full:,.0f}/s", ratios
        yield (
            f"{name}: hl7apy parse / flat / python-hl7 parse",
            f"{grouped:,.0f} / {theirs:,.0f} / {python_hl7:,.0f}/s",
            "",
        )
