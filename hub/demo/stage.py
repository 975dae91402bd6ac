"""The demo's stage: the hub's process, the partners' own systems, the story's clock, and what is expected. No story."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from hub.demo import cast, world
from hub.demo.care import DOSES
from hub.demo.partners import Client, Receiver, Reply, acknowledge, signed, take, take_signed

BAGS = world.BAGS
console = Console(width=118, emoji=False)
Found = TypeVar("Found")


@dataclass(slots=True)
class Stage:
    """Everything on the stage: the hub's process and the partners' systems."""

    home: Path
    seconds: float
    hospital: Receiver = field(default_factory=lambda: Receiver(acknowledge))
    courier: Receiver = field(default_factory=lambda: Receiver(take))
    sponsor: Receiver = field(default_factory=lambda: Receiver(take_signed(cast.secret("axion"))))
    process: subprocess.Popen[str] | None = None
    base: str = ""
    mllp_ports: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    checks: int = 0
    moment: datetime = world.TODAY
    posted: int = 0

    async def open(self, fault: int) -> None:
        """Starts the partners' receivers and the hub, which knows them by their profiles."""
        receivers = {"mercy": self.hospital, "swift": self.courier, "axion": self.sponsor}
        for receiver in receivers.values():
            await receiver.start()
        cast.write(self.home, {name: receiver.port for name, receiver in receivers.items()})
        command = [sys.executable, "-m", "hub.demo.serve", str(self.home), str(fault), "--clock"]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ports = await self._line()
        self.base, self.mllp_ports = f"http://127.0.0.1:{ports['http']}", ports["mllp"]

    async def close(self) -> None:
        """Ends the hub and the receivers."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for receiver in (self.hospital, self.courier, self.sponsor):
            await receiver.stop()

    async def at(self, moment: str) -> None:
        """Brings the hub's clock to a moment of the story, as ISO 8601 with its zone; it goes on from there."""
        assert self.process is not None and self.process.stdin is not None
        self.moment = datetime.fromisoformat(moment)
        self.process.stdin.write(self.moment.isoformat() + "\n")
        self.process.stdin.flush()
        await self._line()

    async def _line(self) -> Any:
        assert self.process is not None and self.process.stdout is not None
        return json.loads(await asyncio.to_thread(self.process.stdout.readline))

    def client(self, partner: str) -> Client:
        """The partner's HTTP client, with the partner's token."""
        return Client(self.base, cast.TOKENS[partner])

    async def post(self, partner: str, fact: dict[str, Any], secret_of: str = "") -> Reply:
        """A fact of a partner by webhook, signed at the story's time with the partner's secret, or another's."""
        self.posted += 1
        body, name, second = json.dumps(fact).encode(), f"{partner}-{self.posted}", str(int(self.moment.timestamp()))
        signature = signed(cast.secret(secret_of or partner), name, second, body)
        headers = {"webhook_id": name, "webhook_timestamp": second, "webhook_signature": signature}
        client = Client(self.base, "")
        return await client.call("POST", f"/webhooks/{partner}", body, content_type="application/json", **headers)

    def expect(self, holds: bool, claim: str) -> None:
        """One expectation: told at once, counted, and decisive for the exit code."""
        self.checks += 1
        mark = "[green]✓[/green]" if holds else "[red]✗[/red]"
        console.print(f"  {mark} {claim}", highlight=False)
        if not holds:
            self.failures.append(claim)

    async def until(self, look: Callable[[], Awaitable[Found]]) -> Found | None:
        """What `look` finds, as soon as it finds something; None after the longest wait."""
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.1)
        return None

    # ---- looking ----------------------------------------------------------------------------------------------

    def folder(self, partner: str, name: str) -> Path:
        """A partner's folder: `drop` for what it gives, `out` for what it gets."""
        return self.home / partner / name

    async def journey(self, patient: world.Patient) -> dict[str, Any] | None:
        """An order as operations see it."""
        operator = self.client("operator")
        for headline in (await operator.call("GET", "/api/journeys")).json:
            if any(identifier["value"] == patient.order for identifier in headline["order"]):
                answer = await operator.call("GET", f"/api/journeys/{headline['journey']}")
                return answer.json  # type: ignore[no-any-return]
        return None

    async def facts(self, patient: world.Patient) -> list[dict[str, Any]]:
        """What partners said about an order."""
        journey = await self.journey(patient)
        return [e for e in journey["timeline"] if e["reporter"]["role"] != "hub"] if journey else []

    async def written(self, partner: str, text: bytes) -> list[Path]:
        """Files that the hub wrote for a partner and that have this in them."""
        files = self.folder(partner, "out").glob("*")
        return [path for path in sorted(files) if path.is_file() and text in path.read_bytes()]

    async def receipt(self, partner: str, name: str) -> dict[str, Any] | None:
        """What became of a dropped file: its receipt, or the fault that it came back with."""
        drop = self.folder(partner, "drop")
        for path in (drop / "archive" / f"{name}.receipt.json", drop / "error" / f"{name}.error.json"):
            if path.exists():
                return json.loads(path.read_bytes())  # type: ignore[no-any-return]
        return None

    async def issues(self, patient: world.Patient | None = None) -> list[dict[str, Any]]:
        """Open Issues, of one order or of all."""
        found: list[dict[str, Any]] = (await self.client("operator").call("GET", "/api/issues?limit=500")).json
        if patient is None:
            return found
        journey = await self.journey(patient)
        return [issue for issue in found if journey is not None and issue["journey"] == journey["journey"]]

    @staticmethod
    def holders(journey: dict[str, Any] | None, container: str) -> list[str]:
        """Numbers of those who held a container, one after the other."""
        chains = journey["custody"] if journey else ()
        held = [s["to"].rpartition("|")[2] for c in chains if c["container"] == container for s in c["steps"]]
        return [holder for place, holder in enumerate(held) if place == 0 or holder != held[place - 1]]

    def holder(self, journey: dict[str, Any] | None, container: str) -> str:
        """Number of who holds a container."""
        return next(iter(self.holders(journey, container)[-1:]), "")

    async def report(self, partner: str, order: str) -> Reply:
        """The order's report as a partner may see it."""
        return await self.client(partner).call("GET", f"/api/orders/{order}/report")

    async def may_infuse(self, patient: world.Patient, dose: str) -> dict[str, Any]:
        """What the hub answers the ward."""
        return await self.ask(patient, "may-infuse", dose, system=DOSES)

    async def ask(
        self, patient: world.Patient, question: str, container: str = "", partner: str = "mercy", system: str = BAGS
    ) -> dict[str, Any]:
        """The answer to a question about an order and one of its containers; without one, about the collected bag."""
        asked = {
            "order": [{"system": "urn:id:EPIC", "value": patient.order, "type": "placer"}],
            "containers": [{"system": system, "value": container or patient.bag}],
        }
        if question == "may-start":
            del asked["containers"]
        reply = await self.client(partner).call(
            "POST", f"/api/questions/{question}", json.dumps(asked).encode(), content_type="application/json"
        )
        return reply.json  # type: ignore[no-any-return]
