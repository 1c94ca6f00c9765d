"""What the page did not write is what was published, and nothing else reaches it."""

import hashlib
import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "static"
VENDOR = STATIC / "vendor"
ROW = re.compile(r"^\| (lit-html-\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_every_vendored_file_has_the_hash_that_is_written_down() -> None:
    written = dict(ROW.findall((VENDOR / "VENDORED.md").read_text()))
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert found == written


def test_only_html_js_imports_vendored_code() -> None:
    own = [path for path in STATIC.rglob("*.js") if VENDOR not in path.parents]
    assert [path.name for path in own if "vendor/" in path.read_text()] == ["html.js"]


def test_no_page_writes_markup_from_text_or_styles_inline() -> None:
    markup = ("innerHTML", "insertAdjacentHTML", r"document\.write", "unsafeHTML", r'\sstyle=["$]')
    forbidden = re.compile("|".join((*markup, r"\beval\(", "new Function")))
    own = [path for path in STATIC.rglob("*.js") if VENDOR not in path.parents]
    assert [path.name for path in own if forbidden.search(path.read_text())] == []


def test_colours_are_named_in_the_tokens_alone() -> None:
    colour = re.compile(r"oklch\(|rgb\(|hsl\(|#[0-9a-fA-F]{3,8}\b")
    sheets = [path for path in STATIC.rglob("*.css") if path.name != "tokens.css"]
    assert [path.name for path in sheets if colour.search(path.read_text())] == []
