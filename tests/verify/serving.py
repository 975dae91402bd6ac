"""`cgt-hub serve` as the harnesses start it: `python -m tests.verify.serving [--plant FAULT] [--wait] [--demo HOME]`.

With `--wait` it imports everything and begins when a line comes in: a hub that stands by starts sooner. With `--demo`
it is the demo's hub, which says where it listens. A fault can be planted here and nowhere else: nothing of the hub
itself reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import uvicorn

import hub.bootstrap
import hub.http.app
from hub import cli, logs
from hub.demo import serve
from tests.verify.plants import PLANTS

__all__ = ["main"]
assert hub.bootstrap and hub.http.app and uvicorn  # what `serve` imports when it is called, imported beforehand


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plant", type=lambda names: names.split(","), default=[], help="faults, commas between")
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--demo", type=Path, metavar="HOME", help="the folder of a demo's hub")
    given = parser.parse_args()
    if given.wait and not sys.stdin.readline():
        return
    with contextlib.ExitStack() as planted:
        for name in given.plant:
            planted.enter_context(PLANTS[name]())
        if given.demo is not None:
            logs.configure(logging.WARNING)
            asyncio.run(serve.run(given.demo, 0, follows=False))
        else:
            sys.argv = ["cgt-hub", "serve"]
            cli.main()


if __name__ == "__main__":
    main()
