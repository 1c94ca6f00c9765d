"""Texts that outsiders may put wherever a text is kept, and what a page must make of them: text."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from admin_client import Admin
from cast import Cast, Member, Part, PricedModel, add_member
from product import Product
from traffic import ENDINGS, Traffic, encode, settle

from quart_proxy.core.names import fold_name
from quart_proxy.store.served import list_served_models

TEXTS = {
    "picture": "<img src=x onerror=\"document.title='owned'\">",
    "breakout": "\"'><svg/onload=document.title='owned'>{{7*7}}${7*7}",
    "link": "javascript:document.title='owned'",
    "right to left": "\u202eevil\u202c שלום עולם مرحبا بالعالم",
    "emoji": "🦆👩‍👩‍👧‍👦🏳️‍🌈 duck & family",
    "endless": "W" * 200,
    "formula": "=cmd|'/c calc'!A1",
    "at formula": "@SUM(1+1)*cmd|' /c calc'!A0",
}
"""By what each tries. All are at most 200 characters, so they are kept whole."""
SAID_BY_OTHERS = (
    "model",
    "actual_model",
    "upstream",
    "error_code",
    "client_request_id",
    "answer_id",
    "upstream_request_id",
    "client_agent",
)
"""The fields of a request that a client, a provider or an admin has chosen."""


async def haunt(product: Product) -> list[Member]:
    """For every text a user, a key, a model and a provider's model of that name, entries and audit rows with it, and
    requests in which model, client, error and ids say it. Returns the users, in the order of `TEXTS`."""
    admin = Admin(product, await product.login(TEXTS["picture"]))
    members, models = [], []
    for number, hostile in enumerate(TEXTS.values()):
        part = Part(hostile, ("5",), 1, (hostile,), note=hostile)
        members.append(await add_member(product.accounts, part))
        await _pay_with_reason(admin, members[-1], hostile)
        models.append(await _add_model(product, admin, f"haunted-{number}", hostile))
    await product.refresh()
    now = datetime.now(UTC)
    await settle(product, _write_requests(members, models, now), now - timedelta(days=1))
    return members


def _write_requests(members: list[Member], models: list[PricedModel], now: datetime) -> Iterator[str]:
    """One of each text by each user, one minute after the other, every kind of ending among them."""
    traffic = Traffic(Cast())
    for member in members:
        for number, (hostile, model) in enumerate(zip(TEXTS.values(), models, strict=True)):
            said = {name: hostile for name in SAID_BY_OTHERS}
            moment = now - timedelta(minutes=number + 1)
            yield encode(traffic.make_record(moment, member, model, ENDINGS[number % len(ENDINGS)], **said))


async def _pay_with_reason(admin: Admin, member: Member, reason: str) -> None:
    body = {"kind": "grant", "amount": "1", "reason": reason}
    (await admin.post(f"/users/{member.id}/ledger", body)).raise_for_status()


async def _add_model(product: Product, admin: Admin, key: str, text: str) -> PricedModel:
    # A model's names take only what shows; rows of the log take whatever a client sent.
    name = "".join(character for character in text if character.isprintable())
    document = {
        "display_name": name,
        "description": name,
        "provider": "sandbox-gpt",
        "actual_model": name,
        "pricing": {"input": "1.00", "output": "2.00"},
    }
    (await admin.put(f"/models/{key}", document)).raise_for_status()
    async with product.database.read() as connection:
        price = (await list_served_models(connection, fold_name(name)))[0].price
    return PricedModel(key, "chat/completions", "sandbox-gpt", price, 1)
