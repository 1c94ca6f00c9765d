"""Live settings: changed by whoever saw them, taken back to their defaults, and previewed as they would be sent."""

from dataclasses import fields
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product

from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX
from quart_proxy.settings import EMBEDDED, Settings
from quart_proxy.store.settings import LiveSettings


async def effective(admin: Admin) -> dict[str, dict[str, Any]]:
    answer = await admin.get("/settings/effective")
    assert answer.status_code == 200, answer.text
    return {setting["name"]: setting for setting in answer.json()["data"]}


async def test_setting_goes_back_to_its_default_by_null(admin: Admin) -> None:
    await admin.patch("/settings", {"system_prompt": "Be brief.", "output_tokens_held": 100})
    changed = (await effective(admin))["system_prompt"]
    assert (changed["value"], changed["default"], changed["source"]) == ("Be brief.", "", "database")
    assert changed["changed_by"] == "admin" and changed["changed_at"].endswith("Z")
    answer = await admin.patch("/settings", {"system_prompt": None})
    assert answer.json()["system_prompt"] == ""
    assert answer.json()["output_tokens_held"] == 100
    back = (await effective(admin))["system_prompt"]
    assert (back["source"], back["changed_at"], back["changed_by"]) == ("default", None, None)
    audited = (await admin.get("/audit?action=settings.update")).json()["data"][0]
    assert (audited["before"], audited["after"]) == ({"system_prompt": "Be brief."}, {"system_prompt": ""})


async def test_change_of_settings_that_were_changed_meanwhile_is_refused_with_what_they_are(admin: Admin) -> None:
    etag = (await admin.get("/settings")).headers["etag"]
    first = await admin.patch("/settings", {"system_prompt": "One."}, If_Match=etag)
    assert first.status_code == 200 and first.headers["etag"] != etag
    second = await admin.patch("/settings", {"system_prompt": "Two."}, If_Match=etag)
    assert second.status_code == 412
    assert second.json()["error"]["current"]["system_prompt"] == "One."
    assert (await admin.get("/settings")).json()["system_prompt"] == "One."
    assert (await admin.patch("/settings", {"system_prompt": "Two."}, If_Match=first.headers["etag"])).is_success
    # Without If-Match whoever writes last wins, as before.
    assert (await admin.patch("/settings", {"system_prompt": "Three."})).is_success


async def test_every_setting_is_told_with_where_it_came_from_and_no_secret(admin: Admin, product: Product) -> None:
    answer = await admin.get("/settings/effective")
    told = await effective(admin)
    assert {field.name for field in fields(LiveSettings)} == {name for name, one in told.items() if one["editable"]}
    assert told["DATABASE_URL"]["value"] == "external" and told["DATABASE_URL"]["source"] == "environment"
    assert told["HEARTBEAT_S"] | {"description": ""} == {
        "name": "HEARTBEAT_S",
        "label": "HEARTBEAT_S",
        "value": 15.0,
        "default": 15.0,
        "source": "default",
        "editable": False,
        "changed_at": None,
        "changed_by": None,
        "description": "",
    }
    assert {"ALLOW_PRIVATE_UPSTREAMS", "REGISTRY_SYNC", "MODELS_FILE", "QUART_PROXY_ENV"} <= told.keys()
    assert told["BODY_BYTES_MAX"]["value"] == 32 * 1024 * 1024
    assert all(setting["description"] for setting in told.values())
    for secret in (product.settings.admin_password, product.settings.jwt_secret, *product.settings.encryption_keys):
        assert secret and secret not in answer.text
    assert str(product.settings.database_url) not in answer.text


def test_variable_that_was_given_its_default_is_given_all_the_same() -> None:
    settings = Settings.from_environment({"HEARTBEAT_S": "15", "PORT": " ", "SOMETHING": "else"})
    assert settings.given == {"HEARTBEAT_S"}


def test_database_that_serve_started_itself_is_the_embedded_one_in_its_workers() -> None:
    url = "postgresql:///quart_proxy?host=/tmp/x"
    started = Settings.from_environment({"DATABASE_URL": url, EMBEDDED: "true"})
    assert started.database_is_embedded and "DATABASE_URL" not in started.given
    own = Settings.from_environment({"DATABASE_URL": url, EMBEDDED: "false"})
    assert not own.database_is_embedded and "DATABASE_URL" in own.given


