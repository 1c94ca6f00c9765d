"""A Gemini stream as it passes: chunks that are answers themselves, with a running usage, and nothing at the end."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.formats import StreamStep
from quart_proxy.core.formats.gemini.stops import find_failure, find_stop, says_something
from quart_proxy.core.gemini_usage import read_usage_metadata
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import load_lenient


def find_document(document: object) -> Mapping[str, Any] | None:
    """The object of an answer; Google wraps failures into a list. None: there is none."""
    if isinstance(document, list) and document:
        document = document[0]
    return document if isinstance(document, dict) else None


class StreamReader:
    """A usage is a total when the answer is over: before that each chunk tells what there is so far."""

    __slots__ = ("_has_said", "_is_over", "_reading")

    def __init__(self) -> None:
        self._reading = NOTHING_READ
        self._is_over = False
        self._has_said = False

    def read(self, event: Event) -> StreamStep:
        chunk = find_document(load_lenient(event.data)) if event.is_whole else None
        if chunk is None:
            return StreamStep.ERROR if event.name == "error" else StreamStep.FORWARD
        self._take(read_usage_metadata(chunk.get("usageMetadata")))
        self._is_over = self._is_over or find_stop(chunk) is not None
        if find_failure(chunk, has_said=self._has_said) is not None:
            return StreamStep.ERROR
        self._has_said = self._has_said or says_something(chunk)
        return StreamStep.FORWARD

    def _take(self, reading: Reading) -> None:
        if reading.usage is not None or (reading.invalid and self._reading.usage is None):
            self._reading = reading

    def reading(self) -> Reading:
        return self._reading

    def is_usage_final(self) -> bool:
        return self._is_over and self._reading.usage is not None

    def is_complete_without_terminal(self) -> bool:
        return self._is_over
