"""Asking a provider whether it is there and takes our key, by its own list of models: nothing is billed for that."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from quart_proxy.core.errors import MissingKey, UpstreamError
from quart_proxy.core.formats import UPSTREAM_FORMATS, UpstreamFormat
from quart_proxy.core.references import secret_name
from quart_proxy.services.sealing import KeyResolver, Sealed
from quart_proxy.services.targets import Target, make_target, secret_references
from quart_proxy.store.catalog import Model, Provider
from quart_proxy.store.database import Database
from quart_proxy.store.secrets import find_secret
from quart_proxy.store.served import ServedUpstream, list_upstreams
from quart_proxy.upstream.client import Timeouts, UpstreamClient

PATIENCE = Timeouts(connect_s=5.0, first_byte_s=10.0, idle_s=10.0, total_s=15.0)
"""Somebody waits for it in front of a page."""
LIST_BYTES_MAX = 8 * 1024 * 1024
"""The longest list known is a resellers', of some 700 KB."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of asking one upstream. `status` None: it did not answer. `lists_model`: whether its list has the
    model that it is asked for; None where that cannot be told. `message` has no secret and nothing a provider wrote."""

    upstream: str
    url: str
    is_ok: bool
    status: int | None
    latency_ms: int | None
    message: str
    lists_model: bool | None = None


class ProviderCheck:
    """Raises Unavailable when the database is away; what is wrong with a provider is an answer."""

    def __init__(self, database: Database, client: UpstreamClient, resolver: KeyResolver) -> None:
        self._database = database
        self._client = client
        self._resolver = resolver

    async def check_provider(self, provider: Provider) -> list[Checked]:
        asked = ServedUpstream(
            id=0,
            name=provider.key,
            api_format=provider.api_format,
            api_url=provider.api_url,
            api_key=provider.api_key,
            headers=provider.headers,
            actual_model="",
            priority=0,
            weight=0,
        )
        return await self._check([asked])

    async def check_model(self, model: Model) -> list[Checked]:
        """Each of its enabled upstreams, in calling order."""
        async with self._database.read() as connection:
            found = await list_upstreams(connection, [model.id])
        return await self._check(found.get(model.id, []))

    async def _check(self, upstreams: Sequence[ServedUpstream]) -> list[Checked]:
        async with self._database.read() as connection:
            sealed = {
                reference: await find_secret(connection, secret_name(reference))
                for upstream in upstreams
                for reference in secret_references(upstream)
            }
        return await asyncio.gather(*(self._check_one(upstream, sealed) for upstream in upstreams))

    async def _check_one(self, upstream: ServedUpstream, sealed: dict[str, Sealed | None]) -> Checked:
        spoken = UPSTREAM_FORMATS.get(upstream.api_format)
        if spoken is None:
            return _unasked(upstream, upstream.api_url, f"This version does not speak {upstream.api_format}.")
        url = spoken.models_url(upstream.api_url)
        try:
            target = make_target(upstream, spoken, sealed, self._resolver, url=url)
        except MissingKey as missing:
            return _unasked(upstream, url, f"Its key {missing.reference} is not to be had here: {missing.reason}.")
        return await self._ask(target, spoken)

    async def _ask(self, target: Target, spoken: UpstreamFormat) -> Checked:
        begun = time.monotonic()
        try:
            exchange = await self._client.open(target.url, headers=target.headers, body=None, timeouts=PATIENCE)
        except UpstreamError as error:
            return _unasked(target.upstream, target.url, error.message)
        latency_ms = round((time.monotonic() - begun) * 1000)
        try:
            body, is_whole = await exchange.read(LIST_BYTES_MAX)
        except UpstreamError:
            body, is_whole = b"", False
        finally:
            await exchange.close()
        is_ok = 200 <= exchange.status < 300
        lists_model = _lists_model(body, target.upstream.actual_model) if is_ok and is_whole else None
        return Checked(
            upstream=target.upstream.name,
            url=target.url,
            is_ok=is_ok,
            status=exchange.status,
            latency_ms=latency_ms,
            message=_sentence(exchange.status, target.upstream, lists_model),
            lists_model=lists_model,
        )


def _unasked(upstream: ServedUpstream, url: str, message: str) -> Checked:
    return Checked(upstream.name, url, is_ok=False, status=None, latency_ms=None, message=message)


def _lists_model(body: bytes, model: str) -> bool | None:
    """None: no model was meant, or the answer is no list of them."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not model or not isinstance(document, dict) or document.get("has_more") is True:
        return None
    # Google's list has `models` by `name`, which begins with `models/`, and goes on where it has a token.
    listed = document.get("data", document.get("models"))
    if not isinstance(listed, list) or document.get("nextPageToken"):
        return None
    names = [each.get("id", each.get("name")) for each in listed if isinstance(each, dict)]
    return model in names or f"models/{model}" in names


def _sentence(status: int, upstream: ServedUpstream, lists_model: bool | None) -> str:
    has_key = upstream.api_key is not None
    if 200 <= status < 300:
        good = "The provider accepts this key" if has_key else "The provider answers, and wants no key for its list"
        if lists_model is False:
            return f"{good}, but the list does not name {upstream.actual_model}."
        return f"{good}."
    if status in (401, 403):
        return f"The provider {'does not accept this key' if has_key else 'wants a key'} ({status})."
    if status == 402:
        return "The provider wants to be paid first (402)."
    if status in (404, 405):
        return f"The provider has no list of models at this address ({status}): is the api_url right?"
    if status == 429:
        return "The provider is there and limits its rate (429); try again later."
    if status < 400:
        return f"The provider sends us to another address ({status}): the api_url must be the final one."
    return (
        f"The provider failed ({status})." if status >= 500 else f"The provider refused to list its models ({status})."
    )
