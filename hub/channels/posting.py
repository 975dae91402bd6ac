"""Posting over HTTP to receivers: only where a delivery may go, no redirects, a whole deadline, a bounded answer.

A name is looked up once per request and the address that was judged is the one that is connected to, so a name that
changes its mind (DNS rebinding) leads nowhere else. The certificate is still that of the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import httpx

from hub.settings import is_loopback

MOST_OF_AN_ANSWER = 64 * 1024
"""Bytes of an answer that are read, to keep the connection; nothing of it is kept."""


class NotAllowed(Exception):
    """The receiver's name leads to an address to which nothing is posted."""


def may_go_to(host: str, address: str) -> bool:
    """True where the address of a host may be posted to.

    The machine itself only where the profile says so (`127.0.0.1`, `localhost`); never to link-local addresses, where
    clouds keep their machines' credentials, nor to groups. Private networks are where hospitals are.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    if found.is_loopback:
        return is_loopback(host)
    return not (found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved)


async def address_of(host: str, port: int) -> str:
    """The first address of a host, where all of them are allowed. Raises NotAllowed, OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(may_go_to(host, address) for address in addresses):
        raise NotAllowed
    return addresses[0]


class _Judged(httpx.AsyncBaseTransport):
    """Connects to the address that was judged, in the name of the host."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=verify)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = await address_of(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.url = request.url.copy_with(host=address)
        if host != address:
            request.extensions = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@lru_cache(maxsize=64)
def _trusting(ca: Path | None) -> ssl.SSLContext:
    """Certificates that are trusted; receivers share them, because the system's take a megabyte."""
    return ssl.create_default_context(cafile=ca)


class Poster:
    """Posts to one receiver. Without certificates of its own it trusts the system's; no proxy of the environment."""

    def __init__(self, url: str, ca: Path | None, seconds: float) -> None:
        self._url, self._seconds = url, seconds
        transport = _Judged(_trusting(ca))
        self._client = httpx.AsyncClient(transport=transport, timeout=seconds, follow_redirects=False, trust_env=False)

    async def post(self, content: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer. Raises NotAllowed, OSError, TimeoutError, httpx.HTTPError."""
        async with (
            asyncio.timeout(self._seconds),
            self._client.stream("POST", self._url, content=content, headers=dict(headers)) as response,
        ):
            read = 0
            async for part in response.aiter_raw():
                read += len(part)
                if read > MOST_OF_AN_ANSWER:
                    break
            return response.status_code

    async def close(self) -> None:
        await self._client.aclose()
