"""From a name to the one upstream that answers: what is found, what is not, and what a request keeps."""

import asyncio
from dataclasses import asdict
from decimal import Decimal

import pytest
from books import RATES, UPSTREAM
from product import Product

from quart_proxy.core.errors import Conflict, MissingKey, ModelNotAllowed, ModelNotFound, Untranslatable
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.usage import Dimension
from quart_proxy.services.auth import Caller
from quart_proxy.services.routing import Route, Router
from quart_proxy.services.sealing import KeyResolver, Sealer
from quart_proxy.store.catalog import Model, Provider, Upstream
from quart_proxy.store.catalog_writes import delete_model, delete_provider, save_model, save_provider
from quart_proxy.store.database import Database

OPENAI = FORMATS["openai"]


def caller(*allowed: str) -> Caller:
    return Caller(1, "someone", 1, "key", allowed_models=(frozenset(allowed),) if allowed else ())


def router(database: Database, **environment: str) -> Router:
    sealer = Sealer(["a key that is long enough to pass"])
    return Router(database, KeyResolver(env_allow=("*_API_KEY",), sealer=sealer, environment=environment))


def model(key: str, **fields: object) -> Model:
    values = {"key": key, "display_name": key, "rates": RATES, "upstreams": (UPSTREAM,), **fields}
    return Model(**values)  # type: ignore[arg-type]


async def save(database: Database, *models: Model) -> None:
    async with database.transaction() as connection:
        for one in models:
            await save_model(connection, one)


async def find(router: Router, name: str, *allowed: str) -> Route:
    return await router.find_route(caller(*allowed), name, OPENAI)


async def test_a_model_answers_to_its_name_and_aliases_in_any_case(database: Database) -> None:
    await save(database, model("slug", display_name="GPT-Große", aliases=("Latest", "old-name")))
    routes = router(database)
    for name in ("GPT-Große", "gpt-grosse", " GPT-GROSSE ", "latest", "LATEST", "Old-Name"):
        assert (await find(routes, name)).model.display_name == "GPT-Große"
    with pytest.raises(ModelNotFound):
        await find(routes, "slug")


async def test_what_cannot_be_served_is_neither_found_nor_listed(database: Database) -> None:
    await save(
        database,
        model("good"),
        model("unpriced", rates=None),
        model("disabled", enabled=False),
        model("no-upstream", upstreams=()),
        model("off-upstream", upstreams=(Upstream(key="x", api_format="openai", api_url="http://h", enabled=False),)),
        model("deleted"),
    )
    async with database.transaction() as connection:
        await save_provider(connection, Provider(key="gone", api_format="openai", api_url="http://h/v1"))
        await save_model(connection, model("orphaned", upstreams=(Upstream(key="x", provider="gone"),)))
        await delete_provider(connection, "gone")
        await delete_model(connection, "deleted")
    routes = router(database)
    assert [found.display_name for found in await routes.list_models(caller())] == ["good"]
    for name in ("unpriced", "disabled", "no-upstream", "off-upstream", "deleted", "orphaned"):
        with pytest.raises(ModelNotFound):
            await find(routes, name)


async def test_an_unknown_name_is_remembered_until_a_change_clears_it(database: Database) -> None:
    routes = router(database)
    with pytest.raises(ModelNotFound):
        await find(routes, "soon")
    await save(database, model("soon"))
    with pytest.raises(ModelNotFound):
        await find(routes, "soon")
    routes.clear()
    assert (await find(routes, "soon")).model.display_name == "soon"


async def test_a_route_keeps_its_price_and_address_while_admins_change_both(database: Database) -> None:
    routes = router(database)
    await save(database, model("m"))
    before = await find(routes, "m")
    moved = Upstream(key="only", api_format="openai", api_url="http://elsewhere/v1", actual_model="other")
    await save(database, model("m", rates={**RATES, Dimension.INPUT: Decimal(99)}, upstreams=(moved,)))
    routes.clear()
    after = await find(routes, "m")
    assert (before.model.price.rate(Dimension.INPUT), after.model.price.rate(Dimension.INPUT)) == (3, 99)
    assert before.model.price.id != after.model.price.id
    assert (before.targets[0].url, after.targets[0].url) == (
        "http://127.0.0.1:9/v1/chat/completions",
        "http://elsewhere/v1/chat/completions",
    )


async def test_a_key_calls_and_lists_the_models_it_names_alone(database: Database) -> None:
    await save(database, model("one", aliases=("uno",)), model("two"))
    routes = router(database)
    assert [found.display_name for found in await routes.list_models(caller("uno"))] == ["one"]
    assert (await find(routes, "ONE", "uno")).model.display_name == "one"
    with pytest.raises(ModelNotAllowed):
        await find(routes, "two", "uno")


async def test_an_unknown_name_is_answered_with_near_ones_that_the_key_may_call(database: Database) -> None:
    await save(database, model("Claude-Sonnet"), model("claude-sonnex"))
    with pytest.raises(ModelNotFound) as refused:
        await find(router(database), "claude-sonet", "claude-sonnet")
    assert "Claude-Sonnet" in refused.value.message
    assert "sonnex" not in refused.value.message


