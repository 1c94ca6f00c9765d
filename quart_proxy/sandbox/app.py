"""The sandbox's routes: what each path accepts, and the books it keeps."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from quart_proxy.sandbox.call import CREATED, Call, Format, encode, measure
from quart_proxy.sandbox.chat import ChatFormat
from quart_proxy.sandbox.embeddings import render_embeddings
from quart_proxy.sandbox.exchange import CANARY_PATH, Exchange
from quart_proxy.sandbox.gemini import GeminiFormat
from quart_proxy.sandbox.ledger import Entry, Ledger
from quart_proxy.sandbox.messages import MessagesFormat
from quart_proxy.sandbox.question import InvalidQuestion, Question, parse_question
from quart_proxy.sandbox.replay import PREFIX, Recording, UnknownExchange, get_recording
from quart_proxy.sandbox.responses import ResponsesFormat
from quart_proxy.sandbox.scenarios import InvalidScenario, parse_scenario

BODY_BYTES_MAX = 64 * 1024 * 1024
MODELS = ("sandbox", "sandbox:words=50", "sandbox:delay_ms=25")
CREATED_AT = "2025-06-15T15:06:40Z"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    speaker: Format
    check: Callable[[Question, Any], None] | None = None
    """Raises InvalidQuestion; the format's own check when None."""
    render: Callable[[Question, Call], bytes] | None = None
    """Makes the JSON document of an endpoint that is not a conversation."""
    free: bool = False


def create_sandbox(*, replay_dir: Path | None = None) -> web.Application:
    """The sandbox provider.

    `replay_dir` holds the recordings that `replay:<id>` models answer with; without it those do not exist.
    """
    sandbox = Sandbox(replay_dir)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.add_routes([web.post(path, sandbox.handler(endpoint)) for path, endpoint in ENDPOINTS.items()])
    app.add_routes(
        [
            web.post(f"{GEMINI_PATH}/{{target:.+}}", sandbox.handle_gemini),
            web.get(GEMINI_PATH, _list_gemini_models),
            web.get("/v1/models", _list_models),
            web.get("/v1/models/{id}", _get_model),
            web.get("/_sandbox/ledger", sandbox.get_ledger),
            web.delete("/_sandbox/ledger", sandbox.delete_ledger),
            web.get("/_sandbox/totals", sandbox.get_totals),
            web.route("*", CANARY_PATH, sandbox.hit_canary),
        ]
    )
    return app


class Sandbox:
    def __init__(self, replay_dir: Path | None) -> None:
        self._replay_dir = replay_dir
        self._ledger = Ledger()

    def handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(request, endpoint, parse_question)

        return handle

    async def handle_gemini(self, request: web.Request) -> web.StreamResponse:
        """The path ends with `<model>:<method>`, and a model name may hold colons too."""
        model, _, method = request.match_info["target"].rpartition(":")
        is_streaming = method == "streamGenerateContent"
        endpoint = GEMINI_METHODS.get(method, Endpoint(GEMINI, _check_method))
        if is_streaming and request.query.get("alt") != "sse":
            endpoint = Endpoint(GEMINI, _check_alt)
        return await self._handle(request, endpoint, partial(parse_question, model=model, stream=is_streaming))

    async def _handle(
        self, request: web.Request, endpoint: Endpoint, parse: Callable[[bytes], Question]
    ) -> web.StreamResponse:
        entry = self._ledger.open(request.path, request.raw_headers, await request.read())
        entry.request_id = f"req_{entry.number:016x}"
        try:
            return await self._answer(request, endpoint, entry, parse(await request.read()))
        except (InvalidQuestion, InvalidScenario) as fault:
            return _refuse(endpoint.speaker, entry, 400, str(fault))
        except UnknownExchange as fault:
            return _refuse(endpoint.speaker, entry, 404, str(fault))

    async def _answer(
        self, request: web.Request, endpoint: Endpoint, entry: Entry, question: Question
    ) -> web.StreamResponse:
        self._ledger.identify(entry, question)
        entry.id = f"{endpoint.speaker.id_prefix}{entry.number:016x}"
        (endpoint.check or endpoint.speaker.check)(question, request.headers)
        if question.model.startswith(PREFIX):
            recording = get_recording(self._replay_dir, question.model.removeprefix(PREFIX))
            return await self._replay(request, recording, entry)
        scenario = parse_scenario(question.model)
        endpoint.speaker.check_history(question, scenario)
        call = measure(question, scenario)
        exchange = Exchange(request, endpoint.speaker, self._ledger, entry, call, free=endpoint.free)
        if render := endpoint.render:
            exchange.call = replace(call, counts=call.counts.with_output(0))
            exchange.document = render(question, exchange.call)
        return await exchange.answer()

    async def _replay(self, request: web.Request, recording: Recording, entry: Entry) -> web.StreamResponse:
        if recording.counts and recording.status == 200:
            self._ledger.promise(entry, recording.counts)
        headers = {"Content-Type": recording.content_type}
        entry.status = recording.status
        if not recording.stream:
            self._ledger.note_usage_sent(entry)
            entry.terminal_sent = True
            return web.Response(status=recording.status, headers=headers, body=recording.body)
        response = web.StreamResponse(status=recording.status, headers=headers)
        await response.prepare(request)
        *pieces, last = recording.slices(seed=entry.number)
        try:
            for piece in pieces:
                await response.write(piece)
                # Each slice is a write of its own, not a part of one larger write.
                await asyncio.sleep(0)
            self._ledger.note_usage_sent(entry)
            entry.terminal_sent = True
            await response.write(last)
        except ConnectionError:
            entry.client_gone = True
        return response

    async def get_ledger(self, request: web.Request) -> web.Response:
        return _json(self._ledger.render(nonce=request.query.get("nonce")))

    async def delete_ledger(self, request: web.Request) -> web.Response:
        self._ledger.clear()
        return web.Response(status=204)

    async def get_totals(self, request: web.Request) -> web.Response:
        return _json(self._ledger.render_totals())

    async def hit_canary(self, request: web.Request) -> web.Response:
        self._ledger.canary_hits += 1
        return _json({"canary_hits": self._ledger.canary_hits})


