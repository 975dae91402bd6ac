"""Partner profiles: who a partner is, in which role and region, how it sends, what it may see. One YAML each.

All faults of all profiles are told at once. A profile holds no secret: a credential is the name of a file or the
SHA-256 of a token that has to be long and random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from canonical_model.catalogue import EVENTS, ROLES
from canonical_model.values import zone_of
from hub.settings import Settings, is_loopback
from hub.webhook_signatures import BadSecret, keys_in

FORMATS = ("hl7v2", "fhir_r4", "epcis", "mes_csv", "b2mml", "canonical", "courier_feed", "asm")
CERTIFICATES = ("certificate/html", "certificate/json")
"""What a partner may be sent that no adapter writes: certificates of analysis."""
_PATHS = (
    ("overlay",),
    ("files", "drop"),
    ("files", "out"),
    ("http", "post_token_file"),
    ("http", "post_ca"),
    ("mllp", "send_ca"),
    ("webhook", "secret_files"),
    ("webhook", "post_secret_files"),
    ("webhook", "post_ca"),
)
_WAYS = "mllp.send_host, webhook.post_to, http.post_to or files.out"
_NO_TOKEN = hashlib.sha256(b"").hexdigest()


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
    send_port: int | None = Field(default=None, ge=1, le=65535)
    send_tls: bool = Field(default=False, description="always, beyond loopback")
    send_ca: Path | None = Field(
        default=None, description="certificates that sign the receiver's; without it the system's"
    )
    acknowledge: Literal["recorded", "stored"] = Field(default="recorded", description="`stored` answers CA, CE, CR")
    held_as: Literal["AE", "AA"] = Field(default="AE", description="answer to a held message")

    @property
    def listens(self) -> bool:
        return self.listen is not None

    @model_validator(mode="after")
    def _sends_where_it_may(self) -> Mllp:
        if (self.send_host is None) != (self.send_port is None):
            raise ValueError("send_host and send_port go together")
        if self.send_host is not None and not self.send_tls and not is_loopback(self.send_host):
            raise ValueError("send_tls: true (without TLS only on loopback)")
        return self


class Http(_Part):
    """FHIR, EPCIS and the hub's API over HTTP."""

    formats: tuple[Literal["fhir_r4", "epcis", "courier_feed"], ...] = ()
    token_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bearer token")
    acknowledge: Literal["recorded", "stored"] = Field(
        default="recorded",
        description="of an EPCIS capture; `stored` answers before reading, its job tells the rest",
    )
    post_to: str | None = Field(default=None, description="URL that the hub posts deliveries to")
    post_token_file: Path | None = None
    post_ca: Path | None = Field(
        default=None, description="certificates that sign the receiver's; without it the system's"
    )

    @field_validator("token_sha256")
    @classmethod
    def _is_a_token(cls, digest: str | None) -> str | None:
        if digest == _NO_TOKEN:
            raise ValueError("this is the SHA-256 of nothing: make a token of 32 random bytes")
        return digest

    @field_validator("post_to")
    @classmethod
    def _goes_where_it_may(cls, url: str | None) -> str | None:
        return url if url is None else _a_receiver(url, "name a post_token_file")


def _a_receiver(url: str, instead: str) -> str:
    """A URL that may be posted to. Raises ValueError."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"no user or password in the URL: {instead}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("use https:// (plain http only on loopback)")
    if not parts.hostname:
        raise ValueError("name a host")
    return url


class Webhook(_Part):
    """Facts in the canonical form, each a signed message (Standard Webhooks), from the partner and to it."""

    secret_files: tuple[Path, ...] = Field(
        default=(), max_length=2, description="secrets (`whsec_…`) that sign what comes: the new one, the one before"
    )
    post_to: str | None = Field(default=None, description="URL that the hub posts facts to")
    post_secret_files: tuple[Path, ...] = Field(
        default=(), max_length=2, description="secrets that sign what goes out; with both while the receiver changes"
    )
    post_ca: Path | None = Field(
        default=None, description="certificates that sign the receiver's; without it the system's"
    )

    @field_validator("post_to")
    @classmethod
    def _goes_where_it_may(cls, url: str | None) -> str | None:
        return url if url is None else _a_receiver(url, "a webhook is signed")

    @model_validator(mode="after")
    def _is_signed(self) -> Webhook:
        if (self.post_to is None) == bool(self.post_secret_files):
            raise ValueError("post_to and post_secret_files go together")
        return self


class Files(_Part):
    """Files dropped into a folder and written into another."""

    drop: Path
    out: Path | None = None
    format: Literal["mes_csv", "b2mml", "hl7v2", "epcis", "fhir_r4", "courier_feed", "asm"] = "mes_csv"
    dialects: dict[str, str] = Field(default_factory=dict, description="file name pattern -> dialect")
    settle_seconds: float = Field(default=1.0, ge=0, description="a file is whole when its size rests this long")
    whole: Literal["settled", "marker", "manifest"] = Field(
        default="settled",
        description="or when <name>.done is there; or <name>.manifest.json with its size and sha256",
    )


class Filter(_Part):
    """What of a channel is none of the hub's business: answered, counted, and not kept."""

    types: tuple[str, ...] = ()
    services: tuple[str, ...] = Field(
        default=(), description="codes of what is ordered or given that are the hub's business; empty: all"
    )
    only_known_patients: bool = Field(
        default=False, description="what is about an unknown patient is kept only where the message orders something"
    )


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

    @field_validator("message")
    @classmethod
    def _has_a_format(cls, message: str) -> str:
        if message not in CERTIFICATES and message.partition("/")[0] not in FORMATS:
            raise ValueError(f"a message begins with its format: {', '.join(FORMATS)}; or is one of {CERTIFICATES}")
        return message


