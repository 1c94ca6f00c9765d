"""Providers and models over HTTP: ETags, keys that are typed in, and what is refused."""

import asyncio
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product, serve_product

from quart_proxy.services.sealing import KeyResolver, Sealer
from quart_proxy.store.changes import read_version
from quart_proxy.store.secrets import find_secret

TYPED = "sk-typed-into-the-page-0123456789"
PRICING = {"input": "1.25", "cached_input": "0.125", "output": "10.00"}


def provider(product: Product, **more: Any) -> dict[str, Any]:
    return {"api_format": "openai", "api_url": f"{product.sandbox_url}/v1", **more}


def model(**more: Any) -> dict[str, Any]:
    return {"provider": "sandbox-gpt", "actual_model": "sandbox", "pricing": PRICING, **more}


# --- ETags --------------------------------------------------------------------------------------------


async def test_put_creates_then_needs_the_etag_that_was_read(admin: Admin, product: Product) -> None:
    made = await admin.put("/providers/mine", provider(product))
    assert made.status_code == 201
    first = made.headers["etag"]
    assert (await admin.get("/providers/mine")).headers["etag"] == first
    changed = provider(product, headers={"x-team": "a"})
    assert (await admin.put("/providers/mine", changed)).status_code == 428
    replaced = await admin.put("/providers/mine", changed, If_Match=first)
    assert replaced.status_code == 200
    assert replaced.headers["etag"] != first
    stale = await admin.put("/providers/mine", provider(product), If_Match=first)
    assert stale.status_code == 412
    assert stale.json()["error"]["current"]["headers"] == {"x-team": "a"}
    assert f'"{stale.json()["error"]["current"]["etag"]}"' == replaced.headers["etag"]


@pytest.mark.parametrize("path", ["/providers/sandbox-gpt", "/models/sandbox-gpt"])
async def test_patch_and_delete_need_the_etag_too(admin: Admin, path: str) -> None:
    for method in ("PATCH", "DELETE", "PUT"):
        assert (await admin.call(method, path, {})).status_code == 428
        assert (await admin.call(method, path, {}, If_Match='"1.99"')).status_code == 412


async def test_document_that_is_not_there_is_not_found_or_gone(admin: Admin) -> None:
    for section in ("providers", "models"):
        assert (await admin.get(f"/{section}/none")).status_code == 404
        assert (await admin.patch(f"/{section}/none", {}, If_Match="*")).status_code == 404
        assert (await admin.delete(f"/{section}/none", If_Match="*")).status_code == 404
        assert (await admin.put(f"/{section}/none", {}, If_Match='"1.1"')).status_code == 412


