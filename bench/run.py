"""One whole run: warm-up, interleaved rounds, settlements, the ladder, the books."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.books import Verdict, check_books
from bench.contenders import Contender, Sample, measure
from bench.figures import Figure, list_figures, list_memory
from bench.plan import LATENESS_MAX_MS, USERS, Kind, Plan, Work
from bench.stage import Stage

DIRECT, BARE, PRODUCT = "direct", "bare", "product"
Say = Callable[[str], None]
"""Is told what begins."""


@dataclass(frozen=True, slots=True)
class Outcome:
    figures: list[Figure]
    verdict: Verdict
    faults: dict[str, dict[str, int]]
    """Of every contender that had some, by reason."""


def count_steps(plan: Plan, contenders: int) -> int:
    """How often `run_plan` speaks, nearly: the ladder may end early."""
    return plan.rounds * (len(plan.works) * contenders + 2) + contenders + len(plan.ladder)


async def run_plan(plan: Plan, stage: Stage, say: Say) -> Outcome:
    await _warm_up(plan, stage.contenders, say)
    samples: dict[str, dict[str, list[Sample]]] = {}
    product = stage.product
    for work in plan.works:
        if work.once:
            say(work.title)
            samples[work.name] = {product.name: [await measure(product, work, requests=USERS)]}
    settlements: dict[int, list[float]] = {1: [], USERS: []}
    for _ in range(plan.rounds):
        for work in plan.works:
            if not work.once:
                await _play_round(plan, work, stage.contenders, samples.setdefault(work.name, {}), say)
        for users, rates in settlements.items():
            say(f"settlements, {users:,} users")
            rates.append(await stage.measure_settlements(users, plan.settle_s))
    for contender in stage.contenders:
        contender.note_memory_after()
    figures = list_figures(plan, samples, DIRECT)
    if plan.ladder:
        held = await _climb(plan, product, samples, say)
        figures.append(Figure("paced", f"streams held, late p99 < {LATENESS_MAX_MS:.0f} ms", {product.name: [held]}))
    figures += [
        Figure(
            "settlement statement", f"settlements/s, {users:,} user{'s' if users > 1 else ''}", {product.name: rates}
        )
        for users, rates in settlements.items()
    ]
    figures += list_memory(stage.contenders)
    verdict = await check_books(
        sent=product.sent,
        provider_url=stage.provider_url,
        database_url=stage.database_url,
        settlements_url=stage.settlements_url,
    )
    return Outcome(figures, verdict, {each.name: each.faults for each in stage.contenders if each.faults})


async def _warm_up(plan: Plan, contenders: Sequence[Contender], say: Say) -> None:
    """Connections, caches and code paths: the first requests of a process are of no interest."""
    for contender in contenders:
        say(f"warm-up, {contender.name}")
        for work in plan.works:
            if work.kind is not Kind.PACED and not work.everyone:
                await measure(contender, work, seconds=plan.warm_up_s / 4)


async def _play_round(
    plan: Plan, work: Work, contenders: Sequence[Contender], samples: dict[str, list[Sample]], say: Say
) -> None:
    for contender in contenders:
        if contender.takes(work):
            say(f"{work.title}, {contender.name}")
            seconds = plan.paced_s if work.kind is Kind.PACED else plan.load_s
            samples.setdefault(contender.name, []).append(await measure(contender, work, seconds=seconds))


async def _climb(plan: Plan, product: Contender, samples: dict[str, dict[str, list[Sample]]], say: Say) -> int:
    """The most paced streams that the product held: more than in the rounds if it held those, else fewer."""
    paced = next(work for work in plan.works if work.kind is Kind.PACED)
    lates = sorted(sample.result.lateness.p99_ms for sample in samples[paced.name][product.name])
    starts_held = lates[len(lates) // 2] < LATENESS_MAX_MS
    held = paced.connections if starts_held else 0
    steps = [step for step in plan.steps if (step.connections > paced.connections) == starts_held]
    for step in steps if starts_held else reversed(steps):
        say(f"{step.title}, {product.name}")
        result = (await measure(product, step, seconds=plan.ladder_s)).result
        is_held = not result.errors and result.lateness.p99_ms < LATENESS_MAX_MS
        held = step.connections if is_held else held
        if is_held != starts_held:
            break
    return held
