"""The benchmarks: one run, one table, and the proof that every request in it was billed."""

import gc
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import click
import orjson
import uvloop

from bench.figures import render_rows
from bench.machine import describe_machine, read_steal_s
from bench.plan import QUICK, WHOLE, Plan
from bench.processes import ServerFailed
from bench.report import print_table
from bench.run import BARE, PRODUCT, Outcome, count_steps, run_plan
from bench.stage import Cores, Stage, open_stage
from quart_proxy.core.money import format_money
from quart_proxy.store.embedded_home import EmbeddedPostgresError

EPILOG = """\b
Example:
  python -m bench --quick
  python -m bench --peer-venv ~/litellm-venv --json > result.json
"""


@click.command(epilog=EPILOG)
@click.option("--quick", is_flag=True, help="Three quarters of a minute: does it work, not how fast is it.")
@click.option(
    "--peer-venv",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A virtual environment with other gateways to measure as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts, every round's figures and the books as JSON.")
def main(quick: bool, peer_venv: Path | None, as_json: bool) -> None:
    """Measure the product beside a bare pass-through and the provider itself. Exit 1 when the books do not balance."""
    if sys.platform != "linux":
        raise click.ClickException("The benchmarks read /proc and pin processes to cores: they need Linux.")
    plan = QUICK if quick else WHOLE
    cores = Cores.split()
    facts = describe_machine(cores.server, cores.others)
    os.sched_setaffinity(0, cores.others)
    started_s, steal_s = time.monotonic(), read_steal_s()
    try:
        stage, outcome = uvloop.run(_run(plan, cores, peer_venv))
    except (ServerFailed, EmbeddedPostgresError, OSError) as fault:
        raise click.ClickException(str(fault)) from None
    facts["took"] = f"{time.monotonic() - started_s:.0f} s; the host took {read_steal_s() - steal_s:.1f} CPU s away"
    if as_json:
        click.echo(orjson.dumps(_document(facts, stage, outcome), option=orjson.OPT_INDENT_2))
    else:
        _print(plan, facts, stage, outcome)
    if outcome.verdict.problems or PRODUCT in outcome.faults:
        raise SystemExit(1)


async def _run(plan: Plan, cores: Cores, peer_venv: Path | None) -> tuple[Stage, Outcome]:
    def say(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what} ...", nl=False, err=True)

    with tempfile.TemporaryDirectory(prefix="quart-proxy-bench-") as folder:
        async with open_stage(plan, Path(folder), cores=cores, peer_venv=peer_venv, say=say) as stage:
            # The client's pauses would be everyone's latency.
            gc.collect()
            gc.freeze()
            gc.set_threshold(100_000, 50, 1_000)
            with click.progressbar(
                length=count_steps(plan, len(stage.contenders)),
                file=sys.stderr,
                item_show_func=lambda what: what,
                update_min_steps=1,
            ) as progress:
                say("")
                outcome = await run_plan(plan, stage, lambda what: progress.update(1, what))
    return stage, outcome


def _print(plan: Plan, facts: dict[str, str], stage: Stage, outcome: Outcome) -> None:
    width = max(map(len, facts))
    click.echo("\n".join(f"{name.ljust(width)}  {fact}" for name, fact in facts.items()))
    rounds = "one round" if plan.rounds == 1 else f"{plan.rounds} interleaved rounds, median (least-most)"
    names = [contender.name for contender in stage.contenders]
    print_table(render_rows(outcome.figures, names, ratio=(PRODUCT, BARE)), rounds)
    click.echo()
    for note in stage.notes:
        click.echo(note)
    for name, faults in outcome.faults.items():
        reasons = ", ".join(f"{number:,} x {reason}" for reason, number in faults.items())
        click.echo(f"{name}: failed requests: {reasons}")
    click.echo(outcome.verdict.render())


def _document(facts: dict[str, str], stage: Stage, outcome: Outcome) -> dict[str, object]:
    verdict = asdict(outcome.verdict)
    for name in ("provider_cost", "billed_cost"):
        verdict[name] = format_money(verdict[name])
    return {
        "machine": facts,
        "figures": [asdict(figure) for figure in outcome.figures],
        "notes": stage.notes,
        "faults": outcome.faults,
        "books": verdict,
    }


if __name__ == "__main__":
    main()
