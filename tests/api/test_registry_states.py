"""One word for each entity and each field: where it stands between the files and live."""

from typing import Any

import pytest
from admin_client import Admin
from product import Product
from registry_files import apply, edit, file_text, files, read, registry

LEFT = "  gamma: {provider: one, actual_model: sandbox, pricing: {input: 2.00, output: 8.00}}\n"
GAMMA = {"provider": "one", "actual_model": "sandbox", "pricing": {"input": "2.00", "output": "8.00"}}


async def mark(admin: Admin, key: str = "gamma", kind: str = "models") -> dict[str, Any]:
    """What lists say of it; the entity's own page says the same."""
    shown = read(await admin.get(f"/{kind}/{key}"))["registry"]
    assert (await registry(admin, f"/{kind}/{key}"))["state"] == shown["state"]
    return dict(shown)


# --- orphans ------------------------------------------------------------------------------------------


async def test_what_left_the_files_is_orphaned_until_they_declare_it_again(admin: Admin, product: Product) -> None:
    await apply(admin, files(product, more=LEFT))
    await apply(admin, files(product))
    assert await mark(admin) == {"state": "orphaned", "source": "main", "place": None}
    assert (await registry(admin, "/models/gamma"))["fields"]["pricing.input"]["state"] == "ui"
    await edit(admin, "/models/gamma", {"description": "mine"})
    await apply(admin, files(product, price="4.10"))
    assert (await mark(admin))["state"] == "orphaned"
    await apply(admin, files(product, price="4.20", more=LEFT))
    assert await mark(admin) == {"state": "managed", "source": "main", "place": "models.yaml:15"}
    await apply(admin, files(product, price="4.30"))
    assert (await mark(admin))["state"] == "orphaned"


async def test_a_provider_that_left_the_files_is_orphaned_too(admin: Admin, product: Product) -> None:
    sent = files(product)
    other = 'providers:\n  two: {api_format: openai, api_url: "https://two.example/v1"}\n'
    await apply(admin, [{"name": "models.yaml", "text": sent[0]["text"].replace("providers:\n", other)}])
    await apply(admin, sent)
    assert (await mark(admin, "two", "providers"))["state"] == "orphaned"
    assert (await mark(admin, "one", "providers"))["state"] == "managed"


async def test_what_was_made_live_released_or_detached_is_no_orphan(admin: Admin, product: Product) -> None:
    await apply(admin, files(product, more=LEFT + LEFT.replace("gamma", "delta")))
    assert (await mark(admin, "sandbox-gpt")) == {"state": "ui", "source": None, "place": None}
    await apply(admin, files(product, more=LEFT + "removed: [{id: delta, destroy: false}]\n"))
    assert (await mark(admin, "delta"))["state"] == "ui"
    await admin.post("/registry/models/gamma/detach", {"reason": "mine"})
    assert (await mark(admin))["state"] == "ui"


async def test_an_orphan_that_was_deleted_and_made_again_is_whose_who_made_it(admin: Admin, product: Product) -> None:
    await apply(admin, files(product, more=LEFT))
    await apply(admin, files(product))
    etag = (await admin.get("/models/gamma")).headers["etag"]
    assert (await admin.delete("/models/gamma", If_Match=etag)).status_code == 204
    assert (await admin.put("/models/gamma", GAMMA)).status_code == 201
    assert (await mark(admin))["state"] == "ui"


# --- holds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", [{"entity": "model/alpha"}, {}], ids=["model", "everything"])
async def test_what_the_files_may_not_touch_is_held(admin: Admin, product: Product, on: dict[str, str]) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"limits": {"timeout": "90s"}})
    hold = read(await admin.post("/registry/holds", {**on, "until": "2099-01-01", "reason": "a sale"}))
    assert (await mark(admin, "alpha"))["state"] == "held"
    assert (await mark(admin, "beta"))["state"] == ("managed" if on else "held")
    assert (await mark(admin, "sandbox-gpt"))["state"] == "ui"
    shown = await registry(admin, "/models/alpha")
    assert shown["held"] == ["a sale"]
    assert {shown["fields"][path]["state"] for path in ("pricing.input", "limits.timeout")} == {"held"}
    await admin.delete(f"/registry/holds/{hold['id']}")
    assert (await mark(admin, "alpha"))["state"] == "drifted"


