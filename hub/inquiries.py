"""Questions that come as a file, and the file of answers: as over HTTP, by whoever may ask, and through `visible`.

Besides the hub's questions a file may ask for the `status` of an order, and for its `slot`s: what the records that the
asker may see say, and nothing of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from fastapi.exceptions import RequestValidationError

from adapters.mes_csv import questions as files
from adapters.mes_csv.questions import Asked
from adapters.reading import Unparsable
from canonical_model.journey import Journey, RecordState
from canonical_model.protocols import Protocol
from canonical_model.questions import Listed
from canonical_model.rules import protocol_of
from canonical_model.stage import headline
from canonical_model.values import instant_text
from hub.access import takes_part, visible
from hub.answers import QUESTIONS, Given, Questions
from hub.channels.files import ANSWERED, Taken
from hub.channels.naming import with_mark
from hub.committer import Answer, Committer
from hub.conversion import HELD, digest
from hub.http import asking
from hub.profiles import Profile
from mappings.faults import Fault

STATUS, SLOT = "status", "slot"
KNOWN = (*QUESTIONS, STATUS, SLOT)
_KINDS = {
    STATUS: ("order", "collection", "container", "shipment", "batch", "disposition", "appointment", "administration"),
    SLOT: ("appointment",),
}
"""The records that a question tells of, each with its state."""
_DECIDED = ("status", "state", "decision", "holder")
"""Fields that say where a record stands; what the asker may see of them."""
_NONE = ("I-1", "no order of this partner has all these names", "check the identifiers")

Row = list[str]
Run = Callable[[Callable[[Committer], Any]], Awaitable[Any]]


class Inquiries:
    """Answers files of questions in one hub."""

    def __init__(
        self, questions: Questions, protocols: Mapping[str, Protocol], run: Run, clock: Callable[[], datetime]
    ) -> None:
        self._questions, self._protocols, self._run, self._clock = questions, protocols, run, clock

    @staticmethod
    def are_in(body: bytes, dialect: str) -> bool:
        """True for a file that asks: by the profile's word, or by its header where the profile has none."""
        return dialect == files.DIALECT or (not dialect and files.are_in(body))

    async def answer(self, profile: Profile, adapter: Any, body: bytes, name: str) -> Taken:
        """The answers to a file, as a file for the partner. Raises Overloaded."""
        assert profile.files is not None
        try:
            sheet = await asyncio.to_thread(files.read, adapter, body)
        except Unparsable as wrong:
            return _refused(Fault(wrong.code, wrong.place, wrong.remedy, severity="error"))
        if profile.files.out is None:
            remedy = "the partner's profile has no folder for answers: give it files.out"
            return _refused(Fault("no-answer-folder", "file", remedy, severity="error"))
        rows: list[Row] = []
        for asked in sheet.asked:
            rows += await self._rows(profile, asked)
        reply = await asyncio.to_thread(files.write, rows, sheet.head)
        ending = "xlsx" if sheet.head.get("workbook") else "csv"
        parts = [{"part": f"line {asked.line}", "fate": ANSWERED} for asked in sheet.asked]
        told = Answer(0, ANSWERED, files.DIALECT, name, parts, [f for asked in sheet.asked for f in asked.wrong])
        return Taken(told, (f"{with_mark(name.rpartition('.')[0] or name, digest(body)[:8])}.answer.{ending}", reply))

    async def _rows(self, profile: Profile, asked: Asked) -> list[Row]:
        """The answers to one row; what cannot be asked is answered with the reason."""
        if asked.wrong:
            return [_row(asked, "not-asked", rule=f.code, text=f.place, settle=f.remedy) for f in asked.wrong]
        if asked.question not in KNOWN:
            return [_row(asked, "not-asked", rule="question-unknown", settle=f"ask one of: {', '.join(KNOWN)}")]
        if asked.question in _KINDS:
            rows: list[Row] = await self._run(partial(self._standing, profile, asked))
            return rows
        try:
            body = {k: asked.names[k] for k in ("order", "batch", "shipment", "material") if k in asked.names}
            if "container" in asked.names:
                body["containers"] = asked.names["container"]
            wanted = asking.wanted(asked.question, asking.read(asked.question, body), profile.partner)
        except RequestValidationError as wrong:
            missing = sorted({str(one["loc"][1]) for one in wrong.errors() if len(one["loc"]) > 1})
            settle = f"see {', '.join(missing)}: docs/questions.md says what the question takes"
            return [_row(asked, "not-asked", rule="question-arguments", settle=settle)]
        given = await self._run(lambda committer: self._questions.ask(committer, wanted))
        return list(_given(asked, given))

    def _standing(self, profile: Profile, asked: Asked, committer: Committer) -> list[Row]:
        """Where the records of an order stand, as far as the asker sees them; looking stands in the audit."""
        db = committer.connection
        head = db.one("head")
        position = int(head[0]) if head else 0
        journey = self._questions.journey_of(db, asked.names.get("order", ()))
        state = committer.orders.state(db, journey) if journey else None
        allowed = state is not None and takes_part(profile, state)
        with db.transaction():
            now = instant_text(self._clock())
            db.run("add_audit", now, profile.partner, asked.question, journey if allowed else "", "{}")
        if state is None or not allowed:
            rule, text, settle = _NONE
            return [_row(asked, "deny", rule=rule, text=text, settle=settle, position=position)]
        rows = list(self._told(profile, asked, state, position))
        return rows or [_row(asked, "none", text="nothing is known that this partner may see", position=position)]

    def _told(self, profile: Profile, asked: Asked, state: Journey, position: int) -> Iterator[Row]:
        scanned = {(one["system"], one["value"]) for one in asked.names.get("container", ())}
        for kind in _KINDS[asked.question]:
            records = [state.order] if kind == "order" else state.of(kind)
            for record in records:
                if kind == "container" and scanned and not scanned & _names(record):
                    continue
                held = state.custody.get(record.name)
                where = record.state or record.fields.get("status")
                facts = {**record.fields, "identifiers": record.identifiers, "status": where}
                facts |= {"holder": held.holder} if held and held.holder else {}
                if kind == "order":
                    facts["state"] = headline(state, protocol_of(state, self._protocols))[0]
                shown = visible(profile, {"kind": kind, "key": kind, "set": facts})[0]
                if shown is not None:
                    yield _of_record(asked, kind, shown["set"], position)


