"""docs/formats.md is true: every cell is tried on every pair, and every constant that it is made of is on the page."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from said import PLAINLY, ROWS, SEALS, TOOLS, ask, thought
from translating import CLIENTS, UPSTREAMS, make_frame

from quart_proxy.core import errors
from quart_proxy.core.chat import (
    EFFORTS,
    AnswerPart,
    Chat,
    ChatAnswer,
    Citation,
    Part,
    Refusal,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from quart_proxy.core.errors import ProxyError, Untranslatable
from quart_proxy.core.formats import openai_completions
from quart_proxy.core.formats.anthropic import answers as anthropic_answers
from quart_proxy.core.formats.anthropic import content as anthropic_content
from quart_proxy.core.formats.anthropic import requests as anthropic_requests
from quart_proxy.core.formats.gemini import requests as gemini_requests
from quart_proxy.core.formats.gemini import stops as gemini_stops
from quart_proxy.core.formats.openai import requests as openai_requests
from quart_proxy.core.formats.openai import stops as openai_stops
from quart_proxy.core.formats.openai_responses import items as responses_items
from quart_proxy.core.formats.openai_responses import native_tools
from quart_proxy.core.formats.openai_responses import requests as responses_requests
from quart_proxy.core.usage import Dimension, Usage

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
CODE = re.compile(r"`([^`]+)`")
LETTERS = {"C": "openai", "M": "anthropic", "R": "openai_responses", "T": "openai_completions"}
NAMES = {
    "Chat Completions": "openai",
    "Messages": "anthropic",
    "Responses": "openai_responses",
    "Legacy completions": "openai_completions",
}
Row = dict[str, str]


def list_rows(heading: str) -> list[Row]:
    """The rows of the tables below a heading, up to the next heading of its level or above, by the names of columns."""
    level = len(heading) - len(heading.lstrip("#"))
    section = re.split(rf"^#{{1,{level}}} ", PAGE.split(f"\n{heading}\n", 1)[1], flags=re.MULTILINE)[0]
    rows: list[Row] = []
    columns: list[str] = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            columns = []
        elif not columns:
            columns = [cell.replace("`", "") for cell in cells]
        elif set(cells[0]) - set("-"):
            rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def list_marked(mark: str) -> list[str]:
    """What stands in code in the paragraph behind a mark."""
    return CODE.findall(PAGE.split(f"<!-- {mark} -->", 1)[1].split("\n\n", 1)[0])


REQUESTS = {row[""]: row for row in list_rows("## Requests")}


def render(client: str, upstream: str, body: Mapping[str, Any]) -> dict[str, Any]:
    chat = CLIENTS[client].parse_chat({**PLAINLY[client], **body})
    return UPSTREAMS[upstream].render_chat(chat, actual_model="some-model", max_tokens_default=4096)


CELLS = [
    (name, client, upstream)
    for name, said in ROWS.items()
    for upstream in UPSTREAMS
    for client in said
    if client != upstream
]


WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "Hosted tool beside functions": TOOLS,
    "Citations wanted": ROWS["Document of plain text"],
}
"""What is laid over the greeting besides the row's own matter."""


# --- requests -----------------------------------------------------------------------------------------


def test_rows_of_the_page_are_those_that_are_tried() -> None:
    assert REQUESTS.keys() == ROWS.keys()


@pytest.mark.parametrize("name", ROWS)
def test_clients_say_it_as_the_page_tells(name: str) -> None:
    told = {LETTERS[said[0]]: CODE.findall(said)[0] for said in REQUESTS[name]["Clients say"].split(" · ")}
    assert told.keys() == ROWS[name].keys()
    for client, word in told.items():
        assert word in json.dumps({**PLAINLY[client], **ROWS[name][client]}), (client, word)


@pytest.mark.parametrize(("name", "client", "upstream"), CELLS)
def test_a_cell(name: str, client: str, upstream: str) -> None:
    cell, body = REQUESTS[name][upstream], ROWS[name][client]
    if cell.startswith("**422**"):
        with pytest.raises(Untranslatable) as caught:
            render(client, upstream, body)
        assert caught.value.param
        return
    rendered = render(client, upstream, body)
    if cell.startswith("left out"):
        assert rendered == render(client, upstream, WITHOUT.get(name, {}).get(client, {}))
    elif words := CODE.findall(cell):
        assert words[0] in json.dumps(rendered)


def test_every_member_of_a_chat_and_every_part_has_a_row() -> None:
    rows = {
        "messages": "Text", "system": "System prompt", "tools": "Function", "tool_choice": "One tool must be called",
        "parallel_tool_calls": "One call at a time", "max_tokens": "Limit of output",
        "temperature": "Temperature up to 1", "top_p": "Top p", "top_k": "Top k", "seed": "Seed",
        "frequency_penalty": "Frequency penalty", "presence_penalty": "Presence penalty", "stop": "Stop sequences",
        "reasoning": "Thinking asked for", "output": "JSON by a schema", "verbosity": "Verbosity",
        "service_tier": "Service tier", "user": "Whom the client serves", "cache_key": "Cache key",
        "is_streaming": "Streaming",
    }  # fmt: skip
    assert rows.keys() == {each.name for each in fields(Chat)} - {"names"}
    parts = {
        "Text": "Text", "Image": "Image, bytes", "Document": "PDF, bytes", "Audio": "Audio",
        "ToolCall": "Call and result", "ToolResult": "Call and result",
    }  # fmt: skip
    assert {*parts, "Thinking", "Refusal"} == {each.__name__ for each in get_args(Part)}
    assert {*rows.values(), *parts.values()} <= REQUESTS.keys()


