"""The official SDKs of OpenAI and Anthropic, with nothing changed but the base URL and the key."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from product import PRICES, Product

from quart_proxy.core.usage import Dimension
from quart_proxy.store.usage_log import UsageRow

CHAT: list[Any] = [{"role": "user", "content": "Say hello."}]


@dataclass
class Customer:
    product: Product
    user_id: int
    key: str

    @property
    def openai(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=self.product.base_url + "/v1", api_key=self.key, max_retries=0)

    @property
    def anthropic(self) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=self.product.base_url, api_key=self.key, max_retries=0)

    async def assert_billed(self, input_tokens: int, output_tokens: int) -> UsageRow:
        """One row, with exactly these tokens at the test prices, and the balance less by that."""
        (row,) = await self.product.rows(1, user_id=self.user_id)
        assert (row.tokens[Dimension.INPUT], row.tokens[Dimension.OUTPUT]) == (input_tokens, output_tokens)
        cost = (PRICES[Dimension.INPUT] * input_tokens + PRICES[Dimension.OUTPUT] * output_tokens) / 1_000_000
        assert (row.outcome, row.cost) == ("completed", cost)
        assert await self.product.balance(self.user_id) == Decimal(100) - cost
        return row

    async def assert_free(self) -> None:
        rows = await self.product.rows(user_id=self.user_id)
        assert all(row.cost == 0 for row in rows)
        assert await self.product.balance(self.user_id) == 100


@pytest.fixture
async def customer(running: Product) -> Customer:
    return Customer(running, *await running.add_user())


# --- OpenAI ---------------------------------------------------------------------------------------------------


async def test_openai_chat(customer: Customer) -> None:
    async with customer.openai as client:
        answer = await client.chat.completions.create(model="sandbox-gpt", messages=CHAT)
    assert answer.choices[0].message.content
    assert answer.model == "sandbox-gpt"
    assert answer.usage is not None
    row = await customer.assert_billed(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert answer._request_id == f"req_{row.request_id.hex}"


async def test_openai_chat_stream(customer: Customer) -> None:
    text, usages = "", []
    async with customer.openai as client:
        stream = await client.chat.completions.create(
            model="sandbox-gpt", messages=CHAT, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            assert chunk.model == "sandbox-gpt"
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            usages += [chunk.usage] if chunk.usage else []
    assert text
    (usage,) = usages
    await customer.assert_billed(usage.prompt_tokens, usage.completion_tokens)


async def test_openai_chat_stream_without_usage_is_billed_the_same(customer: Customer) -> None:
    async with customer.openai as client:
        whole = await client.chat.completions.create(model="sandbox-gpt", messages=CHAT)
        other = Customer(customer.product, *await customer.product.add_user())
        async with other.openai as others:
            stream = await others.chat.completions.create(model="sandbox-gpt", messages=CHAT, stream=True)
            chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert whole.usage is not None
    await other.assert_billed(whole.usage.prompt_tokens, whole.usage.completion_tokens)


async def test_openai_stream_helper(customer: Customer) -> None:
    async with (
        customer.openai as client,
        client.chat.completions.stream(model="sandbox-gpt", messages=CHAT) as stream,
    ):
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.content


async def test_openai_embeddings(customer: Customer) -> None:
    async with customer.openai as client:
        answer = await client.embeddings.create(model="sandbox-embed", input=["one text", "another"])
    assert len(answer.data) == 2
    assert len(answer.data[0].embedding) > 0
    assert answer.model == "sandbox-embed"
    await customer.assert_billed(answer.usage.prompt_tokens, 0)


async def test_openai_responses(customer: Customer) -> None:
    async with customer.openai as client:
        answer = await client.responses.create(model="sandbox-responses", input="Say hello.")
    assert answer.output_text
    assert answer.model == "sandbox-responses"
    assert answer.usage is not None
    await customer.assert_billed(answer.usage.input_tokens, answer.usage.output_tokens)


async def test_openai_responses_stream(customer: Customer) -> None:
    async with customer.openai as client:
        stream = await client.responses.create(model="sandbox-responses", input="Say hello.", stream=True)
        events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.model == "sandbox-responses"
    assert last.response.usage is not None
    await customer.assert_billed(last.response.usage.input_tokens, last.response.usage.output_tokens)


async def test_openai_models(customer: Customer) -> None:
    async with customer.openai as client:
        names = [model.id async for model in client.models.list()]
        assert {"sandbox-gpt", "sandbox-claude", "sandbox-responses", "sandbox-embed"} <= set(names)
        one = await client.models.retrieve("sandbox-gpt")
        assert (one.id, one.object) == ("sandbox-gpt", "model")
        assert one.created > 0
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no-such-model")


async def ask_openai(customer: Customer, model: str, key: str | None = None) -> None:
    async with openai.AsyncOpenAI(
        base_url=customer.product.base_url + "/v1", api_key=key or customer.key, max_retries=0
    ) as client:
        await client.chat.completions.create(model=model, messages=CHAT)


OPENAI_ERRORS: list[tuple[str, type[openai.APIStatusError], int, str]] = [
    ("sandbox:status=401", openai.InternalServerError, 502, "upstream_error"),
    ("sandbox:status=400", openai.BadRequestError, 400, ""),
    ("sandbox:status=429", openai.RateLimitError, 429, "upstream_rate_limited"),
    ("sandbox:status=500", openai.InternalServerError, 502, "upstream_error"),
    ("sandbox:status=529", openai.InternalServerError, 529, "overloaded"),
]


@pytest.mark.parametrize(("actual", "kind", "status", "code"), OPENAI_ERRORS)
async def test_openai_raises_its_own_errors_for_the_providers(
    customer: Customer, actual: str, kind: type[openai.APIStatusError], status: int, code: str
) -> None:
    await customer.product.add_model("failing", actual_model=actual)
    with pytest.raises(kind) as caught:
        await ask_openai(customer, "failing")
    assert caught.value.status_code == status
    assert not code or caught.value.code == code
    assert caught.value.request_id
    await customer.assert_free()


async def test_openai_raises_its_own_errors_for_ours(customer: Customer) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        await ask_openai(customer, "sandbox-gpt", key="sk-wrong")
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as missing:
        await ask_openai(customer, "sandbox-gqt")
    assert missing.value.code == "model_not_found"
    assert "sandbox-gpt" in missing.value.message
    poor = Customer(customer.product, *await customer.product.add_user("0"))
    with pytest.raises(openai.APIStatusError) as broke:
        await ask_openai(poor, "sandbox-gpt")
    assert (broke.value.status_code, broke.value.code) == (402, "insufficient_balance")
    await customer.assert_free()


async def test_openai_raises_for_a_stream_that_breaks(customer: Customer) -> None:
    await customer.product.add_model("breaking", actual_model="sandbox:words=9,fin_after=3")
    async with customer.openai as client:
        stream = await client.chat.completions.create(model="breaking", messages=CHAT, stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            async for _ in stream:
                pass
    await customer.assert_free()


async def test_openai_does_not_retry_what_waiting_cannot_mend(customer: Customer) -> None:
    await customer.product.add_model("locked", actual_model="sandbox:status=401")
    client = customer.openai.with_options(max_retries=3)
    async with client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="locked", messages=CHAT)
    assert len(await customer.product.rows(1, user_id=customer.user_id)) == 1


# --- Anthropic ------------------------------------------------------------------------------------------------


async def test_anthropic_message(customer: Customer) -> None:
    async with customer.anthropic as client:
        answer = await client.messages.create(model="sandbox-claude", max_tokens=100, messages=CHAT)
    assert answer.content[0].type == "text"
    assert answer.model == "sandbox-claude"
    row = await customer.assert_billed(answer.usage.input_tokens, answer.usage.output_tokens)
    assert answer._request_id == f"req_{row.request_id.hex}"


async def test_anthropic_stream_helper(customer: Customer) -> None:
    async with (
        customer.anthropic as client,
        client.messages.stream(model="sandbox-claude", max_tokens=100, messages=CHAT) as stream,
    ):
        text = "".join([part async for part in stream.text_stream])
        answer = await stream.get_final_message()
    assert text
    assert answer.model == "sandbox-claude"
    await customer.assert_billed(answer.usage.input_tokens, answer.usage.output_tokens)


async def test_anthropic_models(customer: Customer) -> None:
    async with customer.anthropic as client:
        models = [model async for model in client.models.list()]
        one = await client.models.retrieve("sandbox-claude")
    assert "sandbox-claude" in {model.id for model in models}
    assert (one.id, one.type, one.display_name) == ("sandbox-claude", "model", "sandbox-claude")
    assert one.created_at.tzinfo is not None


async def test_anthropic_takes_a_bearer_token_too(customer: Customer) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=customer.product.base_url, auth_token=customer.key, max_retries=0
    ) as client:
        answer = await client.messages.create(model="sandbox-claude", max_tokens=100, messages=CHAT)
    await customer.assert_billed(answer.usage.input_tokens, answer.usage.output_tokens)


ANTHROPIC_ERRORS: list[tuple[str, type[anthropic.APIStatusError], int, str]] = [
    ("sandbox:status=403", anthropic.InternalServerError, 502, "api_error"),
    ("sandbox:status=400", anthropic.BadRequestError, 400, "invalid_request_error"),
    ("sandbox:status=429", anthropic.RateLimitError, 429, "rate_limit_error"),
    ("sandbox:status=503", anthropic.InternalServerError, 502, "api_error"),
    ("sandbox:status=529", anthropic.APIStatusError, 529, "overloaded_error"),
]


@pytest.mark.parametrize(("actual", "kind", "status", "name"), ANTHROPIC_ERRORS)
async def test_anthropic_raises_its_own_errors_for_the_providers(
    customer: Customer, actual: str, kind: type[anthropic.APIStatusError], status: int, name: str
) -> None:
    await customer.product.add_model("failing", actual_model=actual, api_format="anthropic")
    async with customer.anthropic as client:
        with pytest.raises(kind) as caught:
            await client.messages.create(model="failing", max_tokens=100, messages=CHAT)
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == name
    await customer.assert_free()


async def test_anthropic_raises_its_own_errors_for_ours(customer: Customer) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=customer.product.base_url, api_key="sk-wrong", max_retries=0
    ) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(model="sandbox-claude", max_tokens=100, messages=CHAT)
    async with customer.anthropic as client:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.create(model="no-such-model", max_tokens=100, messages=CHAT)
    await customer.assert_free()


async def test_anthropic_raises_for_a_stream_that_breaks(customer: Customer) -> None:
    await customer.product.add_model(
        "breaking-claude", actual_model="sandbox:words=9,fin_after=4", api_format="anthropic"
    )
    async with customer.anthropic as client:
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(model="breaking-claude", max_tokens=100, messages=CHAT) as stream:
                await stream.get_final_message()
    await customer.assert_free()


async def test_books_balance_after_all_of_it(running: Product) -> None:
    assert await running.imbalances() == []
