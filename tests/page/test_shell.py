"""The frame around every page: signing in and out, the navigation, the keys, the theme."""

import re

import pytest
from playwright.async_api import Page, StorageState, expect
from product import ADMIN_PASSWORD, Product
from visiting import OpenContext, list_routes, settled, show_key, sign_in
from watching import Watch

from quart_proxy.http.sessions import BROWSER_COOKIE

ROUTES = list_routes()
NO_FILE = "422 POST /api/admin/registry/plan"
"""On these tests' installation there is no models.yaml to plan with."""
NAVIGATION = {who: [route for route in ROUTES if route.nav and route.who == who] for who in ("admin", "user")}


async def test_front_door_leads_to_the_sign_in_and_back_to_what_was_asked_for(page: Page) -> None:
    await page.goto("/ui/users?q=duck")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await page.get_by_label("Admin password").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url("/ui/users?q=duck")


async def test_wrong_password_is_refused_in_words(page: Page, watch: Watch) -> None:
    watch.allow("401 POST /api/admin/login")
    await page.goto("/ui/login")
    await page.get_by_label("Admin password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("password", re.I))
    await expect(page).to_have_url(re.compile("/ui/login"))


async def test_sign_in_leads_nowhere_else(page: Page) -> None:
    await page.goto("/ui/login?next=https%3A%2F%2F127.0.0.2%2F")
    await page.get_by_label("Admin password").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url("/ui")


async def test_unknown_key_is_refused_in_words(page: Page, watch: Watch) -> None:
    watch.allow("401 GET /api/user/balance")
    await page.goto("/ui/login?as=user")
    await page.get_by_label("Your API key").fill("sk-nobody")
    await page.get_by_role("button", name="Show my balance").click()
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("key", re.I))


async def test_every_entry_of_the_admins_navigation_leads_to_its_page(page: Page, watch: Watch) -> None:
    watch.allow(NO_FILE)
    await sign_in(page)
    await _follow_navigation(page, "admin")


async def test_every_entry_of_the_users_navigation_leads_to_its_page(page: Page, site: Product) -> None:
    await show_key(page, site.key)
    await _follow_navigation(page, "user")


async def _follow_navigation(page: Page, who: str) -> None:
    navigation = page.get_by_role("navigation", name="Main", exact=True)
    # Signing in led to the first one.
    for route in reversed(NAVIGATION[who]):
        await navigation.get_by_role("link", name=route.title, exact=True).click()
        await expect(page).to_have_url(route.path)
        await settled(page)
        await expect(page).to_have_title(f"{route.title} · quart-proxy")
        # A screen reader says where one is now.
        await expect(page.get_by_role("heading", level=1)).to_be_focused()


@pytest.mark.parametrize("who", ["admin", "user"])
async def test_letters_lead_to_pages(page: Page, site: Product, watch: Watch, who: str) -> None:
    watch.allow(NO_FILE)
    await (sign_in(page) if who == "admin" else show_key(page, site.key))
    for route in reversed(NAVIGATION[who]):
        await page.keyboard.press("g")
        await page.keyboard.press(route.key or "")
        await expect(page).to_have_url(route.path)
        await settled(page)


async def test_first_tab_skips_to_the_content(page: Page) -> None:
    await sign_in(page)
    await page.reload()
    await settled(page)
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="To the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    heading = await page.get_by_role("heading", level=1).element_handle()
    await page.keyboard.press("Enter")
    await expect(page.locator("main:focus, main :focus")).to_be_visible()
    await page.keyboard.press("Shift+Tab")
    assert await page.evaluate("(heading) => heading.isConnected", heading), "the page was made anew"


