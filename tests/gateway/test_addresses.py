"""Clients reach what they mean however their base URL is written, and everything else as before."""

from typing import Any

import pytest
from product import Product
from tabs import Tab

from quart_proxy.http.paths import Paths

RULES = ["/", "/v1", "/v1/chat/completions", "/v1/messages", "/v1/models", "/v1/models/<path:name>", "/api/v1/key"]
PATHS = Paths(RULES)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("//v1//v1/v1/chat/completions//", "/v1/chat/completions"),
        ("/messages/count_tokens/", "/v1/messages/count_tokens"),
        ("/models/a/b", "/v1/models/a/b"),
        ("/v1/models/v1/models/b", "/v1/models/v1/models/b"),
        ("/v1/v1/models/", "/v1/models"),
    ],
)
def test_an_address_is_made_the_one_that_is_meant(path: str, meant: str) -> None:
    scope = {"path": path, "raw_path": path.encode()}
    assert PATHS.straighten(scope) == {"path": meant, "raw_path": meant.encode()}
    assert scope["path"] == path


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/chat/completions", "/v1/v1", "/v1/nothing", "/ui/models", "/api/v1/key", "/chats"]
)
def test_any_other_address_is_left_alone(path: str) -> None:
    scope = {"path": path, "raw_path": path.encode()}
    assert PATHS.straighten(scope) is scope


def test_what_is_escaped_in_the_name_of_a_model_stays_escaped() -> None:
    straight = PATHS.straighten({"path": "/models/a/b", "raw_path": b"/models/a%2Fb"})
    assert straight == {"path": "/v1/models/a/b", "raw_path": b"/v1/models/a%2Fb"}


SPELLINGS = ["/v1{}", "{}", "/v1/v1{}", "/v1{}/", "//v1{}", "/v1{}?beta=true"]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_every_endpoint_answers_under_every_spelling(running: Product, spelling: str) -> None:
    question: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
    bodies = {
        "/chat/completions": {**question, "model": "sandbox-gpt"},
        "/completions": {"prompt": "Hi", "model": "sandbox-gpt"},
        "/messages": {**question, "model": "sandbox-claude", "max_tokens": 10},
        "/responses": {"input": "Hi", "model": "sandbox-responses"},
        "/embeddings": {"input": "Hi", "model": "sandbox-embed"},
    }
    for path, body in bodies.items():
        answer = await running.post(spelling.format(path), body)
        assert answer.status_code == 200, (path, answer.text)
    for path in ("/models", "/models/sandbox-gpt"):
        answer = await running.client.get(running.base_url + spelling.format(path), headers=running.headers)
        assert answer.status_code == 200, (path, answer.text)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_an_error_has_the_form_of_the_endpoint_that_is_meant(running: Product, spelling: str) -> None:
    chat, messages = [
        (await running.client.post(running.base_url + spelling.format(path), json={})).json()
        for path in ("/chat/completions", "/messages")
    ]
    assert chat["error"]["code"] == "invalid_api_key"
    assert messages["type"] == "error"
    assert messages["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("path", ["/v1/v1/nothing", "/v1/nothing", "/nothing"])
async def test_what_is_nowhere_is_told_in_json(running: Product, path: str) -> None:
    answer = await running.client.get(running.base_url + path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"There is nothing at {path}."


async def test_the_base_url_itself_answers_without_a_page(running: Product) -> None:
    head = await running.client.head(running.base_url + "/")
    assert head.status_code == 200
    assert "html" not in head.headers["content-type"]
    for path in ("/v1", "/v1/"):
        front = await running.client.get(running.base_url + path)
        assert front.status_code == 200
        assert "/v1/chat/completions" in front.json()["endpoints"]
    page = await running.client.get(running.base_url + "/")
    assert page.headers["content-type"].startswith("text/html")


async def test_each_endpoint_is_described_once(running: Product) -> None:
    described = (await running.client.get(running.base_url + "/openapi.json")).json()["paths"]
    assert {"/v1", "/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/models"} <= described.keys()
    roots = {path.split("/")[1] for path in described}
    assert roots <= {"v1", "api", "healthz", "readyz", "metrics", "openapi.json", "schema"}


async def test_the_log_names_the_endpoint_that_is_meant(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    await tab.ask(model, path="/v1/v1/chat/completions")
    assert (await tab.row()).endpoint == "chat/completions"


@pytest.mark.parametrize("path", ["/v1/messages/../models", "/models/%2e%2e/x", "/messages%2Fcount_tokens"])
async def test_an_address_that_could_be_read_in_two_ways_is_refused(tab: Tab, path: str) -> None:
    wire = await tab.open_wire()
    wire.writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert await wire.read_head() == 400
