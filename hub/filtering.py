"""What of a message is none of the hub's business, by the partner's profile: answered, counted and not kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.profiles import Filter

_CODED = {"order": "service", "administration": "product"}
"""Where the frames of a part say what was ordered or given."""

Frame = Mapping[str, Any]


def passed_over(rules: Filter, frames: Sequence[Frame], knows: Callable[[list[Any]], bool] | None) -> frozenset[str]:
    """Keys of the parts (frames without a parent) that are not kept.

    A part is passed over where it states codes and none of them is listed: a part without a code, such as a
    cancellation, is kept. Where every order of the message is passed over, or only known patients are wanted and the
    message orders nothing, the parts about a patient are too, unless `knows` says that one of the identifiers is known.
    """
    if not rules.services and not rules.only_known_patients:
        return frozenset()
    top = _tops(frames)
    passed: set[str] = set()
    if rules.services:
        passed = _of_other_services(frozenset(rules.services), frames, top)
    orders = {top[frame["key"]] for frame in frames if frame["kind"] == "order"}
    if knows is not None and orders <= passed and (orders or rules.only_known_patients):
        strangers = _strangers(frames, knows)
        for frame in frames:
            about = frame["set"].get("patient")
            if frame["key"] in strangers or (isinstance(about, dict) and about.get("frame") in strangers):
                passed.add(top[frame["key"]])
    return frozenset(passed)


def _tops(frames: Sequence[Frame]) -> dict[str, str]:
    """The part of each frame: the key of the frame that it is in, which has no parent."""
    parents = {frame["key"]: frame.get("parent") for frame in frames}
    top = {}
    for key in parents:
        above = key
        while parent := parents[above]:
            above = parent
        top[key] = above
    return top


def _of_other_services(services: frozenset[str], frames: Sequence[Frame], top: Mapping[str, str]) -> set[str]:
    stated: dict[str, set[str]] = {}
    for frame in frames:
        concept = frame["set"].get(_CODED.get(frame["kind"], ""))
        codings = concept.get("codings", ()) if isinstance(concept, dict) else ()
        stated.setdefault(top[frame["key"]], set()).update(c["code"] for c in codings if "code" in c)
    return {part for part, codes in stated.items() if codes and not codes & services}


def _strangers(frames: Sequence[Frame], knows: Callable[[list[Any]], bool]) -> set[str]:
    identities = {frame.get("parent"): frame["set"] for frame in frames if frame["kind"] == "identity"}
    found = set()
    for frame in frames:
        if frame["kind"] == "subject":
            told = identities.get(frame["key"], {})
            if not knows([*told.get("identifiers", []), *told.get("retired_identifiers", [])]):
                found.add(frame["key"])
    return found
