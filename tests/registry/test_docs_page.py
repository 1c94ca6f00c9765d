"""docs/registry.md is run as it is printed: every command, every line of its answer.

`UPDATE_GOLDEN=1` writes the answers of this run into the page.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quart_proxy.store.embedded import remove_embedded_postgres

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "registry.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
END = "__the command ended__"
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d( UTC)?"), "2026-11-23 10:00 UTC"),
    (re.compile(r"(?<=[: @])[0-9a-f]{7}(?=\+? by|\+?$|\+?[;, ])"), "3f2c9ab"),
    (re.compile(r"\bcli:\S+"), "cli:ada"),
    (re.compile(r"^\[1\].*\n?", re.MULTILINE), ""),
    (re.compile(r" +$", re.MULTILINE), ""),
)
"""What is other in every run, and what it is called on the page."""


class Shell:
    """One bash, as a reader has one terminal."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # The status is kept for the next command, which may ask for it.
        self.process.stdin.write(f"(exit ${{status:-0}})\n{command}\nstatus=$?; echo; echo '{END}'\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == END:
                break
            lines.append(line)
        # The line break before the end is ours.
        return "".join(lines).removesuffix("\n")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    programs = Path(sys.executable).parent
    assert (programs / "registry").exists(), "the project is installed where its Python is"
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    shell = Shell(tmp_path, environment)
    yield shell
    os.killpg(shell.process.pid, signal.SIGTERM)
    # Its output ends when the last process that it started has ended, the server among them.
    shell.process.communicate(timeout=60)
    remove_embedded_postgres(tmp_path / "data")


def steps(block: str) -> list[tuple[str, str, str]]:
    """Each command as it is printed, as it is typed, and the answer that is printed below it."""
    found: list[list[str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line + "\n", line[2:], ""])
        elif line.startswith(">") and not found[-1][2]:
            found[-1][0] += line + "\n"
            found[-1][1] += "\n" + line[2:]
        else:
            found[-1][2] += line + "\n"
    return [(printed, typed, answer) for printed, typed, answer in found]


def settled(answer: str) -> str:
    for pattern, name in CHANGING:
        answer = pattern.sub(name, answer)
    return answer if not answer or answer.endswith("\n") else answer + "\n"


@pytest.mark.timeout(240)
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("git") is None, reason="the page uses curl and git")
def test_every_step_of_the_page_answers_as_printed(shell: Shell) -> None:
    text = PAGE.read_text()
    expected, found = [], []
    for block in BLOCK.findall(text):
        made = ""
        for printed, typed, answer in steps(block):
            told = settled(shell.run(typed))
            expected.append((typed, answer))
            found.append((typed, told))
            made += printed + told
        text = text.replace(f"```console\n{block}```", f"```console\n{made}```")
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)
        return
    assert found == expected
