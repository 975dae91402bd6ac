"""What the kit is run against: the demo's hub as a process of its own, and proxies before it that break one promise."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hub.demo import world

VT, FS = b"\x0b", b"\x1c\r"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an implementation listens, and the file that tells the kit who may do what."""

    http: int
    mllp: int
    folder: Path
    ahead: float = 0.0
    """By how many seconds its clock is ahead: it plays on a day of its own."""

    def arguments(self, **more: Any) -> list[str]:
        """What the kit is called with."""
        hospital = {"token": world.TOKENS["mercy"], "mllp": f"127.0.0.1:{self.mllp}"}
        hook = {"webhook": f"/webhooks/{SPONSOR}", "secret": SECRET, "ahead": self.ahead}
        told = {
            "roles": {
                "hospital": hospital,
                "courier": {"token": world.TOKENS["swift"]},
                "sponsor": {**hook, "token": SPONSOR_TOKEN},
                "observer": {"token": world.TOKENS["operator"]},
            },
            "values": {name: f"https://id.gs1.org/414/{world.GLN[gln]}" for name, gln in _PARTIES.items()},
            **more,
        }
        file = self.folder / f"site-{self.http}-{self.mllp}.json"
        file.write_text(json.dumps(told), encoding="utf-8")
        return ["--url", f"http://127.0.0.1:{self.http}", "--credentials", str(file)]


_PARTIES = {"hospital_party": "mercy", "courier_party": "swift"}


SPONSOR = "kit-sponsor"
SPONSOR_TOKEN = "kit-sponsor-token"
SECRET = "whsec_" + base64.b64encode(hashlib.sha256(b"the kit's sponsor").digest()).decode()


def write_sponsor(partners: Path) -> None:
    """A sponsor that sends webhooks, beside the demo's partners."""
    (partners / "kit-secret").write_text(SECRET, encoding="ascii")
    profile = {
        "partner": SPONSOR,
        "name": "The kit's sponsor",
        "role": "sponsor",
        "party": "https://id.gs1.org/414/9531110000051",
        "webhook": {"secret_files": ["kit-secret"]},
        "http": {"token_sha256": hashlib.sha256(SPONSOR_TOKEN.encode()).hexdigest()},
        "products": ["AXI-CEL"],
    }
    (partners / f"{SPONSOR}.yaml").write_text(json.dumps(profile), encoding="utf-8")


@contextlib.contextmanager
def hub(home: Path, fault: str = "") -> Iterator[Place]:
    """The demo's hub with its partners' profiles and a sponsor; nobody takes what it delivers."""
    world.write_profiles(home / "partners", home, 9, "http://127.0.0.1:9/epcis")
    write_sponsor(home / "partners")
    command = [sys.executable, "-m", "tests.conformance_tests.faulty", str(home), fault]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        ahead = (world.TODAY - datetime.now(UTC)).total_seconds()
        yield Place(ports["http"], ports["mllp"]["mercy"], home, ahead)
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


# ---- proxies ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Call:
    """An HTTP request on its way to the hub."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """An HTTP answer on its way back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def change(self, change: Callable[[Any], Any]) -> None:
        """Changes a JSON body; what is no JSON stays."""
        with contextlib.suppress(ValueError):
            self.body = json.dumps(change(json.loads(self.body))).encode()


def _as_it_is(_: Call, __: Reply) -> None:
    return None


@contextlib.contextmanager
def wrong_http(
    place: Place,
    back: Callable[[Call, Reply], None] = _as_it_is,
    forth: Callable[[Call], None] = lambda _: None,
) -> Iterator[Place]:
    """The hub behind an HTTP proxy that changes requests (`forth`) or answers (`back`)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, self.path, headers, self.rfile.read(size))
            forth(call)
            reply = _asked(place.http, call)
            back(call, reply)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = pass_on  # noqa: N815 - names of the standard library

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield replace(place, http=port)


def _asked(port: int, call: Call) -> Reply:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        line.request(call.method, call.path, call.body or None, call.headers)
        got = line.getresponse()
        kept = {n.lower(): v for n, v in got.getheaders() if n.lower() not in {"content-length", "connection", "date"}}
        return Reply(got.status, kept, got.read())
    finally:
        line.close()


@contextlib.contextmanager
def wrong_mllp(place: Place, converse: Callable[[bytes, Callable[[bytes], bytes]], bytes]) -> Iterator[Place]:
    """The hub behind an MLLP proxy: `converse(message, ask)` gives the answer, `ask` asks the hub."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while message := _frame(self.rfile):
                self.wfile.write(VT + converse(message, lambda m: _told(place.mllp, m)) + FS)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with _served(Server(("127.0.0.1", 0), Handler)) as port:
        yield replace(place, mllp=port)


def _told(port: int, message: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as line, line.makefile("rb") as answers:
        line.sendall(VT + message + FS)
        return _frame(answers)


def _frame(lines: Any) -> bytes:
    """The content of the next frame; empty where the line ended."""
    read = b""
    while not read.endswith(FS):
        more = lines.read(1)
        if not more:
            return b""
        read += more
    return read[1:-2]


@contextlib.contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextlib.contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    """A folder of files over HTTP, as a published set of schemas would be."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = folder / self.path.lstrip("/")
            body = file.read_bytes() if file.is_file() else b""
            self.send_response(200 if file.is_file() else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"
