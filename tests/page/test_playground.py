"""The playground: streamed answers through the proxy, each with the receipt that it was billed by."""

import re
from decimal import Decimal
from uuid import uuid4

from playwright.async_api import Locator, Page, expect
from product import Product
from visiting import settled, show_key
from watching import Watch

HOSTILE = "<img src=x onerror=\"document.title='broken'\"> {{7*7}}"


async def open_playground(page: Page, key: str, model: str) -> None:
    await show_key(page, key, then=f"/ui/playground?model={model}")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


def answers(page: Page, model: str) -> Locator:
    return page.get_by_role("log").get_by_role("article", name=model)


async def billed(answer: Locator) -> tuple[Decimal, Decimal]:
    """What a bill says it cost, and the balance after it. Its lines are summed on the way."""
    summary = answer.locator(".bill summary")
    await expect(summary).to_contain_text("balance after it")
    cost, balance = (Decimal(each) for each in re.findall(r"\$([\d.]+)", await summary.inner_text()))
    amounts = await answer.locator(".receipt-lines tbody tr td:last-child").all_inner_texts()
    assert sum(Decimal(amount.removeprefix("$")) for amount in amounts) == cost
    return cost, balance


async def test_an_answer_is_streamed_and_billed_in_either_format(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5")
    await open_playground(page, key, "sandbox-gpt")
    before = await site.balance(user_id)
    for model in ("sandbox-gpt", "sandbox-claude", "sandbox-responses"):
        await page.get_by_label("Model").select_option(model)
        await say(page, f"Hello, {model}")
        answer = answers(page, model).last
        await expect(answer).to_contain_text("Hello from the sandbox")
        cost, after = await billed(answer)
        assert cost > 0
        assert before - cost == after
        assert after == await site.balance(user_id)
        before = after
    assert await site.imbalances() == []


async def test_a_conversation_goes_along_and_the_system_text_and_limit_with_it(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await open_playground(page, key, "sandbox-gpt")
    await page.get_by_label("System text").fill("Be brief.")
    await page.get_by_label("Longest answer, tokens").fill("7")
    await say(page, "First question")
    await expect(answers(page, "sandbox-gpt")).to_contain_text("Cut off at the limit of tokens.")
    await billed(answers(page, "sandbox-gpt"))
    nonce = uuid4().hex
    await say(page, f"Second question nonce:{nonce}")
    await billed(answers(page, "sandbox-gpt").last)
    told = await site.client.get(f"{site.sandbox_url}/_sandbox/ledger", params={"nonce": nonce})
    [entry] = told.json()
    assert [message["role"] for message in entry["body"]["messages"]] == ["system", "user", "assistant", "user"]
    assert entry["body"]["max_tokens"] == 7
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.get_by_role("article")).to_have_count(0)


async def test_what_is_said_is_text_and_nothing_else(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await open_playground(page, key, "sandbox-gpt")
    await say(page, HOSTILE)
    await expect(page.get_by_role("article", name="You")).to_have_text(HOSTILE)
    await billed(answers(page, "sandbox-gpt"))
    await expect(page).to_have_title("Playground · quart-proxy")
    assert await page.locator("main img").count() == 0


async def test_stop_ends_the_answer_here_and_says_what_may_still_be_billed(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5")
    await site.add_model("slow", actual_model="sandbox:words=60,delay_ms=50")
    await open_playground(page, key, "slow")
    await say(page, "Tell me everything")
    answer = answers(page, "slow")
    await expect(answer).to_have_attribute("data-state", "streaming")
    await expect(page.get_by_text("may still be billed")).to_be_visible()
    await page.get_by_role("button", name="Stop").click()
    await expect(answer).to_contain_text("stopped")
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    # The provider finishes what it began; that is read to its end and billed.
    _, after = await billed(answer)
    assert after == await site.balance(user_id)


async def test_without_money_it_says_what_to_do_and_asks_for_no_bill(page: Page, site: Product, watch: Watch) -> None:
    watch.allow("402 POST /v1/chat/completions")
    _, key = await site.add_user("0")
    await open_playground(page, key, "sandbox-gpt")
    await say(page, "Hello")
    answer = answers(page, "sandbox-gpt")
    await expect(answer).to_contain_text("Your balance is used up. Ask whoever gave you the key for a top-up")
    await expect(answer).to_contain_text(re.compile("nothing was billed", re.I))


async def test_an_answer_that_breaks_says_so_and_is_not_sent_along(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await site.add_model("brittle", actual_model="sandbox:error_in_stream=3")
    await open_playground(page, key, "brittle")
    await say(page, "This will break")
    await expect(answers(page, "brittle")).to_contain_text("The answer broke off before its end.")
    nonce = uuid4().hex
    await page.get_by_label("Model").select_option("sandbox-gpt")
    await say(page, f"And this will not nonce:{nonce}")
    await billed(answers(page, "sandbox-gpt"))
    told = await site.client.get(f"{site.sandbox_url}/_sandbox/ledger", params={"nonce": nonce})
    assert [message["role"] for message in told.json()[0]["body"]["messages"]] == ["user"]


async def test_the_conversation_waits_while_a_receipt_is_looked_at(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await open_playground(page, key, "sandbox-gpt")
    await say(page, "Hello")
    await billed(answers(page, "sandbox-gpt"))
    await page.get_by_role("link", name=re.compile("^req_")).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.go_back()
    await settled(page)
    await expect(answers(page, "sandbox-gpt")).to_contain_text("Hello from the sandbox")


async def test_an_answer_that_breaks_after_its_usage_is_said_to_be_billed(page: Page, site: Product) -> None:
    user_id, key = await site.add_user("5")
    await site.add_model("late-breaker", actual_model="sandbox:error_after_usage=1")
    await open_playground(page, key, "late-breaker")
    await say(page, "Hello")
    answer = answers(page, "late-breaker")
    await expect(answer.get_by_text("broke off")).to_be_visible()
    cost, after = await billed(answer)
    assert cost > 0
    assert after == await site.balance(user_id)
    assert "Nothing was billed" not in await answer.inner_text()


async def test_a_model_that_thinks_or_says_nothing_is_told_so(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await site.add_model("thinker", actual_model="sandbox:think=1,words=1,delay_ms=300", api_format="anthropic")
    await site.add_model("silent", actual_model="sandbox:words=0")
    await open_playground(page, key, "thinker")
    await page.get_by_label("Format").select_option("messages")
    await say(page, "Hello")
    await expect(answers(page, "thinker").get_by_text("Thinking…")).to_be_visible()
    await expect(answers(page, "thinker").locator(".bill")).to_contain_text("of it reasoning")
    await page.get_by_label("Model").select_option("silent")
    await say(page, "And now?")
    await expect(answers(page, "silent")).to_contain_text("The model ended without any text.")
    await billed(answers(page, "silent"))


async def test_the_message_is_not_hidden_by_the_bar_of_a_phone(page: Page, site: Product) -> None:
    await page.set_viewport_size({"width": 390, "height": 420})
    await open_playground(page, site.key, "sandbox-gpt")
    bar = page.get_by_role("navigation", name="Main, on a phone")
    message = page.get_by_label("Message", exact=True)
    await expect(bar).to_be_visible()
    await message.click()
    await expect(bar).to_be_hidden()
    await expect(message).to_be_in_viewport(ratio=1)


async def test_what_is_stopped_before_it_began_leads_to_the_usage(page: Page, site: Product) -> None:
    _, key = await site.add_user("5")
    await site.add_model("late", actual_model="sandbox:first_byte_ms=30000")
    await open_playground(page, key, "late")
    await say(page, "Hello")
    await page.get_by_role("button", name="Stop").click()
    await expect(answers(page, "late")).to_contain_text("Stopped before the answer began.")
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await answers(page, "late").get_by_role("link", name="Usage").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Usage")
