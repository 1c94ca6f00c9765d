"""What a registry holds, typed: providers, models and their upstreams, prices, prompts, limits.

`as_document` gives back the form that `models.yaml` and the admin API write, money as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quart_proxy.core.money import format_money
from quart_proxy.core.usage import Dimension

DEFAULT_UPSTREAM = "default"
"""The key of the one upstream of a model in the short form."""


@dataclass(frozen=True, slots=True)
class ProviderDocument:
    """Who is called. `api_key` is the text of a reference, such as `${env:NAME}`; None sends no key."""

    key: str
    api_format: str
    api_url: str
    api_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamDocument:
    """One way to serve a model: either `provider`, or `api_format` and `api_url` (and `api_key`) of its own.

    `actual_model` None asks for the model's display name. The lowest `priority` is tried first; `weight`
    spreads requests within it, and 0 drains the upstream.
    """

    key: str
    provider: str | None = None
    api_format: str | None = None
    api_url: str | None = None
    api_key: str | None = None
    actual_model: str | None = None
    priority: int = 0
    weight: int = 100
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class PricingDocument:
    """Dollars per 1,000,000 tokens by dimension: what was said, before any fallback. `free` has no rates.

    `tiers` has, by threshold, the rates for a prompt of more tokens: of the dimensions that `rates` has.
    """

    rates: Mapping[Dimension, Decimal] = field(default_factory=dict)
    free: bool = False
    tiers: Mapping[int, Mapping[Dimension, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemPromptDocument:
    """A model's own prompt. None is silence: the global setting decides. An empty `text` says nothing."""

    disabled: bool | None = None
    text: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class LimitsDocument:
    """None leaves a limit to the built-in default."""

    timeout_s: int | None = None
    first_byte_timeout_s: int | None = None
    idle_timeout_s: int | None = None
    max_output_tokens: int | None = None
    context_window: int | None = None


@dataclass(frozen=True, slots=True)
class ModelDocument:
    """A model that a client may name, by `display_name` or an alias, in any case.

    `pricing` None: the model is kept but not served. `upstreams` is never empty. `routing` is as JSON has it:
    `{"retry_on": ["429", "5xx"], "cooldown": "30s"}`.
    """

    key: str
    display_name: str
    upstreams: tuple[UpstreamDocument, ...]
    aliases: tuple[str, ...] = ()
    pricing: PricingDocument | None = None
    system_prompt: SystemPromptDocument = SystemPromptDocument()
    limits: LimitsDocument = LimitsDocument()
    enabled: bool = True
    description: str | None = None
    owned_by: str | None = None
    visibility: str | None = None
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    protect: bool = False
    routing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registry:
    """The files of one source, read."""

    version: int
    source: str
    providers: Mapping[str, ProviderDocument]
    models: Mapping[str, ModelDocument]


def as_document(document: ProviderDocument | ModelDocument) -> dict[str, Any]:
    """The document without its key, as JSON, with the field names of `models.yaml`.

    `parse_model(key, as_document(model))` gives the same model, and so for a provider.
    """
    return _provider(document) if isinstance(document, ProviderDocument) else _model(document)


def _provider(provider: ProviderDocument) -> dict[str, Any]:
    return _without_none(
        api_format=provider.api_format,
        api_url=provider.api_url,
        api_key=provider.api_key,
        headers=dict(provider.headers) or None,
    )


def _model(model: ModelDocument) -> dict[str, Any]:
    prompt = model.system_prompt
    return _without_none(
        display_name=model.display_name,
        aliases=list(model.aliases) or None,
        **_upstreams(model.upstreams),
        pricing=None if model.pricing is None else _pricing(model.pricing),
        system_prompt=_without_none(disabled=prompt.disabled, text=prompt.text, mode=prompt.mode) or None,
        limits=_limits(model.limits) or None,
        enabled=model.enabled,
        description=model.description,
        owned_by=model.owned_by,
        visibility=model.visibility,
        tags=list(model.tags) or None,
        groups=list(model.groups) or None,
        protect=model.protect or None,
        routing=dict(model.routing) or None,
    )


def _upstreams(upstreams: tuple[UpstreamDocument, ...]) -> dict[str, Any]:
    """The short form where it says everything, else the long form."""
    first = upstreams[0]
    is_plain = (first.key, first.priority, first.weight, first.enabled) == (DEFAULT_UPSTREAM, 0, 100, True)
    if len(upstreams) == 1 and is_plain:
        return _connection(first)
    return {"upstreams": {upstream.key: _upstream(upstream) for upstream in upstreams}}


def _upstream(upstream: UpstreamDocument) -> dict[str, Any]:
    return {
        **_connection(upstream),
        "priority": upstream.priority,
        "weight": upstream.weight,
        "enabled": upstream.enabled,
    }


def _connection(upstream: UpstreamDocument) -> dict[str, Any]:
    return _without_none(
        provider=upstream.provider,
        api_format=upstream.api_format,
        api_url=upstream.api_url,
        api_key=upstream.api_key,
        actual_model=upstream.actual_model,
    )


def _pricing(pricing: PricingDocument) -> dict[str, Any]:
    if pricing.free:
        return {"free": True}
    tiers = {str(threshold): _rates(rates) for threshold, rates in sorted(pricing.tiers.items())}
    return {**_rates(pricing.rates), **({"tiers": tiers} if tiers else {})}


def _rates(rates: Mapping[Dimension, Decimal]) -> dict[str, str]:
    return {dimension.value: format_money(rate) for dimension, rate in rates.items()}


def _limits(limits: LimitsDocument) -> dict[str, Any]:
    return _without_none(
        timeout=_seconds(limits.timeout_s),
        first_byte_timeout=_seconds(limits.first_byte_timeout_s),
        idle_timeout=_seconds(limits.idle_timeout_s),
        max_output_tokens=limits.max_output_tokens,
        context_window=limits.context_window,
    )


def _seconds(seconds: int | None) -> str | None:
    return None if seconds is None else f"{seconds}s"


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
