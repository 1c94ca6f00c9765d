"""The file and the page side by side, as an admin lives with both: drift, patches, conflicts, faults, the way back."""

import re
from pathlib import Path

import pytest
from admin_client import Admin
from playwright.async_api import Browser, Locator, Page, StorageState, expect
from product import Product
from registry_files import edit
from visiting import remember_admin, settled
from watching import Watch

FILE = """\
version: 1
providers:
  one: {{api_format: openai, api_url: {url}/v1, api_key: "${{env:SANDBOX_API_KEY}}"}}
models:
  alpha:
    display_name: Alpha
    provider: one
    actual_model: sandbox
    pricing: {{input: {price}, output: 10.00}}
  beta: {{provider: one, actual_model: sandbox, pricing: {{input: 2.00, output: 8.00}}}}
"""
PRICE_LINE = "models.yaml:9"


@pytest.fixture
async def site(product: Product) -> Product:
    """One for each test: a registry remembers every file that it was given."""
    write(product, "4.00")
    return product


@pytest.fixture
async def admin_state(browser: Browser, site: Product) -> StorageState:
    return await remember_admin(browser, site)


@pytest.fixture
async def admin(site: Product) -> Admin:
    """Somebody else, who works on the same registry."""
    return Admin(site, await site.login("lee"))


@pytest.fixture
async def applied(site: Product, admin: Admin) -> Product:
    """The files were just applied, nothing was edited since."""
    (await admin.post("/registry/apply", {})).raise_for_status()
    return site


def write(site: Product, price: str) -> None:
    Path(site.settings.models_file).write_text(FILE.format(url=site.sandbox_url, price=price), encoding="utf-8")


async def open_registry(page: Page, tab: str = "") -> None:
    await page.goto(f"/ui/registry?tab={tab}" if tab else "/ui/registry")
    await settled(page)


def state(page: Page) -> Locator:
    return page.get_by_role("region", name="State")


async def price(site: Product) -> str:
    answer = await Admin(site, await site.login()).get("/models/alpha")
    text: str = answer.json()["pricing"]["input"]
    return text


async def test_change_of_the_file_is_shown_planned_and_applied(admin_page: Page, applied: Product) -> None:
    page = admin_page
    await open_registry(page)
    await expect(state(page)).to_contain_text("In sync")
    write(applied, "5.00")
    await page.reload()
    await expect(state(page)).to_contain_text("Changed in file")
    await state(page).get_by_role("link", name="See the plan").click()
    change = page.get_by_role("listitem").filter(has_text="alpha")
    await expect(change).to_contain_text("pricing.input")
    await expect(change).to_contain_text(PRICE_LINE)
    assert re.search(r"4(\.00)?.*5(\.00)?", await change.inner_text(), re.S)
    assert await price(applied) == "4.00"
    await page.get_by_label("Message").fill("dearer")
    await page.get_by_role("button", name="Apply ~1 to change").click()
    await expect(page.get_by_role("status").filter(has_text="Applied: revision")).to_be_visible()
    await expect(state(page)).to_contain_text("In sync")
    assert await price(applied) == "5.00"


async def test_live_edit_is_shown_with_who_and_when_and_becomes_a_patch(
    admin_page: Page, applied: Product, admin: Admin
) -> None:
    page = admin_page
    await edit(admin, "/models/alpha", {"pricing": {"input": "6.00"}})
    await open_registry(page)
    await expect(state(page)).to_contain_text("1 field changed here")
    edited = page.get_by_role("article", name="model/alpha")
    for text in ("pricing.input", PRICE_LINE, "4.00", "6.00", "lee"):
        await expect(edited).to_contain_text(text)
    await edited.get_by_role("button", name="Copy patch").click()
    patch = page.get_by_role("dialog", name="Patch for model/alpha")
    await expect(patch).to_contain_text("-    pricing: {input: 4.00, output: 10.00}")
    await expect(patch).to_contain_text("+    pricing: {input: 6.00, output: 10.00}")
    await patch.get_by_role("button", name="Copy patch").click()
    assert "+    pricing: {input: 6.00" in await page.evaluate("() => navigator.clipboard.readText()")
    await page.keyboard.press("Escape")
    await expect(patch).to_have_count(0)


async def test_live_edit_is_given_up_only_when_that_is_confirmed(
    admin_page: Page, applied: Product, admin: Admin
) -> None:
    page = admin_page
    await edit(admin, "/models/alpha", {"pricing": {"input": "6.00"}})
    await open_registry(page, "drift")
    revert = page.get_by_role("article", name="model/alpha").get_by_role("button", name="Revert to the file")
    await revert.click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("pricing.input")
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_have_count(0)
    await expect(revert).to_be_focused()
    assert await price(applied) == "6.00"
    await revert.click()
    await question.get_by_role("button", name="Revert alpha").click()
    await expect(state(page)).to_contain_text("In sync")
    assert await price(applied) == "4.00"