def _a_role(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"no role {role!r}; known are: {', '.join(ROLES)}")
    return role


def _a_zone(zone: str) -> str:
    zone_of(zone)
    return zone


class Profile(_Part):
    """One partner."""

    partner: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    name: str
    role: Annotated[str, AfterValidator(_a_role)]
    region: str = "local"
    zone: Annotated[str, AfterValidator(_a_zone)] = "UTC"
    party: str = Field(
        description="URI of the partner as a party, such as its GLN https://id.gs1.org/414/9521141111116"
    )
    system: str = Field(default="", description="system of identifiers that name no authority")
    overlay: Path | None = Field(default=None, description="folder of the site's tables, one subfolder per format")
    mllp: Mllp | None = None
    http: Http | None = None
    webhook: Webhook | None = None
    files: Files | None = None
    filter: Filter = Filter()
    sends: tuple[Send, ...] = ()
    orders: Literal["own", "none"] = Field(default="own", description="whose orders the partner takes part in")
    products: tuple[str, ...] = Field(default=(), description="product codes whose orders this partner takes part in")
    volatile: tuple[str, ...] = Field(
        default=("MSH-7",), description="fields that differ between resends of one message"
    )
    receives_as: dict[str, str] = Field(default_factory=dict, description="names for MSH-5/MSH-6 and the like")

    @field_validator("partner")
    @classmethod
    def _is_another(cls, partner: str) -> str:
        if partner == "hub":
            raise ValueError("the hub itself goes by this name: take another")
        return partner

    @model_validator(mode="after")
    def _can_be_told(self) -> Profile:
        for send in self.sends:
            if self.channel_of(send.message) is None:
                raise ValueError(f"nothing to send {send.message} by: give {_WAYS}")
        return self

    def channel_of(self, message: str) -> Literal["mllp", "webhook", "http", "files"] | None:
        """The channel by which the partner is told a message: v2 by MLLP and the canonical form by webhook where it has
        them, else by HTTP, else a file."""
        if self.mllp is not None and self.mllp.send_host and message.startswith("hl7v2/"):
            return "mllp"
        if self.webhook is not None and self.webhook.post_to and message.startswith("canonical/"):
            return "webhook"
        if self.http is not None and self.http.post_to:
            return "http"
        return "files" if self.files is not None and self.files.out is not None else None

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that the partner's channels and deliveries need."""
        needed = ["hl7v2"] if self.mllp is not None else []
        needed += list(self.http.formats) if self.http is not None else []
        needed += ["canonical"] if self.webhook is not None and self.webhook.secret_files else []
        needed += [self.files.format] if self.files is not None else []
        needed += [send.message.partition("/")[0] for send in self.sends if send.message not in CERTIFICATES]
        return tuple(dict.fromkeys(needed))

    @property
    def party_ref(self) -> dict[str, Any]:
        """The partner as a party reference."""
        system, _, value = self.party.rpartition("/")
        return {"kind": "party", "identifiers": [{"system": system or "urn:cgt:party", "value": value}]}


class Partners(Mapping[str, Profile]):
    """The profiles of a running hub by partner. They are exchanged all at once: who reads sees old or new."""

    def __init__(self, known: Mapping[str, Profile]) -> None:
        self._known = dict(known)

    def __getitem__(self, partner: str) -> Profile:
        return self._known[partner]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def items(self) -> ItemsView[str, Profile]:
        return self._known.items()

    def values(self) -> ValuesView[Profile]:
        return self._known.values()

    def become(self, known: Mapping[str, Profile]) -> None:
        """Has other profiles from now on."""
        self._known = dict(known)


