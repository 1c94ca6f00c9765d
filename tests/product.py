"""The product as the tests meet it: served by the real web server on a real port, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart

from quart_proxy.core.usage import Dimension
from quart_proxy.http import SERVICES
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.settings import Settings
from quart_proxy.store.catalog import Model, Provider, Upstream
from quart_proxy.store.catalog_writes import save_model, save_provider
from quart_proxy.store.changes import Actor, bump_version
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import Imbalance, list_imbalances
from quart_proxy.store.usage_log import UsageFilter, UsageRow, list_usage
from quart_proxy.wiring import create_app

ADMIN_PASSWORD = "correct horse battery"
TESTER = Actor("tester")
PRICES = {
    Dimension.INPUT: Decimal("3"),
    Dimension.CACHED_INPUT: Decimal("0.3"),
    Dimension.CACHE_WRITE: Decimal("3.75"),
    Dimension.CACHE_WRITE_1H: Decimal("6"),
    Dimension.OUTPUT: Decimal("15"),
}
ONCE = {"routing": {"max_attempts": 1}}
"""So that a failure is one call of the sandbox."""
FORMATS = {"gpt": "openai", "claude": "anthropic", "responses": "openai_responses", "embed": "openai"}
"""`sandbox-<kind>` is a model that the sandbox serves in this format."""


COPIES_FILES = "SELECT current_setting('fsync') = 'off' AND current_setting('server_version_num')::int >= 150000"


@dataclass
class Product:
    """One running product. `key` is a client key of the user `user_id`."""

    base_url: str
    sandbox_url: str
    database: Database
    app: Quart
    settings: Settings
    user_id: int = 0
    key: str = ""
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30, verify=False))

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def service(self, kind: type[Any]) -> Any:
        """The worker's own instance of a service class."""
        return self.app.extensions[SERVICES][kind]

    @property
    def admin_cookie(self) -> str:
        """What the page's cookie is called at this address."""
        return f"quart_proxy_admin_{httpx.URL(self.base_url).port}"

    @property
    def accounts(self) -> Accounts:
        return Accounts(self.database)

    async def refresh(self) -> None:
        """Let the worker see changes made behind its back, now."""
        await self.service(ChangeWatch).check()

    async def add_user(self, dollars: str = "100", name: str = "someone", **key: Any) -> tuple[int, str]:
        """A new user with so much money, and a key of theirs."""
        user = await self.accounts.create_user(TESTER, name=name)
        if Decimal(dollars):
            await self.accounts.move_money(
                TESTER, user_id=user.id, kind="adjust", amount=Decimal(dollars), reason="test"
            )
        _, text = await self.accounts.create_key(TESTER, user_id=user.id, name="test", **key)
        await self.refresh()
        return user.id, text

    async def add_model(
        self,
        name: str,
        *,
        actual_model: str = "sandbox",
        api_format: str = "openai",
        rates: dict[Dimension, Decimal] | None = None,
        api_url: str | None = None,
        **fields: Any,
    ) -> None:
        """Create or overwrite a model with one upstream; its `actual_model` may be any scenario of the sandbox."""
        url = api_url or self.sandbox_url + ("" if api_format in ("anthropic", "gemini") else "/v1")
        upstream = Upstream(
            key="default",
            api_format=api_format,
            api_url=url,
            api_key="${env:SANDBOX_API_KEY}",
            actual_model=actual_model,
        )
        async with self.database.transaction() as connection:
            await save_model(
                connection,
                Model(
                    key=name,
                    display_name=name,
                    rates=rates or PRICES,
                    **{"upstreams": (upstream,), "extra": ONCE, **fields},
                ),
            )
            await bump_version(connection)
        await self.refresh()

    async def post(self, path: str, body: dict[str, Any], **options: Any) -> httpx.Response:
        """One whole answer, to this product's own key unless `headers` say otherwise."""
        options.setdefault("headers", self.headers)
        return await self.client.post(self.base_url + path, json=body, **options)

    async def chat(self, model: str = "sandbox-gpt", *, stream: bool = False, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hello there"}], "stream": stream}
        return await self.post("/v1/chat/completions", {**body, **more})

    async def message(self, model: str = "sandbox-claude", *, stream: bool = False, **more: Any) -> httpx.Response:
        body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hello there"}]}
        return await self.post("/v1/messages", {**body, "stream": stream, **more})

    async def login(self, name: str | None = None) -> dict[str, str]:
        """Headers of a signed-in admin, whom the audit log calls by this name."""
        body = {"password": ADMIN_PASSWORD} | ({"name": name} if name else {})
        answer = await self.client.post(f"{self.base_url}/api/admin/login", json=body)
        return {"authorization": f"Bearer {answer.json()['token']}"}

    async def rows(self, count: int | None = None, **chosen: Any) -> list[UsageRow]:
        """The usage rows, newest first; waits until there are at least `count`."""
        for _ in range(200):
            async with self.database.read() as connection:
                rows = await list_usage(connection, UsageFilter(**chosen), before_id=None, limit=10_000)
            if count is None or len(rows) >= count:
                return rows
            await asyncio.sleep(0.05)
        raise AssertionError(f"{len(rows)} rows, not {count}")

    async def balance(self, user_id: int | None = None) -> Decimal:
        async with self.database.read() as connection:
            from quart_proxy.store.accounts import get_user

            return (await get_user(connection, user_id or self.user_id)).balance

    async def imbalances(self) -> list[Imbalance]:
        """What the audit finds; empty when the books balance."""
        async with self.database.read() as connection:
            return await list_imbalances(connection)


@asynccontextmanager
async def cloned_database(server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a fresh database, a copy of `template` on the same server, dropped at the end."""
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server_url)
    try:
        # Copying files is quicker than writing every page to the log, but only where nothing waits for the disk.
        copies = await connection.fetchval(COPIES_FILES)
        strategy = "STRATEGY file_copy" if copies else ""
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        yield in_database(server_url, name)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def in_database(server_url: str, name: str) -> str:
    """The address of another database of the same server."""
    before, question, after = server_url.partition("?")
    return before.rsplit("/", 1)[0] + f"/{name}" + question + after


async def run_sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def serve_product(
    database_url: str, sandbox_url: str, folder: Path, *, port: int = 0, **options: Any
) -> AsyncIterator[Product]:
    """A worker on this port, 0: on a free one. `options` go to Settings."""
    settings = Settings(
        database_url=database_url,
        data_dir=folder,
        models_file=options.pop("models_file", str(folder / "models.yaml")),
        admin_password=ADMIN_PASSWORD,
        jwt_secret="a secret for tests that is long enough to pass",
        encryption_keys=("a key for tests that is long enough to pass it",),
        **options,
    )
    database = Database(database_url)
    app = create_app(settings, environment={"SANDBOX_API_KEY": "sk-sandbox-upstream-key"})
    product = Product("", sandbox_url, database, app, settings)
    async with _catalog(product), _served(app, port) as product.base_url:
        await product.refresh()
        product.user_id, product.key = await product.add_user()
        try:
            yield product
        finally:
            await product.client.aclose()
    await database.close()


@asynccontextmanager
async def _catalog(product: Product) -> AsyncIterator[None]:
    async with product.database.transaction() as connection:
        for kind, api_format in FORMATS.items():
            url = product.sandbox_url + ("" if api_format == "anthropic" else "/v1")
            provider = Provider(
                key=f"sandbox-{kind}", api_format=api_format, api_url=url, api_key="${env:SANDBOX_API_KEY}"
            )
            await save_provider(connection, provider)
            upstream = Upstream(key="default", provider=provider.key, actual_model="sandbox")
            await save_model(
                connection,
                Model(
                    key=f"sandbox-{kind}",
                    display_name=f"sandbox-{kind}",
                    rates=PRICES,
                    upstreams=(upstream,),
                    extra=ONCE,
                ),
            )
    yield


@asynccontextmanager
async def _served(app: Quart, port_wanted: int) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", port_wanted)) as listener:
        listener.setblocking(False)
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.loglevel = "ERROR"
        config.graceful_timeout = 1
        config.backlog = 1024
        # As in hypercorn.toml: longer than any client keeps a connection, or one asks on it while it is closed here.
        config.keep_alive_timeout = 75
    stop = asyncio.Event()
    port = socket.socket(fileno=int(config.bind[0][5:]))
    base_url = f"http://127.0.0.1:{port.getsockname()[1]}"
    port.detach()
    server = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    async with httpx.AsyncClient(verify=False) as client:  # reading the authorities takes longer than the call
        for _ in range(400):
            try:
                if (await client.get(f"{base_url}/readyz")).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if server.done():
                server.result()
            await asyncio.sleep(0.025)
    try:
        yield base_url
    finally:
        stop.set()
        await server
