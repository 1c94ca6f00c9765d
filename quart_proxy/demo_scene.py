"""What happens in the demo: an admin sets the scene, a client asks and reads the bill, all over HTTP."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from quart_proxy.commands.verbs import Failure
from quart_proxy.settings import Settings, load_secrets

WIDTH = 64
CREDIT = "5.00"
RECEIPT_TIMEOUT_S = 15
RECEIPT_PAUSE_S = 0.2
QUESTION = "What does a billing gateway do?"


class Stage:
    """Where the demo plays: its settings, its address, and how it speaks."""

    def __init__(self, settings: Settings, say: Any) -> None:
        self.settings = settings
        self.say = say
        self.port = 0
        self.log_file = settings.data_dir / "serve.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rule(self, character: str = "─") -> None:
        self.say("  " + character * WIDTH)


@dataclass(frozen=True, slots=True)
class Act:
    """One streamed request: who speaks which format to which model, and where the text is in its events."""

    title: str
    path: str
    model: str
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        messages = [{"role": "user", "content": QUESTION}]
        return {"model": self.model, "stream": True, "messages": messages, **self.body}

    def text_of(self, event: Mapping[str, Any]) -> str:
        if "choices" in event:
            return "".join(choice.get("delta", {}).get("content") or "" for choice in event["choices"])
        delta = event.get("delta")
        return str(delta.get("text", "")) if isinstance(delta, Mapping) else ""


ACTS = (
    Act(
        "OpenAI format",
        "/v1/chat/completions",
        "demo-gpt",
        {
            "provider": "sandbox-openai",
            "actual_model": "sandbox:delay_ms=25,cached=1200",
            "pricing": {"input": "1.25", "cached_input": "0.125", "output": "10.00"},
        },
    ),
    Act(
        "Anthropic format",
        "/v1/messages",
        "demo-claude",
        {
            "provider": "sandbox-anthropic",
            "actual_model": "sandbox:delay_ms=25,cached=2000,cache_write=300",
            "pricing": {"input": "3.00", "cached_input": "0.30", "cache_write": "3.75", "output": "15.00"},
        },
        headers={"anthropic-version": "2023-06-01"},
        body={"max_tokens": 500},
    ),
)


class Admin:
    """Sets the scene over /api/admin, as the page would."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession) -> None:
        self._stage = stage
        self._session = session
        self._headers: dict[str, str] = {}

    async def sign_in(self) -> None:
        password = load_secrets(self._stage.settings).admin_password
        answer = await self._call("POST", "/login", {"password": password})
        self._headers = {"authorization": f"Bearer {answer['token']}"}

    async def declare(self, sandbox_url: str) -> None:
        """The sandbox as two providers, and a model of each with a price."""
        for key, api_format, suffix in (
            ("sandbox-openai", "openai", "/v1"),
            ("sandbox-anthropic", "anthropic", ""),
        ):
            await self._put(f"/providers/{key}", {"api_format": api_format, "api_url": sandbox_url + suffix})
        for act in ACTS:
            await self._put(f"/models/{act.model}", dict(act.document))

    async def welcome_user(self) -> tuple[int, str]:
        """A new user with money, and the text of their key."""
        user = await self._call("POST", "/users", {"name": "Demo"})
        await self._call("POST", f"/users/{user['id']}/ledger", {"kind": "credit", "amount": CREDIT, "reason": "demo"})
        key = await self._call("POST", f"/users/{user['id']}/keys", {"name": "demo"})
        return user["id"], key["key"]

    async def _put(self, path: str, document: dict[str, Any]) -> None:
        """Create it, or replace what an earlier demo left."""
        async with self._session.get(self._url(path), headers=self._headers) as answer:
            seen = {"if-match": answer.headers["etag"]} if answer.status == 200 else {}
        await self._call("PUT", path, document, seen)

    async def _call(
        self, method: str, path: str, body: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return await _ask(self._session, method, self._url(path), {**self._headers, **(headers or {})}, body)

    def _url(self, path: str) -> str:
        return f"{self._stage.url}/api/admin{path}"


class Client:
    """Spends the user's money over /v1, and reads the bill."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, key: str) -> None:
        self._stage = stage
        self._session = session
        self._headers = {"authorization": f"Bearer {key}"}

    async def balance(self) -> Decimal:
        answer = await _ask(self._session, "GET", f"{self._stage.url}/api/user/balance", self._headers)
        return Decimal(answer["balance"])

    async def perform(self, number: int, act: Act) -> dict[str, Any]:
        """Ask, say the words as they arrive, and give back the receipt."""
        stage = self._stage
        stage.say("")
        stage.rule()
        stage.say(f"  {number}  {act.title}, streamed      POST {act.path}      {act.model}\n")
        stage.say(f"     > {QUESTION}\n")
        async with self._session.post(
            stage.url + act.path, json=act.request(), headers={**self._headers, **act.headers}
        ) as answer:
            await _check(answer)
            request_id = answer.headers["x-request-id"]
            await _say_words(stage, act, answer)
        receipt = await self._receipt(request_id)
        _say_receipt(stage, receipt)
        return receipt

    async def _receipt(self, request_id: str) -> dict[str, Any]:
        """A busy database takes a charge a little later, from the journal; the receipt is there once it did."""
        url = f"{self._stage.url}/api/user/usage/{request_id}"
        deadline = asyncio.get_running_loop().time() + RECEIPT_TIMEOUT_S
        while asyncio.get_running_loop().time() < deadline:
            async with self._session.get(url, headers=self._headers) as answer:
                if answer.status != HTTPStatus.NOT_FOUND:
                    break
            await asyncio.sleep(RECEIPT_PAUSE_S)
        return await _ask(self._session, "GET", url, self._headers)


async def _ask(
    session: aiohttp.ClientSession, method: str, url: str, headers: Mapping[str, str], body: Any = None
) -> dict[str, Any]:
    async with session.request(method, url, headers=dict(headers), json=body) as answer:
        await _check(answer)
        document: dict[str, Any] = orjson.loads(await answer.read())
        return document


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        raise Failure(f"{answer.method} {answer.url.path} answered {answer.status}: {await answer.text()}")


async def _say_words(stage: Stage, act: Act, answer: aiohttp.ClientResponse) -> None:
    column = 0
    stage.say("     ", nl=False)
    async for line in answer.content:
        data = line.strip().removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        word = act.text_of(orjson.loads(data))
        if column and column + len(word.rstrip()) > WIDTH - 6:
            stage.say("\n     ", nl=False)
            column, word = 0, word.lstrip()
        stage.say(word, nl=False)
        column += len(word)
    stage.say("\n")


def _say_receipt(stage: Stage, receipt: Mapping[str, Any]) -> None:
    stage.say(f"     receipt {receipt['request_id']}")
    stage.say(f"     {'':<14}{'tokens':>8}  {'$ per 1M':>10}  {'amount':>20}")
    for line in receipt["lines"]:
        stage.say(f"     {line['dimension']:<14}{line['tokens']:>8}  {line['price']:>10}  {line['amount']:>20}")
    total = sum((Decimal(line["amount"]) for line in receipt["lines"]), Decimal(0))
    mark = "= the sum of the lines" if total == Decimal(receipt["cost"]) else f"but the lines sum to {total:f}"
    stage.say(f"     {'cost':<14}{'':>8}  {'':>10}  {receipt['cost']:>20}  {mark}")
