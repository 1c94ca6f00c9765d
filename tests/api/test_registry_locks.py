"""Fields that the files own: no live edit of them, and the line to edit instead."""

from typing import Any

import pytest
from admin_client import Admin
from product import Product
from registry_files import apply, edit, files, plan, read, refusal, registry

OWNED = "ownership:\n  - {fields: [pricing.*, api_url, upstreams.*.api_url], mode: yaml}\n"
PAGES = "ownership:\n  - {fields: [system_prompt.*], mode: ui}\n"


def owned(product: Product, **changes: str) -> list[dict[str, str]]:
    return files(product, more=OWNED, **changes)


async def etag_of(admin: Admin, path: str) -> str:
    return (await admin.get(path)).headers["etag"]


async def test_patch_of_an_owned_field_is_locked_and_names_the_line(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    before = await admin.get("/models/alpha")
    changes = {"pricing": {"input": "4.50"}, "limits": {"timeout": "90s"}}
    error = refusal(await admin.patch("/models/alpha", changes, If_Match=before.headers["etag"]), 423)
    assert (error["code"], error["param"], error["place"]) == ("field_locked", "pricing.input", "models.yaml:9")
    assert "models.yaml:9" in error["message"]
    after = await admin.get("/models/alpha")
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])
    assert (await registry(admin, "/drift"))["drift"] == []


@pytest.mark.parametrize(
    "pricing", [None, {"free": True}, {"input": "4.00", "output": "10.00", "cached_input": "1.00"}]
)
async def test_put_that_drops_adds_or_replaces_an_owned_field_is_locked(
    admin: Admin, product: Product, pricing: Any
) -> None:
    await apply(admin, owned(product))
    document = read(await admin.get("/models/alpha")) | {"pricing": pricing}
    error = refusal(await admin.put("/models/alpha", document, If_Match=await etag_of(admin, "/models/alpha")), 423)
    assert error["param"].startswith("pricing.")


