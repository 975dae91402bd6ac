"""Messages to measure with: synthetic, of the sizes that interfaces see. Nothing of two numbers agrees."""

from __future__ import annotations

from typing import Any

from hub.demo import world, writing
from hub.demo.world import Patient

DIGITS = 8
"""Of a number in every identifier that is made of it."""


def patient(number: int) -> Patient:
    """A patient with an order of their own."""
    own = f"{number:0{DIGITS}}"
    return Patient(
        mrn=own,
        family=f"FAMILY{own}",
        given="GIVEN",
        born="19700203",
        sex="F",
        order=f"ORD-{own}",
        coi=f"CHABC12{own}",
        bag=f"BAG-{own}",
        lab=f"LAB-{own}",
    )


def order(number: int) -> bytes:
    """An OML^O21 of about 700 bytes."""
    written = world.order(patient(number), f"O{number:0{DIGITS}}", at="20260311070000-0500")
    return written.replace(b"|20260228", b"|20260310")


def results(number: int) -> bytes:
    """An ORU^R01 of about 800 bytes."""
    return world.apheresis(patient(number), f"R{number:0{DIGITS}}")


def panel(number: int, count: int = 20) -> bytes:
    """An ORU^R01 with a panel of results, about 2 KB."""
    head, _, rest = results(number).partition(b"SPM|")
    stamp = "|mg/dL^^UCUM|1-9|N|||F|||20260310120000-0500"
    lines = [f"OBX|{n + 3}|NM|LAB{n:02}^Analyte {n}^L||{n}.{n:02}{stamp}".encode() for n in range(count)]
    return head + b"\r".join(lines) + b"\rSPM|" + rest


def sscc(number: int) -> str:
    """The number of a shipper; its last digit checks nothing."""
    return f"1061414{number:0{DIGITS}}000"


def departure(number: int) -> bytes:
    """An EPCIS document: the bag goes into a shipper of its own, the shipper from hospital to courier."""
    shipper = f"https://id.gs1.org/00/{sscc(number)}"
    packed: dict[str, Any] = {
        "type": "AggregationEvent",
        "eventID": f"urn:uuid:{number:0{DIGITS}}-0000-4000-8000-000000000001",
        "eventTime": "2026-03-10T15:05:00-05:00",
        "eventTimeZoneOffset": "-05:00",
        "bizStep": "packing",
        "action": "ADD",
        "parentID": shipper,
        "childEPCs": [f"{world.BAGS}/{patient(number).bag}"],
        "readPoint": {"id": world.party("mercy")},
    }
    departed: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{number:0{DIGITS}}-0000-4000-8000-000000000002",
        "eventTime": "2026-03-10T15:30:00-05:00",
        "eventTimeZoneOffset": "-05:00",
        "bizStep": "departing",
        "action": "OBSERVE",
        "epcList": [shipper],
        "readPoint": {"id": world.party("mercy")},
        "sourceList": [{"type": "possessing_party", "source": world.party("mercy")}],
        "destinationList": [{"type": "possessing_party", "destination": world.party("swift")}],
    }
    return writing.document(packed, departed)


def receipt(number: int) -> bytes:
    """A manufacturer's file of what it received."""
    return world.receipts(patient(number), patient(number).bag, sscc(number))


def quality(number: int) -> bytes:
    """A manufacturer's file of three results, of a batch and a sample of their own."""
    own = f"-{number:0{DIGITS}};".encode()
    return world.qc_results(patient(number)).replace(b"B-77;", b"B" + own).replace(b"S-1;", b"S" + own)


def sheet(number: int, rows: int = 200) -> bytes:
    """A manufacturer's file of many results, each of a sample of its own."""
    head, first, *_ = quality(number).splitlines()
    return b"\n".join([head, *(first.replace(b";S-1;", b";S-%d;" % row) for row in range(rows))]) + b"\n"


def performance(steps: int) -> bytes:
    """An OperationsPerformance of B2MML V0700 with one batch of so many steps."""
    step = """<SegmentResponse><ID>{0}</ID><ActualStartTime>2026-03-12T08:10:00+01:00</ActualStartTime>
      <ActualEndTime>2026-03-12T11:55:00+01:00</ActualEndTime><ProcessSegmentID>FEED</ProcessSegmentID>
      <SegmentState>Completed</SegmentState>
      <SegmentData><ID>volume</ID><Value><ValueString>81.50</ValueString><UnitOfMeasure>mL</UnitOfMeasure></Value></SegmentData>
      <MaterialActual><ID>1</ID><MaterialLotID>MEDIUM-{0}</MaterialLotID><MaterialUse>Consumed</MaterialUse>
        <Quantity><QuantityString>12.5</QuantityString><UnitOfMeasure>mL</UnitOfMeasure></Quantity></MaterialActual>
    </SegmentResponse>"""
    inner = "".join(step.format(number) for number in range(steps))
    return f"""<OperationsPerformance xmlns="http://www.mesa.org/xml/B2MML"><ID>P</ID><OperationsResponse><ID>B-1</ID>
      <ResponseState>Completed</ResponseState>{inner}</OperationsResponse></OperationsPerformance>""".encode()
