"""Partners' receiving ends as real servers on loopback, whose behaviour a test can change. Know no hub."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.hub.house import FS, VT, fields


def accept(message: bytes) -> bytes:
    """An acknowledgement with AA."""
    return acknowledgement("AA", fields(message, "MSH")[0][10])


def acknowledgement(code: str, control: str) -> bytes:
    return f"MSH|^~\\&|EHR|L|HUB|H|20260311120000||ACK|A-{control}|P|2.5.1\rMSA|{code}|{control}\r".encode()


@dataclass(slots=True)
class Interface:
    """An HL7 receiver. `answer` gives the bytes to send back; nothing closes the line unanswered."""

    answer: Callable[[bytes], bytes | None] = accept
    received: list[bytes] = field(default_factory=list)
    port: int = 0

    def serve(self, connection: socket.socket) -> None:
        rest = b""
        with connection, contextlib.suppress(OSError):
            while more := connection.recv(65536):
                rest += more
                while FS in rest:
                    framed, _, rest = rest.partition(FS)
                    self.received.append(framed[1:])
                    told = self.answer(framed[1:])
                    if told is None:
                        return
                    connection.sendall(VT + told + FS)


@contextlib.contextmanager
def interface(
    answer: Callable[[bytes], bytes | None] = accept, port: int = 0, tls: tuple[Path, Path] | None = None
) -> Iterator[Interface]:
    """An HL7 receiver that listens while the block runs; `tls` is its certificate and key."""
    one = Interface(answer)
    listening = socket.create_server(("127.0.0.1", port), reuse_port=False)
    one.port = listening.getsockname()[1]

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
    if context is not None and tls is not None:
        context.load_cert_chain(*tls)

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.serve(context.wrap_socket(connection, server_side=True) if context else connection)

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield one
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@dataclass(slots=True)
class Posted:
    """One HTTP request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Endpoint:
    """An HTTP receiver. `answer` gives the status; 0 closes the line unanswered."""

    answer: Callable[[Posted], int] = lambda _: 202
    received: list[Posted] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def endpoint(answer: Callable[[Posted], int] = lambda _: 202) -> Iterator[Endpoint]:
    """An HTTP receiver that listens while the block runs."""
    one = Endpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            posted = Posted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            one.received.append(posted)
            status = one.answer(posted)
            if status:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/in"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
