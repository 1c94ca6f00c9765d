"""`registry` as people and pipelines run it: what it prints, and the status that it exits with."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from live_registry import LiveRegistry, entity
from product import Product

from quart_proxy.commands.registry import main
from quart_proxy.store.database import Database
from quart_proxy.store.workers import report_worker

CANARY = "sk-canary-0123456789abcdef"
FILE = """\
version: 1
providers:
  one: {{api_format: openai, api_url: https://one.example/v1, api_key: "${{env:ONE_API_KEY}}"}}
models:
  a:
    provider: one
    pricing: {{input: {price}, output: 8.00}}   # a comment
{more}"""
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own, on this test's database."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path / "data"),
        "ONE_API_KEY": CANARY,
    }.items():
        monkeypatch.setenv(name, value)

    async def invoke(*arguments: str, status: int = 0) -> Result:
        # In a thread: commands run an event loop of their own.
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert result.exit_code == status, result.output
        assert CANARY not in result.output
        return result

    return invoke


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


def write(price: str = "1.00", more: str = "") -> None:
    Path("models.yaml").write_text(FILE.format(price=price, more=more))


async def edit(registry: LiveRegistry, **leaves: Any) -> None:
    before = (await registry.leaves())[entity("model/a")]
    changed = {path.replace("__", "."): value for path, value in leaves.items()}
    await registry.put({"model/a": {**before, **changed}}, message="by hand")


async def test_plan_tells_nothing_pending_conflict_and_guard_apart(run: Run, registry: LiveRegistry) -> None:
    write()
    assert "Plan: 2 to create." in (await run("plan", status=2)).output
    await run("plan", "--exit-zero")
    await run("apply", "--yes")
    await run("plan")
    await edit(registry, pricing__input="1.10")
    drifted = await run("plan")
    assert "1 drifted field kept" in drifted.output or "yaml 1.00 | live 1.10" in drifted.output
    write(price="1.20")
    assert "model.a/pricing=live" in (await run("plan", status=3)).output
    await run("apply", "--yes", status=3)
    await run("apply", "--yes", "--on-conflict", "take-yaml")
    write(price="9.00")
    assert "--allow-price-jump" in (await run("plan", status=4)).output
    await run("apply", "--yes", status=4)
    await run("apply", "--yes", "--allow-price-jump", "--detailed-exitcode", status=2)
    moved = Path("models.yaml").read_text().replace("one.example", "two.example")
    Path("models.yaml").write_text(moved)
    assert "--allow-new-host" in (await run("plan", status=4)).output
    await run("apply", "--yes", status=4)
    await run("apply", "--yes", "--allow-new-host")
    Path("models.yaml").write_text(moved.replace("ONE_API_KEY", "DATABASE_URL"))
    assert "models.yaml:3:1: error[E303]: providers.one.api_key" in (await run("plan", status=1)).output
    Path("models.yaml").write_text("models: [")
    assert "models.yaml:1" in (await run("plan", status=1)).output


async def test_apply_asks_and_without_a_terminal_wants_yes(run: Run, registry: LiveRegistry) -> None:
    write()
    assert "--yes" in (await run("apply", status=2)).output
    assert await registry.leaves() == {}


async def test_kept_plan_applies_its_own_files_and_only_once_in_time(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("plan", "--out", "plan.json", status=2)
    write(price="1.20")
    assert "Applied: revision 1" in (await run("apply", "plan.json", "--yes")).output
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"
    assert "out of date" in (await run("apply", "plan.json", "--yes", status=1)).output
    assert "plan again" in (await run("apply", "plan.json", "--yes", "--prune", status=2)).output
    document = json.loads(Path("plan.json").read_text())
    assert document["exit"] == 2


async def test_plan_as_json_and_as_markdown_are_of_the_same_plan(run: Run) -> None:
    write()
    document = json.loads((await run("plan", "--json", status=2)).output)
    assert (document["counts"]["create"], document["exit"]) == (2, 2)
    assert "2 to create" in (await run("plan", "--format", "markdown", status=2)).output


async def test_drift_is_seen_ignored_and_reverted(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    assert "No drift" in (await run("drift")).output
    await edit(registry, pricing__input="1.10")
    assert "ada" in (await run("drift", status=2)).output
    await run("drift", "--ignore", "model/a.pricing.*")
    assert "Reverted" in (await run("revert", "model/a", "pricing.input")).output
    await run("drift")


async def test_export_checks_prints_a_patch_and_writes_one_line(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    await run("export", "--check")
    await edit(registry, pricing__input="1.10")
    await run("export", "--check", status=2)
    patch = (await run("export")).output
    assert patch.count("\n-") - patch.count("\n---") == 1
    subprocess.run(["git", "apply", "--check"], input=patch, text=True, check=True)
    before = Path("models.yaml").read_text()
    await run("export", "--in-place")
    assert Path("models.yaml").read_text() == before.replace("input: 1.00", "input: 1.10")
    assert "say already" in (await run("export", "--in-place")).output


async def test_model_made_live_is_adopted_and_the_next_apply_changes_nothing_live(
    run: Run, registry: LiveRegistry
) -> None:
    write()
    await run("apply", "--yes")
    await registry.put({"model/new": {"upstreams.default.provider": "one", "description": "made live"}})
    await run("adopt", "model/new", "--in-place")
    assert "made live" in Path("models.yaml").read_text()
    before = await registry.leaves()
    await run("apply", "--yes")
    assert await registry.leaves() == before
    assert (await registry.rows("SELECT count(*) FROM registry_base WHERE key = 'new'")) == [(1,)]


async def test_first_file_of_what_is_live_is_a_registry_that_changes_nothing(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    text = (await run("export", "--init")).output
    Path("models.yaml").write_text(text)
    before = await registry.leaves()
    await run("apply", "--yes")
    assert await registry.leaves() == before


async def test_hold_keeps_the_files_out_until_it_is_lifted(run: Run) -> None:
    write()
    await run("apply", "--yes")
    await run("hold", "--for", "2h", "--reason", "INC-1", "--model", "a")
    write(price="1.20")
    assert "--ignore-hold" in (await run("apply", "--yes", status=4)).output
    assert "INC-1" in (await run("unhold")).output
    await run("unhold", "--all")
    await run("apply", "--yes")
    assert "Nothing is held" in (await run("unhold")).output


async def test_history_show_diff_and_rollback_tell_one_story(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes", "--message", "opening")
    write(price="1.20")
    await run("apply", "--yes")
    assert '"opening"' in (await run("history")).output
    assert "pricing.input            1.00 -> 1.20" in (await run("show", "2")).output
    assert "1.00 -> 1.20" in (await run("diff", "1", "2")).output
    assert "1.20 -> 1.00" in (await run("rollback", "--to", "1", "--dry-run")).output
    assert len(json.loads((await run("history", "--json")).output)["data"]) == 2
    await run("rollback", "--to", "1", "--yes")
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"
    await run("show", "99", status=1)
    await run("rollback", "--to", "99", "--yes", status=1)


async def test_detached_model_is_a_conflict_for_the_files_that_still_declare_it(
    run: Run, registry: LiveRegistry
) -> None:
    write()
    await run("apply", "--yes")
    await run("detach", "model/a", "--reason", "ours now")
    await edit(registry, pricing__input="1.10")
    await run("plan", status=3)


async def test_doctor_finds_a_row_that_was_changed_past_the_registry(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    await run("doctor")
    async with registry.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE models SET description = 'by SQL'")
    assert "FAILED  history" in (await run("doctor", status=1)).output


async def test_doctor_calls_a_worker_behind_only_once_it_spoke_again(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    async with registry.database.transaction() as connection:
        await report_worker(connection, "elsewhere:1", revision_id=0, version="test")
    assert "ok      workers" in (await run("doctor")).output
    async with registry.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE workers SET seen_at = now() + interval '1 minute'")
    assert "FAILED  workers    Behind revision 1: elsewhere:1." in (await run("doctor", status=1)).output


async def test_check_of_an_export_exits_with_zero_where_that_is_asked_for(run: Run, registry: LiveRegistry) -> None:
    write()
    await run("apply", "--yes")
    await edit(registry, pricing__input="1.10")
    await run("export", "--check", status=2)
    await run("export", "--check", "--exit-zero")


async def test_server_answers_as_the_database_does(run: Run, product: Product) -> None:
    """The same verbs with --server, by a token that may only look, and by one that may write."""
    signed_in = await product.login()

    async def token(scope: str) -> str:
        answer = await product.client.post(
            f"{product.base_url}/api/admin/tokens", json={"name": "ci", "scope": scope, "days": 1}, headers=signed_in
        )
        return str(answer.json()["token"])

    look = ("--server", product.base_url, "--token", await token("registry:plan"))
    act = ("--server", product.base_url, "--token", await token("registry:apply"))
    write()
    await run("plan", "--out", "plan.json", *look, status=2)
    refused = await run("apply", "plan.json", "--yes", *look, status=1)
    assert look[3] not in refused.output
    assert "Applied: revision" in (await run("apply", "plan.json", "--yes", *act)).output
    await run("drift", *look)
    await run("history", *look)
    await run("status", *look)
    await run("plan", *look)
    await run("export", "--check", *look)
    Path("models.yaml").write_text(FILE.format(price="much", more=""))
    assert "E501" in (await run("plan", *look, status=1)).output
    assert "does not accept" in (await run("status", "--server", product.base_url, "--token", "x", status=1)).output


async def test_verbs_that_decide_work_on_a_server_as_on_the_database(run: Run, product: Product) -> None:
    """Hold, unhold, conflict, resolve, revert, detach, rollback and doctor, all with --server and an admin's token."""
    signed_in = await product.login()
    answer = await product.client.post(
        f"{product.base_url}/api/admin/tokens", json={"name": "ops", "scope": "admin", "days": 1}, headers=signed_in
    )
    there = ("--server", product.base_url, "--token", str(answer.json()["token"]))
    model = f"{product.base_url}/api/admin/models/a"

    async def price(new: str) -> None:
        tag = (await product.client.get(model, headers=signed_in)).headers["ETag"]
        edited = await product.client.patch(
            model, json={"pricing": {"input": new}}, headers={**signed_in, "If-Match": tag}
        )
        assert edited.status_code == 200, edited.text

    write()
    first = json.loads((await run("apply", "--yes", "--json", *there)).stdout)["revision"]
    await run("hold", "--model", "a", "--reason", "an incident", "--for", "2h", *there)
    write("1.20")
    assert "Held" in (await run("plan", *there, status=4)).output
    held = json.loads((await run("status", "--json", *there)).stdout)["holds"]
    await run("unhold", str(held[0]["id"]), *there)
    await price("1.30")
    assert "base 1.00 | yaml 1.20 | live 1.30" in (await run("plan", *there, status=3)).output
    assert "Applied" in (await run("apply", "--yes", "--resolve", "model.a/pricing=live", *there)).output
    assert "live 1.30" in (await run("drift", *there, status=2)).output
    await run("revert", "model/a", *there)
    await run("drift", *there)
    await run("detach", "model/a", "--reason", "ours now", *there)
    await run("rollback", "--to", str(first), "--yes", *there)
    assert "rollback" in (await run("history", "model/a", *there)).output
    found = await run("doctor", *there, status=1)
    assert "FAILED  secrets    Without a key: provider/one ${env:ONE_API_KEY}: the variable is not set." in found.output
    assert found.output.count("FAILED") == 1


OVERLAY = "version: 1\noverlay: {name}\nmodels:\n  a:\n    pricing: {{input: {price}}}   # here\n"


def write_overlays() -> None:
    for name, price in (("prod", "1.10"), ("test", "1.30")):
        Path(f"{name}.yaml").write_text(OVERLAY.format(name=name, price=price))


async def test_overlay_is_planned_kept_applied_and_exported(
    run: Run, registry: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    write_overlays()
    planned = (await run("plan", ".", "--overlay", "prod", "--out", "plan.json", status=2)).output
    assert "Source  main with overlay prod: " in planned
    assert "prod.yaml:5" in planned
    assert "again with --overlay" in (await run("apply", "plan.json", "--yes", "--overlay", "test", status=2)).output
    await run("apply", "plan.json", "--yes")
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.10"
    refused = (await run("plan", ".", "--overlay", "staging", status=1)).output
    assert refused == 'Error: No file is of the overlay "staging"; there are prod, test.\n'
    monkeypatch.setenv("REGISTRY_OVERLAY", "prod")
    await run("plan", ".")
    assert "1.10 -> 1.30" in (await run("plan", ".", "--overlay", "test", status=2)).output
    await run("plan", "models.yaml", "prod.yaml")
    await edit(registry, pricing__input="1.20", pricing__output="9.00")
    await run("export", ".", "--check", status=2)
    before = {path: path.read_text() for path in Path().glob("*.yaml")}
    assert (await run("export", ".", "--in-place")).output == "Wrote prod.yaml.\n"
    changed = before[Path("prod.yaml")].replace("{input: 1.10}", "{input: 1.20, output: 9.00}")
    assert {path: path.read_text() for path in before} == {**before, Path("prod.yaml"): changed}
    await run("apply", ".", "--yes")
    await registry.put({"model/new": {"upstreams.default.provider": "one"}})
    assert (await run("adopt", "model/new", ".", "--in-place")).output == "Wrote prod.yaml.\n"
    await run("apply", ".", "--yes")
    assert "No drift" in (await run("drift")).output


async def test_overlay_comes_to_the_same_on_a_server(run: Run, product: Product) -> None:
    signed_in = await product.login()
    made = await product.client.post(
        f"{product.base_url}/api/admin/tokens",
        json={"name": "ci", "scope": "registry:apply", "days": 1},
        headers=signed_in,
    )
    act = ("--server", product.base_url, "--token", str(made.json()["token"]))
    write()
    write_overlays()
    local = json.loads((await run("plan", ".", "--overlay", "test", "--json", status=2)).output)
    there = json.loads((await run("plan", ".", "--overlay", "test", "--json", *act, status=2)).output)
    assert there["source"] == local["source"]
    assert there["source"]["overlay"] == "test"
    await run("apply", ".", "--overlay", "test", "--yes", *act)
    assert "1.30 -> 1.10" in (await run("plan", ".", "--overlay", "prod", *act, status=2)).output
    await run("plan", ".", "--overlay", "test", *act)
    await run("export", ".", "--overlay", "test", "--check", *act)
    Path("test.yaml").write_text(OVERLAY.format(name="test", price="much"))
    assert "test.yaml:5:22: error[E501]" in (await run("plan", ".", "--overlay", "test", *act, status=1)).output


def test_validate_needs_neither_database_nor_web_server() -> None:
    script = (
        "import sys, click\nfrom quart_proxy.commands.registry import main\n"
        "try:\n    main(['validate', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('sqlalchemy', 'quart', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
