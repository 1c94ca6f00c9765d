"""Keys of providers: where references lead, and how those typed into the page are encrypted at rest.

A reference is resolved late and by this module alone. A key that was typed in goes only to the host it was
entered for: an admin who may edit addresses cannot send it elsewhere.
"""

import base64
import fnmatch
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quart_proxy.core.errors import MissingKey
from quart_proxy.settings import REGISTRY_FILE_ALLOW

NONCE_BYTES = 12


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes of `secret` for one purpose: what is made for one is refused for another."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


class Sealer:
    """AES-256-GCM under the first of `keys`; the others still open what they sealed, so keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        derived = [derive_key(key, "provider-keys/v1") for key in keys]
        self._first = hashlib.sha256(derived[0]).hexdigest()[:8]
        self._ciphers = {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in derived}

    def seal(self, plaintext: str, *, name: str, host: str) -> str:
        """`v1.<key id>.<base64>`, good for this name and host alone."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plaintext.encode(), _binding(name, host))
        return f"v1.{self._first}.{base64.b64encode(nonce + sealed).decode()}"

    def is_newest(self, ciphertext: str) -> bool:
        """Whether it was sealed under the first key, so that the others are not needed for it."""
        return ciphertext.split(".")[1] == self._first

    def open(self, ciphertext: str, *, name: str, host: str) -> str:
        """Raises ValueError when it was sealed under another key, or for another name or host."""
        _, key_id, data = ciphertext.split(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise ValueError("it was encrypted under an ENCRYPTION_KEY that is not given here")
        raw = base64.b64decode(data)
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _binding(name, host)).decode()
        except InvalidTag:
            raise ValueError("it does not belong to this name and host") from None


def _binding(name: str, host: str) -> bytes:
    return f"secrets|{name}|{host}".encode()


Sealed = tuple[str, str]
"""A secret as it is kept: its ciphertext, and the host that it may be sent to."""


def is_reference(text: str) -> bool:
    return text.startswith("${") and text.endswith("}")


def is_secret(reference: str) -> bool:
    return reference.startswith("${secret:")


def secret_name(reference: str) -> str:
    return reference.removeprefix("${secret:").removesuffix("}")


def host_of(url: str) -> str:
    """Host and port, in lower case: what a key is bound to."""
    return urlsplit(url).netloc.lower()


class KeyResolver:
    """From reference to key. Fails closed: an unset variable never becomes an empty key.

    `env_allow` and `file_allow` are globs of names and of paths; one that ends in `@host` lets the key go to that
    host alone. They are this process's settings: neither a registry file nor an admin can widen them.
    """

    def __init__(
        self,
        *,
        env_allow: Sequence[str],
        file_allow: Sequence[str] = REGISTRY_FILE_ALLOW,
        sealer: Sealer,
        environment: Mapping[str, str],
    ) -> None:
        self._env_allow = tuple(env_allow)
        self._file_allow = tuple(file_allow)
        self._sealer = sealer
        self._environment = environment

    def resolve(self, reference: str, *, url: str, sealed: Sealed | None = None) -> str:
        """The key that `reference` leads to, for a call to `url`. `sealed` is what a `${secret:name}` names. Raises
        MissingKey."""
        kind, _, name = reference.removeprefix("${").removesuffix("}").partition(":")
        if kind == "env":
            return self._from_environment(reference, name, url)
        if kind == "file":
            return self._from_file(reference, name, url)
        if sealed is None:
            raise MissingKey(reference, "no such secret is kept")
        ciphertext, host = sealed
        if host != host_of(url):
            raise MissingKey(reference, f"it was entered for {host}, not for {host_of(url)}")
        try:
            return self._sealer.open(ciphertext, name=name, host=host)
        except ValueError as error:
            raise MissingKey(reference, str(error)) from None

    def _from_environment(self, reference: str, name: str, url: str) -> str:
        if not _is_allowed(name, url, self._env_allow):
            raise MissingKey(reference, f"REGISTRY_ENV_ALLOW does not allow this name for {host_of(url)}")
        value = self._environment.get(name, "").strip()
        if not value:
            raise MissingKey(reference, "the variable is not set")
        return value

    def _from_file(self, reference: str, name: str, url: str) -> str:
        # Where the path leads, not what it says: a link may lead out of the allowed folder.
        path = Path(name).resolve()
        if not _is_allowed(str(path), url, self._file_allow):
            raise MissingKey(reference, f"REGISTRY_FILE_ALLOW does not allow this file for {host_of(url)}")
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise MissingKey(reference, error.strerror or "it cannot be read") from None
        except UnicodeDecodeError:
            raise MissingKey(reference, "the file is not text") from None
        if not value:
            raise MissingKey(reference, "the file is empty")
        return value


def _is_allowed(name: str, url: str, patterns: Sequence[str]) -> bool:
    for pattern in patterns:
        names, _, host = pattern.partition("@")
        if fnmatch.fnmatchcase(name, names) and host.lower() in ("", host_of(url)):
            return True
    return False