async def test_a_hold_on_fields_marks_those_fields_and_leaves_the_entity_its_state(
    admin: Admin, product: Product
) -> None:
    await apply(admin, files(product))
    body = {"entity": "model/alpha", "fields": "pricing.*", "until": "2099-01-01", "reason": "a sale"}
    await admin.post("/registry/holds", body)
    assert (await mark(admin, "alpha"))["state"] == "managed"
    fields = (await registry(admin, "/models/alpha"))["fields"]
    assert (fields["pricing.input"]["state"], fields["limits.timeout"]["state"]) == ("held", "managed")


async def test_a_hold_of_a_rollback_ends_for_the_eye_too_when_the_files_change(admin: Admin, product: Product) -> None:
    owned = "ownership: [{fields: ['pricing.*'], mode: yaml}]\n"
    first = await apply(admin, files(product, more=owned))
    await apply(admin, files(product, price="5.00", more=owned))
    rolled = read(await admin.post("/registry/rollback", {"to": first["revision"]}))
    assert rolled["held"] == ["model/alpha"]
    assert (await mark(admin, "alpha"))["state"] == "held"
    await apply(admin, files(product, price="5.10", more=owned))
    assert (await mark(admin, "alpha"))["state"] == "managed"


# --- a rollback before it is done ---------------------------------------------------------------------


async def test_a_dry_rollback_says_what_the_real_one_then_does_and_keeps_nothing_of_it(
    admin: Admin, product: Product
) -> None:
    owned = "ownership: [{fields: ['pricing.*'], mode: yaml}]\n"
    first = await apply(admin, files(product, more=owned))
    second = await apply(admin, files(product, price="5.00", more=owned))
    asked = {"to": first["revision"], "message": "back"}
    before = await registry(admin, "/status")
    dry = read(await admin.post("/registry/rollback", {**asked, "dry_run": True}))
    assert (dry["revision"], dry["changed"], dry["held"]) == (second["revision"], False, ["model/alpha"])
    after = await registry(admin, "/status")
    assert {**after, "workers": []} == {**before, "workers": []}
    done = read(await admin.post("/registry/rollback", asked))
    assert (done["revision"], done["changed"]) == (dry["revision"] + 1, True)
    assert (done["changes"], done["held"]) == (dry["changes"], dry["held"])


async def test_a_dry_rollback_is_refused_as_the_real_one_would_be(admin: Admin, product: Product) -> None:
    first = await apply(admin, files(product))
    await apply(admin, files(product, more=LEFT))
    etag = (await admin.get("/models/gamma")).headers["etag"]
    await admin.delete("/models/gamma", If_Match=etag)
    await admin.put("/models/delta", {**GAMMA, "display_name": "gamma"})
    back = {"to": (await registry(admin, "/status"))["revision"] - 2, "only": ["model/gamma"]}
    refused = [await admin.post("/registry/rollback", {**back, "dry_run": is_dry}) for is_dry in (True, False)]
    assert [answer.status_code for answer in refused] == [422, 422]
    assert refused[0].json()["error"]["errors"] == refused[1].json()["error"]["errors"]
    assert first["revision"] < back["to"]


# --- the document -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/models/alpha", "/providers/one"])
async def test_an_entity_comes_with_its_document_and_what_a_writer_names_it_by(
    admin: Admin, product: Product, path: str
) -> None:
    await apply(admin, files(product))
    document = read(await admin.get(path))
    shown = await registry(admin, path)
    assert shown["document"] == {name: document[name] for name in shown["document"]}
    assert document.keys() - shown["document"].keys() <= {"key", "etag", "registry", "served"}
    assert shown["etag"] == document["etag"]
    answer = await admin.put(path, shown["document"], If_Match=f'"{shown["etag"]}"')
    assert answer.status_code == 200, answer.text


async def test_what_was_deleted_here_has_no_document(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    etag = (await admin.get("/models/beta")).headers["etag"]
    await admin.delete("/models/beta", If_Match=etag)
    shown = await registry(admin, "/models/beta")
    assert (shown["state"], shown["document"], shown["etag"]) == ("deleted", None, None)
    assert "beta" in file_text(product)
