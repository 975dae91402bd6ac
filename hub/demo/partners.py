"""The partners' own systems, as small as they can be and still real: sockets, HTTP, folders. Know no hub."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

VT, FS = b"\x0b", b"\x1c\r"


async def mllp(port: int, message: bytes, seconds: float = 10.0) -> bytes:
    """Sends one message over MLLP and returns the acknowledgement; empty where none came in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(VT + message + FS)
        await writer.drain()
        async with asyncio.timeout(seconds):
            answer = await reader.readuntil(FS)
        return answer[1:-2]
    except (TimeoutError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()


def segment(message: bytes, name: str, field_number: int) -> str:
    """A field of the first segment of a name, counted as the standard counts; empty where absent."""
    for line in re.split(rb"[\r\n]+", message):
        fields = line.decode("utf-8", "replace").split("|")
        if fields[0] == name:
            place = field_number - 1 if name == "MSH" else field_number
            return fields[place] if len(fields) > place else ""
    return ""


Serve = Callable[[list[bytes], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Speaks a protocol on one connection and adds to the list what came."""


@dataclass(slots=True)
class Receiver:
    """A partner's receiving end on loopback: `acknowledge` or `take` speaks for it; it keeps what comes."""

    serve: Serve
    received: list[bytes] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(partial(self.serve, self.received), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def having(self, text: str) -> list[bytes]:
        """What came and has this in it."""
        return [body for body in self.received if text.encode() in body]


async def acknowledge(received: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The hospital's interface: acknowledges every message of a connection."""
    try:
        while True:
            message = (await reader.readuntil(FS))[1:-2]
            received.append(message)
            control = segment(message, "MSH", 10)
            answer = f"MSH|^~\\&|EPIC|MERCY|CGTHUB|HUB|20260311120000||ACK|A{control}|P|2.5.1\rMSA|AA|{control}\r"
            writer.write(VT + answer.encode() + FS)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError):
        writer.close()


async def take(
    received: list[bytes],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    takes: Callable[[str, bytes], bool] = lambda *_: True,
) -> None:
    """The HTTP endpoint of the courier or the sponsor: takes one body a connection, if `takes` says so."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length:\s*(\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        status = "202 Accepted" if takes(head, body) else "401 Unauthorized"
        received += [body] if status[0] == "2" else []
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


def take_signed(secret: str) -> Serve:
    """The sponsor's endpoint: takes what is signed with the secret."""
    return partial(take, takes=partial(_is_signed, secret))


def _is_signed(secret: str, head: str, body: bytes) -> bool:
    told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    made = signed(secret, told.get("webhook-id", ""), told.get("webhook-timestamp", ""), body)
    return made in told.get("webhook-signature", "").split()


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class Client:
    """An HTTP client with a partner's token."""

    base: str
    token: str

    async def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request; every status is an answer."""
        return await asyncio.to_thread(self._call, method, path, body, headers)

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        request = urllib.request.Request(self.base + path, data=body, method=method)  # noqa: S310 - loopback only
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=20)  # noqa: S310
        except HTTPError as refused:
            return Reply(refused.code, {k.lower(): v for k, v in refused.headers.items()}, refused.read())
        with response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())


def signed(secret: str, name: str, second: str, body: bytes) -> str:
    """The signature of a webhook, as the Standard Webhooks specification has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{second}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


def drop(folder: Path, name: str, body: bytes) -> None:
    """Drops a file as careful partners do: complete under another name, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f"{name}.part"
    hidden.write_bytes(body)
    hidden.rename(folder / name)
