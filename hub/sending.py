"""The outbox: takes rendered deliveries to partners by MLLP, HTTP or file, and notes what became of each. No rendering.

At least once, in order per partner and order. Each partner has a line of its own: one that hangs or is down keeps
nobody else waiting. The lines go to the committer one after the other, so what comes in waits for one of them at most.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import structlog

from hub import hl7_answers, webhook_signatures
from hub.channels import files, mllp
from hub.channels.posting import NotAllowed, Poster
from hub.committer import Committer
from hub.delivery import AGAIN, DONE, REFUSED, Attempt, Deliveries, Outcome, Rendered
from hub.pipeline import Overloaded, Pipeline
from hub.profiles import Http, Mllp, Profile, Webhook
from hub.settings import Settings

log = structlog.get_logger("hub.outbox")

MEDIA_TYPES = {
    "epcis": "application/ld+json",
    "fhir_r4": "application/fhir+json",
    "mes_csv": "text/csv",
    "b2mml": "application/xml",
    "courier_feed": "application/json",
    "asm": "application/json",
    "certificate/html": "text/html; charset=utf-8",
    "certificate/json": "application/json",
}
BATCH = 32
"""Deliveries that a line claims at once."""
FRESH = 2.0
"""Seconds for which a claim holds: what was not begun by then is claimed again, policy and consent asked again."""

LONGEST_REST = 15.0
"""Seconds between two attempts to note in a failing store what was sent."""


class Outbox:
    """Sends what is due, forever."""

    def __init__(
        self,
        deliveries: Deliveries,
        pipeline: Pipeline,
        profiles: Mapping[str, Profile],
        settings: Settings,
        clock: Callable[[], datetime],
        seat: Callable[[str], bool],
    ) -> None:
        """`seat`: whether this process has a partner's line, of all that share the store."""
        self._deliveries, self._pipeline, self._profiles, self._seat = deliveries, pipeline, profiles, seat
        self._settings, self._clock = settings, clock
        self._senders: dict[str, tuple[Mllp, mllp.Sender]] = {}
        self._posters: dict[str, tuple[Http | Webhook, Poster]] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        """Held by the one line that is with the committer."""
        self.folders: dict[str, files.DropFolder] = {}

    async def run(self) -> None:
        """Looks for what is due and has it sent."""
        while True:
            try:
                await self.once()
            except Overloaded:
                pass
            except Exception as wrong:  # noqa: BLE001 - the outbox goes on; what failed is due again
                log.error("outbox.failed", error=type(wrong).__name__)
            await asyncio.sleep(self._settings.delivery_poll)

    async def once(self) -> int:
        """Has the lines served for which something is due and that are not being served; how many these are."""
        now, busy = self._clock(), frozenset(self._lines)
        due = await self._pipeline.run(lambda c: self._deliveries.lines_due(c, now, busy))
        for partner in filter(self._has_line, due):
            line = self._lines[partner] = asyncio.create_task(self._serve(partner))
            line.add_done_callback(partial(self._is_free, partner))
        return len(due)

    def _has_line(self, partner: str) -> bool:
        return self._seat(f"line/{partner}")

    def _is_free(self, partner: str, line: asyncio.Task[None]) -> None:
        del self._lines[partner]
        if not line.cancelled() and (wrong := line.exception()) is not None:
            log.error("outbox.failed", partner=partner, error=type(wrong).__name__)

    async def _serve(self, partner: str) -> None:
        """Sends what is due for a partner until nothing is, or the receiver does not take it."""
        tried: list[Attempt] = []
        while batch := await self._ask(partner, tried, BATCH):
            tried = []
            try:
                await self._send(batch, tried)
            except BaseException:  # the hub ends: what was sent is not to be sent again
                await self._ask(partner, tried, 0)
                raise

    async def _ask(self, partner: str, tried: list[Attempt], limit: int) -> list[Rendered]:
        """Settles what was tried; what is to be sent next. While the store fails nothing is sent again: it waits."""
        wait = self._settings.delivery_poll
        while True:
            try:
                async with self._turn:
                    return await self._pipeline.run(partial(self._take_turn, partner, tried, limit))  # type: ignore[no-any-return]
            except Overloaded:
                pass
            except Exception as wrong:  # noqa: BLE001 - the store failed: what was sent is settled once it works again
                log.error("outbox.failed", partner=partner, error=type(wrong).__name__)
                if not tried:
                    return []
                limit, wait = 0, min(LONGEST_REST, 2 * wait)
            await asyncio.sleep(wait)

    def _take_turn(self, partner: str, tried: list[Attempt], limit: int, committer: Committer) -> list[Rendered]:
        return self._deliveries.turn(committer, partner, tried, self._clock(), limit)

    async def _send(self, batch: list[Rendered], tried: list[Attempt]) -> None:
        """Sends a batch in its order, and adds to `tried`; ends it where the receiver takes nothing."""
        begun = asyncio.get_running_loop().time()
        for rendered in batch:
            outcome = await self._attempt(rendered)
            tried.append((rendered, outcome))
            if outcome.state == AGAIN or asyncio.get_running_loop().time() - begun > FRESH:
                return

    async def _attempt(self, rendered: Rendered) -> Outcome:
        profile = self._profiles[rendered.partner]
        try:
            match profile.channel_of(rendered.message):
                case "mllp":
                    return await self._by_mllp(profile, rendered)
                case "webhook":
                    return await self._by_webhook(profile, rendered)
                case "http":
                    assert profile.http is not None and profile.http.post_to is not None
                    return await self._by_http(profile, profile.http.post_to, rendered)
                case "files":
                    ending = _ending(rendered)
                    await self.folders[profile.partner].write_out(rendered.name + ending, rendered.body)
                    return Outcome(DONE, "written")
        except NotAllowed:
            return Outcome(AGAIN, "the address of the receiver's name is not one to post to")
        except (OSError, TimeoutError, mllp.FrameError, httpx.HTTPError) as wrong:
            return Outcome(AGAIN, type(wrong).__name__)
        return Outcome(REFUSED, "the profile has no channel to send by")

    async def _by_mllp(self, profile: Profile, rendered: Rendered) -> Outcome:
        assert profile.mllp is not None
        sender = await self._sender(profile.partner, profile.mllp)
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
        headers = {
            "content-type": MEDIA_TYPES.get(rendered.message)
            or MEDIA_TYPES.get(rendered.message.partition("/")[0], "application/octet-stream"),
            "idempotency-key": f"{self._settings.name}-{rendered.key}",
        }
        if profile.http.post_token_file is not None:
            headers["authorization"] = f"Bearer {_secret(profile.http.post_token_file)}"
        poster = await self._poster(profile.partner, profile.http, url)
        return _answered(await poster.post(rendered.body, headers))

    async def _by_webhook(self, profile: Profile, rendered: Rendered) -> Outcome:
        """The same id at every attempt; the time and the signature are the attempt's."""
        how = profile.webhook
        assert how is not None and how.post_to is not None
        try:
            keys = webhook_signatures.keys_in(how.post_secret_files)
        except webhook_signatures.BadSecret:
            return Outcome(AGAIN, "a secret of post_secret_files is none")
        name = f"{self._settings.name}-{rendered.key}".replace(".", "-")
        headers = webhook_signatures.headers_of(keys, name, self._clock(), rendered.body)
        headers["content-type"] = "application/json"
        poster = await self._poster(f"{profile.partner}/webhook", how, how.post_to)
        return _answered(await poster.post(rendered.body, headers))

    async def _sender(self, partner: str, how: Mllp) -> mllp.Sender:
        """The connection to a partner, as its profile is now."""
        known = self._senders.get(partner)
        if known is not None and known[0] == how:
            return known[1]
        if known is not None:
            await known[1].close()
        assert how.send_host and how.send_port
        tls = ssl.create_default_context(cafile=how.send_ca) if how.send_tls else None
        settings = self._settings
        sender = mllp.Sender(how.send_host, how.send_port, settings.max_message, settings.patience, tls)
        self._senders[partner] = how, sender
        return sender

    async def _poster(self, line: str, how: Http | Webhook, url: str) -> Poster:
        """The same for HTTP."""
        known = self._posters.get(line)
        if known is not None and known[0] == how:
            return known[1]
        if known is not None:
            await known[1].close()
        poster = Poster(url, how.post_ca, self._settings.patience)
        self._posters[line] = how, poster
        return poster

    async def close(self) -> None:
        """Ends the lines; what was under way is due again."""
        lines = list(self._lines.values())
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)
        for _, sender in self._senders.values():
            await sender.close()
        for _, poster in self._posters.values():
            await poster.close()


def _answered(status: int) -> Outcome:
    """What a receiver's status says of a delivery."""
    if 200 <= status < 300:
        return Outcome(DONE, str(status))
    if status in {408, 425, 429} or status >= 500:
        return Outcome(AGAIN, str(status))
    return Outcome(REFUSED, str(status))


def _secret(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _ending(rendered: Rendered) -> str:
    """The ending of a delivery's file; a workbook says by its first bytes that it is one."""
    if rendered.message.startswith(("certificate/", "asm/")):
        return ".html" if rendered.message.endswith("/html") else ".json"
    if not rendered.message.startswith("mes_csv/"):
        return ".xml" if rendered.message.startswith("b2mml/") else ".txt"
    return ".xlsx" if rendered.body[:4] == b"PK\x03\x04" else ".csv"
