"""Several users at once: selected in the list, credited together and once, switched off and on."""

import re
from decimal import Decimal

import looks
from looks import SIZES, THEMES
from playwright.async_api import Locator, Page, Route, StorageState, expect
from product import Product
from visiting import OpenContext, settled
from watching import Watch


async def several(site: Product, name: str, count: int = 3) -> list[int]:
    """Users whose list, narrowed by this name, has the last one first."""
    return [(await site.add_user("1", name=f"{name} {number}"))[0] for number in range(1, count + 1)]


async def open_list(page: Page, name: str) -> Locator:
    """The users of that name, and the bar of those that are selected."""
    await page.goto(f"/ui/users?q={name}")
    await settled(page)
    return page.get_by_role("region", name="Selected users")


async def balances(site: Product, users: list[int]) -> list[Decimal]:
    return [await site.balance(user_id) for user_id in users]


async def test_rows_are_selected_one_by_one_in_a_range_and_all_and_let_go(admin_page: Page, site: Product) -> None:
    page = admin_page
    await several(site, "Ranged", 4)
    bar = await open_list(page, "Ranged")
    await page.get_by_label("Select Ranged 4").check()
    await expect(bar).to_contain_text(re.compile(r"1 user\s+selected\s+\$1\.00\s+in all"))
    await page.get_by_label("Select Ranged 2").click(modifiers=["Shift"])
    await expect(bar).to_contain_text("3 users")
    await expect(page.get_by_label("Select Ranged 3")).to_be_checked()
    # A box opens no row, and what is selected stays while the list is in another order.
    await page.get_by_role("button", name="Balance").click()
    await expect(page).to_have_url(re.compile("sort=balance"))
    await settled(page)
    await expect(bar).to_contain_text("3 users")
    await bar.get_by_role("button", name="Select all 4 shown").click()
    everyone = page.get_by_label("Select all that are shown")
    await expect(everyone).to_be_checked()
    async with page.expect_download() as saving:
        await bar.get_by_role("button", name="Export (CSV)").click()
    assert len((await (await saving.value).path()).read_text(encoding="utf-8").splitlines()) == 5
    await page.keyboard.press("Escape")
    await expect(bar).to_have_count(0)
    await everyone.check()
    await expect(bar).to_contain_text("4 users")
    await page.get_by_role("navigation", name="Which users").get_by_role("link", name="Not used").click()
    await expect(page).to_have_url(re.compile("standing=idle"))
    await expect(bar).to_have_count(0)


async def test_a_double_click_credits_everyone_once_and_a_lost_answer_is_asked_for_again(
    admin_page: Page, site: Product, watch: Watch
) -> None:
    page = admin_page
    watch.allow("lost: .* POST /api/admin/users/ledger")
    users = await several(site, "Credited")
    bar = await open_list(page, "Credited")
    await page.get_by_label("Select all that are shown").check()
    await bar.get_by_role("button", name="Credit…").click()
    dialog = page.get_by_role("dialog", name="Credit 3 users")
    await expect(dialog).to_contain_text("Credited 3, Credited 2 and Credited 1")
    await dialog.get_by_label("Amount").fill("5")
    await expect(dialog).to_contain_text(re.compile(r"3 users\s+×\s+\$5\.00\s+=\s+\$15\.00"))
    await dialog.get_by_text("Adjust", exact=True).click()
    await dialog.get_by_role("button", name="Adjust 3 × $5.00").click()
    await expect(dialog.get_by_text("Is required for an adjustment")).to_be_visible()
    await dialog.get_by_role("textbox", name="Reason").fill("Invoice 7")
    await dialog.get_by_role("button", name="Adjust 3 × $5.00").dblclick()
    said = page.locator("#toasts")
    await expect(said).to_contain_text("3 users: +$5.00 each, +$15.00 in all.")
    await expect(page.get_by_role("row").filter(has_text="Credited 2")).to_contain_text("$6.00")
    await expect(page.locator("tfoot")).to_contain_text("$18.00")
    await expect(bar).to_have_count(0)
    assert await balances(site, users) == [6, 6, 6]

    keys: list[str] = []

    async def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/api/admin/users/ledger", lose_the_first)
    await page.get_by_label("Select all that are shown").check()
    await bar.get_by_role("button", name="Credit…").click()
    await dialog.get_by_label("Amount").fill("2")
    await dialog.get_by_role("button", name="Credit 3 × $2.00").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("No answer came")
    await page.keyboard.press("Escape")
    # Whoever is selected now: what was sent is what is sent again.
    await page.get_by_label("Select Credited 2").uncheck()
    await bar.get_by_role("button", name="Credit…").click()
    await expect(dialog).to_contain_text("This was sent before, for 3 users.")
    await dialog.get_by_role("button", name="Send again").click()
    await expect(said).to_contain_text("3 users: +$2.00 each")
    assert len(keys) == 2 and len(set(keys)) == 1
    assert await balances(site, users) == [8, 8, 8]
    await said.get_by_role("link", name="Ledger").last.click()
    await expect(page.get_by_role("table").get_by_role("row").filter(has_text="+$2.00")).to_have_count(3)
    assert not await site.imbalances()


