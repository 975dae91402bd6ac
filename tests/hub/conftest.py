"""A hub per test module where that is safe, or one per test; the overlay's tables compile once per process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hub import cli
from tests.hub import house, world


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write_overlay(tmp_path_factory.mktemp("overlay"))


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory, overlay: Path) -> Iterator[Callable[..., house.House]]:
    """Starts hubs that are stopped at the end of the module; each with a folder and partners of its own."""
    opened: list[house.House] = []
    with house.captured() as logs:

        def start(change: Callable[[dict[str, dict[str, Any]]], None] = lambda _: None, **settings: Any) -> house.House:
            made = house.make(tmp_path_factory.mktemp("hub"), overlay, logs, change, **settings)
            opened.append(made.start())
            return made

        yield start
        for one in opened:
            one.stop()


@pytest.fixture(scope="module")
def hub(open_house: Callable[..., house.House]) -> house.House:
    """One hub for a module whose tests do not disturb each other: each takes a person of its own."""
    return open_house()


_NUMBERS = count(1)


@pytest.fixture
def who() -> world.Person:
    """A patient whom no other test knows."""
    return world.person(next(_NUMBERS))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cgt_hub(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `cgt-hub` as its entry point does, in this process. Keywords are settings (`data` is CGT_DATA)."""
    monkeypatch.setattr("hub.logs.configure", lambda *_: None)

    def run(*arguments: object, **settings: object) -> Ran:
        capfd.readouterr()
        with monkeypatch.context() as here:
            for name, value in settings.items():
                here.setenv(f"CGT_{name.upper()}", str(value))
            here.setattr("sys.argv", ["cgt-hub", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
                raise SystemExit(0)
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    return run
