"""An admin who is signed in to the product."""

import pytest
from admin_client import Admin
from product import Product


@pytest.fixture
async def admin(product: Product) -> Admin:
    return Admin(product, await product.login())
