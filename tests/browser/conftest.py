"""One hub that knows the story, and one browser, for all tests of the pages. Without chromium they are skipped.

The browser ends with the last of them: while it is driven, no other event loop can run in the thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import browsing, story
from tests.hub import house, world


@pytest.fixture(scope="package")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    overlay = world.write_overlay(tmp_path_factory.mktemp("overlay"))
    with house.captured() as logs:
        made = house.make(tmp_path_factory.mktemp("hub"), overlay, logs).start()
        yield story.told(made)
        made.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not browsing.chromium():
        pytest.skip(f"no browser: none of {', '.join(browsing.NAMES)} is installed")
    with browsing.started() as started:
        yield started


@pytest.fixture
def seen(hub: house.House, browser: Browser) -> Iterator[Callable[..., browsing.Seen]]:
    """Opens a page, signed in where a partner is named. At the end nothing may have been wrong with any."""
    opened: list[browsing.Seen] = []

    def see(partner: str = "", **options: object) -> browsing.Seen:
        one = browsing.opened(browser, hub.base, **options)
        opened.append(one)
        if partner:
            one.sign_in(world.TOKENS[partner])
        return one

    yield see
    for one in opened:
        one.page.context.close()
        assert one.complaints == [], "the browser complained"
        assert one.outside == [], "a page asked for something outside of the hub"
