"""Checks of more than one field: rates side by side, names across models, references across the file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from quart_proxy.core.names import fold_name
from quart_proxy.core.pricing import REQUIRED
from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX
from quart_proxy.core.usage import Dimension
from registry.files.positions import Findings
from registry.files.readers import Cursor, suggest
from registry.files.tree import NOWHERE, Node

PRICE_PER_TOKEN_BELOW = Decimal("0.001")
"""Dollars per 1M tokens. Nobody sells a million tokens this cheap; a price per token looks like this."""
NAME_SHOWN_MAX = 16
"""Characters. Names of providers are short, and keys are long."""

Records = tuple[tuple[Cursor, dict[str, Any]], ...]


def check_files(
    files: Sequence[Cursor], sections: Sequence[Mapping[str, Any]], findings: Findings, *, version: int
) -> None:
    """Each file is of this version, all are of one source, one at most has the defaults, and any has models."""
    for file, section in zip(files, sections, strict=True):
        if section.get("version", version) != version:
            file.field("version").fail("E207", f"must be {version}")
    sources = [file.field("source") for file, section in zip(files, sections, strict=True) if "source" in section]
    for source in sources[1:]:
        if source.node.text != sources[0].node.text:
            where = findings.where(sources[0].place[0])
            source.fail("E209", f'must be "{sources[0].node.text}" as at {where}')
    defaults = [file.field("defaults") for file in files if "defaults" in file.node.entries]
    for again in defaults[1:]:
        findings.add_duplicate(again.path, "defaults", again.key_place, defaults[0].key_place)
    if not any(file.node.kind != "map" or "models" in file.node.entries for file in files):
        place = files[0].place if files else NOWHERE
        findings.add("E202", "", 'missing required "models"; with none to serve, say models: {}', place)


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
        cursor.fail("E505", "must not be 0; a model that costs nothing says so: pricing: {free: true}")
    elif dimension is Dimension.OUTPUT and not rate:
        cursor.fail("W504", "output costs nothing; right for embeddings only")
    elif 0 < rate < PRICE_PER_TOKEN_BELOW:
        cursor.fail("W503", f"{rate:f} dollars per 1M tokens looks like a price per token")


def check_tiers(pricing: Cursor, tiers: Mapping[int, Mapping[Dimension, Decimal]]) -> None:
    """Each tier is a price like the one that it replaces, and names the same rates: one that only the price names
    would fall back on another where a long prompt is charged, and nobody would see it."""
    named = set(Dimension) & pricing.node.entries.keys()
    for threshold, rates in tiers.items():
        tier = pricing.field("tiers").field(str(threshold))
        check_rates(tier, rates)
        for dimension in Dimension:
            if dimension in named and dimension not in tier.node.entries and dimension not in REQUIRED:
                tier.fail_at_key("E508", f'missing "{dimension}": a tier names every rate that the price names')
            elif dimension in tier.node.entries and dimension not in named | set(REQUIRED):
                message = f'the price has no "{dimension}": a tier names the rates that the price names'
                tier.field(dimension).fail_at_key("E508", message)


def check_free(pricing: Cursor) -> None:
    """A free model has no rates, and none for long prompts."""
    for name, child in pricing.children():
        if name in set(Dimension):
            child.fail_at_key("E506", "a free model has no rates", beside=[pricing.field("free")])
        elif name == "tiers" and child.node.entries:
            child.fail_at_key("E506", "a free model has no tiers", beside=[pricing.field("free")])


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
            message = f"{name} and provider exclude each other"
            upstream.field(name).fail_at_key("E208", message, beside=[upstream.field("provider")])
    elif not inline:
        unset = [child for name, child in upstream.children() if name == "provider"]
        upstream.fail_at_key("E202", 'missing "provider", or api_format and api_url', beside=unset)
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
            name, hint = entry.value.text, suggest(entry.value.text, providers)
            cursor = holder.field("provider")
            if hint or len(name) <= NAME_SHOWN_MAX:
                cursor.fail("E402", f'no provider "{name}"{hint}')
            else:
                # Long and like none that is here: it may be a key in the wrong place.
                cursor.findings.hide(entry.value.start, entry.value.end)
                cursor.fail("E402", "no provider has this name")


def check_names(models: Mapping[str, Cursor]) -> None:
    """No two models answer to one name, whatever its case."""
    taken: dict[str, str] = {}
    for key, model in models.items():
        for name in _client_names(key, model):
            holder = taken.setdefault(fold_name(name.node.text), key)
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
    """What moved or left is not here, what it moved to is, by one step or several, and all that only once."""
    moves = [(cursor, move["from"], move["to"]) for cursor, move in moved if len(move) == 2]
    next_keys = {before: after for _, before, after in moves}
    _check_once([(cursor, before) for cursor, before, _ in moves], "moved")
    _check_once([(cursor, after) for cursor, _, after in moves], "moved to")
    for cursor, before, after in moves:
        if before in models:
            cursor.fail("E404", f'"{before}" was moved, yet is still here')
        elif after not in models and after not in next_keys:
            cursor.fail("E404", f'moved to "{after}", which is not here{suggest(after, models)}')
        elif _is_circle(before, next_keys, models):
            cursor.fail("E404", f'"{before}" is moved in a circle')
    gone = [(cursor, removal["id"]) for cursor, removal in removed if "id" in removal]
    _check_once(gone, "removed")
    for cursor, key in gone:
        if key in models:
            cursor.fail("E404", f'"{key}" was removed, yet is still here')
        elif key in next_keys:
            cursor.fail("E404", f'"{key}" was removed, yet was moved too')


def _check_once(entries: Iterable[tuple[Cursor, str]], what: str) -> None:
    first: dict[str, Cursor] = {}
    for cursor, key in entries:
        if first.setdefault(key, cursor) is not cursor:
            where = cursor.findings.where(first[key].place[0])
            cursor.fail("E404", f'"{key}" is {what} twice (first at {where})')


def _is_circle(start: str, next_keys: Mapping[str, str], models: Mapping[str, object]) -> bool:
    """Whether `start` comes back to itself without ever being a model that is here."""
    key = next_keys[start]
    seen = {start}
    while key in next_keys and key not in models and key not in seen:
        seen.add(key)
        key = next_keys[key]
    return key == start