def _names(record: RecordState) -> set[tuple[str, str]]:
    return {(one["system"], one["value"]) for one in record.identifiers}


def _of_record(asked: Asked, kind: str, shown: Mapping[str, Any], position: int) -> Row:
    says = [f"{name} {shown[name]}" for name in _DECIDED if isinstance(shown.get(name), str) and shown[name]]
    period = shown.get("period") or {}
    at = (period.get("start") or {}).get("at", "") if isinstance(period, Mapping) else ""
    names = ", ".join(str(one["value"]) for one in shown.get("identifiers", ()))
    about = " ".join(part for part in (kind, str(shown.get("kind") or "") if kind == "appointment" else "") if part)
    return _row(asked, "told", about=f"{about}: {names}", state="; ".join(says), at=at, position=position)


def _given(asked: Asked, given: Given) -> Iterator[Row]:
    answer, position = given.answer, given.position
    if isinstance(answer, Listed):
        for item in answer.items:
            about = ": ".join(part for part in item.about if part)
            state = f"{item.kind}{', late' if item.late else ''}{', done' if item.done else ''}"
            yield _row(
                asked,
                "listed",
                about=about,
                state=state,
                at=item.at,
                rule=item.rule,
                text=item.text,
                settle=item.settle,
                position=position,
            )
        for reason in answer.reasons:
            yield _row(asked, "open", rule=reason.rule, text=reason.text, settle=reason.settle, position=position)
        if not answer.items and not answer.reasons:
            yield _row(asked, "none", position=position)
        return
    if not answer.reasons:
        yield _row(asked, answer.verdict, position=position)
    for reason in answer.reasons:
        yield _row(asked, answer.verdict, rule=reason.rule, text=reason.text, settle=reason.settle, position=position)


def _row(
    asked: Asked,
    verdict: str,
    *,
    about: str = "",
    state: str = "",
    at: str = "",
    rule: str = "",
    text: str = "",
    settle: str = "",
    position: int = 0,
) -> Row:
    cells = asked.cells
    own: Sequence[str] = [cells.get(name, "") for name in ("reference", "question", "order", "container")]
    place = str(position) if position else ""
    return [str(asked.line), *own, verdict, about, state, at, rule, text, settle, place]


def _refused(fault: Fault) -> Taken:
    part = {"part": "file", "fate": HELD, "faults": [fault.plain()]}
    return Taken(Answer(0, HELD, files.DIALECT, "", [part], [fault]))
