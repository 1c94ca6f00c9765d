"""Requests of the past, settled as they would have been."""

from datetime import datetime
from typing import Any

from books import Books
from product import Product

from quart_proxy.core.record import Exchange
from quart_proxy.store.ledger import settle_records
from quart_proxy.store.partitions import first_id


class Past:
    """Requests that arrived when the test says. Their users are `books.users`: the product's own, and another one."""

    def __init__(self, product: Product, books: Books) -> None:
        self.product = product
        self.books = books
        self.number = 0

    def exchange(self, at: datetime, **fields: Any) -> Exchange:
        self.number += 1
        earliest = first_id(at)
        identifier = type(earliest)(int=earliest.int + self.number)
        return self.books.exchange(request_id=identifier, started_at=at.isoformat(), **fields)

    async def settle(self, *exchanges: Exchange) -> None:
        connection = await self.product.database.connect()
        try:
            await settle_records(connection, [exchange.encode().decode() for exchange in exchanges])
        finally:
            await connection.close()
