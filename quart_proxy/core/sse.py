"""Server-sent events: bytes in, events out, and every byte kept.

The `raw` bytes of the events, put together, are the stream again, byte for byte: that is what a client is
sent. `data` is the copy that we read. The same stream gives the same events however the network cut it up.
"""

import re
from dataclasses import dataclass

EVENT_BYTES_MAX = 16 * 2**20
"""An event up to this size is whole; a longer one comes in pieces, so that memory stays bounded."""
TAIL_BYTES_MAX = 64 * 2**10
"""What is kept of an event that came in pieces: its end, where usage stands."""

_LF, _CR = 10, 13
_BOM = b"\xef\xbb\xbf"
# Two line ends in a row, from the last byte of the first one; LF, CR and CRLF in any mixture.
_BLANK_LINE = re.compile(rb"[\r\n](?:\r\n?|(?<=\n)\n)")
_BLANK_LINE_BYTES_MAX = 3
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(slots=True)
class Event:
    """One event, as it came. Not frozen: a frozen one takes three times as long to make, and there are many.

    `raw` are its bytes with the blank line that ends it. `name` is its `event:` field. `data` are its data
    lines joined by LF; empty for a comment. A piece of an event above EVENT_BYTES_MAX has `is_whole` False;
    only the last piece has a name and data, and that data is the last TAIL_BYTES_MAX bytes of the event.
    """

    raw: bytes
    name: str | None
    data: bytes
    is_whole: bool = True


@dataclass(slots=True)
class _Oversized:
    """An event that is being delivered in pieces."""

    name: str | None
    tail: bytearray

    def keep(self, raw: bytes) -> None:
        self.tail += raw
        # Trimmed now and then, not each time: tiny chunks would copy the whole tail again and again.
        if len(self.tail) > 4 * TAIL_BYTES_MAX:
            del self.tail[: -2 * TAIL_BYTES_MAX]

    def data(self) -> bytes:
        return bytes(self.tail).rstrip(b"\r\n")[-TAIL_BYTES_MAX:]


class SseParser:
    """Cuts one stream into events."""

    __slots__ = ("_is_first", "_oversized", "_pending")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._oversized: _Oversized | None = None
        self._is_first = True

    @property
    def at_boundary(self) -> bool:
        """Whether nothing of an unfinished event is here: bytes of our own may be sent between."""
        return not self._pending and self._oversized is None

    @property
    def is_inside_event(self) -> bool:
        """Whether a piece of an event has been given out, and its end is still to come."""
        return self._oversized is not None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` finished, in order."""
        pending = self._pending
        events: list[Event] = []
        if pending:
            seam = max(len(pending) - _BLANK_LINE_BYTES_MAX + 1, 0)
            pending += chunk
            # Only the new part is searched, so many small chunks cost no more than a large one.
            if self._starts_blank(pending) or _BLANK_LINE.search(pending, seam):
                chunk = bytes(pending)
                pending.clear()
                events = self._split(chunk)
        elif chunk:
            events = self._split(chunk)
        if len(pending) > EVENT_BYTES_MAX or (self._oversized is not None and len(pending) >= _BLANK_LINE_BYTES_MAX):
            events.append(self._take_piece())
        return events

    def close(self) -> Event | None:
        """What remains when the stream ended without a blank line; None if it ended between events.

        Its `raw` lacks the blank line, unless the stream ended in a lone CR, whose LF might still have come.
        """
        if self.at_boundary:
            return None
        raw = bytes(self._pending)
        self._pending.clear()
        return self._finish(raw)

    def _starts_blank(self, data: bytes | bytearray) -> bool:
        return self._oversized is None and data[0] in (_LF, _CR)

    def _split(self, data: bytes) -> list[Event]:
        """The events of `data`, which starts where an event starts or goes on; the rest becomes pending."""
        if (
            self._oversized is not None
            or b"\r" in data
            or data[0] == _LF
            or b"\n\n\n" in data
            or len(data) > EVENT_BYTES_MAX
        ):
            return self._split_with_care(data)
        *bodies, rest = data.split(b"\n\n")
        self._pending += rest
        events = []
        for body in bodies:
            if body.startswith(b"data: ") and b"\n" not in body:
                self._is_first = False
                events.append(Event(body + b"\n\n", None, body[6:]))
            else:
                events.append(self._read(body + b"\n\n"))
        return events

    def _split_with_care(self, data: bytes) -> list[Event]:
        events = []
        start = 0
        while start < len(data):
            end = self._find_end(data, start)
            # A CR at the very end may be half of a CRLF: the next byte tells.
            if end is None or (end == len(data) and data[-1] == _CR):
                break
            events.append(self._finish(data[start:end]))
            start = end
        self._pending += data[start:]
        return events

    def _find_end(self, data: bytes, start: int) -> int | None:
        if self._oversized is None and data[start] in (_LF, _CR):
            return start + 2 if data.startswith(b"\r\n", start) else start + 1
        blank_line = _BLANK_LINE.search(data, start)
        return blank_line.end() if blank_line else None

    def _finish(self, raw: bytes) -> Event:
        if self._oversized is None and len(raw) <= EVENT_BYTES_MAX:
            return self._read(raw)
        oversized = self._oversize(raw)
        self._oversized = None
        return Event(raw, oversized.name, oversized.data(), is_whole=False)

    def _take_piece(self) -> Event:
        """All of the unfinished event but its last bytes, which may be the start of its blank line."""
        keep = _BLANK_LINE_BYTES_MAX - 1
        raw = bytes(self._pending[:-keep])
        del self._pending[:-keep]
        self._oversized = self._oversize(raw)
        return Event(raw, None, b"", is_whole=False)

    def _oversize(self, raw: bytes) -> _Oversized:
        oversized = self._oversized
        if oversized is None:
            # The name is looked for in the head only: behind 16 MiB of data it would come too late anyway.
            oversized = _Oversized(self._read(raw[:1024]).name, bytearray())
        oversized.keep(raw if len(raw) <= TAIL_BYTES_MAX else raw[-2 * TAIL_BYTES_MAX :])
        return oversized

    def _read(self, raw: bytes) -> Event:
        """The fields of one event. Unknown fields, `id` and `retry` are for the client: they are in `raw`."""
        text = raw.removeprefix(_BOM) if self._is_first else raw
        self._is_first = False
        name = None
        data = []
        for line in _LINE_END.split(text):
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ").decode(errors="replace")
        return Event(raw, name, b"\n".join(data))


def end_event(raw: bytes) -> bytes:
    """The bytes of an event that `SseParser.close` gave, with the blank line that they may lack."""
    return raw if raw.endswith((b"\r\r", b"\n\r")) else raw + b"\n\n"


def encode_event(data: bytes, name: str | None = None) -> bytes:
    """One event with this data. Line ends inside become several data lines; a name stays on its one line."""
    lines = [b"data: " + line for line in _LINE_END.split(data)]
    if name is not None:
        lines.insert(0, b"event: " + b" ".join(_LINE_END.split(name.encode())))
    return b"\n".join(lines) + b"\n\n"
