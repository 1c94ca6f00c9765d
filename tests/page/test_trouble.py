"""When something goes wrong while a person works: nothing typed is lost, and what still works goes on."""

import asyncio
import re
from typing import Any

from playwright.async_api import Page, Route, StorageState, expect
from product import ADMIN_PASSWORD, Product
from visiting import OpenContext, settled, sign_in
from watching import Watch


async def test_session_that_ends_asks_again_and_keeps_what_was_typed(
    admin_page: Page, site: Product, watch: Watch
) -> None:
    watch.allow("401 PATCH /api/admin/users/", "401 GET /api/admin/")
    page = admin_page
    user_id, _ = await site.add_user("5", name="Patient Pat")
    await page.goto(f"/ui/users/{user_id}?tab=details")
    await settled(page)
    await page.get_by_label("Note").fill("a long thought")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    await dialog.get_by_label("Admin password").fill(ADMIN_PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Patient Pat is saved")).to_be_visible()
    await expect(page.get_by_label("Note")).to_have_value("a long thought")
    user = await site.client.get(f"{site.base_url}/api/admin/users/{user_id}", headers=await site.login())
    assert user.json()["note"] == "a long thought"


async def test_session_that_is_given_up_is_not_asked_for_again_and_can_still_be_renewed(
    admin_page: Page, site: Product, watch: Watch
) -> None:
    watch.allow("401 GET /api/admin/")
    page = admin_page
    await page.goto("/ui/users")
    await settled(page)
    await page.context.clear_cookies()
    search = page.get_by_role("searchbox", name="Filter by name or e-mail")
    await search.fill("nobody")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    await dialog.get_by_role("button", name="Close").click()
    strip = page.get_by_role("alert").filter(has_text="Your session has ended")
    await expect(strip).to_be_visible()
    await search.fill("somebody")
    stale = page.get_by_role("main").get_by_text("could not be refreshed: Your session has ended.")
    await expect(stale).to_be_visible()
    await expect(dialog).to_have_count(0)
    await strip.get_by_role("button", name="Sign in").click()
    await dialog.get_by_label("Admin password").fill(ADMIN_PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(strip).to_have_count(0)
    await page.get_by_role("button", name="Try again").click()
    await expect(stale).to_have_count(0)


async def test_the_way_back_leads_to_where_the_list_was_though_its_data_come_late(
    admin_page: Page, site: Product
) -> None:
    page = admin_page
    for number in range(20):
        await site.add_user("5", name=f"Scrolled {number:02}")
    await page.set_viewport_size({"width": 1280, "height": 500})
    await page.goto("/ui/users?sort=name")
    await settled(page)
    row = page.get_by_role("link", name="Scrolled 19", exact=True)
    await row.scroll_into_view_if_needed()
    place = await _scrolled(page)
    assert place > 0
    await row.click()
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Scrolled 19")
    assert await _scrolled(page) == 0

    may_answer = asyncio.Event()

    async def late(route: Route) -> None:
        await may_answer.wait()
        await route.continue_()

    await page.route("**/api/admin/users?*", late)
    await page.go_back()
    await expect(heading).to_have_text("Users")
    await expect(heading).to_be_focused()
    await expect(row).to_have_count(0)
    may_answer.set()
    await settled(page)
    await expect(row).to_be_in_viewport()
    assert await _scrolled(page) == place
    await page.go_forward()
    await expect(heading).to_have_text("Scrolled 19")
    assert await _scrolled(page) == 0
    # A hand that moves the page is not fought with.
    may_answer.clear()
    await page.go_back()
    await expect(heading).to_have_text("Users")
    await page.keyboard.press("Shift")
    may_answer.set()
    await settled(page)
    assert await _scrolled(page) < place
    await page.unroute("**/api/admin/users?*")


async def _scrolled(page: Page) -> int:
    top: float = await page.evaluate("() => scrollY")
    return round(top)


async def test_part_that_fails_leaves_the_others_and_comes_back(admin_page: Page, site: Product, watch: Watch) -> None:
    watch.allow("500 GET /api/admin/stats/timeseries")
    page = admin_page
    user_id, _ = await site.add_user("5", name="Partial Pia")
    error = {"error": {"message": "The figures are away.", "type": "api_error", "request_id": "req_broken"}}

    async def fail(route: Route) -> None:
        await route.fulfill(status=500, json=error)

    await page.route("**/api/admin/stats/timeseries*", fail)
    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    failure = page.get_by_role("alert")
    await expect(failure).to_contain_text("The figures are away.")
    await expect(failure).to_contain_text("500")
    await expect(failure).to_contain_text("req_broken")
    await expect(page.get_by_role("main")).to_contain_text("$5.00")
    await page.unroute("**/api/admin/stats/timeseries*")
    await failure.get_by_role("button", name="Try again").click()
    await expect(failure).to_have_count(0)
    await expect(page.get_by_role("main")).to_contain_text("Spend by model")


async def test_lost_connection_is_said_and_what_was_there_stays(
    open_context: OpenContext, admin_state: StorageState, site: Product, watch: Watch
) -> None:
    watch.allow("lost: net::ERR_INTERNET_DISCONNECTED")
    context = await open_context(storage_state=admin_state)
    page = await context.new_page()
    await site.add_user("5", name="Offline Olga")
    await page.goto("/ui/users")
    row = page.get_by_role("row").filter(has_text="Offline Olga")
    await expect(row).to_be_visible()
    await context.set_offline(True)
    await expect(page.get_by_text("No connection.")).to_be_visible()
    await page.get_by_role("searchbox", name="Filter by name or e-mail").fill("Olga")
    await expect(page.get_by_text("cannot be reached")).to_be_visible()
    await expect(row).to_be_visible()
    await context.set_offline(False)
    await expect(page.get_by_text("No connection.")).to_have_count(0)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("cannot be reached")).to_have_count(0)
    await expect(row).to_be_visible()


async def test_page_whose_file_does_not_come_says_so_and_comes_when_asked_again(admin_page: Page, watch: Watch) -> None:
    watch.allow("lost: net::ERR_INTERNET_DISCONNECTED")
    page = admin_page
    await page.goto("/ui/users")
    await settled(page)
    await page.context.set_offline(True)
    await page.get_by_role("link", name="Ledger").first.click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    await expect(page).to_have_url("/ui/ledger")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ledger")


async def test_session_that_cannot_be_asked_for_is_not_forgotten(page: Page, watch: Watch) -> None:
    watch.allow("503 GET /api/admin/session", "lost: net::ERR_INTERNET_DISCONNECTED")
    # A session of its own: it is ended here, for whoever holds it.
    await sign_in(page)
    error = {"error": {"message": "The database is away."}}
    await page.route("**/api/admin/session", lambda route: route.fulfill(status=503, json=error))
    await page.goto("/ui/users")
    await expect(page.get_by_role("alert")).to_contain_text("The database is away.")
    await page.unroute("**/api/admin/session")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    await settled(page)
    # Only the server can end a session; until it did, nobody is told that it has ended.
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Sign out").first.click()
    await expect(page.locator("#toasts")).to_contain_text("You are still signed in: The server cannot be reached.")
    await page.context.set_offline(False)
    async with page.expect_event("domcontentloaded"):
        await page.get_by_role("button", name="Sign out").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await page.context.set_offline(True)
    await page.get_by_label("Admin password").fill("anything")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    await expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


async def test_dialog_that_may_not_be_closed_stays_however_often_esc_is_pressed(
    admin_page: Page, site: Product
) -> None:
    page = admin_page
    user_id, _ = await site.add_user("5", name="Busy Bea")
    let_go = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route("**/api/admin/users/*/ledger", hold)
    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    opener = page.get_by_role("button", name="Top up", exact=True)
    await opener.click()
    dialog = page.get_by_role("dialog", name="Top up Busy Bea")
    await dialog.get_by_label("Amount").fill("2")
    # A slip beside a dialog in which something was typed loses nothing.
    await page.mouse.click(5, 5)
    await expect(dialog.get_by_label("Amount")).to_have_value("2")
    await dialog.get_by_role("button", name=re.compile(r"2\.00")).click()
    for _ in range(3):
        await page.keyboard.press("Escape")
    await expect(dialog).to_be_visible()
    let_go.set()
    await expect(dialog).to_have_count(0)
    await expect(opener).to_be_focused()


async def test_what_is_shown_once_is_copied_over_plain_http_too(admin_page: Page, site: Product) -> None:
    page = admin_page
    # As browsers do where a page does not come over HTTPS.
    await page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    user_id, _ = await site.add_user("5", name="Plain Pete")
    await page.goto(f"/ui/users/{user_id}")
    await settled(page)
    await page.get_by_role("button", name="Create key").first.click()
    await page.get_by_role("dialog").get_by_label("Name").fill("over http")
    await page.get_by_role("dialog").get_by_role("button", name="Create key").click()
    shown = page.get_by_role("dialog", name="Key over http")
    await shown.get_by_role("button", name="Copy key").click()
    await expect(shown.get_by_text("Copied.")).to_be_attached()
    kept = "Object.getOwnPropertyDescriptor(Navigator.prototype, 'clipboard').get.call(navigator).readText()"
    assert await page.evaluate(kept) == await shown.get_by_label("The key").inner_text()


async def test_slow_answer_shows_the_frame_at_once(admin_page: Page) -> None:
    page = admin_page
    let_go = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route("**/api/admin/users?*", hold)
    await page.route("**/api/admin/users", hold)
    await page.goto("/ui/users")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    await expect(page.get_by_role("searchbox", name="Filter by name or e-mail")).to_be_enabled()
    await expect(page.get_by_role("main").get_by_role("status").filter(has_text="Loading")).to_be_visible()
    await expect(page.get_by_role("table")).to_have_count(0)
    let_go.set()
    await expect(page.get_by_role("table")).to_be_visible()


async def test_answer_to_an_older_question_is_dropped(admin_page: Page, site: Product) -> None:
    page = admin_page
    await site.add_user("1", name="First Fred")
    await site.add_user("1", name="Second Sven")
    first_may_come = asyncio.Event()

    async def hold_first(route: Route) -> None:
        if "q=First" in route.request.url:
            await first_may_come.wait()
        await route.continue_()

    async def narrow(text: str) -> None:
        await page.get_by_role("searchbox", name="Filter by name or e-mail").fill(text)

    await page.goto("/ui/users")
    await settled(page)
    await page.route("**/api/admin/users?*", hold_first)
    async with page.expect_request(lambda request: "q=First" in request.url):
        await narrow("First")
    await narrow("Second")
    rows: Any = page.get_by_role("rowheader")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Second Sven")
    first_may_come.set()
    await page.unroute_all(behavior="wait")
    await expect(rows).to_contain_text("Second Sven")
