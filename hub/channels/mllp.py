"""MLLP: HL7 v2 messages over TCP, one framed message and one acknowledgement at a time. Frames bytes, reads none.

A frame is VT, the message, FS, CR (HL7 v2.5.1 appendix C). The listener is bounded in size and time: what is too large
is read past and refused, what is no frame or comes too slowly ends the line. The sender keeps one connection and asks
for an acknowledgement of every message.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from hub.profiles import Profile

log = structlog.get_logger("hub.mllp")

START, END = b"\x0b", b"\x1c\x0d"
PATIENCE = 30.0
"""Seconds that a begun frame may take: a sender that dribbles is cut off."""
KEPT_OF_TOO_LARGE = 4096
"""Bytes that are kept of a message that is too large: its header, for the answer."""
IDLE_SECONDS = 3600.0
CONNECTIONS = 64
"""Connections that one port serves at once."""

Receive = Callable[[Profile, bytes], Awaitable[bytes]]
Refuse = Callable[[Profile, bytes], bytes]
"""The answer to a message that is too large, out of its first bytes."""


class FrameError(Exception):
    """The bytes on the line are not a frame."""


class TooLarge(FrameError):
    """A frame beyond the limit; the line stands behind it. `begin` is how it begins."""

    def __init__(self, limit: int, begin: bytes) -> None:
        super().__init__(f"a message has at most {limit} bytes")
        self.begin = begin


async def read_frame(reader: asyncio.StreamReader, limit: int, patience: float = PATIENCE) -> bytes | None:
    """The next message, or None at the end of the line. Raises FrameError, TooLarge, TimeoutError."""
    try:
        first = await asyncio.wait_for(reader.read(1), IDLE_SECONDS)
    except TimeoutError:
        return None
    if not first:
        return None
    while first in {b"\r", b"\n"}:  # some senders end a frame with more than CR
        first = await reader.read(1)
        if not first:
            return None
    if first != START:
        raise FrameError("a frame begins with VT (0x0B)")
    async with asyncio.timeout(patience):
        try:
            framed = await reader.readuntil(END)
        except asyncio.IncompleteReadError as cut:
            raise FrameError("the connection ended inside a frame") from cut
        except asyncio.LimitOverrunError:
            raise TooLarge(limit, await _read_past(reader)) from None
    return framed[: -len(END)]


async def _read_past(reader: asyncio.StreamReader) -> bytes:
    """Reads up to the end of a frame and keeps its first bytes only. Raises FrameError where the line ends before."""
    begin = b""
    while True:
        try:
            last = await reader.readuntil(END)
        except asyncio.LimitOverrunError as more:
            begin += (await reader.readexactly(more.consumed))[: KEPT_OF_TOO_LARGE - len(begin)]
        except asyncio.IncompleteReadError as cut:
            raise FrameError("the connection ended inside a frame") from cut
        else:
            return begin + last[: max(0, KEPT_OF_TOO_LARGE - len(begin))].removesuffix(END)


def frame(message: bytes) -> bytes:
    """A message in its frame."""
    return START + message + END


class Listener:
    """Listens for one partner; every message is answered on its connection, in order."""

    def __init__(
        self,
        profile: Profile,
        receive: Receive,
        refuse: Refuse,
        limit: int,
        tls: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._profile, self._receive, self._refuse = profile, receive, refuse
        self._limit, self._tls, self._patience = limit, tls, patience
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.port = 0

    async def start(self, host: str, shared: bool = False) -> None:
        """Begins to listen; on a `shared` port beside other hubs. Raises OSError when the port is taken."""
        assert self._profile.mllp is not None
        port = self._profile.mllp.listen or 0
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=self._limit, ssl=self._tls, reuse_port=shared or None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening. What was received is recorded, if not answered any more: its sender asks again."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) <= CONNECTIONS and self._is_allowed(writer):
                await self._converse(reader, writer)
        except (FrameError, TimeoutError) as wrong:
            log.warning("mllp.cut", partner=self._profile.partner, reason=str(wrong) or "too slow")
        except (ConnectionError, ssl.SSLError):
            log.info("mllp.gone", partner=self._profile.partner)
        except asyncio.CancelledError:  # `stop`: the streams of Python 3.11 print a cancelled line as a fault
            log.info("mllp.gone", partner=self._profile.partner)
        finally:
            self._tasks.discard(task)
            writer.close()

    def _is_allowed(self, writer: asyncio.StreamWriter) -> bool:
        mllp = self._profile.mllp
        assert mllp is not None
        peer = writer.get_extra_info("peername")
        if peer is None or peer[0] not in mllp.from_hosts:
            log.warning("mllp.refused", partner=self._profile.partner)
            return False
        if mllp.client_certificate is None:
            return True
        certificate = writer.get_extra_info("peercert") or {}
        names = {value for entry in certificate.get("subject", ()) for key, value in entry if key == "commonName"}
        return mllp.client_certificate in names

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                message = await read_frame(reader, self._limit, self._patience)
            except TooLarge as large:
                log.warning("mllp.refused", partner=self._profile.partner, reason=str(large))
                answer = self._refuse(self._profile, large.begin)
            else:
                if message is None:
                    return
                answer = await self._receive(self._profile, message)
            if answer:
                writer.write(frame(answer))
                await writer.drain()


@dataclass(slots=True)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Sender:
    """Sends to one partner over one connection that is opened when needed."""

    def __init__(
        self, host: str, port: int, limit: int, timeout: float = 30.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._host, self._port, self._limit, self._timeout, self._tls = host, port, limit, timeout, tls
        self._line: _Line | None = None

    async def send(self, message: bytes) -> bytes:
        """The acknowledgement of a message. Raises OSError, TimeoutError, FrameError; the line is then closed."""
        try:
            async with asyncio.timeout(self._timeout):
                line = self._line or await self._open()
                line.writer.write(frame(message))
                await line.writer.drain()
                answer = await read_frame(line.reader, self._limit)
        except BaseException:
            await self.close()
            raise
        if answer is None:
            await self.close()
            raise FrameError("the receiver closed the line without an acknowledgement")
        return answer

    async def _open(self) -> _Line:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=self._limit, ssl=self._tls)
        self._line = _Line(reader, writer)
        return self._line

    async def close(self) -> None:
        if self._line is not None:
            self._line.writer.close()
            self._line = None
