"""README.md is true: its requests are made, its settings are a client's, its file is read, its links lead somewhere."""

import asyncio
import re
import shlex
from pathlib import Path

import anthropic
import openai
import pytest
from product import Product

from registry.schema import parse_registry

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LOCAL = "http://127.0.0.1:3000"
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)|\]\(#([^)\s]+)\)")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def settings_of(client: str, product: Product, key: str) -> dict[str, str]:
    """The variables in a client's row of the table."""
    row = re.search(rf"^\| {client} \| (.*) \|$", README, re.MULTILINE)
    assert row is not None
    said = row[1].replace(LOCAL, product.base_url).replace("sk-...", key)
    return dict(re.findall(r"`([A-Z_]+)=([^`]+)`", said))


async def test_the_first_request_is_answered_as_it_is_printed(running: Product) -> None:
    command = re.search(r"^curl -N [^`]+", README, re.MULTILINE)
    assert command is not None
    _, key = await running.add_user()
    text = command[0].replace(LOCAL, running.base_url).replace("sk-...", key).replace("demo-gpt", "sandbox-gpt")
    curl = await asyncio.create_subprocess_exec(
        *shlex.split(text.replace("\\\n", " ")), "--silent", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await curl.communicate()
    assert out.startswith(b'data: {"id":"chatcmpl-')
    assert out.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("model", ["sandbox-gpt", "sandbox-claude", "sandbox-responses"])
async def test_the_settings_of_the_sdks_reach_a_model_of_any_format(
    running: Product, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    _, key = await running.add_user()
    for client in ("OpenAI SDK", "Anthropic SDK"):
        for name, value in settings_of(client, running, key).items():
            monkeypatch.setenv(name, value)
    async with openai.AsyncOpenAI(max_retries=0) as chat:
        said = await chat.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
        assert said.choices[0].message.content
        assert (await chat.responses.create(model=model, input="Hi")).output_text
    async with anthropic.AsyncAnthropic(max_retries=0) as messages:
        told = await messages.messages.create(model=model, max_tokens=50, messages=[{"role": "user", "content": "Hi"}])
        assert told.content


async def test_every_endpoint_of_the_table_is_there_and_none_is_missing(running: Product) -> None:
    told = set(re.findall(r"^\| `(GET|POST) (/v1/[^`]+)` \|", README, re.MULTILINE))
    answered = {
        (method, str(rule))
        for rule in running.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
        if str(rule).startswith("/v1/") and "<" not in str(rule) and "/dashboard/" not in str(rule)
    }
    assert told == answered


def test_every_client_of_the_page_is_in_the_table() -> None:
    clients = (ROOT / "static" / "snippets.js").read_text()
    names = re.findall(r'^  \{ name: "[^"]+", text: "([^",]+)', clients, re.MULTILINE)
    assert len(names) > 8
    for name in names:
        for one in name.split(" and "):
            assert re.search(rf"^\| [^|]*{one}[^|]* \|", README, re.MULTILINE), one


def test_the_model_with_a_spare_is_read() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    parsed = parse_registry(example)
    assert not parsed.faults
    assert parsed.registry is not None
    assert [upstream.priority for upstream in parsed.registry.models["assistant"].upstreams] == [0, 1]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target, part, own in LINK.findall(page.read_text()):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if part or own:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert (part or own) in anchors
