"""Thinking in Chat Completions, which has no place of its own for it: providers found several.

Towards clients its text is `reasoning_content`, and `reasoning_details` hold text and seal, as OpenRouter has it. From
providers it comes as one of several members; the seal keeps which, so that only who gave it is given it back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from quart_proxy.core.chat import Thinking
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.nesting import load_arguments
from quart_proxy.core.seals import MARK, Seal, read_seal, write_seal

NAME = "openai"
TEXTS = {"reasoning_content": "content", "reasoning": "reasoning"}
"""The members that hold the text alone, with the kind of seal that remembers each."""
DETAILS = "reasoning_details"
EXTRA = "extra_content"
"""What Gemini's endpoint of this format puts on a tool call, and wants back on it: the seal of its thinking."""
KIND_OF_DETAILS, KIND_OF_EXTRA = "details", "extra"
_SAYING = ("text", "summary", "data", "signature")


# --- what clients send back ---------------------------------------------------------------------------


def parse_thinking(message: ClientObject) -> list[tuple[Thinking, str | None]]:
    """The thinking of an assistant's message, each with the id of the tool call that it led to; None: it came first."""
    details = message.list_objects(DETAILS)
    if details:
        return [(_parse_detail(detail), detail.find_text("id")) for detail in details]
    for member in TEXTS:
        if text := message.find_text(member):
            return [(Thinking(text, message.path(member)), None)]
    return []


def _parse_detail(detail: ClientObject) -> Thinking:
    token = detail.find_text("signature") or detail.find_text("data")
    text = detail.find_text("text") or detail.find_text("summary") or ""
    return Thinking(text, detail.at, None if token is None else read_seal(token, NAME))


def render_detail(thinking: Thinking, number: int, call_id: str | None) -> dict[str, Any]:
    """One of a client's `reasoning_details`; whole, so that a client that keeps it can send it back."""
    detail: dict[str, Any] = {"type": "reasoning.text", "text": thinking.text}
    if thinking.seal is not None:
        token = write_seal(thinking.seal, NAME)
        detail = {**detail, "signature": token} if thinking.text else {"type": "reasoning.encrypted", "data": token}
    if call_id is not None:
        detail["id"] = call_id
    return {**detail, "index": number}


def drop_foreign(messages: list[Any]) -> list[Any]:
    """A client's messages for a provider of this format, without the thinking that others sealed."""
    if not any(isinstance(message, dict) and DETAILS in message for message in messages):
        return messages
    return [_drop_foreign(message) for message in messages]


def _drop_foreign(message: Any) -> Any:
    details = message.get(DETAILS) if isinstance(message, dict) else None
    if not isinstance(details, list):
        return message
    own = [detail for detail in details if not _is_foreign(detail)]
    if len(own) == len(details):
        return message
    # The text beside it is ours too: the provider that it came from has no such member.
    rest = {name: value for name, value in message.items() if name not in (DETAILS, *TEXTS)}
    return {**rest, DETAILS: own} if own else rest


def _is_foreign(detail: Any) -> bool:
    tokens = (detail.get("signature"), detail.get("data")) if isinstance(detail, dict) else ()
    return any(isinstance(token, str) and token.startswith(f"{MARK}.") for token in tokens)


# --- what providers send, and get back ----------------------------------------------------------------


def find_thought(said: Mapping[str, Any]) -> tuple[str, str] | None:
    """The thinking in a message or a delta, and the member that it stood in; None: there is none."""
    for member in TEXTS:
        text = said.get(member)
        if isinstance(text, str) and text:
            return text, member
    details = list_details(said)
    return ("".join(_text_of(detail) for detail in details), DETAILS) if details else None


def list_details(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    details = said.get(DETAILS)
    found = details if isinstance(details, list) else []
    return [detail for detail in found if isinstance(detail, dict) and any(map(detail.get, _SAYING))]


def _text_of(detail: Mapping[str, Any]) -> str:
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def make_seal(member: str, details: Iterable[Mapping[str, Any]]) -> Seal:
    """The seal of thinking that stood in `member`, or in the pieces of details."""
    whole = _join(details)
    if not whole:
        return Seal(NAME, "", TEXTS[member])
    if [detail for detail in whole if _text_of(detail)] == whole[:1]:
        # The text is the thinking's own: kept twice it would double what clients send in every turn.
        whole[0].pop("text", None)
    return Seal(NAME, _write(whole), KIND_OF_DETAILS)


def _join(details: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pieces with one index are one detail, whose texts go on."""
    whole: dict[object, dict[str, Any]] = {}
    for detail in details:
        joined = whole.setdefault((str(detail.get("index")), str(detail.get("type"))), {})
        for name, value in detail.items():
            goes_on = name in _SAYING and isinstance(value, str) and isinstance(joined.get(name), str)
            joined[name] = joined[name] + value if goes_on else value
    return list(whole.values())


def make_extra_seal(extra: Mapping[str, Any]) -> Seal:
    return Seal(NAME, _write(extra), KIND_OF_EXTRA)


def _write(document: object) -> str:
    """ "" for what cannot be written: then there is nothing to give back."""
    try:
        return orjson.dumps(document).decode()
    except orjson.JSONEncodeError:
        return ""


def render_thinking(thoughts: Iterable[Thinking]) -> dict[str, Any]:
    """The members of an assistant's message that give a provider its own thinking back.

    Thinking without a seal of this format is left out: strict providers refuse members that they never gave.
    """
    said: dict[str, Any] = {}
    for thinking in thoughts:
        kind = thinking.seal.kind if thinking.seal is not None and thinking.seal.api_format == NAME else None
        if kind == KIND_OF_DETAILS and (details := _restore(thinking)):
            said[DETAILS] = said.get(DETAILS, []) + details
        for member, kept_as in TEXTS.items():
            if kind == kept_as:
                said[member] = said.get(member, "") + thinking.text
    return said


def _restore(thinking: Thinking) -> list[Any]:
    details = _load(thinking.seal)
    if not isinstance(details, list):
        return []
    if details and isinstance(details[0], dict) and details[0].get("type") == "reasoning.text":
        details[0].setdefault("text", thinking.text)
    return details


def find_extra(thinking: Thinking) -> Any:
    """What belongs on the tool call behind this thinking; None: nothing does."""
    seal = thinking.seal
    is_extra = seal is not None and seal.api_format == NAME and seal.kind == KIND_OF_EXTRA
    return _load(seal) if is_extra else None


def _load(seal: Seal | None) -> Any:
    """What a seal of ours holds. It went through a client's hands: None when it holds no JSON any more, or such that
    cannot be passed on."""
    return None if seal is None or not seal.data else load_arguments(seal.data)
