"""Plays the demo: the acts one after another, on one stage. Exit code 0 when everything is as each act expects."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from hub.demo import bedside, cast, cells, ordering, product, proof
from hub.demo.faults import FAULTS
from hub.demo.stage import Stage, console

ACTS = (*ordering.ACTS, *cells.ACTS, *product.ACTS, *bedside.ACTS, *proof.ACTS)


def play(fault: int, seconds: float, serves: bool = True) -> int:
    """Plays the journey; 0 when every expectation holds. On a terminal the hub then goes on until it is ended."""
    if fault and fault not in FAULTS:
        console.print(f"known faults: {', '.join(f'{n} {name}' for n, (name, _) in FAULTS.items())}")
        return 2
    return asyncio.run(_play(fault, min(seconds, 6.0) if fault else seconds, serves and not fault))


async def _play(fault: int, seconds: float, serves: bool) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cgt-hub-demo-") as folder:
        stage = Stage(Path(folder), seconds)
        try:
            await _acts(stage, fault)
            _conclude(stage, fault, time.monotonic() - begun)
            if serves and sys.stdout.isatty():
                await _serve(stage)
        finally:
            await stage.close()
    return 1 if stage.failures else 0


async def _acts(stage: Stage, fault: int) -> None:
    try:
        console.print("[bold]CGT Hub: an autologous journey with every partner, over real transports[/bold]")
        await stage.open(fault)
        console.print(f"a hub is up: {cast.CAST}", highlight=False)
        for act in ACTS:
            console.print(f"\n[bold]{act.__doc__}[/bold]")
            await act(stage)
            if fault and stage.failures:
                return
    except Exception as wrong:  # noqa: BLE001 - a broken demo is a failed demo, told in one line
        stage.expect(False, f"the demo itself went on ({type(wrong).__name__}: {wrong})")


def _conclude(stage: Stage, fault: int, took: float) -> None:
    if not stage.failures:
        console.print(f"\n[green bold]all {stage.checks} expectations hold[/green bold] ({took:.1f} s)")
        return
    console.print(f"\n[red bold]{len(stage.failures)} of {stage.checks} expectations failed[/red bold] ({took:.1f} s)")
    if fault:
        console.print(f"planted fault {fault}: {FAULTS[fault][0]}")


async def _serve(stage: Stage) -> None:
    """Leaves the hub to whoever wants to look around."""
    console.print(f"\nlook around at {stage.base}/ (sign in with {cast.TOKENS['operator']}); end with Ctrl-C")
    while stage.process is not None and stage.process.poll() is None:
        try:
            await asyncio.sleep(1.0)
        except asyncio.CancelledError:
            return
