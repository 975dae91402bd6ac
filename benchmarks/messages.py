"""Messages to measure with: synthetic, of the sizes that interfaces see."""

from __future__ import annotations

from hub.demo import world
from hub.demo.world import Patient


def patient(number: int) -> Patient:
    """A patient with an order of their own."""
    return Patient(
        mrn=f"{100000 + number}",
        family=f"FAMILY{number}",
        given="GIVEN",
        born="19700203",
        sex="F",
        order=f"ORD-{number}",
        coi=f"CHABC12{number % 10**6:06}{number // 10**6:02}"[:15],
        bag=f"BAG-{number}",
        lab=f"LAB-{number}",
    )


def order(number: int) -> bytes:
    """An OML^O21 of about 700 bytes."""
    return world.order(patient(number), f"O{number}", at="20260311070000-0500")


def results(number: int) -> bytes:
    """An ORU^R01 of about 800 bytes."""
    return world.apheresis(patient(number), f"R{number}")


def panel(number: int, count: int = 20) -> bytes:
    """An ORU^R01 with a panel of results, about 2 KB."""
    head, _, rest = results(number).partition(b"SPM|")
    lines = [
        f"OBX|{n + 3}|NM|LAB{n:02}^Analyte {n}^L||{n}.{n:02}|mg/dL^^UCUM|1-{n + 5}|N|||F|||20260310120000-0500".encode()
        for n in range(count)
    ]
    return head + b"\r".join(lines) + b"\rSPM|" + rest
