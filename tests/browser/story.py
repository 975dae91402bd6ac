"""What the browser's hub knows: some orders in good and bad shape, told by their partners over real transports."""

from __future__ import annotations

from typing import Any

from tests.hub import house, world
from tests.hub.world import Person

SOUND, WARM, WRONG, YOUNG = (world.person(number) for number in (101, 102, 103, 104))
"""An order in order; one whose shipper got warm and silent; one whose bag is another's; one just placed."""
LOUD = "<script>document.title='ran'</script><img src=x onerror=document.title='ran'>"
"""Markup that must never run, in fields that the pages show."""
HOSTILE = Person(
    mrn="90105",
    family=f"Loud{LOUD}",
    given='"><svg onload=document.title=1>',
    order="LK-<b>105</b>",
    coi="CHLKS26'\"><i>105",
    bag="LKBAG-<i>105</i>",
    lab="LKLAB-105",
)


def sscc(number: int) -> str:
    """A shipper of its own, with its check digit."""
    digits = f"39512345{number:09}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def told(hub: house.House) -> house.House:
    """Sends everything to a hub that runs."""
    for number, who in enumerate((SOUND, WARM, WRONG, YOUNG, HOSTILE), 101):
        hub.send(world.order(escaped(who), f"{number}-A"))
    for number, who in ((101, SOUND), (102, WARM), (103, WRONG), (105, HOSTILE)):
        hub.send(world.apheresis(escaped(who), f"{number}-B"))
    _moved(hub, SOUND, sscc(101), [4.0 + (n % 5) / 10 for n in range(30)], 20)
    _moved(hub, WARM, sscc(102), [4.1, 4.4, 9.8, 11.2, 10.9, 5.0, 4.6], 75)
    hub.dropped("receipts-101.csv", world.receipts(SOUND, shipment=sscc(101)))
    hub.dropped("qc-101.csv", world.qc(SOUND))
    hub.dropped("receipts-103.csv", world.receipts(WRONG, bag=SOUND.bag, shipment=sscc(103)))
    two = world.order(YOUNG, "104-C")
    hub.send(two + two)
    _asked(hub, SOUND)
    hub.quiet()
    return hub


def escaped(who: Person) -> Person:
    """The person as HL7 v2 writes what would be a delimiter."""
    return Person(**{f: getattr(who, f).replace("&", "\\T\\").replace("^", "\\S\\") for f in who.__slots__})


def _moved(hub: house.House, who: Person, shipper: str, values: list[float], minutes: int) -> None:
    """Packed, gone, measured, come."""
    begin = 16 * 60
    reports = [
        {
            "type": "Temperature",
            "value": value,
            "uom": "CEL",
            "time": f"2026-03-10T{(begin + n * minutes) // 60:02}:{(begin + n * minutes) % 60:02}:00-05:00",
        }
        for n, value in enumerate(values)
        if (begin + n * minutes) < 24 * 60
    ]
    logged = {"sensorMetadata": {"deviceID": "urn:epc:id:giai:9531110.LOGGER7"}, "sensorReport": reports}
    own = {"epcList": [f"https://id.gs1.org/00/{shipper}"]}
    at = "2026-03-10T23:59:00-05:00"
    events = [
        world.packing(who, shipper),
        world.departing(shipper),
        world.event("transporting", at, **own, readPoint={"id": world.party("heron")}, sensorElementList=[logged]),
        world.event("arriving", "2026-03-11T07:10:00+01:00", **own, readPoint={"id": world.party("foundry")}),
    ]
    sent = hub.http("heron").post("/epcis/capture", content=world.document(*events), headers={"content-type": world.LD})
    assert sent.status_code in {201, 202}, sent.text


def _asked(hub: house.House, who: Person) -> None:
    body: dict[str, Any] = {
        "order": [{"system": "urn:id:EHR", "value": who.order}],
        "containers": [{"system": world.BAGS, "value": who.bag}],
    }
    given = hub.http("lakeside").post("/api/questions/may-infuse", json=body)
    assert given.status_code == 200, given.text
