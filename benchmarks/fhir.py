"""FHIR POST: an Observation validated, recorded and answered, against a fhir.resources route that stores nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import messages
from benchmarks.measure import Row, hl7, posts, receiving_only, running, send
from hub.demo import world
from tests import ports

COUNT = 1_000
SENDERS = 8
PATH = "/fhir/Observation"


def observation(number: int) -> bytes:
    """A result of an order, by the identifiers of both."""
    patient = messages.patient(number)
    return json.dumps(
        {
            "resourceType": "Observation",
            "identifier": [{"system": "urn:id:CELLLAB", "value": f"OBS-{number:08}"}],
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "33193-4", "display": "Viable cells"}]},
            "subject": {"identifier": {"system": f"urn:oid:{world.MERCY_OID}", "value": patient.mrn}},
            "basedOn": [{"identifier": {"system": "urn:id:EPIC", "value": patient.order}}],
            "effectiveDateTime": "2026-03-10T14:00:00-05:00",
            "valueQuantity": {"value": 98.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
        }
    ).encode()


def rows(count: int = COUNT) -> Iterator[Row]:
    """Both, the same generator and the same bodies."""
    bodies = [observation(number * 2) for number in range(count)]
    theirs = _theirs(bodies)
    yield f"fhir.resources route, nothing stored, {SENDERS} senders", f"{theirs:,.0f}/s", ""
    with tempfile.TemporaryDirectory(prefix="cgt-bench-") as folder, running(receiving_only(Path(folder))) as hub:
        send(hl7, hub.mllp, 8, 0, count * 2, b"AA", 600.0)  # the orders, and what is compiled at first use
        warm = [observation(10**6 + number) for number in range(50)]
        send(posts, hub.http, PATH, world.TOKENS["mercy"], warm, SENDERS)
        before = hub.cpu()
        sent = send(posts, hub.http, PATH, world.TOKENS["mercy"], bodies, SENDERS)
        ratio = f"{sent.rate / theirs:.2f} × the route that stores nothing"
        yield f"FHIR POST of an Observation, recorded, {SENDERS} senders", sent.figures(hub.cpu() - before), ratio


def _theirs(bodies: list[bytes]) -> float:
    port = ports.free()
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.fhir_route", str(port)])
    try:
        _listening(port)
        send(posts, port, PATH, "nobody", bodies[:50], SENDERS)
        return send(posts, port, PATH, "nobody", bodies, SENDERS).rate
    finally:
        server.kill()
        server.wait()


def _listening(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
