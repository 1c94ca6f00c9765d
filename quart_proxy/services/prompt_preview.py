"""What a system prompt would do: the bodies that providers would get for a sample request, made as they are made for
real ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson

from quart_proxy.core.chat import with_prompt
from quart_proxy.core.formats import FORMATS, UPSTREAM_FORMATS, UpstreamChat
from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX, SystemPrompt
from quart_proxy.services.admission import BYTES_PER_TOKEN
from quart_proxy.services.prompt_levels import choose_prompt_of
from quart_proxy.store.catalog import Model
from quart_proxy.store.settings import LiveSettings

SAMPLE_QUESTION = "Hello!"
SAMPLE_MODEL = "a-model"
TRANSLATED_FROM = "openai"
"""The format of the client whose request stands for all that are translated."""
Source = Literal["global", "model", "none"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample request as a provider would get it: `path` is its endpoint."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """`prompt` None: nothing is injected, and `source` is `none`. `is_cut`: the text is longer than what is sent.
    `sent` by format: what the provider would get."""

    prompt: SystemPrompt | None
    source: Source
    is_cut: bool
    tokens_estimated: int
    sent: Mapping[str, Sent]


def preview_prompt(model: Model | None, live: LiveSettings, *, system: str | None) -> PromptPreview:
    """What `live` would come to for a request to `model` (None: one that says nothing of its own) whose client sends
    the text `system` (None: none)."""
    prompt = choose_prompt_of(model, live)
    text = (model and model.prompt_text) or live.system_prompt
    return PromptPreview(
        prompt=prompt,
        source="none" if prompt is None else "model" if model is not None and model.prompt_text else "global",
        is_cut=prompt is not None and len(text) > PROMPT_CHARACTERS_MAX,
        tokens_estimated=0 if prompt is None else -(-len(prompt.text.encode()) // BYTES_PER_TOKEN),
        sent=_list_sent(model, _samples(model, system), prompt),
    )


def _list_sent(
    model: Model | None, samples: Mapping[str, dict[str, Any]], prompt: SystemPrompt | None
) -> dict[str, Sent]:
    """In each format that providers speak: in the client's own, or translated where clients do not speak it."""
    named = [] if model is None else [upstream.actual_model for upstream in model.upstreams if upstream.actual_model]
    actual_model = named[0] if named else samples[TRANSLATED_FROM]["model"]
    sent = {}
    for name, sample in samples.items():
        request = FORMATS[name].parse_request(orjson.dumps(sample))
        body = FORMATS[name].render_request(request, actual_model=actual_model, prompt=prompt)
        sent[name] = Sent(f"/v1/{FORMATS[name].endpoint}", orjson.loads(body))
    for name, spoken in UPSTREAM_FORMATS.items():
        if name not in FORMATS and spoken.upstream_chat is not None:
            path = urlsplit(spoken.upstream_url("", actual_model=actual_model, is_streaming=False)).path
            sent[name] = Sent(path, _translated(spoken.upstream_chat, samples[TRANSLATED_FROM], actual_model, prompt))
    return sent


def _translated(
    spoken: UpstreamChat, sample: dict[str, Any], actual_model: str, prompt: SystemPrompt | None
) -> dict[str, Any]:
    client = FORMATS[TRANSLATED_FROM].client_chat
    assert client is not None
    chat = with_prompt(client.parse_chat(sample), prompt)
    return dict(spoken.render_chat(chat, actual_model=actual_model, max_tokens_default=None))


def _samples(model: Model | None, system: str | None) -> dict[str, dict[str, Any]]:
    """By format: a request as a client would send it."""
    name = SAMPLE_MODEL if model is None else model.display_name
    question = {"role": "user", "content": SAMPLE_QUESTION}
    theirs = [] if system is None else [{"role": "system", "content": system}]
    return {
        "openai": {"model": name, "messages": [*theirs, question]},
        "anthropic": {
            "model": name,
            "max_tokens": 1024,
            **({} if system is None else {"system": system}),
            "messages": [question],
        },
        "openai_responses": {
            "model": name,
            **({} if system is None else {"instructions": system}),
            "input": SAMPLE_QUESTION,
        },
    }
