"""A whole hub that breaks one promise: `python -m tests.conformance_tests.faulty HOME [FAULT]`. Prints its ports.

Without a fault it is the demo's hub as it is. What is broken is broken inside, where no proxy could do it.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub import logs
from hub.bootstrap import Hub
from hub.demo.serve import run


def _replace(module: str, name: str, value: Any) -> None:
    """Puts something in the place of a module's function."""
    setattr(importlib.import_module(module), name, value)


def identity_unchecked() -> None:
    """The bag of another order raises nothing and is no reason."""
    from canonical_model import rules

    rules.RULES = tuple(rule for rule in rules.RULES if rule.__name__ != "identity_agrees")


def repeats_applied() -> None:
    """The same message again is a new one."""
    _replace("hub.committer", "sameness", lambda *_: uuid.uuid4().hex)


def results_unanswered() -> None:
    """An ORU is taken and never acknowledged."""
    receive: Callable[..., Any] = Hub._mllp

    async def silent(self: Hub, profile: Any, body: bytes) -> bytes:
        answer: bytes = await receive(self, profile, body)
        return b"" if b"ORU^R01" in body else answer

    Hub._mllp = silent  # type: ignore[method-assign]


def address_dropped() -> None:
    """PID-11 is lost on the way in, and nothing says so."""
    from adapters.hl7v2 import tokenizer

    whole: Callable[..., list[Any]] = tokenizer.split

    def without(*arguments: Any) -> list[Any]:
        segments = whole(*arguments)
        for name, fields, _ in segments:
            if name == "PID":
                fields.pop("11", None)
        return segments

    _replace("adapters.hl7v2", "split", without)


def every_role_counts() -> None:
    """Whatever anybody says is a fact: no claim is told from one."""
    _replace("canonical_model.fold", "has_authority", lambda _: True)


def unsigned_taken() -> None:
    """Whoever names the sponsor is the sponsor."""
    from hub import webhook_signatures

    webhook_signatures.check = lambda *_: None


def recordings_taken() -> None:
    """A message that was signed long ago is as good as one of now."""
    from datetime import timedelta

    from hub import webhook_signatures

    webhook_signatures.TOLERANCE = timedelta(days=3650)


def names_in_the_log() -> None:
    """Who signed stands in the log by name."""
    from hub.sealing import Sealer

    Sealer.seal = lambda self, kind, values: dict(values)  # type: ignore[method-assign]


def late_facts_unlinked() -> None:
    """What came before its order waits for ever."""
    from hub.links import Links

    once: Callable[..., Any] = Links.add

    def only_at_once(self: Links, position: int, event: Any, only: str = "") -> Any:
        kept = {**event, "set": {n: v for n, v in event["set"].items() if n != "order"}}
        return once(self, position, kept if event["type"] == "batch.started" else event, only)

    Links.add = only_at_once  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        identity_unchecked,
        repeats_applied,
        results_unanswered,
        address_dropped,
        every_role_counts,
        unsigned_taken,
        recordings_taken,
        names_in_the_log,
        late_facts_unlinked,
    )
}


if __name__ == "__main__":
    logs.configure(logging.WARNING)
    if sys.argv[2:] and sys.argv[2]:
        FAULTS[sys.argv[2]]()
    asyncio.run(run(Path(sys.argv[1]), 0, False))
