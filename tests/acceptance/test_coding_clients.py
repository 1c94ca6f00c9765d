"""Coding agents on every kind of provider: they read a file with their own shell, think, answer, and are billed.

The provider is the sandbox: it lets the agent run what its user types after `run: `, twice at once where the agent
allows that, answers with what the shell said, and refuses a second turn that does not bring back its thoughts sealed as
it made them.
"""

from pathlib import Path
from typing import Any

import pytest
from coding_clients import INSTALL_S, RUN_S, Clients, Gateway, install_clients, run_claude, run_codex
from product import PRICES, Product

from quart_proxy.core.usage import Dimension

pytestmark = pytest.mark.timeout(INSTALL_S + RUN_S)

LINE = "the moon weighs 42 cheeses"
PROMPT = "run: cat note.txt"
SCENARIO = "sandbox:shell=1,tool_calls=2,think=1"
# An agent speaks differently to the models that it knows. Claude Code says its surroundings as system turns in the
# midst of the conversation, or as the user's. Codex offers tools beside its messages, or a JavaScript shell within.
CLAUDE_MODELS = ("some-model", "claude-sonnet-4-5-20250929")
CODEX_MODELS = ("some-model", "gpt-5.5", "gpt-6-sol")
UPSTREAMS = ("openai", "anthropic", "openai_responses", "gemini")

RUNS = {"claude": run_claude, "codex": run_codex}
CASES = [
    pytest.param(client, model, api_format, id=f"{client}-{model}-{api_format}")
    for client, models in (("claude", CLAUDE_MODELS), ("codex", CODEX_MODELS))
    for model in models
    for api_format in UPSTREAMS
]


@pytest.fixture(scope="module")
def clients() -> Clients:
    return install_clients()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home for one run, with the file that the agent is to read."""
    (tmp_path / "note.txt").write_text(LINE + "\n")
    return tmp_path


@pytest.mark.parametrize(("client", "model", "api_format"), CASES)
async def test_agent_reads_a_file_with_its_shell_and_is_billed(
    clients: Clients, running: Product, home: Path, client: str, model: str, api_format: str
) -> None:
    await running.add_model(model, actual_model=SCENARIO, api_format=api_format)
    user_id, key = await running.add_user()
    await running.client.delete(f"{running.sandbox_url}/_sandbox/ledger")
    answer = await RUNS[client](clients, Gateway(running.base_url, key), model, PROMPT, home)
    assert "The tool said:" in answer and LINE in answer
    entries = (await running.client.get(f"{running.sandbox_url}/_sandbox/ledger")).json()
    assert [entry["status"] for entry in entries] == [200, 200]
    await assert_billed(running, user_id, entries)


@pytest.mark.parametrize("client", sorted(RUNS))
async def test_agent_goes_on_with_the_next_provider(
    clients: Clients, running: Product, home: Path, client: str
) -> None:
    user_id, key = await running.add_user()
    gateway = Gateway(running.base_url, key)
    await running.client.delete(f"{running.sandbox_url}/_sandbox/ledger")
    for turn, api_format in enumerate((*UPSTREAMS, UPSTREAMS[0])):
        await running.add_model("wanderer", actual_model=SCENARIO, api_format=api_format)
        answer = await RUNS[client](clients, gateway, "wanderer", PROMPT, home, goes_on=turn > 0)
        assert LINE in answer, api_format
    entries = (await running.client.get(f"{running.sandbox_url}/_sandbox/ledger")).json()
    assert [entry["status"] for entry in entries] == [200] * 2 * (len(UPSTREAMS) + 1)
    await assert_billed(running, user_id, entries)


async def assert_billed(product: Product, user_id: int, entries: list[dict[str, Any]]) -> None:
    """Each exchange once, with the tokens that the provider counted, and the balance less by their cost."""
    rows = await product.rows(len(entries), user_id=user_id)
    promised = [entry["usage_promised"] for entry in entries]
    for dimension in (Dimension.INPUT, Dimension.OUTPUT):
        sums = sorted(usage[dimension.value] for usage in promised)
        assert sorted(row.tokens[dimension] for row in rows) == sums
    cost = sum(PRICES[Dimension(name)] * usage[name] for usage in promised for name in ("input", "output")) / 1_000_000
    assert {row.outcome for row in rows} == {"completed"}
    assert await product.balance(user_id) == 100 - cost
    assert await product.imbalances() == []
