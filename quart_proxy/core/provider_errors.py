"""The sentence in a provider's error body, in whatever shape, made safe to show.

Providers put keys, account names and signed addresses into their sentences; these belong to the operator of
this proxy, not to its clients.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.usage_fields import load_lenient

MESSAGE_CHARACTERS_MAX = 1000
_SCRUBBED_CHARACTERS_MAX = 4 * MESSAGE_CHARACTERS_MAX
_DEPTH_MAX = 5
_HIDDEN = "[hidden]"

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ and the query of an address; the address itself helps.
    (re.compile(r"(\bhttps?://)[^\s/@\"'<>]+@", re.I), r"\1"),
    (re.compile(r"(\bhttps?://[^\s?#\"'<>]+)[?#][^\s\"'<>]*", re.I), r"\1"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=*-]{4,}", re.I), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"\b([\w-]{0,40}(?:key|token|secret|password|signature)(?: provided)?\"?\s?[=:]\s?)"
            r"[\"']?[^\s\"',;&)]+",
            re.I,
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"\b(?:(?:gsk|xai|pplx|csk|hf|nvapi|r8|tgp)[-_]|AIza|AKIA|ya29\.)[\w*.-]{8,}"), _HIDDEN),
    (re.compile(r"\b[spr]k[-_][\w*-]{3,}"), _HIDDEN),
    (re.compile(r"\b(?:org|proj|user|acct)[-_][\w*]{8,}"), _HIDDEN),
    (re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"), _HIDDEN),
)
_CODE = re.compile(r"(?=.*[A-Za-z])[\w.-]{1,64}")
_GOOGLE_CODE = re.compile(r"[A-Z][A-Z_]{1,63}")
_PARAM = re.compile(r"[\w.\[\]-]{1,100}")


@dataclass(frozen=True, slots=True)
class ProviderMessage:
    """What a provider said of a failure. Each is None when it did not say it, or said it unreadably.

    `message` has at most MESSAGE_CHARACTERS_MAX characters on one line and none of the provider's secrets.
    """

    message: str | None = None
    code: str | None = None
    param: str | None = None


def read_error_message(body: bytes) -> ProviderMessage:
    """The message in an error body or in the data of an error event. Never raises: a body may be anything."""
    return read_error(load_lenient(body))


def read_error(document: object, depth: int = 0) -> ProviderMessage:
    """As `read_error_message`, of a JSON document already parsed."""
    if depth > _DEPTH_MAX:
        return ProviderMessage()
    if isinstance(document, list):
        # Gemini wraps its error into a list, validators list several: the first says enough.
        return read_error(document[0], depth + 1) if document else ProviderMessage()
    if isinstance(document, str):
        return ProviderMessage(scrub(document) or None)
    if not isinstance(document, dict):
        return ProviderMessage()
    for key in ("error", "detail", "base_resp", "response", "errors"):
        inner = document.get(key)
        if not inner or not isinstance(inner, Mapping | list | str):
            continue
        found = read_error(inner, depth + 1)
        if found.message is not None:
            return ProviderMessage(
                found.message,
                found.code or _read_code(document),
                found.param or _match(_PARAM, document.get("param")),
            )
    return _read_fields(document)


def scrub(text: str) -> str:
    """`text` on one line without control characters and secrets, cut to MESSAGE_CHARACTERS_MAX."""
    text = text[:_SCRUBBED_CHARACTERS_MAX]
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    for secret, replacement in _SECRETS:
        text = secret.sub(replacement, text)
    return text[:MESSAGE_CHARACTERS_MAX]


def _read_fields(fields: Mapping[str, Any]) -> ProviderMessage:
    for key in ("message", "msg", "status_msg"):
        text = fields.get(key)
        if isinstance(text, str) and (message := scrub(text)):
            return ProviderMessage(message, _read_code(fields), _match(_PARAM, fields.get("param")))
    return ProviderMessage(None, _read_code(fields), _match(_PARAM, fields.get("param")))


def _read_code(fields: Mapping[str, Any]) -> str | None:
    """A code in words; numbers only repeat the status. Google's stand in `status`, and closer in a reason."""
    kind = fields.get("type")
    return (
        _match(_CODE, fields.get("code"))
        or _match(_CODE, None if kind == "error" else kind)
        or _read_reason(fields.get("details"))
        or _match(_GOOGLE_CODE, fields.get("status"))
    )


def _read_reason(details: object) -> str | None:
    """The first reason in Google's list of details."""
    listed = details if isinstance(details, list) else []
    reasons = (_match(_GOOGLE_CODE, detail.get("reason")) for detail in listed if isinstance(detail, dict))
    return next((reason for reason in reasons if reason is not None), None)


def _match(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
