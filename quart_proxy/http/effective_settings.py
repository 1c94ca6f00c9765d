"""Every setting in force, live or not: its value, where that came from, and what it is for. No secret is among them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy import settings as limits
from quart_proxy.http.forms import time_text
from quart_proxy.settings import Settings
from quart_proxy.store.settings import KeptSetting, LiveSettings, as_document

LIVE = {
    "system_prompt_enabled": ("System prompts", "The master switch. Off: nothing is injected anywhere."),
    "system_prompt": ("Global system prompt", "For models that have no text of their own. Empty: nothing is injected."),
    "system_prompt_mode": (
        "Where it goes",
        "`prepend` puts it before the client's own system text; `replace` drops the client's.",
    ),
    "output_tokens_held": (
        "Output tokens held",
        "Held against the balance while a request runs that names no `max_tokens`, on a model that names no"
        " `max_output_tokens`.",
    ),
}
"""What each live setting is called, and what it does."""


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of the environment: the field of Settings that it becomes, and what it does."""

    name: str
    field: str
    description: str


VARIABLES = (
    _Variable("QUART_PROXY_ENV", "is_production", "Production refuses to start without secrets of its own."),
    _Variable("DATABASE_URL", "database_url", "Where the books are kept: an external PostgreSQL, or the embedded one."),
    _Variable("REDIS_URL", "redis_url", "Where requests and tokens a minute are counted for all workers together."),
    _Variable("DATA_DIR", "data_dir", "The embedded database, generated secrets, and the spool of charges."),
    _Variable("PORT", "port", "Where the product listens, unless it is started with another address."),
    _Variable("HEARTBEAT_S", "heartbeat_s", "Seconds of silence in a stream before a heartbeat is sent."),
    _Variable("ALLOW_PRIVATE_UPSTREAMS", "allow_private_upstreams", "Whether http and private addresses are called."),
    _Variable("MODELS_FILE", "models_file", "The registry's files: a file, a folder or a glob."),
    _Variable("REGISTRY_OVERLAY", "registry_overlay", "Which overlay is laid over the files."),
    _Variable("REGISTRY_SYNC", "registry_sync", "How the files are merged with live edits when the product starts."),
    _Variable("REGISTRY_WATCH", "registry_watch_s", "Seconds between two looks at the files; null: at start only."),
    _Variable("REGISTRY_SYNC_PRUNE", "registry_sync_prune", "Whether a sync deletes what left the files."),
    _Variable("REGISTRY_SYNC_STRICT", "registry_sync_strict", "Whether files that cannot be synced stop the start."),
    _Variable("REGISTRY_ENV_ALLOW", "registry_env_allow", "Variables that `${env:NAME}` may read."),
    _Variable("REGISTRY_FILE_ALLOW", "registry_file_allow", "Files that `${file:/path}` may read."),
)
CONSTANTS = {
    "BODY_BYTES_MAX": "The largest request body, in bytes.",
    "BODY_TIMEOUT_S": "Seconds for a request body to arrive.",
    "ANSWER_BYTES_MAX": "The largest answer of a provider that is not streamed, in bytes.",
    "CONNECT_TIMEOUT_S": "Seconds to connect to a provider.",
    "FIRST_BYTE_TIMEOUT_S": "Seconds to a provider's first byte, where a model names no `first_byte_timeout`.",
    "IDLE_TIMEOUT_S": "Seconds of silence inside an answer, where a model names no `idle_timeout`.",
    "TOTAL_TIMEOUT_S": "Seconds for a whole answer, where a model names no `timeout`.",
    "DRAIN_TIMEOUT_S": "Seconds that an answer is read on after its client hung up.",
    "SETTLE_WAIT_S": "Seconds for a charge to be committed, before the spool makes it durable.",
    "GRACE_S": "Seconds for running answers to finish when the process is told to stop.",
    "ADMIN_TOKEN_S": "Seconds that an admin stays signed in.",
}
"""Limits that are the same in every installation."""


def effective_settings(
    live: LiveSettings, kept: Mapping[str, KeptSetting], environment: Settings
) -> list[dict[str, Any]]:
    return [*_live(live, kept), *_variables(environment), *_constants()]


def _live(live: LiveSettings, kept: Mapping[str, KeptSetting]) -> Iterator[dict[str, Any]]:
    defaults = as_document(LiveSettings())
    for name, value in as_document(live).items():
        row, (label, description) = kept.get(name), LIVE[name]
        yield {
            "name": name,
            "label": label,
            "value": value,
            "default": defaults[name],
            "source": "default" if row is None else "database",
            "editable": True,
            "changed_at": None if row is None else time_text(row.changed_at),
            "changed_by": None if row is None else row.changed_by,
            "description": description,
        }


def _variables(environment: Settings) -> Iterator[dict[str, Any]]:
    # What is left out in production is more careful, so the defaults are those of the same environment.
    defaults = Settings(
        data_dir=limits.DATA_DIR.absolute(),
        is_production=environment.is_production,
        allow_private_upstreams=not environment.is_production,
    )
    for variable in VARIABLES:
        value, default = (_shown(variable, settings) for settings in (environment, defaults))
        if variable.name == "QUART_PROXY_ENV":
            default = "development"
        is_given = variable.name in environment.given or value != default
        yield _fixed(variable.name, value, default, "environment" if is_given else "default", variable.description)


def _shown(variable: _Variable, settings: Settings) -> Any:
    """Its value as JSON. The addresses of databases have passwords in them, and are never shown."""
    value = getattr(settings, variable.field)
    if variable.name == "DATABASE_URL":
        return "embedded" if settings.database_is_embedded else "external"
    if variable.name == "REDIS_URL":
        return "none" if value is None else "external"
    if variable.name == "QUART_PROXY_ENV":
        return "production" if value else "development"
    if variable.name == "DATA_DIR":
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _constants() -> Iterator[dict[str, Any]]:
    for name, description in CONSTANTS.items():
        value = getattr(limits, name)
        yield _fixed(name, value, value, "default", description)


def _fixed(name: str, value: Any, default: Any, source: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "value": value,
        "default": default,
        "source": source,
        "editable": False,
        "changed_at": None,
        "changed_by": None,
        "description": description,
    }