async def test_several_are_switched_off_after_a_question_and_on_again(admin_page: Page, site: Product) -> None:
    page = admin_page
    await several(site, "Paused")
    bar = await open_list(page, "Paused")
    await page.get_by_label("Select Paused 1").check()
    await page.get_by_label("Select Paused 3").check()
    await bar.get_by_role("button", name="Disable…").click()
    dialog = page.get_by_role("dialog", name="Disable 2 users?")
    await expect(dialog).to_contain_text("Requests that are running go on to their end and are charged")
    await dialog.get_by_role("button", name="Disable 2 users").click()
    disabled = page.get_by_role("row").filter(has_text="Disabled")
    await expect(disabled).to_have_count(2)
    # Those of a mixed selection that are off are switched on, and they alone.
    await page.get_by_label("Select all that are shown").check()
    await bar.get_by_role("button", name="Enable…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Enable 2 users").click()
    await expect(disabled).to_have_count(0)
    await page.locator("#toasts").get_by_role("button", name="Undo").last.click()
    await expect(disabled).to_have_count(2)


async def test_somebody_deleted_meanwhile_is_told_and_nobody_is_credited(
    admin_page: Page, site: Product, watch: Watch
) -> None:
    page = admin_page
    watch.allow("answer: 422 POST /api/admin/users/ledger$")
    users = await several(site, "Fleeting", 2)
    bar = await open_list(page, "Fleeting")
    await page.get_by_label("Select all that are shown").check()
    await bar.get_by_role("button", name="Credit…").click()
    await site.client.delete(f"{site.base_url}/api/admin/users/{users[1]}", headers=await site.login())
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("5")
    await dialog.get_by_role("button", name="Credit 2 × $5.00").click()
    await expect(page.locator("#toasts")).to_contain_text("Nobody is credited: somebody selected was deleted meanwhile")
    await expect(dialog).to_be_hidden()
    await expect(bar).to_contain_text(re.compile(r"1 user\s+selected"))
    assert await site.balance(users[0]) == 1


async def test_selection_is_legible_and_fits_a_narrow_phone(
    open_context: OpenContext, admin_state: StorageState, site: Product
) -> None:
    # axe brings styles of its own, which the page's policy would refuse.
    page = await (await open_context(storage_state=admin_state, bypass_csp=True)).new_page()
    await several(site, "Looked at")
    bar = await open_list(page, "Looked at")
    await page.get_by_label("Select Looked at 2").check()
    for size, pixels in (*SIZES.items(), ("narrow", looks.NARROW)):
        await looks.resize(page, pixels)
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            await looks.picture(page, f"users-selected-{theme}-{size}")
            assert await looks.list_sideways_scrolling(page) == []
            assert await looks.list_barriers(page, theme) == []
    # On a phone the box is in the card, and the bar has what the heading of the table had.
    await page.get_by_label("Select Looked at 1").check()
    await bar.get_by_role("button", name="Select all 3 shown").click()
    await bar.get_by_role("button", name="Credit…").click()
    await expect(page.get_by_role("dialog", name="Credit 3 users")).to_be_visible()
    await page.get_by_role("dialog").get_by_label("Amount").fill("5")
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        await looks.picture(page, f"users-credit-{theme}-narrow")
        assert await looks.list_sideways_scrolling(page) == []
        assert await looks.list_barriers(page, theme) == []
