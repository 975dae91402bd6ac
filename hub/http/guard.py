"""The outermost layer of the HTTP side: bounds on what comes in, headers on what goes out. ASGI, knows no route."""

from __future__ import annotations

import asyncio

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.http.problems import refusal, refused
from mappings.faults import Fault

log = structlog.get_logger("hub.http")

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


class _Stop(Exception):
    """The request is not read any further."""

    def __init__(self, status: int, fault: Fault) -> None:
        super().__init__(status)
        self.status, self.fault = status, fault


class Guard:
    """Wraps the application: no body beyond the limit or the time, no error without an answer, no bare header."""

    def __init__(self, app: ASGIApp, limit: int, patience: float) -> None:
        """`limit` in bytes; `patience` in seconds: within it a body has to be here, or it is answered 408."""
        self._app, self._limit, self._patience = app, limit, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._admit(Headers(scope=scope))
            await self._app(scope, self._bounded(receive), dressed)
        except _Stop as stop:
            if not begun:
                close = {"connection": "close"}
                await refused(scope["path"], stop.status, stop.fault, close)(scope, receive, dressed)
        except Exception as wrong:  # noqa: BLE001 - the edge: the caller learns that it failed, the log learns where
            log.error("http.failed", route=_route(scope), error=type(wrong).__name__)
            if not begun:
                fault = refusal("internal-error", "", "the hub failed and kept nothing of this request; send it again")
                await refused(scope["path"], 500, fault)(scope, receive, dressed)

    def _admit(self, headers: Headers) -> None:
        """Raises _Stop for a body that says of itself that it cannot be taken."""
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._limit:
            raise self._too_large()
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise _Stop(415, refusal("media-type", "content-encoding", "send the body as it is, not compressed"))

    def _bounded(self, receive: Receive) -> Receive:
        size = 0
        end = asyncio.get_running_loop().time() + self._patience
        whole = False

        async def bounded() -> Message:
            nonlocal size, whole
            if whole:  # what comes now is that the caller hangs up, whenever that is
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise _Stop(408, refusal("too-slow", "body", "send the whole body without a pause")) from None
            size += len(message.get("body", b""))
            if size > self._limit:
                raise self._too_large()
            whole = not message.get("more_body", False)
            return message

        return bounded

    def _too_large(self) -> _Stop:
        return _Stop(413, refusal("too-large", "body", f"send at most {self._limit} bytes"))


def _route(scope: Scope) -> str:
    """The pattern of the route, never the address: that may hold what its sender calls an id."""
    return str(getattr(scope.get("route"), "path", ""))
