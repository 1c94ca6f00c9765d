"""What a process is told from outside: environment variables, and the limits that no one is asked about.

The only reader of `os.environ`. What admins change while the product runs is in `store/settings.py`.
"""

import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

ADMIN_PASSWORD_LENGTH_MIN = 12
SECRET_BYTES_MIN = 32
KNOWN_SECRETS = frozenset({"secret", "changeme", "change-me", "jwt-secret", "development", "password"})


DATA_DIR = Path(".quart-proxy")


class SettingsError(ValueError):
    """A variable that this process cannot start with. The sentence names it and the way out."""


# --- Limits, each with its reason ---------------------------------------------------------------------

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Request bodies: a few images as base64 fit, one client cannot fill the memory. Vendors take 32 MB too."""
BODY_TIMEOUT_S = 60
"""A body that has not arrived by then is a stuck or hostile client."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""A non-stream answer is held whole to be read for usage; embeddings of a large batch are some 30 MB."""
ERROR_BYTES_MAX = 64 * 1024
"""An upstream's error body is read so far and no further: it is a sentence, not a download."""
CONNECT_TIMEOUT_S = 5.0
"""TCP and TLS to a provider take well under a second; more means it is not there."""
FIRST_BYTE_TIMEOUT_S = 300.0
"""Reasoning models think for minutes before the first byte. Per model: `limits.first_byte_timeout`."""
IDLE_TIMEOUT_S = 120.0
"""Silence between two bytes of an answer that has begun. Per model: `limits.idle_timeout`."""
TOTAL_TIMEOUT_S = 1800.0
"""The longest answers known take some 20 minutes. Per model: `limits.timeout`."""
WRITE_STALL_S = 60.0
"""A client that takes no byte for so long is treated as gone."""
OUTBOX_BYTES_MAX = 256 * 1024
"""What may wait for a slow client; when it is full the upstream is read no further."""
DRAINS_MAX = 100
"""Answers per worker that are read to their end for clients that hung up; beyond it the upstream is cut."""
DRAIN_TIMEOUT_S = 120.0
"""How long such an answer is read before it is cut."""
SETTLE_WAIT_S = 0.3
"""A commit takes about 2 ms. After this long the database is away, and the spool makes the charge durable."""
SETTLE_BATCH_MAX = 200
"""Rows in one settlement statement: some 20 ms of work, so a batch cannot hold a hot user's row for long."""
SPOOL_BYTES_MAX = 1024 * 1024 * 1024
"""A gigabyte is some two million requests: a day of outage at a busy worker."""
BALANCE_AGE_S = 1.0
"""A balance older than this is read again before a request is admitted."""
CATALOG_TTL_S = 60.0
"""The backstop of the mapping cache; changes clear it within a second."""
CATALOG_ENTRIES_MAX = 4096
CALLER_ENTRIES_MAX = 50_000
"""Callers cached per worker, about 1 KB each."""
VERSION_POLL_S = 1.0
"""How often a worker asks whether an admin changed something, in case a notification got lost."""
WORKER_REPORT_S = 10.0
"""How often a worker says that it is there, and which revision of the registry it serves."""
WORKER_SEEN_S = 35.0
"""A worker that said nothing for so long is gone."""
OUTPUT_TOKENS_DEFAULT = 4096
"""Held for a request that names no `max_tokens` on a model that names no `max_output_tokens`."""
DATABASE_TIMEOUT_S = 5.0
"""A query of ours that takes longer is stuck; asyncpg itself would wait for ever."""
GRACE_S = 30.0
"""How long running answers may take to finish when the process is told to stop."""
ADMIN_TOKEN_S = 3600
PAGE_ROWS_DEFAULT = 50
PAGE_ROWS_MAX = 200
EMBEDDED = "QUART_PROXY_EMBEDDED"
"""Set by `serve` for its workers: the DATABASE_URL that it gives them is the embedded database's."""
REGISTRY_ENV_ALLOW = ("*_API_KEY", "UPSTREAM_*")
"""Variables that `${env:NAME}` may read. `NAME@host` lets one go to that host alone."""
REGISTRY_FILE_ALLOW = ("/run/secrets/*", "/etc/quart-proxy/*")
"""Files that `${file:/path}` may read: where container platforms and packages put secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One process's settings. Secrets are `str` and never printed: the class has no useful repr of them."""

    database_url: str | None = None
    """None: the embedded PostgreSQL under `data_dir`."""
    is_embedded_url: bool = False
    """Whether `database_url` is that of the embedded PostgreSQL, which another process runs."""
    data_dir: Path
    port: int = 3000
    heartbeat_s: float = 15.0
    is_production: bool = False
    models_file: str = "models.yaml"
    registry_overlay: str | None = None
    """Which overlay is laid over the files, for what is different in this environment; None: the base alone."""
    registry_sync: str = "three-way"
    registry_watch_s: float | None = None
    """How often the files are read again while the product runs; None: at start only."""
    registry_sync_prune: bool = False
    registry_sync_strict: bool = False
    """Whether files that cannot be synced stop the start."""
    registry_rev: str | None = None
    """Which commit the files are of, for people to read."""
    registry_seq: int | None = None
    """A number that grows with every version of the files, such as a build number: older files are refused."""
    registry_author: str | None = None
    registry_env_allow: tuple[str, ...] = REGISTRY_ENV_ALLOW
    registry_file_allow: tuple[str, ...] = REGISTRY_FILE_ALLOW
    allow_private_upstreams: bool = True
    admin_password: str | None = None
    """None in development: one is generated and kept in `data_dir`."""
    jwt_secret: str | None = None
    encryption_keys: tuple[str, ...] = ()
    redis_url: str | None = None
    """Where rates are counted for all workers; None: each counts its share."""
    workers: int = 1
    """How many processes serve beside this one, with it; the supervisor says so."""
    given: frozenset[str] = frozenset()
    """The variables that somebody set, whatever to."""

    @property
    def database_is_embedded(self) -> bool:
        return self.database_url is None or self.is_embedded_url

    def __repr__(self) -> str:
        return f"Settings(data_dir={self.data_dir}, is_production={self.is_production})"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read `.env` and the environment; a real variable wins. Raises SettingsError naming the variable."""
        if environment is None:
            file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
            environment = {**file, **os.environ}
        read = _Reader(environment)
        mode = read.choice("QUART_PROXY_ENV", "development", ("development", "production"))
        is_production = mode == "production"
        database_url = read.text("DATABASE_URL")
        is_embedded = database_url is None or read.flag(EMBEDDED, False)
        settings = cls(
            database_url=database_url,
            is_embedded_url=is_embedded and database_url is not None,
            data_dir=Path(read.text("DATA_DIR") or DATA_DIR).absolute(),
            port=int(read.number("PORT", 3000, 0, 65535)),
            heartbeat_s=read.number("HEARTBEAT_S", 15, 0.05, 300),
            is_production=is_production,
            models_file=read.text("MODELS_FILE") or "models.yaml",
            registry_overlay=read.text("REGISTRY_OVERLAY"),
            registry_sync=read.choice("REGISTRY_SYNC", "three-way", ("off", "seed-missing", "three-way", "enforce")),
            registry_watch_s=read.seconds("REGISTRY_WATCH", 1, 86_400),
            registry_sync_prune=read.choice("REGISTRY_SYNC_PRUNE", "off", ("off", "tombstone")) == "tombstone",
            registry_sync_strict=read.flag("REGISTRY_SYNC_STRICT", False),
            registry_rev=read.text("REGISTRY_SOURCE_REV"),
            registry_seq=read.whole("REGISTRY_SOURCE_SEQ"),
            registry_author=read.text("REGISTRY_SOURCE_AUTHOR"),
            registry_env_allow=read.names("REGISTRY_ENV_ALLOW", REGISTRY_ENV_ALLOW),
            registry_file_allow=read.names("REGISTRY_FILE_ALLOW", REGISTRY_FILE_ALLOW),
            allow_private_upstreams=read.flag("ALLOW_PRIVATE_UPSTREAMS", not is_production),
            admin_password=read.text("ADMIN_PASSWORD"),
            jwt_secret=read.text("JWT_SECRET"),
            encryption_keys=read.names("ENCRYPTION_KEY", ()),
            redis_url=read.text("REDIS_URL"),
            workers=read.whole("WORKER_COUNT") or 1,
            given=frozenset(read.given) - ({"DATABASE_URL"} if is_embedded else set()),
        )
        settings._check()
        return settings

    def _check(self) -> None:
        if self.admin_password is not None and len(self.admin_password) < ADMIN_PASSWORD_LENGTH_MIN:
            raise SettingsError(f"ADMIN_PASSWORD must have at least {ADMIN_PASSWORD_LENGTH_MIN} characters.")
        if self.redis_url is not None and not _is_redis(self.redis_url):
            raise SettingsError("REDIS_URL must be an address such as redis://127.0.0.1:6379/0; rediss:// has TLS.")
        for name, secret in (("JWT_SECRET", self.jwt_secret), *(("ENCRYPTION_KEY", k) for k in self.encryption_keys)):
            if secret is not None and (len(secret.encode()) < SECRET_BYTES_MIN or _is_known(secret)):
                raise SettingsError(
                    f"{name} must be {SECRET_BYTES_MIN} bytes or more, and random: openssl rand -base64 48"
                )
        if self.is_production:
            for name, value in (
                ("ADMIN_PASSWORD", self.admin_password),
                ("JWT_SECRET", self.jwt_secret),
                ("ENCRYPTION_KEY", self.encryption_keys),
            ):
                if not value:
                    raise SettingsError(f"{name} must be set when QUART_PROXY_ENV is production.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets in force: given, or generated once in development and kept in the data folder (mode 0600)."""

    admin_password: str
    jwt_secret: str
    encryption_keys: tuple[str, ...]
    password_is_generated: bool = False


