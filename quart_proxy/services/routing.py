"""From the name that a client sends to the upstreams that may answer, in order, with the price it is billed at.

A route is a snapshot: a request keeps the price, the address and the key that it was admitted with, whatever
admins change while it runs.
"""

import difflib
import random
from collections.abc import Mapping
from dataclasses import dataclass

from quart_proxy.core.errors import MissingKey, ModelNotAllowed, ModelNotFound, Untranslatable
from quart_proxy.core.formats import CLIENT_FORMATS, SPOKEN, ClientFormat, UpstreamFormat, find_serving
from quart_proxy.core.names import fold_name
from quart_proxy.core.prompts import SystemPrompt
from quart_proxy.core.references import secret_name
from quart_proxy.services.attempts import RetryPolicy, parse_policy
from quart_proxy.services.auth import Caller
from quart_proxy.services.cache import Cache
from quart_proxy.services.prompt_levels import choose_prompt_of
from quart_proxy.services.sealing import KeyResolver, Sealed
from quart_proxy.services.targets import Target, make_target, secret_references
from quart_proxy.settings import (
    CATALOG_ENTRIES_MAX,
    CATALOG_TTL_S,
    CONNECT_TIMEOUT_S,
    FIRST_BYTE_TIMEOUT_S,
    IDLE_TIMEOUT_S,
    TOTAL_TIMEOUT_S,
)
from quart_proxy.store.database import Database
from quart_proxy.store.secrets import find_secret
from quart_proxy.store.served import ServedModel, ServedUpstream, list_served_models
from quart_proxy.store.settings import LiveSettings, read_settings
from quart_proxy.upstream.client import Timeouts

NEAREST_MAX = 3
EMBEDDINGS = "openai_embeddings"


