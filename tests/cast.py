"""Who and what a lived-in installation has: a dozen users with keys and money, twenty models of six providers.

For tests of the page and for pictures of it. Models are declared in the product's own `models.yaml`, then some are
edited live, so that the registry has managed, drifted and live-only entries, and one model that still needs a price.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from admin_client import Admin
from product import Product

from quart_proxy.core.pricing import Price
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.changes import Actor
from quart_proxy.store.served import list_served_models

DANA, LEE = Actor("dana"), Actor("lee")


@dataclass(frozen=True, slots=True)
class Part:
    """A user to be: `credits` are dollars paid in, first one before the history and the rest in the middle of it;
    `busyness` is their share of the traffic."""

    name: str
    credits: tuple[str, ...]
    busyness: int
    keys: tuple[str, ...]
    note: str | None = None


PARTS = (
    Part("Captain Token", ("120", "80"), 22, ("bridge console", "ci-prod", "nightly evals"), "Renews on the 1st."),
    Part("Team Rubber Duck", ("200", "50"), 18, ("pair programming", "code review bot")),
    Part("Olive Overdraft", ("4",), 9, ("everything",), "Likes to live on the edge."),
    Part("Professor Backoff", ("75", "25"), 10, ("lab cluster", "lecture notes")),
    Part("Grandma's Cookbook", ("20",), 4, ("recipe finder",)),
    Part("Bot McBotface", ("150",), 14, ("deck", "engine room")),
    Part("Percy Prompt", ("40", "40"), 8, ("laptop", "phone")),
    Part("Midnight Cron", ("60",), 6, ("03:00 job",)),
    Part("The Lighthouse, 2nd floor", ("30",), 4, ("lamp",)),
    Part("Dolly Decimal", ("25.50",), 3, ("ledger checks",)),
    Part("Null Nullsson", ("10",), 0, (), "Signed up, never seen since."),
    Part("Beta Testa", ("15",), 2, ("sandbox", "old laptop")),
)

PROVIDERS = {
    "northwind": "openai",
    "cirrus": "anthropic",
    "quokka-ai": "openai",
    "deepwell": "openai",
    "tern": "openai_responses",
    "attic-gpu": "openai",
}
# Key, provider, dollars per 1M tokens of input, cached input and output, share of the traffic.
MODELS: tuple[tuple[str, str, str, str, str, int], ...] = (
    ("nw-large-5", "northwind", "1.25", "0.125", "10.00", 20),
    ("nw-large-5-mini", "northwind", "0.25", "0.025", "2.00", 14),
    ("nw-nano", "northwind", "0.05", "0.005", "0.40", 6),
    ("nw-reason-2", "northwind", "15.00", "1.50", "60.00", 2),
    ("cirrus-sonnet", "cirrus", "3.00", "0.30", "15.00", 22),
    ("cirrus-haiku", "cirrus", "0.80", "0.08", "4.00", 9),
    ("cirrus-opus", "cirrus", "15.00", "1.50", "75.00", 4),
    ("quokka-9b", "quokka-ai", "0.10", "0.10", "0.10", 3),
    ("quokka-70b", "quokka-ai", "0.60", "0.30", "0.90", 4),
    ("quokka-vision", "quokka-ai", "0.90", "0.45", "1.80", 2),
    ("deepwell-v4", "deepwell", "0.27", "0.07", "1.10", 6),
    ("deepwell-r2", "deepwell", "0.55", "0.14", "2.19", 3),
    ("tern-fast", "tern", "0.40", "0.10", "1.60", 3),
    ("tern-deep", "tern", "2.00", "0.50", "8.00", 2),
    ("attic-llama", "attic-gpu", "0", "0", "0", 2),
    ("attic-embed", "attic-gpu", "0.02", "0.02", "0.02", 2),
    ("nw-audio-preview", "northwind", "2.50", "1.25", "10.00", 1),
    ("cirrus-legacy-2024", "cirrus", "8.00", "8.00", "24.00", 0),
)
UNPRICED = "deepwell-v5-preview"
LIVE_ONLY = "nw-experimental"
ENDPOINTS = {"openai": "chat/completions", "anthropic": "messages", "openai_responses": "responses"}


@dataclass(frozen=True, slots=True)
class Member:
    """A user who is there. `keys` holds the ids of keys by name, `key_texts` what clients send."""

    id: int
    part: Part
    keys: dict[str, int]
    key_texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class PricedModel:
    key: str
    endpoint: str
    upstream: str
    price: Price
    busyness: int


@dataclass(slots=True)
class Cast:
    members: list[Member] = field(default_factory=list)
    models: list[PricedModel] = field(default_factory=list)

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.part.name == name)

    @property
    def active(self) -> list[Member]:
        """Those who call models."""
        return [member for member in self.members if member.part.busyness]


async def gather_cast(product: Product) -> Cast:
    """Everyone and everything, with the first credits paid and nothing used yet."""
    await _declare_models(product)
    cast = Cast(models=await list_models(product))
    for part in PARTS:
        cast.members.append(await add_member(product.accounts, part))
    await product.accounts.update_user(LEE, cast.member("Beta Testa").id, {"disabled": True})
    await product.accounts.revoke_key(LEE, cast.member("Beta Testa").keys["old laptop"])
    await product.accounts.update_user(LEE, product.user_id, {"name": "Sandy Boxer"})
    await product.refresh()
    return cast


async def add_member(accounts: Accounts, part: Part) -> Member:
    email = "".join(letter for letter in part.name.lower() if letter.isascii() and letter.isalnum())[:40] or "someone"
    user = await accounts.create_user(DANA, name=part.name, email=f"{email}@example.com", note=part.note)
    await credit(accounts, user.id, part.credits[0], f"Invoice {1000 + user.id}")
    keys, texts = {}, {}
    for name in part.keys:
        key, texts[name] = await accounts.create_key(DANA, user_id=user.id, name=name)
        keys[name] = key.id
    return Member(user.id, part, keys, texts)


async def credit(accounts: Accounts, user_id: int, dollars: str, reason: str) -> None:
    await accounts.move_money(DANA, user_id=user_id, kind="credit", amount=Decimal(dollars), reason=reason)


async def list_models(product: Product) -> list[PricedModel]:
    """The models of this cast that are served now, at their prices of now."""
    found = []
    async with product.database.read() as connection:
        for key, provider, *_, busyness in MODELS:
            for served in await list_served_models(connection, key):
                found.append(PricedModel(key, ENDPOINTS[PROVIDERS[provider]], provider, served.price, busyness))
    return found


def render_models_file(sandbox_url: str) -> str:
    """The registry file that declares all but the live-only model."""
    lines = ["version: 1", "providers:"]
    for key, api_format in PROVIDERS.items():
        url = sandbox_url + ("" if api_format == "anthropic" else "/v1")
        lines.append(f'  {key}: {{api_format: {api_format}, api_url: {url}, api_key: "${{env:SANDBOX_API_KEY}}"}}')
    lines.append("models:")
    for key, provider, fresh, cached, output, _ in MODELS:
        price = f"input: {fresh}, cached_input: {cached}, output: {output}" if Decimal(fresh) else "free: true"
        lines.append(f"  {key}: {{provider: {provider}, actual_model: sandbox, pricing: {{{price}}}}}")
    lines.append(f"  {UNPRICED}: {{provider: deepwell, actual_model: sandbox}}")
    return "\n".join(lines) + "\n"


async def _declare_models(product: Product) -> None:
    """Apply the file, then edit as admins do: a price here, a switch there, a model that no file knows."""
    Path(product.settings.models_file).write_text(render_models_file(product.sandbox_url), encoding="utf-8")
    admin = Admin(product, await product.login(DANA.name))
    (await admin.post("/registry/apply", {"message": "First import"})).raise_for_status()
    await edit_document(admin, "/models/cirrus-haiku", {"pricing": {"input": "1.00", "output": "5.00"}})
    await edit_document(admin, "/models/quokka-vision", {"limits": {"timeout": "90s"}})
    await edit_document(admin, "/models/cirrus-legacy-2024", {"enabled": False})
    extra = {"provider": "northwind", "actual_model": "sandbox", "pricing": {"input": "4.00", "output": "16.00"}}
    (await admin.put(f"/models/{LIVE_ONLY}", extra)).raise_for_status()


async def edit_document(admin: Admin, path: str, changes: dict[str, object]) -> None:
    """Change a document as the page does: read it, patch it with its ETag."""
    etag = (await admin.get(path)).headers["etag"]
    (await admin.patch(path, changes, If_Match=etag)).raise_for_status()
