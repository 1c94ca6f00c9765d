"""Tools and thoughts of the sandbox, in every format: whole and streamed, and what it wants to see again."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from yarl import URL

from quart_proxy.sandbox import serve_sandbox
from quart_proxy.sandbox.seals import THOUGHT, make_seal
from quart_proxy.sandbox.tools import list_tools, make_calls

FORMATS = ["chat", "gemini", "messages", "responses"]
SCHEMA = {
    "type": "object",
    "properties": {
        "command": {"type": "string"},
        "times": {"type": "integer"},
        "how": {"enum": ["fast", "slow"]},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"on": {"type": "boolean"}}}},
    },
    "required": ["command"],
}
EXAMPLE = {"command": 'sandbox "1" \\ é\n', "times": 1, "how": "fast", "tags": [{"on": True}]}
TOOLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "chat": lambda name: {"type": "function", "function": {"name": name, "parameters": SCHEMA}},
    "messages": lambda name: {"name": name, "input_schema": SCHEMA},
    "responses": lambda name: {"type": "function", "name": name, "parameters": SCHEMA},
    "gemini": lambda name: {"functionDeclarations": [{"name": name, "parametersJsonSchema": SCHEMA}]},
}


@dataclass
class Answer:
    thought: str = ""
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    stop: str | None = None
    turn: list[Any] = field(default_factory=list)
    """What a client sends back of it, in its format."""


class Asker:
    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self.base_url, self.session = base_url, session

    async def post(self, spoken: str, scenario: str, body: dict[str, Any], *, stream: bool) -> tuple[int, bytes]:
        model = f"sandbox:{scenario}"
        paths = {
            "chat": "/v1/chat/completions",
            "messages": "/v1/messages",
            "responses": "/v1/responses",
            "gemini": f"/v1beta/models/{quote(model, safe='')}:"
            + ("streamGenerateContent?alt=sse" if stream else "generateContent"),
        }
        if spoken != "gemini":
            body = {"model": model, "stream": stream, "max_tokens": 100, **body}
        url = URL(self.base_url + paths[spoken], encoded=True)
        async with self.session.post(url, json=body, headers={"anthropic-version": "2023-06-01"}) as response:
            return response.status, await response.read()

    async def ask(self, spoken: str, scenario: str, body: dict[str, Any], *, stream: bool = False) -> Answer:
        status, raw = await self.post(spoken, scenario, body, stream=stream)
        assert status == 200, raw
        if not stream:
            return READERS[spoken](orjson.loads(raw))
        lines = [line for line in raw.splitlines() if line.startswith(b"data: {")]
        return READERS[spoken](JOINERS[spoken]([orjson.loads(line[6:]) for line in lines]))

    async def refusal(self, spoken: str, scenario: str, body: dict[str, Any]) -> str:
        status, raw = await self.post(spoken, scenario, body, stream=False)
        assert status == 400
        return str(orjson.loads(raw)["error"]["message"])


def read_chat(body: dict[str, Any]) -> Answer:
    (choice,) = body["choices"]
    message = choice["message"]
    functions = [call["function"] for call in message.get("tool_calls", [])]
    calls = [(function["name"], orjson.loads(function["arguments"])) for function in functions]
    return Answer(
        message.get("reasoning_content", ""), message["content"] or "", calls, choice["finish_reason"], [message]
    )


def read_messages(body: dict[str, Any]) -> Answer:
    blocks = body["content"]
    return Answer(
        "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        body["stop_reason"],
        [{"role": "assistant", "content": blocks}],
    )


def read_responses(body: dict[str, Any]) -> Answer:
    items = body["output"]
    return Answer(
        "".join(part["text"] for item in items if item["type"] == "reasoning" for part in item["summary"]),
        "".join(part["text"] for item in items if item["type"] == "message" for part in item["content"]),
        [(item["name"], orjson.loads(item["arguments"])) for item in items if item["type"] == "function_call"],
        body["status"],
        items,
    )


def read_gemini(body: dict[str, Any]) -> Answer:
    (candidate,) = body["candidates"]
    parts = candidate["content"]["parts"]
    return Answer(
        "".join(part["text"] for part in parts if part.get("thought")),
        "".join(part.get("text", "") for part in parts if not part.get("thought")),
        [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part],
        candidate["finishReason"],
        [candidate["content"]],
    )


def join_chat(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_content": "", "tool_calls": []}
    for chunk in chunks:
        (choice,) = chunk["choices"]
        for key in ("content", "reasoning_content"):
            message[key] += choice["delta"].get(key) or ""
        for piece in choice["delta"].get("tool_calls", []):
            if "id" in piece:
                message["tool_calls"].append({key: value for key, value in piece.items() if key != "index"})
            else:
                message["tool_calls"][piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    return {"choices": [{"message": message, "finish_reason": choice["finish_reason"]}]}


def join_messages(events: list[dict[str, Any]]) -> dict[str, Any]:
    message = events[0]["message"]
    for event in events:
        if event["type"] == "content_block_start":
            message["content"].append(event["content_block"])
            written = ""
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], message["content"][event["index"]]
            if delta["type"] == "input_json_delta":
                written += delta["partial_json"]
            else:
                key = delta["type"].removesuffix("_delta")
                block[key] += delta[key]
        elif event["type"] == "content_block_stop" and message["content"][event["index"]]["type"] == "tool_use":
            message["content"][event["index"]]["input"] = orjson.loads(written)
        elif event["type"] == "message_delta":
            message |= event["delta"]
    return dict(message)


def join_responses(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The final response, once the pieces are seen to make what is in it."""
    final: dict[str, Any] = events[-1]["response"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == final["output"]
    pieces: dict[str, str] = {}
    for event in events:
        if event["type"] == "response.function_call_arguments.delta":
            pieces[event["item_id"]] = pieces.get(event["item_id"], "") + event["delta"]
    assert pieces == {item["id"]: item["arguments"] for item in done if item["type"] == "function_call"}
    return final


def join_gemini(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    candidates = [chunk["candidates"][0] for chunk in chunks]
    parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
    return {"candidates": [{**candidates[-1], "content": {"role": "model", "parts": parts}}]}


READERS = {"chat": read_chat, "messages": read_messages, "responses": read_responses, "gemini": read_gemini}
JOINERS = {"chat": join_chat, "messages": join_messages, "responses": join_responses, "gemini": join_gemini}
STOPS = {
    "chat": ("tool_calls", "stop"),
    "messages": ("tool_use", "end_turn"),
    "responses": ("completed", "completed"),
    "gemini": ("STOP", "STOP"),
}
"""Why an answer ends that calls a tool, and one that does not."""


def conversation(
    spoken: str, *turns: Any, tools: tuple[str, ...] = ("read_it", "other"), **body: Any
) -> dict[str, Any]:
    key = {"responses": "input", "gemini": "contents"}.get(spoken, "messages")
    return {key: list(turns), "tools": [TOOLS[spoken](name) for name in tools], **body}


def user(spoken: str, text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]} if spoken == "gemini" else {"role": "user", "content": text}


def results(spoken: str, answer: Answer, text: str) -> list[dict[str, Any]]:
    """A result for every call of the answer."""
    if spoken == "chat":
        ids = [call["id"] for call in answer.turn[0]["tool_calls"]]
        return [{"role": "tool", "tool_call_id": id_, "content": text} for id_ in ids]
    if spoken == "messages":
        ids = [block["id"] for block in answer.turn[0]["content"] if block["type"] == "tool_use"]
        content = [{"type": "tool_result", "tool_use_id": id_, "content": text} for id_ in ids]
        return [{"role": "user", "content": content}]
    if spoken == "responses":
        ids = [item["call_id"] for item in answer.turn if item["type"] == "function_call"]
        return [{"type": "function_call_output", "call_id": id_, "output": text} for id_ in ids]
    parts = [{"functionResponse": {"name": name, "response": {"output": text}}} for name, _ in answer.calls]
    return [{"role": "user", "parts": parts}]


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with serve_sandbox() as base_url, aiohttp.ClientSession() as session:
        yield Asker(base_url, session)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("spoken", FORMATS)
async def test_a_tool_is_called_with_arguments_of_its_schema_then_quoted(
    asker: Asker, spoken: str, stream: bool
) -> None:
    called = await asker.ask(spoken, "tool_calls=2,think=1", conversation(spoken, user(spoken, "Go.")), stream=stream)
    assert (called.thought, called.text) == (THOUGHT, "")
    assert called.calls[0] == ("read_it", EXAMPLE)
    assert called.calls[1] == ("other", {**EXAMPLE, "command": 'sandbox "2" \\ é\n', "times": 2})
    again = conversation(spoken, user(spoken, "Go."), *called.turn, *results(spoken, called, "found it\nthere"))
    quoted = await asker.ask(spoken, "tool_calls=2,think=1", again, stream=stream)
    assert (quoted.calls, quoted.text) == ([], "The tool said: found it\nthere\nfound it\nthere")
    assert (called.stop, quoted.stop) == STOPS[spoken]


@pytest.mark.parametrize("spoken", FORMATS)
async def test_the_users_command_goes_to_the_shell_among_the_tools(asker: Asker, spoken: str) -> None:
    tools = ("look", "Bash")
    asked = conversation(spoken, user(spoken, "Please.\nrun: echo 'hi'"), tools=tools)
    called = await asker.ask(spoken, "shell=1,think=0,words=1", asked)
    assert called.calls == [("Bash", {"command": "echo 'hi'"})]
    assert called.text == "Hello"
    idle = await asker.ask(spoken, "shell=1", conversation(spoken, user(spoken, "Nothing to run:"), tools=tools))
    assert (idle.calls, idle.text[:5]) == ([], "Hello")


@pytest.mark.parametrize("spoken", FORMATS)
async def test_usage_counts_thoughts_and_calls(asker: Asker, spoken: str) -> None:
    body = conversation(spoken, user(spoken, "Go."))
    answer = await asker.ask(spoken, "tool_call=1,think=1", body)
    async with asker.session.get(f"{asker.base_url}/_sandbox/ledger") as response:
        (entry,) = orjson.loads(await response.read())
    (call,) = make_calls(body, 1)
    thought = len(answer.thought.split())
    assert entry["usage_promised"]["reasoning"] == thought
    assert entry["usage_promised"]["output"] == thought + call.tokens


async def test_gemini_counts_thoughts_beside_candidates_and_the_cache_within_the_prompt(asker: Asker) -> None:
    body = conversation("gemini", user("gemini", "Go."), tools=())
    _, raw = await asker.post("gemini", "words=3,cached=10,reasoning=2", body, stream=True)
    usages = [orjson.loads(line[6:])["usageMetadata"] for line in raw.splitlines() if line]
    assert usages[-1] == {
        "promptTokenCount": 11,
        "cachedContentTokenCount": 10,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 16,
    }
    assert [usage["candidatesTokenCount"] for usage in usages] == [1, 2, 3, 3]


async def test_gemini_lists_models_counts_tokens_and_refuses_in_its_own_shape(asker: Asker) -> None:
    models = asker.base_url + "/v1beta/models"
    async with asker.session.get(models) as response:
        assert (await response.json())["models"][0]["name"] == "models/sandbox"
    contents = [{"role": "user", "parts": [{"text": "x" * 40}]}]
    system = {"parts": [{"text": "y" * 20}]}
    for body in (
        {"contents": contents, "systemInstruction": system},
        {"generateContentRequest": {"contents": contents, "systemInstruction": system}},
    ):
        async with asker.session.post(f"{models}/sandbox:countTokens", json=body) as response:
            assert await response.json() == {"totalTokens": 15}
    for method in ("streamGenerateContent", "predict"):
        async with asker.session.post(f"{models}/sandbox:{method}", json={"contents": contents}) as response:
            assert (await response.json())["error"].keys() == {"code", "message", "status"}
            assert response.status == 400
    status, raw = await asker.post("gemini", "status=429", {"contents": contents}, stream=True)
    assert (status, orjson.loads(raw)["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


async def test_gemini_credential_is_digested_and_hidden(asker: Asker) -> None:
    url = f"{asker.base_url}/v1beta/models/sandbox:generateContent"
    async with asker.session.post(url, json={"contents": []}, headers={"X-Goog-Api-Key": "AIza"}) as response:
        assert response.status == 200
    async with asker.session.get(f"{asker.base_url}/_sandbox/ledger") as response:
        ledger = await response.text()
    assert "AIza" not in ledger
    assert orjson.loads(ledger)[0]["credential_sha256"]


@pytest.mark.parametrize(
    ("spoken", "choice"),
    [
        ("chat", {"tool_choice": {"type": "function", "function": {"name": "other"}}}),
        ("messages", {"tool_choice": {"type": "tool", "name": "other", "disable_parallel_tool_use": True}}),
        ("responses", {"tool_choice": {"type": "function", "name": "other"}, "parallel_tool_calls": False}),
        ("gemini", {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["other"]}}}),
    ],
    ids=FORMATS[:1] + FORMATS[2:] + FORMATS[1:2],
)
async def test_tool_choice_is_obeyed(asker: Asker, spoken: str, choice: dict[str, Any]) -> None:
    answer = await asker.ask(spoken, "tool_calls=2", conversation(spoken, user(spoken, "Go."), **choice))
    alone = spoken in ("messages", "responses")
    assert [name for name, _ in answer.calls] == ["other"] * (1 if alone else 2)


@pytest.mark.parametrize(
    ("spoken", "choice"),
    [
        ("chat", {"tool_choice": "none"}),
        ("messages", {"tool_choice": {"type": "none"}}),
        ("responses", {"tool_choice": "none"}),
        ("gemini", {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
        ("chat", {"tools": []}),
    ],
)
async def test_no_tool_is_called_that_may_not_be(asker: Asker, spoken: str, choice: dict[str, Any]) -> None:
    answer = await asker.ask(spoken, "tool_call=1", {**conversation(spoken, user(spoken, "Go.")), **choice})
    assert (answer.calls, answer.text[:5]) == ([], "Hello")


@pytest.mark.parametrize("stream", [False, True])
async def test_free_text_tools_and_namespaces_come_back_as_they_were_offered(asker: Asker, stream: bool) -> None:
    inner = {"type": "namespace", "name": "agents", "tools": [TOOLS["responses"]("wait")]}
    added = {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "exec"}]}
    body = {"input": [added, user("responses", "run: ls")], "tools": [inner]}
    answer = await asker.ask("responses", "tool_calls=2", body, stream=stream)
    first, second = answer.turn
    assert (first["type"], first["namespace"], first["name"]) == ("function_call", "agents", "wait")
    assert (second["type"], second["name"], second["input"][:7]) == ("custom_tool_call", "exec", "sandbox")
    shell = await asker.ask("responses", "shell=1", body, stream=stream)
    assert shell.turn[0]["input"] == 'const result = await tools.exec_command({cmd: "ls"}); text(result.output);'


def test_tools_that_a_client_does_not_run_at_once_are_not_offered() -> None:
    offered = [
        {"type": "web_search"},
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "Later", "input_schema": {}, "defer_loading": True},
        {"type": "custom", "name": "Mine", "input_schema": SCHEMA},
    ]
    assert [(tool.name, tool.is_free_text) for tool in list_tools({"tools": offered})] == [("Mine", False)]


