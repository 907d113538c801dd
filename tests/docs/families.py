"""What docs/strategies.md says of each family out of one comparison of them all, docs/all.csv, which this file also cuts to size.

bench compare --strategies @all ... --out DIRECTORY && python tests/docs/families.py DIRECTORY/comparison.csv
"""

from __future__ import annotations

import csv
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))  # where this is run as a command

from bench.analysis.intervals import Interval
from bench.analysis.words.numbers import bounds, change, listed, measured
from bench.experiment.built_in_groups import GROUPS
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["said_of"]

TABLE = Path(__file__).parents[2] / "docs" / "all.csv"
SPEED, MEMORY, ACCURACY = HEADLINES = "samples_per_second", "training_memory_bytes", "accuracy"
_COLUMNS = ("strategy", "status", "is_reference", "metric", "estimate", "relative", "low", "high", "letters")
_CLEARLY_LESS = 0.9
"""Of a memory that has no interval."""


@dataclass(frozen=True)
class Told:
    """What the comparison holds of a composition."""

    strategy: str
    is_reference: bool
    values: Mapping[str, float]
    intervals: Mapping[str, Interval]
    letters: Mapping[str, frozenset[str]]

    def is_above(self, other: Told, metric: str) -> bool:
        """Whether a higher value was detected: both are ranked, and share no letter."""
        ours, theirs = self.letters[metric], other.letters[metric]
        return self.values[metric] > other.values[metric] and bool(ours and theirs) and not ours & theirs


def said_of(group: str) -> Iterator[str]:
    """Write what was found of a family of strategies, by the group that names it: sentences, then a row for each."""
    everything = list(_read())
    full = next(one for one in everything if one.is_reference)
    own = sorted(
        (one for one in everything if one.strategy in GROUPS[group].find() and not one.is_reference),
        key=lambda one: -one.values[ACCURACY],
    )
    whole = [one for one in own if one.letters[ACCURACY] and not full.is_above(one, ACCURACY)]
    yield f"[In one comparison of all](gallery.md), at the default rates of its commit, against `full` ({_reached(full)}):"
    yield ""
    yield from _line("more accurate", (one for one in own if one.is_above(full, ACCURACY)))
    yield from _line("faster, no loss of accuracy detected", (one for one in whole if one.is_above(full, SPEED)))
    less = (one for one in whole if one.values[MEMORY] < _CLEARLY_LESS * full.values[MEMORY])
    yield from _line(f"less than {_CLEARLY_LESS:.0%} of its memory, no loss of accuracy detected", less)
    lost = (one for one in own if full.is_above(one, ACCURACY) and one.is_above(full, SPEED))
    yield from _line("faster, and less accurate", lost)
    lost = (one for one in own if full.is_above(one, ACCURACY) and not one.is_above(full, SPEED))
    yield from _line("less accurate", lost)
    yield from _line("not ranked, for a [flag](flags.md)", (one for one in own if not one.letters[ACCURACY]))
    yield ""
    yield "| | accuracy | training memory | throughput, samples/s |"
    yield "|---|---|---|---|"
    yield from (f"| `{one.strategy}` | {' | '.join(_cell(one, metric) for metric in HEADLINES[::-1])} |" for one in own)
    yield ""


def _reached(one: Told) -> str:
    return ", ".join(measured(METRICS[metric], one.values[metric]) for metric in HEADLINES[::-1])


def _line(title: str, found: Iterable[Told]) -> Iterator[str]:
    if names := [f"`{one.strategy}`" for one in found]:
        yield f"- {title}: {listed(names)}"


def _cell(one: Told, metric: str) -> str:
    kind, interval = METRICS[metric], one.intervals[metric]
    return f"{measured(kind, one.values[metric])}: {change(kind, interval.estimate)}{_within(metric, interval)}"


def _within(metric: str, interval: Interval) -> str:
    text = bounds(METRICS[metric], interval, scope=False)
    return f" ({text})" if text else ""


def _read() -> Iterator[Told]:
    """Read every composition that finished; a model, a data set and a device are all that the table holds."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        own = {row["metric"]: row for row in rows if row["strategy"] == strategy}
        yield Told(
            strategy,
            is_reference=own[ACCURACY]["is_reference"] == "true",
            values={metric: float(row["estimate"]) for metric, row in own.items()},
            intervals={metric: _interval(row) for metric, row in own.items()},
            letters={metric: frozenset(row["letters"]) for metric, row in own.items()},
        )


def _interval(row: Mapping[str, str]) -> Interval:
    estimate, low, high = (float(row[end]) if row[end] else None for end in ("relative", "low", "high"))
    return Interval(math.nan if estimate is None else estimate, low, high, method="")


def cut(source: Path) -> None:
    """Keep what the page shows of a comparison's table."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] in HEADLINES or row["status"] != "ok"]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    cut(Path(sys.argv[1]))
