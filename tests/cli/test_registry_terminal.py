"""`registry` where somebody looks on: a real terminal, files that are broken, and answers that must not mislead."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quart_proxy.commands.registry import main

ROOT = Path(__file__).parents[2]
FILE = """\
version: 1
providers:
  one: {{api_format: openai, api_url: https://one.example/v1, api_key: "${{env:ONE_API_KEY}}"}}
models:
  a: {{provider: one, pricing: {{input: {price}, output: 8.00}}}}
"""
ESCAPE = "\x1b[31m"


@pytest.fixture(autouse=True)
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, on this test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write()
    return tmp_path


def write(price: str = "1.00") -> None:
    Path("models.yaml").write_text(FILE.format(price=price))


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == status, result.output
    return result


def run_on_terminal(typed: str, *arguments: str) -> tuple[int, str]:
    """The exit status and what a terminal was sent, by a user who types this."""
    above, below = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "registry", *arguments], stdin=below, stdout=below, stderr=below, close_fds=True
    )
    os.close(below)
    os.write(above, typed.encode())
    sent = b""
    try:
        while read := os.read(above, 4096):
            sent += read
    except OSError:  # what Linux says when the last of the other side is closed
        pass
    os.close(above)
    return process.wait(), sent.decode()


async def test_terminal_is_asked_and_only_a_yes_applies() -> None:
    status, sent = await asyncio.to_thread(run_on_terminal, "n\n", "apply")
    assert (status, "Apply? [y/N]" in sent) == (1, True)
    await run("plan", status=2)
    status, sent = await asyncio.to_thread(run_on_terminal, "y\n", "apply")
    assert status == 0
    assert "Applied: revision 1, 2 created." in sent


async def test_nobody_is_asked_about_a_plan_that_changes_nothing_or_that_a_guard_refuses() -> None:
    await run("apply", "--yes")
    status, sent = await asyncio.to_thread(run_on_terminal, "", "apply")
    assert (status, "Apply?" in sent) == (0, False)
    assert "Nothing to apply: revision 1." in sent
    write("5.00")
    status, sent = await asyncio.to_thread(run_on_terminal, "", "apply")
    assert (status, "Apply?" in sent) == (4, False)
    assert sent.count("Exit code 4") == 1


async def test_rollback_goes_back_only_from_what_was_shown() -> None:
    await run("apply", "--yes")
    write("1.20")
    await run("apply", "--yes")
    write("1.30")

    def overtaken() -> tuple[int, str]:
        """Somebody applies between the question and the yes."""
        above, below = pty.openpty()
        words = [sys.executable, "-m", "registry", "rollback", "--to", "1"]
        process = subprocess.Popen(words, stdin=below, stdout=below, stderr=below, close_fds=True)
        os.close(below)
        sent = b""
        try:
            while read := os.read(above, 4096):
                sent += read
                if sent.endswith(b"[y/N]: "):
                    CliRunner().invoke(main, ("apply", "--yes"))
                    os.write(above, b"y\n")
        except OSError:  # what Linux says when the last of the other side is closed
            pass
        os.close(above)
        return process.wait(), sent.decode()

    status, sent = await asyncio.to_thread(overtaken)
    assert (status, "at revision 3 by now, not at 2" in sent) == (1, True), sent
    assert "1.20 -> 1.00" in sent
    status, sent = await asyncio.to_thread(run_on_terminal, "y\n", "rollback", "--to", "1")
    assert (status, "Revision 4:" in sent) == (0, True), sent


async def test_apply_of_files_that_change_nothing_live_says_so() -> None:
    await run("apply", "--yes")
    Path("models.yaml").write_text(Path("models.yaml").read_text() + "# a comment\n")
    assert "Applied: revision 2, nothing live." in (await run("apply", "--yes")).output
    assert "Nothing to apply: revision 2." in (await run("apply", "--yes")).output


async def test_signs_have_colours_on_a_terminal_alone_and_none_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    status, sent = await asyncio.to_thread(run_on_terminal, "", "plan")
    assert (status, '  \x1b[32m\x1b[1m+\x1b[0m model "a"' in sent) == (2, True)
    assert "\x1b" not in (await run("plan", status=2)).output
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert "\x1b" not in (await asyncio.to_thread(run_on_terminal, "", "plan"))[1]


@pytest.mark.parametrize("verb", ["plan", "export"])
async def test_escape_sequence_in_a_broken_file_does_not_reach_the_terminal(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("models.yaml").write_text(f"version: 1\nmodels: {{a: [{ESCAPE}RED}}\n")
    monkeypatch.setenv("NO_COLOR", "1")
    status, sent = await asyncio.to_thread(run_on_terminal, "", verb)
    assert (status, "\x1b" in sent) == (1, False)
    assert "models.yaml:2:14: error[E101]" in sent


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes"), ("export",), ("adopt", "model/a")], ids=" ".join)
async def test_every_fault_is_printed_with_its_caret(words: tuple[str, ...]) -> None:
    Path("models.yaml").write_text("version: 1\nmodles: {}\nproviders: {p: {}}\nmodels: {}\n")
    stderr = (await run(*words, status=1)).stderr
    assert "     2 | modles: {}\n       | ^\n" in stderr
    assert stderr.count("error[E202]") == 2
    assert stderr.endswith("The files cannot be used: 3 faults.\n")


async def test_literal_secret_is_shown_neither_by_plan_nor_by_export() -> None:
    Path("models.yaml").write_text(FILE.format(price="1").replace("${env:ONE_API_KEY}", "canary-literal-4711"))
    for verb in ("plan", "export"):
        output = (await run(verb, status=1)).output
        assert "error[E301]" in output
        assert "canary" not in output


async def test_first_file_is_json_when_json_is_asked_for() -> None:
    await run("apply", "--yes")
    made = json.loads((await run("export", "--init", "--json")).stdout)
    assert made["text"] == (await run("export", "--init")).stdout


async def test_adopting_what_is_not_live_is_a_failure() -> None:
    result = await run("adopt", "model/nosuch", status=1)
    assert (result.stdout, "model/nosuch is not live" in result.stderr) == ("", True)


async def test_several_files_are_not_printed_as_one() -> None:
    Path("more.yaml").write_text("version: 1\n")
    result = await run("export", "--stdout", "models.yaml", "more.yaml", status=2)
    assert "--stdout is of one file" in result.stderr
