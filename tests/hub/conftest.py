"""A hub per test module where that is safe, or one per test; the overlay's tables compile once per process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

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
