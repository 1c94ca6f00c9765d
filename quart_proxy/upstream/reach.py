"""Which addresses this process calls, and which of its keys may go there.

Its settings say so. Neither a registry file nor an admin can widen them.
"""

import fnmatch
import os
from collections.abc import Sequence
from dataclasses import dataclass

from quart_proxy.core.references import host_of, is_secret, split_reference
from quart_proxy.settings import REGISTRY_FILE_ALLOW, Settings
from quart_proxy.upstream.addresses import ForbiddenAddress, check_url


@dataclass(frozen=True, slots=True)
class Reach:
    """`env_allow` and `file_allow` are globs of names and of paths; one that ends in `@host` lets the key go to that
    host alone. `allow_private`: private addresses are called too."""

    env_allow: Sequence[str]
    file_allow: Sequence[str] = REGISTRY_FILE_ALLOW
    allow_private: bool = True

    @classmethod
    def of(cls, settings: Settings) -> "Reach":
        return cls(settings.registry_env_allow, settings.registry_file_allow, settings.allow_private_upstreams)

    def find_address_fault(self, url: str) -> str | None:
        """Why `url` is not called, as far as can be told without resolving its name. None: it is."""
        try:
            check_url(url, allow_private=self.allow_private)
        except ForbiddenAddress as error:
            return str(error)
        return None

    def find_breach(self, reference: str, url: str) -> str | None:
        """Which setting keeps `reference` from being read for a call to `url`. None: none does, as for every key that
        is kept in the database, which is bound to its host."""
        if is_secret(reference) or {"", host_of(url)} & self._hosts(reference):
            return None
        if split_reference(reference)[0] == "env":
            return f"REGISTRY_ENV_ALLOW does not allow this name for {host_of(url)}"
        return f"REGISTRY_FILE_ALLOW does not allow this file for {host_of(url)}"

    def is_bound(self, reference: str, url: str) -> bool:
        """Whether the settings name this very host for `reference`."""
        return not is_secret(reference) and host_of(url) in self._hosts(reference)

    def _hosts(self, reference: str) -> set[str]:
        """Where the allow-list lets it go: hosts, and "" for anywhere."""
        kind, name = split_reference(reference)
        # Where a path leads, not what it says: a link may lead out of the allowed folder.
        name, allowed = (name, self.env_allow) if kind == "env" else (os.path.realpath(name), self.file_allow)
        entries = [entry.partition("@") for entry in allowed]
        return {host.lower() for names, _, host in entries if fnmatch.fnmatchcase(name, names)}