async def test_other_fields_are_edited_and_an_owned_one_may_be_sent_as_it_is(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    document = read(await admin.get("/models/alpha")) | {"limits": {"timeout": "90s"}}
    put = await admin.put("/models/alpha", document, If_Match=await etag_of(admin, "/models/alpha"))
    assert read(put)["limits"] == {"timeout": "90s"}
    edited = await edit(admin, "/models/alpha", {"description": "x", "pricing": {"input": "4.00"}})
    assert edited["description"] == "x"
    fields = (await registry(admin, "/models/alpha"))["fields"]
    assert (fields["pricing.input"]["owner"], fields["pricing.input"]["locked"]) == ("yaml", True)
    assert (fields["limits.timeout"]["owner"], fields["limits.timeout"]["locked"]) == ("merge", False)


async def test_provider_has_locks_too(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    etag = await etag_of(admin, "/providers/one")
    error = refusal(await admin.patch("/providers/one", {"api_url": "https://x.example"}, If_Match=etag), 423)
    assert (error["param"], error["place"]) == ("api_url", "models.yaml:3")
    assert read(await admin.patch("/providers/one", {"headers": {"x-team": "a"}}, If_Match=etag))["headers"]


async def test_what_the_files_own_a_field_of_is_deleted_in_the_files_or_once_it_is_detached(
    admin: Admin, product: Product
) -> None:
    await apply(admin, owned(product))
    etag = await etag_of(admin, "/models/alpha")
    error = refusal(await admin.delete("/models/alpha", If_Match=etag), 423)
    assert (error["param"], error["place"]) == ("pricing.input", "models.yaml:9")
    assert "detach" in error["message"]
    read(await admin.post("/registry/models/alpha/detach", {"reason": "ours now"}))
    etag = await etag_of(admin, "/models/alpha")
    assert (await admin.delete("/models/alpha", If_Match=etag)).status_code == 204


async def test_precondition_comes_before_the_lock(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    changes = {"pricing": {"input": "4.50"}}
    assert (await admin.patch("/models/alpha", changes)).status_code == 428
    assert (await admin.patch("/models/alpha", changes, If_Match='"1.99"')).status_code == 412


async def test_etag_that_was_read_before_an_apply_is_stale_after_it(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    etag, other = await etag_of(admin, "/models/alpha"), await etag_of(admin, "/models/beta")
    await apply(admin, files(product, price="5.00"))
    error = refusal(await admin.patch("/models/alpha", {"description": "x"}, If_Match=etag), 412)
    assert error["current"]["pricing"]["input"] == "5.00"
    assert (await admin.patch("/models/beta", {"description": "x"}, If_Match=other)).status_code == 200


async def test_what_no_file_declares_is_locked_for_nobody(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    edited = await edit(admin, "/models/sandbox-gpt", {"pricing": {"input": "3.50"}})
    assert (edited["pricing"]["input"], edited["registry"]["state"]) == ("3.50", "ui")


async def test_lock_goes_with_the_rule_or_with_the_stanza(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    read(await admin.post("/registry/models/beta/detach", {"reason": "ours now"}))
    await edit(admin, "/models/beta", {"pricing": {"input": "2.50"}})
    await apply(admin, files(product), policy={"on_conflict": "keep-live"})
    edited = await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    assert edited["registry"]["state"] == "drifted"


async def test_field_of_the_page_keeps_its_value_and_is_no_drift(admin: Admin, product: Product) -> None:
    ours = files(product, more=PAGES)
    ours[0]["text"] = ours[0]["text"].replace("  beta:", "    system_prompt: {text: First.}\n  beta:")
    await apply(admin, ours)
    edited = await edit(admin, "/models/alpha", {"system_prompt": {"text": "Second."}})
    assert edited["registry"]["state"] == "managed"
    ours[0]["text"] = ours[0]["text"].replace("First.", "Third.")
    await apply(admin, ours)
    assert read(await admin.get("/models/alpha"))["system_prompt"] == {"text": "Second."}


async def test_rollback_of_an_owned_field_is_held_until_the_files_change(admin: Admin, product: Product) -> None:
    first = await apply(admin, owned(product))
    await apply(admin, owned(product, price="5.00"))
    rolled = read(await admin.post("/registry/rollback", {"to": first["revision"]}))
    assert rolled["held"] == ["model/alpha"]
    (hold,) = (await registry(admin, "/holds"))["data"]
    assert (hold["entity"], hold["until_files_change"]) == ("model/alpha", True)
    assert [guard["code"] for guard in (await plan(admin, owned(product, price="5.00")))["guards"]] == ["held"]
    newer = await apply(admin, owned(product, price="5.50"))
    assert newer["changed"] is True
    assert read(await admin.get("/models/alpha"))["pricing"]["input"] == "5.50"


async def test_lists_say_of_each_document_where_it_stands(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/beta", {"pricing": {"input": "2.50"}})
    await edit(admin, "/providers/one", {"headers": {"x-team": "a"}})
    models = {row["key"]: row["registry"] for row in (await admin.get("/models")).json()["data"]}
    assert models["alpha"] == {"state": "managed", "source": "main", "place": "models.yaml:5"}
    assert models["beta"] == {"state": "drifted", "source": "main", "place": "models.yaml:11"}
    assert models["sandbox-gpt"] == {"state": "ui", "source": None, "place": None}
    providers = {row["key"]: row["registry"]["state"] for row in (await admin.get("/providers")).json()["data"]}
    assert (providers["one"], providers["sandbox-gpt"]) == ("managed", "ui")
    for row in (await admin.get("/models?limit=1")).json()["data"]:
        assert row["registry"] == models[row["key"]]


async def test_list_and_fields_name_what_only_the_files_may_change_set_or_not(admin: Admin, product: Product) -> None:
    await apply(admin, owned(product))
    owned_prices = {f"pricing.{name}" for name in ("input", "output", "cached_input", "cache_write", "cache_write_1h")}
    marked = read(await admin.get("/models/alpha"))["registry"]
    assert owned_prices <= set(marked["locked"])
    assert (await registry(admin, "/models/alpha"))["locked"] == marked["locked"]
    assert "locked" not in read(await admin.get("/models/sandbox-gpt"))["registry"]
