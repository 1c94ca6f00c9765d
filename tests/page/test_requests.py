"""Requests as a log and as they happen: every number leads to its requests, every request to its receipt."""

import asyncio
import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from anthropic import AsyncAnthropic
from calling import call
from cast import Cast
from openai import APIStatusError, AsyncOpenAI
from playwright.async_api import Locator, Page, StorageState, expect
from product import Product, cloned_database, serve_product
from visiting import OpenContext, settled, show_key, sign_in
from watching import Watch

from quart_proxy.store.catalog import Upstream


async def open_requests(page: Page, query: str = "") -> None:
    await page.goto(f"/ui/requests{query}")
    await settled(page)


def table(page: Page) -> Locator:
    return page.get_by_role("table", name="Requests", exact=True)


def rows(page: Page) -> Locator:
    return table(page).locator("tbody tr")


def row(page: Page, request_id: str) -> Locator:
    return table(page).locator(f'tr[data-key="{request_id}"]')


async def totals(site: Product, query: str = "") -> dict[str, Any]:
    answer = await site.client.get(f"{site.base_url}/api/admin/usage/totals?{query}", headers=await site.login())
    found: dict[str, Any] = answer.json()
    return found


def dollars(title: str | None) -> Decimal:
    """The exact amount that a title tells."""
    return Decimal((title or "").removesuffix(" USD"))


async def ids_shown(page: Page) -> list[str]:
    found: list[str] = await rows(page).evaluate_all("rows => rows.map((row) => row.dataset.key)")
    return found


async def is_live(page: Page) -> None:
    await expect(page.locator(".live-status")).to_have_attribute("data-status", "live")


# --- as they happen -----------------------------------------------------------------------------------


async def test_requests_show_up_as_they_happen(admin_page: Page, site: Product) -> None:
    page = admin_page
    await site.add_model("slow", actual_model="sandbox:delay_ms=300")
    await site.add_model("failing", actual_model="sandbox:status=500")
    await open_requests(page, "?live=1")
    await is_live(page)

    openai = AsyncOpenAI(api_key=site.key, base_url=f"{site.base_url}/v1", max_retries=0)
    anthropic = AsyncAnthropic(api_key=site.key, base_url=site.base_url, max_retries=0)
    asked: list[Any] = [{"role": "user", "content": "tell me a long story"}]

    stream = await openai.chat.completions.create(model="slow", messages=asked, stream=True)
    first = rows(page).first
    await expect(first).to_contain_text("streaming")
    await expect(first).to_contain_text("slow")
    async for _ in stream:
        pass
    await expect(rows(page).first).to_contain_text("completed")

    await openai.chat.completions.create(model="sandbox-gpt", messages=asked)
    await anthropic.messages.create(model="sandbox-claude", messages=asked, max_tokens=100)
    with pytest.raises(APIStatusError):
        await openai.chat.completions.create(model="failing", messages=asked)
    dropped = await openai.chat.completions.create(model="slow", messages=asked, stream=True)
    await dropped.close()
    await openai.close()
    await anthropic.close()

    kept = await site.rows(5)
    await expect(rows(page)).to_have_count(5)
    await expect(rows(page).filter(has_text="streaming")).to_have_count(0)
    for one in kept:
        shown = row(page, f"req_{one.request_id.hex}").get_by_title("USD")
        assert dollars(await shown.get_attribute("title")) == one.cost
    await expect(rows(page).filter(has_text="upstream error")).to_have_count(1)
    assert await site.imbalances() == []


async def test_the_tail_pauses_and_goes_on_where_it_was(admin_page: Page, site: Product) -> None:
    page = admin_page
    await open_requests(page, "?live=1&range=90d")
    await is_live(page)
    before = await rows(page).count()
    await page.keyboard.press("Space")
    await expect(page.locator(".live-status")).to_have_text("Paused")
    for _ in range(3):
        await call(site, site.key)
    await expect(page.get_by_role("button", name="3 new, resume")).to_be_visible()
    await expect(rows(page)).to_have_count(before)
    await page.get_by_role("button", name="3 new, resume").click()
    await expect(rows(page)).to_have_count(before + 3)
    await expect(page.locator(".live-status")).to_have_text("Live")
    # The sums follow.
    wanted = (await totals(site))["requests"]
    await expect(page.get_by_role("button", name=f"Export {wanted:,} rows (CSV)")).to_be_visible()


