"""Upstreams that fail are passed over for a while, and come back by one request that tries them."""

from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace

import pytest

from quart_proxy.core.errors import (
    InternalError,
    ProxyError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from quart_proxy.services.attempts import PAUSE_MAX_S, Attempts, RetryPolicy, parse_policy
from quart_proxy.services.cooldown import FAILURES_MAX, Cooldowns


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def target(number: int) -> object:
    return SimpleNamespace(upstream=SimpleNamespace(id=number))


A, B, C = target(1), target(2), target(3)


def order(cooldowns: Cooldowns, *targets: object) -> list[object]:
    return cooldowns.order(targets, lambda one: one.upstream.id)  # type: ignore[attr-defined]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooldowns(clock: Clock) -> Cooldowns:
    return Cooldowns(clock)


def test_an_upstream_rests_after_failures_in_a_row_and_not_after_fewer(cooldowns: Cooldowns) -> None:
    for _ in range(FAILURES_MAX - 1):
        cooldowns.fail(1, rest_s=30, at_once=False)
    assert order(cooldowns, A, B) == [A, B]
    cooldowns.succeed(1)
    cooldowns.fail(1, rest_s=30, at_once=False)
    assert order(cooldowns, A, B) == [A, B]
    for _ in range(FAILURES_MAX - 1):
        cooldowns.fail(1, rest_s=30, at_once=False)
    assert order(cooldowns, A, B) == [B, A]


def test_one_that_limits_its_rate_rests_at_once_for_as_long_as_it_says(cooldowns: Cooldowns, clock: Clock) -> None:
    cooldowns.fail(1, rest_s=7, at_once=True)
    clock.now += 6.9
    assert order(cooldowns, A, B) == [B, A]
    clock.now += 0.2
    assert order(cooldowns, A, B) == [A, B]


def test_after_its_rest_one_request_tries_it_and_the_others_wait_for_that(cooldowns: Cooldowns, clock: Clock) -> None:
    cooldowns.fail(1, rest_s=30, at_once=True)
    clock.now += 31
    assert order(cooldowns, A, B) == [A, B]
    cooldowns.begin(1)
    assert order(cooldowns, A, B) == [B, A]
    cooldowns.succeed(1)
    assert order(cooldowns, A, B) == [A, B]


def test_one_that_fails_on_trial_rests_again(cooldowns: Cooldowns, clock: Clock) -> None:
    for _ in range(FAILURES_MAX):
        cooldowns.fail(1, rest_s=30, at_once=False)
    clock.now += 31
    cooldowns.begin(1)
    cooldowns.fail(1, rest_s=30, at_once=False)
    clock.now += 29
    assert order(cooldowns, A, B) == [B, A]


def test_a_trial_whose_end_is_never_told_is_followed_by_another(cooldowns: Cooldowns, clock: Clock) -> None:
    cooldowns.fail(1, rest_s=30, at_once=True)
    clock.now += 31
    cooldowns.begin(1)
    clock.now += 31
    assert order(cooldowns, A, B) == [A, B]


def test_where_all_rest_the_one_that_is_ready_soonest_comes_first(cooldowns: Cooldowns) -> None:
    cooldowns.fail(1, rest_s=30, at_once=True)
    cooldowns.fail(2, rest_s=10, at_once=True)
    assert order(cooldowns, A, B) == [B, A]
    assert order(cooldowns, A) == [A]


# --- the attempts of one request ------------------------------------------------------------------------------


def attempted(policy: RetryPolicy, failures: Iterator[tuple[ProxyError, int | None]], *targets: object) -> list[object]:
    """Who is called, when every call fails so."""
    attempts = Attempts(targets, policy, Cooldowns(Clock()))  # type: ignore[arg-type]
    called: list[object] = []
    while (one := attempts.next()) is not None:
        called.append(one)
        if not attempts.fail(one, *next(failures)):
            break
    return called


def always(error: ProxyError, status: int | None = None) -> Iterator[tuple[ProxyError, int | None]]:
    return ((error, status) for _ in count())


def test_every_upstream_is_tried_before_one_is_tried_again() -> None:
    failing = always(UpstreamFailed("no"), 500)
    assert attempted(RetryPolicy(max_attempts=5), failing, A, B) == [A, B, A, B, A]


def test_no_more_are_tried_than_the_model_says() -> None:
    assert attempted(RetryPolicy(max_attempts=2), always(UpstreamUnreachable("no")), A, B, C) == [A, B]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UpstreamTimeout("late"), None),
        (UpstreamRateLimited("slow", retry_after_s=30), 429),
        (UpstreamFailed("our account", is_retryable=False), 401),
        (UpstreamFailed("not an answer", is_retryable=False), 200),
        (UpstreamRejected("no such model here", status=404), 404),
    ],
    ids=["timeout", "long wait", "credentials", "malformed", "not found"],
)
def test_what_will_not_pass_soon_is_tried_elsewhere_and_not_again(error: ProxyError, status: int | None) -> None:
    assert attempted(RetryPolicy(max_attempts=5), always(error, status), A, B) == [A, B]


