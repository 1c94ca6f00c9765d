"""What a request would cost, by the function that bills it: at a model's price, or at one that is being written."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from quart import Response

from quart_proxy.core.errors import Fault, InvalidFields, NotFound
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.usage import COUNT_MAX, Dimension, Usage
from quart_proxy.http import json_response, service
from quart_proxy.http.fields import Field, Fields, read_body_fields, record, takes, whole
from quart_proxy.http.forms import charge_form
from quart_proxy.http.operations import operation
from quart_proxy.store.catalog import Model, list_models
from quart_proxy.store.database import Database
from quart_proxy.store.repricing import Repriced, reprice
from registry.documents import PricingDocument
from registry.files.readers import is_slug
from registry.schema import parse_model

LOOKED_BACK = timedelta(hours=24)
DRAFT_ID = 0
"""The id of a price that is not kept."""
TOKENS: Fields = {dimension.value: Field(whole(0, COUNT_MAX)) for dimension in Dimension}


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


takes({"type": "object"}, _document)


QUOTE: Fields = {
    "tokens": Field(record(TOKENS), required=True),
    "document": Field(_document, nullable=True),
}


@operation(answer="Quote", body=QUOTE)
async def quote(key: str) -> Response:
    """The bill for `tokens`, and what the last day's requests of the model would have been charged. With a `document`
    whose `pricing` differs, at that pricing; what else it says is not looked at, and nothing is written."""
    said = await read_body_fields(QUOTE)
    draft = said.get("document") or {}
    async with service(Database).snapshot() as connection:
        found = await list_models(connection, key) if is_slug(key) else []
        if not found and "pricing" not in draft:
            raise NotFound(f"There is no model `{key[:200]}`.", param="key")
        price = _draft_price(draft) if "pricing" in draft else _price(found[0])
        since = datetime.now(UTC) - LOOKED_BACK
        past = await reprice(connection, found[0], price, since) if found else None
    tokens = {Dimension(name): count for name, count in said["tokens"].items()}
    bill = charge_form(charge(Usage(tokens), price))
    return json_response({**bill, "last_24h": None if past is None else _past_form(past)})


def _past_form(past: Repriced) -> dict[str, Any]:
    return {
        "requests": past.requests,
        "charged": format_money(past.charged),
        "with_draft": format_money(past.with_price),
        "exact": past.is_exact,
    }


def _price(model: Model) -> Price:
    """Raises InvalidFields for a model that has none."""
    if model.rates is None and not model.free:
        raise InvalidFields([Fault("document", "must say a `pricing`: the model has none")])
    return Price(DRAFT_ID, model.rates or {}, model.free, model.tiers)


def _draft_price(draft: Mapping[str, Any]) -> Price:
    """The pricing as it would be read from the model's document. Raises InvalidFields with all that is wrong."""
    # The rest of a draft may be unfinished: the pricing is read in a document that has nothing else to be wrong.
    document = {"api_format": "openai", "api_url": "https://draft.example/v1", "pricing": draft["pricing"]}
    parsed, faults = parse_model("draft", document)
    errors = [fault for fault in faults if fault.severity == "error"]
    if errors:
        raise InvalidFields([Fault(f"document.{_field(fault.path)}", fault.message) for fault in errors])
    pricing = None if parsed is None else parsed.pricing
    if pricing is None:
        raise InvalidFields([Fault("document.pricing", "is no price")])
    return _price_of(pricing)


def _price_of(pricing: PricingDocument) -> Price:
    free = dict.fromkeys(Dimension, ZERO)
    return Price(DRAFT_ID, free if pricing.free else pricing.rates, pricing.free, pricing.tiers)


def _field(path: str) -> str:
    return path.removeprefix("models.draft").lstrip(".") or "pricing"
