"""Documents of the registry as rows of the catalog, and back."""

from typing import Any

from quart_proxy.store.catalog import Model, Provider, Upstream
from registry.documents import (
    LimitsDocument,
    ModelDocument,
    PricingDocument,
    ProviderDocument,
    SystemPromptDocument,
    UpstreamDocument,
)

_EXTRA = ("owned_by", "visibility", "tags", "groups", "protect", "routing")
_LIMITS = ("timeout_s", "first_byte_timeout_s", "idle_timeout_s", "max_output_tokens", "context_window")


def provider_row(document: ProviderDocument) -> Provider:
    return Provider(
        key=document.key,
        api_format=document.api_format,
        api_url=document.api_url,
        api_key=document.api_key,
        headers=document.headers,
    )


def provider_document(row: Provider) -> ProviderDocument:
    return ProviderDocument(row.key, row.api_format, row.api_url, row.api_key, dict(row.headers))


def etag_of(row: Provider | Model) -> str:
    """What a writer names the state by that it has seen."""
    # With the id: a document that was deleted and made anew is not the one that was read.
    return f"{row.id}.{row.row_version}"


def model_row(document: ModelDocument) -> Model:
    pricing, prompt = document.pricing, document.system_prompt
    limits = {name: getattr(document.limits, name) for name in _LIMITS}
    return Model(
        key=document.key,
        display_name=document.display_name,
        aliases=document.aliases,
        enabled=document.enabled,
        description=document.description,
        prompt_disabled=prompt.disabled,
        prompt_text=prompt.text,
        prompt_mode=prompt.mode,
        limits={name: value for name, value in limits.items() if value is not None},
        rates=None if pricing is None else pricing.rates,
        free=pricing is not None and pricing.free,
        tiers={} if pricing is None else pricing.tiers,
        upstreams=tuple(_upstream_row(upstream) for upstream in document.upstreams),
        extra={name: _plain(getattr(document, name)) for name in _EXTRA if getattr(document, name)},
    )


def model_document(row: Model) -> ModelDocument:
    pricing = None
    if row.free:
        pricing = PricingDocument({}, free=True)
    elif row.rates is not None:
        pricing = PricingDocument(row.rates, tiers=row.tiers)
    extra: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.extra.items()
    }
    return ModelDocument(
        key=row.key,
        display_name=row.display_name,
        upstreams=tuple(_upstream_document(upstream) for upstream in row.upstreams),
        aliases=row.aliases,
        pricing=pricing,
        system_prompt=SystemPromptDocument(row.prompt_disabled, row.prompt_text, row.prompt_mode),
        limits=LimitsDocument(**row.limits),
        enabled=row.enabled,
        description=row.description,
        **extra,
    )


def _upstream_row(document: UpstreamDocument) -> Upstream:
    return Upstream(**{name: getattr(document, name) for name in UpstreamDocument.__slots__})


def _upstream_document(row: Upstream) -> UpstreamDocument:
    return UpstreamDocument(**{name: getattr(row, name) for name in UpstreamDocument.__slots__})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