async def test_one_of_two_edits_of_the_same_reading_wins(admin: Admin) -> None:
    etag = (await admin.get("/models/sandbox-gpt")).headers["etag"]
    answers = await asyncio.gather(
        *(admin.patch("/models/sandbox-gpt", {"description": str(n)}, If_Match=etag) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]


async def test_document_made_anew_is_not_the_one_that_was_read(admin: Admin, product: Product) -> None:
    first = (await admin.put("/providers/mine", provider(product))).headers["etag"]
    assert (await admin.delete("/providers/mine", If_Match=first)).status_code == 204
    assert (await admin.put("/providers/mine", provider(product))).status_code == 201
    assert (await admin.delete("/providers/mine", If_Match=first)).status_code == 412


async def test_what_get_gave_may_be_put_back_as_it_is(admin: Admin) -> None:
    for path in ("/providers/sandbox-gpt", "/models/sandbox-gpt"):
        read = await admin.get(path)
        written = await admin.put(path, read.json(), If_Match=read.headers["etag"])
        assert written.status_code == 200, written.text
        assert {**written.json(), "etag": ""} == {**read.json(), "etag": ""}


async def test_another_key_is_a_change_although_the_reference_is_the_same(admin: Admin, product: Product) -> None:
    async def version() -> int:
        async with product.database.read() as connection:
            return (await read_version(connection))[0]

    made = await admin.put("/providers/mine", provider(product, api_key=TYPED))
    before = await version()
    rotated = await admin.patch("/providers/mine", {"api_key": f"{TYPED}-2"}, If_Match=made.headers["etag"])
    assert (rotated.status_code, rotated.json()["api_key"]) == (200, "${secret:provider.mine}")
    assert rotated.headers["etag"] != made.headers["etag"]
    assert await version() > before, "workers that keep the old key are told"
    stale = await admin.patch("/providers/mine", {"api_key": f"{TYPED}-3"}, If_Match=made.headers["etag"])
    assert stale.status_code == 412
    newest = (await admin.get("/registry/revisions?limit=1&entity=provider/mine")).json()["data"][0]
    change = (await admin.get(f"/registry/revisions/{newest['revision']}")).json()["changes"][0]
    (field,) = change["fields"]
    assert (newest["kind"], field["path"], field["from"] == field["to"]) == ("ui", "api_key", True)
    audit = (await admin.get("/audit")).json()["data"]
    assert [(row["action"], row["target"]) for row in audit[:3]] == [
        ("secret.rotate", "secret/provider.mine"),
        ("secret.create", "secret/provider.mine"),
        ("provider.create", "provider/mine"),
    ]
    assert audit[0]["after"] == {"host": product.sandbox_url.removeprefix("http://")}
    assert TYPED not in str(audit)


async def test_another_key_of_an_upstream_is_a_change_of_its_model(admin: Admin, product: Product) -> None:
    address = {"api_format": "openai", "api_url": f"{product.sandbox_url}/v1"}
    made = await admin.put("/models/m", {"pricing": PRICING, **address, "api_key": TYPED})
    rotated = await admin.patch("/models/m", {"api_key": f"{TYPED}-2"}, If_Match=made.headers["etag"])
    assert rotated.headers["etag"] != made.headers["etag"]
    described = (await admin.get("/registry/models/m")).json()["fields"]["api_key"]
    newest = (await admin.get("/registry/revisions?limit=1")).json()["data"][0]
    assert (described["revision"], newest["counts"]) == (newest["revision"], {"update": 1})


# --- models -------------------------------------------------------------------------------------------


async def test_model_answers_as_soon_as_its_put_did(admin: Admin, product: Product) -> None:
    made = await admin.put("/models/fresh", model(display_name="Fresh-1", aliases=["newest"]))
    assert (made.status_code, made.json()["served"]) == (201, True)
    for name in ("Fresh-1", "FRESH-1", "newest"):
        assert (await product.chat(name)).status_code == 200
    etag = made.headers["etag"]
    gone = await admin.patch("/models/fresh", {"enabled": False}, If_Match=etag)
    assert (gone.json()["served"], gone.json()["reason"]) == (False, "It is disabled.")
    assert (await product.chat("Fresh-1")).status_code == 404


async def test_new_price_bills_the_very_next_request(admin: Admin, product: Product) -> None:
    made = await admin.put("/models/fresh", model())
    first = (await product.chat("fresh")).headers["x-quart-proxy-cost"]
    doubled = {name: str(float(rate) * 2) for name, rate in PRICING.items()}
    await admin.patch("/models/fresh", {"pricing": doubled}, If_Match=made.headers["etag"])
    second = (await product.chat("fresh")).headers["x-quart-proxy-cost"]
    assert float(second) == pytest.approx(2 * float(first))
    assert not await product.imbalances()


async def test_model_without_a_price_is_kept_and_not_served_and_says_why(admin: Admin, product: Product) -> None:
    made = await admin.put("/models/unpriced", model(pricing=None))
    assert (made.status_code, made.json()["served"], made.json()["reason"]) == (201, False, "It has no price.")
    assert (await product.chat("unpriced")).status_code == 404


async def test_patch_merges_and_null_takes_a_field_out(admin: Admin) -> None:
    made = await admin.put("/models/m", model(description="old", limits={"timeout": "60s", "max_output_tokens": 5}))
    patched = await admin.patch(
        "/models/m",
        {"description": None, "limits": {"timeout": "90s"}, "system_prompt": {"text": "Be kind."}},
        If_Match=made.headers["etag"],
    )
    document = patched.json()
    assert "description" not in document
    assert document["limits"] == {"timeout": "90s", "max_output_tokens": 5}
    assert document["system_prompt"] == {"text": "Be kind."}
    assert document["pricing"] == PRICING


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"pricing": {"input": "1"}}, {"pricing"}),
        ({"pricing": {"input": "-1", "output": "x"}}, {"pricing.input", "pricing.output"}),
        ({"pricing": {"input": 0, "output": 1}}, {"pricing.input"}),
        ({"provider": "nobody"}, {"provider"}),
        ({"provider": "sandbox-gpt", "api_url": "http://x", "api_format": "openai"}, {"api_url", "api_format"}),
        ({"display_name": "Sandbox-Claude"}, {"display_name"}),
        ({"aliases": ["SANDBOX-CLAUDE"]}, {"aliases"}),
        ({"pricng": {}, "enabled": "yes"}, {"pricng", "enabled"}),
        ({"upstreams": {}}, {"provider"}),
    ],
)
async def test_bad_model_is_refused_with_all_faults_at_once(admin: Admin, body: Any, params: set[str]) -> None:
    answer = await admin.put("/models/bad", {"provider": "sandbox-gpt", **body})
    assert params <= faults(answer).keys()
    assert (await admin.get("/models/bad")).status_code == 404


