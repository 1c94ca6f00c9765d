"""The machine underneath: what it is, which cores a process may use, what a process has used. Linux only."""

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from pathlib import Path

PACKAGES = ("quart", "hypercorn", "uvloop", "aiohttp", "httpx", "asyncpg", "sqlalchemy", "orjson")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
BYTES_PER_KB = 1024
BYTES_PER_MB = 1_000_000


@contextlib.contextmanager
def pinned(cores: Set[int]) -> Iterator[None]:
    """Processes and threads that start in this block may only use `cores`, from their first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def read_cpu_s(pid: int) -> float:
    """User and system seconds of a process and its threads, to the tick (10 ms). Raises OSError when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def read_memory_mb(pid: int) -> float:
    """Resident megabytes of a process. Raises OSError when it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * BYTES_PER_KB / BYTES_PER_MB
    return 0.0


def read_steal_s() -> float:
    """Seconds that this machine's cores wanted to run and the host did not let them, since it was started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return int(fields[8]) / TICKS_PER_S


def describe_machine(server_cores: Set[int], other_cores: Set[int]) -> dict[str, str]:
    """The facts that a figure is worth nothing without."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{_read_cpu_model()}, {os.cpu_count()} cores",
        "pinned": f"server to core {_join(server_cores)}; PostgreSQL, sandbox, client to {_join(other_cores)}",
        "load before": f"{load} (1, 5, 15 minutes)",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
    }


def _read_cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _join(cores: Set[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))
