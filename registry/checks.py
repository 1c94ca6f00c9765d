"""Checks of more than one field: rates side by side, names across models, references across the file."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from quart_proxy.core.pricing import REQUIRED
from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX
from quart_proxy.core.usage import Dimension
from registry.readers import Cursor, suggest
from registry.tree import Node

PRICE_PER_TOKEN_BELOW = Decimal("0.001")
"""Dollars per 1M tokens. Nobody sells a million tokens this cheap; a price per token looks like this."""

Records = tuple[tuple[Cursor, dict[str, Any]], ...]


def check_rates(pricing: Cursor, rates: Mapping[Dimension, Decimal]) -> None:
    """What is required is there, zero was meant, and no rate looks like a slip of the hand."""
    for required in REQUIRED:
        if required not in pricing.node.entries:
            pricing.fail_at_key("E202", f'missing required "{required}"')
    for dimension, rate in rates.items():
        _check_rate(pricing.field(dimension), dimension, rate)
    cached, plain = rates.get(Dimension.CACHED_INPUT), rates.get(Dimension.INPUT)
    if cached is not None and plain is not None and cached > plain:
        message = f"cached_input {cached:f} is above input {plain:f}; swapped?"
        pricing.field(Dimension.CACHED_INPUT).fail("W501", message)


def _check_rate(cursor: Cursor, dimension: Dimension, rate: Decimal) -> None:
    if dimension is Dimension.INPUT and not rate:
        cursor.fail("E505", "zero must be said out loud: pricing: {free: true}")
    elif dimension is Dimension.OUTPUT and not rate:
        cursor.fail("W504", "output costs nothing; right for embeddings only")
    elif 0 < rate < PRICE_PER_TOKEN_BELOW:
        cursor.fail("W503", f"{rate:f} dollars per 1M tokens looks like a price per token")


def check_free(pricing: Cursor) -> None:
    """A free model has no rates."""
    for name, child in pricing.children():
        if name in set(Dimension):
            child.fail_at_key("E506", "a free model has no rates")


def check_prompt(model: Cursor, prompt: Mapping[str, Any]) -> None:
    characters = len(prompt.get("text") or "")
    if characters > PROMPT_CHARACTERS_MAX:
        message = f"{characters:,} characters; what is beyond {PROMPT_CHARACTERS_MAX:,} is cut"
        model.field("system_prompt").field("text").fail("W601", message)


def check_connection(upstream: Cursor) -> None:
    """Either a provider, or an address and its format."""
    said = {name for name, child in upstream.children() if child.node.kind != "null"}
    inline = [name for name in ("api_format", "api_url", "api_key") if name in said]
    if "provider" in said:
        for name in inline:
            upstream.field(name).fail_at_key("E208", f"{name} and provider exclude each other")
    elif not inline:
        upstream.fail_at_key("E202", 'missing "provider", or api_format and api_url')
    else:
        for name in ("api_format", "api_url"):
            if name not in said:
                upstream.fail_at_key("E202", f'missing required "{name}"')


def check_providers(model: Cursor, providers: Mapping[str, object]) -> None:
    """Every provider that the model names is in the file."""
    holders = [model]
    if "upstreams" in model.node.entries:
        holders += [child for _, child in model.field("upstreams").children()]
    for holder in holders:
        entry = holder.node.entries.get("provider")
        if entry and entry.value.kind == "str" and entry.value.text not in providers:
            name = entry.value.text
            message = f'no provider "{name[:80]}"{suggest(name, providers)}'
            holder.field("provider").fail("E402", message)


def check_names(models: Mapping[str, Cursor]) -> None:
    """No two models answer to one name, whatever its case."""
    taken: dict[str, str] = {}
    for key, model in models.items():
        for name in _client_names(key, model):
            holder = taken.setdefault(name.node.text.casefold(), key)
            if holder != key:
                name.fail("E401", f'client name "{name.node.text[:80]}" is already used by {holder}')


def _client_names(key: str, model: Cursor) -> Iterator[Cursor]:
    entries = model.node.entries
    if "display_name" in entries and entries["display_name"].value.kind != "null":
        yield model.field("display_name")
    else:
        yield Cursor(Node("str", key), model.path, model.findings, model.key_place, model.key_place)
    if "aliases" in entries:
        aliases = model.field("aliases")
        for number, node in enumerate(aliases.node.items):
            if node.kind == "str":
                yield aliases.item(number, node)


def check_moves(moved: Records, removed: Records, models: Mapping[str, object]) -> None:
    """What moved or left is not here; what it moved to is."""
    for cursor, move in moved:
        if move.get("from") in models:
            cursor.fail("E404", f'"{move["from"]}" was moved, yet is still here')
        if "to" in move and move["to"] not in models:
            cursor.fail("E404", f'moved to "{move["to"]}", which is not here{suggest(move["to"], models)}')
    for cursor, removal in removed:
        if removal.get("id") in models:
            cursor.fail("E404", f'"{removal["id"]}" was removed, yet is still here')