@pytest.mark.parametrize("maker", SEALS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_thinking_goes_back_to_its_maker_alone(maker: str, upstream: str) -> None:
    for client, body in thought(str(SEALS[maker])).items():
        if client in (maker, upstream):
            continue
        assert ("Hm." in json.dumps(render(client, upstream, body))) is (maker == upstream), client


def test_limits_that_the_page_tells_of_are_refused_beyond() -> None:
    for client, upstream, body in (
        ("openai", "gemini", {"stop": list("abcdef")}),
        ("openai", "gemini", {"seed": 2**31}),
        ("openai", "anthropic", {"stop": [" "]}),
        ("openai", "anthropic", {"reasoning_effort": "high", "temperature": 0.5}),
        ("openai", "anthropic", {"reasoning_effort": "high", "top_p": 0.9}),
        ("openai", "anthropic", {"reasoning_effort": "high", "top_k": 5}),
        ("openai", "gemini", {"messages": ask({"type": "image_url", "image_url": {"url": "http://example.com/a.png"}})}),
    ):  # fmt: skip
        with pytest.raises(Untranslatable):
            render(client, upstream, body)
    nothing = {"frequency_penalty": 0, "presence_penalty": 0, "temperature": 1, "top_p": 1}
    assert render("openai", "anthropic", nothing) == render("openai", "anthropic", {})


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_file_of_one_provider_is_refused_as_such(upstream: str) -> None:
    for client, body in ROWS["File kept at a provider"].items():
        if client != upstream:
            with pytest.raises(Untranslatable, match=r"file.* (kept|keeps)"):
                render(client, upstream, body)


def test_a_claude_with_a_budget_thinks_only_where_there_is_room() -> None:
    asked = {"reasoning_effort": "low"}
    assert "thinking" not in render("openai", "anthropic", {**asked, "max_tokens": 1000})
    assert "thinking" in render("openai", "anthropic", {**asked, "max_tokens": 2000})
    assert "thinking" not in render("openai", "anthropic", {**ROWS["Call and result"]["openai"], **asked})


# --- constants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "hints"),
    [
        ("### By Chat Completions", openai_requests.HINTS),
        ("### By Messages", anthropic_requests.HINTS),
        ("### By Responses", responses_requests.HINTS),
    ],
)
def test_every_hint_is_on_the_page_with_its_reason(heading: str, hints: frozenset[str]) -> None:
    rows = list_rows(heading)
    assert {row["Field"].strip("`") for row in rows} == hints
    assert all(row["Why"] for row in rows)


def test_lists_on_the_page_are_those_of_the_code() -> None:
    assert set(list_marked("blocks")) == anthropic_content.LEFT_OUT
    assert set(list_marked("items")) == responses_items.LEFT_OUT
    assert set(list_marked("refused")) == responses_items.REFUSED.keys()
    assert set(list_marked("gemini")) == gemini_requests.HINTS
    efforts = dict(re.findall(r"`(\w+)` (\d+)", PAGE.split("<!-- efforts -->")[1].split("\n")[0]))
    assert {name: int(tokens) for name, tokens in efforts.items()} == EFFORTS
    assert all(f"`{name}`" in PAGE for name in native_tools.NATIVE_TOOLS)


ASKING: Mapping[str, Any] = {
    "n": 2, "logprobs": True, "top_logprobs": 3, "logit_bias": {"1": 1}, "modalities": ["audio"], "min_p": 0.1,
    "top_a": 0.1, "repetition_penalty": 1.1, "container": "c", "mcp_servers": [{"name": "a"}], "inference_geo": "eu",
    "previous_response_id": "resp_1", "conversation": "conv_1", "prompt": {"id": "p"}, "background": True,
    "best_of": 2, "echo": True, "suffix": "!", "top_k": 5,
}  # fmt: skip
"""A value of each refused field that asks for something."""


def test_refused_fields_are_refused_and_say_nothing_at_the_values_told() -> None:
    told: dict[str, set[str]] = {}
    for row in list_rows("## What is a 422"):
        client, field = NAMES[row["Client"]], row["Field"].strip("`")
        told.setdefault(client, set()).add(field)
        with pytest.raises(Untranslatable) as caught:
            CLIENTS[client].parse_chat({**PLAINLY[client], field: ASKING[field]})
        assert caught.value.param == field
        for neutral in CODE.findall(row["Says nothing as"]):
            CLIENTS[client].parse_chat({**PLAINLY[client], field: json.loads(neutral)})
    assert told["openai"] >= openai_requests.SAYING_NOTHING.keys()
    assert told["openai_responses"] >= {*responses_requests.REFUSED, *responses_requests.NEUTRAL}
    assert told["openai_completions"] >= openai_completions.SAYING_NOTHING.keys()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_field_that_nobody_knows_is_refused_by_name(client: str) -> None:
    with pytest.raises(Untranslatable, match="`brand_new`") as caught:
        CLIENTS[client].parse_chat({**PLAINLY[client], "brand_new": 1})
    assert caught.value.param == "brand_new"


