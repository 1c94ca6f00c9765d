"""Files that nobody asks about: at the start, while the product runs, and when they cannot be used."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from admin_client import Admin
from live_registry import LiveRegistry, begin, entity
from product import Product, serve_product
from sqlalchemy import text

from quart_proxy.core.errors import InvalidRegistry
from quart_proxy.settings import Settings
from quart_proxy.store.changes import Actor, bump_version
from quart_proxy.store.database import Database
from registry.apply import apply_bundle, read_bundle
from registry.entities import Policy
from registry.files.sources import read_files
from registry.sync import SyncReport, sync_registry
from registry.write import Change, Revision, write_revision

MODELS = """\
version: 1
providers:
  one: {{api_format: openai, api_url: http://127.0.0.1:9/v1}}
models:
  a: {{provider: one, pricing: {{input: {price}, output: 8.00}}}}
{more}"""
BAD = MODELS.format(price="much", more="")


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


def write(folder: Path, price: str = "1.00", more: str = "") -> None:
    (folder / "models.yaml").write_text(MODELS.format(price=price, more=more))


async def sync(database: Database, folder: Path, mode: str = "three-way", **options: Any) -> SyncReport:
    options.setdefault("models_file", str(folder / "models.yaml"))
    settings = Settings(data_dir=folder, registry_sync=mode, **options)
    return await sync_registry(database, settings, actor="startup:test")


async def price_of(registry: LiveRegistry, key: str = "a") -> Any:
    return (await registry.leaves())[entity(f"model/{key}")].get("pricing.input")


async def edit(registry: LiveRegistry, **leaves: Any) -> None:
    before = (await registry.leaves())[entity("model/a")]
    await registry.put({"model/a": {**before, **{path.replace("__", "."): value for path, value in leaves.items()}}})


async def test_off_reads_nothing(database: Database, registry: LiveRegistry, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(BAD)
    assert (await sync(database, tmp_path, "off")).outcome == "off"
    assert await registry.leaves() == {}


async def test_seed_missing_only_creates(database: Database, registry: LiveRegistry, tmp_path: Path) -> None:
    write(tmp_path)
    await sync(database, tmp_path, "seed-missing")
    write(tmp_path, price="1.20", more="  b: {provider: one}\n")
    await sync(database, tmp_path, "seed-missing")
    assert await price_of(registry) == "1.00"
    assert entity("model/b") in await registry.leaves()


async def test_three_way_updates_keeps_drift_and_leaves_a_conflict_alone(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    write(tmp_path)
    await sync(database, tmp_path)
    await edit(registry, description="live")
    write(tmp_path, price="1.20")
    assert (await sync(database, tmp_path)).outcome == "applied"
    assert await price_of(registry) == "1.20"
    await edit(registry, pricing__input="1.30")
    write(tmp_path, price="1.40", more="  b: {provider: one}\n")
    report = await sync(database, tmp_path)
    assert (report.conflicts, report.is_ok) == (1, True)
    assert report.deferred == report.as_json()["deferred"] == 1
    assert "model.a/pricing" in report.message
    assert await price_of(registry) == "1.30"
    assert entity("model/b") in await registry.leaves()


async def test_enforce_takes_live_edits_back(database: Database, registry: LiveRegistry, tmp_path: Path) -> None:
    write(tmp_path)
    await sync(database, tmp_path, "enforce")
    await edit(registry, pricing__input="1.30", description="undeclared, so it stays")
    await sync(database, tmp_path, "enforce")
    live = (await registry.leaves())[entity("model/a")]
    assert (live["pricing.input"], live["description"]) == ("1.00", "undeclared, so it stays")


async def test_guard_stops_an_unattended_sync_and_says_why(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    write(tmp_path)
    await sync(database, tmp_path)
    write(tmp_path, price="9.00")
    report = await sync(database, tmp_path)
    assert (report.outcome, report.is_ok) == ("refused", False)
    assert "pricing.input 1.00 -> 9.00" in report.message
    assert await price_of(registry) == "1.00"


@pytest.mark.parametrize("text", [BAD, "models: [", "version: 1\n"])
async def test_bad_files_keep_the_last_good_state_and_fail_a_first_start(
    database: Database, registry: LiveRegistry, tmp_path: Path, text: str
) -> None:
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(InvalidRegistry) as failed:
        await sync(database, tmp_path)
    assert failed.value.faults
    write(tmp_path)
    await sync(database, tmp_path)
    (tmp_path / "models.yaml").write_text(text)
    report = await sync(database, tmp_path)
    assert (report.outcome, report.is_ok) == ("invalid", False)
    assert report.faults[0]["file"] == "models.yaml"
    assert await price_of(registry) == "1.00"
    with pytest.raises(InvalidRegistry):
        await sync(database, tmp_path, registry_sync_strict=True)


async def test_file_that_is_gone_is_a_failure_only_if_it_was_ever_there(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    assert (await sync(database, tmp_path)).outcome == "absent"
    write(tmp_path)
    elsewhere = read_bundle(read_files(str(tmp_path / "models.yaml")))
    await apply_bundle(database, elsewhere, Policy(), actor=Actor("cli:ada"))
    (tmp_path / "models.yaml").unlink()
    assert (await sync(database, tmp_path)).outcome == "absent"
    write(tmp_path)
    await sync(database, tmp_path)
    (tmp_path / "models.yaml").unlink()
    assert (await sync(database, tmp_path)).outcome == "invalid"
    assert await price_of(registry) == "1.00"


OVERLAY = "version: 1\noverlay: {name}\nmodels:\n  a: {{pricing: {{input: {price}}}}}\n"


def write_overlay(folder: Path, name: str, price: str) -> None:
    (folder / f"{name}.yaml").write_text(OVERLAY.format(name=name, price=price))


async def test_overlay_is_synced_and_another_one_is_a_change_of_the_files(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    write(tmp_path)
    write_overlay(tmp_path, "prod", "1.10")
    write_overlay(tmp_path, "test", "much")
    folder: dict[str, Any] = {"models_file": str(tmp_path)}
    await sync(database, tmp_path, **folder)
    assert await price_of(registry) == "1.00"
    report = await sync(database, tmp_path, **folder, registry_overlay="prod")
    assert (report.outcome, await price_of(registry)) == ("applied", "1.10")
    write_overlay(tmp_path, "test", "1.30")
    assert (await sync(database, tmp_path, **folder, registry_overlay="prod")).digest == report.digest
    assert (await sync(database, tmp_path, **folder, registry_overlay="test")).digest != report.digest
    assert await price_of(registry) == "1.30"


async def test_overlay_that_no_file_is_of_keeps_the_last_good_state_and_fails_a_first_start(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    write(tmp_path)
    with pytest.raises(InvalidRegistry, match='No file is of the overlay "prod"; there is none'):
        await sync(database, tmp_path, registry_overlay="prod")
    await sync(database, tmp_path)
    report = await sync(database, tmp_path, registry_overlay="prod")
    assert (report.outcome, report.faults[0]["code"]) == ("invalid", "E100")
    assert await price_of(registry) == "1.00"


# --- the running product ------------------------------------------------------------------------------


async def until(holds: Any) -> Any:
    for _ in range(200):
        if found := await holds():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to hold")


async def test_changed_file_is_followed_and_a_bad_one_is_seen_everywhere(
    database_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    write(tmp_path)
    async with serve_product(database_url, sandbox_url, tmp_path, registry_watch_s=0.1) as product:
        admin = Admin(product, await product.login())

        async def price() -> Any:
            return (await admin.get("/models/a")).json().get("pricing", {}).get("input")

        async def ready() -> dict[str, Any]:
            found: dict[str, Any] = (await product.client.get(f"{product.base_url}/readyz")).json()["registry"]
            return found

        assert await price() == "1.00"
        write(tmp_path, price="1.10")
        await until(lambda: _is(price, "1.10"))
        (tmp_path / "models.yaml").write_text(BAD)
        failed = await until(lambda: _get(ready, "sync_failed"))
        assert "models.yaml:5" in failed["message"]
        status = (await admin.get("/registry/status")).json()
        assert status["sync"]["ok"] is False
        assert status["sync"]["faults"][0]["code"] == "E501"

        async def metrics() -> bool:
            text = (await product.client.get(f"{product.base_url}/metrics")).text
            return "quart_proxy_registry_sync_ok 0.0" in text

        await until(metrics)
        answer = await product.client.get(f"{product.base_url}/readyz")
        assert answer.status_code == 200, "the last good state is served"
        assert await price() == "1.10"
        write(tmp_path, price="1.20")
        await until(lambda: _is(price, "1.20"))
        assert "sync_failed" not in await ready()


async def test_server_of_an_environment_follows_its_overlay_and_refuses_files_of_another(
    database_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    write(folder)
    write_overlay(folder, "prod", "1.10")
    write_overlay(folder, "test", "1.30")
    options: dict[str, Any] = {"models_file": str(folder), "registry_overlay": "prod", "registry_watch_s": 0.1}
    async with serve_product(database_url, sandbox_url, tmp_path, **options) as product:
        admin = Admin(product, await product.login())

        async def price() -> Any:
            return (await admin.get("/models/a")).json().get("pricing", {}).get("input")

        assert await price() == "1.10"
        fields = (await admin.get("/registry/models/a")).json()
        assert "prod.yaml:4" in str(fields) and "models.yaml:5" in str(fields)
        write_overlay(folder, "test", "1.40")
        write_overlay(folder, "prod", "1.20")
        await until(lambda: _is(price, "1.20"))
        sent = [{"name": path.name, "text": path.read_text()} for path in sorted(folder.iterdir())]
        base, prod, test = sent
        answers = {}
        for name, files in {"base": [base], "prod": [base, prod], "test": [base, test], "all": sent}.items():
            answers[name] = await admin.post("/registry/plan", {"files": files})
        assert {name: answer.status_code for name, answer in answers.items()} == {
            "base": 422,
            "prod": 200,
            "test": 422,
            "all": 422,
        }
        assert answers["prod"].json()["source"]["overlay"] == "prod"
        assert answers["test"].json()["error"]["message"] == (
            "This server's overlay is prod, and these files are of the overlay test: read them with prod."
        )
        assert (await admin.post("/registry/export", {"files": [base]})).status_code == 422
        assert (await admin.post("/registry/validate", {"files": sent})).json()["valid"] is True
        etag = (await admin.get("/models/a")).headers["etag"]
        await admin.patch("/models/a", {"pricing": {"output": "9.00"}}, If_Match=etag)
        made = (await admin.get("/registry/export")).json()
        assert [file["name"] for file in made["files"]] == ["models.yaml", "prod.yaml"]
        assert made["files"][0]["text"] == base["text"]
        assert "{input: 1.20, output: 9.00}" in made["files"][1]["text"]


async def test_edit_that_comes_right_after_a_sync_is_looked_at_in_the_next(
    database_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    """Under `enforce` it is taken back. The sync is stopped where it has written and only its report is missing."""
    write(tmp_path)
    options = {"registry_watch_s": 0.1, "registry_sync": "enforce"}
    async with serve_product(database_url, sandbox_url, tmp_path, **options) as product:
        registry = LiveRegistry(product.database)

        async def is_stopped() -> bool:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%registry_head%'"
            return bool(await registry.rows(waiting))

        async def is_taken_back() -> bool:
            return await price_of(registry) == "1.00"

        async with product.database.transaction() as connection:
            await connection.execute(text("SELECT 1 FROM registry_head FOR UPDATE"))
            async with product.database.transaction() as other:
                await bump_version(other)
            await until(is_stopped)
            state = await begin(connection)
            entry = state.live[entity("model/a")]
            change = Change(entity("model/a"), entry.leaves, {**entry.leaves, "pricing.input": "1.30"}, entry.entity_id)
            await write_revision(connection, state, [change], Revision("ui", "ada"))
        assert await price_of(registry) == "1.30"
        await until(is_taken_back)


async def test_every_worker_says_which_revision_it_serves(
    database_url: str, sandbox_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(tmp_path)
    async with serve_product(database_url, sandbox_url, tmp_path) as product:
        admin = Admin(product, await product.login())
        etag = (await admin.get("/models/a")).headers["etag"]
        await admin.patch("/models/a", {"description": "new"}, If_Match=etag)
        newest = (await admin.get("/registry/status")).json()["revision"]

        async def told() -> bool:
            registry = (await product.client.get(f"{product.base_url}/readyz")).json()["registry"]
            assert registry["newest"] == newest
            return registry["revision"] == newest and set(registry["workers"].values()) == {newest}

        await until(told)


async def _is(ask: Any, wanted: Any) -> bool:
    return bool(await ask() == wanted)


async def _get(ask: Any, name: str) -> Any:
    return (await ask()).get(name)


async def test_product_goes_on_with_a_product_of_its_own(product: Product) -> None:
    """Without a file, and with models made over the API alone, nothing fails and nothing is said to have failed."""
    registry = (await product.client.get(f"{product.base_url}/readyz")).json()["registry"]
    assert "sync_failed" not in registry


async def test_the_servers_own_files_may_send_a_key_to_a_new_host(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    path = tmp_path / "models.yaml"
    write(tmp_path)
    keyed = path.read_text().replace("/v1}", "/v1, api_key: '${env:ONE_API_KEY}'}")
    for said in (keyed, keyed.replace("127.0.0.1:9", "two.example")):
        path.write_text(said)
        assert (await sync(database, tmp_path)).outcome == "applied"
    assert (await registry.leaves())[entity("provider/one")]["api_url"] == "http://two.example/v1"
