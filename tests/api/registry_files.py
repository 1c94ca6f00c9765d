"""Registry files as the tests of /api/admin/registry send them, and what they read back."""

from typing import Any

import httpx
from admin_client import Admin
from product import Product

FILE = """\
version: 1
providers:
  one: {{api_format: openai, api_url: {url}/v1, api_key: "${{env:SANDBOX_API_KEY}}"}}
models:
  alpha:
    display_name: Alpha
    provider: one
    actual_model: {actual_model}
    pricing: {{input: {price}, output: 10.00}}
    limits: {{timeout: {timeout}}}
  beta:  # stays as it is
    provider: one
    actual_model: sandbox
    pricing: {{input: 2.00, output: 8.00}}
{more}"""


def file_text(
    product: Product, *, price: str = "4.00", timeout: str = "60s", actual_model: str = "sandbox", more: str = ""
) -> str:
    """A provider and the models alpha and beta. `more` is put at the end."""
    return FILE.format(url=product.sandbox_url, price=price, timeout=timeout, actual_model=actual_model, more=more)


def files(product: Product, **changes: str) -> list[dict[str, str]]:
    return [{"name": "models.yaml", "text": file_text(product, **changes)}]


async def apply(admin: Admin, sent: list[dict[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    """Apply the files that are sent, or the server's own, and expect it to work."""
    answer = await admin.post("/registry/apply", {**({} if sent is None else {"files": sent}), **more})
    return read(answer)


async def plan(admin: Admin, sent: list[dict[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    return read(await admin.post("/registry/plan", {**({} if sent is None else {"files": sent}), **more}))


async def edit(admin: Admin, path: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change a document as the page does: read it, patch it with its ETag."""
    etag = (await admin.get(path)).headers["etag"]
    return read(await admin.patch(path, changes, If_Match=etag))


async def registry(admin: Admin, path: str) -> dict[str, Any]:
    return read(await admin.get(f"/registry{path}"))


def read(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refusal(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error of an answer with this status."""
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error
