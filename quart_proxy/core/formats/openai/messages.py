"""The messages of a client's chat: who said what, with which media, tool calls and results."""

from collections.abc import Iterator

from quart_proxy.core.chat import (
    Audio,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.openai.reasoning import NAME, parse_thinking
from quart_proxy.core.media import parse_url

SYSTEM_ROLES = ("system", "developer")
ROLES = (*SYSTEM_ROLES, "user", "assistant", "tool", "function")


def own(at: str, kind: str = "") -> Untranslatable:
    """The refusal of what no other format can say; `kind` is the type of what stands there."""
    what = f"`{at}` is of the type `{kind[:50]}`, which" if kind else f"`{at}`"
    return Untranslatable(f"{what} can only be said to models that are served in the format `{NAME}`.", param=at)


def parse_messages(body: ClientObject) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The texts of the system messages at the head, and all other messages."""
    said = body.list_objects("messages")
    if not said:
        raise InvalidRequest("`messages` must hold at least one message.", param="messages")
    system: list[Text] = []
    messages: list[Message] = []
    last_call_id = ""
    for message in said:
        role = message.get_text("role")
        if role in SYSTEM_ROLES and not messages:
            system += _parse_texts(message)
            continue
        parsed = _parse_message(role, message, last_call_id)
        messages.append(parsed)
        last_call_id = next((part.id for part in parsed.parts if isinstance(part, ToolCall)), last_call_id)
    return tuple(system), tuple(messages)


def _parse_message(role: str, message: ClientObject, last_call_id: str) -> Message:
    """`last_call_id` is what the result of a function answers: such results do not say it themselves."""
    match role:
        case "user":
            speaker, parts = Role.USER, tuple(_parse_content(message))
        case "assistant":
            speaker, parts = Role.ASSISTANT, tuple(_parse_assistant(message))
        case "tool":
            speaker, parts = Role.USER, (_parse_result(message, message.get_text("tool_call_id")),)
        case "function":
            speaker, parts = Role.USER, (_parse_result(message, last_call_id),)
        case _ if role in SYSTEM_ROLES:
            speaker, parts = Role.SYSTEM, tuple(_parse_texts(message))
        case _:
            raise message.refusal("role", f"must be one of {', '.join(ROLES)}")
    # What stands as the name of a result is the tool's.
    name = message.find_text("name") if role in ("user", "assistant") else None
    return Message(speaker, parts, message.at, name)


# --- what is said -------------------------------------------------------------------------------------


def _parse_content(message: ClientObject) -> Iterator[Part]:
    content = message.values.get("content")
    if isinstance(content, str):
        if content:
            yield Text(content, message.path("content"), find_cache_ttl(message))
        return
    if not isinstance(content, list):
        raise message.refusal("content", "must be a text or a list of parts")
    for part in message.list_objects("content"):
        parsed = _parse_part(part)
        if parsed != Text("", part.at):
            yield parsed


def _parse_part(part: ClientObject) -> Part:
    ttl = find_cache_ttl(part)
    match part.get_text("type"):
        case "text":
            return Text(part.find_text("text") or "", part.at, ttl)
        case "image_url":
            return _parse_image(part)
        case "input_audio":
            audio = part.get_object("input_audio")
            return Audio(audio.get_text("data"), audio.get_text("format"), part.at)
        case "file":
            return _parse_file(part)
        case "refusal":
            return Refusal(part.get_text("refusal"), part.at)
        case kind:
            raise own(part.at, kind)


def _parse_image(part: ClientObject) -> Image:
    ttl = find_cache_ttl(part)
    if isinstance(part.values.get("image_url"), str):
        return Image(parse_url(part.get_text("image_url"), part.path("image_url")), part.at, cache_ttl=ttl)
    image = part.get_object("image_url")
    return Image(parse_url(image.get_text("url"), image.path("url")), part.at, image.find_text("detail"), ttl)


def _parse_file(part: ClientObject) -> Document:
    file = part.get_object("file")
    title, ttl = file.find_text("filename"), find_cache_ttl(part)
    if file_id := file.find_text("file_id"):
        return Document(Source(file_id=file_id), part.at, title, cache_ttl=ttl)
    return Document(parse_url(file.get_text("file_data"), file.path("file_data")), part.at, title, cache_ttl=ttl)


def _parse_texts(message: ClientObject) -> Iterator[Text]:
    for part in _parse_content(message):
        if not isinstance(part, Text):
            raise InvalidRequest(f"`{part.at}` must be a text: only users send media.", param=part.at)
        yield part


def find_cache_ttl(marked: ClientObject) -> str | None:
    """How long what is marked is worth caching, as Anthropic's clients say it to any endpoint."""
    marker = marked.find_object("cache_control")
    return None if marker is None else marker.find_text("ttl") or "5m"


# --- what the model said, and what came of it ---------------------------------------------------------


def _parse_assistant(message: ClientObject) -> Iterator[Part]:
    thoughts = parse_thinking(message)
    calls = list(_parse_calls(message))
    known = {call.id for call in calls}
    yield from (thinking for thinking, call_id in thoughts if call_id not in known)
    if message.values.get("content") is not None:
        yield from _parse_content(message)
    if refusal := message.find_text("refusal"):
        yield Refusal(refusal, message.path("refusal"))
    for call in calls:
        yield from (thinking for thinking, call_id in thoughts if call_id == call.id)
        yield call


def _parse_calls(message: ClientObject) -> Iterator[ToolCall]:
    for call in message.list_objects("tool_calls"):
        if call.find_text("type") == "custom":
            custom = call.get_object("custom")
            text = custom.find_text("input") or ""
            yield ToolCall(call.get_text("id"), custom.get_text("name"), text, call.at, ToolKind.CUSTOM)
        else:
            yield _parse_function(call.get_text("id"), call.get_object("function"), call.at)
    if function := message.find_object("function_call"):
        # Calls of before there were ids. One stands in a message, so the message's place names it.
        number = "".join(character for character in message.at if character.isdigit())
        yield _parse_function(f"call_{number}", function, function.at)


def _parse_function(call_id: str, function: ClientObject, at: str) -> ToolCall:
    return ToolCall(call_id, function.get_text("name"), function.find_text("arguments") or "", at)


def _parse_result(message: ClientObject, call_id: str) -> ToolResult:
    if not call_id:
        raise InvalidRequest(f"`{message.at}` is the result of a call that is not there.", param=message.at)
    content = () if message.values.get("content") is None else _parse_content(message)
    parts: list[Text | Image | Document] = []
    for part in content:
        if not isinstance(part, Text | Image | Document):
            raise InvalidRequest(f"`{part.at}` cannot be the result of a tool.", param=part.at)
        parts.append(part)
    return ToolResult(call_id, tuple(parts), message.at, cache_ttl=find_cache_ttl(message))
