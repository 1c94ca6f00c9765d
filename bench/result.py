"""What a run of the load client saw."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds. All are zero when nothing was measured."""

    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0


UNMEASURED = Percentiles()


@dataclass(frozen=True, slots=True)
class Result:
    """`requests` counts the good ones, and latencies are theirs alone; bytes and events are of all."""

    requests: int
    errors: int
    seconds: float
    first_byte: Percentiles
    """From sending the request to the first byte of the answer's body."""
    end: Percentiles
    """From sending the request to the last byte of the answer."""
    bytes: int
    events: int
    lateness: Percentiles = UNMEASURED
    """Of stamped events: from the upstream's sending to this client's reading."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """Errors by reason, such as `status 429` or `reset`."""

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Tally:
    """The sums of a run while it lasts."""

    first_byte_s: "array[float]" = field(default_factory=lambda: array("d"))
    end_s: "array[float]" = field(default_factory=lambda: array("d"))
    lateness_s: "array[float]" = field(default_factory=lambda: array("d"))
    body_bytes: int = 0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def result(self, seconds: float) -> Result:
        return Result(
            requests=len(self.end_s),
            errors=self.faults.total(),
            seconds=seconds,
            first_byte=measure_percentiles(self.first_byte_s),
            end=measure_percentiles(self.end_s),
            bytes=self.body_bytes,
            events=self.events,
            lateness=measure_percentiles(self.lateness_s),
            faults=dict(self.faults),
        )


def measure_percentiles(values_s: Sequence[float]) -> Percentiles:
    """Nearest-rank percentiles of seconds, in milliseconds."""
    if not values_s:
        return UNMEASURED
    ordered = sorted(values_s)
    last = len(ordered) - 1
    p50, p90, p99 = (ordered[min(last, int(len(ordered) * share))] * 1000 for share in (0.50, 0.90, 0.99))
    return Percentiles(p50, p90, p99, ordered[last] * 1000)
