"""A user's tab: what they ask for over a socket of their own, what they were charged, what the provider sent."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
from product import PRICES, Product

from quart_proxy.core.money import ZERO
from quart_proxy.core.usage import Dimension
from quart_proxy.store.usage_log import UsageRow

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "openai_responses": "/v1/responses",
}
FORMATS = tuple(PATHS)


def cost_of(tokens: dict[Dimension, int]) -> Decimal:
    """What tokens cost at the test prices."""
    return sum((PRICES[dimension] * count for dimension, count in tokens.items()), Decimal(0)) / 1_000_000


def tokens_of(counts: dict[str, int]) -> dict[Dimension, int]:
    return {dimension: counts[dimension.value] for dimension in Dimension}


@dataclass
class Tab:
    """One user of a running product."""

    product: Product
    user_id: int
    key: str
    wires: list["Wire"] = field(default_factory=list)
    """Every connection of its own that was opened."""

    @classmethod
    async def open(cls, product: Product, dollars: str = "100", **key: Any) -> "Tab":
        return cls(product, *await product.add_user(dollars, **key))

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    # --- asking -------------------------------------------------------------------------------------------

    async def add_model(self, actual_model: str, api_format: str = "openai", **fields: Any) -> str:
        """A model of its own that the provider is asked for as `actual_model`. Its name."""
        name = f"Model-{uuid4().hex[:8]}"
        await self.product.add_model(name, actual_model=actual_model, api_format=api_format, **fields)
        return name

    async def ask(
        self, model: str, api_format: str = "openai", *, stream: bool = False, nonce: str = "", **more: Any
    ) -> httpx.Response:
        """One whole answer; `headers` and `path` may be given."""
        headers = {**self.headers, **more.pop("headers", {})}
        path = more.pop("path", PATHS[api_format])
        body = {**body_for(api_format, model, stream, nonce), **more}
        return await self.product.client.post(self.product.base_url + path, json=body, headers=headers)

    async def call(
        self, model: str, api_format: str = "openai", *, stream: bool = True, nonce: str = "", **more: Any
    ) -> "Wire":
        """The same question on a socket of its own, sent and not yet answered."""
        wire = await self.open_wire()
        body = json.dumps({**body_for(api_format, model, stream, nonce), **more}).encode()
        await wire.send("POST", PATHS[api_format], body, **self.headers)
        return wire

    async def open_wire(self, *, receive_bytes: int | None = None) -> "Wire":
        wire = await Wire.open(self.product.base_url, receive_bytes=receive_bytes)
        self.wires.append(wire)
        return wire

    # --- the books ----------------------------------------------------------------------------------------

    async def rows(self, count: int) -> list[UsageRow]:
        rows = await self.product.rows(count, user_id=self.user_id)
        assert len(rows) == count, [(row.outcome, row.status) for row in rows]
        return rows

    async def row(self) -> UsageRow:
        """The one row on this tab, when it is there."""
        return (await self.rows(1))[0]

    async def spent(self) -> Decimal:
        """What the balance has lost."""
        return Decimal(100) - await self.product.balance(self.user_id)

    async def assert_free(self, outcome: str) -> UsageRow:
        """One row that says why nothing was charged."""
        row = await self.row()
        assert (row.outcome, row.cost, row.price_id) == (outcome, ZERO, None)
        assert await self.spent() == 0
        return row

    async def assert_billed(self, entry: dict[str, Any], outcome: str = "completed") -> UsageRow:
        """One row, charged for exactly what the sandbox's ledger says."""
        row = await self.row()
        assert entry["usage_sent"], entry
        tokens = tokens_of(entry["usage_promised"])
        assert (row.outcome, row.tokens, row.cost) == (outcome, tokens, cost_of(tokens))
        assert await self.spent() == row.cost > 0
        return row

    async def ledger(self, nonce: str = "") -> list[dict[str, Any]]:
        """What the sandbox wrote down for calls whose nonce begins so."""
        return [entry for entry in await self._entries() if (entry["nonce"] or "").startswith(nonce)]

    async def entry(self, nonce: str) -> dict[str, Any]:
        """What it wrote down for the one call with this nonce; waits until the call is there."""
        async with asyncio.timeout(10):
            while not (found := await self._entries(nonce=nonce)):
                await asyncio.sleep(0.01)
        (entry,) = found
        return entry

    async def _entries(self, **chosen: str) -> list[dict[str, Any]]:
        answer = await self.product.client.get(f"{self.product.sandbox_url}/_sandbox/ledger", params=chosen)
        entries: list[dict[str, Any]] = answer.json()
        return entries


