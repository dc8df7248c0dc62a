"""`sim`: swarms in virtual time against their marks, as a table, as JSON, and as a chart."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from p2pcore import sim as simulator
from p2pcore._bars import Bar
from p2pcore.cli._group import Failure, echo_json, json_option
from p2pcore.sim._chart import require_matplotlib

_SEEDS = 5  # as `make sim`


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Run this seed only.")
@click.option("--seeds", type=click.IntRange(min=1), help=f"Run the seeds 1 to this; default: {_SEEDS}.")
@click.option("--report", is_flag=True, help="Print all figures of each run.")
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png", help="Draw completion.")
@json_option
def sim(
    names: tuple[str, ...], seed: int | None, seeds: int | None, report: bool, chart: Path | None, as_json: bool
) -> None:
    """Simulate swarms and say how far they are from their marks; of several seeds the worst counts.

    NAME is a scenario, its number (s1 is s1-8, s1-32 and s1-100), or all. Without one the scenarios are listed.
    """
    if seed is not None and seeds is not None:
        raise Failure("--seed and --seeds: give one of them")
    if not names:
        _list(as_json)
        return
    chosen = [trial for name in names for trial in _find(name)]
    if chart is not None:
        if len(chosen) > 1:
            shown = ", ".join(trial.name for trial in chosen)
            raise Failure(f"--chart shows one scenario, and these are {len(chosen)}: {shown}")
        require_matplotlib()
    if not as_json:
        click.echo(f"{'scenario':<10} {'figure':<30} {'worst':>10} {'mark':>8} {'missed by':>9}  seeds")
    for trial in chosen:
        wanted = [seed] if seed is not None else list(range(1, (seeds or _SEEDS) + 1))
        results = []
        for number in wanted:
            with _bar(trial.name, number, quiet=as_json) as progress:
                results.append(simulator.run(trial.name, seed=number, progress=progress))
            if as_json:
                click.echo(results[-1].to_json())
            elif report:
                click.echo(results[-1].table() + "\n")
        if not as_json:
            click.echo(_verdicts(results))
        if chart is not None:
            simulator.chart(results, chart)
            click.echo(f"chart: {chart}", err=True)


def _list(as_json: bool) -> None:
    trials = simulator.trials()
    for trial in trials:
        if as_json:
            echo_json(dataclasses.asdict(trial))
        else:
            marks = ", ".join(map(str, trial.marks))
            click.echo(f"{trial.name:<10} {trial.about}{' (slow)' if trial.slow else ''}: {marks}")


def _find(name: str) -> tuple[simulator.Trial, ...]:
    found = simulator.trials(name)
    if not found:
        raise Failure(f"there is no scenario {name!r} ('p2pcore sim' lists them)")
    return found


def _verdicts(results: list[simulator.Result]) -> str:
    """A line for each mark, with the worst of the runs; what is not a number misses most."""
    lines = []
    for runs in zip(*(result.verdicts for result in results), strict=True):
        worst = max(runs, key=lambda verdict: verdict.missed_by)
        mark, missed = worst.mark, "-" if worst.passed else f"{worst.missed_by * 100:.1f} %"
        limit = f"{'>=' if mark.at_least else '<='}{mark.limit:>6g}"
        shown = f"{mark.what:<30} {worst.value:>10.4f} {limit} {missed:>9}"
        lines.append(f"{results[0].name:<10} {shown}  {len(runs)}")
    return "\n".join(lines)


@contextlib.contextmanager
def _bar(name: str, seed: int, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    if quiet or not sys.stderr.isatty():  # a line for each of a hundred runs would tell nobody anything
        yield None
        return
    piece = simulator.scenario(name).piece_length
    with Bar(f"{name} seed {seed}") as bar:
        yield lambda done, total: bar.bytes(done * piece, total * piece)
