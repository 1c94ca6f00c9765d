"""Readers of the values with rules of their own: durations, prices, secrets, headers, addresses."""

import posixpath
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from quart_proxy.core.pricing import PRICE_DECIMALS_MAX
from quart_proxy.core.usage import COUNT_MAX
from registry.files.positions import REFERENCE, is_reference, is_sensitive, looks_secret
from registry.files.readers import Cursor, Fields, Invalid, Reader, expected, in_words, read_fields, read_map, text
from registry.files.sources import TEXT_SUFFIXES, is_text
from registry.files.tree import hide_words, scalars

PRICE_LIMIT = Decimal(1_000_000)
TIERS_MAX = 8
DURATION_S_MAX = 86_400

_DURATION = re.compile(r"([0-9]+)(s|m|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}
_PRICE = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,9}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADERS_OF_THE_CONNECTION = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+")


def _read_duration(cursor: Cursor) -> int | Invalid:
    match = _DURATION.fullmatch(cursor.node.text) if cursor.node.kind in ("int", "str") else None
    if match is None:
        return cursor.fail("E203", 'must be a duration such as "120s", "5m" or a number of seconds')
    seconds = int(match[1]) * _SECONDS[match[2]] if len(match[1]) < 10 else DURATION_S_MAX + 1
    if not 0 < seconds <= DURATION_S_MAX:
        return cursor.fail("E204", "must be above 0 and at most 24h")
    return seconds


DURATION = Reader(
    _read_duration,
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": DURATION_S_MAX},
            {"type": "string", "pattern": f"^{_DURATION.pattern}$"},
        ]
    },
)


def _read_price(cursor: Cursor) -> Decimal | Invalid:
    node = cursor.node
    if node.kind not in ("int", "float", "str"):
        return cursor.fail("E501", f"must be dollars per 1M tokens, not {in_words(node)}")
    if not _PRICE.fullmatch(node.text) or len(node.text) > 100:
        return cursor.fail("E501", "must be dollars per 1M tokens in plain digits, such as 1.25")
    price = Decimal(node.text)
    if price < 0:
        return cursor.fail("E502", "must not be negative")
    if price >= PRICE_LIMIT:
        return cursor.fail("E504", f"must be below {PRICE_LIMIT:,}")
    if len(node.text.partition(".")[2]) > PRICE_DECIMALS_MAX:
        hint = "; is it a price per token?" if price < Decimal("0.001") else ""
        return cursor.fail("E503", f"must have at most {PRICE_DECIMALS_MAX} decimals{hint}")
    return abs(price)  # -0 is 0


PRICE = Reader(
    _read_price,
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "exclusiveMaximum": int(PRICE_LIMIT)},
            {"type": "string", "pattern": f"^{_PRICE.pattern}$"},
        ]
    },
)


def tiers_of(rates: Fields) -> Reader:
    """Rates by threshold: a dict of those that are valid, lowest first."""

    def read(cursor: Cursor) -> dict[int, dict[str, Any]] | Invalid:
        tiers: dict[int, dict[str, Any]] = {}
        for key, child in read_map(cursor, slugs=False):
            if not _THRESHOLD.fullmatch(key) or int(key) > COUNT_MAX:
                child.fail_at_key("E507", f'"{key[:80]}" is no threshold; write a number of tokens such as 200000')
            elif child.node.kind != "map":
                expected(child, "a map")
            else:
                tiers[int(key)] = read_fields(rates, child)
        if len(cursor.node.entries) > TIERS_MAX:
            return cursor.fail("E204", f"must have at most {TIERS_MAX} tiers, has {len(cursor.node.entries)}")
        return dict(sorted(tiers.items()))

    schema = {
        "type": "object",
        "propertyNames": {"pattern": f"^{_THRESHOLD.pattern}$"},
        "additionalProperties": {"fields": rates},
        "maxProperties": TIERS_MAX,
    }
    return Reader(read, schema)


