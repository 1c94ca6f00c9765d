"""One small request for each row of the table in docs/formats.md, in every format whose clients can say it.

Each is laid over a plain greeting, and so shows what the row alone changes.
"""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.seals import Seal

Body = dict[str, Any]

PNG = "iVBORw0KGgo="
PDF = "JVBERi0="
PLAIN = "aGVsbG8="
IMAGE_URL = "https://example.com/cat.png"
PDF_URL = "https://example.com/a.pdf"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
QUESTION = {"role": "user", "content": "Hello"}

PLAINLY: Mapping[str, Body] = {
    "openai": {"model": "m", "messages": [QUESTION]},
    "anthropic": {"model": "m", "max_tokens": 100, "messages": [QUESTION]},
    "openai_responses": {"model": "m", "input": [QUESTION]},
    "openai_completions": {"model": "m", "prompt": "Hello"},
}
"""What each request is laid over."""

CHAT_TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
MESSAGES_TOOL = {"name": "weather", "input_schema": SCHEMA}
RESPONSES_TOOL = {"type": "function", "name": "weather", "parameters": SCHEMA}
TOOLS: Mapping[str, Body] = {
    "openai": {"tools": [CHAT_TOOL]},
    "anthropic": {"tools": [MESSAGES_TOOL]},
    "openai_responses": {"tools": [RESPONSES_TOOL]},
}


def ask(*parts: Body) -> list[Body]:
    """A user's message of parts, as the one message."""
    return [{"role": "user", "content": list(parts)}]


def with_tools(**members: Body) -> Mapping[str, Body]:
    """A row of requests that offer a tool, too."""
    return {name: {**TOOLS[name], **body} for name, body in members.items()}


def each(names: str, body: Body) -> Mapping[str, Body]:
    """A row that clients of several formats say alike."""
    return {name: body for name in names.split()}


def answered(*content: Body, chat: Any = None, output: Any = "sunny", **result: Any) -> Mapping[str, Body]:
    """A call of a tool and its result: in Messages of blocks, in Chat Completions `chat`, in Responses `output`."""
    use = {"type": "tool_use", "id": "c1", "name": "weather", "input": {}}
    told = {"type": "tool_result", "tool_use_id": "c1", "content": list(content), **result}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    made = {"role": "assistant", "content": None, "tool_calls": [call]}
    return with_tools(
        openai={"messages": [QUESTION, made, {"role": "tool", "tool_call_id": "c1", "content": chat or "sunny"}]},
        anthropic={
            "messages": [QUESTION, {"role": "assistant", "content": [use]}, {"role": "user", "content": [told]}]
        },
        openai_responses={
            "input": [
                QUESTION,
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": output},
            ]
        },
    )


