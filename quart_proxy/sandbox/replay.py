"""Recorded exchanges, answered again byte for byte."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from quart_proxy.sandbox.call import Counts

PREFIX = "replay:"
SLICE_BYTES_MAX = 200
EXCHANGE_ID = re.compile(r"\w[\w.-]*")


class UnknownExchange(LookupError):
    """No recording has this id."""


@dataclass(frozen=True, slots=True)
class Recording:
    status: int
    content_type: str
    body: bytes
    stream: bool
    counts: Counts | None
    """What the recording is known to have used; None when it reports nothing."""

    def slices(self, seed: int) -> Iterator[bytes]:
        """The body in pieces of random sizes; the same seed cuts at the same places."""
        chance, start = random.Random(seed), 0
        while start < len(self.body):
            end = start + chance.randint(1, SLICE_BYTES_MAX)
            yield self.body[start:end]
            start = end


def get_recording(folder: Path | None, exchange_id: str) -> Recording:
    """The recording with that id, from `folder` or its `exchanges` folder. Raises UnknownExchange."""
    if folder is None:
        raise UnknownExchange("The sandbox was started without a folder of recordings.")
    # The id comes from a request: it may name a file, and never a path.
    if EXCHANGE_ID.fullmatch(exchange_id):
        for path in (folder / f"{exchange_id}.json", folder / "exchanges" / f"{exchange_id}.json"):
            if path.is_file():
                return _parse_recording(orjson.loads(path.read_bytes()))
    raise UnknownExchange(f"There is no recording `{exchange_id}`.")


def _parse_recording(exchange: dict[str, Any]) -> Recording:
    response = exchange["response"]
    headers = {name.lower(): value for name, value in response["headers"].items()}
    fallback = "text/event-stream" if exchange["stream"] else "application/json"
    return Recording(
        status=response["status"],
        content_type=headers.get("content-type", fallback),
        body=response["body"].encode(),
        stream=exchange["stream"],
        counts=_parse_counts(exchange.get("expected")),
    )


def _parse_counts(expected: dict[str, Any] | None) -> Counts | None:
    if not expected or not expected.get("has_usage"):
        return None
    written_1h = expected.get("cache_write_1h_tokens") or 0
    return Counts(
        input=expected["input_tokens"],
        cached_input=expected["cached_input_tokens"],
        cache_write=expected["cache_write_tokens"] - written_1h,
        cache_write_1h=written_1h,
        output=expected["output_tokens"],
        reasoning=expected.get("reasoning_tokens") or 0,
    )
