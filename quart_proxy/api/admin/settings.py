"""/api/admin/settings: what is in force everywhere, such as the system prompt and its master switch."""

from dataclasses import replace
from typing import Any

from quart import Blueprint, Response, request

from quart_proxy.core.errors import Fault, InvalidFields
from quart_proxy.core.names import fold_name
from quart_proxy.http import json_response, read_json, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.effective_settings import effective_settings
from quart_proxy.http.fields import Field, read_fields, text
from quart_proxy.http.operations import operation
from quart_proxy.services.live_settings import change_settings
from quart_proxy.services.prompt_preview import PromptPreview, preview_prompt
from quart_proxy.settings import Settings
from quart_proxy.store.catalog import Model, list_models
from quart_proxy.store.database import Database
from quart_proxy.store.settings import (
    STORED_PROMPT_CHARACTERS_MAX,
    LiveSettings,
    as_document,
    check_changes,
    etag_of,
    list_kept,
    read_settings,
)

routes = Blueprint("settings", __name__)
PROMPT = ("system_prompt", "system_prompt_mode", "system_prompt_enabled")
SAMPLE = {
    "model": Field(text(), nullable=True),
    "system": Field(text(STORED_PROMPT_CHARACTERS_MAX, lines=True), nullable=True),
}


@routes.get("")
@operation(answer="Settings")
async def get_settings() -> Response:
    async with service(Database).read() as connection:
        return _answer(await read_settings(connection))


@routes.patch("")
@operation(answer="Settings", body="SettingsChange", needs_etag=True)
async def change() -> Response:
    """Null takes a setting back to its default. With `If-Match`, only what was read is changed."""
    changes = await read_json()
    seen = request.if_match if "If-Match" in request.headers else None
    live = await change_settings(
        service(Database), acting(), changes, is_seen=lambda etag: seen is None or seen.contains(etag)
    )
    await put_in_force()
    return _answer(live)


@routes.get("/effective")
@operation(answer="Object", kind="list")
async def list_effective() -> Response:
    """Live settings first, then what the environment said, then the limits of this version."""
    async with service(Database).snapshot() as connection:
        live, kept = await read_settings(connection), await list_kept(connection)
    data = effective_settings(live, kept, service(Settings))
    return json_response({"data": data, "has_more": False, "next_cursor": None})


@routes.post("/preview")
@operation(answer="Object", body="SettingsPreview")
async def preview() -> Response:
    """What these settings would send, to `model` (its key or one of its names) from a client whose own system text is
    `system`. What is not said is as it is in force. Nothing is written."""
    said = await read_json()
    changes = {name: said.pop(name) for name in PROMPT if name in said}
    faults = check_changes(changes)
    sample: dict[str, Any] = {}
    try:
        sample = read_fields(said, SAMPLE)
    except InvalidFields as error:
        faults += error.faults
    if faults:
        raise InvalidFields(faults)
    async with service(Database).snapshot() as connection:
        kept = await read_settings(connection)
        models = await list_models(connection) if sample.get("model") is not None else []
    defaults = as_document(LiveSettings())
    live = replace(kept, **{name: defaults[name] if value is None else value for name, value in changes.items()})
    model = None if sample.get("model") is None else _find_model(models, sample["model"])
    return json_response(_preview_form(preview_prompt(model, live, system=sample.get("system"))))


def _find_model(models: list[Model], name: str) -> Model:
    """Raises InvalidFields."""
    for model in models:
        if name == model.key or fold_name(name) in {fold_name(each) for each in (model.display_name, *model.aliases)}:
            return model
    raise InvalidFields([Fault("model", "is not the key or the name of a model")])


def _preview_form(found: PromptPreview) -> dict[str, Any]:
    return {
        "applies": found.prompt is not None,
        "source": found.source,
        "mode": None if found.prompt is None else found.prompt.mode.value,
        "characters": 0 if found.prompt is None else len(found.prompt.text),
        "cut": found.is_cut,
        "tokens_estimated": found.tokens_estimated,
        **{name: {"path": sent.path, "body": sent.body} for name, sent in found.sent.items()},
    }


def _answer(live: LiveSettings) -> Response:
    return json_response(as_document(live), headers={"etag": f'"{etag_of(live)}"'})
