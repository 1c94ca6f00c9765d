"""What an answer is made of when the sandbox is asked to think or to use tools."""

import re
from dataclasses import dataclass

from quart_proxy.sandbox.conversation import Latest, parse_latest
from quart_proxy.sandbox.question import Question
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.seals import THOUGHT
from quart_proxy.sandbox.tools import ToolCall, make_calls, make_shell_calls

QUOTE = "The tool said: {}"
QUOTED_CHARACTERS_MAX = 1_000
WORD = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Reply:
    thought: str = ""
    """Empty when it does not think."""
    tool_calls: tuple[ToolCall, ...] = ()
    quote: tuple[str, ...] = ()
    """The words of the text, each with the space before it; empty for the text that every answer has."""

    @property
    def reasoning_tokens(self) -> int:
        return len(self.thought.split())

    @property
    def tool_tokens(self) -> int:
        return sum(call.tokens for call in self.tool_calls)


def plan_reply(question: Question, scenario: Scenario) -> Reply:
    thought = THOUGHT if scenario.think else ""
    if not (scenario.tool_call or scenario.tool_calls or scenario.shell):
        return Reply(thought)
    latest = parse_latest(question.body)
    if latest.results:
        text = QUOTE.format("\n".join(latest.results)[:QUOTED_CHARACTERS_MAX])
        return Reply(thought, quote=tuple(WORD.findall(text)))
    return Reply(thought, tool_calls=_list_calls(question, scenario, latest))


def _list_calls(question: Question, scenario: Scenario, latest: Latest) -> tuple[ToolCall, ...]:
    wanted = scenario.tool_calls or 1
    if scenario.shell:
        return make_shell_calls(question.body, latest.user_text, wanted)
    return make_calls(question.body, wanted)
