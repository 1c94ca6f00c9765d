"""Other gateways that can be measured beside the product, when they are installed. A new one is one entry in PEERS.

They are no part of the lock: they live in a virtual environment of their own, or on the PATH.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.contenders import Contender
from bench.processes import find_free_port, make_environment, running_command


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs: `scenarios` are the models that it must serve, by name, from the sandbox."""

    sandbox_url: str
    scenarios: Mapping[str, str]
    cores: Set[int]
    folder: Path


Start = Callable[[Path, Place], AbstractAsyncContextManager[Contender]]


@dataclass(frozen=True, slots=True)
class Peer:
    """`program` is the command that starts it; `start` takes its path. `note` says what it does not do here."""

    name: str
    program: str
    note: str
    start: Start

    def find_program(self, venv: Path | None) -> Path | None:
        """None when it is not installed in `venv`; without a `venv` nothing is looked for."""
        program = None if venv is None else venv.absolute() / "bin" / self.program
        return program if program is not None and program.exists() else None


@asynccontextmanager
async def _start_litellm(program: Path, place: Place) -> AsyncIterator[Contender]:
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{scenario}",
                "api_base": f"{place.sandbox_url}/v1",
                "api_key": "sandbox",
            },
        }
        for name, scenario in place.scenarios.items()
    ]
    config = place.folder / "litellm.yaml"
    config.write_text(yaml.safe_dump({"model_list": models, "litellm_settings": {"telemetry": False}}))
    port = find_free_port()
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    key = f"sk-{secrets.token_hex(32)}"
    environment = make_environment(LITELLM_MASTER_KEY=key, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
    # Its own environment, not the product's: the checkout must not shadow anything of its.
    del environment["PYTHONPATH"]
    log = place.folder / "litellm.log"
    async with running_command(command, port=port, cores=place.cores, environment=environment, log=log) as pid:
        yield Contender("LiteLLM", f"http://127.0.0.1:{port}", pid, (key,), is_gateway=True)


PEERS = (Peer("LiteLLM", "litellm", "one master key and no database, so nothing is billed", _start_litellm),)