async def test_the_tail_keeps_to_its_filters(admin_page: Page, site: Product) -> None:
    page = admin_page
    await open_requests(page, "?live=1&model=sandbox-claude&min_cost=0.0000001")
    await is_live(page)
    before = await rows(page).count()
    await call(site, site.key, "sandbox-gpt")
    await call(site, site.key, "sandbox-claude")
    await expect(rows(page)).to_have_count(before + 1)
    await expect(rows(page).first).to_contain_text("sandbox-claude")


async def test_a_restart_of_the_server_leaves_no_gap_and_no_double(
    open_context: OpenContext, watch: Watch, server_url: str, template: str, sandbox_url: str, tmp_path: Path
) -> None:
    async with cloned_database(server_url, template) as url:
        async with serve_product(url, sandbox_url, tmp_path, heartbeat_s=1) as before:
            port = httpx.URL(before.base_url).port or 0
            watch.base_url = before.base_url
            watch.allow(r"lost: net::ERR", r"50[023] GET /api/admin", r"console: .*(ERR_|EventSource)")
            context = await open_context(base_url=before.base_url)
            page = await context.new_page()
            await sign_in(page, then="/ui/requests?live=1")
            await is_live(page)
            await before.chat()
            await expect(rows(page)).to_have_count(1)
        await expect(page.locator(".live-status")).not_to_have_attribute("data-status", "live")
        async with serve_product(url, sandbox_url, tmp_path, port=port, heartbeat_s=1) as after:
            # Before the page is back: it hears of these only if it says where it was.
            await after.chat()
            await after.message()
            await expect(rows(page)).to_have_count(3, timeout=30_000)
            await after.chat()
            await expect(rows(page)).to_have_count(4, timeout=30_000)
            kept = {f"req_{one.request_id.hex}" for one in await after.rows(4)}
            assert sorted(await ids_shown(page)) == sorted(kept)
            await page.close()


async def test_without_events_the_page_asks_again_and_again(admin_page: Page, site: Product, watch: Watch) -> None:
    page = admin_page
    watch.allow(r"503 GET /api/admin/events", r"console: .*EventSource")
    await page.route("**/api/admin/events*", lambda route: route.fulfill(status=503))
    await open_requests(page, "?live=1")
    await expect(page.locator(".live-status")).to_have_text("Polling", timeout=30_000)
    before = await rows(page).count()
    await call(site, site.key)
    await expect(rows(page)).to_have_count(before + 1)


# --- the receipt --------------------------------------------------------------------------------------


async def test_any_id_that_was_given_out_opens_the_receipt(admin_page: Page, site: Product) -> None:
    page = admin_page
    answer = await site.client.post(
        f"{site.base_url}/v1/chat/completions",
        json={"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]},
        headers={**site.headers, "x-client-request-id": "our-job-42"},
    )
    request_id = answer.headers["x-request-id"]
    for text in (request_id, request_id.removeprefix("req_").upper(), answer.json()["id"], "our-job-42"):
        await open_requests(page)
        await page.get_by_label("Find a request by any of its ids").fill(text)
        await page.get_by_role("button", name="Find").click()
        await expect(page).to_have_url(re.compile(f"open={request_id}"))
        dialog = page.get_by_role("dialog", name="Request")
        await expect(dialog).to_contain_text(request_id)
    await expect(dialog).to_contain_text("our-job-42")

    bill = dialog.get_by_role("table", name="Receipt")
    await expect(bill).to_contain_text("the sum of the lines")
    amounts = await bill.locator("tbody tr td:last-child").all_inner_texts()
    cost = await bill.locator("tfoot td").inner_text()
    total = sum(Decimal(amount.strip("$")) for amount in amounts if amount.startswith("$"))
    assert total == Decimal(cost.strip("$")) > 0
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page).not_to_have_url(re.compile("open="))


async def test_a_receipt_tells_of_the_upstreams_that_failed_before(admin_page: Page, site: Product) -> None:
    page = admin_page
    url, key = f"{site.sandbox_url}/v1", "${env:SANDBOX_API_KEY}"
    north = Upstream(key="north", api_format="openai", api_url=url, api_key=key, actual_model="sandbox:status=500")
    south = Upstream(key="south", api_format="openai", api_url=url, api_key=key, actual_model="sandbox", priority=1)
    await site.add_model("doubled", upstreams=(north, south), extra={})
    request_id = (await site.chat("doubled")).headers["x-request-id"]
    await open_requests(page, "?model=doubled")
    await expect(row(page, request_id)).to_contain_text("after 1 failed attempt")
    await row(page, request_id).locator("a.row-link").click()
    dialog = page.get_by_role("dialog", name="Request")
    await expect(dialog).to_contain_text(re.compile(r"Completed in .*, after 1 attempt failed; \$0\.\d+ was charged"))
    await expect(dialog).to_contain_text("doubled/north answered 500 (upstream_error)")
    await expect(dialog).to_contain_text("sandbox at doubled/south")
    await dialog.get_by_role("button", name="Copy link").click()
    assert await page.evaluate("navigator.clipboard.readText()") == f"{site.base_url}/ui/requests?open={request_id}"


