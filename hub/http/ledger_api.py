"""The ledger over HTTP, for operators: whether it holds, its signed head, exports of one order. Judges nothing."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from canonical_model.values import instant_text
from hub import ledger, ledger_export
from hub.bootstrap import Hub
from hub.http.auth import Doorkeeper
from hub.ledger_verifier import Walk
from hub.store import Connection

T = TypeVar("T")
CHUNK = 64 * 1024
MEDIA_TYPE = "application/x-ndjson"
Number = Annotated[int | None, Query(alias="from", ge=0, lt=2**63)]


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes of the ledger under `/api`."""
    api = APIRouter(prefix="/api", tags=["operators"], dependencies=[Depends(door.operator)])

    @api.get("/ledger")
    async def verify() -> dict[str, Any]:
        """Whether the ledger holds, from its first batch to its head."""

        def look(db: Connection) -> Walk:
            return ledger.walk(db, hub.keys.public_key())

        walk = await _look(hub, look)
        return {
            "holds": not walk.faults,
            "position": walk.position,
            "head": walk.chain.hex(),
            "faults": [{"place": fault.place, "text": fault.text} for fault in walk.faults],
        }

    @api.get("/ledger/head")
    async def head() -> dict[str, Any]:
        """The signed head, to keep: who holds it finds every change of what was before it."""
        row = await hub.readers.run(lambda db: db.one("last_batch"))
        return ledger.head(row, hub.keys, instant_text(hub.clock()))

    @api.get("/journeys/{journey}/export", response_class=StreamingResponse)
    async def export(journey: str, after: Number = None) -> StreamingResponse:
        """One order with proofs and a signed count; `from` is the number of an earlier head that the receiver holds."""

        def make(db: Connection) -> IO[bytes]:
            made = ledger_export.Maker(db, hub.keys, instant_text(hub.clock()))
            return _filed(ledger_export.order(made, journey, after))

        try:
            file = await _look(hub, make)
        except ledger_export.NotThere:
            raise HTTPException(404, "no such journey") from None
        chunks = iter(lambda: file.read(CHUNK), b"")
        return StreamingResponse(chunks, media_type=MEDIA_TYPE, background=BackgroundTask(file.close))

    return api


async def _look(hub: Hub, work: Callable[[Connection], T]) -> T:
    """A long look on a connection and a thread of its own; in memory there is the committer's connection only."""
    if not hub.store.shared and hub.store.path is None:
        return await hub.pipeline.run(lambda committer: work(committer.connection))  # type: ignore[no-any-return]

    def look() -> T:
        with contextlib.closing(hub.store.reader()) as db:
            return work(db)

    return await asyncio.to_thread(look)


def _filed(lines: Iterator[bytes]) -> IO[bytes]:
    """The lines in a file without a name, from its beginning: it goes when it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed after the answer
    try:
        file.writelines(lines)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
