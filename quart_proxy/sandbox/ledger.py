"""What the sandbox was asked and what it answered: the other side's books, to check a bill against."""

import hashlib
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import orjson

from quart_proxy.sandbox.call import Counts
from quart_proxy.sandbox.question import Question

ENTRIES_MAX = 100_000
REQUESTS_KEPT_MAX = 1_000
"""How many of the newest entries still hold the request's headers and body."""
BODY_KEPT_BYTES_MAX = 256 * 1024
CREDENTIAL_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
DIMENSIONS = tuple(field.name for field in fields(Counts))
HIDDEN = "[credential]"

RawHeaders = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Entry:
    """One call. It is in the ledger before the first byte of the answer is sent."""

    number: int
    path: str
    time_s: float
    headers: RawHeaders
    body: bytes | None
    credential_sha256: str | None
    model: str | None = None
    nonce: str | None = None
    stream: bool = False
    id: str | None = None
    request_id: str | None = None
    status: int | None = None
    """None until a status line is sent."""
    promised: Counts | None = None
    """The true tokens of the call; None when it makes none, as an error does."""
    usage_sent: bool = False
    """Whether a final, valid usage left the sandbox: then `promised` may be billed, and else nothing."""
    terminal_sent: bool = False
    events_sent: int = 0
    client_gone: bool = False
    """Whether the client hung up before the answer was over."""

    def render(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "id": self.id,
            "request_id": self.request_id,
            "nonce": self.nonce,
            "model": self.model,
            "stream": self.stream,
            "path": self.path,
            "time_s": self.time_s,
            "credential_sha256": self.credential_sha256,
            "headers": _render_headers(self.headers),
            "body": _render_json(self.body),
            "usage_promised": asdict(self.promised) if self.promised else None,
            "usage_sent": self.usage_sent,
            "terminal_sent": self.terminal_sent,
            "events_sent": self.events_sent,
            "client_gone": self.client_gone,
            "status": self.status,
        }


class Ledger:
    """Entries of the newest calls, and sums over all of them."""

    def __init__(self) -> None:
        self._number = 0
        self.clear()

    def clear(self) -> None:
        """Forgets every call. Numbers go on, so that ids stay unique."""
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._with_request: deque[Entry] = deque()
        self._calls: Counter[str] = Counter()
        self._promised: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._sent: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.canary_hits = 0

    def open(self, path: str, headers: RawHeaders, body: bytes) -> Entry:
        """Appends an entry for a call that has just been read."""
        self._number += 1
        entry = Entry(
            number=self._number,
            path=path,
            time_s=time.time(),
            headers=headers,
            body=body if len(body) <= BODY_KEPT_BYTES_MAX else None,
            credential_sha256=_digest_credential(headers),
        )
        self._entries.append(entry)
        self._with_request.append(entry)
        if len(self._with_request) > REQUESTS_KEPT_MAX:
            oldest = self._with_request.popleft()
            oldest.headers, oldest.body = (), None
        return entry

    def identify(self, entry: Entry, question: Question) -> None:
        """Says what the call asks for."""
        entry.model, entry.nonce, entry.stream = question.model, question.nonce, question.stream
        self._calls[question.model] += 1

    def promise(self, entry: Entry, counts: Counts) -> None:
        """Says what the call will have used when it is over."""
        entry.promised = counts
        _add(self._promised[entry.model or ""], counts)

    def note_usage_sent(self, entry: Entry) -> None:
        """Says that the final usage is on its way. A second time changes nothing."""
        if entry.promised and not entry.usage_sent:
            entry.usage_sent = True
            _add(self._sent[entry.model or ""], entry.promised)

    def render(self, nonce: str | None = None) -> list[dict[str, Any]]:
        """The entries, oldest first; only those with `nonce` when one is given."""
        return [entry.render() for entry in self._entries if nonce is None or entry.nonce == nonce]

    def render_totals(self) -> dict[str, Any]:
        """Sums since the last clear: `promised` and `sent` tokens by dimension, by model and over all."""
        return {
            "calls": self._calls.total(),
            "canary_hits": self.canary_hits,
            "promised": _sum(self._promised.values()),
            "sent": _sum(self._sent.values()),
            "models": {
                model: {
                    "calls": calls,
                    "promised": _sum([self._promised[model]]),
                    "sent": _sum([self._sent[model]]),
                }
                for model, calls in self._calls.items()
            },
        }


def _add(sums: Counter[str], counts: Counts) -> None:
    for dimension in DIMENSIONS:
        sums[dimension] += getattr(counts, dimension)


def _sum(models: Iterable[Counter[str]]) -> dict[str, int]:
    models = list(models)
    return {dimension: sum(model[dimension] for model in models) for dimension in DIMENSIONS}


def _digest_credential(headers: RawHeaders) -> str | None:
    for name, value in headers:
        if name.decode("latin-1").lower() in CREDENTIAL_HEADERS:
            return _digest(value.removeprefix(b"Bearer "))
    return None


@lru_cache(maxsize=1024)
def _digest(credential: bytes) -> str:
    return hashlib.sha256(credential).hexdigest()


def _render_headers(headers: RawHeaders) -> dict[str, str]:
    """Lower-case names; a repeated header is joined with commas."""
    rendered: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        value = HIDDEN if name in CREDENTIAL_HEADERS else raw_value.decode("latin-1")
        rendered[name] = f"{rendered[name]}, {value}" if name in rendered else value
    return rendered


def _render_json(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
