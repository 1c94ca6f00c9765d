"""A client's request as a chat."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import EFFORTS, Chat, OutputShape, Reasoning, Text, Tool
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.openai_responses.items import parse_input
from quart_proxy.core.formats.openai_responses.thoughts import NAME
from quart_proxy.core.formats.openai_responses.tools import find_schema, parse_choice, parse_tools

TRANSLATED = frozenset(
    {"model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens"}
    | {"temperature", "top_p", "reasoning", "text", "service_tier", "user", "safety_identifier", "prompt_cache_key"}
)
HINTS = frozenset(
    # Remarks for OpenAI's own logs.
    {"metadata", "client_metadata"}
    # Whether OpenAI keeps the answer: nothing is kept here.
    | {"store"}
    # What the answer carries beside: reasoning always comes sealed, the rest is of tools that OpenAI runs.
    | {"include", "stream_options"}
    # How OpenAI caches, shortens and prices.
    | {"prompt_cache_options", "prompt_cache_retention", "context_management", "truncation", "image"}
    # Counts the calls of OpenAI's own tools, of which there are none.
    | {"max_tool_calls"}
)
NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "background": (False,),
    "top_logprobs": (0,),
}
"""Values, beside null, with which a field that cannot be translated says nothing."""
REFUSED: Mapping[str, str] = {
    "previous_response_id": "names an answer, and none is kept here: send the whole conversation in `input`",
    "conversation": "names a conversation, and none is kept here: send all of it in `input`",
    "prompt": "names a prompt that is kept at OpenAI: send its text in `instructions`",
    "background": "asks for an answer that is fetched later, and none is kept here: use `stream`",
}
_ULTRA = "ultra"
"""What Codex calls the effort above all others."""
_NAMES = {
    "messages": "input",
    "system": "instructions",
    "max_tokens": "max_output_tokens",
    "output": "text.format",
    "verbosity": "text.verbosity",
    "user": "safety_identifier",
    "cache_key": "prompt_cache_key",
}


def parse_chat(body: Mapping[str, Any]) -> Chat:
    """Raises InvalidRequest and Untranslatable, naming the field."""
    said = ClientObject(body)
    _refuse(body)
    conversation = parse_input(said)
    choice, tools = parse_choice(said, _unique([*parse_tools(said), *conversation.tools]))
    instructions = said.find_text("instructions")
    text, updates = said.find_object("text"), conversation.settings
    return Chat(
        messages=conversation.messages,
        system=((Text(instructions, "instructions"),) if instructions else ()) + tuple(conversation.system),
        tools=tuple(tools),
        tool_choice=choice,
        parallel_tool_calls=said.find_flag("parallel_tool_calls"),
        max_tokens=said.find_count("max_output_tokens"),
        temperature=said.find_number("temperature"),
        top_p=said.find_number("top_p"),
        reasoning=_parse_reasoning(said.find_object("reasoning"), updates.get("reasoning")),
        output=_parse_output(updates.get("text", text)),
        verbosity=text.find_text("verbosity") if text else None,
        service_tier=said.find_text("service_tier"),
        user=said.find_text("safety_identifier") or said.find_text("user"),
        cache_key=said.find_text("prompt_cache_key"),
        is_streaming=bool(said.find_flag("stream")),
        names=_NAMES,
    )


def _refuse(body: Mapping[str, Any]) -> None:
    """Raises Untranslatable for the first field that only OpenAI understands."""
    for name, value in body.items():
        if name in TRANSLATED or name in HINTS or value is None or value in NEUTRAL.get(name, ()):
            continue
        if name in REFUSED:
            raise Untranslatable(f"`{name}` {REFUSED[name]}.", param=name)
        raise Untranslatable(f"`{name}` can only be said to upstreams in the format {NAME}.", param=name)


def _unique(tools: list[Tool]) -> list[Tool]:
    """Every tool once, as it was said last: clients tell those that a search found again and again."""
    return list({(tool.namespace, tool.name): tool for tool in tools}.values())


def _parse_reasoning(said: ClientObject | None, update: ClientObject | None) -> Reasoning | None:
    """`update` is a later word on the effort, in the midst of the conversation."""
    source = update or said
    if source is None:
        return None
    summary = said.find_text("summary") or said.find_text("generate_summary") if said else None
    return Reasoning(source.at, effort=_find_effort(source), is_shown=summary is not None)


def _find_effort(said: ClientObject) -> str | None:
    effort = said.find_text("effort")
    if effort is None or effort in EFFORTS or effort == "none":
        return effort
    if effort == _ULTRA:
        return "max"
    at = said.path("effort")
    raise InvalidRequest(f"`{at}` must be one of `none`, {', '.join(f'`{name}`' for name in EFFORTS)}.", param=at)


def _parse_output(text: ClientObject | None) -> OutputShape | None:
    wanted = text.find_object("format") if text else None
    if wanted is None:
        return None
    kind = wanted.get_text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return OutputShape(wanted.at)
    if kind != "json_schema":
        at = wanted.path("type")
        raise InvalidRequest(f"`{at}` must be `text`, `json_object` or `json_schema`.", param=at)
    schema = find_schema(wanted, "schema")
    if schema is None:
        raise InvalidRequest(f"`{wanted.path('schema')}` is missing.", param=wanted.path("schema"))
    return OutputShape(
        wanted.at,
        schema,
        wanted.find_text("name") or "answer",
        wanted.find_text("description"),
        wanted.find_flag("strict"),
    )
