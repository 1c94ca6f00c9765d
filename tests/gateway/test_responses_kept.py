"""What clients of Responses look for below `/v1/responses`, where nothing is kept."""

import openai
import pytest
from product import Product


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "resp_1"),
        ("DELETE", "resp_1"),
        ("POST", "resp_1/cancel"),
        ("GET", "resp_1/input_items"),
        ("POST", "compact"),
        ("POST", "input_tokens"),
    ],
)
async def test_a_response_that_is_not_kept_is_not_found(running: Product, method: str, path: str) -> None:
    address = f"{running.base_url}/v1/responses/{path}"
    answer = await running.client.request(method, address, headers=running.headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (404, "not_found", "invalid_request_error")
    assert "No response is kept here" in error["message"]
    assert (await running.client.request(method, address)).status_code == 401


async def test_openais_sdk_hears_that_no_response_is_kept(running: Product) -> None:
    key = running.headers["authorization"].removeprefix("Bearer ")
    async with openai.AsyncOpenAI(base_url=running.base_url + "/v1", api_key=key, max_retries=0) as client:
        with pytest.raises(openai.NotFoundError, match="No response is kept here"):
            await client.responses.retrieve("resp_1")
