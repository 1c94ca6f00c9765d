"""Coming in: as an admin or as a user, and to wait until a page has shown what it has."""

import json
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from browsing import NODE
from playwright.async_api import Browser, BrowserContext, Page, StorageState, expect
from product import ADMIN_PASSWORD, Product

OpenContext = Callable[..., Awaitable[BrowserContext]]
"""Makes a visitor: the fixture `open_context`."""
STATIC = Path(__file__).parents[2] / "static"
_LIST_ROUTES = """
import { ROUTES } from "./routes.js";
const told = ROUTES.map(({ path, title, who, nav = null, key = null }) => ({ path, title, who, nav, key }));
console.log(JSON.stringify(told));
"""


@dataclass(frozen=True, slots=True)
class Route:
    """A page of the table in routes.js. `nav`: the group it stands under in the navigation, or None."""

    path: str
    title: str
    who: str
    nav: str | None
    key: str | None


def list_routes() -> list[Route]:
    """The page's own table, so that a new page is tested by standing in it."""
    script = ["--input-type=module", "--eval", _LIST_ROUTES]
    listed = subprocess.run([str(NODE), *script], cwd=STATIC, capture_output=True, text=True, timeout=60, check=True)
    return [Route(**route) for route in json.loads(listed.stdout)]


async def sign_in(page: Page, *, name: str = "dana", then: str = "/ui") -> None:
    """As an admin, by the form, and on to `then`."""
    await page.goto(f"/ui/login?next={quote(then, safe='')}")
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Admin password").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(then)
    await settled(page)


async def show_key(page: Page, key: str, *, then: str = "/ui/me") -> None:
    """As a user, by the form, and on to `then`. A reload forgets the key."""
    await page.goto(f"/ui/login?as=user&next={quote(then, safe='')}")
    await page.get_by_label("Your API key").fill(key)
    await page.get_by_role("button", name="Show my balance").click()
    await expect(page).to_have_url(then)
    await settled(page)


async def settled(page: Page) -> None:
    """Until the page is there, has its heading, and nothing of it is being fetched."""
    await expect(page.locator("main[aria-busy=true]")).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator("main :is([aria-busy=true], .skeleton)")).to_have_count(0)


async def remember_admin(browser: Browser, site: Product) -> StorageState:
    """Sign in as an admin by the form, in a browser of its own, and keep its cookies and storage."""
    context = await browser.new_context(base_url=site.base_url)
    await sign_in(await context.new_page())
    state = await context.storage_state()
    await context.close()
    return state
