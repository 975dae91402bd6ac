"""How synthetic worlds write: messages as bytes, profiles as files. Knows no partner and no patient.

The demo's world writes with it, and so do the worlds of the tests, each about partners and patients of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

RECEIPTS = "CoI;Bag Barcode;SSCC;Received At;Temp;Inspection"
QC_RESULTS = "CoI;Batch;Sample;Bag Barcode;Test;Method;Result;Units;LSL;USL;Pass/Fail;Status;Tested At"
"""Headers as a manufacturer exports them; the base dialects read them."""


def v2(*segments: str) -> bytes:
    """An HL7 v2 message."""
    return ("\r".join(segments) + "\r").encode()


def document(*events: Any, **head: Any) -> bytes:
    """An EPCIS document; `head` has further fields of the document."""
    return json.dumps(
        {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-03-10T16:00:00Z",
            **head,
            "epcisBody": {"eventList": list(events)},
        }
    ).encode()


def sheet(header: str, *rows: str) -> bytes:
    """A delimited file."""
    return ("\r\n".join([header, *rows]) + "\r\n").encode()


def write_profiles(folder: Path, profiles: Mapping[str, Mapping[str, Any]]) -> None:
    """Profiles as files, as an integrator would write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, profile in profiles.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")


def write_overlay(folder: Path) -> Path:
    """An overlay with a hospital's own reading of specimen codes."""
    codes = folder / "hl7v2" / "codes"
    codes.mkdir(parents=True, exist_ok=True)
    lines = ["wire,canonical,note", "APH,starting,apheresis product of this hospital", "*!,sample,everything else"]
    (codes / "material_stage.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
