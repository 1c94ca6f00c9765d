"""Every command as a user runs it: a process, its output and its exit status."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg
import pytest

from quart_proxy.store.embedded import remove_embedded_postgres

ROOT = Path(__file__).parents[2]
COMMANDS = (
    (),
    ("serve",),
    ("migrate",),
    ("sandbox",),
    ("user",),
    ("user", "add"),
    ("user", "list"),
    ("user", "credit"),
    ("key",),
    ("key", "add"),
    ("key", "list"),
    ("key", "revoke"),
    ("audit",),
    ("reseal",),
    ("registry",),
    ("registry", "validate"),
    ("registry", "plan"),
    ("registry", "apply"),
    ("registry", "drift"),
    ("registry", "export"),
    ("registry", "adopt"),
    ("registry", "history"),
    ("registry", "show"),
    ("registry", "diff"),
    ("registry", "rollback"),
    ("registry", "hold"),
    ("registry", "unhold"),
    ("registry", "resolve"),
    ("registry", "revert"),
    ("registry", "detach"),
    ("registry", "status"),
    ("registry", "doctor"),
    ("demo",),
)
STRONG = {
    "ADMIN_PASSWORD": "a password of some length",
    "JWT_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "ENCRYPTION_KEY": "zyxwvutsrqponmlkjihgfedcba9876543210",
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "quart_proxy.cli", *arguments]


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder), **more}


def run(folder: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # in a folder without .env and models.yaml
        command(*arguments), env=environment(folder, **env), cwd=folder, capture_output=True, text=True, timeout=100
    )


def run_json(folder: Path, *arguments: str, **env: str) -> Any:
    done = run(folder, *arguments, "--json", **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data folder with an embedded database of its own, begun by the first command that needs it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        remove_embedded_postgres(Path(folder))


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line on stderr, which says what is wrong; no traceback is above it."""
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_an_example(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *words, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout or words in (("user",), ("key",))


def test_money_goes_in_by_the_command_line_and_the_books_balance(database_url: str, tmp_path: Path) -> None:
    url = {"DATABASE_URL": database_url}
    made = run_json(tmp_path, "user", "add", "Ada", "--email", "ada@example.com", "--credit", "25.00", **url)
    assert (made["name"], made["balance"]) == ("Ada", "25.00")
    for _ in range(2):
        entry = run_json(tmp_path, "user", "credit", str(made["id"]), "0.50", "--idempotency-key", "a", **url)
        assert entry["balance_after"] == "25.50"
    [listed] = run_json(tmp_path, "user", "list", **url)["data"]
    assert listed["balance"] == "25.50"
    assert "25.50" in run(tmp_path, "user", "list", **url).stdout
    books = run(tmp_path, "audit", **url)
    assert (books.returncode, books.stdout) == (0, "books balance: 1 users, 0 requests, $25.50 - $0 = $25.50\n")
    assert run_json(tmp_path, "audit", **url)["exact"] is True


def test_key_is_alone_on_stdout_and_can_be_revoked(database_url: str, tmp_path: Path) -> None:
    url = {"DATABASE_URL": database_url}
    limited = run_json(tmp_path, "user", "add", "Ada", "--model", "GPT", "--tpm", "1000", "--spend-limit", "5", **url)
    assert (limited["allowed_models"], limited["tpm"], limited["rpm"]) == (["gpt"], 1000, None)
    assert (limited["spend_limit"], limited["spend_period"]) == ("5.00", None)
    user_id, dollars = str(limited["id"]), ("--spend-limit", "2.50", "--spend-period", "week", "--rpm", "60")
    done = run(tmp_path, "key", "add", user_id, "--name", "laptop", "--model", "GPT", *dollars, **url)
    assert done.stdout.startswith("sk-")
    assert len(done.stdout.splitlines()) == 1
    [listed] = run_json(tmp_path, "key", "list", user_id, **url)["data"]
    assert (listed["name"], listed["allowed_models"], listed["status"]) == ("laptop", ["gpt"], "active")
    assert (listed["spend_limit"], listed["spend_period"], listed["rpm"]) == ("2.50", "week", 60)
    assert run_json(tmp_path, "key", "revoke", str(listed["id"]), **url)["status"] == "revoked"
    assert "revoked" in run(tmp_path, "key", "list", user_id, **url).stdout


async def test_audit_finds_a_balance_that_was_tampered_with(database_url: str, tmp_path: Path) -> None:
    url = {"DATABASE_URL": database_url}
    await asyncio.to_thread(run_json, tmp_path, "user", "add", "Ada", "--credit", "5.00", **url)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE users SET balance = balance + 0.000000000001")
    await connection.close()
    done = await asyncio.to_thread(run, tmp_path, "audit", **url)
    assert done.returncode == 1
    assert "balance is 5.000000000001" in done.stdout
    assert "difference 0.000000000001" in done.stdout
    told = await asyncio.to_thread(run, tmp_path, "audit", "--json", **url)
    assert told.returncode == 1
    assert [wrong["figure"] for wrong in json.loads(told.stdout)["imbalances"]] == ["balance"]


def test_unknown_user_and_key_are_a_sentence_and_exit_1(database_url: str, tmp_path: Path) -> None:
    for words in (("user", "credit", "99", "1.00"), ("key", "add", "99"), ("key", "revoke", "99")):
        done = run(tmp_path, *words, DATABASE_URL=database_url)
        assert (done.returncode, done.stdout) == (1, "")
        assert "99" in sentence(done)


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("user", "credit", "1", "5e3"),
        ("user", "credit", "1", "-- -5"),
        ("user", "credit", "1", "0"),
        ("user", "credit", "x", "1.00"),
        ("user", "add", "Ada", "--credit", "0"),
        ("user", "add", " "),
        ("key", "add", "1", "--expires-at", "soon"),
        ("key", "add", "1", "--spend-limit", "0"),
        ("key", "add", "1", "--spend-period", "day"),
        ("serve", "--workers", "0"),
        ("serve", "--bind", "nowhere"),
        ("serve", "--bind", "127.0.0.1:99999"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert sentence(done)


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"QUART_PROXY_ENV": "production"}, "ADMIN_PASSWORD"),
        ({"QUART_PROXY_ENV": "production", **STRONG, "JWT_SECRET": ""}, "JWT_SECRET"),
        ({"QUART_PROXY_ENV": "production", **STRONG, "ENCRYPTION_KEY": ""}, "ENCRYPTION_KEY"),
        ({"QUART_PROXY_ENV": "production", **STRONG, "JWT_SECRET": "secret"}, "JWT_SECRET"),
        ({"ADMIN_PASSWORD": "short"}, "ADMIN_PASSWORD"),
        ({"PORT": "none"}, "PORT"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL"),
    ],
)
def test_serve_refuses_settings_it_cannot_work_with_and_names_them(
    env: dict[str, str], named: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "serve", **env)
    assert done.returncode == 2
    assert named in sentence(done)


