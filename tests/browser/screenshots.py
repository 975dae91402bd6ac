"""Takes the pictures of the pages in docs/screenshots: `python -m tests.browser.screenshots [--url URL --token TOKEN]`.

Without an address it starts a hub of its own that knows the story of the browser tests; with one it takes those of a
hub that runs, such as the demo's. The browser reaches that hub and nothing else. No assertions.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import browsing, story
from tests.hub import house, world

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
MOST = 200_000
"""Bytes of a picture; what is larger is cut off further up."""
HEIGHTS = (2000, 1600, 1300, 1100, 900, 750)


def main() -> int:
    """0 when all pictures were taken, 1 where one is too large or a page asked for something elsewhere."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--url", default="", help="a hub that runs")
    asked.add_argument("--token", default="", help="an operator's token there")
    asked.add_argument("--order", default=story.WARM.order, help="the order whose pages are taken")
    asked.add_argument("--to", type=Path, default=FOLDER)
    given = asked.parse_args()
    if not browsing.chromium():
        sys.stderr.write(f"no browser: install one of {', '.join(browsing.NAMES)}\n")
        return 1
    given.to.mkdir(parents=True, exist_ok=True)
    own = _own() if not given.url else contextlib.nullcontext((given.url.rstrip("/"), given.token))
    with own as (base, token), browsing.started() as browser:
        seen = browsing.opened(browser, base)
        dark = browsing.opened(browser, base, color_scheme="dark")
        phone = browsing.opened(browser, base, viewport={"width": 390, "height": 844})
        faults = [*_taken(seen, dark, phone, token, given.order, given.to), *seen.outside, *seen.complaints]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


@contextlib.contextmanager
def _own() -> Iterator[tuple[str, str]]:
    """A hub of this process that knows the story."""
    with tempfile.TemporaryDirectory(prefix="cgt-hub-pages-") as folder, house.captured() as logs:
        home = Path(folder)
        hub = house.make(home / "hub", world.write_overlay(home / "overlay"), logs).start()
        try:
            story.told(hub)
            yield hub.base, world.TOKENS["watch"]
        finally:
            hub.stop()


def _taken(
    seen: browsing.Seen, dark: browsing.Seen, phone: browsing.Seen, token: str, order: str, to: Path
) -> Iterator[str]:
    """Takes the pictures; what is wrong with them."""
    yield from _picture(seen.go("/login"), to / "sign-in.png")
    yield from _picture(seen.sign_in(token), to / "journeys.png")
    yield from _picture(dark.sign_in(token), to / "journeys-dark.png")
    path = _order(seen, order)
    yield from _picture(seen.page, to / "journey.png")
    phone.sign_in(token)
    yield from _picture(phone.go(path), to / "journey-phone.png")
    yield from _picture(seen.go(f"{path}/report"), to / "report.png")
    yield from _picture(seen.go("/issues"), to / "issues.png")
    page = seen.go("/playground?sample=v2")
    page.get_by_role("button", name="Look").click()
    page.locator("#found").wait_for()
    yield from _picture(page, to / "playground.png")


def _order(seen: browsing.Seen, order: str) -> str:
    """Opens an order by its number, as somebody would; its path."""
    page = seen.go("/")
    page.get_by_label("Find an order").fill(order)
    page.get_by_role("button", name="Find").click()
    page.locator("table.orders a").first.click()
    page.wait_for_url("**/journeys/*")
    return page.url.removeprefix(seen.base)


def _picture(page: Page, file: Path) -> Iterator[str]:
    """As much of a page as a picture may hold, from its top."""
    page.evaluate("scrollTo(0, 0)")
    width, whole = (
        page.viewport_size["width"] if page.viewport_size else 1280,
        page.evaluate("document.body.scrollHeight"),
    )
    for height in HEIGHTS:
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, max(whole, 400))}
        page.screenshot(path=file, full_page=True, clip=clip)  # type: ignore[arg-type]
        if file.stat().st_size < MOST:
            return
    yield f"{file.name} has {file.stat().st_size} bytes, at most {MOST} are allowed"


if __name__ == "__main__":
    sys.exit(main())
