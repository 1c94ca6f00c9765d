"""A request is found by whatever a client has of it, and only by its own user."""

from typing import Any

import pytest
from admin_client import Admin
from product import Product

MESSAGES = [{"role": "user", "content": "hello"}]
ENDPOINTS = {
    "chat/completions": ("sandbox-gpt", {"messages": MESSAGES}, "chatcmpl-"),
    "messages": ("sandbox-claude", {"messages": MESSAGES, "max_tokens": 50}, "msg_"),
    "responses": ("sandbox-responses", {"input": "hello"}, "resp_"),
}


async def ask(product: Product, endpoint: str, *, stream: bool = False, **headers: str) -> Any:
    model, body, _ = ENDPOINTS[endpoint]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await product.post(
        f"/v1/{endpoint}", {**body, "model": model, "stream": stream}, headers={**product.headers, **named}
    )
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_the_answers_own_id_finds_its_receipt(
    admin: Admin, product: Product, endpoint: str, stream: bool
) -> None:
    other = await ask(product, endpoint)
    answer = await ask(product, endpoint, stream=stream, user_agent="curl/8.5.0\x7f and more")
    [row, _] = await product.rows(2)
    assert row.answer_id is not None and row.answer_id.startswith(ENDPOINTS[endpoint][2])
    assert f'"{row.answer_id}"' in answer.text
    assert row.answer_id not in other.text
    receipt = (
        await product.client.get(f"{product.base_url}/api/user/usage/{row.answer_id}", headers=product.headers)
    ).json()
    assert receipt["request_id"] == answer.headers["x-request-id"]
    assert receipt["client_agent"].startswith("curl/8.5.0")
    assert "upstream_request_id" not in receipt
    seen = (await admin.get(f"/usage/{row.answer_id}")).json()
    assert seen["request_id"] == answer.headers["x-request-id"]
    # The sandbox numbers its calls, and both of its ids have the number.
    assert seen["upstream_request_id"] == "req_" + row.answer_id[-16:]


async def test_the_clients_own_id_finds_its_newest_request(admin: Admin, product: Product) -> None:
    name = "job 7 \x7f" + "x" * 300
    for _ in range(2):
        answer = await ask(product, "messages", x_client_request_id=name)
    for path in (f"/usage/{name[:6]}{name[7:]}", f"/usage/{name[:6]}{'x' * 194}"):
        assert (await admin.get(path)).json()["request_id"] == answer.headers["x-request-id"]
    # Even one that looks like an id of ours.
    dashed = "01a20900-0000-7000-8000-000000000000"
    answer = await ask(product, "messages", x_client_request_id=dashed)
    assert (await admin.get(f"/usage/{dashed}")).json()["request_id"] == answer.headers["x-request-id"]


async def test_no_name_finds_what_is_another_users(admin: Admin, product: Product) -> None:
    await ask(product, "chat/completions", x_client_request_id="the same")
    [row] = await product.rows(1)
    _, other = await product.add_user()
    for name in (row.answer_id, "the same", f"req_{row.request_id.hex}"):
        url = f"{product.base_url}/api/user/usage/{name}"
        assert (await product.client.get(url, headers=product.headers)).status_code == 200
        assert (await product.client.get(url, headers={"authorization": f"Bearer {other}"})).status_code == 404


async def test_a_failed_call_keeps_what_the_provider_calls_it(admin: Admin, product: Product) -> None:
    await product.add_model("broken", actual_model="sandbox:status=500")
    request_id = (await product.chat("broken")).headers["x-request-id"]
    row = (await admin.get(f"/usage/{request_id}")).json()
    assert row["upstream_request_id"].startswith("req_")
    assert row["answer_id"] is None


async def test_the_file_has_the_new_columns(admin: Admin, product: Product) -> None:
    await ask(product, "messages")
    [row] = await product.rows(1)
    text = (await admin.get("/usage.csv")).text
    assert {"answer_id", "client_agent", "upstream_request_id"} <= set(text.splitlines()[0].split(","))
    assert row.answer_id in text
    own = await product.client.get(f"{product.base_url}/api/user/usage.csv", headers=product.headers)
    assert "upstream_request_id" not in own.text
    assert row.answer_id in own.text
