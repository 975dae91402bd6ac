"""The outbox: takes rendered deliveries to partners by MLLP, HTTP or file, and notes what became of each. No rendering.

At least once, in order per partner and order (the store gives out one at a time), parallel across partners.
"""

from __future__ import annotations

import asyncio
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
        self._client = httpx.AsyncClient(timeout=30.0, follow_redirects=False)
        self.folders: dict[str, files.DropFolder] = {}

    async def run(self) -> None:
        """Looks for what is due and sends it."""
        while True:
            try:
                sent = await self.once()
            except Overloaded:
                sent = 0
            except Exception as wrong:  # noqa: BLE001 - the outbox goes on; what failed is due again
                log.error("outbox.failed", error=type(wrong).__name__)
                sent = 0
            if not sent:
                await asyncio.sleep(self._settings.delivery_poll)

    async def once(self) -> int:
        """Sends what is due now; how many deliveries there were."""
        now = self._clock()
        self._paused = {partner: until for partner, until in self._paused.items() if until > now}
        due: list[Rendered] = await self._pipeline.run(lambda c: self._deliveries.claim(c, now, self._paused))
        by_partner: dict[str, list[Rendered]] = {}
        for rendered in due:
            by_partner.setdefault(rendered.partner, []).append(rendered)
        await asyncio.gather(*(self._send_all(batch) for batch in by_partner.values()))
        return len(due)

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
            sender = mllp.Sender(profile.mllp.send_host, profile.mllp.send_port, self._settings.max_message)
            self._senders[profile.partner] = sender
        code = hl7_answers.code_of(await sender.send(rendered.body))
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
        response = await self._client.post(url, content=rendered.body, headers=headers)
        if response.is_success:
            return Outcome(DONE, str(response.status_code))
        if response.status_code in {408, 425, 429} or response.status_code >= 500:
            return Outcome(AGAIN, str(response.status_code))
        return Outcome(REFUSED, str(response.status_code))

    async def close(self) -> None:
        for sender in self._senders.values():
            await sender.close()
        await self._client.aclose()


def _secret(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
