"""The dashboard: first what waits, then figures that lead to the requests behind them."""

import csv
import re
from typing import Any

import looks
from cast import Cast
from playwright.async_api import Page, expect
from product import Product
from visiting import settled, stand_still
from watching import Watch


async def summary(site: Product, query: str = "") -> dict[str, Any]:
    answer = await site.client.get(f"{site.base_url}/api/admin/stats/summary?{query}", headers=await site.login())
    found: dict[str, Any] = answer.json()
    return found


async def test_a_new_installation_is_led_to_its_first_request(admin_page: Page, site: Product) -> None:
    page = admin_page
    await page.goto("/ui")
    steps = page.locator(".checklist li")
    await expect(steps).to_have_count(4)
    await expect(page.locator(".checklist li[data-done=true]")).to_have_count(3)
    await expect(steps.last.get_by_role("link", name="Create a key")).to_be_visible()
    await site.chat()
    # It ticks by itself, and then there is something to show.
    await expect(page.locator(".checklist")).to_have_count(0, timeout=45_000)


async def test_what_waits_leads_to_where_it_is_mended(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await page.goto("/ui")
    await settled(page)
    panel = page.locator("section", has=page.get_by_role("heading", name="Needs attention"))
    await expect(panel).to_contain_text("1 model needs a price")
    await expect(panel).to_contain_text("deepwell-v5-preview")
    await panel.get_by_role("link", name="Set prices").click()
    await expect(page).to_have_url(re.compile(r"/ui/models\?view=unpriced"))
    await expect(page.get_by_role("main")).to_contain_text("deepwell-v5-preview")


async def test_every_figure_leads_to_its_requests(admin_page: Page, cast: Cast, site: Product) -> None:
    page = admin_page
    await stand_still(page)
    await page.goto("/ui?range=7d")
    await settled(page)
    tile = page.get_by_role("link", name=re.compile("^Failure rate"))
    failed = re.search(r"([\d,]+) failed", await tile.inner_text())
    assert failed is not None
    await tile.click()
    await settled(page)
    await expect(page.get_by_role("heading", name=re.compile(rf"^{failed[1]} requests?$"))).to_be_visible()


async def test_the_legend_leads_to_the_requests_of_a_series(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await page.goto("/ui?range=7d&group=user")
    await settled(page)
    chart = page.locator("time-chart", has=page.get_by_role("heading", name="Spend by user"))
    await chart.get_by_role("link", name="Captain Token", exact=True).click()
    await expect(page).to_have_url(re.compile(rf"/ui/requests\?range=7d&user_id={cast.member('Captain Token').id}$"))


async def test_range_group_and_granularity_are_in_the_address(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await page.goto("/ui")
    await settled(page)
    await page.get_by_label("Range").select_option("7d")
    await page.get_by_label("Granularity").select_option("hour")
    await page.get_by_role("button", name="Key", exact=True).click()
    await expect(page).to_have_url(re.compile("range=7d&interval=hour&group=key"))
    await expect(page.get_by_role("heading", name="Spend by key")).to_be_visible()
    await expect(page.locator("time-chart").first).to_contain_text("Hours in UTC")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Spend by model")).to_be_visible()


async def test_a_chart_is_a_table_and_a_file_too(admin_page: Page, cast: Cast, site: Product) -> None:
    page = admin_page
    await page.goto("/ui?range=7d&interval=day")
    await settled(page)
    chart = page.locator("time-chart", has=page.get_by_role("heading", name="Requests by outcome"))
    await expect(chart.get_by_role("img", name=re.compile(r"^Requests by outcome from .* in all"))).to_be_visible()
    await chart.get_by_role("button", name="View Requests by outcome as table").click()
    table = chart.get_by_role("table", name="Requests by outcome")
    await expect(table).to_be_visible()
    total = (await table.locator("tfoot td").last.inner_text()).replace(",", "")
    async with page.expect_download() as waiting:
        await chart.get_by_role("button", name="Save Requests by outcome as CSV").click()
    text = (await (await waiting.value).path()).read_text(encoding="utf-8")
    _, *lines = csv.reader(text.splitlines())
    assert sum(int(value) for _, *values in lines for value in values) == int(total)


async def test_a_chart_drawn_for_another_width_makes_no_page_wider(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await looks.resize(page, looks.NARROW)
    await page.goto("/ui?range=7d")
    await settled(page)
    plot = page.locator("time-chart .chart-plot").first
    await plot.evaluate("plot => { plot.style.inlineSize = '900px' }")
    assert not await looks.list_sideways_scrolling(page)


async def test_a_part_that_fails_leaves_the_others(admin_page: Page, cast: Cast, watch: Watch) -> None:
    page = admin_page
    watch.allow(r"500 GET /api/admin/stats/top")
    refused = '{"error": {"message": "It broke.", "request_id": "req_broken"}}'
    await page.route(
        "**/api/admin/stats/top?*by=model*",
        lambda route: route.fulfill(status=500, body=refused, content_type="application/json"),
    )
    await page.goto("/ui?range=7d")
    await settled(page)
    failure = page.locator(".failure")
    await expect(failure).to_contain_text("It broke.")
    await expect(failure).to_contain_text("req_broken")
    await expect(page.get_by_role("heading", name="Users by spend")).to_be_visible()
    await page.unroute("**/api/admin/stats/top?*by=model*")
    await failure.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="Models by spend")).to_be_visible()
