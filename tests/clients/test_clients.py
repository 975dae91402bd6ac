"""Clients that are not ours drive parts of the journey: PyPI's hl7 and fhirpy, HAPI's clients of HL7 v2 and FHIR."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hl7.client
import httpx
import pytest
from fhirpy import SyncFHIRClient

from tests import ports
from tests.hub import world
from tests.hub.world import BAGS, FHIR, MRN_SYSTEM, Person
from tests.judges import tools
from tests.judges.courts import DRIVERS
from tests.judges.tools import Missing

pytestmark = pytest.mark.slow
_NUMBERS = count(501)


@dataclass(frozen=True, slots=True)
class Served:
    """A hub that serves in a process of its own."""

    base: str
    mllp: int

    @property
    def fhir(self) -> str:
        return f"{self.base}/fhir"

    def get(self, address: str, **query: str) -> Any:
        headers = {"authorization": f"Bearer {world.TOKENS['lakeside']}"}
        return httpx.get(f"{self.fhir}/{address}", params=query, headers=headers, timeout=20).json()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    found = world.profiles(home, world.write_overlay(home / "overlay"))
    http, mllp = ports.free(), ports.free()
    found["lakeside"]["mllp"] = {"listen": mllp}
    world.write_profiles(home / "partners", {"lakeside": found["lakeside"], "watch": found["watch"]})
    settings = {"CGT_DATA": home / "data", "CGT_PARTNERS": home / "partners", "CGT_HTTP_PORT": http}
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    command = [str(Path(sys.executable).parent / "cgt-hub"), "serve"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        one = Served(f"http://127.0.0.1:{http}", mllp)
        _until(lambda: process.poll() is not None or _is_up(one))
        assert process.poll() is None, (home / "log").read_text(encoding="utf-8")
        yield one
    finally:
        process.terminate()
        process.wait(20)


def _is_up(one: Served) -> bool:
    try:
        return httpx.get(f"{one.base}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _until(look: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"not in {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def who() -> Person:
    """A patient whom no other client knows."""
    return world.person(next(_NUMBERS))


@pytest.fixture(scope="module")
def java() -> list[str]:
    """The command that runs our drivers in Java."""
    try:
        return tools.java(*DRIVERS)
    except Missing as missing:
        pytest.skip(str(missing))


# ---- PyPI's hl7 -----------------------------------------------------------------------------------------------


def test_the_hl7_package_orders_and_tells_of_the_collection_on_one_line(served: Served, who: Person) -> None:
    with hl7.client.MLLPClient("127.0.0.1", served.mllp) as client:
        answers = [client.send_message(m.decode()) for m in (world.order(who, "C-1"), world.apheresis(who, "C-2"))]
        again = client.send_message(world.order(who, "C-1").decode())
        broken = client.send_message(world.order(who, "C-3").replace(b"OML^O21^OML_O21", b"ZZZ^Z99").decode())
    told = [hl7.parse(answer.decode().lstrip("\x0b").rstrip("\x1c\r") + "\r") for answer in (*answers, again, broken)]
    assert [str(one.segment("MSA")[1]) for one in told] == ["AA", "AA", "AA", "AR"]
    assert [str(one.segment("MSA")[2]) for one in told] == ["C-1", "C-2", "C-1", "C-3"]
    found = served.get("ServiceRequest", identifier=f"urn:id:EHR|{who.order}")
    assert found["total"] == 1


# ---- fhirpy ---------------------------------------------------------------------------------------------------


def _fhirpy(served: Served) -> SyncFHIRClient:
    return SyncFHIRClient(
        served.fhir, authorization=f"Bearer {world.TOKENS['lakeside']}", extra_headers={"accept": FHIR}
    )


def test_fhirpy_orders_searches_updates_and_asks(served: Served, who: Person) -> None:
    client = _fhirpy(served)
    patient = client.resource("Patient", **{k: v for k, v in world.patient(who).items() if k != "resourceType"})
    patient.save()
    assert patient.id
    request = {k: v for k, v in world.service_request(who).items() if k != "resourceType"}
    order = client.resource("ServiceRequest", **{**request, "subject": patient.to_reference()})
    order.save()
    found = client.resources("ServiceRequest").search(identifier=f"urn:id:EHR|{who.order}").fetch_all()
    assert [one["id"] for one in found] == [order.id]
    assert len(client.resources("ServiceRequest").search(patient=patient.id).fetch_all()) == 1
    told = client.execute(f"ServiceRequest/{order.id}/$may-infuse", method="POST", data=_parameters(who))
    assert _value(told, "verdict") in {"deny", "cannot-tell"}
    assert client.reference("Patient", patient.id).to_resource()["birthDate"] == world.patient(who)["birthDate"]


def test_fhirpy_sends_a_transaction_whose_entries_refer_to_each_other(served: Served, who: Person) -> None:
    key = "urn:uuid:3f1c9d52-7c53-4c1c-8a53-0d3e0b7a7f01"
    order = {**world.service_request(who), "subject": {"reference": key}}
    entries = [
        {"fullUrl": key, "resource": world.patient(who), "request": {"method": "POST", "url": "Patient"}},
        {"resource": order, "request": {"method": "POST", "url": "ServiceRequest"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    told = _fhirpy(served).execute("", method="POST", data=bundle)
    assert [entry["response"]["status"][:3] for entry in told["entry"]] == ["201", "201"]
    patient, placed = (entry["response"]["location"] for entry in told["entry"])
    assert served.get(placed)["subject"] == {"reference": patient.partition("/_history")[0]}


def _parameters(who: Person) -> dict[str, Any]:
    bag = {"name": "container", "valueIdentifier": {"system": BAGS, "value": who.bag}}
    return {"resourceType": "Parameters", "parameter": [bag]}


def _value(told: Any, name: str) -> Any:
    return next(one["valueCode"] for one in told["parameter"] if one["name"] == name)


# ---- HAPI -----------------------------------------------------------------------------------------------------


def test_hapis_v2_client_orders_and_tells_of_the_collection(
    served: Served, who: Person, java: list[str], tmp_path: Path
) -> None:
    files = []
    for name, message in (("order", world.order(who, "H-1")), ("collection", world.apheresis(who, "H-2"))):
        files.append(tmp_path / name)
        files[-1].write_bytes(message)
    told = tools.ask([*java, "V2Client", "127.0.0.1", str(served.mllp), *map(str, files)])
    assert told.splitlines() == ["AA\tH-1", "AA\tH-2"]
    patient = served.get("Patient", identifier=f"{MRN_SYSTEM}|{who.mrn}")["entry"][0]["resource"]
    results = served.get("Observation", patient=patient["id"])
    assert results["total"] >= 2


def test_hapis_fhir_client_drives_a_journey(served: Served, java: list[str]) -> None:
    said = tools.ask([*java, "FhirClient", served.fhir, world.TOKENS["lakeside"], "HAPI-1"])
    told = dict(line.split("\t", 1) for line in said.splitlines())
    assert told.pop("verdict") in {"deny", "cannot-tell"}
    assert told == {
        "fhir": "4.0.1",
        "entries": "201,201,201",
        "found": "1",
        "subject": "Ostrander",
        "value": "98.50",
        "updated": "2",
        "stale": "conflict",
    }


def test_what_the_clients_sent_is_in_one_hub(served: Served) -> None:
    headers = {"authorization": f"Bearer {world.TOKENS['watch']}"}
    told = httpx.get(f"{served.base}/api/messages", params={"limit": "1000"}, headers=headers, timeout=20).json()
    outcomes = {one["outcome"] for one in told}
    assert outcomes <= {"recorded", "rejected"}
    assert json.dumps(told).count("recorded") >= 4