@pytest.mark.parametrize(
    "error",
    [UpstreamRejected("bad", status=400), UpstreamRejected("large", status=413), InternalError("ours")],
    ids=str,
)
def test_what_is_wrong_with_the_request_is_tried_nowhere_else(error: ProxyError) -> None:
    assert attempted(RetryPolicy(), always(error, 400), A, B) == [A]


def test_only_what_the_model_names_is_tried_again() -> None:
    policy = parse_policy({"retry_on": ["429", "503"], "max_attempts": 4})
    assert attempted(policy, always(UpstreamFailed("no"), 500), A, B) == [A]
    assert attempted(policy, always(UpstreamTimeout("no")), A, B) == [A]
    assert attempted(policy, always(UpstreamFailed("no"), 503), A, B) == [A, B, A, B]
    # Nobody heard of the request: trying it elsewhere is always right.
    assert attempted(policy, always(UpstreamUnreachable("no")), A, B) == [A, B, A, B]


def test_the_same_upstream_is_given_a_moment_and_another_one_none() -> None:
    attempts = Attempts((A, B), RetryPolicy(max_attempts=4), Cooldowns(Clock()))  # type: ignore[arg-type]
    pauses = []
    while (one := attempts.next()) is not None:
        pauses.append(attempts.pause_s)
        attempts.fail(one, UpstreamUnreachable("no"), None)
    assert pauses[:2] == [0, 0]
    assert 0 < pauses[2] < pauses[3]


def test_an_upstream_that_says_when_to_come_back_is_not_asked_before() -> None:
    attempts = Attempts((A,), RetryPolicy(), Cooldowns(Clock()))  # type: ignore[arg-type]
    assert attempts.next() is A
    assert attempts.fail(A, UpstreamRateLimited("slow", retry_after_s=2), 429)  # type: ignore[arg-type]
    assert attempts.next() is A
    assert attempts.pause_s >= 2


def test_pauses_have_an_end_however_often_it_is_tried() -> None:
    attempts = Attempts((A,), RetryPolicy(max_attempts=20), Cooldowns(Clock()))  # type: ignore[arg-type]
    pauses = []
    while (one := attempts.next()) is not None:
        pauses.append(attempts.pause_s)
        attempts.fail(one, UpstreamUnreachable("no"), None)
    assert len(pauses) == 20
    assert max(pauses) <= 1.25 * PAUSE_MAX_S


def test_an_upstream_that_refuses_a_request_is_well(cooldowns: Cooldowns, clock: Clock) -> None:
    cooldowns.fail(1, rest_s=30, at_once=True)
    clock.now += 31
    attempts = Attempts((A, B), RetryPolicy(), cooldowns)  # type: ignore[arg-type]
    assert attempts.next() is A
    attempts.call(A)  # type: ignore[arg-type]
    assert order(cooldowns, A, B) == [B, A]
    assert not attempts.fail(A, UpstreamRejected("bad", status=400), 400)  # type: ignore[arg-type]
    assert order(cooldowns, A, B) == [A, B]


def test_a_policy_is_read_as_models_yaml_has_it() -> None:
    assert parse_policy({}) == RetryPolicy()
    said = parse_policy({"max_attempts": 7, "cooldown": "90s", "retry_on": ["5xx"]})
    assert said == RetryPolicy(7, frozenset({"5xx"}), 90.0)
    assert parse_policy({"retry_on": []}).retry_on == frozenset()
