"""Settings, the audit log and the system: what is shown is what is in force, and what is saved is what is sent."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, Route, StorageState, expect
from product import Product
from visiting import OpenContext, settled
from watching import Watch

OURS = "Answer in verse.\nNever mention ducks. \U0001f986"


@pytest.fixture(autouse=True)
async def _as_before(site: Product) -> None:
    """Every setting at its default."""
    names = ("system_prompt", "system_prompt_mode", "system_prompt_enabled", "output_tokens_held")
    await site.client.patch(
        f"{site.base_url}/api/admin/settings", json=dict.fromkeys(names), headers=await site.login("setup")
    )


async def open_settings(page: Page) -> Locator:
    """The page, and the form of the system prompt on it."""
    await page.goto("/ui/settings")
    await settled(page)
    return page.get_by_role("form", name="Global system prompt")


async def received(site: Product, ask: Any, model: str, text: str = "hello") -> dict[str, Any]:
    """What the provider got of a request that carries `text`."""
    nonce = uuid4().hex
    answer = await ask(model, messages=[{"role": "user", "content": f"{text} nonce:{nonce}"}])
    assert answer.status_code == 200, answer.text
    told = await site.client.get(f"{site.sandbox_url}/_sandbox/ledger", params={"nonce": nonce})
    [entry] = told.json()
    body: dict[str, Any] = entry["body"]
    return body


async def test_a_prompt_is_previewed_saved_sent_once_and_undone(admin_page: Page, site: Product) -> None:
    page = admin_page
    form = await open_settings(page)
    preview = page.get_by_role("region", name="Preview")
    await expect(form.get_by_role("button", name="Save")).to_be_disabled()
    await form.get_by_label("Text").fill(OURS)

    body = preview.get_by_label("Body of the request")
    await expect(body.locator("mark")).to_have_text(json.dumps(OURS, ensure_ascii=False)[1:-1])
    shown = json.loads(await body.inner_text())
    assert shown["messages"] == [{"role": "system", "content": OURS}, {"role": "user", "content": "Hello!"}]
    await preview.get_by_label("The client's own system text").fill("Theirs.")
    await preview.get_by_role("button", name="Messages").click()
    await expect(page).to_have_url(re.compile(r"format=anthropic"))
    await expect(body).to_contain_text("Theirs.")
    shown = json.loads(await body.inner_text())
    assert json.dumps(shown["system"]).count("Never mention ducks") == 1
    await preview.get_by_role("button", name="Gemini").click()
    await expect(body.locator("mark")).to_have_text(json.dumps(OURS, ensure_ascii=False)[1:-1])
    # Nothing is in force before it is saved.
    assert (await received(site, site.chat, "sandbox-gpt"))["messages"][0]["role"] == "user"

    await form.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("in force")
    await expect(form).to_contain_text("in force")
    sent = await received(site, site.chat, "sandbox-gpt")
    assert [m["content"] for m in sent["messages"] if m["role"] == "system"] == [OURS]
    sent = await received(site, site.message, "sandbox-claude")
    assert json.dumps(sent).count("Never mention ducks") == 1
    assert "Never mention ducks" in json.dumps(sent["system"])

    await page.locator("#toasts").get_by_role("button", name="Undo").click()
    await expect(page.locator("#toasts")).to_contain_text("Put back")
    await expect(form.get_by_label("Text")).to_have_value("")
    assert "ducks" not in json.dumps(await received(site, site.chat, "sandbox-gpt"))


async def test_what_a_text_costs_is_said_of_the_chosen_model(admin_page: Page) -> None:
    form = await open_settings(admin_page)
    await form.get_by_label("Text").fill("x" * 4000)
    preview = admin_page.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("1,000 tokens")
    await preview.get_by_label("To the model").select_option(label="sandbox-gpt")
    # 1,000 tokens at $3 per million.
    await expect(preview).to_contain_text("$0.003 at sandbox-gpt: $3.00 per 1,000 requests")


async def test_a_text_that_is_too_long_says_what_is_cut(admin_page: Page) -> None:
    form = await open_settings(admin_page)
    await form.get_by_label("Text").fill("\U0001f986" * 10_050)
    await expect(form).to_contain_text("10,050 of 10,000 characters")
    await expect(form).to_contain_text("only the first 10,000 are sent")
    await expect(admin_page.get_by_role("region", name="Preview")).to_contain_text(
        "Only the first 10,000 characters are sent."
    )


async def test_the_master_switch_off_puts_nothing_in(admin_page: Page, site: Product) -> None:
    form = await open_settings(admin_page)
    await form.get_by_label("Text").fill(OURS)
    await form.get_by_label("System prompts are on").uncheck()
    await expect(admin_page.get_by_role("region", name="Preview")).to_contain_text("The master switch is off")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_contain_text("off for every model")
    assert "ducks" not in json.dumps(await received(site, site.chat, "sandbox-gpt"))


async def test_two_admins_do_not_overwrite_each_other_unseen(
    admin_page: Page, open_context: OpenContext, admin_state: StorageState, site: Product, watch: Watch
) -> None:
    watch.allow("412 PATCH /api/admin/settings")
    form = await open_settings(admin_page)
    await form.get_by_label("Text").fill("Mine.")
    page = await (await open_context(storage_state=admin_state)).new_page()
    theirs = await open_settings(page)
    await theirs.get_by_label("Text").fill("Theirs.")
    await theirs.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("in force")

    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_role("alert")).to_contain_text(re.compile("dana.* changed the settings"))
    await expect(form.get_by_label("Text")).to_have_value("Mine.")
    await expect(form.get_by_label("Lines taken out and put in")).to_contain_text("Theirs.")
    await form.get_by_role("button", name="Save").click()
    await expect(admin_page.locator("#toasts")).to_contain_text("in force")
    sent = await received(site, site.chat, "sandbox-gpt")
    assert sent["messages"][0]["content"] == "Mine."


async def test_a_setting_is_changed_and_goes_back_to_its_default(admin_page: Page, watch: Watch) -> None:
    watch.allow("422 PATCH /api/admin/settings")
    page = admin_page
    await open_settings(page)
    row = page.get_by_role("row").filter(has_text="Output tokens held")
    await expect(row).to_contain_text("the default")
    await row.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Output tokens held").fill("0")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Output tokens held")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("Output tokens held").fill("2048")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("2048")
    await expect(row).to_contain_text("changed here")
    await expect(row).to_contain_text("dana")
    await row.get_by_role("button", name="Back to default").click()
    await page.get_by_role("dialog").get_by_role("button", name="Use the default").click()
    await expect(row).to_contain_text("4096")
    await expect(row).to_contain_text("the default")


async def test_a_setting_that_somebody_else_changed_is_shown_before_it_is_changed_again(
    admin_page: Page, site: Product, watch: Watch
) -> None:
    watch.allow("412 PATCH /api/admin/settings")
    page = admin_page
    await open_settings(page)
    row = page.get_by_role("row").filter(has_text="Output tokens held")
    await row.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Output tokens held").fill("100")
    theirs = {"json": {"output_tokens_held": 200}, "headers": await site.login("Lee")}
    await site.client.patch(f"{site.base_url}/api/admin/settings", **theirs)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody changed the settings meanwhile")
    await expect(dialog).to_contain_text("It is 200 now.")
    await expect(dialog.get_by_label("Output tokens held")).to_have_value("100")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("100")
    await expect(dialog).to_have_count(0)


async def test_history_tells_what_changed_and_puts_it_back(admin_page: Page) -> None:
    page = admin_page
    form = await open_settings(page)
    await form.get_by_label("Where it goes").select_option("replace")
    await form.get_by_role("button", name="Save").click()
    entry = page.get_by_role("listitem").filter(has_text="system_prompt_mode").first
    await expect(entry).to_contain_text("prepend")
    await expect(entry).to_contain_text("replace")
    await entry.get_by_role("button", name="Put back what was before").click()
    await page.get_by_role("dialog").get_by_role("button", name="Put back").click()
    await expect(form.get_by_label("Where it goes")).to_have_value("prepend")


async def test_models_with_a_prompt_of_their_own_are_listed_and_lead_there(admin_page: Page, site: Product) -> None:
    await site.add_model("own-words", prompt_text="Only mine.")
    await site.add_model("wordless", prompt_disabled=True)
    await open_settings(admin_page)
    table = admin_page.get_by_role("region", name=re.compile("^Models with a system prompt"))
    await expect(table.get_by_role("row").filter(has_text="own-words")).to_contain_text("its own text")
    await expect(table.get_by_role("row").filter(has_text="wordless")).to_contain_text("disabled")
    await expect(table.get_by_role("link", name="own-words")).to_have_attribute("href", re.compile("open=own-words"))


# --- audit ---------------------------------------------------------------------------------------------


async def test_the_audit_log_is_narrowed_by_its_address_and_opens_an_entry(admin_page: Page, site: Product) -> None:
    page = admin_page
    admin = {"headers": await site.login("Lee")}
    user = (await site.client.post(f"{site.base_url}/api/admin/users", json={"name": "Vera"}, **admin)).json()
    address = f"{site.base_url}/api/admin/users/{user['id']}"
    await site.client.patch(address, json={"note": "=cmd"}, **admin)

    await page.goto("/ui/audit")
    await settled(page)
    await page.get_by_label("Did").select_option("user.update")
    await expect(page).to_have_url(re.compile("action=user.update"))
    await settled(page)
    row = page.get_by_role("row").filter(has_text="Changed user Vera")
    await expect(row).to_contain_text("=cmd")
    await expect(row).to_contain_text("Lee")
    await expect(row.get_by_role("link", name="Vera")).to_have_attribute("href", f"/ui/users/{user['id']}")
    await row.get_by_role("link").first.click()
    dialog = page.get_by_role("dialog", name="Changed user Vera")
    await expect(dialog).to_contain_text("Note")
    await expect(dialog).to_contain_text("req_")
    # The address of an entry leads to it, whatever the list beside it holds.
    opened = page.url.partition("open=")[2]
    await page.go_back()
    await expect(dialog).to_have_count(0)
    await page.goto(f"/ui/audit?action=session.login&open={opened}")
    await expect(dialog).to_contain_text("Note")
    await page.goto("/ui/audit?action=user.update")
    await settled(page)

    await page.get_by_label("To", exact=True).fill(f"user/{user['id']}")
    await expect(page).to_have_url(re.compile("target=user"))
    await settled(page)
    await expect(page.get_by_role("row")).to_have_count(2)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export (CSV)").click()
    text = (await (await saving.value).path()).read_text()
    assert len(text.strip().splitlines()) == 2
    await page.get_by_role("link", name="Clear").first.click()
    await expect(page).to_have_url("/ui/audit")


async def test_what_was_typed_is_forgotten_when_the_address_changes_before_it_is_applied(admin_page: Page) -> None:
    page = admin_page
    # The page's own clock stands still, so that typing and clicking are at the same moment.
    await page.clock.install(time=datetime.now(UTC))
    await page.goto("/ui/audit?action=user.update")
    await settled(page)
    find, to = page.get_by_label("Find"), page.get_by_label("To", exact=True)
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))

    await find.fill("never")
    await to.fill("user/0")
    await page.get_by_role("link", name="Clear", exact=True).click()
    await page.clock.run_for(2000)
    await expect(page).to_have_url("/ui/audit")
    await expect(find).to_have_value("")
    await expect(to).to_have_value("")

    await find.fill("never")
    await page.get_by_role("link", name="Users", exact=True).click()
    await page.clock.run_for(2000)
    await settled(page)
    await expect(page).to_have_url("/ui/users")

    await page.go_back()
    await settled(page)
    await find.fill("one")
    await to.fill("user/7")
    await page.clock.run_for(2000)
    await expect(page).to_have_url("/ui/audit?q=one&target=user%2F7")


async def test_an_audit_that_nothing_fits_says_so(admin_page: Page) -> None:
    await admin_page.goto("/ui/audit?actor=nobody-at-all")
    await settled(admin_page)
    await expect(admin_page.get_by_role("heading", name="No entries")).to_be_visible()
    await expect(admin_page.get_by_label("Who")).to_have_value("nobody-at-all")


# --- system --------------------------------------------------------------------------------------------


async def test_the_system_is_seen_asked_and_copied_without_secrets(admin_page: Page, site: Product) -> None:
    page = admin_page
    await page.goto("/ui/system")
    await settled(page)
    await expect(page.get_by_text("the latest")).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name="Test now")).first
    await row.get_by_role("button", name="Test now").click()
    await expect(row).to_contain_text("works")
    await page.get_by_role("button", name="Copy diagnostics").click()
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert "Workers:" in copied
    assert "revision" in copied
    # By the beginning of a word: the name of a machine may end in such letters.
    assert not re.search(r"\bsk-|postgresql://|correct horse", copied)
    assert site.key not in copied


async def test_a_part_that_fails_leaves_the_others_and_can_be_tried_again(admin_page: Page, watch: Watch) -> None:
    page = admin_page
    watch.allow("500 GET /api/admin/dead-letters")
    fails = True

    async def answer(route: Route) -> None:
        if fails:
            error = {"message": "It broke.", "request_id": "req_test"}
            await route.fulfill(status=500, json={"error": error})
        else:
            await route.continue_()

    await page.route("**/api/admin/dead-letters*", answer)
    await page.goto("/ui/system")
    failed = page.get_by_role("alert").filter(has_text="It broke.")
    await expect(failed).to_contain_text("req_test")
    await expect(page.get_by_role("region", name="Workers")).to_be_visible()
    fails = False
    await failed.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("None. Every charge is in the books")).to_be_visible()


async def test_an_address_with_a_part_leads_to_it_when_its_data_are_there(admin_page: Page) -> None:
    page = admin_page
    await page.set_viewport_size({"width": 1280, "height": 400})
    part = page.get_by_role("heading", name="Dead letters")
    await page.goto("/ui/system#dead-letters")
    await settled(page)
    await expect(part).to_be_in_viewport()
    await page.goto("/ui/system")
    await settled(page)
    await expect(part).not_to_be_in_viewport()