def load_secrets(settings: Settings) -> Secrets:
    """The secrets of `settings`; those missing in development are made and kept in `data_dir`."""
    return Secrets(
        admin_password=settings.admin_password or _kept_secret(settings.data_dir / "admin_password", 12),
        jwt_secret=settings.jwt_secret or _kept_secret(settings.data_dir / "jwt_secret", 48),
        encryption_keys=settings.encryption_keys or (_kept_secret(settings.data_dir / "encryption_key", 48),),
        password_is_generated=settings.admin_password is None,
    )


def _kept_secret(path: Path, random_bytes: int) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(random_bytes) + "\n")
        # The first of several processes gives the name; the others read what it wrote, and always all of it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def _is_redis(url: str) -> bool:
    try:
        # The port is looked at only when it is asked for.
        return urlsplit(url).scheme in ("redis", "rediss", "unix") and urlsplit(url).port != 0
    except ValueError:
        return False


def _is_known(secret: str) -> bool:
    return secret.lower() in KNOWN_SECRETS or len(set(secret)) < 8


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.given: set[str] = set()

    def text(self, name: str) -> str | None:
        text = self._environment.get(name, "").strip() or None
        if text is not None:
            self.given.add(name)
        return text

    def names(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        text = self.text(name)
        return default if text is None else tuple(part.strip() for part in text.split(",") if part.strip())

    def number(self, name: str, default: float, least: float, most: float) -> float:
        text = self.text(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise SettingsError(f"{name} must be a number from {least:g} to {most:g}, not {text!r}.")
        return value

    def whole(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise SettingsError(f"{name} must be a whole number, not {text!r}.")
        return int(text)

    def seconds(self, name: str, least: float, most: float) -> float | None:
        """A number of seconds, with or without `s`; None for `off` or nothing."""
        text = self.text(name)
        if text is None or text == "off":
            return None
        try:
            value = float(text.removesuffix("s"))
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise SettingsError(f"{name} must be off, or seconds from {least:g} to {most:g} such as 30s, not {text!r}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            raise SettingsError(f"{name} must be true or false, not {text!r}.")
        return text.lower() in ("1", "true", "yes", "on")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name) or default
        if text not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
        return text
