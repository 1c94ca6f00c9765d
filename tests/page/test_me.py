"""A user's own pages: what is left to the digit, with no money too, and nothing of anybody else."""

import asyncio
import json
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Route, expect
from product import TESTER, Product
from visiting import settled, show_key, stand_still
from watching import Watch

from quart_proxy.core.usage import Dimension


async def ask(site: Product, key: str, model: str = "sandbox-gpt") -> httpx.Response:
    """One request with that key."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
    return await site.post("/v1/chat/completions", body, headers={"authorization": f"Bearer {key}"})


async def go(page: Page, link: str) -> None:
    """By the navigation: a reload would forget the key."""
    navigation = page.get_by_role("navigation", name="Main", exact=True)
    await navigation.get_by_role("link", name=link, exact=True).click()
    await settled(page)


async def spend(site: Product, key: str, times: int = 1) -> list[str]:
    """The ids of so many requests with that key."""
    answers = [await ask(site, key) for _ in range(times)]
    assert [answer.status_code for answer in answers] == [200] * times
    identifiers = [answer.headers["x-request-id"] for answer in answers]
    for identifier in identifiers:
        await receipt_of(site, key, identifier)
    return identifiers


async def receipt_of(site: Product, key: str, identifier: str) -> None:
    """Wait until the charge is in the books: on a busy machine it lies in the spool for a moment."""
    for _ in range(400):
        headers = {"authorization": f"Bearer {key}"}
        if (await site.client.get(f"{site.base_url}/api/user/usage/{identifier}", headers=headers)).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{identifier} has no receipt")


# --- signing in ----------------------------------------------------------------------------------------


async def test_a_key_that_does_not_hold_is_told_apart_and_a_pasted_one_is_tidied(
    page: Page, site: Product, watch: Watch
) -> None:
    watch.allow("401 GET /api/user/balance", "lost: .* GET /api/user/balance")
    user_id, key = await site.add_user("5")
    gone, revoked = await site.accounts.create_key(TESTER, user_id=user_id, name="gone")
    await site.accounts.revoke_key(TESTER, gone.id)
    await site.refresh()
    await page.goto("/ui/login?as=user")
    field, button = page.get_by_label("Your API key"), page.get_by_role("button", name="Show my balance")
    for text, said in (
        (revoked, "This API key was revoked. Ask whoever gave it to you for another one."),
        (key[:-1], "checksum. Copy it again, whole"),
        ("sk-…", "No API key has such letters in it"),
    ):
        await field.fill(text)
        await button.click()
        await expect(page.get_by_role("alert")).to_contain_text(said)
    await page.context.set_offline(True)
    await field.fill(key)
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    await page.context.set_offline(False)

    await field.fill(f'  "Bearer {key} "')
    await button.click()
    await expect(page).to_have_url("/ui/me")
    await settled(page)
    kept = await page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
    assert key not in kept
    await page.reload()
    await expect(page.get_by_role("status").filter(has_text="has forgotten your key")).to_be_visible()
    await field.fill(key)
    await button.click()
    await expect(page).to_have_url("/ui/me")


async def test_a_key_that_is_revoked_meanwhile_is_said_over_the_page_and_another_one_goes_on(
    page: Page, site: Product, watch: Watch
) -> None:
    watch.allow("401 GET /api/user/")
    user_id, other = await site.add_user("5")
    key, text = await site.accounts.create_key(TESTER, user_id=user_id, name="short-lived")
    await site.refresh()
    await show_key(page, text, then="/ui/me/models?q=gpt")
    await site.accounts.revoke_key(TESTER, key.id)
    await site.refresh()
    await go(page, "Usage")
    strip = page.get_by_role("alert").filter(has_text="This API key was revoked.")
    await expect(strip.first).to_be_visible()
    await page.get_by_role("link", name="Sign in with another key").click()
    await page.get_by_label("Your API key").fill(other)
    await page.get_by_role("button", name="Show my balance").click()
    await expect(page).to_have_url("/ui/me/usage")
    await settled(page)
    await expect(strip).to_have_count(0)


async def test_whoever_is_signed_in_is_led_on_from_the_sign_in_page(admin_page: Page) -> None:
    await admin_page.goto("/ui/login?next=%2Fui%2Fusers")
    await expect(admin_page).to_have_url("/ui/users")
    await admin_page.goto("/ui/login?as=user")
    await expect(admin_page.get_by_label("Your API key")).to_be_focused()
    await admin_page.get_by_role("link", name="Admin", exact=True).click()
    await expect(admin_page).to_have_url("/ui")


# --- balance -------------------------------------------------------------------------------------------


async def test_the_balance_is_told_to_the_digit_and_every_request_leads_to_its_receipt(
    page: Page, site: Product
) -> None:
    await stand_still(page)
    user_id, key = await site.add_user("5")
    requests = await spend(site, key, 3)
    left = await site.balance(user_id)
    await show_key(page, key)
    standing = page.get_by_role("region", name="Balance")
    await expect(standing).to_contain_text(f"exactly ${left}")
    today = standing.get_by_role("link").filter(has_text="Spent today")
    await expect(today).to_contain_text("3 charged requests")
    spent = await today.locator(".amount").get_attribute("title")
    assert spent == f"{Decimal(5) - left} USD"
    await expect(page.get_by_role("region", name="Spend by model")).to_contain_text("sandbox-gpt")
    await expect(page.get_by_role("region", name="Spend by key")).to_contain_text("test")
    await expect(page.get_by_role("region", name=re.compile("^Statement"))).to_contain_text("Adjustment")

    last = page.get_by_role("region", name=re.compile("^Last requests"))
    await expect(last.get_by_role("row")).to_have_count(4)
    await last.get_by_role("link", name="sandbox-gpt").first.click()
    await expect(page).to_have_url(re.compile(f"open={requests[-1]}"))
    await expect(page.get_by_role("dialog")).to_contain_text(requests[-1])


async def test_spending_to_zero_is_explained_and_a_top_up_mends_it(page: Page, site: Product) -> None:
    await stand_still(page)
    user_id, key = await site.add_user("0.00001")
    await spend(site, key)
    refused = await ask(site, key)
    assert refused.status_code == 402
    assert refused.json()["error"]["code"] == "insufficient_balance"
    await site.rows(2, user_id=user_id)

    await show_key(page, key)
    for label in ("Spent today", "Spent this month", "Spent in all"):
        tile = page.get_by_role("region", name="Balance").locator(".tile").filter(has_text=label)
        await expect(tile).to_contain_text("1 charged request")
    last = page.get_by_role("region", name=re.compile("^Last requests")).get_by_role("row").nth(1)
    await expect(last).to_contain_text("402 insufficient_balance")
    notice = page.get_by_role("region", name=re.compile("below zero"))
    for part in ("What happened", "What still works", "What to do", "top-up"):
        await expect(notice).to_contain_text(part)
    first = page.locator("main section").first
    await expect(first).to_contain_text("What happened")
    for link in ("Usage", "Models and prices", "Your keys", "Connect"):
        await go(page, link)
        await expect(page.get_by_role("heading", level=1)).to_have_text(link)
        await expect(page.locator("main .failure")).to_have_count(0)

    await go(page, "Balance")
    await site.accounts.move_money(TESTER, user_id=user_id, kind="credit", amount=Decimal(3), reason="Invoice 7")
    await site.refresh()
    await page.get_by_role("button", name="Refresh").click()
    await expect(notice).to_have_count(0)
    await expect(page.get_by_role("region", name="Balance")).to_contain_text(f"exactly ${await site.balance(user_id)}")
    await expect(page.get_by_role("region", name=re.compile("^Statement"))).to_contain_text("Invoice 7")
    await spend(site, key)


async def test_a_user_without_requests_is_shown_the_way(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await show_key(page, key)
    await expect(page.get_by_role("heading", name="No requests yet")).to_be_visible()
    await page.get_by_role("link", name="Connect a client").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect")


async def test_a_part_that_fails_leaves_the_others(page: Page, site: Product, watch: Watch) -> None:
    watch.allow("500 GET /api/user/stats/timeseries")

    async def fail(route: Route) -> None:
        await route.fulfill(status=500, json={"error": {"message": "It broke.", "request_id": "req_test"}})

    _, key = await site.add_user("5")
    await spend(site, key)
    await page.route("**/api/user/stats/timeseries*", fail)
    await show_key(page, key)
    await expect(page.get_by_role("region", name="Spend by model").get_by_role("alert")).to_contain_text("req_test")
    await expect(page.get_by_role("region", name="Balance")).to_contain_text("exactly")
    await page.unroute("**/api/user/stats/timeseries*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("region", name="Spend by model")).to_contain_text("sandbox-gpt")


async def test_the_next_user_of_the_tab_sees_nothing_of_the_last(page: Page, site: Product) -> None:
    _, first = await site.add_user("7", name="First")
    _, second = await site.add_user("9", name="Second")
    await spend(site, first)
    await show_key(page, first, then="/ui/playground")
    await page.get_by_label("Message", exact=True).fill("My secret plan")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bill")).to_be_visible()
    await go(page, "Balance")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    for _ in range(3):
        await page.go_back()
        await expect(page.get_by_role("navigation", name="Main", exact=True)).to_have_count(0)
        assert "$7" not in await page.locator("body").inner_text()
        assert "secret plan" not in await page.locator("body").inner_text()
    await show_key(page, second)
    await expect(page.get_by_role("region", name="Balance")).to_contain_text("$9.00")
    await expect(page.get_by_role("heading", name="No requests yet")).to_be_visible()
    await go(page, "Playground")
    await expect(page.get_by_role("article")).to_have_count(0)


# --- models and keys -----------------------------------------------------------------------------------


async def test_prices_are_found_by_name_and_a_request_is_reckoned_exactly(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await spend(site, key)
    await show_key(page, key, then="/ui/me/models")
    await page.get_by_label("Find").fill("claude")
    await expect(page).to_have_url(re.compile("q=claude"))
    table = page.get_by_role("region", name="Models and prices per 1M tokens")
    await expect(table.get_by_role("row")).to_have_count(2)
    await page.get_by_label("Find").fill("gpt")
    row = table.get_by_role("row").filter(has_text="sandbox-gpt")
    await expect(row).to_contain_text("$15.00")
    await expect(row).to_contain_text("1 request")
    await row.get_by_role("link", name="sandbox-gpt").click()
    drawer = page.get_by_role("dialog", name="sandbox-gpt")
    await expect(drawer).to_contain_text("/v1/chat/completions")
    await drawer.get_by_label("Input", exact=True).fill("1234567")
    await drawer.get_by_label("Cached input").fill("1")
    await drawer.get_by_label("Output").fill("89")
    await drawer.get_by_label("Requests").fill("3")
    # 1,234,567 x $3 + 1 x $0.30 + 89 x $15, per million.
    await expect(drawer.locator(".receipt-lines tfoot")).to_contain_text("$3.7050363")
    await expect(drawer).to_contain_text("3 such requests cost $11.1151089")
    await page.keyboard.press("Escape")
    await expect(drawer).to_have_count(0)
    await expect(page).to_have_url(re.compile(r"/ui/me/models\?q=gpt$"))


async def test_a_name_that_no_model_has_leads_back_to_all(page: Page, site: Product) -> None:
    await show_key(page, site.key, then="/ui/me/models?q=no-such-model")
    await expect(page.get_by_role("heading", name="No model is called that")).to_be_visible()
    await page.get_by_role("link", name="Show all models").click()
    await expect(page.get_by_role("link", name="sandbox-gpt")).to_be_visible()


async def test_own_keys_are_there_with_their_limits_and_no_others(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5")
    await site.accounts.create_key(
        TESTER, user_id=user_id, name="narrow", allowed_models=["sandbox-gpt"], max_concurrency=2
    )
    await site.add_user("5", name="Somebody else")
    await spend(site, key)
    await show_key(page, key, then="/ui/me/keys")
    table = page.get_by_role("region", name="Your keys")
    await expect(table.get_by_role("row")).to_have_count(3)
    await expect(table.get_by_role("row").filter(has_text="the one you use here")).to_contain_text(key[-4:])
    narrow = table.get_by_role("row").filter(has_text="narrow")
    await expect(narrow).to_contain_text("sandbox-gpt")
    await expect(narrow).to_contain_text("2 at once")
    await expect(narrow).to_contain_text("never")
    assert key not in await page.content()


# --- connect -------------------------------------------------------------------------------------------


async def copied(page: Page) -> str:
    text: str = await page.evaluate("() => navigator.clipboard.readText()")
    return text


async def test_a_copied_snippet_runs_and_only_shows_the_key_when_asked(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await show_key(page, key, then="/ui/me/connect?client=curl&model=sandbox-gpt")
    assert key not in await page.locator("body").inner_text()
    await page.get_by_role("button", name="Copy", exact=True).click()
    command = await copied(page)
    assert key in command
    ran = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, _ = await ran.communicate()
    head, _, body = out.decode().replace("\r\n", "\n").partition("\n\n")
    assert " 200" in head.splitlines()[0]
    assert "x-quart-proxy-cost" in head.lower()
    assert json.loads(body)["choices"][0]["message"]["content"]
    await page.get_by_role("button", name="Show the key").click()
    await expect(page.locator("main pre")).to_contain_text(key)
    await page.get_by_role("button", name="Hide the key").click()
    await expect(page.locator("main pre")).not_to_contain_text(key)


async def test_every_client_gets_every_model(page: Page, site: Product) -> None:
    named = ["sandbox-gpt", "sandbox-claude", "sandbox-responses"]
    _, key = await site.add_user("5", allowed_models=named)
    await show_key(page, key, then="/ui/me/connect")
    for client in ("OpenAI SDK, Python", "Anthropic SDK, Python", "Claude Code", "Codex CLI", "aider", "LibreChat"):
        await page.get_by_role("navigation", name="Client").get_by_role("link", name=client).click()
        choices = await page.get_by_label("Model").locator("option").all_inner_texts()
        assert sorted(choices) == sorted(named)
        for model in named:
            await page.get_by_label("Model").select_option(model)
            await expect(page.get_by_role("region", name=client)).to_contain_text(model)
    await page.get_by_role("navigation", name="Client").get_by_role("link", name="aider").click()
    await page.go_back()
    await expect(page.get_by_role("region", name="LibreChat")).to_be_visible()


async def test_a_client_for_chats_is_offered_no_model_for_embeddings(page: Page, site: Product) -> None:
    await site.add_model("vectors", rates={Dimension.INPUT: Decimal("0.02"), Dimension.OUTPUT: Decimal(0)})
    _, key = await site.add_user("5", allowed_models=["sandbox-gpt", "vectors"])
    await show_key(page, key, then="/ui/me/connect?client=curl&model=vectors")
    snippet = page.locator("main pre")
    await expect(snippet).to_contain_text("/v1/embeddings")
    await page.get_by_role("navigation", name="Client").get_by_role("link", name="Claude Code").click()
    await expect(page.get_by_role("region", name="Claude Code")).to_be_visible()
    await expect(page.get_by_label("Model").locator("option")).to_have_text(["sandbox-gpt"])

    _, alone = await site.add_user("5", allowed_models=["vectors"])
    await show_key(page, alone, then="/ui/me/connect?client=claude-code")
    await expect(page.get_by_role("heading", name="No model for Claude Code")).to_be_visible()


@pytest.mark.parametrize(
    ("client", "model"),
    [("claude-code", "sandbox-gpt"), ("codex", "sandbox-claude"), ("aider", "sandbox-responses")],
)
async def test_a_client_is_answered_by_a_model_of_any_format(
    page: Page, site: Product, client: str, model: str
) -> None:
    _, key = await site.add_user("5", allowed_models=[model])
    await show_key(page, key, then=f"/ui/me/connect?client={client}")
    await page.get_by_role("button", name="Send a test request").click()
    await expect(page.get_by_role("region", name="Test request")).to_contain_text("It works.")


async def test_a_test_request_is_billed_and_says_what_it_cost(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5")
    await show_key(page, key, then="/ui/me/connect?client=claude-code")
    await page.get_by_role("button", name="Send a test request").click()
    said = page.get_by_role("region", name="Test request")
    await expect(said).to_contain_text("It works.")
    [row] = await site.rows(1, user_id=user_id)
    await expect(said.locator(".amount").first).to_have_attribute("title", f"{row.cost.normalize():f} USD")
    await said.get_by_role("link", name="Receipt").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_test_request_that_is_refused_says_why(page: Page, site: Product, watch: Watch) -> None:
    watch.allow("402 POST /v1/chat/completions")
    _, key = await site.add_user("0")
    await show_key(page, key, then="/ui/me/connect?client=aider")
    await page.get_by_role("button", name="Send a test request").click()
    await expect(page.get_by_role("region", name="Test request")).to_contain_text("Your balance is used up.")


async def test_a_slow_server_shows_the_frame_first(page: Page, site: Product) -> None:
    waiting: asyncio.Event = asyncio.Event()

    async def wait(route: Route) -> None:
        await waiting.wait()
        await route.continue_()

    def is_models(url: Any) -> bool:
        return "/api/user/models" in str(url)

    _, key = await site.add_user("5")
    await show_key(page, key)
    await page.route(is_models, wait)
    await page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Models and prices").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Models and prices")
    await expect(page.locator("main .skeleton")).to_be_visible()
    waiting.set()
    await expect(page.get_by_role("link", name="sandbox-gpt")).to_be_visible()
