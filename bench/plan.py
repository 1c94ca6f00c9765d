"""What is measured, and how long: the kinds of work, and the sizes of a whole run and of a quick one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.load import make_body

PATH = "/v1/chat/completions"
EVENTS = 50
"""Words of a streamed answer, each an event of its own."""
EVENTS_PER_S = 50
"""Of a paced stream: somewhat faster than the models that people wait for."""
CONNECTIONS = 16
USERS = 1000
TRANSLATED = ("anthropic", "openai_responses", "gemini")
"""Formats of upstreams that OpenAI's clients are answered from."""
LATENESS_MAX_MS = 20.0
"""A paced stream is held as long as 99 of 100 events are no later than this."""


class Kind(StrEnum):
    JSON = "json"
    STREAM = "stream"
    PACED = "paced"


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of load. `scenario` is how the sandbox is to answer; a gateway's model `name` leads there."""

    name: str
    title: str
    kind: Kind
    scenario: str
    connections: int
    everyone: bool = False
    """Whether requests take the keys of all users in turn, not the hot user's; only the product has users."""

    upstream: str = "openai"
    """The format of the upstream that answers; the client speaks OpenAI's, and only the product translates."""

    once: bool = False
    """Whether it is done before the rounds, with one request of each user: then nobody is in a cache yet."""

    def body(self, model: str) -> bytes:
        return make_body(PATH, model, stream=self.kind is not Kind.JSON)


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of one run. Each load lasts `load_s`, a paced one `paced_s`, and all are done `rounds` times."""

    rounds: int
    load_s: float
    paced_s: int
    paced_streams: int
    settle_s: float
    warm_up_s: float
    ladder: tuple[int, ...]
    """Numbers of paced streams to try after the rounds, until they are not held; `ladder_s` each."""
    ladder_s: int

    @property
    def works(self) -> tuple[Work, ...]:
        burst, paced = f"sandbox:words={EVENTS},burst=1", f"sandbox:rate={EVENTS_PER_S},seconds={self.paced_s},stamp=1"
        return (
            Work("bench-json", f"JSON, {CONNECTIONS} connections", Kind.JSON, "sandbox", CONNECTIONS),
            Work("bench-json-1", "JSON, 1 connection", Kind.JSON, "sandbox", 1),
            Work(
                "bench-first",
                f"JSON, {USERS:,} users, first request",
                Kind.JSON,
                "sandbox",
                CONNECTIONS,
                True,
                once=True,
            ),
            Work("bench-keys", f"JSON, {USERS:,} users in turn", Kind.JSON, "sandbox", CONNECTIONS, True),
            Work("bench-burst", f"stream, {EVENTS} events in one write", Kind.STREAM, burst, CONNECTIONS),
            Work("bench-burst-1", f"stream, {EVENTS} events in one write, 1 connection", Kind.STREAM, burst, 1),
            Work("bench-events", f"stream, {EVENTS} writes", Kind.STREAM, f"sandbox:words={EVENTS}", CONNECTIONS),
            *(
                Work(
                    f"bench-{kind}-{upstream}",
                    f"{title}, translated from {upstream}",
                    kind,
                    scenario,
                    CONNECTIONS,
                    upstream=upstream,
                )
                for kind, title, scenario in (
                    (Kind.JSON, "JSON", "sandbox"),
                    (Kind.STREAM, f"stream, {EVENTS} events", burst),
                )
                for upstream in TRANSLATED
            ),
            Work("bench-paced", f"paced, {self.paced_streams} streams", Kind.PACED, paced, self.paced_streams),
        )

    @property
    def steps(self) -> tuple[Work, ...]:
        """The rungs of the ladder."""
        scenario = f"sandbox:rate={EVENTS_PER_S},seconds={self.ladder_s},stamp=1"
        return tuple(
            Work("bench-ladder", f"paced, {streams} streams", Kind.PACED, scenario, streams) for streams in self.ladder
        )

    @property
    def models(self) -> Mapping[str, Work]:
        """The models that gateways must serve, by name."""
        return {work.name: work for work in (*self.works, *self.steps)}


WHOLE = Plan(
    rounds=3,
    load_s=1.6,
    paced_s=7,
    paced_streams=150,
    settle_s=1.5,
    warm_up_s=1.0,
    ladder=(50, 100, 200, 300, 400, 600),
    ladder_s=4,
)
QUICK = Plan(rounds=1, load_s=1.0, paced_s=4, paced_streams=150, settle_s=0.7, warm_up_s=0.5, ladder=(), ladder_s=1)
