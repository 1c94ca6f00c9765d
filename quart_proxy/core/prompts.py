"""Which system prompt a request gets: master switch, then the model's own switch, then its text, then the
global text."""

from dataclasses import dataclass
from enum import StrEnum

PROMPT_CHARACTERS_MAX = 10_000


class PromptMode(StrEnum):
    PREPEND = "prepend"
    """Before the client's own system text, which stays."""
    REPLACE = "replace"
    """In place of the client's own system text."""


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """A text to inject and how. `text` is never empty and has at most 10,000 characters."""

    text: str
    mode: PromptMode


@dataclass(frozen=True, slots=True)
class PromptRule:
    """One level of the chain. An empty `text` says nothing; `mode` None leaves the mode to the next level."""

    text: str = ""
    mode: PromptMode | None = None
    disabled: bool = False


def choose_prompt(*, enabled: bool, model: PromptRule, everywhere: PromptRule) -> SystemPrompt | None:
    """The prompt to inject, or None. `enabled` is the master switch.

    A text over 10,000 characters is cut there in silence; a Python `str` is cut between characters, never
    inside one.
    """
    if not enabled or model.disabled:
        return None
    text = model.text or everywhere.text
    if not text.strip():
        return None
    return SystemPrompt(text[:PROMPT_CHARACTERS_MAX], model.mode or everywhere.mode or PromptMode.PREPEND)
