"""Every recorded exchange, through the running product: the bytes that come out, and what they cost."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from product import PRICES, Product
from tabs import Tab, cost_of

from quart_proxy.core.usage import Dimension
from quart_proxy.store.catalog import Model, Upstream
from quart_proxy.store.catalog_writes import save_model
from quart_proxy.store.changes import bump_version
from quart_proxy.store.usage_log import UsageRow

Exchange = dict[str, Any]

ENDPOINTS = {
    "chat.completions": ("/v1/chat/completions", "openai"),
    "messages": ("/v1/messages", "anthropic"),
    "responses": ("/v1/responses", "openai_responses"),
    "embeddings": ("/v1/embeddings", "openai"),
}
STATUSES = {401: 502, 402: 502, 403: 502}
AT_ONCE = 16
HEARTBEAT_S = 15


@pytest.fixture(scope="module")
def exchanges(replay_dir: Path | None) -> list[Exchange]:
    if replay_dir is None:
        pytest.skip("the recorded traffic is not here (WIRE_DIR)")
    found = [json.loads(path.read_bytes()) for path in sorted(replay_dir.glob("*.json"))]
    return [exchange for exchange in found if exchange["endpoint"] in ENDPOINTS]


def name_of(exchange: Exchange) -> str:
    return f"as-asked/{exchange['id'][-80:]}"


async def add_models(product: Product, exchanges: list[Exchange]) -> None:
    async with product.database.transaction() as connection:
        for exchange in exchanges:
            api_format = ENDPOINTS[exchange["endpoint"]][1]
            upstream = Upstream(
                key="default",
                api_format=api_format,
                api_url=product.sandbox_url + ("" if api_format == "anthropic" else "/v1"),
                api_key="${env:SANDBOX_API_KEY}",
                actual_model=f"replay:{exchange['id']}",
            )
            model = Model(
                key=exchange["id"][-80:].strip("-"), display_name=name_of(exchange), rates=PRICES, upstreams=(upstream,)
            )
            await save_model(connection, model)
        await bump_version(connection)
    await product.refresh()


def question(exchange: Exchange, *, include_usage: bool = False) -> dict[str, Any]:
    recorded = exchange["request"]["body"]
    stream = exchange["stream"] or (isinstance(recorded, dict) and recorded.get("stream") is True)
    body: dict[str, Any] = {"model": name_of(exchange), "input": "hello", "max_tokens": 10}
    if exchange["endpoint"] in ("chat.completions", "messages"):
        body["messages"] = [{"role": "user", "content": "hello"}]
    if stream:
        body["stream"] = True
    if include_usage:
        body["stream_options"] = {"include_usage": True}
    return body


async def replay_all(
    product: Product, exchanges: list[Exchange], *, include_usage: bool = False
) -> list[tuple[Exchange, Any, UsageRow]]:
    """Each exchange with its answer and its row."""
    tab = await Tab.open(product, "100000")
    turn = asyncio.Semaphore(AT_ONCE)

    async def replay(exchange: Exchange) -> Any:
        async with turn:
            path = ENDPOINTS[exchange["endpoint"]][0]
            body = question(exchange, include_usage=include_usage)
            return await product.post(path, body, headers=tab.headers)

    answers = await asyncio.gather(*(replay(exchange) for exchange in exchanges))
    rows = {f"req_{row.request_id.hex}": row for row in await tab.rows(len(exchanges))}
    return [
        (exchange, answer, rows[answer.headers["x-request-id"]])
        for exchange, answer in zip(exchanges, answers, strict=True)
    ]


def all_faults(faults: dict[str, str]) -> str:
    return f"{len(faults)} exchanges differ:\n" + "\n".join(f"{name}: {fault}" for name, fault in faults.items())


# --- the bill -----------------------------------------------------------------------------------------------


def find_billing_fault(exchange: Exchange, row: UsageRow) -> str | None:
    if exchange["response"]["status"] != 200:
        is_free = row.cost == 0 and row.price_id is None and not any(row.tokens.values())
        return None if is_free and row.outcome == "upstream_error" else f"billed {row.cost}, outcome {row.outcome}"
    if row.cost != cost_of(row.tokens):
        return f"{row.tokens} cost {row.cost}"
    body = exchange["response"]["body"]
    if exchange.get("expected_ambiguous"):
        return None if row.cost > 0 else "not billed"
    if "event: error" in body and "message_delta" not in body:
        # Broken off when only the placeholders of its start were known.
        return None if row.cost == 0 else f"billed {row.tokens}"
    expected = exchange.get("expected_all_iterations") or exchange["expected"]
    counts = {
        "has_usage": row.price_id is not None,
        "input_tokens": row.tokens[Dimension.INPUT],
        "cached_input_tokens": row.tokens[Dimension.CACHED_INPUT],
        "cache_write_tokens": row.tokens[Dimension.CACHE_WRITE] + row.tokens[Dimension.CACHE_WRITE_1H],
        "output_tokens": row.tokens[Dimension.OUTPUT],
    }
    wanted = {name: expected.get(name, exchange["expected"][name]) for name in counts}
    return None if counts == wanted else f"{counts}, not {wanted}; outcome {row.outcome}"


# --- the bytes ----------------------------------------------------------------------------------------------


def recorded_events(body: bytes) -> list[bytes]:
    """The raw events, blank lines included, and what remains behind the last one."""
    ends = [match.end() for match in re.finditer(rb"(?:\r\n|\n){2}", body)]
    starts = [0, *ends]
    return [body[start:end] for start, end in zip(starts, [*ends, len(body)], strict=True) if body[start:end]]


def document_of(event: bytes) -> Any:
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        return json.loads(b"\n".join(lines))
    except ValueError:
        return None


def is_terminal(event: bytes) -> bool:
    document = document_of(event)
    kind = document.get("type") if isinstance(document, dict) else None
    return b"data: [DONE]" in event or kind in ("message_stop", "response.completed", "response.incomplete")


def is_failure(event: bytes) -> bool:
    document = document_of(event)
    return isinstance(document, dict) and bool(
        document.get("error")
        or document.get("type") in ("error", "response.failed")
        or event.startswith(b"event: error")
    )


def is_usage_only(event: bytes) -> bool:
    document = document_of(event)
    return isinstance(document, dict) and document.get("choices") == [] and document.get("usage") is not None


def expected_stream(exchange: Exchange, *, include_usage: bool) -> list[bytes]:
    """The recorded events that a client should get, up to and with the terminal one."""
    wanted: list[bytes] = []
    has_failed = False
    for event in recorded_events(exchange["response"]["body"].encode()):
        if not re.search(rb"(?:\r\n|\n){2}$", event):
            break
        has_failed = has_failed or is_failure(event)
        if has_failed and not is_failure(event):
            continue
        is_hidden = exchange["endpoint"] == "chat.completions" and not include_usage and is_usage_only(event)
        if not is_hidden:
            wanted.append(event)
        if is_terminal(event):
            break
    return wanted


def without_model(text: bytes) -> bytes:
    """The text without the value of the first `model` in it, whatever that is."""
    return re.sub(rb'("model"\s*:\s*)"[^"]*"', rb"\1?", text, count=1)


def find_document_fault(exchange: Exchange, answer: Any) -> str | None:
    recorded = exchange["response"]["body"].encode()
    status = exchange["response"]["status"]
    if status != 200:
        wanted = 502 if status >= 500 and status != 529 else STATUSES.get(status, status)
        error = answer.json().get("error")
        if answer.status_code != wanted or not error["message"]:
            return f"{answer.status_code}, not {wanted}: {answer.text[:200]}"
        return "a key of the provider is shown" if "sk-fake" in answer.text else None
    said = json.loads(recorded)
    if said.get("error") or (said.get("choices") or [{}])[0].get("error"):
        return None if answer.status_code == 502 else f"{answer.status_code} for an error in a 200"
    if without_model(answer.content) != without_model(recorded):
        return "the body differs"
    return None if answer.json().get("model", name_of(exchange)) == name_of(exchange) else "another model"


def find_stream_fault(exchange: Exchange, answer: Any, *, include_usage: bool) -> str | None:
    wanted = expected_stream(exchange, include_usage=include_usage)
    if answer.status_code >= 500 and is_failure(wanted[-1]):
        # Its failure was read together with its beginning, before anything was sent: then it is no stream at all.
        return None if answer.json()["error"]["message"] else "an error without a sentence"
    got = recorded_events(answer.content)
    if len(got) == len(wanted) + 1:
        # Ours: the terminal event where a provider forgets it, or the error where it broke off.
        last = got.pop()
        is_done = last == b"data: [DONE]\n\n" and exchange["provider"] in ("perplexity", "gpustack")
        if not is_done and b'"stream_interrupted"' not in last:
            return f"ends in {last!r}"
    for ours, theirs in zip(got, wanted, strict=False):
        if without_model(ours) != without_model(theirs):
            return f"{ours[:200]!r} is not {theirs[:200]!r}"
    if len(got) != len(wanted):
        return f"{len(got)} events, not {len(wanted)}"
    for event in got:
        document = document_of(event)
        holders = [document, document.get("message"), document.get("response")] if isinstance(document, dict) else []
        models = [holder["model"] for holder in holders if isinstance(holder, dict) and holder.get("model")]
        if any(model != name_of(exchange) for model in models):
            return f"the model is {models}"
    return None


async def test_every_recording_is_relayed_and_billed_exactly(running: Product, exchanges: list[Exchange]) -> None:
    await add_models(running, exchanges)
    faults: dict[str, str] = {}
    for exchange, answer, row in await replay_all(running, exchanges):
        fault = find_billing_fault(exchange, row)
        if exchange["stream"]:
            fault = fault or find_stream_fault(exchange, answer, include_usage=False)
        else:
            fault = fault or find_document_fault(exchange, answer)
        if fault:
            faults[exchange["id"]] = fault
    assert not faults, all_faults(faults)
    assert await running.imbalances() == []


async def test_usage_chunks_reach_a_client_that_asked_for_them(running: Product, exchanges: list[Exchange]) -> None:
    chats = [exchange for exchange in exchanges if exchange["endpoint"] == "chat.completions" and exchange["stream"]]
    await add_models(running, chats)
    faults: dict[str, str] = {}
    for exchange, answer, row in await replay_all(running, chats, include_usage=True):
        fault = find_billing_fault(exchange, row) or find_stream_fault(exchange, answer, include_usage=True)
        if fault:
            faults[exchange["id"]] = fault
    assert not faults, all_faults(faults)
