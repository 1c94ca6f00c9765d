"""A user without an account of the page: a key in hand, to see what is left, what it went on, and to go on calling."""

import re
from decimal import Decimal

import pytest
from admin_client import Admin
from calling import call
from playwright.async_api import Page, expect
from product import Product
from visiting import OpenContext, settled, show_key
from watching import Watch


@pytest.fixture
async def admin(site: Product) -> Admin:
    return Admin(site, await site.login("lee"))


async def test_user_without_money_sees_why_and_goes_on_after_a_top_up(page: Page, site: Product, admin: Admin) -> None:
    user_id, key = await site.add_user("0.000001", name="Empty Emil")
    assert (await call(site, key)).status_code == 200
    refused = await call(site, key)
    assert refused.status_code == 402
    await show_key(page, key)
    first = page.get_by_role("main").get_by_role("heading", level=2).first
    await expect(first).to_have_text(re.compile("balance|money", re.I))
    await expect(page.get_by_role("main")).to_contain_text("402")
    for name in ("Usage", "Models and prices", "Your keys", "Connect", "Playground"):
        await page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await settled(page)
    await admin.post(f"/users/{user_id}/ledger", {"kind": "credit", "amount": "5", "reason": "paid"})
    assert (await call(site, key)).status_code == 200
    await page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Balance").click()
    await settled(page)
    await expect(page.get_by_role("region", name="Balance")).to_contain_text("$4.99")
    await expect(page.get_by_text("What still works")).to_have_count(0)
    await expect(page.get_by_role("main")).to_contain_text("402 insufficient_balance")


async def test_user_sees_nothing_of_others_and_no_admin_page(page: Page, site: Product) -> None:
    _, other_key = await site.add_user("5", name="Other Otto")
    _, key = await site.add_user("5", name="Only Oona")
    other = (await call(site, other_key)).headers["x-request-id"]
    own = (await call(site, key)).headers["x-request-id"]
    await show_key(page, key, then="/ui/me/usage")
    await expect(page.get_by_role("region", name="Requests")).to_be_visible()
    await expect(page.get_by_role("rowheader")).to_have_count(1)
    assert other not in await page.content()
    headers = {"authorization": f"Bearer {key}"}
    assert (await site.client.get(f"{site.base_url}/api/user/usage/{own}", headers=headers)).status_code == 200
    assert (await site.client.get(f"{site.base_url}/api/user/usage/{other}", headers=headers)).status_code == 404
    await page.goto("/ui/users")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_receipt_of_a_user_sums_to_the_cost(page: Page, site: Product) -> None:
    _, key = await site.add_user("5", name="Receipt Rose")
    answer = await call(site, key)
    await show_key(page, key, then=f"/ui/me/usage?open={answer.headers['x-request-id']}")
    drawer = page.get_by_role("dialog")
    await expect(drawer).to_contain_text("Completed")
    await expect(drawer).to_contain_text(answer.headers["x-quart-proxy-cost"])


async def test_connect_hides_the_key_on_the_screen_and_copies_it_whole(page: Page, site: Product) -> None:
    await show_key(page, site.key, then="/ui/me/connect")
    assert site.key not in await page.get_by_role("main").inner_text()
    await page.get_by_role("main").get_by_role("button", name=re.compile("^Copy")).first.click()
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert site.key in copied
    assert site.base_url in copied
    await page.get_by_role("button", name="Show the key").click()
    await expect(page.get_by_role("main")).to_contain_text(site.key)


async def test_answer_in_the_playground_is_billed_with_its_receipt(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5", name="Playful Pam")
    await show_key(page, key, then="/ui/playground?model=sandbox-claude")
    await page.get_by_role("textbox", name="Message").fill("hello there")
    await page.keyboard.press("Enter")
    (row,) = await site.rows(1, user_id=user_id)
    log = page.get_by_role("log")
    await expect(log).to_have_attribute("aria-busy", "false")
    await expect(log).to_contain_text("hello there")
    assert row.model == "sandbox-claude"
    assert row.streamed
    assert await site.balance(user_id) == Decimal(5) - row.cost < 5


async def test_back_after_leaving_shows_nothing_of_the_user_before(
    open_context: OpenContext, site: Product, watch: Watch
) -> None:
    page = await (await open_context()).new_page()
    _, first = await site.add_user("5", name="Former Fay")
    _, second = await site.add_user("7", name="Next Ned")
    await call(site, first)
    await show_key(page, first)
    await expect(page.get_by_role("region", name="Balance")).to_contain_text("$4.99")
    await page.get_by_role("button", name="Sign out").first.click()
    await show_key(page, second)
    await expect(page.get_by_role("region", name="Balance")).to_contain_text("$7.00")
    while await page.evaluate("() => navigation.canGoBack"):
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("main")).not_to_contain_text("$4.99")


async def test_the_chosen_client_is_in_view_on_a_narrow_phone(page: Page, site: Product) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await show_key(page, site.key, then="/ui/me/connect?client=librechat")
    clients = page.get_by_role("navigation", name="Client")
    await expect(clients.get_by_role("link", name="LibreChat")).to_be_in_viewport(ratio=1)
    await expect(clients.get_by_role("link", name="curl")).not_to_be_in_viewport()
