"""The levels of the chain that a system prompt comes from: what a model says, and what the settings say."""

from typing import Protocol

from quart_proxy.core.prompts import PromptMode, PromptRule, SystemPrompt, choose_prompt
from quart_proxy.store.settings import LiveSettings


class HasPrompt(Protocol):
    """What a model says of its prompt, as the catalog declares it or as it is served."""

    @property
    def prompt_disabled(self) -> bool | None: ...

    @property
    def prompt_text(self) -> str | None: ...

    @property
    def prompt_mode(self) -> str | None: ...


def rule_of(model: HasPrompt) -> PromptRule:
    return PromptRule(
        model.prompt_text or "",
        None if model.prompt_mode is None else PromptMode(model.prompt_mode),
        bool(model.prompt_disabled),
    )


def choose_prompt_of(model: HasPrompt | None, live: LiveSettings) -> SystemPrompt | None:
    """What is injected into a request to `model`; None: into one that says nothing of it."""
    return choose_prompt(
        enabled=live.system_prompt_enabled,
        model=PromptRule() if model is None else rule_of(model),
        everywhere=PromptRule(live.system_prompt, PromptMode(live.system_prompt_mode)),
    )
