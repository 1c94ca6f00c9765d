"""Models and providers on the page: prices where they stand, two admins at once, the file beside what is live."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import looks
import pytest
from admin_client import Admin
from looks import SIZES, THEMES
from playwright.async_api import Locator, Page, Route, StorageState, expect
from product import Product
from registry_files import apply, edit, file_text, read, refusal
from visiting import OpenContext, settled
from watching import Watch

ALPHA_OUTPUT = "alpha/output"


@pytest.fixture
async def admin(site: Product) -> Admin:
    """Another admin, who works over the API; the file, and what is live of it, are as they were at first."""
    other = Admin(site, await site.login("dana"))
    Path(site.settings.models_file).write_text(file_text(site))
    await apply(other, policy={"mode": "enforce", "adopt": True, "allow_stale": True, "allow_price_jump": True})
    return other


@pytest.fixture
async def models(admin: Admin, admin_page: Page) -> Page:
    await admin_page.goto("/ui/models")
    await settled(admin_page)
    return admin_page


def price(page: Page, name: str) -> Locator:
    return page.locator(f'button[data-price="{name}"]')


def typed(page: Page, name: str) -> Locator:
    return page.locator(f'input[data-price="{name}"]')


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(rf"\b{name}\b"))


def drawer(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


async def saved_by(opened: Locator) -> None:
    """Until nothing waits to be saved in that drawer."""
    await expect(opened.locator(".save-bar")).to_have_count(0)


async def pricing(admin: Admin, key: str) -> Any:
    return read(await admin.get(f"/models/{key}")).get("pricing")


async def held_back(page: Page, method: str, path: str) -> asyncio.Event:
    """Keeps such requests from the server until the event is set."""
    release = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == method:
            await release.wait()
        await route.continue_()

    await page.route(path, hold)
    return release


async def remove(admin: Admin, path: str) -> None:
    etag = (await admin.get(path)).headers["etag"]
    assert (await admin.delete(path, If_Match=etag)).is_success


# --- prices in the list -------------------------------------------------------------------------------


async def test_price_is_edited_where_it_stands_restored_by_escape_and_undone(models: Page, admin: Admin) -> None:
    await price(models, ALPHA_OUTPUT).click()
    await typed(models, ALPHA_OUTPUT).fill("99")
    await models.keyboard.press("Escape")
    await expect(price(models, ALPHA_OUTPUT)).to_be_focused()
    assert await pricing(admin, "alpha") == {"input": "4.00", "output": "10.00"}
    await models.keyboard.press("e")
    await typed(models, ALPHA_OUTPUT).fill("$11.5")
    await models.keyboard.press("Enter")
    await expect(price(models, ALPHA_OUTPUT)).to_have_text("$11.50")
    await expect(row(models, "Alpha")).to_contain_text("Changed here")
    assert await pricing(admin, "alpha") == {"input": "4.00", "output": "11.50"}
    await models.get_by_role("button", name="Undo").click()
    await expect(price(models, ALPHA_OUTPUT)).to_have_text("$10.00")
    await expect(row(models, "Alpha")).to_contain_text("In sync")


async def test_tab_saves_and_goes_on_and_what_is_no_price_is_said_while_it_is_typed(models: Page, admin: Admin) -> None:
    await price(models, "alpha/input").focus()
    await models.keyboard.press("Enter")
    await typed(models, "alpha/input").fill("4,5")
    await expect(models.get_by_role("alert")).to_contain_text("after a point")
    await models.keyboard.press("Enter")
    await expect(typed(models, "alpha/input")).to_be_focused()
    await typed(models, "alpha/input").fill("4.5")
    await models.keyboard.press("Tab")
    await typed(models, ALPHA_OUTPUT).fill("12")
    await models.keyboard.press("Enter")
    await expect(row(models, "Alpha")).not_to_contain_text("Saving")
    assert await pricing(admin, "alpha") == {"input": "4.50", "output": "12.00"}


async def test_price_that_the_file_owns_is_shown_locked_and_not_edited(
    admin_page: Page, admin: Admin, site: Product
) -> None:
    rule = 'ownership:\n  - {fields: ["pricing.*"], mode: yaml, models: [beta]}\n'
    Path(site.settings.models_file).write_text(file_text(site, more=rule))
    await apply(admin)
    await admin_page.goto("/ui/models")
    await expect(row(admin_page, "beta").locator(".price-locked").first).to_contain_text("$2.00")
    await expect(price(admin_page, "beta/input")).to_have_count(0)
    await admin_page.goto("/ui/models?open=beta&tab=prices")
    input_price = drawer(admin_page, "beta").get_by_label("Input", exact=True).first
    await expect(input_price).to_be_disabled()
    await expect(drawer(admin_page, "beta")).to_contain_text("Only the file may change it. Edit models.yaml:")


async def test_model_made_without_a_price_waits_for_one_and_can_be_said_free(models: Page, admin: Admin) -> None:
    await models.get_by_role("button", name="New model").click()
    dialog = drawer(models, "New model")
    await dialog.get_by_label("Name", exact=True).fill("Brand New")
    await expect(dialog.get_by_label("Key", exact=True)).to_have_value("brand-new")
    await dialog.get_by_label("Provider").select_option("sandbox-gpt")
    await dialog.get_by_role("button", name="Say later").click()
    await dialog.get_by_role("button", name="Create model").click()
    await expect(models).to_have_url(re.compile(r"view=unpriced.*open=brand-new"))
    made = drawer(models, "Brand New")
    await expect(made).to_contain_text("It has no price, so it is not served")
    await models.keyboard.press("Escape")
    await expect(row(models, "Brand New")).to_contain_text("Needs price")
    await price(models, "brand-new/input").focus()
    await models.keyboard.press("e")
    await typed(models, "brand-new/input").fill("1")
    await models.keyboard.press("Tab")
    await expect(typed(models, "brand-new/output")).to_be_focused()
    await expect(row(models, "Brand New")).not_to_contain_text("missing")
    await models.keyboard.press("Escape")
    await expect(row(models, "Brand New")).to_contain_text("output missing")
    assert await pricing(admin, "brand-new") is None
    await price(models, "brand-new/output").click()
    await typed(models, "brand-new/output").fill("2")
    await models.keyboard.press("Enter")
    await expect(row(models, "Brand New")).not_to_contain_text("Needs price")
    assert await pricing(admin, "brand-new") == {"input": "1.00", "output": "2.00"}
    await remove(admin, "/models/brand-new")


async def test_switch_takes_a_model_out_of_service_and_undo_puts_it_back(models: Page, admin: Admin) -> None:
    switch = models.get_by_role("switch", name="beta enabled")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(models.get_by_text("beta is disabled.")).to_be_visible()
    assert read(await admin.get("/models/beta"))["served"] is False
    await models.get_by_role("button", name="Undo").click()
    await expect(switch).to_have_attribute("aria-checked", "true")


async def test_list_that_comes_late_does_not_take_back_what_was_saved_meanwhile(models: Page) -> None:
    release, asked = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await release.wait()
        await route.fulfill(response=answer)

    await models.route("**/api/admin/models?*", answer_late)
    await models.get_by_role("button", name="Refresh").click()
    await asked.wait()
    await price(models, ALPHA_OUTPUT).click()
    await typed(models, ALPHA_OUTPUT).fill("12.25")
    await models.keyboard.press("Enter")
    await expect(models.get_by_text("Alpha: Output $12.25.")).to_be_visible()
    release.set()
    await expect(models.get_by_role("button", name="Refresh")).to_be_enabled()
    await expect(price(models, ALPHA_OUTPUT)).to_have_text("$12.25")


async def test_switch_that_is_pressed_twice_is_no_conflict_with_oneself(models: Page, admin: Admin) -> None:
    release = await held_back(models, "PATCH", "**/api/admin/models/beta")
    switch = models.get_by_role("switch", name="beta enabled")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await switch.click()
    release.set()
    await expect(models.get_by_text("beta is enabled.")).to_be_visible()
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(models.get_by_role("dialog")).to_have_count(0)
    assert read(await admin.get("/models/beta"))["enabled"] is True


async def test_filters_and_views_stand_in_the_address(models: Page) -> None:
    await models.get_by_label("Filter models").fill("alph")
    await expect(models).to_have_url(re.compile("q=alph"))
    await expect(row(models, "beta")).to_have_count(0)
    await models.get_by_label("Filter models").fill("nothing of this name")
    await expect(models.get_by_role("heading", name=re.compile("0 of .* match"))).to_be_visible()
    await models.get_by_role("button", name="Clear filters").last.click()
    await expect(row(models, "beta")).to_be_visible()
    await models.goto("/ui/models?view=drift")
    await expect(models.get_by_role("link", name=re.compile("Drift"))).to_have_attribute("aria-current", "page")


# --- the drawer ---------------------------------------------------------------------------------------


async def test_every_model_shows_its_own_values_and_a_draft_never_moves_to_another(models: Page, admin: Admin) -> None:
    await models.goto("/ui/models?open=alpha&tab=prices")
    output = drawer(models, "Alpha").get_by_label("Output", exact=True).first
    await expect(output).to_have_value("10.00")
    await output.fill("55")
    await models.keyboard.press("Escape")
    await models.get_by_role("button", name="Discard 1 change").click()
    await expect(models.get_by_role("dialog")).to_have_count(0)
    await row(models, "beta").get_by_role("link", name="beta", exact=True).click()
    await drawer(models, "beta").get_by_role("link", name="Prices").click()
    await expect(drawer(models, "beta").get_by_label("Output", exact=True).first).to_have_value("8.00")
    await models.goto("/ui/models?open=alpha&tab=prices")
    await expect(output).to_have_value("10.00")
    assert await pricing(admin, "alpha") == {"input": "4.00", "output": "10.00"}


async def test_what_is_typed_while_it_is_saved_stays_and_closing_waits_for_the_save(models: Page, admin: Admin) -> None:
    release = await held_back(models, "PATCH", "**/api/admin/models/alpha")
    await models.goto("/ui/models?open=alpha&tab=details")
    alpha = drawer(models, "Alpha")
    description = alpha.get_by_label("Description")
    await description.fill("sent")
    await alpha.get_by_role("button", name="Save").click()
    await description.fill("sent, and more")
    await models.keyboard.press("Escape")
    release.set()
    await expect(alpha.get_by_role("button", name="Save")).to_be_enabled()
    await expect(description).to_have_value("sent, and more")
    assert read(await admin.get("/models/alpha"))["description"] == "sent"
    release.clear()
    await alpha.get_by_role("button", name="Save").click()
    await models.keyboard.press("Escape")
    await expect(alpha).to_be_visible()
    release.set()
    await expect(models.get_by_role("dialog")).to_have_count(0)
    assert read(await admin.get("/models/alpha"))["description"] == "sent, and more"


async def test_page_is_not_left_with_something_unsaved_before_it_is_given_up(admin: Admin, admin_page: Page) -> None:
    page = admin_page
    await page.goto("/ui/providers")
    await settled(page)
    await page.get_by_role("link", name="Models", exact=True).first.click()
    await row(page, "Alpha").get_by_role("link", name="Alpha").click()
    description = drawer(page, "Alpha").get_by_label("Description")
    await description.fill("not saved yet")
    question = page.get_by_role("dialog", name="Leave alpha without saving?")
    await page.evaluate("() => history.go(-2)")
    await expect(question).to_contain_text("Description")
    await question.get_by_role("button", name="Cancel").click()
    await expect(page).to_have_url(re.compile("/ui/models.*open=alpha"))
    await expect(description).to_have_value("not saved yet")
    await drawer(page, "Alpha").get_by_role("link", name="Requests of alpha").click()
    await question.get_by_role("button", name="Discard 1 change").click()
    await expect(page.get_by_role("heading", name="Requests", level=1)).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_what_it_comes_to_is_said_by_the_function_that_bills(models: Page) -> None:
    release = await held_back(models, "POST", "**/quote")
    await models.goto("/ui/models?open=alpha&tab=prices")
    alpha = drawer(models, "Alpha")
    await expect(alpha.get_by_role("heading", name="What it comes to")).to_be_visible()
    await expect(alpha).not_to_contain_text("Say what input and output cost")
    release.set()
    await expect(alpha.locator(".receipt tfoot")).to_contain_text("$0.009")
    await alpha.get_by_label("Output", exact=True).first.fill("20")
    await expect(alpha.locator(".receipt tfoot")).to_contain_text("$0.014")
    await expect(alpha).to_contain_text("Prices apply to requests that start after saving")
    await alpha.get_by_label("Output", exact=True).first.fill("dear")
    await expect(alpha.locator(".receipt")).to_have_count(0)


async def test_two_admins_who_change_other_fields_lose_nothing(models: Page, admin: Admin, watch: Watch) -> None:
    watch.allow("412 PATCH /api/admin/models/alpha")
    await models.goto("/ui/models?open=alpha&tab=details")
    alpha = drawer(models, "Alpha")
    await alpha.get_by_label("Description").fill("mine")
    await edit(admin, "/models/alpha", {"pricing": {"output": "13.00"}})
    await alpha.get_by_role("button", name="Save").click()
    merge = drawer(models, "alpha was changed meanwhile")
    await expect(merge).to_contain_text("dana")
    await expect(merge.get_by_role("row", name=re.compile("Output"))).to_contain_text("$13.00")
    await expect(merge.get_by_role("row", name=re.compile("Description"))).to_contain_text("mine")
    await merge.get_by_role("button", name="Save merged").click()
    await expect(merge).to_have_count(0)
    await saved_by(alpha)
    saved = read(await admin.get("/models/alpha"))
    assert (saved["description"], saved["pricing"]["output"]) == ("mine", "13.00")


async def test_change_of_the_same_field_shows_a_strip_and_waits_for_a_choice(models: Page, admin: Admin) -> None:
    await models.goto("/ui/models?open=alpha&tab=prices")
    alpha = drawer(models, "Alpha")
    output = alpha.get_by_label("Output", exact=True).first
    await output.fill("21")
    await edit(admin, "/models/alpha", {"pricing": {"output": "31.00"}})
    await expect(alpha.get_by_text("Changed meanwhile")).to_be_visible()
    await expect(output).to_have_value("21")
    await alpha.get_by_role("button", name="Review").click()
    merge = drawer(models, "alpha was changed meanwhile")
    await expect(merge.get_by_role("button", name="Save merged")).to_be_disabled()
    await merge.get_by_role("radio").last.check()
    await merge.get_by_role("button", name="Save merged").click()
    await expect(merge).to_have_count(0)
    await saved_by(alpha)
    await expect(output).to_have_value("21.00")
    assert (await pricing(admin, "alpha"))["output"] == "21.00"


async def test_two_browsers_save_the_same_price_and_the_second_is_asked(
    admin: Admin, open_context: OpenContext, admin_state: StorageState, watch: Watch
) -> None:
    watch.allow("412 PATCH /api/admin/models/alpha")
    pages = [await (await open_context(storage_state=admin_state)).new_page() for _ in range(2)]
    for page in pages:
        await page.goto("/ui/models")
        await settled(page)
    for page, amount in zip(pages, ("41", "42"), strict=True):
        await price(page, ALPHA_OUTPUT).click()
        await typed(page, ALPHA_OUTPUT).fill(amount)
        await page.keyboard.press("Enter")
        if amount == "41":
            await expect(row(page, "Alpha")).not_to_contain_text("Saving")
    merge = drawer(pages[1], "Alpha was changed meanwhile")
    await merge.get_by_role("button", name="Use theirs").click()
    await expect(price(pages[1], ALPHA_OUTPUT)).to_have_text("$41.00")
    assert (await pricing(admin, "alpha"))["output"] == "41.00"


async def test_drift_names_file_and_line_and_goes_back_to_the_file(models: Page, admin: Admin) -> None:
    await edit(admin, "/models/alpha", {"pricing": {"output": "15.00"}})
    await models.goto("/ui/models?view=drift")
    await row(models, "Alpha").get_by_role("link", name="Alpha").click()
    alpha = drawer(models, "Alpha")
    await expect(alpha).to_contain_text("1 field differs from the file")
    await expect(alpha).to_contain_text("models.yaml:9")
    await alpha.get_by_role("link", name="YAML").click()
    await expect(alpha.locator(".diff")).to_contain_text("output: 15.00")
    await alpha.get_by_role("link", name="Details").click()
    await alpha.get_by_role("button", name="Take the file's").first.click()
    await expect(alpha).not_to_contain_text("differs from the file")
    assert (await pricing(admin, "alpha"))["output"] == "10.00"


async def test_conflict_is_named_and_leads_to_where_it_is_decided(models: Page, admin: Admin, site: Product) -> None:
    await edit(admin, "/models/alpha", {"pricing": {"output": "15.00"}})
    Path(site.settings.models_file).write_text(file_text(site, price="4.10"))
    await apply(admin, policy={"on_conflict": "defer"})
    await models.goto("/ui/models?view=conflict")
    await expect(row(models, "Alpha")).to_contain_text("Conflict")
    await models.goto("/ui/models?open=alpha")
    await drawer(models, "Alpha").get_by_role("link", name="Resolve the conflict").click()
    await expect(models).to_have_url("/ui/registry?tab=conflicts&entity=model.alpha")
    await expect(models.get_by_role("main")).to_contain_text("pricing")
    await models.get_by_role("button", name="Show all").click()
    await expect(models).to_have_url("/ui/registry?tab=conflicts")


async def test_field_locked_behind_the_page_is_refused_in_words_and_the_rest_stays_typed(
    models: Page, admin: Admin, site: Product, watch: Watch
) -> None:
    watch.allow("423 PATCH /api/admin/models/alpha")
    await models.goto("/ui/models?open=alpha&tab=details")
    alpha = drawer(models, "Alpha")
    await expect(alpha.get_by_label(re.compile("^Timeout"))).to_have_value("60s")
    rule = 'ownership:\n  - {fields: ["limits.*"], mode: yaml}\n'
    Path(site.settings.models_file).write_text(file_text(site, more=rule))
    await apply(admin)
    await alpha.get_by_label(re.compile("^Timeout")).fill("70s")
    await alpha.get_by_label("Description").fill("still here")
    await alpha.get_by_role("button", name="Save").click()
    await expect(alpha).to_contain_text("is owned by the registry files")
    await expect(alpha.get_by_label(re.compile("^Timeout"))).to_be_disabled()
    await expect(alpha.get_by_label("Description")).to_have_value("still here")
    await alpha.get_by_role("button", name="Copy YAML").click()
    assert "timeout: 70s" in await models.evaluate("() => navigator.clipboard.readText()")
    await alpha.get_by_role("button", name="Save").click()
    await saved_by(alpha)
    assert read(await admin.get("/models/alpha"))["description"] == "still here"


async def test_nothing_yet_says_what_to_do_first(admin_page: Page) -> None:
    nothing = json.dumps({"data": [], "has_more": False, "next_cursor": None})
    for path in ("models", "providers"):
        await admin_page.route(f"**/api/admin/{path}?*", lambda route: route.fulfill(body=nothing))
    await admin_page.goto("/ui/models")
    await expect(admin_page.get_by_role("heading", name="No models yet")).to_be_visible()
    await admin_page.get_by_role("link", name="Add a provider").click()
    await expect(drawer(admin_page, "New provider")).to_be_visible()


async def test_history_shows_what_changed_and_restores_it(models: Page, admin: Admin) -> None:
    await edit(admin, "/models/beta", {"pricing": {"output": "7.00"}})
    await models.goto("/ui/models?open=beta&tab=history")
    beta = drawer(models, "beta")
    await expect(beta.locator("ins").first).to_have_text("$7.00")
    await beta.get_by_role("button", name="Restore this").first.click()
    await models.get_by_role("button", name=re.compile("Restore revision")).click()
    await expect(beta.locator("ins").first).to_have_text("$8.00")
    assert (await pricing(admin, "beta"))["output"] == "8.00"


async def test_second_upstream_is_added_and_both_are_tested(models: Page, admin: Admin) -> None:
    await models.goto("/ui/models?open=sandbox-claude&tab=upstreams")
    claude = drawer(models, "sandbox-claude")
    await claude.get_by_text("Another upstream").click()
    await claude.get_by_label("Its name here").fill("spare")
    await models.keyboard.press("Enter")
    spare = claude.get_by_role("group", name="Upstream spare")
    await spare.get_by_label("Provider").select_option("sandbox-gpt")
    await spare.get_by_label("Model there").fill("sandbox")
    await claude.get_by_role("button", name="Save").click()
    await saved_by(claude)
    saved = read(await admin.get("/models/sandbox-claude"))["upstreams"]
    assert {name: one["priority"] for name, one in saved.items()} == {"default": 0, "spare": 1}
    await claude.get_by_role("button", name="Test now").click()
    await expect(claude.locator(".check-result")).to_have_count(2)


async def test_long_prompts_get_a_price_of_their_own_and_the_preview_knows_it(models: Page, admin: Admin) -> None:
    await models.goto("/ui/models?open=beta&tab=prices")
    beta = drawer(models, "beta")
    await beta.get_by_text("Another price for long prompts").click()
    above = beta.get_by_label("Above how many tokens")
    await above.fill("many")
    await expect(beta.get_by_text("Write a whole number above zero.")).to_be_visible()
    await above.fill("200,000")
    await above.press("Enter")
    tier = beta.get_by_role("group", name="Prompts above 200,000 tokens")
    await tier.get_by_label("Output").fill("16")
    preview = beta.get_by_role("region", name="What it comes to")
    await preview.get_by_label("Input", exact=True).fill("200001")
    await expect(preview.locator("tfoot")).to_contain_text("above 200,000 tokens")
    await expect(preview.locator("tfoot")).to_contain_text("$0.408002")
    await beta.get_by_role("button", name="Save").click()
    await saved_by(beta)
    assert (await pricing(admin, "beta"))["tiers"] == {"200000": {"input": "2.00", "output": "16.00"}}


async def test_prompt_says_how_much_of_it_is_sent(models: Page) -> None:
    await models.goto("/ui/models?open=beta&tab=prompt")
    beta = drawer(models, "beta")
    # Beyond the Basic Multilingual Plane: one character each, as the server counts.
    await beta.locator("textarea").fill("\N{DUCK}" * 10_001)
    await expect(beta).to_contain_text("10,001 of 10,000 characters")
    await expect(beta).to_contain_text("The last 1 are kept but not sent")


async def test_deleted_model_comes_back_by_undo(models: Page, admin: Admin) -> None:
    await models.goto("/ui/models?open=beta")
    await drawer(models, "beta").get_by_role("button", name="Delete beta").click()
    await models.get_by_role("button", name="Delete model beta").click()
    await expect(row(models, "beta")).to_have_count(0)
    assert (await admin.get("/models/beta")).status_code == 404
    await models.get_by_role("button", name="Undo").click()
    await expect(row(models, "beta")).to_be_visible()


async def test_brackets_step_through_the_models(models: Page) -> None:
    await models.goto("/ui/models?q=a&open=alpha")
    await expect(drawer(models, "Alpha").get_by_role("link", name="Prices")).to_be_visible()
    await models.keyboard.press("]")
    await expect(models).to_have_url(re.compile("open=beta"))
    await expect(drawer(models, "beta").get_by_role("link", name="Prices")).to_be_visible()
    await models.keyboard.press("[")
    await expect(models).to_have_url(re.compile("open=alpha"))


async def test_drawer_is_legible_to_everyone_on_every_tab(
    admin: Admin, open_context: OpenContext, admin_state: StorageState
) -> None:
    await edit(admin, "/models/alpha", {"pricing": {"output": "15.00"}, "limits": {"timeout": "90s"}})
    page = await (await open_context(storage_state=admin_state, bypass_csp=True)).new_page()
    for tab in ("details", "prices", "upstreams", "prompt", "history", "yaml"):
        await page.goto(f"/ui/models?open=alpha&tab={tab}")
        await expect(drawer(page, "Alpha").locator(".skeleton")).to_have_count(0)
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            for size, pixels in SIZES.items():
                await looks.resize(page, pixels)
                await looks.picture(page, f"model-{tab}-{theme}-{size}")
                assert await looks.list_sideways_scrolling(page) == []
            assert await looks.list_barriers(page, theme) == []


# --- providers ----------------------------------------------------------------------------------------


async def test_provider_is_made_with_a_key_that_nobody_sees_again(admin: Admin, admin_page: Page) -> None:
    await admin_page.goto("/ui/providers?new=1")
    dialog = drawer(admin_page, "New provider")
    await dialog.get_by_label("Key", exact=True).fill("fresh")
    await dialog.get_by_label("Address").fill(admin.product.sandbox_url + "/v1")
    key = dialog.get_by_label(re.compile("^API key"))
    await key.fill("sk-typed-once-0123456789")
    await expect(key).to_have_attribute("type", "password")
    await dialog.get_by_role("button", name="Add provider").click()
    fresh = drawer(admin_page, "fresh")
    await expect(fresh).to_contain_text("Fingerprint")
    await fresh.get_by_role("button", name="Test now").click()
    await expect(fresh.get_by_text(re.compile("^(Answers|Fails)$"))).to_be_visible()
    assert "sk-typed-once" not in await admin_page.content()
    assert "sk-typed-once" not in json.dumps(read(await admin.get("/providers/fresh")))
    await remove(admin, "/providers/fresh")


async def test_two_admins_who_change_one_provider_lose_nothing(admin: Admin, admin_page: Page, watch: Watch) -> None:
    watch.allow("412 PATCH /api/admin/providers/one")
    await admin_page.goto("/ui/providers?open=one")
    one, mine = drawer(admin_page, "one"), f"{admin.product.sandbox_url}/v2"
    await one.get_by_label("Address").fill(mine)
    await edit(admin, "/providers/one", {"headers": {"x-team": "theirs"}})
    await one.get_by_role("button", name="Save").click()
    merge = drawer(admin_page, "one was changed meanwhile")
    await expect(merge.get_by_role("row", name=re.compile("Header x-team"))).to_contain_text("theirs")
    await merge.get_by_role("button", name="Save merged").click()
    await saved_by(one)
    saved = read(await admin.get("/providers/one"))
    assert (saved["api_url"], saved["headers"]) == (mine, {"x-team": "theirs"})
    await one.get_by_role("heading", name="one", exact=True).focus()
    await admin_page.keyboard.press("]")
    other = drawer(admin_page, "sandbox-claude")
    await expect(other.get_by_label("Address")).to_have_value(admin.product.sandbox_url)
    await admin_page.keyboard.press("[")
    await expect(one.get_by_label("Address")).to_have_value(mine)


async def test_fault_of_the_server_stands_at_its_field(admin: Admin, admin_page: Page, watch: Watch) -> None:
    watch.allow("422 PATCH /api/admin/providers/one")
    await admin_page.goto("/ui/providers?open=one")
    one = drawer(admin_page, "one")
    await one.get_by_label("Address").fill("not an address")
    await one.get_by_role("button", name="Save").click()
    await expect(one.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    await expect(one.get_by_label("Address")).to_have_value("not an address")
    refusal(await admin.put("/providers/one", {"api_url": "x"}), 428)


async def test_list_stays_when_one_part_of_it_fails(admin: Admin, admin_page: Page, watch: Watch) -> None:
    watch.allow("500 GET /api/admin/stats/top")
    await admin_page.route("**/api/admin/stats/top*", lambda route: route.fulfill(status=500, body="{}"))
    await admin_page.goto("/ui/models")
    await expect(row(admin_page, "Alpha")).to_be_visible()
