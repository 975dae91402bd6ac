"""HL7 v2 → frames → FHIR R4 JSON with the account of every field, one core, against hl7apy's and python-hl7's parse."""

from __future__ import annotations

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