def _read_secret(cursor: Cursor) -> str | Invalid:
    value = cursor.node.text
    if cursor.node.kind == "str" and REFERENCE.fullmatch(value):
        return value
    for scalar in scalars(cursor.node, keys=True):
        if not is_reference(scalar.text):
            cursor.findings.hide(scalar.start, scalar.end)
    if cursor.node.kind == "str" and value.startswith("${"):
        return cursor.fail("E302", "not a reference; write ${env:NAME}, ${file:/path} or ${secret:name}")
    return cursor.fail("E301", "a literal secret is not allowed here; use ${env:NAME}, ${file:/path} or ${secret:name}")


SECRET = Reader(_read_secret, {"type": "string", "pattern": f"^{REFERENCE.pattern}$"})

PATH_CHARACTERS_MAX = 400
_PATH_TEXT = text(characters_max=PATH_CHARACTERS_MAX)


def _read_prompt_path(cursor: Cursor) -> str | Invalid:
    path = _PATH_TEXT.read(cursor)
    if isinstance(path, Invalid):
        return path
    fault = _path_fault(path)
    return posixpath.normpath(path) if fault is None else cursor.fail("E601", fault)


def _path_fault(path: str) -> str | None:
    """What is wrong with the path of a prompt's text, or None."""
    if "\\" in path:
        return "must have / between folders, on every system"
    if path.startswith("/"):
        return "must begin at the folder of this YAML file, such as prompts/house-style.md"
    if ".." in path.split("/"):
        return "must not lead out of the folder of this YAML file; move the text into it"
    if not is_text(path) or posixpath.basename(path).lower() in TEXT_SUFFIXES:
        return f"must name a file that ends in {' or '.join(TEXT_SUFFIXES)}"
    return None


PROMPT_PATH = Reader(
    _read_prompt_path,
    {"type": "string", "maxLength": PATH_CHARACTERS_MAX, "pattern": r"^[^/\\][^\\]*\.([mM][dD]|[tT][xX][tT])$"},
)

_HEADER_VALUE = text(characters_max=4_000)


def _read_headers(cursor: Cursor) -> dict[str, str]:
    headers: dict[str, str] = {}
    names: set[str] = set()
    for name, child in read_map(cursor, slugs=False):
        lowered = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            # A header written as one text is a key with its secret in it.
            key = cursor.node.entries[name].key
            cursor.findings.hide(key.start, key.end)
            hide_words(child.node, cursor.findings)
            cursor.findings.add("E204", cursor.path, "what stands here cannot be the name of a header", key.place)
        elif lowered in _HEADERS_OF_THE_CONNECTION:
            child.fail_at_key("E204", f'"{name}" cannot be a header here')
        elif lowered in names:
            child.fail_at_key("E102", f'the header "{name}" is here twice')
        else:
            written = child.node.text
            needs_reference = is_sensitive(name) or "${" in written or looks_secret(written)
            value = (SECRET if needs_reference else _HEADER_VALUE).read(child)
            if not isinstance(value, Invalid):
                headers[name] = value
        names.add(lowered)
    return headers


HEADERS = Reader(
    _read_headers,
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{_HEADER_NAME.pattern}$"},
        "additionalProperties": _HEADER_VALUE.schema,
    },
)


def _read_url(cursor: Cursor) -> str | Invalid:
    value = cursor.node.text
    if cursor.node.kind != "str":
        return expected(cursor, "text")
    fault = _url_fault(value)
    if fault is None:
        return value
    if any(mark in value for mark in "@?#"):
        cursor.findings.hide(cursor.node.start, cursor.node.end)
    return cursor.fail("E302" if "${" in value else "E206", fault)


def _url_fault(value: str) -> str | None:
    """What is wrong with a base address, or None. Never quotes it: it may hold a password."""
    if "${" in value:
        return "references are read in api_key and headers only"
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return "must be plain ASCII without spaces"
    try:
        url = urlsplit(value)
        host, _ = url.hostname, url.port
    except ValueError:
        return "is not a valid URL"
    if url.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if "@" in url.netloc:
        return "must not hold a user or password; use api_key"
    if not host or not _HOST.fullmatch(host):
        return "must have a host"
    if "?" in value or "#" in value:
        return "must not have a query or fragment"
    return None


URL = Reader(_read_url, {"type": "string", "format": "uri", "pattern": "^https?://[^@?#]+$"})