async def test_an_unknown_id_is_said_to_be_unknown(admin_page: Page, watch: Watch) -> None:
    page = admin_page
    watch.allow(r"404 GET /api/admin/usage/")
    await open_requests(page)
    await page.get_by_label("Find a request by any of its ids").fill("chatcmpl-nobody")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="No request has this id")).to_be_visible()


async def test_curl_of_a_request_has_no_key(admin_page: Page, site: Product) -> None:
    page = admin_page
    request_id = (await call(site, site.key, "sandbox-claude")).headers["x-request-id"]
    await open_requests(page, f"?open={request_id}")
    await page.get_by_role("dialog").get_by_role("button", name="Copy as curl").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert f"{site.base_url}/v1/messages" in copied and "$API_KEY" in copied
    assert "sk-" not in copied


async def test_keys_step_through_rows_and_receipts(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await open_requests(page, "?range=30d")
    ids = await ids_shown(page)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(ids[1])
    await page.keyboard.press("]")
    await expect(dialog).to_contain_text(ids[2])
    await page.keyboard.press("[")
    await page.keyboard.press("[")
    await expect(dialog).to_contain_text(ids[0])
    await page.go_back()
    await expect(dialog).to_have_count(0)


# --- the log ------------------------------------------------------------------------------------------


async def test_the_file_has_the_rows_and_the_sum_of_the_table(admin_page: Page, cast: Cast, site: Product) -> None:
    page = admin_page
    member = cast.member("Captain Token")
    query = f"user_id={member.id}&outcome=completed&outcome=upstream_error"
    await open_requests(page, f"?range=30d&{query}")
    wanted = await totals(site, query)
    foot = table(page).locator("tfoot")
    await expect(foot).to_contain_text(f"{wanted['requests']:,} requests")
    shown_cost = await foot.get_by_title("USD").get_attribute("title")
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=f"Export {wanted['requests']:,} rows (CSV)").click()
    text = (await (await waiting.value).path()).read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == wanted["requests"]
    assert sum(Decimal(line["cost"]) for line in lines) == dollars(shown_cost)
    assert {line["user_name"] for line in lines} == {"Captain Token"}


async def test_a_long_log_is_paged_and_summed_by_the_server(admin_page: Page, cast: Cast, site: Product) -> None:
    page = admin_page
    await open_requests(page, "?range=30d")
    wanted = await totals(site)
    assert wanted["requests"] >= 4000
    await expect(page.get_by_role("heading", name=f"{wanted['requests']:,} requests")).to_be_visible()
    first = await rows(page).count()
    await page.get_by_role("button", name="Load more").click()
    await expect(rows(page)).to_have_count(2 * first)
    shown = await ids_shown(page)
    assert len(set(shown)) == len(shown)
    assert shown == sorted(shown, reverse=True)


async def test_filters_are_in_the_address_and_back_undoes_them(admin_page: Page, cast: Cast, site: Product) -> None:
    page = admin_page
    await open_requests(page, "?range=30d")
    await page.locator("summary", has_text="Filters").click()
    await page.get_by_role("checkbox", name="refused").check()
    await page.get_by_label("Status").select_option("402")
    await expect(page).to_have_url(re.compile("outcome=refused.*status=402"))
    wanted = await totals(site, "outcome=refused&status=402")
    await expect(page.get_by_role("heading", name=f"{wanted['requests']} request")).to_be_visible()
    await expect(rows(page).first).to_contain_text("402 insufficient_balance")
    await page.get_by_label("User").fill("Captain Token")
    await page.keyboard.press("Tab")
    await expect(page).to_have_url(re.compile(rf"user_id={cast.member('Captain Token').id}\b"))
    await page.get_by_label("Active filters").get_by_role("button", name="402").click()
    await expect(page).not_to_have_url(re.compile("status="))
    await page.go_back()
    await expect(page).to_have_url(re.compile("status=402"))
    await page.get_by_role("button", name="Clear 3 filters").click()
    await expect(page.get_by_label("Active filters")).to_have_count(0)


