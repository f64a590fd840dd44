"""Chromium for the page's tests, driven by Playwright (which must not fetch a browser of its own)."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.servers.machine import require_program

PACKAGE = "chromium"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: it refuses root. The rest keeps the browser from calling home, which a closed network would log as errors.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Chromium:
    """`path` is the executable."""

    path: Path

    @contextlib.asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        """A headless browser of the caller's own (one for the whole run would need a loop that outlives a test)."""
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=str(self.path), args=list(FLAGS))
            try:
                yield browser
            finally:
                await browser.close()


def find() -> Chromium:
    """The browser named by `RESPONDER_TEST_CHROMIUM`, or this machine's."""
    if path := os.environ.get("RESPONDER_TEST_CHROMIUM"):
        return Chromium(Path(path))
    return Chromium(require_program(PROGRAMS, PACKAGE))
