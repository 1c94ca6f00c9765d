"""Which state of the files this is, for people: by the environment, or else by git."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quart_proxy.settings import Settings

GIT_TIMEOUT_S = 2.0
"""For all that git is asked together: it is a nicety, and a slow disk must not hold up an apply."""
AUTHOR_CHARACTERS_MAX = 100
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
"""No question to git runs a program of the repository's choosing."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """A commit, a number that grows, and who wrote the files. None: not known."""

    rev: str | None = None
    seq: int | None = None
    author: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def find_provenance(paths: Sequence[Path], settings: Settings) -> Provenance:
    """What REGISTRY_SOURCE_REV, _SEQ and _AUTHOR say, and of the commit and the author what git says instead. A
    commit has a `+` when the files are not what it holds. Nothing is known where there is no git work tree."""
    rev, author = settings.registry_rev, settings.registry_author
    if rev is None or author is None:
        found = _Git(paths).provenance()
        rev, author = rev or found.rev, author or found.author
    return Provenance(rev, settings.registry_seq, author)


class _Git:
    def __init__(self, paths: Sequence[Path]) -> None:
        self._folder = paths[0].absolute().parent
        self._files = [str(path.absolute()) for path in paths]
        self._deadline = time.monotonic() + GIT_TIMEOUT_S

    def provenance(self) -> Provenance:
        head = self._ask("rev-parse", "--short", "HEAD")
        changes = self._ask("status", "--porcelain", "--ignored", "--", *self._files) if head else None
        if not head or changes is None:
            return Provenance()
        if changes:
            return Provenance(f"{head}+", author=_author(self._ask("config", "user.name")))
        return Provenance(head, author=_author(self._ask("log", "-1", "--format=%an", "--", *self._files)))

    def _ask(self, *words: str) -> str | None:
        """What git prints; None when it fails, is not there, or takes too long."""
        try:
            done = subprocess.run(
                [*_GIT, "-C", str(self._folder), *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=max(0.0, self._deadline - time.monotonic()),
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode(errors="replace").strip()


def _author(name: str | None) -> str | None:
    """The name as it may be kept: on one line, and not endless."""
    shown = "".join(character for character in name or "" if character.isprintable())
    return shown[:AUTHOR_CHARACTERS_MAX].strip() or None
