"""Every page of static/routes.js, on an installation that people use: no errors, no barriers, nothing cut off.

A new page is covered by standing in that table; one whose address has a parameter needs a line in `_address`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import looks
import pytest
from cast import Cast
from looks import SIZES, THEMES
from playwright.async_api import Page, StorageState, expect
from visiting import OpenContext, Route, list_routes, settled, show_key

ROUTES = list_routes()
Enter = Callable[..., Awaitable[Page]]
EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)


@pytest.fixture
def enter(open_context: OpenContext, admin_state: StorageState, cast: Cast) -> Enter:
    """Opens the page of a route as whoever it is for."""

    async def open_page(route: Route, **options: Any) -> Page:
        state = admin_state if route.who == "admin" else None
        page = await (await open_context(storage_state=state, **options)).new_page()
        if route.who == "user":
            await show_key(page, cast.member("Captain Token").key_texts["ci-prod"], then=_address(route, cast))
            return page
        await page.goto(_address(route, cast))
        await settled(page)
        await expect(page).to_have_url(_address(route, cast))
        return page

    return open_page


async def check_width(page: Page) -> None:
    wide = await looks.list_sideways_scrolling(page)
    assert not wide, "\n".join(wide)


def _address(route: Route, cast: Cast) -> str:
    samples = {"users": str(cast.member("Captain Token").id), "models": "cirrus-sonnet", "providers": "cirrus"}
    return re.sub(r"(\w[\w-]*)/:\w+", lambda found: f"{found[1]}/{samples[found[1]]}", route.path)


def _name(route: Route) -> str:
    return re.sub(r"\W+", "-", route.path.removeprefix("/ui")).strip("-") or "dashboard"


@EVERY_ROUTE
async def test_page_is_legible_to_everyone_in_both_themes(enter: Enter, route: Route) -> None:
    # axe brings styles of its own, which the page's policy would refuse. The other tests run under it.
    page = await enter(route, color_scheme="light", bypass_csp=True)
    for size, pixels in SIZES.items():
        await looks.resize(page, pixels)
        await settled(page)
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            await looks.picture(page, f"{_name(route)}-{theme}-{size}")
            await check_width(page)
            barriers = await looks.list_barriers(page, theme)
            assert not barriers, "\n".join((theme, *barriers))


@EVERY_ROUTE
async def test_page_says_where_one_is_and_fits_a_narrow_phone_and_a_zoomed_window(enter: Enter, route: Route) -> None:
    page = await enter(route)
    await expect(page).to_have_title(re.compile(r".+ · quart-proxy$"))
    assert await page.get_by_role("heading", level=1).count() == 1
    if route.nav:
        here = page.get_by_role("navigation", name="Main", exact=True).locator("[aria-current=page]")
        await expect(here).to_have_text(route.title)
    for pixels in (looks.NARROW, looks.ZOOMED):
        await looks.resize(page, pixels)
        await settled(page)
        await check_width(page)
    await looks.picture(page, f"{_name(route)}-zoomed")
