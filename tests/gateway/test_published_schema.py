"""The schema of models.yaml, where editors find it."""

import json

from product import Product

from registry.files.json_schema import render_schema

PATH = "/schema/models-v1.json"


async def test_the_schema_is_there_for_everyone_and_is_that_of_this_versions_parser(product: Product) -> None:
    answer = await product.client.get(product.base_url + PATH)
    assert (answer.status_code, answer.text) == (200, render_schema())
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert json.loads(answer.text)["else"]["properties"]["version"]["const"] == 1


async def test_an_editor_that_has_the_schema_is_told_so_in_no_bytes(product: Product) -> None:
    first = await product.client.head(product.base_url + PATH)
    assert "max-age" in first.headers["cache-control"]
    again = await product.client.get(product.base_url + PATH, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