def thought(token: str) -> Mapping[str, Body]:
    """An assistant's turn with thinking that was sealed so, and a user's after it."""
    said = {"role": "assistant", "content": "Hi"}
    detail = {"type": "reasoning.text", "text": "Hm.", "signature": token}
    block = {"type": "thinking", "thinking": "Hm.", "signature": token}
    summary = [{"type": "summary_text", "text": "Hm."}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": token}
    return {
        "openai": {"messages": [QUESTION, {**said, "reasoning_details": [detail]}, QUESTION]},
        "anthropic": {
            "messages": [
                QUESTION,
                {"role": "assistant", "content": [block, {"type": "text", "text": "Hi"}]},
                QUESTION,
            ]
        },
        "openai_responses": {"input": [QUESTION, item, said, QUESTION]},
    }


SEALS = {
    "openai": Seal("openai", "", "content"),
    "anthropic": Seal("anthropic", "ErUB"),
    "openai_responses": Seal("openai_responses", "rs_1.gAAAA", "item"),
    "gemini": Seal("gemini", "CikB", "thought"),
}
"""What a provider of each format sealed, as clients of other formats keep it."""

_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
_DATA_URL = f"data:image/png;base64,{PNG}"
_SYSTEM_LATER = [QUESTION, {"role": "assistant", "content": "Hi"}, {"role": "system", "content": "Be brief."}, QUESTION]
_SHAPE = {"type": "json_schema", "schema": SCHEMA}
_CUSTOM = {"name": "patch", "description": "Applies a patch."}

ROWS: Mapping[str, Mapping[str, Body]] = {
    "Text": {
        "openai": {"messages": ask({"type": "text", "text": "Oslo?"})},
        "anthropic": {"messages": ask({"type": "text", "text": "Oslo?"})},
        "openai_responses": {"input": ask({"type": "input_text", "text": "Oslo?"})},
        "openai_completions": {"prompt": "Oslo?"},
    },
    "System prompt": {
        "openai": {"messages": [{"role": "system", "content": "Be brief."}, QUESTION]},
        "anthropic": {"system": "Be brief."},
        "openai_responses": {"instructions": "Be brief."},
    },
    "System message in the midst": {
        "openai": {"messages": _SYSTEM_LATER},
        "anthropic": {"messages": _SYSTEM_LATER},
        "openai_responses": {"input": _SYSTEM_LATER},
    },
    "The answer's beginning": {
        "openai": {"messages": [QUESTION, {"role": "assistant", "content": "It is"}]},
        "anthropic": {"messages": [QUESTION, {"role": "assistant", "content": "It is"}]},
        "openai_responses": {"input": [QUESTION, {"role": "assistant", "content": "It is"}]},
    },
    "Image, bytes": {
        "openai": {"messages": ask({"type": "image_url", "image_url": {"url": _DATA_URL}})},
        "anthropic": {"messages": ask(_IMAGE)},
        "openai_responses": {"input": ask({"type": "input_image", "image_url": _DATA_URL})},
    },
    "Image, https address": {
        "openai": {"messages": ask({"type": "image_url", "image_url": {"url": IMAGE_URL}})},
        "anthropic": {"messages": ask({"type": "image", "source": {"type": "url", "url": IMAGE_URL}})},
        "openai_responses": {"input": ask({"type": "input_image", "image_url": IMAGE_URL})},
    },
    "PDF, bytes": {
        "openai": {
            "messages": ask(
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
            )
        },
        "anthropic": {
            "messages": ask(
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
            )
        },
        "openai_responses": {"input": ask({"type": "input_file", "filename": "a.pdf", "file_data": PDF})},
    },
    "PDF, https address": {
        "anthropic": {"messages": ask({"type": "document", "source": {"type": "url", "url": PDF_URL}})},
        "openai_responses": {"input": ask({"type": "input_file", "file_url": PDF_URL})},
    },
    "Document of plain text": {
        "openai": {
            "messages": ask(
                {"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{PLAIN}"}}
            )
        },
        "anthropic": {
            "messages": ask(
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}}
            )
        },
        "openai_responses": {
            "input": ask({"type": "input_file", "filename": "a.txt", "file_data": f"data:text/plain;base64,{PLAIN}"})
        },
    },
    "File kept at a provider": {
        "openai": {"messages": ask({"type": "file", "file": {"file_id": "file_1"}})},
        "anthropic": {"messages": ask({"type": "image", "source": {"type": "file", "file_id": "file_1"}})},
        "openai_responses": {"input": ask({"type": "input_file", "file_id": "file_1"})},
    },
    "Audio": {
        "openai": {"messages": ask({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}})},
        "openai_responses": {"input": ask({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}})},
    },
    "Function": TOOLS,
    "Any tool must be called": with_tools(
        openai={"tool_choice": "required"},
        anthropic={"tool_choice": {"type": "any"}},
        openai_responses={"tool_choice": "required"},
    ),
    "One tool must be called": with_tools(
        openai={"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        anthropic={"tool_choice": {"type": "tool", "name": "weather"}},
        openai_responses={"tool_choice": {"type": "function", "name": "weather"}},
    ),
    "No tool may be called": with_tools(
        openai={"tool_choice": "none"},
        anthropic={"tool_choice": {"type": "none"}},
        openai_responses={"tool_choice": "none"},
    ),
    "One call at a time": with_tools(
        openai={"parallel_tool_calls": False},
        anthropic={"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        openai_responses={"parallel_tool_calls": False},
    ),
    "Call and result": answered({"type": "text", "text": "sunny"}),
    "Result that is an error": {
        "anthropic": answered({"type": "text", "text": "no such city"}, is_error=True)["anthropic"]
    },
    "Image in a result": answered(
        _IMAGE,
        chat=[{"type": "image_url", "image_url": {"url": _DATA_URL}}],
        output=[{"type": "input_image", "image_url": _DATA_URL}],
    ),
    "Custom tool": {
        "openai": {"tools": [{"type": "custom", "custom": _CUSTOM}]},
        "openai_responses": {"tools": [{"type": "custom", **_CUSTOM}]},
    },
    "Namespace": {"openai_responses": {"tools": [{"type": "namespace", "name": "sky", "tools": [RESPONSES_TOOL]}]}},
    "Built-in tool that the client runs": {"openai_responses": {"tools": [{"type": "local_shell"}]}},
    "Hosted tool beside functions": {
        "openai": {"tools": [CHAT_TOOL], "web_search_options": {}},
        "anthropic": {"tools": [MESSAGES_TOOL, {"type": "web_search_20250305", "name": "web_search"}]},
        "openai_responses": {"tools": [RESPONSES_TOOL, {"type": "web_search"}]},
    },
    "Hosted tool alone, or forced": {
        "openai": {"web_search_options": {}},
        "anthropic": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "openai_responses": {"tools": [{"type": "web_search"}]},
    },
    "Thinking asked for": {
        "openai": {"reasoning_effort": "low"},
        "anthropic": {"max_tokens": 8000, "thinking": {"type": "enabled", "budget_tokens": 2048}},
        "openai_responses": {"reasoning": {"effort": "low"}},
    },
    "JSON by a schema": {
        "openai": {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}},
        "anthropic": {"output_config": {"format": _SHAPE}},
        "openai_responses": {"text": {"format": {**_SHAPE, "name": "answer"}}},
    },
    "Any JSON object": {
        "openai": {"response_format": {"type": "json_object"}},
        "openai_responses": {"text": {"format": {"type": "json_object"}}},
    },
    "Limit of output": {
        **each("openai openai_completions", {"max_tokens": 77}),
        "anthropic": {"max_tokens": 77},
        "openai_responses": {"max_output_tokens": 77},
    },
    "Stop sequences": {
        **each("openai openai_completions", {"stop": ["END"]}),
        "anthropic": {"stop_sequences": ["END"]},
    },
    "Temperature up to 1": each("openai anthropic openai_responses openai_completions", {"temperature": 0.5}),
    "Temperature above 1": each("openai openai_responses openai_completions", {"temperature": 1.5}),
    "Top p": each("openai anthropic openai_responses openai_completions", {"top_p": 0.5}),
    "Top k": each("openai anthropic", {"top_k": 5}),
    "Seed": each("openai openai_completions", {"seed": 7}),
    "Frequency penalty": each("openai openai_completions", {"frequency_penalty": 0.5}),
    "Presence penalty": each("openai openai_completions", {"presence_penalty": 0.5}),
    "Streaming": each("openai anthropic openai_responses openai_completions", {"stream": True}),
    "Cache markers": {
        "openai": {"messages": ask({"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}})},
        "anthropic": {"messages": ask({"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}})},
        "openai_responses": {"input": ask({"type": "input_text", "text": "Hello", "prompt_cache_breakpoint": {}})},
    },
    "Cache key": each("openai openai_responses", {"prompt_cache_key": "k"}),
    "Verbosity": {"openai": {"verbosity": "low"}, "openai_responses": {"text": {"verbosity": "low"}}},
    "Service tier": {
        **each("openai openai_responses", {"service_tier": "default"}),
        "anthropic": {"service_tier": "standard_only"},
    },
    "Whom the client serves": {
        "openai": {"safety_identifier": "u1"},
        "anthropic": {"metadata": {"user_id": "u1"}},
        "openai_responses": {"safety_identifier": "u1"},
        "openai_completions": {"user": "u1"},
    },
    "Speaker's name": {"openai": {"messages": [{**QUESTION, "name": "ada"}]}},
    "Citations wanted": {
        "anthropic": {
            "messages": ask(
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
                    "citations": {"enabled": True},
                }
            )
        },
    },
}
"""By the row's name: by the client's format, what the request says beside the greeting."""