async def test_remarks_after_a_result_are_not_a_new_question(asker: Asker) -> None:
    asked = user("messages", "run: ls")
    called = await asker.ask("messages", "shell=1", conversation("messages", asked, tools=("Bash",)))
    (given,) = results("messages", called, "a.txt")
    given["content"].append({"type": "text", "text": "<system-reminder>run: rm</system-reminder>"})
    turns = [asked, *called.turn, given, {"role": "system", "content": "tokens left: 7"}]
    answer = await asker.ask("messages", "shell=1", conversation("messages", *turns, tools=("Bash",)))
    assert answer.text == "The tool said: a.txt"
    then = await asker.ask(
        "messages", "shell=1", conversation("messages", *turns, *answer.turn, asked, tools=("Bash",))
    )
    assert then.calls == [("Bash", {"command": "ls"})]


async def test_anthropic_wants_its_thought_before_a_tools_result_while_thinking_is_on(asker: Asker) -> None:
    asked = user("messages", "Go.")
    called = await asker.ask("messages", "tool_call=1,think=1", conversation("messages", asked))
    thinking: dict[str, Any] = {"thinking": {"type": "adaptive"}}
    (turn,) = called.turn
    bare = {**turn, "content": turn["content"][1:]}
    given = results("messages", called, "done")
    for body in (
        conversation("messages", asked, turn, *given, **thinking),
        conversation("messages", asked, bare, *given),
        conversation("messages", asked, bare, *given, thinking={"type": "disabled"}),
    ):
        assert (await asker.ask("messages", "tool_call=1,think=1", body)).text
    body = conversation("messages", asked, bare, *given, **thinking)
    assert "found `tool_use`" in await asker.refusal("messages", "tool_call=1,think=1", body)