@pytest.mark.parametrize("key", ["Upper", "with space", "x" * 201, "..."])
async def test_key_that_is_no_slug_is_refused(admin: Admin, key: str) -> None:
    assert (await admin.put(f"/models/{key}", model())).status_code == 422
    assert (await admin.get(f"/models/{key}")).status_code == 404


async def test_key_cannot_be_changed_by_the_body(admin: Admin) -> None:
    assert faults(await admin.put("/models/one", model(key="two"))).keys() == {"key"}


async def test_models_come_in_pages_by_key(admin: Admin) -> None:
    first = (await admin.get("/models?limit=3")).json()
    rest = (await admin.get(f"/models?limit=3&cursor={first['next_cursor']}")).json()
    keys = [document["key"] for document in first["data"] + rest["data"]]
    assert keys == sorted(keys)
    assert len(set(keys)) == 4
    assert rest["has_more"] is False


async def test_provider_that_serves_models_is_not_deleted(admin: Admin) -> None:
    etag = (await admin.get("/providers/sandbox-gpt")).headers["etag"]
    refused = await admin.delete("/providers/sandbox-gpt", If_Match=etag)
    assert refused.status_code == 409
    assert "sandbox-gpt" in refused.json()["error"]["message"]


# --- keys that are typed in ---------------------------------------------------------------------------


async def test_typed_key_reaches_the_provider_and_no_answer_ever_shows_it(admin: Admin, product: Product) -> None:
    made = await admin.put("/providers/mine", provider(product, api_key=TYPED))
    assert made.json()["api_key"] == "${secret:provider.mine}"
    await admin.put("/models/m", model(provider="mine", actual_model="sandbox:words=3"))
    assert (await product.chat("m")).status_code == 200
    async with product.database.read() as connection:
        sealed = await find_secret(connection, "provider.mine")
    assert sealed is not None
    assert TYPED not in sealed[0]
    resolver = KeyResolver(env_allow=(), sealer=product.service(Sealer), environment={})
    assert resolver.resolve("${secret:provider.mine}", url=product.sandbox_url, sealed=sealed) == TYPED
    for path in ("/providers", "/providers/mine", "/models", "/audit", "/audit.csv"):
        assert TYPED not in (await admin.get(path)).text


async def test_typed_key_is_known_by_who_typed_it_when_and_a_fingerprint(admin: Admin, product: Product) -> None:
    made = (await admin.put("/providers/mine", provider(product, api_key=TYPED))).json()
    facts = made["secrets"]["api_key"]
    assert facts.keys() == {"ref", "set", "host", "created_by", "rotated_at", "fingerprint"}
    assert (facts["ref"], facts["set"], facts["created_by"]) == ("${secret:provider.mine}", True, "admin")
    assert len(facts["fingerprint"]) == 8
    again = (await admin.put("/providers/other", provider(product, api_key=TYPED))).json()
    assert again["secrets"]["api_key"]["fingerprint"] != facts["fingerprint"]
    etag = (await admin.get("/providers/mine")).headers["etag"]
    rotated = (await admin.patch("/providers/mine", {"api_key": TYPED + "x"}, If_Match=etag)).json()
    assert rotated["secrets"]["api_key"]["fingerprint"] != facts["fingerprint"]
    assert rotated["secrets"]["api_key"]["rotated_at"] > facts["rotated_at"]
    assert "secrets" not in (await admin.get("/providers/sandbox-gpt")).json()


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"api_key": "${env:DATABASE_URL}"}, {"api_key"}),
        ({"api_key": "${file:/etc/passwd}"}, {"api_key"}),
        ({"headers": {"x-auth": "${env:JWT_SECRET}"}}, {"headers.x-auth"}),
        ({"headers": {"x-auth": "canary-literal", "x-b": "Bearer canary"}}, {"headers.x-auth", "headers.x-b"}),
        ({"headers": {"x-auth": "${secret:nobody}"}}, {"headers.x-auth"}),
    ],
)
async def test_reference_that_is_not_allowed_here_is_refused_when_it_is_written(
    admin: Admin, product: Product, body: Any, params: set[str]
) -> None:
    answer = await admin.put("/providers/bad", provider(product, **body))
    assert faults(answer).keys() == params
    assert "canary" not in answer.text
    assert (await admin.get("/providers/bad")).status_code == 404


async def test_typed_key_of_a_model_of_its_own_is_sealed_for_each_upstream(admin: Admin, product: Product) -> None:
    address = {"api_format": "openai", "api_url": f"{product.sandbox_url}/v1"}
    document = {
        "pricing": PRICING,
        "upstreams": {
            "a": {**address, "api_key": TYPED + "a"},
            "b": {**address, "api_key": TYPED + "b", "priority": 1},
        },
    }
    made = await admin.put("/models/own", document)
    assert made.status_code == 201, made.text
    references = [made.json()["upstreams"][key]["api_key"] for key in "ab"]
    assert len(set(references)) == 2
    assert all(reference.startswith("${secret:model.own.") for reference in references)
    short = await admin.put("/models/short", {"pricing": PRICING, **address, "api_key": TYPED})
    assert short.json()["api_key"].startswith("${secret:model.short.")
    assert (await product.chat("short")).status_code == 200


