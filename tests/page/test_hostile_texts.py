"""Texts of outsiders on every page: shown as text, whatever they try, and the page keeps its shape."""

import csv
import io
import re

import looks
import pytest
from admin_client import Admin
from cast import Member
from hostile import TEXTS, haunt
from playwright.async_api import Page, expect
from product import Product
from visiting import OpenContext, list_routes, settled, show_key
from watching import Watch

ADMIN_PAGES = [route.path for route in list_routes() if route.who == "admin" and ":" not in route.path]
USER_PAGES = [route.path for route in list_routes() if route.who == "user"]
TABS = ("overview", "statement", "keys", "requests", "details", "audit")
NO_FILE = "422 POST /api/admin/registry/plan"
WIDTHS = (looks.SIZES["wide"], looks.NARROW)


@pytest.fixture(scope="module")
async def haunted(site: Product) -> list[Member]:
    return await haunt(site)


async def check_harmless(page: Page, name: str) -> None:
    """Nothing was made an element, nothing ran, nothing pushes the page wide."""
    await settled(page)
    assert await page.title() != "owned"
    made = "main :is(img, script, iframe, [onerror], [onload], a[href^='javascript:'])"
    assert await page.locator(made).count() == 0
    for size in WIDTHS:
        await looks.resize(page, size)
        await settled(page)
        await looks.picture(page, f"hostile-{re.sub(r'[^a-z]+', '-', name).strip('-')}-{size[0]}")
        wide = await looks.list_sideways_scrolling(page)
        assert not wide, "\n".join(wide)


@pytest.mark.parametrize("path", ADMIN_PAGES)
async def test_page_of_an_admin_shows_them_as_text(
    admin_page: Page, haunted: list[Member], watch: Watch, path: str
) -> None:
    watch.allow(NO_FILE)
    await admin_page.goto(path)
    await check_harmless(admin_page, path)


@pytest.mark.parametrize("tab", TABS)
async def test_page_of_one_user_shows_them_as_text(admin_page: Page, haunted: list[Member], tab: str) -> None:
    for member in (haunted[0], haunted[list(TEXTS).index("endless")]):
        await admin_page.goto(f"/ui/users/{member.id}?tab={tab}")
        await expect(admin_page.get_by_role("heading", level=1)).to_have_text(member.part.name)
        await check_harmless(admin_page, f"user {tab}")


@pytest.mark.parametrize("path", USER_PAGES)
async def test_page_of_a_user_shows_them_as_text(open_context: OpenContext, haunted: list[Member], path: str) -> None:
    page = await (await open_context()).new_page()
    member = haunted[0]
    await show_key(page, member.key_texts[member.part.name], then=path)
    await check_harmless(page, path)


async def test_receipts_show_them_as_text(admin_page: Page, site: Product, haunted: list[Member]) -> None:
    for row in await site.rows(len(TEXTS), user_id=haunted[0].id):
        await admin_page.goto(f"/ui/requests?range=90d&open=req_{row.request_id.hex}")
        await expect(admin_page.get_by_role("dialog")).to_contain_text(row.model)
        assert await admin_page.title() != "owned"


@pytest.mark.parametrize("action", ["Top up", "Create key"])
async def test_dialog_about_them_keeps_its_shape(admin_page: Page, haunted: list[Member], action: str) -> None:
    page = admin_page
    await looks.resize(page, looks.NARROW)
    await page.goto(f"/ui/users/{haunted[list(TEXTS).index('endless')].id}")
    await settled(page)
    await page.get_by_role("button", name=action, exact=True).first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("W" * 200)
    assert await dialog.evaluate("(element) => element.scrollWidth <= element.clientWidth")


async def test_search_finds_them_as_text(admin_page: Page, haunted: list[Member]) -> None:
    await admin_page.goto("/ui/users")
    await settled(admin_page)
    await admin_page.keyboard.press("Control+k")
    await admin_page.get_by_role("combobox").fill("<img")
    found = admin_page.get_by_role("option").filter(has_text=TEXTS["picture"])
    await expect(found.first).to_be_visible()


@pytest.mark.parametrize("path", ["/usage.csv", "/audit.csv", "/ledger.csv"])
async def test_no_cell_of_a_file_is_a_formula(site: Product, haunted: list[Member], path: str) -> None:
    admin = Admin(site, await site.login())
    answer = await admin.get(path)
    assert answer.status_code == 200, answer.text
    rows = list(csv.reader(io.StringIO(answer.text)))
    cells = {cell for row in rows for cell in row}
    assert len(rows) > len(TEXTS)
    number = re.compile(r"-?[0-9.]+")
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not number.fullmatch(cell)] == []
