"""The grammar of `models.yaml`: every field once, with what checks it and a line that explains it."""

import re
from dataclasses import replace

from quart_proxy.core.prompts import PromptMode
from registry.files.readers import (
    BOOL,
    NAME,
    SLUG,
    Cursor,
    Field,
    Fields,
    Invalid,
    Reader,
    expected,
    fields,
    list_of,
    map_of,
    one_of,
    records_of,
    table_of,
    text,
    whole,
)
from registry.files.values import DURATION, HEADERS, PRICE, PROMPT_PATH, SECRET, URL, tiers_of

VERSION = 1
"""Of this grammar."""
API_FORMATS = ("openai", "anthropic", "openai_responses", "gemini")

_VERSION = Reader(whole(0, 1_000).read, {"const": VERSION})
_TOKENS = whole(1, 2**31 - 1)
_REFERENCE = "A reference: ${env:NAME}, ${file:/path} or ${secret:name}."


def _read_failure(cursor: Cursor) -> str | Invalid:
    word = cursor.node.text if cursor.node.kind in ("int", "str") else ""
    return word if _FAILURE_WORD.fullmatch(word) else expected(cursor, "429, a status from 500 to 599, 5xx or timeout")


def _refuse_file(cursor: Cursor) -> Invalid:
    # In YAML files the text is in its place before fields are read.
    return cursor.fail("E601", "a file is read where a YAML file names it; here, say its content as text")


_FAILURE_WORD = re.compile(r"429|5[0-9]{2}|5xx|timeout")
_STATUS_SCHEMA = {"anyOf": [{"const": 429}, {"type": "integer", "minimum": 500, "maximum": 599}]}
_FAILURE = Reader(
    _read_failure, {"anyOf": [_STATUS_SCHEMA, {"type": "string", "pattern": f"^({_FAILURE_WORD.pattern})$"}]}
)

