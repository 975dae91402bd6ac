"""`cgt-hub serve` as the harnesses start it: `python -m tests.verify.serving [--plant FAULT] [--wait]`.

With `--wait` it imports everything and begins when a line comes in: a hub that stands by starts sooner. A fault can be
planted here and nowhere else: nothing of the hub itself reads it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

import uvicorn

import hub.bootstrap
import hub.http.app
from hub import cli
from tests.verify.plants import PLANTS

__all__ = ["main"]
assert hub.bootstrap and hub.http.app and uvicorn  # what `serve` imports when it is called, imported beforehand


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plant", choices=sorted(PLANTS))
    parser.add_argument("--wait", action="store_true")
    given = parser.parse_args()
    if given.wait and not sys.stdin.readline():
        return
    sys.argv = ["cgt-hub", "serve"]
    with PLANTS[given.plant]() if given.plant else contextlib.nullcontext():
        cli.main()


if __name__ == "__main__":
    main()
