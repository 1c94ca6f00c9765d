"""The first thing a visitor sees, and the policy under which all of it runs."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect
from product import Product
from watching import Watch

STATIC = Path(__file__).parents[2] / "static"


async def test_front_page_opens_in_this_browser(page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def test_text_is_never_made_into_markup(page: Page, watch: Watch) -> None:
    """Trusted Types: the browser itself refuses, whatever the code of the page gets wrong."""
    await page.goto("/")
    refused = "() => { try { document.body.innerHTML = '<p>hello'; } catch (error) { return error.name; } }"
    assert await page.evaluate(refused) == "TypeError"
    watch.allow("TrustedHTML", "require-trusted-types-for")


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/static/styles/index.css"])
async def test_every_file_of_the_page_comes_with_the_strict_policy(site: Product, path: str) -> None:
    answer: httpx.Response = await site.client.get(site.base_url + path)
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_watch_sees_what_breaks_the_policy_and_what_leaves_the_house(page: Page, watch: Watch) -> None:
    await page.goto("/")
    await page.evaluate(
        """() => new Promise((resolve) => {
          const picture = new Image();
          picture.onerror = resolve;
          picture.src = "http://127.0.0.2:9/pixel.png";
          document.body.append(picture);
        })"""
    )
    await page.evaluate("() => document.body.setAttribute('style', 'color: red')")
    await page.evaluate("() => fetch('/api/nothing')")
    await page.evaluate("() => { console.error('broken'); }")
    async with page.expect_event("requestfailed"):
        await page.evaluate("() => { location.href = 'http://127.0.0.2:9/'; }")
    seen = "\n".join(watch.unexpected)
    assert "img-src" in seen
    assert "style-src-attr" in seen
    assert "404 GET /api/nothing" in seen
    assert "console: broken" in seen
    assert "off-site: GET http://127.0.0.2:9/" in seen
    watch.allow(".")


@pytest.mark.parametrize("path", ["/ui/login", "/ui/login?as=user"])
async def test_every_file_that_a_page_loads_is_named_by_its_index(page: Page, site: Product, path: str) -> None:
    """Found one after another they would cost a round trip for each step of the chain."""
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.removeprefix(site.base_url)))
    await page.goto(path)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    index = (await site.client.get(site.base_url + path)).text
    for ending in (".js", ".css"):
        named = {address for address in re.findall(r'(?:href|src)="([^"]+)"', index) if address.endswith(ending)}
        assert {address for address in loaded if address.endswith(ending)} == named


async def test_index_of_every_page_names_the_module_of_that_page(site: Product) -> None:
    routes = re.findall(r'path: "([^"]+)".*?import\("\./([^"]+)"\)', (STATIC / "routes.js").read_text(), re.DOTALL)
    assert len(routes) > 15
    for path, module in routes:
        answer = await site.client.get(site.base_url + path.replace(":id", "7"))
        assert f'/{module}"' in answer.text, path
        again = await site.client.get(
            site.base_url + path.replace(":id", "7"), headers={"if-none-match": answer.headers["etag"]}
        )
        assert again.status_code == 304


async def test_files_named_by_the_index_are_kept_and_asked_about_nowhere_else(site: Product) -> None:
    index = await site.client.get(f"{site.base_url}/ui/login")
    assert index.headers["cache-control"] == "no-cache"
    [named] = re.findall(r'src="([^"]+/app\.js)"', index.text)
    kept = await site.client.get(site.base_url + named)
    assert "immutable" in kept.headers["cache-control"]
    # What a page asks for that was opened before a deploy: answered with what is there now, and not kept.
    for path in ("/static/v-0123456789ab/app.js", "/static/app.js"):
        now = await site.client.get(site.base_url + path)
        assert now.text == kept.text
        assert now.headers["cache-control"] == "no-cache"
        again = await site.client.get(site.base_url + path, headers={"if-none-match": now.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for path in (f"{named}/", "/static/v-0123456789ab", "/static/index.html"):
        assert (await site.client.get(site.base_url + path)).status_code == 404, path


async def test_files_come_compressed_for_who_can_read_that(site: Product) -> None:
    address = f"{site.base_url}/static/app.js"
    plain = await site.client.get(address, headers={"accept-encoding": "identity"})
    zipped = await site.client.get(address, headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.text == plain.text == (STATIC / "app.js").read_text()
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert zipped.headers["vary"] == plain.headers["vary"] == "accept-encoding"
