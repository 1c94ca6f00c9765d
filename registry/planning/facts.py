"""What a plan needs to know besides the merge: who changed what, what was applied last, who uses it, what time it is.

The caller reads these from the database; a plan is then made of them alone, without a clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.entities import EntityKey, Leaves


@dataclass(frozen=True, slots=True)
class Author:
    """Who last changed something live, and in which revision. `message` None: nothing was said."""

    actor: str
    at: datetime
    message: str | None
    revision: int

    def as_json(self) -> dict[str, Any]:
        return {"actor": self.actor, "at": self.at.isoformat(), "message": self.message, "revision": self.revision}

    @classmethod
    def from_json(cls, author: Mapping[str, Any]) -> "Author":
        return cls(author["actor"], datetime.fromisoformat(author["at"]), author["message"], author["revision"])


Authors = Mapping[tuple[EntityKey, str], Author]
"""By entity and leaf. What was deleted has the leaves that it had."""


@dataclass(frozen=True, slots=True)
class LastApply:
    """The last time that files of this source were applied: the revision it made and the files' `Origin`."""

    revision: int
    digest: str
    rev: str | None
    seq: int | None
    at: datetime
    author: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of the registry at `now`.

    `last` None: this source was never applied. `edits_since` counts the revisions since then that were made
    live. `requests_24h` is by the key of a model; a missing one had none. `superseded`: these very files were
    applied before, and others since. `is_first`: no files of any source ever were. `bound` are the references with the
    hosts that the settings of this process name for them.
    """

    revision: int
    state_digest: str
    last: LastApply | None
    edits_since: int
    authors: Authors
    requests_24h: Mapping[str, int]
    superseded: bool
    live: Mapping[EntityKey, Leaves]
    base: Mapping[EntityKey, Leaves]
    now: datetime
    is_first: bool = False
    bound: frozenset[tuple[str, str]] = frozenset()


def find_author(authors: Authors, entity: EntityKey, paths: Iterable[str]) -> Author | None:
    """Who changed any of these leaves last. None: nobody is known to."""
    known = (authors[entity, path] for path in paths if (entity, path) in authors)
    return max(known, key=lambda author: author.revision, default=None)
