"""Receivers that were away and are back, each in its own process: they note what comes and lose acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import TextIO

FS, VT = b"\x1c\r", b"\x0b"
LOST = 0.005
"""Share of acknowledgements that never arrive."""
Taken = tuple[str, bytes, bytes]
"""Id and content of what came, and the answer to it."""


def noted(file: Path) -> Iterator[tuple[str, str]]:
    """Id and digest of what a receiver was sent, in its order."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        key, digest = json.loads(line)
        yield key, digest


def lines(port: int, file: Path) -> None:
    """An MLLP receiver; the id of a message is its control id."""
    asyncio.run(_forever(port, file, _message, LOST))


def posts(port: int, file: Path) -> None:
    """An HTTP receiver; the id of a message is its idempotency key."""
    asyncio.run(_forever(port, file, _post, LOST * 10))


async def _message(reader: asyncio.StreamReader) -> Taken:
    message = (await reader.readuntil(FS))[1:-2]
    control = message.split(b"|", 10)[9].decode()
    answer = f"MSH|^~\\&|MES|F|HUB|H|20260311120000||ACK|A-{control}|P|2.5.1\rMSA|AA|{control}\r"
    return control, message, VT + answer.encode() + FS


async def _post(reader: asyncio.StreamReader) -> Taken:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    body = await reader.readexactly(int(_header(head, "content-length")))
    return _header(head, "idempotency-key"), body, b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


def _header(head: str, name: str) -> str:
    return head.partition(f"\r\n{name}:")[2].partition("\r\n")[0].strip()


def _note(told: TextIO, key: str, body: bytes) -> None:
    told.write(json.dumps([key, hashlib.sha256(body).hexdigest()[:16]]) + "\n")
    told.flush()


async def _forever(
    port: int, file: Path, take: Callable[[asyncio.StreamReader], Awaitable[Taken]], lost: float
) -> None:
    """Notes what comes before it is answered; of some it closes the line instead."""
    random = Random(file.name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            file.open("a", encoding="utf-8") as told,
            contextlib.suppress(asyncio.IncompleteReadError, ConnectionError),
        ):
            while True:
                key, body, answer = await take(reader)
                _note(told, key, body)
                if random.random() < lost:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**22)
    async with server:
        await server.serve_forever()
