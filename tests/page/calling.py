"""What a client does while a person looks at the page: calls with one key."""

import httpx
from product import Product


async def call(site: Product, key: str, model: str = "sandbox-gpt") -> httpx.Response:
    """One whole answer of `model` to whoever has this key."""
    path = "/v1/messages" if "claude" in model else "/v1/chat/completions"
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hello there"}]}
    return await site.post(path, body, headers={"authorization": f"Bearer {key}"})
