"""What models there are is told in one shape, which both official SDKs read, page by page where they ask for pages."""

from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from product import Product
from tabs import Tab

NAMES = ["Listed-A", "Listed-B", "Listed-C", "Listed-D"]


@pytest.fixture(scope="module")
async def lister(running: Product) -> Tab:
    """A user whose key may call four models alone."""
    for name in NAMES:
        await running.add_model(name, aliases=(f"{name}-Latest", f"team/{name}"))
    return await Tab.open(running, allowed_models=NAMES)


@pytest.fixture
async def openai_client(lister: Tab) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{lister.product.base_url}/v1", api_key=lister.key) as client:
        yield client


@pytest.fixture
async def anthropic_client(lister: Tab) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=lister.product.base_url, api_key=lister.key) as client:
        yield client


async def test_each_model_is_listed_once_with_its_other_names(lister: Tab) -> None:
    answer = await lister.product.client.get(f"{lister.product.base_url}/v1/models", headers=lister.headers)
    listed = answer.json()
    assert [model["id"] for model in listed["data"]] == NAMES
    assert listed["data"][0]["aliases"] == ["Listed-A-Latest", "team/Listed-A"]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("Listed-A", "Listed-D", False)


@pytest.mark.parametrize("name", ["Listed-A", "listed-a", "Listed-A-Latest", "TEAM/listed-a"])
async def test_a_model_is_found_by_any_of_its_names(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic, name: str
) -> None:
    assert (await openai_client.models.retrieve(name)).id == "Listed-A"
    info = await anthropic_client.models.retrieve(name)
    assert (info.id, info.display_name, info.type, info.lifecycle) == ("Listed-A", "Listed-A", "model", "active")


async def test_a_model_that_is_not_there_is_not_found_by_either_sdk(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    with pytest.raises(openai.NotFoundError):
        await openai_client.models.retrieve("nobody")
    with pytest.raises(anthropic.NotFoundError):
        await anthropic_client.models.retrieve("nobody")


async def test_a_model_of_the_sdks_has_all_that_they_demand(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    model = await openai_client.models.retrieve("Listed-A")
    assert openai.types.Model.model_validate(model.to_dict()).owned_by
    info = await anthropic_client.models.retrieve("Listed-A")
    assert anthropic.types.ModelInfo.model_validate(info.to_dict()).created_at


async def test_both_sdks_list_all(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    assert [model.id async for model in openai_client.models.list()] == NAMES
    assert [model.id async for model in anthropic_client.models.list()] == NAMES


@pytest.mark.parametrize("limit", [1, 3, 4, 1000])
async def test_pages_are_walked_forwards_and_backwards(anthropic_client: anthropic.AsyncAnthropic, limit: int) -> None:
    assert [model.id async for model in anthropic_client.models.list(limit=limit)] == NAMES
    before = [model.id async for model in anthropic_client.models.list(limit=limit, before_id="Listed-D")]
    assert sorted(before) == NAMES[:3]


async def test_a_page_stands_where_it_is_asked_for(anthropic_client: anthropic.AsyncAnthropic) -> None:
    after = await anthropic_client.models.list(after_id="listed-a-latest", limit=2)
    assert ([model.id for model in after.data], after.has_more) == (NAMES[1:3], True)
    before = await anthropic_client.models.list(before_id="Listed-C", limit=1)
    assert ([model.id for model in before.data], before.has_more) == (["Listed-B"], True)
    last = await anthropic_client.models.list(after_id="Listed-D")
    assert (last.data, last.has_more, last.first_id) == ([], False, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=many", "after_id=nobody", "before_id=nobody"])
async def test_a_page_that_cannot_be_is_refused_by_name(lister: Tab, query: str) -> None:
    answer = await lister.product.client.get(f"{lister.product.base_url}/v1/models?{query}", headers=lister.headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["param"] == query.partition("=")[0]
