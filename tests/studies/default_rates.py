"""Are the default learning rates near the best ones? Each of twelve strategies at five rates: a table for docs/learning-rates.md.

python tests/studies/default_rates.py --out DIRECTORY [--model smollm2-135m] [--only full freeze]

It goes on where it was interrupted. A default is too far off where another rate is more than two points of accuracy better and
the 95 % interval of the difference, over rows and seeds, does not hold zero; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench
from bench.analysis.comparison import compare
from bench.analysis.words.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import RunRecord

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
SCALED = f"./{Path(__file__).with_name('scaled.py').relative_to(Path.cwd())}:Scaled"
STUDIED: Mapping[str, tuple[Sequence[str], Mapping[str, Any]]] = {
    "minilm-l6": (
        (
            *("full", "freeze", "freeze:last=2", "bitfit", "lora", "ia3", "prompt_tuning", "sgd", "lion", "muon"),
            *("adafactor", "schedule_free"),
        ),
        {"batch_size": 8, "eval_samples": 1000},
    ),
    "smollm2-135m": (("full", "freeze", "freeze:last=2", "lora"), {"eval_samples": 500}),
}
MOST_POINTS = 0.02


def main() -> int:
    """Carry out what is not done, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="directory of the runs")
    parser.add_argument("--model", choices=STUDIED, default="minilm-l6")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="STRATEGY", help="these of them; a later call takes all together"
    )
    asked = parser.parse_args()
    strategies, settings = STUDIED[asked.model]
    strategies = [name for name in strategies if not asked.only or name in asked.only]
    names = [scaled(name, factor) for name in strategies for factor in FACTORS]
    result = bench.compare(names, model=asked.model, out=asked.out, resume=True, **settings)
    lines = [Line(name, result.comparisons[0].records) for name in strategies]
    sys.stdout.write("\n".join([*head(), *map(str, lines)]) + "\n")
    return int(any(line.is_far_off for line in lines))


def scaled(name: str, factor: float) -> str:
    """Write a strategy with its default rates times a factor."""
    return name if factor == 1 else f"{name}+{SCALED}:by={factor:g}"


def head() -> Iterator[str]:
    """Write the head of the table."""
    yield f"| strategy | {' | '.join(f'{factor:g}x' for factor in FACTORS)} | best less default, points | |"
    yield "|---|" + "---|" * (len(FACTORS) + 2)


class Line:
    """A strategy at all factors."""

    def __init__(self, name: str, records: Sequence[RunRecord]) -> None:
        """Pick its runs out of all."""
        self.name = name
        own = {scaled(name, factor) for factor in FACTORS}
        results = compare([one for one in records if one.spec.name in own], name, rank_suspect=True).results
        self._results = {one.strategy: one for one in results}

    @property
    def best(self) -> StrategyResult:
        """The most accurate."""
        return max(self._results.values(), key=lambda one: one.means["accuracy"] or 0)

    @property
    def is_far_off(self) -> bool:
        """Whether another rate is better by more than two points, beyond noise."""
        interval = self.best.relative["accuracy"]
        return bool(interval and interval.bounds and interval.estimate > MOST_POINTS and interval.bounds[0] > 0)

    def __str__(self) -> str:
        """Write it as a line of the table."""
        means = [self._results[scaled(self.name, factor)].means["accuracy"] for factor in FACTORS]
        return f"| `{self.name}` | {' | '.join(map(percent, means))} | {self._lead()} | {'too far off' if self.is_far_off else ''} |"

    def _lead(self) -> str:
        if self.best.strategy == self.name:
            return "0"
        interval = self.best.relative["accuracy"]
        if interval is None:
            return "not known"
        bounds = f" ({100 * interval.bounds[0]:.1f} to {100 * interval.bounds[1]:.1f})" if interval.bounds else ""
        return f"{100 * interval.estimate:.1f}{bounds}"


if __name__ == "__main__":
    sys.exit(main())
