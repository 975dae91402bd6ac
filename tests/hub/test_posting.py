"""Posting to receivers: nowhere but where a delivery may go, and however a receiver answers, only it is waited for."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from hub.channels.posting import MOST_OF_AN_ANSWER, NotAllowed, Poster, address_of, may_go_to


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("receiver.example", "93.184.215.14", True),
        ("receiver.example", "10.20.0.5", True),
        ("receiver.example", "fd12::7", True),
        ("receiver.example", "127.0.0.1", False),
        ("receiver.example", "::1", False),
        ("receiver.example", "::ffff:127.0.0.1", False),
        ("receiver.example", "169.254.169.254", False),
        ("receiver.example", "::ffff:169.254.169.254", False),
        ("receiver.example", "2002:a9fe:a9fe::1", False),
        ("receiver.example", "fe80::1%eth0", False),
        ("receiver.example", "0.0.0.0", False),
        ("receiver.example", "224.0.0.1", False),
        ("receiver.example", "255.255.255.255", False),
        ("receiver.example", "240.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("169.254.169.254", "169.254.169.254", False),
    ],
)
def test_nothing_is_posted_to_where_no_partner_can_be(host: str, address: str, allowed: bool) -> None:
    assert may_go_to(host, address) is allowed


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Names lead to these addresses, one after the other: a name server in an enemy's hands."""
    left = list(answers)

    def getaddrinfo(_: str, port: int, *__: Any, **___: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0) if len(left) > 1 else left[0], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_that_leads_to_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "127.0.0.1")
    with serving(answering(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")) as (port, seen):
        with pytest.raises(NotAllowed):
            asyncio.run(posted(f"http://receiver.example:{port}/in"))
        assert seen == []


def test_a_name_that_changes_its_mind_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was judged is the one that is connected to: the second answer is never asked for."""
    resolving(monkeypatch, "10.255.255.1", "127.0.0.1")
    with serving(answering(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")) as (port, seen):
        with pytest.raises((TimeoutError, OSError, httpx.HTTPError)):
            asyncio.run(posted(f"http://receiver.example:{port}/in", seconds=0.5))
        assert seen == []


def test_all_addresses_of_a_name_have_to_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(NotAllowed):
        asyncio.run(address_of("receiver.example", 443))


# ---- how receivers answer -----------------------------------------------------------------------------------------

Answer = Callable[[socket.socket], None]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """A receiver that reads a request's head and answers as it likes."""
    listening = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while more := connection.recv(65536):
                seen.append(more)
                answer(connection)

    def run() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    yield listening.getsockname()[1], seen
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def answering(*parts: bytes, every: float = 0.0) -> Answer:
    def answer(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            if every:
                threading.Event().wait(every)

    return answer


async def posted(url: str, times: int = 1, seconds: float = 5.0) -> int:
    poster = Poster(url, None, seconds)
    try:
        return [await poster.post(b"{}", {"idempotency-key": "1"}) for _ in range(times)][-1]
    finally:
        await poster.close()


def test_a_redirect_is_an_answer_and_not_an_address() -> None:
    with serving(answering(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")) as (other, elsewhere):
        location = (
            f"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{other}/\r\ncontent-length: 0\r\n\r\n"
        )
        with serving(answering(location.encode())) as (port, seen):
            assert asyncio.run(posted(f"http://127.0.0.1:{port}/in")) == 307
            assert b"".join(seen).count(b"POST /in") == 1
        assert elsewhere == []


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n"
    sent = []

    def forever(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            sent.append(0x4000)

    with serving(forever) as (port, _):
        assert asyncio.run(posted(f"http://127.0.0.1:{port}/in")) == 202
    assert sum(sent) < 200 * MOST_OF_AN_ANSWER, "what the sockets hold, and no more"


def test_an_answer_that_comes_byte_by_byte_has_one_deadline() -> None:
    drops = [bytes([byte]) for byte in b"HTTP/1.1 202 Accepted\r\nx: " + b"y" * 200]
    with serving(answering(*drops, every=0.05)) as (port, _), pytest.raises(TimeoutError):
        asyncio.run(posted(f"http://127.0.0.1:{port}/in", seconds=0.4))


def test_a_connection_is_kept_for_the_next_delivery() -> None:
    with serving(answering(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok")) as (port, seen):
        assert asyncio.run(posted(f"http://127.0.0.1:{port}/in", times=3)) == 202
        assert len(seen) >= 3


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")) as (proxy, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy}")
        with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as (port, _):
            assert asyncio.run(posted(f"http://127.0.0.1:{port}/in")) == 200
        assert asked == []
