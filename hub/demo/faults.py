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


def _without(*names: str) -> Callable[[Hub], None]:
    """A hub that does not know some rules."""

    def plant_it(_: Hub) -> None:
        from canonical_model import rules

        known = {rule.__name__ for rule in rules.RULES}
        assert known.issuperset(names), "a planted fault names a rule that is none"
        rules.RULES = tuple(rule for rule in rules.RULES if rule.__name__ not in names)

    return plant_it


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
        names = sorted(name for name in starts if self._about(name)[0] == "shipment")
        for (journey,) in self._db.all("journeys", 100, 0) if touched and names else ():
            if self._add_link(journey, position, names[0]):
                touched.add(journey)
        return touched

    Links._link = to_all  # type: ignore[method-assign]


def _merge_ignored(_: Hub) -> None:
    from hub import facts

    said: Callable[..., tuple[list[dict[str, Any]], list[Any]]] = facts.said_by

    def without_merges(*arguments: Any) -> tuple[list[dict[str, Any]], list[Any]]:
        told, faults = said(*arguments)
        return [event for event in told if event["type"] != "subject.merged"], faults

    _replace("hub.committer", "said_by", without_merges)


def _anybody_signs(_: Hub) -> None:
    _replace("hub.webhook_signatures", "check", lambda *_: None)


def _webhooks_forgotten(_: Hub) -> None:
    from hub.sending import Outbox

    by_webhook: Callable[..., Awaitable[Any]] = Outbox._by_webhook

    async def forgetful(self: Outbox, profile: Any, rendered: Any) -> Any:
        profile = profile.model_copy(
            update={"webhook": profile.webhook.model_copy(update={"post_to": "http://127.0.0.1:9/"})}
        )
        return await by_webhook(self, profile, rendered)

    Outbox._by_webhook = forgetful  # type: ignore[method-assign]


def _ledger_of_something_else(_: Hub) -> None:
    from hub import ledger

    leaf: Callable[[bytes, bytes], bytes] = ledger.leaf
    _replace("hub.ledger", "leaf", lambda salt, text: leaf(salt, text + b" "))


def _guess_answered(_: Hub) -> None:
    _replace("hub.reports.serving", "in_sight", lambda *_: True)


def _zone_forgotten(_: Hub) -> None:
    from adapters import times

    when: Callable[[str, str, str], dict[str, Any]] = times.when
    _replace("adapters.times", "when", lambda local, _offset, _zone: when(local, "Z", "UTC"))


FAULTS: dict[int, tuple[str, Callable[[Hub], None]]] = {
    1: ("wrong bag unseen", _without("identity_agrees")),
    2: ("acknowledgement lost", _acknowledgement_lost),
    3: ("duplicate applied", _duplicate_applied),
    4: ("field dropped silently", _field_dropped),
    5: ("name sent to the courier", _name_sent_to_the_courier),
    6: ("facts of a shipment on the wrong order", _event_for_the_wrong_order),
    7: ("patient merge ignored", _merge_ignored),
    8: ("gap of a logger unseen", _without("temperature_holds", "transit_is_recorded")),
    9: ("result outside its specification unseen", _without("results_in_limits")),
    10: ("release without grounds unseen", _without("release_has_evidence")),
    11: ("anybody's signature taken", _anybody_signs),
    12: ("sponsor not told", _webhooks_forgotten),
    13: ("ledger of something else", _ledger_of_something_else),
    14: ("guessed number answered", _guess_answered),
    15: ("zones of times forgotten", _zone_forgotten),
}
