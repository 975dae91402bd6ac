"""What the courier and the logger provider write in the demo. Synthetic; sends nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from hub.demo import writing
from hub.demo.care import DOSES, dose_of, fact
from hub.demo.cast import GLN, party
from hub.demo.world import BAGS, SSCC, Patient

SSCC_BACK = "106141411234567903"
PREFIX = "https://id.gs1.org/00/"


def _event(kind: str, at: str, step: str, **more: Any) -> dict[str, Any]:
    name = hashlib.sha256(f"{kind}{at}{step}{json.dumps(more, sort_keys=True)}".encode()).hexdigest()
    number = f"{name[:8]}-{name[8:12]}-4{name[13:16]}-8{name[17:20]}-{name[20:32]}"
    return {
        "type": kind,
        "eventID": f"urn:uuid:{number}",
        "eventTime": at,
        "eventTimeZoneOffset": at[-6:],
        "bizStep": step,
        **more,
    }


def _handed(giver: str, taker: str) -> dict[str, Any]:
    return {
        "sourceList": [{"type": "possessing_party", "source": party(giver)}],
        "destinationList": [{"type": "possessing_party", "destination": party(taker)}],
    }


def picked_up(patient: Patient) -> bytes:
    """EPCIS: the collected bag goes into the shipper, the shipper from the apheresis centre to the courier."""
    return _left(f"{BAGS}/{patient.bag}", SSCC, "riverside", "2026-03-10T15:05:00-05:00", "2026-03-10T15:30:00-05:00")


def sent_back(patient: Patient) -> bytes:
    """EPCIS: the product bag leaves the manufacturer for the hospital."""
    dose = f"{DOSES}/{dose_of(patient)}"
    return _left(dose, SSCC_BACK, "celltech", "2026-04-08T09:10:00+02:00", "2026-04-08T10:00:00+02:00")


def _left(thing: str, sscc: str, place: str, packed: str, left: str) -> bytes:
    where = {"id": party(place)}
    shipper = PREFIX + sscc
    return writing.document(
        _event(
            "AggregationEvent", packed, "packing", action="ADD", parentID=shipper, childEPCs=[thing], readPoint=where
        ),
        _event(
            "ObjectEvent",
            left,
            "departing",
            action="OBSERVE",
            epcList=[shipper],
            readPoint=where,
            **_handed(place, "swift"),
        ),
    )


def brought() -> bytes:
    """EPCIS: the product bag arrives at the hospital, which takes it."""
    where = {"id": party("mercy")}
    shipper = PREFIX + SSCC_BACK
    return writing.document(
        _event(
            "ObjectEvent", "2026-04-09T08:40:00-05:00", "arriving", action="OBSERVE", epcList=[shipper], readPoint=where
        ),
        _event(
            "ObjectEvent",
            "2026-04-09T08:55:00-05:00",
            "accepting",
            action="OBSERVE",
            epcList=[shipper],
            readPoint=where,
            **_handed("swift", "mercy"),
        ),
    )


def milestones() -> bytes:
    """The courier's own feed: out of order, in three time zones, one of them twice."""
    late = {
        "eventId": "SW-3",
        "event": "arrival",
        "eventTime": "2026-03-11T07:10:00+01:00",
        "sscc": SSCC,
        "location": {"city": "Berlin", "gln": GLN["celltech"]},
    }
    first = {
        "eventId": "SW-1",
        "event": "PICKED UP",
        "eventTime": "2026-03-10T15:30:00",
        "timeZone": "America/Chicago",
        "sscc": SSCC,
        "from": GLN["riverside"],
        "to": GLN["swift"],
    }
    middle = {
        "eventId": "SW-2",
        "event": "re-iced",
        "eventTime": "2026-03-10T23:10:00Z",
        "sscc": SSCC,
        "location": {"city": "Louisville"},
        "holdUntil": "2026-03-14T23:10:00Z",
    }
    return json.dumps({"feed": "Swift milestones", "milestones": [late, middle, first, late]}).encode()


def logged() -> bytes:
    """A logger's file in Fahrenheit and local time, with a gap of two hours that nobody knows anything of."""
    begin = datetime(2026, 3, 10, 15, 15)  # noqa: DTZ001 - the file's head says its zone
    moments = [begin + timedelta(minutes=15 * n) for n in range(40) if not 11 <= n < 19]
    lines = [f"{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p},{38 + at.minute / 60:.1f}" for at in moments]
    head = ["Monitor Serial Number,TT-5550192", f"Trip Number,{SSCC}", "Time Zone,America/Chicago", "Alarms,0"]
    return "\r\n".join([*head, "Date Time,Temperature", *lines, ""]).encode()


def logged_back() -> bytes:
    """The logger of the way back, in liquid nitrogen: another maker's file, decimal commas, a zone of its own."""
    begin = datetime(2026, 4, 8, 9, 0)  # noqa: DTZ001 - the file's head says its zone
    moments = [begin + timedelta(minutes=10 * n) for n in range(188)]
    lines = [f"{at:%d.%m.%Y;%H:%M};-{155 + at.minute % 3},{at.hour % 10}0" for at in moments]
    head = ["Berlinger Q-tag;;", "Serial No;Q-778120;", f"Shipment;{SSCC_BACK};", "Time Zone;UTC+02:00;", "Alarm;OK;"]
    return "\r\n".join([*head, "", "Date;Time;Temp [°C]", *lines, ""]).encode("cp1252")


def planned(patient: Patient, at: str) -> dict[str, Any]:
    """The apheresis centre's plan: for whom the shipment is."""
    ends = {"shipper": _party("riverside"), "consignee": _party("celltech"), "carrier": _party("swift")}
    return fact("shipment.planned", at, "shipment", ("https://id.gs1.org/00", SSCC), patient, **ends)


def handed_over(patient: Patient, at: str) -> dict[str, Any]:
    """The apheresis centre's own word for the pick-up."""
    hands = {"giver": _party("riverside"), "taker": _party("swift")}
    return fact("custody.transferred", at, "container", (BAGS, patient.bag), patient, **hands)


def _party(name: str) -> dict[str, Any]:
    return {"kind": "party", "identifiers": [{"system": "https://id.gs1.org/414", "value": GLN[name]}]}
