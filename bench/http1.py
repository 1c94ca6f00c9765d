"""A keep-alive HTTP/1.1 connection that costs little: enough of the protocol to measure a server."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)

Sink = Callable[[bytes], None]
"""Is given the body of an answer, piece by piece, without its transfer coding."""


class BrokenAnswer(Exception):
    """The connection ended, or spoke something that is not HTTP, before the answer was over."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and the bytes that each begins with."""

    host: str
    port: int
    tls: bool
    head: bytes

    def render(self, body: bytes) -> bytes:
        return b"%sContent-Length: %d\r\n\r\n%s" % (self.head, len(body), body)


def parse_target(url: str, headers: Mapping[str, str]) -> Target:
    """The target of POST requests to `url`. Raises ValueError for a URL without a host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http or https URL.")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    all_headers = {"Host": parts.netloc, "Content-Type": "application/json", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    return Target(parts.hostname, parts.port or (443 if tls else 80), tls, head)


@dataclass(slots=True)
class Answer:
    status: int = 0
    body_bytes: int = 0
    first_byte_s: float = 0.0
    """Monotonic time of the first byte of the body; 0 when there was none."""
    end_s: float = 0.0
    closes: bool = False


class Connection(asyncio.Protocol):
    """Carries one exchange after another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[Answer] | None = None
        self._sink: Sink | None = None
        self._answer = Answer()
        self._buffer = b""
        self._in_body = False
        self._chunked = False
        self._left_bytes: int | None = 0
        """Of the body, or of the current chunk with its line end; None when the body lasts until the end."""

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, sink: Sink | None = None) -> Answer:
        """Sends a request and reads its answer to the end. Raises BrokenAnswer."""
        if self._transport is None or self._transport.is_closing():
            raise BrokenAnswer("closed")
        self._done = asyncio.get_running_loop().create_future()
        self._sink, self._answer, self._in_body, self._buffer = sink, Answer(), False, b""
        self._transport.write(request)
        return await self._done

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no asyncio class, so there is nothing to check.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._done is None or self._done.done():
            self.close()
            return
        try:
            if not self._in_body:
                self._buffer += data
                head, end, data = self._buffer.partition(HEAD_END)
                if not end:
                    return
                self._buffer = b""
                self._read_head(head)
            if self._chunked:
                self._read_chunks(self._buffer + data)
            else:
                self._read_plain(data)
        except ValueError:
            self._break("malformed")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._done and not self._done.done():
            if self._in_body and self._left_bytes is None and exc is None:
                self._finish()
            else:
                self._break("reset" if exc else "truncated")

    def _read_head(self, head: bytes) -> None:
        self._answer.status = int(head[9:12])
        self._answer.closes = CLOSES.search(head) is not None
        self._chunked = CHUNKED.search(head) is not None
        length = CONTENT_LENGTH.search(head)
        self._left_bytes = int(length.group(1)) if length else 0 if self._chunked else None
        self._in_body = True

    def _read_plain(self, data: bytes) -> None:
        self._deliver(data)
        if self._left_bytes is not None:
            self._left_bytes -= len(data)
            if self._left_bytes <= 0:
                self._finish()

    def _read_chunks(self, data: bytes) -> None:
        """Delivers what is complete or can be cut, and keeps the rest: a part of a size line."""
        position, size, pieces = 0, len(data), []
        left = self._left_bytes or 0
        is_over = False
        while position < size:
            if left:
                end = min(position + left, size)
                pieces.append(data[position : min(end, position + max(0, left - 2))])
                left -= end - position
                position = end
                continue
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                break
            chunk_bytes = int(data[position:line_end].partition(b";")[0], 16)
            if chunk_bytes == 0:
                # The end of the last chunk may still be on the way; trailers are not expected.
                is_over = data.startswith(b"\r\n", line_end + 2)
                break
            left = chunk_bytes + 2
            position = line_end + 2
        self._left_bytes, self._buffer = left, data[position:]
        self._deliver(b"".join(pieces))
        if is_over:
            self._finish()

    def _deliver(self, body: bytes) -> None:
        if not body:
            return
        if not self._answer.first_byte_s:
            self._answer.first_byte_s = time.perf_counter()
        self._answer.body_bytes += len(body)
        if self._sink:
            self._sink(body)

    def _finish(self) -> None:
        self._answer.end_s = time.perf_counter()
        if self._answer.closes:
            self.close()
        if self._done and not self._done.done():
            self._done.set_result(self._answer)

    def _break(self, reason: str) -> None:
        self.close()
        if self._done and not self._done.done():
            self._done.set_exception(BrokenAnswer(reason))


async def connect(target: Target) -> Connection:
    """Raises OSError when nobody answers there."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, target.host, target.port, ssl=target.tls or None)
    return connection