@pytest.mark.parametrize(("choice", "kept"), [("Take the file's", "7.00"), ("Keep live", "6.00")])
async def test_conflict_shows_three_sides_and_waits_for_a_decision(
    admin_page: Page, applied: Product, admin: Admin, choice: str, kept: str
) -> None:
    page = admin_page
    await edit(admin, "/models/alpha", {"pricing": {"input": "6.00"}})
    write(applied, "7.00")
    await admin.post("/registry/apply", {"policy": {"on_conflict": "defer"}})
    await open_registry(page)
    await expect(state(page)).to_contain_text("1 conflict")
    conflict = page.get_by_role("article").filter(has_text="pricing")
    for label, value in (("Applied last", "4.00"), ("Live now", "6.00"), ("In the file", "7.00")):
        await expect(conflict.get_by_role("columnheader", name=label)).to_be_visible()
        await expect(conflict.get_by_role("cell").filter(has_text=value).first).to_be_visible()
    assert await price(applied) == "6.00"
    await conflict.get_by_role("button", name=choice).click()
    await expect(page.get_by_role("heading", name="No conflicts")).to_be_visible()
    assert await price(applied) == kept


async def test_broken_file_is_named_with_its_line_and_the_last_good_state_is_served(
    admin_page: Page, applied: Product, admin: Admin, watch: Watch
) -> None:
    watch.allow("422 POST /api/admin/registry/plan")
    page = admin_page
    path = Path(applied.settings.models_file)
    path.write_text(path.read_text(encoding="utf-8").replace("input: 4.00", "input: dear"), encoding="utf-8")
    await admin.post("/registry/apply", {})
    await open_registry(page)
    for text in ("File invalid", "models.yaml:9:", "The last good state stays in force"):
        await expect(state(page)).to_contain_text(text)
    await expect(page.get_by_role("heading", name="No plan for files that cannot be used")).to_be_visible()
    assert (await applied.chat("Alpha")).status_code == 200


async def test_history_leads_back_to_an_earlier_state(admin_page: Page, applied: Product, admin: Admin) -> None:
    page = admin_page
    await edit(admin, "/models/alpha", {"pricing": {"input": "9.00"}})
    await open_registry(page, "history")
    table = page.get_by_role("region", name="Revisions, newest first")
    newest = table.get_by_role("row").nth(1)
    await expect(newest).to_contain_text("lee")
    await newest.get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    await expect(drawer).to_contain_text("9.00")
    await drawer.get_by_role("button", name=re.compile("Roll back to before")).click()
    dialog = page.get_by_role("dialog", name="Roll back")
    await dialog.get_by_role("button", name=re.compile("As it was before")).click()
    await expect(dialog).to_contain_text("pricing.input")
    await dialog.get_by_label("Why").fill("too dear")
    await dialog.get_by_role("button", name="Roll back", exact=True).click()
    await expect(page.get_by_role("status").filter(has_text="Rolled back: revision")).to_be_visible()
    assert await price(applied) == "4.00"
    await expect(table.get_by_role("row").nth(1)).to_contain_text("too dear")


async def test_hold_keeps_the_file_away_until_it_is_ended(admin_page: Page, applied: Product, admin: Admin) -> None:
    page = admin_page
    await open_registry(page, "holds")
    await page.get_by_role("button", name="Add a hold").click()
    dialog = page.get_by_role("dialog", name="Hold")
    await dialog.get_by_label("Entity").fill("model/alpha")
    await dialog.get_by_label("Reason").fill("price is tried out")
    await dialog.get_by_role("button", name="Hold", exact=True).click()
    held = page.get_by_role("row").filter(has_text="price is tried out")
    await expect(held).to_contain_text("dana")
    write(applied, "5.00")
    await admin.post("/registry/apply", {})
    assert await price(applied) == "4.00"
    await held.get_by_role("button", name="End").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the hold").click()
    await expect(page.get_by_role("heading", name="No holds")).to_be_visible()
    await admin.post("/registry/apply", {})
    assert await price(applied) == "5.00"


async def test_price_that_jumps_is_applied_only_when_that_is_said_to_be_meant(
    admin_page: Page, applied: Product
) -> None:
    page = admin_page
    write(applied, "40.00")
    await open_registry(page, "plan")
    await expect(page.get_by_role("alert")).to_contain_text("price jump")
    apply = page.get_by_role("button", name="Apply ~1 to change")
    await expect(apply).to_be_disabled()
    await page.get_by_role("button", name="This is meant").click()
    await apply.click()
    await expect(state(page)).to_contain_text("In sync")
    assert await price(applied) == "40.00"