async def test_typed_key_does_not_follow_to_another_host(admin: Admin, product: Product) -> None:
    made = await admin.put("/providers/mine", provider(product, api_key=TYPED))
    elsewhere = {"api_url": "https://elsewhere.example/v1"}
    refused = await admin.patch("/providers/mine", elsewhere, If_Match=made.headers["etag"])
    assert "entered for" in faults(refused)["api_key"]
    again = await admin.patch("/providers/mine", {**elsewhere, "api_key": TYPED}, If_Match=made.headers["etag"])
    assert again.status_code == 200
    stolen = provider(product, api_key="${secret:provider.mine}")
    assert faults(await admin.put("/providers/thief", stolen)).keys() == {"api_key"}


@pytest.mark.parametrize("key", ["has blanks in it", "line\nbreak", "ä", "", "${vault:x}", "${secret:nobody}", 5])
async def test_text_that_can_be_no_key_is_refused_and_not_repeated(admin: Admin, product: Product, key: Any) -> None:
    answer = await admin.put("/providers/mine", provider(product, api_key=key))
    assert faults(answer).keys() == {"api_key"}


# --- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/v1",
        "ftp://x/v1",
        "https://user:secret@x.example/v1",
        "https://x.example/v1?key=1",
        "not an address",
        5,
    ],
)
async def test_address_that_is_never_called_is_refused(admin: Admin, product: Product, url: Any) -> None:
    answer = await admin.put("/providers/bad", provider(product, api_url=url))
    assert faults(answer).keys() == {"api_url"}
    assert "secret" not in answer.text


async def test_private_address_is_refused_where_they_are_off(
    database_url: str, sandbox_url: str, tmp_path: Any
) -> None:
    async with serve_product(database_url, sandbox_url, tmp_path, allow_private_upstreams=False) as product:
        admin = Admin(product, await product.login())
        for url in ("https://127.0.0.1/v1", "https://10.0.0.1/v1", "http://public.example/v1", "https://2130706433/"):
            answer = await admin.put("/providers/bad", provider(product, api_url=url))
            assert faults(answer).keys() == {"api_url"}, url
        inline = {"pricing": PRICING, "api_format": "openai", "api_url": "https://192.168.0.1/v1"}
        assert faults(await admin.put("/models/bad", inline)).keys() == {"api_url"}
        assert (await admin.put("/providers/good", provider(product, api_url="https://x.example"))).status_code == 201


# --- settings -----------------------------------------------------------------------------------------


async def test_settings_are_read_and_changed_and_in_force_at_once(admin: Admin, product: Product) -> None:
    assert (await admin.get("/settings")).json()["system_prompt_enabled"] is True
    changed = await admin.patch("/settings", {"system_prompt": "Be brief.", "system_prompt_mode": "replace"})
    assert changed.json()["system_prompt"] == "Be brief."
    assert (await admin.get("/settings")).json() == changed.json()
    before = int((await product.chat()).json()["usage"]["prompt_tokens"])
    await admin.patch("/settings", {"system_prompt": "Be brief. " * 100})
    assert int((await product.chat()).json()["usage"]["prompt_tokens"]) > before


async def test_bad_settings_are_refused_with_all_faults_and_none_is_written(admin: Admin) -> None:
    before = (await admin.get("/settings")).json()
    body = {"system_prompt": 5, "system_prompt_mode": "append", "nothing": 1, "system_prompt_enabled": "yes"}
    assert faults(await admin.patch("/settings", body)).keys() == body.keys()
    assert (await admin.get("/settings")).json() == before


async def test_every_write_leaves_an_audit_row_with_who_and_what(admin: Admin, product: Product) -> None:
    made = await admin.put("/providers/mine", provider(product))
    await admin.patch("/providers/mine", {"headers": {"x-a": "b"}}, If_Match=made.headers["etag"])
    await admin.patch("/settings", {"system_prompt_enabled": False})
    rows = (await admin.get("/audit?limit=3")).json()["data"]
    assert [row["action"] for row in rows] == ["settings.update", "provider.update", "provider.create"]
    assert rows[1]["before"] == provider(product)
    assert rows[1]["after"] == provider(product, headers={"x-a": "b"})
    assert {row["actor"] for row in rows} == {"admin"}
    assert all(row["request_id"].startswith("req_") and row["address"] == "127.0.0.1" for row in rows)