@dataclass(frozen=True, slots=True)
class Route:
    """The decision for one request."""

    model: ServedModel
    targets: tuple[Target, ...]
    """In the order in which they are tried; never empty."""
    retry: RetryPolicy
    timeouts: Timeouts
    prompt: SystemPrompt | None
    output_tokens_held: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of one name. `model` None: nothing that can be served has it. `targets` by the name of the
    client's format, in no order yet; where no upstream's key is to be had, the error that says so of the first."""

    model: ServedModel | None
    targets: Mapping[str, "tuple[Target, ...] | MissingKey"]
    retry: RetryPolicy = RetryPolicy()  # noqa: RUF009  (it is frozen)


class Router:
    """Looks models up, with everything that a minute's worth of requests can share cached."""

    def __init__(self, database: Database, resolver: KeyResolver) -> None:
        self._database = database
        self._resolver = resolver
        self._entries: Cache[str, _Entry] = Cache(
            self._load_entry, entries_max=CATALOG_ENTRIES_MAX, ttl_s=CATALOG_TTL_S
        )
        self._lists: Cache[str, list[ServedModel]] = Cache(self._load_list, entries_max=1, ttl_s=CATALOG_TTL_S)
        self._live: Cache[str, LiveSettings] = Cache(self._load_live, entries_max=1, ttl_s=CATALOG_TTL_S)

    def clear(self) -> None:
        """Forget everything: an admin changed something."""
        for cache in (self._entries, self._lists, self._live):
            cache.clear()

    async def list_models(self, caller: Caller) -> list[ServedModel]:
        """The models that this caller may call, by display name."""
        return [model for model in await self._lists.get("all") if caller.may_call(model.names)]

    def formats_of(self, model: ServedModel) -> list[ClientFormat]:
        """The formats in which clients are told to call a model of `list_models`. Of what a model is for, its price is
        all that is known: one that charges input alone makes embeddings, where it can be asked for them."""
        spoken = {upstream.api_format for upstream in model.upstreams}
        served = [each for each in CLIENT_FORMATS.values() if any(find_serving(each, one) for one in spoken)]
        embeddings = [each for each in served if each.name == EMBEDDINGS]
        return embeddings if embeddings and model.price.charges_input_alone else served

    async def find_route(self, caller: Caller, name: str, client_format: ClientFormat) -> Route:
        """Decide how to serve `name` to this caller.

        Raises ModelNotFound, ModelNotAllowed, Untranslatable when no upstream of the model can be asked what this
        format says, and MissingKey when the key of none of its upstreams is to be had.
        """
        entry = await self._entries.get(fold_name(name))
        model = entry.model
        if model is None:
            raise ModelNotFound(name, await self._nearest(caller, name))
        if not caller.may_call(model.names):
            raise ModelNotAllowed(f"This key may not call `{model.display_name}`.", param="model")
        targets = entry.targets.get(client_format.name)
        if targets is None:
            raise _unspoken(model, client_format)
        if isinstance(targets, MissingKey):
            raise targets
        live = await self._live.get("all")
        return Route(
            model=model,
            targets=spread(targets, client_format),
            retry=entry.retry,
            timeouts=_timeouts(model.limits),
            prompt=choose_prompt_of(model, live),
            output_tokens_held=model.limits.get("max_output_tokens", live.output_tokens_held),
        )

    async def _nearest(self, caller: Caller, name: str) -> list[str]:
        names = {fold_name(model.display_name): model.display_name for model in await self.list_models(caller)}
        return [names[near] for near in difflib.get_close_matches(fold_name(name), names, NEAREST_MAX)]

    async def _load_entry(self, name: str) -> _Entry:
        # One snapshot: the price of before a change with the upstream of after it would be a wrong bill.
        async with self._database.snapshot() as connection:
            found = await list_served_models(connection, name)
            if not found:
                return _Entry(None, {})
            sealed = {
                reference: await find_secret(connection, secret_name(reference))
                for upstream in found[0].upstreams
                for reference in secret_references(upstream)
            }
        made: dict[tuple[int, str], Target | MissingKey] = {}
        found_for = {
            client.name: self._list_targets(found[0], client, sealed, made) for client in CLIENT_FORMATS.values()
        }
        known = {name: targets for name, targets in found_for.items() if targets is not None}
        return _Entry(found[0], known, parse_policy(found[0].routing))

    def _list_targets(
        self,
        model: ServedModel,
        client: ClientFormat,
        sealed: Mapping[str, Sealed | None],
        made: "dict[tuple[int, str], Target | MissingKey]",
    ) -> "tuple[Target, ...] | MissingKey | None":
        """The upstreams that can serve the format and whose keys are to be had; where none has one, why not the first.
        None: no upstream can. `made` are those that were made for other formats."""
        missing: MissingKey | None = None
        targets: list[Target] = []
        for upstream in model.upstreams:
            spoken = find_serving(client, upstream.api_format)
            if spoken is None:
                continue
            key = (upstream.id, spoken.name)
            if key not in made:
                made[key] = self._target(upstream, spoken, sealed)
            target = made[key]
            if isinstance(target, Target):
                targets.append(target)
            else:
                missing = missing or target
        return tuple(targets) or missing

    def _target(
        self, upstream: ServedUpstream, spoken: UpstreamFormat, sealed: Mapping[str, Sealed | None]
    ) -> Target | MissingKey:
        url, stream_url = (
            spoken.upstream_url(upstream.api_url, actual_model=upstream.actual_model, is_streaming=is_streaming)
            for is_streaming in (False, True)
        )
        try:
            return make_target(upstream, spoken, sealed, self._resolver, url=url, stream_url=stream_url)
        except MissingKey as error:
            return error

    async def _load_list(self, _: str) -> list[ServedModel]:
        async with self._database.snapshot() as connection:
            found = await list_served_models(connection)
        return [model for model in found if any(upstream.api_format in SPOKEN for upstream in model.upstreams)]

    async def _load_live(self, _: str) -> LiveSettings:
        async with self._database.read() as connection:
            return await read_settings(connection)


def spread(targets: tuple[Target, ...], client: ClientFormat) -> tuple[Target, ...]:
    """The order in which to try them: by priority; within one, those that take the client's own format first, since
    nothing is lost that way; then at random by weight. One of weight 0 gets nothing while another is left."""
    if len(targets) == 1:
        return targets
    served = [target for target in targets if target.upstream.weight > 0]

    def draw(target: Target) -> tuple[int, bool, float]:
        upstream = target.upstream
        return upstream.priority, target.spoken.name != client.name, -(random.random() ** (1 / upstream.weight))

    return tuple(sorted(served, key=draw)) or targets


def _unspoken(model: ServedModel, client_format: ClientFormat) -> Untranslatable:
    spoken = ", ".join(sorted({upstream.api_format for upstream in model.upstreams}))
    return Untranslatable(
        f"`{model.display_name}` is served in the format {spoken} alone, which cannot answer {client_format.endpoint}.",
        param="model",
    )


def _timeouts(limits: Mapping[str, int]) -> Timeouts:
    return Timeouts(
        connect_s=CONNECT_TIMEOUT_S,
        first_byte_s=limits.get("first_byte_timeout_s", FIRST_BYTE_TIMEOUT_S),
        idle_s=limits.get("idle_timeout_s", IDLE_TIMEOUT_S),
        total_s=limits.get("timeout_s", TOTAL_TIMEOUT_S),
    )