def body_for(api_format: str, model: str, stream: bool, nonce: str) -> dict[str, Any]:
    text = f"hello there nonce:{nonce}" if nonce else "hello there"
    body: dict[str, Any] = {"model": model, "stream": stream}
    if api_format == "openai_responses":
        return {**body, "input": text}
    if api_format == "anthropic":
        body["max_tokens"] = 1000
    return {**body, "messages": [{"role": "user", "content": text}]}


@asynccontextmanager
async def locked_user(tab: Tab) -> AsyncIterator[None]:
    """Nobody can settle for this user while the block runs."""
    connection = await asyncpg.connect(tab.product.database.url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", tab.user_id)
            yield
    finally:
        await connection.close()


class Wire:
    """One client connection, down to the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.received = b""
        """The body so far, without its chunked framing."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self._chunks: AsyncIterator[bytes] | None = None

    @classmethod
    async def open(cls, base_url: str, *, receive_bytes: int | None = None) -> "Wire":
        address = urlsplit(base_url)
        raw = socket.socket()
        if receive_bytes is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (address.hostname, address.port))
        limit = 2**16 if receive_bytes is None else receive_bytes
        return cls(*await asyncio.open_connection(sock=raw, limit=limit))

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        fields = {"host": "test", "content-type": "application/json", "content-length": str(len(body)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        await self.writer.drain()

    async def read_head(self) -> int:
        """The status line and the headers. The status."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self._chunks = self._read_chunks()
        return self.status

    async def _read_chunks(self) -> AsyncIterator[bytes]:
        if "content-length" in self.headers:
            yield await self.reader.readexactly(int(self.headers["content-length"]))
            return
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            data = await self.reader.readexactly(size + 2)
            yield data[:-2]
        await self.reader.readuntil(b"\r\n")

    async def read_until(self, text: bytes, timeout_s: float = 10) -> bytes:
        """Read on until the body holds `text`. All of it so far."""
        async with asyncio.timeout(timeout_s):
            while text not in self.received:
                self.received += await anext(await self._body())
        return self.received

    async def read_events(self, count: int) -> bytes:
        """Read on until the body holds so many events. All of it so far."""
        async with asyncio.timeout(10):
            while len(events_in(self.received)) < count:
                self.received += await anext(await self._body())
        return self.received

    async def read_all(self, timeout_s: float = 20) -> bytes:
        """The whole body."""
        async with asyncio.timeout(timeout_s):
            async for data in await self._body():
                self.received += data
        return self.received

    async def _body(self) -> AsyncIterator[bytes]:
        if self._chunks is None:
            await self.read_head()
        assert self._chunks is not None
        return self._chunks

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.close()

    def half_close(self) -> None:
        self.writer.write_eof()


def events_in(body: bytes) -> list[bytes]:
    """The complete events of a stream, each without its blank line."""
    return [event for event in re.split(rb"\r\n\r\n|\n\n|\r\r", body)[:-1] if event]


def documents_in(body: bytes) -> list[Any]:
    """The JSON of each event that has some."""
    found = []
    for event in events_in(body):
        data = [line[5:].strip() for line in re.split(rb"\r\n|\n|\r", event) if line.startswith(b"data:")]
        if data and data != [b"[DONE]"]:
            found.append(json.loads(b"\n".join(data)))
    return found


TERMINALS = {"openai": b"[DONE]", "anthropic": b"message_stop", "openai_responses": b"response.completed"}
HEARTBEATS = {
    "openai": b": heartbeat\n\n",
    "anthropic": b'event: ping\ndata: {"type": "ping"}\n\n',
    "openai_responses": b": heartbeat\n\n",
}


def after_heartbeats(body: bytes, api_format: str) -> bytes:
    """What follows the heartbeats that a busy machine lets pass before the first event."""
    heartbeat = HEARTBEATS[api_format]
    while body.startswith(heartbeat):
        body = body.removeprefix(heartbeat)
    return body


def assert_broken_off(body: bytes, api_format: str, code: str | None = None) -> None:
    """The stream ends in an error event of its format, and without the terminal event."""
    assert TERMINALS[api_format] not in body
    last = documents_in(body)[-1]
    assert isinstance(last["error"], dict), last
    assert last["error"]["message"]
    if api_format != "openai":
        assert last["type"] == "error"
    if code is not None:
        error = last["error"]
        assert error.get("code", error.get("details", {}).get("error_code")) == code