def _check_embeddings(question: Question, headers: Any) -> None:
    if not question.body.get("input"):
        raise InvalidQuestion("Missing required parameter: 'input'.")


def _check_count(question: Question, headers: Any) -> None:
    if not isinstance(question.body.get("messages"), list):
        raise InvalidQuestion("messages: Field required")


def _render_count(question: Question, call: Call) -> bytes:
    return encode({"input_tokens": call.counts.prompt})


def _check_gemini_count(question: Question, headers: Any) -> None:
    if not {"contents", "generateContentRequest"} & question.body.keys():
        raise InvalidQuestion("contents is not specified")


def _check_method(question: Question, headers: Any) -> None:
    raise InvalidQuestion(f"The sandbox knows the methods {', '.join(GEMINI_METHODS)}.")


def _check_alt(question: Question, headers: Any) -> None:
    raise InvalidQuestion("The sandbox streams with alt=sse only.")


def _render_gemini_count(question: Question, call: Call) -> bytes:
    return encode({"totalTokens": call.counts.prompt})


CHAT, MESSAGES, RESPONSES, GEMINI = ChatFormat(), MessagesFormat(), ResponsesFormat(), GeminiFormat()
ENDPOINTS = {
    "/v1/chat/completions": Endpoint(CHAT),
    "/v1/messages": Endpoint(MESSAGES),
    "/v1/messages/count_tokens": Endpoint(MESSAGES, _check_count, _render_count, free=True),
    "/v1/responses": Endpoint(RESPONSES),
    "/v1/embeddings": Endpoint(CHAT, _check_embeddings, render_embeddings),
}
GEMINI_PATH = "/v1beta/models"
GEMINI_METHODS = {
    "generateContent": Endpoint(GEMINI),
    "streamGenerateContent": Endpoint(GEMINI),
    "countTokens": Endpoint(GEMINI, _check_gemini_count, _render_gemini_count, free=True),
}


def _refuse(speaker: Format, entry: Entry, status: int, message: str) -> web.Response:
    entry.status = status
    headers = {speaker.request_id_header: entry.request_id or ""}
    return _json(speaker.render_error(status, message), status=status, headers=headers)


async def _list_models(request: web.Request) -> web.Response:
    models = [_model(name) for name in MODELS]
    return _json({"object": "list", "data": models, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})


async def _get_model(request: web.Request) -> web.Response:
    return _json(_model(request.match_info["id"]))


async def _list_gemini_models(request: web.Request) -> web.Response:
    methods = list(GEMINI_METHODS)
    models = [{"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods} for name in MODELS]
    return _json({"models": models})


def _model(name: str) -> dict[str, Any]:
    """A model in the shapes of both providers at once."""
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "sandbox",
        "type": "model",
        "display_name": name,
        "created_at": CREATED_AT,
    }


def _json(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers=headers, body=encode(document), content_type="application/json")
