"""From samples to the rows of the table: which figures each load gives, and how rounds become one cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contenders import Contender, Sample
from bench.plan import Kind, Plan, Work
from bench.report import Row, render_cell

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]
"""By the name of the work and that of the contender, one a round."""
Value = Callable[[Sample, Sample | None], float | None]
"""The figure of a sample, beside the baseline's of the same round; None when it has no such figure."""
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: its values by contender, one a round."""

    load: str
    name: str
    values: Mapping[str, Sequence[float]]

    def ratios(self, contender: str, to: str) -> list[float]:
        """Round by round, so that what slows the whole machine for a while cancels out."""
        pairs = zip(self.values.get(contender, ()), self.values.get(to, ()), strict=False)
        return [value / floor for value, floor in pairs if floor]


def _rate(sample: Sample, _: Sample | None) -> float:
    return sample.result.requests_per_s


def _p50(sample: Sample, _: Sample | None) -> float:
    return sample.result.end.p50_ms


def _p99(sample: Sample, _: Sample | None) -> float:
    return sample.result.end.p99_ms


def _added_p50(sample: Sample, direct: Sample | None) -> float | None:
    return None if direct in (None, sample) else sample.result.end.p50_ms - direct.result.end.p50_ms


def _added_p99(sample: Sample, direct: Sample | None) -> float | None:
    return None if direct in (None, sample) else sample.result.end.p99_ms - direct.result.end.p99_ms


def _cpu_per_request(sample: Sample, _: Sample | None) -> float | None:
    count = sample.result.requests
    return None if sample.cpu_s is None or not count else sample.cpu_s * MICRO / count


def _cpu_per_event(sample: Sample, _: Sample | None) -> float | None:
    count = sample.result.events
    return None if sample.cpu_s is None or not count else sample.cpu_s * MICRO / count


def _lateness_p50(sample: Sample, _: Sample | None) -> float:
    return sample.result.lateness.p50_ms


def _lateness_p99(sample: Sample, _: Sample | None) -> float:
    return sample.result.lateness.p99_ms


LOADED: Mapping[str, Value] = {
    "requests/s": _rate,
    "p50 ms": _p50,
    "p99 ms": _p99,
    "CPU us/request": _cpu_per_request,
}
ALONE: Mapping[str, Value] = {"p50 ms": _p50, "p99 ms": _p99, "added p50 ms": _added_p50, "added p99 ms": _added_p99}
STREAMED: Mapping[str, Value] = {
    "streams/s": _rate,
    "p50 ms": _p50,
    "p99 ms": _p99,
    "CPU us/stream": _cpu_per_request,
}
PACED: Mapping[str, Value] = {
    "late p50 ms": _lateness_p50,
    "late p99 ms": _lateness_p99,
    "CPU us/event": _cpu_per_event,
}


def find_values(work: Work) -> Mapping[str, Value]:
    """The figures that a load gives, by name."""
    if work.kind is Kind.PACED:
        return PACED
    if work.connections == 1:
        return ALONE
    return STREAMED if work.kind is Kind.STREAM else LOADED


def list_figures(plan: Plan, samples: Samples, direct: str) -> list[Figure]:
    """Every figure of every load; `direct` names the baseline."""
    figures = []
    for work in plan.works:
        of_work = samples.get(work.name, {})
        baseline = of_work.get(direct, ())
        for name, value in find_values(work).items():
            values = {contender: _values_of(value, rounds, baseline) for contender, rounds in of_work.items() if rounds}
            figures.append(Figure(work.title, name, {key: found for key, found in values.items() if found}))
    return figures


def _values_of(value: Value, rounds: Sequence[Sample], baseline: Sequence[Sample]) -> list[float]:
    values = [
        value(sample, baseline[number] if number < len(baseline) else None) for number, sample in enumerate(rounds)
    ]
    return [each for each in values if each is not None]


def list_memory(contenders: Sequence[Contender]) -> list[Figure]:
    idle = {each.name: [each.idle_mb] for each in contenders if each.idle_mb is not None}
    after = {each.name: [each.after_mb] for each in contenders if each.after_mb is not None}
    return [Figure("memory", "resident MB, idle", idle), Figure("memory", "resident MB, after", after)]


def render_rows(figures: Sequence[Figure], contenders: Sequence[str], *, ratio: tuple[str, str]) -> list[Row]:
    """The table: a column for each contender, and one for the ratio of two of them."""
    over, under = ratio
    rows: list[Row] = []
    for figure in figures:
        cells = {name: render_rounds(figure.values.get(name, ())) for name in contenders}
        ratios = render_rounds(figure.ratios(over, under))
        rows.append({"load": figure.load, "figure": figure.name, **cells, f"{over}/{under}": ratios})
    return rows


def render_rounds(values: Sequence[float]) -> str:
    """The median, and the range when there was more than one round; a dash for none."""
    if not values:
        return "-"
    shown = render_cell(median(values))
    if len(values) == 1:
        return shown
    return f"{shown} ({render_cell(min(values))}-{render_cell(max(values))})"