RATES: Fields = fields(
    Field("input", PRICE, "Prompt tokens that were neither read from nor written to a cache.", nullable=False),
    Field("cached_input", PRICE, "Prompt tokens read from a cache. Unset: as input.", nullable=False),
    Field("cache_write", PRICE, "Prompt tokens written to a cache. Unset: as input.", nullable=False),
    Field("cache_write_1h", PRICE, "The same, kept for an hour. Unset: as cache_write.", nullable=False),
    Field("output", PRICE, "Generated tokens, reasoning included.", nullable=False),
)
PRICING: Fields = fields(
    *RATES.values(),
    Field("tiers", tiers_of(RATES), "By threshold: the rates for a prompt of more tokens than that."),
    Field("free", BOOL, "Costs nothing, said out loud; excludes every rate.", nullable=False),
)
SYSTEM_PROMPT: Fields = fields(
    Field("disabled", BOOL, "True: no prompt is added to this model's requests."),
    Field("text", text(characters_max=1_000_000, lines=True, empty=True), "In place of the global prompt."),
    Field("file", Reader(_refuse_file, PROMPT_PATH.schema), "Instead of text: a .md or .txt file beside this one."),
    Field("mode", one_of(*PromptMode), "Before the client's own system text, or in its place."),
)
LIMITS: Fields = fields(
    Field("timeout", DURATION, "For a whole request."),
    Field("first_byte_timeout", DURATION, "Until the upstream's first byte."),
    Field("idle_timeout", DURATION, "Between two bytes of a stream."),
    Field("max_output_tokens", _TOKENS, "The most that one request may generate."),
    Field("context_window", _TOKENS, "The largest prompt, in tokens."),
)
ROUTING: Fields = fields(
    Field("strategy", one_of("priority"), "By priority, then the client's own format, then weight. The only one."),
    Field("max_attempts", whole(1, 20), "Calls of upstreams for one request at most. Default: 3."),
    Field("retry_on", list_of(_FAILURE), "429, a status from 500 on, 5xx, timeout. Default: 429, 5xx, timeout."),
    Field("cooldown", DURATION, "How long a failing upstream is passed over. Default: 30s."),
)
CONNECTION: Fields = fields(
    Field("provider", SLUG, "A key of `providers`. Or say api_format, api_url and api_key here."),
    Field("api_format", one_of(*API_FORMATS), "The format that the upstream speaks."),
    Field("api_url", URL, "The base that the format's path is added to."),
    Field("api_key", SECRET, _REFERENCE),
    Field("actual_model", NAME, "What the upstream is asked for. Default: display_name."),
)
UPSTREAM: Fields = fields(
    *CONNECTION.values(),
    Field("priority", whole(0, 1_000), "0 is tried first; the next only when it fails. Default: 0."),
    Field("weight", whole(0, 1_000_000), "Share of the requests within a priority. 0 drains. Default: 100."),
    Field("enabled", BOOL, "False takes the upstream out."),
)
PROVIDER: Fields = fields(
    Field("api_format", one_of(*API_FORMATS), "The format it speaks.", required=True, nullable=False),
    Field("api_url", URL, "The base that the format's path is added to.", required=True, nullable=False),
    Field("api_key", SECRET, _REFERENCE),
    Field("headers", HEADERS, "Sent with every request. One that carries a secret takes a reference."),
)
PROFILE: Fields = fields(
    *CONNECTION.values(),
    Field("upstreams", map_of(UPSTREAM), "The long form: several upstreams by key."),
    Field("pricing", table_of(PRICING), "Dollars per 1,000,000 tokens. Without it the model is not served."),
    Field("system_prompt", table_of(SYSTEM_PROMPT), "This model's own prompt."),
    Field("limits", table_of(LIMITS), "Timeouts and sizes."),
    Field("enabled", BOOL, "False: not served, not listed."),
    Field("description", text(characters_max=2_000, lines=True, empty=True), "For people."),
    Field("owned_by", NAME, "Shown in GET /v1/models."),
    Field("visibility", SLUG, "Who sees the model."),
    Field("tags", list_of(NAME), "Labels. Those of defaults and profiles are added."),
    Field("groups", list_of(NAME), "Groups of users that may call the model."),
    Field("protect", BOOL, "Never pruned, even when it has left the file."),
    Field("routing", table_of(ROUTING), "What happens when an upstream fails."),
)
MODEL: Fields = fields(
    Field("display_name", NAME, "What clients send as `model`, in any case. Default: the key."),
    Field("aliases", list_of(NAME), "Other names that clients may send."),
    Field("extends", list_of(SLUG, or_one=True), "Keys of `profiles`, merged left to right below this."),
    *PROFILE.values(),
)
DEFAULTS: Fields = fields(
    Field("model", table_of(PROFILE), "Filled into every model."),
    Field("upstream", table_of(UPSTREAM), "Filled into every upstream."),
)
MOVED: Fields = fields(
    Field("from", SLUG, "The key that was.", required=True, nullable=False),
    Field("to", SLUG, "The key that is.", required=True, nullable=False),
)
REMOVED: Fields = fields(
    Field("id", SLUG, "The key that left.", required=True, nullable=False),
    Field("destroy", BOOL, "True destroys it; false releases it.", required=True, nullable=False),
)
OWNERSHIP: Fields = fields(
    Field("fields", list_of(NAME), "Globs of field paths.", required=True, nullable=False),
    Field("mode", one_of("merge", "yaml", "ui"), "Who may change them.", required=True, nullable=False),
    Field("models", list_of(NAME), "Globs of model keys."),
    Field("providers", list_of(NAME), "Globs of provider keys. With neither: all models and all providers."),
)
REGISTRY: Fields = fields(
    Field("version", _VERSION, "The version of this grammar: 1.", required=True, nullable=False),
    Field("source", SLUG, "The name of this set of files. Default: main."),
    Field("defaults", table_of(DEFAULTS), "Filled into every model and upstream."),
    Field("profiles", map_of(PROFILE), "Fragments of a model, taken in by `extends`."),
    Field("providers", map_of(PROVIDER), "Who is called."),
    Field("models", map_of(MODEL), "What clients may name."),
    Field("ownership", records_of(OWNERSHIP), "Who may change what after the first apply."),
    Field("moved", records_of(MOVED), "Renamed keys of models."),
    Field("removed", records_of(REMOVED), "Keys of models that left on purpose."),
)
PROVIDER_CHANGES: Fields = fields(*(replace(field, required=False) for field in PROVIDER.values()))
"""A provider in an overlay: what the base says of it may be left out."""
OVERLAY: Fields = fields(
    REGISTRY["version"],
    REGISTRY["source"],
    Field("overlay", SLUG, "The environment that this file is for.", required=True, nullable=False),
    Field("providers", map_of(PROVIDER_CHANGES), "What is different of who is called, and who is called there only."),
    Field("models", map_of(MODEL), "What is different of the models, and models that are there only."),
)
"""A file that is laid over the others where its overlay is chosen."""
