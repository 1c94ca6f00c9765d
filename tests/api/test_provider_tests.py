"""Asking providers whether they are there, from the page."""

from typing import Any

from admin_client import Admin
from aiohttp import web
from product import Product
from serving_one import serve_one

LIST = {"data": [{"id": "there"}]}


async def ask(admin: Admin, path: str) -> list[dict[str, Any]]:
    answer = await admin.post(f"{path}/test")
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_provider_that_takes_the_key_is_told_so_and_nothing_is_billed(admin: Admin, product: Product) -> None:
    for kind, path in (("gpt", "/v1/models"), ("claude", "/v1/models"), ("responses", "/v1/models")):
        (found,) = await ask(admin, f"/providers/sandbox-{kind}")
        assert (found["upstream"], found["ok"], found["status"]) == (f"sandbox-{kind}", True, 200)
        assert found["url"] == product.sandbox_url + path
        assert found["latency_ms"] >= 0 and found["message"] == "The provider accepts this key."
    (found,) = await ask(admin, "/models/sandbox-gpt")
    assert (found["ok"], found["lists_model"]) == (True, True)
    assert await product.rows() == [] and await product.balance() == 100
    audited = (await admin.get("/audit?action=provider.test")).json()["data"]
    assert {row["target"] for row in audited} == {f"provider/sandbox-{kind}" for kind in ("gpt", "claude", "responses")}


async def test_what_is_wrong_with_a_provider_is_said_in_plain_words_without_a_secret(
    admin: Admin, product: Product
) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        status = int(request.match_info["status"])
        said = {"error": {"message": "no such key sk-sandbox-upstream-key"}}
        return web.json_response(LIST if status == 200 else said, status=status)

    async with serve_one("GET", "/{status}/models", answer) as url:
        for status, words in {
            200: "does not name absent",
            302: "another address",
            401: "does not accept this key (401)",
            403: "does not accept this key (403)",
            404: "no list of models",
            429: "limits its rate",
            503: "failed (503)",
        }.items():
            await product.add_model(f"asked-{status}", actual_model="absent", api_url=f"{url}/{status}")
            (found,) = await ask(admin, f"/models/asked-{status}")
            assert (found["ok"], found["status"]) == (status == 200, status)
            assert words in found["message"]
            assert "sk-sandbox" not in str(found)
    assert {request.headers["authorization"] for request in asked} == {"Bearer sk-sandbox-upstream-key"}
    assert "sk-sandbox" not in (await admin.get("/audit")).text


async def test_upstream_that_cannot_be_asked_is_told_with_why(admin: Admin, product: Product) -> None:
    await product.add_model("gone", api_url="http://127.0.0.1:9/v1")
    (found,) = await ask(admin, "/models/gone")
    assert (found["ok"], found["status"], found["latency_ms"]) == (False, None, None)
    assert found["message"] == "The provider could not be reached."
    keyless = {"api_format": "openai", "api_url": "http://127.0.0.1:9/v1", "api_key": "${env:ABSENT_API_KEY}"}
    assert (await admin.put("/providers/keyless", keyless)).status_code == 201
    (found,) = await ask(admin, "/providers/keyless")
    assert found["message"] == "Its key ${env:ABSENT_API_KEY} is not to be had here: the variable is not set."
    assert (await admin.post("/providers/nobody/test")).status_code == 404
    assert (await admin.post("/models/nobody/test")).status_code == 404


async def test_the_models_of_google_are_found_by_their_long_names(admin: Admin, product: Product) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"models": [{"name": "models/gemini-x"}]})

    async with serve_one("GET", "/v1beta/models", answer) as url:
        for model, is_listed in (("gemini-x", True), ("models/gemini-x", True), ("gemini-y", False)):
            await product.add_model("asked", api_format="gemini", actual_model=model, api_url=url)
            (found,) = await ask(admin, "/models/asked")
            assert (found["ok"], found["lists_model"]) == (True, is_listed)
    assert {request.headers["x-goog-api-key"] for request in asked} == {"sk-sandbox-upstream-key"}
    assert {request.query_string for request in asked} == {"pageSize=1000"}


async def test_a_provider_without_a_key_is_not_said_to_take_one(admin: Admin) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(LIST, status=int(request.match_info["status"]))

    async with serve_one("GET", "/{status}/models", answer) as url:
        for status, words in ((200, "wants no key"), (401, "wants a key (401)")):
            document = {"api_format": "openai", "api_url": f"{url}/{status}"}
            assert (await admin.put(f"/providers/open-{status}", document)).status_code == 201
            (found,) = await ask(admin, f"/providers/open-{status}")
            assert words in found["message"]
