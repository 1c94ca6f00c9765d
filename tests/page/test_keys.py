"""Keys: shown once, tried, narrowed, rotated, revoked in the middle of a stream; and all of it by keyboard."""

import asyncio
import re

import httpx
from calling import call
from playwright.async_api import Download, Locator, Page, expect
from product import ADMIN_PASSWORD, Product
from visiting import settled, show_key

EVENTS = 40


async def create_key(page: Page, user_id: int, name: str) -> None:
    """On the user's page, up to the panel that shows it."""
    await page.goto(f"/ui/users/{user_id}?tab=keys")
    await settled(page)
    await page.get_by_role("button", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_role("button", name="Create key").click()


async def put_away(page: Page) -> None:
    await page.get_by_label("I have stored it").check()
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_key_is_shown_once_and_works(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("5", name="Keyed")
    await create_key(page, user_id, "ci-prod")
    panel = page.get_by_role("dialog", name="Key ci-prod")
    key = await panel.get_by_label("The key").inner_text()
    await panel.get_by_role("button", name="Copy key").click()
    assert await page.evaluate("navigator.clipboard.readText()") == key
    await panel.get_by_role("button", name="Test it now").click()
    await expect(panel).to_contain_text(re.compile(r"It works: \d+ models"))

    async with page.expect_download() as waiting:
        await panel.get_by_role("button", name="Download").click()
    saved: Download = await waiting.value
    assert saved.suggested_filename == "key-ci-prod.txt"

    # Neither Escape nor the cross nor a press beside it takes it away before it is stored.
    await page.keyboard.press("Escape")
    await panel.get_by_role("button", name="Close").click()
    await page.mouse.click(5, 5)
    await expect(panel).to_contain_text("Tick the box first")
    await put_away(page)

    row = page.get_by_role("row").filter(has_text="ci-prod")
    await expect(row).to_contain_text(f"{key[:7]}…{key[-4:]}")
    await expect(row).to_have_attribute("data-tone", "new")
    for address in (f"/ui/users/{user_id}?tab=keys", "/ui/keys"):
        await page.goto(address)
        await settled(page)
        assert key not in await page.content()


async def test_a_key_for_some_models_expires_and_is_changed(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, _ = await site.add_user("5", name="Narrowed")
    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    await page.get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("narrow")
    await dialog.get_by_label("Expires").select_option("90")
    await dialog.get_by_label("Requests at a time").fill("2")
    await dialog.get_by_text("Only these").click()
    await dialog.get_by_role("button", name="Create key").click()
    await expect(dialog.get_by_text("must name one model at least")).to_be_visible()
    await dialog.get_by_label("sandbox-gpt", exact=True).check()
    await dialog.get_by_role("button", name="Create key").click()
    key = await page.get_by_label("The key").inner_text()
    await put_away(page)
    assert (await call(site, key, "sandbox-gpt")).status_code == 200
    assert (await call(site, key, "sandbox-claude")).status_code == 403

    await page.goto(f"/ui/users/{user_id}?tab=keys")
    await page.get_by_role("button", name="More for key narrow").click()
    await page.get_by_role("button", name="Edit").click()
    await expect(dialog.get_by_label("sandbox-gpt", exact=True)).to_be_checked()
    await dialog.get_by_text("All models").click()
    await dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="narrow")
    await expect(row).to_contain_text("All models")
    answer = await call(site, key, "sandbox-claude")
    assert answer.status_code == 200

    await site.rows(1, user_id=user_id, model="sandbox-claude", outcome="completed")
    await page.reload()
    await expect(row).to_contain_text(answer.request.headers["user-agent"])
    await row.get_by_role("link", name="Last request with narrow").click()
    await expect(page.get_by_role("dialog")).to_contain_text(answer.headers["x-request-id"])


async def test_limits_of_a_key_and_its_user_are_typed_hold_and_are_told_to_the_user(
    admin_page: Page, page: Page, site: Product
) -> None:
    admin = admin_page
    user_id, _ = await site.add_user("5", name="Limited")
    await admin.goto(f"/ui/users/{user_id}?tab=details")
    await settled(admin)
    await admin.get_by_role("button", name="Edit limits").click()
    dialog = admin.get_by_role("dialog")
    await dialog.get_by_label("Tokens a minute").fill("1,000,000")
    await dialog.get_by_label("Spend limit").fill("0")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("Must be dollars above zero")).to_be_visible()
    await dialog.get_by_label("Spend limit").fill("$20")
    await dialog.get_by_label("Spend period").select_option("week")
    await dialog.get_by_role("button", name="Save").click()
    await expect(admin.locator("main")).to_contain_text("$20.00 a week, $20.00 left")

    await admin.get_by_role("button", name="Create key").click()
    await dialog.get_by_label("Name").fill("thrifty")
    await dialog.get_by_label("Requests a minute").fill("600")
    await dialog.get_by_label("Spend limit").fill("0.000001")
    await dialog.get_by_role("button", name="Create key").click()
    key = await admin.get_by_label("The key").inner_text()
    await put_away(admin)
    assert (await call(site, key)).status_code == 200
    refused = await call(site, key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "spend_limit_exceeded")

    await show_key(page, key, then="/ui/me/keys")
    row = page.get_by_role("region", name="Your keys").get_by_role("row").filter(has_text="thrifty")
    await expect(row).to_contain_text("600 requests a minute")
    await expect(row).to_contain_text("$0.000001 in all, $0.00 left")
    last = row.get_by_role("link", name="Last request with thrifty")
    await expect(last).to_have_attribute("href", re.compile(r"^/ui/me/usage\?open=req_"))
    await admin.goto("/ui/keys?q=thrifty")
    capped = admin.get_by_role("row").filter(has_text="thrifty")
    await expect(capped).to_contain_text("Capped")
    await expect(capped).to_contain_text("by its spend limit")
    await expect(capped.get_by_role("progressbar", name="$0.00 left")).to_be_visible()
    own = page.locator("section").filter(has_text="Limits of your account")
    await expect(own).to_contain_text("1,000,000")
    await expect(own).to_contain_text(re.compile(r"\$20\.00 a week, \$(19\.99|20\.00) left"))


async def test_a_rotated_key_works_on_for_its_grace(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, old = await site.add_user("5", name="Rotating")
    await page.goto(f"/ui/keys?user_id={user_id}")
    await settled(page)
    await page.get_by_role("button", name="More for key test").click()
    await page.get_by_role("button", name="Rotate").click()
    await page.get_by_role("dialog").get_by_label("The old key stops").select_option("1")
    await page.get_by_role("button", name="Rotate key test").click()
    fresh = await page.get_by_role("dialog").get_by_label("The key").inner_text()
    await put_away(page)
    for key in (old, fresh):
        assert (await call(site, key)).status_code == 200
    await expect(page.get_by_role("row").filter(has_text=old[-4:])).to_contain_text("Expires soon")


async def test_revoking_names_the_key_ends_no_stream_and_refuses_the_next_call(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Revoked")
    await site.add_model("slow", actual_model=f"sandbox:words={EVENTS},delay_ms=100")
    headers = {"authorization": f"Bearer {key}"}
    begun = asyncio.Event()

    async def stream() -> str:
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with site.client.stream("POST", f"{site.base_url}/v1/chat/completions", json=body, headers=headers) as it:
            text = ""
            async for piece in it.aiter_text():
                text += piece
                begun.set()
            return text

    await page.goto(f"/ui/users/{user_id}?tab=keys")
    await settled(page)
    running = asyncio.create_task(stream())
    await begun.wait()
    await page.get_by_role("button", name="More for key test").click()
    await page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke key test?")
    await expect(dialog).to_contain_text(f"…{key[-4:]}")
    await expect(dialog).to_contain_text(re.compile("last used|never used"))
    await dialog.get_by_role("button", name="Revoke key test").click()
    await expect(page.get_by_role("row").filter(has_text=key[-4:])).to_contain_text("Revoked")
    refused: httpx.Response = await call(site, key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")
    # What began is let to its end, and charged.
    assert (await running).endswith("data: [DONE]\n\n")
    (row,) = await site.rows(1, user_id=(user_id,), outcome=("completed",))
    assert row.cost
    assert await site.imbalances() == []


async def test_all_keys_are_found_by_name_owner_and_state(admin_page: Page, site: Product) -> None:
    page = admin_page
    user_id, key = await site.add_user("5", name="Owner of one")
    await page.goto("/ui/keys")
    await settled(page)
    await page.get_by_label("Owner", exact=True).fill("Owner of o")
    await expect(page.locator("datalist option")).to_have_count(1)
    await page.get_by_label("Owner", exact=True).fill(f"Owner of one (#{user_id})")
    await expect(page).to_have_url(re.compile(f"user_id={user_id}"))
    await expect(page.get_by_role("table", name="API keys").locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_role("row").filter(has_text=key[-4:])).to_contain_text("Owner of one")
    await page.get_by_role("navigation", name="Status").get_by_role("link", name="Revoked").click()
    await expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    await page.go_back()
    await page.get_by_role("button", name=re.compile("^test")).click()
    await expect(page.get_by_role("dialog", name="Key test")).to_contain_text("Owner of one")
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("open="))


async def test_everything_works_by_keyboard_alone(page: Page, site: Product) -> None:
    await site.add_user("5", name="Typist")
    press = page.keyboard.press
    await page.goto("/ui/login?next=%2Fui%2Fusers%3Fq%3DTypist")
    await page.get_by_label("Admin password").focus()
    await page.keyboard.type(ADMIN_PASSWORD)
    await press("Enter")
    await expect(page).to_have_url("/ui/users?q=Typist")
    await settled(page)
    await expect(page.get_by_role("row").filter(has_text="Typist")).to_be_visible()

    await press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await press("Escape")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_have_count(0)
    await press("/")
    await expect(page.get_by_label("Filter by name or e-mail")).to_be_focused()
    await page.get_by_role("heading", level=1).focus()
    await press("j")
    await expect(page.get_by_role("link", name="Typist", exact=True)).to_be_focused()

    more = page.get_by_role("button", name="More for Typist")
    await tab_to(page, more)
    await press("Enter")
    await expect(page.get_by_role("link", name="Open")).to_be_focused()
    await press("ArrowDown")
    await press("Enter")
    dialog = page.get_by_role("dialog", name="Create a key for Typist")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("typed")
    await press("Enter")
    await expect(page.get_by_role("button", name="Copy key")).to_be_focused()
    key = await page.get_by_label("The key").inner_text()
    await press("Enter")
    assert await page.evaluate("navigator.clipboard.readText()") == key
    await press("Escape")
    await expect(page.get_by_label("I have stored it")).to_be_focused()
    await press("Space")
    await press("Tab")
    await press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(more).to_be_focused()

    await press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("ledger")
    await press("Enter")
    await expect(page).to_have_url("/ui/ledger")
    await tab_to(page, page.get_by_role("button", name="Sign out"), by="Shift+Tab")
    await press("Enter")
    await expect(page).to_have_url(re.compile("/ui/login"))


async def tab_to(page: Page, target: Locator, *, by: str = "Tab") -> None:
    """From wherever the focus is, with the Tab key alone."""
    for _ in range(60):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press(by)
    raise AssertionError("the Tab key never arrives there")
