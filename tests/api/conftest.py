"""An admin who is signed in to the product, and requests of the past."""

from decimal import Decimal

import pytest
from admin_client import Admin
from books import Books
from past import Past
from product import Product

from quart_proxy.store.served import list_served_models


@pytest.fixture
async def admin(product: Product) -> Admin:
    return Admin(product, await product.login())


@pytest.fixture
async def past(product: Product) -> Past:
    async with product.database.read() as connection:
        price = (await list_served_models(connection, "sandbox-gpt"))[0].price
    other, _ = await product.add_user("50", name="other")
    return Past(product, Books(product.database, [product.user_id, other], price, Decimal(100)))
