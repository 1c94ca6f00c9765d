"""An admin as the tests play one."""

from typing import Any

import httpx
from product import Product


class Admin:
    """Calls /api/admin with a bearer token; `headers` may be changed to play somebody else."""

    def __init__(self, product: Product, headers: dict[str, str]) -> None:
        self.product = product
        self.headers = headers

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.product.client.request(
            method,
            f"{self.product.base_url}/api/admin{path}",
            json=body,
            headers={**self.headers, **named},
        )

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call("POST", path, body, **headers)

    async def patch(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call("PATCH", path, body, **headers)

    async def put(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call("PUT", path, body, **headers)

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        return await self.call("DELETE", path, **headers)


def faults(answer: httpx.Response) -> dict[str, str]:
    """The faults of a 422 by field."""
    assert answer.status_code == 422, answer.text
    return {fault["param"]: fault["message"] for fault in answer.json()["error"]["errors"]}
