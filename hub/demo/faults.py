"""Faults that the demo must catch. Each breaks one promise of a hub that is otherwise whole; the demo plants them."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from hub.bootstrap import Hub


def plant(fault: int, hub: Hub) -> None:
    """Breaks a promise of the hub. 0 breaks none; an unknown number is a KeyError."""
    if fault:
        FAULTS[fault][1](hub)


def _replace(module: str, name: str, value: Any) -> None:
    """Puts something in the place of a module's function."""
    setattr(importlib.import_module(module), name, value)


def _wrong_bag_unseen(_: Hub) -> None:
    from canonical_model import rules

    rules.RULES = tuple(rule for rule in rules.RULES if rule.__name__ != "identity_agrees")


def _acknowledgement_lost(hub: Hub) -> None:
    receive: Callable[..., Awaitable[bytes]] = Hub._mllp

    async def silent(self: Hub, profile: Any, body: bytes) -> bytes:
        answer = await receive(self, profile, body)
        return b"" if b"ORU^R01" in body else answer

    type(hub)._mllp = silent  # type: ignore[method-assign]


def _duplicate_applied(_: Hub) -> None:
    _replace("hub.committer", "sameness", lambda *_: uuid.uuid4().hex)


def _field_dropped(_: Hub) -> None:
    from adapters.hl7v2 import tokenizer

    whole: Callable[..., list[Any]] = tokenizer.split

    def without_address(*arguments: Any) -> list[Any]:
        segments = whole(*arguments)
        for name, fields, _ in segments:
            if name == "PID":
                fields.pop("11", None)
        return segments

    _replace("adapters.hl7v2", "split", without_address)


def _name_sent_to_the_courier(_: Hub) -> None:
    from mappings import send

    frames: Callable[..., list[dict[str, Any]]] = send.frames

    def telling(*arguments: Any) -> list[dict[str, Any]]:
        told = frames(*arguments)
        for frame in told:
            if frame["kind"] == "handling":
                frame["set"].setdefault("containers", []).append(
                    {"system": "https://mercy.example/person", "value": "DOE-JANE"}
                )
        return told

    _replace("mappings.send", "frames", telling)


def _event_for_the_wrong_order(_: Hub) -> None:
    from hub.links import Links

    link: Callable[..., set[str]] = Links._link

    def to_all(self: Links, position: int, starts: Any) -> set[str]:
        touched = link(self, position, starts)
        if touched:
            for (journey,) in self._db.all("journeys", 100, 0):
                self._db.run("add_link", journey, position, 0)
                touched.add(journey)
        return touched

    Links._link = to_all  # type: ignore[method-assign]


FAULTS: dict[int, tuple[str, Callable[[Hub], None]]] = {
    1: ("wrong bag unseen", _wrong_bag_unseen),
    2: ("acknowledgement lost", _acknowledgement_lost),
    3: ("duplicate applied", _duplicate_applied),
    4: ("field dropped silently", _field_dropped),
    5: ("name sent to the courier", _name_sent_to_the_courier),
    6: ("event for the wrong order", _event_for_the_wrong_order),
}
