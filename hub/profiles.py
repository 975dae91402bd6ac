"""Partner profiles: who a partner is, in which role and region, how it sends, what it may see. One YAML each.

All faults of all profiles are told at once. A profile holds no secret: a credential is the name of a file or the salted
hash of a token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from canonical_model.catalogue import EVENTS, ROLES
from canonical_model.values import zone_of
from hub.settings import is_loopback


class ProfileError(Exception):
    """All faults of the profiles that were loaded together."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mllp(_Part):
    """HL7 v2 over MLLP: where the hub listens for this partner, and where it sends to."""

    listen: int | None = Field(default=None, ge=0, le=65535, description="port; 0 takes a free one")
    from_hosts: tuple[str, ...] = Field(default=("127.0.0.1", "::1"), description="addresses that may connect")
    client_certificate: str | None = Field(default=None, description="subject common name of the client's certificate")
    send_host: str | None = None
    send_port: int | None = None
    acknowledge: Literal["recorded", "stored"] = "recorded"
    held_as: Literal["AE", "AA"] = Field(default="AE", description="answer to a held message")
    encoding: str = "utf-8"


class Http(_Part):
    """FHIR, EPCIS and the hub's API over HTTP."""

    formats: tuple[Literal["fhir_r4", "epcis"], ...] = ()
    token_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bearer token")
    post_to: str | None = Field(default=None, description="URL that the hub posts deliveries to")
    post_token_file: Path | None = None

    @field_validator("post_to")
    @classmethod
    def _goes_where_it_may(cls, url: str | None) -> str | None:
        if url and not url.startswith("https://"):
            host = url.removeprefix("http://").partition("/")[0].rpartition(":")[0].strip("[]")
            if not url.startswith("http://") or not is_loopback(host):
                raise ValueError("use https:// (plain http only on loopback)")
        return url


class Files(_Part):
    """Files dropped into a folder and written into another."""

    drop: Path
    out: Path | None = None
    format: str = "mes_csv"
    dialects: dict[str, str] = Field(default_factory=dict, description="file name pattern -> dialect")
    settle_seconds: float = Field(default=1.0, ge=0, description="a file is whole when its size rests this long")


class Filter(_Part):
    """What of a channel is none of the hub's business: answered, counted, and not kept."""

    types: tuple[str, ...] = ()
    services: tuple[str, ...] = Field(default=(), description="order codes that are the hub's business; empty: all")
    only_known_patients: bool = False


class Send(_Part):
    """What the partner is told: on which facts, in which message."""

    events: tuple[str, ...]
    message: str = Field(description="message map or dialect that is written, such as hl7v2/oru_r01")

    @field_validator("events")
    @classmethod
    def _are_known(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [event for event in events if event not in EVENTS]
        if unknown:
            raise ValueError(f"no such event types: {', '.join(unknown)}")
        return events


class Profile(_Part):
    """One partner."""

    partner: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    name: str
    role: str
    region: str = "local"
    zone: str = "UTC"
    party: str = Field(description="URI of the partner as a party, such as its GLN https://id.gs1.org/414/9521141111116")
    system: str = Field(default="", description="system of identifiers that name no authority")
    overlay: Path | None = Field(default=None, description="folder of the site's tables, one subfolder per format")
    mllp: Mllp | None = None
    http: Http | None = None
    files: Files | None = None
    filter: Filter = Filter()
    sends: tuple[Send, ...] = ()
    orders: Literal["own", "none"] = Field(default="own", description="whose orders the partner takes part in")
    products: tuple[str, ...] = Field(default=(), description="product codes whose orders this partner takes part in")
    volatile: tuple[str, ...] = Field(default=("MSH-7",), description="fields that differ between resends of one message")
    receives_as: dict[str, str] = Field(default_factory=dict, description="names for MSH-5/MSH-6 and the like")

    @field_validator("role")
    @classmethod
    def _is_a_role(cls, role: str) -> str:
        if role not in ROLES:
            raise ValueError(f"no role {role!r}; known are: {', '.join(ROLES)}")
        return role

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        zone_of(zone)
        return zone

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that the partner's channels and deliveries need."""
        needed = ["hl7v2"] if self.mllp is not None else []
        needed += list(self.http.formats) if self.http is not None else []
        needed += [self.files.format] if self.files is not None else []
        needed += [send.message.partition("/")[0] for send in self.sends]
        return tuple(dict.fromkeys(needed))

    @property
    def party_ref(self) -> dict[str, Any]:
        """The partner as a party reference."""
        system, _, value = self.party.rpartition("/")
        return {"kind": "party", "identifiers": [{"system": system or "urn:cgt:party", "value": value}]}


def load(folder: Path) -> dict[str, Profile]:
    """Every `*.yaml` of a folder by partner. Raises ProfileError with all faults at once."""
    profiles: dict[str, Profile] = {}
    faults: list[str] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            profile = Profile.model_validate(_relative(yaml.safe_load(file.read_text(encoding="utf-8")), folder))
        except yaml.YAMLError as wrong:
            faults.append(f"{file.name}: not YAML: {' '.join(str(wrong).split())}")
        except ValidationError as wrong:
            faults += [f"{file.name}: {'.'.join(map(str, e['loc'])) or 'profile'}: {e['msg']}" for e in wrong.errors()]
        else:
            if profile.partner in profiles:
                faults.append(f"{file.name}: partner {profile.partner} has two profiles")
            profiles[profile.partner] = profile
    if faults:
        raise ProfileError(faults)
    return profiles


def _relative(data: Any, folder: Path) -> Any:
    """Paths of a profile count from the profile's folder."""
    if isinstance(data, dict):
        for part, key in ((data, "overlay"), (data.get("files") or {}, "drop"), (data.get("files") or {}, "out")):
            if isinstance(part, dict) and part.get(key):
                part[key] = str((folder / part[key]).resolve())
    return data
