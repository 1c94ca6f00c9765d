"""The ledger and a user's statement: what stands there adds up, is filtered, reversed once, and leaves as a file."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

from calling import call
from playwright.async_api import Page, expect
from product import TESTER, Product
from visiting import settled


async def saved_rows(page: Page, button: str) -> list[dict[str, str]]:
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=re.compile(button)).click()
    path = await (await waiting.value).path()
    return list(csv.DictReader(io.StringIO(Path(path).read_text(encoding="utf-8"))))


async def test_the_statement_runs_and_an_entry_is_reversed_once(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, key = await site.add_user("10", name="Stated")
    await call(site, key)
    await site.rows(1, user_id=(user_id,))
    left = await site.balance(user_id)
    await site.accounts.move_money(TESTER, user_id=user_id, kind="grant", amount=Decimal(5), reason="A mistake")
    await page.goto(f"/ui/users/{user_id}?tab=statement")
    await settled(page)
    lines = page.get_by_role("table", name="Statement").locator("tbody tr")
    await expect(lines).to_have_count(3)
    await expect(lines.nth(0)).to_contain_text("+$5.00")
    await expect(lines.nth(1)).to_contain_text("Requests charged")

    await lines.nth(0).get_by_role("button", name=re.compile("Reverse entry")).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name=re.compile("Reverse entry")).click()
    await expect(dialog.get_by_text("Is required")).to_be_visible()
    await dialog.get_by_label("Reason").fill("Granted to the wrong user")
    await dialog.get_by_role("button", name=re.compile("Reverse entry")).dblclick()
    await expect(page.locator("#toasts")).to_contain_text(re.compile(r"is reversed by entry \d+: −\$5\.00"))
    await expect(lines).to_have_count(4)
    assert await site.balance(user_id) == left
    assert await site.imbalances() == []

    rows = await saved_rows(page, "Export statement")
    assert [row["kind"] for row in rows] == ["reverse", "grant", "usage", "adjust"]
    assert Decimal(rows[0]["balance_after"]) == left
    assert sum(Decimal(row["amount"]) for row in rows) == left


async def test_the_books_are_proved_and_filtered(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("7", name="Ledgered")
    await site.accounts.move_money(
        TESTER, user_id=user_id, kind="refund", amount=Decimal("1.25"), reason='=HYPERLINK("x")'
    )
    await page.goto("/ui/ledger")
    await settled(page)
    proof = page.get_by_label("Reconciliation")
    await expect(proof).to_contain_text("The books agree")
    await page.get_by_label("User", exact=True).fill(f"Ledgered (#{user_id})")
    await page.get_by_label("User", exact=True).press("Enter")
    await expect(page).to_have_url(re.compile(f"user_id={user_id}"))
    rows = page.get_by_role("table", name="Ledger").locator("tbody tr")
    await expect(rows).to_have_count(2)
    # The address alone says who it is: the name is found, whatever the rows are.
    await page.goto(f"/ui/ledger?user_id={user_id}&kind=reverse")
    await expect(page.get_by_label("User", exact=True)).to_have_value(f"Ledgered (#{user_id})")
    await page.goto(f"/ui/ledger?user_id={user_id}")
    await page.get_by_role("navigation", name="Kind").get_by_role("link", name="Refund").click()
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("+$1.25")
    await settled(page)
    (row,) = await saved_rows(page, r"^Export 1 row \(CSV\)$")
    assert (row["amount"], row["user_id"]) == ("1.25", str(user_id))
    assert row["reason"] == '\'=HYPERLINK("x")'
    await page.get_by_role("navigation", name="Kind").get_by_role("link", name="Grant").click()
    await expect(page.get_by_role("heading", name="No entry matches")).to_be_visible()
    await page.get_by_role("link", name="Clear filters").click()
    await expect(page).to_have_url("/ui/ledger")
