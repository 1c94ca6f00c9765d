"""Keys of providers: where references lead, and how those typed into the page are encrypted at rest.

A reference is resolved late and by this module alone. A key that was typed in goes only to the host it was
entered for: an admin who may edit addresses cannot send it elsewhere.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quart_proxy.core.errors import MissingKey
from quart_proxy.core.references import host_of, split_reference
from quart_proxy.settings import REGISTRY_FILE_ALLOW
from quart_proxy.upstream.reach import Reach

NONCE_BYTES = 12


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes of `secret` for one purpose: what is made for one is refused for another."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


class Sealer:
    """AES-256-GCM under the first of `keys`; the others still open what they sealed, so keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        derived = [derive_key(key, "provider-keys/v1") for key in keys]
        self._fingerprints = derive_key(keys[0], "provider-key-fingerprints/v1")
        self._first = hashlib.sha256(derived[0]).hexdigest()[:8]
        self._ciphers = {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in derived}

    def seal(self, plaintext: str, *, name: str, host: str) -> str:
        """`v1.<key id>.<base64>`, good for this name and host alone."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plaintext.encode(), _binding(name, host))
        return f"v1.{self._first}.{base64.b64encode(nonce + sealed).decode()}"

    def fingerprint(self, plaintext: str, *, name: str) -> str:
        """8 hex digits that tell one key of this name from another, and nothing of either: without ENCRYPTION_KEY they
        cannot be made, and under another name the same key has others."""
        return hmac.new(self._fingerprints, f"{name}|{plaintext}".encode(), hashlib.sha256).hexdigest()[:8]

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


class KeyResolver:
    """From reference to key. Fails closed: an unset variable never becomes an empty key.

    `env_allow` and `file_allow` are those of `Reach`.
    """

    def __init__(
        self,
        *,
        env_allow: Sequence[str],
        file_allow: Sequence[str] = REGISTRY_FILE_ALLOW,
        sealer: Sealer,
        environment: Mapping[str, str],
    ) -> None:
        self._reach = Reach(env_allow, file_allow)
        self._sealer = sealer
        self._environment = environment

    def resolve(self, reference: str, *, url: str, sealed: Sealed | None = None) -> str:
        """The key that `reference` leads to, for a call to `url`. `sealed` is what a `${secret:name}` names. Raises
        MissingKey."""
        breach = self._reach.find_breach(reference, url)
        if breach is not None:
            raise MissingKey(reference, breach)
        kind, name = split_reference(reference)
        if kind == "env":
            return self._from_environment(reference, name)
        if kind == "file":
            return self._from_file(reference, name)
        if sealed is None:
            raise MissingKey(reference, "no such secret is kept")
        ciphertext, host = sealed
        if host != host_of(url):
            raise MissingKey(reference, f"it was entered for {host}, not for {host_of(url)}")
        try:
            return self._sealer.open(ciphertext, name=name, host=host)
        except ValueError as error:
            raise MissingKey(reference, str(error)) from None

    def _from_environment(self, reference: str, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            raise MissingKey(reference, "the variable is not set")
        return value

    def _from_file(self, reference: str, name: str) -> str:
        try:
            value = Path(name).read_text().strip()
        except OSError as error:
            raise MissingKey(reference, error.strerror or "it cannot be read") from None
        except UnicodeDecodeError:
            raise MissingKey(reference, "the file is not text") from None
        if not value:
            raise MissingKey(reference, "the file is empty")
        return value
