"""From a format's whole stream to what is really sent: where it ends, how it ends, and in what framing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import islice

from quart_proxy.sandbox.call import Call, Format, Frame
from quart_proxy.sandbox.scenarios import Scenario

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WORDS_KEPT_MAX = 10_000
"""A longer stream is rendered while it is sent."""
STREAM_ERROR = "The sandbox was asked to fail here."


class Ending(Enum):
    """What happens on the connection after the last event."""

    WHOLE = auto()
    """The body ends as HTTP says."""
    RESET = auto()
    FIN = auto()
    """The connection is closed in the middle of the body."""
    SILENCE = auto()
    """Nothing, until the client goes away."""


@dataclass(frozen=True, slots=True)
class Plan:
    frames: Iterable[Frame]
    ending: Ending


def plan_stream(call: Call, speaker: Format) -> Plan:
    """The events of a streamed answer, in order, and how it ends."""
    scenario = call.scenario
    ending = ending_of(scenario)
    if scenario.endless or scenario.big_event or call.words > WORDS_KEPT_MAX:
        return Plan(_staged_frames(call, speaker), ending)
    return Plan(_kept_frames(call, speaker), ending)


@lru_cache(maxsize=256)
def _kept_frames(call: Call, speaker: Format) -> tuple[Frame, ...]:
    return tuple(_staged_frames(call, speaker))


@lru_cache(maxsize=256)
def render_burst(call: Call, speaker: Format) -> Frame:
    """All events of a stream that ends, as one."""
    frames = list(_staged_frames(call, speaker))
    return Frame(
        b"".join(frame.data for frame in frames),
        usage=any(frame.usage for frame in frames),
        terminal=any(frame.terminal for frame in frames),
    )


@lru_cache(maxsize=256)
def render_body(call: Call, speaker: Format) -> bytes:
    return speaker.render_body(call)


def ending_of(scenario: Scenario) -> Ending:
    if scenario.cut_after is not None or scenario.cut_after_usage:
        return Ending.RESET
    if scenario.fin_after is not None:
        return Ending.FIN
    if scenario.stall_after is not None:
        return Ending.SILENCE
    return Ending.WHOLE


def _staged_frames(call: Call, speaker: Format) -> Iterator[Frame]:
    scenario = call.scenario
    frames = _until_break(speaker.frames(call), scenario)
    if scenario.error_in_stream is not None or scenario.error_after_usage:
        frames = _followed_by(frames, Frame(speaker.render_error_event(STREAM_ERROR)))
    return _framed(frames, scenario)


def _until_break(frames: Iterator[Frame], scenario: Scenario) -> Iterator[Frame]:
    limits = (
        scenario.cut_after,
        scenario.eof_after,
        scenario.fin_after,
        scenario.stall_after,
        scenario.error_in_stream,
    )
    given = [limit for limit in limits if limit is not None]
    if given:
        frames = islice(frames, min(given))
    for frame in frames:
        yield frame
        if frame.usage and (scenario.cut_after_usage or scenario.error_after_usage):
            return


def _followed_by(frames: Iterator[Frame], last: Frame) -> Iterator[Frame]:
    yield from frames
    yield last


def _framed(frames: Iterator[Frame], scenario: Scenario) -> Iterator[Frame]:
    line_end = b"\r\n" if scenario.crlf else b"\r" if scenario.cr else b"\n"
    head = BYTE_ORDER_MARK if scenario.bom else b""
    for frame in frames:
        data = frame.data
        if scenario.comments:
            data = b": between events\n\n: inside an event\n" + data
        if line_end != b"\n":
            # JSON never holds a bare line end, so each one here is framing.
            data = data.replace(b"\n", line_end)
        yield Frame(head + data, usage=frame.usage, terminal=frame.terminal)
        head = b""
