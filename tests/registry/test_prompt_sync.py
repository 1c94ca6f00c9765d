"""A server and the prompts that its files name: it follows them, and reads nothing for a path that it was sent."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from admin_client import Admin
from live_registry import LiveRegistry, entity
from product import Product, serve_product

from quart_proxy.settings import Settings
from quart_proxy.store.database import Database
from registry.files.gathering import gather_files
from registry.files.sources import digest_of
from registry.sync import sync_registry

MODELS = """\
version: 1
providers:
  one: {api_format: openai, api_url: http://127.0.0.1:9/v1}
models:
  a: {provider: one, system_prompt: {file: prompts/a.md, mode: prepend}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.md").write_text("Be kind.\n")
    return tmp_path


async def until(ask: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    found = None
    for _ in range(200):
        found = await ask()
        if found == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{found!r} never came to be {wanted!r}")


async def test_an_edit_of_the_text_alone_is_followed_and_a_missing_one_is_told_of(
    database_url: str, sandbox_url: str, folder: Path
) -> None:
    async with serve_product(database_url, sandbox_url, folder, registry_watch_s=0.1) as product:
        admin = Admin(product, await product.login())

        async def text() -> Any:
            return (await admin.get("/models/a")).json()["system_prompt"].get("text")

        async def sync() -> dict[str, Any]:
            found: dict[str, Any] = (await admin.get("/registry/status")).json()["sync"]
            return found

        async def codes() -> list[str]:
            return [fault["code"] for fault in (await sync())["faults"]]

        assert await text() == "Be kind."
        (folder / "prompts" / "a.md").write_text("Be brief.\n")
        await until(text, "Be brief.")
        status = (await admin.get("/registry/status")).json()
        assert status["sources"][0]["digest"] == digest_of(gather_files(str(folder)))
        (folder / "prompts" / "a.md").unlink()
        await until(codes, ["E602"])
        fault = (await sync())["faults"][0]
        assert (fault["file"], fault["line"], fault["column"]) == ("models.yaml", 5, 44)
        assert await text() == "Be brief."
        (folder / "prompts" / "a.md").write_bytes(b"Be brief.\r\n")
        await until(codes, [])
        assert await text() == "Be brief."


async def test_the_ends_of_lines_and_of_the_file_are_no_change_of_the_prompt(database: Database, folder: Path) -> None:
    settings = Settings(data_dir=folder, models_file=str(folder / "models.yaml"))
    registry = LiveRegistry(database)
    await sync_registry(database, settings, actor="startup:test")
    before = await registry.leaves()
    assert before[entity("model/a")]["system_prompt.text"] == "Be kind."
    for text in (b"Be kind.", b"Be kind.\r\n", b"\xef\xbb\xbfBe kind.\n"):
        (folder / "prompts" / "a.md").write_bytes(text)
        assert (await sync_registry(database, settings, actor="startup:test")).is_ok
    assert await registry.leaves() == before


async def test_a_path_that_came_over_the_api_is_read_from_no_disk(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text lies where the path leads, from the server's folder and from its files', and is not found."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.md").write_text("do not tell")
    monkeypatch.chdir(tmp_path)
    admin = Admin(product, await product.login())
    for name in ("models.yaml", str(tmp_path / "models.yaml"), "./models.yaml"):
        files = [{"name": name, "text": MODELS}]
        for verb in ("plan", "apply", "export"):
            answer = await admin.post(f"/registry/{verb}", {"files": files})
            assert answer.status_code == 422, answer.text
            assert [fault["code"] for fault in answer.json()["error"]["faults"]] == ["E602"]
            assert "do not tell" not in answer.text
        found = (await admin.post("/registry/validate", {"files": files})).json()
        assert [fault["code"] for fault in found["faults"]] == ["E602"]


async def test_texts_are_sent_with_the_files_and_a_problem_is_told_where_the_file_is_named(product: Product) -> None:
    admin = Admin(product, await product.login())
    files = [{"name": "models.yaml", "text": MODELS}, {"name": "prompts/a.md", "text": "Sent.\r\n"}]
    planned = (await admin.post("/registry/plan", {"files": files})).json()
    (model,) = [entity for entity in planned["entities"] if entity["key"] == "a"]
    (field,) = [field for field in model["fields"] if field["path"] == "system_prompt.text"]
    assert (field["result"], field["location"], field["via"]) == ("Sent.", "models.yaml:5", "prompts/a.md")
    assert (await admin.post("/registry/apply", {"files": files})).is_success
    etag = (await admin.get("/models/a")).headers["etag"]
    await admin.patch("/models/a", {"system_prompt": {"text": "Live."}}, If_Match=etag)
    exported = (await admin.post("/registry/export", {"files": files})).json()
    assert exported["files"] == [files[0], {"name": "prompts/a.md", "text": "Live.\r\n"}]
    assert "--- a/prompts/a.md" in exported["patch"]
    files[1] = {"name": "prompts/a.md", "text": "", "problem": "is not UTF-8: byte 3 cannot be read"}
    (fault,) = (await admin.post("/registry/validate", {"files": files})).json()["faults"]
    assert (fault["code"], fault["line"], fault["message"]) == (
        "E602",
        5,
        "prompts/a.md is not UTF-8: byte 3 cannot be read",
    )
