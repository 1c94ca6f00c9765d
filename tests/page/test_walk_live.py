"""Requests as they happen: each once, whatever the line does, and each with what it cost."""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from anthropic import AsyncAnthropic
from calling import call
from cut_line import CutLine
from openai import APIStatusError, AsyncOpenAI
from playwright.async_api import Locator, Page, expect
from product import Product, cloned_database, serve_product
from visiting import settled
from watching import Watch

HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
async def line(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Product, CutLine]]:
    async with (
        cloned_database(server_url, template) as url,
        serve_product(url, sandbox_url, tmp_path_factory.mktemp("live"), heartbeat_s=1) as product,
    ):
        line = CutLine(product.base_url)
        await line.mend()
        yield product, line
        await line.cut()


@pytest.fixture(scope="module")
def site(line: tuple[Product, CutLine]) -> Product:
    """As the browser reaches it, over the line that can be cut."""
    product, cut_line = line
    product.base_url = cut_line.url
    return product


async def watch_live(page: Page) -> Locator:
    """The table of requests as it grows, once it is live."""
    await page.goto("/ui/requests?live=1")
    await settled(page)
    await expect(page.get_by_text("Live", exact=True).last).to_be_visible()
    return page.get_by_role("region", name="Requests")


def row(table: Locator, text: str) -> Locator:
    return table.get_by_role("row").filter(has_text=text)


async def test_requests_of_both_sdks_come_with_what_they_cost(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Live Liv")
    await site.add_model("broken", actual_model="sandbox:status=500")
    table = await watch_live(page)
    openai = AsyncOpenAI(base_url=f"{site.base_url}/v1", api_key=key, max_retries=0)
    anthropic = AsyncAnthropic(base_url=site.base_url, api_key=key, max_retries=0)
    await openai.chat.completions.create(model="sandbox-gpt", messages=HELLO)
    async for _ in await openai.chat.completions.create(model="sandbox-gpt", messages=HELLO, stream=True):
        pass
    await anthropic.messages.create(model="sandbox-claude", max_tokens=50, messages=HELLO)
    async with anthropic.messages.stream(model="sandbox-claude", max_tokens=50, messages=HELLO) as stream:
        await stream.until_done()
    with pytest.raises(APIStatusError):
        await openai.chat.completions.create(model="broken", messages=HELLO)
    await openai.close()
    await anthropic.close()
    rows = await site.rows(5, user_id=user_id)
    await expect(row(table, "Live Liv")).to_have_count(5)
    await expect(row(table, "completed")).to_have_count(4)
    await expect(row(table, "broken")).to_contain_text("502")
    assert sum(one.cost for one in rows) == Decimal(5) - await site.balance(user_id)
    for one in rows:
        if one.cost:
            await expect(row(table, "Live Liv").filter(has_text=f"${one.cost.normalize():f}").first).to_be_visible()


async def test_stream_is_seen_while_it_runs_and_settles_in_its_place(admin_page: Page, site: Product) -> None:
    page = admin_page
    _, key = await site.add_user("5", name="Slow Sol")
    await site.add_model("slow", actual_model="sandbox:words=40,delay_ms=100")
    table = await watch_live(page)
    body = {"model": "slow", "messages": HELLO, "stream": True}
    headers = {"authorization": f"Bearer {key}"}
    asking = asyncio.create_task(site.post("/v1/chat/completions", body, headers=headers))
    await expect(row(table, "Slow Sol")).to_contain_text("streaming")
    await asking
    await expect(row(table, "Slow Sol")).to_contain_text("completed")
    await expect(row(table, "Slow Sol")).to_have_count(1)


async def test_pause_holds_rows_back_and_gives_all_of_them(admin_page: Page, site: Product) -> None:
    page = admin_page
    _, key = await site.add_user("5", name="Held Hal")
    table = await watch_live(page)
    await call(site, key)
    await expect(row(table, "Held Hal")).to_have_count(1)
    await page.get_by_role("heading", level=1).focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    for _ in range(3):
        await call(site, key)
    resume = page.get_by_role("button", name="3 new, resume")
    await expect(resume).to_be_visible()
    await expect(row(table, "Held Hal")).to_have_count(1)
    await resume.click()
    await expect(row(table, "Held Hal")).to_have_count(4)


async def test_cut_line_comes_back_without_a_gap_and_without_a_double(
    admin_page: Page, site: Product, line: tuple[Product, CutLine], watch: Watch
) -> None:
    watch.allow("lost: net::ERR_")
    page, cut_line = admin_page, line[1]
    user_id, key = await site.add_user("5", name="Cut Cleo")
    table = await watch_live(page)
    await call(site, key)
    await expect(row(table, "Cut Cleo")).to_have_count(1)
    await cut_line.cut()
    await expect(page.get_by_text(re.compile("Reconnecting|Polling"))).to_be_visible()
    accounts = site.app.test_client()
    for _ in range(4):
        body = {"model": "sandbox-gpt", "messages": HELLO}
        answer = await accounts.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200
    await site.rows(5, user_id=user_id)
    await cut_line.mend()
    await expect(page.get_by_text("Live", exact=True).last).to_be_visible()
    await expect(row(table, "Cut Cleo")).to_have_count(5)
    await call(site, key)
    await expect(row(table, "Cut Cleo")).to_have_count(6)


async def test_filters_hold_for_what_comes(admin_page: Page, site: Product) -> None:
    page = admin_page
    wanted_id, wanted = await site.add_user("5", name="Wanted Wim")
    _, other = await site.add_user("5", name="Unwanted Una")
    await page.goto(f"/ui/requests?live=1&user_id={wanted_id}")
    await settled(page)
    table = page.get_by_role("region", name="Requests")
    await expect(page.get_by_text("Live", exact=True).last).to_be_visible()
    await call(site, other)
    await call(site, wanted)
    await expect(row(table, "Wanted Wim")).to_have_count(1)
    await expect(row(table, "Unwanted Una")).to_have_count(0)
