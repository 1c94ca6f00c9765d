"""How a page looks and whether everyone can use it: pictures, sideways scrolling, what axe finds."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import FloatRect, Page

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
SIZES = {"wide": (1280, 800), "phone": (390, 844)}
"""Widths and heights in pixels that every page is pictured in."""
PICTURE_HEIGHT_MAX = 2400
NARROW = (320, 640)
ZOOMED = (640, 400)
"""What is left of 1280x800 for the layout when a person zooms to 200 %."""
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

_FIND_WIDE = """() => {
  const root = document.scrollingElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    return width > 0 && right + scrollX > root.clientWidth + 1;
  });
  return [`${root.scrollWidth} px of ${root.clientWidth}`,
          ...wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120))];
}"""
# Preloading would fetch the style sheets again, by addresses that axe guesses.
_RUN_AXE = """(runOnly) => axe.run(document, {runOnly, resultTypes: ["violations"], preload: false})"""


async def resize(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def list_sideways_scrolling(page: Page) -> list[str]:
    """What makes the whole page wider than its window; empty when nothing does."""
    found: list[str] = await page.evaluate(_FIND_WIDE)
    return found


async def list_barriers(page: Page, theme: Theme = "light") -> list[str]:
    """What axe calls serious or critical, one line for each element; empty when there is nothing.

    Of the dark theme only its colours are judged: it has the light one's document.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)
    rules = {"type": "tag", "values": RULES} if theme == "light" else {"type": "rule", "values": ["color-contrast"]}
    answer: dict[str, Any] = await page.evaluate(_RUN_AXE, rules)
    return [
        f"{found['impact']} {found['id']}: {found['help']}: {' '.join(map(str, node['target']))} {node['html'][:160]}"
        + (f" {node['any'][0]['message'][:160]}" if node["any"] else "")
        for found in answer["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


async def picture(page: Page, name: str) -> Path:
    """Keep a picture as `name`.png in the folder that PAGE_SCREENSHOTS names; of a long page, of its top."""
    folder = Path(os.environ.get("PAGE_SCREENSHOTS") or Path(__file__).parents[2] / "build" / "screenshots")
    path = folder / f"{name}.png"
    # Hiding the caret or stopping animations would take a style of Playwright's own, which the page's policy refuses.
    width, height = await page.evaluate("() => [innerWidth, document.scrollingElement.scrollHeight]")
    clip = FloatRect(x=0, y=0, width=width, height=min(height, PICTURE_HEIGHT_MAX))
    await page.screenshot(path=path, full_page=True, clip=clip, animations="allow", caret="initial")
    return path
