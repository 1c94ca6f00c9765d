"""An upstream ready to be called: its address and its headers, with the provider's key among them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from quart_proxy.core.errors import MissingKey
from quart_proxy.core.formats import UpstreamFormat
from quart_proxy.core.references import is_reference, is_secret
from quart_proxy.services.sealing import KeyResolver, Sealed
from quart_proxy.store.served import ServedUpstream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Full address and headers of a call. `spoken` is how it is called; `stream_url` is where it streams."""

    upstream: ServedUpstream
    spoken: UpstreamFormat
    url: str
    stream_url: str
    # Whatever prints a route, such as a log or a traceback, prints no key.
    headers: Mapping[str, str] = field(repr=False)


def secret_references(upstream: ServedUpstream) -> list[str]:
    """The `${secret:name}` references that a call to it needs."""
    return [reference for reference in (upstream.api_key or "", *upstream.headers.values()) if is_secret(reference)]


def make_target(
    upstream: ServedUpstream,
    spoken: UpstreamFormat,
    sealed: Mapping[str, Sealed | None],
    resolver: KeyResolver,
    *,
    url: str,
    stream_url: str | None = None,
) -> Target:
    """`sealed` holds the secrets that it refers to; `url` is the address to call, None for `stream_url` the same one.
    Raises MissingKey, and leaves word of it."""

    def resolve(reference: str) -> str:
        return resolver.resolve(reference, url=upstream.api_url, sealed=sealed.get(reference))

    try:
        own = {
            name.lower(): resolve(value) if is_reference(value) else value for name, value in upstream.headers.items()
        }
        credentials = {} if upstream.api_key is None else spoken.credential_headers(resolve(upstream.api_key))
    except MissingKey as error:
        logger.error(
            "provider_key_missing",
            extra={"fields": {"upstream": upstream.name, "reference": error.reference, "reason": error.reason}},
        )
        raise
    headers = {"content-type": "application/json", **spoken.default_headers, **own, **credentials}
    return Target(upstream, spoken, url, stream_url or url, headers)
