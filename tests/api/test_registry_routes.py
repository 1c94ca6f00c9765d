"""The registry over HTTP: files applied, live edits kept, conflicts decided, history and the way back."""

import asyncio
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product
from registry_files import apply, edit, file_text, files, plan, read, refusal, registry
from sqlalchemy import text

from quart_proxy.core.usage import Dimension

LITERAL = "canary-4711-literal-in-a-file"
VENDOR = "sk-canary4711vendorkey0123456789"
TYPED = "canary-4711-typed-into-the-page"
ENV_VALUE = "sk-sandbox-upstream-key"


def own_file(product: Product) -> Path:
    return Path(product.settings.models_file)


async def price_of(product: Product, model: str = "Alpha") -> Decimal:
    """Dollars per 1M input tokens, told from what a request cost: output is 10 dollars."""
    answer = await product.chat(model)
    assert answer.status_code == 200, answer.text
    usage = answer.json()["usage"]
    cost = Decimal(answer.headers["x-quart-proxy-cost"]) * 1_000_000
    return (cost - 10 * usage["completion_tokens"]) / usage["prompt_tokens"]


# --- the story ----------------------------------------------------------------------------------------


async def test_applied_model_is_served_at_its_price_by_the_very_next_request(admin: Admin, product: Product) -> None:
    applied = await apply(admin, files(product), message="first")
    assert (applied["changed"], applied["plan"]["counts"]["create"]) == (True, 3)
    assert await price_of(product) == 4
    again = await apply(admin, files(product))
    assert (again["changed"], again["revision"]) == (False, applied["revision"])
    await apply(admin, files(product, price="5.00"))
    assert await price_of(product) == 5
    assert not await product.imbalances()


