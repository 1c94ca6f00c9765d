"""A provider and a model from their nodes: the fields by the grammar's tables, then what binds them together."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quart_proxy.core.names import distinct_aliases
from quart_proxy.core.usage import Dimension
from registry.documents import (
    DEFAULT_UPSTREAM,
    LimitsDocument,
    ModelDocument,
    PricingDocument,
    ProviderDocument,
    SystemPromptDocument,
    UpstreamDocument,
)
from registry.files.checks import check_connection, check_free, check_prompt, check_rates, check_tiers
from registry.files.expansion import upstreams_of
from registry.files.grammar import CONNECTION, LIMITS, MODEL, PROVIDER, UPSTREAM
from registry.files.readers import Cursor, read_fields, read_map
from registry.files.tree import Node
from registry.files.values import DURATION

_TAKEN_AS_READ = ("enabled", "description", "owned_by", "visibility", "tags", "groups", "protect")


def read_provider(key: str, cursor: Cursor) -> ProviderDocument | None:
    """None if what it cannot do without is missing or wrong."""
    values = read_fields(PROVIDER, cursor)
    if "api_format" not in values or "api_url" not in values:
        return None
    return ProviderDocument(key, **values)


def read_model(key: str, cursor: Cursor, upstream_defaults: Node) -> ModelDocument | None:
    """A model with all that it is built on filled in. None if it has no upstream."""
    values = read_fields(MODEL, cursor)
    upstreams = _read_upstreams(cursor, values, upstream_defaults)
    prompt = values.get("system_prompt", {})
    check_prompt(cursor, prompt)
    pricing = _read_pricing(cursor, values.get("pricing"))
    if not upstreams:
        return None
    display_name = values.get("display_name", key)
    return ModelDocument(
        key=key,
        display_name=display_name,
        aliases=tuple(distinct_aliases(display_name, values.get("aliases", ()))),
        upstreams=tuple(upstreams),
        pricing=pricing,
        system_prompt=SystemPromptDocument(**prompt),
        limits=_limits(values.get("limits", {})),
        routing=_routing(values.get("routing", {})),
        **{name: values[name] for name in _TAKEN_AS_READ if name in values},
    )


def _limits(values: Mapping[str, int]) -> LimitsDocument:
    """Durations have their unit in the name once they are numbers."""
    return LimitsDocument(
        **{f"{name}_s" if LIMITS[name].reader is DURATION else name: value for name, value in values.items()}
    )


def _routing(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it."""
    routing = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    if "cooldown" in routing:
        routing["cooldown"] = f"{routing['cooldown']}s"
    return routing


def _read_upstreams(model: Cursor, values: Mapping[str, Any], defaults: Node) -> list[UpstreamDocument]:
    """The long form's upstreams, or the one that the short form stands for."""
    nodes = upstreams_of(model.node, defaults)
    long_form = values.get("upstreams")
    if long_form is None:
        return [_read_upstream(DEFAULT_UPSTREAM, model.over(nodes[DEFAULT_UPSTREAM]))]
    for name in CONNECTION.keys() & values.keys():
        message = "belongs inside an upstream when the model has `upstreams`"
        model.field(name).fail_at_key("E208", message, beside=[long_form])
    found = [_read_upstream(key, child.over(nodes[key])) for key, child in read_map(long_form)]
    if not found:
        model.fail_at_key("E202", "needs at least one upstream")
    return found


def _read_upstream(key: str, cursor: Cursor) -> UpstreamDocument:
    values = read_fields(UPSTREAM, cursor)
    check_connection(cursor)
    return UpstreamDocument(key, **values)


def _read_pricing(model: Cursor, values: Mapping[str, Any] | None) -> PricingDocument | None:
    if values is None:
        return None
    pricing = model.field("pricing")
    if values.get("free"):
        check_free(pricing)
        return PricingDocument(free=True)
    rates = _rates(values)
    tiers = {threshold: _rates(said) for threshold, said in values.get("tiers", {}).items()}
    check_rates(pricing, rates)
    check_tiers(pricing, tiers)
    return PricingDocument(rates, tiers=tiers)


def _rates(values: Mapping[str, Any]) -> dict[Dimension, Decimal]:
    return {dimension: values[dimension] for dimension in Dimension if dimension in values}