async def test_filters_that_hide_everything_say_so(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await open_requests(page, "?range=30d&error_code=no_such_thing")
    await expect(page.get_by_role("heading", name="No request matches")).to_be_visible()
    await expect(page.get_by_role("main")).to_contain_text(re.compile(r"None of the \d,\d{3} requests in this range"))
    await page.get_by_role("button", name="Clear filters").click()
    await expect(rows(page).first).to_be_visible()


async def test_a_range_is_typed_in_the_zone_that_is_shown_and_shared_as_it_is(
    open_context: OpenContext, admin_state: StorageState, cast: Cast
) -> None:
    page = await (await open_context(storage_state=admin_state, timezone_id="Asia/Tokyo")).new_page()
    await open_requests(page, "?range=7d")
    await page.evaluate("localStorage.setItem('zone', 'local')")
    await page.get_by_label("Range").select_option("custom")
    first, last = page.get_by_label("from", exact=True), page.get_by_label("to", exact=True)
    await first.fill("2026-11-02T09:30")
    await first.blur()
    await expect(page).to_have_url(re.compile(r"from=2026-11-02T00%3A30%3A00\.000Z&to="))
    before = page.url
    await last.fill("2026-11-01T00:00")
    await last.blur()
    assert "end after it begins" in await last.evaluate("field => field.validationMessage")
    assert page.url == before
    await last.fill("2026-11-03T00:00")
    await last.blur()
    await expect(page).to_have_url(re.compile(r"to=2026-11-02T15%3A00%3A00\.000Z"))

    await open_requests(page, "?range=24h&outcome=refused&live=1")
    await page.get_by_role("button", name="Copy a link to what is shown").click()
    shared = await page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"/ui/requests\?outcome=refused&from=20\S+Z&to=20\S+Z$", shared)


async def test_a_drag_over_the_bars_zooms_in(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await open_requests(page, "?range=7d")
    before = await page.get_by_role("heading", name=re.compile(r"^[\d,]+ requests?$")).inner_text()
    box = await page.locator(".chart-plot").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.3, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.4, y, steps=4)
    await page.mouse.move(box["x"] + box["width"] * 0.55, y, steps=4)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("from=.*to="))
    await settled(page)
    heading = page.get_by_role("heading", name=re.compile(r"^[\d,]+ requests?$"))
    await expect(heading).not_to_have_text(before)


async def test_a_bar_leads_to_its_requests_by_keyboard(admin_page: Page, cast: Cast) -> None:
    page = admin_page
    await open_requests(page, "?range=7d")
    await page.locator(".chart-links a[tabindex='0']").focus()
    await page.keyboard.press("ArrowLeft")
    said = await page.evaluate("document.activeElement.getAttribute('aria-label')")
    number = said.rsplit(" ", 1)[1]
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("outcome=.*from="))
    await settled(page)
    await expect(page.get_by_role("heading", name=re.compile(rf"^{number} requests?$"))).to_be_visible()


async def test_users_see_their_own_requests_and_nobody_elses(page: Page, cast: Cast, site: Product) -> None:
    member = cast.member("Captain Token")
    await show_key(page, member.key_texts["ci-prod"], then="/ui/me/usage?range=30d")
    wanted = await totals(site, f"user_id={member.id}")
    await expect(page.get_by_role("heading", name=f"{wanted['requests']:,} requests")).to_be_visible()
    await rows(page).first.locator("a.row-link").click()
    dialog = page.get_by_role("dialog", name="Request")
    await expect(dialog).to_contain_text("Copy as curl")
    await expect(dialog).not_to_contain_text("Answered by")
    await expect(page.get_by_role("button", name="Live")).to_have_count(0)


async def test_a_request_that_is_under_way_has_no_receipt_yet(admin_page: Page, site: Product) -> None:
    page = admin_page
    await site.add_model("slow", actual_model="sandbox:delay_ms=400")
    await open_requests(page, "?live=1")
    await is_live(page)
    under_way = asyncio.create_task(site.chat("slow", stream=True))
    waiting = rows(page).filter(has_text=re.compile("waiting|streaming"))
    await expect(waiting).to_have_count(1)
    await expect(waiting.locator("a.row-link")).to_have_count(0)
    await under_way
    await expect(rows(page).first.locator("a.row-link")).to_have_count(1)
