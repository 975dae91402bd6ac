"""Signatures of the Standard Webhooks specification, made and checked. Knows no partner and no transport.

`webhook-signature` holds one or more `v1,` signatures with a blank between them: HMAC-SHA256 of `id.timestamp.body`
under a secret `whsec_…` (base64). An id has no full stop and a timestamp is digits, so that nothing of one can be
taken for the other. Two secrets are good at a time: the new one and the one before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock may be from the hub's, either way."""
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""
MOST_SIGNATURES = 8
"""More than that nobody has secrets for."""
_ID = re.compile(r"[!-\-/-~]{1,128}", re.ASCII)
_SECONDS = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_PREFIX = "whsec_"


class BadSecret(ValueError):
    """A secret that nothing may be signed with; the text never holds it."""


class Refused(Exception):
    """A message that nobody known has signed, or not now; names the header and the remedy."""

    def __init__(self, code: str, place: str, remedy: str) -> None:
        super().__init__(f"{code} at {place}: {remedy}")
        self.code, self.place, self.remedy = code, place, remedy


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message says of itself in its headers, each there once and in its form."""

    id: str
    timestamp: int
    signatures: tuple[bytes, ...]


def key_of(secret: str) -> bytes:
    """The key of a secret `whsec_…`. Raises BadSecret."""
    text = secret.strip()
    try:
        bare = text.removeprefix(_PREFIX).rstrip("=")
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret(f"a secret is {_PREFIX} and base64") from None
    if not text.startswith(_PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise BadSecret(f"a secret is {_PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes")
    return key


def keys_in(files: Iterable[Path]) -> list[bytes]:
    """The keys of secrets that stand in files, one each. Raises OSError, BadSecret."""
    try:
        return [key_of(file.read_text(encoding="ascii")) for file in files]
    except UnicodeDecodeError:
        raise BadSecret(f"a secret is {_PREFIX} and base64") from None


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """The signature under one key."""
    made = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def headers_of(keys: Sequence[bytes], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message that goes out now, signed under every key."""
    seconds = int(at.timestamp())
    signed = " ".join(signature(key, id_, seconds, body) for key in keys)
    return {ID: id_, TIMESTAMP: str(seconds), SIGNATURE: signed}


def signed(headers: Mapping[str, Sequence[str]]) -> Signed:
    """The signed part of the headers (each name with all its values). Raises Refused."""
    id_, seconds, signatures = (_one(headers, name) for name in (ID, TIMESTAMP, SIGNATURE))
    if not _ID.fullmatch(id_):
        raise Refused("webhook-header", ID, "send at most 128 visible ASCII characters, none of them a full stop")
    if not _SECONDS.fullmatch(seconds):
        raise Refused("webhook-header", TIMESTAMP, "send whole seconds since 1970")
    given = signatures.encode("utf-8", "replace").split(b" ")
    if len(given) > MOST_SIGNATURES:
        raise Refused("webhook-header", SIGNATURE, f"send at most {MOST_SIGNATURES} signatures")
    return Signed(id_, int(seconds), tuple(given))


def _one(headers: Mapping[str, Sequence[str]], name: str) -> str:
    values = headers.get(name, ())
    if len(values) != 1:
        raise Refused("webhook-header", name, "send this header, and once")
    return values[0]


def check(keys: Sequence[bytes], said: Signed, body: bytes, now: datetime) -> None:
    """Raises Refused where no key made one of the signatures, or the message is not of now."""
    made = [signature(key, said.id, said.timestamp, body).encode() for key in keys]
    known = [hmac.compare_digest(one, given) for one in made for given in said.signatures]
    if not any(known):
        raise Refused("webhook-signature", SIGNATURE, "sign id.timestamp.body as it is sent, with a secret of yours")
    if abs(now.timestamp() - said.timestamp) > TOLERANCE.total_seconds():
        raise Refused("webhook-timestamp", TIMESTAMP, "sign it at the time of sending, by a clock that is right")
