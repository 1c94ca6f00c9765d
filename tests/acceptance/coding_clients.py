"""The coding agents that people point at a gateway, installed and run as they are, with every other traffic off.

They come from npm, in pinned versions, once into `build/clients`. Where that cannot be done their tests are skipped,
unless `CLIENT_TESTS=required` says that nothing may be.
"""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = ("@anthropic-ai/claude-code@2.1.330", "@openai/codex@0.169.0")
FOLDER = Path(__file__).parents[2] / "build" / "clients"
# Both are programs of their own, which their packages only start: nothing of Node.js is needed to run them.
CLAUDE = "node_modules/@anthropic-ai/claude-code-*/claude"
CODEX = "node_modules/@openai/codex-*/vendor/*/bin/codex"
SYSTEM_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
INSTALL_S = 240
RUN_S = 60

CODEX_CONFIG = """
model = "{model}"
model_provider = "gateway"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[features]
plugins = false
apps = false
[analytics]
enabled = false
[otel]
metrics_exporter = "none"
[model_providers.gateway]
name = "gateway"
base_url = "{base_url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
"""


@dataclass(frozen=True, slots=True)
class Clients:
    claude: Path
    codex: Path


@dataclass(frozen=True, slots=True)
class Gateway:
    base_url: str
    key: str


def install_clients() -> Clients:
    """Both programs. Skips the test that asks for them, or fails it, when npm cannot install them."""
    folder = FOLDER / "-".join(package.rsplit("@", 1)[1] for package in PACKAGES)
    if (found := _find_clients(folder)) is None:
        fault = _install(folder)
        found = _find_clients(folder)
        if found is None:
            end = pytest.fail if os.environ.get("CLIENT_TESTS") == "required" else pytest.skip
            end(f"The coding clients are not installed: {fault or 'npm left out their programs'}.")
    return found


def _install(folder: Path) -> str | None:
    """What stood in the way; None when npm was content."""
    if (npm := shutil.which("npm")) is None:
        return "there is no npm"
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    # Node brings its own list of authorities; behind a gateway of its own a machine has another one in its system's.
    trust = {"NODE_EXTRA_CA_CERTS": str(SYSTEM_TRUST)} if SYSTEM_TRUST.is_file() else {}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_S, check=False, env={**trust, **os.environ}
        )
    except subprocess.TimeoutExpired:
        return f"npm took more than {INSTALL_S} seconds"
    return f"npm said {done.stderr.strip()[-300:]}" if done.returncode else None


def _find_clients(folder: Path) -> Clients | None:
    # An older npm brings a program for each C library; the usual one comes first.
    claude, codex = min(folder.glob(CLAUDE), default=None), min(folder.glob(CODEX), default=None)
    return Clients(claude, codex) if claude and codex else None


async def run_claude(
    clients: Clients, gateway: Gateway, model: str, prompt: str, home: Path, *, goes_on: bool = False
) -> str:
    """What Claude Code answers in the folder `home`, or goes on to answer there. Fails the test when it ends badly."""
    environment = {
        "ANTHROPIC_BASE_URL": gateway.base_url,
        "ANTHROPIC_AUTH_TOKEN": gateway.key,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    command = [str(clients.claude), *(["--continue"] if goes_on else []), "-p", prompt, "--model", model]
    return await _run([*command, "--allowedTools", "Bash"], environment, home)


async def run_codex(
    clients: Clients, gateway: Gateway, model: str, prompt: str, home: Path, *, goes_on: bool = False
) -> str:
    """What Codex answers in the folder `home`, or goes on to answer there. Fails the test when it ends badly."""
    config = home / ".codex"
    config.mkdir(exist_ok=True)
    (config / "config.toml").write_text(CODEX_CONFIG.format(model=model, base_url=gateway.base_url))
    environment = {"CODEX_HOME": str(config), "GATEWAY_KEY": gateway.key}
    command = [str(clients.codex), "exec", *(["resume", "--last"] if goes_on else []), "--skip-git-repo-check"]
    return await _run([*command, prompt], environment, home)


async def _run(command: list[str], environment: dict[str, str], home: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_S):
            answer, log = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, (answer + log).decode()[-3000:]
    return answer.decode()
