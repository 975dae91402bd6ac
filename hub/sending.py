"""The outbox: takes rendered deliveries to partners by MLLP, HTTP or file, and notes what became of each. No rendering.

At least once, in order per partner and order (the store gives out one at a time). Each partner has a line of its own:
one that hangs or is down keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import structlog

from hub import hl7_answers
from hub.channels import files, mllp
from hub.committer import Committer
from hub.delivery import AGAIN, DONE, REFUSED, Deliveries, Outcome, Rendered, wait_after
from hub.pipeline import Overloaded, Pipeline
from hub.profiles import Profile
from hub.settings import Settings

log = structlog.get_logger("hub.outbox")

MEDIA_TYPES = {"epcis": "application/ld+json", "fhir_r4": "application/fhir+json", "mes_csv": "text/csv"}


class Outbox:
    """Sends what is due, forever."""

    def __init__(
        self,
        deliveries: Deliveries,
        pipeline: Pipeline,
        profiles: Mapping[str, Profile],
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._deliveries, self._pipeline, self._profiles = deliveries, pipeline, profiles
        self._settings, self._clock = settings, clock
        self._senders: dict[str, mllp.Sender] = {}
        self._failures: dict[str, int] = {}
        self._paused: dict[str, datetime] = {}
        self._clients: dict[Path | None, httpx.AsyncClient] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._free = asyncio.Event()
        self.folders: dict[str, files.DropFolder] = {}

    async def run(self) -> None:
        """Looks for what is due and sends it."""
        while True:
            self._free.clear()
            try:
                sent = await self.once()
            except Overloaded:
                sent = 0
            except Exception as wrong:  # noqa: BLE001 - the outbox goes on; what failed is due again
                log.error("outbox.failed", error=type(wrong).__name__)
                sent = 0
            if not sent:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._free.wait(), self._settings.delivery_poll)

    async def once(self) -> int:
        """Begins to send what is due to partners whose line is free; how many deliveries there were."""
        now = self._clock()
        self._paused = {partner: until for partner, until in self._paused.items() if until > now}
        closed = {*self._paused, *self._lines}
        due: list[Rendered] = await self._pipeline.run(lambda c: self._deliveries.claim(c, now, closed))
        by_partner: dict[str, list[Rendered]] = {}
        for rendered in due:
            by_partner.setdefault(rendered.partner, []).append(rendered)
        for partner, batch in by_partner.items():
            line = self._lines[partner] = asyncio.create_task(self._send_all(batch))
            line.add_done_callback(partial(self._is_free, partner))
        return len(due)

    def _is_free(self, partner: str, line: asyncio.Task[None]) -> None:
        del self._lines[partner]
        if not line.cancelled() and (wrong := line.exception()) is not None:
            log.error("outbox.failed", partner=partner, error=type(wrong).__name__)
        self._free.set()

    async def _send_all(self, batch: list[Rendered]) -> None:
        for rendered in batch:
            outcome = await self._attempt(rendered)
            await self._pipeline.run(partial(self._settle, rendered, outcome))
            if outcome.state == AGAIN:  # the receiver is down: all that waits for it waits, one attempt at a time
                self._failures[rendered.partner] = self._failures.get(rendered.partner, 0) + 1
                self._paused[rendered.partner] = self._clock() + wait_after(self._failures[rendered.partner])
                return
            self._failures.pop(rendered.partner, None)

    def _settle(self, rendered: Rendered, outcome: Outcome, committer: Committer) -> None:
        self._deliveries.settle(committer, rendered, outcome, self._clock())

    async def _attempt(self, rendered: Rendered) -> Outcome:
        profile = self._profiles[rendered.partner]
        try:
            if profile.mllp is not None and profile.mllp.send_host and rendered.message.startswith("hl7v2/"):
                return await self._by_mllp(profile, rendered)
            if profile.http is not None and profile.http.post_to:
                return await self._by_http(profile, profile.http.post_to, rendered)
            if profile.files is not None and profile.files.out is not None:
                ending = ".csv" if rendered.message.startswith("mes_csv/") else ".txt"
                self.folders[profile.partner].write_out(rendered.name + ending, rendered.body)
                return Outcome(DONE, "written")
        except (OSError, TimeoutError, mllp.FrameError, httpx.HTTPError) as wrong:
            return Outcome(AGAIN, type(wrong).__name__)
        return Outcome(REFUSED, "the profile has no channel to send by")

    async def _by_mllp(self, profile: Profile, rendered: Rendered) -> Outcome:
        assert profile.mllp is not None and profile.mllp.send_host and profile.mllp.send_port
        sender = self._senders.get(profile.partner)
        if sender is None:
            tls = ssl.create_default_context(cafile=profile.mllp.send_ca) if profile.mllp.send_tls else None
            host, port, most = profile.mllp.send_host, profile.mllp.send_port, self._settings.max_message
            sender = mllp.Sender(host, port, most, self._settings.patience, tls)
            self._senders[profile.partner] = sender
        answer = await sender.send(rendered.body)
        if not hl7_answers.is_about(answer, rendered.body):
            await sender.close()  # whatever it answers, the line is out of step
            return Outcome(AGAIN, "acknowledgement of another message")
        code = hl7_answers.code_of(answer)
        if code in {"AA", "CA"}:
            return Outcome(DONE, code)
        if code in {"AR", "CR", "AE", "CE"}:
            return Outcome(REFUSED, code)
        return Outcome(AGAIN, "no acknowledgement code")

    async def _by_http(self, profile: Profile, url: str, rendered: Rendered) -> Outcome:
        assert profile.http is not None
        kind = rendered.message.partition("/")[0]
        headers = {
            "content-type": MEDIA_TYPES.get(kind, "application/octet-stream"),
            "idempotency-key": f"{self._settings.name}-{rendered.id}",
        }
        if profile.http.post_token_file is not None:
            headers["authorization"] = f"Bearer {_secret(profile.http.post_token_file)}"
        client = self._client(profile.http.post_ca)
        response = await client.post(url, content=rendered.body, headers=headers)
        if response.is_success:
            return Outcome(DONE, str(response.status_code))
        if response.status_code in {408, 425, 429} or response.status_code >= 500:
            return Outcome(AGAIN, str(response.status_code))
        return Outcome(REFUSED, str(response.status_code))

    def _client(self, ca: Path | None) -> httpx.AsyncClient:
        """The client that trusts these certificates; without any the system's."""
        if ca not in self._clients:
            verify = ssl.create_default_context(cafile=ca)
            self._clients[ca] = httpx.AsyncClient(
                timeout=self._settings.patience, follow_redirects=False, verify=verify
            )
        return self._clients[ca]

    async def close(self) -> None:
        """Ends the lines; what was under way is due again."""
        lines = list(self._lines.values())
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)
        for sender in self._senders.values():
            await sender.close()
        for client in self._clients.values():
            await client.aclose()


def _secret(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
