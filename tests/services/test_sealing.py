"""Keys of providers at rest: rotated, bound to their host, and read only from where they may be."""

import base64
from pathlib import Path

import pytest

from quart_proxy.core.errors import MissingKey
from quart_proxy.services.sealing import KeyResolver, Sealer

OLD, NEW = "an old key that is long enough to pass", "a new key that is long enough to pass it"
URL = "https://api.example.com/v1"


def resolver(sealer: Sealer | None = None, **environment: str) -> KeyResolver:
    return KeyResolver(env_allow=("*_API_KEY", "UPSTREAM_*"), sealer=sealer or Sealer([OLD]), environment=environment)


def test_keys_are_rotated_by_putting_the_new_one_first() -> None:
    sealed = Sealer([OLD]).seal("sk-secret", name="main", host="h")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, name="main", host="h") == "sk-secret"
    again = both.seal("sk-secret", name="main", host="h")
    assert Sealer([NEW]).open(again, name="main", host="h") == "sk-secret"
    with pytest.raises(ValueError, match="not given here"):
        Sealer([NEW]).open(sealed, name="main", host="h")


def test_a_ciphertext_opens_for_its_own_name_and_host_alone() -> None:
    sealer = Sealer([OLD])
    sealed = sealer.seal("sk-secret", name="main", host="h")
    for name, host in (("other", "h"), ("main", "evil"), ("main|h", ""), ("mai", "n|h")):
        with pytest.raises(ValueError, match="belong"):
            sealer.open(sealed, name=name, host=host)


def test_the_same_key_is_never_sealed_to_the_same_text() -> None:
    sealer = Sealer([OLD])
    assert len({sealer.seal("sk-secret", name="main", host="h") for _ in range(20)}) == 20


def test_a_changed_ciphertext_does_not_open() -> None:
    sealer = Sealer([OLD])
    version, key_id, data = sealer.seal("sk-secret", name="main", host="h").split(".")
    raw = bytearray(base64.b64decode(data))
    for place in range(len(raw)):
        raw[place] ^= 1
        with pytest.raises(ValueError, match="belong"):
            sealer.open(f"{version}.{key_id}.{base64.b64encode(raw).decode()}", name="main", host="h")
        raw[place] ^= 1
    for text in ("", "v1", "v1.x.y.z", f"v1.{key_id}.%%%", f"v1.{key_id}."):
        with pytest.raises(ValueError, match=r"."):
            sealer.open(text, name="main", host="h")


def test_a_secret_goes_only_to_the_host_it_was_entered_for() -> None:
    sealer = Sealer([OLD])
    kept = (sealer.seal("sk-secret", name="main", host="api.example.com"), "api.example.com")
    resolve = resolver(sealer).resolve
    assert resolve("${secret:main}", url="https://API.example.com/v2", sealed=kept) == "sk-secret"
    for url in ("https://evil.com/v1", "https://api.example.com:444/v1", "https://api.example.com@evil.com/v1"):
        with pytest.raises(MissingKey):
            resolve("${secret:main}", url=url, sealed=kept)
    # An admin who can write to the table moves a ciphertext, or the host beside it: neither opens.
    with pytest.raises(MissingKey):
        resolve("${secret:other}", url=URL, sealed=kept)
    with pytest.raises(MissingKey):
        resolve("${secret:main}", url="https://evil.com/v1", sealed=(kept[0], "evil.com"))
    with pytest.raises(MissingKey):
        resolve("${secret:main}", url=URL, sealed=None)


def test_only_allowed_variables_are_read_and_an_unset_one_is_no_empty_key() -> None:
    keys = resolver(OPENAI_API_KEY=" sk-one\n", UPSTREAM_X="sk-two", JWT_SECRET="hush", EMPTY_API_KEY=" ")
    assert keys.resolve("${env:OPENAI_API_KEY}", url=URL) == "sk-one"
    assert keys.resolve("${env:UPSTREAM_X}", url=URL) == "sk-two"
    for name in ("JWT_SECRET", "EMPTY_API_KEY", "UNSET_API_KEY", "openai_api_key"):
        with pytest.raises(MissingKey) as refused:
            keys.resolve(f"${{env:{name}}}", url=URL)
        assert name not in refused.value.message
        assert "hush" not in str(refused.value.reason)


def test_reference_bound_to_a_host_by_the_allow_list_goes_nowhere_else() -> None:
    keys = KeyResolver(
        env_allow=("A_API_KEY@api.example.com", "B_*"),
        sealer=Sealer([OLD]),
        environment={"A_API_KEY": "sk-a", "B_KEY": "sk-b"},
    )
    assert keys.resolve("${env:A_API_KEY}", url="https://API.example.com/v1") == "sk-a"
    assert keys.resolve("${env:B_KEY}", url="https://evil.example/v1") == "sk-b"
    for url in ("https://evil.example/v1", "https://api.example.com:444/v1", "https://api.example.com@evil.example/v1"):
        with pytest.raises(MissingKey):
            keys.resolve("${env:A_API_KEY}", url=url)


def test_files_are_read_from_the_folders_for_secrets_alone(tmp_path: Path) -> None:
    allowed = tmp_path / "secrets"
    allowed.mkdir()
    (allowed / "key").write_text("sk-file\n")
    (allowed / "empty").write_text("\n")
    (allowed / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "outside").write_text("hush")
    (allowed / "link").symlink_to(tmp_path / "outside")
    keys = KeyResolver(env_allow=(), file_allow=(f"{allowed}/*",), sealer=Sealer([OLD]), environment={})
    assert keys.resolve(f"${{file:{allowed}/key}}", url=URL) == "sk-file"
    for path in ("empty", "binary", "missing", "link", "../outside", "../secrets-too/key", "."):
        with pytest.raises(MissingKey):
            keys.resolve(f"${{file:{allowed}/{path}}}", url=URL)


def test_a_fingerprint_tells_keys_of_one_name_apart_and_nothing_else() -> None:
    sealer = Sealer([OLD])
    made = sealer.fingerprint("sk-secret", name="main")
    assert len(made) == 8
    assert made == Sealer([OLD, NEW]).fingerprint("sk-secret", name="main")
    others = (
        sealer.fingerprint("sk-other", name="main"),
        sealer.fingerprint("sk-secret", name="other"),
        Sealer([NEW, OLD]).fingerprint("sk-secret", name="main"),
    )
    assert made not in others
