"""The page in a real browser, on the real product: served in this process, clicked by Playwright in the same loop."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import looks
import pytest
from browsing import running_browser
from cast import Cast, gather_cast
from playwright.async_api import Browser, BrowserContext, Page, StorageState, expect
from product import Product, cloned_database, serve_product
from traffic import live_two_weeks
from visiting import OpenContext, remember_admin
from watching import Watch

WAIT_MS = 20_000
"""How long a step may take before it counts as broken: this machine may run other tests meanwhile."""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    async with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
async def site(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """One product for all tests of a file, with a database of its own."""
    async with (
        cloned_database(server_url, template) as url,
        serve_product(url, sandbox_url, tmp_path_factory.mktemp("site"), heartbeat_s=1) as product,
    ):
        yield product


@pytest.fixture(scope="module")
async def cast(site: Product) -> Cast:
    """Users, models and two weeks of traffic on the site of this file."""
    everyone = await gather_cast(site)
    await live_two_weeks(site, everyone)
    return everyone


@pytest.fixture(scope="module")
async def admin_state(browser: Browser, site: Product) -> StorageState:
    """What a browser keeps of an admin who signed in: `open_context(storage_state=admin_state)`."""
    return await remember_admin(browser, site)


@pytest.fixture
def watch(site: Product) -> Watch:
    """What the browser did in this test; `watch.allow(...)` says what belongs to its story."""
    return Watch(site.base_url)


@pytest.fixture
async def open_context(browser: Browser, site: Product, watch: Watch) -> AsyncIterator[OpenContext]:
    """Makes separate visitors, each with cookies and storage of their own; all of them are watched.

    The test fails at its end if one of them did what a page must not.
    """
    opened: list[BrowserContext] = []

    async def open_one(**options: Any) -> BrowserContext:
        settings: dict[str, Any] = {
            "base_url": site.base_url,
            "locale": "en-US",
            "timezone_id": "UTC",
            "viewport": {"width": 1280, "height": 800},
            "reduced_motion": "reduce",
            "permissions": ["clipboard-read", "clipboard-write"],
        }
        context = await browser.new_context(**{**settings, **options})
        opened.append(context)
        context.set_default_timeout(WAIT_MS)
        await watch.follow(context)
        return context

    yield open_one
    for context in opened:
        await context.close()
    assert not watch.unexpected, "\n".join(watch.unexpected)


@pytest.fixture
async def admin_page(open_context: OpenContext, admin_state: StorageState) -> Page:
    """A page of an admin's browser, nothing opened yet."""
    return await (await open_context(storage_state=admin_state)).new_page()


@pytest.fixture
async def page(open_context: OpenContext, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A visitor's page, nobody signed in. Where the test fails, a picture of it is kept."""
    context = await open_context()
    opened = await context.new_page()
    yield opened
    if request.node.stash.get(FAILED, False) and not opened.is_closed():
        await looks.picture(opened, "failed-" + re.sub(r"\W+", "-", request.node.name).strip("-"))


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
