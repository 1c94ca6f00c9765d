"""docs/routing.md is true: its table is tried, its numbers are the code's, its example is read."""

import re
from pathlib import Path

import pytest

from quart_proxy.core.errors import (
    ProxyError,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from quart_proxy.metrics import Metrics
from quart_proxy.services import attempts, cooldown
from quart_proxy.services.attempts import Attempts, RetryPolicy, parse_policy
from quart_proxy.services.cooldown import Cooldowns
from registry.schema import parse_registry

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


class One:
    """An upstream, as far as attempts look at one."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.upstream = self


FIRST, SECOND = One(1), One(2)
FAILURES: dict[str, tuple[ProxyError, int | None]] = {
    "not reached": (UpstreamUnreachable("no"), None),
    "429": (UpstreamRateLimited("slow"), 429),
    "529": (UpstreamOverloaded("full"), 529),
    "500, 502, 503 and so on": (UpstreamFailed("no"), 502),
    "no byte within `limits.first_byte_timeout`, or silence": (UpstreamTimeout("late"), None),
    "401, 402, 403, 3xx; a 400 that says that our key is wrong": (UpstreamFailed("ours", is_retryable=False), 401),
    "200 with what is no answer, or with a failure in it": (UpstreamFailed("html", is_retryable=False), 200),
    "404, 408, 409": (UpstreamRejected("no such model", status=404), 404),
    "400, 413, 422 and all other 4xx": (UpstreamRejected("bad", status=400), 400),
}


def list_table() -> dict[str, list[str]]:
    table = PAGE.split("| Failure, before the first byte |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


def call_until_over(failure: str, policy: RetryPolicy, cooldowns: Cooldowns, *targets: One) -> list[One]:
    tried = Attempts(targets, policy, cooldowns)  # type: ignore[arg-type]
    called: list[One] = []
    while (one := tried.next()) is not None:
        called.append(one)  # type: ignore[arg-type]
        if not tried.fail(one, *FAILURES[failure]):
            break
    return called


def test_every_failure_of_the_table_is_tried() -> None:
    assert list_table().keys() == FAILURES.keys()


@pytest.mark.parametrize("failure", FAILURES)
def test_a_row_of_the_table(failure: str) -> None:
    elsewhere, again, rests = list_table()[failure]
    patient = RetryPolicy(max_attempts=3)
    called = call_until_over(failure, patient, Cooldowns(), FIRST, SECOND)
    assert (SECOND in called) is (elsewhere != "no")
    assert (called.count(FIRST) > 1) is (again == "yes")
    unwilling = call_until_over(failure, parse_policy({"retry_on": []}), Cooldowns(), FIRST, SECOND)
    assert (SECOND in unwilling) is (elsewhere == "yes")
    cooldowns = Cooldowns(lambda: 100.0)
    needed = {"at once": 1, "after 3 in a row": cooldown.FAILURES_MAX, "no": 10}[rests]
    for number in range(needed):
        assert cooldowns.order((FIRST, SECOND), lambda one: one.id)[0] is FIRST, number
        call_until_over(failure, RetryPolicy(max_attempts=1), cooldowns, FIRST)
    assert cooldowns.order((FIRST, SECOND), lambda one: one.id)[0] is (FIRST if rests == "no" else SECOND)


def test_numbers_of_the_page_are_those_of_the_code() -> None:
    for fact in (
        f"Default: {attempts.ATTEMPTS_DEFAULT}.",
        f"about {attempts.PAUSE_S} seconds",
        f"more than {attempts.PAUSE_MAX_S:.0f} seconds",
        f"(default {attempts.COOLDOWN_DEFAULT_S:.0f} seconds)",
        f"fails {cooldown.FAILURES_MAX} times in a row",
        f"{cooldown.REST_MAX_S:.0f} seconds at most",
        ", ".join(map(str, sorted(attempts.ELSEWHERE))),
    ):
        assert fact in " ".join(PAGE.split()), fact


def test_the_example_is_read_and_says_what_holds_anyway() -> None:
    parsed = parse_registry(EXAMPLE)
    assert not parsed.faults
    assert parsed.registry is not None
    model = parsed.registry.models["claude-main"]
    assert parse_policy(model.routing) == RetryPolicy()
    assert [upstream.priority for upstream in model.upstreams] == [0, 1]


def test_the_metric_of_the_page_is_there() -> None:
    metrics = Metrics()
    metrics.failed_attempts.labels("m/a", "upstream_error").inc()
    assert "quart_proxy_failed_attempts_total" in PAGE
    assert any(
        sample.name == "quart_proxy_failed_attempts_total"
        for family in metrics.failed_attempts.collect()
        for sample in family.samples
    )
