"""Users and their money: made, topped up exactly once, edited while they call, disabled and deleted."""

import asyncio
import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import looks
import pytest
from calling import call
from looks import SIZES, THEMES
from playwright.async_api import Locator, Page, Route, StorageState, expect
from product import TESTER, Product
from visiting import OpenContext, settled
from watching import Watch


async def open_top_up(page: Page, user_id: int, amount: str) -> Locator:
    """The dialog on the user's page, with an amount typed in."""
    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    await page.get_by_role("button", name="Top up", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill(amount)
    return dialog


def preview(before: str, after: str) -> re.Pattern[str]:
    """What the dialog says the balance will be."""
    return re.compile(rf"Balance\s*{re.escape(before)}\s*→\s*becomes\s*{re.escape(after)}")


async def entries(site: Product, user_id: int) -> list[dict[str, Any]]:
    answer = await site.client.get(f"{site.base_url}/api/admin/users/{user_id}/ledger", headers=await site.login())
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_a_new_user_is_led_to_money_and_a_first_key(admin_page: Page, site: Product) -> None:
    page = admin_page
    await page.goto("/ui/users")
    await settled(page)
    await page.get_by_role("button", name="Create user").click()
    dialog = page.get_by_role("dialog", name="Create user")
    await dialog.get_by_label("Name").fill("Ada Lovelace")
    await dialog.get_by_role("button", name="Create user").click()

    dialog = page.get_by_role("dialog", name="Top up Ada Lovelace")
    await dialog.get_by_label("Amount").fill("20")
    await expect(dialog).to_contain_text(preview("$0.00", "$20.00"))
    await dialog.get_by_role("button", name="Credit $20.00").click()
    await expect(page.locator("#toasts")).to_contain_text(re.compile(r"Entry \d+: \+\$20\.00 for Ada Lovelace"))

    dialog = page.get_by_role("dialog", name="Create a key for Ada Lovelace")
    await dialog.get_by_label("Name").fill("first")
    await dialog.get_by_role("button", name="Create key").click()
    revealed = page.get_by_role("dialog", name="Key first")
    key = await revealed.get_by_label("The key").inner_text()
    await revealed.get_by_label("I have stored it").check()
    await revealed.get_by_role("button", name="Done").click()

    row = page.get_by_role("row").filter(has_text="Ada Lovelace")
    await expect(row).to_contain_text("$20.00")
    await expect(row).to_contain_text("Active")
    answer = await call(site, key)
    assert answer.status_code == 200


async def test_the_list_is_sorted_narrowed_summed_and_saved(admin_page: Page, site: Product) -> None:
    page = admin_page
    for name, dollars in (("Listed low", "1"), ("Listed rich", "1000.50"), ("Listed broke", "0")):
        user_id, key = await site.add_user(dollars, name=name)
        if name == "Listed rich":
            await call(site, key)
            await site.rows(1, user_id=(user_id,))
            rich = user_id
    await page.goto("/ui/users?q=Listed")
    await settled(page)
    rows = page.get_by_role("table", name="Users").locator("tbody").get_by_role("row")
    await expect(rows).to_contain_text(["Listed broke", "Listed rich", "Listed low"])
    await page.get_by_role("button", name="Balance").click()
    await expect(page).to_have_url(re.compile("sort=balance"))
    await expect(rows).to_contain_text(["Listed broke", "Listed low", "Listed rich"])
    await page.get_by_role("button", name="Balance").click()
    await expect(page.get_by_role("columnheader", name="Balance")).to_have_attribute("aria-sort", "descending")
    await expect(rows).to_contain_text(["Listed rich", "Listed low", "Listed broke"])
    left = await site.balance(rich) + 1
    await expect(page.locator("tfoot")).to_contain_text("All 3 users")
    await expect(page.locator("tfoot [data-label=Balance] .amount")).to_have_attribute(
        "title", f"{left.normalize()} USD"
    )

    await page.get_by_role("navigation", name="Which users").get_by_role("link", name="Out of money").click()
    await expect(rows).to_contain_text(["Listed broke"])
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export 1 user (CSV)").click()
    saved = list(csv.DictReader(io.StringIO(Path(await (await saving.value).path()).read_text(encoding="utf-8"))))
    assert [(row["name"], row["balance"]) for row in saved] == [("Listed broke", "0")]
    await page.get_by_role("navigation", name="Which users").get_by_role("link", name="Disabled").click()
    await expect(page.get_by_role("heading", name="No user matches")).to_be_visible()


async def test_a_double_click_credits_once(admin_page: Page, site: Product) -> None:
    user_id, _ = await site.add_user("3.20", name="Double")
    dialog = await open_top_up(admin_page, user_id, "20")
    await expect(dialog).to_contain_text(preview("$3.20", "$23.20"))
    await dialog.get_by_role("button", name="Credit $20.00").dblclick()
    await expect(admin_page.locator("#toasts")).to_contain_text("The balance is $23.20")
    assert len(await entries(site, user_id)) == 2
    assert await site.balance(user_id) == Decimal("23.20")


async def test_a_retry_after_a_lost_answer_credits_once(admin_page: Page, site: Product, watch: Watch) -> None:
    watch.allow("lost: .* POST /api/admin/users/")
    user_id, _ = await site.add_user("3.20", name="Lost")
    seen: list[str] = []

    async def lose_the_first(route: Route) -> None:
        seen.append(route.request.headers["idempotency-key"])
        if len(seen) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await admin_page.route("**/api/admin/users/*/ledger", lose_the_first)
    dialog = await open_top_up(admin_page, user_id, "20")
    await dialog.get_by_role("button", name="Credit $20.00").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("No answer came")
    # What was sent is what is sent again: nothing else can be typed meanwhile, and closing changes nothing.
    await expect(dialog.get_by_label("Amount")).to_be_disabled()
    await admin_page.keyboard.press("Escape")
    await admin_page.get_by_role("button", name="Top up", exact=True).click()
    await expect(dialog.get_by_label("Amount")).to_have_value("20")
    await dialog.get_by_role("button", name="Send again").click()
    await expect(admin_page.locator("#toasts")).to_contain_text("The balance is $23.20")
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert len(await entries(site, user_id)) == 2
    assert await site.balance(user_id) == Decimal("23.20")


async def test_a_refused_movement_says_why_at_its_field_and_keeps_what_was_typed(
    admin_page: Page, site: Product
) -> None:
    user_id, _ = await site.add_user("5", name="Refused")
    dialog = await open_top_up(admin_page, user_id, "-2")
    await dialog.get_by_role("button", name="Credit").click()
    await expect(dialog.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_text("Adjust", exact=True).click()
    await dialog.get_by_role("button", name="Adjust").click()
    await expect(dialog.get_by_text("Is required for an adjustment")).to_be_visible()
    await expect(dialog.get_by_label("Amount")).to_have_value("-2")
    await dialog.get_by_role("textbox", name="Reason").fill("A slip of the hand")
    await dialog.get_by_role("button", name="Adjust").click()
    await expect(dialog).to_be_hidden()
    assert await site.balance(user_id) == Decimal(3)


async def test_the_note_is_edited_while_requests_are_charged(admin_page: Page, site: Product) -> None:
    user_id, key = await site.add_user("50", name="Noted")
    await admin_page.goto(f"/ui/users/{user_id}?tab=details")
    await settled(admin_page)
    calls = asyncio.gather(*(call(site, key) for _ in range(10)))
    for text in ("one", "two", "three"):
        await admin_page.get_by_label("Note").fill(text)
        await admin_page.get_by_role("button", name="Save").click()
        await expect(admin_page.get_by_role("button", name="Save")).to_be_enabled()
    assert {answer.status_code for answer in await calls} == {200}
    rows = await site.rows(10, user_id=(user_id,))
    spent = sum((row.cost for row in rows if row.cost), Decimal())
    assert spent > 0
    assert await site.balance(user_id) == Decimal(50) - spent
    assert await site.imbalances() == []
    await admin_page.reload()
    await expect(admin_page.get_by_label("Note")).to_have_value("three")


async def test_one_tab_saves_only_what_it_changed(admin_page: Page, open_context: OpenContext, site: Product) -> None:
    user_id, _ = await site.add_user("1", name="Shared")
    await admin_page.goto(f"/ui/users/{user_id}?tab=details")
    await settled(admin_page)
    await site.accounts.update_user(TESTER, user_id, {"note": "from elsewhere"})
    await admin_page.get_by_label("E-mail").fill("shared@example.com")
    await admin_page.get_by_role("button", name="Save").click()
    await expect(admin_page.get_by_role("main")).to_contain_text("shared@example.com")
    await admin_page.reload()
    await settled(admin_page)
    await expect(admin_page.get_by_label("Note")).to_have_value("from elsewhere")


async def test_a_user_without_money_is_flagged_and_readable(admin_page: Page, site: Product) -> None:
    user_id, _ = await site.add_user("0", name="Broke")
    await admin_page.goto("/ui/users?standing=out")
    await settled(admin_page)
    row = admin_page.get_by_role("row", name=re.compile("^Select Broke "))
    await expect(row).to_contain_text("No money")
    await row.get_by_role("link", name="Broke", exact=True).click()
    await expect(admin_page).to_have_url(f"/ui/users/{user_id}")
    await expect(admin_page.get_by_role("main")).to_contain_text("Calls are refused with 402")
    for tab in ("Statement", "Keys", "Requests", "Details", "Audit"):
        await admin_page.get_by_role("navigation", name="Parts of this user").get_by_role("link", name=tab).click()
        await expect(admin_page).to_have_url(re.compile(f"tab={tab.lower()}"))
        await settled(admin_page)
    await admin_page.go_back()
    await expect(admin_page).to_have_url(re.compile("tab=details"))


async def test_disabling_refuses_calls_and_can_be_undone(admin_page: Page, site: Product) -> None:
    _, key = await site.add_user("5", name="Switched")
    await admin_page.goto("/ui/users?q=Switched")
    await settled(admin_page)
    await admin_page.get_by_role("button", name="More for Switched").click()
    await admin_page.get_by_role("button", name="Disable").click()
    await expect(admin_page.get_by_role("row").filter(has_text="Switched")).to_contain_text("Disabled")
    assert (await call(site, key)).status_code == 403
    await admin_page.get_by_role("button", name="Undo").click()
    await expect(admin_page.get_by_role("row").filter(has_text="Switched")).to_contain_text("Active")
    assert (await call(site, key)).status_code == 200


async def test_deleting_asks_for_the_name_and_keeps_the_books(admin_page: Page, site: Product, watch: Watch) -> None:
    user_id, _ = await site.add_user("5", name="Leaving")
    watch.allow(f"answer: 404 GET /api/admin/users/{user_id}$")
    await admin_page.goto(f"/ui/users/{user_id}?tab=details")
    await settled(admin_page)
    await admin_page.get_by_role("button", name="Delete Leaving").click()
    dialog = admin_page.get_by_role("dialog")
    delete = dialog.get_by_role("button", name="Delete user Leaving")
    await expect(delete).to_be_disabled()
    await dialog.get_by_role("textbox").fill("Leaving")
    await delete.click()
    await expect(admin_page).to_have_url("/ui/users")
    await admin_page.goto(f"/ui/users/{user_id}")
    await expect(admin_page.get_by_role("heading", level=1)).to_have_text("Leaving is deleted")
    await expect(admin_page.get_by_role("main")).to_contain_text("with $5.00 that cannot be used any more")
    await expect(admin_page.get_by_role("table", name="Ledger of this user")).to_contain_text("+$5.00")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "\u202eevil", "🦆" * 40, "x" * 200])
