"""Ports for servers that listen later, or again after a kill, so that nobody else has them meanwhile.

A port that the system hands out for listening may go to any outgoing connection before the server binds it, and a
client that asks such a port again and again may be connected to itself. These lie below the range for outgoing
connections (ip(7), ip_local_port_range), and each worker of a parallel run counts through its own share of them.
"""

from __future__ import annotations

import os
import socket
from itertools import count
from random import Random

_FIRST, _SHARE, _WORKERS = 10_000, 1_000, 20
_counted = count(Random(os.urandom(8)).randrange(_SHARE))


def free() -> int:
    """A port of loopback that nothing listens on and that this process gave to nobody else lately."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    while True:
        port = _FIRST + worker * _SHARE + next(_counted) % _SHARE
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
