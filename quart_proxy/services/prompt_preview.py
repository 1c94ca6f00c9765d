"""What a system prompt would do: the bodies that providers would get for a sample request, made as they are made for
real ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from quart_proxy.core.formats import FORMATS
from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX, SystemPrompt
from quart_proxy.services.admission import BYTES_PER_TOKEN
from quart_proxy.services.prompt_levels import choose_prompt_of
from quart_proxy.store.catalog import Model
from quart_proxy.store.settings import LiveSettings

SAMPLE_QUESTION = "Hello!"
SAMPLE_MODEL = "a-model"
Source = Literal["global", "model", "none"]


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """`prompt` None: nothing is injected, and `source` is `none`. `is_cut`: the text is longer than what is sent.
    `bodies` by format: what the provider would get."""

    prompt: SystemPrompt | None
    source: Source
    is_cut: bool
    tokens_estimated: int
    bodies: Mapping[str, dict[str, Any]]


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
        bodies={name: _body(name, sample, model, prompt) for name, sample in _samples(model, system).items()},
    )


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


def _body(name: str, sample: dict[str, Any], model: Model | None, prompt: SystemPrompt | None) -> dict[str, Any]:
    spoken = FORMATS[name]
    request = spoken.parse_request(orjson.dumps(sample))
    named = [] if model is None else [upstream.actual_model for upstream in model.upstreams if upstream.actual_model]
    body = spoken.render_request(request, actual_model=named[0] if named else request.model, prompt=prompt)
    sent: dict[str, Any] = orjson.loads(body)
    return sent
