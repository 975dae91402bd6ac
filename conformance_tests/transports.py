"""How a case reaches an implementation: HTTP by httpx, signed webhooks, MLLP by a plain socket. Plays no case."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from conformance_tests.cases import parsed
from conformance_tests.pointers import ABSENT, at, field

VT, FS = b"\x0b", b"\x1c\r"
MOST = 16 * 1024 * 1024
"""Bytes of an acknowledgement that are read before the line is given up."""


class NoAnswer(Exception):
    """The implementation did not answer: no connection, no end of the answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as bytes, and its values by place. Over MLLP the status is 0 and there are no headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Everything that was said: headers and body."""
        head = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        return head + self.body.decode("utf-8", "replace")

    def find(self, place: str) -> Any:
        """The value at `status`, `text`, `header NAME`, `json`, a JSON Pointer or an HL7 field; else ABSENT."""
        if place == "status":
            return self.status
        if place == "text":
            return self.text
        if place.startswith("header "):
            return self.headers.get(place.removeprefix("header "), ABSENT)
        if place != "json" and not place.startswith("/"):
            return field(self.body.decode("utf-8", "replace"), place)
        try:
            return at(parsed(self.body.decode("utf-8")), place.removeprefix("json"))
        except ValueError:
            return ABSENT


def written(document: Any) -> bytes:
    """JSON with the digits of its numbers as they were read."""
    return _text(document).encode()


def _text(node: Any) -> str:
    if isinstance(node, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_text(inner)}" for name, inner in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_text, node)) + "]"
    return str(node) if isinstance(node, Decimal) else json.dumps(node, ensure_ascii=False)


def http(client: httpx.Client, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """The answer to one request; every status is an answer. Raises NoAnswer."""
    try:
        reply = client.request(method, path, headers=dict(headers), content=body or None)
    except httpx.HTTPError as wrong:
        raise NoAnswer(f"{method}: {type(wrong).__name__}") from wrong
    return Answer(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content)


@dataclass(frozen=True, slots=True)
class Signing:
    """How a webhook is signed: under which id, when (seconds from now), and what of it is spoilt."""

    secret: str
    id: str
    ahead: float = 0.0
    spoil: str = ""


def webhook(client: httpx.Client, path: str, body: bytes, how: Signing) -> Answer:
    """The answer to one message, signed as the Standard Webhooks specification says. Raises NoAnswer."""
    at = str(int(time.time() + how.ahead))
    key = base64.b64decode(how.secret.removeprefix("whsec_"))
    key = key[::-1] if how.spoil == "secret" else key
    meant = f"{how.id}.other" if how.spoil == "id" else how.id
    said = f"{meant}.{at}.".encode() + body + (b" " if how.spoil == "body" else b"")
    made = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    headers = {"content-type": "application/json", "webhook-id": how.id, "webhook-timestamp": at}
    if how.spoil != "signature":
        headers["webhook-signature"] = f"v1,{made}"
    return http(client, "POST", path, headers, body)


def mllp(address: str, message: bytes, seconds: float) -> Answer:
    """The acknowledgement of one message on a connection of its own (HL7 v2.5.1 appendix C). Raises NoAnswer."""
    host, _, port = address.rpartition(":")
    received = b""
    try:
        with socket.create_connection((host.strip("[]"), int(port)), seconds) as line:
            line.settimeout(seconds)
            line.sendall(VT + message + FS)
            while not received.endswith(FS) and len(received) < MOST:
                more = line.recv(65536)
                if not more:
                    break
                received += more
    except OSError as wrong:
        raise NoAnswer(f"MLLP: {type(wrong).__name__}") from wrong
    if not (received.startswith(VT) and received.endswith(FS)):
        raise NoAnswer("MLLP: the answer is no whole frame (VT … FS CR)")
    return Answer(0, {}, received[1:-2])