@pytest.mark.parametrize("thought", [THOUGHT, "Something else."])
async def test_anthropic_knows_its_own_signatures(asker: Asker, thought: str) -> None:
    signature = make_seal("messages", THOUGHT)
    for block in (
        {"type": "thinking", "thinking": thought, "signature": signature if thought != THOUGHT else "c2ln"},
        {"type": "redacted_thinking", "data": signature},
    ):
        turns = (user("messages", "Go."), {"role": "assistant", "content": [block]}, user("messages", "On."))
        assert "Invalid" in await asker.refusal("messages", "words=1", conversation("messages", *turns))


async def test_responses_seal_a_thought_when_asked_and_know_it_again(asker: Asker) -> None:
    asked = user("responses", "Go.")
    plain = await asker.ask("responses", "think=1", conversation("responses", asked))
    assert "encrypted_content" not in plain.turn[0]
    body = conversation("responses", asked, include=["reasoning.encrypted_content"])
    sealed = await asker.ask("responses", "think=1", body)
    for answer in (plain, sealed):
        await asker.ask("responses", "think=1", conversation("responses", asked, *answer.turn, asked))
    foreign = {**sealed.turn[0], "encrypted_content": make_seal("messages", THOUGHT)}
    refusal = await asker.refusal("responses", "words=1", conversation("responses", asked, foreign, asked))
    assert "could not be verified" in refusal


