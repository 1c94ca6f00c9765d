"""A client's Chat Completions request as a chat."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import EFFORTS, Chat, OutputShape, Reasoning
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.formats.openai.messages import own, parse_messages
from quart_proxy.core.formats.openai.tools import is_legacy, parse_tools

TRANSLATED = frozenset(
    {
        "model", "messages", "stream", "stream_options",
        "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "web_search_options",
        "max_completion_tokens", "max_tokens", "temperature", "top_p", "top_k", "seed", "stop",
        "frequency_penalty", "presence_penalty",
        "reasoning_effort", "reasoning", "response_format",
        "verbosity", "service_tier", "user", "safety_identifier", "prompt_cache_key",
    }
)  # fmt: skip
"""The fields that a chat says."""

HINTS = frozenset(
    {
        # Where the provider keeps the exchange, and under which labels: nothing is kept here.
        "metadata", "store",
        # How its cache is run. What is worth caching is marked in the messages.
        "prompt_cache_options", "prompt_cache_retention",
        # What the answer may turn out to be: makes it faster, never other.
        "prediction",
        # A client of OpenRouter asks for the usage, which is always told.
        "usage",
    }
)  # fmt: skip
"""The fields whose loss cannot make an answer wrong."""

SAYING_NOTHING: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "modalities": (["text"], []),
    # Switches of samplers that many clients send as they stand when they are off.
    "min_p": (0,),
    "top_a": (0,),
    "repetition_penalty": (1,),
}
"""Values that ask for what happens anyway. Null is one for every field."""


def parse_chat(body: Mapping[str, Any]) -> Chat:
    for name, value in body.items():
        if name not in TRANSLATED and name not in HINTS and value is not None:
            if value not in SAYING_NOTHING.get(name, ()):
                raise own(name)
    fields = ClientObject(body)
    system, messages = parse_messages(fields)
    tools, choice = parse_tools(fields)
    limit = next((name for name in ("max_completion_tokens", "max_tokens") if body.get(name) is not None), "max_tokens")
    return Chat(
        messages=messages,
        system=system,
        tools=tools,
        tool_choice=choice,
        # A client of before there were tools reads one call in an answer.
        parallel_tool_calls=False if is_legacy(tools) else fields.find_flag("parallel_tool_calls"),
        max_tokens=fields.find_count(limit),
        temperature=fields.find_number("temperature"),
        top_p=fields.find_number("top_p"),
        top_k=_parse_top_k(fields),
        seed=fields.find_integer("seed"),
        frequency_penalty=fields.find_number("frequency_penalty"),
        presence_penalty=fields.find_number("presence_penalty"),
        stop=tuple(filter(None, fields.list_texts("stop"))),
        reasoning=_parse_reasoning(fields),
        output=_parse_output(fields),
        verbosity=fields.find_text("verbosity"),
        service_tier=fields.find_text("service_tier"),
        user=fields.find_text("safety_identifier") or fields.find_text("user"),
        cache_key=fields.find_text("prompt_cache_key"),
        is_streaming=fields.find_flag("stream") is True,
        names={"max_tokens": limit},
    )


def _parse_top_k(fields: ClientObject) -> int | None:
    """OpenAI has none; its clients know it from others, where 0 and -1 are no limit."""
    top_k = fields.find_integer("top_k")
    return None if top_k in (0, -1) else top_k


def _parse_reasoning(fields: ClientObject) -> Reasoning | None:
    """OpenAI's one word, or the object that OpenRouter's clients send."""
    if fields.values.get("reasoning_effort") is not None:
        return Reasoning("reasoning_effort", _parse_effort(fields, "reasoning_effort"))
    said = fields.find_object("reasoning")
    if said is None:
        return None
    effort = "none" if said.find_flag("enabled") is False else _parse_effort(said, "effort")
    return Reasoning(said.at, effort, said.find_count("max_tokens"), is_shown=said.find_flag("exclude") is not True)


def _parse_effort(fields: ClientObject, name: str) -> str | None:
    effort = fields.find_text(name)
    if effort is not None and effort != "none" and effort not in EFFORTS:
        raise fields.refusal(name, f"must be one of none, {', '.join(EFFORTS)}")
    return effort


def _parse_output(fields: ClientObject) -> OutputShape | None:
    shape = fields.find_object("response_format")
    kind = shape.get_text("type") if shape is not None else "text"
    if shape is None or kind == "text":
        return None
    if kind == "json_object":
        return OutputShape(shape.at)
    if kind != "json_schema":
        raise own(shape.at, kind)
    said = shape.get_object("json_schema")
    schema = said.find_object("schema")
    return OutputShape(
        shape.at,
        schema=None if schema is None else schema.values,
        name=said.find_text("name") or "answer",
        description=said.find_text("description"),
        strict=said.find_flag("strict"),
    )