# --- preview ------------------------------------------------------------------------------------------


async def preview(admin: Admin, **said: Any) -> dict[str, Any]:
    answer = await admin.post("/settings/preview", said)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_preview_shows_the_bodies_that_each_provider_would_get(admin: Admin, product: Product) -> None:
    await product.add_model("told", actual_model="sandbox")
    shown = await preview(admin, system_prompt="Ours.", model="told", system="Theirs.")
    assert (shown["applies"], shown["source"], shown["characters"], shown["cut"]) == (True, "global", 5, False)
    assert shown["tokens_estimated"] == 2
    openai = shown["openai"]
    assert openai["path"] == "/v1/chat/completions"
    assert openai["body"]["model"] == "sandbox"
    assert [message["content"] for message in openai["body"]["messages"]] == ["Ours.", "Theirs.", "Hello!"]
    assert shown["anthropic"]["path"] == "/v1/messages"
    assert shown["anthropic"]["body"]["system"] == "Ours.\n\nTheirs."
    assert shown["openai_responses"]["path"] == "/v1/responses"
    assert shown["openai_responses"]["body"]["instructions"] == "Ours.\n\nTheirs."
    # Clients do not speak it: a chat of theirs is translated.
    assert shown["gemini"]["path"] == "/v1beta/models/sandbox:generateContent"
    assert shown["gemini"]["body"]["systemInstruction"] == {"parts": [{"text": "Ours."}, {"text": "Theirs."}]}
    assert (await admin.get("/settings")).json()["system_prompt"] == ""


async def test_preview_follows_the_chain_from_the_switch_to_the_models_own_text(admin: Admin, product: Product) -> None:
    await product.add_model("own", prompt_text="Mine.", prompt_mode="replace")
    await product.add_model("silent", prompt_disabled=True)
    await admin.patch("/settings", {"system_prompt": "Global."})
    assert (await preview(admin))["source"] == "global"
    own = await preview(admin, model="OWN", system="Theirs.")
    assert (own["source"], own["mode"]) == ("model", "replace")
    assert [message["content"] for message in own["openai"]["body"]["messages"]] == ["Mine.", "Hello!"]
    assert own["anthropic"]["body"]["system"] == "Mine."
    for nothing in ({"model": "silent"}, {"system_prompt_enabled": False}, {"system_prompt": None}):
        shown = await preview(admin, **nothing)
        assert (shown["applies"], shown["source"], shown["characters"]) == (False, "none", 0), nothing
        assert len(shown["openai"]["body"]["messages"]) == 1


async def test_preview_cuts_what_is_not_sent_and_says_so(admin: Admin) -> None:
    shown = await preview(admin, system_prompt="é" * (PROMPT_CHARACTERS_MAX + 1))
    assert (shown["characters"], shown["cut"]) == (PROMPT_CHARACTERS_MAX, True)
    assert shown["tokens_estimated"] == PROMPT_CHARACTERS_MAX // 2
    assert len(shown["anthropic"]["body"]["system"]) == PROMPT_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"model": "nobody"}, {"model"}),
        ({"system_prompt": 5, "system": "", "what": 1}, {"system_prompt", "system", "what"}),
        ({"system_prompt_mode": "append"}, {"system_prompt_mode"}),
        ({"output_tokens_held": 5}, {"output_tokens_held"}),
    ],
)
async def test_preview_that_cannot_be_meant_is_refused_by_field(admin: Admin, body: Any, params: set[str]) -> None:
    assert faults(await admin.post("/settings/preview", body)).keys() == params


async def test_preview_is_what_the_provider_really_gets(admin: Admin, product: Product) -> None:
    await admin.patch("/settings", {"system_prompt": "Ours."})
    shown = (await preview(admin, model="sandbox-claude", system="Theirs."))["anthropic"]["body"]
    sent = {**shown, "model": "sandbox-claude", "system": "Theirs."}
    assert (await product.post("/v1/messages", sent)).status_code == 200
    ledger = (await product.client.get(f"{product.sandbox_url}/_sandbox/ledger")).json()
    assert ledger[-1]["body"] == shown
