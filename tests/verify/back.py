"""Receivers that were away and are back, each in its own process: they note what comes and lose acknowledgements."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TextIO

FS, VT = b"\x1c\r", b"\x0b"
LOST = 0.005
"""Share of acknowledgements that never arrive."""


def noted(file: Path) -> Iterator[tuple[str, str]]:
    """Id and digest of what a receiver was sent, in its order."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        key, digest = json.loads(line)
        yield key, digest


def lines(port: int, file: Path) -> None:
    """An MLLP receiver; the id of a message is its control id."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        random, told = Random("lines"), file.open("a", encoding="utf-8")
        try:
            while True:
                message = (await reader.readuntil(FS))[1:-2]
                control = message.split(b"|", 10)[9].decode()
                _note(told, control, message)
                if random.random() < LOST:
                    return
                answer = f"MSH|^~\\&|MES|F|HUB|H|20260311120000||ACK|A-{control}|P|2.5.1\rMSA|AA|{control}\r"
                writer.write(VT + answer.encode() + FS)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            told.close()
            writer.close()

    asyncio.run(_forever(serve, port))


def posts(port: int, file: Path) -> None:
    """An HTTP receiver; the id of a message is its idempotency key."""
    random = Random("posts")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = file.open("a", encoding="utf-8")
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                body = await reader.readexactly(int(_header(head, "content-length")))
                _note(told, _header(head, "idempotency-key"), body)
                if random.random() < LOST * 10:
                    return
                writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            told.close()
            writer.close()

    asyncio.run(_forever(serve, port))


def _header(head: str, name: str) -> str:
    return head.partition(f"\r\n{name}:")[2].partition("\r\n")[0].strip()


def _note(told: TextIO, key: str, body: bytes) -> None:
    told.write(json.dumps([key, hashlib.sha256(body).hexdigest()[:16]]) + "\n")
    told.flush()


async def _forever(serve: object, port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**22)  # type: ignore[arg-type]
    async with server:
        await server.serve_forever()
