"""Counting a request's tokens before it is made: free, by whoever knows, and marked where nobody did."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from product import Product
from scripted import ScriptedProvider
from tabs import Tab

PATH = "/v1/messages/count_tokens"
ESTIMATE = "x-quart-proxy-estimate"


async def count(tab: Tab, model: str, *, text: str = "hello there", **more: Any) -> httpx.Response:
    headers = {**tab.headers, **more.pop("headers", {})}
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return await tab.product.client.post(tab.product.base_url + PATH, json=body, headers=headers)


async def test_the_provider_counts_what_it_would_be_sent(tab: Tab) -> None:
    nonce = uuid4().hex
    model = await tab.add_model("sandbox:cached=7", "anthropic", prompt_text="Ours.")
    answer = await count(tab, model, text=f"nonce:{nonce}", headers={"anthropic-beta": "b1"})
    assert answer.status_code == 200
    assert answer.json()["input_tokens"] > 7
    assert ESTIMATE not in answer.headers
    assert answer.headers["request-id"]
    entry = await tab.entry(nonce)
    assert entry["path"] == PATH
    assert (entry["body"]["model"], entry["body"]["system"]) == ("sandbox:cached=7", "Ours.")
    assert entry["headers"]["anthropic-beta"] == "b1"


@pytest.mark.parametrize("api_format", ["openai", "openai_responses", "gemini"])
async def test_another_formats_model_is_estimated_with_its_prompt(tab: Tab, api_format: str) -> None:
    bare = await count(tab, await tab.add_model("sandbox", api_format))
    prompted = await count(tab, await tab.add_model("sandbox", api_format, prompt_text="x" * 400))
    assert bare.headers[ESTIMATE] == prompted.headers[ESTIMATE] == "true"
    assert prompted.json()["input_tokens"] == bare.json()["input_tokens"] + 100


async def test_counting_is_free_and_leaves_no_row(running: Product) -> None:
    poor = await Tab.open(running, "0")
    model = await poor.add_model("sandbox", "anthropic")
    assert (await count(poor, model)).status_code == 200
    assert (await poor.ask(model, "anthropic")).status_code == 402
    assert [row.outcome for row in await poor.rows(1)] == ["refused"]
    assert await running.balance(poor.user_id) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 529])
async def test_a_provider_that_does_not_count_leaves_an_estimate(
    tab: Tab, scripted: ScriptedProvider, status: int
) -> None:
    scripted.answers(status, b'{"error":{"message":"No."}}', "content-type: application/json")
    answer = await count(tab, await tab.add_model("m", "anthropic", api_url=scripted.url))
    assert (answer.status_code, answer.headers[ESTIMATE]) == (200, "true")
    assert 1 <= answer.json()["input_tokens"] < 20


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"9"}'])
async def test_an_answer_without_a_count_leaves_an_estimate(tab: Tab, scripted: ScriptedProvider, body: bytes) -> None:
    scripted.answers(200, body, "content-type: application/json")
    answer = await count(tab, await tab.add_model("m", "anthropic", api_url=scripted.url))
    assert answer.headers[ESTIMATE] == "true"


async def test_a_provider_that_is_away_leaves_an_estimate(tab: Tab) -> None:
    answer = await count(tab, await tab.add_model("m", "anthropic", api_url="http://127.0.0.1:1"))
    assert (answer.status_code, answer.headers[ESTIMATE]) == (200, "true")


async def test_a_body_that_only_the_provider_understands_has_no_estimate(tab: Tab, scripted: ScriptedProvider) -> None:
    scripted.answers(500, b"", "content-type: application/json")
    answer = await count(tab, await tab.add_model("m", "anthropic", api_url=scripted.url), container="c1")
    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == "api_error"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_body_that_the_provider_refuses_is_refused(tab: Tab, scripted: ScriptedProvider, status: int) -> None:
    scripted.answers(status, b'{"error":{"message":"tools.0: bad"}}', "content-type: application/json")
    answer = await count(tab, await tab.add_model("m", "anthropic", api_url=scripted.url))
    assert answer.status_code == status
    assert answer.json()["error"] == {
        "type": "invalid_request_error",
        "message": "tools.0: bad",
        "details": answer.json()["error"]["details"],
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"messages": "hello"}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, 400),
        ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, 422),
    ],
)
async def test_a_body_that_would_be_refused_is_refused(tab: Tab, body: dict[str, Any], status: int) -> None:
    answer = await count(tab, await tab.add_model("sandbox", "openai"), **body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_keys_and_models_are_checked_as_for_messages(running: Product, tab: Tab) -> None:
    model = await tab.add_model("sandbox", "anthropic")
    bounded = await Tab.open(running, allowed_models=[await tab.add_model("sandbox", "anthropic")])
    assert (await count(bounded, model)).status_code == 403
    unknown = await count(tab, "no-such-model")
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
    answer = await count(tab, model, headers={"authorization": "Bearer sk-none"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