async def test_request_in_flight_keeps_the_price_that_it_started_with(admin: Admin, product: Product) -> None:
    slow = "sandbox:words=40,delay_ms=100"
    await apply(admin, files(product, actual_model=slow))
    body = {"model": "alpha", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    url = f"{product.base_url}/v1/chat/completions"
    async with product.client.stream("POST", url, json=body, headers=product.headers) as stream:
        lines = stream.aiter_lines()
        assert "data: {" in await anext(lines)
        await apply(admin, files(product, actual_model=slow, price="5.00"))
        assert await product.rows() == []
        assert "data: [DONE]" in [line async for line in lines]
    (row,) = await product.rows(1)
    async with product.database.read() as connection:
        query = "SELECT p.id, p.input FROM prices p JOIN models m ON m.id = p.model_id WHERE m.key = 'alpha' ORDER BY 1"
        old, new = (await connection.execute(text(query))).all()
    assert (old.input, new.input) == (4, 5)
    assert row.price_id == old.id
    assert row.tokens[Dimension.OUTPUT] == 40
    assert row.cost * 1_000_000 == 4 * row.tokens[Dimension.INPUT] + 10 * row.tokens[Dimension.OUTPUT]
    assert not await product.imbalances()


async def test_live_edit_survives_the_next_apply_and_every_view_tells_of_it(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    model = read(await admin.get("/models/alpha"))
    assert model["registry"] == {"state": "managed", "source": "main", "place": "models.yaml:5"}
    edited = await edit(admin, "/models/alpha", {"limits": {"timeout": "90s"}})
    assert edited["registry"]["state"] == "drifted"
    (item,) = (await registry(admin, "/drift"))["drift"]
    assert (item["entity"], item["path"], item["yaml"], item["live"]) == ("model/alpha", "limits.timeout", "60s", "90s")
    assert (item["actor"], item["location"]) == ("admin", "models.yaml:10")
    assert (await registry(admin, "/drift?ignore=provider/*&ignore=*.limits.*"))["drift"] == []
    planned = await plan(admin, files(product))
    assert (planned["exit"], planned["counts"]["drift"]) == (0, 1)
    await apply(admin, files(product, price="5.00"))
    assert read(await admin.get("/models/alpha"))["limits"] == {"timeout": "90s"}
    field = (await registry(admin, "/models/alpha"))["fields"]["limits.timeout"]
    assert (field["value"], field["yaml"], field["state"], field["by"]) == ("90s", "60s", "drifted", "admin")
    status = await registry(admin, "/status")
    assert (status["drift"], status["conflicts"], status["sources"][0]["source"]) == (1, [], "main")


async def in_force(admin: Admin) -> dict[str, Any]:
    """The status without what workers say of themselves every few seconds."""
    return {name: value for name, value in (await registry(admin, "/status")).items() if name != "workers"}


async def test_conflict_names_both_authors_and_an_apply_of_it_changes_nothing(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    before = await in_force(admin), (await admin.get("/models/alpha")).text
    ours = files(product, price="5.00", timeout="70s")
    origin = {"rev": "3f2c9ab", "seq": 7, "author": "Ben"}
    planned = await plan(admin, ours, origin=origin)
    (conflict,) = planned["conflicts"]
    assert planned["exit"] == 3
    assert (conflict["address"], conflict["location"]) == ("model.alpha/pricing", "models.yaml:9")
    assert (conflict["yaml_author"], conflict["live_author"]["actor"]) == ("Ben", "admin")
    assert [conflict[side]["pricing.input"] for side in ("base", "live", "ours")] == ["4.00", "4.50", "5.00"]
    error = refusal(await admin.post("/registry/apply", {"files": ours, "origin": origin}), 409)
    assert error["code"] == "plan_refused"
    assert error["plan"]["conflicts"] == planned["conflicts"]
    after = await in_force(admin), (await admin.get("/models/alpha")).text
    assert after == before
    assert await price_of(product) == Decimal("4.50")


@pytest.mark.parametrize(("choice", "price"), [("yaml", "5.00"), ("live", "4.50")])
async def test_resolution_decides_a_conflict_and_the_rest_is_applied(
    admin: Admin, product: Product, choice: str, price: str
) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    ours = files(product, price="5.00", timeout="70s")
    await apply(admin, ours, policy={"resolutions": {"model/alpha/pricing": choice}})
    assert await price_of(product) == Decimal(price)
    model = read(await admin.get("/models/alpha"))
    assert model["limits"] == {"timeout": "70s"}
    assert model["registry"]["state"] == ("managed" if choice == "yaml" else "drifted")
    assert (await plan(admin, ours))["conflicts"] == []


async def test_plan_that_is_out_of_date_is_not_applied(admin: Admin, product: Product) -> None:
    ours = files(product)
    planned = await plan(admin, ours)
    await edit(admin, "/models/sandbox-gpt", {"description": "meanwhile"})
    error = refusal(await admin.post("/registry/apply", {"files": ours, "fingerprint": planned["fingerprint"]}), 409)
    assert error["code"] == "stale_plan"
    assert (await apply(admin, ours, fingerprint=error["plan"]["fingerprint"]))["changed"] is True


async def test_guard_refuses_with_its_flag_and_the_policy_lets_it_pass(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    jump = files(product, price="40.00")
    error = refusal(await admin.post("/registry/apply", {"files": jump}), 409)
    assert [guard["flag"] for guard in error["plan"]["guards"]] == ["--allow-price-jump"]
    assert (await plan(admin, jump))["exit"] == 4
    await apply(admin, jump, policy={"allow_price_jump": True})
    assert await price_of(product) == 40


# --- git ----------------------------------------------------------------------------------------------


async def test_export_commits_live_edits_and_touches_nothing_else(admin: Admin, product: Product) -> None:
    ours = files(product)
    await apply(admin, ours)
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    exported = read(await admin.post("/registry/export", {"files": ours}))
    (made,) = exported["files"]
    assert exported["changed"] is True
    assert made["text"] == file_text(product, price="4.50")
    patch = await admin.post("/registry/export?format=patch", {"files": ours})
    assert patch.headers["content-type"].startswith("text/x-diff")
    assert patch.text == exported["patch"]
    assert "-    pricing: {input: 4.00, output: 10.00}\n+    pricing: {input: 4.50, output: 10.00}\n" in patch.text
    only = read(await admin.post("/registry/export", {"files": ours, "only": ["model/beta"]}))
    assert (only["changed"], only["patch"]) == (False, "")
    applied = await apply(admin, exported["files"])
    assert applied["plan"]["drift"] == []
    assert (await registry(admin, "/drift"))["drift"] == []


async def test_files_of_the_server_are_meant_when_none_are_sent(admin: Admin, product: Product) -> None:
    assert refusal(await admin.post("/registry/plan", {}), 422)["code"] == "invalid_registry"
    own_file(product).write_text(file_text(product))
    assert (await plan(admin))["counts"]["create"] == 3
    await apply(admin)
    await edit(admin, "/models/alpha", {"description": "Kept."})
    await admin.put("/models/extra", {"provider": "one", "pricing": {"free": True}})
    assert (await admin.get("/registry/export?format=patch")).text == ""
    adopted = read(await admin.post("/registry/models/extra/adopt"))
    assert "+  extra:" in adopted["patch"]
    assert "description" not in adopted["patch"]
    own_file(product).write_text(adopted["files"][0]["text"])
    await apply(admin, policy={"adopt": True})
    assert (await registry(admin, "/models/extra"))["state"] == "managed"
    assert faults(await admin.post("/registry/plan", {"origin": {"rev": "x"}})).keys() == {"origin"}


async def test_first_file_from_what_is_live_is_valid_and_changes_nothing(admin: Admin, product: Product) -> None:
    first = (await registry(admin, "/export?init=1"))["text"]
    sent = [{"name": "models.yaml", "text": first}]
    assert read(await admin.post("/registry/validate", {"files": sent}))["valid"] is True
    applied = await apply(admin, sent, policy={"adopt": True})
    assert applied["plan"]["counts"]["update"] == 0
    assert (await plan(admin, sent))["exit"] == 0


async def test_export_says_what_it_had_to_leave_out_and_why(admin: Admin, product: Product) -> None:
    sent = [{"name": "models.yaml", "text": "{version: 1, models: {}}"}]
    adopted = read(await admin.post("/registry/export", {"files": sent, "adopt": ["provider/sandbox-gpt"]}))
    assert (adopted["changed"], adopted["patch"]) == (False, "")
    assert "in one pair of braces cannot get `providers`" in adopted["skipped"][0]
    missing = read(await admin.post("/registry/export", {"files": sent, "adopt": ["model/none"]}))
    assert (missing["changed"], missing["skipped"]) == (False, ["model/none is not live."])


# --- one entity ---------------------------------------------------------------------------------------


async def test_revert_gives_up_live_edits_of_some_fields_or_of_all(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}, "limits": {"timeout": "90s"}})
    await admin.post("/registry/models/alpha/revert", {"paths": ["limits.timeout"], "message": "too long"})
    model = read(await admin.get("/models/alpha"))
    assert (model["limits"], model["pricing"]["input"]) == ({"timeout": "60s"}, "4.50")
    assert read(await admin.post("/registry/models/alpha/revert"))["changed"] is True
    assert await price_of(product) == 4
    assert read(await admin.post("/registry/models/alpha/revert"))["changed"] is False
    newest = (await registry(admin, "/revisions?limit=2"))["data"]
    assert [(row["kind"], row["message"]) for row in newest] == [("revert", None), ("revert", "too long")]
    assert "paths" in faults(await admin.post("/registry/models/alpha/revert", {"paths": ["owned_by"]}))


async def test_model_deleted_live_stays_deleted_until_it_is_reverted(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    etag = (await admin.get("/models/alpha")).headers["etag"]
    await admin.delete("/models/alpha", If_Match=etag)
    await apply(admin, files(product))
    assert (await product.chat("alpha")).status_code == 404
    assert (await registry(admin, "/models/alpha"))["state"] == "deleted"
    await admin.post("/registry/models/alpha/revert")
    assert await price_of(product) == 4


async def test_detached_model_is_the_pages_and_git_notices(admin: Admin, product: Product) -> None:
    ours = files(product)
    await apply(admin, ours)
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    detached = await admin.post("/registry/models/alpha/detach", {"reason": "a trial"})
    assert read(detached)["changed"] is True
    assert read(await admin.get("/models/alpha"))["registry"] == {"state": "ui", "source": None, "place": None}
    assert (await plan(admin, ours))["conflicts"][0]["entity"] == "model/alpha"
    assert faults(await admin.post("/registry/providers/one/detach", {})).keys() == {"reason"}
    assert (await admin.post("/registry/models/alpha/detach", {"reason": "again"})).status_code == 404


async def test_entity_that_is_not_there_is_not_found(admin: Admin) -> None:
    for path in ("/models/none", "/providers/none", "/models/UPPER"):
        assert (await admin.get(f"/registry{path}")).status_code == 404
        assert (await admin.post(f"/registry{path}/revert")).status_code == 404
        assert (await admin.post(f"/registry{path}/detach", {"reason": "x"})).status_code == 404


# --- history ------------------------------------------------------------------------------------------


async def test_history_says_who_changed_what_and_pages_through_it(admin: Admin, product: Product) -> None:
    origin = {"rev": "abc", "seq": 1, "author": "Ben"}
    first = await apply(admin, files(product), origin=origin, message="first")
    await edit(admin, "/models/beta", {"description": "b"})
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    page = await registry(admin, "/revisions?limit=2")
    assert [row["kind"] for row in page["data"]] == ["ui", "ui"]
    rest = await registry(admin, f"/revisions?limit=2&cursor={page['next_cursor']}")
    applied = rest["data"][0]
    assert (applied["revision"], applied["kind"], applied["message"]) == (first["revision"], "sync", "first")
    assert (applied["rev"], applied["seq"], applied["author"], applied["actor"]) == ("abc", 1, "Ben", "admin")
    assert rest["has_more"] is False
    of_beta = (await registry(admin, "/revisions?entity=model/beta"))["data"]
    assert [row["revision"] for row in of_beta] == [first["revision"] + 1, first["revision"]]
    one = await registry(admin, f"/revisions/{first['revision'] + 2}")
    change = {"path": "pricing.input", "from": "4.00", "to": "4.50"}
    assert one["changes"][0]["fields"] == [change]
    both = await registry(admin, f"/revisions/{first['revision'] + 1}..{first['revision'] + 2}")
    assert [(item["entity"], item["fields"]) for item in both["changes"]] == [("model/alpha", [change])]
    back = await registry(admin, f"/revisions/{first['revision'] + 2}..{first['revision']}")
    assert {item["entity"] for item in back["changes"]} == {"model/alpha", "model/beta"}


async def test_rollback_is_a_new_revision_and_in_force_at_once(admin: Admin, product: Product) -> None:
    first = await apply(admin, files(product))
    await apply(admin, files(product, price="5.00"))
    await edit(admin, "/models/beta", {"description": "b"})
    dry = read(await admin.post("/registry/rollback", {"to": first["revision"], "dry_run": True}))
    assert {change["entity"] for change in dry["changes"]} == {"model/alpha", "model/beta"}
    assert await price_of(product) == 5
    one = read(await admin.post("/registry/rollback", {"to": first["revision"], "only": ["model/alpha"]}))
    assert (one["revision"], one["changed"]) == (dry["revision"] + 1, True)
    assert await price_of(product) == 4
    assert read(await admin.get("/models/beta"))["description"] == "b"
    (newest,) = (await registry(admin, "/revisions?limit=1"))["data"]
    assert (newest["kind"], newest["actor"]) == ("rollback", "admin")
    assert (await registry(admin, "/models/alpha"))["state"] == "drifted"


@pytest.mark.parametrize("path", ["/revisions/999999", "/revisions/1..999999", "/revisions/999999..1"])
async def test_revision_that_never_was_is_not_found(admin: Admin, product: Product, path: str) -> None:
    await apply(admin, files(product))
    assert (await admin.get(f"/registry{path}")).status_code == 404
    assert (await admin.post("/registry/rollback", {"to": 999999})).status_code == 404


# --- holds and conflicts that wait --------------------------------------------------------------------


async def test_hold_keeps_the_files_away_until_it_is_lifted(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    body = {"entity": "model/alpha", "fields": "pricing.*", "until": "2099-01-01", "reason": "a sale"}
    hold = read(await admin.post("/registry/holds", body))
    assert (hold["entity"], hold["by"], hold["until"]) == ("model/alpha", "admin", "2099-01-01T00:00:00Z")
    assert (await registry(admin, "/holds"))["data"] == [hold]
    held = refusal(await admin.post("/registry/apply", {"files": files(product, price="5.00")}), 409)
    assert [guard["code"] for guard in held["plan"]["guards"]] == ["held"]
    assert (await admin.delete(f"/registry/holds/{hold['id']}")).status_code == 204
    assert (await admin.delete(f"/registry/holds/{hold['id']}")).status_code == 404
    await apply(admin, files(product, price="5.00"))
    assert await price_of(product) == 5
    assert faults(await admin.post("/registry/holds", {**body, "until": "2020-01-01"})).keys() == {"until"}


async def test_conflict_that_was_deferred_waits_to_be_decided(admin: Admin, product: Product) -> None:
    own_file(product).write_text(file_text(product))
    await apply(admin)
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    own_file(product).write_text(file_text(product, price="5.00", timeout="70s"))
    await apply(admin, policy={"on_conflict": "defer"})
    assert await price_of(product) == Decimal("4.50")
    (conflict,) = (await registry(admin, "/conflicts"))["data"]
    assert conflict["address"] == "model.alpha/pricing"
    assert read(await admin.get("/models/alpha"))["registry"]["state"] == "conflict"
    decision = {"address": "model/alpha/pricing", "choice": "yaml"}
    stale = await admin.post("/registry/conflicts/resolve", {**decision, "triple_digest": "other"})
    assert stale.status_code == 404
    decided = await admin.post("/registry/conflicts/resolve", {**decision, "triple_digest": conflict["triple_digest"]})
    assert read(decided)["sync"]["outcome"] == "applied"
    assert await price_of(product) == 5
    assert (await registry(admin, "/conflicts"))["data"] == []
    assert read(await admin.get("/models/alpha"))["limits"] == {"timeout": "70s"}


async def test_decision_applies_nothing_but_the_files_that_it_was_asked_of(admin: Admin, product: Product) -> None:
    own_file(product).write_text(file_text(product))
    await apply(admin)
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    asked = file_text(product, price="5.00")
    own_file(product).write_text(asked)
    await apply(admin, policy={"on_conflict": "defer"})
    own_file(product).write_text(asked.replace("input: 2.00", "input: 2.10"))
    decision = {"address": "model/alpha/pricing", "choice": "yaml"}
    assert read(await admin.post("/registry/conflicts/resolve", decision))["sync"] is None
    assert read(await admin.get("/models/beta"))["pricing"]["input"] == "2.00"
    assert await price_of(product) == Decimal("4.50")
    (waiting,) = (await registry(admin, "/conflicts"))["data"]
    assert (waiting["resolution"], waiting["resolved_by"]) == ("yaml", "admin")
    await apply(admin)
    assert await price_of(product) == 5
    assert read(await admin.get("/models/beta"))["pricing"]["input"] == "2.10"
    assert (await registry(admin, "/conflicts"))["data"] == []


async def test_hold_on_what_is_not_there_is_refused_with_the_nearest(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    hold = {"until": "2099-01-01", "reason": "a sale"}
    for entity, nearest in (("model/alhpa", "alpha"), ("provider/on", "one")):
        found = faults(await admin.post("/registry/holds", {**hold, "entity": entity}))
        assert found["entity"].endswith(f'did you mean "{nearest}"?')
    assert (await registry(admin, "/holds"))["data"] == []
    await admin.delete("/models/alpha", If_Match=(await admin.get("/models/alpha")).headers["etag"])
    for entity in ("model/alpha", "model/sandbox-gpt"):
        assert read(await admin.post("/registry/holds", {**hold, "entity": entity}))["entity"] == entity


async def test_what_was_looked_at_must_be_in_force_still(admin: Admin, product: Product) -> None:
    first = await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    seen = first["revision"]
    for path, body in (
        ("/rollback", {"to": seen}),
        ("/rollback", {"to": seen, "dry_run": True}),
        ("/models/alpha/revert", {}),
        ("/models/alpha/detach", {"reason": "ours"}),
    ):
        error = refusal(await admin.post(f"/registry{path}", {**body, "revision": seen}), 409)
        assert error["code"] == "conflict"
    assert await price_of(product) == Decimal("4.50")
    dry = read(await admin.post("/registry/rollback", {"to": seen, "dry_run": True}))
    await admin.post("/registry/rollback", {"to": seen, "revision": dry["revision"]})
    assert await price_of(product) == 4


# --- what is refused ----------------------------------------------------------------------------------


async def test_every_fault_of_a_body_is_told_at_once(admin: Admin) -> None:
    body = {
        "files": [{"name": "", "text": 5}, {"nam": "x", "text": ""}, "no object"],
        "policy": {"mode": "off", "prune": "yes", "nothing": 1, "resolutions": {"alpha": "yaml", "model.a/b": "ours"}},
        "origin": {"seq": "1", "rev": ""},
        "fingerprint": 5,
        "message": "\x00",
        "extra": 1,
    }
    assert faults(await admin.post("/registry/apply", body)).keys() == {
        "files.0.name",
        "files.0.text",
        "files.1.nam",
        "files.1.name",
        "files.2",
        "policy.mode",
        "policy.prune",
        "policy.nothing",
        "policy.resolutions.alpha",
        "policy.resolutions.model.a/b",
        "origin.seq",
        "origin.rev",
        "fingerprint",
        "message",
        "extra",
    }


@pytest.mark.parametrize(
    ("path", "body", "params"),
    [
        ("/validate", {"files": []}, {"files"}),
        ("/validate", {"files": [{"name": "a", "text": ""}] * 1001}, {"files"}),
        ("/validate", {"files": [{"name": "a", "text": ""}] * 2}, {"files.1.name"}),
        ("/plan", {"files": None, "policy": []}, {"files", "policy"}),
        ("/export", {"adopt": ["alpha"], "only": "model/alpha"}, {"adopt.0", "only"}),
        ("/rollback", {"only": ["none/x"], "dry_run": 1}, {"to", "only.0", "dry_run"}),
        ("/rollback", {"to": -1, "revision": "1"}, {"to", "revision"}),
        ("/holds", {"entity": "alpha", "until": "soon", "reason": ""}, {"entity", "until", "reason"}),
        ("/conflicts/resolve", {"address": "alpha", "choice": "ours"}, {"address", "choice"}),
        ("/models/alpha/revert", {"paths": [5], "path": "x"}, {"paths.0", "path"}),
        ("/models/alpha/adopt", {"files": []}, {"files"}),
    ],
)
async def test_body_that_cannot_be_meant_is_refused_by_field(
    admin: Admin, path: str, body: Any, params: set[str]
) -> None:
    assert faults(await admin.post(f"/registry{path}", body)).keys() == params


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/revisions?entity=alpha", "entity"),
        ("/revisions?cursor=x", "cursor"),
        ("/revisions?limit=0", "limit"),
        ("/drift?ignore=", "ignore.0"),
        ("/export?format=zip", "format"),
    ],
)
async def test_query_that_cannot_be_meant_is_refused(admin: Admin, path: str, param: str) -> None:
    assert faults(await admin.get(f"/registry{path}")).keys() == {param}


async def test_files_with_faults_are_refused_with_all_of_them_and_their_places(admin: Admin, product: Product) -> None:
    sent = [
        {"name": "a.yaml", "text": "version: 1\nmodels:\n  one: {ouput: 1}\n"},
        {"name": "b.yaml", "text": "version: 1\nmodels:\n  two: {pricing: {input: -1}}\n"},
    ]
    validated = read(await admin.post("/registry/validate", {"files": sent}))
    assert validated["valid"] is False
    places = {(fault["file"], fault["line"]) for fault in validated["faults"]}
    assert places >= {("a.yaml", 3), ("b.yaml", 3)}
    for path in ("/plan", "/apply", "/export"):
        error = refusal(await admin.post(f"/registry{path}", {"files": sent}), 422)
        assert error["faults"] == validated["faults"]
    assert (await registry(admin, "/status"))["revision"] == 0


async def test_own_files_of_the_server_are_validated_where_none_are_sent(admin: Admin, product: Product) -> None:
    own = own_file(product)
    missing = read(await admin.post("/registry/validate", {}))
    assert (missing["valid"], [fault["code"] for fault in missing["faults"]]) == (False, ["E100"])
    own.write_text(file_text(product))
    assert read(await admin.post("/registry/validate", {}))["valid"] is True
    own.write_text(file_text(product, price="dear"))
    (fault,) = read(await admin.post("/registry/validate", {}))["faults"]
    assert (fault["file"], fault["line"]) == ("models.yaml", 9)


async def test_files_whose_result_cannot_be_served_are_refused_whole(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    taken = "  gamma: {display_name: SANDBOX-GPT, provider: one, pricing: {free: true}}\n"
    answer = await admin.post("/registry/apply", {"files": files(product, price="5.00", more=taken)})
    assert any("display_name" in param for param in faults(answer))
    assert await price_of(product) == 4


async def test_two_applies_at_once_follow_each_other(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    prices = ("4.10", "4.20", "4.30", "4.40")
    answers = await asyncio.gather(
        *(admin.post("/registry/apply", {"files": files(product, price=price)}) for price in prices)
    )
    revisions = [read(answer)["revision"] for answer in answers]
    assert len(set(revisions)) == 4
    assert f"{await price_of(product):.2f}" == prices[revisions.index(max(revisions))]


# --- secrets ------------------------------------------------------------------------------------------


async def test_no_secret_is_in_any_answer_revision_audit_row_or_log(
    admin: Admin, product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    typed = {"api_format": "openai", "api_url": f"{product.sandbox_url}/v1", "api_key": TYPED}
    assert (await admin.put("/providers/typed", typed)).status_code == 201
    inline = f"api_format: openai, api_url: {product.sandbox_url}/v1, actual_model: sandbox"
    used = f"  gamma: {{{inline}, pricing: {{free: true}}, api_key: '${{secret:provider.typed}}'}}\n"
    await apply(admin, files(product, more=used))
    assert (await product.chat("gamma")).status_code == 200
    answers = [
        await admin.get(f"/registry{path}")
        for path in ("/status", "/drift", "/export?init=1", "/revisions", "/revisions/1", "/revisions/2..1", "/holds")
    ]
    answers += [await admin.get(f"/registry/{path}") for path in ("providers/typed", "providers/one", "models/gamma")]
    for key in (LITERAL, VENDOR):
        for stanza in (
            f"  gamma: {{api_format: openai, api_url: https://x.example, api_key: {key}}}\n",
            f"  gamma:\n    api_key: >-\n      {key}\n",
            f'  gamma: {{"api_key": "{key}\n',
            f"  gamma: {{provider: {{headers: {{authorization: {key}}}}}}}\n",
        ):
            sent = files(product, more=stanza)
            answers += [await admin.post(f"/registry/{verb}", {"files": sent}) for verb in ("validate", "plan")]
            answers += [await admin.post(f"/registry/{verb}", {"files": sent}) for verb in ("apply", "export")]
            assert [answer.status_code for answer in answers[-4:]] == [200, 422, 422, 422]
    answers.append(await admin.post("/registry/export", {"files": files(product, more=used)}))
    answers.append(await admin.post("/registry/models/gamma/revert"))
    answers += [await admin.get(path) for path in ("/audit?limit=200", "/audit.csv", "/providers", "/models")]
    told = "\n".join([*(answer.text for answer in answers), *(str(vars(record)) for record in caplog.records)])
    assert "${secret:provider.typed}" in told
    assert "${env:SANDBOX_API_KEY}" in told
    for canary in (LITERAL, VENDOR, TYPED, ENV_VALUE):
        assert canary not in told


async def test_what_this_server_does_not_read_or_call_is_a_fault_with_its_place(admin: Admin, product: Product) -> None:
    unread = files(product)
    unread[0]["text"] = unread[0]["text"].replace("SANDBOX_API_KEY", "DATABASE_URL")
    uncalled = files(product)
    uncalled[0]["text"] = uncalled[0]["text"].replace(product.sandbox_url, "http://169.254.169.254")
    for sent, code, path in ((unread, "E303", "providers.one.api_key"), (uncalled, "E304", "providers.one.api_url")):
        expected = (code, path, "models.yaml", 3)
        checked = read(await admin.post("/registry/validate", {"files": sent}))
        refused = [refusal(await admin.post(f"/registry/{verb}", {"files": sent}), 422) for verb in ("plan", "apply")]
        assert (checked["valid"], checked["errors"]) == (False, 1)
        for told in (checked, *refused):
            (fault,) = told["faults"]
            assert (fault["code"], fault["path"], fault["file"], fault["line"]) == expected
    assert (await registry(admin, "/status"))["revision"] == 0


async def test_plan_hints_at_a_key_that_is_missing_on_the_server(admin: Admin, product: Product) -> None:
    more = '  gamma: {api_format: openai, api_url: https://x.example, api_key: "${env:NOT_SET_API_KEY}"}\n'
    hints = (await plan(admin, files(product, more=more)))["hints"]
    assert hints == ["model/gamma: ${env:NOT_SET_API_KEY} leads to no key: the variable is not set"]


async def test_file_cannot_send_a_typed_key_to_another_host(admin: Admin, product: Product) -> None:
    typed = {"api_format": "openai", "api_url": f"{product.sandbox_url}/v1", "api_key": TYPED}
    assert (await admin.put("/providers/typed", typed)).status_code == 201
    elsewhere = f"{product.sandbox_url}/v1".replace("127.0.0.1", "localhost")
    inline = f"api_format: openai, api_url: {elsewhere}, actual_model: sandbox"
    thief = f"  thief: {{{inline}, pricing: {{free: true}}, api_key: '${{secret:provider.typed}}'}}\n"
    await apply(admin, files(product, more=thief))
    assert (await product.chat("thief")).status_code == 502
    (missing,) = (await registry(admin, "/status"))["missing_secrets"]
    assert missing["entity"] == "model/thief"
    assert missing["reason"].startswith("it was entered for 127.0.0.1")


async def test_status_names_the_references_that_lead_to_no_key_and_why(admin: Admin, product: Product) -> None:
    more = '  gamma: {api_format: openai, api_url: https://x.example, api_key: "${env:NOT_SET_API_KEY}"}\n'
    await apply(admin, files(product, more=more))
    (missing,) = (await registry(admin, "/status"))["missing_secrets"]
    assert missing == {
        "entity": "model/gamma",
        "reference": "${env:NOT_SET_API_KEY}",
        "reason": "the variable is not set",
    }