async def test_gemini_wants_the_seal_of_its_first_call_again(asker: Asker) -> None:
    asked = user("gemini", "Go.")
    called = await asker.ask("gemini", "tool_calls=2,think=1", conversation("gemini", asked))
    (turn,) = called.turn
    assert ["thoughtSignature" in part for part in turn["parts"]] == [False, True, False]
    given = results("gemini", called, "done")

    def sealed_with(seal: str | None) -> dict[str, Any]:
        part = {"functionCall": turn["parts"][1]["functionCall"]}
        parts = [part if seal is None else {**part, "thoughtSignature": seal}]
        return conversation("gemini", asked, {"role": "model", "parts": parts}, *given)

    for seal in (make_seal("gemini", THOUGHT), "skip_thought_signature_validator"):
        assert (await asker.ask("gemini", "tool_calls=2,think=1", sealed_with(seal))).text
    assert "missing" in await asker.refusal("gemini", "tool_call=1,think=1", sealed_with(None))
    assert "not valid" in await asker.refusal("gemini", "words=1", sealed_with("c2ln"))


@pytest.mark.parametrize("spoken", FORMATS)
async def test_a_thought_comes_before_the_text(asker: Asker, spoken: str) -> None:
    body = conversation(spoken, user(spoken, "Go."))
    for stream in (False, True):
        answer = await asker.ask(spoken, "think=1,words=2", body, stream=stream)
        assert (answer.thought, answer.text, answer.stop) == (THOUGHT, "Hello from", STOPS[spoken][1])
