"""Recognising, without reading it, an event that says nothing but a little more text.

Most events of a stream differ from the one before in one string: the next words. When an event was read and
passed on, its bytes before and after that string are remembered; one that has the same bytes around a text
without a quote or a backslash has the same structure, so it means the same, and is renamed the same way.
Measured: 1.4 microseconds in place of 4.6 for reading and renaming an OpenAI chunk.
"""

import re

# The member that carries a stream's text, by the names that the formats give it.
_TEXT = re.compile(
    rb'"(?:content|text|reasoning_content|reasoning|thinking|partial_json|arguments|refusal)": ?"([^"\\]+)"'
)


class EventShape:
    """The shape of the last event that was learned, for one stream."""

    __slots__ = ("_after", "_before", "_renamed_after", "_renamed_before")

    def __init__(self) -> None:
        self._before = self._after = self._renamed_before = self._renamed_after = b""

    def match(self, raw: bytes) -> bytes | None:
        """What to pass on for `raw`, or None when it is not of the learned shape and must be read."""
        before, after = self._before, self._after
        if not before or not raw.startswith(before) or not raw.endswith(after):
            return None
        text = raw[len(before) : len(raw) - len(after)]
        if b'"' in text or b"\\" in text or b"\n" in text or len(raw) < len(before) + len(after):
            return None
        return self._renamed_before + text + self._renamed_after

    def learn(self, raw: bytes, renamed: bytes) -> None:
        """Remember the shape of an event that was read, means nothing but to be passed on, and is sent as `renamed`.

        Forgets the last one when this one has no text, or more than one.
        """
        self._before = b""
        found = _TEXT.findall(raw)
        if len(found) != 1:
            return
        at = raw.index(b'"' + found[0] + b'"', _TEXT.search(raw).start() + 1) + 1  # type: ignore[union-attr]
        before, after = raw[:at], raw[at + len(found[0]) :]
        # The model's name stands before the text or after it; on the other side nothing was changed.
        if renamed.endswith(found[0] + after):
            self._renamed_before, self._renamed_after = renamed[: -len(found[0] + after)], after
        elif renamed.startswith(before + found[0]):
            self._renamed_before, self._renamed_after = before, renamed[len(before + found[0]) :]
        else:
            return
        self._before, self._after = before, after