async def test_a_missing_provider_key_is_told_without_its_name_and_found_when_it_is_there(database: Database) -> None:
    upstream = Upstream(key="x", api_format="openai", api_url="http://h/v1", api_key="${env:MY_API_KEY}")
    await save(database, model("m", upstreams=(upstream,)))
    with pytest.raises(MissingKey) as refused:
        await find(router(database), "m")
    assert "MY_API_KEY" not in refused.value.message
    route = await find(router(database, MY_API_KEY="sk-mine"), "m")
    assert route.targets[0].headers["authorization"] == "Bearer sk-mine"


async def test_an_upstream_without_its_key_is_passed_over_while_another_can_serve(database: Database) -> None:
    first = Upstream(key="a", api_format="openai", api_url="http://first/v1", api_key="${env:A_API_KEY}")
    spare = Upstream(key="b", api_format="openai", api_url="http://spare/v1", api_key="${env:B_API_KEY}", priority=1)
    await save(database, model("m", upstreams=(first, spare)))
    assert (await find(router(database, B_API_KEY="sk-b"), "m")).targets[0].url == "http://spare/v1/chat/completions"
    both = await find(router(database, A_API_KEY="sk-a", B_API_KEY="sk-b"), "m")
    assert both.targets[0].url == "http://first/v1/chat/completions"
    with pytest.raises(MissingKey) as refused:
        await find(router(database), "m")
    assert refused.value.reference == "${env:A_API_KEY}"


async def test_a_route_is_printed_without_its_key(database: Database) -> None:
    upstream = Upstream(key="x", api_format="openai", api_url="http://h/v1", api_key="${env:MY_API_KEY}")
    await save(database, model("m", upstreams=(upstream,)))
    route = await find(router(database, MY_API_KEY="sk-canary-4711"), "m")
    assert "sk-canary-4711" in str(route.targets[0].headers)
    assert "canary" not in f"{route!r} {route} {route.targets[0]!r} {asdict(route.targets[0].upstream)}"


async def test_the_upstream_of_the_first_priority_is_called(database: Database) -> None:
    first = Upstream(key="b", api_format="openai", api_url="http://first/v1", priority=0)
    spare = Upstream(key="a", api_format="openai", api_url="http://spare/v1", priority=1, weight=1000)
    await save(database, model("m", upstreams=(spare, first)))
    assert (await find(router(database), "m")).targets[0].url == "http://first/v1/chat/completions"


async def test_an_upstream_that_names_no_model_is_asked_for_the_display_name(database: Database) -> None:
    plain = Upstream(key="x", api_format="openai", api_url="http://h/v1")
    await save(database, model("slug", display_name="Shown", upstreams=(plain,)))
    assert (await find(router(database), "shown")).targets[0].upstream.actual_model == "Shown"


async def test_a_format_that_cannot_answer_an_endpoint_is_said(database: Database) -> None:
    await save(database, model("m", upstreams=(Upstream(key="x", api_format="anthropic", api_url="http://h"),)))
    with pytest.raises(Untranslatable, match="anthropic"):
        await router(database).find_route(caller(), "m", FORMATS["openai_embeddings"])


async def test_a_change_of_upstream_and_price_is_never_seen_by_halves(database: Database) -> None:
    """A price is read first and the upstreams after it; a commit in between must not give the old price to the new
    upstream."""
    cheap, dear = (
        Upstream(key="x", api_format="openai", api_url="http://h/v1", actual_model=name) for name in ("cheap", "dear")
    )
    prices = {"cheap": Decimal(1), "dear": Decimal(100)}
    await save(database, model("m", upstreams=(cheap,), rates={**RATES, Dimension.INPUT: Decimal(1)}))
    routes = router(database)
    for turn in range(30):
        upstream = (dear, cheap)[turn % 2]
        rates = {**RATES, Dimension.INPUT: prices[str(upstream.actual_model)]}
        writing = asyncio.create_task(save(database, model("m", upstreams=(upstream,), rates=rates)))
        while not writing.done():
            routes.clear()
            route = await find(routes, "m")
            assert route.model.price.rate(Dimension.INPUT) == prices[route.targets[0].upstream.actual_model]
        await writing


async def test_no_row_may_hold_a_key_itself(database: Database) -> None:
    plain = Upstream(key="x", api_format="openai", api_url="http://h/v1", api_key="sk-plain")
    with pytest.raises(Conflict, match="is_a_reference"):
        await save(database, model("m", upstreams=(plain,)))
    provider = Provider(key="p", api_format="openai", api_url="http://h/v1", api_key="sk-plain")
    with pytest.raises(Conflict, match="is_a_reference"):
        async with database.transaction() as connection:
            await save_provider(connection, provider)


async def test_a_model_that_no_format_speaks_is_neither_listed_nor_called_served(product: Product) -> None:
    await product.add_model("later", api_format="unheard_of")
    listed = await product.client.get(f"{product.base_url}/v1/models", headers=product.headers)
    kept = await product.client.get(f"{product.base_url}/api/admin/models/later", headers=await product.login())
    assert "later" not in [model["id"] for model in listed.json()["data"]]
    assert kept.json()["served"] is False
    assert "speaks" in kept.json()["reason"]
