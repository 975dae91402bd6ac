"""What the installation decides: places, addresses, limits. From the environment (`CGT_…`) or a file; no secrets."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _months(what: str) -> Any:
    """A setting of retention."""
    return Field(default=None, ge=1, le=1200, description=f"months that {what} are kept; none: for ever")


class Settings(BaseSettings):
    """Settings of one hub. Safe by default: loopback, strict, nothing listens without credentials."""

    model_config = SettingsConfigDict(env_prefix="CGT_", extra="ignore", frozen=True)

    name: str = "cgt-hub"
    data: Path = Path("var")
    store: str = Field(
        default="",
        pattern="^(postgres(ql)?://.*)?$",
        repr=False,
        description="a PostgreSQL that several hubs may share; none: SQLite in CGT_DATA",
    )
    partners: Path = Path("partners")
    protocols: Path | None = Field(default=None, description="folder of the site's Protocols; none: those of the model")
    region: str = "local"
    http_host: str = "127.0.0.1"
    http_port: int = 8420
    mllp_host: str = "127.0.0.1"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = Field(default=None, description="certificates that sign those of clients")
    group: int = Field(default=64, ge=1, le=1000, description="most messages that one transaction takes")
    synchronous: str = Field(
        default="FULL", pattern="^(FULL|EXTRA)$", description="SQLite's; weaker settings lose data"
    )
    max_message: int = Field(default=8 * 1024 * 1024, ge=1024, le=8 * 1024 * 1024, description="bytes of one message")
    delivery_poll: float = Field(default=0.05, gt=0, description="seconds between looks for deliveries that are due")
    file_poll: float = Field(default=0.5, gt=0, description="seconds between looks at the drop folders")
    patience: float = Field(
        default=30.0, gt=0, description="seconds in which a begun message has to be here, or answered"
    )
    retention_message: int | None = _months("bodies of messages")
    retention_residual: int | None = _months("what no table carries, and what FHIR readers were shown")
    retention_delivery: int | None = _months("bodies of deliveries")
    retention_text: int | None = _months("free text of facts")
    retention_audit: int | None = _months("the audit")
    retention_receipt: int | None = _months("receipts in the drop folders")

    @model_validator(mode="after")
    def _has_whole_tls(self) -> Settings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("CGT_TLS_CERTIFICATE and CGT_TLS_KEY go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("CGT_TLS_CLIENT_CA asks for CGT_TLS_CERTIFICATE and CGT_TLS_KEY")
        return self

    @model_validator(mode="after")
    def _does_not_listen_openly(self) -> Settings:
        for name, host in (("CGT_HTTP_HOST", self.http_host), ("CGT_MLLP_HOST", self.mllp_host)):
            if not is_loopback(host) and not (self.tls_certificate and self.tls_key):
                raise ValueError(
                    f"{name}={host} is not loopback: set CGT_TLS_CERTIFICATE and CGT_TLS_KEY, or listen on 127.0.0.1"
                )
        return self


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches; a name is not taken on trust."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
