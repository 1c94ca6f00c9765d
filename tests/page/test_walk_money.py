"""Users, their money and their keys, as an admin handles them: nothing counts twice, nothing is shown twice."""

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from admin_client import Admin
from playwright.async_api import Locator, Page, Route, expect
from product import Product
from visiting import settled, tab_to
from watching import Watch


@pytest.fixture
async def admin(site: Product) -> Admin:
    return Admin(site, await site.login("lee"))


async def open_page(page: Page, path: str) -> None:
    await page.goto(path)
    await settled(page)


async def open_user(page: Page, user_id: int, tab: str = "overview") -> None:
    await open_page(page, f"/ui/users/{user_id}?tab={tab}")


def said(page: Page, text: str | re.Pattern[str]) -> Locator:
    """A short word about what was just done."""
    return page.get_by_role("status").filter(has_text=text)


async def call(site: Product, key: str) -> httpx.Response:
    """What a client of this key gets."""
    body = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hello"}]}
    return await site.post("/v1/chat/completions", body, headers={"authorization": f"Bearer {key}"})


async def entries(admin: Admin, user_id: int) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = (await admin.get(f"/users/{user_id}/ledger")).json()["data"]
    return data


async def test_new_user_gets_money_and_a_key_that_is_shown_once(admin_page: Page, site: Product, admin: Admin) -> None:
    page = admin_page
    await open_page(page, "/ui/users")
    await page.get_by_role("button", name="Create user").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Wandering Wanda")
    await dialog.get_by_label("E-mail").fill("wanda@example.com")
    await dialog.get_by_role("button", name="Create user").click()
    await expect(dialog).to_contain_text("Step 2 of 3")
    await dialog.get_by_label("Amount").fill("20")
    await expect(dialog).to_contain_text("$20.00")
    await dialog.get_by_role("button", name="Credit $20.00").click()
    await expect(dialog).to_contain_text("Step 3 of 3")
    await dialog.get_by_label("Name").fill("wanda's laptop")
    await dialog.get_by_role("button", name="Create key").click()

    key = await dialog.get_by_label("The key").inner_text()
    assert key.startswith("sk-")
    await dialog.get_by_role("button", name="Copy key").click()
    assert await page.evaluate("() => navigator.clipboard.readText()") == key
    await dialog.get_by_role("button", name="Test it now").click()
    await expect(dialog).to_contain_text("It works")
    await dialog.get_by_role("button", name="Done").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Tick the box first")
    await dialog.get_by_label("I have stored it").check()
    await dialog.get_by_role("button", name="Done").click()
    await expect(dialog).to_have_count(0)

    row = page.get_by_role("row").filter(has_text="Wandering Wanda")
    await expect(row).to_contain_text("$20.00")
    await open_page(page, "/ui/keys")
    await expect(page.get_by_role("row").filter(has_text="wanda's laptop")).to_contain_text(key[-4:])
    assert key not in await page.content()
    answer = await call(site, key)
    assert answer.status_code == 200


async def test_double_click_tops_up_once(admin_page: Page, site: Product, admin: Admin) -> None:
    page = admin_page
    user_id, _ = await site.add_user("3.20", name="Dora Doubleclick")
    await open_user(page, user_id)
    await page.get_by_role("button", name="Top up").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("20")
    await expect(dialog).to_contain_text(re.compile(r"\$3\.20.*\$23\.20", re.S))
    await dialog.get_by_role("button", name="Credit $20.00").dblclick()
    await expect(said(page, "Dora Doubleclick")).to_contain_text("$23.20")
    assert [entry["amount"] for entry in await entries(admin, user_id)] == ["20.00", "3.20"]
    assert await site.balance(user_id) == Decimal("23.2")


