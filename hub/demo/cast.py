"""The partners of the whole journey with their profiles, as an integrator would write them. Knows no message.

Beside those of the demo's world: an apheresis centre (FHIR), a sponsor (webhooks), the manufacturer's MES (B2MML), a
laboratory (instrument files), a logger provider (logger files) and a registry (webhooks).
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from hub.demo import world, writing

GLN = world.GLN | {
    "riverside": "9521144444440",
    "axion": "9521145555557",
    "assay": "9521146666664",
    "coldwatch": "9521147777771",
    "registry": "9521148888888",
}
TOKENS = world.TOKENS | {"riverside": "demo-riverside"}
SAMPLES = """map: asm/assay
about: the laboratory names its samples by chain of identity, batch and bag
like: asm/results
for: [asm/assay]
dialect:
  sample: "(?P<order>CH[A-Z0-9]+)/(?P<batch>B-[0-9]+)/(?P<container>DOSE-[0-9]+)"
  systems: {batch: "https://celltech.example/id", container: "https://celltech.example/bag"}
"""
CAST = (
    "Mercy Hospital (HL7 v2, FHIR, bedside scanners), Riverside Apheresis (FHIR), Axion Therapeutics (webhooks), "
    "Celltech Manufacturing (CSV, B2MML), Assay Laboratory (ASM), Swift Couriers (EPCIS, milestones), "
    "Coldwatch (logger files), the registry (webhooks)"
)


def party(name: str) -> str:
    return f"https://id.gs1.org/414/{GLN[name]}"


def secret(partner: str) -> str:
    """The secret of a partner's webhooks: of the demo only, and no secret at all."""
    return "whsec_" + base64.b64encode(hashlib.sha256(f"demo {partner}".encode()).digest()).decode()


def _token(partner: str) -> str:
    return hashlib.sha256(TOKENS[partner].encode()).hexdigest()


def profiles(home: Path, ports: dict[str, int]) -> dict[str, dict[str, Any]]:
    """The partner profiles, as they stand in YAML. `ports`: where the partners' own receivers listen."""
    known = world.profiles(home, ports["mercy"], f"http://127.0.0.1:{ports['swift']}/epcis")
    known["mercy"] |= {
        "webhook": {"secret_files": ["../secrets/mercy"]},
        "sends": [
            {"events": ["result.reported", "result.corrected"], "message": "hl7v2/oru_r01"},
            {"events": ["slot.booked", "slot.changed"], "message": "hl7v2/siu_s12"},
            {"events": ["shipment.departed"], "message": "hl7v2/osm_r26"},
        ],
    }
    known["swift"]["http"] |= {"formats": ["epcis", "courier_feed"]}
    known["celltech"]["files"] |= {
        "dialects": {
            "receipts*": "mes_csv/receipts",
            "qc*": "mes_csv/qc_results",
            "steps*": "mes_csv/batch_steps",
            "slots*": "mes_csv/slots",
            "decisions*": "mes_csv/dispositions",
            "ask*": "mes_csv/questions",
        }
    }
    known["celltech"]["webhook"] = {"secret_files": ["../secrets/celltech"]}
    return known | {
        "celltech-mes": {
            "partner": "celltech-mes",
            "name": "Celltech Manufacturing, MES",
            "role": "cdmo",
            "zone": "Europe/Berlin",
            "party": party("celltech"),
            "system": "https://celltech.example/id",
            "files": {
                "drop": str(home / "celltech-mes" / "drop"),
                "out": str(home / "celltech-mes" / "out"),
                "format": "b2mml",
                "settle_seconds": 0.2,
            },
            "products": ["AXI-CEL"],
            "sends": [{"events": ["slot.booked", "slot.changed"], "message": "b2mml/operations_request"}],
        },
        "riverside": {
            "partner": "riverside",
            "name": "Riverside Apheresis",
            "role": "apheresis-centre",
            "zone": "America/Chicago",
            "party": party("riverside"),
            "system": "https://riverside.example/id",
            "http": {"token_sha256": _token("riverside"), "formats": ["fhir_r4"]},
            "webhook": {"secret_files": ["../secrets/riverside"]},
            "products": ["AXI-CEL"],
        },
        "axion": {
            "partner": "axion",
            "name": "Axion Therapeutics",
            "role": "sponsor",
            "zone": "America/New_York",
            "party": party("axion"),
            "webhook": {
                "secret_files": ["../secrets/axion"],
                "post_to": f"http://127.0.0.1:{ports['axion']}/cgt",
                "post_secret_files": ["../secrets/axion"],
            },
            "products": ["AXI-CEL"],
            "sends": [
                {
                    "events": [
                        "order.submitted",
                        "collection.completed",
                        "shipment.departed",
                        "shipment.accepted",
                        "batch.started",
                        "batch.completed",
                        "disposition.decided",
                        "infusion.completed",
                        "outcome.reported",
                    ],
                    "message": "canonical/event",
                }
            ],
        },
        "assay": {
            "partner": "assay",
            "name": "Assay Laboratory",
            "role": "qc-lab",
            "zone": "Europe/Berlin",
            "party": party("assay"),
            "system": "https://assay.example/id",
            "overlay": "assay-tables",
            "files": {"drop": str(home / "assay" / "drop"), "format": "asm", "settle_seconds": 0.2},
            "products": ["AXI-CEL"],
        },
        "coldwatch": {
            "partner": "coldwatch",
            "name": "Coldwatch Loggers",
            "role": "logger-provider",
            "zone": "America/Chicago",
            "party": party("coldwatch"),
            "files": {
                "drop": str(home / "coldwatch" / "drop"),
                "dialects": {"tt*": "mes_csv/sensitech", "q*": "mes_csv/berlinger", "*": "mes_csv/logger"},
                "settle_seconds": 0.2,
            },
            "products": ["AXI-CEL"],
        },
        "registry": {
            "partner": "registry",
            "name": "Registry of cell therapies",
            "role": "registry",
            "party": party("registry"),
            "webhook": {"secret_files": ["../secrets/registry"]},
            "products": ["AXI-CEL"],
        },
        "operator": known["operator"] | {"webhook": {"secret_files": ["../secrets/operator"]}},
    }


def write(home: Path, ports: dict[str, int]) -> None:
    """Profiles, the hospital's overlay and the secrets of webhooks, as files of a home."""
    secrets = home / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    for partner in ("mercy", "riverside", "celltech", "axion", "registry", "operator"):
        (secrets / partner).write_text(secret(partner), encoding="ascii")
    writing.write_profiles(home / "partners", profiles(home, ports))
    writing.write_overlay(home / "partners" / "mercy-tables")
    tables = home / "partners" / "assay-tables" / "asm"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "assay.yaml").write_text(SAMPLES, encoding="utf-8")