async def test_any_name_is_shown_as_text(admin_page: Page, site: Product, name: str) -> None:
    user_id, _ = await site.add_user("5", name=name)
    await admin_page.goto(f"/ui/users/{user_id}")
    await expect(admin_page.get_by_role("heading", level=1)).to_have_text(name)
    assert await admin_page.locator("main img").count() == 0


async def test_dialogs_are_legible_and_fit_a_narrow_phone(
    open_context: OpenContext, admin_state: StorageState, site: Product
) -> None:
    user_id, _ = await site.add_user("5", name="Looked at")
    # axe brings styles of its own, which the page's policy would refuse.
    page = await (await open_context(storage_state=admin_state, bypass_csp=True)).new_page()

    async def look(name: str) -> None:
        await expect(page.get_by_role("dialog")).to_be_visible()
        for size, pixels in (*SIZES.items(), ("narrow", looks.NARROW)):
            await looks.resize(page, pixels)
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                await looks.picture(page, f"{name}-{theme}-{size}")
                assert await looks.list_sideways_scrolling(page) == []
                assert await looks.list_barriers(page, theme) == []

    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    await page.get_by_role("button", name="Top up", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Write the entry").click()
    await look("top-up")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Create key").click()
    await page.get_by_role("dialog").get_by_text("Only these").click()
    await look("create-key")
    await page.get_by_text("All models").click()
    await page.get_by_role("dialog").get_by_label("Name").fill("seen")
    await page.get_by_role("dialog").get_by_role("button", name="Create key").click()
    await page.get_by_role("button", name="Test it now").click()
    await look("key")
