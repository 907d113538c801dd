"""What a search for learning rates loses against a grid that looks at the evaluation rows: a table for docs/learning-rates.md.

python tests/studies/regret.py --out DIRECTORY

It goes on where it was interrupted. The search chooses on validation rows and with a seed of its own; its rates and all rates
of the grid are then measured with the same three seeds on the same 1,000 evaluation rows. The best of the grid is picked by
these rows, so that its lead is an upper estimate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bench
from bench.analysis.comparison import compare
from bench.analysis.words.numbers import percent
from bench.records.metrics import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import RunRecord

STRATEGIES = ("full", "freeze", "lora")
GRID = tuple(2e-5 * 2**number for number in range(12))
SETTINGS = {"model": "minilm-l6", "eval_samples": 1000, "batch_size": 8, "seeds": 3}


def main() -> None:
    """Carry out what is not done, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="directory of the runs")
    out = parser.parse_args().out
    tuned = bench.compare(STRATEGIES, tune="lr:trials=8", out=out / "tuned", resume=True, **SETTINGS)
    rates = [f"{name}:lr={rate:.3g}" for name in STRATEGIES for rate in GRID]
    grid = bench.compare(rates, out=out / "grid", resume=True, **SETTINGS)
    records = [record for one in (tuned, grid) for record in one.comparisons[0].records]
    sys.stdout.write("\n".join(table(records)) + "\n")


def table(records: Sequence[RunRecord]) -> Iterator[str]:
    """Write a line for each strategy."""
    yield "| strategy | rate found | accuracy | at the default | best of the grid | accuracy | regret, points | trials took |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in STRATEGIES:
        own = [record for record in records if record.spec.name_without_lr == name]
        found = next(record for record in own if record.tuning)
        best = max(results(own, None), key=lambda one: one.means["accuracy"] or 0).strategy
        ours = next(one for one in results(own, best) if one.strategy == found.spec.name)
        tuning = found.tuning
        assert tuning is not None, "that is how it was found"
        default = next(trial.quality for trial in tuning.trials if trial.lr is None)
        best_accuracy = next(one.means["accuracy"] for one in results(own, best) if one.strategy == best)
        yield (
            f"| {name} | {'default' if tuning.lr is None else format_rate(tuning.lr)} | {percent(ours.means['accuracy'])} "
            f"| {percent(default)} (validation) | {format_rate(float(best.rpartition('=')[2]))} | {percent(best_accuracy)} "
            f"| {regret(ours)} | {tuning.seconds:.0f} s |"
        )


def results(records: Sequence[RunRecord], reference: str | None) -> tuple[StrategyResult, ...]:
    """Compare the rates of one strategy."""
    return compare(records, reference, rank_suspect=True).results


def regret(result: StrategyResult) -> str:
    """Write how many points of accuracy the rate found is below the best of the grid, with a 95 % interval."""
    if result.is_reference:
        return "0.0"
    interval = result.relative["accuracy"]
    assert interval is not None, "both were evaluated on the same rows"
    bounds = f" ({-100 * interval.bounds[1]:.1f} to {-100 * interval.bounds[0]:.1f})" if interval.bounds else ""
    return f"{-100 * interval.estimate:.1f}{bounds}"


if __name__ == "__main__":
    main()
