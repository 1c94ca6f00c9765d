"""An admin who is signed in to the product."""

from collections.abc import AsyncIterator

import pytest
from admin_client import Admin
from product import Product


@pytest.fixture
async def admin(product: Product) -> AsyncIterator[Admin]:
    yield Admin(product, await product.login())
