"""A client of `/api/admin/events` that remembers the last id, as a browser's EventSource does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from product import Product

DEADLINE_S = 20


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str


@dataclass
class LiveStream:
    """Everything that was told so far. `ended` is set when the stream ended; `was_cut`: in the middle."""

    last_id: str = ""
    events: list[Event] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    was_cut: bool = False
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def named(self, name: str) -> list[Any]:
        return [event.data for event in self.events if event.name == name]

    @property
    def request_ids(self) -> list[str]:
        """Of the rows that were told, in their order."""
        return [row["request_id"] for row in self.named("request")]

    async def until(self, holds: Callable[["LiveStream"], Any]) -> Any:
        """What `holds` returns as soon as it is true."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not (found := holds(self)):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"it never became true; told: {[(e.name, e.data) for e in self.events[-5:]]}"
            ) from None
        return found

    async def until_told(self, *request_ids: str) -> None:
        await self.until(lambda stream: set(request_ids) <= set(stream.request_ids))

    async def read(self, answer: httpx.Response) -> None:
        name, data = "message", ""
        try:
            async for line in answer.aiter_lines():
                self.lines.append(line)
                kind, _, value = line.partition(": ")
                if kind == "event":
                    name = value
                elif kind == "data":
                    data += value
                elif kind == "id":
                    self.last_id = value
                elif not line and data:
                    self.events.append(Event(name, json.loads(data), self.last_id))
                    name, data = "message", ""
                self._news.set()
        except httpx.TransportError:
            self.was_cut = True
        self.ended.set()
        self._news.set()


@asynccontextmanager
async def watching(
    product: Product | str, query: str = "", *, last_id: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[LiveStream]:
    """The stream of a product, or at an address, begun: its first id is there."""
    stream = LiveStream()
    if isinstance(product, Product):
        headers = headers or await product.login()
    sent = {**(headers or {}), **({"last-event-id": last_id} if last_id else {})}
    url = f"{product if isinstance(product, str) else product.base_url}/api/admin/events{query}"
    async with (
        httpx.AsyncClient(timeout=None) as client,
        client.stream("GET", url, headers=sent) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        stream.headers = answer.headers
        reading = asyncio.create_task(stream.read(answer))
        try:
            await stream.until(lambda stream: stream.last_id or stream.ended.is_set())
            yield stream
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
