"""A chat as Gemini is asked for it, and Gemini's answers, whole and streamed, as the parts that they are."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.chat import (
    Audio,
    Chat,
    ChatAnswer,
    ChatFrame,
    Citation,
    Document,
    Image,
    Message,
    OutputShape,
    Part,
    Reasoning,
    Refusal,
    Role,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolMode,
    ToolResult,
)
from quart_proxy.core.chat_events import collect_answer
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.formats import UPSTREAM_FORMATS, StreamStep
from quart_proxy.core.formats.gemini.requests import HINTS
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import SseParser, encode_event
from quart_proxy.core.usage import Dimension, Usage

GEMINI = UPSTREAM_FORMATS["gemini"]
assert GEMINI.upstream_chat is not None
SPOKEN = GEMINI.upstream_chat
UNSIGNED = "skip_thought_signature_validator"

HELLO = (Message(Role.USER, (Text("Hello", "messages[0].content"),), "messages[0]"),)
WEATHER = Tool("weather", "tools[0]", description="The weather.", schema={"type": "object", "properties": {}})
PNG = Source(base64="iVBORw0=", media_type="image/png")


def ask(*messages: Message, model: str = "gemini-3-flash", **fields: Any) -> dict[str, Any]:
    chat = Chat(messages=messages or HELLO, **fields)
    body = SPOKEN.render_chat(chat, actual_model=model, max_tokens_default=4096)
    decoded: dict[str, Any] = orjson.loads(orjson.dumps(body))
    return decoded


def said(*parts: Part, at: str = "messages[0]") -> Message:
    return Message(Role.USER, parts, at)


def answered(*parts: Part, at: str = "messages[1]") -> Message:
    return Message(Role.ASSISTANT, parts, at)


def frame(**fields: Any) -> ChatFrame:
    return ChatFrame(Chat(messages=HELLO, **fields), model="ours", request_id="r", created_s=0)


# --- Addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "joined"),
    [
        ("https://g.example", "https://g.example/v1beta"),
        ("https://g.example/", "https://g.example/v1beta"),
        ("https://g.example/v1beta/", "https://g.example/v1beta"),
        ("https://g.example/v1", "https://g.example/v1"),
        ("https://g.example/gateway", "https://g.example/gateway/v1beta"),
        ("https://g.example/v1/publishers/google", "https://g.example/v1/publishers/google"),
    ],
)
def test_a_base_may_name_the_version_or_leave_it(base: str, joined: str) -> None:
    def url(is_streaming: bool) -> str:
        return GEMINI.upstream_url(base, actual_model="gemini-x", is_streaming=is_streaming)

    assert url(False) == f"{joined}/models/gemini-x:generateContent"
    assert url(True) == f"{joined}/models/gemini-x:streamGenerateContent?alt=sse"
    assert GEMINI.models_url(base) == f"{joined}/models?pageSize=1000"


def test_the_name_of_a_model_stays_one_piece_of_the_path() -> None:
    url = GEMINI.upstream_url("https://g.example", actual_model="models/a b/../c?d", is_streaming=False)
    assert url == "https://g.example/v1beta/models/a%20b%2F..%2Fc%3Fd:generateContent"


def test_the_key_goes_into_a_header_never_into_the_address() -> None:
    assert GEMINI.credential_headers("secret") == {"x-goog-api-key": "secret"}


# --- Requests -----------------------------------------------------------------------------------------


def test_a_plain_chat_is_its_contents_alone() -> None:
    assert ask() == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_sampling_is_said_in_the_generation_config() -> None:
    body = ask(
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop=("a", "b"),
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 10,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "stopSequences": ["a", "b"],
    }


def test_hints_are_left_out_in_silence() -> None:
    said_hints = {
        "verbosity": "low",
        "service_tier": "flex",
        "user": "u",
        "cache_key": "k",
        "parallel_tool_calls": False,
    }
    assert said_hints.keys() == HINTS
    assert ask(**said_hints) == ask()


def test_what_the_operator_says_is_the_system_instruction_and_later_words_are_marked() -> None:
    body = ask(*HELLO, Message(Role.SYSTEM, (Text("Be brief."),), "messages[1]"), system=(Text("One."), Text("Two.")))
    assert body["systemInstruction"] == {"parts": [{"text": "One."}, {"text": "Two."}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Hello"}, {"text": "<system>\nBe brief.\n</system>"}]}
    ]


def test_a_chat_without_a_turn_of_the_user_gets_one() -> None:
    lone = Chat(messages=(), system=(Text("Say hello."),))
    body = SPOKEN.render_chat(lone, actual_model="gemini-3-flash", max_tokens_default=1)
    assert [content["role"] for content in body["contents"]] == ["user"]
    begun = ask(answered(Text("Hi.")), said(Text("Hello")))
    assert [content["role"] for content in begun["contents"]] == ["user", "model", "user"]


def test_an_answer_to_go_on_with_is_refused_by_its_place() -> None:
    with pytest.raises(Untranslatable, match=r"messages\[1\]") as refused:
        ask(*HELLO, answered(Text("Once upon")))
    assert refused.value.param == "messages[1]"


def test_pictures_and_files_are_sent_or_fetched() -> None:
    body = ask(
        said(
            Image(PNG, "a"),
            Image(Source(url="https://h.example/a.JPG?x=1"), "b"),
            Image(Source(url="https://h.example/a"), "c"),
            Document(Source(base64="JVBERg==", media_type="application/pdf"), "d"),
            Document(Source(text="Words."), "e", title="Notes"),
            Document(Source(url="gs://bucket/a.pdf"), "f"),
            Audio("UklGRg==", "wav", "g"),
        )
    )
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0="}},
        {"fileData": {"fileUri": "https://h.example/a.JPG?x=1", "mimeType": "image/jpeg"}},
        {"fileData": {"fileUri": "https://h.example/a"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
        {"text": '<document title="Notes">\nWords.\n</document>'},
        {"fileData": {"fileUri": "gs://bucket/a.pdf", "mimeType": "application/pdf"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
    ]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (Source(url="http://h.example/a.png"), "https"),
        (Source(file_id="file-1"), "another provider"),
        (Source(base64="aaaa"), "media type"),
    ],
)
def test_a_file_that_gemini_cannot_have_is_refused_by_its_place(source: Source, why: str) -> None:
    with pytest.raises(Untranslatable, match=why) as refused:
        ask(said(Image(source, "messages[0].content[0]")))
    assert refused.value.param == "messages[0].content[0]"


def test_functions_keep_their_json_schema_as_it_is() -> None:
    schema = {"type": "object", "$defs": {"x": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/x"}}}
    body = ask(tools=(replace(WEATHER, schema=schema), Tool("now", "tools[1]")))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "The weather.", "parametersJsonSchema": schema},
                {"name": "now"},
            ]
        }
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice(ToolMode.AUTO, "tool_choice"), {"mode": "AUTO"}),
        (ToolChoice(ToolMode.NONE, "tool_choice"), {"mode": "NONE"}),
        (ToolChoice(ToolMode.REQUIRED, "tool_choice"), {"mode": "ANY"}),
        (
            ToolChoice(ToolMode.ONE, "tool_choice", "weather"),
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_a_choice_among_functions_is_said(choice: ToolChoice, calling: dict[str, Any]) -> None:
    assert ask(tools=(WEATHER,), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": calling}


def test_a_hosted_tool_is_left_out_beside_functions_and_refused_alone() -> None:
    hosted = Tool("web_search", "tools[1]", ToolKind.HOSTED)
    assert ask(tools=(WEATHER, hosted)) == ask(tools=(WEATHER,))
    with pytest.raises(Untranslatable, match="web_search"):
        ask(tools=(hosted,))


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    tool = Tool("patch", "tools[0]", ToolKind.CUSTOM, "Patches.", namespace="edit")
    (declared,) = ask(tools=(tool,))["tools"][0]["functionDeclarations"]
    assert declared["name"] == "edit__patch"
    assert declared["parametersJsonSchema"]["required"] == ["input"]


def test_calls_and_results_meet_by_id_and_name_whatever_was_said_between() -> None:
    body = ask(
        *HELLO,
        answered(ToolCall("c1", "weather", '{"at": "x"}'), ToolCall("c2", "patch", "raw", kind=ToolKind.CUSTOM)),
        said(Text("Wait.")),
        said(ToolResult("c1", (Text("sun"), Text("shine"))), ToolResult("c2", (Text("no"),), is_error=True)),
        model="gemini-2.5-flash",
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "c1", "name": "weather", "args": {"at": "x"}}},
                {"functionCall": {"id": "c2", "name": "patch", "args": {"input": "raw"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "weather", "response": {"output": "sun\nshine"}}},
                {"functionResponse": {"id": "c2", "name": "patch", "response": {"error": "no"}}},
                {"text": "Wait."},
            ],
        },
    ]


def test_a_picture_in_a_result_stands_below_all_results() -> None:
    results = (
        ToolResult("c1", (Text("Here:"), Image(PNG, "x"))),
        ToolResult("c2", (Document(Source(text="Words.")),)),
    )
    body = ask(*HELLO, answered(ToolCall("c1", "draw"), ToolCall("c2", "read")), said(*results))
    first, second, *below = body["contents"][2]["parts"]
    assert first["functionResponse"]["response"] == {"output": "Here:\n[file 1 is below]"}
    assert second["functionResponse"]["response"] == {"output": "<document>\nWords.\n</document>"}
    assert below == [{"text": "[file 1]"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0="}}]


def test_a_result_without_its_call_is_refused_by_its_place() -> None:
    with pytest.raises(Untranslatable) as refused:
        ask(said(ToolResult("gone", (Text("x"),), "messages[0].content[0]")))
    assert refused.value.param == "messages[0].content[0]"


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("gemini-3-flash", Reasoning("r", effort="high"), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3-flash", Reasoning("r", effort="xhigh", is_shown=False), {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash", Reasoning("r", budget_tokens=2048), {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3-flash", Reasoning("r", effort="none"), {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.1-pro", Reasoning("r", effort="none"), {"thinkingLevel": "LOW"}),
        ("gemini-3-flash", Reasoning("r"), {"includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning("r", effort="low"), {"thinkingBudget": 2048, "includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning("r", budget_tokens=31999, is_shown=False), {"thinkingBudget": 24576}),
        ("google/gemini-2.5-pro", Reasoning("r", budget_tokens=31999, is_shown=False), {"thinkingBudget": 31999}),
        ("gemini-2.5-flash", Reasoning("r", effort="none"), {"thinkingBudget": 0}),
        ("gemini-2.5-pro", Reasoning("r", effort="none"), {"thinkingBudget": 128}),
    ],
)
def test_thinking_is_told_in_tokens_or_by_level_as_the_model_takes_it(
    model: str, reasoning: Reasoning, thinking: dict[str, Any]
) -> None:
    assert ask(model=model, reasoning=reasoning)["generationConfig"] == {"thinkingConfig": thinking}


def test_as_much_thought_as_the_model_sees_fit_and_none_of_it_shown_is_not_said() -> None:
    assert ask(reasoning=Reasoning("r", is_shown=False)) == ask()


def test_an_answer_in_json_is_asked_for_with_its_schema() -> None:
    assert ask(output=OutputShape("f"))["generationConfig"] == {"responseMimeType": "application/json"}
    shaped = ask(output=OutputShape("f", {"type": "object"}))["generationConfig"]
    assert shaped == {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}


@pytest.mark.parametrize(
    ("fields", "name"), [({"stop": tuple("abcdef")}, "stop_sequences"), ({"seed": 2**31}, "stop_sequences")]
)
def test_what_gemini_does_not_take_is_refused_by_the_clients_own_name(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        ask(**fields, names=dict.fromkeys(fields, name))
    assert refused.value.param == name


# --- Seals --------------------------------------------------------------------------------------------


def test_a_signature_goes_back_to_the_call_that_it_was_on() -> None:
    body = ask(
        *HELLO,
        answered(
            Thinking("I need the weather.", seal=Seal("gemini", "SIG")),
            ToolCall("c1", "weather"),
            ToolCall("c2", "now"),
        ),
        said(ToolResult("c1", ()), ToolResult("c2", ())),
    )
    first, second = body["contents"][1]["parts"]
    assert first["thoughtSignature"] == "SIG"
    assert "thoughtSignature" not in second


def test_a_signature_finds_its_call_across_messages_but_not_across_a_turn_of_the_user() -> None:
    thought = answered(Thinking("", seal=Seal("gemini", "SIG")))
    result = said(ToolResult("c", ()))
    split = ask(*HELLO, thought, answered(ToolCall("c", "now")), result)
    assert split["contents"][1]["parts"][0]["thoughtSignature"] == "SIG"
    parted = ask(*HELLO, thought, said(Text("Well?")), answered(ToolCall("c", "now")), result)
    assert parted["contents"][1]["parts"][0]["thoughtSignature"] == UNSIGNED


def test_calls_of_other_models_are_marked_as_such_for_models_that_insist() -> None:
    def parts_for(model: str) -> list[dict[str, Any]]:
        history = answered(Thinking("Hm.", seal=Seal("anthropic", "theirs")), ToolCall("c", "now"))
        contents = ask(*HELLO, history, said(ToolResult("c", ())), model=model)["contents"]
        parts: list[dict[str, Any]] = contents[1]["parts"]
        return parts

    (late,) = parts_for("gemini-3-flash")
    assert late["thoughtSignature"] == UNSIGNED
    (early,) = parts_for("gemini-2.5-pro")
    assert "thoughtSignature" not in early


def test_signatures_of_texts_and_thoughts_go_back_where_they_were() -> None:
    body = ask(
        *HELLO,
        answered(
            Thinking("Hm.", seal=Seal("gemini", "T", "thought")),
            Text("Hi."),
            Thinking("", seal=Seal("gemini", "X", "text")),
            Thinking("", seal=Seal("gemini", "Y", "text")),
            Thinking("not sealed"),
            Thinking("", seal=Seal("gemini", "")),
        ),
        said(Text("Go.")),
    )
    assert body["contents"][1]["parts"] == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "T"},
        {"text": "Hi.", "thoughtSignature": "X"},
        {"text": "", "thoughtSignature": "Y"},
    ]


# --- Answers ------------------------------------------------------------------------------------------


def whole(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}
    return {"candidates": [{key: value for key, value in candidate.items() if value is not None}], **more}


def parsed(document: dict[str, Any], **fields: Any) -> ChatAnswer:
    return SPOKEN.parse_answer(document, frame(**fields))


def test_thoughts_texts_and_calls_are_parts_in_their_order() -> None:
    answer = parsed(
        whole(
            {"thought": True, "text": "Let me "},
            {"thought": True, "text": "see."},
            {"text": "I will "},
            {"text": "look."},
            {"functionCall": {"name": "weather", "args": {"at": "Ä"}}, "thoughtSignature": "SIG"},
            {"functionCall": {"id": "own", "name": "now"}},
        )
    )
    assert answer.parts == (
        Thinking("Let me see."),
        Text("I will look."),
        Thinking("", seal=Seal("gemini", "SIG")),
        ToolCall("call_r00", "weather", '{"at":"Ä"}'),
        ToolCall("own", "now", "{}"),
    )
    assert answer.stop is Stop.TOOL_CALLS


def test_a_signature_on_a_call_seals_the_thought_before_it() -> None:
    answer = parsed(
        whole({"thought": True, "text": "Hm."}, {"functionCall": {"id": "c", "name": "now"}, "thoughtSignature": "S"})
    )
    assert answer.parts == (Thinking("Hm.", seal=Seal("gemini", "S")), ToolCall("c", "now", "{}"))


def test_signatures_of_texts_and_thoughts_are_kept() -> None:
    answer = parsed(
        whole(
            {"thought": True, "text": "Hm.", "thoughtSignature": "T"},
            {"text": "Hi.", "thoughtSignature": "X"},
            {"text": "", "thoughtSignature": "Y"},
        )
    )
    assert answer.parts == (
        Thinking("Hm.", seal=Seal("gemini", "T", "thought")),
        Text("Hi."),
        Thinking("", seal=Seal("gemini", "X", "text")),
        Thinking("", seal=Seal("gemini", "Y", "text")),
    )


def test_a_call_of_a_custom_tool_is_its_text_again() -> None:
    tool = Tool("patch", "tools[0]", ToolKind.CUSTOM, namespace="edit")
    document = whole({"functionCall": {"id": "c", "name": "edit__patch", "args": {"input": "*** Begin"}}})
    (call,) = parsed(document, tools=(tool,)).parts
    assert call == ToolCall("c", "patch", "*** Begin", kind=ToolKind.CUSTOM, namespace="edit")


def test_a_client_that_wants_one_call_at_a_time_gets_the_first() -> None:
    document = whole({"functionCall": {"id": "a", "name": "now"}}, {"functionCall": {"id": "b", "name": "now"}})
    assert [part.id for part in parsed(document).parts if isinstance(part, ToolCall)] == ["a", "b"]
    assert parsed(document, parallel_tool_calls=False).parts == (ToolCall("a", "now", "{}"),)


def test_a_generated_picture_is_shown_in_the_text_and_a_draft_of_it_is_not() -> None:
    data = {"mimeType": "image/png", "data": "iVBORw0="}
    answer = parsed(whole({"thought": True, "inlineData": data}, {"text": "Here: "}, {"inlineData": data}))
    assert answer.parts == (Text("Here: ![image](data:image/png;base64,iVBORw0=)"),)


def test_the_sources_of_a_text_are_its_citations_once() -> None:
    document = whole({"text": "Once upon a time"})
    sources = [{"uri": "https://h.example/tale"}, {"license": "mit"}, {"uri": "https://h.example/tale"}]
    document["candidates"][0]["citationMetadata"] = {"citationSources": sources}
    assert parsed(document).parts == (Text("Once upon a time", citations=(Citation("https://h.example/tale"),)),)


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("STOP", Stop.END),
        ("MAX_TOKENS", Stop.LENGTH),
        ("SAFETY", Stop.REFUSED),
        ("RECITATION", Stop.REFUSED),
        ("LANGUAGE", Stop.REFUSED),
        ("BLOCKLIST", Stop.REFUSED),
        ("PROHIBITED_CONTENT", Stop.REFUSED),
        ("SPII", Stop.REFUSED),
        ("IMAGE_SAFETY", Stop.REFUSED),
        ("MALFORMED_FUNCTION_CALL", Stop.END),
        ("OTHER", Stop.END),
        ("A_NEW_ONE", Stop.END),
        (None, Stop.END),
    ],
)
def test_why_an_answer_ended(finish: str | None, stop: Stop) -> None:
    assert parsed(whole({"text": "x"}, finish=finish)) == ChatAnswer((Text("x"),), stop)


def test_an_answer_cut_at_a_call_is_told_as_cut() -> None:
    assert parsed(whole({"functionCall": {"name": "now"}}, finish="MAX_TOKENS")).stop is Stop.LENGTH


def test_a_prompt_that_was_blocked_is_a_refused_answer_with_its_usage() -> None:
    document = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
    }
    assert parsed(document) == ChatAnswer((), Stop.REFUSED)
    read = GEMINI.read_answer(json.dumps(document).encode())
    assert (read.error, read.reading.usage) == (None, usage(input=7))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"candidates": None},
        {"candidates": ["x"]},
        {"candidates": [{"content": "x"}]},
        {"candidates": [{"content": {"parts": "x"}}]},
        whole(
            {"text": 5}, {"functionCall": {"name": 5}}, {"functionCall": 5}, {"inlineData": {}}, {"executableCode": {}}
        ),
    ],
)
def test_what_cannot_be_read_is_not_there(document: dict[str, Any]) -> None:
    assert parsed(document) == ChatAnswer(())


# --- Usage and failures -------------------------------------------------------------------------------


def usage(*, input: int = 0, cached: int = 0, output: int = 0, reasoning: int | None = None) -> Usage:
    tokens = {
        Dimension.INPUT: input,
        Dimension.CACHED_INPUT: cached,
        Dimension.CACHE_WRITE: 0,
        Dimension.OUTPUT: output,
    }
    return Usage(tokens, reasoning)


def read_usage(counts: dict[str, Any]) -> Any:
    return GEMINI.read_answer(json.dumps({"usageMetadata": counts}).encode()).reading


@pytest.mark.parametrize(
    ("counts", "read"),
    [
        (
            {"promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": 5, "totalTokenCount": 115},
            usage(input=100, output=15, reasoning=5),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 80,
                "candidatesTokenCount": 10,
                "toolUsePromptTokenCount": 7,
                "totalTokenCount": 117,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
            },
            usage(input=27, cached=80, output=10),
        ),
        ({"promptTokenCount": 5, "totalTokenCount": 25, "candidatesTokenCount": 8}, usage(input=5, output=20)),
        ({"promptTokenCount": 5}, usage(input=5)),
    ],
)
def test_usage_is_counted_once_and_whole(counts: dict[str, Any], read: Usage) -> None:
    found = read_usage(counts)
    assert (found.usage, found.invalid, found.unpriced) == (read, None, ())


def test_usage_that_is_none_is_not_made_up() -> None:
    assert read_usage({}).usage is None
    assert read_usage({"promptTokenCount": -1}).invalid == "usageMetadata.promptTokenCount"
    assert read_usage({"promptTokenCount": 1, "newFeeCount": 2}).unpriced == ("newFeeCount",)
    assert GEMINI.read_answer(b'{"usageMetadata": 5}').reading.invalid == "usageMetadata"


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]], ids=["plain", "in a list"])
def test_a_failure_in_an_answer_or_a_stream_is_told(wrap: Any) -> None:
    failure = wrap({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
    assert GEMINI.read_answer(json.dumps(failure).encode()).error == "The model is overloaded."
    (event,) = SseParser().feed(encode_event(json.dumps(failure).encode()))
    assert GEMINI.open_stream().read(event) is StreamStep.ERROR


def test_an_accident_without_an_answer_is_a_failure_that_is_paid_for() -> None:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 0, "thoughtsTokenCount": 30}
    thought = {"thought": True, "text": "Hm."}
    document = whole(thought, finish="MALFORMED_FUNCTION_CALL", usageMetadata=counts)
    read = GEMINI.read_answer(json.dumps(document).encode())
    assert read.error == "The model gave no answer: MALFORMED_FUNCTION_CALL."
    assert read.reading.usage == usage(input=5, output=30, reasoning=30)
    steps, reader, _ = stream([whole(thought, finish=None), document])
    assert steps == [StreamStep.FORWARD, StreamStep.ERROR]
    assert reader.is_usage_final()


def test_an_answer_is_known_by_its_id() -> None:
    assert GEMINI.read_answer(b'{"responseId": "abc", "candidates": []}').id == "abc"
    assert GEMINI.read_answer(b'"text"').error is not None


# --- Streams ------------------------------------------------------------------------------------------


def stream(chunks: list[dict[str, Any]], **fields: Any) -> tuple[list[StreamStep], Any, ChatAnswer]:
    """What both readers make of a stream."""
    reader, chat_reader = GEMINI.open_stream(), SPOKEN.open_reader(frame(**fields))
    steps, events = [], []
    for event in SseParser().feed(b"".join(encode_event(json.dumps(chunk).encode()) for chunk in chunks)):
        steps.append(reader.read(event))
        events += chat_reader.read(event)
    return steps, reader, collect_answer([*events, *chat_reader.end()])


def test_a_stream_is_the_answer_in_pieces() -> None:
    _, _, answer = stream(
        [
            whole({"thought": True, "text": "Hm"}, finish=None),
            whole({"thought": True, "text": "m."}, finish=None),
            whole({"text": "Hel"}, finish=None),
            whole({"text": "lo"}, finish=None),
            whole({"functionCall": {"name": "now", "args": {}}, "thoughtSignature": "S"}, finish=None),
            whole({"text": "", "thoughtSignature": "E"}),
        ]
    )
    assert answer.parts == (
        Thinking("Hmm."),
        Text("Hello"),
        Thinking("", seal=Seal("gemini", "S")),
        ToolCall("call_r00", "now", "{}"),
        Thinking("", seal=Seal("gemini", "E", "text")),
    )
    assert answer.stop is Stop.TOOL_CALLS


def test_a_running_usage_is_no_total_until_the_answer_is_over() -> None:
    def chunk(tokens: int, finish: str | None) -> dict[str, Any]:
        return whole(
            {"text": "x"}, finish=finish, usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": tokens}
        )

    steps, reader, _ = stream([chunk(1, None), chunk(2, None)])
    assert set(steps) == {StreamStep.FORWARD}
    assert reader.reading().usage == usage(input=5, output=2)
    assert not reader.is_usage_final() and not reader.is_complete_without_terminal()
    _, reader, _ = stream([chunk(1, None), chunk(2, None), chunk(3, "STOP")])
    assert reader.reading().usage == usage(input=5, output=3)
    assert reader.is_usage_final() and reader.is_complete_without_terminal()


def test_a_usage_behind_the_end_still_counts() -> None:
    late = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9}}
    _, reader, _ = stream([whole({"text": "x"}), late])
    assert reader.reading().usage == usage(input=5, output=9) and reader.is_usage_final()


def test_a_blocked_prompt_completes_a_stream() -> None:
    steps, reader, answer = stream(
        [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}}]
    )
    assert steps == [StreamStep.FORWARD]
    assert reader.is_complete_without_terminal() and reader.is_usage_final()
    assert answer == ChatAnswer((), Stop.REFUSED)


def test_an_accident_after_an_answer_only_ends_it() -> None:
    steps, reader, answer = stream([whole({"text": "Hi."}, finish=None), whole(finish="MALFORMED_FUNCTION_CALL")])
    assert steps == [StreamStep.FORWARD, StreamStep.FORWARD]
    assert reader.is_complete_without_terminal()
    assert answer == ChatAnswer((Text("Hi."),), Stop.END)


def test_a_citation_is_told_with_the_text_that_is_still_growing() -> None:
    chunk = whole({"text": "Once"}, finish=None)
    chunk["candidates"][0]["citationMetadata"] = {"citationSources": [{"uri": "https://h.example"}]}
    _, _, answer = stream([chunk, chunk])
    assert answer.parts == (Text("OnceOnce", citations=(Citation("https://h.example"),)),)


def test_half_of_a_character_does_not_take_the_words_beside_it_along() -> None:
    (event,) = SseParser().feed(b'data: {"candidates":[{"content":{"parts":[{"text":"Hi \\ud83d"}]}}]}\n\n')
    chat_reader = SPOKEN.open_reader(frame())
    assert collect_answer([*chat_reader.read(event), *chat_reader.end()]).parts == (Text("Hi \ufffd"),)


def test_events_that_are_no_chunks_say_nothing() -> None:
    reader, chat_reader = GEMINI.open_stream(), SPOKEN.open_reader(frame())
    for event in SseParser().feed(b": wait\n\ndata: no json\n\ndata: [1]\n\ndata: {}\n\n"):
        assert reader.read(event) is StreamStep.FORWARD
        assert chat_reader.read(event) == []


# --- Laws ---------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
NAMES = st.sampled_from(("weather", "now", "patch"))
CALLS = st.builds(lambda name: {"functionCall": {"id": f"c_{name}", "name": name, "args": {"x": 1}}}, NAMES)
PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, WORDS),
    st.builds(lambda text: {"text": text, "thought": True}, WORDS),
    CALLS,
)
SIGNED = st.builds(
    lambda part, data: {**part, **({"thoughtSignature": data} if data else {})}, PARTS, st.just("") | WORDS
)


@settings(max_examples=60)
@given(st.lists(st.lists(SIGNED, max_size=3), max_size=4))
def test_a_stream_and_a_whole_answer_of_the_same_parts_say_the_same(chunks: list[list[dict[str, Any]]]) -> None:
    streamed = [whole(*parts, finish=None) for parts in chunks]
    _, _, answer = stream([*streamed, whole(finish="STOP")])
    assert answer == parsed(whole(*(part for parts in chunks for part in parts)))


@settings(max_examples=60)
@given(st.lists(SIGNED, min_size=1, max_size=6))
def test_an_answer_that_is_sent_back_has_all_its_signatures_in_place(parts: list[dict[str, Any]]) -> None:
    """What an answer says and signs is there again in the next request; summaries of thoughts need not be."""
    history = answered(*parsed(whole(*parts)).parts)
    contents = ask(*HELLO, history, said(Text("Go on.")), model="gemini-2.5-flash")["contents"]
    again = [part for content in contents if content["role"] == "model" for part in content["parts"]]

    def essence(listed: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Every signature, with what stands before it and is not a thought without one."""
        found, words = [], ""
        for part in listed:
            if part.get("thought") and "thoughtSignature" not in part:
                continue
            words += "" if part.get("thought") else part.get("text", "")
            words += part["functionCall"]["name"] if "functionCall" in part else ""
            if "thoughtSignature" in part:
                found.append((words, part["thoughtSignature"]))
                words = ""
        return [*found, (words, "")]

    assert essence(again) == essence(parts)


def test_a_refusal_in_the_history_is_words_like_others() -> None:
    contents = ask(*HELLO, answered(Refusal("No.")), said(Text("Why?")))["contents"]
    assert contents[1] == {"role": "model", "parts": [{"text": "No."}]}