def test_database_that_is_away_is_a_sentence_and_exit_1(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://x@127.0.0.1:{nobody.getsockname()[1]}/y"
        for words in (("user", "list"), ("audit",), ("migrate",)):
            done = run(tmp_path, *words, DATABASE_URL=url)
            assert done.returncode == 1, words
            assert "database is away" in sentence(done)


def test_real_server_is_not_migrated_before_somebody_says_so(server_url: str, tmp_path: Path) -> None:
    name = f"bare_{os.getpid()}"
    before, question, after = server_url.partition("?")
    url = before.rsplit("/", 1)[0] + f"/{name}" + question + after
    asyncio.run(_execute(server_url, f"CREATE DATABASE {name}"))
    try:
        done = run(tmp_path, "user", "list", DATABASE_URL=url)
        assert done.returncode == 1
        assert "quart-proxy migrate" in sentence(done)
        assert run_json(tmp_path, "migrate", DATABASE_URL=url) == {"migrated": True}
        assert run_json(tmp_path, "user", "list", DATABASE_URL=url) == {"data": []}
    finally:
        asyncio.run(_execute(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def test_registry_is_a_part_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: {Bad: {}}\n")
    done = run(tmp_path, "registry", "validate")
    assert done.returncode == 1
    assert "models.yaml:2" in done.stdout


# --- serve and demo, on an embedded database -------------------------------------------------------------


def test_serve_prints_the_password_once_serves_and_drains(data_dir: Path) -> None:
    """And commands beside it use the same embedded database."""
    for is_first in (True, False):
        serving = subprocess.Popen(
            command("serve", "--bind", "127.0.0.1:0", "--workers", "2"),
            env=environment(data_dir),
            cwd=data_dir,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert serving.stderr is not None
            lines: list[str] = []
            while not (lines and "running on" in lines[-1]):
                line = serving.stderr.readline()
                assert line, lines
                lines.append(line)
            block = {line[2:25].strip(): line[25:].strip() for line in lines if line.startswith("  ")}
            password = (data_dir / "admin_password").read_text().strip()
            assert (password in block["admin password"]) is is_first
            assert "2 workers" in block["running on"]
            url = block["quart-proxy serves on"]
            with urlopen(f"{url}/readyz") as answer:
                assert json.load(answer)["status"] == "ready"
            with urlopen(f"{url}/metrics") as answer:
                assert b"quart_proxy_settlement_backlog" in answer.read()
            assert run(data_dir, "user", "add", "Ada").returncode == 0
            serving.send_signal(signal.SIGTERM)
            serving.communicate(timeout=60)
            assert serving.returncode == 0
        finally:
            serving.kill()
            serving.wait()
    assert len(run_json(data_dir, "user", "list")["data"]) == 2


def test_serve_on_a_taken_port_is_a_sentence_and_exit_1(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(data_dir, "serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "is taken" in sentence(done)


def test_demo_shows_two_receipts_that_sum_to_what_the_balance_lost(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        done = run(data_dir, "demo", "--once", "--data-dir", str(data_dir), "--port", str(wanted))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Port {wanted} is taken" in done.stdout
    assert done.stdout.count("= the sum of the lines") == 2
    assert "exact" in done.stdout


def test_demo_serves_on_until_it_is_interrupted_and_leaves_nothing_behind(data_dir: Path) -> None:
    playing = subprocess.Popen(
        command("demo", "--json", "--data-dir", str(data_dir), "--port", str(free_port())),
        env=environment(data_dir),
        cwd=data_dir,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert playing.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1] == "}\n"):
            line = playing.stdout.readline()
            assert line, lines
            lines.append(line)
        summary = json.loads("".join(lines))
        with urlopen(f"{summary['url']}/readyz") as answer:
            assert answer.status == 200
        playing.send_signal(signal.SIGINT)
        playing.communicate(timeout=60)
        assert playing.returncode == 0
    finally:
        playing.kill()
        playing.wait()
    assert (summary["balance_before"], len(summary["receipts"])) == ("5.00", 2)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(summary["url"].rsplit(":", 1)[1]))) != 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