def load(folder: Path) -> dict[str, Profile]:
    """Every `*.yaml` of a folder by partner. Raises ProfileError with all faults at once."""
    profiles: dict[str, Profile] = {}
    faults: list[str] = [] if folder.is_dir() else [f"{folder} is no folder: CGT_PARTNERS names where the profiles are"]
    for file in sorted(folder.glob("*.yaml")):
        try:
            profile = Profile.model_validate(_relative(yaml.safe_load(file.read_text(encoding="utf-8")), folder))
        except (yaml.YAMLError, UnicodeDecodeError) as wrong:
            faults.append(f"{file.name}: not YAML: {_where(wrong)}")
        except ValidationError as wrong:
            faults += [f"{file.name}: {'.'.join(map(str, e['loc'])) or 'profile'}: {e['msg']}" for e in wrong.errors()]
        else:
            faults += [f"{file.name}: {fault}" for fault in _places(profile)]
            if profile.partner in profiles:
                faults.append(f"{file.name}: partner {profile.partner} has two profiles")
            profiles[profile.partner] = profile
    faults += _shared(profiles)
    if faults:
        raise ProfileError(faults)
    return profiles


def _where(wrong: yaml.YAMLError | UnicodeDecodeError) -> str:
    """The place of a fault in a file, without what stands there."""
    mark = getattr(wrong, "problem_mark", None)
    said = getattr(wrong, "problem", None) or "it is not UTF-8 text"
    return f"line {mark.line + 1}: {said}" if mark is not None else str(said)


def _relative(data: Any, folder: Path) -> Any:
    """Paths of a profile count from the profile's folder."""
    if isinstance(data, dict):
        for *above, key in _PATHS:
            part = data.get(above[0]) if above else data
            if isinstance(part, dict) and key in part:
                part[key] = _from(folder, part[key])
    return data


def _from(folder: Path, named: Any) -> Any:
    """A path, or each of several, as it counts from a folder; what is no path stays."""
    if isinstance(named, list):
        return [_from(folder, one) for one in named]
    return str((folder / named).resolve()) if isinstance(named, str) else named


def _places(profile: Profile) -> Iterator[str]:
    """What a profile names and is not there."""
    if profile.overlay is not None and not profile.overlay.is_dir():
        yield f"overlay: no folder {profile.overlay}"
    named = {
        "http.post_token_file": profile.http.post_token_file if profile.http else None,
        "http.post_ca": profile.http.post_ca if profile.http else None,
        "mllp.send_ca": profile.mllp.send_ca if profile.mllp else None,
    }
    for place, file in named.items():
        if file is not None and not file.is_file():
            yield f"{place}: no file {file}"
    webhook = profile.webhook or Webhook()
    for place, files in (("secret_files", webhook.secret_files), ("post_secret_files", webhook.post_secret_files)):
        for file in files:
            try:
                keys_in([file])
            except (OSError, BadSecret) as wrong:
                why = wrong if isinstance(wrong, BadSecret) else "no such file, or one that cannot be read"
                yield f"webhook.{place}: {file}: {why}"


def _shared(profiles: Mapping[str, Profile]) -> Iterator[str]:
    """What two partners have in common that has to tell them apart."""
    shared: tuple[tuple[str, Callable[[Profile], Any]], ...] = (
        ("token", lambda p: p.http and p.http.token_sha256),
        ("mllp.listen", lambda p: p.mllp and p.mllp.listen),
        ("webhook.secret_files", lambda p: p.webhook and p.webhook.secret_files),
        ("files.drop", lambda p: p.files and p.files.drop),
        ("files.out", lambda p: p.files and p.files.out),
    )
    for what, value_of in shared:
        holders: dict[Any, list[str]] = {}
        for name, profile in profiles.items():
            if value := value_of(profile):
                holders.setdefault(value, []).append(name)
        yield from (
            f"{' and '.join(names)}: one {what} for two partners" for names in holders.values() if len(names) > 1
        )


def open_doors(profiles: Mapping[str, Profile], settings: Settings) -> list[str]:
    """Partners who could be anyone: MLLP carries no token, so beyond loopback a client's certificate says who it is."""
    listening = [(name, profile.mllp) for name, profile in profiles.items() if profile.mllp and profile.mllp.listens]
    host = settings.mllp_host
    faults = [
        f"{name}: mllp.client_certificate: name it, because CGT_MLLP_HOST={host} is not loopback"
        for name, mllp in listening
        if not is_loopback(host) and not mllp.client_certificate
    ]
    faults += [
        f"{name}: mllp.client_certificate: set CGT_TLS_CLIENT_CA, or no certificate is asked for"
        for name, mllp in listening
        if mllp.client_certificate and settings.tls_client_ca is None
    ]
    return faults