async def test_answer_that_is_lost_does_not_top_up_twice(
    admin_page: Page, site: Product, admin: Admin, watch: Watch
) -> None:
    watch.allow("lost: net::ERR_FAILED POST")
    page = admin_page
    user_id, _ = await site.add_user("1", name="Lost Lars")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await open_user(page, user_id)
    await page.route("**/ledger", lose, times=1)
    await page.get_by_role("button", name="Top up").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("10")
    await dialog.get_by_role("button", name="Credit $10.00").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("may be in the books already")
    await dialog.get_by_role("button", name="Send again").click()
    await expect(said(page, "Lost Lars")).to_contain_text("$11.00")
    assert len(await entries(admin, user_id)) == 2
    assert await site.balance(user_id) == 11


async def test_adjustment_needs_a_reason_and_only_it_may_take_away(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("10", name="Adjusted Ada")
    await open_user(page, user_id)
    await page.get_by_role("button", name="Top up").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("-4")
    await dialog.get_by_role("button", name=re.compile("Credit")).click()
    await expect(dialog.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    await expect(dialog).to_contain_text("only Adjust may take away")
    await dialog.get_by_label("Adjust").check()
    await dialog.get_by_role("button", name=re.compile("Adjust")).click()
    await expect(dialog.get_by_role("textbox", name="Reason")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_role("textbox", name="Reason").fill("typo in the last one")
    await dialog.get_by_role("button", name=re.compile("Adjust")).click()
    await expect(said(page, "Adjusted Ada")).to_contain_text("$6.00")
    assert await site.balance(user_id) == 6


async def test_note_is_edited_while_requests_are_charged(admin_page: Page, site: Product, admin: Admin) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Noted Nora")
    await open_user(page, user_id, "details")
    await page.get_by_label("Note").fill("prefers invoices in blue")
    costs = []
    for _ in range(3):
        answer = await call(site, key)
        costs.append(Decimal(answer.headers["x-quart-proxy-cost"]))
    await page.get_by_role("button", name="Save").click()
    await expect(said(page, "is saved")).to_be_visible()
    user = (await admin.get(f"/users/{user_id}")).json()
    assert user["note"] == "prefers invoices in blue"
    assert await site.balance(user_id) == 5 - sum(costs) < 5
    assert await site.imbalances() == []


async def test_entry_is_reversed_by_another_once(admin_page: Page, site: Product, admin: Admin) -> None:
    page = admin_page
    user_id, _ = await site.add_user("7", name="Reversed Rita")
    await open_user(page, user_id, "statement")
    (entry,) = await entries(admin, user_id)
    await page.get_by_role("button", name=f"Reverse entry {entry['id']}").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("-$7.00")
    await dialog.get_by_role("textbox", name="Reason").fill("wrong user")
    await dialog.get_by_role("button", name=f"Reverse entry {entry['id']}").click()
    await expect(said(page, "is reversed by entry")).to_contain_text("$0.00")
    await expect(page.get_by_role("row").filter(has_text="wrong user")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Reverse entry"))).to_have_count(0)
    assert [one["amount"] for one in await entries(admin, user_id)] == ["-7.00", "7.00"]
    again = await admin.post(f"/ledger/{entry['id']}/reverse", {"reason": "again"})
    assert again.status_code == 409


async def test_key_is_revoked_only_when_that_is_confirmed_and_is_refused_at_once(
    admin_page: Page, site: Product
) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Revoked Ray")
    await open_user(page, user_id, "keys")
    more = page.get_by_role("button", name="More for key test")
    await more.click()
    await page.get_by_role("button", name="Revoke").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("Revoke key test?")
    await expect(question).to_contain_text(key[-4:])
    await expect(question).to_contain_text("never used")
    await page.keyboard.press("Escape")
    await expect(question).to_have_count(0)
    assert (await call(site, key)).status_code == 200
    await more.click()
    await page.get_by_role("button", name="Revoke").click()
    await question.get_by_role("button", name="Revoke key test").click()
    await expect(said(page, "Key test is revoked")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text=key[-4:])).to_contain_text(re.compile("revoked", re.I))
    assert (await call(site, key)).status_code == 401


async def test_disabling_a_user_can_be_undone(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Disabled Dan")
    await open_user(page, user_id, "details")
    await page.get_by_role("button", name="Disable Disabled Dan").click()
    await expect(said(page, "Disabled Dan is disabled")).to_be_visible()
    assert (await call(site, key)).status_code == 403
    await said(page, "Disabled Dan is disabled").get_by_role("button", name="Undo").click()
    await expect(said(page, "may call again")).to_be_visible()
    assert (await call(site, key)).status_code == 200


async def test_user_is_deleted_by_typing_the_name_and_leaves_the_books(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("5", name="Deleted Del")
    await open_user(page, user_id, "details")
    await page.get_by_role("button", name="Delete Deleted Del").click()
    question = page.get_by_role("dialog")
    confirm = question.get_by_role("button", name="Delete user Deleted Del")
    await expect(confirm).to_be_disabled()
    await question.get_by_label("Type Deleted Del to confirm").fill("Deleted Del")
    await confirm.click()
    await expect(page).to_have_url("/ui/users")
    await settled(page)
    await expect(page.get_by_role("row").filter(has_text="Deleted Del")).to_have_count(0)


async def test_deleted_user_is_still_told_of(admin_page: Page, site: Product, admin: Admin, watch: Watch) -> None:
    watch.allow("404 GET /api/admin/users/")
    page = admin_page
    user_id, _ = await site.add_user("5", name="Bygone Bea")
    await admin.delete(f"/users/{user_id}")
    await open_page(page, f"/ui/users/{user_id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"User {user_id} is deleted")
    await expect(page.get_by_role("region", name="Ledger of this user")).to_contain_text("$5.00")
    await expect(page.get_by_role("main")).to_contain_text("lee")


async def test_filters_and_order_of_users_are_in_the_address(admin_page: Page, site: Product) -> None:
    page = admin_page
    await site.add_user("9", name="Sorted Sue Rich")
    await site.add_user("1", name="Sorted Sue Poor")
    await open_page(page, "/ui/users?q=Sorted+Sue")
    rows = page.get_by_role("rowheader")
    await page.get_by_role("columnheader", name="Balance").get_by_role("button").click()
    await expect(page).to_have_url("/ui/users?q=Sorted+Sue&sort=balance")
    await expect(rows).to_have_text([re.compile("Poor"), re.compile("Rich")])
    await page.reload()
    await expect(rows).to_have_text([re.compile("Poor"), re.compile("Rich")])
    await page.keyboard.press("/")
    filter_field = page.get_by_role("searchbox", name="Filter by name or e-mail")
    await expect(filter_field).to_be_focused()
    await filter_field.fill("nobody is called this")
    await expect(page.get_by_role("heading", name="No user matches")).to_be_visible()
    await page.get_by_role("link", name="Clear filters").click()
    await expect(page.get_by_role("row").filter(has_text="Sorted Sue Rich")).to_be_visible()


async def test_ledger_proves_itself(admin_page: Page, site: Product) -> None:
    page = admin_page
    await site.chat()
    await site.rows(1)
    await open_page(page, "/ui/ledger")
    await expect(page.get_by_role("region", name="Reconciliation")).to_contain_text("The books agree")
    assert await site.imbalances() == []


async def test_everything_about_a_key_can_be_done_without_a_mouse(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("5", name="Keyboard Kim")
    await open_user(page, user_id, "keys")
    create = page.get_by_role("button", name="Create key").first
    await tab_to(page, create)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("typed key")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Copy key")).to_be_focused()
    await page.keyboard.press("Enter")
    assert (
        await page.evaluate("() => navigator.clipboard.readText()") == await dialog.get_by_label("The key").inner_text()
    )
    await tab_to(page, dialog.get_by_label("I have stored it"))
    await page.keyboard.press("Space")
    await tab_to(page, dialog.get_by_role("button", name="Done"))
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("row").filter(has_text="typed key")).to_be_visible()
    await tab_to(page, page.get_by_role("button", name="Sign out").first)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
