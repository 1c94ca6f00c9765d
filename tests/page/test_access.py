"""Who gets in: a program's token made, used and revoked; an admin who is signed out by another."""

import re

from playwright.async_api import Page, expect
from product import Product
from visiting import OpenContext, settled, sign_in
from watching import Watch


async def test_a_token_is_shown_once_and_opens_nothing_once_it_is_revoked(admin_page: Page, site: Product) -> None:
    page = admin_page
    await page.goto("/ui/access")
    await settled(page)
    await page.get_by_role("button", name="New token").first.click()
    form = page.get_by_role("dialog", name="New token")
    await form.get_by_label("Name").fill("ci main")
    await form.get_by_label("It may").select_option("registry:plan")
    await form.get_by_role("button", name="Create token").click()
    shown = page.get_by_role("dialog", name="Token ci main")
    token = await shown.get_by_label("The token", exact=True).inner_text()
    await expect(shown).to_contain_text(f"REGISTRY_TOKEN={token}")
    headers = {"authorization": f"Bearer {token}"}
    status = f"{site.base_url}/api/admin/registry/status"
    assert (await site.client.get(status, headers=headers)).status_code == 200
    await shown.get_by_role("button", name="Done").click()
    await expect(shown.get_by_role("alert")).to_contain_text("nobody can show the token again")
    await shown.get_by_label("I have stored it").check()
    await shown.get_by_role("button", name="Done").click()
    await expect(shown).to_have_count(0)

    row = page.get_by_role("table", name="Tokens of programs").get_by_role("row").filter(has_text="ci main")
    await expect(row).to_contain_text("plan changes of the files")
    assert token not in await page.content()
    await row.get_by_role("button", name="Revoke ci main").click()
    await page.get_by_role("button", name="Revoke token ci main").click()
    await expect(page.locator("#toasts")).to_contain_text("Token ci main is revoked.")
    await expect(row).to_have_count(0)
    assert (await site.client.get(status, headers=headers)).status_code == 401


async def test_an_admin_who_is_signed_out_by_another_is_asked_for_the_password(
    admin_page: Page, open_context: OpenContext, watch: Watch
) -> None:
    watch.allow(r"401 GET /api/admin/")
    eve = await (await open_context()).new_page()
    await sign_in(eve, name="eve", then="/ui/ledger")
    await expect(eve.get_by_role("heading", level=1)).to_have_text("Ledger")
    page = admin_page
    await page.goto("/ui/access")
    await settled(page)
    table = page.get_by_role("table", name="Signed in")
    await expect(table.get_by_role("row").filter(has_text=re.compile(r"\byou\b"))).to_have_count(1)
    await table.get_by_role("button", name="Sign out eve").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out eve").click()
    await expect(page.locator("#toasts")).to_contain_text("eve is signed out.")
    await expect(table).not_to_contain_text("eve")
    await eve.get_by_role("link", name="Users").first.click()
    await expect(eve.get_by_role("dialog").get_by_label("Admin password")).to_be_visible()
