"""A log of 100,000 requests: its first page, its sums, its bars and its file are of all of them."""

import csv
import io
import re

import pytest
from admin_client import Admin
from cast import Cast, gather_cast
from playwright.async_api import Page, expect
from product import Product
from traffic import fill_log
from visiting import settled

ROWS = 100_000


@pytest.fixture(scope="module")
async def long_log(site: Product) -> Cast:
    cast = await gather_cast(site)
    await fill_log(site, cast, rows=ROWS)
    return cast


async def test_first_page_is_short_and_its_sums_are_of_everything(
    admin_page: Page, site: Product, long_log: Cast
) -> None:
    page = admin_page
    await page.goto("/ui/requests?range=30d")
    await settled(page)
    await expect(page.get_by_role("heading", name="100,000 requests")).to_be_visible()
    rows = page.get_by_role("region", name="Requests").get_by_role("rowheader")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Load more").click()
    await expect(rows).to_have_count(100)
    await expect(page.get_by_role("button", name="Export 100,000 rows (CSV)")).to_be_enabled()
    bars = page.get_by_role("img", name=re.compile("Requests by outcome")).first
    await expect(bars).to_have_accessible_name(re.compile("100K|100,000"))


async def test_rows_sums_and_file_are_of_the_same_filters(admin_page: Page, site: Product, long_log: Cast) -> None:
    page = admin_page
    member = long_log.member("Dolly Decimal")
    query = f"user_id={member.id}&outcome=upstream_error&outcome=refused"
    await page.goto(f"/ui/requests?range=30d&{query}")
    await settled(page)
    export = page.get_by_role("button", name=re.compile(r"Export [\d,]+ rows"))
    told = int(re.sub(r"\D", "", (await export.inner_text()).split("rows")[0]))
    async with page.expect_download() as downloading:
        await export.click()
    text = (await (await downloading.value).path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    totals = (await Admin(site, await site.login()).get(f"/usage/totals?{query}")).json()
    assert len(rows) == told == totals["requests"] > 0
    assert {row["outcome"] for row in rows} == {"upstream_error", "refused"}
    assert {row["user_name"] for row in rows} == {"Dolly Decimal"}


async def test_any_id_of_a_request_finds_it(admin_page: Page, site: Product, long_log: Cast) -> None:
    answer = await site.chat()
    request_id, answer_id = answer.headers["x-request-id"], answer.json()["id"]
    await site.rows(1, user_id=site.user_id)
    page = admin_page
    await page.goto("/ui/requests")
    await settled(page)
    drawer = page.get_by_role("dialog")
    for pasted in (request_id, answer_id):
        await page.get_by_role("searchbox", name=re.compile("Find a request")).fill(pasted)
        await page.get_by_role("button", name="Find").click()
        await expect(drawer).to_contain_text(request_id)
        await expect(page).to_have_url(re.compile(f"open={request_id}"))
        await page.keyboard.press("Escape")
        await expect(drawer).to_have_count(0)


async def test_receipt_has_an_address_and_steps_to_its_neighbours(admin_page: Page, long_log: Cast) -> None:
    page = admin_page
    await page.goto("/ui/requests?range=30d&outcome=completed")
    await settled(page)
    await page.get_by_role("region", name="Requests").get_by_role("rowheader").first.get_by_role("link").click()
    drawer = page.get_by_role("dialog")
    await expect(drawer).to_contain_text("Completed")
    first = page.url
    await page.keyboard.press("]")
    await expect(page).not_to_have_url(first)
    await page.keyboard.press("[")
    await expect(page).to_have_url(first)
    await page.reload()
    await expect(drawer).to_contain_text("Completed")
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(r"range=30d&outcome=completed$"))
