"""Plays a case against an implementation: fills in names, sends, compares, keeps. Knows no format."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from conformance_tests import judged, transports
from conformance_tests.cases import Case, CaseError, Suite
from conformance_tests.matchers import mismatch
from conformance_tests.pointers import edited
from conformance_tests.schemas import Schemas
from conformance_tests.transports import Answer, NoAnswer

PASSED, FAILED, NOT_RUN = "passed", "failed", "not-run"
JUDGE = "/model/judge"
"""Where facts are judged that nobody keeps."""
JUDGED = "judged"
"""The place in an expectation that holds the check of a scenario."""
PAUSE = 0.1
"""Seconds between two looks for what comes eventually."""
_NAME = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Role:
    """One party's way in: its bearer token, where its HL7 v2 listener is, where its webhooks go and what signs them.

    `ahead` is by how many seconds the implementation's clock is ahead of this machine's: a system for tests may play
    on another day.
    """

    token: str = ""
    mllp: str = ""
    webhook: str = ""
    secret: str = ""
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """The implementation under test, as its operator describes it."""

    url: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 20.0
    patience: float = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case."""

    case: Case
    outcome: str
    reason: str = ""
    seconds: float = 0.0


class Player:
    """Plays cases at one site. `name` gives a text of six letters and digits that no other case has used."""

    def __init__(
        self, site: Site, suite: Suite, client: httpx.Client, schemas: Schemas | None, name: Callable[[], str]
    ) -> None:
        self._site, self._suite, self._client, self._schemas, self._name = site, suite, client, schemas, name

    def play(self, case: Case) -> Result:
        """The case's result. Raises CaseError where the case itself is wrong."""
        begun = time.monotonic()
        if missing := self._missing(case):
            return Result(case, NOT_RUN, missing)
        if case.verdict is not None:
            assert self._schemas is not None
            reason = self._schemas.fault(case.verdict)
        else:
            reason = self._steps(case)
        for role in self._site.roles.values():
            for kept in filter(None, (role.token, role.secret)):
                reason = reason.replace(kept, "…")
        return Result(case, FAILED if reason else PASSED, reason, time.monotonic() - begun)

    def _missing(self, case: Case) -> str:
        """What the site does not have and the case needs."""
        if case.verdict is not None:
            return "" if self._schemas is not None else "no schemas: give --schemas"
        for step in case.steps:
            role = self._site.roles.get(step["as"])
            if "mllp" in step["send"]:
                if role is None or not role.mllp:
                    return f"no MLLP address of the {step['as']}"
            elif "webhook" in step["send"]:
                if role is None or not (role.webhook and role.secret and self._site.url):
                    return f"no webhook of the {step['as']}"
            elif not self._site.url:
                return "no --url"
            elif step["as"] != "nobody" and (role is None or not role.token):
                return f"no credentials of the {step['as']}"
        return ""

    def _steps(self, case: Case) -> str:
        run = self._name()
        names: dict[str, Any] = {"run": run, "number": f"{int(run, 36):010}"}
        for name, value in {**self._suite.let, **case.let, **self._site.values}.items():
            names[name] = filled(value, names)
        for number, step in enumerate(case.steps, 1):
            if reason := self._step(step, names):
                return f"step {number}, {step['as']}: {reason}"
        return ""

    def _step(self, step: Mapping[str, Any], names: dict[str, Any]) -> str:
        end = time.monotonic() + (self._site.patience if step.get("eventually") else 0.0)
        while True:
            try:
                answer = self._sent(step["as"], filled(step["send"], names))
                reason = _compared(answer, step["expect"], names)
            except NoAnswer as wrong:
                reason = str(wrong)
            if not reason or time.monotonic() >= end:
                return reason
            time.sleep(PAUSE)

    def _sent(self, by: str, send: Mapping[str, Any]) -> Answer:
        role = self._site.roles.get(by, Role())
        if "mllp" in send:
            message = "".join(segment + "\r" for segment in send["mllp"])
            return transports.mllp(role.mllp, message.encode(), self._site.seconds)
        if "webhook" in send:
            made = transports.written(edited(send["webhook"], send.get("put", {})))
            how = transports.Signing(role.secret, send["id"], role.ahead + send.get("ahead", 0), send.get("spoil", ""))
            return transports.webhook(self._client, role.webhook, made, how)
        if "judge" in send:
            send = {"http": f"POST {JUDGE}", "headers": {"content-type": "application/json"}, "json": send["judge"]}
        method, _, path = send["http"].partition(" ")
        headers = {"authorization": f"Bearer {role.token}"} if role.token else {}
        body = "".join(send.get("text", ())).encode()
        if "json" in send:
            body = transports.written(edited(send["json"], send.get("put", {})))
        return transports.http(self._client, method, path, {**headers, **send.get("headers", {})}, body)


def _compared(answer: Answer, expect: Mapping[str, Any], names: dict[str, Any]) -> str:
    for place, expected in expect.items():
        if place == JUDGED:
            if why := judged.fault(expected, answer.find("json"), names.setdefault(JUDGED, {})):
                return why
            continue
        if why := mismatch(filled(expected, names), answer.find(place), names):
            return f"{place}: {why}"
    return ""


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """A value with `{{name}}` replaced; a text that is one name alone becomes what the name stands for."""
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if not isinstance(value, str):
        return value
    try:
        whole = _NAME.fullmatch(value)
        return names[whole[1]] if whole else _NAME.sub(lambda found: str(names[found[1]]), value)
    except KeyError as unknown:
        raise CaseError(f"a case uses {unknown}, which nothing has named") from unknown