async def test_palette_goes_to_a_page_and_closing_it_gives_the_focus_back(page: Page) -> None:
    await sign_in(page)
    await settled(page)
    search = page.get_by_role("button", name=re.compile("^Search")).first
    await search.focus()
    await expect(search).to_be_focused()
    await page.keyboard.press("Control+k")
    box = page.get_by_role("dialog", name="Go to").get_by_role("combobox")
    await expect(box).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(search).to_be_focused()
    await page.keyboard.press("Control+k")
    await box.fill("audit")
    await expect(page.get_by_role("option", name="Audit log")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/ui/audit")


async def test_palette_finds_users_and_models(page: Page, site: Product) -> None:
    user_id, _ = await site.add_user(name="Findable Finn")
    await sign_in(page)
    await page.keyboard.press("Control+k")
    await page.get_by_role("dialog", name="Go to").get_by_role("combobox").fill("findable")
    await page.get_by_role("option", name="Findable Finn").click()
    await expect(page).to_have_url(f"/ui/users/{user_id}")
    await page.keyboard.press("Control+k")
    await page.get_by_role("dialog", name="Go to").get_by_role("combobox").fill("sandbox-gpt")
    await expect(page.get_by_role("option", name="sandbox-gpt")).to_be_visible()


async def test_palette_begins_with_what_was_chosen_last_and_is_stepped_through_with_arrows(
    page: Page, site: Product
) -> None:
    await site.add_user(name="Recent Rita")
    await sign_in(page)
    dialog = page.get_by_role("dialog", name="Go to")
    box, options = dialog.get_by_role("combobox"), dialog.get_by_role("option")
    await page.keyboard.press("Control+k")
    await box.fill("recent r")
    await expect(options.first).to_contain_text("Recent Rita")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/ui/users/"))
    await settled(page)
    await page.keyboard.press("Control+k")
    await expect(options.first).to_contain_text("Recent Rita")
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowUp")
    await expect(options.last).to_have_attribute("aria-selected", "true")
    last = await options.last.get_attribute("id")
    await expect(box).to_have_attribute("aria-activedescendant", last or "")
    await page.keyboard.press("ArrowDown")
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await box.fill("nothing is called like that")
    await expect(dialog.get_by_text("Nothing is called that.")).to_be_visible()
    await expect(box).to_have_attribute("aria-expanded", "false")


async def test_question_mark_lists_the_keys_and_letters_can_be_turned_off(page: Page) -> None:
    await sign_in(page)
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    await expect(dialog).to_contain_text("Ctrl K")
    await dialog.get_by_label("Shortcuts of single letters").uncheck()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await page.keyboard.press("?")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await expect(page.get_by_role("dialog", name="Go to").get_by_role("combobox")).to_be_focused()


async def test_theme_is_chosen_kept_and_given_back_to_the_system(page: Page) -> None:
    await page.emulate_media(color_scheme="light")
    await sign_in(page)
    body = page.locator("body")
    light = await _ground(page)
    choice = page.get_by_role("group", name="Theme").first
    await choice.get_by_role("button", name="Theme: dark").click()
    await expect(choice.get_by_role("button", name="Theme: dark")).to_have_attribute("aria-pressed", "true")
    await expect(body).not_to_have_css("background-color", light)
    await page.reload()
    await settled(page)
    dark = await _ground(page)
    assert dark != light
    await choice.get_by_role("button", name="Theme: system").click()
    await expect(body).to_have_css("background-color", light)
    await page.emulate_media(color_scheme="dark")
    await expect(body).to_have_css("background-color", dark)


async def _ground(page: Page) -> str:
    colour: str = await page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return colour


async def test_side_shows_all_of_itself_in_a_low_window(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 720})
    await sign_in(page)
    side = page.locator("#side")
    await expect(side.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    assert await side.evaluate("(side) => side.scrollHeight <= side.clientHeight")
    await page.set_viewport_size({"width": 1280, "height": 400})
    await expect(side.get_by_role("button", name="Sign out")).not_to_be_in_viewport()
    await side.get_by_role("button", name="Sign out").scroll_into_view_if_needed()
    await expect(side.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)


async def test_times_on_the_page_follow_the_zone(open_context: OpenContext, admin_state: StorageState) -> None:
    context = await open_context(storage_state=admin_state, timezone_id="Asia/Tokyo")
    page = await context.new_page()
    await page.goto("/ui/audit")
    await settled(page)
    time = page.get_by_role("table").locator("time").first
    said = await time.get_attribute("title") or ""
    await page.get_by_role("button", name="Times in UTC; switch").first.click()
    await expect(time).not_to_have_attribute("title", said)
    await expect(page.get_by_role("button", name="Times in Asia/Tokyo; switch").first).to_be_visible()


async def test_sign_out_leaves_nothing_to_go_back_to(page: Page) -> None:
    await sign_in(page, then="/ui/users")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    async with page.expect_event("domcontentloaded"):
        await page.get_by_role("button", name="Sign out").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    # What is left only says that the password was right here once, and opens nothing.
    assert {cookie["name"] for cookie in await page.context.cookies() if cookie["value"]} <= {BROWSER_COOKIE}
    while await page.evaluate("() => navigation.canGoBack"):
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        await expect(page.get_by_role("navigation", name="Main", exact=True)).to_have_count(0)


async def test_reload_forgets_the_users_key(page: Page, site: Product) -> None:
    await show_key(page, site.key)
    stored = await page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert site.key[:12] not in stored
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("See your balance")


async def test_unknown_address_is_said_to_be_none(page: Page) -> None:
    await page.goto("/ui/nowhere")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("not|no page|nothing", re.I))
