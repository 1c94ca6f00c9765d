"""`registry` with prompts in files of their own: what a server is sent, and how a live edit gets back into one."""

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from live_registry import LiveRegistry, entity
from product import Product

from quart_proxy.commands.registry import main
from quart_proxy.store.database import Database

MODELS = """\
version: 1
providers:
  one: {api_format: openai, api_url: https://one.example/v1}
models:
  a: {provider: one, system_prompt: {file: prompts/a.md}}   # house style
  b: {provider: one}
"""
TEXT = Path("prompts/a.md")
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own, on this test's database."""
    folder = tmp_path / "work"
    (folder / "prompts").mkdir(parents=True)
    (folder / "models.yaml").write_text(MODELS)
    (folder / TEXT).write_bytes(b"Be kind.\r\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))

    async def invoke(*arguments: str, status: int = 0) -> Result:
        # In a thread: commands run an event loop of their own.
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert result.exit_code == status, result.output
        return result

    return invoke


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


async def edit(registry: LiveRegistry, text: str | None, **more: str) -> None:
    before = (await registry.leaves())[entity("model/a")]
    leaves = {**before, **more, "system_prompt.text": text}
    await registry.put({"model/a": {path: value for path, value in leaves.items() if value is not None}})


async def prompt(registry: LiveRegistry) -> object:
    return (await registry.leaves())[entity("model/a")].get("system_prompt.text")


async def test_a_plan_names_the_file_and_a_kept_plan_has_its_text(run: Run, registry: LiveRegistry) -> None:
    assert '"Be kind."   via prompts/a.md' in (await run("plan", "--out", "plan.json", status=2)).output
    TEXT.write_text("Be brief.\n")
    Path("models.yaml").unlink()
    await run("apply", "plan.json", "--yes")
    assert await prompt(registry) == "Be kind."
    assert json.loads(Path("plan.json").read_text())["bundle"]["files"][1] == {
        "name": "prompts/a.md",
        "text": "Be kind.\r\n",
    }


async def test_a_live_edit_is_written_into_the_text_in_place_as_a_patch_and_to_stdout(
    run: Run, registry: LiveRegistry
) -> None:
    await run("apply", "--yes")
    await run("export", "--check")
    await edit(registry, "Be brief.")
    await run("export", "--check", status=2)
    printed = await run("export", "--stdout")
    assert (printed.stdout_bytes, printed.stderr) == (b"Be brief.\r\n", "This is prompts/a.md.\n")
    patch = (await run("export")).stdout_bytes
    subprocess.run(["git", "-c", "core.autocrlf=false", "apply", "-"], input=patch, check=True)
    assert TEXT.read_bytes() == b"Be brief.\r\n"
    TEXT.write_bytes(b"Be kind.\r\n")
    assert (await run("export", "--in-place")).output == "Wrote prompts/a.md.\n"
    assert TEXT.read_bytes() == b"Be brief.\r\n"
    assert Path("models.yaml").read_text() == MODELS
    assert (await run("export", "--stdout")).stdout == MODELS
    await run("apply", "--yes")
    await run("drift")


async def test_an_edit_of_both_kinds_of_files_is_no_one_file_to_print(run: Run, registry: LiveRegistry) -> None:
    await run("apply", "--yes")
    await edit(registry, "Be brief.", **{"upstreams.default.actual_model": "x"})
    Path("models.yaml").write_text(MODELS.replace("provider: one, sys", "provider: one, actual_model: null, sys"))
    await run("apply", "--yes", "--on-conflict", "keep-live")
    refused = await run("export", "--stdout", status=1)
    assert "models.yaml and prompts/a.md would change" in refused.stderr
    assert refused.stdout == ""
    assert (await run("export", "--in-place")).output == "Wrote models.yaml.\nWrote prompts/a.md.\n"


async def test_a_text_that_is_another_models_by_a_link_is_not_written(run: Run, registry: LiveRegistry) -> None:
    Path("prompts/b.md").symlink_to("a.md")
    Path("models.yaml").write_text(
        MODELS.replace("b: {provider: one}", "b: {provider: one, system_prompt: {file: prompts/b.md}}")
    )
    await run("apply", "--yes")
    await edit(registry, "Be brief.")
    refused = await run("export", "--in-place", status=1)
    assert "prompts/a.md and prompts/b.md are one file" in refused.output
    assert TEXT.read_bytes() == b"Be kind.\r\n"


async def test_the_commit_is_that_of_the_texts_too(run: Run) -> None:
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
    assert f"main: {head.stdout.strip()} by" in (await run("plan", status=2)).output
    TEXT.write_text("Be brief.\n")
    assert f"main: {head.stdout.strip()}+" in (await run("plan", status=2)).output


async def test_files_of_several_folders_bring_their_texts(run: Run, registry: LiveRegistry) -> None:
    Path("team").mkdir()
    Path("team/x.txt").write_text("Team.\n")
    Path("team/models.yaml").write_text("version: 1\nmodels:\n  c: {provider: one, system_prompt: {file: x.txt}}\n")
    await run("apply", "models.yaml", "team", "--yes")
    leaves = await registry.leaves()
    assert leaves[entity("model/c")]["system_prompt.text"] == "Team."
    await registry.put({"model/c": {**leaves[entity("model/c")], "system_prompt.text": "Live."}})
    assert "Wrote" in (await run("export", "models.yaml", "team", "--in-place")).output
    assert Path("team/x.txt").read_text() == "Live.\n"


async def test_a_server_is_sent_the_texts_and_tells_of_them_as_the_database_does(run: Run, product: Product) -> None:
    signed_in = await product.login()
    answer = await product.client.post(
        f"{product.base_url}/api/admin/tokens",
        json={"name": "ci", "scope": "registry:apply", "days": 1},
        headers=signed_in,
    )
    door = ("--server", product.base_url, "--token", str(answer.json()["token"]))
    registry = LiveRegistry(product.database)
    assert "via prompts/a.md" in (await run("plan", *door, status=2)).output
    await run("apply", "--yes", *door)
    assert await prompt(registry) == "Be kind."
    TEXT.write_text("Be brief.\n")
    await run("apply", "--yes", *door)
    assert await prompt(registry) == "Be brief."
    await edit(registry, "Live.")
    await run("export", "--check", *door, status=2)
    await run("export", "--in-place", *door)
    assert TEXT.read_text() == "Live.\n"
    TEXT.write_bytes(b"caf\xe9")
    for there in (door, ()):
        refused = await run("plan", *there, status=1)
        assert "models.yaml:5:44: error[E602]" in refused.output
        assert "prompts/a.md is not UTF-8" in refused.output
    TEXT.unlink()
    os.symlink("/etc/hostname", TEXT)
    assert "leads out of the folder" in (await run("plan", *door, status=1)).output
    TEXT.unlink()
    assert "there is no file prompts/a.md" in (await run("plan", *door, status=1)).output
    TEXT.write_text("x" * 1_000_001)
    assert "must have at most 1,000,000 characters" in (await run("plan", *door, status=1)).output
