"""Debian's chromium, driven by Playwright, that reaches one hub and nothing else. Downloads nothing."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

PATIENCE = 10_000
"""Milliseconds in which what is waited for has to be there."""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Path of the browser; empty where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Seen:
    """A page, with all that its browser complained of and all that it asked for elsewhere."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Opens a page of the hub."""
        self.page.goto(self.base + path)
        return self.page

    def sign_in(self, token: str) -> Page:
        """Signs in with a token, as a person does."""
        self.go("/login")
        self.page.get_by_label("token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.base + "/")
        return self.page


def opened(browser: Browser, base: str, **options: Any) -> Seen:
    """A page in a profile of its own; requests to anywhere but the hub are noted and cut off."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(PATIENCE)
    seen = Seen(context.new_page(), base)

    def guarded(route: Route) -> None:
        if route.request.url.startswith(base + "/"):
            route.continue_()
        else:
            seen.outside.append(route.request.url)
            route.abort()

    context.route("**/*", guarded)
    seen.page.on("console", lambda m: seen.complaints.append(m.text) if m.type in {"error", "warning"} else None)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    return seen
