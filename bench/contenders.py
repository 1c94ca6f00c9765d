"""Who is measured, and one measurement of one of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load import Headers, run_json, run_paced, run_streams
from bench.machine import read_cpu_s, read_memory_mb
from bench.plan import PATH, Kind, Work
from bench.result import Result

QUIET_POLL_S = 0.1
QUIET_CPU_S = 0.02
"""Two ticks: what a server does by itself in QUIET_POLL_S."""
QUIET_WAIT_S = 15.0


@dataclass(slots=True)
class Contender:
    """A server that takes the load. `pid` None: the provider itself, the baseline that nothing is between.

    `sent` counts the requests it was sent, warm-up and all, and `faults` those that went wrong, by reason.
    """

    name: str
    base_url: str
    pid: int | None = None
    keys: Sequence[str] = ("sandbox",)
    """The first is the hot user's."""
    is_gateway: bool = False
    """Whether it knows models by name; the others pass on what they are asked for."""
    has_users: bool = False
    sent: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    idle_mb: float | None = None
    after_mb: float | None = None

    def takes(self, work: Work) -> bool:
        return self.has_users or not (work.everyone or work.upstream != "openai")

    def note_idle_memory(self) -> None:
        self.idle_mb = None if self.pid is None else read_memory_mb(self.pid)

    def note_memory_after(self) -> None:
        self.after_mb = None if self.pid is None else read_memory_mb(self.pid)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one load saw, and the CPU seconds of the server in that time; None when there is no server between."""

    result: Result
    cpu_s: float | None


async def measure(
    contender: Contender, work: Work, *, seconds: float | None = None, requests: int | None = None
) -> Sample:
    """Load `contender` once, for so long or so often; paced work needs `seconds`, as long as its streams last.

    Raises OSError when it is gone.
    """
    before_s = None if contender.pid is None else read_cpu_s(contender.pid)
    result = await _load(contender, work, seconds, requests)
    cpu_s = None if contender.pid is None or before_s is None else read_cpu_s(contender.pid) - before_s
    contender.sent += result.requests + result.errors
    for reason, number in result.faults.items():
        contender.faults[reason] = contender.faults.get(reason, 0) + number
    if contender.pid is not None:
        await _wait_quiet(contender.pid)
    return Sample(result, cpu_s)


async def _wait_quiet(pid: int) -> None:
    """An overloaded server works on after its clients have left; the next one's core must not be half its."""
    for _ in range(int(QUIET_WAIT_S / QUIET_POLL_S)):
        before_s = read_cpu_s(pid)
        await asyncio.sleep(QUIET_POLL_S)
        if read_cpu_s(pid) - before_s <= QUIET_CPU_S:
            return


async def _load(contender: Contender, work: Work, seconds: float | None, requests: int | None) -> Result:
    url = contender.base_url + PATH
    body = work.body(work.name if contender.is_gateway else work.scenario)
    keys = contender.keys if work.everyone else contender.keys[:1]
    headers: Headers = [{"Authorization": f"Bearer {key}"} for key in keys]
    if work.kind is Kind.PACED:
        return await run_paced(url, body, headers, streams=work.connections, seconds=seconds or 0.0)
    runner = run_streams if work.kind is Kind.STREAM else run_json
    return await runner(url, body, headers, connections=work.connections, seconds=seconds, requests=requests)