# --- answers ------------------------------------------------------------------------------------------


def answer_with(upstream: str, reason: str) -> dict[str, Any]:
    match upstream:
        case "openai":
            return {"choices": [{"message": {"content": "Hi"}, "finish_reason": reason}]}
        case "anthropic":
            return {"content": [{"type": "text", "text": "Hi"}], "stop_reason": reason}
        case "gemini":
            return {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": reason}]}
    if reason == "completed":
        return {"status": reason, "output": []}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": []}


def test_reasons_of_providers_mean_what_the_page_tells() -> None:
    told: dict[str, set[str]] = {name: set() for name in UPSTREAMS}
    for row in list_rows("### Why it ended"):
        for upstream in UPSTREAMS:
            cell = row[upstream]
            for reason in CODE.findall(cell) if cell.startswith("`") else ():
                told[upstream].add(reason)
                parsed = UPSTREAMS[upstream].parse_answer(answer_with(upstream, reason), make_frame())
                assert parsed.stop == Stop(row[""]), (upstream, reason)
    assert told["openai"] - {"stop"} == openai_stops.STOPS.keys()
    assert told["anthropic"] == anthropic_answers._STOPS.keys()
    assert told["gemini"] == gemini_stops._STOPS.keys()


def test_clients_are_told_the_reasons_of_the_page() -> None:
    rows = list_rows("### Why it ended")
    assert {row[""] for row in rows} == set(Stop)
    for row in rows:
        stop = Stop(row[""])
        part: AnswerPart = ToolCall("c1", "weather", "{}") if stop is Stop.TOOL_CALLS else Text("Hi")
        for name, client in NAMES.items():
            rendered = CLIENTS[client].render_answer(ChatAnswer((part,), stop), None, make_frame())
            said = json.dumps(rendered)
            assert all(f'"{word}"' in said for word in CODE.findall(row[name])), (name, stop, said)


def test_parts_of_answers_stand_where_the_page_tells() -> None:
    parts: Mapping[str, AnswerPart] = {
        "Text": Text("Hi"),
        "Thinking": Thinking("Hm.", seal=SEALS["gemini"]),
        "Call of a tool": ToolCall("c1", "weather", "{}"),
        "Refusal": Refusal("No."),
        "Citation of an address": Text("Hi", citations=(Citation("https://example.com"),)),
    }
    rows = {row[""]: row for row in list_rows("## Answers") if row[""] in parts}
    assert rows.keys() == parts.keys()
    for row, part in parts.items():
        stop = Stop.REFUSED if row == "Refusal" else Stop.END
        for name, client in NAMES.items():
            said = json.dumps(CLIENTS[client].render_answer(ChatAnswer((part,), stop), None, make_frame()))
            if rows[row][name] == "left out":
                assert "Hm." not in said and "weather" not in said and "example.com" not in said
            else:
                assert all(f'"{word}"' in said for word in CODE.findall(rows[row][name])), (row, name, said)


def test_usage_stands_where_the_page_tells() -> None:
    counts = {dimension: 10 ** (number + 1) for number, dimension in enumerate(Dimension)}
    usage = Usage(counts, reasoning=7)
    for row in list_rows("### Usage"):
        for name in ("Chat Completions", "Messages", "Responses"):
            value: Any = CLIENTS[NAMES[name]].render_answer(ChatAnswer(()), usage, make_frame())["usage"]
            if not row[name].startswith("`"):
                continue
            for member in row[name].strip("`").split("."):
                value = value[member]
            assert value == _expected(row[""], counts, usage, has_hours=name == "Messages"), (row, name)


def _expected(row: str, counts: Mapping[Dimension, int], usage: Usage, *, has_hours: bool) -> int:
    if row == "the whole prompt":
        return usage.input_total
    if row == "of it, reasoning":
        return usage.reasoning or 0
    count = counts[Dimension(row)]
    return count if has_hours or row != "cache_write" else count + counts[Dimension.CACHE_WRITE_1H]


# --- errors -------------------------------------------------------------------------------------------


def test_errors_are_those_of_the_code() -> None:
    known = {
        each.code: (each.status, each.anthropic_type)
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, ProxyError)
    }
    known["upstream_error"] = (errors.UpstreamFailed.status, errors.UpstreamFailed.anthropic_type)
    known["invalid_request"] = (errors.InvalidRequest.status, errors.InvalidRequest.anthropic_type)
    for row in list_rows("## Errors"):
        code, kind = row["OpenAI code"].strip("`"), row["Anthropic type"].strip("`")
        assert known[code] == (int(row["Status"]), kind), code
