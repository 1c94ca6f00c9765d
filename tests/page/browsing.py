"""The programs that the tests of the page need besides Python: a browser of the machine, and Node for pure modules.

Node comes pinned inside Playwright's wheel. The browser is the machine's own, so that nothing is downloaded by the
tests; where it is missing they are skipped, unless `PAGE_TESTS=required` says that nothing may be.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import playwright
import pytest
from playwright.async_api import Browser, async_playwright

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The one without a window first: the same engine for three fifths of the CPU, over the pictures of two pages."""
NODE = Path(playwright.__file__).parent / "driver" / "node"
HOW = "The tests of the page need Chromium: `apt-get install chromium-headless-shell`, or CHROMIUM=/path/to/it."


def find_chromium() -> str | None:
    """The browser that `CHROMIUM` names, or the first of the usual ones; None when there is none."""
    if given := os.environ.get("CHROMIUM"):
        return shutil.which(given)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Skips the test that asks for it where there is no browser, and fails it under `PAGE_TESTS=required`."""
    path = find_chromium()
    if path is None:
        if os.environ.get("PAGE_TESTS") == "required":
            pytest.fail(HOW, pytrace=False)
        pytest.skip(HOW)
    # Chromium's own sandbox refuses to run as root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else [*FLAGS]
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=flags)
        yield browser
        await browser.close()
